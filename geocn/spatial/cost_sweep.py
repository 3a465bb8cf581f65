"""Tiles of a cost grid put to work: which are due, in what order, on which threads."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import numba
import numpy as np

from geocn._kernels import sweep
from geocn._kernels.cost import allocate
from geocn._kernels.sweep_heap import settle
from geocn._kernels.sweep_rows import TILE
from geocn._typing import AnyArray, FloatArray, IntArray

# Tiles are run together while their news lie within this many tiles of level going.
_STRIDE = 1.5
_THREADS_FROM_CELLS = 30_000_000
# Terrain takes 4 visits a tile, noise 5. Where ways wind in and out of tiles more often
# than this, one heap over the whole grid does the rest.
_MOST_VISITS, _FROM_TILES = 8, 16
# Smaller grids go to the heap at once: it takes less time there than sweeps take to compile.
_SWEEPS_FROM_CELLS = 100_000
# Cells that a heap settles before it asks again how far is far enough.
_AT_ONCE = 65_536
# Room that a heap has at least: for the steps out of one cell, many times over.
_ROOM = 1024


@dataclass(frozen=True)
class Ground:
    """What steps cost: friction, the share of each step in a cell, and which steps there are."""

    friction: FloatArray
    halves: FloatArray
    wrap: bool
    wide: bool
    elevation: FloatArray | None = None
    factors: FloatArray = field(default_factory=lambda: np.ones(1))

    @property
    def varied(self) -> bool:
        """Whether lengths differ from row to row."""
        return bool(np.any(self.halves != self.halves[:, :1]))

    def stride(self) -> float:
        """Cost across a tile over the middle friction of a sample."""
        sample = self.friction[::16, ::16]
        known = sample[np.isfinite(sample)]
        middle = float(np.median(known)) if known.size else 1.0
        return _STRIDE * TILE * 2 * float(self.halves[:2].max()) * middle


class Tiles:
    """Tiles that wait for a visit: the lowest value that fell beside each, and on which side."""

    def __init__(self, shape: tuple[int, int]) -> None:
        self.shape = (-(-shape[0] // TILE), -(-shape[1] // TILE))
        self.cells = shape
        n = self.shape[0] * self.shape[1]
        self.waiting = np.full(n, np.inf)
        self.news = np.zeros(n, dtype=np.int64)
        self.visits = np.zeros(n, dtype=np.int64)

    @property
    def wind(self) -> bool:
        """Whether tiles are visited so often that one heap would be faster."""
        seen = np.count_nonzero(self.visits)
        return bool(seen >= _FROM_TILES and self.visits.sum() > _MOST_VISITS * seen)

    def wake(self, cells: IntArray, values: FloatArray | float, *, wrap: bool) -> None:
        """Let the tiles within two of some flat cells look at everything."""
        rows, columns = np.divmod(np.asarray(cells, dtype=np.int64), self.cells[1])
        values = np.broadcast_to(np.asarray(values, dtype=np.float64), rows.shape)
        for dy in (-2, 0, 2):
            for dx in (-2, 0, 2):
                row, column = rows + dy, columns + dx
                column = column % self.cells[1] if wrap else column
                inside = (row >= 0) & (row < self.cells[0])
                inside &= (column >= 0) & (column < self.cells[1])
                tile = self._of(row[inside], column[inside])
                np.minimum.at(self.waiting, tile, values[inside])
                self.news[tile] |= sweep.INSIDE

    def _of(self, rows: IntArray, columns: IntArray) -> IntArray:
        # Tiles begin at k * cells // tiles, which parts cells as evenly as can be.
        starts = [np.arange(n) * c // n for n, c in zip(self.shape, self.cells, strict=True)]
        y, x = (
            np.searchsorted(s, at, "right") - 1
            for s, at in zip(starts, (rows, columns), strict=True)
        )
        tiles: IntArray = y * self.shape[1] + x
        return tiles

    def colours(self, *, wrap: bool) -> IntArray:
        """Return a number for each tile such that no two of one number touch."""
        y, x = np.divmod(np.arange(self.waiting.size), self.shape[1])
        across = x % 2
        if wrap and self.shape[1] % 2:
            across[x == self.shape[1] - 1] = 2
        colours: IntArray = (y % 2) * 3 + across
        return colours


def relax(
    ground: Ground,
    cost: FloatArray,
    tiles: Tiles,
    *,
    limit: Callable[[], float],
) -> float:
    """Visit waiting tiles until none is left below the limit; ``cost`` is written.

    Costs up to the limit that is returned are final. The result is the same to the last
    bit for any number of threads (see :mod:`geocn._kernels.sweep`).
    """
    if cost.size < _SWEEPS_FROM_CELLS:
        starts = np.flatnonzero(np.isfinite(cost))
        return by_heap(ground, cost, starts, limit=limit)
    n_threads = numba.get_num_threads() if cost.size >= _THREADS_FROM_CELLS else 1
    stride, colours = ground.stride(), tiles.colours(wrap=ground.wrap)
    # None leaves a branch out of what is compiled.
    wide, even, varied = (
        True if asked else None for asked in (ground.wide, not ground.varied, ground.varied)
    )

    def visit(chosen: IntArray, waiting: FloatArray, news: IntArray) -> int:
        relaxed = sweep.visit(
            ground.friction.ravel(), cost.ravel(), ground.halves, ground.wrap, wide, even,
            varied, tiles.shape[1], chosen, waiting, news, *sweep.tile_room(),
        )  # fmt: skip
        return int(relaxed)

    with ThreadPoolExecutor(n_threads) as pool:
        while True:
            until = limit()
            lowest = float(tiles.waiting.min())
            if lowest == np.inf or lowest > until:
                return until
            if tiles.wind:
                starts = np.flatnonzero((cost >= lowest) & (cost < np.inf))
                return by_heap(ground, cost, starts, limit=limit)
            due = np.flatnonzero(tiles.waiting <= min(lowest + stride, until))
            tiles.visits[due] += 1
            if n_threads == 1 or due.size < 2 * n_threads:
                visit(due, tiles.waiting, tiles.news)
            else:
                for colour in np.unique(colours[due]):
                    _together(pool, visit, tiles, due[colours[due] == colour], n_threads)


def by_heap(
    ground: Ground, cost: FloatArray, starts: IntArray, *, limit: Callable[[], float]
) -> float:
    """Go on from the costs of some flat cells by one heap; ``cost`` is written.

    Costs up to the limit that is returned are final.
    """
    # A sorted array is a heap.
    order = np.argsort(cost.ravel()[starts])
    size = starts.size
    keys, cells = np.empty(2 * size + _ROOM), np.empty(2 * size + _ROOM, np.int64)
    cells[:size] = starts[order]
    keys[:size] = cost.ravel()[cells[:size]]
    heights: Any = ground.elevation
    while True:
        until = limit()
        if size == 0 or keys[0] > until:
            return until
        size = settle(
            ground.friction, ground.halves, heights, ground.factors,
            16 if ground.wide else 8, ground.wrap, cost, keys, cells, size, until, _AT_ONCE,
        )  # fmt: skip
        if keys.size - size < _ROOM:
            # Grown here and not within the kernel, where it would be compiled.
            keys, cells = (np.concatenate([a, np.empty_like(a)]) for a in (keys, cells))


def spread_owners(ground: Ground, cost: FloatArray, owner: AnyArray, starts: IntArray) -> None:
    """Spread the owners of some flat cells along least-cost steps; ``owner`` is written."""
    size = starts.size
    queue = np.empty(2 * size + _ROOM, np.int64)
    queue[:size] = starts
    heights: Any = ground.elevation
    while size:
        size = allocate(
            cost, ground.friction, ground.halves, heights, ground.factors,
            16 if ground.wide else 8, ground.wrap, owner, queue, size,
        )  # fmt: skip
        queue = np.concatenate([queue, np.empty_like(queue)])


def _together(
    pool: ThreadPoolExecutor,
    visit: Callable[[IntArray, FloatArray, IntArray], int],
    tiles: Tiles,
    chosen: IntArray,
    n_threads: int,
) -> None:
    """Visit tiles that do not touch on threads, each with its own list of what fell."""
    parts = []
    for start in range(n_threads):
        mine = chosen[start::n_threads]
        waiting, news = np.full_like(tiles.waiting, np.inf), np.zeros_like(tiles.news)
        waiting[mine], news[mine] = tiles.waiting[mine], tiles.news[mine]
        parts.append((mine, waiting, news))
    tiles.waiting[chosen], tiles.news[chosen] = np.inf, 0
    for done in [pool.submit(visit, *part) for part in parts]:
        done.result()
    for _, waiting, news in parts:
        np.minimum(tiles.waiting, waiting, out=tiles.waiting)
        np.bitwise_or(tiles.news, news, out=tiles.news)
