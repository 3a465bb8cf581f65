"""Statistics of a raster within zones."""

from __future__ import annotations

from collections.abc import Sequence

import geopandas as gpd
import numpy as np
import shapely
import xarray as xr

from geocn._typing import BoolArray, FloatArray, ObjectArray
from geocn.errors import GeometryError, ParameterError, RasterError, SchemaError
from geocn.provenance import attach
from geocn.spatial.crs import require_crs, to_lonlat
from geocn.spatial.densify import densify
from geocn.spatial.raster_grid import RasterGrid, raster_grid
from geocn.spatial.zonal import ZonalSums, zonal_sums

STATISTICS = ("sum", "mean", "count", "variance", "stdev", "share_valid")
# Straight edges of zones get a vertex at least this often before they are projected,
# by the length of an edge over the size of the whole layer; common edges stay common.
_DENSE = 1000


def zonal_stats(
    zones: gpd.GeoDataFrame,
    raster: xr.DataArray,
    *,
    stats: Sequence[str] = ("sum", "mean", "count"),
) -> gpd.GeoDataFrame:
    """Sum and average a raster over areas, each cell weighed by its exact covered share.

    Parameters
    ----------
    zones : GeoDataFrame
        Polygons in any CRS (brought to that of the raster). They may overlap, have holes,
        be smaller than a cell, or lie partly outside.
    raster : xarray.DataArray
        With a CRS; NaN and its declared nodata have no part in any statistic.
    stats : sequence of str
        ``"sum"``: sum of value x share. ``"mean"``: that over ``"count"``, the covered
        cells with data (a fraction counts as such). ``"variance"`` and ``"stdev"`` of the
        covered values (weighed, divided by the count). ``"share_valid"``: the part of the
        zone, by area on the raster's plane, that has data.

    Returns
    -------
    GeoDataFrame
        The zones with one column a statistic. Where a zone covers no data its count is 0
        and its sum, mean and variance are NaN: nothing is known there, which is not zero.
        ``attrs["geocn"]`` counts zones without data, partly without, and without geometry.

    Raises
    ------
    GeometryError, CoordinateError
        Where a zone is not a polygon, or lies nowhere on Earth.
    SchemaError
        Where the zones already have a column of that name.
    RasterError, CRSError
        Where the raster is rotated or infinite somewhere, or a CRS is missing.
    ParameterError
        Where a statistic is unknown.

    Notes
    -----
    The time grows with the outline of the zones, not with their area. Sums equal those
    of exactextract to 1e-9. A very large value beside very small ones in one row of the
    raster costs digits of the small ones (prefix sums in float64).

    Examples
    --------
    >>> import geopandas as gpd, numpy as np, shapely, xarray as xr
    >>> values, axis = np.arange(1.0, 10).reshape(3, 3), [0.5, 1.5, 2.5]
    >>> raster = xr.DataArray(values, {"y": axis[::-1], "x": axis}, ("y", "x"))
    >>> raster = raster.rio.write_crs("EPSG:32618")
    >>> zones = gpd.GeoDataFrame(geometry=[shapely.box(0.5, 0.5, 2.5, 2.5)], crs="EPSG:32618")
    >>> zonal_stats(zones, raster)[["sum", "mean", "count"]].to_numpy().tolist()
    [[20.0, 5.0, 4.0]]
    """
    chosen = [stats] if isinstance(stats, str) else list(stats)
    unknown = [name for name in chosen if name not in STATISTICS]
    if unknown:
        raise ParameterError(f"unknown statistics {unknown}; choose from {', '.join(STATISTICS)}")
    crs = require_crs(zones, "zones")
    taken = [name for name in chosen if name in zones.columns]
    if taken:
        raise SchemaError(
            "zones",
            found=f"columns {', '.join(taken)}",
            expected="no column named as a statistic",
            repair="Rename or drop them.",
        )
    grid = raster_grid(raster, "raster")
    _check_finite(grid)
    geometry = _polygons(zones, grid)
    present = ~(shapely.is_missing(geometry) | shapely.is_empty(geometry))
    squares = bool({"variance", "stdev"} & set(chosen))
    sums = zonal_sums(grid, geometry, squares=squares)
    result = zones.copy()
    for name in chosen:
        result[name] = _statistic(name, sums, present)
    return attach(
        result,
        "cultivation.zonal_stats",
        stats=chosen,
        raster_crs=grid.crs,
        zones_crs=crs,
        n_without_data=int((present & (sums.count == 0)).sum()),
        n_partly_without_data=int(
            (present & (sums.count > 0) & (sums.count < sums.n_cells * (1 - 1e-9))).sum()
        ),
        n_left_out=int((~present).sum()),
    )


def _check_finite(grid: RasterGrid) -> None:
    infinite = np.isinf(grid.values)
    if infinite.any():
        raise RasterError(
            "raster",
            found=f"{int(infinite.sum())} infinite cells",
            expected="finite values, or nodata",
            repair="Set them to NaN: raster.where(np.isfinite(raster)).",
        )


def _polygons(zones: gpd.GeoDataFrame, grid: RasterGrid) -> ObjectArray:
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
    series = zones.geometry
    if not np.isfinite(shapely.get_coordinates(geometry)).all() or zones.crs != grid.crs:
        to_lonlat(zones, "zones")  # refuses what lies nowhere on Earth
    if zones.crs != grid.crs and len(zones):
        size = np.diff(np.reshape(series.total_bounds, (2, 2)), axis=0)
        if np.isfinite(size).all() and size.max() > 0:
            dense = densify(series.to_numpy(), float(size.max()) / _DENSE)
            series = gpd.GeoSeries(dense, crs=series.crs)
        series = series.to_crs(grid.crs)
    valid = shapely.make_valid(series.to_numpy(), method="structure", keep_collapsed=False)
    return np.asarray(valid, dtype=object)


def _statistic(name: str, sums: ZonalSums, present: BoolArray) -> FloatArray:
    with np.errstate(invalid="ignore", divide="ignore"):
        count = np.where(sums.count > 0, sums.count, np.nan)
        if name == "count":
            values = np.where(present, sums.count, np.nan)
        elif name == "sum":
            values = np.where(sums.count > 0, sums.total, np.nan)
        elif name == "mean":
            values = sums.total / count
        elif name == "share_valid":
            values = np.where(present, sums.count / sums.n_cells, np.nan)
        else:
            squares = sums.squares if sums.squares is not None else count
            values = np.maximum(squares / count - (sums.total / count - sums.shift) ** 2, 0)
            values = np.sqrt(values) if name == "stdev" else values
    return np.asarray(values, dtype=np.float64)
