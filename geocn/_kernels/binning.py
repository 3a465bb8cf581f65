"""Points into the cells of a lattice, by arithmetic; and onto the plane of one.

Squares: half-open, ``[west, east)`` by ``[south, north)``, against the very coordinates of
the corners. Hexagons: the nearest centre; of two equally near the north-eastern one. A point
on the edge of a cell that is not there belongs to a neighbour that is.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from geocn._typing import AnyArray, FloatArray

# Points this much further (in squared cell sizes) from another centre lie on the edge.
_EDGE = 1e-9
_ROW_HEIGHT = math.sqrt(3) / 2


@njit(cache=True)
def _at(table: AnyArray, column: float, row: float) -> int:
    """Look up the cell in this place of the table, -1 where there is none."""
    rows, columns = table.shape
    # Not a number compares false.
    if column >= 0 and column < columns and row >= 0 and row < rows:
        return int(table[int(row), int(column)])
    return -1


@njit(cache=True)
def _step(x: float, cell: float) -> float:
    """Whole cells below x, exact against the products that are the edges."""
    step = math.floor(x / cell)
    if x < step * cell:
        return step - 1
    if x >= (step + 1) * cell:
        return step + 1
    return step


@njit(cache=True)
def square_cells(xy: FloatArray, cell: float, first: FloatArray, table: AnyArray) -> AnyArray:
    """Cell of each point, -1 outside.

    Parameters
    ----------
    xy : (n, 2) array
    cell : float
        Side of a square; edges are its multiples.
    first : (2,) array
        Column and row of ``table[0, 0]``.
    table : (rows, columns) int32 array
        Numbers of the cells, -1 where there is none.
    """
    found = np.empty(len(xy), dtype=np.int64)
    for i in range(len(xy)):
        x, y = xy[i, 0], xy[i, 1]
        column, row = _step(x, cell), _step(y, cell)
        number = _at(table, column - first[0], row - first[1])
        if number < 0:
            back = 1.0 if x == column * cell else 0.0
            down = 1.0 if y == row * cell else 0.0
            if back:
                number = _at(table, column - 1 - first[0], row - first[1])
            if number < 0 and down:
                number = _at(table, column - first[0], row - 1 - first[1])
            if number < 0 and back and down:
                number = _at(table, column - 1 - first[0], row - 1 - first[1])
        found[i] = number
    return found


@njit(cache=True)
def hexagon_cells(xy: FloatArray, cell: float, first: FloatArray, table: AnyArray) -> AnyArray:
    """Cell of each point among pointy-top hexagons, odd rows half a cell east; -1 outside.

    Parameters as in :func:`square_cells`; ``cell`` is the distance between centres.
    """
    found = np.empty(len(xy), dtype=np.int64)
    distance, number = np.empty(4), np.empty(4, dtype=np.int64)
    for i in range(len(xy)):
        x, y = xy[i, 0] / cell, xy[i, 1] / cell
        low = math.floor(y / _ROW_HEIGHT)
        nearest = math.inf
        for k in range(4):
            row = low + 1 - k // 2
            shift = (row % 2) / 2
            column = math.floor(x - shift) + 1 - k % 2
            dx, dy = x - column - shift, y - row * _ROW_HEIGHT
            distance[k] = dx * dx + dy * dy
            nearest = min(nearest, distance[k])
            number[k] = _at(table, column - first[0], row - first[1])
        found[i] = -1
        best = False
        for k in range(4):
            # The first of those as near; an absent one leaves the place to the next.
            if not best and distance[k] <= nearest + _EDGE and number[k] >= 0:
                found[i] = number[k]
                best = True
    return found


@njit(cache=True)
def azimuthal_equal_area(
    lon: FloatArray, lat: FloatArray, centre: FloatArray, ellipsoid: FloatArray, xy: FloatArray
) -> None:
    r"""Lambert's azimuthal equal-area projection of an ellipsoid, oblique aspect, into ``xy``.

    Snyder 1987, Map projections: a working manual, doi:10.3133/pp1395, 24-17 to 24-20, with
    the authalic latitude from the series of :math:`\operatorname{artanh}(e \sin\varphi)`.

    Parameters
    ----------
    lon, lat : (n,) arrays
        Degrees.
    centre : (2,) array
        Longitude and latitude in degrees, not a pole.
    ellipsoid : (2,) array
        Semi-major axis in metres, and squared eccentricity.
    xy : (n, 2) array
        Filled with metres.
    """
    a, e2 = ellipsoid
    turn = math.pi / 180
    pole = _authalic(1.0, e2)
    radius = a * math.sqrt(pole / 2)
    s0 = math.sin(centre[1] * turn)
    sin0 = _authalic(s0, e2) / pole
    cos0 = math.sqrt(1 - sin0 * sin0)
    stretch = a * math.cos(centre[1] * turn) / (math.sqrt(1 - e2 * s0 * s0) * radius * cos0)
    for i in range(len(lon)):
        sine = _authalic(math.sin(lat[i] * turn), e2) / pole
        cosine = math.sqrt(max(0.0, 1 - sine * sine))
        angle = (lon[i] - centre[0]) * turn
        across, along = math.sin(angle), math.cos(angle)
        size = radius * math.sqrt(2 / (1 + sin0 * sine + cos0 * cosine * along))
        xy[i, 0] = size * stretch * cosine * across
        xy[i, 1] = size / stretch * (cos0 * sine - sin0 * cosine * along)


@njit(cache=True)
def _authalic(sine: float, e2: float) -> float:
    t = e2 * sine * sine
    series = 1 + t * (
        1 / 3 + t * (1 / 5 + t * (1 / 7 + t * (1 / 9 + t * (1 / 11 + t * (1 / 13 + t / 15)))))
    )
    return (1 - e2) * sine * (1 / (1 - t) + series)
