"""Results of several imputations joined to one.

The mean of the findings is the finding, and what they differ by widens its uncertainty
(multiple imputation, Rubin 1987, doi:10.1002/9780470316696).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from geocn._typing import FloatArray

# Smallest p-value that a normal score is told from.
_SMALLEST_P = 1e-320


@dataclass(frozen=True, slots=True)
class Rubin:
    """Estimates over imputations: combined, with total variance and share of it between."""

    estimate: FloatArray
    variance: FloatArray
    fmi: FloatArray


def combine_scores(z: ArrayLike) -> tuple[FloatArray, FloatArray, FloatArray]:
    r"""Combine standard normal scores over imputations.

    .. math:: z = \bar z \Big/ \sqrt{1 + (1 + 1/m)\,B}, \qquad
              B = \frac{1}{m-1} \sum_i (z_i - \bar z)^2

    the variance of each score under its null hypothesis being 1 (Licht 2010, New methods
    for generating significance levels from multiply-imputed data, Bamberg; Rubin 1987,
    doi:10.1002/9780470316696).

    Parameters
    ----------
    z : (m, n) array
        NaN in one imputation makes the combination NaN.

    Returns
    -------
    z, p_value, fmi : (n,) arrays
        Score, two-sided p-value, and fraction of missing information: the share of the
        variance that stems from not knowing the places.

    Examples
    --------
    >>> z, p_value, fmi = combine_scores([[2.0, 1.0], [2.0, 3.0]])
    >>> z.tolist(), fmi.tolist()
    ([2.0, 1.0], [0.0, 0.75])
    """
    scores = np.asarray(z, dtype=float)
    found = combine_estimates(scores, np.ones_like(scores))
    combined = found.estimate / np.sqrt(found.variance)
    return combined, special.erfc(np.abs(combined) / np.sqrt(2)), found.fmi


def combine_estimates(estimates: ArrayLike, variances: ArrayLike | None = None) -> Rubin:
    r"""Combine estimates over imputations by Rubin's rules.

    .. math:: T = \bar U + (1 + 1/m)\,B, \qquad
              \mathrm{fmi} = (1 + 1/m)\,B / T

    with U the variances within and B the variance between imputations.

    Parameters
    ----------
    estimates, variances : (m, ...) arrays
        Variances are 0 where not given.

    Examples
    --------
    >>> combine_estimates([1.0, 3.0], [1.0, 1.0])
    Rubin(estimate=np.float64(2.0), variance=np.float64(4.0), fmi=np.float64(0.75))
    """
    values = np.asarray(estimates, dtype=float)
    within = 0.0 if variances is None else np.asarray(variances, dtype=float).mean(axis=0)
    m = len(values)
    # Equal values have no variance; their mean may be off in the last bit.
    constant = (values == values[:1]).all(axis=0)
    mean = np.where(constant, values[0], values.mean(axis=0))[()]
    between = np.zeros_like(mean)
    if m > 1:
        between = np.where(constant, 0.0 * mean, (1 + 1 / m) * values.var(axis=0, ddof=1))[()]
    total = within + between
    with np.errstate(invalid="ignore", divide="ignore"):
        fmi = np.where(total > 0, between / total, 0.0 * total)[()]
    return Rubin(mean, total, fmi)


def scores_from_p(p_value: ArrayLike, sign: ArrayLike) -> FloatArray:
    """Signed standard normal scores that have these two-sided p-values.

    Parameters
    ----------
    p_value : array
        From 0 to 1; below 1e-320, and 0, count as 1e-320 (a score of 38.3).
    sign : array
        Direction of the deviation; positive where it is 0.

    Examples
    --------
    >>> scores_from_p([1.0, 0.05, 1e-300], [1, -1, 1]).round(3).tolist()
    [0.0, -1.96, 37.066]
    """
    p = np.maximum(np.asarray(p_value, dtype=float), _SMALLEST_P)
    score: FloatArray = -special.ndtri(p / 2)
    return np.where(np.asarray(sign) < 0, -score, score + 0.0)
