"""Counting pairs of events by their distance in time, on plain arrays."""

from __future__ import annotations

import numpy as np
from numba import njit

from geocn._typing import AnyArray, FloatArray, IntArray

# Shuffles written side by side: one cache line of 16-bit numbers.
_SIDE_BY_SIDE = 32
# Pairs after which narrow counters are emptied into wide ones.
_FLUSH = 32_000


@njit(cache=True)
def shuffled_columns(time: AnyArray, draws: AnyArray) -> AnyArray:
    """Shuffle ``time`` once for each row of random numbers (Fisher and Yates).

    Parameters
    ----------
    time : (n,) integer array
    draws : (r, n) array of uint32
        Uniform; one part in 2^32 / n of bias is accepted.

    Returns
    -------
    (n, r) array
        One shuffle a column, so that a row holds the times of one event in all of them.
    """
    size, wanted = time.size, draws.shape[0]
    out = np.empty((size, wanted), dtype=time.dtype)
    mixed = np.empty((_SIDE_BY_SIDE, size), dtype=time.dtype)
    for begin in range(0, wanted, _SIDE_BY_SIDE):
        width = min(_SIDE_BY_SIDE, wanted - begin)
        for r in range(width):
            for i in range(size):
                mixed[r, i] = time[i]
            for top in range(size - 1, 0, -1):
                draw = np.uint64(draws[begin + r, top])
                pick = np.int64((draw * np.uint64(top + 1)) >> np.uint64(32))
                kept = mixed[r, top]
                mixed[r, top] = mixed[r, pick]
                mixed[r, pick] = kept
        for i in range(size):
            for r in range(width):
                out[i, begin + r] = mixed[r, i]
    return out


@njit(cache=True)
def pairs_within(
    times: AnyArray, first: AnyArray, second: AnyArray, start: IntArray, edges: AnyArray
) -> IntArray:
    """Count, for each group of pairs, those closer in time than each edge.

    Parameters
    ----------
    times : (n, r) integer array
        Instants of the events in each of r shuffles; counted together, so that the inner
        loop reads neighbouring numbers and is vectorised. The narrower the type, the more
        of them at once; differences must fit it.
    first, second : (m,) integer arrays
        The events of each pair, the pairs of one group one after the other.
    start : (g + 1,) array
        Where each group of pairs starts.
    edges : (e,) integer array
        Upper limits, exclusive, in the unit and type of ``times``.

    Returns
    -------
    (g, e, r) integer array
    """
    width = times.shape[1]
    counts = np.zeros((start.size - 1, edges.size, width), dtype=np.int64)
    # Kept in the type of the times: numba would widen a difference to 64 bits.
    apart = np.empty(width, dtype=times.dtype)
    few = np.empty((edges.size, width), dtype=times.dtype)
    for group in range(start.size - 1):
        for begin in range(start[group], start[group + 1], _FLUSH):
            few[:] = 0
            for pair in range(begin, min(begin + _FLUSH, start[group + 1])):
                one, other = times[first[pair]], times[second[pair]]
                for r in range(width):
                    apart[r] = max(one[r], other[r]) - min(one[r], other[r])
                for edge in range(edges.size):
                    limit, within = edges[edge], few[edge]
                    for r in range(width):
                        within[r] += apart[r] < limit
            for edge in range(edges.size):
                for r in range(width):
                    counts[group, edge, r] += few[edge, r]
    return counts


@njit(cache=True)
def _group_of(xy: FloatArray, i: int, j: int, upper: FloatArray, straight: bool) -> int:
    """Count the upper limits that the distance between two points reaches."""
    total = 0.0
    for axis in range(xy.shape[1]):
        step = abs(xy[i, axis] - xy[j, axis])
        total += step * step if straight else step
    distance = np.sqrt(total) if straight else total
    group = 0
    while group < upper.size and distance >= upper[group]:
        group += 1
    return group


@njit(cache=True)
def close_pairs(  # noqa: PLR0917 - numba takes keywords badly
    xy: FloatArray,
    cell: IntArray,
    rows: IntArray,
    upper: FloatArray,
    straight: bool,
    start: IntArray,
    most: int,
) -> tuple[IntArray, AnyArray]:
    """Count the pairs in each interval of distance, or write them down.

    Parameters
    ----------
    xy : (n, d) array
        Points in the order of their cells.
    cell : (n,) array
        Numbers of cells, sorted, such that a cell's neighbours along the last axis are
        the numbers next to its own. Cells are at least as wide as the last limit.
    rows : (k,) array
        What to add to a cell's number for its own row (0, first) and for the neighbouring
        rows that come later.
    upper : (g,) array
        Upper limits of the intervals, exclusive, increasing.
    straight : bool
        Straight-line distance; else the sum over the axes.
    start : (g + 1,) array
        Where to write the pairs of each interval; all zero to count only.
    most : int
        Stop counting soon after this many.

    Returns
    -------
    counts : (g,) array
    pairs : (2, m) array of int32
        Empty where only counted.
    """
    counts = np.zeros(upper.size, dtype=np.int64)
    pairs = np.empty((2, start[-1]), dtype=np.int32)
    low, high = np.zeros(rows.size, dtype=np.int64), np.zeros(rows.size, dtype=np.int64)
    found = 0
    for i in range(cell.size):
        for row in range(rows.size):
            centre = cell[i] + rows[row]
            while low[row] < cell.size and cell[low[row]] < centre - 1:
                low[row] += 1
            while high[row] < cell.size and cell[high[row]] <= centre + 1:
                high[row] += 1
            begin = i + 1 if row == 0 else low[row]
            for j in range(begin, high[row]):
                group = _group_of(xy, i, j, upper, straight)
                if group < upper.size:
                    if start[-1]:
                        pairs[0, start[group] + counts[group]] = i
                        pairs[1, start[group] + counts[group]] = j
                    counts[group] += 1
                    found += 1
        if found > most:
            break
    return counts, pairs
