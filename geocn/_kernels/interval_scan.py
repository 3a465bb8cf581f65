"""Scan statistics over intervals of consecutive segments, on plain arrays."""

from __future__ import annotations

import numpy as np
from numba import njit

from geocn._typing import AnyArray, BoolArray, FloatArray, IntArray

_HALVINGS = 40
_NONE = 1e-12
# A ratio that few intervals reach by chance, yet nearly every replicate of a long border does.
_LEVEL = 4.0


@njit(cache=True, error_model="numpy")
def poisson_ratio(inside: float, expected: float, total: float) -> float:
    """Log likelihood ratio of ``inside`` of ``total`` cases where ``expected`` are expected."""
    ratio = 0.0
    if inside > 0:
        ratio += inside * np.log(inside / expected)
    if total > inside:
        ratio += (total - inside) * np.log((total - inside) / (total - expected))
    return max(ratio, 0.0)


@njit(cache=True, error_model="numpy")
def directed_ratio(inside: float, expected: float, total: float, high: bool, low: bool) -> float:
    """Return the ratio where the interval deviates in a direction looked for, else 0."""
    # Differences of running sums: what rounding leaves of nothing, or of all, says nothing.
    if not _NONE * total < expected < (1.0 - _NONE) * total:
        return 0.0
    if (high and inside > expected) or (low and inside < expected):
        return poisson_ratio(inside, expected, total)
    return 0.0


@njit(cache=True, error_model="numpy")
def best_intervals(  # noqa: PLR0917 - numba takes keywords badly
    counts: FloatArray,
    expected: FloatArray,
    chain_end: IntArray,
    blocked: BoolArray,
    longest: int,
    limit: float,
    high: bool,
    low: bool,
) -> tuple[FloatArray, IntArray, FloatArray]:
    """Find the best interval from each segment on, and the best that covers each segment.

    Parameters
    ----------
    counts, expected : (n + 1,) arrays
        Running sums from 0.
    chain_end : (n,) array
        Where the chain of each segment ends: one past its last segment.
    blocked : (n,) boolean array
        Segments that no interval may hold.
    longest : int
        The most segments in an interval.
    limit : float
        The most that may be expected in an interval.
    high, low : bool
        Directions looked for.

    Returns
    -------
    ratio, stop : (n,) arrays
        The greatest ratio of intervals that begin at a segment and where that one stops;
        the shortest of equals.
    covering : (n,) array
        The greatest ratio of the intervals that hold a segment.
    """
    n = chain_end.size
    total = counts[n]
    ratio, covering = np.zeros(n), np.zeros(n)
    stop = np.arange(1, n + 1)
    trail = np.zeros(min(longest, n))
    for start in range(n):
        length = 0
        for end in range(start + 1, min(chain_end[start], start + longest) + 1):
            held = expected[end] - expected[start]
            if held > limit or blocked[end - 1]:
                break
            found = directed_ratio(counts[end] - counts[start], held, total, high, low)
            trail[length] = found
            length += 1
            if found > ratio[start]:
                ratio[start], stop[start] = found, end
        greatest = 0.0
        for back in range(length - 1, -1, -1):
            greatest = max(greatest, trail[back])
            covering[start + back] = max(covering[start + back], greatest)
    return ratio, stop, covering


@njit(cache=True, error_model="numpy")
def _fill_reach(most: FloatArray, least: FloatArray, limit: float) -> None:
    """Write for each count the expected cases beyond which its ratio reaches ``_LEVEL``.

    An excess of ``c`` cases reaches it where at most ``most[c]`` are expected, a lack where
    at least ``least[c]`` are.
    """
    total = most.size - 1
    most[:], least[:] = -1.0, np.inf
    for inside in range(total + 1):
        near, far = 0.0, float(inside)
        for _ in range(_HALVINGS if inside > 0 else 0):
            middle = 0.5 * (near + far)
            if middle > 0 and poisson_ratio(inside, middle, total) >= _LEVEL:
                near = middle
            else:
                far = middle
        most[inside] = far if inside > 0 else -1.0
        near, far = float(inside), float(total)
        for _ in range(_HALVINGS):
            middle = 0.5 * (near + far)
            if middle < total and poisson_ratio(inside, middle, total) >= _LEVEL:
                far = middle
            else:
                near = middle
        least[inside] = near
        if most[inside] > limit and least[inside] > limit:
            most[inside:] = np.inf
            break


@njit(cache=True, error_model="numpy")
def _greatest(  # noqa: PLR0917 - numba takes keywords badly
    places: IntArray,
    n_places: int,
    counts: IntArray,
    expected: FloatArray,
    chain_end: IntArray,
    longest: int,
    limit: float,
    high: bool,
    low: bool,
    most: FloatArray,
    least: FloatArray,
) -> float:
    """Greatest ratio of intervals between ``places``, of those that the tables let through."""
    total = counts[counts.size - 1]
    best = 0.0
    for first in range(n_places):
        start = places[first]
        furthest = min(chain_end[start], start + longest)
        for last in range(first, n_places):
            end = places[last] + 1
            if end > furthest:
                break
            held = expected[end] - expected[start]
            if held > limit:
                break
            inside = counts[end] - counts[start]
            if held <= most[inside] or held >= least[inside]:
                best = max(best, directed_ratio(inside, held, total, high, low))
    return best


@njit(cache=True, error_model="numpy")
def interval_maxima(  # noqa: PLR0917 - numba takes keywords badly
    replicates: AnyArray,
    expected: FloatArray,
    chain_end: IntArray,
    longest: int,
    limit: float,
    high: bool,
    low: bool,
) -> FloatArray:
    """Return the greatest ratio of each replicate over all intervals of all chains.

    The best interval of an excess begins and ends with a case, so that only those are
    tried; logarithms are taken only of intervals that a table shows to be unusual. A
    replicate without any such interval is scanned again without the table.

    Parameters
    ----------
    replicates : (r, n) integer array
        Cases of each segment; every replicate has the same total.
    expected, chain_end, longest, limit, high, low
        As for :func:`best_intervals`.
    """
    n = chain_end.size
    # Loops: sums, slices and arrays made full take numba longer than all that they are for.
    total = 0
    for segment in range(n if replicates.shape[0] else 0):
        total += replicates[0, segment]
    most, least, every = np.empty(total + 1), np.empty(total + 1), np.empty(total + 1)
    _fill_reach(most, least, limit)
    for inside in range(total + 1):
        every[inside] = np.inf
        if not high:
            most[inside] = -1.0
        if not low:
            least[inside] = np.inf
    maxima = np.empty(replicates.shape[0])
    counts, places = np.empty(n + 1, dtype=np.int64), np.empty(n, dtype=np.int64)
    counts[0] = 0
    for r in range(replicates.shape[0]):
        n_places = 0
        for segment in range(n):
            counts[segment + 1] = counts[segment] + replicates[r, segment]
            if low or replicates[r, segment] > 0:
                places[n_places] = segment
                n_places += 1
        for attempt in range(2):
            if attempt == 1:
                if maxima[r] >= _LEVEL:
                    break
                through, beyond = every, every
            else:
                through, beyond = most, least
            maxima[r] = _greatest(
                places,
                n_places,
                counts,
                expected,
                chain_end,
                longest,
                limit,
                high,
                low,
                through,
                beyond,
            )
    return maxima
