"""Exact sums of a raster over polygons in time that grows with their outline.

By Green's theorem the sum over a polygon is the integral, along its edges, of the sum of
the row from its west end to the edge. A row is summed once, and every edge that crosses it
adds its height times the difference that prefix sums give. Edges to the east count up, edges
to the west count down, and what lies outside a zone cancels: to the last digit, since
heights are exact in floating point and products and sums keep twice the digits of float64
(Ogita, Rump & Oishi 2005, Accurate sum and dot product, doi:10.1137/030601818).
"""

from __future__ import annotations

import numpy as np
from numba import njit

from geocn._typing import FloatArray, IntArray

# Veltkamp's constant: cuts a float64 into two halves whose products are exact.
_HALVES = 134217729.0


@njit(cache=True, error_model="numpy")
def row_prefix(values: FloatArray, sums: FloatArray) -> None:
    """Sum a row up to but not including each column, with twice the digits of float64.

    Parameters
    ----------
    values : (columns,) float64
        NaN counts as 0.
    sums : (columns + 1, 4) or (columns + 1, 6) float64
        Written to: sum, cells with data and, where there is room, sum of squares; each
        followed by what rounding took from it.
    """
    total = 0.0
    lost = 0.0
    known = 0.0
    square = 0.0
    square_lost = 0.0
    squared = sums.shape[1] > 4
    for column in range(values.size):
        value = values[column]
        if value == value:  # noqa: PLR0124 - not NaN
            known += 1.0
            grown = total + value
            back = grown - total
            lost += (total - (grown - back)) + (value - back)
            total = grown
            if squared:
                term = value * value
                head = _HALVES * value
                head -= head - value
                tail = value - head
                rest = ((head * head - term) + 2.0 * head * tail) + tail * tail
                grown = square + term
                back = grown - square
                square_lost += (square - (grown - back)) + (term - back) + rest
                square = grown
                sums[column + 1, 4] = square
                sums[column + 1, 5] = square_lost
        elif squared:
            sums[column + 1, 4] = square
            sums[column + 1, 5] = square_lost
        sums[column + 1, 0] = total
        sums[column + 1, 1] = lost
        sums[column + 1, 2] = known


@njit(cache=True, error_model="numpy")
def add_products(sums: FloatArray, weight: float, terms: FloatArray) -> None:
    """Add ``weight`` x ``terms`` to ``sums``, both numbers followed by what rounding took.

    The exact product of two numbers is that of Dekker (1971), the exact sum that of Knuth.
    """
    head_w = _HALVES * weight
    head_w -= head_w - weight
    tail_w = weight - head_w
    for at in range(0, sums.size, 2):
        term = terms[at]
        product = weight * term
        head = _HALVES * term
        head -= head - term
        tail = term - head
        rest = ((head_w * head - product) + head_w * tail + tail_w * head) + tail_w * tail
        old = sums[at]
        total = old + product
        back = total - old
        sums[at] = total
        sums[at + 1] += (old - (total - back)) + (product - back) + rest + weight * terms[at + 1]


@njit(cache=True, error_model="numpy")
def _add_edge(  # noqa: PLR0917 - numba takes keywords badly
    x1: float, y1: float, x2: float, y2: float, up: float, row: FloatArray, sums: FloatArray
) -> None:
    """Add the pieces, cell by cell, of an edge that was cut to one row, from west to east.

    ``up`` is 1 where the height from the first to the second end counts as it is, else -1.
    """
    if x2 <= 0.0:
        return
    width = row.shape[0] - 1
    x = x1
    y = y1
    if x < 0.0:
        x = 0.0
        y = y1 + (0.0 - x1) / (x2 - x1) * (y2 - y1)
    column = int(min(x, float(width)))
    going = True
    while going:
        going = column < width and x2 > column + 1.0
        part = 0.5 * ((x - column) + (x2 - column))
        stop = y2
        if going:
            part = 0.5 * ((x - column) + 1.0)
            stop = y1 + (column + 1.0 - x1) / (x2 - x1) * (y2 - y1)
        height = up * (stop - y)
        # What lies west of the piece: the two weights add up to its height exactly.
        weight = height
        if column < width:
            weight -= height * part
        add_products(sums, weight, row[column])
        column += 1
        if column <= width:
            add_products(sums, height - weight, row[column])
        x = float(column)
        y = stop


@njit(cache=True, error_model="numpy")
def add_rows(  # noqa: PLR0917 - numba takes keywords badly
    values: FloatArray,
    first: int,
    edges: FloatArray,
    zones: IntArray,
    active: IntArray,
    state: IntArray,
    row: FloatArray,
    sums: FloatArray,
) -> None:
    """Add the next rows of a raster to the sums of all zones whose edges cross them.

    Parameters
    ----------
    values : (rows, columns) float64
        NaN where there is no data.
    first : int
        Number of the first of these rows; no edge may begin in a row that was left out.
    edges : (n, 4) float64
        x and y of the north and the south end of each edge in units of cells: columns from
        the west edge, rows from the north edge plus 1 (so that heights are exact). Sorted by
        the row of the north end, without edges that are level or end above row 1.
    zones : (n,) int64
        The zone of each edge, plus 1, and negative where the zone lies east of it.
    active, state : (n,) and (2,) int64
        Which edges cross the next row, how many, and how many were met so far. Changed.
    row : (columns + 1, 4 or 6) float64
        Room for the sums of one row.
    sums : (n_zones, 4 or 6) float64
        Sum of value x share, of shares with data and, where there is room, of value² x share;
        each followed by what rounding took from it. Changed.
    """
    n_active = state[0]
    met = state[1]
    for i in range(values.shape[0]):
        top = first + i + 1.0
        bottom = first + i + 2.0
        while met < zones.size and edges[met, 1] < bottom:
            active[n_active] = met
            n_active += 1
            met += 1
        if n_active == 0:
            continue
        row_prefix(values[i], row)
        left = 0
        for j in range(n_active):
            edge = active[j]
            x1 = edges[edge, 0]
            y1 = edges[edge, 1]
            x2 = edges[edge, 2]
            y2 = edges[edge, 3]
            west, north, east, south = x1, y1, x2, y2
            up = 1.0 if zones[edge] > 0 else -1.0
            if y1 < top:
                west, north = x1 + (top - y1) / (y2 - y1) * (x2 - x1), top
            if y2 > bottom:
                east = x1 + (bottom - y1) / (y2 - y1) * (x2 - x1)
                south = bottom
                active[left] = edge
                left += 1
            if west > east:
                west, north, east, south, up = east, south, west, north, -up
            _add_edge(west, north, east, south, up, row, sums[abs(zones[edge]) - 1])
        n_active = left
    state[0] = n_active
    state[1] = met


@njit(cache=True, error_model="numpy")
def sum_deviations(sums: FloatArray, spread: FloatArray) -> None:
    """Sum share x (value - mean)² over each zone.

    Parameters
    ----------
    sums : (n_zones, 6) float64
        From :func:`add_rows`.
    spread : (n_zones, 2) float64
        Zeros; written to: the sum, and what rounding took from it.
    """
    total = np.zeros(2)
    known = np.zeros(2)
    for zone in range(sums.shape[0]):
        cells = sums[zone, 2] + sums[zone, 3]
        if cells <= 0.0:
            continue
        mean = (sums[zone, 0] + sums[zone, 1]) / cells
        for i in range(2):
            spread[zone, i] = sums[zone, 4 + i]
            total[i] = sums[zone, i]
            known[i] = sums[zone, 2 + i]
        # Q - m T - m (T - m N), whatever number m the mean is rounded to.
        for _ in range(2):
            add_products(spread[zone], -mean, total)
            add_products(total, -mean, known)
