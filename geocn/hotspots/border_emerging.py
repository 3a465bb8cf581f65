"""How hot and cold segments of a border come and go."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from geocn._kernels.trend import mann_kendall, overlap_inflation, trend_test
from geocn._typing import AnyArray, FloatArray, IntArray
from geocn.hotspots import patterns
from geocn.hotspots.calendar import FREQUENCIES, Bins, Step
from geocn.hotspots.correction import Correction, adjust
from geocn.hotspots.tails import binomial_p

_DAY = np.timedelta64(1, "D")


@dataclass(frozen=True, slots=True)
class Emerging:
    """Class of each segment, in the order along the borders, and what it rests on."""

    names: AnyArray
    record: dict[str, object]


def emerging_classes(
    place: IntArray,
    when: pd.Series,
    exposed: FloatArray,
    chain_end: IntArray,
    *,
    step: Step | None,
    alpha: float,
    correction: Correction,
) -> Emerging:
    """Class segments by the pattern of their hot and cold periods.

    A period of a segment is judged with its neighbours along the border and the period
    before, by the exact binomial tail of their count given the total of all periods.

    Parameters
    ----------
    place : (k,) array
        Place of the segment of each piece of evidence.
    when : (k,) Series of instants (naive UTC)
        Null where not known.
    exposed : (n,) array
        Exposure, taken as even over time between the first and the last day of evidence.
    chain_end : (n,) array
        One past the last segment of each segment's chain.
    step, alpha, correction
        As in :func:`border_hotspots`.
    """
    names = np.full(len(exposed), None, dtype=object)
    known = when.notna().to_numpy()
    record: dict[str, object] = {"step": step, "n_dated": int(known.sum())}
    if step is None:
        return Emerging(names, record | {"reason": "not asked for"})
    if not known.any():
        return Emerging(names, record | {"reason": "no evidence has a date"})
    days = when[known]
    bins = Bins(pd.period_range(days.min(), days.max(), freq=FREQUENCIES[step]))
    steps = len(bins.periods)
    record |= {"first_day": str(days.min().date()), "last_day": str(days.max().date())}
    if steps < 2:
        return Emerging(names, record | {"reason": f"all evidence lies in one {step}"})
    period = bins.periods.get_indexer(days.dt.to_period(FREQUENCIES[step]))
    counts = np.zeros((len(exposed), steps))
    np.add.at(counts, (place[known], period), 1.0)
    held = np.outer(exposed, _days_seen(bins, days))
    held /= max(held.sum(), 1e-300)
    found, share = (_windowed(values, chain_end) for values in (counts, held))
    tested = np.broadcast_to((exposed > 0)[:, None], counts.shape) & (share > 0)
    state, p_tests = _states(counts, found, share, tested, alpha=alpha, correction=correction)
    trend = np.zeros(len(exposed), dtype=int)
    moving = np.flatnonzero((state != 0).any(axis=1))
    with np.errstate(invalid="ignore", divide="ignore"):
        rate = np.where(tested[moving], found[moving] / share[moving], np.nan)
    score, variance, _, length = mann_kendall(np.ascontiguousarray(rate))
    z, p = trend_test(score, variance, length, overlap_inflation(length, 1))
    with np.errstate(invalid="ignore"):
        trend[moving] = np.where(p <= alpha, np.sign(np.nan_to_num(z)), 0)
    classes = patterns.classify(state, tested, trend)
    names[tested.any(axis=1)] = classes[tested.any(axis=1)]
    return Emerging(names, record | {"n_periods": steps, "n_tests": p_tests})


def _days_seen(bins: Bins, days: pd.Series) -> FloatArray:
    """Days of each bin between the first and the last day of evidence."""
    first = np.datetime64(days.min().normalize(), "us")
    last = np.datetime64(days.max().normalize(), "us") + _DAY
    seen: FloatArray = (np.minimum(bins.ends, last) - np.maximum(bins.starts, first)) / _DAY
    return seen


def _windowed(values: FloatArray, chain_end: IntArray) -> FloatArray:
    """Sum over each segment, its neighbours of the chain, this period and the one before."""
    along = values.copy()
    joined = chain_end[:-1] == chain_end[1:]
    along[:-1][joined] += values[1:][joined]
    along[1:][joined] += values[:-1][joined]
    total = along.copy()
    total[:, 1:] += along[:, :-1]
    return total


def _states(
    counts: FloatArray,
    found: FloatArray,
    share: FloatArray,
    tested: AnyArray,
    *,
    alpha: float,
    correction: Correction,
) -> tuple[AnyArray, int]:
    """1 where a bin is hot, -1 where it is cold, and the number of tests."""
    total = counts.sum()
    p = np.full(found.shape, np.nan)
    share = np.minimum(share, 1.0)
    # Most bins are empty; the chance of that needs no incomplete beta function.
    with np.errstate(divide="ignore"):
        p[tested] = np.minimum(2 * np.exp(total * np.log1p(-share[tested])), 1.0)
    some = tested & (found > 0)
    p[some] = binomial_p(found[some], np.full(int(some.sum()), total), share[some])
    adjusted = adjust(p.ravel(), correction=correction).reshape(p.shape)
    with np.errstate(invalid="ignore"):
        state = np.where(adjusted <= alpha, np.sign(found - total * share), 0).astype(np.int8)
    return state, int(tested.sum())
