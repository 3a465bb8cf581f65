"""Borders: the bundled Natural Earth lines, or a file of one's own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Unpack

import geopandas as gpd
import pandas as pd

from geocn._typing import StrPath
from geocn.harmonise.text import fold
from geocn.layers.columns import fill_id, fill_numbers, fill_texts
from geocn.layers.draft import Draft, FileOptions, Request, as_text
from geocn.layers.finish import read_layer
from geocn.layers.location import fill_own_geometry
from geocn.layers.rejects import OnInvalid

_SIDES = ("left", "right")
_TRUE = frozenset(("1", "true", "yes", "si", "oui", "sim", "t", "y", "disputed"))
_FALSE = frozenset(("0", "false", "no", "non", "nao", "f", "n"))


def read_borders(
    path: StrPath | None = None,
    *,
    fields: Mapping[str, str] | None = None,
    crs: Any = None,
    on_invalid: OnInvalid = "warn",
    rejects: StrPath | None = None,
    source: str | None = None,
    marking: str | None = None,
    **options: Unpack[FileOptions],
) -> gpd.GeoDataFrame:
    """Read borders from a vector file, or the bundled Natural Earth borders without one.

    Parameters
    ----------
    path : path, optional
        A file of lines with a ``dyad`` column; None gives
        :func:`geocn.spatial.borders.load_borders`. The areas of countries are no borders
        layer: :func:`geocn.spatial.border_repair.borders_from_countries` makes one of them.
    fields, crs, on_invalid, rejects, source, marking, **options
        As in :func:`geocn.read_seizures`.

    Returns
    -------
    GeoDataFrame
        Lines in longitude and latitude; with ``left`` and ``right`` (the country on each
        side of the line as it runs, an empty text for the sea) where the file has them.
        Without them ``border_crossings(…, countries=…)`` finds them from areas.

    Examples
    --------
    >>> len(read_borders()) > 300
    True
    """
    if path is None:
        from geocn.spatial.borders import load_borders

        return load_borders()
    request = Request(fields, crs, None, None, source, marking, None, None, options)
    return read_layer(
        path, "borders", request, build_borders, on_invalid=on_invalid, rejects=rejects
    )


def build_borders(draft: Draft) -> None:
    """Fill every column of the borders layer."""
    fill_id(draft, "border_id")
    fill_texts(draft, ("dyad", "kind", "scale"))
    fill_numbers(draft, ("chainage_from_km", "chainage_to_km"))
    if draft.has("disputed"):
        folded = draft.text("disputed").map(fold, na_action="ignore")
        flag = pd.Series(pd.NA, index=folded.index, dtype="boolean")
        flag[folded.isin(_TRUE)] = True
        flag[folded.isin(_FALSE)] = False
        draft.columns["disputed"] = flag
    _fill_sides(draft)
    fill_own_geometry(draft)


def _fill_sides(draft: Draft) -> None:
    """Keep the countries left and right: without them a border cannot be crossed."""
    names = {str(name).strip().lower(): name for name in draft.raw.frame.columns}
    if not {"left", "right"} <= set(names):
        return
    sides = pd.DataFrame({side: as_text(draft.raw.frame[names[side]]) for side in _SIDES})
    # A file has no empty text apart from null; one known side makes the other the sea.
    at_sea = sides.isna().sum(axis=1) == 1
    for side in _SIDES:
        draft.columns[side] = sides[side].mask(sides[side].isna() & at_sea, "").astype("str")
