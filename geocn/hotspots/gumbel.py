"""P-values of a greatest ratio among the greatest ratios of replicates."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from geocn._typing import FloatArray

# Equal windows may be summed in different orders.
_SAME = 1e-9


def rank_p(ratio: ArrayLike, maxima: FloatArray) -> FloatArray:
    """Share of the replicates, the data among them, that are at least as unusual.

    Parameters
    ----------
    ratio : array-like
        Ratios in the data.
    maxima : (r,) array
        The greatest ratio of each replicate.

    Returns
    -------
    array
        From 1 / (r + 1) to 1; ties count against the data.

    Examples
    --------
    >>> rank_p([5.0, 2.0], np.array([1.0, 2.0, 3.0])).tolist()
    [0.25, 0.75]
    """
    reached = np.asarray(ratio, dtype=float) * (1 - _SAME)
    below = np.searchsorted(np.sort(maxima), reached, side="left")
    p = (1.0 + maxima.size - below) / (1.0 + maxima.size)
    return np.asarray(p, dtype=np.float64)


def gumbel_p(ratio: ArrayLike, maxima: FloatArray) -> FloatArray:
    """Tail beyond ``ratio`` of the Gumbel law with the mean and spread of the maxima.

    NaN where the maxima do not differ. An approximation that reaches below the rank's
    1 / (r + 1) (Abrams, Kulldorff & Kleinman 2010, doi:10.1186/1476-072X-9-61).

    Examples
    --------
    >>> maxima = np.random.default_rng(0).gumbel(5, 1, 9999)
    >>> bool(abs(gumbel_p(12.0, maxima) / 0.00091 - 1) < 0.2)
    True
    """
    values = np.asarray(ratio, dtype=float)
    scale = float(maxima.std(ddof=1) * np.sqrt(6) / np.pi) if maxima.size > 1 else 0.0
    if scale == 0:
        return np.full(values.shape, np.nan)
    place = float(maxima.mean()) - float(np.euler_gamma) * scale
    # Not 1 - exp(-x), which knows nothing below 1e-16.
    tail = -np.expm1(-np.exp((place - values) / scale))
    return np.asarray(tail, dtype=np.float64)
