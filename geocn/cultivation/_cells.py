"""An equal-area grid of square cells, and amounts spread over it in proportion to area."""

from __future__ import annotations

from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import pyproj
import rioxarray  # noqa: F401 - registers the accessor .rio
import shapely
import xarray as xr
from affine import Affine
from scipy.sparse import csr_array, vstack

from geocn._kernels.cover import cover_cells
from geocn._typing import AnyArray, FloatArray, IntArray, ObjectArray
from geocn.errors import CRSError, ParameterError
from geocn.spatial.antimeridian import fold_longitudes
from geocn.spatial.cell_areas import cell_areas_km2, is_equal_area
from geocn.spatial.crs import equal_area_crs
from geocn.spatial.densify import densify
from geocn.spatial.raster_grid import RasterGrid

MOST_CELLS = 50_000_000
# Cells of a raster that are projected and spread at a time.
_BLOCK = 500_000
_OUTLINE = 200
_ROUND_OFF = 1e-6
# Rows and columns of a large projected raster whose cells are measured.


@dataclass(frozen=True)
class Lattice:
    """Square cells on multiples of their size from the origin of an equal-area CRS.

    ``cell`` is their side in the unit of the CRS, ``cell_km2`` their size, ``column`` and
    ``row`` count cells from the origin to the north-west corner.
    """

    crs: pyproj.CRS
    cell: float
    cell_km2: float
    column: int
    row: int
    shape: tuple[int, int]

    @classmethod
    def over(
        cls, bounds: FloatArray, crs: pyproj.CRS, cell_km: float, *, layers: int = 1
    ) -> Lattice:
        """Cover bounds (west, south, east, north) in a CRS; no cells where they are NaN."""
        metres = float(crs.axis_info[0].unit_conversion_factor)
        cell = cell_km * 1000 / metres
        if not np.isfinite(bounds).all():
            return cls(crs, cell, cell_km**2, 0, 0, (0, 0))
        # What round-off lays over an edge opens no further row of cells.
        first = np.floor(bounds[:2] / cell + _ROUND_OFF)
        last = np.maximum(np.ceil(bounds[2:] / cell - _ROUND_OFF), first + 1)
        columns, rows = (int(n) for n in last - first)
        if columns * rows * max(layers, 1) > MOST_CELLS:
            raise ParameterError(
                f"a grid of {layers} × {rows:,} × {columns:,} cells exceeds {MOST_CELLS:,}; "
                "choose larger cells or fewer years"
            )
        return cls(crs, cell, cell_km**2, int(first[0]), int(last[1]), (rows, columns))

    @property
    def transform(self) -> Affine:
        """From column and row of a cell corner to x and y."""
        return Affine(self.cell, 0, self.column * self.cell, 0, -self.cell, self.row * self.cell)

    def coordinates(self) -> tuple[FloatArray, FloatArray]:
        """Return x of the columns and y of the rows, at the centres of cells."""
        rows, columns = self.shape
        x = (self.column + np.arange(columns, dtype=np.float64) + 0.5) * self.cell
        y = (self.row - np.arange(rows, dtype=np.float64) - 0.5) * self.cell
        return x, y

    def label(self, values: AnyArray, lead: dict[str, AnyArray], name: str) -> xr.DataArray:
        """Name the axes of ``values`` (…, rows, columns)."""
        x, y = self.coordinates()
        coords = {**lead, "y": y, "x": x}
        raster: xr.DataArray = xr.DataArray(values, coords, (*lead, "y", "x"), name=name)
        raster.rio.write_crs(self.crs, inplace=True)
        raster.rio.write_transform(self.transform, inplace=True)
        raster.rio.write_nodata(np.nan, inplace=True)
        return raster

    def ids(self) -> list[str]:
        """Name each cell by column and row from the origin, as ``make_grid`` does."""
        rows, columns = self.shape
        east = [str(self.column + c) for c in range(columns)]
        return [f"{c}_{self.row - 1 - r}" for r in range(rows) for c in east]

    def squares(self) -> ObjectArray:
        """Outline of each cell, row by row from the north-west."""
        rows, columns = self.shape
        row, column = np.divmod(np.arange(rows * columns), max(columns, 1))
        west, north = self.column + column, self.row - row
        edge = self.cell
        boxes = shapely.box(west * edge, (north - 1) * edge, (west + 1) * edge, north * edge)
        return np.asarray(boxes, dtype=object)


def plane_of(crs: object, *frames: gpd.GeoDataFrame | gpd.GeoSeries) -> pyproj.CRS:
    """Take the CRS that was asked for, or choose one; it must be equal-area for ha/km².

    Raises
    ------
    CRSError
        Where it is not projected, or a square kilometre is not one everywhere.
    """
    if crs is None:
        return equal_area_crs(*frames)
    plane = pyproj.CRS.from_user_input(crs)
    if not is_equal_area(plane):
        raise CRSError(
            "density_grid",
            found=plane.to_string(),
            expected="an equal-area CRS in metres or feet",
            repair="Leave crs out, or take EPSG:6933.",
        )
    return plane


def spread_polygons(shapes: ObjectArray, lattice: Lattice) -> csr_array:
    """Spread 1 over the cells under each polygon, in proportion to area.

    A polygon without any area lies in the cell of a point of it. Null ones stay empty.
    """
    owner, row, column, share = covered(shapes, lattice.transform)
    inside = _inside(row, column, lattice.shape)
    owner, row, column, share = owner[inside], row[inside], column[inside], share[inside]
    flat = ~(shapely.is_missing(shapes) | shapely.is_empty(shapes))
    flat[owner] = False
    lost = np.flatnonzero(flat)
    if len(lost):
        xy = shapely.get_coordinates(shapely.point_on_surface(shapes[lost]))
        c = np.floor(xy[:, 0] / lattice.cell).astype(np.int64) - lattice.column
        r = lattice.row - 1 - np.floor(xy[:, 1] / lattice.cell).astype(np.int64)
        r, c = np.clip(r, 0, lattice.shape[0] - 1), np.clip(c, 0, lattice.shape[1] - 1)
        owner, row = np.concatenate([owner, lost]), np.concatenate([row, r])
        column, share = np.concatenate([column, c]), np.concatenate([share, np.ones(len(lost))])
    return _shares(owner, row, column, share, len(shapes), lattice.shape)


def spread_cells(grid: RasterGrid, cells: IntArray, lattice: Lattice) -> csr_array:
    """Spread 1 over the lattice for each of some cells of a raster (row-major numbers)."""
    blocks = [
        _spread_block(grid, cells[i : i + _BLOCK], lattice) for i in range(0, len(cells), _BLOCK)
    ]
    if not blocks:
        return csr_array((0, lattice.shape[0] * lattice.shape[1]))
    return csr_array(vstack(blocks, format="csr"))


def covered(
    shapes: ObjectArray, transform: Affine
) -> tuple[IntArray, IntArray, IntArray, FloatArray]:
    """Shape, row, column and covered share of every cell that polygons touch."""
    parts, owner = shapely.get_parts(shapes, return_index=True)
    inner, index = shapely.get_parts(parts, return_index=True)
    parts, owner = inner, owner[index]
    areas = (shapely.get_type_id(parts) == 3) & ~shapely.is_empty(parts)
    parts, owner = shapely.orient_polygons(parts[areas]), owner[areas]
    rings, part = shapely.get_rings(parts, return_index=True)
    xy, ring = shapely.get_coordinates(rings, return_index=True)
    x, y = (xy[:, 0] - transform.c) / transform.a, (xy[:, 1] - transform.f) / transform.e
    found, row, column, share = cover_cells(
        np.ascontiguousarray(x),
        np.ascontiguousarray(y),
        np.searchsorted(ring, np.arange(len(rings) + 1)).astype(np.int64),
        np.searchsorted(part, np.arange(len(parts) + 1)).astype(np.int64),
    )
    return owner[found].astype(np.int64), row, column, share


def cell_areas_ha(grid: RasterGrid, cells: IntArray, plane: pyproj.CRS) -> FloatArray:
    """Hectares of some cells of a raster, measured on an equal-area plane."""
    metres = float(plane.axis_info[0].unit_conversion_factor)
    areas = [
        _shoelace(*_corners(grid, cells[i : i + _BLOCK], plane))
        for i in range(0, len(cells), _BLOCK)
    ]
    return np.concatenate([np.empty(0), *areas]) * metres**2 / 1e4


def areas_ha(grid: RasterGrid, cells: IntArray) -> FloatArray:
    """Hectares on the ellipsoid of some cells of a raster in any CRS."""
    size = np.broadcast_to(cell_areas_km2(grid), grid.shape)
    row, column = np.divmod(cells, grid.shape[1])
    return np.asarray(size[row, column] * 100)


def outline(grid: RasterGrid, known: AnyArray) -> gpd.GeoSeries:
    """Box around the known cells of a raster with vertices on its sides, in its CRS."""
    rows, columns = np.flatnonzero(known.any(axis=1)), np.flatnonzero(known.any(axis=0))
    if not len(rows):
        return gpd.GeoSeries([], crs=grid.crs)
    t = grid.transform
    west, east = t.c + t.a * columns[0], t.c + t.a * (columns[-1] + 1)
    north, south = t.f + t.e * rows[0], t.f + t.e * (rows[-1] + 1)
    box = shapely.box(west, south, east, north)
    dense = densify([box], max(east - west, north - south) / _OUTLINE)
    shapes = fold_longitudes(dense) if grid.is_geographic else dense
    return gpd.GeoSeries(shapes, crs=grid.crs)


def raster_lattice(
    grid: RasterGrid, known: AnyArray, plane: pyproj.CRS, cell_km: float, *, layers: int = 1
) -> Lattice:
    """Cover the known cells of a raster."""
    edge = outline(grid, known)
    bounds = edge.to_crs(plane).total_bounds if len(edge) else np.full(4, np.nan)
    # The sides bend between vertices: a cell more on each side costs nothing.
    margin = cell_km * 1000 / float(plane.axis_info[0].unit_conversion_factor)
    return Lattice.over(bounds + margin * np.array([-1, -1, 1, 1]), plane, cell_km, layers=layers)


def _spread_block(grid: RasterGrid, cells: IntArray, lattice: Lattice) -> csr_array:
    x, y = _corners(grid, cells, lattice.crs)
    t = lattice.transform
    n = len(cells)
    numbers = np.arange(n + 1, dtype=np.int64)
    owner, row, column, share = cover_cells(
        ((x - t.c) / t.a).ravel(), ((y - t.f) / t.e).ravel(), numbers * 5, numbers
    )
    inside = _inside(row, column, lattice.shape)
    return _shares(owner[inside], row[inside], column[inside], share[inside], n, lattice.shape)


def _corners(grid: RasterGrid, cells: IntArray, plane: pyproj.CRS) -> tuple[FloatArray, FloatArray]:
    """Return the closed rings of cells on a plane: x and y of shape (n, 5)."""
    row, column = np.divmod(cells, grid.shape[1])
    t = grid.transform
    x = t.c + t.a * (column[:, None] + np.array([0, 1, 1, 0, 0]))
    y = t.f + t.e * (row[:, None] + np.array([0, 0, 1, 1, 0]))
    if grid.crs != plane:
        change = pyproj.Transformer.from_crs(grid.crs, plane, always_xy=True)
        x, y = change.transform(x, y)
    return np.ascontiguousarray(x), np.ascontiguousarray(y)


def _shoelace(x: FloatArray, y: FloatArray) -> FloatArray:
    x, y = x - x[:, :1], y - y[:, :1]
    twice = (x[:, :-1] * y[:, 1:] - x[:, 1:] * y[:, :-1]).sum(axis=1)
    return np.asarray(np.abs(twice) / 2, dtype=np.float64)


def _inside(row: IntArray, column: IntArray, shape: tuple[int, int]) -> AnyArray:
    return (row >= 0) & (row < shape[0]) & (column >= 0) & (column < shape[1])


def _shares(  # noqa: PLR0917 - five columns of one table
    owner: IntArray,
    row: IntArray,
    column: IntArray,
    share: FloatArray,
    n: int,
    shape: tuple[int, int],
) -> csr_array:
    """Matrix of owners × cells whose rows sum to 1, or are empty."""
    total = np.bincount(owner, share, n)
    return csr_array(
        (share / total[owner], (owner, row * shape[1] + column)), (n, shape[0] * shape[1])
    )
