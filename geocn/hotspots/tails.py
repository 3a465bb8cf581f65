"""Tail probabilities of local sums: exact, by permutation, or from moments."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import pandas as pd
from scipy import stats

from geocn._kernels import exact, permutation
from geocn._typing import AnyArray, BoolArray, FloatArray, IntArray
from geocn.errors import LayerError, ParameterError
from geocn.hotspots.correction import Correction, adjust, two_sided
from geocn.hotspots.surroundings import Surroundings

Inference = Literal["auto", "exact", "permutation", "analytic"]
_INFERENCES = get_args(Inference)

# Multiplications of the exact law above which "auto" takes permutation instead.
_BUDGET = 3e9
_MOST_DRAWS = 5_000_000
_MOST_WEIGHTED_DRAWS = 99_999
# Besag & Clifford 1991 stop after 10 to 20 exceedances; both tails are waited for here.
_ENOUGH = 20
# Tables up to this long are indexed directly; what is longer is sorted.
_TABULATED = 4_000_000


@dataclass(frozen=True, slots=True)
class Tails:
    """Two-sided p-values, and whether the upper tail is the smaller one.

    Where few results are possible each is held once: ``place`` says for every row which one
    is its own, and ``times`` how many rows have it.
    """

    p: FloatArray
    is_upper: BoolArray
    place: IntArray | None = None
    times: IntArray | None = None

    def of_rows(self, held: AnyArray) -> AnyArray:
        """Bring what is held once a result to the rows."""
        return held if self.place is None else held[self.place]

    def having(self, p_value: float, rows: BoolArray) -> Tails:
        """Give some rows another p-value."""
        if not rows.any():
            return self
        if self.place is None:
            return Tails(np.where(rows, p_value, self.p), self.is_upper)
        place = np.where(rows, len(self.p), self.place)
        return held_once(np.append(self.p, p_value), np.append(self.is_upper, False), place)

    def adjusted(self, correction: Correction) -> FloatArray:
        """Corrected p-values of the rows."""
        adjusted = adjust(self.p, correction=correction, times=self.times)
        return np.asarray(self.of_rows(adjusted), dtype=float)


def inference_faults(inference: str, permutations: int | None) -> list[str]:
    """Say what is wrong with an inference and a number of permutations."""
    faults = []
    if inference not in _INFERENCES:
        faults.append(f"inference {inference!r} is not one of {', '.join(_INFERENCES)}")
    if permutations is not None and permutations < 1:
        faults.append(f"permutations is {permutations}, not 1 or more")
    return faults


def held_once(p: FloatArray, is_upper: BoolArray, place: IntArray) -> Tails:
    """Tails of rows by the place of each among possible results; those of no row are no tests."""
    times = np.bincount(place, minlength=len(p))
    return Tails(np.where(times > 0, p, np.nan), is_upper, place, times)


def whole_counts(y: FloatArray) -> BoolArray:
    """Which values are whole numbers of 0 or more."""
    whole: BoolArray = (y >= 0) & (y == np.floor(y)) & (y < 2**53)
    return whole


def choose(y: FloatArray, around: Surroundings, inference: str) -> str:
    """Resolve "auto": exact for counts where the law is cheap, else permutation."""
    if inference != "auto":
        return inference
    feasible = around.equal and bool(whole_counts(y).all())
    return "exact" if feasible and is_cheap(y, around.k) else "permutation"


def is_cheap(y: FloatArray, k: IntArray) -> bool:
    """Whether the exact laws of sums of up to k of these counts are within their budget."""
    most = int(k.max(initial=0))
    if most > exact.LARGEST_K:
        return False
    span = int(y.max(initial=0)) - int(y.min()) if len(y) else 0
    if span * most > _BUDGET:
        return False
    return exact.cost(len(tabulate(y.astype(np.int64))[0]), span, most) <= _BUDGET


def tabulate(y: IntArray) -> tuple[IntArray, IntArray, IntArray]:
    """Distinct whole numbers of 0 or more, how often each stands, and the place of each row's."""
    if y.max(initial=0) > _TABULATED:
        values, place, counts = np.unique(y, return_inverse=True, return_counts=True)
        return values, counts, place
    every = np.bincount(y, minlength=1)
    values = np.flatnonzero(every)
    rank: IntArray = np.cumsum(every > 0) - 1
    return values, every[values], rank[y]


def exact_tails(y: FloatArray, around: Surroundings, labels: pd.Index, *, analysis: str) -> Tails:
    """Two-sided exact p-values of the sums over neighbours, given each row's own value.

    Rows without neighbours get NaN. ``labels`` name the rows in errors of the ``analysis``.

    Raises
    ------
    LayerError
        Where a value is not a count.
    ParameterError
        Where weights differ within a row, or a row has too many neighbours.
    """
    refuse_other_than_counts(y, labels, analysis=analysis)
    if not around.equal:
        raise ParameterError('inference="exact" needs equal weights; use "permutation"')
    most = int(around.k.max(initial=0))
    if most > exact.LARGEST_K:
        raise ParameterError(
            f'inference="exact" serves up to {exact.LARGEST_K} neighbours; use "permutation"'
        )
    counts = y.astype(np.int64)
    return exact_sums(counts, around.k, around.sums(counts))


def exact_sums(counts: IntArray, k: IntArray, sums: IntArray) -> Tails:
    """Two-sided exact p-values of sums of k others, given each row's own count; NaN for k = 0."""
    most = int(k.max(initial=0))
    values, times, own = tabulate(counts)
    least = int(values.min()) if len(values) else 0
    width = most * (int(values.max(initial=0)) - least) + 1
    ks, _, k_place = tabulate(k)
    # A result is a number of neighbours, an own value and a sum, in one number.
    key = (own * len(ks) + k_place) * width + sums - least * k
    keys, rows_each, place = _distinct(key, len(values) * len(ks) * width)
    p, is_upper = np.full(len(keys), np.nan), np.zeros(len(keys), dtype=bool)
    for v, laws in exact.laws_without_one(values, times, most):
        for c, draws in enumerate(ks.tolist()):
            block = (v * len(ks) + c) * width
            some = slice(*np.searchsorted(keys, [block, block + width]))
            if draws and some.start < some.stop:
                at_least, at_most = exact.tails(laws[draws])
                at = keys[some] - block
                p[some] = two_sided(at_least[at], at_most[at])
                is_upper[some] = at_least[at] < at_most[at]
    return Tails(p, is_upper, place, rows_each)


def refuse_other_than_counts(y: FloatArray, labels: pd.Index, *, analysis: str) -> None:
    """Raise a LayerError that names the rows whose value is not a whole number of 0 or more."""
    bad = ~whole_counts(y)
    if bad.any():
        raise LayerError(
            analysis,
            found=f"values that are not counts, such as {y[bad][0]:g}",
            expected='whole numbers of 0 or more for inference="exact"',
            repair='Use inference="permutation".',
            rows=list(labels[bad]),
        )


def _distinct(key: IntArray, size: int) -> tuple[IntArray, IntArray, IntArray]:
    """Distinct keys in order, how often each stands, and the place of each row's."""
    if size > _TABULATED:
        keys, place, times = np.unique(key, return_inverse=True, return_counts=True)
        return keys, times, place
    every = np.bincount(key, minlength=1)
    keys = np.flatnonzero(every)
    place = np.zeros(len(every), dtype=np.int64)
    place[keys] = np.arange(len(keys))
    return keys, every[keys], place[key]


def permutation_tails(
    y: FloatArray, around: Surroundings, *, permutations: int | None, alpha: float, seed: int
) -> tuple[Tails, int]:
    """Two-sided conditional permutation p-values, and the number of permutations."""
    if around.equal or around.matrix is None:
        lag = np.asarray(around.sums(y), dtype=float)
        return permuted_sums(y, lag, around.k, permutations=permutations, alpha=alpha, seed=seed)
    needed = _needed(around.k, alpha)
    draws = permutations or min(needed, _MOST_WEIGHTED_DRAWS)
    rows = np.flatnonzero(around.k)
    drawn = np.zeros((len(y), 3), dtype=np.int64)
    drawn[rows] = permutation.weighted_counts(
        y,
        around.lag(y),
        around.matrix.indptr.astype(np.int64),
        around.matrix.data,
        rows,
        draws,
        draws if permutations else _ENOUGH,
        seed,
    )
    return _from_draws(*drawn.T), draws


def permuted_sums(
    y: FloatArray,
    sums: FloatArray,
    k: IntArray,
    *,
    permutations: int | None,
    alpha: float,
    seed: int,
) -> tuple[Tails, int]:
    """Two-sided permutation p-values of sums of k others, and the number of permutations."""
    draws = permutations or min(_needed(k, alpha), _MOST_DRAWS)
    high, low = permutation.shared_counts(y, sums, k, draws=draws, seed=seed)
    return _of_shared_draws(high, low, draws), draws


def _needed(k: IntArray, alpha: float) -> int:
    # Fewer than tests / alpha draws cannot give a p-value that survives the correction.
    return max(999, int(np.ceil(2 * int((k > 0).sum()) / alpha)))


def _from_draws(at_least: IntArray, at_most: IntArray, draws: IntArray) -> Tails:
    p = two_sided((at_least + 1) / (draws + 1), (at_most + 1) / (draws + 1))
    return Tails(p, at_least < at_most)


def _of_shared_draws(at_least: IntArray, at_most: IntArray, draws: int) -> Tails:
    if 2 * (draws + 1) > len(at_least):
        return _from_draws(at_least, at_most, np.full(len(at_least), draws))
    smaller = np.arange(draws + 1) + 1.0
    p = np.repeat(two_sided(smaller / (draws + 1), smaller / (draws + 1)), 2)
    place = 2 * np.minimum(at_least, at_most) + (at_least < at_most)
    return held_once(p, np.tile([False, True], draws + 1), place)


def analytic_p(z: FloatArray) -> FloatArray:
    """Two-sided p-values of normal scores; too small on sparse counts."""
    p: FloatArray = 2 * stats.norm.sf(np.abs(z))
    return p


def binomial_tails(observed: FloatArray, total: FloatArray, share: FloatArray) -> Tails:
    """Two-sided exact p-values of counts given their total and expected share.

    Independent Poisson counts, given their sum, are multinomial; one count against the
    rest is binomial (Przyborowski & Wilenski 1940, doi:10.1093/biomet/31.3-4.313).
    """
    at_least = np.asarray(stats.binom.sf(observed - 1, total, share), dtype=float)
    at_most = np.asarray(stats.binom.cdf(observed, total, share), dtype=float)
    return Tails(two_sided(at_least, at_most), at_least < at_most)


def binomial_p(observed: FloatArray, total: FloatArray, share: FloatArray) -> FloatArray:
    """Two-sided p-values of :func:`binomial_tails`."""
    return binomial_tails(observed, total, share).p
