"""Siting the dumb way: every subset of the candidates, every way to serve."""

from __future__ import annotations

from itertools import combinations, product

import numpy as np


def subsets(problem):
    """Every choice that keeps to number, budget, separation, existing and forbidden."""
    m = len(problem.site_cost)
    for size in range(m + 1):
        for chosen in combinations(range(m), size):
            if problem.is_affordable(np.array(chosen, dtype=np.int64)):
                yield chosen


def services(problem, chosen, *, twice):
    """Every (first, second) cover that capacities allow; the fullest one without them."""
    reach = problem.catchments().toarray() > 0
    n = len(problem.weights)
    if problem.capacity is None:
        count = reach[:, list(chosen)].sum(axis=1)
        yield count > 0, count > 1
        return
    loads = problem.scenarios if problem.scenarios is not None else problem.weights[None]
    options = []
    for i in range(n):
        near = [j for j in chosen if reach[i, j]]
        options.append([(), *((j,) for j in near), *(combinations(near, 2) if twice else ())])
    for served in product(*options):
        load = np.zeros((len(loads), len(problem.site_cost)))
        for i, sites in enumerate(served):
            for j in sites:
                load[:, j] += loads[:, i]
        if (load <= problem.capacity + 1e-9).all():
            count = np.array([len(sites) for sites in served])
            yield count > 0, count > 1


def worth(problem, cover):
    """Value of a cover under the risk that the problem states."""
    if problem.scenarios is None or problem.risk == "expected":
        return float(problem.weights @ cover)
    values = problem.scenarios @ cover
    if problem.risk == "minimax":
        return float(values.min())
    # The worst share of the probability, counted off in slices of a thousandth.
    order = np.argsort(values)
    slices = np.repeat(values[order], np.round(problem.scenario_weights[order] * 1000).astype(int))
    return float(slices[: round(1000 * (1 - problem.cvar_level))].mean())


def meets_floors(problem, once):
    """Whether each group's covered share reaches the floor."""
    if problem.groups is None:
        return True
    for group in np.unique(problem.groups):
        rows = problem.groups == group
        weights = problem.weights[rows]
        if weights @ once[rows] < problem.share_floor * weights.sum() - 1e-9:
            return False
    return True


def best_value(problem, objective):
    """The optimum by enumeration, or None where nothing is feasible."""
    best = None
    for chosen in subsets(problem):
        cost = float(problem.site_cost[list(chosen)].sum())
        for once, twice in services(problem, chosen, twice=objective == "backup_cover"):
            if not meets_floors(problem, once):
                continue
            if objective == "set_covering":
                if problem.groups is None and not once.all():
                    continue
                value = -cost
            elif objective == "backup_cover":
                s = problem.second_cover
                value = worth(problem, (1 - s) * once + s * twice)
            else:
                value = worth(problem, once.astype(float))
            best = value if best is None else max(best, value)
    return -best if best is not None and objective == "set_covering" else best
