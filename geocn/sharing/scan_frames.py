"""What a frame holds that could identify a row: texts, telling numbers, places."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from geocn._typing import FloatArray, IntArray
from geocn.errors import ParameterError

#: Columns that hold words of a fixed list, which say nothing of any one row.
VOCABULARY = frozenset(
    """
    mode drug drug_reported unit unit_reported crop kind status partner_type reliability
    credibility date_precision place_match marking releasable_to flags scale dyad method
    location_match duplicate_group
    """.split()  # noqa: SIM905
)
_LON = ("longitude", "lon", "lng", "long", "longitud", "x")
_LAT = ("latitude", "lat", "latitud", "y")


def layers_of(frames: Any) -> dict[str, pd.DataFrame]:
    """Return frames by name, whatever way they were given.

    Raises
    ------
    ParameterError
        Where something is no frame.
    """
    if isinstance(frames, pd.DataFrame):
        return {"withheld": frames}
    if isinstance(frames, Mapping):
        named = dict(frames)
    else:
        named = {f"layer {number}": one for number, one in enumerate(frames)}
    wrong = [name for name, one in named.items() if not isinstance(one, pd.DataFrame)]
    if wrong:
        raise ParameterError(f"{', '.join(map(str, wrong))}: give frames, by name.")
    return named


def strings(value: Any) -> list[str]:
    """Return the texts that a cell holds."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, (list, tuple, set, frozenset, np.ndarray)):
        return [text for one in value for text in strings(one)]
    if value is None or isinstance(value, (bytes, shapely.Geometry)) or value is pd.NA:
        return []
    return [] if isinstance(value, float) and np.isnan(value) else [str(value)]


def is_id(name: str) -> bool:
    """Say whether a column of this name holds identifiers."""
    plain = name.casefold()
    return plain == "id" or plain.endswith(("_id", " id", "_code", "_no", "uuid"))


def text_columns(frame: pd.DataFrame) -> Iterator[tuple[str, pd.Series]]:
    """Yield name and values of each column that holds texts of its own, or identifiers."""
    for name, column in _columns(frame):
        dtype = column.dtype
        numeric = pd.api.types.is_numeric_dtype(dtype) or is_dated(dtype)
        counted = is_id(name) and pd.api.types.is_integer_dtype(dtype)
        if name not in VOCABULARY and (counted or not numeric):
            yield name, column


def is_dated(dtype: Any) -> bool:
    """Say whether a column of this type holds dates or spans of time."""
    dated: bool = pd.api.types.is_datetime64_any_dtype(dtype)
    return dated or pd.api.types.is_timedelta64_dtype(dtype)


def _columns(frame: pd.DataFrame) -> Iterator[tuple[str, pd.Series]]:
    for at, name in enumerate(frame.columns):
        column = frame.iloc[:, at]
        if not isinstance(column.dtype, gpd.array.GeometryDtype):
            yield str(name), column


def texts_in(frame: pd.DataFrame) -> list[str]:
    """Return the distinct texts of all columns of a frame, of fixed lists too."""
    found: dict[str, None] = {}
    for _, column in _columns(frame):
        if not pd.api.types.is_float_dtype(column.dtype) and not is_dated(column.dtype):
            for value in column.tolist():
                found.update(dict.fromkeys(strings(value)))
    return list(found)


def telling_numbers(frame: pd.DataFrame) -> list[tuple[FloatArray, IntArray, str]]:
    """Return the numbers of a frame that identify: more than seven significant digits.

    Values, row of each, and name of the column; the axes of the vertices are among them.
    """
    found = []
    for name, column in _columns(frame):
        if pd.api.types.is_float_dtype(column.dtype):
            found.append((*_telling(column.to_numpy("float64", na_value=np.nan)), name))
    if has_geometry(frame):
        xy, rows = shapely.get_coordinates(np.asarray(frame.geometry.values), return_index=True)
        for axis in (0, 1):
            numbers, at = _telling(xy[:, axis])
            found.append((numbers, rows[at].astype(np.int64), "geometry"))
    return found


def has_geometry(frame: pd.DataFrame) -> bool:
    """Say whether a frame has an active geometry."""
    named = isinstance(frame, gpd.GeoDataFrame) and frame._geometry_column_name  # noqa: SLF001
    return bool(named) and named in frame


def _telling(values: FloatArray) -> tuple[FloatArray, IntArray]:
    rows = np.flatnonzero(np.isfinite(values) & (values != 0))
    size = np.floor(np.log10(np.abs(values[rows])))
    with np.errstate(over="ignore", invalid="ignore"):
        shifted = values[rows] * 10.0 ** (6.0 - size)
        rows = rows[np.abs(shifted - np.rint(shifted)) > 1e-4]
    return values[rows], rows.astype(np.int64)


def places_of(frame: pd.DataFrame) -> tuple[FloatArray, IntArray]:
    """Return the vertices of a frame in degrees, and the row of each."""
    if has_geometry(frame):
        shapes = gpd.GeoSeries(frame.geometry)
        if shapes.crs is not None:
            shapes = shapes.to_crs("EPSG:4326")
        lonlat, rows = shapely.get_coordinates(np.asarray(shapes.values), return_index=True)
    else:
        named = {str(column).casefold(): column for column in frame.columns}
        x = next((named[name] for name in _LON if name in named), None)
        y = next((named[name] for name in _LAT if name in named), None)
        if x is None or y is None:
            return np.empty((0, 2)), np.empty(0, dtype=np.int64)
        pair = [pd.to_numeric(frame[one], errors="coerce") for one in (x, y)]
        lonlat = np.column_stack([one.to_numpy("float64", na_value=np.nan) for one in pair])
        rows = np.arange(len(frame))
    lonlat = lonlat.copy()
    over = np.abs(lonlat[:, 0]) > 180
    lonlat[over, 0] = (lonlat[over, 0] + 180) % 360 - 180
    with np.errstate(invalid="ignore"):
        # Null Island stands for a place that is missing.
        fine = np.isfinite(lonlat).all(axis=1) & (np.abs(lonlat[:, 1]) <= 90)
    fine &= (lonlat != 0).any(axis=1)
    return lonlat[fine], rows[fine].astype(np.int64)
