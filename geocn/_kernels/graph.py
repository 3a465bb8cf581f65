"""Rasters as graphs, and what flows through them, on plain arrays.

A graph is a symmetric sparse matrix in compressed rows: the neighbours of node ``i`` are
``indices[indptr[i]:indptr[i + 1]]``.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from geocn._typing import AnyArray, BoolArray, FloatArray

#: What an edge is worth, from the mean of its two cells and its length.
COST, CONDUCTANCE_OF_RESISTANCE, CONDUCTANCE = 0, 1, 2


@njit(cache=True)
def raster_adjacency(  # noqa: PLR0917 - numba takes keywords badly
    node: AnyArray,
    values: FloatArray,
    lengths: FloatArray,
    eight: bool,
    wrap: bool,
    kind: int,
) -> tuple[AnyArray, AnyArray, FloatArray]:
    """Join each cell to its four or eight neighbours.

    Parameters
    ----------
    node : (rows, columns) int32
        Number of each cell in row order, -1 where it is no node.
    values : (rows, columns) array
        Of each cell; one that is not finite has no edges.
    lengths : (3, rows) array
        Of steps across, down and askew, by upper row.
    eight, wrap : bool
        Whether steps go askew, and from the last column to the first.
    kind : int
        ``COST``: mean x length; ``CONDUCTANCE_OF_RESISTANCE``: 1 / (mean x length);
        ``CONDUCTANCE``: mean / length.

    Returns
    -------
    indptr, indices : int32 arrays
    data : array
        Columns of a row are in order, but with ``wrap``.
    """
    height, width = node.shape
    n = 0
    for r in range(height):
        for c in range(width):
            n = max(n, node[r, c] + 1)
    indptr = np.zeros(n + 1, dtype=np.int32)
    indices = np.empty(0, dtype=np.int32)
    data = np.empty(0)
    for fill in range(2):
        at = 0
        for r in range(height):
            for c in range(width):
                i = node[r, c]
                if i < 0:
                    continue
                here = values[r, c]
                for k in range(9):
                    dr, dc = k // 3 - 1, k % 3 - 1
                    if k == 4 or not np.isfinite(here) or (not eight and dr != 0 and dc != 0):
                        continue
                    other, column = r + dr, c + dc
                    if wrap:
                        column %= width
                    if other < 0 or other >= height or column < 0 or column >= width:
                        continue
                    there = values[other, column]
                    if node[other, column] < 0 or not np.isfinite(there):
                        continue
                    if fill == 1:
                        step = 0 if dr == 0 else 1 if dc == 0 else 2
                        length = lengths[step, min(r, other)]
                        mean = 0.5 * (here + there)
                        if kind == 0:
                            worth = mean * length
                        elif kind == 1:
                            worth = 1.0 / (mean * length)
                        else:
                            worth = mean / length
                        indices[at] = node[other, column]
                        data[at] = worth
                    at += 1
                indptr[i + 1] = at
        if fill == 0:
            indices = np.empty(at, dtype=np.int32)
            data = np.empty(at)
    return indptr, indices, data


@njit(cache=True)
def throughput(
    indptr: AnyArray,
    indices: AnyArray,
    data: FloatArray,
    voltage: FloatArray,
    outside: FloatArray,
) -> FloatArray:
    """Add up the current through each node: all that comes in, which is all that goes out.

    Parameters
    ----------
    indptr, indices, data
        Conductances between nodes.
    voltage : (n,) array
    outside : (n,) array
        Current that enters from sources plus that which leaves to grounds, both above 0.

    Returns
    -------
    (n,) array
    """
    found = np.empty(len(voltage))
    for i in range(len(voltage)):
        total = outside[i]
        for k in range(indptr[i], indptr[i + 1]):
            total += abs(data[k] * (voltage[i] - voltage[indices[k]]))
        found[i] = 0.5 * total
    return found


@njit(cache=True)
def add_up(at: AnyArray, values: FloatArray, total: FloatArray, most: FloatArray) -> None:
    """Add ``values[at]`` to a total and raise a maximum to it, in place, where ``at`` >= 0."""
    for i in range(len(at)):
        if at[i] >= 0:
            value = values[at[i]]
            total[i] += value
            most[i] = max(most[i], value)


@njit(cache=True)
def walk_weights(  # noqa: PLR0917 - numba takes keywords badly
    indptr: AnyArray,
    indices: AnyArray,
    cost: FloatArray,
    log_total: FloatArray,
    height: FloatArray,
    theta: float,
    ends: BoolArray,
) -> FloatArray:
    """Weight of each step of a random walk that cost deters, relative to ``height``.

    A step from i to j has the reference probability ``1 / cost / exp(log_total[i])``, times
    ``exp(-theta * cost)``, times ``exp(height[i] - height[j])``; there is none out of an end.

    Returns
    -------
    array as ``cost``
    """
    weights = np.zeros(len(cost))
    for i in range(len(height)):
        if ends[i]:
            continue
        for k in range(indptr[i], indptr[i + 1]):
            rise = height[i] - height[indices[k]]
            weights[k] = np.exp(rise - theta * cost[k] - np.log(cost[k]) - log_total[i])
    return weights


@njit(cache=True)
def passages(  # noqa: PLR0917 - numba takes keywords badly
    indptr: AnyArray,
    indices: AnyArray,
    cost: FloatArray,
    weights: FloatArray,
    arriving: FloatArray,
    leaving: FloatArray,
    outside: FloatArray,
) -> tuple[FloatArray, float]:
    """Net passages through each node, and the expected cost of a walk.

    Parameters
    ----------
    indptr, indices, cost
        A symmetric graph with columns in order.
    weights : array
        Of :func:`walk_weights`.
    arriving, leaving : (n,) arrays
        A step from i to j is taken ``arriving[i] * weight * leaving[j]`` times.
    outside : (n,) array
        Walks that start at each node plus those that end there.

    Returns
    -------
    net : (n,) array
        Half the sum of the net steps to and from each neighbour, starts and ends counted.
    expected : float
    """
    net = outside.copy()
    expected = 0.0
    for i in range(len(net)):
        for k in range(indptr[i], indptr[i + 1]):
            j = indices[k]
            out = arriving[i] * weights[k] * leaving[j]
            expected += out * cost[k]
            if j <= i:
                continue
            low, high = indptr[j], indptr[j + 1]
            while low < high:
                middle = (low + high) // 2
                if indices[middle] < i:
                    low = middle + 1
                else:
                    high = middle
            difference = abs(out - arriving[j] * weights[low] * leaving[i])
            net[i] += difference
            net[j] += difference
    return 0.5 * net, expected
