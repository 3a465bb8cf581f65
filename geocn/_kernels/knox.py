"""Counting pairs of events by their distance in time, on plain arrays."""

from __future__ import annotations

import numpy as np
from numba import njit

from geocn._typing import AnyArray, IntArray


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
    size = time.size
    out = np.empty((size, draws.shape[0]), dtype=time.dtype)
    for r in range(draws.shape[0]):
        mixed = time.copy()
        for top in range(size - 1, 0, -1):
            pick = np.int64((np.uint64(draws[r, top]) * np.uint64(top + 1)) >> np.uint64(32))
            mixed[top], mixed[pick] = mixed[pick], mixed[top]
        out[:, r] = mixed
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
        loop reads neighbouring numbers and is vectorised.
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
    counts = np.zeros((start.size - 1, edges.size, width), dtype=np.int32)
    # Kept in the type of the times: numba would widen a difference to 64 bits.
    apart = np.empty(width, dtype=times.dtype)
    for group in range(start.size - 1):
        for pair in range(start[group], start[group + 1]):
            one, other = times[first[pair]], times[second[pair]]
            for r in range(width):
                apart[r] = max(one[r], other[r]) - min(one[r], other[r])
            for edge in range(edges.size):
                limit, within = edges[edge], counts[group, edge]
                for r in range(width):
                    within[r] += np.int32(apart[r] < limit)
    return counts.astype(np.int64)
