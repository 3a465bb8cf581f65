"""Upper tails of the beta-binomial law, on plain arrays."""

from __future__ import annotations

from math import exp, lgamma

import numpy as np
from numba import njit

from geocn._typing import FloatArray, IntArray

# Terms this much smaller than their sum no longer change it.
_NOTHING = 1e-18


@njit(cache=True)
def upper_tail(least: IntArray, total: IntArray, a: FloatArray, b: FloatArray) -> FloatArray:
    """Probability of at least ``least`` of ``total``, summed term by term from there outwards.

    Parameters
    ----------
    least, total : (n,) integer arrays
        0 <= least <= total.
    a, b : (n,) arrays
        Shapes of the law, above 0.

    Returns
    -------
    (n,) array
    """
    out = np.ones(least.size)
    for i in range(least.size):
        n, p, q = float(total[i]), a[i], b[i]
        # The smaller tail is summed: what lies above the mean, or what lies below it.
        above = least[i] > n * p / (p + q)
        x = float(least[i]) if above else float(least[i] - 1)
        if x < 0:
            continue
        whole = 0.0
        term = exp(
            lgamma(n + 1)
            - lgamma(x + 1)
            - lgamma(n - x + 1)
            + lgamma(x + p)
            + lgamma(n - x + q)
            - lgamma(n + p + q)
            + lgamma(p + q)
            - lgamma(p)
            - lgamma(q)
        )
        while 0 <= x <= n and term > _NOTHING * whole:
            whole += term
            if above:
                term *= (n - x) * (p + x) / ((x + 1) * (n - x - 1 + q)) if x < n else 0.0
                x += 1
            else:
                term *= x * (n - x + q) / ((n - x + 1) * (x - 1 + p)) if x > 0 else 0.0
                x -= 1
        out[i] = whole if above else 1 - whole
    return out
