"""The p-median against brute force, OR-Library and San Francisco."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
from hypothesis import given

from geocn.coverage.locate_median import p_median
from geocn.coverage.locate_problem import Limits
from geocn.errors import InfeasibleError, ParameterError
from tests.coverage.siting import (
    best_of_all,
    dense,
    problem_of,
    problems,
    san_francisco,
    tail_mean,
)

EXACT = 1e-9


def solve(problem, gap=0.0, time_limit_s=20.0):
    return p_median(problem, Limits(time_limit_s, gap))


def check(problem, value):
    """Same optimum as brute force; the answer keeps to all rules; it is worth what it says."""
    best = best_of_all(problem, value)
    needed = (problem.weights > 0).any()
    if needed and not np.isfinite(best):
        with pytest.raises(InfeasibleError):
            solve(problem)
        return
    found = solve(problem)
    assert found.objective == pytest.approx(best if needed else 0.0, rel=EXACT, abs=EXACT)
    assert found.bound == pytest.approx(found.objective, rel=1e-6, abs=1e-6)
    assert found.bound <= found.objective
    assert found.status == "optimal"
    assert problem.is_affordable(found.chosen)
    assert (found.gains >= -EXACT).all()
    rows = np.flatnonzero(problem.weights > 0)
    paid = dense(problem)[rows, found.assigned[rows]]
    assert np.isin(found.assigned[rows], found.chosen).all()
    assert value(paid) == pytest.approx(found.objective, rel=EXACT, abs=EXACT)


@given(problems())
def test_brute_force_agrees_under_every_rule(problem):
    weights = problem.weights[problem.weights > 0]
    check(problem, lambda cost: weights @ cost if np.isfinite(cost).all() else np.inf)


@given(problems(n_most=5, m_most=4, with_capacity=True))
def test_brute_force_agrees_with_capacities(problem):
    weights = problem.weights[problem.weights > 0]
    check(problem, lambda cost: weights @ cost if np.isfinite(cost).all() else np.inf)


@given(problems(with_scenarios=True))
def test_brute_force_agrees_over_scenarios(problem):
    by_scenario = problem.scenarios[:, (problem.scenarios > 0).any(axis=0)]

    def value(cost):
        if not np.isfinite(cost).all():
            return np.inf
        totals, shares = by_scenario @ cost, problem.scenario_weights
        if problem.risk == "expected":
            return shares @ totals
        if problem.risk == "minimax":
            return totals.max()
        return tail_mean(totals, shares, problem.cvar_level)

    check(problem, value)


def graph(reference, name):
    """An OR-Library graph as shortest paths; of edges given twice the last one counts."""
    words = (reference / "coverage" / "pmedian" / f"{name}.txt").read_text().split()
    n, n_edges, p = (int(word) for word in words[:3])
    edges = np.array(words[3 : 3 + 3 * n_edges], dtype=int).reshape(-1, 3)
    cost = np.full((n, n), np.inf)
    np.fill_diagonal(cost, 0.0)
    for a, b, length in edges:
        cost[a - 1, b - 1] = cost[b - 1, a - 1] = length
    for k in range(n):
        cost = np.minimum(cost, cost[:, k, None] + cost[k])
    return cost, p


@pytest.mark.reference
@pytest.mark.parametrize("name", ["pmed1", "pmed5", "pmed10"])
def test_or_library_optima(reference, name):
    optima = pd.read_csv(reference / "coverage" / "pmedian" / "pmedopt.csv", index_col="name")
    cost, p = graph(reference, name)
    found = solve(problem_of(cost, np.ones(len(cost)), p=p))
    assert p == optima.loc[name, "p"]
    assert found.objective == optima.loc[name, "optimum"]
    assert found.status == "optimal"
    assert len(found.chosen) == p


@pytest.mark.reference
def test_san_francisco(reference):
    cost, weights = san_francisco(reference)
    found = solve(problem_of(cost, weights, p=4))
    assert found.objective == pytest.approx(2848268129.7145, abs=1e-3)
    assert sorted(found.chosen) == [1, 2, 5, 10]
    alone = solve(problem_of(cost, np.ones(len(cost)), p=4))
    assert alone.objective == pytest.approx(626995.2479227362, abs=1e-6)
    assert sorted(alone.chosen) == [1, 4, 5, 12]


def towns(n=120, m=60, seed=0):
    numbers = np.random.default_rng(seed)
    at, where = numbers.uniform(0, 100, (n, 2)), numbers.uniform(0, 100, (m, 2))
    cost = np.hypot(*(at[:, None] - where).transpose(2, 0, 1))
    return cost, numbers.integers(1, 900, n).astype(float)


def test_a_bound_that_is_cut_short_still_bounds():
    cost, weights = towns()
    best = solve(problem_of(cost, weights, p=7))
    for seconds in (1e-9, 0.02):
        hasty = solve(problem_of(cost, weights, p=7), time_limit_s=seconds)
        assert hasty.bound <= best.objective * (1 + 1e-9)
        assert hasty.objective >= best.objective * (1 - 1e-9)
        assert hasty.status in {"time limit", "optimal"}
    rough = solve(problem_of(cost, weights, p=7), gap=0.2)
    assert rough.objective <= rough.bound / 0.8
    assert rough.status in {"gap reached", "optimal"}


def test_ctrl_c_gives_the_best_answer_so_far(monkeypatch):
    def interrupt(*_args, **_options):
        raise KeyboardInterrupt

    monkeypatch.setattr("geocn.coverage.locate_median.lower_bound", interrupt)
    found = solve(problem_of(*towns(), p=7))
    assert found.status == "interrupted"
    assert len(found.chosen) == 7
    assert np.isfinite(found.objective)


def test_the_same_bytes_twice_and_the_same_total_in_any_order():
    cost, weights = towns(60, 25)
    first, again = (solve(problem_of(cost, weights, p=5)) for _ in range(2))
    for name in ("chosen", "assigned", "gains"):
        assert getattr(first, name).tobytes() == getattr(again, name).tobytes()
    numbers = np.random.default_rng(1)
    rows, sites = numbers.permutation(60), numbers.permutation(25)
    mixed = solve(problem_of(cost[np.ix_(rows, sites)], weights[rows], p=5))
    assert mixed.objective == pytest.approx(first.objective, rel=1e-9)
    assert set(sites[mixed.chosen]) == set(first.chosen)


def test_gains_add_up_from_everybody_at_the_dearest_site():
    cost, weights = towns(40, 12)
    found = solve(problem_of(cost, weights, p=4))
    start = weights @ cost.max(axis=1)
    assert found.gains.sum() == pytest.approx(start - found.objective)
    assert (np.diff(found.gains[1:]) <= 1e-9).all()


def test_existing_sites_come_first_and_stay():
    cost, weights = towns(40, 12)
    existing = np.arange(12) == 7
    found = solve(problem_of(cost, weights, p=3, existing=existing))
    assert found.chosen[0] == 7
    assert found.objective >= solve(problem_of(cost, weights, p=3)).objective


def test_capacities_are_kept_at_a_size_beyond_brute_force():
    cost, weights = towns(40, 10)
    capacity = np.full(10, weights.sum() / 3.2)
    problem = problem_of(cost, weights, p=4, capacity=capacity)
    found = solve(problem, gap=1e-3)
    load = np.bincount(found.assigned, weights, minlength=10)
    assert (load <= capacity + 1e-9).all()
    assert found.objective >= solve(problem_of(cost, weights, p=4)).objective
    assert found.bound <= found.objective


def test_what_means_nothing_to_it_is_refused():
    cost, weights = towns(6, 3)
    fair = problem_of(cost, weights, p=1, groups=np.zeros(6, dtype=int), share_floor=0.5)
    with pytest.raises(ParameterError, match="equity goes with maximal_covering"):
        solve(fair)
    both = problem_of(cost, weights, p=1, capacity=np.ones(3), scenarios=weights[None])
    with pytest.raises(ParameterError, match="capacity or scenarios"):
        solve(both)
    with pytest.raises(ParameterError, match="need costs"):
        solve(dataclasses.replace(fair, costs=None, share_floor=0.0))


def test_the_budget_is_kept():
    problem = problem_of(*towns(30, 8), budget=9.0, site_cost=np.arange(1.0, 9.0))
    found = solve(problem)
    assert problem.site_cost[found.chosen].sum() <= 9


def test_ctrl_c_between_two_steps_keeps_the_bound_so_far(monkeypatch):
    calls = []

    def interrupt(*_arrays):
        calls.append(1)
        if len(calls) == 5:
            raise KeyboardInterrupt

    monkeypatch.setattr("geocn.coverage.locate_median_bound.times_served", interrupt)
    found = solve(problem_of(*towns(), p=7))
    assert found.status == "interrupted"
    assert 0 < found.bound < found.objective
