"""The p-centre against brute force and San Francisco."""

import numpy as np
import pytest
from hypothesis import given

from geocn.coverage._highs import Solved
from geocn.coverage.locate_center import p_center, weighted_p_center
from geocn.coverage.locate_problem import Limits
from geocn.errors import InfeasibleError, ParameterError
from tests.coverage.siting import best_of_all, dense, problem_of, problems, san_francisco


def check(problem, solver, factor):
    best = best_of_all(problem, lambda cost: (cost * factor).max())
    limits = Limits(20, 0)
    if not np.isfinite(best) and len(factor):
        with pytest.raises(InfeasibleError):
            solver(problem, limits)
        return
    found = solver(problem, limits)
    assert found.objective == (pytest.approx(best) if len(factor) else 0.0)
    assert found.bound == found.objective
    assert found.status == "optimal"
    assert problem.is_affordable(found.chosen)
    rows = np.flatnonzero(problem.weights > 0)
    paid = dense(problem)[rows, found.assigned[rows]]
    assert np.isin(found.assigned[rows], found.chosen).all()
    assert (paid * factor).max(initial=0.0) == pytest.approx(found.objective)


@given(problems())
def test_brute_force_agrees_under_every_rule(problem):
    check(problem, p_center, np.ones(int((problem.weights > 0).sum())))


@given(problems())
def test_brute_force_agrees_with_weights(problem):
    check(problem, weighted_p_center, problem.weights[problem.weights > 0])


@given(problems(n_most=5, m_most=4, with_capacity=True))
def test_brute_force_agrees_with_capacities(problem):
    check(problem, p_center, np.ones(int((problem.weights > 0).sum())))


@pytest.mark.reference
def test_san_francisco(reference):
    cost, weights = san_francisco(reference)
    found = p_center(problem_of(cost, weights, p=4), Limits(20, 0))
    assert found.objective == pytest.approx(7403.0638, abs=1e-4)
    assert sorted(found.chosen) == [1, 3, 5, 15]
    assert found.status == "optimal"


def towns(n=150, m=60, seed=0):
    numbers = np.random.default_rng(seed)
    at, where = numbers.uniform(0, 100, (n, 2)), numbers.uniform(0, 100, (m, 2))
    cost = np.hypot(*(at[:, None] - where).transpose(2, 0, 1))
    return cost, numbers.integers(1, 900, n).astype(float)


def test_more_sites_never_make_it_worse_and_sites_left_over_lower_the_total():
    cost, weights = towns(60, 20)
    found = [p_center(problem_of(cost, weights, p=p), Limits(20, 0)) for p in range(1, 21)]
    largest = [one.objective for one in found]
    assert largest == sorted(largest, reverse=True)
    assert largest[-1] == cost.min(axis=1).max()
    # All 20 are wanted for the total, far fewer for the largest cost alone.
    assert len(found[-1].chosen) == len(np.unique(cost.argmin(axis=1)))


def test_a_bound_that_is_cut_short_still_bounds():
    problem = problem_of(*towns(), p=8)
    best = p_center(problem, Limits(20, 0))
    for seconds in (1e-9, 0.05):
        hasty = p_center(problem, Limits(seconds, 0))
        assert hasty.bound <= best.objective <= hasty.objective
        assert hasty.status in {"time limit", "optimal"}


def test_ctrl_c_gives_the_best_answer_so_far(monkeypatch):
    def interrupt(*_args, **_options):
        raise KeyboardInterrupt

    monkeypatch.setattr("geocn.coverage.locate_center._highs.solve", interrupt)
    found = p_center(problem_of(*towns(), p=8), Limits(20, 0))
    assert found.status == "interrupted"
    assert found.bound <= found.objective


def test_ctrl_c_while_highs_searches_is_heard(monkeypatch):
    cut = Solved(None, np.inf, -np.inf, "interrupted")
    calls = []

    def search(*_args, **_options):
        calls.append(1)
        return cut

    monkeypatch.setattr("geocn.coverage.locate_center._highs.solve", search)
    found = p_center(problem_of(*towns(), p=8), Limits(20, 0))
    assert (found.status, len(calls)) == ("interrupted", 1)


def test_the_same_bytes_twice_and_the_same_cost_in_any_order():
    cost, weights = towns(60, 25)
    first, again = (p_center(problem_of(cost, weights, p=5), Limits(20, 0)) for _ in range(2))
    for name in ("chosen", "assigned", "gains"):
        assert getattr(first, name).tobytes() == getattr(again, name).tobytes()
    numbers = np.random.default_rng(1)
    rows, sites = numbers.permutation(60), numbers.permutation(25)
    mixed = problem_of(cost[np.ix_(rows, sites)], weights[rows], p=5)
    assert p_center(mixed, Limits(20, 0)).objective == first.objective


def test_rows_that_weigh_nothing_are_nobody():
    cost = np.array([[1.0, 9], [2, 9], [50, 60]])
    found = p_center(problem_of(cost, [1, 1, 0], p=1), Limits(20, 0))
    assert found.objective == 2
    assert found.assigned.tolist() == [0, 0, 0]


def test_what_means_nothing_to_it_is_refused():
    cost, weights = towns(6, 3)
    fair = problem_of(cost, weights, p=1, groups=np.zeros(6, dtype=int), share_floor=0.5)
    with pytest.raises(ParameterError, match="equity goes with maximal_covering"):
        p_center(fair, Limits(5, 0))
    with pytest.raises(ParameterError, match="scenarios go with"):
        p_center(problem_of(cost, weights, p=1, scenarios=weights[None]), Limits(5, 0))
