"""Where lines cross edges, on plain arrays."""

from __future__ import annotations

from numba import njit

from geocn._typing import AnyArray, FloatArray, IntArray


@njit(cache=True)
def line_edge_crossings(  # noqa: PLR0917 - numba takes keywords badly
    xy: FloatArray,
    start: IntArray,
    edges: FloatArray,
    first_edge: IntArray,
    boxes: FloatArray,
    pairs: AnyArray,
    shift: FloatArray,
    out: FloatArray,
) -> int:
    """Find proper crossings between candidate pairs of lines and blocks of edges.

    A vertex that lies exactly on the other line counts as lying to its left, on both
    sides of the vertex, so that passing through a shared node is one crossing and
    touching it is none or two.

    Parameters
    ----------
    xy : (n, 2) array
        Vertices of all lines.
    start : (lines + 1,) array
        First vertex of each line.
    edges : (m, 4) array
        x and y of both ends of each edge.
    first_edge : (blocks + 1,) array
        First edge of each block.
    boxes : (blocks, 4) array
        West, south, east and north of each block.
    pairs : (p, 2) array
        Line and block.
    shift : (p,) array
        Added to x of the block's edges.
    out : (capacity, 5) array
        Receives line, vertex before the crossing, fraction along the line's step, edge and
        fraction along the edge; the edge number is counted from 1, negative where the line
        crosses from right to left.

    Returns
    -------
    int
        Number of crossings, which may exceed the capacity; then run again with more.
    """
    found = 0
    for p in range(pairs.shape[0]):
        line, block = pairs[p, 0], pairs[p, 1]
        lo, hi = first_edge[block], first_edge[block + 1]
        x_min, y_min = boxes[block, 0] + shift[p], boxes[block, 1]
        x_max, y_max = boxes[block, 2] + shift[p], boxes[block, 3]
        for v in range(start[line], start[line + 1] - 1):
            px, py, qx, qy = xy[v, 0], xy[v, 1], xy[v + 1, 0], xy[v + 1, 1]
            if max(px, qx) < x_min or min(px, qx) > x_max:
                continue
            if max(py, qy) < y_min or min(py, qy) > y_max:
                continue
            west, east = min(px, qx), max(px, qx)
            for e in range(lo, hi):
                ax, ay = edges[e, 0] + shift[p], edges[e, 1]
                bx, by = edges[e, 2] + shift[p], edges[e, 3]
                if (ax < west and bx < west) or (ax > east and bx > east):
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
