"""Which cells a polygon covers, and how much of each: exact, for spreading an amount."""

from __future__ import annotations

import numpy as np
from numba import njit

from geocn._typing import FloatArray, IntArray

# A share of a cell below this is round-off of the sums along a row.
_NOTHING = 1e-13


@njit(cache=True)
def _add_edge(  # noqa: PLR0917 - numba takes keywords badly
    ax: float, ay: float, bx: float, by: float, width: int, buffer: FloatArray
) -> None:
    """Add the signed cover of one edge; its running sum along a row is the covered share."""
    if ay == by:
        return
    sign = 1.0
    if ay > by:
        ax, ay, bx, by = bx, by, ax, ay
        sign = -1.0
    slope = (bx - ax) / (by - ay)
    row = int(np.floor(ay))
    top = ay
    while top < by:
        bottom = min(row + 1.0, by)
        x1 = ax + slope * (top - ay)
        x2 = bx if bottom == by else ax + slope * (bottom - ay)
        left, right = min(x1, x2), max(x1, x2)
        left, right = max(left, 0.0), min(right, width - 1.0)
        drop, span = sign * (bottom - top), right - left
        column, x = int(left), left
        while True:
            edge = min(column + 1.0, right)
            part = drop if span <= 0.0 else drop * ((edge - x) / span)
            middle = 0.5 * (x + edge) - column
            buffer[row * width + column] += part * (1.0 - middle)
            buffer[row * width + column + 1] += part * middle
            if edge >= right:
                break
            x = edge
            column += 1
        row += 1
        top = bottom


@njit(cache=True)
def _walk(  # noqa: PLR0917 - numba takes keywords badly
    x: FloatArray,
    y: FloatArray,
    rings: IntArray,
    parts: IntArray,
    boxes: IntArray,
    buffer: FloatArray,
    cells: IntArray,
    shares: FloatArray,
) -> int:
    """Write part, row and column of every covered cell, and its share; returns their number."""
    n = 0
    for p in range(parts.size - 1):
        west, north, width, height = boxes[p, 0], boxes[p, 1], boxes[p, 2], boxes[p, 3]
        for ring in range(parts[p], parts[p + 1]):
            for i in range(rings[ring], rings[ring + 1] - 1):
                _add_edge(
                    x[i] - west, y[i] - north, x[i + 1] - west, y[i + 1] - north, width, buffer
                )
        for r in range(height):
            total = 0.0
            for c in range(width):
                at = r * width + c
                total += buffer[at]
                buffer[at] = 0.0
                share = min(abs(total), 1.0)
                if share > _NOTHING:
                    cells[n, 0], cells[n, 1], cells[n, 2] = p, r + north, c + west
                    shares[n] = share
                    n += 1
        buffer[height * width] = 0.0
    return n


def cover_cells(
    x: FloatArray, y: FloatArray, rings: IntArray, parts: IntArray
) -> tuple[IntArray, IntArray, IntArray, FloatArray]:
    """List the cells under each polygon with the share of the cell that it covers.

    Parameters
    ----------
    x, y : (vertices,) float64
        Closed rings in units of cells: columns from the west, rows from the north. Shells
        run one way and holes the other; which way does not matter.
    rings : (n_rings + 1,) int64
        Where each ring starts in ``x`` and ``y``.
    parts : (n_parts + 1,) int64
        Where each polygon starts in ``rings``; none is empty.

    Returns
    -------
    part, row, column : (n,) int64
        In order of part, row and column. Rows and columns may lie outside any raster.
    share : (n,) float64
        Within 0 and 1, above 0.
    """
    boxes = np.zeros((parts.size - 1, 4), dtype=np.int64)
    if parts.size > 1:
        start = rings[parts[:-1]]
        for axis, values in enumerate((x, y)):
            low = np.floor(np.minimum.reduceat(values, start))
            boxes[:, axis] = low
            boxes[:, 2 + axis] = np.floor(np.maximum.reduceat(values, start)) - low + 1
        # One column more than there are cells takes what the last one hands on.
        boxes[:, 2] += 1
    room = boxes[:, 2] * boxes[:, 3]
    cells, shares = np.empty((int(room.sum()), 3), dtype=np.int64), np.empty(int(room.sum()))
    buffer = np.zeros(int(room.max(initial=0)) + 1)
    n = _walk(x, y, rings, parts, boxes, buffer, cells, shares)
    part, row, column = (np.ascontiguousarray(cells[:n, k]) for k in range(3))
    return part, row, column, shares[:n].copy()
