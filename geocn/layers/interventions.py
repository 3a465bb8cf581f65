"""Interventions: who does what, where, from when to when, and how far it reaches."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, Unpack

import geopandas as gpd
import pandas as pd

from geocn._typing import StrPath
from geocn.errors import UnitError
from geocn.harmonise.kinds import canonical_kinds, canonical_partner_types, canonical_statuses
from geocn.harmonise.organisations import OrganisationMatch, resolve_organisations
from geocn.harmonise.placeindex import PlaceIndex
from geocn.layers.columns import (
    check_order,
    fill_date,
    fill_id,
    fill_numbers,
    fill_words,
)
from geocn.layers.draft import Draft, FileOptions, Request
from geocn.layers.finish import read_layer
from geocn.layers.location import fill_location
from geocn.layers.rejects import OnInvalid

#: Kilometres in one unit of distance; the statute and the nautical mile are exact.
_KILOMETRES = {"km": 1.0, "m": 0.001, "mi": 1.609344, "nmi": 1.852}
# Names and letters of them that a report lists; the numbers beside them count all.
_MOST_NAMES = 200
_LONGEST_NAME = 80


def read_interventions(
    path: StrPath,
    *,
    places: gpd.GeoDataFrame | PlaceIndex | None = None,
    organisations: pd.DataFrame | StrPath | None = None,
    fields: Mapping[str, str] | None = None,
    crs: Any = None,
    units: str | None = None,
    on_invalid: OnInvalid = "warn",
    rejects: StrPath | None = None,
    source: str | None = None,
    marking: str | None = None,
    reliability: str | None = None,
    as_of: Any = None,
    **options: Unpack[FileOptions],
) -> gpd.GeoDataFrame:
    """Read interventions (checkpoints, clinics, patrols …) from a table or vector file.

    Parameters
    ----------
    path : path
        Any table or vector format.
    places : GeoDataFrame or PlaceIndex, optional
        For rows that name a place and have no coordinates.
    organisations : DataFrame or path, optional
        Table of aliases that a person has confirmed: ``alias, organisation`` and, where
        wanted, ``section`` and ``confirmed`` (yes or no). Without one, only what
        :func:`geocn.harmonise.organisations.resolve_organisations` is sure of is resolved.
    units : {"km", "m", "mi", "nmi"}, optional
        Unit of the reach; kilometres by default.
    fields, crs, on_invalid, rejects, source, marking, reliability, as_of, **options
        As in :func:`geocn.read_seizures`.

    Returns
    -------
    GeoDataFrame
        Points, lines or areas in longitude and latitude. ``flags`` says ``ended`` where
        the last day lies before ``as_of``. ``partner`` is one name for all spellings of an
        organisation, ``partner_reported`` the name as given and ``partner_section`` the
        section that it says; names that nothing confirms are kept as they are.
        ``attrs["geocn"]["organisations"]`` counts names merged and lists those unresolved.

    Raises
    ------
    LayerError
        Where headers, CRS, units, the table of aliases or (with ``on_invalid="raise"``) rows
        are at fault.
    """
    if units is not None and units not in _KILOMETRES:
        raise UnitError(
            "interventions",
            found=f"units={units!r}",
            expected=f"a unit of distance: {', '.join(_KILOMETRES)}",
        )
    request = Request(fields, crs, units, places, source, marking, reliability, as_of, options)
    build = partial(build_interventions, organisations=organisations)
    return read_layer(path, "interventions", request, build, on_invalid=on_invalid, rejects=rejects)


def resolve_partners(
    layer: gpd.GeoDataFrame, *, organisations: pd.DataFrame | StrPath | None = None
) -> tuple[gpd.GeoDataFrame, OrganisationMatch]:
    """Give one name to the partners of a joint layer that several files spell differently.

    Each file is resolved when it is read; only together do they show that one file's
    "FUNDACIÓN EJEMPLO" is the other's "Fundación Ejemplo".

    Parameters
    ----------
    layer : GeoDataFrame
        Interventions, as :func:`geocn.layers.merge_layers` joins them.
    organisations : DataFrame or path, optional
        Table of aliases, as for :func:`read_interventions`.

    Returns
    -------
    GeoDataFrame
        The layer with ``partner`` and, where a name says one, ``partner_section`` filled;
        ``partner_reported`` stays.
    OrganisationMatch
        How each name was resolved, and what a person may confirm.

    Raises
    ------
    LayerError
        Where the table of aliases is at fault.

    Examples
    --------
    >>> from geocn.schema import empty
    >>> layer, match = resolve_partners(empty("interventions"))
    >>> len(layer), len(match.suggestions)
    (0, 0)
    """
    match = resolve_organisations(layer["partner"], aliases=organisations)
    section = layer["partner_section"]
    resolved = layer.assign(
        partner=match.organisation, partner_section=section.fillna(match.section)
    )
    resolved.attrs = dict(layer.attrs)
    return resolved, match


def told_of_organisations(match: OrganisationMatch) -> dict[str, Any]:
    """Return what a report says of resolved names, as plain values; long names are cut."""
    open_ = match.unresolved.head(_MOST_NAMES)
    unresolved: dict[str, int] = {}
    for name, n in zip(open_["name"], open_["n_rows"], strict=True):
        unresolved[_cut(name)] = unresolved.get(_cut(name), 0) + int(n)
    merged = match.merged.head(_MOST_NAMES)
    ambiguous = match.ambiguous.head(_MOST_NAMES)
    return {
        "n_organisations": int(match.organisation.nunique()),
        "n_merged": int((match.merged["n_names"] - 1).sum()),
        "n_unresolved": len(match.unresolved),
        "n_suggested": int(match.suggestions["name"].nunique()),
        "merged": {
            _cut(name): int(n)
            for name, n in zip(merged["organisation"], merged["n_names"], strict=True)
        },
        "unresolved": unresolved,
        "ambiguous": {
            _cut(acronym): shared
            for acronym, shared in zip(
                ambiguous["acronym"], ambiguous["organisations"], strict=True
            )
        },
    }


def _cut(name: str) -> str:
    return name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 1]}…"


def _fill_partner(draft: Draft, organisations: pd.DataFrame | StrPath | None) -> None:
    given = draft.text("partner")
    # Rows of totals are rejected by now, and their words name nobody.
    names = given.mask(draft.rejected)
    match = resolve_organisations(names, aliases=organisations)
    draft.columns["partner"] = match.organisation
    # A layer that geocn has written before brings the names of its own source.
    draft.columns["partner_reported"] = draft.text("partner_reported").fillna(given)
    draft.columns["partner_section"] = draft.text("partner_section").fillna(match.section)
    if names.notna().any():
        draft.report["organisations"] = told_of_organisations(match)


def build_interventions(draft: Draft, organisations: pd.DataFrame | StrPath | None = None) -> None:
    """Fill every column of the interventions layer."""
    fill_id(draft, "intervention_id")
    fill_words(draft, "kind", canonical_kinds)
    _fill_partner(draft, organisations)
    fill_words(draft, "partner_type", canonical_partner_types)
    fill_words(draft, "status", canonical_statuses)
    for role in ("starts_on", "ends_on"):
        fill_date(draft, role)
    check_order(draft, "starts_on", "ends_on")
    fill_numbers(draft, ("reach_km", "reach_minutes", "capacity", "cost"))
    if "reach_km" in draft.columns and isinstance(draft.request.units, str):
        draft.columns["reach_km"] = draft.columns["reach_km"] * _KILOMETRES[draft.request.units]
    fill_location(draft)
    cut = draft.request.cut_off()
    if cut is not None and "ends_on" in draft.columns:
        day = cut if cut.tzinfo is not None else cut.tz_localize("UTC")
        draft.flags["ended"] = (draft.columns["ends_on"] < day.normalize()).to_numpy(dtype=bool)
