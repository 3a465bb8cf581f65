"""Layers as CSV that a spreadsheet can open without running anything."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd
from pandas.api import types

from geocn._typing import StrPath
from geocn.publish._storable import replacing, storable

#: What spreadsheets take for the start of a formula, full-width forms included.
_FORMULA = re.compile(r"[\s\u200b-\u200f\ufeff\u2060]*[=+\-@\uff1d\uff0b\uff0d\uff20]")
_CONTROL = re.compile(r"[\t\r\n]")
_PLAIN_NUMBER = re.compile(r"[+-]?\d+([.,]\d+)*([eE][+-]?\d+)?")
_LONLAT = "EPSG:4326"


def write_csv(frame: pd.DataFrame, path: StrPath, *, bom: bool = False) -> Path:
    """Write a layer as CSV (UTF-8, comma, point), replacing the file in one step.

    Points become the columns ``longitude`` and ``latitude``; other geometries become
    text (WKT) in the column ``geometry``; both in WGS 84 degrees. Times are ISO 8601.
    Text that a spreadsheet would run as a formula gets an apostrophe in front. The same
    frame gives the same bytes.

    Parameters
    ----------
    frame : GeoDataFrame or DataFrame
        The layer; rows keep their order.
    path : path-like
        The ``.csv`` file.
    bom : bool
        Begin with a byte order mark, for spreadsheets that need one to see UTF-8.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    CRSError, SchemaError
        Where the frame has no CRS or a column name stands twice.
    WriteError
        Where the file cannot be written; the previous version is still whole.

    Examples
    --------
    >>> import pandas, pathlib, tempfile
    >>> frame = pandas.DataFrame({"note": ["=1+1", "fine"], "kg": [-1.5, 2.0]})
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     print(write_csv(frame, folder + "/notes.csv").read_text())
    note,kg
    '=1+1,-1.5
    fine,2.0
    <BLANKLINE>
    """
    table = _flat(storable(frame, layer=Path(path).name))
    for name in table.columns:
        table[name] = _column(table[name])
    table.columns = [defuse(str(name)) for name in table.columns]
    text = table.to_csv(index=False, lineterminator="\n")
    with replacing(path) as temporary:
        temporary.write_bytes(text.encode("utf-8-sig" if bom else "utf-8"))
    return Path(path)


def defuse(text: str) -> str:
    """Return ``text`` so that no spreadsheet runs it: an apostrophe before a formula's start.

    Plain numbers stay as they are.

    Examples
    --------
    >>> defuse("=HYPERLINK(…)"), defuse("-12.5"), defuse("coca")
    ("'=HYPERLINK(…)", '-12.5', 'coca')
    """
    if _CONTROL.match(text) or (_FORMULA.match(text) and not _PLAIN_NUMBER.fullmatch(text)):
        return f"'{text}"
    return text


def _flat(table: pd.DataFrame) -> pd.DataFrame:
    """Replace geometry columns by numbers and text."""
    active = getattr(table, "active_geometry_name", None)
    flat = pd.DataFrame({name: table[name] for name in table.columns if name != active})
    for name in flat.columns:
        if str(flat[name].dtype) == "geometry":
            other = gpd.GeoSeries(flat[name])
            flat[name] = pd.Series(other.to_wkt(), index=flat.index, dtype="str")
    if active is None:
        return flat
    shapes = gpd.GeoSeries(table[active]).to_crs(_LONLAT)
    kinds = set(shapes[~shapes.isna() & ~shapes.is_empty].geom_type)
    if kinds <= {"Point"} and not {"longitude", "latitude"} & set(flat.columns):
        only = shapes.where(~(shapes.isna() | shapes.is_empty), None)
        flat["longitude"], flat["latitude"] = only.x, only.y
    else:
        flat[str(active)] = pd.Series(shapes.to_wkt(), index=flat.index, dtype="str")
    return flat


def _column(column: pd.Series) -> pd.Series:
    if isinstance(column.dtype, pd.DatetimeTZDtype):
        instants: pd.Series = column.dt.tz_convert("UTC").map(_instant, na_action="ignore")
        return instants
    if types.is_datetime64_any_dtype(column.dtype):
        return column.map(lambda value: value.isoformat(), na_action="ignore")
    if types.is_string_dtype(column.dtype):
        return column.map(defuse, na_action="ignore")
    return column


def _instant(value: Any) -> str:
    return str(value.isoformat()).replace("+00:00", "Z")
