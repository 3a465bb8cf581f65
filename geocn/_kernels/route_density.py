"""Lengths of segments in the cells of a grid, on plain arrays."""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from geocn._typing import FloatArray, IntArray


@njit(cache=True)
def add_segments(
    start: FloatArray, end: FloatArray, amount: FloatArray, chosen: IntArray, grid: FloatArray
) -> float:
    """Share amounts among the cells that segments cross, by the length in each.

    A segment along the common edge of two cells goes to the one behind it (east or south).

    Parameters
    ----------
    start, end : (n, 2) arrays
        Columns and rows in units of cells; whole numbers are the edges of cells.
    amount : (n,) array
        What each segment brings.
    chosen : (m,) array
        Segments that count.
    grid : (rows, columns) array
        Added to, in place.

    Returns
    -------
    float
        What lies outside the grid.
    """
    rows, columns = grid.shape
    outside = 0.0
    for i in chosen:
        x, y = start[i, 0], start[i, 1]
        dx, dy = end[i, 0] - x, end[i, 1] - y
        first, last = 0.0, 1.0
        for origin, span, limit in ((x, dx, float(columns)), (y, dy, float(rows))):
            if span == 0.0:
                if origin < 0.0 or origin > limit:
                    last = -1.0
            else:
                one, other = -origin / span, (limit - origin) / span
                first = max(first, min(one, other))
                last = min(last, max(one, other))
        if not last > first:
            # A segment without length has no share to lose and stands in one cell.
            inside = last == first and 0 <= x <= columns and 0 <= y <= rows
            if inside and dx == 0.0 and dy == 0.0:
                grid[min(int(y), rows - 1), min(int(x), columns - 1)] += amount[i]
            else:
                outside += amount[i]
            continue
        outside += amount[i] * (1.0 - (last - first))
        at_x, at_y = x + first * dx, y + first * dy
        column = math.floor(at_x) if dx >= 0.0 else math.ceil(at_x) - 1
        row = math.floor(at_y) if dy >= 0.0 else math.ceil(at_y) - 1
        t = first
        while t < last:
            to_x = (column + (1 if dx > 0.0 else 0) - x) / dx if dx != 0.0 else np.inf
            to_y = (row + (1 if dy > 0.0 else 0) - y) / dy if dy != 0.0 else np.inf
            stop = min(to_x, to_y, last)
            if stop > t:
                # Rounding may put the very ends one cell beyond.
                r, c = min(max(row, 0), rows - 1), min(max(column, 0), columns - 1)
                grid[r, c] += amount[i] * (stop - t)
                t = stop
            if to_x <= stop:
                column += 1 if dx > 0.0 else -1
            if to_y <= stop:
                row += 1 if dy > 0.0 else -1
            if to_x > last and to_y > last:
                break
    return outside
