"""Covering kernels against loops over sets."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array

from geocn._kernels import covering
from geocn.coverage.locate_net import make_net
from geocn.coverage.locate_problem import Limits
from geocn.coverage.locate_search import Search


def random_net(seed, n=15, m=8, share=0.3):
    rng = np.random.default_rng(seed)
    pattern = rng.random((n, m)) < share
    nothing = np.zeros(m, dtype=bool)
    net = make_net(
        csr_array(pattern.astype(np.int8)),
        cost=rng.integers(1, 4, m).astype(float),
        forced=nothing,
        keep=~nothing,
        clashes=np.empty((0, 2), dtype=np.int64),
    )
    return net, pattern, rng


@given(seed=st.integers(0, 2**32 - 1), share=st.sampled_from([0.05, 0.3, 0.8]))
@settings(max_examples=60, deadline=None)
def test_rows_merge_where_their_sites_are_the_same(seed, share):
    net, pattern, _ = random_net(seed, share=share)
    merged = net.pattern.toarray() > 0
    assert len(np.unique(merged, axis=0)) == len(merged)
    assert ((net.member < 0) == ~pattern.any(axis=1)).all()
    known = net.member >= 0
    assert (merged[net.member[known]] == pattern[known]).all()
    assert set(net.member[known]) == set(range(len(merged)))


@given(seed=st.integers(0, 2**32 - 1), share=st.sampled_from([0.05, 0.3, 0.8]))
@settings(max_examples=60, deadline=None)
def test_dominated_sites_are_those_that_another_covers(seed, share):
    net, _, rng = random_net(seed, share=share)
    locked = rng.random(8) < 0.2
    found = covering.dominated(*net.graph, net.cost, locked)
    rows = [set(np.flatnonzero(column)) for column in net.pattern.toarray().T]
    left = np.ones(8, dtype=bool)
    for a in range(8):
        better = [
            b
            for b in range(8)
            if b != a
            and left[b]
            and not locked[b]
            and rows[a] <= rows[b]
            and net.cost[b] <= net.cost[a]
            and (rows[a] != rows[b] or net.cost[b] != net.cost[a] or b < a)
        ]
        if not locked[a] and (not rows[a] or better):
            left[a] = False
    assert (found == ~left).all()


@given(seed=st.integers(0, 2**32 - 1), worth=st.sampled_from([(1, 0), (0.6, 0.4), (0.2, 0.8)]))
@settings(max_examples=60, deadline=None)
def test_gains_and_value_follow_every_opening_and_closing(seed, worth):
    net, _, rng = random_net(seed)
    weights = rng.random(net.n_rows)
    worths = np.array([*worth, 0.0])
    dense = net.pattern.toarray() > 0

    def value(open_):
        count = dense[:, open_].sum(axis=1)
        return float(weights @ (worth[0] * (count > 0) + worth[1] * (count > 1)))

    cover = np.zeros(net.n_rows, dtype=np.int64)
    gain = worths[0] * covering.site_values(*net.graph[2:], weights)
    shut, ledger = np.zeros(8, dtype=np.int64), np.array([0.0, 100.0, 8.0])
    state = (
        net.graph, net.clash_lists(), weights, worths, net.cost, cover, gain, shut, ledger,
    )  # fmt: skip
    open_ = np.zeros(8, dtype=bool)
    for j in rng.integers(0, 8, 12):
        covering.toggle_all(np.array([j]), -1 if open_[j] else 1, *state)
        open_[j] = ~open_[j]
        assert ledger[0] == pytest.approx(value(open_), abs=1e-9)
        assert ledger[1] == pytest.approx(100 - net.cost[open_].sum())
        assert ledger[2] == 8 - open_.sum()
        for k in np.flatnonzero(~open_):
            more = open_.copy()
            more[k] = True
            assert gain[k] == pytest.approx(value(more) - value(open_), abs=1e-9)


@given(
    seed=st.integers(0, 2**32 - 1),
    worth=st.sampled_from([(1.0, 0.0), (0.6, 0.4), (0.2, 0.8)]),
    money=st.sampled_from([np.inf, 6.0]),
)
@settings(max_examples=60, deadline=None)
def test_the_bound_holds_and_settled_sites_lose_nothing(seed, worth, money):
    net, _, rng = random_net(seed)
    weights = rng.random(net.n_rows) * 10
    search = Search(net, weights, first=worth[0], second=worth[1], most=3, money=money)
    search.greedy()
    search.lower_bound(Limits(10, 0.0), 0.0)
    dense = net.pattern.toarray() > 0
    values = {}
    for code in range(2**8):
        open_ = np.array([code >> k & 1 for k in range(8)], dtype=bool)
        if open_.sum() <= 3 and net.cost[open_].sum() <= money:
            count = dense[:, open_].sum(axis=1)
            values[code] = float(weights @ (worth[0] * (count > 0) + worth[1] * (count > 1)))
    best = max(values.values())
    assert search.value <= best + 1e-9 <= search.bound + 2e-9
    shut, must = search.settle(0.0)
    better = [code for code, value in values.items() if value > search.value + 1e-6]
    for code in better:
        open_ = np.array([code >> k & 1 for k in range(8)], dtype=bool)
        assert not (open_ & shut).any()
        assert not (~open_ & must).any()


def test_rows_of_the_same_name_are_compared():
    pointer, items = np.array([0, 2, 4, 6]), np.array([0, 1, 0, 2, 0, 1])
    assert covering.same_as(pointer, items, np.array([0, 0, 0])).tolist() == [True, False, True]
