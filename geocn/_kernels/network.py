"""Places on lines of a network, on plain arrays.

Line ``i`` has the vertices ``first[i]`` to ``first[i + 1] - 1`` of ``xy``. Distances are taken
in a local map in which one unit of x is ``scale[p, 0]`` metres long and one of y ``scale[p, 1]``.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from geocn._typing import FloatArray, IntArray


@njit(cache=True)
def _foot(  # noqa: PLR0917 - numba takes keywords badly
    x: float, y: float, ax: float, ay: float, bx: float, by: float, sx: float, sy: float
) -> tuple[float, float]:
    """Part of the way from a to b at which a segment is nearest, and the square of how near."""
    px, py = (x - ax) * sx, (y - ay) * sy
    qx, qy = (bx - ax) * sx, (by - ay) * sy
    length = qx * qx + qy * qy
    part = 0.0 if length == 0.0 else min(1.0, max(0.0, (px * qx + py * qy) / length))
    dx, dy = px - part * qx, py - part * qy
    return part, dx * dx + dy * dy


@njit(cache=True)
def nearest_on_line(
    points: FloatArray,
    scale: FloatArray,
    line: IntArray,
    xy: FloatArray,
    first: IntArray,
) -> tuple[IntArray, FloatArray, FloatArray]:
    """Find where each point is nearest to its line.

    Parameters
    ----------
    points, scale : (n, 2) arrays
    line : (n,) array
        The line asked about for each point.
    xy, first : arrays
        The lines.

    Returns
    -------
    vertex : (n,) array
        Vertex before the place, the first of equally near segments.
    part : (n,) array
        Part of the way to the next vertex.
    distance_m : (n,) array
    """
    n = len(points)
    vertex, part = np.zeros(n, dtype=np.int64), np.zeros(n)
    distance = np.full(n, np.inf)
    for i in range(n):
        for j in range(first[line[i]], first[line[i] + 1] - 1):
            t, squared = _foot(
                points[i, 0], points[i, 1], xy[j, 0], xy[j, 1], xy[j + 1, 0], xy[j + 1, 1],
                scale[i, 0], scale[i, 1],
            )  # fmt: skip
            if squared < distance[i]:
                vertex[i], part[i], distance[i] = j, t, squared
    return vertex, part, np.sqrt(distance)


@njit(cache=True)
def every_place_on_line(  # noqa: PLR0917 - numba takes keywords badly
    points: FloatArray,
    scale: FloatArray,
    line: IntArray,
    xy: FloatArray,
    first: IntArray,
    within_m: float,
) -> tuple[IntArray, IntArray, FloatArray]:
    """Find every segment of a line that comes within a distance of each point.

    A line that crosses itself passes one point several times.

    Returns
    -------
    point, vertex, part : (k,) arrays
        Row of the point, vertex before the place, and part of the way to the next.
    """
    found = 0
    room = 2 * len(points) + 16
    point, vertex = np.empty(room, dtype=np.int64), np.empty(room, dtype=np.int64)
    part = np.empty(room)
    for i in range(len(points)):
        for j in range(first[line[i]], first[line[i] + 1] - 1):
            t, squared = _foot(
                points[i, 0], points[i, 1], xy[j, 0], xy[j, 1], xy[j + 1, 0], xy[j + 1, 1],
                scale[i, 0], scale[i, 1],
            )  # fmt: skip
            if squared <= within_m * within_m:
                if found == room:
                    room *= 2
                    point = np.append(point, np.empty_like(point))
                    vertex = np.append(vertex, np.empty_like(vertex))
                    part = np.append(part, np.empty_like(part))
                point[found], vertex[found], part[found] = i, j, t
                found += 1
    return point[:found], vertex[:found], part[:found]
