"""Travel time from many sites, each only as far as its limit, and the cells as areas."""

from __future__ import annotations

from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import rasterio.features
import shapely
from affine import Affine

from geocn._typing import BoolArray, FloatArray, IntArray, ObjectArray
from geocn.spatial.antimeridian import fold_longitudes, shortest_way
from geocn.spatial.cost import FrictionSurface
from geocn.spatial.cost_sweep import Ground, Tiles, by_heap, relax
from geocn.spatial.crs import LONLAT
from geocn.spatial.densify import densify
from geocn.spatial.raster_grid import RasterGrid

# Cells around the starts that a search looks at first. Wider windows have so many cells
# that sweeps over tiles settle them, in a tenth of the time that a heap takes.
_MARGINS = (24, 160)
_SWEPT_CELLS = 100_000
# A reach with more cells than this seldom fits the narrowest window.
_FEW_CELLS = 1500
_FURTHEST_STEP = 2  # cells that a knight's move goes in one direction


@dataclass(frozen=True)
class Window:
    """Part of a grid; columns may run past its sides where it wraps."""

    top: int
    bottom: int
    left: int
    right: int

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.bottom - self.top, self.right - self.left


@dataclass(frozen=True)
class Field:
    """Cost within a window, infinite where it is beyond the limit."""

    window: Window
    cost: FloatArray

    def at(self, cells: IntArray, width: int) -> FloatArray:
        """Cost of flat cells of the grid."""
        rows, columns = np.divmod(cells, width)
        row, column = rows - self.window.top, (columns - self.window.left) % width
        height, across = self.window.shape
        inside = (row >= 0) & (row < height) & (column < across)
        found = np.full(len(cells), np.inf)
        found[inside] = self.cost[row[inside], column[inside]]
        return found


class Searches:
    """Searches one after another: each begins as wide as the last one turned out to need."""

    def __init__(self, surface: FrictionSurface) -> None:
        self.surface = surface
        self._margin = _MARGINS[0]

    def search(self, cells: IntArray, limit: float) -> Field:
        """Accumulate cost from flat cells as far as ``limit``; see :func:`search`."""
        field = search(self.surface, cells, limit, margin=self._margin)
        self._margin = _MARGINS[int(np.isfinite(field.cost).sum() > _FEW_CELLS)]
        return field


def search(
    surface: FrictionSurface, cells: IntArray, limit: float, *, margin: int = _MARGINS[0]
) -> Field:
    """Accumulate cost from flat cells as far as ``limit``.

    Only a window around them is looked at, which grows while costs within the limit come
    near its sides. The costs are those of the whole grid, to the last bit.
    """
    width = surface.grid.shape[1]
    rows, columns = np.divmod(np.asarray(cells, dtype=np.int64), width)
    if surface.wrap:
        half = width // 2
        columns = columns[0] + (columns - columns[0] + half) % width - half
    window = Window(
        int(rows.min()), int(rows.max()) + 1, int(columns.min()), int(columns.max()) + 1
    )
    field = Field(window, np.full(window.shape, np.inf))
    field.cost[rows - window.top, columns - window.left] = 0.0
    seeds = np.isfinite(field.cost)
    while True:
        field = _settled(surface, field, seeds, _widened(window, margin, surface), limit)
        if not _is_cut(field, surface):
            return field
        seeds = _rim(field.cost)
        margin = next((m for m in _MARGINS if m > margin), 2 * margin)


def _widened(window: Window, margin: int, surface: FrictionSurface) -> Window:
    """Add cells on every side where the grid has any; a wide window is large enough to sweep."""
    height, width = surface.grid.shape
    least = min(_SWEPT_CELLS, height * width) if margin > _MARGINS[0] else 0
    while True:
        wider = _with_margin(window, margin, surface)
        if wider.shape[0] * wider.shape[1] >= least:
            return wider
        margin += margin // 2


def _with_margin(window: Window, margin: int, surface: FrictionSurface) -> Window:
    height, width = surface.grid.shape
    top, bottom = max(window.top - margin, 0), min(window.bottom + margin, height)
    left, right = window.left - margin, window.right + margin
    if not surface.wrap:
        return Window(top, bottom, max(left, 0), min(right, width))
    if right - left >= width:
        return Window(top, bottom, 0, width)
    return Window(top, bottom, left, right)


def _settled(
    surface: FrictionSurface, before: Field, seeds: BoolArray, window: Window, limit: float
) -> Field:
    """Go on from some costs of a smaller window in a wider one."""
    ground = _part(surface, window)
    width = surface.grid.shape[1]
    rows, columns = np.nonzero(seeds)
    values = before.cost[rows, columns]
    down = before.window.top - window.top
    across = (np.arange(before.window.left, before.window.right) - window.left) % width
    cost = np.full(window.shape, np.inf)
    cost[down : down + len(before.cost), across] = before.cost
    starts = (rows + down) * window.shape[1] + across[columns]
    if surface.elevation is not None:
        by_heap(ground, cost, starts, limit=lambda: limit)
    else:
        tiles = Tiles(window.shape)
        tiles.wake(starts, values, wrap=ground.wrap)
        relax(ground, cost, tiles, limit=lambda: limit)
    cost[cost > limit] = np.inf
    return Field(window, cost)


def _part(surface: FrictionSurface, window: Window) -> Ground:
    """Cut the ground of a window out."""
    width = surface.grid.shape[1]
    rows = slice(window.top, window.bottom)
    whole = window.shape[1] == width and window.left == 0

    def cut(values: FloatArray) -> FloatArray:
        if window.left >= 0 and window.right <= width:
            return np.ascontiguousarray(values[rows, window.left : window.right])
        return values[rows].take(np.arange(window.left, window.right) % width, axis=1)

    return Ground(
        cut(surface.friction),
        np.ascontiguousarray(surface.halves[:, rows]),
        surface.wrap and whole,
        surface.neighbours == 16,
        None if surface.elevation is None else cut(surface.elevation),
        surface.factors,
    )


def _rim(cost: FloatArray) -> BoolArray:
    """Reached cells from which a step may lead out of the window."""
    reached: BoolArray = np.isfinite(cost)
    reached[_FURTHEST_STEP:-_FURTHEST_STEP, _FURTHEST_STEP:-_FURTHEST_STEP] = False
    return reached


def _is_cut(field: Field, surface: FrictionSurface) -> bool:
    height, width = surface.grid.shape
    window, reached, n = field.window, np.isfinite(field.cost), _FURTHEST_STEP
    whole = window.shape[1] == width
    open_sides = (
        (window.top > 0, reached[:n]),
        (window.bottom < height, reached[-n:]),
        (not whole and (surface.wrap or window.left > 0), reached[:, :n]),
        (not whole and (surface.wrap or window.right < width), reached[:, -n:]),
    )
    return any(is_open and bool(cells.any()) for is_open, cells in open_sides)


def outline(field: Field, limit: float, grid: RasterGrid) -> ObjectArray:
    """Trace the cells within a limit: polygons in the CRS of the grid along edges of cells."""
    inside = field.cost <= limit
    rows, columns = (np.flatnonzero(inside.any(axis=axis)) for axis in (1, 0))
    if not len(rows):
        return np.empty(0, dtype=object)
    (top, bottom), (left, right) = rows[[0, -1]], columns[[0, -1]]
    inside = np.ascontiguousarray(inside[top : bottom + 1, left : right + 1])
    corner = Affine.translation(int(left) + field.window.left, int(top) + field.window.top)
    # Cells that touch at a corner are parts of their own, so that every part is valid.
    traced = rasterio.features.shapes(
        inside.view(np.uint8), mask=inside, connectivity=4, transform=grid.transform @ corner
    )
    rings = [[np.array(ring) for ring in geometry["coordinates"]] for geometry, _ in traced]
    return np.array([shapely.Polygon(ring[0], ring[1:]) for ring in rings], dtype=object)


def in_degrees(parts: list[ObjectArray], grid: RasterGrid) -> ObjectArray:
    """Bring traced cells to EPSG:4326, edges as they run there; None where there are none."""
    shapes = np.full(len(parts), None, dtype=object)
    for i, polygons in enumerate(parts):
        if len(polygons):
            shapes[i] = polygons[0] if len(polygons) == 1 else shapely.multipolygons(polygons)
    if grid.is_geographic:
        # Folded first: beyond 180 degrees there is no CRS.
        return _moved(fold_longitudes(shapes), grid)
    some = np.flatnonzero(~shapely.is_missing(shapes))
    # An edge that is straight on the plane bends in degrees.
    shapes[some] = densify(shapes[some], min(abs(grid.transform.a), abs(grid.transform.e)))
    return shortest_way(_moved(shapes, grid))


def _moved(shapes: ObjectArray, grid: RasterGrid) -> ObjectArray:
    if grid.crs == LONLAT:
        return shapes
    return np.asarray(gpd.GeoSeries(shapes, crs=grid.crs).to_crs(LONLAT).to_numpy(), dtype=object)
