"""Rates drawn towards the mean, the more so the less exposure stands behind them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import sparse

from geocn._typing import BoolArray, FloatArray, IntArray
from geocn.errors import ParameterError

Prior = Literal["marshall", "gamma"]

_MOST_ROUNDS = 500
_CLOSE = 1e-10


def shrunken_rates(
    observed: FloatArray,
    exposed: FloatArray,
    *,
    prior: Prior = "marshall",
    weights: sparse.csr_matrix | None = None,
) -> FloatArray:
    r"""Return empirical-Bayes rates: each raw rate moved towards that of its surroundings.

    .. math:: \hat\theta_i = m + c_i (y_i / e_i - m)

    With ``"marshall"``, :math:`m = \sum y / \sum e` and :math:`c_i = a / (a + m / e_i)`, where
    :math:`a = \sum e (y / e - m)^2 / \sum e - m / \bar e`, at least 0, estimates how much true
    rates differ. With ``"gamma"`` rates follow a gamma law with mean m and variance a, so that
    :math:`\hat\theta_i = (y_i + m^2 / a) / (e_i + m / a)`; m and a solve the moment equations
    of Clayton and Kaldor.

    Parameters
    ----------
    observed : (n,) array
        Events, 0 or more.
    exposed : (n,) array
        Exposure in any unit. Rows where it is 0 or NaN, or where ``observed`` is NaN, inform
        no one and get NaN.
    prior : {"marshall", "gamma"}
        How the spread of the true rates is estimated.
    weights : (n, n) csr_matrix, optional
        Neighbours, of which only the pattern counts: m and a are then those of a row and its
        neighbours, not of all rows.

    Returns
    -------
    (n,) array
        Events per unit of exposure.

    Raises
    ------
    ParameterError
        Where the prior is unknown, lengths differ, or events or exposure are negative.

    References
    ----------
    Marshall 1991, doi:10.2307/2347593; Clayton & Kaldor 1987, doi:10.2307/2532003.

    Examples
    --------
    >>> import numpy as np
    >>> events, hours = np.array([0.0, 3.0, 40.0]), np.array([1.0, 2.0, 100.0])
    >>> shrunken_rates(events, hours).round(3).tolist()
    [0.405, 0.479, 0.404]
    """
    y, e = np.asarray(observed, dtype=float), np.asarray(exposed, dtype=float)
    if prior not in ("marshall", "gamma"):
        raise ParameterError(f"prior {prior!r}; choose 'marshall' or 'gamma'")
    if y.shape != e.shape or (weights is not None and weights.shape != (len(y), len(y))):
        raise ParameterError("observed, exposed and weights differ in length")
    if (y < 0).any() or (e < 0).any():
        raise ParameterError("observed and exposed must be 0 or more")
    some = np.isfinite(y) & np.isfinite(e) & (e > 0)
    shrunk = np.full(len(y), np.nan)
    if not some.any():
        return shrunk
    groups = _surroundings(y, e, some, weights)
    mean, between = _marshall(groups)
    if prior == "gamma":
        mean, between = _gamma(groups, mean, between)
    with np.errstate(invalid="ignore", divide="ignore"):
        keep = np.where(between > 0, between / (between + mean / e[some]), 0.0)
        shrunk[some] = mean + keep * (y[some] / e[some] - mean)
    return shrunk


def standardised_rates(counts: FloatArray, exposed: FloatArray) -> FloatArray:
    """Rates less their mean over their empirical-Bayes spread, of one exposure above 0 a count.

    References
    ----------
    Assunção & Reis 1999, doi:10.1002/(SICI)1097-0258(19990830)18:16<2147::AID-SIM179>3.0.CO;2-I.

    Examples
    --------
    >>> import numpy as np
    >>> events, hours = np.array([0.0, 3.0, 40.0]), np.array([1.0, 2.0, 100.0])
    >>> standardised_rates(events, hours).round(3).tolist()
    [-0.637, 2.301, -0.135]
    """
    if not len(counts):
        return counts
    overall = counts.sum() / exposed.sum()
    rate = counts / exposed
    # The variance is _between, but left below 0, as the paper has it: there chance
    # alone is the spread. The order of the operations decides ties between permutations.
    between = (exposed * (rate - overall) ** 2).sum() / exposed.sum() - overall / exposed.mean()
    variance = between + overall / exposed
    variance = np.where(variance < 0, overall / exposed, variance)
    with np.errstate(invalid="ignore"):
        return np.where(variance > 0, (rate - overall) / np.sqrt(variance), 0.0)


def rate_columns(
    observed: FloatArray, exposed: FloatArray, *, expected: FloatArray, rate_eb: FloatArray
) -> dict[str, FloatArray]:
    """Columns that compare evidence with its exposure; NaN where nothing can be compared."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return {
            "exposure": exposed,
            "expected": expected,
            "rate": np.where(exposed > 0, observed / exposed, np.nan),
            "rate_eb": rate_eb,
            "relative_risk": np.where(expected > 0, observed / expected, np.nan),
        }


@dataclass(frozen=True, slots=True)
class _Groups:
    """Members of each group, end to end: their group, events and exposure."""

    group: IntArray
    y: FloatArray
    e: FloatArray
    size: IntArray

    def sum(self, x: FloatArray) -> FloatArray:
        return np.bincount(self.group, x, len(self.size)).astype(np.float64, copy=False)


def _surroundings(
    y: FloatArray, e: FloatArray, some: BoolArray, weights: sparse.csr_matrix | None
) -> _Groups:
    """Give every row its group, or all rows one."""
    rows = np.flatnonzero(some)
    if weights is None:
        n = len(rows)
        return _Groups(np.zeros(n, dtype=np.int64), y[rows], e[rows], np.array([n]))
    among = sparse.csr_matrix(weights[rows][:, rows], copy=True)
    among.setdiag(1.0)
    among.eliminate_zeros()
    size = np.diff(among.indptr).astype(np.int64)
    group = np.repeat(np.arange(len(rows)), size)
    members = rows[among.indices]
    return _Groups(group, y[members], e[members], size)


def _marshall(groups: _Groups) -> tuple[FloatArray, FloatArray]:
    exposed = groups.sum(groups.e)
    mean = groups.sum(groups.y) / exposed
    away = groups.e * (groups.y / groups.e - mean[groups.group]) ** 2
    return mean, _between(mean, groups.sum(away) / exposed, groups.size, exposed)


def _between(
    mean: FloatArray, spread: FloatArray, size: FloatArray | IntArray, exposed: FloatArray
) -> FloatArray:
    """By how much raw rates spread more than chance makes them, at least 0."""
    return np.maximum(spread - mean * size / exposed, 0.0)


def moments_around(
    y: FloatArray, e: FloatArray, near: sparse.csr_matrix | None
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Marshall's mean and variance of the true rates around each row, and the others' exposure.

    All exposure is above 0; ``near`` says with ones whom each row looks at, itself included,
    and None that it looks at all.
    """

    def total(x: FloatArray) -> FloatArray:
        summed: FloatArray = np.full(len(x), x.sum()) if near is None else near @ x
        return summed

    exposed = total(e)
    mean = total(y) / exposed
    # Raw moments, unlike _marshall's, are sums that need no list of who is around whom.
    spread = total(y**2 / e) / exposed - mean**2
    return mean, _between(mean, spread, total(np.ones(len(y))), exposed), exposed - e


def _gamma(groups: _Groups, mean: FloatArray, between: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Iterate the moment equations; a group no more uneven than chance keeps its mean."""
    others = np.maximum(groups.size - 1, 1)
    with np.errstate(invalid="ignore", divide="ignore"):
        excess = (groups.y - groups.e * mean[groups.group]) ** 2 / groups.e
        uneven = (mean > 0) & (groups.sum(excess) > mean * others)
    m, a = mean.copy(), np.where(uneven & (between <= 0), mean**2, between)
    a[~uneven] = 0.0
    for _ in range(_MOST_ROUNDS):
        if not uneven.any():
            break
        with np.errstate(invalid="ignore", divide="ignore"):
            alpha = (m / a)[groups.group]
            rate = (groups.y + alpha * m[groups.group]) / (groups.e + alpha)
            new_m = groups.sum(rate) / groups.size
            away = (1 + alpha / groups.e) * (rate - new_m[groups.group]) ** 2
            new_a = groups.sum(away) / others
        moved = np.abs(new_m - m) + np.abs(new_a - a) / m
        m, a = np.where(uneven, new_m, m), np.where(uneven, new_a, a)
        if (moved[uneven] <= _CLOSE * m[uneven]).all():
            break
    return m, a
