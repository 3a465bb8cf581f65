"""The p-median against brute force, OR-Library and San Francisco."""


import numpy as np
import pytest
from hypothesis import given

from geocn.coverage.locate_median import p_median
from geocn.coverage.locate_problem import Limits
from geocn.errors import InfeasibleError
from tests.coverage.siting import best_of_all, dense, problems, tail_mean

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
