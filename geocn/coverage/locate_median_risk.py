"""Totals over scenarios, and exchanges that make the worst of them better."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from geocn._typing import BoolArray, FloatArray
from geocn.coverage.locate_median_bound import Lists
from geocn.coverage.locate_problem import Limits, Risk
from geocn.coverage.locate_service import Service

# Pairs of rows and candidates that are laid out at once; above, exchanges are left to HiGHS.
_MOST_PAIRS = 4_000_000


def risk_of(totals: FloatArray, shares: FloatArray, risk: Risk, level: float) -> FloatArray:
    """Make one figure of the scenarios' totals (first axis): mean, worst, mean of the worst.

    The mean of the worst share ``1 - level`` is the least over t of
    ``t + Σ share · max(0, total - t) / (1 - level)``, reached at one of the totals
    (Rockafellar & Uryasev 2000).
    """
    if risk == "expected":
        return np.asarray(np.tensordot(shares, totals, 1))
    if risk == "minimax":
        return np.asarray(totals.max(axis=0))
    over = np.maximum(totals[None] - totals[:, None], 0.0)
    tail = np.tensordot(over, shares, ([1], [0])) / (1 - level)
    return np.asarray((totals + tail).min(axis=0))


def swap_for_risk(
    service: Service,
    lists: Lists,
    totals_of: Callable[[FloatArray], FloatArray],
    open_: BoolArray,
    limits: Limits,
) -> BoolArray:
    """Exchange sites while this lowers a figure of the costs of the rows (rows by columns)."""
    open_ = open_.copy()
    if len(service.rows) * service.n_sites > _MOST_PAIRS or not open_.any():
        return open_
    cost = service.table(np.arange(service.n_sites))
    best = float(totals_of(cost[:, open_].min(axis=1)[:, None])[0])
    improved = True
    while improved and limits.left_s() > 0:
        improved = False
        for out in np.flatnonzero(open_ & ~lists.is_kept):
            others = open_.copy()
            others[out] = False
            may = lists.may_open & ~open_
            left = lists.budget - float(lists.price[others & ~lists.is_kept].sum())
            may &= lists.price <= left
            if len(lists.clash):
                may &= ~lists.clash[others].any(axis=0)
            candidates = np.flatnonzero(may)
            if not len(candidates):
                continue
            now = cost[:, others].min(axis=1, initial=np.inf)
            found = totals_of(np.minimum(now[:, None], cost[:, candidates]))
            at = int(np.argmin(found))
            if found[at] < best * (1 - 1e-9):
                open_, best, improved = others, float(found[at]), True
                open_[candidates[at]] = True
    return open_
