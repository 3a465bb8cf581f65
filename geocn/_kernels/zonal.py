"""Exact sums of a raster over polygons in time that grows with their outline.

Every edge leaves, in each cell it passes, its signed height (how much of the cells to
the right it covers) and the signed area between it and the right side of that cell, as
glyph rasterisers do. Sorted by cell these give the covered share of each cell on the
outline; a run of cells between two of them has one share, and its sum is the difference
of two prefix sums along the row.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from geocn._typing import FloatArray, IntArray

# A run of cells covered by less than this is round-off between two parts of a zone.
_NOTHING = 1e-13


@njit(cache=True)
def row_prefix(values: FloatArray) -> FloatArray:
    """Sum along each row up to but not including each column; NaN counts as 0.

    Kahan's compensation keeps each sum right to the last digit.

    Parameters
    ----------
    values : (rows, columns) float64

    Returns
    -------
    (rows, columns + 1) float64
    """
    height, width = values.shape
    prefix = np.zeros((height, width + 1))
    for row in range(height):
        total, lost = 0.0, 0.0
        for column in range(width):
            value = values[row, column]
            if not np.isnan(value):
                term = value - lost
                grown = total + term
                lost = (grown - total) - term
                total = grown
            prefix[row, column + 1] = total
    return prefix


@njit(cache=True)
def _edge(  # noqa: PLR0917 - numba takes keywords badly
    ax: float,
    ay: float,
    bx: float,
    by: float,
    height: int,
    width: int,
    keys: IntArray,
    areas: FloatArray,
    covers: FloatArray,
    n: int,
) -> int:
    """Write the cells that one edge passes; returns the number of entries so far.

    With arrays of length 0 it only counts.
    """
    if ay == by:
        return n
    sign = 1.0
    if ay > by:
        ax, ay, bx, by = bx, by, ax, ay
        sign = -1.0
    if by <= 0.0 or ay >= height:
        return n
    slope = (bx - ax) / (by - ay)
    low, high = max(ay, 0.0), min(by, float(height))
    row = int(low)
    top = low
    while top < high:
        bottom = min(row + 1.0, high)
        x1 = bx if top == by else ax + slope * (top - ay)
        x2 = bx if bottom == by else ax + slope * (bottom - ay)
        drop = sign * (bottom - top)
        left, right = min(x1, x2), max(x1, x2)
        span = right - left
        if left < 0.0:
            # What lies west of the raster covers its first column whole.
            share = 1.0 if right <= 0.0 else -left / span
            if keys.size:
                keys[n] = row * width
                areas[n] = drop * share
                covers[n] = drop * share
            n += 1
        x = max(left, 0.0)
        stop = min(right, float(width))
        if right > 0.0 or (span == 0.0 and left >= 0.0):
            if span == 0.0:
                if x < width:
                    column = int(x)
                    if keys.size:
                        keys[n] = row * width + column
                        areas[n] = drop * (column + 1.0 - x)
                        covers[n] = drop
                    n += 1
            else:
                column = int(x)
                while x < stop:
                    edge = min(column + 1.0, stop)
                    part = drop * ((edge - x) / span)
                    if keys.size:
                        keys[n] = row * width + column
                        areas[n] = part * (column + 1.0 - 0.5 * (x + edge))
                        covers[n] = part
                    n += 1
                    x = edge
                    column += 1
        row += 1
        top = bottom
    return n


@njit(cache=True)
def _walk(  # noqa: PLR0917 - numba takes keywords badly
    x: FloatArray,
    y: FloatArray,
    rings: IntArray,
    first: int,
    last: int,
    height: int,
    width: int,
    keys: IntArray,
    areas: FloatArray,
    covers: FloatArray,
) -> int:
    """Write the cells of all edges of rings ``first`` to ``last``; returns their number."""
    n = 0
    for ring in range(first, last):
        for i in range(rings[ring], rings[ring + 1] - 1):
            n = _edge(x[i], y[i], x[i + 1], y[i + 1], height, width, keys, areas, covers, n)
    return n


@njit(cache=True)
def _stable_order(keys: IntArray) -> IntArray:
    """Merge sort from the bottom up; numba takes 2 s to compile NumPy's stable one."""
    n = keys.size
    order, other = np.arange(n), np.empty(n, np.int64)
    width = 1
    while width < n:
        for low in range(0, n, 2 * width):
            middle, high = min(low + width, n), min(low + 2 * width, n)
            i, j = low, middle
            for k in range(low, high):
                if i < middle and (j >= high or keys[order[i]] <= keys[order[j]]):
                    other[k] = order[i]
                    i += 1
                else:
                    other[k] = order[j]
                    j += 1
        order, other = other, order
        width *= 2
    return order


@njit(cache=True)
def zone_sums(  # noqa: PLR0917 - numba takes keywords badly
    x: FloatArray,
    y: FloatArray,
    rings: IntArray,
    zones: IntArray,
    values: FloatArray,
    prefix: FloatArray,
) -> FloatArray:
    """Sum ``values`` over zones, each cell weighed by the share that is covered.

    Parameters
    ----------
    x, y : (vertices,) float64
        Rings in units of cells: columns from the west edge, rows from the north edge.
        Shells run down on their west side, holes the other way.
    rings : (n_rings + 1,) int64
        Where each ring starts in ``x`` and ``y``.
    zones : (n_zones + 1,) int64
        Where each zone starts in ``rings``.
    values : (rows, columns) float64
        NaN counts as 0.
    prefix : (rows, columns + 1) float64
        From :func:`row_prefix`.

    Returns
    -------
    (n_zones,) float64
    """
    height, width = values.shape
    sums = np.zeros(zones.size - 1)
    no_keys, no_numbers = np.empty(0, np.int64), np.empty(0)
    for zone in range(zones.size - 1):
        first, last = zones[zone], zones[zone + 1]
        n = _walk(x, y, rings, first, last, height, width, no_keys, no_numbers, no_numbers)
        if n == 0:
            continue
        keys, areas, covers = np.empty(n, np.int64), np.empty(n), np.empty(n)
        _walk(x, y, rings, first, last, height, width, keys, areas, covers)
        order = _stable_order(keys)
        total = 0.0
        cover = 0.0
        i = 0
        while i < n:
            key = keys[order[i]]
            row, column = key // width, key % width
            share, added = cover, 0.0
            while i < n and keys[order[i]] == key:
                share += areas[order[i]]
                added += covers[order[i]]
                i += 1
            cover += added
            value = values[row, column]
            if not np.isnan(value):
                total += min(max(share, 0.0), 1.0) * value
            same_row = i < n and keys[order[i]] // width == row
            stop = keys[order[i]] % width if same_row else width
            if cover > _NOTHING and stop > column + 1:
                total += min(cover, 1.0) * (prefix[row, stop] - prefix[row, column + 1])
            if not same_row:
                cover = 0.0
        sums[zone] = total
    return sums
