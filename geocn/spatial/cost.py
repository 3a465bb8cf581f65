"""Accumulated cost over friction: what corridors and travel-time reach share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import geopandas as gpd
import numpy as np
import rasterio.features
import shapely
import xarray as xr
from affine import Affine

from geocn._kernels import cost as kernel
from geocn._typing import AnyArray, BoolArray, FloatArray, IntArray
from geocn.errors import CoordinateError, ParameterError, RasterError, SchemaError
from geocn.spatial.cost_slope import SlopeLike, slope_factors
from geocn.spatial.cost_sweep import Ground, Tiles, by_heap, relax, spread_owners
from geocn.spatial.crs import require_crs
from geocn.spatial.raster_grid import RasterGrid, grid_on_cells, raster_grid

#: Sites as a layer, or as pairs of (row, column) in the raster's own order.
SitesLike: TypeAlias = gpd.GeoDataFrame | gpd.GeoSeries | Sequence[tuple[int, int]] | IntArray


@dataclass(frozen=True)
class CostField:
    """Accumulated cost from sites, with what is needed to trace paths in it.

    ``cost`` is infinite and ``owner`` -1 where nothing arrives.
    """

    surface: FrictionSurface
    cost: FloatArray
    owner: AnyArray

    def path(self, target: int) -> IntArray:
        """Flat cells of a least-cost path from a site to ``target``; empty if none."""
        s = self.surface
        heights: Any = s.elevation
        # Room for every cell; what is not written takes no memory.
        path = np.empty(self.cost.size, np.int64)
        n = kernel.trace(
            self.cost, s.friction, s.halves, heights, s.factors,
            s.neighbours, s.wrap, int(target), path,
        )  # fmt: skip
        forwards: IntArray = path[:n][::-1].copy()
        return forwards


@dataclass(frozen=True)
class FrictionSurface:
    """Friction made ready for the kernels: barriers infinite, step lengths in metres.

    ``elevation`` is None where slope costs nothing, and numba then leaves it out;
    ``factors`` are those of :func:`geocn.spatial.cost_slope.slope_factors`.
    """

    grid: RasterGrid
    friction: FloatArray
    lengths_m: FloatArray
    neighbours: int
    wrap: bool
    elevation: FloatArray | None
    factors: FloatArray

    @property
    def halves(self) -> FloatArray:
        """Share of each step's length that lies in one of its cells."""
        return kernel.halves(self.lengths_m)

    @property
    def ground(self) -> Ground:
        """What the kernels ask for."""
        return Ground(
            self.friction, self.halves, self.wrap, self.neighbours == 16,
            self.elevation, self.factors,
        )  # fmt: skip

    def backwards(self) -> FrictionSurface:
        """Return the ground for travel the other way: what rises, falls."""
        return replace(self, factors=np.ascontiguousarray(self.factors[::-1]))

    def without(self, cells: BoolArray) -> FrictionSurface:
        """Return the ground with more barriers."""
        return replace(self, friction=np.where(cells, np.inf, self.friction))

    def accumulate(
        self,
        cells: IntArray,
        owners: IntArray | None = None,
        *,
        max_cost: float = np.inf,
        targets: Sequence[IntArray] = (),
        slack: float = 0.0,
    ) -> CostField:
        """Accumulate cost from flat ``cells`` to every cell, or as far as is asked for.

        Parameters
        ----------
        cells, owners : (k,) int64
            Where to start, and whose each start is; a tie goes to the lower owner.
        max_cost : float
            Cells beyond it are left out.
        targets : sequence of (t,) int64
            Groups of cells: stop at ``1 + slack`` times the cost of the dearest group,
            of each of which the cheapest cell counts.
        """
        cells = np.asarray(cells, dtype=np.int64)
        cost = np.full(self.friction.shape, np.inf)
        cost.ravel()[cells] = 0.0

        def limit() -> float:
            # Room for rounding, so that the last cell itself is always kept.
            dearest = [float(cost.ravel()[group].min()) for group in targets]
            return min(max(dearest) * (1.0 + slack + 1e-12), max_cost) if dearest else max_cost

        if self.elevation is not None:
            until = by_heap(self.ground, cost, np.unique(cells), limit=limit)
        else:
            tiles = Tiles(self.grid.shape)
            tiles.wake(cells, 0.0, wrap=self.wrap)
            until = relax(self.ground, cost, tiles, limit=limit)
        if until < np.inf:
            cost[cost > until] = np.inf
        return CostField(self, cost, self._allocate(cost, cells, owners))

    def _allocate(self, cost: FloatArray, cells: IntArray, owners: IntArray | None) -> AnyArray:
        owners = np.zeros(len(cells), np.int64) if owners is None else np.asarray(owners, np.int64)
        if len(np.unique(owners)) < 2:
            only = int(owners[0]) if len(owners) else 0
            owner = np.full(cost.shape, only, dtype=np.int32)
            owner[cost == np.inf] = -1
            return owner
        owner = np.full(cost.shape, -1, dtype=np.int32)
        # The lowest owner of a cell is written last.
        order = np.argsort(-owners, kind="stable")
        owner.ravel()[cells[order]] = owners[order]
        spread_owners(self.ground, cost, owner, np.unique(cells))
        return owner


@dataclass(frozen=True)
class Sites:
    """Cells that sites stand on: flat cell numbers, and the position of each one's owner.

    ``labels`` are the index labels of all sites, ``left_out`` of those without a place.
    """

    cells: IntArray
    owners: IntArray
    labels: list[Any]
    left_out: list[Any]

    @property
    def duplicated(self) -> list[Any]:
        """Labels of sites each cell of which belongs to an earlier one too."""
        order = np.lexsort((self.owners, self.cells))
        _, first = np.unique(self.cells[order], return_index=True)
        alone = set(self.owners[order][first].tolist())
        return [self.labels[i] for i in np.unique(self.owners).tolist() if i not in alone]

    def of(self, position: int) -> IntArray:
        """Flat cells of one site."""
        cells: IntArray = self.cells[self.owners == position]
        return cells


def friction_surface(
    friction: xr.DataArray,
    *,
    neighbours: int = 16,
    layer: str = "friction",
    elevation: xr.DataArray | None = None,
    slope: SlopeLike = "tobler",
) -> FrictionSurface:
    """Check friction and make it ready for accumulation.

    Parameters
    ----------
    friction : xarray.DataArray
        Cost per metre, above zero. NaN, no data and infinity are barriers.
    neighbours : {16, 8}
        Steps out of a cell. With 8 the cost of a straight line is up to 8.24 % too high,
        with 16 up to 2.75 %.
    layer : str
        What errors call it.
    elevation : xarray.DataArray, optional
        Metres, on the cells of ``friction``; unknown elevation is a barrier.
    slope : str, callable or table
        See :func:`geocn.spatial.cost_slope.slope_factors`; used where ``elevation`` is given.

    Raises
    ------
    RasterError
        Where friction is zero or negative anywhere, rotated, or without cells, or where
        ``elevation`` has other cells.
    ParameterError
        Where ``neighbours`` is neither 8 nor 16, or ``slope`` gives no factors above zero.
    """
    if neighbours not in (8, 16):
        raise ParameterError(f"neighbours is {neighbours!r}; choose 8 or 16")
    grid = raster_grid(friction, layer)
    values = grid.values
    # One pass over what is mostly in order; not a number fails the comparison too.
    if not values.min() > 0:
        require_above_zero(values, grid, layer)
        values[np.isnan(values)] = np.inf
    heights, factors = None, np.ones(1)
    if elevation is not None:
        factors = slope_factors(slope)
        heights = grid_on_cells(elevation, "elevation", grid, layer).values
        heights[np.isinf(heights)] = np.nan
        values[np.isnan(heights)] = np.inf
    return FrictionSurface(
        grid, values, grid.step_lengths_m(), neighbours, grid.wraps, heights, factors
    )


def require_above_zero(
    values: FloatArray, grid: RasterGrid, layer: str, *, corner: tuple[int, int] = (0, 0)
) -> None:
    """Refuse friction of zero or less in a part of a grid that begins at ``corner``.

    Raises
    ------
    RasterError
        Names the first hundred cells.
    """
    bad = values <= 0
    if not bad.any():
        return
    rows, columns = np.nonzero(bad)
    x, y = grid.centres(rows[:100] + corner[0], columns[:100] + corner[1])
    raise RasterError(
        layer,
        found=f"zero or negative friction (lowest {values[bad].min():g})",
        expected="cost per metre above zero; NaN or infinity for a barrier",
        repair="Use NaN for what cannot be crossed and a small positive number for the rest.",
        rows=[f"x={a:g} y={b:g}" for a, b in zip(x, y, strict=True)],
    )


def locate_sites(
    surface: FrictionSurface, sites: SitesLike, layer: str, *, strict: bool = True
) -> Sites:
    """Find the cells of a surface that sites stand on; see :func:`place_sites`."""
    friction = surface.friction.ravel()
    return place_sites(
        surface.grid, lambda cells: np.isfinite(friction[cells]), sites, layer, strict=strict
    )


def place_sites(
    grid: RasterGrid,
    is_passable: Callable[[IntArray], BoolArray],
    sites: SitesLike,
    layer: str,
    *,
    strict: bool = True,
) -> Sites:
    """Find the cells that sites stand on.

    A point stands on one cell; a line or an area on every passable cell that it touches.
    Rows without a geometry are left out and named.

    Raises
    ------
    CoordinateError
        Where sites lie outside the raster, or (``strict``) on barriers or no data only.
    """
    if isinstance(sites, (gpd.GeoDataFrame, gpd.GeoSeries)):
        cells, owners, labels, left_out = _from_geometry(grid, sites, layer)
    else:
        cells, owners, labels = _from_pairs(grid, sites, layer)
        left_out = []
    passable = is_passable(cells) if len(cells) else np.ones(0, bool)
    placed = set(owners.tolist())
    standing = set(owners[passable].tolist())
    away = set(left_out)
    outside = [labels[i] for i in range(len(labels)) if i not in placed and labels[i] not in away]
    blocked = [labels[i] for i in sorted(placed - standing)]
    found = []
    if outside:
        found.append(f"{len(outside)} outside the raster")
    if strict and blocked:
        found.append(f"{len(blocked)} on a barrier or no data")
    if found:
        raise CoordinateError(
            layer,
            found=" and ".join(found),
            expected="sites on passable cells of the friction raster",
            repair="Move or drop these rows, or extend the raster.",
            rows=[*outside, *(blocked if strict else [])],
        )
    return Sites(cells[passable], owners[passable], labels, left_out)


def _from_geometry(
    grid: RasterGrid, sites: gpd.GeoDataFrame | gpd.GeoSeries, layer: str
) -> tuple[IntArray, IntArray, list[Any], list[Any]]:
    require_crs(sites.to_frame("geometry") if isinstance(sites, gpd.GeoSeries) else sites, layer)
    labels = list(sites.index)
    if len(set(labels)) < len(labels):
        raise SchemaError(
            layer,
            found="index labels that stand twice",
            expected="one label a site",
            repair="Use .reset_index(drop=True).",
        )
    geometry = sites.geometry.to_crs(grid.crs).to_numpy()
    known = ~(shapely.is_missing(geometry) | shapely.is_empty(geometry))
    left_out = [label for label, here in zip(labels, known, strict=True) if not here]
    is_point = known & (shapely.get_type_id(geometry) == 0)
    owners = np.flatnonzero(is_point)
    points = geometry[owners]
    rows, columns = grid.cells(shapely.get_x(points), shapely.get_y(points))
    inside = rows >= 0
    all_cells = [kernel.flat(rows, columns, grid.shape[1])[inside]]
    all_owners = [owners[inside]]
    for position in np.flatnonzero(known & ~is_point):
        touched = _touched(grid, geometry[position])
        all_cells.append(touched)
        all_owners.append(np.full(len(touched), position))
    return (
        np.concatenate(all_cells).astype(np.int64),
        np.concatenate(all_owners).astype(np.int64),
        labels,
        left_out,
    )


def _touched(grid: RasterGrid, geometry: Any) -> IntArray:
    # A place without extent has no pixels of its own, but its vertices stand somewhere.
    xy = shapely.get_coordinates(geometry)
    rows, columns = grid.cells(xy[:, 0], xy[:, 1])
    vertices = np.unique(kernel.flat(rows, columns, grid.shape[1])[rows >= 0])
    if shapely.get_type_id(geometry) == 4:
        return vertices
    # Only the rows and columns around it: a raster may be larger than memory.
    t, (height, width) = grid.transform, grid.shape
    west, south, east, north = shapely.bounds(geometry)
    left, right = (int(np.clip((x - t.c) / t.a, 0, width)) for x in (west, east))
    top, bottom = (int(np.clip((y - t.f) / t.e, 0, height)) for y in (north, south))
    left, top = max(left - 1, 0), max(top - 1, 0)
    right, bottom = min(right + 2, width), min(bottom + 2, height)
    mask = rasterio.features.rasterize(
        [(geometry, 1)],
        out_shape=(bottom - top, right - left),
        transform=t @ Affine.translation(left, top),
        all_touched=True,
        dtype="uint8",
    )
    rows, columns = np.nonzero(mask)
    touched = kernel.flat(rows + top, columns + left, width)
    return touched if len(touched) else vertices


def _from_pairs(
    grid: RasterGrid, pairs: Sequence[tuple[int, int]] | IntArray, layer: str
) -> tuple[IntArray, IntArray, list[Any]]:
    array = np.asarray(pairs)
    if array.size == 0:
        array = np.empty((0, 2), dtype=np.int64)
    if array.ndim != 2 or array.shape[1] != 2 or array.dtype.kind not in "iu":
        raise SchemaError(
            layer,
            found=f"{type(pairs).__name__} of {array.dtype} with shape {array.shape}",
            expected="a GeoDataFrame, or pairs of (row, column)",
            repair="Give points as a GeoDataFrame with a CRS.",
        )
    rows, columns = array[:, 0].astype(np.int64), array[:, 1].astype(np.int64)
    height, width = grid.shape
    inside = (rows >= 0) & (rows < height) & (columns >= 0) & (columns < width)
    rows, columns = grid.unflip(rows, columns)
    owners = np.flatnonzero(inside).astype(np.int64)
    return kernel.flat(rows, columns, width)[inside], owners, list(range(len(array)))
