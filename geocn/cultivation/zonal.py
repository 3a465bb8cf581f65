"""Statistics of a raster within zones."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from os import PathLike
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import shapely
import xarray as xr
from pyproj import CRS

from geocn._typing import BoolArray, FloatArray, ObjectArray, StrPath
from geocn.cultivation.zonal_areas import require_true_areas
from geocn.cultivation.zonal_file import opened_rows
from geocn.cultivation.zonal_order import (
    ORDER_STATISTICS,
    is_order_statistic,
    order_statistics,
)
from geocn.cultivation.zonal_parts import ZonalJob
from geocn.errors import CoordinateError, GeometryError, ParameterError, SchemaError
from geocn.io.tasks import NOT_RECORDED
from geocn.provenance import attach
from geocn.spatial.antimeridian import shortest_way
from geocn.spatial.crs import require_crs, to_lonlat
from geocn.spatial.densify import densify
from geocn.spatial.zonal import ZonalSums, zonal_sums
from geocn.spatial.zonal_raster import RasterRows, rows_of_array

STATISTICS = ("sum", "mean", "count", "variance", "stdev", "share_valid")
AREA_STATISTICS = ("area_ha", "integral_ha", "integral_km2", "mean_by_area")
# Straight edges of zones get a vertex at least this often before they are projected,
# by the length of an edge over the size of the whole layer; common edges stay common.
_DENSE = 1000
# Type numbers of GEOS: from here on geometries are made of parts.
_MULTI, _COLLECTION = 4, 7


def zonal_stats(
    zones: gpd.GeoDataFrame,
    raster: xr.DataArray | StrPath,
    *,
    stats: Sequence[str] = ("sum", "mean", "count"),
    band: int | None = None,
    memory_mb: float = 512,
    scheduler: Any = None,
    checkpoints: StrPath | None = None,
) -> gpd.GeoDataFrame:
    """Sum and average a raster over areas, each cell weighed by its exact covered share.

    Parameters
    ----------
    zones : GeoDataFrame
        Polygons in any CRS (brought to that of the raster). They may overlap, have holes,
        be smaller than a cell, or lie partly outside.
    raster : xarray.DataArray or path
        With a CRS; NaN and its declared nodata have no part in any statistic. A GeoTIFF or
        COG given by its path is read strip by strip, and only where zones are; a lazily
        opened array likewise.
    stats : sequence of str
        By covered share: ``"sum"`` of value x share (the total of a raster of counts),
        ``"count"``, the covered cells with data (a fraction counts as such), ``"mean"``,
        their ratio, ``"variance"`` and ``"stdev"`` of the covered values (weighed, divided
        by the count), ``"share_valid"``, the part of the zone, by area on the raster's
        plane, that has data.
        By area on the ground: ``"area_ha"``, covered area with data; ``"integral_ha"`` and
        ``"integral_km2"``, sum of value x area (the total of a raster of densities per
        hectare, or per km²); ``"mean_by_area"``, their ratio.
        By order, of all cells that a zone touches: ``"min"``, ``"max"``, ``"variety"`` (how
        many different values), and weighed by share ``"median"``, ``"q90"`` (and any other
        per cent, such as ``"q2.5"``), ``"majority"``, ``"minority"``.
    band : int, optional
        From 1. Needed where the raster has several bands.
    memory_mb : float
        Room for the values read from a file at once.
    scheduler : str or distributed.Client, optional
        Address of a Dask scheduler (``"tcp://…"``) whose workers see the file of the raster,
        or a client of one.
    checkpoints : path, optional
        Folder that keeps the sums of each band of rows of a file, so that the same call goes
        on after a run that was stopped.

    Returns
    -------
    GeoDataFrame
        The zones with one column a statistic. Where a zone covers no data its count and
        area are 0 and all else is NaN: nothing is known there, which is not zero.
        ``attrs["geocn"]`` counts zones without data, partly without, and without geometry.

    Raises
    ------
    GeometryError, CoordinateError
        Where a zone is not a polygon, or lies nowhere on Earth.
    SchemaError
        Where the zones already have a column of that name.
    RasterError, CRSError
        Where the raster is rotated or infinite somewhere, or a CRS is missing; where areas
        are asked for and those of its CRS are off by more than 1 %.
    ReadError, UnsafeFileError
        Where a file is damaged, no GeoTIFF, or a disguise.
    ParameterError
        Where a statistic is unknown, the memory is not above zero, or workers are asked to
        read a raster that is in memory.
    ClusterError
        Where the scheduler is gone or its workers are of other versions.

    Notes
    -----
    Sums are line integrals along the outlines: the time grows with the outline of the
    zones, not with their area, beside one pass over the rows that zones meet. They equal
    those of exactextract to what it keeps of shares (float32), and those of exact
    arithmetic to 1e-12, also where a cell is 1e15 times its neighbours. Order statistics
    come from exactextract, and take the time of the cells within.

    A file is summed in bands of rows, the same bands whoever sums them, with twice the
    digits of float64: the result is the same to the last bit on any number of workers.

    Areas of cells are ellipsoidal where the CRS is geographic; a cell on the outline has
    its covered share of it.

    Examples
    --------
    >>> import geopandas as gpd, numpy as np, shapely, xarray as xr
    >>> values, axis = np.arange(1.0, 10).reshape(3, 3), [0.5, 1.5, 2.5]
    >>> raster = xr.DataArray(values, {"y": axis[::-1], "x": axis}, ("y", "x"))
    >>> raster = raster.rio.write_crs("EPSG:32618")
    >>> zones = gpd.GeoDataFrame(geometry=[shapely.box(0.5, 0.5, 2.5, 2.5)], crs="EPSG:32618")
    >>> zonal_stats(zones, raster)[["sum", "mean", "count"]].to_numpy().tolist()
    [[20.0, 5.0, 4.0]]
    >>> zonal_stats(zones, raster, stats=("max", "q50"))[["max", "q50"]].to_numpy().tolist()
    [[9.0, 5.0]]
    """
    chosen = _chosen(stats, memory_mb)
    _need_file(raster, scheduler, checkpoints)
    crs = require_crs(zones, "zones")
    _refuse_taken(zones, chosen)
    with _rows(raster, band, memory_mb) as rows:
        geometry = _polygons(zones, rows.crs)
        areas = bool(set(AREA_STATISTICS) & set(chosen))
        if areas:
            require_true_areas(rows, geometry)
        squares = bool({"variance", "stdev"} & set(chosen))
        ordered = [name for name in chosen if is_order_statistic(name)]
        raster_crs = rows.crs
        if isinstance(raster, (str, PathLike)):
            job = ZonalJob(
                geometry, str(Path(raster).absolute()), band, memory_mb, squares, areas,
                tuple(ordered),
            )  # fmt: skip
            sums, orders = job.run(rows, scheduler=scheduler, checkpoints=checkpoints)
        else:
            sums = zonal_sums(rows, geometry, squares=squares, areas=areas)
            orders = order_statistics(rows, geometry, ordered, memory_mb=memory_mb)
    present = ~(shapely.is_missing(geometry) | shapely.is_empty(geometry))
    has_data = sums.count > 0
    result = zones.copy()
    for name in chosen:
        known = np.where(has_data, orders[name], np.nan) if name in orders else None
        result[name] = _statistic(name, sums, present) if known is None else known
    return attach(
        result,
        "cultivation.zonal_stats",
        stats=chosen,
        band=band,
        memory_mb=memory_mb,
        scheduler=NOT_RECORDED,
        checkpoints=NOT_RECORDED,
        raster_crs=raster_crs,
        zones_crs=crs,
        n_without_data=int((present & ~has_data).sum()),
        n_partly_without_data=int(
            (present & has_data & (sums.count < sums.n_cells * (1 - 1e-9))).sum()
        ),
        n_left_out=int((~present).sum()),
    )


def _refuse_taken(zones: gpd.GeoDataFrame, chosen: Sequence[str]) -> None:
    """Refuse zones that have a column named as a statistic."""
    taken = [name for name in chosen if name in zones.columns]
    if taken:
        raise SchemaError(
            "zones",
            found=f"columns {', '.join(taken)}",
            expected="no column named as a statistic",
            repair="Rename or drop them.",
        )


def _need_file(raster: object, scheduler: object, checkpoints: object) -> None:
    """Refuse workers and checkpoints for a raster that is in memory."""
    if not isinstance(raster, (str, PathLike)) and (scheduler, checkpoints) != (None, None):
        raise ParameterError(
            "scheduler and checkpoints need the raster by the path of its file: workers read "
            "their part themselves, and data is never sent to them"
        )


def _chosen(stats: Sequence[str], memory_mb: float) -> list[str]:
    chosen = [stats] if isinstance(stats, str) else list(dict.fromkeys(stats))
    sums = (*STATISTICS, *AREA_STATISTICS)
    unknown = [name for name in chosen if name not in sums and not is_order_statistic(name)]
    faults = []
    if unknown:
        known = ", ".join((*sums, *ORDER_STATISTICS))
        faults.append(f"unknown statistics {unknown}; choose from {known}, or q0 to q100")
    if not memory_mb > 0:
        faults.append(f"memory_mb is {memory_mb!r}; expected a number above zero")
    if faults:
        raise ParameterError("; ".join(faults))
    return chosen


@contextmanager
def _rows(
    raster: xr.DataArray | StrPath, band: int | None, memory_mb: float
) -> Iterator[RasterRows]:
    if isinstance(raster, (str, PathLike)):
        with opened_rows(raster, band=band, memory_mb=memory_mb) as rows:
            yield rows
        return
    if band is not None and isinstance(raster, xr.DataArray):
        if "band" not in raster.coords or band not in raster["band"].to_numpy():
            raise ParameterError(f"band is {band}, but the raster has no such band")
        raster = raster.sel(band=band) if "band" in raster.dims else raster
    rows = rows_of_array(raster, "raster")
    rows.refuse_infinite()
    yield rows


def _polygons(zones: gpd.GeoDataFrame, raster_crs: CRS) -> ObjectArray:
    """Zones in the CRS of the raster, valid, areas only."""
    geometry: ObjectArray = zones.geometry.to_numpy()
    kinds = shapely.get_type_id(geometry)
    # A collection is what repairing a polygon may leave behind; its areas are used.
    wrong = ~np.isin(kinds, (-1, 3, 6, 7)) & ~shapely.is_empty(geometry)
    if wrong.any():
        raise GeometryError(
            "zones",
            found="geometries that are not areas",
            expected="Polygon or MultiPolygon",
            repair="Drop these rows or buffer them.",
            rows=list(zones.index[wrong]),
        )
    if not np.isfinite(shapely.get_coordinates(geometry)).all() or zones.crs != raster_crs:
        to_lonlat(zones, "zones")  # refuses what lies nowhere on Earth
    shapes = _brought(zones, raster_crs) if zones.crs != raster_crs else np.array(geometry)
    # To ask is cheaper than to repair.
    repair = ~shapely.is_valid(shapes) & ~shapely.is_missing(shapes)
    shapes[repair] = shapely.make_valid(shapes[repair], method="structure", keep_collapsed=False)
    for i in np.flatnonzero(shapely.get_type_id(shapes) == _COLLECTION):
        parts = shapely.get_parts(shapes[i])
        while (shapely.get_type_id(parts) >= _MULTI).any():
            parts = shapely.get_parts(parts)
        shapes[i] = shapely.union_all(parts[shapely.get_dimensions(parts) == 2])
    return shapes


def _brought(zones: gpd.GeoDataFrame, raster_crs: CRS) -> ObjectArray:
    """Zones in the CRS of the raster, their straight edges where they were."""
    series = zones.geometry
    size = np.diff(np.reshape(series.total_bounds, (2, 2)), axis=0)
    if np.isfinite(size).all() and size.max() > 0:
        dense = densify(series.to_numpy(), float(size.max()) / _DENSE)
        series = gpd.GeoSeries(dense, index=series.index, crs=series.crs)
    shapes = np.array(series.to_crs(raster_crs).to_numpy(), dtype=object)
    xy, owner = shapely.get_coordinates(shapes, return_index=True)
    lost = np.unique(owner[~np.isfinite(xy).all(axis=1)])
    if len(lost):
        raise CoordinateError(
            "zones",
            found=f"places that {raster_crs.name} does not reach",
            expected="zones that the CRS of the raster can hold",
            repair="Cut the zones to its area of use, or reproject the raster.",
            rows=list(zones.index[lost]),
        )
    # Across the antimeridian a ring jumps from one side of the globe to the other.
    return shortest_way(shapes) if raster_crs.is_geographic else shapes


def _statistic(name: str, sums: ZonalSums, present: BoolArray) -> FloatArray:
    with np.errstate(invalid="ignore", divide="ignore"):
        nothing = np.where(sums.count > 0, 0.0, np.nan)
        ways: dict[str, Callable[[], FloatArray]] = {
            "count": lambda: np.where(present, sums.count, np.nan),
            "sum": lambda: sums.total + nothing,
            "mean": lambda: sums.total / sums.count + nothing,
            "share_valid": lambda: np.where(present, sums.count / sums.n_cells, np.nan),
            "variance": lambda: _asked(sums.variance),
            "stdev": lambda: np.sqrt(_asked(sums.variance)),
            "area_ha": lambda: np.where(present, _asked(sums.area_ha), np.nan),
            "integral_ha": lambda: _asked(sums.integral_ha) + nothing,
            "integral_km2": lambda: _asked(sums.integral_ha) / 100 + nothing,
            "mean_by_area": lambda: _asked(sums.integral_ha) / _asked(sums.area_ha) + nothing,
        }
        return np.asarray(ways[name](), dtype=np.float64)


def _asked(sums: FloatArray | None) -> FloatArray:
    if sums is None:
        raise AssertionError("sums that were not asked for")
    return sums
