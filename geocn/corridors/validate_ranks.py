"""Cells in the order a model would search them, and what evidence they hold."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats

from geocn._typing import BoolArray, FloatArray, IntArray
from geocn.corridors.validate_evidence import Evidence

_BINS = 10


@dataclass(frozen=True, slots=True)
class Ranks:
    """Share of the area searched before and after the cells of each score; NaN unscored.

    Cells of one score are one block: searched in no order, they hold their evidence evenly.
    """

    before: FloatArray
    after: FloatArray

    @classmethod
    def of(cls, score: FloatArray, area: FloatArray) -> Ranks:
        """Rank flat cells by falling score; NaN is not searched and counts for no area."""
        before, after = (np.full(len(score), np.nan) for _ in range(2))
        known = ~np.isnan(score)
        if not known.any():
            return cls(before, after)
        _, block = np.unique(-score[known], return_inverse=True)
        sizes = np.bincount(block, area[known])
        ends = np.cumsum(sizes) / sizes.sum()
        after[known] = ends[block]
        before[known] = np.append(0.0, ends[:-1])[block]
        return cls(before, after)

    def captured(self, cells: IntArray, shares: FloatArray) -> FloatArray:
        """Chance that each cell is among the top share of the area: (cells, shares)."""
        low, high = self._at(cells)
        with np.errstate(invalid="ignore"):
            part = (shares[None, :] - low[:, None]) / (high - low)[:, None]
        return np.nan_to_num(np.clip(part, 0.0, 1.0))

    def auc(self, cells: IntArray) -> FloatArray:
        """Chance that each cell scores above a random place, ties half; 0 where unscored."""
        low, high = self._at(cells)
        return np.nan_to_num(1 - (low + high) / 2)

    def top(self, share: float) -> BoolArray:
        """Cells whose middle rank is within the top share of the area."""
        with np.errstate(invalid="ignore"):
            inside: BoolArray = (self.before + self.after) / 2 <= share
        return inside if inside.any() else self.before == 0.0

    def _at(self, cells: IntArray) -> tuple[FloatArray, FloatArray]:
        outside = cells < 0
        low = np.where(outside, np.nan, self.before[cells])
        high = np.where(outside, np.nan, self.after[cells])
        return low, high


@dataclass(frozen=True, slots=True)
class ItemScores:
    """What one method gives each observation: AUC and captured shares."""

    auc: FloatArray
    captured: FloatArray

    @classmethod
    def of(cls, ranks: Ranks, found: Evidence, cells: IntArray, shares: FloatArray) -> ItemScores:
        """Score observations whose places lie in these cells (-1 outside)."""
        captured = np.column_stack(
            [
                found.means(ranks.captured(cells, shares[i : i + 1])[:, 0])
                for i in range(len(shares))
            ]
        )
        return cls(found.means(ranks.auc(cells)), captured)


def boyce_index(curve: FloatArray) -> float:
    """Rank correlation of score and density of evidence over ten equal areas.

    The index of Boyce et al. 2002 (doi:10.1016/S0304-3800(02)00200-4) with bins of equal
    area; ``curve`` holds the captured share at 0, 0.1, … 1. NaN where all bins hold as much.
    """
    density = np.diff(curve)
    if not np.isfinite(density).all() or np.ptp(density) < 1e-12:
        return float("nan")
    return float(stats.spearmanr(np.arange(_BINS, 0, -1), density).statistic)


def bootstrap_means(
    values: FloatArray, *, n: int, seed: int, confidence: float
) -> tuple[FloatArray, FloatArray]:
    """Percentile interval of the mean of each column, rows drawn with replacement."""
    rows = len(values)
    if rows < 2:
        none = np.full(values.shape[1], np.nan)
        return none, none.copy()
    weights = np.random.default_rng(seed).multinomial(rows, np.full(rows, 1 / rows), size=n) / rows
    # One fixed order of summation, whatever the number of threads.
    means = np.einsum("bi,ik->bk", weights, values)
    tail = 50 * (1 - confidence)
    low, high = np.percentile(means, [tail, 100 - tail], axis=0)
    return low, high


def delong_interval(auc: FloatArray, *, confidence: float) -> tuple[float, float]:
    """Find a normal interval of a mean AUC from the placements of the observations.

    DeLong et al. 1988 (doi:10.2307/2531595); the other sample is the whole area, which is
    known and has no variance.
    """
    if len(auc) < 2:
        return float("nan"), float("nan")
    half = stats.norm.ppf(0.5 + confidence / 2) * auc.std(ddof=1) / np.sqrt(len(auc))
    return max(float(auc.mean() - half), 0.0), min(float(auc.mean() + half), 1.0)
