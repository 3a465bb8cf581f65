"""Accumulated cost on a grid by Dijkstra's algorithm, and the paths that lead back.

A step is a straight line between two cell centres. Friction is constant within a cell,
so the cost of a step is the integral of friction along that line: half of its length in
each of two cells for the 8 neighbours, a quarter in each of the four cells that a
knight's move crosses. A barrier is an infinite friction; no step crosses one.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from geocn._typing import FloatArray, IntArray

#: Row and column offsets, and the kind of step: 0 across, 1 along a column, 2 diagonal,
#: 3 a knight's move over one row, 4 a knight's move over two rows.
STEPS = np.array(
    [
        (0, -1, 0), (0, 1, 0), (-1, 0, 1), (1, 0, 1),
        (-1, -1, 2), (-1, 1, 2), (1, -1, 2), (1, 1, 2),
        (-1, -2, 3), (-1, 2, 3), (1, -2, 3), (1, 2, 3),
        (-2, -1, 4), (-2, 1, 4), (2, -1, 4), (2, 1, 4),
    ],
    dtype=np.int64,
)  # fmt: skip


@njit(cache=True)
def _around(column: int, width: int) -> int:
    """Bring a column that is at most two beyond the edge back onto the grid (% is slow)."""
    if column < 0:
        return column + width
    return column - width if column >= width else column


@njit(cache=True)
def _step_cost(  # noqa: PLR0917 - numba takes keywords badly
    friction: FloatArray,
    lengths: FloatArray,
    row: int,
    column: int,
    drow: int,
    dcolumn: int,
    kind: int,
    width: int,
) -> float:
    """Cost of the step from (row, column); its end must lie on the grid (columns wrap)."""
    end_row = row + drow
    end_column = _around(column + dcolumn, width)
    length = lengths[kind, min(row, end_row)]
    ends = friction[row, column] + friction[end_row, end_column]
    if kind < 3:
        return float(0.5 * length * ends)
    if kind == 3:
        middle = _around(column + dcolumn // 2, width)
        crossed = friction[row, middle] + friction[end_row, middle]
    else:
        middle = row + drow // 2
        crossed = friction[middle, column] + friction[middle, end_column]
    return float(0.25 * length * (ends + crossed))


@njit(cache=True)
def _push(keys: FloatArray, cells: IntArray, size: int, key: float, cell: int) -> None:
    child = size
    while child > 0:
        parent = (child - 1) >> 1
        if keys[parent] <= key:
            break
        keys[child] = keys[parent]
        cells[child] = cells[parent]
        child = parent
    keys[child] = key
    cells[child] = cell


@njit(cache=True)
def _sink(keys: FloatArray, cells: IntArray, size: int) -> None:
    """Move the entry behind the last one to the root and let it sink."""
    key, cell = keys[size], cells[size]
    parent = 0
    while True:
        child = 2 * parent + 1
        if child >= size:
            break
        if child + 1 < size and keys[child + 1] < keys[child]:
            child += 1
        if key <= keys[child]:
            break
        keys[parent] = keys[child]
        cells[parent] = cells[child]
        parent = child
    keys[parent] = key
    cells[parent] = cell


@njit(cache=True)
def accumulate(  # noqa: PLR0917 - numba takes keywords badly
    friction: FloatArray,
    lengths: FloatArray,
    steps: IntArray,
    wrap: bool,
    seeds: IntArray,
    owners: IntArray,
    max_cost: float,
    targets: IntArray,
    slack: float,
) -> tuple[FloatArray, NDArray[np.int32]]:
    """Least cost from any seed to every cell, and the owner of the seed it comes from.

    Parameters
    ----------
    friction : (rows, columns) float64
        Cost per unit of length; infinite where nothing passes.
    lengths : (5, rows) float64
        Length of each kind of step whose upper row is the given one.
    steps : (n, 3) int64
        The first 8 or all 16 rows of ``STEPS``.
    wrap : bool
        Whether the last column touches the first.
    seeds, owners : (k,) int64
        Flat cell numbers and the owner of each; a tie goes to the lower owner.
    max_cost : float
        Cells beyond it are left out.
    targets : (t,) int64
        Where any are given, stop at ``(1 + slack)`` times the cost of the dearest.
    slack : float
        See ``targets``.

    Returns
    -------
    (rows, columns) float64, (rows, columns) int32
        Cost (infinite where not reached) and owner (-1 where not reached).
    """
    height, width = friction.shape
    cost = np.full((height, width), np.inf)
    owner = np.full((height, width), -1, np.int32)
    keys = np.empty(1024)
    cells = np.empty(1024, np.int64)
    size = 0
    waiting = np.zeros((height, width) if targets.size else (1, 1), np.bool_)
    n_waiting = 0
    for cell in targets:
        if not waiting[cell // width, cell % width]:
            waiting[cell // width, cell % width] = True
            n_waiting += 1
    limit = max_cost
    for i in range(seeds.size):
        row, column = seeds[i] // width, seeds[i] % width
        if cost[row, column] > 0.0 or owners[i] < owner[row, column]:
            cost[row, column] = 0.0
            owner[row, column] = owners[i]
            if size == keys.size:
                keys = np.concatenate((keys, np.empty_like(keys)))
                cells = np.concatenate((cells, np.empty_like(cells)))
            _push(keys, cells, size, 0.0, seeds[i])
            size += 1
    while size > 0:
        here = keys[0]
        cell = cells[0]
        if here > limit:
            break
        size -= 1
        _sink(keys, cells, size)
        row, column = cell // width, cell % width
        if here > cost[row, column]:
            continue
        if n_waiting > 0 and waiting[row, column]:
            waiting[row, column] = False
            n_waiting -= 1
            if n_waiting == 0:
                limit = min(limit, here * (1.0 + slack))
        if size + steps.shape[0] > keys.size:
            keys = np.concatenate((keys, np.empty_like(keys)))
            cells = np.concatenate((cells, np.empty_like(cells)))
        for k in range(steps.shape[0]):
            end_row = row + steps[k, 0]
            end_column = column + steps[k, 1]
            if end_row < 0 or end_row >= height:
                continue
            if end_column < 0 or end_column >= width:
                if not wrap:
                    continue
                end_column = _around(end_column, width)
            step = _step_cost(
                friction, lengths, row, column, steps[k, 0], steps[k, 1], steps[k, 2], width
            )
            reached = here + step
            if reached < cost[end_row, end_column]:
                cost[end_row, end_column] = reached
                owner[end_row, end_column] = owner[row, column]
                _push(keys, cells, size, reached, end_row * width + end_column)
                size += 1
            elif reached == cost[end_row, end_column] and reached < np.inf:
                owner[end_row, end_column] = min(owner[end_row, end_column], owner[row, column])
    for row in range(height):
        for column in range(width):
            if cost[row, column] > limit:
                cost[row, column] = np.inf
                owner[row, column] = -1
    return cost, owner


@njit(cache=True)
def trace(  # noqa: PLR0917 - numba takes keywords badly
    cost: FloatArray,
    friction: FloatArray,
    lengths: FloatArray,
    steps: IntArray,
    wrap: bool,
    target: int,
) -> IntArray:
    """Flat cell numbers of a least-cost path from ``target`` back to a seed.

    Empty where the target was not reached. Of two ways of equal cost the one whose step
    stands first in ``steps`` is taken.
    """
    height, width = cost.shape
    row, column = target // width, target % width
    if cost[row, column] == np.inf:
        return np.empty(0, np.int64)
    path = np.empty(256, np.int64)
    path[0] = target
    n = 1
    while cost[row, column] > 0.0:
        best = np.inf
        best_row, best_column = row, column
        for k in range(steps.shape[0]):
            end_row = row + steps[k, 0]
            end_column = column + steps[k, 1]
            if end_row < 0 or end_row >= height:
                continue
            if end_column < 0 or end_column >= width:
                if not wrap:
                    continue
                end_column = _around(end_column, width)
            if cost[end_row, end_column] >= cost[row, column]:
                continue
            through = cost[end_row, end_column] + _step_cost(
                friction, lengths, row, column, steps[k, 0], steps[k, 1], steps[k, 2], width
            )
            if through < best:
                best, best_row, best_column = through, end_row, end_column
        if best == np.inf:
            break
        row, column = best_row, best_column
        if n == path.size:
            path = np.concatenate((path, np.empty_like(path)))
        path[n] = row * width + column
        n += 1
    return path[:n].copy()


def flat(rows: IntArray, columns: IntArray, width: int) -> IntArray:
    """Flat cell numbers of rows and columns."""
    return np.asarray(rows, dtype=np.int64) * width + np.asarray(columns, dtype=np.int64)


def planar_lengths(height: int, dx: float, dy: float) -> FloatArray:
    """Lengths of the five kinds of step on a plane, the same for each row."""
    across, down = abs(dx), abs(dy)
    kinds = (
        across,
        down,
        np.hypot(across, down),
        np.hypot(2 * across, down),
        np.hypot(across, 2 * down),
    )
    return np.repeat(np.array(kinds)[:, None], height, axis=1)
