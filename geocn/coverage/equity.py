"""How evenly coverage is spread over demand: Lorenz curve, Gini and the worst tenth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from geocn._typing import AnyArray, FloatArray
from geocn.errors import ParameterError

_TENTH = 0.1


@dataclass(frozen=True)
class Equity:
    """How evenly coverage is spread.

    Parameters
    ----------
    gini : float
        0 where every unit of demand has the same share covered, towards 1 where few have
        all; NaN where nothing is covered.
    worst_decile, best_decile : float
        Share covered of the tenth of the demand (by weight) that is covered least and
        most; a row that straddles the tenth counts with its part.
    decile_ratio : float
        The worst tenth over the best: 1 is even, 0 leaves the worst with nothing.
    lorenz : DataFrame
        ``share_of_demand`` and ``share_of_coverage``, both from 0 to 1, least covered first.
    n : int
        Rows with demand that took part.
    """

    gini: float
    worst_decile: float
    best_decile: float
    decile_ratio: float
    lorenz: pd.DataFrame
    n: int


def equity(share_covered: AnyArray, weight: AnyArray) -> Equity:
    r"""Measure how evenly shares covered are spread over demand.

    Demand is lined up from the least covered to the most; the Lorenz curve plots the
    part of all coverage against the part of all demand, and the Gini coefficient is twice
    the area between it and the diagonal,
    :math:`G = \sum_{ij} w_i w_j |s_i - s_j| / (2 W^2 \bar s)` for shares s and weights w.
    Within a row coverage is taken as even: a finer division of the same demand
    can only show more inequality. Where every row is covered whole or not at all, G is
    one less the share covered.

    Parameters
    ----------
    share_covered : (n,) array-like
        From 0 to 1. Rows that are NaN, or weigh nothing, do not take part.
    weight : (n,) array-like
        0 or more.

    Returns
    -------
    Equity

    Raises
    ------
    ParameterError
        Where lengths differ, a share lies outside 0 to 1, or a weight is negative.

    References
    ----------
    Lorenz 1905, doi:10.2307/2276207. Lerman & Yitzhaki 1989, Improving the accuracy of
    estimates of Gini coefficients, doi:10.1016/0304-4076(89)90074-2 (weights).

    Examples
    --------
    >>> found = equity([0.0, 1.0, 1.0, 0.0], [1, 1, 1, 1])
    >>> found.gini, found.worst_decile
    (0.5, 0.0)
    """
    share = np.asarray(share_covered, dtype=np.float64).ravel()
    mass = np.asarray(weight, dtype=np.float64).ravel()
    if share.shape != mass.shape:
        raise ParameterError(f"{len(share)} shares and {len(mass)} weights; give one of each a row")
    known = np.isfinite(share) & np.isfinite(mass)
    if ((share < 0) | (share > 1))[known].any() or (mass < 0)[known].any():
        raise ParameterError("shares lie from 0 to 1 and weights are 0 or more")
    known &= mass > 0
    share, mass = share[known], mass[known]
    order = np.argsort(share, kind="stable")
    share, mass = share[order], mass[order]
    x = np.concatenate([[0.0], np.cumsum(mass)])
    y = np.concatenate([[0.0], np.cumsum(mass * share)])
    lorenz = pd.DataFrame({"share_of_demand": _ratio(x), "share_of_coverage": _ratio(y)})
    worst, best = _decile(x, y, first=True), _decile(x, y, first=False)
    return Equity(
        gini=_gini(lorenz),
        worst_decile=worst,
        best_decile=best,
        decile_ratio=worst / best if best > 0 else float("nan"),
        lorenz=lorenz,
        n=len(share),
    )


def _ratio(sums: FloatArray) -> FloatArray:
    return sums / sums[-1] if sums[-1] > 0 else np.full(len(sums), np.nan)


def _gini(lorenz: pd.DataFrame) -> float:
    x, y = (lorenz[name].to_numpy() for name in ("share_of_demand", "share_of_coverage"))
    if np.isnan(y).any():
        return float("nan")
    area = float((np.diff(x) * (y[1:] + y[:-1])).sum())
    return min(max(1.0 - area, 0.0), 1.0)


def _decile(x: FloatArray, y: FloatArray, *, first: bool) -> float:
    """Share covered of the first or last tenth of the demand."""
    whole = float(x[-1])
    if whole <= 0:
        return float("nan")
    if first:
        covered = float(np.interp(_TENTH * whole, x, y))
    else:
        covered = float(y[-1]) - float(np.interp((1 - _TENTH) * whole, x, y))
    return min(max(covered / (_TENTH * whole), 0.0), 1.0)
