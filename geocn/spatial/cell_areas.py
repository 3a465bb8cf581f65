"""Area of the cells of a raster in any CRS."""

from __future__ import annotations

import numpy as np
import pyproj
import shapely
from pyproj import Transformer
from scipy.interpolate import RegularGridInterpolator

from geocn._typing import FloatArray, IntArray
from geocn.spatial.crs import GLOBAL_EQUAL_AREA, LONLAT
from geocn.spatial.raster_grid import RasterGrid

_LATTICE = 128  # cells along each side whose area is measured; between them it varies slowly
_SIDE = 6  # vertices along each side of such a cell
_EVEN = 1e-7


def is_equal_area(crs: pyproj.CRS) -> bool:
    """Say whether a square kilometre of a projected CRS is one everywhere.

    Examples
    --------
    >>> is_equal_area(pyproj.CRS("EPSG:6933")), is_equal_area(pyproj.CRS("EPSG:3857"))
    (True, False)
    """
    name = crs.coordinate_operation.method_name.lower() if crs.coordinate_operation else ""
    return crs.is_projected and "equal area" in name.replace("-", " ")


def cell_areas_km2(grid: RasterGrid) -> FloatArray:
    """Area of each cell on the ellipsoid, shape (rows, 1) or (rows, columns).

    In degrees by the authalic latitude of its edges; on an equal-area plane by its sides; on
    another plane by measuring a lattice of cells and interpolating between them.
    """
    t, (rows, columns) = grid.transform, grid.shape
    if is_equal_area(grid.crs):
        metres = float(grid.crs.axis_info[0].unit_conversion_factor)
        return np.full((rows, 1), abs(t.a * t.e) * metres**2 / 1e6)
    if grid.is_geographic:
        to_equal = Transformer.from_crs(grid.crs, GLOBAL_EQUAL_AREA, always_xy=True)
        edges = np.clip(t.f + t.e * np.arange(rows + 1), -90, 90)
        x, y = to_equal.transform(np.r_[0.0, t.a, np.zeros(rows + 1)], np.r_[0.0, 0.0, edges])
        heights = -np.diff(np.asarray(y)[2:])
        return np.asarray((heights * (x[1] - x[0]))[:, None] / 1e6)
    row = np.unique(np.linspace(0, rows - 1, min(rows, _LATTICE)).astype(np.int64))
    column = np.unique(np.linspace(0, columns - 1, min(columns, _LATTICE)).astype(np.int64))
    sizes = _sizes_km2(grid, np.repeat(row, len(column)), np.tile(column, len(row)))
    sizes = sizes.reshape(len(row), len(column))
    if min(sizes.shape) == 1 or sizes.min() > sizes.max() * (1 - _EVEN):
        return np.full((rows, 1), float(sizes.mean()))
    at = RegularGridInterpolator((row, column), sizes)
    i, j = np.meshgrid(np.arange(rows), np.arange(columns), indexing="ij", copy=False)
    return np.asarray(at((i, j)))


def _sizes_km2(grid: RasterGrid, row: IntArray, column: IntArray) -> FloatArray:
    """Areas of some cells of a plane, outlined on the equal-area plane of the globe."""
    t = grid.transform
    way = np.linspace(0, 1, _SIDE, endpoint=False)
    still = np.zeros(_SIDE)
    x = np.concatenate([way, still + 1, 1 - way, still])
    y = np.concatenate([still, way, still + 1, 1 - way])
    to_equal = Transformer.from_crs(grid.crs, GLOBAL_EQUAL_AREA, always_xy=True)
    east, north = to_equal.transform(
        t.c + (column[:, None] + x) * t.a, t.f + (row[:, None] + y) * t.e
    )
    # A cell across 180 degrees comes out in two places: its longitudes are brought together.
    globe = Transformer.from_crs(LONLAT, GLOBAL_EQUAL_AREA, always_xy=True)
    around = 2 * globe.transform(180, 0)[0]
    east = east - np.round((east - east[:, :1]) / around) * around
    ring = shapely.polygons(np.stack([east, north], axis=2))
    return np.asarray(shapely.area(ring) / 1e6, dtype=np.float64)
