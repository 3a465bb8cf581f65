"""Covering every row cheaply, and what no cover can undercut."""

from __future__ import annotations

import numpy as np

from geocn._kernels import covering
from geocn._typing import BoolArray, FloatArray, IntArray
from geocn.coverage.locate_net import Net
from geocn.coverage.locate_problem import Limits, relative_gap

_ITERATIONS = 1500
_TRY_EVERY = 15
_PATIENCE = 20


class SetSearch:
    """The cheapest whole cover so far, and a proven bound below any.

    Parameters
    ----------
    net : Net
    most : int
        Sites that may be open.
    money : float
        What may be spent.
    step : float
        Costs come in steps of this; 0 where they may be anything.
    """

    def __init__(self, net: Net, *, most: int, money: float, step: float) -> None:
        self.net, self.most, self.money, self.step = net, most, money, step
        self.open: BoolArray | None = None
        self.cost = np.inf
        self.bound = float(net.cost[net.forced].sum())
        self.prices = np.zeros(net.n_rows)
        self._clashes = net.clash_lists()

    def is_good(self, gap: float) -> bool:
        """Say whether the gap is proven, or no cheaper cover is possible at all."""
        return self.open is not None and relative_gap(self.cost, self.bound) <= gap

    def complete(self, wanted: IntArray) -> None:
        """Open ``wanted``, cover the rest by rows to the cost, and close what is idle."""
        n = len(self.net.sites)
        weights, worth = np.ones(self.net.n_rows), np.array([1.0, 0.0, 0.0])
        gain = covering.site_values(*self.net.graph[2:], weights)
        state = (
            self.net.graph, self._clashes, weights, worth, self.net.cost,
            np.zeros(self.net.n_rows, dtype=np.int64), gain, np.zeros(n, dtype=np.int64),
            np.array([0.0, np.inf, float(n)]),
        )  # fmt: skip
        opened = np.empty(n, dtype=np.int64)
        open_ = self.net.forced.copy()
        covering.toggle_all(np.flatnonzero(open_), 1, *state)
        open_[opened[: covering.fill(wanted, True, *state, opened)]] = True
        close_idle(self.net, open_)
        cost = float(self.net.cost[open_].sum())
        whole = bool(((self.net.pattern @ open_.astype(np.int64)) > 0).all())
        fits = whole and open_.sum() <= self.most and cost <= self.money
        if fits and cost < self.cost:
            self.open, self.cost = open_, cost

    def raise_bound(self, limits: Limits, gap: float) -> None:
        """Price cover, and raise the bound until the gap is proven or nothing more comes."""
        net = self.net
        site_ptr, site_rows = net.graph[2:]
        prices = self._fair_prices()
        self.prices = prices.copy()
        high = max(1.0, float(net.cost.max(initial=1.0)))
        twice, worth = np.full(net.n_rows, 2 * high), np.array([1.0, 0.0, 0.0])
        highest = np.full(net.n_rows, high)
        direction, slack = np.zeros(net.n_rows), np.empty(net.n_rows)
        pace, stalled, best = 1.0, 0, -np.inf
        for turn in range(_ITERATIONS):
            left = net.cost - covering.site_values(site_ptr, site_rows, prices)
            chosen = np.flatnonzero((left < 0) | net.forced)
            bound = float(prices.sum() + left[chosen].sum())
            covering.row_slack(
                site_ptr, site_rows, twice, worth, prices, chosen, np.ones(len(chosen)), slack
            )
            stalled += 1
            if bound > best:
                stalled = 0 if bound > best + 1e-5 * abs(best) else stalled
                best, self.prices = bound, prices.copy()
                self.tighten(bound)
            if turn % _TRY_EVERY == 0:
                self.complete(chosen[np.argsort(left[chosen], kind="stable")])
            if stalled > _PATIENCE:
                pace, stalled = pace * 0.7, 0
            if self.is_good(gap) or pace < 1e-3 or not limits.left_s():
                break
            target = self.cost if np.isfinite(self.cost) else 1.1 * max(bound, 1.0)
            distance = pace * max(target - bound, 1e-6)
            if not covering.move_prices(prices, slack, direction, highest, distance):
                break

    def tighten(self, bound: float) -> None:
        """Take over a bound where it is higher; round it up where costs come in steps."""
        if self.step:
            bound = float(np.ceil(bound - 1e-6))
        self.bound = min(max(self.bound, bound), self.cost)

    def settle(self, gap: float) -> tuple[BoolArray, BoolArray]:
        """Return sites that need not be open, and ones that must be, in any cheaper cover."""
        net = self.net
        worth_having = min(self.cost - self.step * (1 - 1e-6), self.cost * (1 - gap))
        worth_having += 1e-9 * max(1.0, abs(self.cost))
        left = net.cost - covering.site_values(*net.graph[2:], self.prices)
        chosen = (left < 0) | net.forced
        bound = float(self.prices.sum() + left[chosen].sum())
        shut = ~net.forced & (left > 0) & (bound + left > worth_having)
        must = net.forced | ((left < 0) & (bound - left > worth_having))
        return shut, must

    def _fair_prices(self) -> FloatArray:
        """Share the cost of each site among its rows: the least share of each row."""
        sizes = np.maximum(np.diff(self.net.graph[2]), 1)
        share = (self.net.cost / sizes)[self.net.graph[1]]
        if not len(share):
            return np.zeros(self.net.n_rows)
        return np.minimum.reduceat(share, self.net.graph[0][:-1])


def close_idle(net: Net, open_: BoolArray) -> None:
    """Close sites without which every row stays covered, dearest and last first."""
    site_ptr, site_rows = net.graph[2:]
    cover = net.pattern @ open_.astype(np.int64)
    for j in np.lexsort((-np.arange(len(open_)), -net.cost)):
        if not open_[j] or net.forced[j]:
            continue
        rows = site_rows[site_ptr[j] : site_ptr[j + 1]]
        if (cover[rows] > 1).all():
            open_[j] = False
            cover[rows] -= 1
