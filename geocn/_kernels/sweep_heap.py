"""Dijkstra's algorithm on a grid, going on from the costs it finds there."""

from __future__ import annotations

import numpy as np
from numba import njit

from geocn._kernels.cost import inner, landing, reach
from geocn._typing import FloatArray, IntArray


@inner
def push(keys: FloatArray, cells: IntArray, size: int, key: float, cell: int) -> None:
    """Put an entry into a heap of ``size`` (four below each)."""
    child = size
    while child > 0:
        parent = (child - 1) // 4
        if keys[parent] <= key:
            break
        keys[child], cells[child] = keys[parent], cells[parent]
        child = parent
    keys[child], cells[child] = key, cell


@inner
def pop(keys: FloatArray, cells: IntArray, size: int) -> None:
    """Take the root from a heap of ``size`` + 1 entries."""
    key, cell = keys[size], cells[size]
    parent = 0
    while True:
        child = 4 * parent + 1
        if child >= size:
            break
        end = child + 4 if child + 4 < size else size
        for other in range(child + 1, end):
            if keys[other] < keys[child]:
                child = other
        if key <= keys[child]:
            break
        keys[parent], cells[parent] = keys[child], cells[child]
        parent = child
    keys[parent], cells[parent] = key, cell


@njit(cache=True, nogil=True)
def settle(  # noqa: PLR0917 - numba takes keywords badly
    friction: FloatArray,
    halves: FloatArray,
    elevation: FloatArray | None,
    factors: FloatArray,
    n_steps: int,
    wrap: bool,
    cost: FloatArray,
    keys: FloatArray,
    cells: IntArray,
    size: int,
    limit: float,
    most: int,
) -> int:
    """Settle cells from a heap, ``most`` at a time and none above ``limit``.

    Parameters
    ----------
    friction, halves, elevation, factors, wrap
        See :class:`geocn.spatial.cost_sweep.Ground`.
    n_steps : {16, 8}
        The first steps of ``STEPS`` that are taken.
    cost : (rows, columns) float64
        Written.
    keys, cells, size
        The heap: costs, flat cells, and how many there are.

    Returns
    -------
    int
        How many are left; it ends early where there is no room for one cell's steps.
    """
    width = friction.shape[1]
    for _ in range(most):
        if size == 0 or keys[0] > limit or keys.size - size < n_steps:
            break
        here, cell = keys[0], cells[0]
        size -= 1
        pop(keys, cells, size)
        row = cell // width
        column = cell - row * width
        if here > cost[row, column]:
            continue
        for k in range(n_steps):
            end_row, end_column = landing(row, column, k, cost.shape, wrap)
            if end_row < 0:
                continue
            there = cost[end_row, end_column]
            # A barrier, or settled before.
            if there <= here or friction[end_row, end_column] == np.inf:
                continue
            reached = reach(friction, halves, elevation, factors, here, row, column, k)
            if reached < there:
                cost[end_row, end_column] = reached
                push(keys, cells, size, reached, end_row * width + end_column)
                size += 1
    return size
