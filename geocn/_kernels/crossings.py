"""Where lines cross edges, on plain arrays."""

from __future__ import annotations

import math

from numba import njit

from geocn._typing import AnyArray, FloatArray, IntArray

# A step and an edge that meet to the last bit must share a cell of the grid.
_SLACK = 1e-9


@njit(cache=True)
def _rows(ay: float, by: float, cell: float, n_rows: int) -> tuple[int, int]:
    """First and last row of a grid of latitudes that an edge touches."""
    low = math.floor((min(ay, by) - _SLACK + 90.0) / cell)
    high = math.floor((max(ay, by) + _SLACK + 90.0) / cell)
    return min(max(low, 0), n_rows - 1), min(high, n_rows - 1)


@njit(cache=True)
def _columns(  # noqa: PLR0917 - numba takes keywords badly
    ax: float, ay: float, bx: float, by: float, row: int, cell: float
) -> tuple[int, int]:
    """First and last column, not wrapped, that an edge touches in one row."""
    from_x, to_x = ax, bx
    if abs(by - ay) > cell:
        south = row * cell - 90.0 - _SLACK
        t = min(max((south - ay) / (by - ay), 0.0), 1.0)
        u = min(max((south + cell + 2 * _SLACK - ay) / (by - ay), 0.0), 1.0)
        from_x, to_x = ax + t * (bx - ax), ax + u * (bx - ax)
    first = math.floor((min(from_x, to_x) - _SLACK + 180.0) / cell)
    last = math.floor((max(from_x, to_x) + _SLACK + 180.0) / cell)
    return first, last


@njit(cache=True)
def edges_by_cell(
    edges: FloatArray, cell: float, shape: tuple[int, int], first: AnyArray, entry: AnyArray
) -> None:
    """Sort edges into the cells of a grid of the whole world, in two passes.

    Parameters
    ----------
    edges : (m, 4) array
        x and y of both ends in degrees; x may run past +-180.
    cell : float
        Size of a cell in degrees; ``shape[1] * cell`` is 360.
    shape : (rows, columns)
    first : (rows * columns + 1,) integer array
        Where ``entry`` is empty, receives the number of edges of cell c at c + 1; else says
        where each cell begins, and is moved on to where it ends.
    entry : integer array
        Receives 3 e + 1 + k: edge e, to be moved by 360 k degrees.
    """
    n_rows, n_columns = shape
    counting = entry.shape[0] == 0
    for e in range(edges.shape[0]):
        ax, ay, bx, by = edges[e, 0], edges[e, 1], edges[e, 2], edges[e, 3]
        low, high = _rows(ay, by, cell, n_rows)
        for row in range(low, high + 1):
            west, east = _columns(ax, ay, bx, by, row, cell)
            for column in range(west, east + 1):
                turn = math.floor(column / n_columns)
                at = row * n_columns + column - turn * n_columns
                if counting:
                    first[at + 1] += 1
                else:
                    entry[first[at]] = 3 * e + 1 - turn
                    first[at] += 1


@njit(cache=True)
def line_edge_crossings(  # noqa: PLR0917 - numba takes keywords badly
    xy: FloatArray,
    start: IntArray,
    edges: FloatArray,
    cell: float,
    shape: tuple[int, int],
    first: AnyArray,
    entry: AnyArray,
    out: FloatArray,
) -> int:
    """Find proper crossings between lines and the edges of a grid.

    A vertex that lies exactly on the other line counts as lying to its left, on both
    sides of the vertex, so that passing through a shared node is one crossing and
    touching it is none or two.

    Parameters
    ----------
    xy : (n, 2) array
        Vertices of all lines in degrees; x may run past +-180.
    start : (lines + 1,) array
        First vertex of each line.
    edges : (m, 4) array
        x and y of both ends of each edge.
    cell, shape : size in degrees, and (rows, columns) of the grid
    first, entry : integer arrays
        Where each cell begins and the edges in it, as :func:`edges_by_cell` makes them.
    out : (capacity, 5) array
        Receives line, vertex before the crossing, fraction along the line's step, edge and
        fraction along the edge; the edge number is counted from 1, negative where the line
        crosses from right to left. A crossing near the side of a cell may stand twice.

    Returns
    -------
    int
        Number of crossings, which may exceed the capacity; then run again with more.
    """
    found = 0
    n_rows, n_columns = shape
    for line in range(start.shape[0] - 1):
        for v in range(start[line], start[line + 1] - 1):
            px, py, qx, qy = xy[v, 0], xy[v, 1], xy[v + 1, 0], xy[v + 1, 1]
            west, east = min(px, qx), max(px, qx)
            south, north = min(py, qy), max(py, qy)
            low, high = _rows(py, qy, cell, n_rows)
            for row in range(low, high + 1):
                left, right = _columns(px, py, qx, qy, row, cell)
                for column in range(left, right + 1):
                    turn = math.floor(column / n_columns)
                    at = row * n_columns + column - turn * n_columns
                    for i in range(first[at], first[at + 1]):
                        e = entry[i] // 3
                        shift = 360.0 * (turn + entry[i] % 3 - 1)
                        ax, ay = edges[e, 0] + shift, edges[e, 1]
                        bx, by = edges[e, 2] + shift, edges[e, 3]
                        if (ax < west and bx < west) or (ax > east and bx > east):
                            continue
                        if (ay < south and by < south) or (ay > north and by > north):
                            continue
                        d1 = (bx - ax) * (py - ay) - (by - ay) * (px - ax)
                        d2 = (bx - ax) * (qy - ay) - (by - ay) * (qx - ax)
                        if (d1 >= 0) == (d2 >= 0):
                            continue
                        d3 = (qx - px) * (ay - py) - (qy - py) * (ax - px)
                        d4 = (qx - px) * (by - py) - (qy - py) * (bx - px)
                        if (d3 >= 0) == (d4 >= 0):
                            continue
                        if found < out.shape[0]:
                            out[found, 0] = line
                            out[found, 1] = v
                            out[found, 2] = d1 / (d1 - d2)
                            out[found, 3] = e + 1 if d1 >= 0 else -(e + 1)
                            out[found, 4] = d3 / (d3 - d4)
                        found += 1
    return found
