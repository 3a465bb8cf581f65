"""Tiles of a cost grid put to work: which are due, in what order, on which threads."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numba
import numpy as np

from geocn._kernels import sweep, sweep_heap
from geocn._typing import FloatArray, IntArray

# Tiles are run together while their news lie within this many tiles of level going.
_STRIDE = 1.5
_THREADS_FROM_CELLS = 30_000_000
# Terrain takes 4 visits a tile, noise 5. Where ways wind in and out of tiles more often
# than this, one heap over the whole grid does the rest.
_MOST_VISITS, _FROM_TILES = 8, 16


@dataclass(frozen=True)
class Ground:
    """What steps cost: friction, the share of each step in a cell, and which steps there are."""

    friction: FloatArray
    halves: FloatArray
    wrap: bool
    wide: bool

    @property
    def varied(self) -> bool:
        """Whether lengths differ from row to row."""
        return bool(np.any(self.halves != self.halves[:, :1]))

    def stride(self) -> float:
        """Cost across a tile over the middle friction of a sample."""
        sample = self.friction[::16, ::16]
        known = sample[np.isfinite(sample)]
        middle = float(np.median(known)) if known.size else 1.0
        return _STRIDE * sweep.TILE * 2 * float(self.halves[:2].max()) * middle


class Tiles:
    """Tiles that wait for a visit: the lowest value that fell beside each, and on which side."""

    def __init__(self, shape: tuple[int, int]) -> None:
        self.shape = (-(-shape[0] // sweep.TILE), -(-shape[1] // sweep.TILE))
        self.cells = shape
        n = self.shape[0] * self.shape[1]
        self.waiting = np.full(n, np.inf)
        self.news = np.zeros(n, dtype=np.int64)
        self.is_maze = np.zeros(n, dtype=np.int64)
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
    n_threads = numba.get_num_threads() if cost.size >= _THREADS_FROM_CELLS else 1
    stride, varied = ground.stride(), ground.varied
    colours = tiles.colours(wrap=ground.wrap)

    def visit(chosen: IntArray, waiting: FloatArray, news: IntArray) -> None:
        sweep.visit(
            ground.friction, cost, ground.halves, ground.wrap, ground.wide, varied,
            tiles.shape, chosen, waiting, news, tiles.is_maze,
        )  # fmt: skip

    with ThreadPoolExecutor(n_threads) as pool:
        while True:
            until = limit()
            lowest = float(tiles.waiting.min())
            if lowest == np.inf or lowest > until:
                return until
            if tiles.wind:
                sweep_heap.settle(
                    ground.friction, cost, ground.halves, ground.wrap, ground.wide,
                    (0, cost.shape[0], 0, cost.shape[1]), True, lowest, until, np.empty(9),
                )  # fmt: skip
                return limit()
            due = np.flatnonzero(tiles.waiting <= min(lowest + stride, until))
            tiles.visits[due] += 1
            if n_threads == 1 or due.size < 2 * n_threads:
                visit(due, tiles.waiting, tiles.news)
            else:
                for colour in np.unique(colours[due]):
                    _together(pool, visit, tiles, due[colours[due] == colour], n_threads)


def _together(
    pool: ThreadPoolExecutor,
    visit: Callable[[IntArray, FloatArray, IntArray], None],
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
