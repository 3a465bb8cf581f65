"""What the vector drivers give (Arrow with WKB) to a raw table."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pyarrow as pa
import shapely
from pyproj import CRS
from pyproj.exceptions import CRSError as ProjError
from shapely.errors import ShapelyError

from geocn.errors import ReadError, SchemaError
from geocn.io.arrow import frame_of
from geocn.io.crs import settle_crs
from geocn.io.guard import FileFormat
from geocn.io.table import Options, RawTable

#: What the drivers and Arrow raise on damaged files.
DRIVER_FAULTS = (RuntimeError, ValueError, LookupError, TypeError, OSError, pa.ArrowException)


def table_of(
    meta: Mapping[str, Any],
    table: pa.Table,
    path: Path,
    options: Options,
    *,
    found: FileFormat,
    notes: list[str],
    encoding: str | None = None,
) -> RawTable:
    """Turn pyogrio's Arrow table into a raw table with geometry and CRS."""
    name = meta.get("geometry_name") or "wkb_geometry"
    plain = table.drop_columns([label for label in table.column_names if label == name])
    try:
        frame, more = frame_of(plain, path.name)
    except SchemaError:
        raise
    except DRIVER_FAULTS as error:
        raise ReadError(f"{path.name}: the attributes are damaged ({error})") from error
    if name not in table.column_names:
        return RawTable(frame, found, path, encoding=encoding, notes=[*notes, *more])
    wkb = table.column(name).to_numpy(zero_copy_only=False)
    if "geometry" in frame.columns:
        frame = frame.rename(columns={"geometry": "geometry_property"})
        more.append("a column beside the geometry is called geometry; read as geometry_property")
    crs = settle_crs(_crs(meta.get("crs")), options.crs, name=path.name)
    geometry = gpd.GeoSeries(geometries_of(wkb, path.name), index=frame.index, crs=crs)
    return RawTable(
        gpd.GeoDataFrame(frame, geometry=geometry),
        found,
        path,
        encoding=encoding,
        crs=crs,
        notes=[*notes, *more],
    )


def geometries_of(wkb: np.ndarray, name: str) -> np.ndarray:
    """Build geometries from WKB.

    Raises
    ------
    ReadError
        Where one of them is damaged.
    """
    try:
        built: np.ndarray = shapely.from_wkb(wkb)
    except (ShapelyError, TypeError, ValueError) as error:
        raise ReadError(f"{name}: a geometry is damaged ({error})") from error
    return built


def _crs(stated: str | None) -> CRS | None:
    if not stated:
        return None
    try:
        return CRS.from_user_input(stated)
    except (ProjError, ValueError):
        return None
