"""What a choice of sites is worth: whom it serves, its value, and what each site adds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array

from geocn._typing import BoolArray, FloatArray, IntArray
from geocn.coverage.locate_cover_model import Aim, floors, loads
from geocn.coverage.locate_problem import Problem


@dataclass(frozen=True)
class Service:
    """Which sites are open, and which serves each demand row first and second; -1 for none."""

    chosen: IntArray
    first: IntArray
    second: IntArray


def serve_freely(pattern: csr_array, chosen: IntArray) -> Service:
    """Have the first two of ``chosen`` that can serve a row do so."""
    place = np.full(pattern.shape[1], -1, dtype=np.int64)
    place[chosen] = np.arange(len(chosen))
    row = np.repeat(np.arange(pattern.shape[0]), np.diff(pattern.indptr))
    order = place[pattern.indices]
    row, order = row[order >= 0], order[order >= 0]
    by = np.lexsort((order, row))
    row, order = row[by], order[by]
    begins = np.diff(row, prepend=-1) != 0
    follows = np.zeros(len(row), dtype=bool)
    follows[1:] = begins[:-1] & ~begins[1:]
    first, second = (np.full(pattern.shape[0], -1, dtype=np.int64) for _ in range(2))
    first[row[begins]] = chosen[order[begins]]
    second[row[follows]] = chosen[order[follows]]
    return Service(chosen, first, second)


def serve_within_capacity(
    problem: Problem, pattern: csr_array, chosen: IntArray, *, twice: bool
) -> Service:
    """Give rows, heaviest first, to the open site with the most capacity left."""
    weights = np.array(loads(problem))
    left = np.tile(np.zeros(problem.n_sites), (len(weights), 1))
    if problem.capacity is not None:
        left[:, chosen] = problem.capacity[chosen]
    open_ = np.zeros(problem.n_sites, dtype=bool)
    open_[chosen] = True
    covers = [np.full(problem.n_demand, -1, dtype=np.int64) for _ in range(2)]
    for cover in covers[: 1 + twice]:
        for i in np.argsort(-weights.max(axis=0), kind="stable"):
            sites = pattern.indices[pattern.indptr[i] : pattern.indptr[i + 1]]
            sites = sites[open_[sites] & (sites != covers[0][i])]
            fits = sites[(left[:, sites] >= weights[:, i, None]).all(axis=0)]
            if len(fits) and (cover is covers[0] or covers[0][i] >= 0):
                cover[i] = fits[np.argmax(left[:, fits].min(axis=0))]
                left[:, cover[i]] -= weights[:, i]
    return Service(chosen, *covers)


def value_of(problem: Problem, aim: Aim, service: Service) -> float:
    """Return what a service is worth in the objective's unit."""
    if aim.all_rows:
        return float(problem.site_cost[service.chosen].sum())
    once, twice = service.first >= 0, service.second >= 0
    return float(_weigh(problem, aim.first * once + aim.second * twice))


def _weigh(problem: Problem, cover: FloatArray) -> float:
    if problem.scenarios is None or problem.risk == "expected":
        return float(problem.weights @ cover)
    values = problem.scenarios @ cover
    if problem.risk == "minimax":
        return float(values.min())
    chance = np.zeros(0) if problem.scenario_weights is None else problem.scenario_weights
    order = np.argsort(values, kind="stable")
    tail = 1 - problem.cvar_level
    before = np.concatenate([[0.0], np.cumsum(chance[order])[:-1]])
    part = np.clip(tail - before, 0, chance[order])
    return float(part @ values[order] / part.sum())


def keeps_rules(problem: Problem, aim: Aim, service: Service) -> bool:
    """Say whether a service keeps to every rule, its floors and whole cover included."""
    served = service.first >= 0
    if not problem.is_affordable(service.chosen):
        return False
    if aim.all_rows and problem.groups is None and not served.all():
        return False
    if problem.groups is not None:
        asked = floors(problem)
        covered = np.bincount(problem.groups[served], problem.weights[served], minlength=len(asked))
        if (covered < asked).any():
            return False
    return True


def in_order(problem: Problem, aim: Aim, service: Service) -> tuple[IntArray, FloatArray]:
    """Order sites by marginal gain, existing ones first; return what each adds to the value.

    Where every row must be covered, a site adds the weight that it newly covers.
    """
    pattern = problem.catchments()
    order = _order(problem, aim, service, pattern)
    gains, cover = np.zeros(len(order)), np.zeros(problem.n_demand, dtype=np.int64)
    before = 0.0
    by_site = _by_site(problem, service, pattern)
    worth = (1.0, 0.0) if aim.all_rows else (aim.first, aim.second)
    for place, j in enumerate(order):
        cover[by_site[int(j)]] += 1
        value = _weigh(problem, worth[0] * (cover > 0) + worth[1] * (cover > 1))
        gains[place], before = value - before, value
    return order, gains


def _by_site(problem: Problem, service: Service, pattern: csr_array) -> dict[int, IntArray]:
    """Rows that each open site covers, or serves where capacities say whom."""
    if problem.capacity is not None:
        return {
            int(j): np.flatnonzero((service.first == j) | (service.second == j))
            for j in service.chosen
        }
    wanted = np.zeros(problem.n_sites, dtype=bool)
    wanted[service.chosen] = True
    row = np.repeat(np.arange(problem.n_demand), np.diff(pattern.indptr))
    kept = wanted[pattern.indices]
    row, site = row[kept], pattern.indices[kept]
    return {int(j): row[site == j] for j in service.chosen}


def _order(problem: Problem, aim: Aim, service: Service, pattern: csr_array) -> IntArray:
    weights = problem.weights if problem.scenarios is None else problem.scenarios.sum(axis=0)
    by_site = _by_site(problem, service, pattern)
    worth = np.array([1.0, 0.0, 0.0] if aim.all_rows else [aim.first, aim.second, 0.0])
    cover = np.zeros(problem.n_demand, dtype=np.int64)
    left = [int(j) for j in np.sort(service.chosen)]
    order: list[int] = []
    while left:
        standing = [j for j in left if problem.existing[j]] or left
        gains = [
            float(weights[by_site[j]] @ worth[np.minimum(cover[by_site[j]], 2)]) for j in standing
        ]
        best = standing[int(np.argmax(gains))]
        order.append(best)
        left.remove(best)
        cover[by_site[best]] += 1
    return np.array(order, dtype=np.int64)


def without_idle(
    problem: Problem, aim: Aim, service: Service, order: IntArray, gains: FloatArray
) -> BoolArray:
    """Say which sites of an order are worth opening: those that exist, or that add anything."""
    if aim.all_rows:
        return np.ones(len(order), dtype=bool)
    if problem.capacity is not None:
        used = np.union1d(service.first, service.second)
        return np.asarray(problem.existing[order] | np.isin(order, used))
    if problem.risk != "expected":
        return np.ones(len(order), dtype=bool)
    return np.asarray(problem.existing[order] | (gains > 0))
