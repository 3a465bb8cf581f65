"""Scores of a forecast against what then happened."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats

from geocn._typing import BoolArray, FloatArray


@dataclass(frozen=True, slots=True)
class Scores:
    """How a forecast did; NaN where there was nothing to score.

    Attributes
    ----------
    n_events, n_hits : float
        Events N, and those n in the forecast's top area.
    area_share : float
        Share a / A of the area that the top cells cover.
    hit_rate : float
        n / N.
    pai : float
        Predictive accuracy index (n / N) / (a / A).
    pei : float
        Predictive efficiency index n / n*, with n* the most events that as much area could
        have held.
    rri : float
        Recapture rate index (n / n0) / (N / N0), with n0 and N0 those of the period before.
    expected_total : float
        Events expected in all cells.
    calibration : float
        Observed over expected.
    dispersion : float
        Mean over cells of (observed - expected)^2 / expected: 1 for a right Poisson
        forecast. Infinite where an event came that was impossible.
    pit : float
        Place of the total in its Poisson law, from 0 (far too few came) to 1 (too many).
    """

    n_events: float
    n_hits: float
    area_share: float
    hit_rate: float
    pai: float
    pei: float
    rri: float
    expected_total: float
    calibration: float
    dispersion: float
    pit: float


def top_cells(amount: FloatArray, area: FloatArray, share: float) -> BoolArray:
    """Densest cells, one after the other, as long as they fit into a share of the area.

    The densest is taken in any case; of equal ones the first.

    Examples
    --------
    >>> top_cells(np.array([1.0, 5.0, 2.0, 0.0]), np.ones(4), 0.5).tolist()
    [False, True, True, False]
    """
    chosen = np.zeros(len(area), dtype=bool)
    order = np.argsort(-amount / area, kind="stable")
    fits = np.cumsum(area[order]) <= share * area.sum() * (1 + 1e-9)
    chosen[order[fits]] = True
    chosen[order[:1]] = True
    return chosen


def score(
    expected: FloatArray,
    observed: FloatArray,
    before: FloatArray,
    area: FloatArray,
    *,
    top_share: float,
) -> Scores:
    """Score expected counts of cells.

    Parameters
    ----------
    expected, observed, before : (n,) arrays
        Events forecast, those that came, and those of as long a time before.
    area : (n,) array
        Areas of the cells, above 0.
    top_share : float
        Share of the area to choose.

    Notes
    -----
    Chainey, Tompson & Uhlig 2008, doi:10.1057/palgrave.sj.8350066 (PAI); Hunt 2016 (PEI);
    Levine 2008, doi:10.1057/sj.2008.5 (RRI).

    Examples
    --------
    >>> four = np.array([4.0, 2.0, 1.0, 1.0])
    >>> found = score(four, np.array([2, 1, 4, 1.0]), four, np.ones(4), top_share=0.25)
    >>> found.hit_rate, found.pai, found.pei, found.rri
    (0.25, 1.0, 0.5, 0.5)
    """
    top = top_cells(expected, area, top_share)
    total, hits = float(observed.sum()), float(observed[top].sum())
    share = float(area[top].sum() / area.sum()) if len(area) else np.nan
    best = float(observed[_best(observed, area, top)].sum())
    sum_before, hits_before = float(before.sum()), float(before[top].sum())
    foreseen = float(expected.sum())
    rate = _ratio(hits, total)
    return Scores(
        n_events=total,
        n_hits=hits,
        area_share=share,
        hit_rate=rate,
        pai=_ratio(rate, share),
        pei=_ratio(hits, best),
        rri=_ratio(_ratio(hits, hits_before), _ratio(total, sum_before)),
        expected_total=foreseen,
        calibration=_ratio(total, foreseen),
        dispersion=_dispersion(expected, observed),
        pit=float(stats.poisson.cdf(np.rint(total), foreseen))
        - float(stats.poisson.pmf(np.rint(total), foreseen)) / 2,
    )


def _best(observed: FloatArray, area: FloatArray, top: BoolArray) -> BoolArray:
    return top_cells(observed, area, float(area[top].sum() / area.sum()) if len(area) else 0.0)


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole > 0 else float("nan")


def _dispersion(expected: FloatArray, observed: FloatArray) -> float:
    if not len(expected):
        return float("nan")
    if (observed[expected <= 0] > 0).any():
        return float("inf")
    some = expected > 0
    off = (observed[some] - expected[some]) ** 2 / expected[some]
    return float(off.mean()) if some.any() else float("nan")
