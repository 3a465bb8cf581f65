"""Exact tails of weighted counts in windows along a border, on plain arrays."""

from __future__ import annotations

import numpy as np
from numba import njit

from geocn._typing import AnyArray, FloatArray, IntArray

_HUGE, _SHRINK = 1e250, 1e-250
# Terms this much smaller than their sum so far do not change it.
_NEGLIGIBLE = 1e-17
# Weighted sums that differ by less than rounding does are ties.
_SAME = 1e-9
#: The largest share of exposure in a window for which the recursion keeps its digits.
MOST_INSIDE = 0.5


@njit(cache=True)
def sum_of_levels(chance: FloatArray, pieces: int, reach: int) -> FloatArray:
    r"""Law of the sum of the levels that independent pieces of evidence meet.

    The coefficients of :math:`(\sum_l p_l z^l)^N` by the recursion of Miller (Henrici 1956,
    doi:10.1145/320815.320819),

    .. math:: k\,p_0\,a_k = \sum_{l \ge 1} ((N + 1) l - k)\,p_l\,a_{k-l}.

    Parameters
    ----------
    chance : (d + 1,) array
        Chance of each level from 0; the first is not 0.
    pieces : int
        Number of pieces, N.
    reach : int
        The law is given at least to here, and as far beyond as it counts for the tail.

    Returns
    -------
    array
        Probabilities of 0, 1, … ; they sum to 1.
    """
    d = chance.size - 1
    last = pieces * d
    size = min(last, max(reach, 0) + 64) + 1
    law = np.zeros(size)
    law[0] = 1.0
    mean, whole = 0.0, 0.0
    for level in range(d + 1):
        mean += pieces * level * chance[level]
        whole += chance[level]
    mean /= whole
    reach = min(reach, last)
    tail = 1.0 if reach <= 0 else 0.0
    k, recent = 0, 1.0
    while k < last and (k <= reach or k <= mean or recent > _NEGLIGIBLE * tail):
        k += 1
        if k == size:
            size = min(last + 1, 2 * size)
            longer = np.zeros(size)
            for i in range(k):
                longer[i] = law[i]
            law = longer
        total, recent = 0.0, 0.0
        for level in range(1, min(k, d) + 1):
            before = law[k - level]
            recent = max(recent, before)
            total += ((pieces + 1.0) * level - k) * chance[level] * before
        law[k] = max(total / (k * chance[0]), 0.0)
        recent = max(recent, law[k])
        if law[k] > _HUGE:
            for i in range(k + 1):
                law[i] *= _SHRINK
            tail *= _SHRINK
            recent *= _SHRINK
        if k >= reach:
            tail += law[k]
    whole = 0.0
    for i in range(k + 1):
        whole += law[i]
    for i in range(k + 1):
        law[i] /= whole
    return law[: k + 1]


@njit(cache=True)
def tails_of(
    law: FloatArray, other: FloatArray, weight: float, other_weight: float, observed: float
) -> tuple[float, float]:
    """Chance of a weighted sum of at least, and of at most, the observed one.

    Parameters
    ----------
    law, other : arrays
        Probabilities of 0, 1, … of two independent sums.
    weight, other_weight, observed : float
        Weights of the sums, more than 0, and what their weighted total is compared with.
    """
    above = np.zeros(law.size + 1)
    for k in range(law.size - 1, -1, -1):
        above[k] = above[k + 1] + law[k]
    below = np.zeros(law.size + 1)
    for k in range(law.size):
        below[k + 1] = below[k] + law[k]
    up, down = 0.0, 0.0
    for step in range(other.size):
        left = (observed - other_weight * step) / weight
        least, most = int(np.ceil(left - _SAME)), int(np.floor(left + _SAME))
        up += other[step] * above[min(max(least, 0), law.size)]
        down += other[step] * below[min(max(most + 1, 0), law.size)]
    return min(up, 1.0), min(down, 1.0)


@njit(cache=True)
def window_tails(  # noqa: PLR0917 - numba takes keywords badly
    begin: IntArray,
    member: IntArray,
    level: IntArray,
    share: FloatArray,
    counts: IntArray,
    weights: FloatArray,
    top: int,
) -> tuple[FloatArray, FloatArray]:
    """Tails of the weighted sum in each window, given the totals of each kind of evidence.

    Each piece of a kind falls on a segment with the chance that is the segment's share. In
    window i it adds the level of that segment there, times the weight of its kind.

    Parameters
    ----------
    begin, member, level : arrays
        Window i holds the segments ``member[begin[i]:begin[i + 1]]`` at these levels, whole
        numbers from 1 to ``top``.
    share : (n,) array
        Shares of exposure; they sum to 1.
    counts : (kinds, m, n) integer array
        Pieces of evidence of one or two kinds in each of m imputations.
    weights : (kinds,) array
        More than 0.
    top : int
        The greatest level.

    Returns
    -------
    at_least, at_most : (m, windows) arrays
        NaN where most of the exposure lies in the window: the recursion loses its digits.
    """
    n = begin.size - 1
    kinds, m = counts.shape[0], counts.shape[1]
    pieces = np.zeros((2, m), dtype=np.int64)
    for kind in range(kinds):
        for draw in range(m):
            for segment in range(counts.shape[2]):
                pieces[kind, draw] += counts[kind, draw, segment]
    at_least, at_most = np.empty((m, n)), np.empty((m, n))
    chance, observed = np.zeros(top + 1), np.zeros(m)
    law, other = np.ones(1), np.ones(1)
    other_weight = weights[kinds - 1]
    for i in range(n):
        for step in range(1, top + 1):
            chance[step] = 0.0
        inside = 0.0
        for place in range(begin[i], begin[i + 1]):
            chance[level[place]] += share[member[place]]
            inside += share[member[place]]
        greatest = 0.0
        for draw in range(m):
            observed[draw] = 0.0
            for place in range(begin[i], begin[i + 1]):
                for kind in range(kinds):
                    found = counts[kind, draw, member[place]]
                    observed[draw] += weights[kind] * level[place] * found
            greatest = max(greatest, observed[draw])
        chance[0] = 1.0 - inside
        for draw in range(m):
            if inside > MOST_INSIDE:
                at_least[draw, i] = at_most[draw, i] = np.nan
                continue
            # Imputations of the same totals share one law, which goes as far as any needs.
            if draw == 0 or pieces[0, draw] != pieces[0, draw - 1]:
                law = sum_of_levels(chance, pieces[0, draw], int(np.ceil(greatest / weights[0])))
            if kinds > 1 and (draw == 0 or pieces[1, draw] != pieces[1, draw - 1]):
                other = sum_of_levels(chance, pieces[1, draw], int(np.ceil(greatest / weights[1])))
            if draw > 0 and observed[draw] == observed[draw - 1]:
                same = pieces[0, draw] == pieces[0, draw - 1]
                if same and pieces[1, draw] == pieces[1, draw - 1]:
                    at_least[draw, i] = at_least[draw - 1, i]
                    at_most[draw, i] = at_most[draw - 1, i]
                    continue
            at_least[draw, i], at_most[draw, i] = tails_of(
                law, other, weights[0], other_weight, observed[draw]
            )
    return at_least, at_most


@njit(cache=True)
def scatter(
    uniform: FloatArray, until: FloatArray, guide: IntArray, amount: int, counts: AnyArray
) -> None:
    """Add an amount to the segment that each uniform number falls on, in place.

    Parameters
    ----------
    uniform : (k,) array
        From 0 to below 1.
    until : (n,) array
        Running sums of the shares, the last of them 1.
    guide : (g,) integer array
        First segment whose sum lies beyond i / g, for i from 0.
    amount : int
    counts : (n,) integer array
    """
    for value in uniform:
        segment = guide[int(value * guide.size)]
        while until[segment] <= value:
            segment += 1
        counts[segment] += amount
