"""Maximal covering, set covering and backup cover, by search and then by HiGHS."""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_array

from geocn._typing import BoolArray, FloatArray, IntArray
from geocn.coverage._highs import Solved, solve
from geocn.coverage.locate_cover_model import Aim, Model, build
from geocn.coverage.locate_net import Net, make_net
from geocn.coverage.locate_problem import (
    Limits,
    Problem,
    Solution,
    Status,
    relative_gap,
    status_of,
)
from geocn.coverage.locate_search import Search
from geocn.coverage.locate_set_search import SetSearch, close_idle
from geocn.coverage.locate_worth import (
    Service,
    in_order,
    keeps_rules,
    serve_freely,
    serve_within_capacity,
    value_of,
    without_idle,
)
from geocn.errors import InfeasibleError, ParameterError

_STOPPED: dict[str, Status] = {"time limit": "time limit", "interrupted": "interrupted"}


def maximal_covering(problem: Problem, limits: Limits) -> Solution:
    """Cover as much weight as possible (Church & ReVelle 1974, doi:10.1007/BF01942293)."""
    return _Run(problem, limits, Aim(1.0, 0.0)).solution()


def backup_cover(problem: Problem, limits: Limits) -> Solution:
    """Weigh first and second cover (Hogan & ReVelle 1986, doi:10.1287/mnsc.32.11.1434)."""
    aim = Aim(1.0 - problem.second_cover, problem.second_cover)
    return _Run(problem, limits, aim).solution()


def set_covering(problem: Problem, limits: Limits) -> Solution:
    """Cover all, or the floor of each group, at least cost (Toregas et al. 1971)."""
    return _Run(problem, limits, Aim(1.0, 0.0, all_rows=True)).solution()


class _Run:
    """One search for one problem: the best answer so far, and what none can exceed."""

    def __init__(self, problem: Problem, limits: Limits, aim: Aim) -> None:
        self.problem, self.limits, self.aim = problem, limits, aim
        self.pattern: csr_array = problem.catchments()
        self.sign = -1.0 if aim.all_rows else 1.0
        self.best: Service | None = None
        self.value = -np.inf * self.sign
        self.bound = 0.0 if aim.all_rows else float((aim.first + aim.second) * self._most())
        self.stopped: Status | None = None
        #: What sites that were settled before HiGHS cannot exceed.
        self.lost = -np.inf
        #: Values come in steps of this; 0 where they may be anything.
        self.step = float(self._is_whole())
        self.plain = (
            problem.capacity is None
            and problem.groups is None
            and (problem.scenarios is None or problem.risk == "expected")
        )

    def _most(self) -> float:
        if self.problem.scenarios is None:
            return float(self.problem.weights.sum())
        return float(self.problem.scenarios.sum(axis=1).max(initial=0.0))

    def _is_whole(self) -> bool:
        problem, aim = self.problem, self.aim
        values = problem.site_cost if aim.all_rows else problem.weights
        plain = aim.all_rows or (problem.scenarios is None and aim.first == 1)
        return plain and bool((values == np.round(values)).all())

    def solution(self) -> Solution:
        """Search, close the gap, and label the answer."""
        try:
            if not self.aim.all_rows:
                # Opening nothing new is an answer, should the clock leave no other.
                self._take(self._serve(np.flatnonzero(self.problem.existing)))
            net = self._search(self._net())
            if not self._is_good():
                self._close(net)
        except KeyboardInterrupt:
            self.stopped = "interrupted"
        if self.best is None:
            if self.stopped == "interrupted":
                raise KeyboardInterrupt
            raise ParameterError(
                f"no answer was found in time_limit_s={self.limits.time_limit_s}; give more time"
            )
        return self._finish(self.best)

    def _net(self) -> Net:
        problem = self.problem
        keep = ~problem.forbidden
        if problem.budget is not None:
            keep &= (problem.site_cost <= problem.budget) | problem.existing
        self._check(keep)
        # Where a site is full, or a second cover counts, two like it do more than one.
        alike = problem.capacity is None and not self.aim.second
        return make_net(
            self.pattern,
            cost=problem.site_cost,
            forced=problem.existing,
            keep=keep,
            clashes=problem.clashes,
            apart=self._apart(),
            drop_dominated=alike,
        )

    def _apart(self) -> IntArray | None:
        if self.problem.capacity is not None:
            return np.arange(self.problem.n_demand)
        return self.problem.groups

    def _check(self, keep: BoolArray) -> None:
        problem = self.problem
        if problem.budget is not None:
            spent = float(problem.site_cost[problem.existing].sum())
            if spent > problem.budget * (1 + 1e-9):
                raise InfeasibleError(
                    f"the budget of {problem.budget:g} does not pay for what exists: {spent:g}"
                )
            if not keep.any():
                allowed = problem.site_cost[~problem.forbidden]
                raise InfeasibleError(
                    f"the budget of {problem.budget:g} is below the cheapest site, "
                    f"{allowed.min(initial=np.inf):g}"
                )
        if self.aim.all_rows and problem.groups is None:
            lost = self.pattern @ keep.astype(np.float64) == 0
            if lost.any():
                raise InfeasibleError(f"{lost.sum()} demand rows are out of reach of every site")

    def _search(self, net: Net) -> Net:
        """Find a first answer; where no rule stands in the way, prove how good and thin out."""
        most = len(net.sites) if self.problem.p is None else self.problem.p
        money = np.inf if self.problem.budget is None else self.problem.budget
        if self.aim.all_rows:
            return self._search_whole(net, most, money)
        limits, weights = self.limits, net.merged(self.problem.weights)
        search = Search(
            net, weights, first=self.aim.first, second=self.aim.second, most=most, money=money
        )
        try:
            search.greedy()
            if self.plain:
                search.lower_bound(limits, limits.gap)
                search.shake(limits, limits.gap)
        finally:
            self._offer(net, search.open)
            self._tighten(search.bound)
        if not self.plain or search.is_good(limits.gap) or not len(search.prices):
            return net
        shut, must = search.settle(limits.gap)
        self.lost = search.value * (1 + limits.gap)
        return net.without(shut, must)

    def _search_whole(self, net: Net, most: int, money: float) -> Net:
        """Do the same for a cover of every row; floors and capacities are left to HiGHS."""
        search = SetSearch(net, most=most, money=money, step=self.step)
        search.complete(np.empty(0, dtype=np.int64))
        try:
            if self.plain:
                search.raise_bound(self.limits, self.limits.gap)
        finally:
            if search.open is not None:
                self._offer(net, search.open)
            if self.plain:
                self._tighten(search.bound)
        if not self.plain or search.open is None or search.is_good(self.limits.gap):
            return net
        shut, must = search.settle(self.limits.gap)
        self.lost = -search.cost * (1 - self.limits.gap)
        return net.without(shut, must)

    def _offer(self, net: Net, open_: BoolArray) -> None:
        """Take an answer where it keeps to the rules and is better."""
        self._take(self._serve(net.sites[open_]))

    def _serve(self, chosen: IntArray) -> Service:
        if self.problem.capacity is None:
            return serve_freely(self.pattern, chosen)
        twice = self.aim.second > 0
        return serve_within_capacity(self.problem, self.pattern, chosen, twice=twice)

    def _take(self, service: Service) -> None:
        if not keeps_rules(self.problem, self.aim, service):
            return
        value = value_of(self.problem, self.aim, service)
        if self.best is None or (value - self.value) * self.sign > 0:
            self.best, self.value = service, value

    def _tighten(self, bound: float) -> None:
        if not np.isfinite(bound):
            return
        if self.step:
            bound = float(np.floor(bound * self.sign + 1e-6) * self.sign)
        self.bound = min(self.bound * self.sign, bound * self.sign) * self.sign

    def _is_good(self) -> bool:
        return self.best is not None and relative_gap(self.value, self.bound) <= self.limits.gap

    def _close(self, net: Net) -> None:
        """Hand what is left to HiGHS, with the answer so far to start from."""
        model = build(self.problem, net, self.aim)
        start = None
        if self.best is not None:
            open_ = np.isin(net.sites, self.best.chosen)
            start = (model.open, open_.astype(np.float64))
        solved = solve(
            model.programme,
            time_limit_s=max(self.limits.left_s(), 0.01),
            gap=self.limits.gap,
            absolute_gap=self.step * (1 - 1e-6),
            start=start,
        )
        self.stopped = _STOPPED.get(solved.ending)
        if solved.ending == "infeasible":
            if self.best is None:
                raise InfeasibleError("no choice of sites keeps to every rule")
            # Nothing better was left among the sites that are not settled.
            self._tighten(max(self.value * self.sign, self.lost) * self.sign)
            return
        if solved.values is not None:
            self._take(self._read(net, model, solved))
        self._tighten(max(solved.bound * self.sign, self.lost) * self.sign)

    def _read(self, net: Net, model: Model, solved: Solved) -> Service:
        values: FloatArray = np.zeros(0) if solved.values is None else solved.values
        open_ = values[model.open] > 0.5
        if self.aim.all_rows and model.pairs is None and self.problem.groups is None:
            close_idle(net, open_)
        chosen = net.sites[open_]
        if model.pairs is None:
            return serve_freely(self.pattern, chosen)
        row, site, variable = model.pairs
        used = values[variable] > 0.5
        owner = np.full(net.n_rows, -1, dtype=np.int64)
        owner[net.member[net.member >= 0]] = np.flatnonzero(net.member >= 0)
        row, served = owner[row[used]], net.sites[site[used]]
        begins = np.diff(row, prepend=-1) != 0
        first, second = (np.full(self.problem.n_demand, -1, dtype=np.int64) for _ in range(2))
        first[row[begins]], second[row[~begins]] = served[begins], served[~begins]
        return Service(chosen, first, second)

    def _finish(self, service: Service) -> Solution:
        order, gains = in_order(self.problem, self.aim, service)
        kept = without_idle(self.problem, self.aim, service, order, gains)
        order, gains = order[kept], gains[kept]
        if self.problem.capacity is None:
            service = serve_freely(self.pattern, order)
        bound = max(self.bound * self.sign, self.value * self.sign) * self.sign
        return Solution(
            chosen=order,
            assigned=service.first,
            objective=self.value,
            bound=bound,
            status=status_of(self.value, bound, stopped=None if self._is_good() else self.stopped),
            gains=gains,
        )
