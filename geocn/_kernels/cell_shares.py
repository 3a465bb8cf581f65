"""Exact share of each raster cell that polygons cover, by signed areas to the right of edges.

Each edge is cut at the lines of the grid; a piece adds, in its cell, the area between it
and the cell's right side, and its height to every cell further right, as glyph
rasterisers do. All pieces at once, in numpy: memory grows with the outline in cells.
"""

from __future__ import annotations

import numpy as np

from geocn._typing import FloatArray, IntArray

_NOTHING = 1e-12


def cell_shares(start: FloatArray, end: FloatArray, shape: tuple[int, int]) -> FloatArray:
    """Covered share of each cell.

    Parameters
    ----------
    start, end : (n, 2) float64
        Ends of edges as column and row in units of cells, from the north-west corner.
        Shells run down on their west side, holes the other way. Areas must be disjoint.
    shape : (int, int)
        Rows and columns.

    Returns
    -------
    (rows, columns) float64
        From 0 to 1.
    """
    height, width = shape
    start, end = _clipped_rows(start, end, height)
    start, end = _cut(start, end, axis=1)
    # West of the raster an edge covers all columns, east of it none.
    start, end = _cut_at(start, end, 0.0), _cut_at(start, end, 0.0, last=True)
    start, end = _cut_at(start, end, float(width)), _cut_at(start, end, float(width), last=True)
    middle = (start[:, 0] + end[:, 0]) / 2
    start, end, middle = (a[middle < width] for a in (start, end, middle))
    west = middle < 0
    start, end = start.copy(), end.copy()
    start[west, 0], end[west, 0] = 0.0, 0.0
    start, end = _cut(start, end, axis=0)
    drop = end[:, 1] - start[:, 1]
    column = np.clip(np.floor((start[:, 0] + end[:, 0]) / 2), 0, width - 1).astype(np.int64)
    row = np.clip(np.floor((start[:, 1] + end[:, 1]) / 2), 0, height - 1).astype(np.int64)
    inside = drop * (column + 1.0 - (start[:, 0] + end[:, 0]) / 2)
    cell = row * (width + 1) + column
    cells, parts = np.concatenate([cell, cell + 1]), np.concatenate([inside, drop - inside])
    found = np.bincount(cells, parts, height * (width + 1)).astype(np.float64, copy=False)
    found = found.reshape(height, width + 1)
    # In place: each step would take an array of the whole raster.
    np.cumsum(found, axis=1, out=found)
    shares: FloatArray = found[:, :width]
    np.clip(shares, 0.0, 1.0, out=shares)
    # Round-off of what cancels out is no cover.
    shares[shares < _NOTHING] = 0.0
    return shares


def _clipped_rows(start: FloatArray, end: FloatArray, height: int) -> tuple[FloatArray, FloatArray]:
    """Edges within the rows of the raster; level ones cover nothing and go."""
    low = np.minimum(start[:, 1], end[:, 1])
    high = np.maximum(start[:, 1], end[:, 1])
    keep = (low < height) & (high > 0) & (low < high)
    start, end = start[keep], end[keep]
    at = np.clip(np.column_stack([start[:, 1], end[:, 1]]), 0.0, height)
    return _at_rows(start, end, at[:, 0]), _at_rows(start, end, at[:, 1])


def _at_rows(start: FloatArray, end: FloatArray, y: FloatArray) -> FloatArray:
    slope = (end[:, 0] - start[:, 0]) / (end[:, 1] - start[:, 1])
    x = start[:, 0] + slope * (y - start[:, 1])
    x = np.where(y == start[:, 1], start[:, 0], np.where(y == end[:, 1], end[:, 0], x))
    return np.column_stack([x, y])


def _cut(start: FloatArray, end: FloatArray, *, axis: int) -> tuple[FloatArray, FloatArray]:
    """Cut edges at every whole number along an axis."""
    low = np.minimum(start[:, axis], end[:, axis])
    high = np.maximum(start[:, axis], end[:, axis])
    first = np.floor(low) + 1
    n = np.maximum(np.ceil(high) - first, 0).astype(np.int64)
    owner = np.repeat(np.arange(len(start)), n + 1)
    step = np.arange(len(owner)) - np.repeat(np.cumsum(n + 1) - (n + 1), n + 1)
    down = (end[:, axis] < start[:, axis])[owner]
    # Grid lines are met from the start of an edge to its end.
    line = np.where(down, (first + n)[owner] - step, first[owner] + step - 1)
    begins, ends = step == 0, step == n[owner]
    a = np.where(begins[:, None], start[owner], _on_line(start, end, owner, line, axis))
    after = np.where(down, line - 1, line + 1)
    b = np.where(ends[:, None], end[owner], _on_line(start, end, owner, after, axis))
    return a, b


def _on_line(
    start: FloatArray, end: FloatArray, owner: IntArray, line: FloatArray, axis: int
) -> FloatArray:
    a, b = start[owner], end[owner]
    other = 1 - axis
    span = b[:, axis] - a[:, axis]
    along = np.divide(line - a[:, axis], span, out=np.zeros_like(span), where=span != 0)
    point = np.empty_like(a)
    point[:, axis] = line
    point[:, other] = a[:, other] + along * (b[:, other] - a[:, other])
    return point


def _cut_at(start: FloatArray, end: FloatArray, x: float, *, last: bool = False) -> FloatArray:
    """Cut edges that cross ``x``: the starts of the pieces, or their ends (``last``)."""
    crosses = (start[:, 0] - x) * (end[:, 0] - x) < 0
    a, b = start[crosses], end[crosses]
    along = (x - a[:, 0]) / (b[:, 0] - a[:, 0])
    foot = np.column_stack([np.full(len(a), x), a[:, 1] + along * (b[:, 1] - a[:, 1])])
    if last:
        ends = end.copy()
        ends[crosses] = foot
        return np.concatenate([ends, b])
    return np.concatenate([start, foot])
