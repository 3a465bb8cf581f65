"""Accumulated cost on a grid by sweeps over tiles, exact and without a heap.

A tile is copied with a halo of two cells and swept down and up, then, transposed, right
and left, until nothing falls; every sweep relaxes whole rows (:mod:`.sweep_rows`). Rows
whose sources have not changed since are skipped: each keeps the time of its last change
and of its last relaxation. Tiles wait with the lowest value that fell along their edge
and run in that order. What remains is the unique fixpoint: the least over all paths of
the sum taken along the path, so the order of work, and the number of threads, does not
show in a single bit.

What a run does not need is not compiled: ``wide``, ``even`` and ``varied`` are None or True, and
numba leaves out the branches of what is None.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from geocn._kernels.cost import inner
from geocn._kernels.sweep_rows import SIDE, turn
from geocn._kernels.sweep_rows import even as even_row
from geocn._kernels.sweep_rows import varied as varied_row
from geocn._typing import FloatArray, IntArray

_AREA = SIDE * SIDE
ABOVE, BELOW, LEFT, RIGHT, INSIDE = 1, 2, 4, 8, 16


@inner
def _load(  # noqa: PLR0917 - numba takes keywords badly
    source: FloatArray,
    into: FloatArray,
    height: int,
    width: int,
    y0: int,
    x0: int,
    n: int,
    m: int,
    wrap: bool,
    stamps: IntArray,
) -> None:
    """Copy a window that starts two cells before (y0, x0), and its transpose; infinite beyond."""
    left = 2 - x0 if x0 < 2 else 0
    right = width + 2 - x0 if x0 + m + 2 > width else m + 4
    for i in range(n + 4):
        row, at = y0 - 2 + i, i * SIDE
        here = row * width + x0 - 2
        inside = row >= 0 and row < height
        end = right if inside else left
        for j in range(left, end):
            into[np.uint64(at + j)] = source[np.uint64(here + j)]
        around = wrap and inside
        for j in range(left):
            into[np.uint64(at + j)] = source[np.uint64(here + j + width)] if around else np.inf
        for j in range(end, m + 4):
            into[np.uint64(at + j)] = source[np.uint64(here + j - width)] if around else np.inf
    # A literal would compile it once more.
    zero = np.int64(0)
    turn(into, zero, zero + _AREA, zero, n + 4, m + 4, stamps, zero)


@inner
def _solve(  # noqa: PLR0917
    d: FloatArray,
    c: FloatArray,
    n: int,
    m: int,
    lengths: FloatArray,
    even: bool | None,
    varied: bool | None,
    wide: bool | None,
    stamps: IntArray,
) -> int:
    """Sweep a loaded tile until nothing falls; how many rows that took.

    ``stamps``: when each row and each column last changed, then for each of the four
    sweeps when it last relaxed each row. ``lengths`` past 5 is room for a row's lengths.
    """
    clock, work, quiet, phase = 1, 0, 0, 0
    first, last = np.int64(SIDE), np.int64(0)
    while quiet < 2:
        # Down, up, then over the transposed tile right, left.
        turned, back = phase >> 1, 1 if phase & 1 else -1
        base = turned * _AREA
        rows, columns = (m, n) if turned else (n, m)
        changed, seen = stamps[turned], stamps[2 + phase]
        flat, steep = 3 + turned, 4 - turned
        for t in range(rows):
            r = t + 2 if back < 0 else rows + 1 - t
            newest = changed[r + back]
            if wide is not None and changed[r + 2 * back] > newest:
                newest = changed[r + 2 * back]
            if newest <= seen[r]:
                continue
            clock += 1
            work += 1
            seen[r] = clock
            here = base + r * SIDE + 2
            before, second = here + back * SIDE, here + 2 * back * SIDE
            fell = False
            if even is not None:
                fell = even_row(
                    d, c, second, before, here, columns, lengths[1 - turned, 0],
                    lengths[2, 0], lengths[flat, 0], lengths[steep, 0], wide,
                )  # fmt: skip
            if varied is not None:
                straight = 0
                if turned == 0:
                    # One length for all of the row: that of the upper of its two rows.
                    straight = 5
                    for k in range(1, 5):
                        upper = r if back > 0 else r - (2 if k == 4 else 1)
                        for x in range(columns + 4):
                            lengths[4 + k, np.uint64(x)] = lengths[k, upper]
                fell = varied_row(
                    d, c, second, before, here, columns, lengths[straight],
                    lengths[2 if turned else 6], lengths[4 if turned else 7],
                    lengths[3 if turned else 8], wide,
                )  # fmt: skip
            if fell:
                changed[r] = clock
                if r < first:
                    first = np.int64(r)
                if r > last:
                    last = np.int64(r)
        if phase & 1:
            quiet += 1
            if last > 0:
                quiet = 0
                clock += 1
                turn(
                    d, base, _AREA - base, first, last + 1, columns + 4,
                    stamps[1 - turned], clock,
                )  # fmt: skip
            first, last = np.int64(SIDE), np.int64(0)
        phase = (phase + 1) & 3
    return work


@inner
def _pass_on(  # noqa: PLR0917
    d: FloatArray,
    cost: FloatArray,
    start: int,
    width: int,
    n: int,
    m: int,
    tile: int,
    down: int,
    across: int,
    wrap: bool,
    waiting: FloatArray,
    news: IntArray,
) -> None:
    """Tell the neighbours of a tile the lowest value that fell within two cells of them."""
    for k in range(9):
        dy, dx = k // 3 - 1, k % 3 - 1
        y, x = tile // across + dy, tile % across + dx
        if wrap:
            x %= across
        if k == 4 or y < 0 or y >= down or x < 0 or x >= across:
            continue
        low = np.inf
        top, bottom = n - 2 if dy > 0 and n > 2 else 0, 2 if dy < 0 and n > 2 else n
        left, right = m - 2 if dx > 0 and m > 2 else 0, 2 if dx < 0 and m > 2 else m
        for i in range(top, bottom):
            for j in range(left, right):
                value = d[np.uint64((i + 2) * SIDE + j + 2)]
                if value < low and value < cost[np.uint64(start + i * width + j)]:
                    low = value
        if low < np.inf:
            to = y * across + x
            waiting[to] = low if low < waiting[to] else waiting[to]
            news[to] |= (BELOW if dy < 0 else ABOVE) if dy else (RIGHT if dx < 0 else LEFT)


def tile_room() -> tuple[FloatArray, FloatArray, IntArray]:
    """Room for one tile: two values and two orders of its cells, lengths, and times."""
    # Not within the kernel, where it would be compiled.
    return np.empty((2, 2 * _AREA)), np.empty((9, SIDE)), np.empty((6, SIDE), np.int64)


@njit(cache=True, nogil=True)
def visit(  # noqa: PLR0917
    friction: FloatArray,
    cost: FloatArray,
    halves: FloatArray,
    wrap: bool,
    wide: bool | None,
    even: bool | None,
    varied: bool | None,
    across: int,
    tiles: IntArray,
    waiting: FloatArray,
    news: IntArray,
    room: FloatArray,
    lengths: FloatArray,
    stamps: IntArray,
) -> int:
    """Bring tiles to their fixpoint, one after the other, and tell their neighbours.

    Parameters
    ----------
    friction, cost : (rows * columns,) float64
        ``cost`` is written.
    halves : (5, rows) float64
        See :func:`geocn._kernels.cost.halves`.
    wrap : bool
        Whether the last column touches the first.
    wide, even, varied : True or None
        16 neighbours; rows are alike in the lengths of their steps; or differ in them.
    across : int
        Tiles in a row of tiles.
    tiles : (k,) int64
        Which tiles. Of two calls at a time in two threads, none may touch those of the other.
    waiting, news : (all tiles,) float64 and int64
        The lowest value that fell beside each tile, and on which sides; written.
    room, lengths, stamps
        Room for one tile, from :func:`tile_room`; each call at a time has its own.

    Returns
    -------
    int
        Rows relaxed.
    """
    height = halves.shape[1]
    width = friction.size // height
    down = waiting.size // across
    d, c = room[0], room[1]
    work = 0
    for tile in tiles:
        told = news[tile]
        news[tile], waiting[tile] = 0, np.inf
        y, x = tile // across, tile % across
        y0, x0 = y * height // down, x * width // across
        n, m = (y + 1) * height // down - y0, (x + 1) * width // across - x0
        for i in range(n + 4):
            row = y0 - 2 + i
            row = 0 if row < 0 else (row if row < height else height - 1)
            for k in range(5):
                lengths[k, i] = halves[k, row]
        for i in range(2):
            source = cost if i == 0 else friction
            _load(source, room[i], height, width, y0, x0, n, m, wrap, stamps[0])
        for i in range(SIDE):
            for k in range(6):
                stamps[k, i] = 1 if k < 2 and told & INSIDE else 0
        for i in range(2):
            if told & ABOVE:
                stamps[0, i] = 1
            if told & BELOW:
                stamps[0, n + 2 + i] = 1
            if told & LEFT:
                stamps[1, i] = 1
            if told & RIGHT:
                stamps[1, m + 2 + i] = 1
        work += _solve(d, c, n, m, lengths, even, varied, wide, stamps)
        start = y0 * width + x0
        _pass_on(d, cost, start, width, n, m, tile, down, across, wrap, waiting, news)
        for i in range(n):
            at, to = (i + 2) * SIDE + 2, start + i * width
            for j in range(m):
                cost[np.uint64(to + j)] = d[np.uint64(at + j)]
    return work
