"""Layers of friction brought onto the cells of one grid."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import rasterio.features
import rasterio.warp
import shapely
import xarray as xr
from affine import Affine
from rasterio.enums import Resampling

from geocn._kernels.cost import SLOPE_STEP
from geocn._typing import AnyArray, FloatArray
from geocn.corridors.friction_distance import Places, cell_places, cell_side_m, known_shapes
from geocn.corridors.friction_tables import Table
from geocn.errors import GeometryError, RasterError, SchemaError
from geocn.spatial.antimeridian import move_longitudes
from geocn.spatial.cost_slope import slope_factors
from geocn.spatial.crs import has_geometry, require_crs
from geocn.spatial.densify import densify
from geocn.spatial.raster_grid import RasterGrid, raster_grid

# A cell's share is counted on this many squared parts.
_PARTS = 8
_SHOWN_CLASSES = 10


def onto(grid: RasterGrid, raster: xr.DataArray, layer: str, resampling: str) -> FloatArray:
    """Values of a raster on the cells of ``grid``, resampled where its own differ; NaN unknown.

    Raises
    ------
    RasterError, CRSError
        Where the raster has no CRS, is rotated, or does not touch the grid.
    """
    other = raster_grid(raster, layer)
    if grid.same_cells(other):
        return other.values
    values = np.full(grid.shape, np.nan)
    rasterio.warp.reproject(
        other.values, values, src_transform=other.transform, src_crs=other.crs,
        dst_transform=grid.transform, dst_crs=grid.crs, src_nodata=np.nan, dst_nodata=np.nan,
        resampling=Resampling[resampling],
    )  # fmt: skip
    if np.isnan(values).all() and not np.isnan(other.values).all():
        raise RasterError(
            layer,
            found="no cell with data on the grid",
            expected="a raster that covers the template",
            repair="Check the CRS and the extent of both.",
        )
    return values


def slope_on(grid: RasterGrid, elevation: xr.DataArray, table: Table) -> FloatArray:
    """Factor of walking time, the mean of up and down the steepest slope; NaN unknown."""
    heights = onto(grid, elevation, "elevation", str(table["resampling"]))
    heights[np.isinf(heights)] = np.nan
    lengths = grid.step_lengths_m()
    middle = lengths[1].copy()
    rise = np.hypot(
        _gradient(heights, lengths[0][:, None], 1, wrap=grid.wraps),
        _gradient(heights, middle[:, None], 0, wrap=False),
    )
    factors = slope_factors(table["rule"])
    slopes = (np.arange(len(factors)) - len(factors) // 2) * SLOPE_STEP
    factor: FloatArray = (np.interp(rise, slopes, factors) + np.interp(-rise, slopes, factors)) / 2
    factor[np.isnan(heights)] = np.nan
    return factor


def _gradient(heights: FloatArray, cell_m: FloatArray, axis: int, *, wrap: bool) -> FloatArray:
    """Rise over run by central differences, one-sided where a neighbour is not known."""
    pad = [(1, 1) if a == axis else (0, 0) for a in (0, 1)]
    padded = (
        np.pad(heights, pad, mode="wrap") if wrap else np.pad(heights, pad, constant_values=np.nan)
    )
    size = heights.shape[axis]
    before = np.take(padded, np.arange(size), axis=axis)
    after = np.take(padded, np.arange(2, size + 2), axis=axis)
    n_known = (~np.isnan(before)).astype(float) + ~np.isnan(after)
    rise = np.where(np.isnan(after), heights, after) - np.where(np.isnan(before), heights, before)
    slope: FloatArray = rise / (np.maximum(n_known, 1) * cell_m)
    return slope


def speeds_of_classes(grid: RasterGrid, raster: xr.DataArray, table: Table) -> FloatArray:
    """Find the walking speed in km/h by land cover; 0 where none can walk, NaN unknown.

    Raises
    ------
    RasterError
        Where classes are not in the table: each is named with its number of cells.
    """
    classes = onto(grid, raster, "land_cover", str(table["resampling"]))
    known = ~np.isnan(classes)
    found, which, counts = np.unique(classes[known], return_inverse=True, return_counts=True)
    values = {float(key): float(speed) for key, speed in table["values"].items()}
    strange = [i for i, value in enumerate(found) if float(value) not in values]
    if strange:
        named = ", ".join(f"{found[i]:g} ({counts[i]} cells)" for i in strange[:_SHOWN_CLASSES])
        raise RasterError(
            "land_cover",
            found=f"{len(strange)} classes without a speed: {named}",
            expected=f"the classes of its table: {', '.join(table['values'])}",
            repair="Give tables={'land_cover': {'values': {…}}} for your legend.",
        )
    speeds = np.full(grid.shape, np.nan)
    speeds[known] = np.array([values[float(value)] for value in found])[which]
    return speeds


def speeds_of_shapes(
    grid: RasterGrid, frame: gpd.GeoDataFrame, layer: str, table: Table
) -> FloatArray:
    """Speed in km/h of the fastest line or area that touches each cell; NaN where none does.

    Raises
    ------
    SchemaError
        Where a class is not in the table, or there is neither a class nor a speed.
    """
    shapes, rows = shapes_on(grid, frame, layer)
    speeds = _row_speeds(frame, layer, table)[rows]
    if not len(shapes):
        return np.full(grid.shape, np.nan)
    passable = speeds > 0
    shapes, speeds = shapes[passable], speeds[passable]
    # The fastest is burnt last and stays.
    order = np.argsort(speeds, kind="stable")
    if not len(order):
        return np.full(grid.shape, np.nan)
    burnt = rasterio.features.rasterize(
        zip(shapes[order], speeds[order], strict=True), out_shape=grid.shape,
        transform=grid.transform, all_touched=True, fill=np.nan, dtype="float64",
    )  # fmt: skip
    return np.asarray(burnt, dtype=np.float64)


def _row_speeds(frame: gpd.GeoDataFrame, layer: str, table: Table) -> FloatArray:
    if "speed_kmh" in frame:
        speeds = frame["speed_kmh"].to_numpy(dtype=float, na_value=np.nan)
        bad = ~(np.isfinite(speeds) & (speeds >= 0))
        if bad.any():
            raise SchemaError(
                layer,
                found=f"speed_kmh such as {speeds[bad][0]:g}",
                expected="km/h of 0 or more",
                repair="Correct or drop these rows.",
                rows=list(frame.index[bad]),
            )
        return np.asarray(speeds)
    column, values = table["column"], table["values"]
    if column not in frame:
        if "default" in table:
            return np.full(len(frame), float(values[table["default"]]))
        raise SchemaError(
            layer,
            found=f"neither a column {column!r} nor speed_kmh",
            expected="a class or a speed for each line",
            repair=f"Name the column with tables={{{layer!r}: {{'column': …, 'values': {{…}}}}}}.",
        )
    classes = frame[column].astype("str").where(frame[column].notna(), "(none)")
    strange = classes[~classes.isin(list(values))]
    if len(strange):
        counts = strange.value_counts()
        named = ", ".join(f"{name!r} ({n})" for name, n in counts.head(_SHOWN_CLASSES).items())
        raise SchemaError(
            layer,
            found=f"{len(counts)} classes without a speed: {named}",
            expected=f"one of {', '.join(values)}",
            repair=f"Give tables={{{layer!r}: {{'values': {{…}}}}}}, or drop these rows.",
            rows=list(strange.index),
        )
    return np.asarray(classes.map({k: float(v) for k, v in values.items()}).to_numpy(), dtype=float)


def share_of(grid: RasterGrid, frame: gpd.GeoDataFrame, layer: str) -> FloatArray:
    """Share of each cell that areas cover, to a 64th; overlaps count once.

    Raises
    ------
    GeometryError
        Where a geometry is no area.
    """
    shapes, rows = shapes_on(grid, frame, layer)
    flat = shapely.get_dimensions(shapes) != 2
    if flat.any():
        raise GeometryError(
            layer,
            found="points or lines",
            expected="areas",
            repair="Buffer them, or leave them out.",
            rows=list(frame.index[np.unique(rows[flat])]),
        )
    height, width = grid.shape
    if not len(shapes):
        return np.zeros(grid.shape)
    fine = rasterio.features.rasterize(
        shapes, out_shape=(height * _PARTS, width * _PARTS),
        transform=grid.transform @ Affine.scale(1 / _PARTS), dtype="uint8",
    )  # fmt: skip
    share: FloatArray = fine.reshape(height, _PARTS, width, _PARTS).mean(axis=(1, 3))
    return share


def shapes_on(grid: RasterGrid, frame: gpd.GeoDataFrame, layer: str) -> tuple[AnyArray, AnyArray]:
    """Geometries in the CRS of the grid, and the row of each; nulls are left out."""
    require_crs(frame, layer)
    rows = np.flatnonzero(has_geometry(frame))
    series = frame.geometry.iloc[rows]
    bounds = series.total_bounds
    if len(series) and series.crs != grid.crs:
        # Edges keep their course in the other CRS.
        longest = max(bounds[2] - bounds[0], bounds[3] - bounds[1])
        dense = densify(series.to_numpy(), max(longest, 1e-9) / 500)
        series = gpd.GeoSeries(dense, crs=series.crs).to_crs(grid.crs)
    shapes = np.asarray(series.to_numpy(), dtype=object)
    bad = ~np.isfinite(shapely.bounds(shapes)).all(axis=1) if len(shapes) else np.zeros(0, bool)
    if bad.any():
        raise GeometryError(
            layer,
            found="coordinates that have no place in the CRS of the grid",
            expected="shapes near the template",
            repair="Check the CRS, or clip the layer to the template.",
            rows=list(frame.index[rows[bad]]),
        )
    if not grid.is_geographic:
        return shapes, rows
    west, east = grid.transform.c, grid.transform.c + grid.transform.a * grid.shape[1]
    turns = [0.0, *([360.0] if east > 180 else []), *([-360.0] if west < -180 else [])]
    moved = [shapes if turn == 0 else np.asarray(move_longitudes(shapes, turn)) for turn in turns]
    return np.concatenate(moved), np.tile(rows, len(turns))


def enforcement_on(grid: RasterGrid, posts: gpd.GeoDataFrame, table: Table) -> FloatArray:
    """Factor of cost that falls with the distance to the nearest post."""
    require_crs(posts, "enforcement")
    shapes = known_shapes(posts, "enforcement")
    if not len(shapes):
        return np.ones(grid.shape)
    away = Places(shapes, cell_side_m(grid) / 2).distance_m(*cell_places(grid))
    factor = 1.0 + float(table["peak"]) * np.exp(-away / float(table["decay_m"]))
    return np.asarray(factor).reshape(grid.shape)


def population_on(grid: RasterGrid, people: xr.DataArray, table: Table) -> FloatArray:
    """Factor of cost by people per square kilometre; NaN unknown.

    Raises
    ------
    RasterError
        Where a density is negative or infinite.
    """
    density = onto(grid, people, "population", str(table["resampling"]))
    with np.errstate(invalid="ignore"):
        bad = (density < 0) | np.isinf(density)
    if bad.any():
        raise RasterError(
            "population",
            found=f"{int(bad.sum())} cells that are negative or infinite",
            expected="people per square kilometre",
            repair="Declare the value for no data with population.rio.write_nodata(…).",
        )
    factor: FloatArray = 1.0 + float(table["per_decade"]) * np.log10(1.0 + density)
    return factor
