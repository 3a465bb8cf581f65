"""Accumulated cost on a grid: what a step costs, Dijkstra's algorithm, and the way back.

A step is a straight line between two cell centres. Friction is constant within a cell,
so the cost of a step is the integral of friction along that line: half of its length in
each of two cells for the 8 neighbours, a quarter in each of the four cells that a
knight's move crosses. A barrier is an infinite friction; no step crosses one. On a slope
it is multiplied by a factor of the rise over the run in the direction of travel.

Costs are added in one order everywhere, ``(here + half left behind) + half entered``: each
way of finding the least cost then finds the same bits, and a path leads back by equality.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from geocn._typing import AnyArray, FloatArray, IntArray

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
#: A kernel that only other kernels call: a third of its compile time is a way in from Python.
_WITHIN: dict[str, Any] = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}
inner = njit(cache=True, nogil=True, **_WITHIN)
#: One that is called for every step: a call would count references to each array.
inlined = njit(cache=True, nogil=True, forceinline=True)
#: The step back from each step.
BACK = np.array([1, 0, 3, 2, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12])
#: Slopes between two entries of a table of factors, which is centred on level ground.
SLOPE_STEP = 0.0005


def halves(lengths: FloatArray) -> FloatArray:
    """Share of each step's length that lies in one of its cells, from (5, rows) lengths."""
    shares: FloatArray = lengths * np.array([0.5, 0.5, 0.5, 0.25, 0.25])[:, None]
    return shares


@inlined
def around(column: int, width: int) -> int:
    """Bring a column that is at most two beyond the edge back onto the grid (% is slow)."""
    if column < 0:
        return column + width
    return column - width if column >= width else column


@inlined
def landing(row: int, column: int, k: int, shape: tuple[int, int], wrap: bool) -> tuple[int, int]:
    """Row and column at the end of step ``k``; the row is -1 off the grid."""
    end_row, end_column = row + STEPS[k, 0], column + STEPS[k, 1]
    if end_row < 0 or end_row >= shape[0]:
        return -1, 0
    if end_column < 0 or end_column >= shape[1]:
        if not wrap:
            return -1, 0
        end_column = around(end_column, shape[1])
    return end_row, end_column


@inlined
def step_cost(  # noqa: PLR0917 - numba takes keywords badly
    friction: FloatArray,
    halves: FloatArray,
    here: float,
    row: int,
    column: int,
    k: int,
) -> float:
    """Cost at the end of step ``k`` from (row, column); the end must lie on the grid."""
    drow, dcolumn, kind = STEPS[k, 0], STEPS[k, 1], STEPS[k, 2]
    width = friction.shape[1]
    end_row = row + drow
    end_column = around(column + dcolumn, width)
    share = halves[kind, min(row, end_row)]
    left, entered = friction[row, column], friction[end_row, end_column]
    if kind == 3:
        middle = around(column + dcolumn // 2, width)
        left += friction[row, middle]
        entered += friction[end_row, middle]
    elif kind == 4:
        middle = row + drow // 2
        left += friction[middle, column]
        entered += friction[middle, end_column]
    return float((here + share * left) + share * entered)


@inlined
def slope_factor(  # noqa: PLR0917
    elevation: FloatArray,
    factors: FloatArray,
    halves: FloatArray,
    row: int,
    column: int,
    k: int,
) -> float:
    """Factor of step ``k`` from (row, column), interpolated in the table; its ends hold on."""
    kind = STEPS[k, 2]
    end_row, end_column = row + STEPS[k, 0], around(column + STEPS[k, 1], elevation.shape[1])
    length = halves[kind, min(row, end_row)] * (2.0 if kind < 3 else 4.0)
    slope = (elevation[end_row, end_column] - elevation[row, column]) / length
    at = slope / SLOPE_STEP + factors.size // 2
    if at <= 0.0:
        return float(factors[0])
    if at >= factors.size - 1:
        return float(factors[factors.size - 1])
    below = int(at)
    share = at - below
    return float(factors[below] * (1.0 - share) + factors[below + 1] * share)


@inlined
def reach(  # noqa: PLR0917
    friction: FloatArray,
    halves: FloatArray,
    elevation: FloatArray | None,
    factors: FloatArray,
    here: float,
    row: int,
    column: int,
    k: int,
) -> float:
    """Cost at the end of step ``k`` with its slope, where there is an elevation."""
    if elevation is None:
        return float(step_cost(friction, halves, here, row, column, k))
    step = step_cost(friction, halves, 0.0, row, column, k)
    return float(here + step * slope_factor(elevation, factors, halves, row, column, k))


@njit(cache=True, nogil=True)
def trace(  # noqa: PLR0917
    cost: FloatArray,
    friction: FloatArray,
    halves: FloatArray,
    elevation: FloatArray | None,
    factors: FloatArray,
    n_steps: int,
    wrap: bool,
    target: int,
    path: IntArray,
) -> int:
    """Write flat cell numbers of a least-cost path from ``target`` back to a seed; how many.

    None where the target was not reached. ``path`` has room for every cell. Of two ways of
    equal cost the one whose step stands first in ``STEPS`` is taken.
    """
    width = cost.shape[1]
    row, column = target // width, target % width
    if cost[row, column] == np.inf:
        return 0
    path[0] = target
    n = 1
    while cost[row, column] > 0.0:
        found = False
        for k in range(n_steps):
            from_row, from_column = landing(row, column, k, cost.shape, wrap)
            if from_row < 0:
                continue
            before = cost[from_row, from_column]
            if before < cost[row, column] and cost[row, column] == reach(
                friction, halves, elevation, factors, before, from_row, from_column, BACK[k]
            ):
                row, column, found = from_row, from_column, True
                break
        if not found:
            break
        path[n] = row * width + column
        n += 1
    return n


@njit(cache=True, nogil=True)
def allocate(  # noqa: PLR0917
    cost: FloatArray,
    friction: FloatArray,
    halves: FloatArray,
    elevation: FloatArray | None,
    factors: FloatArray,
    n_steps: int,
    wrap: bool,
    owner: AnyArray,
    queue: IntArray,
    size: int,
) -> int:
    """Spread owners from cells along least-cost steps; the lowest of equals wins.

    ``owner`` is -1 where none is known yet, and holds those of the first ``size`` cells of
    the queue; both are written. Ends where the queue is empty or has no room for one cell's
    steps; how many cells it then holds.
    """
    width = cost.shape[1]
    while size > 0 and queue.size - size >= n_steps:
        size -= 1
        row, column = queue[size] // width, queue[size] % width
        mine = owner[row, column]
        for k in range(n_steps):
            end_row, end_column = landing(row, column, k, cost.shape, wrap)
            if end_row < 0:
                continue
            there = cost[end_row, end_column]
            known = owner[end_row, end_column]
            if there == np.inf or (known >= 0 and known <= mine):
                continue
            here = cost[row, column]
            if here <= there and there == reach(
                friction, halves, elevation, factors, here, row, column, k
            ):
                owner[end_row, end_column] = mine
                queue[size] = end_row * width + end_column
                size += 1
    return size


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
