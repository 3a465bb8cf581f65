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
    tied = np.empty(width, dtype=np.int64)
    for row in range(m):
        n = 0
        for j in range(width):
            if not math.isnan(series[row, j]):
                x[n] = series[row, j]
                n += 1
        tied[:n] = 0
        s, ties = 0, 0
        for i in range(n):
            for j in range(i + 1, n):
                s += int(x[j] > x[i]) - int(x[j] < x[i])
                same = int(x[j] == x[i])
                tied[i] += same
                tied[j] += same
        # Every member of a group of t counts (t - 1)(2t + 5), so the group t times that.
        lost = 0
        for i in range(n):
            lost += tied[i] * (2 * tied[i] + 7)
            ties += tied[i]
        pairs = n * (n - 1) / 2
        score[row], length[row] = s, n
        variance[row] = (n * (n - 1) * (2 * n + 5) - lost) / 18
        if pairs > ties / 2:
            tau[row] = s / math.sqrt(pairs * (pairs - ties / 2))
    return score, variance, tau, length


@njit(cache=True)
def _select(x: FloatArray, n: int, rank: int) -> float:
    """Value of this rank among the first n, which are put in another order (Hoare)."""
    low, high = 0, n - 1
    while low < high:
        pivot = x[(low + high) // 2]
        i, j = low, high
        while i <= j:
            while x[i] < pivot:
                i += 1
            while x[j] > pivot:
                j -= 1
            if i <= j:
                x[i], x[j] = x[j], x[i]
                i += 1
                j -= 1
        if j < rank:
            low = i
        if rank < i:
            high = j
    return float(x[rank])


@njit(cache=True)
def _median(x: FloatArray, n: int, near: FloatArray) -> float:
    """Median of the first n values; ``near`` is room for as many, ``x`` may be put in order.

    A sample brackets the median, and the search goes on among the values in the bracket,
    which one pass without branches picks out; where the bracket misses, among all.
    """
    lower, upper = (n - 1) // 2, n // 2
    sample = 63
    if n > 8 * sample:
        stride = n // sample
        for i in range(sample):
            near[i] = x[i * stride]
        low = _select(near, sample, sample // 2 - 9)
        high = _select(near, sample, sample // 2 + 9)
        below, count = 0, 0
        for i in range(n):
            value = x[i]
            below += int(value < low)
            near[count] = value
            count += int((value >= low) & (value <= high))
        if below <= lower and upper < below + count:
            middle = _select(near, count, lower - below)
            return (middle + _select(near, count, upper - below)) / 2
    middle = _select(x, n, lower)
    return (middle + _select(x, n, upper)) / 2


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
    for row in range(m):
        count = 0
        for i in range(n):
            if math.isnan(series[row, i]):
                continue
            for j in range(i + 1, n):
                if not math.isnan(series[row, j]):
                    slopes[count] = (series[row, j] - series[row, i]) / (j - i)
                    count += 1
        if count:
            slope[row] = _median(slopes, count, near)
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
