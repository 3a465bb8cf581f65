"""Adjusting p-values for the number of tests."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np

from geocn._typing import AnyArray, FloatArray
from geocn.errors import ParameterError

Correction = Literal["bh", "by", "bonferroni", "none"]
CORRECTIONS = get_args(Correction)


def adjust(
    p_value: AnyArray, *, correction: Correction = "bh", times: AnyArray | None = None
) -> FloatArray:
    """Return adjusted p-values; NaN stays NaN and does not count as a test.

    Parameters
    ----------
    p_value : array-like
        One p-value a test.
    correction : {"bh", "by", "bonferroni", "none"}
        Benjamini-Hochberg controls the false-discovery rate under independence or positive
        dependence, Benjamini-Yekutieli under any dependence, Bonferroni the chance of a
        single false discovery.
    times : (n,) integer array, optional
        How many tests have each p-value, 1 or more; by default one each. Counts have few
        distinct p-values, and sorting those alone saves most of the work.

    Raises
    ------
    ParameterError
        Where the correction is unknown.

    References
    ----------
    Benjamini & Hochberg 1995, doi:10.1111/j.2517-6161.1995.tb02031.x;
    Benjamini & Yekutieli 2001, doi:10.1214/aos/1013699998.

    Examples
    --------
    >>> adjust([0.01, 0.04, 0.03]).round(3).tolist()
    [0.03, 0.04, 0.04]
    """
    if correction not in CORRECTIONS:
        raise ParameterError(f"correction {correction!r}; choose one of {', '.join(CORRECTIONS)}")
    p = np.asarray(p_value, dtype=float)
    adjusted = np.full(p.shape, np.nan)
    tested = np.flatnonzero(~np.isnan(p))
    each = np.ones(len(p), dtype=np.int64) if times is None else np.asarray(times)
    n = int(each[tested].sum())
    if correction == "none" or n == 0:
        adjusted[tested] = p[tested]
        return adjusted
    if correction == "bonferroni":
        adjusted[tested] = np.minimum(p[tested] * n, 1.0)
        return adjusted
    order = tested[np.argsort(p[tested])]
    factor = n / np.cumsum(each[order])
    if correction == "by":
        factor = factor * np.sum(1 / np.arange(1, n + 1))
    scaled = np.minimum.accumulate((p[order] * factor)[::-1])[::-1]
    adjusted[order] = np.minimum(scaled, 1.0)
    return adjusted


def level_faults(level: float, correction: str, *, name: str = "alpha") -> list[str]:
    """Say what is wrong with a level of significance, by its ``name``, and a correction.

    Examples
    --------
    >>> level_faults(0.05, "bh")
    []
    >>> level_faults(5, "bh")
    ['alpha is 5, not between 0 and 1']
    """
    faults = []
    if not 0 < level < 1:
        faults.append(f"{name} is {level}, not between 0 and 1")
    if correction not in CORRECTIONS:
        faults.append(f"correction {correction!r} is not one of {', '.join(CORRECTIONS)}")
    return faults


def two_sided(at_least: FloatArray, at_most: FloatArray) -> FloatArray:
    """Twice the smaller tail, at most 1; ties count in both tails."""
    p: FloatArray = np.minimum(2 * np.minimum(at_least, at_most), 1.0)
    return p
