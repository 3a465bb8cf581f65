"""Accumulated cost of a raster that is larger than memory, from a file to a file by blocks.

A block is read with a halo of two cells, brought to its fixpoint in memory and written to a
scratch file; where its edge fell its neighbours wait for another visit, the lowest first.
The fixpoint is that of the whole raster, to the last bit.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
import xarray as xr
from rasterio.io import DatasetReader, DatasetWriter
from rasterio.windows import Window

from geocn._kernels import cost as kernel
from geocn._typing import BoolArray, FloatArray, IntArray, StrPath
from geocn.corridors._block_files import (
    CACHE_MB,
    TILE,
    band_of,
    grid_of,
    lazily,
    passable,
    scratch_file,
    write_cog,
)
from geocn.corridors._block_grid import Block, BlockGrid
from geocn.corridors._islands import Islands
from geocn.io.atomic import atomic_file
from geocn.io.raster import ALONE, open_geotiff
from geocn.provenance import attach
from geocn.spatial.cost import Sites, SitesLike, place_sites, require_above_zero
from geocn.spatial.cost_sweep import Ground, Tiles, by_heap, relax, spread_owners
from geocn.spatial.raster_grid import RasterGrid, raster_grid, require_same_cells

# Bytes a cell of a run in memory, of a block, and of Python with its libraries.
_IN_MEMORY, _IN_BLOCK, _BASE_MB = 32, 44, 350
# Heights and the heap that goes over slopes, for each cell more.
_ON_SLOPES = 24

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Slopes:
    """Where heights stand, and the factor of cost by slope."""

    heights: StrPath
    factors: FloatArray


def fits(path: StrPath, memory_budget_mb: float, *, slopes: bool = False) -> bool:
    """Whether the whole raster can be worked on within the budget."""
    with open_geotiff(path, cache_mb=CACHE_MB) as source:
        each = _IN_MEMORY + _ON_SLOPES * slopes
        need = source.width * source.height * each / 2**20 + _BASE_MB
    return bool(need <= memory_budget_mb)


def by_blocks(
    path: StrPath,
    sources: SitesLike,
    to: StrPath,
    *,
    neighbours: int,
    max_cost: float,
    memory_budget_mb: float,
    slopes: Slopes | None,
    progress: Progress | None,
    asked: dict[str, Any],
) -> xr.Dataset:
    """Run :func:`geocn.corridors.cost_surface` from a file to a file."""
    each = _IN_BLOCK + _ON_SLOPES * (slopes is not None)
    cells = max((memory_budget_mb - _BASE_MB) * 2**20 / each, TILE**2)
    side = max(int(np.sqrt(cells)) // TILE, 1) * TILE
    with ExitStack() as stack:
        source = stack.enter_context(open_geotiff(path, cache_mb=CACHE_MB))
        grid = grid_of(source, Path(path).name)
        land = _Land(source, grid, neighbours)
        if slopes is not None:
            heights = stack.enter_context(open_geotiff(slopes.heights, cache_mb=CACHE_MB))
            require_same_cells(grid_of(heights, "elevation"), "elevation", grid, "friction")
            land = replace(land, heights=heights, factors=slopes.factors)
        goal = stack.enter_context(atomic_file(to))
        sites = place_sites(grid, land.passable, sources, "sources")
        scratch = goal.with_name("scratch.tif")
        with scratch_file(scratch, grid) as store:
            run = _Run(land, store, side, sites, progress)
            facts = run.solve(max_cost)
            result = attach(
                xr.Dataset(), "corridors.cost_surface", **asked, crs=grid.crs,
                n_sources=len(sites.labels) - len(sites.left_out), left_out=sites.left_out,
                duplicated_sources=sites.duplicated,
                **facts,
            )  # fmt: skip
            attrs = dict(result.attrs)
            store.update_tags(GEOCN=json.dumps(attrs["geocn"], sort_keys=True))
        run.tell("writing the COG")
        write_cog(scratch, goal)
    return lazily(to, attrs, sites)


def write_cost(result: xr.Dataset, to: StrPath) -> xr.Dataset:
    """Write a result held in memory as the same COG; gives it back."""
    bands = [result["accumulated"], result["allocation"]]
    values = [bands[0].to_numpy(), np.where(bands[1] < 0, np.nan, bands[1])]
    grid = raster_grid(bands[0], "accumulated")
    north_up = [raster_grid(bands[0].copy(data=v), "accumulated").values for v in values]
    with rasterio.Env(**ALONE, GDAL_CACHEMAX=CACHE_MB), atomic_file(to) as goal:
        scratch = goal.with_name("scratch.tif")
        with scratch_file(scratch, grid) as store:
            for band, array in enumerate(north_up, start=1):
                store.write(array, band)
            store.update_tags(GEOCN=json.dumps(result.attrs["geocn"], sort_keys=True))
        write_cog(scratch, goal)
    return result


@dataclass(frozen=True)
class _Land:
    """What steps cost, read block by block."""

    source: DatasetReader
    grid: RasterGrid
    neighbours: int
    heights: DatasetReader | None = None
    factors: FloatArray = field(default_factory=lambda: np.ones(1))

    @cached_property
    def halves(self) -> FloatArray:
        return kernel.halves(self.grid.step_lengths_m())

    def passable(self, cells: IntArray) -> BoolArray:
        """Say which flat cells can be stood on."""
        rasters = [self.source, *([self.heights] if self.heights is not None else [])]
        return passable(rasters, self.grid.shape[1], cells)

    def of(self, block: Block) -> Ground:
        """Read the ground of a block; what has no height cannot be crossed."""
        friction = block.gather(lambda window: band_of(self.source, window), np.inf)
        corner = (block.rows.start, block.first_column)
        require_above_zero(friction, self.grid, "friction", corner=corner)
        halves = np.ascontiguousarray(self.halves[:, block.rows])
        heights, wide = self.heights, self.neighbours == 16
        if heights is None:
            return Ground(friction, halves, False, wide)
        elevation = block.gather(lambda window: band_of(heights, window), np.inf)
        elevation[np.isinf(elevation)] = np.nan
        friction[np.isnan(elevation)] = np.inf
        return Ground(friction, halves, False, wide, elevation, self.factors)


class _Run:
    """One run by blocks: what is read, where it is written, and who waits."""

    def __init__(
        self,
        land: _Land,
        store: DatasetWriter,
        side: int,
        sites: Sites,
        progress: Progress | None,
    ) -> None:
        self.land, self.store, self.grid, self.sites = land, store, land.grid, sites
        self.tell = progress or _silent
        self.blocks = BlockGrid(self.grid.shape, side, wrap=self.grid.wraps)
        self.visited = np.zeros(len(self.blocks.blocks), dtype=bool)

    def solve(self, max_cost: float) -> dict[str, Any]:
        """Visit blocks until nothing falls, then allocate; what provenance says."""
        waiting = self._seeded()
        done = 0
        while (lowest := float(waiting.min(initial=np.inf))) <= max_cost and lowest < np.inf:
            i = int(np.argmin(waiting))
            waiting[i] = np.inf
            for j, value in self._settle(self.blocks.blocks[i], lowest, max_cost):
                waiting[j] = min(waiting[j], value)
            done += 1
            left = int(np.isfinite(waiting).sum())
            self.tell(f"cost: {done} visits, {left} of {len(waiting)} blocks wait")
        if len(np.unique(self.sites.owners)) > 1:
            pending = set(np.flatnonzero(self._seeded() == 0).tolist())
            while pending:
                i = min(pending)
                pending.discard(i)
                pending |= self._allocate(self.blocks.blocks[i])
                self.tell(f"allocation: {len(pending)} of {len(waiting)} blocks wait")
        return self._counted()

    def _counted(self) -> dict[str, Any]:
        """Count cells, and write the owner of them all where there is but one."""
        owners, counts = np.unique(self.sites.owners), np.zeros(2, dtype=np.int64)
        islands = Islands(self.grid)
        for block in self.blocks.blocks:
            reached = np.isfinite(self._read(1, block)[block.inner])
            open_ = np.isfinite(self.land.of(block).friction[block.inner])
            counts += [reached.sum(), (open_ & ~reached).sum()]
            islands.add(open_ & ~reached, block.window.row_off, block.window.col_off)
            if len(owners) == 1:
                self._write(2, block, np.where(reached, float(owners[0]), np.nan))
        return {
            "n_cells_reached": int(counts[0]),
            "n_cells_unreached": int(counts[1]),
            **islands.facts(),
        }

    def _seeded(self) -> FloatArray:
        waiting = np.full(len(self.blocks.blocks), np.inf)
        for i, block in enumerate(self.blocks.blocks):
            if len(block.local(self.sites.cells, self.grid.shape[1])[0]):
                waiting[i] = 0.0
        return waiting

    def _settle(self, block: Block, since: float, max_cost: float) -> Iterator[tuple[int, float]]:
        """Bring a block to its fixpoint; yields neighbours and the lowest value near them."""
        ground, cost = self.land.of(block), self._read(1, block)
        at, _ = block.local(self.sites.cells, self.grid.shape[1])
        first = not self.visited[block.number]
        fresh = at[cost.ravel()[at] > 0]
        cost.ravel()[at] = 0.0
        rim = block.rim()
        rim = rim[(cost.ravel()[rim] >= since) & (cost.ravel()[rim] < np.inf)]
        starts = np.unique(np.concatenate([rim, fresh]))
        before = {key: cost[band].copy() for key, band in block.bands()}
        if first:
            before = {key: np.full_like(band, np.inf) for key, band in before.items()}
        self.visited[block.number] = True
        if ground.elevation is not None:
            by_heap(ground, cost, starts, limit=lambda: max_cost)
        else:
            tiles = Tiles(cost.shape)
            tiles.wake(starts, cost.ravel()[starts], wrap=False)
            relax(ground, cost, tiles, limit=lambda: max_cost)
        inner = cost[block.inner]
        inner[inner > max_cost] = np.inf
        self._write(1, block, np.where(np.isinf(inner), np.nan, inner))
        for key, band in block.bands():
            fell = cost[band] < before[key]
            if key in block.neighbours and fell.any():
                yield block.neighbours[key], float(cost[band][fell].min())

    def _allocate(self, block: Block) -> set[int]:
        """Spread owners within a block; neighbours whose halo changed."""
        cost, owner = self._read(1, block), self._read(2, block)
        owner = np.where(np.isfinite(owner), owner, -1).astype(np.int32)
        before = {key: owner[band].copy() for key, band in block.bands()}
        at, which = block.local(self.sites.cells, self.grid.shape[1])
        order = np.argsort(-self.sites.owners[which], kind="stable")
        owner.ravel()[at[order]] = self.sites.owners[which][order]
        rim = block.rim()
        starts = np.unique(np.concatenate([at, rim[owner.ravel()[rim] >= 0]]))
        spread_owners(self.land.of(block), cost, owner, starts)
        inner = owner[block.inner]
        self._write(2, block, np.where(inner < 0, np.nan, inner))
        return {
            block.neighbours[key]
            for key, band in block.bands()
            if key in block.neighbours and (owner[band] != before[key]).any()
        }

    def _read(self, band: int, block: Block) -> FloatArray:
        def window(where: Window) -> FloatArray:
            values: FloatArray = self.store.read(band, window=where)
            values[np.isnan(values)] = np.inf
            return values

        return block.gather(window, np.inf)

    def _write(self, band: int, block: Block, values: FloatArray) -> None:
        self.store.write(values, band, window=block.window)


def _silent(_: str) -> None:
    """Tell nobody."""
