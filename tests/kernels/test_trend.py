"""Trends of many series against slow loops, scipy and a number from the paper's arithmetic."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from geocn._kernels.trend import mann_kendall, overlap_inflation, sen_slope, trend_test

SERIES = st.integers(1, 14).flatmap(
    lambda n: arrays(
        float, (3, n), elements=st.sampled_from([np.nan, -2.0, 0.0, 0.5, 1.0, 3.0, 7.0])
    )
)


def slow_score(x):
    """The definition, pair by pair and tie group by tie group."""
    x = x[~np.isnan(x)]
    n = len(x)
    score = sum(np.sign(x[j] - x[i]) for i in range(n) for j in range(i + 1, n))
    groups = np.unique(x, return_counts=True)[1]
    variance = (n * (n - 1) * (2 * n + 5) - sum(t * (t - 1) * (2 * t + 5) for t in groups)) / 18
    return score, variance, n


def slow_slope(x):
    n = len(x)
    slopes = [(x[j] - x[i]) / (j - i) for i in range(n) for j in range(i + 1, n)]
    slopes = [s for s in slopes if not np.isnan(s)]
    return np.median(slopes) if slopes else np.nan


@given(series=SERIES)
def test_equals_the_definition(series):
    score, variance, tau, length = mann_kendall(series)
    slope = sen_slope(series)
    for row, x in enumerate(series):
        assert (score[row], variance[row], length[row]) == pytest.approx(slow_score(x))
        assert slope[row] == pytest.approx(slow_slope(x), nan_ok=True)
        known = ~np.isnan(x)
        order = np.flatnonzero(known)
        peer = stats.kendalltau(order, x[known]).statistic if known.sum() > 1 else np.nan
        assert tau[row] == pytest.approx(peer, nan_ok=True)


def test_slope_equals_scipy_theil():
    series = np.random.default_rng(2).normal(size=(20, 31)).cumsum(axis=1)
    theirs = [stats.theilslopes(x).slope for x in series]
    assert sen_slope(series) == pytest.approx(theirs)


@pytest.mark.parametrize("kind", ["walk", "noise", "ties", "drop"])
@pytest.mark.parametrize("n", [2, 33, 60, 61])
def test_long_series_bracket_their_median(kind, n):
    rng = np.random.default_rng(n)
    noise = rng.normal(size=(15, n))
    series = {
        "walk": noise.cumsum(axis=1),
        "noise": noise,
        "ties": np.round(noise),
        "drop": np.where(np.arange(n) < n - 3, noise, -1e6),
    }[kind]
    assert sen_slope(series) == pytest.approx([slow_slope(x) for x in series], rel=1e-12)


def test_p_value_is_near_scipys_exact_one():
    series = np.random.default_rng(3).normal(size=(50, 30))
    score, variance, _, length = mann_kendall(series)
    exact = [stats.kendalltau(np.arange(30), x, method="exact").pvalue for x in series]
    assert trend_test(score, variance, length)[1] == pytest.approx(exact, abs=0.01)


def test_the_numbers_of_a_straight_line():
    score, _, tau, _ = mann_kendall(np.arange(1.0, 361)[None])
    assert (score[0], tau[0]) == (64620, 1.0)
    assert mann_kendall(np.arange(360.0, 0, -1)[None])[0][0] == -64620


def test_too_short_and_constant_series():
    series = np.array([[np.nan, np.nan, np.nan], [1, np.nan, np.nan], [2, 2, 2]], dtype=float)
    score, variance, tau, length = mann_kendall(series)
    z, p = trend_test(score, variance, length)
    assert np.isnan(z[:2]).all()
    assert np.isnan(p[:2]).all()
    assert (z[2], p[2]) == (0, 1)
    assert np.isnan(tau).all()
    empty = np.empty((0, 5))
    assert [len(part) for part in mann_kendall(empty)] == [0, 0, 0, 0]
    assert np.isnan(sen_slope(np.zeros((2, 1)))).all()


@pytest.mark.parametrize(("shared", "n"), [(1, 12), (1, 60), (3, 60)])
def test_overlapping_windows_make_no_trends(shared, n):
    steps = np.random.default_rng(7).normal(size=(20_000, n + shared))
    sums = np.lib.stride_tricks.sliding_window_view(steps, shared + 1, axis=1).sum(axis=2)
    score, variance, _, length = mann_kendall(np.ascontiguousarray(sums))
    plain = trend_test(score, variance, length)[1]
    mended = trend_test(score, variance, length, overlap_inflation(length, shared))[1]
    # Ignoring the overlap calls trends three times too often and more.
    assert (plain <= 0.05).mean() > 0.1
    assert (mended <= 0.05).mean() == pytest.approx(0.05, abs=0.015)


def test_no_overlap_no_inflation():
    assert overlap_inflation(np.array([0, 1, 2, 3, 60]), 0).tolist() == [1] * 5
    assert overlap_inflation(np.array([0, 2, 3]), 1).tolist() == [1] * 3
