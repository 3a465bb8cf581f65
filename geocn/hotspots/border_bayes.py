"""Segments of a border whose shrunken rate is likely far from the overall one."""

from __future__ import annotations

import numpy as np
from scipy import sparse, special

from geocn._typing import FloatArray
from geocn.hotspots.border_methods import BorderBayes, Judgement, Study
from geocn.hotspots.empirical_bayes import moments_around


def by_bayes(study: Study, settings: BorderBayes) -> Judgement:
    r"""Judge rates by their posterior under a gamma law of the true rates.

    With rates of mean m and variance a (Marshall's moments, the variance at least that of
    the mean itself) a segment with y pieces of
    evidence in exposure e has the posterior
    :math:`\mathrm{Gamma}(m^2/a + y, m/a + e)`. It is hot as far as
    :math:`P(\theta > f\,m_0)` is near 1, cold as far as :math:`P(\theta < m_0/f)` is, with f
    the factor and :math:`m_0` the overall rate.
    """
    some = study.exposed > 0
    above, below = np.full((2, len(some)), np.nan)
    if some.any():
        near = None if settings.neighbours_km is None else _near(study, settings.neighbours_km)
        tails = [
            _posterior(y[some], study.exposed[some], settings.factor, near) for y in study.effective
        ]
        above[some], below[some] = np.mean(tails, axis=0)
    hot = above >= below
    p_value = 1 - np.where(hot, above, below)
    columns = {"exceedance_probability": above}
    return Judgement(
        p_value,
        expected_false(p_value),
        np.where(hot, 1, -1),
        columns,
        {"p_adjusted": "expected share of false discoveries"},
    )


def expected_false(p_value: FloatArray) -> FloatArray:
    """Mean of the p-values up to each: the expected share of false discoveries among them.

    P-values are posterior probabilities that nothing is there (Newton et al. 2004,
    doi:10.1093/biostatistics/5.2.155). NaN stays NaN.

    Examples
    --------
    >>> expected_false(np.array([0.3, np.nan, 0.1])).round(3).tolist()
    [0.2, nan, 0.1]
    """
    adjusted = np.full(len(p_value), np.nan)
    tested = np.flatnonzero(~np.isnan(p_value))
    order = tested[np.argsort(p_value[tested], kind="stable")]
    running = np.cumsum(p_value[order]) / np.arange(1, len(order) + 1)
    # Equal p-values are discovered together.
    last = np.searchsorted(p_value[order], p_value[order], side="right") - 1
    adjusted[order] = running[last]
    return adjusted


def neighbour_pattern(study: Study, reach_km: float) -> sparse.csr_matrix:
    """Segments of one chain whose middles are closer than this, without the diagonal."""
    one, other, _ = study.chains.pairs_within(reach_km)
    n = len(study.exposed)
    ones = np.ones(2 * len(one))
    rows, columns = np.concatenate([one, other]), np.concatenate([other, one])
    return sparse.csr_matrix((ones, (rows, columns)), shape=(n, n))


def _near(study: Study, reach_km: float) -> sparse.csr_matrix:
    """Neighbours of the exposed segments, themselves included."""
    some = np.flatnonzero(study.exposed > 0)
    pattern = neighbour_pattern(study, reach_km) + sparse.identity(len(study.exposed), format="csr")
    return sparse.csr_matrix(pattern[some][:, some])


def _posterior(
    y: FloatArray, e: FloatArray, factor: float, near: sparse.csr_matrix | None
) -> tuple[FloatArray, FloatArray]:
    """Chances of a rate above ``factor`` times the overall one, and below its inverse."""
    overall = float(y.sum() / e.sum())
    if overall == 0:
        return np.zeros(len(y)), np.zeros(len(y))
    mean, between, others = moments_around(y, e, None)
    if near is not None:
        local = moments_around(y, e, near)
        # A segment without neighbours is drawn towards all.
        alone = local[2] <= 1e-9 * e
        mean, between, others = (
            np.where(alone, whole, part)
            for whole, part in zip((mean, between, others), local, strict=True)
        )
    # Others tell their common rate no better than their own evidence does.
    centre = np.maximum(mean, 1e-9 * overall)
    width = np.maximum(between, centre / np.maximum(others, 1e-9 * e))
    shape, rate = centre**2 / width + y, centre / width + e
    above = special.gammaincc(shape, rate * factor * overall)
    below = special.gammainc(shape, rate * overall / factor)
    return above, below
