"""p-median: the sites that serve all demand at the least total of weight × cost."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from geocn._typing import BoolArray, FloatArray, IntArray
from geocn.coverage import _highs
from geocn.coverage._highs import Programme
from geocn.coverage.locate_median_assign import assign_within
from geocn.coverage.locate_median_bound import Bound, Lists, lower_bound
from geocn.coverage.locate_median_model import (
    Rule,
    assignment_programme,
    radius_programme,
    risk_programme,
)
from geocn.coverage.locate_median_risk import risk_of, swap_for_risk
from geocn.coverage.locate_median_search import fits, lists_of, search
from geocn.coverage.locate_problem import (
    Limits,
    Problem,
    Solution,
    Status,
    relative_gap,
    status_of,
)
from geocn.coverage.locate_service import (
    NOBODY_SERVES_ALL,
    Service,
    in_order,
    nearest_of_all,
    scenarios_of,
    service_of,
)
from geocn.errors import InfeasibleError, ParameterError

# A site is ruled out where any answer with it costs as much as the best one, but for rounding.
_ROUNDING = 1e-9


def p_median(problem: Problem, limits: Limits) -> Solution:
    """Serve all demand at the least total of weight × cost (Hakimi 1964; ReVelle & Swain 1970).

    Greedy and exchanges give an answer, Lagrangian prices a bound and a list of sites that
    no better answer can open or close, and HiGHS decides among the rest. At most ``p`` sites
    are open, and none that saves nothing. Rows of weight 0 need not be served.

    Parameters
    ----------
    problem : Problem
        With ``costs``, and ``reach`` where service has a limit. With ``capacity`` each row
        is served by one site, whole. With ``scenarios`` the total is their mean, the worst,
        or the mean of the worst share.
    limits : Limits
        When to stop; the best answer by then is given with its bound.

    Raises
    ------
    InfeasibleError
        If no choice serves all demand.
    ParameterError
        If costs are missing, a share floor is asked for (all demand is served anyway), or
        capacities are joined with scenarios; if no answer was found in the time.
    """
    _check(problem)
    job = _Job.of(problem, limits)
    if len(job.service.unreachable):
        raise InfeasibleError(NOBODY_SERVES_ALL)
    if not len(job.service.rows):
        job.open_, job.value, job.bound = job.lists.is_kept, 0.0, 0.0
        return job.solution()
    try:
        _begin(job)
        if not job.is_done():
            _finish(job)
    except KeyboardInterrupt:
        job.stopped = "interrupted"
    if not np.isfinite(job.value):
        raise ParameterError(
            f"no choice that serves all demand was found within {limits.time_limit_s:g} s, and "
            "none was proven impossible: raise time_limit_s, p or budget"
        )
    return job.solution()


def _check(problem: Problem) -> None:
    if problem.groups is not None and problem.share_floor > 0:
        raise ParameterError(
            "objective p_median serves all demand, so that a share floor says nothing; equity "
            "goes with maximal_covering and backup_cover"
        )
    if problem.capacity is not None and problem.scenarios is not None:
        raise ParameterError(
            "objective p_median takes capacity or scenarios, not both: it is not known which "
            "scenario's weights fill the sites"
        )


@dataclass
class _Job:
    """One search: what is asked, and the best answer and bound so far."""

    problem: Problem
    limits: Limits
    weights: FloatArray
    service: Service
    lists: Lists
    open_: BoolArray
    prices: Bound
    assigned: IntArray | None = None
    value: float = np.inf
    bound: float = 0.0
    stopped: Status | None = None

    @classmethod
    def of(cls, problem: Problem, limits: Limits) -> _Job:
        by_scenario, shares = scenarios_of(problem)
        weights = shares @ by_scenario
        # The worst scenario counts however unlikely it is.
        service = service_of(problem, np.asarray((by_scenario > 0).any(axis=0)))
        if problem.capacity is not None:
            room = problem.capacity[service.site]
            service = service.keep(weights[service.rows][service.owner] <= room)
        lists = lists_of(problem, service, weights)
        nothing = np.zeros(problem.n_sites)
        prices = Bound(0.0, np.zeros(len(service.rows)), nothing, nothing, nothing)
        return cls(problem, limits, weights, service, lists, lists.is_kept.copy(), prices)

    @property
    def is_risky(self) -> bool:
        return self.problem.scenarios is not None and self.problem.risk != "expected"

    def totals(self, cost: FloatArray) -> FloatArray:
        """Value of costs of the rows, one column a choice; infinite where a row has no site."""
        weights, shares = scenarios_of(self.problem)
        known = np.isfinite(cost)
        by_scenario = weights[:, self.service.rows] @ np.where(known, cost, 0.0)
        risk = self.problem.risk if self.is_risky else "expected"
        found = risk_of(by_scenario, shares, risk, self.problem.cvar_level)
        return np.where(known.all(axis=0), found, np.inf)

    def offer(self, open_: BoolArray) -> None:
        """Keep a choice where it is better than the best."""
        assigned: IntArray | None = None
        if self.problem.capacity is None:
            cost = self.service.nearest(open_)[1]
        else:
            weight = self.weights[self.service.rows]
            assigned, cost = assign_within(self.service, weight, self.problem.capacity, open_)
        if np.isfinite(cost).all():
            self.take(open_, cost, assigned)

    def take(self, open_: BoolArray, cost: FloatArray, assigned: IntArray | None) -> None:
        value = float(self.totals(cost[:, None])[0])
        if value < self.value:
            self.open_, self.value, self.assigned = open_.copy(), value, assigned

    def is_done(self) -> bool:
        """Whether the gap is proven or the time over."""
        self.bound = min(self.bound, self.value)
        if relative_gap(self.value, self.bound) <= max(self.limits.gap, _ROUNDING):
            return True
        if self.limits.left_s() == 0:
            self.stopped = "time limit"
            return True
        return False

    def solution(self) -> Solution:
        open_ = self.open_
        if self.assigned is not None:
            used = np.zeros_like(open_)
            used[self.assigned] = True
            open_ &= used | self.lists.is_kept
        kept = self.lists.is_kept & open_
        chosen = np.concatenate([np.flatnonzero(kept), np.flatnonzero(open_ & ~kept)])
        order, gains = in_order(
            self.service, chosen, int(kept.sum()), lambda c: float(self.totals(c[:, None])[0])
        )
        assigned = nearest_of_all(self.problem, open_)
        if self.assigned is not None:
            assigned[self.service.rows] = self.assigned
        bound = min(self.bound, self.value)
        status = status_of(self.value, bound, stopped=self.stopped)
        return Solution(order, assigned, self.value, bound, status, gains)


def _begin(job: _Job) -> None:
    """Answer by exchanges, bound by prices, and answer again from what the prices point at."""
    lists, service = job.lists, job.service
    open_ = search(lists, lists.is_kept.copy())
    job.offer(open_)
    weight = job.weights[service.rows]
    # What the answer costs while capacities and risk are left aside, as the bound leaves them.
    cost = np.minimum(weight * service.nearest(open_)[1], lists.unserved)
    seen = {open_.tobytes(): float(cost.sum())}

    def again(share: FloatArray) -> float:
        start = fits(lists, share)
        if start.tobytes() not in seen:
            found = search(lists, start.copy())
            plain = np.minimum(weight * service.nearest(found)[1], lists.unserved)
            seen[start.tobytes()] = float(plain.sum())
            job.offer(found)
        return seen[start.tobytes()]

    job.prices = lower_bound(lists, cost, float(cost.sum()), job.limits, again)
    job.bound = max(job.prices.value, 0.0)
    if job.prices.is_interrupted:
        raise KeyboardInterrupt
    again(job.prices.share)
    if job.is_risky:
        for start in (open_, job.open_):
            job.offer(swap_for_risk(service, lists, job.totals, start, job.limits))


def _finish(job: _Job) -> None:
    """Let HiGHS decide among the sites and pairs that the bound leaves."""
    service, rule = _narrowed(job)
    if (np.diff(service.start) == 0).any():
        _nothing_left(job)
        return
    start = None
    if np.isfinite(job.value):
        start = (np.arange(len(job.open_)), job.open_.astype(np.float64))
    programme = _programme(job, service, rule)
    left, gap = job.limits.left_s(), job.limits.gap
    solved = _highs.solve(programme, time_limit_s=left, gap=gap, start=start)
    if solved.ending == "infeasible":
        _nothing_left(job)
        return
    if solved.values is not None:
        _read(job, service, solved.values)
    job.bound = max(job.bound, min(solved.bound, job.value))
    if solved.ending in ("time limit", "interrupted"):
        job.stopped = solved.ending


def _nothing_left(job: _Job) -> None:
    """Take note that whatever was left out costs no less than the best answer, if there is one."""
    if not np.isfinite(job.value):
        raise InfeasibleError(NOBODY_SERVES_ALL)
    job.bound = job.value


def _narrowed(job: _Job) -> tuple[Service, Rule]:
    """Leave out the sites and pairs that no better answer has.

    A row served by a site costs at least ``bound + cost - pays``; the mean over scenarios
    bounds their worst, so that this holds for it too.
    """
    lists, prices, service = job.lists, job.prices, job.service
    may, forced = lists.may_open.copy(), lists.is_kept.copy()
    near = np.ones(len(service.site), dtype=bool)
    if np.isfinite(job.value):
        least = job.value * (1 - _ROUNDING)
        may &= prices.value + prices.opening < least
        forced |= lists.may_open & (prices.value + prices.closing >= least)
        slack = job.value * (1 + _ROUNDING) - prices.value
        near = lists.cost <= prices.pays[service.owner] + slack
    return service.keep(near & (may | forced)[service.site]), Rule(may, forced)


def _programme(job: _Job, service: Service, rule: Rule) -> Programme:
    if job.problem.capacity is not None:
        return assignment_programme(job.problem, service, job.weights, job.weights, rule)
    if job.is_risky:
        return risk_programme(job.problem, service, rule)
    return radius_programme(job.problem, service, job.weights, rule)


def _read(job: _Job, service: Service, values: FloatArray) -> None:
    open_ = values[: len(job.open_)] > 0.5
    if job.problem.capacity is None:
        job.offer(open_)
        return
    pairs = np.flatnonzero(values[len(open_) :] > 0.5)
    assigned, cost = np.full(len(service.rows), -1), np.full(len(service.rows), np.inf)
    assigned[service.owner[pairs]] = service.site[pairs]
    cost[service.owner[pairs]] = service.cost[pairs]
    job.take(open_, cost, assigned)
