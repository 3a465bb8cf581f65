"""Results of several imputations: how they are joined."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from geocn.hotspots.combining import combine_estimates, combine_scores, scores_from_p


def dumb(estimates: list[float], variances: list[float]) -> tuple[float, float, float]:
    m = len(estimates)
    mean = sum(estimates) / m
    between = sum((q - mean) ** 2 for q in estimates) / (m - 1) * (1 + 1 / m)
    total = sum(variances) / m + between
    return mean, total, between / total


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(-50, 50), min_size=2, max_size=30))
def test_scores_combine_as_the_formula_says(z: list[float]) -> None:
    mean, total, fmi = dumb(z, [1.0] * len(z))
    found = combine_scores(np.array(z)[:, None])
    expected = mean / np.sqrt(total)
    np.testing.assert_allclose(found[0], [expected], rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(found[1], [2 * stats.norm.sf(abs(expected))], rtol=1e-6)
    np.testing.assert_allclose(found[2], [fmi], rtol=1e-9, atol=1e-9)


def test_equal_imputations_change_nothing_and_unequal_ones_widen() -> None:
    z = np.array([0.1, -2.3, 7.0, np.nan])
    same, p_value, fmi = combine_scores(np.tile(z, (20, 1)))
    np.testing.assert_array_equal(same, z)
    np.testing.assert_allclose(p_value, 2 * stats.norm.sf(np.abs(z)), rtol=1e-12)
    np.testing.assert_array_equal(fmi, [0, 0, 0, np.nan])
    one = combine_scores(z[None])
    np.testing.assert_array_equal(one[0], z)
    apart, wider, missing = combine_scores([[3.0], [4.0], [5.0]])
    assert apart[0] < 4
    assert wider[0] > 2 * stats.norm.sf(4)
    assert missing[0] == pytest.approx((4 / 3) / (1 + 4 / 3))


def test_estimates_combine_as_the_formula_says() -> None:
    rng = np.random.default_rng(0)
    q, u = rng.normal(size=(7, 4)), rng.uniform(0.1, 2, (7, 4))
    found = combine_estimates(q, u)
    for i in range(4):
        expected = dumb(q[:, i].tolist(), u[:, i].tolist())
        assert (found.estimate[i], found.variance[i], found.fmi[i]) == pytest.approx(expected)
    without = combine_estimates(q)
    np.testing.assert_allclose(without.variance, (1 + 1 / 7) * q.var(axis=0, ddof=1))
    assert (without.fmi == 1).all()


def test_coverage_of_combined_scores_under_the_null() -> None:
    """Scores that differ between imputations as places do reject no more than they should."""
    rng = np.random.default_rng(5)
    share = 0.4  # of the evidence imprecise: a score of variance 1 given each imputation
    known = rng.normal(size=40_000) * np.sqrt(1 - share)
    z = known + rng.normal(size=(20, 40_000)) * np.sqrt(share)
    assert (combine_scores(z)[1] <= 0.05).mean() <= 0.05


def test_scores_and_p_values_are_two_names_of_one_thing() -> None:
    z = np.array([-37.0, -5.0, -1e-3, 0.0, 0.5, 12.0, 37.0])
    np.testing.assert_allclose(scores_from_p(2 * stats.norm.sf(np.abs(z)), z), z, rtol=1e-9)
    assert scores_from_p([0.0, np.nan], [1, 1]).tolist()[0] == pytest.approx(38.27, abs=0.05)
    assert np.isnan(scores_from_p([np.nan], [1])).all()
