"""p-centre: the sites that make the largest cost of serving anybody least."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from geocn._typing import BoolArray, FloatArray, IntArray
from geocn.coverage import _highs
from geocn.coverage.locate_center_model import cover_programme, cover_within
from geocn.coverage.locate_median_assign import assign_within
from geocn.coverage.locate_median_bound import Lists
from geocn.coverage.locate_median_model import Rule
from geocn.coverage.locate_median_search import lists_of, search
from geocn.coverage.locate_problem import Limits, Problem, Solution, Status, status_of
from geocn.coverage.locate_service import (
    NOBODY_SERVES_ALL,
    Service,
    in_order,
    nearest_of_all,
    service_of,
)
from geocn.errors import InfeasibleError, ParameterError


def p_center(problem: Problem, limits: Limits, *, weighted: bool = False) -> Solution:
    """Make the largest cost of serving anybody least (Hakimi 1964, doi:10.1287/opre.12.3.450).

    The answer is one of the distinct costs: they are bisected, and whether all demand can be
    served within one of them is a question of set covering (Minieka 1970,
    doi:10.1137/1012016), answered by greedy and exchanges or, where these fail, by HiGHS.
    Among the sites that serve all within the least largest cost, exchanges then lower the
    total, and sites that are left over go where they save most.

    Parameters
    ----------
    problem : Problem
        With ``costs``. Rows of weight 0 need not be served. With ``capacity`` each row is
        served by one site, whole.
    limits : Limits
        When to stop; the best answer by then is given with its bound.
    weighted : bool, default False
        Multiply each row's cost by its weight.

    Raises
    ------
    InfeasibleError
        If no choice serves all demand.
    ParameterError
        If costs are missing, or scenarios or a share floor are given; if no answer was
        found in the time.
    """
    _check(problem)
    job = _Job.of(problem, limits, weighted=weighted)
    if len(job.service.unreachable):
        raise InfeasibleError(NOBODY_SERVES_ALL)
    if len(job.service.rows):
        try:
            _bisect(job)
        except KeyboardInterrupt:
            job.stopped = "interrupted"
        if job.open_ is None:
            if job.is_impossible:
                raise InfeasibleError(NOBODY_SERVES_ALL)
            raise ParameterError(
                f"no choice that serves all demand was found within {limits.time_limit_s:g} s, "
                "and none was proven impossible: raise time_limit_s, p or budget"
            )
    return _solution(job)


def weighted_p_center(problem: Problem, limits: Limits) -> Solution:
    """Make the largest weight × cost least; see :func:`p_center`."""
    return p_center(problem, limits, weighted=True)


def _check(problem: Problem) -> None:
    if problem.groups is not None and problem.share_floor > 0:
        raise ParameterError(
            "objective p_center serves all demand, so that a share floor says nothing; equity "
            "goes with maximal_covering and backup_cover"
        )
    if problem.scenarios is not None:
        raise ParameterError(
            "objective p_center asks how far the farthest is, which no scenario of weights "
            "changes; scenarios go with maximal_covering, backup_cover and p_median"
        )


@dataclass
class _Job:
    """One search; ``service`` holds the costs that are compared, ``levels`` their values."""

    problem: Problem
    limits: Limits
    service: Service
    lists: Lists
    levels: FloatArray
    low: int
    high: int
    open_: BoolArray | None = None
    assigned: IntArray | None = None
    stopped: Status | None = None
    is_impossible: bool = False
    unknown: set[int] = field(default_factory=set)

    @classmethod
    def of(cls, problem: Problem, limits: Limits, *, weighted: bool) -> _Job:
        service = service_of(problem, problem.weights > 0)
        if problem.capacity is not None:
            room = problem.capacity[service.site]
            service = service.keep(problem.weights[service.rows][service.owner] <= room)
        lists = lists_of(problem, service, problem.weights)
        if weighted:
            service = replace(service, cost=lists.cost)
        least = service.cost[service.start[:-1][np.diff(service.start) > 0]]
        levels = np.unique(service.cost[service.cost >= least.max(initial=0.0)])
        # Level ``low`` is known to be too little, ``high`` (once there is an answer) to do.
        return cls(problem, limits, service, lists, levels, -1, len(levels))

    def within(self, level: int) -> Service:
        """Pairs that cost no more than a level."""
        return self.service.keep(self.service.cost <= self.levels[level])

    def offer(self, open_: BoolArray) -> bool:
        """Keep a choice that is better than the best; say whether it serves everybody."""
        assigned: IntArray | None = None
        if self.problem.capacity is None:
            cost = self.service.nearest(open_)[1]
        else:
            weight = self.problem.weights[self.service.rows]
            assigned, cost = assign_within(self.service, weight, self.problem.capacity, open_)
        return self.take(open_, cost, assigned)

    def take(self, open_: BoolArray, cost: FloatArray, assigned: IntArray | None) -> bool:
        most = cost.max()
        if not np.isfinite(most):
            return False
        level = int(np.searchsorted(self.levels, most))
        if level < self.high:
            self.high, self.open_, self.assigned = level, open_.copy(), assigned
        return True


def _bisect(job: _Job) -> None:
    """Narrow the levels by quick answers first, then by proofs."""
    floor = job.low
    while job.high - floor > 1:
        middle = (floor + job.high) // 2
        if not _guess(job, middle):
            floor = middle
    doubtful = job.high
    while job.open_ is not None and doubtful - job.low > 1 and job.limits.left_s() > 0:
        middle = (job.low + doubtful) // 2
        if _is_too_little(job, middle):
            job.low = middle
        else:
            doubtful = middle
    while job.high - job.low > 1:
        # While there is no answer at all, the greatest level decides whether there is one.
        middle = (job.low + job.high) // 2 if job.open_ is not None else len(job.levels) - 1
        done = _prove(job, middle)
        if done is None:
            return
        if not done:
            job.low = middle
            if job.open_ is None:
                job.is_impossible = True
                return


def _guess(job: _Job, level: int) -> bool:
    """Look for sites that serve everybody within a level, by greedy and exchanges."""
    service = job.within(level)
    if (np.diff(service.start) == 0).any():
        return False
    before = job.high
    job.offer(cover_within(job.lists, service))
    return job.high < before and job.high <= level


def _is_too_little(job: _Job, level: int) -> bool:
    """Say whether not even parts of sites can serve everybody within a level."""
    service = job.within(level)
    if (np.diff(service.start) == 0).any():
        return True
    rule, ones = Rule(job.lists.may_open, job.lists.is_kept), np.ones(job.problem.n_sites)
    programme = cover_programme(job.problem, service, rule, ones, is_whole=False)
    solved = _highs.solve(programme, time_limit_s=job.limits.left_s(), gap=0.0)
    if solved.ending == "interrupted":
        raise KeyboardInterrupt
    return solved.ending == "infeasible"


def _prove(job: _Job, level: int) -> bool | None:
    """Say whether everybody can be served within a level; None where the time is over."""
    service = job.within(level)
    if (np.diff(service.start) == 0).any():
        return False
    rule, ones = Rule(job.lists.may_open, job.lists.is_kept), np.ones(job.problem.n_sites)
    programme = cover_programme(job.problem, service, rule, ones)
    # Any answer will do: the gap is as wide as can be.
    solved = _highs.solve(programme, time_limit_s=job.limits.left_s(), gap=1e9)
    if solved.ending == "infeasible":
        return False
    if solved.values is None:
        job.stopped = "interrupted" if solved.ending == "interrupted" else "time limit"
        return None
    open_ = solved.values[: job.problem.n_sites] > 0.5
    if job.problem.capacity is None:
        job.offer(open_)
        return True
    pairs = np.flatnonzero(solved.values[len(open_) :] > 0.5)
    assigned, cost = np.full(len(service.rows), -1), np.full(len(service.rows), np.inf)
    assigned[service.owner[pairs]] = service.site[pairs]
    cost[service.owner[pairs]] = service.cost[pairs]
    job.take(open_, cost, assigned)
    return True


def _solution(job: _Job) -> Solution:
    if job.open_ is None:
        open_, value, bound = job.lists.is_kept.copy(), 0.0, 0.0
    else:
        open_ = _with_less_total(job, job.open_)
        value, bound = float(job.levels[job.high]), float(job.levels[job.low + 1])
    kept = open_ & job.lists.is_kept
    chosen = np.concatenate([np.flatnonzero(kept), np.flatnonzero(open_ & ~kept)])
    order, gains = in_order(job.service, chosen, int(kept.sum()), lambda cost: float(cost.max()))
    assigned = nearest_of_all(job.problem, open_)
    if job.assigned is not None:
        assigned[job.service.rows] = job.assigned
    status = status_of(value, bound, stopped=job.stopped)
    return Solution(order, assigned, value, bound, status, gains)


def _with_less_total(job: _Job, open_: BoolArray) -> BoolArray:
    """Exchange and add sites while this lowers the total and keeps the largest cost."""
    if job.problem.capacity is not None:
        return open_
    service = job.within(job.high)
    lists = lists_of(job.problem, service, job.problem.weights)
    found = search(lists, open_.copy())
    is_served = np.isfinite(service.nearest(found)[1]).all()
    return found if is_served else open_
