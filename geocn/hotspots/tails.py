"""Tail probabilities of local sums: exact, by permutation, or from moments."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse, stats

from geocn._kernels import exact, permutation
from geocn._typing import BoolArray, FloatArray, IntArray
from geocn.errors import LayerError, ParameterError
from geocn.hotspots.correction import two_sided

# Multiplications of the exact law above which "auto" takes permutation instead.
_BUDGET = 3e9
_MOST_DRAWS = 5_000_000
_MOST_WEIGHTED_DRAWS = 99_999
# Besag & Clifford 1991 stop after 10 to 20 exceedances; both tails are waited for here.
_ENOUGH = 20


@dataclass(frozen=True, slots=True)
class Cells:
    """What a local test needs: values, neighbours without self, sums, and which to test."""

    y: FloatArray
    weights: sparse.csr_matrix
    lag: FloatArray
    tested: BoolArray

    @property
    def cardinality(self) -> IntArray:
        """Number of neighbours of each cell."""
        return np.diff(self.weights.indptr).astype(np.int64)

    @property
    def equal_weights(self) -> bool:
        """Whether, within each cell, all neighbours weigh the same."""
        data, start = self.weights.data, self.weights.indptr
        if not len(data):
            return True
        k = np.diff(start)
        first = np.repeat(data[np.minimum(start[:-1], len(data) - 1)], k)
        return bool(np.allclose(data, first, rtol=1e-9, atol=0))

    @property
    def plain_lag(self) -> FloatArray:
        """Sums over neighbours without weights."""
        pattern = self.weights.copy()
        pattern.data = np.ones_like(pattern.data)
        lag: FloatArray = pattern @ self.y
        return lag


def whole_counts(y: FloatArray) -> BoolArray:
    """Which values are whole numbers of 0 or more."""
    whole: BoolArray = (y >= 0) & (y == np.floor(y)) & (y < 2**53)
    return whole


def choose(cells: Cells, inference: str) -> str:
    """Resolve "auto": exact for counts where the law is cheap, else permutation."""
    if inference != "auto":
        return inference
    feasible = cells.equal_weights and bool(whole_counts(cells.y).all())
    return "exact" if feasible and _exact_cost(cells) <= _BUDGET else "permutation"


def _exact_cost(cells: Cells) -> float:
    values = np.unique(cells.y)
    ks = np.unique(cells.cardinality[cells.tested])
    if len(ks) and ks.max() > exact.LARGEST_K:
        return np.inf
    largest = int(values.max(initial=0))
    return sum(len(values) * exact.cost(len(values), largest, int(k)) for k in ks)


def exact_p(cells: Cells, labels: list[object]) -> FloatArray:
    """Two-sided exact p-values given each cell's own value.

    Raises
    ------
    LayerError
        Where a value is not a count.
    ParameterError
        Where weights differ within a cell, or a cell has too many neighbours.
    """
    bad = ~whole_counts(cells.y)
    if bad.any():
        raise LayerError(
            "getis_ord",
            found=f"values that are not counts, such as {cells.y[bad][0]:g}",
            expected='whole numbers of 0 or more for inference="exact"',
            repair='Use inference="permutation".',
            rows=[label for label, is_bad in zip(labels, bad, strict=True) if is_bad],
        )
    if not cells.equal_weights:
        raise ParameterError('inference="exact" needs equal weights; use "permutation"')
    k_of, y = cells.cardinality, cells.y.astype(np.int64)
    if k_of[cells.tested].max(initial=0) > exact.LARGEST_K:
        raise ParameterError(
            f'inference="exact" serves up to {exact.LARGEST_K} neighbours; use "permutation"'
        )
    lag = np.rint(cells.plain_lag).astype(np.int64)
    values, counts = np.unique(y, return_counts=True)
    p = np.full(len(y), np.nan)
    own = np.searchsorted(values, y)
    for k in np.unique(k_of[cells.tested]):
        for v in np.unique(own[cells.tested & (k_of == k)]):
            rows = np.flatnonzero(cells.tested & (k_of == k) & (own == v))
            others = counts.copy()
            others[v] -= 1
            at_least, at_most = exact.tails(exact.sum_law(values, others, int(k)))
            p[rows] = two_sided(at_least[lag[rows]], at_most[lag[rows]])
    return p


def permutation_p(
    cells: Cells, *, permutations: int | None, alpha: float, seed: int
) -> tuple[FloatArray, int]:
    """Two-sided conditional permutation p-values, and the number of permutations."""
    p = np.full(len(cells.y), np.nan)
    n_tests = int(cells.tested.sum())
    # Fewer than tests / alpha draws cannot give a p-value that survives the correction.
    needed = max(999, int(np.ceil(2 * n_tests / alpha)))
    if cells.equal_weights:
        draws = permutations or min(needed, _MOST_DRAWS)
        k_of, lag = cells.cardinality, cells.plain_lag
        for k in np.unique(k_of[cells.tested]):
            rows = np.flatnonzero(cells.tested & (k_of == k))
            high, low = permutation.shared_sum_counts(
                cells.y, lag[rows], rows, k=int(k), draws=draws, seed=seed
            )
            p[rows] = two_sided((high + 1) / (draws + 1), (low + 1) / (draws + 1))
        return p, draws
    draws = permutations or min(needed, _MOST_WEIGHTED_DRAWS)
    rows = np.flatnonzero(cells.tested)
    counts = permutation.weighted_counts(
        cells.y,
        cells.lag,
        cells.weights.indptr.astype(np.int64),
        cells.weights.data,
        rows,
        draws,
        draws if permutations else _ENOUGH,
        seed,
    )
    taken = counts[:, 2] + 1
    p[rows] = two_sided((counts[:, 0] + 1) / taken, (counts[:, 1] + 1) / taken)
    return p, draws


def analytic_p(z: FloatArray) -> FloatArray:
    """Two-sided p-values of normal scores; too small on sparse counts."""
    p: FloatArray = 2 * stats.norm.sf(np.abs(z))
    return p


def binomial_p(observed: FloatArray, total: FloatArray, share: FloatArray) -> FloatArray:
    """Two-sided exact p-values of counts given their total and expected share.

    Independent Poisson counts, given their sum, are multinomial; one count against the
    rest is binomial (Przyborowski & Wilenski 1940, doi:10.1093/biomet/31.3-4.313).
    """
    at_least = np.asarray(stats.binom.sf(observed - 1, total, share), dtype=float)
    at_most = np.asarray(stats.binom.cdf(observed, total, share), dtype=float)
    return two_sided(at_least, at_most)
