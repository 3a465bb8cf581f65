"""The exact law of a sum of counts drawn without replacement."""

from __future__ import annotations

import numpy as np

from geocn._typing import AnyArray, FloatArray

#: Beyond this many neighbours the scaled terms would leave the range of float64.
LARGEST_K = 100


def sum_law(values: AnyArray, counts: AnyArray, k: int) -> FloatArray:
    r"""Probability of each sum of k draws without replacement from a finite population.

    The elementary generating function over distinct values,
    :math:`\prod_v \sum_m \binom{c_v}{m} t^m x^{vm}`, gives in its k-th power of t the number
    of ways to reach each sum (multivariate hypergeometric). Every term is positive, so tails
    are right to rounding however small.

    Parameters
    ----------
    values : (d,) integer array
        Distinct values, 0 or more.
    counts : (d,) integer array
        How many times each value stands in the population.
    k : int
        Number of draws, at most the population and at most ``LARGEST_K``.

    Returns
    -------
    (k * max(values) + 1,) array
        Probability of the sums 0, 1, 2, ...
    """
    size = int(counts.sum())
    largest = int(values.max(initial=0)) * k
    ways = np.zeros((k + 1, largest + 1))
    ways[0, 0] = 1.0
    reached = 0
    for value, count in sorted(zip(values.tolist(), counts.tolist(), strict=True)):
        # Terms are scaled by size**-m to stay in range; only sums reached so far are moved.
        most = min(k, count)
        grown = ways.copy()
        term = 1.0
        for m in range(1, most + 1):
            term *= (count - m + 1) / m / size
            shift = value * m
            width = min(reached, largest - shift) + 1
            if width <= 0:
                break
            grown[m:, shift : shift + width] += term * ways[: k + 1 - m, :width]
        ways = grown
        reached = min(largest, reached + value * most)
    total = 1.0
    for m in range(1, k + 1):
        total *= (size - m + 1) / m / size
    law: FloatArray = ways[k] / total
    return law


def tails(law: FloatArray) -> tuple[FloatArray, FloatArray]:
    """P(sum >= s) and P(sum <= s) for s = 0, 1, 2, ... from a law."""
    at_least = np.cumsum(law[::-1])[::-1]
    at_most = np.cumsum(law)
    return np.minimum(at_least, 1.0), np.minimum(at_most, 1.0)


def cost(n_values: int, largest: int, k: int) -> float:
    """Rough number of multiplications that :func:`sum_law` takes."""
    return float(n_values) * k * k * (k * largest + 1) / 2
