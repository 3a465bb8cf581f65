"""Parquet and GeoParquet 1.x, opened as one file object: no URI, no folder, no pickle."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import geopandas as gpd
import pyarrow as pa
import pyarrow.parquet as pq
from pyproj import CRS
from pyproj.exceptions import CRSError as ProjError
from shapely.errors import ShapelyError

from geocn.errors import ReadError, SchemaError, UnsafeFileError
from geocn.io.arrow import frame_of
from geocn.io.crs import settle_crs
from geocn.io.guard import FileFormat, read_regular
from geocn.io.table import Options, RawTable

_MAX_BYTES = 8 << 30
_MAX_RATIO = 2000
_SMALL = 256 << 20
_RFC_CRS = "OGC:CRS84"
_FAULTS = (
    pa.ArrowException,
    ShapelyError,
    OSError,
    ValueError,
    TypeError,
    KeyError,
    AttributeError,
    IndexError,
)


def read_parquet(path: Path, data: bytes | None, options: Options) -> RawTable:
    """Read a Parquet table, with geometry where it is a GeoParquet.

    Raises
    ------
    ReadError
        Where it was cut or damaged.
    UnsafeFileError
        Where it would expand beyond all measure.
    """
    content = read_regular(path) if data is None else data
    try:
        source = pq.ParquetFile(io.BytesIO(content), page_checksum_verification=True)
        _refuse_bomb(source, len(content), path.name)
        table = source.read()
        geo = _geo_metadata(source)
        names = [name for name in geo.get("columns", {}) if name in table.column_names]
        frame, notes = frame_of(_without_index(table.drop_columns(names)), path.name)
        shapes = gpd.read_parquet(io.BytesIO(content), columns=names) if names else None
    except (ReadError, SchemaError):
        raise
    except _FAULTS as error:
        raise ReadError(f"{path.name}: the Parquet file is damaged or was cut ({error})") from error
    if shapes is None:
        return RawTable(frame, FileFormat.PARQUET, path, notes=notes)
    primary = geo.get("primary_column", names[0])
    notes += [f"second geometry {name} not read" for name in names if name != primary]
    crs = settle_crs(_crs(geo["columns"][primary]), options.crs, name=path.name)
    if "geometry" in frame.columns:
        frame = frame.rename(columns={"geometry": "geometry_property"})
    geometry = gpd.GeoSeries(shapes[primary].to_numpy(), index=frame.index, crs=crs)
    table_ = gpd.GeoDataFrame(frame, geometry=geometry)
    return RawTable(table_, FileFormat.PARQUET, path, crs=crs, notes=notes)


def _refuse_bomb(source: pq.ParquetFile, packed: int, name: str) -> None:
    meta = source.metadata
    groups = (meta.row_group(i) for i in range(meta.num_row_groups))
    unpacked = max(sum(group.total_byte_size for group in groups), meta.num_rows)
    if unpacked > _MAX_BYTES or (unpacked > _SMALL and unpacked > _MAX_RATIO * packed):
        raise UnsafeFileError(f"{name}: {packed} bytes would unpack to {unpacked} bytes or rows")


def _geo_metadata(source: pq.ParquetFile) -> Mapping[str, Any]:
    raw = (source.schema_arrow.metadata or {}).get(b"geo")
    found = json.loads(raw) if raw else {}
    if not isinstance(found, dict) or not isinstance(found.get("columns", {}), dict):
        raise ReadError("the GeoParquet metadata is damaged")
    return found


def _without_index(table: pa.Table) -> pa.Table:
    """Leave out the row labels that pandas stores beside the columns, and bbox coverings."""
    extra = [
        name
        for name, kind in zip(table.column_names, table.schema.types, strict=True)
        if name.startswith("__index_level_") or (name == "bbox" and pa.types.is_struct(kind))
    ]
    return table.drop_columns(extra)


def _crs(column: Mapping[str, Any]) -> CRS | None:
    """Return the CRS that GeoParquet states: absent means longitude and latitude, null unknown."""
    if "crs" not in column:
        return CRS.from_user_input(_RFC_CRS)
    if column["crs"] is None:
        return None
    try:
        return CRS.from_json_dict(column["crs"])
    except (ProjError, TypeError, ValueError):
        return None
