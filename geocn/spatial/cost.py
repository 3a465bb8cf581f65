"""Accumulated cost over friction: what corridors and travel-time reach share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import geopandas as gpd
import numpy as np
import rasterio.features
import shapely
import xarray as xr

from geocn._kernels import cost as kernel
from geocn._typing import AnyArray, FloatArray, IntArray
from geocn.errors import CoordinateError, ParameterError, RasterError, SchemaError
from geocn.spatial.crs import require_crs
from geocn.spatial.raster_grid import RasterGrid, raster_grid

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
        cells: IntArray = kernel.trace(
            self.cost, s.friction, s.lengths_m, s.steps, s.wrap, int(target)
        )
        forwards: IntArray = cells[::-1].copy()
        return forwards


@dataclass(frozen=True)
class FrictionSurface:
    """Friction made ready for the kernel: barriers infinite, step lengths in metres."""

    grid: RasterGrid
    friction: FloatArray
    lengths_m: FloatArray
    steps: IntArray
    wrap: bool

    def accumulate(
        self,
        cells: IntArray,
        owners: IntArray | None = None,
        *,
        max_cost: float = np.inf,
        targets: IntArray | None = None,
        slack: float = 0.0,
    ) -> CostField:
        """Accumulate cost from flat ``cells``; see :func:`geocn._kernels.cost.accumulate`."""
        none = np.empty(0, dtype=np.int64)
        cost, owner = kernel.accumulate(
            self.friction,
            self.lengths_m,
            self.steps,
            self.wrap,
            np.asarray(cells, dtype=np.int64),
            np.zeros(len(cells), np.int64) if owners is None else np.asarray(owners, np.int64),
            float(max_cost),
            none if targets is None else np.asarray(targets, dtype=np.int64),
            # Room for rounding, so that the last cell itself is always kept.
            slack + 1e-12,
        )
        return CostField(self, cost, owner)


@dataclass(frozen=True)
class Sites:
    """Cells that sites stand on: flat cell numbers, and the position of each one's owner.

    ``labels`` are the index labels of all sites, ``left_out`` of those without a place.
    """

    cells: IntArray
    owners: IntArray
    labels: list[Any]
    left_out: list[Any]

    def of(self, position: int) -> IntArray:
        """Flat cells of one site."""
        cells: IntArray = self.cells[self.owners == position]
        return cells


def friction_surface(
    friction: xr.DataArray, *, neighbours: int = 16, layer: str = "friction"
) -> FrictionSurface:
    """Check friction and make it ready for accumulation.

    Parameters
    ----------
    friction : xarray.DataArray
        Cost per metre, above zero. NaN, no data and infinity are barriers.
    neighbours : {16, 8}
        Steps out of a cell. With 8 the cost of a straight line is up to 8.24 % too high,
        with 16 up to 2.75 %.

    Raises
    ------
    RasterError
        Where friction is zero or negative anywhere, rotated, or without cells.
    ParameterError
        Where ``neighbours`` is neither 8 nor 16.
    """
    if neighbours not in (8, 16):
        raise ParameterError(f"neighbours is {neighbours!r}; choose 8 or 16")
    grid = raster_grid(friction, layer)
    with np.errstate(invalid="ignore"):
        bad = grid.values <= 0
    if bad.any():
        rows, columns = np.nonzero(bad)
        x, y = grid.centres(rows, columns)
        raise RasterError(
            layer,
            found=f"zero or negative friction (lowest {grid.values[bad].min():g})",
            expected="cost per metre above zero; NaN or infinity for a barrier",
            repair="Use NaN for what cannot be crossed and a small positive number for the rest.",
            rows=[f"x={a:g} y={b:g}" for a, b in zip(x[:100], y[:100], strict=True)],
        )
    values = np.where(np.isnan(grid.values), np.inf, grid.values)
    steps = kernel.STEPS[:neighbours].copy()
    return FrictionSurface(grid, values, grid.step_lengths_m(), steps, grid.wraps)


def locate_sites(
    surface: FrictionSurface, sites: SitesLike, layer: str, *, strict: bool = True
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
        cells, owners, labels, left_out = _from_geometry(surface.grid, sites, layer)
    else:
        cells, owners, labels = _from_pairs(surface.grid, sites, layer)
        left_out = []
    passable = np.isfinite(surface.friction.ravel()[cells]) if len(cells) else np.ones(0, bool)
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
    mask = rasterio.features.rasterize(
        [(geometry, 1)],
        out_shape=grid.shape,
        transform=grid.transform,
        all_touched=True,
        dtype="uint8",
    )
    touched = np.flatnonzero(mask).astype(np.int64)
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
