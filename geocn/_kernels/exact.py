"""The exact law of a sum of counts drawn without replacement."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from geocn._typing import AnyArray, FloatArray

#: Beyond this many neighbours the scaled terms would leave the range of float64.
LARGEST_K = 100


def laws_without_one(
    values: AnyArray, counts: AnyArray, k_max: int
) -> Iterator[tuple[int, FloatArray]]:
    r"""Laws of sums from the population less one of each distinct value, in turn.

    The elementary generating function over distinct values,
    :math:`\prod_v \sum_m \binom{c_v}{m} t^m x^{vm}`, gives in its k-th power of t the number
    of ways to reach each sum (multivariate hypergeometric). Every term is positive, so tails
    are right to rounding however small.

    Products over halves of the values are shared, so that d values take d log d factors
    rather than d * d; nothing is ever divided out.

    Parameters
    ----------
    values, counts : (d,) integer arrays
        Distinct values, 0 or more, and how many times each stands in the population, 1 or more.
    k_max : int
        The most draws, at most ``LARGEST_K``.

    Yields
    ------
    v : int
        Place in ``values`` of the one left out.
    laws : (k_max + 1, k_max * span + 1) array
        In row k the probability of the sums k * min + 0, 1, 2, ... of k draws, where
        span = max - min. Rows of more draws than there is population are not probabilities.
    """
    least = int(values.min()) if len(values) else 0
    shifted, size = (values - least).tolist(), int(counts.sum()) - 1
    times, total = counts.tolist(), _all_ways(size, k_max)
    span = int(values.max(initial=0)) - least
    todo = [(0, len(shifted), *_nothing_drawn(k_max, span))] if shifted else []
    while todo:
        first, last, ways, reached = todo.pop()
        if last - first == 1:
            ways, _ = _joined(ways, reached, shifted[first], times[first] - 1, size)
            with np.errstate(invalid="ignore", divide="ignore"):
                yield first, ways / total[:, None]
            continue
        middle = (first + last) // 2
        for start, stop in ((first, middle), (middle, last)):
            others = [v for v in range(first, last) if not start <= v < stop]
            joined, far = ways, reached
            for v in others:
                joined, far = _joined(joined, far, shifted[v], times[v], size)
            todo.append((start, stop, joined, far))


def _nothing_drawn(k: int, largest: int) -> tuple[FloatArray, int]:
    ways = np.zeros((k + 1, k * largest + 1))
    ways[0, 0] = 1.0
    return ways, 0


def _joined(
    ways: FloatArray, reached: int, value: int, count: int, size: int
) -> tuple[FloatArray, int]:
    """Ways to draw once ``count`` items of ``value`` have joined the population."""
    k, largest = ways.shape[0] - 1, ways.shape[1] - 1
    most = min(k, count)
    grown = ways.copy()
    term = 1.0
    # Terms are scaled by size**-m to stay in range; only sums reached so far are moved.
    for m in range(1, most + 1):
        term *= (count - m + 1) / m / size
        shift = value * m
        width = min(reached, largest - shift) + 1
        if width <= 0:
            break
        grown[m:, shift : shift + width] += term * ways[: k + 1 - m, :width]
    return grown, min(largest, reached + value * most)


def _all_ways(size: int, k: int) -> FloatArray:
    """Scaled number of ways to draw 0, 1, ... k of ``size`` items."""
    m = np.arange(1, k + 1)
    ways: FloatArray = np.cumprod(np.append(1.0, (size - m + 1) / m / max(size, 1)))
    return ways


def tails(law: FloatArray) -> tuple[FloatArray, FloatArray]:
    """P(sum >= s) and P(sum <= s) for s = 0, 1, 2, ... from a law."""
    at_least = np.cumsum(law[::-1])[::-1]
    at_most = np.cumsum(law)
    return np.minimum(at_least, 1.0), np.minimum(at_most, 1.0)


def cost(n_values: int, span: int, k_max: int) -> float:
    """Rough number of multiplications that :func:`laws_without_one` takes."""
    one = float(n_values) * k_max * k_max * (k_max * span + 1) / 2
    return one * (float(np.log2(max(n_values, 1))) + 1)
