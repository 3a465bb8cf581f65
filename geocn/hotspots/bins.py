r"""Gi\* of every bin of a space-time cube, without a matrix between bins."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from geocn._kernels import exact
from geocn._typing import AnyArray, BoolArray, FloatArray, IntArray
from geocn.errors import ParameterError
from geocn.hotspots.combining import combine_scores, scores_from_p
from geocn.hotspots.correction import Correction, adjust
from geocn.hotspots.tails import (
    analytic_p,
    binomial_tails,
    exact_sums,
    is_cheap,
    permuted_sums,
    whole_counts,
)


@dataclass(frozen=True, slots=True)
class Windows:
    """Values of the bins that take part, and what the window of each holds beside itself."""

    values: FloatArray
    lag: FloatArray
    size: IntArray
    valid: BoolArray

    @property
    def tested(self) -> BoolArray:
        """Which of the bins that take part have neighbours."""
        return self.size > 0


@dataclass(frozen=True, slots=True)
class Scores:
    """Standard score, p-value and state (1 hot, -1 cold, 0 neither) of each bin.

    ``missing`` is the fraction of missing information where imputations were combined.
    """

    z: FloatArray
    p_value: FloatArray
    state: AnyArray
    inference: str
    n_tests: int
    missing: FloatArray | None = None


def windows(
    counts: FloatArray, valid: BoolArray, weights: sparse.csr_matrix, *, time_neighbours: int
) -> Windows:
    """Sum each bin's neighbours: adjacent areas now, they and itself in earlier steps.

    Parameters
    ----------
    counts : (areas, steps) array
    valid : (areas, steps) boolean array
        Bins that take part; the others neither give nor receive.
    weights : (areas, areas) csr_matrix
        Who is next to whom; weights count as 0 or 1. Areas without a neighbour are not
        tested.
    time_neighbours : int
        Number of earlier steps in the window.
    """
    pattern = sparse.csr_matrix(weights)
    pattern.setdiag(0)
    pattern.eliminate_zeros()
    pattern.data = np.ones_like(pattern.data)
    alone = np.diff(pattern.indptr) == 0
    window = sparse.csr_matrix(pattern + sparse.eye_array(len(counts), format="csr"))
    own = np.where(valid, counts, 0.0)
    total = _with_earlier(window @ own, time_neighbours)
    size = _with_earlier(window @ valid.astype(float), time_neighbours)
    size[alone] = 1
    lag = total - own
    return Windows(own[valid], lag[valid], size[valid].astype(np.int64) - 1, valid)


def _with_earlier(sums: FloatArray, steps: int) -> FloatArray:
    result = sums.copy()
    for back in range(1, min(steps, sums.shape[1] - 1) + 1):
        result[:, back:] += sums[:, :-back]
    return result


def score(
    bins: Windows,
    *,
    inference: str,
    permutations: int | None,
    alpha: float,
    correction: Correction,
    seed: int,
    exposed: Windows | None = None,
    more: Sequence[Windows] = (),
) -> Scores:
    r"""Test every bin against the whole cube; two-sided, given the bin's own value.

    A bin is hot where its adjusted p-value is significant, its upper tail the smaller one
    and its score positive; cold where all three are reversed. Under ``exposed`` the counts
    of a window are binomial out of all of them, in proportion to its exposure. ``more`` are
    the other imputations of the values, whose scores are combined.
    """
    tested = bins.tested
    found = [
        _law(b, exposed, inference, permutations=permutations, alpha=alpha, seed=seed)
        for b in (bins, *more)
    ]
    z, p, upper, chosen = found[0]
    missing = None
    if more:
        normal = [scores_from_p(np.where(np.isnan(f[1]), 1.0, f[1]), f[2] - 0.5) for f in found]
        joined, p, share = combine_scores(normal)
        z, upper, missing = combine_scores([f[0] for f in found])[0], joined > 0, share
        missing = _spread(np.where(tested, missing, np.nan), bins.valid)
    z = np.where(tested, z, np.nan)
    p = np.where(tested, np.where(np.isnan(p), 1.0, p), np.nan)
    significant = _significant(p, alpha, correction)
    with np.errstate(invalid="ignore"):
        state = (significant & upper & (z > 0)).astype(np.int8)
        state[significant & ~upper & (z < 0)] = -1
    states = np.zeros(bins.valid.shape, dtype=np.int8)
    states[bins.valid] = state
    full = _spread(z, bins.valid), _spread(p, bins.valid)
    return Scores(*full, states, chosen, int(tested.sum()), missing)


def _law(
    bins: Windows,
    exposed: Windows | None,
    inference: str,
    *,
    permutations: int | None,
    alpha: float,
    seed: int,
) -> tuple[FloatArray, FloatArray, BoolArray, str]:
    """Score, p-value, whether the upper tail is the smaller one, and the inference."""
    if exposed is not None:
        return _binomial(bins, exposed, inference)
    z = np.where(bins.tested, _gi_star(bins), np.nan)
    chosen = _choose(bins, inference)
    if chosen == "analytic":
        return z, analytic_p(z), z > 0, chosen
    if chosen == "exact":
        sums = np.rint(bins.lag).astype(np.int64)
        found = exact_sums(bins.values.astype(np.int64), bins.size, sums)
    else:
        found, _ = permuted_sums(
            bins.values, bins.lag, bins.size, permutations=permutations, alpha=alpha, seed=seed
        )
    p = np.where(bins.tested, found.of_rows(found.p), np.nan)
    return z, p, found.of_rows(found.is_upper), chosen


def _binomial(
    bins: Windows, exposed: Windows, inference: str
) -> tuple[FloatArray, FloatArray, BoolArray, str]:
    if inference not in ("auto", "exact") or not whole_counts(bins.values).all():
        raise ParameterError(
            'exposure needs counts and inference "auto" or "exact" (the binomial law)'
        )
    observed, total = bins.lag + bins.values, bins.values.sum()
    with np.errstate(invalid="ignore", divide="ignore"):
        share = np.clip((exposed.lag + exposed.values) / exposed.values.sum(), 0.0, 1.0)
        spread = np.sqrt(total * share * (1 - share))
        z = np.where(spread > 0, (observed - total * share) / spread, np.nan)
    tails = binomial_tails(observed, np.full(len(share), total), np.nan_to_num(share))
    return z, tails.p, tails.is_upper, "exact"


def _significant(p: FloatArray, alpha: float, correction: Correction) -> BoolArray:
    """Which p-values are at most alpha after correction.

    Those above alpha are so after any correction, and only their number matters to the
    others: among millions of bins this spares sorting nearly all of them.
    """
    with np.errstate(invalid="ignore"):
        below = np.flatnonzero(p <= alpha)
    n, m = int((~np.isnan(p)).sum()), len(below)
    significant = np.zeros(len(p), dtype=bool)
    if m:
        scale = 1.0 if correction == "none" else n / m
        if correction == "by":
            scale *= np.sum(1 / np.arange(1, n + 1)) / np.sum(1 / np.arange(1, m + 1))
        significant[below] = adjust(p[below], correction=correction) * scale <= alpha
    return significant


def _spread(data: FloatArray, valid: BoolArray) -> FloatArray:
    result = np.full(valid.shape, np.nan)
    result[valid] = data
    return result


def _gi_star(bins: Windows) -> FloatArray:
    n = len(bins.values)
    if n < 2:
        return np.full(n, np.nan)
    mean, variance = bins.values.mean(), bins.values.var()
    # What rounding leaves of constant data is not variance.
    if variance <= 1e-12 * np.square(bins.values).max(initial=0.0):
        return np.full(n, np.nan)
    size = bins.size + 1.0
    spread = np.sqrt(variance * (n * size - size**2) / (n - 1))
    with np.errstate(invalid="ignore", divide="ignore"):
        z = (bins.lag + bins.values - size * mean) / spread
    return np.where(spread > 0, z, np.nan)


def _choose(bins: Windows, inference: str) -> str:
    if inference in ("permutation", "analytic"):
        return inference
    counted = bool(whole_counts(bins.values).all())
    most = int(bins.size.max(initial=0))
    if inference == "exact":
        if not counted or most > exact.LARGEST_K:
            raise ParameterError(
                f'inference="exact" needs counts and at most {exact.LARGEST_K} neighbours of a '
                f'bin (the largest window has {most}); use "permutation"'
            )
        return "exact"
    return "exact" if counted and is_cheap(bins.values, bins.size) else "permutation"
