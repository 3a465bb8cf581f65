"""Scan statistics over growing circles, on plain arrays."""

from __future__ import annotations

import numpy as np
from numba import njit

from geocn._typing import AnyArray, BoolArray, FloatArray, IntArray

_HALVINGS = 40
_RISE = 0.25


@njit(cache=True)
def _part(count: float, base: float) -> float:
    return count * np.log(count / base) if count > 0 else 0.0


@njit(cache=True)
def log_likelihood_ratio(
    inside: float, mass: float, total: float, whole: float, bernoulli: bool
) -> float:
    """Log likelihood ratio of a window with more cases than expected; 0 with fewer.

    Parameters
    ----------
    inside, total : float
        Cases in the window and in all.
    mass, whole : float
        What the cases are measured against, in the window and in all: expected cases
        (Poisson, where ``whole`` equals ``total``) or cases and controls (Bernoulli).
    bernoulli : bool
        Which of the two models.
    """
    if inside <= 0 or inside * whole <= mass * total:
        return 0.0
    ratio = _part(inside, mass) + _part(total - inside, whole - mass)
    if bernoulli:
        free = whole - mass - total + inside
        ratio += _part(mass - inside, mass) + _part(free, whole - mass)
        ratio -= _part(total, whole) + _part(whole - total, whole)
    return max(ratio, 0.0)


@njit(cache=True)
def best_windows(  # noqa: PLR0917 - numba takes keywords badly
    order: AnyArray,
    ends: BoolArray,
    cases: IntArray,
    mass: FloatArray,
    blocked: BoolArray,
    limit: float,
    bernoulli: bool,
) -> tuple[FloatArray, IntArray]:
    """Find the window of each centre with the greatest ratio, and how many areas it holds.

    Parameters
    ----------
    order : (c, n) integer array
        Areas by distance from each centre.
    ends : (c, n) boolean array
        Whether a window may end here: the next area is further away.
    cases, mass : (n,) arrays
        Cases, and what they are measured against.
    blocked : (n,) boolean array
        Areas that no window may hold.
    limit : float
        The most mass that a window may hold.
    bernoulli : bool
        Which model.

    Returns
    -------
    ratio, size : (c,) arrays
        0 and 0 where no window has more cases than expected; the smallest window of equals.
    """
    total, whole = cases.sum(), mass.sum()
    ratio = np.zeros(order.shape[0])
    size = np.zeros(order.shape[0], dtype=np.int64)
    for centre in range(order.shape[0]):
        inside, held, new = 0, 0.0, False
        for place in range(order.shape[1]):
            area = order[centre, place]
            held += mass[area]
            if held > limit or blocked[area]:
                break
            inside += cases[area]
            new = new or cases[area] > 0
            # Without another case the window before was at least as unusual.
            if ends[centre, place] and new:
                new = False
                found = log_likelihood_ratio(inside, held, total, whole, bernoulli)
                if found > ratio[centre]:
                    ratio[centre], size[centre] = found, place + 1
    return ratio, size


@njit(cache=True)
def _fill_reach(
    reach: FloatArray, level: float, whole: float, limit: float, bernoulli: bool
) -> None:
    """Write for each number of cases the most mass at which its ratio is still ``level``."""
    total = reach.size - 1
    reach[:] = np.inf
    reach[0] = -1.0
    for inside in range(1, total + 1):
        low = max(reach[inside - 1], float(inside) if bernoulli else 0.0)
        high = max(low, inside * whole / total)
        for _ in range(_HALVINGS):
            middle = 0.5 * (low + high)
            if log_likelihood_ratio(inside, middle, total, whole, bernoulli) >= level:
                low = middle
            else:
                high = middle
        reach[inside] = high
        if high > limit:
            break


@njit(cache=True)
def raise_maxima(  # noqa: PLR0917 - numba takes keywords badly
    order: AnyArray,
    ends: BoolArray,
    cases: AnyArray,
    mass: FloatArray,
    limit: float,
    bernoulli: bool,
    best: FloatArray,
    level: FloatArray,
    reach: FloatArray,
) -> None:
    """Raise the greatest ratio of many replicates by the windows of some centres, in place.

    All replicates grow one window together: a row of counts is added at once. A ratio is
    computed only where a count reaches what the least of the maxima so far demands, which
    is looked up in ``reach``, so that hardly any logarithm is taken.

    Parameters
    ----------
    order, ends, mass, limit, bernoulli
        As for :func:`best_windows`.
    cases : (n, r) integer array
        Cases of each area in each replicate; each replicate has the same total.
    best : (r,) array
        The maxima so far.
    level : (1,) array
        The ratio that ``reach`` was written for; negative when it was not.
    reach : (total + 1,) array
        Scratch that is kept from call to call.
    """
    total, whole = reach.size - 1, mass.sum()
    width = cases.shape[1]
    inside = np.empty(width, dtype=cases.dtype)
    for centre in range(order.shape[0]):
        least = best.min()
        if level[0] < 0 or least > level[0] + _RISE:
            level[0] = least
            _fill_reach(reach, least, whole, limit, bernoulli)
        inside[:] = 0
        held, demanded = 0.0, 1
        for place in range(order.shape[1]):
            area = order[centre, place]
            held += mass[area]
            if held > limit:
                break
            most = 0
            for r in range(width):
                inside[r] += cases[area, r]
                most = max(most, inside[r])
            while demanded <= total and reach[demanded] < held:
                demanded += 1
            if most < demanded or not ends[centre, place]:
                continue
            for r in range(width):
                if inside[r] >= demanded:
                    found = log_likelihood_ratio(inside[r], held, total, whole, bernoulli)
                    best[r] = max(best[r], found)
