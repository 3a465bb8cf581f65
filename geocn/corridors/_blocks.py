"""Accumulated cost of a raster that is larger than memory, from a file to a file by blocks.

A block is read with a halo of two cells, brought to its fixpoint in memory and written to a
scratch file; where its edge fell its neighbours wait for another visit, the lowest first.
The fixpoint is that of the whole raster, to the last bit.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
import rasterio.shutil
import rioxarray
import xarray as xr
from affine import Affine
from rasterio.enums import Resampling
from rasterio.io import DatasetReader, DatasetWriter
from rasterio.windows import Window

from geocn._kernels import cost as kernel
from geocn._typing import AnyArray, BoolArray, FloatArray, IntArray, StrPath
from geocn.corridors._block_grid import Block, BlockGrid
from geocn.corridors._islands import Islands
from geocn.errors import RasterError, ReadError
from geocn.io.atomic import atomic_file
from geocn.io.guard import FileFormat, check_path, identify_content, open_regular
from geocn.provenance import attach
from geocn.spatial.cost import Sites, SitesLike, place_sites, require_above_zero
from geocn.spatial.cost_sweep import Ground, Tiles, relax, spread_owners
from geocn.spatial.raster_grid import RasterGrid, raster_grid

# Bytes a cell of a run in memory, of a block, and of Python with its libraries.
_IN_MEMORY, _IN_BLOCK, _BASE_MB = 32, 44, 350
_TILE = 512
_HEAD = 4096
_ALONE = {
    "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR",
    "GDAL_PAM_ENABLED": "NO",
    "GDAL_GEOREF_SOURCES": "INTERNAL",
    "GDAL_CACHEMAX": 64,
}
_COG = {
    "driver": "COG", "COMPRESS": "DEFLATE", "LEVEL": 1, "PREDICTOR": "FLOATING_POINT",
    "BIGTIFF": "IF_SAFER",
}  # fmt: skip

Progress = Callable[[str], None]


def fits(path: StrPath, memory_budget_mb: float) -> bool:
    """Whether the whole raster can be worked on within the budget."""
    with _opened(path) as source:
        need = source.width * source.height * _IN_MEMORY / 2**20 + _BASE_MB
    return bool(need <= memory_budget_mb)


def by_blocks(
    path: StrPath,
    sources: SitesLike,
    to: StrPath,
    *,
    neighbours: int,
    max_cost: float,
    memory_budget_mb: float,
    progress: Progress | None,
    asked: dict[str, Any],
) -> xr.Dataset:
    """Run :func:`geocn.corridors.cost_surface` from a file to a file."""
    cells = max((memory_budget_mb - _BASE_MB) * 2**20 / _IN_BLOCK, _TILE**2)
    side = max(int(np.sqrt(cells)) // _TILE, 1) * _TILE
    with ExitStack() as stack:
        source = stack.enter_context(_opened(path))
        goal = stack.enter_context(atomic_file(to))
        grid = _grid(source, Path(path).name)
        sites = place_sites(grid, lambda at: _passable(source, grid, at), sources, "sources")
        scratch = goal.with_name("scratch.tif")
        with _scratch(scratch, grid) as store:
            run = _Run(source, store, grid, side, sites, neighbours, progress)
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
        _write_cog(scratch, goal)
    return _lazily(to, attrs, sites)


def write_cost(result: xr.Dataset, to: StrPath) -> xr.Dataset:
    """Write a result held in memory as the same COG; gives it back."""
    bands = [result["accumulated"], result["allocation"]]
    values = [bands[0].to_numpy(), np.where(bands[1] < 0, np.nan, bands[1])]
    grid = raster_grid(bands[0], "accumulated")
    north_up = [raster_grid(bands[0].copy(data=v), "accumulated").values for v in values]
    with rasterio.Env(**_ALONE), atomic_file(to) as goal:
        scratch = goal.with_name("scratch.tif")
        with _scratch(scratch, grid) as store:
            for band, array in enumerate(north_up, start=1):
                store.write(array, band)
            store.update_tags(GEOCN=json.dumps(result.attrs["geocn"], sort_keys=True))
        _write_cog(scratch, goal)
    return result


class _Run:
    """One run by blocks: what is read, where it is written, and who waits."""

    def __init__(  # noqa: PLR0917
        self,
        source: DatasetReader,
        store: DatasetWriter,
        grid: RasterGrid,
        side: int,
        sites: Sites,
        neighbours: int,
        progress: Progress | None,
    ) -> None:
        self.source, self.store, self.grid, self.sites = source, store, grid, sites
        self.neighbours, self.tell = neighbours, progress or _silent
        self.halves = kernel.halves(grid.step_lengths_m())
        self.blocks = BlockGrid(grid.shape, side, wrap=grid.wraps)
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
            passable = np.isfinite(self._friction(block)[block.inner])
            counts += [reached.sum(), (passable & ~reached).sum()]
            islands.add(passable & ~reached, block.window.row_off, block.window.col_off)
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
        friction, cost = self._friction(block), self._read(1, block)
        at, _ = block.local(self.sites.cells, self.grid.shape[1])
        first = not self.visited[block.number]
        fresh = at[cost.ravel()[at] > 0]
        cost.ravel()[at] = 0.0
        rim = block.rim()
        rim = rim[(cost.ravel()[rim] >= since) & (cost.ravel()[rim] < np.inf)]
        tiles = Tiles(cost.shape)
        tiles.wake(
            np.concatenate([rim, fresh]), cost.ravel()[np.concatenate([rim, fresh])], wrap=False
        )
        before = {key: cost[band].copy() for key, band in block.bands()}
        if first:
            before = {key: np.full_like(band, np.inf) for key, band in before.items()}
        self.visited[block.number] = True
        relax(self._ground(block, friction), cost, tiles, limit=lambda: max_cost)
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
        spread_owners(self._ground(block, self._friction(block)), cost, owner, starts)
        inner = owner[block.inner]
        self._write(2, block, np.where(inner < 0, np.nan, inner))
        return {
            block.neighbours[key]
            for key, band in block.bands()
            if key in block.neighbours and (owner[band] != before[key]).any()
        }

    def _ground(self, block: Block, friction: FloatArray) -> Ground:
        halves = np.ascontiguousarray(self.halves[:, block.rows])
        return Ground(friction, halves, False, self.neighbours == 16)

    def _friction(self, block: Block) -> FloatArray:
        values = block.gather(lambda window: _band(self.source, window), np.inf)
        corner = (block.rows.start, block.first_column)
        require_above_zero(values, self.grid, "friction", corner=corner)
        return values

    def _read(self, band: int, block: Block) -> FloatArray:
        def window(where: Window) -> FloatArray:
            values: FloatArray = self.store.read(band, window=where)
            values[np.isnan(values)] = np.inf
            return values

        return block.gather(window, np.inf)

    def _write(self, band: int, block: Block, values: FloatArray) -> None:
        self.store.write(values, band, window=block.window)


def _band(source: DatasetReader, window: Window) -> FloatArray:
    raw = source.read(1, window=window, masked=True)
    values: FloatArray = raw.data.astype(np.float64)
    if (source.scales[0], source.offsets[0]) != (1.0, 0.0):
        values = values * source.scales[0] + source.offsets[0]
    values[np.ma.getmaskarray(raw) | np.isnan(values)] = np.inf
    return values


def _passable(source: DatasetReader, grid: RasterGrid, cells: IntArray) -> BoolArray:
    rows, columns = np.divmod(cells, grid.shape[1])
    known: list[bool] = []
    for row, column in zip(rows.tolist(), columns.tolist(), strict=True):
        known.append(bool(np.isfinite(_band(source, Window(column, row, 1, 1))[0, 0])))
    return np.array(known, dtype=bool)


def _grid(source: DatasetReader, name: str) -> RasterGrid:
    """Check the raster's place as one in memory is, without its values."""
    turn = source.transform
    if turn.b or turn.d or turn.a <= 0 or turn.e >= 0 or min(source.shape) < 2 or source.count > 1:
        raise RasterError(
            name,
            found=f"{source.count} bands of {source.shape}, or a rotated or mirrored grid",
            expected="one band, north up",
            repair="Warp it first: gdalwarp in.tif out.tif",
        )
    (height, width), coords, sizes, starts = source.shape, {}, [], []
    for name_, start, step, n in (("y", turn.f, turn.e, height), ("x", turn.c, turn.a, width)):
        # As raster_grid takes them from the centres, so that both ways give the same bits.
        first, last = start + step * 0.5, start + step * (n - 0.5)
        size = (last - first) / (n - 1)
        coords[name_] = np.array([first, first + size])
        sizes.append(size)
        starts.append(first - size / 2)
    corner = xr.DataArray(np.ones((2, 2)), coords, ("y", "x"))
    if source.crs is not None:
        corner = corner.rio.write_crs(source.crs)
    grid = raster_grid(corner, name)
    every: AnyArray = np.broadcast_to(np.float64(1), (height, width))
    place = Affine(sizes[1], 0.0, starts[1], 0.0, sizes[0], starts[0])
    return RasterGrid(every, place, grid.crs, corner, ("y", "x"), (False, False))


@contextmanager
def _opened(path: StrPath) -> Iterator[DatasetReader]:
    checked = check_path(path)
    with open_regular(checked) as stream:
        found = identify_content(stream.read(_HEAD), checked.name)
    if found is not FileFormat.GEOTIFF:
        raise ReadError(f"{checked.name}: found {found.value}; expected a GeoTIFF")
    with rasterio.Env(**_ALONE):
        try:
            source = rasterio.open(checked, driver="GTiff", sharing=False)
        except rasterio.errors.RasterioError as error:
            raise ReadError(f"{checked.name}: the raster is damaged ({error})") from error
        with source:
            yield source


def _scratch(path: Path, grid: RasterGrid) -> DatasetWriter:
    height, width = grid.shape
    return rasterio.open(
        path, "w+", driver="GTiff", height=height, width=width, count=2, dtype="float64",
        nodata=np.nan, crs=grid.crs, transform=grid.transform, tiled=True, blockxsize=_TILE,
        blockysize=_TILE, interleave="band", sparse_ok=True, bigtiff="yes",
    )  # fmt: skip


def _write_cog(scratch: Path, goal: Path) -> None:
    # The COG driver would make its overviews from a compressed copy, over and over again.
    with rasterio.open(scratch, "r+") as store:
        halvings = max(int(np.ceil(np.log2(max(store.shape) / _TILE))), 0)
        store.build_overviews([2**k for k in range(1, halvings + 1)], Resampling.nearest)
    rasterio.shutil.copy(scratch, goal, **_COG)


def _lazily(path: StrPath, attrs: dict[str, Any], sites: Sites) -> xr.Dataset:
    bands: Any = rioxarray.open_rasterio(path)
    cost, owner = bands.isel(band=0, drop=True), bands.isel(band=1, drop=True)
    cost.attrs = {"long_name": "accumulated least cost", "units": "unit of friction x metre"}
    owner.attrs = {"long_name": "position of the nearest source", "labels": sites.labels}
    found = xr.Dataset({"accumulated": cost, "allocation": owner})
    found.attrs.update(attrs)
    return found


def _silent(_: str) -> None:
    """Tell nobody."""
