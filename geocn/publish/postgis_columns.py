"""Columns of a frame as PostgreSQL knows them: a type each, and the text that COPY reads."""

from __future__ import annotations

import datetime as dt
import decimal
import hashlib
import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
import shapely
from pandas.api import types

from geocn.errors import CoordinateError, CRSError
from geocn.publish._storable import clean_text, finite

#: The reference system of geometries whose own has no EPSG code.
LONLAT = 4326
#: Bytes that PostgreSQL keeps of a name.
LONGEST_NAME = 63
_DIGEST = 8
_GEOMETRY = re.compile(r"(?:\w+\.)?geometry(?:\((\w+?)(ZM|Z|M)?(?:,(\d+))?\))?")
_KINDS = (
    "Point",
    "LineString",
    "LineString",
    "Polygon",
    "MultiPoint",
    "MultiLineString",
    "MultiPolygon",
    "GeometryCollection",
)
#: What a column of one type becomes where a later run brings the other; anything else: text.
_WIDER = {
    frozenset({"bigint", "numeric"}): "numeric",
    frozenset({"bigint", "double precision"}): "double precision",
    frozenset({"numeric", "double precision"}): "double precision",
    frozenset({"boolean", "text"}): "text",
    frozenset({"date", "timestamp without time zone"}): "timestamp without time zone",
}


@dataclass(frozen=True)
class Shape:
    """The type of a geometry column: its kind, its dimensions and its reference system.

    ``dimensions`` is ``""``, ``"Z"``, ``"M"``, ``"ZM"``, or None where they are mixed: then
    the column has no type modifier, and a constraint states its reference system.
    """

    kind: str
    dimensions: str | None
    srid: int

    @property
    def modifier(self) -> str:
        """What stands behind ``geometry`` in a column's definition."""
        if self.dimensions is None:
            return ""
        return f"({self.kind}{self.dimensions},{self.srid})"

    @classmethod
    def parse(cls, text: str, *, srid: int) -> Shape | None:
        """Read what ``format_type`` says of a column; None where it is no geometry."""
        match = _GEOMETRY.fullmatch(text)
        if match is None:
            return None
        if match[1] is None:
            return cls("Geometry", None, srid)
        return cls(match[1], match[2] or "", int(match[3] or 0))

    def joined(self, other: Shape) -> Shape:
        """Return the type that holds both."""
        kind = self.kind if self.kind == other.kind else "Geometry"
        same = self.dimensions == other.dimensions
        return Shape(kind, self.dimensions if same else None, self.srid)


@dataclass(frozen=True)
class Column:
    """One column: its name in the table, its type, its values as text.

    ``kind`` is None where every value is null and the frame does not say what they would be;
    ``moved`` says that a geometry was brought to longitude and latitude.
    """

    name: str
    kind: str | None
    text: pa.Array
    shape: Shape | None = None
    n_cleaned: int = 0
    moved: bool = False


def column_of(series: pd.Series, *, name: str, layer: str) -> Column:
    """Return a column of a frame as PostgreSQL takes it.

    NaN and NaT become null, infinities stay; categories become what their labels are;
    lists of text an array; mappings and other lists JSON; what has no type of its own text.

    Raises
    ------
    CRSError, CoordinateError
        Where a geometry column has no reference system, or a coordinate is not finite.
    """
    if str(series.dtype) == "geometry":
        return _geometry_column(gpd.GeoSeries(series), name=name, layer=layer)
    if isinstance(series.dtype, pd.CategoricalDtype):
        series = series.astype(series.dtype.categories.dtype)
    kind, text = _typed(series)
    if kind is not None:
        return Column(name, kind, text)
    cells, kind = _object_cells(series)
    cleaned = [clean_text(cell) for cell in cells]
    n_cleaned = sum(one != other for one, other in zip(cells, cleaned, strict=True))
    return Column(name, kind, pa.array(cleaned, pa.string()), n_cleaned=n_cleaned)


def _typed(series: pd.Series) -> tuple[str | None, pa.Array]:
    """Return type and text of what pandas itself gives a type; None for text and objects."""
    if types.is_bool_dtype(series.dtype):
        return "boolean", _text_of(series)
    if str(series.dtype).casefold() == "uint64":
        return "numeric", _text_of(series)
    if types.is_integer_dtype(series.dtype):
        return "bigint", _text_of(series)
    if types.is_float_dtype(series.dtype):
        return "double precision", _text_of(series.astype("float64"))
    if isinstance(series.dtype, pd.DatetimeTZDtype):
        return "timestamp with time zone", _text_of(series.dt.tz_convert("UTC"))
    if types.is_datetime64_any_dtype(series.dtype):
        return "timestamp without time zone", _text_of(series)
    if types.is_timedelta64_dtype(series.dtype):
        iso = [None if value is pd.NaT else value.isoformat() for value in series]
        return "interval", pa.array(iso, pa.string())
    return None, pa.array([], pa.string())


def _text_of(series: pd.Series) -> pa.Array:
    array = pa.array(series, from_pandas=True)
    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks()
    return array.cast(pa.string())


def _object_cells(series: pd.Series) -> tuple[list[str | None], str | None]:
    values = [None if _is_null(value) else value for value in series]
    known = [value for value in values if value is not None]
    if not known:
        declared = str(series.dtype) in ("str", "string")
        return list(values), "text" if declared else None
    for accepts, kind, written in _OBJECTS:
        if all(map(accepts, known)):
            return [None if value is None else written(value) for value in values], kind
    return [None if value is None else str(value) for value in values], "text"


def _is_null(value: Any) -> bool:
    return value is None or (types.is_scalar(value) and bool(pd.isna(value)))


def _is_texts(value: Any) -> bool:
    lists = (list, tuple, np.ndarray)
    return isinstance(value, lists) and all(isinstance(one, str) or one is None for one in value)


def _array_literal(value: Iterable[str | None]) -> str:
    def quoted(one: str | None) -> str:
        if one is None:
            return "NULL"
        return '"' + one.replace("\\", "\\\\").replace('"', '\\"') + '"'

    return "{" + ",".join(map(quoted, value)) + "}"


def _json(value: Any) -> str:
    plain = sorted(value, key=str) if isinstance(value, (set, frozenset)) else value
    plain = plain.tolist() if isinstance(plain, np.ndarray) else plain
    tidy = _clean_within(finite(plain))
    return json.dumps(tidy, sort_keys=True, ensure_ascii=False, allow_nan=False)


def _clean_within(value: Any) -> Any:
    """Clean every text of a JSON value: once written, NUL is an escape that jsonb refuses."""
    if isinstance(value, dict):
        return {clean_text(key): _clean_within(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_clean_within(item) for item in value]
    return clean_text(value)


def _is_day(value: Any) -> bool:
    return isinstance(value, dt.date) and not isinstance(value, dt.datetime)


_OBJECTS: tuple[tuple[Callable[[Any], bool], str, Callable[[Any], str]], ...] = (
    (lambda value: isinstance(value, str), "text", str),
    (lambda value: isinstance(value, (bool, np.bool_)), "boolean", lambda v: str(bool(v)).lower()),
    (_is_day, "date", lambda value: str(value.isoformat())),
    (lambda value: isinstance(value, decimal.Decimal), "numeric", str),
    (lambda value: isinstance(value, bytes), "bytea", lambda value: "\\x" + value.hex()),
    (_is_texts, "text[]", _array_literal),
    (lambda v: isinstance(v, (dict, list, tuple, set, frozenset, np.ndarray)), "jsonb", _json),
)


def _geometry_column(series: gpd.GeoSeries, *, name: str, layer: str) -> Column:
    if series.crs is None:
        raise CRSError(
            f"{layer}.{name}",
            found="no coordinate reference system",
            expected="one, which PostGIS keeps beside the geometry",
            repair="Declare it with set_crs(…).",
        )
    srid = series.crs.to_epsg()
    moved = srid is None
    if moved:
        srid, series = LONLAT, series.to_crs(LONLAT)
    values = np.asarray(series.array, dtype=object)
    whole = _finite(values)
    if not whole.all():
        raise CoordinateError(
            f"{layer}.{name}",
            rows=series.index[~whole].tolist(),
            found="coordinates that are not finite",
            expected="numbers",
            repair="Leave these rows out, or set their geometry to None.",
        )
    known = values[~shapely.is_missing(values)]
    kinds = {_KINDS[number] for number in np.unique(shapely.get_type_id(known))}
    dims = set(zip(shapely.has_z(known), shapely.has_m(known), strict=True)) or {(False, False)}
    kind = kinds.pop() if len(kinds) == 1 else "Geometry"
    z, m = next(iter(dims))
    marks: str | None = ("Z" if z else "") + ("M" if m else "")
    if len(dims) > 1:
        kind, marks = "Geometry", None
    coded = shapely.to_wkb(
        shapely.set_srid(values, srid), hex=True, include_srid=True, flavor="extended"
    )
    return Column(
        name, "geometry", pa.array(coded, pa.string()), Shape(kind, marks, srid), moved=moved
    )


def _finite(values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    coordinates, owner = shapely.get_coordinates(values, return_index=True)
    whole = np.ones(len(values), dtype=bool)
    whole[owner[~np.isfinite(coordinates).all(axis=1)]] = False
    return whole


def wider(old: str, new: str) -> str:
    """Return the type that holds values of both."""
    return old if old == new else _WIDER.get(frozenset({old, new}), "text")


def short_name(text: str, taken: Iterable[str] = ()) -> str:
    """Return a name that PostgreSQL keeps whole and that is not ``taken``.

    Control characters become ``_``; a name of more than 63 bytes, or one that is taken, is
    cut and ends with eight digits of its SHA-256, so that no two share one.
    """
    printable = "".join(c if c.isprintable() else "_" for c in str(clean_text(text))) or "_"
    name = printable
    if len(name.encode()) > LONGEST_NAME or name in set(taken) or printable != text:
        digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:_DIGEST]
        stem = printable.encode()[: LONGEST_NAME - _DIGEST - 1].decode(errors="ignore")
        name = f"{stem}_{digest}"
    return name


def row_keys(columns: Iterable[Column], n_rows: int) -> list[str]:
    """Return a key each row out of all it holds; equal rows are told apart by a number."""
    cells = [column.text.to_pylist() for column in columns]
    seen: dict[str, int] = {}
    keys = []
    for row in zip(*cells, strict=True) if cells else [()] * n_rows:
        joined = "\x1f".join("\0" if cell is None else cell for cell in row)
        digest = hashlib.blake2b(joined.encode(), digest_size=16).hexdigest()
        number = seen[digest] = seen.get(digest, 0) + 1
        keys.append(digest if number == 1 else f"{digest}-{number}")
    return keys
