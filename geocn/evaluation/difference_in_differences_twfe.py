"""Two-way fixed effects on a complete panel, with clustered and wild bootstrap errors."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats

from geocn._typing import FloatArray, IntArray


@dataclass(frozen=True, slots=True)
class TwoWay:
    """Coefficient of a treatment in a regression on area and period effects."""

    estimate: float
    std_error: float
    degrees: float
    #: Scores and information of each cluster, and their pieces by period.
    score: FloatArray
    information: FloatArray
    residual: FloatArray
    regressor: FloatArray
    weight: float

    def interval(self, confidence: float) -> tuple[float, float, float]:
        """Return low, high and the p-value by Student's t."""
        if not self.std_error > 0:
            return (float("nan"),) * 3
        reach = float(stats.t.ppf((1 + confidence) / 2, self.degrees)) * self.std_error
        p_value = 2 * float(stats.t.sf(abs(self.estimate) / self.std_error, self.degrees))
        return self.estimate - reach, self.estimate + reach, p_value


def within(values: FloatArray, weight: FloatArray) -> FloatArray:
    """Take area and (weighted) period means away."""
    rows = values - values.mean(axis=1, keepdims=True)
    found: FloatArray = rows - (weight[:, None] * rows).sum(axis=0) / weight.sum()
    return found


def two_way(
    outcome: FloatArray, treatment: FloatArray, weight: FloatArray, cluster: IntArray
) -> TwoWay:
    """Estimate the coefficient with CR1 errors: G / (G - 1) · (N - 1) / (N - K).

    K counts the treatment, the period effects and the constant; area effects lie within
    clusters and are not counted (Cameron & Miller 2015, doi:10.3368/jhr.50.2.317).
    """
    x, y = within(treatment, weight), within(outcome, weight)
    heavy = weight[:, None] * x
    total = float((heavy * x).sum())
    estimate = float((heavy * y).sum()) / total
    rest = y - estimate * x
    groups = int(cluster.max()) + 1

    def by_cluster(values: FloatArray) -> FloatArray:
        found = np.zeros((groups, *values.shape[1:]))
        np.add.at(found, cluster, values)
        return found

    score = by_cluster((heavy * rest).sum(axis=1))
    n, k = outcome.size, outcome.shape[1] + 1
    correction = groups / max(groups - 1, 1) * (n - 1) / (n - k)
    error = float(np.sqrt(correction * (score**2).sum())) / total
    return TwoWay(
        estimate, error if groups > 1 else float("nan"), float(groups - 1), score,
        by_cluster((heavy * x).sum(axis=1)), by_cluster(weight[:, None] * rest),
        by_cluster(heavy), float(weight.sum()),
    )  # fmt: skip


class WildBootstrap:
    """Wild cluster bootstrap with the null imposed (Cameron, Gelbach & Miller 2008).

    Under the null that the coefficient is b0, the residuals of each cluster keep or change
    their sign together. Everything is linear in ``d = estimate - b0``, so that one set of
    draws serves every b0: the statistic is a ratio of two quadratics in d. With
    ``2**clusters`` no more than ``draws``, every combination of signs is taken once.
    """

    def __init__(self, fit: TwoWay, *, draws: int, seed: int) -> None:
        groups = len(fit.score)
        self.is_exact = groups < 60 and 2**groups <= draws
        if self.is_exact:
            bits = np.arange(2**groups)[:, None] >> np.arange(groups) & 1
        else:
            bits = np.random.default_rng(seed).integers(0, 2, (draws, groups))
        sign = 2.0 * bits - 1.0
        d, x, total = fit.information, fit.regressor, fit.information.sum()
        self._step = (sign @ fit.score / total, sign @ d / total)
        a = sign * fit.score - sign @ fit.residual @ x.T / fit.weight
        b = sign * d - sign @ x @ x.T / fit.weight
        a -= self._step[0][:, None] * d
        b -= self._step[1][:, None] * d
        self._square = ((a * a).sum(axis=1), 2 * (a * b).sum(axis=1), (b * b).sum(axis=1))
        self._fit = fit

    def p_value(self, null: float = 0.0) -> float:
        """Share of draws at least as far from the null as the estimate."""
        d = self._fit.estimate - null
        own = d**2 / float((self._fit.score**2).sum())
        square = self._square[0] + d * self._square[1] + d**2 * self._square[2]
        step = (self._step[0] + d * self._step[1]) ** 2
        beyond = int((step >= own * square * (1 - 1e-9)).sum())
        n = len(step)
        return beyond / n if self.is_exact else (beyond + 1) / (n + 1)

    def interval(self, confidence: float) -> tuple[float, float]:
        """Values that the test does not reject; infinite where it rejects none that way."""
        low, high = (self._end(side, 1 - confidence) for side in (-1.0, 1.0))
        return low, high

    def _end(self, side: float, alpha: float) -> float:
        fit = self._fit
        kept, lost = 0.0, fit.std_error
        while self.p_value(fit.estimate + side * lost) >= alpha:
            kept, lost = lost, 2 * lost
            if lost > 1e6 * fit.std_error:
                return side * float("inf")
        while lost - kept > 1e-9 * lost:
            middle = (kept + lost) / 2
            if self.p_value(fit.estimate + side * middle) >= alpha:
                kept = middle
            else:
                lost = middle
        return fit.estimate + side * kept
