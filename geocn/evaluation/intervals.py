"""Exact intervals and tests of counts, on plain arrays.

Counts may be scaled (divided by a dispersion), so every law is written with the
incomplete beta and gamma functions, which need no whole numbers.
"""

from __future__ import annotations

import numpy as np
from scipy import special, stats

from geocn._typing import FloatArray


def poisson_interval(count: FloatArray, confidence: float) -> tuple[FloatArray, FloatArray]:
    r"""Exact interval of the mean of a Poisson count (Garwood 1936).

    References
    ----------
    Garwood 1936, doi:10.1093/biomet/28.3-4.437.

    Examples
    --------
    >>> import numpy as np
    >>> low, high = poisson_interval(np.array([0.0, 10.0]), 0.95)
    >>> low.round(2).tolist(), high.round(2).tolist()
    ([0.0, 4.8], [3.69, 18.39])
    """
    count = np.asarray(count, dtype=float)
    tail = (1 - confidence) / 2
    with np.errstate(invalid="ignore"):
        low = np.where(count > 0, special.gammaincinv(np.maximum(count, 1e-300), tail), 0.0)
    return low, np.asarray(special.gammaincinv(count + 1, 1 - tail))


def proportion_interval(
    hits: FloatArray, misses: FloatArray, confidence: float
) -> tuple[FloatArray, FloatArray]:
    """Exact interval of a share (Clopper & Pearson 1934).

    References
    ----------
    Clopper & Pearson 1934, doi:10.1093/biomet/26.4.404.

    Examples
    --------
    >>> import numpy as np
    >>> low, high = proportion_interval(np.array([8.0]), np.array([2.0]), 0.95)
    >>> low.round(3).tolist(), high.round(3).tolist()
    ([0.444], [0.975])
    """
    hits, misses = np.asarray(hits, dtype=float), np.asarray(misses, dtype=float)
    tail = (1 - confidence) / 2
    some, few = np.maximum(hits, 1e-300), np.maximum(misses, 1e-300)
    low = np.where(hits > 0, special.betaincinv(some, misses + 1, tail), 0.0)
    high = np.where(misses > 0, special.betaincinv(hits + 1, few, 1 - tail), 1.0)
    return low, high


def conditional_p(after: FloatArray, before: FloatArray, share: FloatArray) -> FloatArray:
    """Two-sided p-value of the conditional test of two Poisson counts (C-test).

    Given their sum, ``after`` is binomial with the ``share`` of exposure that fell to it.

    References
    ----------
    Przyborowski & Wilenski 1940, doi:10.1093/biomet/31.3-4.313.

    Examples
    --------
    >>> import numpy as np
    >>> conditional_p(np.array([10.0]), np.array([2.0]), np.array([0.5])).round(4).tolist()
    [0.0386]
    """
    some, few = np.maximum(after, 1e-300), np.maximum(before, 1e-300)
    at_least = np.where(after > 0, special.betainc(some, before + 1, share), 1.0)
    at_most = np.where(before > 0, special.betaincc(after + 1, few, share), 1.0)
    p: FloatArray = np.minimum(2 * np.minimum(at_least, at_most), 1.0)
    return p


def ratio_interval(
    after: FloatArray, before: FloatArray, exposure_ratio: FloatArray, confidence: float
) -> tuple[FloatArray, FloatArray]:
    """Interval of the ratio of two Poisson rates, by the same conditional law.

    ``exposure_ratio`` is the exposure of ``after`` over that of ``before``.

    Examples
    --------
    >>> import numpy as np
    >>> one = np.ones(1)
    >>> low, high = ratio_interval(10 * one, 2 * one, one, 0.95)
    >>> low.round(3).tolist(), high.round(1).tolist()
    ([1.066], [46.9])
    """
    low, high = proportion_interval(after, before, confidence)
    with np.errstate(divide="ignore"):
        return low / (1 - low) / exposure_ratio, high / (1 - high) / exposure_ratio


def difference_interval(
    after: FloatArray, before: FloatArray, scale: FloatArray, confidence: float
) -> tuple[FloatArray, FloatArray]:
    """Interval of ``after - scale * before`` from the exact intervals of both (MOVER).

    References
    ----------
    Zou & Donner 2008, doi:10.1002/sim.3095.

    Examples
    --------
    >>> import numpy as np
    >>> one = np.ones(1)
    >>> low, high = difference_interval(10 * one, 2 * one, one, 0.95)
    >>> low.round(2).tolist(), high.round(2).tolist()
    ([0.63], [16.57])
    """
    low_a, high_a = poisson_interval(after, confidence)
    low_b, high_b = poisson_interval(before, confidence)
    change = after - scale * before
    low = change - np.hypot(after - low_a, scale * (high_b - before))
    high = change + np.hypot(high_a - after, scale * (before - low_b))
    return low, high


def benjamini_hochberg(p_value: FloatArray) -> FloatArray:
    """Adjust p-values for the false-discovery rate; NaN is no test and stays NaN.

    References
    ----------
    Benjamini & Hochberg 1995, doi:10.1111/j.2517-6161.1995.tb02031.x.

    Examples
    --------
    >>> import numpy as np
    >>> benjamini_hochberg(np.array([0.01, 0.04, 0.03, np.nan])).round(3).tolist()
    [0.03, 0.04, 0.04, nan]
    """
    adjusted = np.full(len(p_value), np.nan)
    tested = ~np.isnan(p_value)
    if tested.any():
        adjusted[tested] = stats.false_discovery_control(p_value[tested])
    return adjusted
