"""Choices that cover much, and what no choice can exceed: interchange and Lagrangian bound."""

from __future__ import annotations

import numpy as np

from geocn._kernels import covering
from geocn._typing import BoolArray, FloatArray, IntArray
from geocn.coverage.locate_net import Net
from geocn.coverage.locate_problem import Limits, relative_gap

_ITERATIONS = 800
_TRY_EVERY = 20
_PATIENCE = 20
_SHAKES = 60
_SHAKEN = 3


class Search:
    """The best choice so far on a net, and a proven bound on any choice.

    Parameters
    ----------
    net : Net
    weights : (r,) array
        Of the merged rows.
    first, second : float
        What a row counts, to its weight, once covered and once covered twice.
    most : int
        Sites that may be open.
    money : float
        What may be spent, ``inf`` where there is no budget.
    """

    def __init__(
        self,
        net: Net,
        weights: FloatArray,
        *,
        first: float = 1.0,
        second: float = 0.0,
        most: int,
        money: float = np.inf,
    ) -> None:
        self.net, self.weights = net, weights
        self.worth = np.array([first, second, 0.0])
        self.most, self.money = most, money
        self.open = net.forced.copy()
        self.value = -np.inf
        self.bound = float(weights.sum() * (first + second))
        self.prices = np.zeros(0)
        whole = second == 0 and first == 1 and bool((weights == np.round(weights)).all())
        #: Values come in steps of this; 0 where they may be anything.
        self.step = 1.0 if whole else 0.0
        self._clashes = net.clash_lists()

    def is_good(self, gap: float) -> bool:
        """Say whether the gap is proven, or no better value is possible at all."""
        return relative_gap(self.value, self.bound) <= gap or (
            self.step > 0 and self.bound < self.value + self.step - 1e-6
        )

    def tighten(self, bound: float) -> None:
        """Take over a bound where it is lower; round it down where values come in steps."""
        if self.step:
            bound = float(np.floor(bound + 1e-6))
        self.bound = max(min(self.bound, bound), self.value)

    def greedy(self) -> None:
        """Choose greedily by gain, and by gain to the cost where money is short."""
        nothing = np.empty(0, dtype=np.int64)
        self.improve(nothing)
        if np.isfinite(self.money):
            self.improve(nothing, by_ratio=True)

    def improve(self, wanted: IntArray, *, by_ratio: bool = False) -> None:
        """Open ``wanted`` as far as they fit, fill up, and close one and refill while it helps."""
        n = len(self.net.sites)
        cover, gain = np.zeros(self.net.n_rows, dtype=np.int64), np.zeros(n)
        shut = np.zeros(n, dtype=np.int64)
        ledger = np.array([0.0, self.money, float(self.most)])
        gain += self.worth[0] * covering.site_values(*self.net.graph[2:], self.weights)
        state = (
            self.net.graph, self._clashes, self.weights, self.worth, self.net.cost,
            cover, gain, shut, ledger,
        )  # fmt: skip
        opened = np.empty(n, dtype=np.int64)
        covering.toggle_all(np.flatnonzero(self.net.forced), 1, *state)
        open_ = self.net.forced.copy()
        open_[opened[: covering.fill(wanted, by_ratio, *state, opened)]] = True
        self._keep(ledger[0], open_)
        nothing = np.empty(0, dtype=np.int64)
        better = True
        while better:
            better = False
            for a in np.flatnonzero(open_ & ~self.net.forced):
                before = ledger[0]
                one = np.array([a], dtype=np.int64)
                covering.toggle_all(one, -1, *state)
                new = opened[: covering.fill(nothing, False, *state, opened)].copy()
                if ledger[0] > before + 1e-9 * max(1.0, abs(before)):
                    open_[a] = False
                    open_[new] = True
                    better = True
                else:
                    covering.toggle_all(new, -1, *state)
                    covering.toggle_all(one, 1, *state)
        self._keep(ledger[0], open_)

    def _keep(self, value: float, open_: BoolArray) -> None:
        if value > self.value:
            self.value, self.open = float(value), open_.copy()
            self.bound = max(self.bound, self.value)

    def shake(self, limits: Limits, gap: float) -> None:
        """Close a few sites at random and improve again, as often as it pays."""
        rng = np.random.default_rng(0)
        for _ in range(_SHAKES):
            free = np.flatnonzero(self.open & ~self.net.forced)
            if self.is_good(gap) or not len(free) or not limits.left_s():
                return
            closed = rng.choice(free, min(_SHAKEN, len(free)), replace=False)
            other = np.flatnonzero(~self.open)
            instead = rng.choice(other, min(1, len(other)), replace=False)
            self.improve(np.concatenate([np.setdiff1d(free, closed), instead]))

    def lower_bound(self, limits: Limits, gap: float) -> None:
        """Price cover, and lower the bound until the gap is proven or nothing more comes."""
        graph, weights = self.net.graph, self.weights
        highest = weights * max(self.worth[:2])
        cover = self.net.pattern @ self.open.astype(np.float64)
        prices = np.where(cover <= 1, 1.0, 0.5) * highest
        self.prices = prices.copy()
        direction, slack = np.zeros(len(weights)), np.empty(len(weights))
        pace, stalled, lowest = 1.5, 0, np.inf
        for turn in range(_ITERATIONS):
            values = covering.site_values(graph[2], graph[3], prices)
            chosen, share, knapsack = self._choose(values)
            bound = knapsack + covering.row_slack(
                graph[2], graph[3], weights, self.worth, prices, chosen, share, slack
            )
            stalled += 1
            if bound < lowest:
                stalled = 0 if bound < lowest * (1 - 1e-5) else stalled
                lowest, self.prices = bound, prices.copy()
                self.tighten(bound)
            if turn % _TRY_EVERY == 0:
                self.improve(chosen[np.argsort(-values[chosen], kind="stable")])
            if stalled > _PATIENCE:
                pace, stalled = pace * 0.7, 0
            if self.is_good(gap) or pace < 1e-3 or not limits.left_s():
                break
            distance = pace * max(bound - self.value, 1e-9 * bound)
            if not covering.move_prices(prices, slack, direction, highest, distance):
                break
        self.improve(chosen[np.argsort(-values[chosen], kind="stable")])

    def settle(self, gap: float) -> tuple[BoolArray, BoolArray]:
        """Return sites that need not be open, and ones that must be, in any better choice.

        A choice that is better by less than ``gap`` may be lost, and the bound is kept
        above it: where ``bound + reduced cost`` does not reach what is worth having.
        """
        worth_having = max(self.value + self.step * (1 - 1e-6), self.value * (1 + gap))
        worth_having -= 1e-9 * max(1.0, abs(self.value))
        values = covering.site_values(*self.net.graph[2:], self.prices)
        rows = self._row_worth()
        shut = np.zeros(len(values), dtype=bool)
        must = self.net.forced.copy()
        free = ~must
        for by_number, limit in ((True, float(self.most)), (False, self.money)):
            if not np.isfinite(limit):
                continue
            cost = np.ones(len(values)) if by_number else self.net.cost
            left = limit - float(cost[~free].sum())
            for price in self._knapsack_prices(values[free], cost[free], left):
                reduced = values - price * cost
                bound = rows + price * limit + float(np.maximum(reduced, 0)[free].sum())
                bound += float(reduced[~free].sum())
                shut |= free & (bound + np.minimum(reduced, 0) < worth_having) & (reduced < 0)
                must |= free & (bound - np.maximum(reduced, 0) < worth_having) & (reduced > 0)
        return shut, must

    def _row_worth(self) -> float:
        slack = np.empty(len(self.weights))
        nothing = np.empty(0, dtype=np.int64)
        return float(
            covering.row_slack(
                *self.net.graph[2:], self.weights, self.worth, self.prices,
                nothing, np.empty(0), slack,
            )
        )  # fmt: skip

    @staticmethod
    def _knapsack_prices(values: FloatArray, cost: FloatArray, left: float) -> list[float]:
        """Prices of the limit around the last site that fits: any price gives a bound."""
        ratio = values / np.maximum(cost, 1e-12)
        order = np.argsort(-ratio, kind="stable")
        filled = np.searchsorted(np.cumsum(cost[order]), left * (1 + 1e-12), side="right")
        near = [int(filled) - 1, int(filled)]
        return [float(ratio[order[k]]) for k in near if 0 <= k < len(order)] + [0.0]

    def _choose(self, values: FloatArray) -> tuple[IntArray, FloatArray, float]:
        """Return the sites worth most at these values, the share of each, and their value."""
        forced = np.flatnonzero(self.net.forced)
        free = np.flatnonzero(~self.net.forced & (values > 0))
        best: tuple[IntArray, FloatArray, float] | None = None
        for by_number, limit in ((True, float(self.most)), (False, self.money)):
            if not np.isfinite(limit):
                continue
            cost = np.ones(len(values)) if by_number else self.net.cost
            left = limit - float(cost[forced].sum())
            chosen, share = _fill(values[free], cost[free], left)
            chosen, share = (
                np.concatenate([forced, free[chosen]]),
                np.concatenate([np.ones(len(forced)), share]),
            )
            worth = float(values[chosen] @ share)
            if best is None or worth < best[2]:
                best = chosen, share, worth
        if best is None:
            every = np.concatenate([forced, free])
            return every, np.ones(len(every)), float(values[every].sum())
        return best


def _fill(values: FloatArray, cost: FloatArray, left: float) -> tuple[IntArray, FloatArray]:
    """Fill a knapsack in parts: which, in order of index, and how much of each."""
    if len(values) and cost.min() == cost.max() == 1:
        few = int(min(max(left, 0), len(values)))
        chosen = np.sort(np.argpartition(-values, few - 1)[:few]) if few else np.arange(0)
        return chosen, np.ones(few)
    order = np.argsort(-values / np.maximum(cost, 1e-12), kind="stable")
    spent = np.cumsum(cost[order])
    room = np.clip(left - (spent - cost[order]), 0, cost[order])
    share = np.divide(room, cost[order], out=np.ones(len(order)), where=cost[order] > 0)
    used = share > 0
    return order[used], share[used]
