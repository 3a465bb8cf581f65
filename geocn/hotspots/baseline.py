"""Laws of a count given the total of its own past: exact tails without a rate to estimate."""

from __future__ import annotations

import numpy as np
from scipy import optimize, special

from geocn._kernels.beta_binomial import upper_tail
from geocn._typing import FloatArray, IntArray

# From this concentration on (times the mean exposure) a law is Poisson for all purposes.
_POISSON = 1e6
_MOST_DOUBLINGS = 60


def concentration(past: IntArray, exposed: FloatArray) -> float:
    r"""Size of a negative binomial count per unit of exposure, common to all areas.

    Given an area's total, its counts follow the Dirichlet-multinomial law with parameters
    :math:`\kappa e_j`, whatever its rate; the product over areas is maximised. Infinite where
    counts vary no more than Poisson ones.

    Parameters
    ----------
    past, exposed : (areas, periods) arrays
        Periods with exposure 0 take no part.
    """
    some = (exposed > 0).sum(axis=1) > 1
    y, e = past[some & (past.sum(axis=1) > 1)], exposed[some & (past.sum(axis=1) > 1)]
    if not len(y):
        return float("inf")
    unit = e[e > 0].mean()
    e = e / unit
    total, whole = y.sum(axis=1), e.sum(axis=1)
    rising = y > 0

    def misfit(log_k: float) -> float:
        k = np.exp(log_k)
        each = special.gammaln(k * e[rising] + y[rising]) - special.gammaln(k * e[rising])
        given = special.gammaln(k * whole + total) - special.gammaln(k * whole)
        # The limit of the law as k grows is taken off: sums of large numbers cancel.
        each = each - y[rising] * np.log(k * e[rising])
        given = given - total * np.log(k * whole)
        return float(given.sum() - each.sum())

    found = optimize.minimize_scalar(
        misfit, bounds=(np.log(1e-3), np.log(_POISSON)), method="bounded", options={"xatol": 1e-6}
    )
    return (
        float("inf")
        if np.exp(found.x) > _POISSON / 10 or found.fun >= 0
        else float(np.exp(found.x) / unit)
    )


def upper(
    count: IntArray, past: IntArray, exposed: FloatArray, past_exposed: FloatArray, kappa: float
) -> FloatArray:
    """Probability of at least ``count`` events, given that count and its past together.

    Parameters
    ----------
    count, past : (n,) integer arrays
        Events of the judged period, and of the baseline in total.
    exposed, past_exposed : (n,) arrays
        Their exposure, above 0.
    kappa : float
        Size of the negative binomial law per unit of exposure; infinite for Poisson.

    Examples
    --------
    >>> upper(np.array([3]), np.array([3]), np.ones(1), np.ones(1), np.inf).tolist()
    [0.65625]
    """
    least = np.asarray(count, dtype=np.int64)
    if np.isinf(kappa):
        share = exposed / (exposed + past_exposed)
        tail = special.betainc(np.maximum(least, 1.0), past + 1.0, share)
        return np.where(least > 0, tail, 1.0).astype(np.float64, copy=False)
    return upper_tail(least, least + past, kappa * exposed, kappa * past_exposed)


def attained(
    threshold: FloatArray,
    past: IntArray,
    exposed: FloatArray,
    past_exposed: FloatArray,
    kappa: float,
) -> FloatArray:
    """Chance of a count at or above each threshold where nothing changed, given the past."""
    return upper(np.ceil(threshold).astype(np.int64), past, exposed, past_exposed, kappa)


def thresholds(
    rate: float, past: IntArray, exposed: FloatArray, past_exposed: FloatArray, kappa: float
) -> FloatArray:
    """Smallest counts whose tail is at most ``rate``, by halving."""
    low = np.zeros(len(past), dtype=np.int64)
    high = np.ones(len(past), dtype=np.int64)
    for _ in range(_MOST_DOUBLINGS):
        short = upper(high, past, exposed, past_exposed, kappa) > rate
        if not short.any():
            break
        low[short] = high[short]
        high[short] *= 2
    while (high - low > 1).any():
        middle = (low + high) // 2
        enough = upper(middle, past, exposed, past_exposed, kappa) <= rate
        high, low = np.where(enough, middle, high), np.where(enough, low, middle)
    return high.astype(float)
