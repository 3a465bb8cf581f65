"""Interventions: who does what, where, from when to when, and how far it reaches."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Unpack

import geopandas as gpd

from geocn._typing import StrPath
from geocn.errors import UnitError
from geocn.harmonise.kinds import canonical_kinds, canonical_partner_types, canonical_statuses
from geocn.harmonise.placeindex import PlaceIndex
from geocn.layers.columns import (
    check_order,
    fill_date,
    fill_id,
    fill_numbers,
    fill_texts,
    fill_words,
)
from geocn.layers.draft import Draft, FileOptions, Request
from geocn.layers.finish import read_layer
from geocn.layers.location import fill_location
from geocn.layers.rejects import OnInvalid

#: Kilometres in one unit of distance; the statute and the nautical mile are exact.
_KILOMETRES = {"km": 1.0, "m": 0.001, "mi": 1.609344, "nmi": 1.852}


def read_interventions(
    path: StrPath,
    *,
    places: gpd.GeoDataFrame | PlaceIndex | None = None,
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
    units : {"km", "m", "mi", "nmi"}, optional
        Unit of the reach; kilometres by default.
    fields, crs, on_invalid, rejects, source, marking, reliability, as_of, **options
        As in :func:`geocn.read_seizures`.

    Returns
    -------
    GeoDataFrame
        Points, lines or areas in longitude and latitude. ``flags`` says ``ended`` where
        the last day lies before ``as_of``.

    Raises
    ------
    LayerError
        Where headers, CRS, units or (with ``on_invalid="raise"``) rows are at fault.
    """
    if units is not None and units not in _KILOMETRES:
        raise UnitError(
            "interventions",
            found=f"units={units!r}",
            expected=f"a unit of distance: {', '.join(_KILOMETRES)}",
        )
    request = Request(fields, crs, units, places, source, marking, reliability, as_of, options)
    return read_layer(
        path, "interventions", request, build_interventions, on_invalid=on_invalid, rejects=rejects
    )


def build_interventions(draft: Draft) -> None:
    """Fill every column of the interventions layer."""
    fill_id(draft, "intervention_id")
    fill_words(draft, "kind", canonical_kinds)
    fill_texts(draft, ("partner",))
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
