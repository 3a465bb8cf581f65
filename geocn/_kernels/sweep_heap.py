"""Dijkstra's algorithm inside one window of a grid, going on from the costs it finds there."""

from __future__ import annotations

import numpy as np
from numba import njit

from geocn._kernels.cost import STEPS, inner, pop, push, step_cost
from geocn._typing import FloatArray


@njit(cache=True, nogil=True)
def settle(  # noqa: PLR0917 - numba takes keywords badly
    friction: FloatArray,
    cost: FloatArray,
    halves: FloatArray,
    wrap: bool,
    wide: bool,
    window: tuple[int, int, int, int],
    whole: bool,
    since: float,
    until: float,
    fallen: FloatArray,
) -> None:
    """Bring a window (first and end row, first and end column) to its fixpoint in place.

    Starts from its ring of two cells, or from every cell where ``whole``, but from none
    below ``since``, and ends beyond ``until``. ``fallen`` takes the lowest value that fell
    near each of the eight neighbours.
    """
    y0, y1, x0, x1 = window
    n, m = y1 - y0, x1 - x0
    height, width = friction.shape
    keys, cells = np.empty(1024), np.empty(1024, np.int64)
    size = 0
    for i in range(max(-2, -y0), min(n + 2, height - y0)):
        skips = i >= 0 and i < n and not whole
        j = -2
        while j < m + 2:
            if skips and j == 0:
                j = m
            column = x0 + j
            j += 1
            if wrap:
                column %= width
            elif column < 0 or column >= width:
                continue
            here = cost[y0 + i, column]
            if here >= since and here < np.inf:
                keys, cells, size = push(keys, cells, size, here, (y0 + i) * width + column)
    while size > 0:
        here, cell = keys[0], cells[0]
        if here > until:
            break
        size = pop(keys, cells, size)
        row, column = cell // width, cell % width
        if here > cost[row, column]:
            continue
        for k in range(16 if wide else 8):
            end_row, end_column = row + STEPS[k, 0], column + STEPS[k, 1]
            if end_row < y0 or end_row >= y1:
                continue
            if wrap:
                end_column %= width
            if end_column < x0 or end_column >= x1 or cost[end_row, end_column] <= here:
                continue
            reached = step_cost(friction, halves, here, row, column, k, width)
            if reached < cost[end_row, end_column]:
                cost[end_row, end_column] = reached
                tell(fallen, reached, end_row - y0, end_column - x0, n, m)
                keys, cells, size = push(keys, cells, size, reached, end_row * width + end_column)


@inner
def tell(fallen: FloatArray, value: float, i: int, j: int, n: int, m: int) -> None:  # noqa: PLR0917
    """Note a value that fell at (i, j) of a window for each neighbour within two cells."""
    if i >= 2 and i < n - 2 and j >= 2 and j < m - 2:
        return
    for dy in range(-1, 2):
        if (dy < 0 and i >= 2) or (dy > 0 and i < n - 2):
            continue
        for dx in range(-1, 2):
            if (dx < 0 and j >= 2) or (dx > 0 and j < m - 2):
                continue
            k = (dy + 1) * 3 + dx + 1
            fallen[k] = min(fallen[k], value)
