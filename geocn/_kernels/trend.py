"""Monotone trend of many short series at once: Mann-Kendall and Sen, on plain arrays."""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from scipy import special

from geocn._typing import FloatArray, IntArray


@njit(cache=True)
def mann_kendall(
    series: FloatArray,
) -> tuple[IntArray, FloatArray, FloatArray, IntArray]:
    r"""Mann-Kendall score of each row, its variance under no trend, and Kendall's tau-b.

    .. math:: S = \sum_{i<j} \mathrm{sgn}(x_j - x_i), \qquad
              18\,\mathrm{Var}(S) = n(n-1)(2n+5) - \sum_t t(t-1)(2t+5)

    with t the sizes of the groups of tied values (Mann 1945, doi:10.2307/1907187;
    Kendall 1975). NaN are passed over; the others keep their order.

    Parameters
    ----------
    series : (m, n) array
        One series a row, in order of time.

    Returns
    -------
    score : (m,) integer array
    variance, tau : (m,) arrays
        Tau is NaN where a row holds no two different values.
    length : (m,) integer array
        Number of values that are not NaN.
    """
    m, width = series.shape
    score = np.zeros(m, dtype=np.int64)
    variance = np.zeros(m)
    tau = np.full(m, np.nan)
    length = np.zeros(m, dtype=np.int64)
    x = np.empty(width)
    for row in range(m):
        n = 0
        for j in range(width):
            if not math.isnan(series[row, j]):
                x[n] = series[row, j]
                n += 1
        # Loops that only count, without a branch, run on several values at once.
        above, below, lost = 0, 0, 0
        for i in range(n):
            for j in range(i + 1, n):
                above += x[j] > x[i]
                below += x[j] < x[i]
        pairs = n * (n - 1) // 2
        ties = pairs - above - below
        if ties:
            for i in range(n):
                same = -1
                for j in range(n):
                    same += x[j] == x[i]
                # Each of a group of t counts (t - 1)(2t + 5), so the group t times that.
                lost += same * (2 * same + 7)
        score[row], length[row] = above - below, n
        variance[row] = (n * (n - 1) * (2 * n + 5) - lost) / 18
        if pairs > ties:
            tau[row] = (above - below) / math.sqrt(pairs * float(pairs - ties))
    return score, variance, tau, length


@njit(cache=True)
def _select(x: FloatArray, n: int, rank: int, spare: FloatArray) -> float:
    """Value of this rank among the first n; both arrays are used up.

    Smaller and larger values than a pivot are written apart without a branch, which on
    values in no order would be guessed wrong every other time.
    """
    while n > 12:
        p, q, r = x[n // 4], x[n // 2], x[n - n // 4]
        pivot = max(min(p, q), min(max(p, q), r))
        below, above = 0, 0
        for i in range(n):
            value = x[i]
            spare[above] = value
            above += value > pivot
            x[below] = value
            below += value < pivot
        if rank < below:
            n = below
        elif rank >= n - above:
            rank -= n - above
            n = above
            x, spare = spare, x
        else:
            return float(pivot)
    for i in range(1, n):
        value, j = x[i], i
        while j > 0 and x[j - 1] > value:
            x[j] = x[j - 1]
            j -= 1
        x[j] = value
    return float(x[rank])


@njit(cache=True)
def _middle(x: FloatArray, n: int, rank: int, ranks: int, room: FloatArray) -> float:
    """Value of this rank, or with two ranks its mean with the next; ``x`` stays as it is."""
    # An assignment of slices would take seconds to compile.
    for i in range(n):
        room[0, i] = x[i]
    first = _select(room[0], n, rank, room[1])
    if ranks == 1:
        return first
    reached, following = 0, np.inf
    for i in range(n):
        reached += x[i] <= first
        following = min(following, x[i] if x[i] > first else np.inf)
    return first if reached > rank + 1 else (first + following) / 2


@njit(cache=True)
def _median(x: FloatArray, n: int, near: FloatArray, room: FloatArray) -> float:
    """Median of the first n values; ``near`` and ``room`` are space to work in.

    A sample brackets the median, and the search goes on among the values in the bracket,
    which one pass without branches picks out; where the bracket misses, among all.
    """
    rank, ranks = (n - 1) // 2, 2 - n % 2
    sample = 63
    if n > 8 * sample:
        stride = n // sample
        for i in range(sample):
            near[i] = x[i * stride]
        ends = np.empty(2)
        for side in range(2):
            ends[side] = _middle(near, sample, sample // 2 - 9 + 18 * side, 1, room)
        below, count = 0, 0
        for i in range(n):
            value = x[i]
            below += value < ends[0]
            near[count] = value
            count += (value >= ends[0]) & (value <= ends[1])
        if below <= rank and rank + 1 < below + count:
            x, n, rank = near, count, rank - below
    return _middle(x, n, rank, ranks, room)


@njit(cache=True)
def sen_slope(series: FloatArray) -> FloatArray:
    """Median of the slopes between all pairs of each row, per step (Sen 1968).

    NaN are passed over, the steps they stand for are not. NaN where a row holds fewer
    than two values. doi:10.1080/01621459.1968.10480934.

    Parameters
    ----------
    series : (m, n) array
        One series a row, at equal steps of time.
    """
    m, n = series.shape
    slope = np.full(m, np.nan)
    slopes = np.empty(n * (n - 1) // 2)
    near = np.empty(n * (n - 1) // 2)
    room = np.empty((2, max(len(near), 1)))
    x, when = np.empty(n), np.empty(n)
    for row in range(m):
        known = 0
        for j in range(n):
            if not math.isnan(series[row, j]):
                x[known], when[known] = series[row, j], j
                known += 1
        # By distance in time, so that a whole run of slopes is computed at once.
        count = 0
        for lag in range(1, known):
            if known == n:
                for i in range(n - lag):
                    slopes[count + i] = (x[i + lag] - x[i]) / lag
            else:
                for i in range(known - lag):
                    slopes[count + i] = (x[i + lag] - x[i]) / (when[i + lag] - when[i])
            count += known - lag
        if count:
            slope[row] = _median(slopes, count, near, room)
    return slope


def trend_test(
    score: IntArray, variance: FloatArray, length: IntArray, inflation: FloatArray | float = 1.0
) -> tuple[FloatArray, FloatArray]:
    """Return the score standardised, corrected for continuity, and its two-sided p-value.

    Parameters
    ----------
    score, variance, length : (m,) arrays
        From :func:`mann_kendall`.
    inflation : (m,) array or float
        By what the variance grows because neighbouring values depend on each other.

    Returns
    -------
    z, p_value : (m,) arrays
        0 and 1 where all values are equal, NaN where there are fewer than two.
    """
    spread = np.sqrt(variance * inflation)
    with np.errstate(invalid="ignore", divide="ignore"):
        z = np.where(spread > 0, (score - np.sign(score)) / spread, 0.0)
    z = np.where(length > 1, z, np.nan)
    p: FloatArray = special.erfc(np.abs(z) / math.sqrt(2))
    return z, p


def overlap_inflation(length: IntArray, shared: int) -> FloatArray:
    r"""Growth of the variance of the Mann-Kendall score of sums over overlapping windows.

    A sum over ``shared`` earlier steps and its own correlates with that j steps later by
    :math:`\rho_j = 1 - j / (shared + 1)` although the steps are independent; its ranks by
    :math:`6/\pi \arcsin(\rho_j/2)`. The growth is then, after Hamed and Rao 1998
    (doi:10.1016/S0022-1694(97)00125-X),

    .. math:: 1 + \frac{2}{n(n-1)(n-2)} \sum_j (n-j)(n-j-1)(n-j-2)\,\rho^{rank}_j .

    Parameters
    ----------
    length : (m,) integer array
        Lengths of the series.
    shared : int
        Number of earlier steps in each window.
    """
    n = np.asarray(length, dtype=float)
    total = np.zeros(n.shape)
    for j in range(1, shared + 1):
        rank = 6 / math.pi * math.asin((1 - j / (shared + 1)) / 2)
        total += np.where(n > j + 2, (n - j) * (n - j - 1) * (n - j - 2), 0.0) * rank
    with np.errstate(invalid="ignore", divide="ignore"):
        growth: FloatArray = np.where(n > 2, 1 + 2 * total / (n * (n - 1) * (n - 2)), 1.0)
    return growth
