"""Scan statistics over growing windows, with or without time, on plain arrays."""

from __future__ import annotations

import numpy as np
from numba import njit

from geocn._typing import AnyArray, BoolArray, FloatArray, IntArray

_HALVINGS = 40
_FEW_HALVINGS = 12
_RISE = 0.25
_BLOCK = 8
# The first areas around a centre change a window much: they enter one by one.
_SINGLE = 24


@njit(cache=True, error_model="numpy")
def _part(count: float, base: float) -> float:
    return count * np.log(count / base) if count > 0 else 0.0


@njit(cache=True, error_model="numpy")
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


@njit(cache=True, error_model="numpy")
def _spread(total: float, whole: float, bernoulli: bool) -> float:
    """Scale Pearson's statistic, which bounds the ratio from above without logarithms.

    With mass m in a window and d cases more than expected it is the square of d times this,
    over m (whole - m).
    """
    if not bernoulli:
        return whole
    return whole**3 / (total * (whole - total)) if whole > total else 0.0


@njit(cache=True, error_model="numpy")
def best_windows(  # noqa: PLR0917 - numba takes keywords badly
    order: AnyArray,
    ends: BoolArray,
    cases: FloatArray,
    mass: FloatArray,
    share: FloatArray,
    blocked: BoolArray,
    total: float,
    limit: float,
    bernoulli: bool,
) -> tuple[FloatArray, IntArray]:
    """Find the window of each centre with the greatest ratio: its size and its steps.

    Parameters
    ----------
    order : (c, n) integer array
        Areas by distance from each centre.
    ends : (c, n) boolean array
        Whether a window may end here: the next area is further away.
    cases : (n, t) array
        Cases of each area in each step of time.
    mass : (n,) array
        What the cases of an area, over all steps, are measured against.
    share : (t, t) array
        Part of the mass that the steps from the first to the second, both included, have;
        0 where a window may not hold just these.
    blocked : (n,) boolean array
        Areas that no window may hold.
    total : float
        All cases.
    limit : float
        The most mass that a window may hold, over all steps.
    bernoulli : bool
        Which model.

    Returns
    -------
    ratio : (c,) array
        0 where no window has more cases than expected.
    window : (c, 3) array
        Number of areas, first step and last step; of equals the first met.
    """
    whole, steps = mass.sum(), cases.shape[1]
    rate, spread = total / whole, _spread(total, whole, bernoulli)
    ratio = np.zeros(order.shape[0])
    window = np.zeros((order.shape[0], 3), dtype=np.int64)
    inside = np.empty(steps)
    for centre in range(order.shape[0]):
        inside[:] = 0
        held, new = 0.0, False
        for place in range(order.shape[1]):
            area = order[centre, place]
            held += mass[area]
            if held > limit or blocked[area]:
                break
            for step in range(steps):
                inside[step] += cases[area, step]
                new = new or cases[area, step] > 0
            # Without another case the window before was at least as unusual.
            if not (ends[centre, place] and new):
                continue
            new = False
            for first in range(steps):
                count = 0.0
                for last in range(first, steps):
                    count += inside[last]
                    base = held * share[first, last]
                    excess = count - base * rate
                    if excess <= 0 or base <= 0:
                        continue
                    if excess * excess * spread < ratio[centre] * base * (whole - base):
                        continue
                    found = log_likelihood_ratio(count, base, total, whole, bernoulli)
                    if found > ratio[centre]:
                        ratio[centre] = found
                        window[centre, 0] = place + 1
                        window[centre, 1] = first
                        window[centre, 2] = last
    return ratio, window


@njit(cache=True, error_model="numpy")
def _fill_reach(
    reach: FloatArray, level: float, whole: float, limit: float, bernoulli: bool
) -> None:
    """Write for each number of cases a mass beyond which its ratio is below ``level``."""
    total = reach.size - 1
    reach[:] = np.inf
    reach[0] = -1.0
    # One case more seldom moves the bound by more than this.
    stride = 1.5 * whole / total
    for inside in range(1, total + 1):
        low = max(reach[inside - 1], float(inside) if bernoulli else 0.0)
        high = max(low, inside * whole / total)
        halvings = _HALVINGS
        near = low + stride
        if near < high and (log_likelihood_ratio(inside, near, total, whole, bernoulli) < level):
            high, halvings = near, _FEW_HALVINGS
        for _ in range(halvings):
            middle = 0.5 * (low + high)
            if log_likelihood_ratio(inside, middle, total, whole, bernoulli) >= level:
                low = middle
            else:
                high = middle
        reach[inside] = high
        if high > limit:
            break


@njit(cache=True, error_model="numpy")
def _add(inside: AnyArray, counts: AnyArray, areas: AnyArray) -> None:
    """Add the rows of some areas; eight at once stay in registers."""
    place = 0
    while place + 8 <= areas.size:
        a, b = counts[areas[place]], counts[areas[place + 1]]
        c, d = counts[areas[place + 2]], counts[areas[place + 3]]
        e, f = counts[areas[place + 4]], counts[areas[place + 5]]
        g, h = counts[areas[place + 6]], counts[areas[place + 7]]
        for r in range(inside.size):
            inside[r] += a[r] + b[r] + c[r] + d[r] + e[r] + f[r] + g[r] + h[r]
        place += 8
    while place < areas.size:
        row = counts[areas[place]]
        for r in range(inside.size):
            inside[r] += row[r]
        place += 1


@njit(cache=True, error_model="numpy")
def raise_maxima(  # noqa: PLR0917 - numba takes keywords badly
    order: AnyArray,
    ends: BoolArray,
    cases: AnyArray,
    mass: FloatArray,
    share: FloatArray,
    limit: float,
    bernoulli: bool,
    factor: float,
    best: FloatArray,
    level: FloatArray,
    reach: FloatArray,
) -> None:
    """Raise the greatest ratio of many replicates by the windows of some centres, in place.

    All replicates grow one window together, and areas enter in blocks. Counts only grow
    within a block, so that one look at its end shows whether any window in it can reach
    what the least of the maxima so far demands; that is looked up in ``reach``, and hardly
    any logarithm is taken.

    Parameters
    ----------
    order, ends, mass, share, limit, bernoulli
        As for :func:`best_windows`.
    cases : (n, t * r) integer array
        Cases of each area in each step and replicate; each replicate has the same total.
    factor : float
        What ratios are multiplied by.
    best : (r,) array
        The maxima so far.
    level : (1,) array
        The ratio that ``reach`` was written for; negative when it was not.
    reach : (total + 1,) array
        Scratch that is kept from call to call.
    """
    total, whole, steps = reach.size - 1, mass.sum(), share.shape[0]
    rate, spread = total / whole, _spread(total, whole, bernoulli)
    width = best.size
    inside = np.empty(steps * width, dtype=np.int32)
    run = np.empty(width, dtype=np.int32)
    demanded = np.empty((steps, steps), dtype=np.int64)
    latest = np.zeros(steps, dtype=np.int64)
    for first in range(steps):
        for last in range(first, steps):
            if share[first, last] > 0:
                latest[first] = last + 1
    for centre in range(order.shape[0]):
        least = best[0]
        for r in range(width):
            least = min(least, best[r])
        least /= factor
        if level[0] < 0 or least > level[0] + _RISE:
            level[0] = least
            _fill_reach(reach, least, whole, limit, bernoulli)
        inside[:] = 0
        demanded[:] = 1
        begin, held = 0, 0.0
        while begin < order.shape[1]:
            size = 1 if begin < _SINGLE else _BLOCK
            stop, before = begin, held
            while stop < min(order.shape[1], begin + size):
                if before + mass[order[centre, stop]] > limit:
                    break
                before += mass[order[centre, stop]]
                stop += 1
            if stop == begin:
                break
            _add(inside, cases, order[centre, begin:stop])
            nearest = held + mass[order[centre, begin]]
            for first in range(steps):
                for last in range(first, latest[first]):
                    here = inside[last * width : (last + 1) * width]
                    most = here[0]
                    if first == last:
                        for r in range(width):
                            run[r] = here[r]
                            most = max(most, here[r])
                    else:
                        for r in range(width):
                            run[r] += here[r]
                            most = max(most, run[r])
                    part = share[first, last]
                    need = demanded[first, last]
                    while need <= total and reach[need] < nearest * part:
                        need += 1
                    demanded[first, last] = need
                    if most < need or part <= 0:
                        continue
                    for r in range(width):
                        if run[r] < need:
                            continue
                        base = nearest * part
                        excess, top = run[r] - base * rate, best[r] / factor
                        if excess * excess * spread < top * base * (whole - base):
                            continue
                        count, base = run[r], before
                        # From the end of the block back to its begin.
                        for place in range(stop - 1, begin - 1, -1):
                            area = order[centre, place]
                            if ends[centre, place] and count >= need:
                                found = log_likelihood_ratio(
                                    count, base * part, total, whole, bernoulli
                                )
                                best[r] = max(best[r], found * factor)
                            base -= mass[area]
                            for step in range(first, last + 1):
                                count -= cases[area, step * width + r]
            begin, held = stop, before
