"""A good choice of sites for the p-median: greedy, then exchanges."""

from __future__ import annotations

import numpy as np

from geocn._kernels.median import open_greedily, swap_sites
from geocn._typing import BoolArray, FloatArray
from geocn.coverage.locate_median_bound import Lists
from geocn.coverage.locate_problem import Problem
from geocn.coverage.locate_service import Service, clash_table

_MOST_ROUNDS = 20


def lists_of(problem: Problem, service: Service, weights: FloatArray) -> Lists:
    """Weigh the costs and state what may open, and what for."""
    weight = weights[service.rows]
    dearest = weight * service.dearest()
    # Where somebody may be left out, no saving elsewhere may outweigh it.
    everywhere = np.diff(service.start) == problem.n_sites - int(problem.forbidden.sum())
    unserved = dearest + np.where(everywhere, 0.0, dearest.sum() + 1.0)
    kept = problem.existing & ~problem.forbidden
    may = ~kept & ~problem.forbidden
    n_kept, spent = int(kept.sum()), float(problem.site_cost[kept].sum())
    budget = np.inf if problem.budget is None else problem.budget * (1 + 1e-9) + 1e-9 - spent
    room = problem.n_sites if problem.p is None else problem.p - n_kept
    clash = clash_table(problem)
    if len(clash):
        may &= ~clash[kept].any(axis=0)
    may &= problem.site_cost <= budget
    return Lists(
        service.start, service.site, weight[service.owner] * service.cost, unserved,
        problem.site_cost.astype(np.float64), max(min(room, int(may.sum())), 0), budget,
        kept, may, clash,
    )  # fmt: skip


def search(lists: Lists, open_: BoolArray) -> BoolArray:
    """Open sites greedily beside those of ``open_`` and exchange them while this saves."""
    open_ = open_ | lists.is_kept
    n_open = lists.room + int(lists.is_kept.sum())
    arrays = lists.start, lists.site, lists.cost, lists.unserved, lists.price
    for _ in range(_MOST_ROUNDS):
        before = int(open_.sum())
        spent = float(lists.price[open_ & ~lists.is_kept].sum())
        open_greedily(*arrays, lists.budget - spent, n_open, lists.may_open, lists.clash, open_)
        if int(open_.sum()) == before and _ > 0:
            break
        n_swaps = swap_sites(
            *arrays, lists.budget, lists.is_kept, lists.may_open, lists.clash, open_
        )
        if not n_swaps:
            break
    return open_


def fits(lists: Lists, share: FloatArray) -> BoolArray:
    """Open the sites with the greatest shares as far as number, budget and separation allow."""
    open_ = lists.is_kept.copy()
    left, room = lists.budget, lists.room
    for site in np.argsort(-share, kind="stable"):
        if share[site] <= 0 or room == 0:
            break
        is_free = not len(lists.clash) or not (lists.clash[site] & open_).any()
        if lists.may_open[site] and is_free and lists.price[site] <= left:
            open_[site] = True
            left, room = left - lists.price[site], room - 1
    return open_
