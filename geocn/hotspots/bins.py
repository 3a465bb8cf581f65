r"""Gi\* of every bin of a space-time cube, without a matrix between bins."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from geocn._kernels import exact, permutation
from geocn._typing import AnyArray, BoolArray, FloatArray, IntArray
from geocn.errors import ParameterError
from geocn.hotspots.correction import Correction, adjust, two_sided
from geocn.hotspots.imputation import combine_scores, scores_from_p
from geocn.hotspots.tails import analytic_p, binomial_tails, whole_counts

INFERENCES = ("auto", "exact", "permutation", "analytic")
# Multiplications of the exact laws above which "auto" takes permutation instead.
_BUDGET = 3e9
_MOST_DRAWS = 5_000_000
# Counts up to this are tabulated directly instead of sorted.
_TABULATED = 1_000_000


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
        return z, *_exact(bins), chosen
    return z, *_permuted(bins, permutations, alpha, seed), chosen


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
    ks = np.unique(bins.size[bins.tested])
    possible = counted and ks.max(initial=0) <= exact.LARGEST_K
    if inference == "exact":
        if not possible:
            raise ParameterError(
                f'inference="exact" needs counts and at most {exact.LARGEST_K} neighbours of a '
                f'bin (the largest window has {ks.max(initial=0)}); use "permutation"'
            )
        return "exact"
    if not possible:
        return "permutation"
    values = np.unique(bins.values)
    largest = int(values.max(initial=0))
    cost = sum(len(values) * exact.cost(len(values), largest, int(k)) for k in ks)
    return "exact" if cost <= _BUDGET else "permutation"


def _exact(bins: Windows) -> tuple[FloatArray, BoolArray]:
    """Look p-values up in one table of the laws for each window size and own value."""
    values, counts, own = _tabulate(bins.values.astype(np.int64))
    key = bins.size * len(values) + own
    present = np.flatnonzero(np.bincount(key, minlength=1))
    offset = np.zeros(int(key.max(initial=0)) + 1, dtype=np.int64)
    tables, uppers, length = [np.empty(0)], [np.empty(0, dtype=bool)], 0
    for place in present:
        k, v = divmod(int(place), len(values))
        others = counts.copy()
        others[v] -= 1
        at_least, at_most = exact.tails(exact.sum_law(values, others, k))
        offset[place] = length
        tables.append(two_sided(at_least, at_most))
        uppers.append(at_least < at_most)
        length += len(at_least)
    at = offset[key] + np.rint(bins.lag).astype(np.int64)
    return np.concatenate(tables)[at], np.concatenate(uppers)[at]


def _tabulate(y: IntArray) -> tuple[IntArray, IntArray, IntArray]:
    """Distinct values, how often each stands, and the place of each among them."""
    if y.max(initial=0) > _TABULATED:
        values, own, counts = np.unique(y, return_inverse=True, return_counts=True)
        return values, counts, own
    every = np.bincount(y, minlength=1)
    values = np.flatnonzero(every)
    place = np.cumsum(every > 0) - 1
    return values, every[values], place[y]


def _permuted(
    bins: Windows, permutations: int | None, alpha: float, seed: int
) -> tuple[FloatArray, BoolArray]:
    # Fewer than tests / alpha draws cannot give a p-value that survives the correction.
    needed = max(999, int(np.ceil(2 * bins.tested.sum() / alpha)))
    draws = permutations or min(needed, _MOST_DRAWS)
    p = np.full(len(bins.values), np.nan)
    upper = np.zeros(len(bins.values), dtype=bool)
    for k in np.unique(bins.size[bins.tested]):
        rows = np.flatnonzero(bins.size == k)
        high, low = permutation.shared_sum_counts(
            bins.values, bins.lag[rows], rows, k=int(k), draws=draws, seed=seed
        )
        p[rows] = two_sided((high + 1) / (draws + 1), (low + 1) / (draws + 1))
        upper[rows] = high < low
    return p, upper
