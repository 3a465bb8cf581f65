"""How much more counts vary within a period than Poisson ones would."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, get_args

import numpy as np
from scipy import stats

from geocn._typing import AnyArray, FloatArray
from geocn.errors import ParameterError
from geocn.evaluation.periods import Gap, Spans, Window, observed_days

Dispersion = Literal["auto", "poisson", "quasi", "negative_binomial"]
#: Equal parts into which each period is cut to see how counts vary.
PARTS = 6
#: Below this p-value counts are held to vary more than Poisson ones.
_ALPHA = 0.05


@dataclass(frozen=True, slots=True)
class Spread:
    """What the parts of the periods say.

    ``factor`` is the variance over the mean of a quasi-Poisson count, ``alpha`` the
    dispersion of negative binomial parts, mean + alpha * mean².
    """

    law: str
    factor: float
    alpha: float
    chi_squared: float
    degrees: int

    def of(
        self, before: FloatArray, after: FloatArray, parts: FloatArray, confidence: float
    ) -> FloatArray:
        """Factor on the variance of the log ratio of each pair of counts.

        A dispersion estimated with few degrees of freedom is itself unsure: the factor grows
        by the square of Student's over the normal quantile.
        """
        if self.law == "poisson":
            return np.ones(len(before))
        share = 0.5 + confidence / 2
        unsure = 1.0
        if self.degrees:
            unsure = float((stats.t.ppf(share, self.degrees) / stats.norm.ppf(share)) ** 2)
        if self.law == "quasi":
            return np.full(len(before), unsure * self.factor)
        a, b = np.maximum(after, 0.5), np.maximum(before, 0.5)
        usual = 1 / a + 1 / b
        extra = self.alpha * (1 / np.maximum(parts[1], 1) + 1 / np.maximum(parts[0], 1))
        factor: FloatArray = unsure * (usual + extra) / usual
        return factor


def measure_spread(counts: FloatArray, shares: FloatArray, law: Dispersion) -> Spread:
    """Estimate dispersion from counts by area, period and part.

    Parameters
    ----------
    counts : (areas, 2, parts)
        In units in which a Poisson count has a variance equal to its mean.
    shares : (areas, 2, parts)
        Share of each period's time that fell to the part; they sum to 1, or are all 0.
    law : str
        "auto" takes quasi-Poisson where counts vary more than Poisson at 5 %.

    Raises
    ------
    ParameterError
        Where the law is unknown.

    Notes
    -----
    Pearson's statistic given the sum of each period, pooled over areas and periods; a trend
    or season within a period counts as dispersion, which errs on the side of caution.
    """
    if law not in get_args(Dispersion):
        raise ParameterError(f"dispersion {law!r}; choose one of {', '.join(get_args(Dispersion))}")
    total = counts.sum(axis=2, keepdims=True)
    mean = total * shares
    seen = mean > 0
    squares = (counts - mean) ** 2
    chi = float((squares[seen] / mean[seen]).sum())
    used = seen.sum(axis=2)
    degrees = int((used[used > 0] - 1).sum())
    if not degrees:
        return Spread("poisson" if law == "auto" else law, 1.0, 0.0, chi, 0)
    free = seen & (shares < 1)
    variance = squares[free] / (1 - shares[free])
    alpha = float((variance - mean[free]).sum() / (mean[free] ** 2).sum())
    chosen: str = law
    if law == "auto":
        chosen = "quasi" if stats.chi2.sf(chi, degrees) < _ALPHA else "poisson"
    return Spread(chosen, max(1.0, chi / degrees), max(0.0, alpha), chi, degrees)


def part_numbers(spans: Spans, window: Window) -> AnyArray:
    """Part of the window in which each row lies; -1 outside, or where it is too vague."""
    length = (window.end - window.start) / PARTS
    number = np.full(len(spans.start), -1, dtype=np.int64)
    known = spans.surely_in(window) & (spans.end - spans.start <= length)
    middle: AnyArray = spans.start[known] + (spans.end[known] - spans.start[known]) / 2
    place = (middle - window.start) / length
    number[known] = np.minimum(place.astype(np.int64), PARTS - 1)
    return number


def part_shares(window: Window, gaps: list[Gap], labels: list[object]) -> FloatArray:
    """Share of the window's observed days that fell to each part, by label: (labels, parts)."""
    length = (window.end - window.start) / PARTS
    edges = [window.start + number * length for number in range(PARTS)] + [window.end]
    days = np.stack(
        [observed_days(Window(a, b), gaps, labels) for a, b in pairwise(edges)],
        axis=1,
    )
    total = days.sum(axis=1, keepdims=True)
    shares: FloatArray = np.divide(days, total, out=np.zeros_like(days), where=total > 0)
    return shares
