"""A lower bound of the p-median by Lagrangian prices, and what it rules out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from geocn._kernels.median import times_served, worth_of_sites
from geocn._typing import BoolArray, FloatArray
from geocn.coverage.locate_problem import Limits

# The step, its shrinking and the share of the last direction that is kept: the steadiest of
# those tried on OR-Library's graphs and on random points (Camerini, Fratta & Maffioli 1975).
_STEP, _SHRINK, _PATIENCE, _MEMORY = 1.5, 0.6, 15, 0.7
_LEAST_STEP = 1e-4
_MOST_STEPS = 1500
# Steps between two searches that begin where the prices point.
_BETWEEN = 40


@dataclass(frozen=True)
class Lists:
    """Weighted costs by demand row, cheapest first, and the rules for opening sites.

    ``price``, ``room`` and ``budget`` speak of the sites of ``may_open`` alone; those of
    ``is_kept`` are open and paid for. ``unserved`` is what a row costs while nobody serves it.
    """

    start: np.ndarray[tuple[int], np.dtype[np.int64]]
    site: np.ndarray[tuple[int], np.dtype[np.int64]]
    cost: FloatArray
    unserved: FloatArray
    price: FloatArray
    room: int
    budget: float
    is_kept: BoolArray
    may_open: BoolArray
    clash: BoolArray


@dataclass
class Bound:
    """The best lower bound so far with its prices, and the sites that looked best then.

    A site that is closed costs at least ``value + opening[j]`` in any answer that opens it,
    and one that may open at least ``value + closing[j]`` in any answer that does not.
    """

    value: float
    pays: FloatArray
    share: FloatArray
    opening: FloatArray
    closing: FloatArray
    is_interrupted: bool = False


@dataclass(frozen=True)
class _Pick:
    """The best sites for given worths: shares, their value, and worth at the margin."""

    share: FloatArray
    value: float
    last: float
    next_: float
    unit: FloatArray


def _pick(lists: Lists, worth: FloatArray) -> _Pick:
    """Choose sites by number or by budget, whichever binds more; each alone is a relaxation."""
    picks = [_fill(lists, worth, np.ones(len(worth)), float(lists.room))]
    if np.isfinite(lists.budget):
        picks.append(_fill(lists, worth, lists.price, lists.budget))
    return max(picks, key=lambda pick: pick.value)


def _fill(lists: Lists, worth: FloatArray, unit: FloatArray, room: float) -> _Pick:
    """Solve the fractional knapsack: most worth a unit first."""
    share = lists.is_kept.astype(np.float64)
    free = np.flatnonzero(lists.may_open & (worth < 0))
    paid = unit[free] > 0
    share[free[~paid]] = 1.0
    free = free[paid]
    ratio = worth[free] / unit[free]
    order = np.argsort(ratio, kind="stable")
    before = np.cumsum(unit[free[order]]) - unit[free[order]]
    part = np.clip((room - before) / unit[free[order]], 0.0, 1.0)
    share[free[order]] = part
    full, rest = np.flatnonzero(part > 0), np.flatnonzero(part < 1)
    last = float(ratio[order[full[-1]]]) if len(full) and len(rest) else 0.0
    next_ = float(ratio[order[rest[0]]]) if len(rest) else 0.0
    return _Pick(share, float(share @ worth), last, next_, unit)


def lower_bound(
    lists: Lists,
    pays: FloatArray,
    upper: float,
    limits: Limits,
    again: Callable[[FloatArray], float],
) -> Bound:
    """Bound the least total from below by prices, in subgradient steps.

    Demand i pays ``pays[i]``, and each open site gives back what it serves it cheaper by:
    the total of what is paid, less what the best sites give back, is no more than the least
    total, whatever is paid (Cornuéjols, Fisher & Nemhauser 1977, doi:10.1287/mnsc.23.8.789).

    Parameters
    ----------
    lists : Lists
    pays : (n,) array
        Where to begin.
    upper : float
        The least total known.
    limits : Limits
        The steps end when its time is over, or its gap is proven.
    again : callable
        Called now and then with the shares of the sites that look best; gives the least
        total that is known then.
    """
    nothing = np.zeros(len(lists.price))
    best = Bound(-np.inf, pays, nothing, nothing, nothing)
    try:
        _step(lists, best, upper, limits, again)
    except KeyboardInterrupt:
        best.is_interrupted = True
    return best


def _step(
    lists: Lists, best: Bound, upper: float, limits: Limits, again: Callable[[FloatArray], float]
) -> None:
    """Take the steps, and keep the best bound in ``best`` all along."""
    pays = best.pays
    worth, served = np.zeros(len(lists.price)), np.zeros(len(pays))
    way = np.zeros(len(pays))
    step, stalled = _STEP, 0
    least = 1 - max(limits.gap, 1e-9)
    for count in range(_MOST_STEPS):
        worth_of_sites(lists.start, lists.site, lists.cost, pays, worth)
        pick = _pick(lists, worth)
        value = float(pays.sum()) + pick.value
        stalled = 0 if value > best.value + 1e-7 * abs(best.value) else stalled + 1
        if value > best.value:
            best.opening, best.closing = _margins(worth, pick)
            best.pays, best.share, best.value = pays, pick.share, value
        if count % _BETWEEN == _BETWEEN - 1:
            upper = min(upper, again(best.share))
        if stalled > _PATIENCE:
            step, stalled, pays, way = step * _SHRINK, 0, best.pays, np.zeros(len(pays))
        times_served(lists.start, lists.site, lists.cost, pays, pick.share, served)
        way = _MEMORY * way + (1.0 - served)
        size = float(way @ way)
        if size == 0 or step < _LEAST_STEP or best.value >= upper * least:
            break
        if limits.left_s() == 0:
            break
        pays = np.maximum(pays + step * max(upper - value, 1e-9 * upper) / size * way, 0.0)


def _margins(worth: FloatArray, pick: _Pick) -> tuple[FloatArray, FloatArray]:
    return worth - pick.last * pick.unit, pick.next_ * pick.unit - worth
