"""Conditional permutation for sums over neighbours, on plain arrays."""

from __future__ import annotations

import numpy as np
from numba import njit

from geocn._typing import AnyArray, FloatArray, IntArray

# Sums held at a time.
_HELD = 4_000_000
# Intervals of equal length by which sums are searched.
_INTERVALS = 65_536


def shared_counts(
    y: FloatArray, lag: FloatArray, k_of: IntArray, *, draws: int, seed: int
) -> tuple[IntArray, IntArray]:
    """Count permuted sums at least and at most as large as the observed sum of each cell.

    Given its own value, the sum over the k neighbours of a cell is, under the null, a sum of
    k of the other values drawn without replacement. All cells share one set of draws: each is
    a chain of distinct ids, one more than the most neighbours, whose first k make a sum for
    cells with k neighbours. Sums are sorted, and each cell searches those of its k once. Where
    a sum holds the cell itself, the next id of the chain takes its place. That is
    O(draws * k + n log draws) in all.

    Parameters
    ----------
    y, lag : (n,) arrays
        Values, finite, and observed sums over neighbours.
    k_of : (n,) integer array
        Number of neighbours; cells with 0 are not tested.
    draws, seed : int
        Number of permutations, and the seed.

    Returns
    -------
    at_least, at_most : (n,) integer arrays
        Ties, to within rounding, count in both; 0 for cells that are not tested.
    """
    at_least, at_most = np.zeros(y.size, dtype=np.int64), np.zeros(y.size, dtype=np.int64)
    ks = np.flatnonzero(np.bincount(k_of, minlength=1))
    ks = ks[ks > 0]
    if not len(ks):
        return at_least, at_most
    slack = 1e-12 * float(np.abs(y).max(initial=0.0))
    order = np.arange(y.size)
    state = np.array([seed % 2**64], dtype=np.uint64)
    chunk = max(_HELD // len(ks), 1)
    for start in range(0, draws, chunk):
        sums = np.empty((len(ks), min(chunk, draws - start)))
        draw_sums(y, k_of, lag, slack, ks, order, state, sums, at_least, at_most)
        sums.sort(axis=1)
        count_sums(sums, ks, k_of, lag, slack, at_least, at_most)
    return at_least, at_most


@njit(cache=True)
def draw_sums(  # noqa: PLR0917 - numba takes keywords badly
    y: FloatArray,
    k_of: IntArray,
    lag: FloatArray,
    slack: float,
    ks: IntArray,
    order: IntArray,
    state: AnyArray,
    sums: FloatArray,
    at_least: IntArray,
    at_most: IntArray,
) -> None:
    """Fill ``sums`` with one row a k; correct the counts of cells that were drawn themselves.

    ``order`` holds every id once, in any order, and ``state`` the SplitMix64 generator
    (Steele, Lea & Flood 2014, doi:10.1145/2660193.2660195); both go on from where they are.
    Sums that differ by less than k times ``slack`` are ties.
    """
    n, longest = y.size, ks[-1]
    prefix = np.zeros(longest + 2)
    s = state[0]
    for d in range(sums.shape[1]):
        for t in range(longest + 1):
            s += np.uint64(0x9E3779B97F4A7C15)
            b = (s ^ (s >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
            b = (b ^ (b >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
            b ^= b >> np.uint64(31)
            # Partial Fisher-Yates.
            j = t + int((b >> np.uint64(11)) * 2.0**-53 * (n - t))
            order[t], order[j] = order[j], order[t]
            prefix[t + 1] = prefix[t] + y[order[t]]
        for c in range(ks.size):
            sums[c, d] = prefix[ks[c]]
        for t in range(longest):
            i = order[t]
            k = k_of[i]
            if t < k:
                low, high = lag[i] - slack * k, lag[i] + slack * k
                mended = prefix[k] - y[i] + y[order[k]]
                at_least[i] += int(mended >= low) - int(prefix[k] >= low)
                at_most[i] += int(mended <= high) - int(prefix[k] <= high)
    state[0] = s


@njit(cache=True)
def count_sums(  # noqa: PLR0917 - numba takes keywords badly
    sums: FloatArray,
    ks: IntArray,
    k_of: IntArray,
    lag: FloatArray,
    slack: float,
    at_least: IntArray,
    at_most: IntArray,
) -> None:
    """Add to the counts of each cell the sums of its k, sorted, on either side of its own.

    A guide of equal intervals tells where a search begins and ends.
    """
    m = sums.shape[1]
    last = min(4 * m, _INTERVALS)
    row_of = np.zeros(ks[-1] + 1, dtype=np.int64)
    guide = np.full((ks.size, last + 2), m)
    per = np.zeros(ks.size)
    for c in range(ks.size):
        row_of[ks[c]] = c
        span = sums[c, m - 1] - sums[c, 0]
        if 0 < span < np.inf:
            per[c] = last / span
        interval = 0
        for j in range(m):
            while interval <= (sums[c, j] - sums[c, 0]) * per[c]:
                guide[c, interval] = j
                interval += 1
    for i in range(k_of.size):
        k = k_of[i]
        if k == 0:
            continue
        c = row_of[k]
        row = sums[c]
        below, above = lag[i] - slack * k, lag[i] + slack * k
        at = (above - row[0]) * per[c]
        interval = last if at >= last else int(max(at, 0.0))
        place, end = guide[c, interval], guide[c, interval + 1]
        while place < end:
            middle = (place + end) >> 1
            if row[middle] <= above:
                place = middle + 1
            else:
                end = middle
        at_most[i] += place
        if place and row[place - 1] >= below:
            place = np.searchsorted(row[:place], below)
        at_least[i] += m - place


@njit(cache=True)
def weighted_counts(  # noqa: PLR0917 - numba takes keywords badly
    y: FloatArray,
    lag: FloatArray,
    start: IntArray,
    weight: FloatArray,
    rows: IntArray,
    draws: int,
    enough: int,
    seed: int,
) -> IntArray:
    """Sequential conditional permutation for unequal weights (Besag and Clifford 1991).

    Draws for one cell stop once both tails hold ``enough`` exceedances, so that effort goes
    to the cells near the cut.

    Parameters
    ----------
    y, lag : (n,) arrays
        Values, and weighted sums over the neighbours without the cell itself.
    start, weight : arrays
        CSR pointers and weights of the neighbours.
    rows : (m,) array
        Cells to test.
    draws : int
        The most draws a cell may take.
    enough, seed : int
        Exceedances in both tails that end a cell's draws; the seed.

    Returns
    -------
    (m, 3) integer array
        Draws at least as large, at most as large, and all draws.
    """
    np.random.seed(seed)  # noqa: NPY002 - numba compiles only the legacy generator
    n = y.size
    order = np.arange(n)
    out = np.zeros((rows.size, 3), dtype=np.int64)
    top = np.abs(y).max()
    for r in range(rows.size):
        i = rows[r]
        first, last = start[i], start[i + 1]
        slack = 1e-12 * top * weight[first:last].sum()
        for _ in range(draws):
            total = 0.0
            used, t = 0, 0
            while used < last - first:
                # Partial Fisher-Yates; the cell itself is stepped over.
                j = np.random.randint(t, n)  # noqa: NPY002
                order[t], order[j] = order[j], order[t]
                if order[t] != i:
                    total += weight[first + used] * y[order[t]]
                    used += 1
                t += 1
            out[r, 0] += total >= lag[i] - slack
            out[r, 1] += total <= lag[i] + slack
            out[r, 2] += 1
            if out[r, 0] >= enough and out[r, 1] >= enough:
                break
    return out
