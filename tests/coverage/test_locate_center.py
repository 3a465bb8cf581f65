"""The p-centre against brute force and San Francisco."""

import numpy as np
import pytest
from hypothesis import given

from geocn.coverage.locate_center import p_center, weighted_p_center
from geocn.coverage.locate_problem import Limits
from geocn.errors import InfeasibleError
from tests.coverage.siting import best_of_all, dense, problems


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
