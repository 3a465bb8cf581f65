"""Conditional permutation for sums over neighbours, on plain arrays."""

from __future__ import annotations

import numpy as np
from numba import njit

from geocn._typing import FloatArray, IntArray

_CHUNK = 100_000


def draw_distinct(rng: np.random.Generator, n: int, size: int, draws: int) -> IntArray:
    """Draw ``draws`` times ``size`` distinct numbers below ``n``, the last one exchangeable.

    Floyd's algorithm gives a uniform set; a random column is then swapped to the end, so
    that the last number is a uniform member of the set.
    """
    ids = np.empty((draws, size), dtype=np.int64)
    for place, top in enumerate(range(n - size, n)):
        pick = rng.integers(0, top + 1, draws)
        taken = (ids[:, :place] == pick[:, None]).any(axis=1)
        ids[:, place] = np.where(taken, top, pick)
    spare = rng.integers(0, size, draws)
    row = np.arange(draws)
    ids[row, spare], ids[:, -1] = ids[:, -1], ids[row, spare]
    return ids


def shared_sum_counts(
    y: FloatArray, lag: FloatArray, members: IntArray, *, k: int, draws: int, seed: int
) -> tuple[IntArray, IntArray]:
    """Count permuted sums at least and at most as large as each observed sum.

    Given its own value, the sum over the k neighbours of a cell is, under the null, a sum of
    k of the other values drawn without replacement. All cells with k neighbours share one
    set of draws: k + 1 ids each, sorted sums, one binary search a cell. Where a draw holds
    the cell itself, the spare id takes its place.

    Parameters
    ----------
    y : (n,) array
        Values of all cells, finite.
    lag : (m,) array
        Observed sums over neighbours of the cells in ``members``.
    members : (m,) array
        The cells with k neighbours.
    k, draws, seed : int
        Number of neighbours, of permutations, and the seed.

    Returns
    -------
    at_least, at_most : (m,) integer arrays
        Ties, to within rounding, count in both.
    """
    n = y.size
    rng = np.random.default_rng([seed, k])
    slack = 1e-12 * max(1, k) * np.abs(y).max(initial=0.0)
    low, high = lag - slack, lag + slack
    place = np.full(n, -1, dtype=np.int64)
    place[members] = np.arange(members.size)
    at_least = np.zeros(members.size, dtype=np.int64)
    at_most = np.zeros(members.size, dtype=np.int64)
    for start in range(0, draws, _CHUNK):
        ids = draw_distinct(rng, n, k + 1, min(_CHUNK, draws - start))
        values = y[ids]
        sums = values[:, :k].sum(axis=1)
        ordered = np.sort(sums)
        at_least += sums.size - np.searchsorted(ordered, low, side="left")
        at_most += np.searchsorted(ordered, high, side="right")
        row, column = np.nonzero(place[ids[:, :k]] >= 0)
        cell = place[ids[row, column]]
        mended = sums[row] - values[row, column] + values[row, k]
        more = (mended >= low[cell]).astype(np.int64) - (sums[row] >= low[cell])
        less = (mended <= high[cell]).astype(np.int64) - (sums[row] <= high[cell])
        at_least += np.bincount(cell, weights=more, minlength=members.size).astype(np.int64)
        at_most += np.bincount(cell, weights=less, minlength=members.size).astype(np.int64)
    return at_least, at_most


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
