"""The laws behind local p-values against enumeration, each other and plain loops."""

from itertools import combinations
from math import comb

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geocn._kernels import exact, permutation
from geocn.hotspots.correction import adjust


def law_by_enumeration(items, k):
    sums = [sum(c) for c in combinations(items, k)]
    return np.bincount(sums) / len(sums)


@settings(max_examples=40, deadline=None)
@given(items=st.lists(st.integers(0, 9), min_size=2, max_size=9), data=st.data())
def test_laws_without_one_equal_enumeration(items, data):
    k_max = data.draw(st.integers(1, len(items) - 1))
    values, counts = np.unique(items, return_counts=True)
    seen = []
    for v, laws in exact.laws_without_one(values, counts, k_max):
        seen.append(v)
        rest = list(items)
        rest.remove(values[v])
        for k in range(1, k_max + 1):
            expected = law_by_enumeration(rest, k)
            first = k * values.min()
            found = np.concatenate([np.zeros(first), laws[k]])[: len(expected)]
            assert np.allclose(found, expected, atol=1e-14)
            assert laws[k].sum() == pytest.approx(1)
    assert sorted(seen) == list(range(len(values)))


def law_in_whole_numbers(values, counts, k):
    """Count the ways to every sum without any rounding, then divide."""
    ways = {(0, 0): 1}
    for value, count in zip(values.tolist(), counts.tolist(), strict=True):
        grown = {}
        for (drawn, total), n in ways.items():
            for m in range(min(count, k - drawn) + 1):
                key = (drawn + m, total + m * value)
                grown[key] = grown.get(key, 0) + n * comb(count, m)
        ways = grown
    law = np.zeros(k * int(values.max()) + 1)
    for (drawn, total), n in ways.items():
        if drawn == k:
            law[total] = n / comb(int(counts.sum()), k)
    return law


def test_far_tails_are_right_to_rounding():
    values, counts = np.array([0, 1, 2, 30]), np.array([5000, 800, 90, 1])
    for v, laws in exact.laws_without_one(values, counts, 8):
        others = counts.copy()
        others[v] -= 1
        law = law_in_whole_numbers(values, others, 8)
        assert np.allclose(laws[8], law[: laws.shape[1]], rtol=1e-12, atol=0)
    assert 0 < law[law > 0].min() < 1e-15


def test_no_values_have_no_laws():
    assert list(exact.laws_without_one(np.empty(0, int), np.empty(0, int), 0)) == []


def counts_by_loops(y, lag, k_of, sums):
    """What the kernel should count if each cell drew from the others by itself, on average."""
    high = [np.mean(sums[i] >= lag[i] - 1e-9) if k else 0.0 for i, k in enumerate(k_of)]
    low = [np.mean(sums[i] <= lag[i] + 1e-9) if k else 0.0 for i, k in enumerate(k_of)]
    return np.array(high), np.array(low)


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 9999), n=st.integers(2, 9), whole=st.booleans())
def test_shared_draws_meet_every_choice_of_others(seed, n, whole):
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 4, n).astype(float) if whole else rng.normal(size=n)
    k_of = rng.integers(0, n, n)
    sums = [
        [sum(c) for c in combinations(np.delete(y, i).tolist(), int(k))] for i, k in enumerate(k_of)
    ]
    lag = np.array([rng.choice(s) if k else 0.0 for s, k in zip(sums, k_of, strict=True)])
    high, low = counts_by_loops(y, lag, k_of, sums)
    draws = 40_000
    at_least, at_most = permutation.shared_counts(y, lag, k_of, draws=draws, seed=seed)
    noise = 5.5 * np.sqrt(0.25 / draws)
    assert np.allclose(at_least / draws, high, atol=noise)
    assert np.allclose(at_most / draws, low, atol=noise)


def test_draws_held_in_parts_make_the_same_counts(monkeypatch):
    rng = np.random.default_rng(1)
    y, k_of = rng.normal(size=50), rng.integers(0, 9, 50)
    lag = rng.normal(size=50) * 2
    whole = permutation.shared_counts(y, lag, k_of, draws=5000, seed=3)
    monkeypatch.setattr(permutation, "_HELD", 4000)
    parts = permutation.shared_counts(y, lag, k_of, draws=5000, seed=3)
    assert np.array_equal(whole, parts)
    other = permutation.shared_counts(y, lag, k_of, draws=5000, seed=4)
    assert not np.array_equal(whole, other)


def test_cells_without_neighbours_are_not_counted():
    y, k_of, lag = np.arange(8.0), np.zeros(8, dtype=np.int64), np.zeros(8)
    k_of[[1, 5]], lag[[1, 5]] = 2, [13.0, -1.0]
    high, low = permutation.shared_counts(y, lag, k_of, draws=2000, seed=0)
    assert high.sum() == high[[1, 5]].sum()
    high, low = high[[1, 5]], low[[1, 5]]
    assert low[0] == 2000
    assert high.tolist()[1] == 2000
    assert low[1] == 0
    # Only 6 + 7 reaches 13 among 21 pairs of the other seven.
    assert high[0] / 2000 == pytest.approx(1 / 21, abs=0.03)


@given(
    p=st.lists(st.sampled_from([1e-9, 0.001, 0.01, 0.02, 0.2, 1.0, np.nan]), max_size=12),
    correction=st.sampled_from(["bh", "by", "bonferroni", "none"]),
)
def test_repeated_p_values_can_be_counted_instead(p, correction):
    p = np.array(p, dtype=float)
    held, place, times = np.unique(p, return_inverse=True, return_counts=True)
    short = adjust(held, correction=correction, times=times)[place]
    assert np.allclose(short, adjust(p, correction=correction), rtol=1e-14, equal_nan=True)
