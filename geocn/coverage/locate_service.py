"""Who may serve each demand row, cheapest first; the common ground of p-median and p-centre."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array

from geocn._typing import BoolArray, FloatArray, IntArray
from geocn.coverage.locate_problem import Problem
from geocn.errors import InfeasibleError, ParameterError

NOBODY_SERVES_ALL = "no choice of sites serves all demand"


@dataclass(frozen=True)
class Service:
    """Demand row ``rows[i]`` may be served by ``site[start[i]:start[i + 1]]`` at ``cost``.

    Only rows that must be served are here, and no forbidden sites.
    """

    rows: IntArray
    start: IntArray
    site: IntArray
    cost: FloatArray
    n_sites: int

    @property
    def owner(self) -> IntArray:
        """Position in ``rows`` of each entry."""
        return np.asarray(np.repeat(np.arange(len(self.rows)), np.diff(self.start)))

    @property
    def unreachable(self) -> IntArray:
        """Demand rows that no candidate can serve."""
        return np.asarray(self.rows[self.start[1:] == self.start[:-1]], dtype=np.int64)

    def dearest(self) -> FloatArray:
        """Cost of each row at the candidate that serves it dearest; 0 where none can."""
        found = np.zeros(len(self.rows))
        has = np.diff(self.start) > 0
        found[has] = self.cost[self.start[1:][has] - 1]
        return found

    def nearest(self, open_: BoolArray) -> tuple[IntArray, FloatArray]:
        """Cheapest open site of each row and its cost; -1 and infinite where none can serve."""
        at = np.flatnonzero(open_[self.site])
        row, first = np.unique(self.owner[at], return_index=True)
        site, cost = np.full(len(self.rows), -1), np.full(len(self.rows), np.inf)
        site[row], cost[row] = self.site[at[first]], self.cost[at[first]]
        return site, cost

    def table(self, chosen: IntArray) -> FloatArray:
        """Cost of each row at each of some sites, infinite where they cannot serve it."""
        column = np.full(self.n_sites, -1)
        column[chosen] = np.arange(len(chosen))
        at = np.flatnonzero(column[self.site] >= 0)
        found = np.full((len(self.rows), len(chosen)), np.inf)
        found[self.owner[at], column[self.site[at]]] = self.cost[at]
        return found

    def keep(self, entries: BoolArray) -> Service:
        """Return the service with some of the entries only."""
        start = np.concatenate([[0], np.cumsum(entries)])[self.start]
        return Service(self.rows, start, self.site[entries], self.cost[entries], self.n_sites)


def service_of(problem: Problem, wanted: BoolArray) -> Service:
    """List who can serve each wanted row, cheapest first (ties by candidate)."""
    if problem.costs is None:
        raise ParameterError("p_median and p_center need costs: give geometries or costs")
    spent = float(problem.site_cost[problem.existing].sum())
    if problem.budget is not None and spent > problem.budget * (1 + 1e-9) + 1e-9:
        raise InfeasibleError(
            f"the budget of {problem.budget:g} does not pay for what exists: {spent:g}"
        )
    rows = np.flatnonzero(wanted)
    if isinstance(problem.costs, csr_array):
        return _of_sparse(problem, problem.costs[rows], rows)
    full = np.array(np.asarray(problem.costs)[rows])
    full[:, problem.forbidden] = np.inf
    if problem.reach is not None:
        full[problem.reach[rows].toarray() == 0] = np.inf
    order = np.argsort(full, axis=1, kind="stable")
    full.sort(axis=1, kind="stable")
    kept = np.isfinite(full)
    start = np.concatenate([[0], np.cumsum(kept.sum(axis=1))]).astype(np.int64)
    return Service(rows, start, order[kept], full[kept], problem.n_sites)


def _of_sparse(problem: Problem, costs: csr_array, rows: IntArray) -> Service:
    at = costs.tocoo()
    row, site = (part.astype(np.int64) for part in at.coords)
    kept = np.isfinite(at.data) & ~problem.forbidden[site]
    if problem.reach is not None:
        reach = problem.reach[rows].tocoo()
        pairs = reach.coords[0].astype(np.int64) * problem.n_sites + reach.coords[1]
        kept &= np.isin(row * problem.n_sites + site, pairs[reach.data != 0])
    row, site, cost = row[kept], site[kept], at.data[kept].astype(np.float64)
    order = np.lexsort((site, cost, row))
    start = np.concatenate([[0], np.cumsum(np.bincount(row, minlength=len(rows)))])
    return Service(rows, start.astype(np.int64), site[order], cost[order], problem.n_sites)


def clash_table(problem: Problem) -> BoolArray:
    """Who may not stand beside whom, as a square; of shape (0, 0) where all may."""
    if not len(problem.clashes):
        return np.zeros((0, 0), dtype=bool)
    found = np.zeros((problem.n_sites, problem.n_sites), dtype=bool)
    found[problem.clashes[:, 0], problem.clashes[:, 1]] = True
    return found | found.T


def scenarios_of(problem: Problem) -> tuple[FloatArray, FloatArray]:
    """Weights by scenario, (s, n), and their probabilities; one certain one without any."""
    if problem.scenarios is None:
        return problem.weights[None], np.ones(1)
    given = problem.scenario_weights
    shares = np.ones(len(problem.scenarios)) if given is None else given
    return problem.scenarios, np.asarray(shares / shares.sum(), dtype=np.float64)


def nearest_of_all(problem: Problem, open_: BoolArray) -> IntArray:
    """Cheapest open site of every demand row, -1 where none can serve it."""
    service = service_of(problem, np.ones(problem.n_demand, dtype=bool))
    return service.nearest(open_)[0]


def in_order(
    service: Service, chosen: IntArray, n_first: int, value: Callable[[FloatArray], float]
) -> tuple[IntArray, FloatArray]:
    """Sort sites by what each takes off the value beside those before it; the first stay first.

    ``value`` is that of the costs of the rows. Before any site is open, each row counts at
    the candidate that serves it dearest.
    """
    cost, now = service.table(chosen), service.dearest()
    left, order, gains = list(range(len(chosen))), [], []
    worth = value(now) if len(now) else 0.0
    for place in range(len(chosen)):
        those = [k for k in left if k < n_first] if place < n_first else left
        after = [value(np.minimum(now, cost[:, k])) if len(now) else 0.0 for k in those]
        best = those[int(np.argmin(after))]
        gains.append(worth - min(after))
        order.append(best)
        left.remove(best)
        now, worth = np.minimum(now, cost[:, best]), min(after)
    return chosen[np.array(order, dtype=np.int64)], np.array(gains)
