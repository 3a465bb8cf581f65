"""Borders: the bundled Natural Earth lines, or a file of one's own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Unpack

import geopandas as gpd
import pandas as pd

from geocn._typing import StrPath
from geocn.harmonise.text import fold
from geocn.layers.columns import fill_id, fill_numbers, fill_texts
from geocn.layers.draft import Draft, FileOptions, Request
from geocn.layers.finish import read_layer
from geocn.layers.location import fill_own_geometry
from geocn.layers.rejects import OnInvalid

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
        :func:`geocn.spatial.borders.load_borders`.
    fields, crs, on_invalid, rejects, source, marking, **options
        As in :func:`geocn.read_seizures`.

    Returns
    -------
    GeoDataFrame
        Lines in longitude and latitude.

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
    fill_own_geometry(draft)
