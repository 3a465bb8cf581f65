"""Accumulated cost on a grid by sweeps over tiles, exact and without a heap.

A tile is copied with a halo of two cells and swept down and up, then, transposed, right
and left, until nothing falls; every sweep relaxes whole rows (:mod:`.sweep_rows`). Rows
whose sources have not changed since are skipped: each keeps the time of its last change
and of its last relaxation. Tiles wait with the lowest value that fell along their edge
and run in that order. What remains is the unique fixpoint: the least over all paths of
the sum taken along the path, so the order of work, and the number of threads, does not
show in a single bit. Tiles that sweeps do not finish soon (mazes) go to a heap.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from geocn._kernels.cost import inner
from geocn._kernels.sweep_heap import settle, tell
from geocn._kernels.sweep_rows import even8, even16, turn, varied8, varied16
from geocn._typing import FloatArray, IntArray

#: Cells along the side of a tile, at most, and with its halo.
TILE = 64
_SIDE = TILE + 4
_ABOVE, _BELOW, _LEFT, _RIGHT, INSIDE = 1, 2, 4, 8, 16
# Rows relaxed in one visit, as a multiple of the rows and columns of the tile, after
# which it goes to the heap.
_PATIENCE = 12


@inner
def _load(  # noqa: PLR0917 - numba takes keywords badly
    source: FloatArray,
    flat: FloatArray,
    turned: FloatArray,
    y0: int,
    x0: int,
    n: int,
    m: int,
    wrap: bool,
) -> None:
    """Copy a window that starts two cells before (y0, x0), and its transpose; infinite beyond."""
    height, width = source.shape
    for i in range(n + 4):
        row = y0 - 2 + i
        at = i * _SIDE
        if row < 0 or row >= height:
            for j in range(m + 4):
                flat[at + j] = np.inf
            continue
        for j in range(2, m + 2):
            flat[at + j] = source[row, x0 - 2 + j]
        for j in (0, 1, m + 2, m + 3):
            column = x0 - 2 + j
            if wrap:
                column %= width
            inside = column >= 0 and column < width
            flat[at + j] = source[row, column] if inside else np.inf
    for y in range(0, n + 4, 8):
        for x in range(0, m + 4, 8):
            for j in range(x, min(x + 8, m + 4)):
                for i in range(y, min(y + 8, n + 4)):
                    turned[np.uint64(j * _SIDE + i)] = flat[np.uint64(i * _SIDE + j)]


@inner
def _sweep(  # noqa: PLR0917
    d: FloatArray,
    c: FloatArray,
    n: int,
    m: int,
    up: bool,
    lengths: FloatArray,
    turned: bool,
    varied: bool,
    wide: bool,
    changed: IntArray,
    seen: IntArray,
    state: IntArray,
) -> None:
    """Relax rows in one direction. ``state``: clock, rows relaxed, first and last row that fell."""
    back = 1 if up else -1
    for t in range(n):
        r = n + 1 - t if up else t + 2
        q, p = r + back, r + 2 * back
        newest = changed[q]
        if wide and changed[p] > newest:
            newest = changed[p]
        if newest <= seen[r]:
            continue
        state[0] += 1
        state[1] += 1
        seen[r] = state[0]
        here, before, second = r * _SIDE + 2, q * _SIDE + 2, p * _SIDE + 2
        if turned and varied:
            if wide:
                fell = varied16(
                    d, c, second, before, here, m, lengths[0], lengths[2], lengths[4], lengths[3]
                )
            else:
                fell = varied8(d, c, before, here, m, lengths[0], lengths[2])
        else:
            upper = 0 if turned else min(q, r)
            straight = lengths[0 if turned else 1, upper]
            if wide:
                steep = lengths[3, 0] if turned else lengths[4, min(p, r)]
                flat = lengths[4 if turned else 3, upper]
                fell = even16(
                    d, c, second, before, here, m, straight, lengths[2, upper], flat, steep
                )
            else:
                fell = even8(d, c, before, here, m, straight, lengths[2, upper])
        if fell:
            changed[r] = state[0]
            state[2] = min(state[2], r)
            state[3] = max(state[3], r)


@inner
def _solve(  # noqa: PLR0917
    d: FloatArray,
    c: FloatArray,
    dt: FloatArray,
    ct: FloatArray,
    n: int,
    m: int,
    lengths: FloatArray,
    varied: bool,
    wide: bool,
    news: int,
    stamps: IntArray,
    state: IntArray,
) -> bool:
    """Sweep a loaded tile until nothing falls; False where patience ran out."""
    for i in range(_SIDE):
        for k in range(6):
            stamps[k, i] = 1 if k < 2 and news & INSIDE else 0
    for i in range(2):
        for k, side, at in (
            (0, _ABOVE, i), (0, _BELOW, n + 2 + i), (1, _LEFT, i), (1, _RIGHT, m + 2 + i)
        ):  # fmt: skip
            if news & side:
                stamps[k, at] = 1
    state[0], state[1], state[2], state[3] = 1, 0, _SIDE, 0
    quiet, phase = 0, 0
    while quiet < 2:
        # Down, up, then over the transposed tile right, left.
        turned = phase >= 2
        a, b, other = (dt, ct, d) if turned else (d, c, dt)
        rows, columns = (m, n) if turned else (n, m)
        changed = stamps[1] if turned else stamps[0]
        _sweep(
            a, b, rows, columns, (phase & 1) == 1, lengths, turned, varied, wide,
            changed, stamps[2 + phase], state,
        )  # fmt: skip
        if phase & 1:
            quiet += 1
            if state[3] > 0:
                quiet = 0
                state[0] += 1
                turn(
                    a, other, _SIDE, state[2], state[3] + 1, columns + 4,
                    stamps[0] if turned else stamps[1], state[0],
                )  # fmt: skip
                if state[1] > _PATIENCE * (n + m):
                    return False
            state[2], state[3] = _SIDE, 0
        phase = (phase + 1) & 3
    return True


@inner
def _store(  # noqa: PLR0917
    d: FloatArray, cost: FloatArray, y0: int, x0: int, n: int, m: int, fallen: FloatArray
) -> None:
    """Write a tile back, with the lowest value that fell near each edge and corner."""
    for i in range(n):
        at = (i + 2) * _SIDE + 2
        near = i < 2 or i >= n - 2
        j = 0
        while j < m:
            if not near and j == 2 and m > 4:
                j = m - 2
            if d[at + j] < cost[y0 + i, x0 + j]:
                tell(fallen, d[at + j], i, j, n, m)
            j += 1
        for k in range(m):
            cost[y0 + i, x0 + k] = d[at + k]


@inner
def _pass_on(  # noqa: PLR0917
    tile: int,
    fallen: FloatArray,
    shape: tuple[int, int],
    wrap: bool,
    waiting: FloatArray,
    news: IntArray,
) -> None:
    """Tell the neighbours of a tile what fell near them."""
    y, x = tile // shape[1], tile % shape[1]
    for k in range(9):
        if k == 4 or fallen[k] == np.inf:
            continue
        dy, dx = k // 3 - 1, k % 3 - 1
        to_y, to_x = y + dy, x + dx
        if wrap:
            to_x %= shape[1]
        if to_y < 0 or to_y >= shape[0] or to_x < 0 or to_x >= shape[1]:
            continue
        to = to_y * shape[1] + to_x
        waiting[to] = min(waiting[to], fallen[k])
        if dy != 0:
            news[to] |= _BELOW if dy < 0 else _ABOVE
        else:
            news[to] |= _RIGHT if dx < 0 else _LEFT


@njit(cache=True, nogil=True)
def visit(  # noqa: PLR0917
    friction: FloatArray,
    cost: FloatArray,
    halves: FloatArray,
    wrap: bool,
    wide: bool,
    varied: bool,
    shape: tuple[int, int],
    tiles: IntArray,
    waiting: FloatArray,
    news: IntArray,
    is_maze: IntArray,
) -> None:
    """Bring tiles to their fixpoint, one after the other, and tell their neighbours.

    Parameters
    ----------
    friction, cost : (rows, columns) float64
        ``cost`` is written.
    halves : (5, rows) float64
        See :func:`geocn._kernels.cost.halves`.
    wrap, wide, varied : bool
        Whether the last column touches the first; 16 neighbours; whether rows differ in
        the lengths of their steps.
    shape : (int, int)
        Tiles down and across.
    tiles : (k,) int64
        Which tiles. Of two calls at a time in two threads, none may touch those of the other.
    waiting, news : (all tiles,) float64 and int64
        The lowest value that fell beside each tile, and on which sides; written.
    is_maze : (all tiles,) int64
        1 for tiles that go to the heap at once; written.
    """
    height, width = friction.shape
    d, c = np.empty(_SIDE * _SIDE), np.empty(_SIDE * _SIDE)
    dt, ct = np.empty(_SIDE * _SIDE), np.empty(_SIDE * _SIDE)
    stamps = np.zeros((6, _SIDE), np.int64)
    lengths, state = np.empty((5, _SIDE)), np.empty(4, np.int64)
    fallen = np.empty(9)
    for tile in tiles:
        told, since = news[tile], waiting[tile]
        news[tile], waiting[tile] = 0, np.inf
        for k in range(9):
            fallen[k] = np.inf
        y, x = tile // shape[1], tile % shape[1]
        y0, y1 = y * height // shape[0], (y + 1) * height // shape[0]
        x0, x1 = x * width // shape[1], (x + 1) * width // shape[1]
        n, m = y1 - y0, x1 - x0
        whole = (told & INSIDE) > 0
        done = False
        if is_maze[tile] == 0:
            for i in range(n + 4):
                for k in range(5):
                    lengths[k, i] = halves[k, min(max(y0 - 2 + i, 0), height - 1)]
            _load(friction, c, ct, y0, x0, n, m, wrap)
            _load(cost, d, dt, y0, x0, n, m, wrap)
            done = _solve(d, c, dt, ct, n, m, lengths, varied, wide, told, stamps, state)
            _store(d, cost, y0, x0, n, m, fallen)
            whole = True
        if not done:
            is_maze[tile] = 1
            since = 0.0 if whole else since
            settle(
                friction, cost, halves, wrap, wide, (y0, y1, x0, x1), whole, since, np.inf, fallen
            )
        _pass_on(tile, fallen, shape, wrap, waiting, news)
