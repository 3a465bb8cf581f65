"""GeoPackage read straight from SQLite: one file, read only, no driver, no journal, no views."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from pyproj import CRS
from pyproj.exceptions import CRSError as ProjError
from shapely.errors import ShapelyError

from geocn._typing import ObjectArray
from geocn.errors import ReadError, UnsafeFileError
from geocn.io.crs import settle_crs
from geocn.io.guard import FileFormat, open_regular
from geocn.io.records import typed
from geocn.io.table import Options, RawTable

_MAX_VALUE = 256 << 20
_ENVELOPE_BYTES = (0, 32, 48, 48, 64)
_WAL_MODE = 2
_EMPTY_TYPES = (
    (("INT", "MEDIUMINT", "SMALLINT", "TINYINT"), "Int64"),
    (("DOUBLE", "FLOAT", "REAL"), "float64"),
    (("BOOL",), "boolean"),
    (("DATE",), "datetime64[us]"),
)
_UNBUILDABLE = (ShapelyError, ValueError, TypeError, IndexError)
_ROW_IDS = ("fid", "ogc_fid")
_DENIED = frozenset({sqlite3.SQLITE_ATTACH, sqlite3.SQLITE_RECURSIVE})


@dataclass(frozen=True, slots=True)
class _Layer:
    name: str
    geometry: str | None
    srs_id: int | None


def read_geopackage(path: Path, data: bytes | None, options: Options) -> RawTable:
    """Read one layer of a GeoPackage; several layers are an error unless ``layer`` is given."""
    try:
        with closing(_connect(path, data)) as database:
            _check(database, path.name)
            layer, notes = _choose(_layers(database, path.name), options.layer, path.name)
            _refuse_view(database, layer, path.name)
            frame, blobs = _rows(database, layer)
            stated = _crs(database, layer.srs_id)
    except (sqlite3.Error, UnicodeError, OverflowError) as error:
        raise ReadError(f"{path.name}: the GeoPackage is damaged or was cut ({error})") from error
    if blobs is None:
        return RawTable(frame, FileFormat.GPKG, path, notes=notes)
    crs = settle_crs(stated, options.crs, name=path.name)
    geometry = gpd.GeoSeries(_geometries(blobs, path.name), index=frame.index, crs=crs)
    if "geometry" in frame.columns:
        frame = frame.rename(columns={"geometry": "geometry_property"})
        notes.append("a column beside the geometry is called geometry; read as geometry_property")
    table = gpd.GeoDataFrame(frame, geometry=geometry)
    return RawTable(table, FileFormat.GPKG, path, crs=crs, notes=notes)


def _connect(path: Path, data: bytes | None) -> sqlite3.Connection:
    if data is None:
        _refuse_unfinished(path)
        address = f"file:{quote(str(path))}?mode=ro&immutable=1"
        database = sqlite3.connect(address, uri=True)
    else:
        database = sqlite3.connect(":memory:")
        # A database in memory has no write-ahead log, so its header must not ask for one.
        database.deserialize(data[:18] + b"\x01\x01" + data[20:])
    database.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _MAX_VALUE)
    database.execute("PRAGMA trusted_schema=OFF")
    database.set_authorizer(_authorise)
    return database


def _authorise(action: int, *_: object) -> int:
    return sqlite3.SQLITE_DENY if action in _DENIED else sqlite3.SQLITE_OK


def _refuse_unfinished(path: Path) -> None:
    """Refuse a database whose newest changes stand in another file beside it."""
    with open_regular(path) as stream:
        header = stream.read(20)
    ending = "-wal" if header[18:19] == bytes([_WAL_MODE]) else "-journal"
    beside = path.with_name(path.name + ending)
    if beside.exists() and beside.stat().st_size:
        raise ReadError(
            f"{path.name}: found unfinished changes in {beside.name}. Close the programme that has "
            "the file open (QGIS?), or open and close it there once, and read it again."
        )


def _check(database: sqlite3.Connection, name: str) -> None:
    answer = database.execute("PRAGMA quick_check(1)").fetchone()
    if answer is None or answer[0] != "ok":
        raise ReadError(f"{name}: the GeoPackage is damaged ({answer[0] if answer else '?'})")
    if not _has_table(database, "gpkg_contents"):
        raise ReadError(f"{name}: found an SQLite database that is not a GeoPackage")


def _has_table(database: sqlite3.Connection, table: str) -> bool:
    query = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?"
    return database.execute(query, (table,)).fetchone() is not None


def _layers(database: sqlite3.Connection, name: str) -> list[_Layer]:
    found = database.execute(
        "SELECT table_name FROM gpkg_contents WHERE data_type IN ('features', 'attributes') "
        "ORDER BY table_name"
    ).fetchall()
    geometry: dict[str, tuple[str, int]] = {}
    if _has_table(database, "gpkg_geometry_columns"):
        query = "SELECT table_name, column_name, srs_id FROM gpkg_geometry_columns"
        geometry = {table: (column, srs) for table, column, srs in database.execute(query)}
    layers = [_Layer(table, *geometry.get(table, (None, None))) for (table,) in found]
    if not layers:
        raise ReadError(f"{name}: the GeoPackage holds no layer of features or attributes")
    return layers


def _choose(layers: Sequence[_Layer], wanted: str | None, name: str) -> tuple[_Layer, list[str]]:
    names = ", ".join(layer.name for layer in layers)
    if wanted is not None:
        for layer in layers:
            if layer.name == wanted:
                return layer, []
        raise ReadError(f"{name}: there is no layer {wanted!r}; there are: {names}")
    spatial = [layer for layer in layers if layer.geometry is not None]
    likely = spatial or list(layers)
    if len(likely) > 1:
        raise ReadError(f"{name}: found {len(likely)} layers: {names}. Say which with layer=.")
    others = [layer.name for layer in layers if layer is not likely[0]]
    notes = [f"layer {likely[0].name}"]
    return likely[0], notes + ([f"tables not read: {', '.join(others)}"] if others else [])


def _refuse_view(database: sqlite3.Connection, layer: _Layer, name: str) -> None:
    """Only plain tables are read: a view or virtual table can compute without end."""
    query = "SELECT type, sql FROM sqlite_master WHERE name = ?"
    kind, sql = database.execute(query, (layer.name,)).fetchone() or ("", "")
    if not kind:
        raise ReadError(f"{name}: the layer {layer.name!r} is listed but its table is missing")
    if kind != "table" or not str(sql).upper().lstrip().startswith("CREATE TABLE"):
        raise UnsafeFileError(
            f"{name}: the layer {layer.name!r} is a {kind or 'virtual table'} computed by the "
            "file, not a table. Export it as a layer of its own."
        )


def _rows(
    database: sqlite3.Connection, layer: _Layer
) -> tuple[pd.DataFrame, list[bytes | None] | None]:
    table = _quoted(layer.name)
    described = database.execute(f"PRAGMA table_info({table})").fetchall()
    kinds = {column: str(kind).upper() for _, column, kind, *_ in described}
    for _, column, _, _, _, key in described:
        if key and column.casefold() in _ROW_IDS:
            kinds.pop(column)
    listed = ", ".join(map(_quoted, kinds)) or "1"
    found = database.execute(f"SELECT {listed} FROM {table} ORDER BY rowid").fetchall()  # noqa: S608
    columns: dict[str, Sequence[Any]] = dict(
        zip(kinds, zip(*found, strict=True) if found else [()] * len(kinds), strict=False)
    )
    blobs = list(columns.pop(layer.geometry)) if layer.geometry in columns else None
    typed_columns = {name: _column(list(values), kinds[name]) for name, values in columns.items()}
    return pd.DataFrame(typed_columns, index=pd.RangeIndex(len(found))), blobs


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _column(values: list[Any], kind: str) -> pd.Series:
    if all(value is None for value in values):
        dtype = next((d for starts, d in _EMPTY_TYPES if kind.startswith(starts)), "str")
        return pd.Series(values, dtype=dtype)
    if kind.startswith("BOOL"):
        return pd.Series([None if v is None else bool(v) for v in values], dtype="boolean")
    if kind.startswith("DATE") and all(v is None or isinstance(v, str) for v in values):
        return _dates(values, aware=kind.startswith("DATETIME"))
    return typed([v.hex() if isinstance(v, bytes) else v for v in values])


def _dates(values: list[Any], *, aware: bool) -> pd.Series:
    """Return ISO dates as datetime64; text where one of them is not a date."""
    text = pd.Series(values, dtype="str")
    dates = pd.to_datetime(text, format="ISO8601", utc=True, errors="coerce")
    if (dates.isna() & text.notna()).any():
        return text
    dates = dates.astype("datetime64[us, UTC]")
    return dates if aware else dates.dt.tz_localize(None)


def _crs(database: sqlite3.Connection, srs_id: int | None) -> CRS | None:
    """Return the layer's CRS; the ids 0 and -1 mean that it is unknown."""
    if srs_id is None or srs_id in (0, -1):
        return None
    query = (
        "SELECT organization, organization_coordsys_id, definition FROM gpkg_spatial_ref_sys "
        "WHERE srs_id = ?"
    )
    row = database.execute(query, (srs_id,)).fetchone()
    if row is None:
        return None
    for candidate in (f"{row[0]}:{row[1]}", row[2]):
        try:
            return CRS.from_user_input(candidate)
        except (ProjError, TypeError, ValueError):
            continue
    return None


def _geometries(blobs: Sequence[Any], name: str) -> ObjectArray:
    """Build all geometries at once; only where that fails, one by one to name the rows."""
    try:
        wkb = [None if blob is None else _wkb(blob) for blob in blobs]
        built: ObjectArray = shapely.from_wkb(np.array([*wkb, None], dtype=object))[:-1]
    except _UNBUILDABLE:
        wrong = [row for row, blob in enumerate(blobs, start=1) if not _builds(blob)]
        shown = ", ".join(map(str, wrong[:3]))
        message = f"{name}: the geometry of {len(wrong)} rows is damaged: {shown}"
        raise ReadError(message) from None
    return built


def _builds(blob: Any) -> bool:
    try:
        shapely.from_wkb(None if blob is None else _wkb(blob))
    except _UNBUILDABLE:
        return False
    return True


def _wkb(blob: bytes) -> bytes:
    """Strip the GeoPackage header (OGC 12-128r19, 2.1.3) off a geometry."""
    if blob[:2] != b"GP":
        raise ValueError("no GeoPackage geometry")
    envelope = (blob[3] >> 1) & 0b111
    return blob[8 + _ENVELOPE_BYTES[envelope] :]
