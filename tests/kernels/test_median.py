"""The p-median's kernels against the same thing done the slow way on a full matrix."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geocn._kernels.median import open_greedily, swap_sites, times_served, worth_of_sites

NO_CLASH = np.zeros((0, 0), dtype=bool)


def lists(cost):
    """Rows sorted by cost, infinite ones left out."""
    order = np.argsort(cost, axis=1, kind="stable")
    ranked = np.take_along_axis(cost, order, axis=1)
    kept = np.isfinite(ranked)
    start = np.concatenate([[0], np.cumsum(kept.sum(axis=1))])
    return start, order[kept], ranked[kept]


def total(cost, unserved, open_):
    return np.minimum(cost[:, open_].min(axis=1, initial=np.inf), unserved).sum()


@st.composite
def worlds(draw):
    numbers = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n, m = draw(st.integers(1, 12)), draw(st.integers(1, 8))
    cost = numbers.integers(0, draw(st.sampled_from([4, 50])), (n, m)).astype(float)
    cost[numbers.uniform(size=(n, m)) < draw(st.sampled_from([0.0, 0.4]))] = np.inf
    unserved = np.where(np.isfinite(cost), cost, 0).max(axis=1) + draw(st.sampled_from([0.0, 60.0]))
    mark = numbers.uniform(size=m)
    kept, may = mark < 0.15, mark < draw(st.sampled_from([0.8, 1.0]))
    price = numbers.integers(0, 5, m).astype(float)
    budget = draw(st.sampled_from([np.inf, 7.0]))
    clash = np.triu(numbers.uniform(size=(m, m)) < 0.2, 1)
    clash = draw(st.sampled_from([NO_CLASH, clash | clash.T]))
    return cost, unserved, kept, may & ~kept, price, budget, clash, draw(st.integers(1, m))


def slow_greedy(world):
    cost, unserved, kept, may, price, budget, clash, n_open = world
    open_, left = kept.copy(), budget
    while open_.sum() < n_open:
        best, most = None, 1e-9
        for j in np.flatnonzero(may & ~open_):
            if price[j] > left or (len(clash) and (clash[j] & open_).any()):
                continue
            with_j = open_.copy()
            with_j[j] = True
            gain = total(cost, unserved, open_) - total(cost, unserved, with_j)
            value = gain
            if np.isfinite(budget) and gain > 1e-9:
                value = gain / price[j] if price[j] else np.inf
            if value > most:
                best, most = j, value
        if best is None:
            break
        open_[best] = True
        left -= price[best]
    return open_


@given(worlds())
def test_greedy_is_the_slow_one(world):
    cost, unserved, kept, may, price, budget, clash, n_open = world
    open_ = kept.copy()
    open_greedily(*lists(cost), unserved, price, budget, n_open, may, clash, open_)
    assert total(cost, unserved, open_) == pytest.approx(
        total(cost, unserved, slow_greedy(world)), abs=1e-9
    )


@given(worlds(), st.integers(0, 2**32 - 1))
def test_after_the_exchanges_no_other_exchange_saves_anything(world, seed):
    cost, unserved, kept, may, price, budget, clash, n_open = world
    start = slow_greedy((cost, unserved, kept, may, price, budget, clash, n_open))
    open_ = start.copy()
    n_swaps = swap_sites(*lists(cost), unserved, price, budget, kept, may, clash, open_)
    before, after = total(cost, unserved, start), total(cost, unserved, open_)
    assert (open_[kept]).all()
    assert open_.sum() == start.sum()
    assert not (open_ & ~may & ~kept).any()
    assert price[open_ & ~kept].sum() <= budget
    assert after < before if n_swaps else after == before
    for out in np.flatnonzero(open_ & ~kept):
        for new in np.flatnonzero(may & ~open_):
            other = open_.copy()
            other[[out, new]] = False, True
            affordable = price[other & ~kept].sum() <= budget
            apart = not len(clash) or not (clash[new] & other).any()
            if affordable and apart:
                assert total(cost, unserved, other) >= after - 1e-6


def test_exchanges_find_what_greedy_misses():
    # Greedy takes the middle first; the best pair are the two ends.
    cost = np.abs(np.array([0.0, 0, 10, 10])[:, None] - np.array([0.0, 5, 10]))
    unserved, price, may = np.full(4, 100.0), np.ones(3), np.ones(3, dtype=bool)
    open_, kept = np.array([True, True, False]), np.zeros(3, dtype=bool)
    n = swap_sites(*lists(cost), unserved, price, np.inf, kept, may, NO_CLASH, open_)
    assert (n, open_.tolist()) == (1, [True, False, True])


@given(worlds(), st.integers(0, 2**32 - 1))
def test_worth_and_service_are_sums_over_the_matrix(world, seed):
    cost = world[0]
    numbers = np.random.default_rng(seed)
    pays = numbers.integers(0, 60, len(cost)).astype(float)
    share = numbers.uniform(size=cost.shape[1])
    worth, served = np.full(cost.shape[1], 7.0), np.full(len(cost), 7.0)
    worth_of_sites(*lists(cost), pays, worth)
    times_served(*lists(cost), pays, share, served)
    assert worth == pytest.approx(np.minimum(cost - pays[:, None], 0).sum(axis=0))
    assert served == pytest.approx(((cost < pays[:, None]) * share).sum(axis=1))
