"""The p-median as rows: by radius, and by assignment where sites have a capacity."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_array, csr_array

from geocn._typing import BoolArray, FloatArray, IntArray
from geocn.coverage._highs import Programme
from geocn.coverage.locate_problem import Problem
from geocn.coverage.locate_service import Service, scenarios_of


@dataclass(frozen=True)
class Rule:
    """Sites that may open, and sites that are open; all others are closed."""

    may: BoolArray
    forced: BoolArray


@dataclass
class Rows:
    """Rows of a programme, gathered piece by piece; the sites are its first columns."""

    n_columns: int
    row: list[IntArray]
    column: list[IntArray]
    value: list[FloatArray]
    lower: list[FloatArray]
    upper: list[FloatArray]
    n_rows: int = 0

    @classmethod
    def beside(cls, problem: Problem, n_more: int) -> Rows:
        """Begin with what binds the sites: their number, the budget, the separation."""
        found = cls(problem.n_sites + n_more, [], [], [], [], [])
        sites = np.arange(problem.n_sites)
        ones = np.ones(len(sites))
        if problem.p is not None:
            found.add(0 * sites, sites, ones, -np.inf, np.array([float(problem.p)]))
        if problem.budget is not None:
            limit = np.array([problem.budget * (1 + 1e-9)])
            found.add(0 * sites, sites, problem.site_cost, -np.inf, limit)
        if len(problem.clashes):
            pair = np.repeat(np.arange(len(problem.clashes)), 2)
            at_most = np.ones(len(problem.clashes))
            found.add(pair, problem.clashes.ravel(), np.ones(len(pair)), -np.inf, at_most)
        return found

    def add(
        self,
        row: IntArray,
        column: IntArray,
        value: FloatArray,
        lower: FloatArray | float,
        upper: FloatArray | float,
    ) -> None:
        """Add rows 0, 1, …: as many as the longer of both limits has."""
        n = np.broadcast(lower, upper).size
        self.row.append(row + self.n_rows)
        self.column.append(column)
        self.value.append(value)
        self.lower.append(np.broadcast_to(lower, n))
        self.upper.append(np.broadcast_to(upper, n))
        self.n_rows += n

    def programme(
        self,
        cost: FloatArray,
        lower: FloatArray,
        upper: FloatArray,
        integer: BoolArray,
        offset: float,
    ) -> Programme:
        """Minimise a cost over the rows."""
        parts = (self.row, self.column, self.value, self.lower, self.upper)
        row, column, value, low, high = (np.concatenate([*part, []]) for part in parts)
        at = row.astype(np.int64), column.astype(np.int64)
        matrix = csr_array(coo_array((value, at), shape=(self.n_rows, self.n_columns)))
        return Programme(cost, lower, upper, integer, matrix, low, high, False, offset)


@dataclass(frozen=True)
class Levels:
    """The distinct costs of each row, from cheap to dear, up to the first site that stays open.

    ``beyond[k]`` is the column that says that nobody within level k is open, -1 at the last
    level of a row; levels with the same sites within share one.
    """

    row: IntArray
    cost: FloatArray
    entry_level: IntArray
    entry_site: IntArray
    beyond: IntArray
    n_beyond: int

    @property
    def is_first(self) -> BoolArray:
        """Whether a level is the cheapest of its row."""
        return np.concatenate([[True], self.row[1:] != self.row[:-1]])[: len(self.row)]

    def base(self, weight: FloatArray) -> float:
        """Cost if every row were served at its cheapest level."""
        first = self.is_first
        return float(weight[self.row[first]] @ self.cost[first])

    def rise(self, weight: FloatArray) -> FloatArray:
        """Cost that is added for each column of ``beyond``."""
        at = np.flatnonzero(self.beyond >= 0)
        more = weight[self.row[at]] * (self.cost[at + 1] - self.cost[at])
        return np.bincount(self.beyond[at], more, self.n_beyond).astype(np.float64)


def levels_of(service: Service, forced: BoolArray) -> Levels:
    """Cut each row at the first site that is open anyway, and find its levels."""
    owner, site = service.owner, service.site
    n_forced = np.cumsum(forced[site])
    before = (
        np.concatenate([[0], n_forced])[:-1] - np.concatenate([[0], n_forced])[service.start[owner]]
    )
    kept = before == 0
    owner, site, cost = owner[kept], site[kept], service.cost[kept]
    new = np.ones(len(owner), dtype=bool)
    new[1:] = (owner[1:] != owner[:-1]) | (cost[1:] != cost[:-1])
    first = np.flatnonzero(new)
    last = np.concatenate([first[1:], [len(owner)]])[: len(first)] - 1
    row = owner[first]
    is_last = np.concatenate([row[1:] != row[:-1], [True]])[: len(row)]
    # A set of sites is told by the exclusive or of random words, one a site, and its size.
    words = np.random.default_rng(0).integers(0, 2**63, service.n_sites)
    running = np.concatenate([[0], np.bitwise_xor.accumulate(words[site])])
    start = np.searchsorted(owner, row)
    key = np.column_stack([running[last + 1] ^ running[start], last - start])
    beyond = np.full(len(row), -1)
    unique, beyond[~is_last] = np.unique(key[~is_last], axis=0, return_inverse=True)
    return Levels(row, cost[first], np.cumsum(new) - 1, site, beyond, len(unique))


def add_levels(rows: Rows, levels: Levels, n_sites: int) -> None:
    """Say for each level: open within it, or nobody within, or already nobody nearer.

    Cornuéjols, Nemhauser & Wolsey 1980 (doi:10.1137/0601030), in the sparse form of García,
    Labbé & Marín 2011 (doi:10.1287/ijoc.1100.0418): a level names its own sites only.
    """
    n = len(levels.row)
    first = levels.is_first
    # One row is enough for each column, however many demand rows share it.
    needed = levels.beyond < 0
    needed[np.unique(levels.beyond, return_index=True)[1]] = True
    needed |= levels.beyond < 0
    number = np.cumsum(needed) - 1
    entries = needed[levels.entry_level]
    own = np.flatnonzero(needed & (levels.beyond >= 0))
    nearer = np.flatnonzero(needed & ~first)
    parts = (
        (number[levels.entry_level[entries]], levels.entry_site[entries], 1.0),
        (number[own], n_sites + levels.beyond[own], 1.0),
        (number[nearer], n_sites + levels.beyond[nearer - 1], -1.0),
    )
    rows.add(
        np.concatenate([part[0] for part in parts]),
        np.concatenate([part[1] for part in parts]),
        np.concatenate([np.full(len(part[0]), part[2]) for part in parts]),
        first[:n][needed].astype(np.float64),
        np.inf,
    )


def radius_programme(
    problem: Problem, service: Service, weights: FloatArray, rule: Rule
) -> Programme:
    """Minimise the total cost."""
    levels = levels_of(service, rule.forced)
    rows = Rows.beside(problem, levels.n_beyond)
    add_levels(rows, levels, problem.n_sites)
    weight = weights[service.rows]
    cost = np.concatenate([np.zeros(problem.n_sites), levels.rise(weight)])
    return rows.programme(cost, *sites_first(rule, levels.n_beyond), levels.base(weight))


def risk_programme(problem: Problem, service: Service, rule: Rule) -> Programme:
    """Minimise the total cost of the worst scenario, or the mean of the worst share of them.

    The latter with one column for the value at risk and one for each scenario's excess over
    it (Rockafellar & Uryasev 2000, doi:10.21314/JOR.2000.038).
    """
    scenarios, shares = scenarios_of(problem)
    levels = levels_of(service, rule.forced)
    n_scenarios, n_sites, n_beyond = len(scenarios), problem.n_sites, levels.n_beyond
    is_tail = problem.risk == "cvar"
    n_more = 1 + (n_scenarios if is_tail else 0)
    rows = Rows.beside(problem, n_beyond + n_more)
    add_levels(rows, levels, n_sites)
    level_at = n_sites + n_beyond
    base = np.array([levels.base(weight[service.rows]) for weight in scenarios])
    for s, weight in enumerate(scenarios):
        rise = levels.rise(weight[service.rows])
        own = [level_at, level_at + 1 + s] if is_tail else [level_at]
        column = np.concatenate([n_sites + np.arange(n_beyond), own])
        value = np.concatenate([-rise, np.ones(len(own))])
        rows.add(np.zeros(len(column), dtype=np.int64), column, value, base[s : s + 1], np.inf)
    tail = shares / (1 - problem.cvar_level) if is_tail else np.zeros(0)
    cost = np.concatenate([np.zeros(level_at), [1.0], tail])
    lower, upper, integer = sites_first(rule, n_beyond + n_more)
    upper[level_at:] = np.inf
    return rows.programme(cost, lower, upper, integer, 0.0)


def assignment_programme(
    problem: Problem, service: Service, worth: FloatArray, weights: FloatArray, rule: Rule
) -> Programme:
    """Serve each row by one site, whole, within capacities, at the least ``worth`` × cost."""
    unlimited = np.full(problem.n_sites, np.inf)
    capacity = unlimited if problem.capacity is None else problem.capacity
    n_pairs, n_sites, n_rows = len(service.site), problem.n_sites, len(service.rows)
    weight, owner, pair = weights[service.rows], service.owner, np.arange(n_pairs)
    rows = Rows.beside(problem, n_pairs)
    rows.add(owner, n_sites + pair, np.ones(n_pairs), np.ones(n_rows), 1.0)
    sites = np.arange(n_sites)
    limited = np.isfinite(capacity)
    load = limited[service.site]
    rows.add(
        np.concatenate([service.site[load], sites[limited]]),
        np.concatenate([n_sites + pair[load], sites[limited]]),
        np.concatenate([weight[owner[load]], -capacity[limited]]),
        -np.inf,
        np.zeros(n_sites),
    )
    rows.add(
        np.concatenate([pair, pair]),
        np.concatenate([n_sites + pair, service.site]),
        np.repeat([1.0, -1.0], n_pairs),
        -np.inf,
        np.zeros(n_pairs),
    )
    cost = np.concatenate([np.zeros(n_sites), worth[service.rows][owner] * service.cost])
    lower, upper, integer = sites_first(rule, n_pairs)
    integer[:] = True
    return rows.programme(cost, lower, upper, integer, 0.0)


def sites_first(rule: Rule, n_more: int) -> tuple[FloatArray, FloatArray, BoolArray]:
    """Lower and upper bounds and integrality: sites, then columns from 0 to 1 as they come."""
    lower = np.concatenate([rule.forced.astype(np.float64), np.zeros(n_more)])
    upper = np.concatenate([(rule.may | rule.forced).astype(np.float64), np.ones(n_more)])
    integer = np.concatenate([np.ones(len(rule.may), dtype=bool), np.zeros(n_more, dtype=bool)])
    return lower, upper, integer
