"""Covering against the enumeration of every subset, objective by objective, rule by rule."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array

from geocn.coverage.locate_covering import backup_cover, maximal_covering, set_covering
from geocn.coverage.locate_problem import Limits, Problem
from geocn.errors import InfeasibleError
from tests.coverage.oracle_siting import best_value, meets_floors, worth

SOLVERS = {
    "maximal_covering": maximal_covering,
    "set_covering": set_covering,
    "backup_cover": backup_cover,
}
RULES = (
    "none", "budget", "capacity", "existing", "forbidden", "separation", "expected",
    "minimax", "cvar", "equity", "all",
)  # fmt: skip


def random_problem(rng, rule, objective, n, m):
    has = {name: rule in (name, "all") for name in RULES}
    weights = rng.integers(0, 9, n).astype(float)
    if rng.random() < 0.3:
        weights = rng.random(n) * 5
    reach = rng.random((n, m)) < rng.uniform(0.2, 0.7)
    cost = rng.integers(1, 5, m).astype(float) if has["budget"] else np.ones(m)
    existing, forbidden = np.zeros(m, bool), np.zeros(m, bool)
    if has["existing"]:
        existing[rng.integers(m)] = True
        cost[existing] = 0
    if has["forbidden"]:
        forbidden[rng.integers(m)] = True
        forbidden &= ~existing
    clashes = np.empty((0, 2), np.int64)
    if has["separation"]:
        pairs = np.argwhere(np.triu(np.ones((m, m)), 1))
        clashes = pairs[rng.random(len(pairs)) < 0.4]
    risk = next((r for r in ("expected", "minimax", "cvar") if rule == r), None)
    risk = str(rng.choice(["minimax", "cvar"])) if rule == "all" else risk
    scenarios = chance = None
    if risk is not None:
        scenarios = rng.integers(0, 9, (3, n)).astype(float)
        chance = np.array([0.5, 0.3, 0.2])
        weights = chance @ scenarios
    p = int(rng.integers(max(1, existing.sum()), m + 1))
    return Problem(
        weights=weights,
        reach=csr_array(reach.astype(np.int8)),
        costs=None,
        site_cost=cost,
        existing=existing,
        forbidden=forbidden,
        clashes=clashes,
        p=None if objective == "set_covering" and rng.random() < 0.5 else p,
        budget=float(rng.integers(2, 9)) if has["budget"] else None,
        capacity=rng.integers(0, 16, m).astype(float) if has["capacity"] else None,
        groups=rng.integers(0, 2, n) if has["equity"] else None,
        share_floor=float(rng.choice([0.2, 0.5])) if has["equity"] else 0.0,
        scenarios=scenarios,
        scenario_weights=chance,
        risk=risk or "expected",
        cvar_level=0.6,
        second_cover=float(rng.choice([0.0, 0.3, 0.5, 0.8])),
    )


def check(problem, objective, solution):
    """The answer is allowed, worth what it says, and its bound holds."""
    reach = problem.catchments().toarray() > 0
    assert problem.is_affordable(solution.chosen)
    served = solution.assigned >= 0
    assert reach[np.flatnonzero(served), solution.assigned[served]].all()
    assert np.isin(solution.assigned[served], solution.chosen).all()
    if problem.capacity is not None and objective != "backup_cover":
        load = np.bincount(
            solution.assigned[served], problem.weights[served], minlength=problem.n_sites
        )
        assert (load <= problem.capacity + 1e-6).all()
    if problem.capacity is None:
        assert (served == reach[:, solution.chosen].any(axis=1)).all()
    assert meets_floors(problem, served)
    if objective == "maximal_covering":
        assert solution.objective == pytest.approx(worth(problem, served.astype(float)), abs=1e-6)
    if objective == "set_covering":
        assert solution.objective == pytest.approx(problem.site_cost[solution.chosen].sum())
    else:
        assert solution.gains.sum() == pytest.approx(solution.objective, abs=1e-6)


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("objective", SOLVERS)
@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 2**32 - 1))
def test_optimum_is_the_best_of_all_subsets(objective, rule, seed):
    rng = np.random.default_rng(seed)
    tight = rule in ("capacity", "all")
    n, m = (int(rng.integers(1, 5)), int(rng.integers(1, 4))) if tight else (8, 5)
    problem = random_problem(rng, rule, objective, n, m)
    best = best_value(problem, objective)
    if best is None:
        with pytest.raises(InfeasibleError):
            SOLVERS[objective](problem, Limits(20, 0.0))
        return
    solution = SOLVERS[objective](problem, Limits(20, 0.0))
    assert solution.objective == pytest.approx(best, abs=1e-6)
    assert solution.bound == pytest.approx(best, abs=1e-5)
    assert solution.status == "optimal"
    check(problem, objective, solution)


@pytest.mark.parametrize("objective", SOLVERS)
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 2**32 - 1), gap=st.sampled_from([0.02, 0.1, 0.5]))
def test_a_gap_is_honest(objective, gap, seed):
    rng = np.random.default_rng(seed)
    problem = random_problem(rng, "none", objective, 12, 8)
    best = best_value(problem, objective)
    if best is None:
        return
    solution = SOLVERS[objective](problem, Limits(20, gap))
    low, high = sorted([solution.objective, solution.bound])
    assert low - 1e-6 <= best <= high + 1e-6
    assert solution.gap <= gap
    check(problem, objective, solution)


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 2**32 - 1))
def test_order_of_rows_does_not_change_the_objective(seed):
    rng = np.random.default_rng(seed)
    problem = random_problem(rng, "none", "maximal_covering", 30, 12)
    order = rng.permutation(30)
    dense = problem.catchments().toarray()
    other = Problem(
        **vars(problem) | {"weights": problem.weights[order], "reach": csr_array(dense[order])}
    )
    one, two = (maximal_covering(each, Limits(20, 0.0)) for each in (problem, other))
    assert one.objective == pytest.approx(two.objective)
