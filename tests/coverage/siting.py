"""Small siting problems, and every choice of sites tried one by one."""

import itertools

import numpy as np
import pandas as pd
from hypothesis import strategies as st
from scipy.sparse import csr_array

from geocn.coverage.locate_problem import Problem


def problem_of(costs, weights, **options):
    """A problem on plain arrays; sites cost 1 each."""
    m = costs.shape[1]
    plain = {
        "reach": None,
        "site_cost": np.ones(m),
        "existing": np.zeros(m, dtype=bool),
        "forbidden": np.zeros(m, dtype=bool),
        "clashes": np.empty((0, 2), dtype=np.int64),
    }
    return Problem(weights=np.asarray(weights, dtype=float), costs=costs, **(plain | options))


def san_francisco(reference):
    """Metres from 205 tracts to 16 stores, and the people of the tracts (spopt's own data)."""
    folder = reference / "coverage" / "spopt"
    table = pd.read_csv(folder / "SF_network_distance_candidateStore_16_censusTract_205_new.csv")
    cost = table.pivot_table(values="distance", index="DestinationName", columns="name")
    people = table.drop_duplicates("DestinationName").set_index("DestinationName")["demand"]
    return cost.to_numpy(), people.loc[cost.index].to_numpy(dtype=float)


def dense(problem):
    """Costs as a full matrix, infinite where a site cannot serve."""
    if not isinstance(problem.costs, csr_array):
        return np.asarray(problem.costs)
    found = np.full(problem.costs.shape, np.inf)
    at = problem.costs.tocoo()
    found[at.coords] = at.data
    return found


def least_assignment(costs, weights, capacity, value):
    """The least value of all assignments, each row whole, within capacities."""
    n, k = costs.shape
    best = np.inf
    for sites in itertools.product(range(k), repeat=n):
        load = np.bincount(sites, weights, minlength=k)
        if (load <= capacity + 1e-9).all():
            best = min(best, value(costs[np.arange(n), list(sites)]))
    return best


def best_of_all(problem, value):
    """The least ``value(costs of the rows that weigh something)`` of all choices of sites."""
    costs = dense(problem)
    needed = problem.weights > 0
    if problem.scenarios is not None:
        needed = (problem.scenarios > 0).any(axis=0)
    best = np.inf
    for size in range(problem.n_sites + 1):
        for subset in itertools.combinations(range(problem.n_sites), size):
            chosen = np.array(subset, dtype=int)
            if not problem.is_affordable(chosen) or not needed.any():
                continue
            part = costs[np.ix_(needed, chosen)]
            if problem.capacity is None:
                best = min(best, value(part.min(axis=1, initial=np.inf)))
            elif size:
                room = problem.capacity[chosen]
                best = min(best, least_assignment(part, problem.weights[needed], room, value))
    return best


def tail_mean(totals, shares, level):
    """Mean of the worst ``1 - level`` of the probability, cut where it ends within one."""
    left, total = 1 - level, 0.0
    for s in np.argsort(-totals):
        part = min(left, shares[s])
        total, left = total + part * totals[s], left - part
    return total / (1 - level)


@st.composite
def problems(draw, *, n_most=6, m_most=5, with_capacity=False, with_scenarios=False):
    """Random small problems with any mix of rules; many of them cannot be met."""
    n, m = draw(st.integers(1, n_most)), draw(st.integers(1, m_most))
    numbers = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    # Few distinct costs, so that ties are met with.
    costs = numbers.integers(0, draw(st.sampled_from([3, 20])), (n, m)).astype(float)
    if draw(st.booleans()):
        costs = costs * 1.3 + numbers.uniform(0, 1, (n, m))
    options = {"weights": numbers.integers(0, 4, n).astype(float)}
    absent = numbers.uniform(size=(n, m)) < draw(st.sampled_from([0.0, 0.0, 0.2, 0.5]))
    costs[absent] = np.inf
    if draw(st.booleans()):
        at = np.nonzero(np.isfinite(costs))
        pointer = np.concatenate([[0], np.cumsum(np.isfinite(costs).sum(axis=1))])
        costs = csr_array((costs[at], at[1], pointer), shape=(n, m))
    mark = numbers.uniform(size=m)
    options["existing"] = mark < draw(st.sampled_from([0.0, 0.25]))
    options["forbidden"] = mark > draw(st.sampled_from([1.0, 0.8]))
    options["site_cost"] = np.where(options["existing"], 0.0, numbers.integers(0, 5, m))
    kind = draw(st.sampled_from(["p", "budget", "both"]))
    if kind != "budget":
        options["p"] = max(draw(st.integers(1, m)), int(options["existing"].sum()))
    if kind != "p":
        options["budget"] = float(draw(st.integers(0, 3 * m)))
    if draw(st.booleans()):
        pairs = [(a, b) for a in range(m) for b in range(a + 1, m) if numbers.uniform() < 0.25]
        pairs = [(a, b) for a, b in pairs if not options["existing"][[a, b]].all()]
        options["clashes"] = np.array(pairs, dtype=np.int64).reshape(-1, 2)
    if with_capacity:
        options["capacity"] = numbers.integers(0, 9, m).astype(float)
    if with_scenarios:
        options["scenarios"] = numbers.integers(0, 4, (3, n)).astype(float)
        options["scenario_weights"] = np.array([0.5, 0.3, 0.2])
        options["weights"] = options["scenario_weights"] @ options["scenarios"]
        options["risk"] = draw(st.sampled_from(["expected", "minimax", "cvar"]))
        options["cvar_level"] = draw(st.sampled_from([0.0, 0.5, 0.7]))
    return problem_of(costs, **options)
