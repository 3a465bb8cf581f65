"""Moments of local sums, and the weights that enter them."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from geocn._typing import AnyArray, FloatArray


def window_weights(
    weights: sparse.csr_matrix, *, star: bool
) -> tuple[sparse.csr_matrix, sparse.csr_matrix]:
    """Return the weights of the whole window and those of the neighbours alone.

    With ``star`` the cell enters its own window: with the weight that a given diagonal
    holds, else equal to its heaviest neighbour, row-standardised weights being standardised
    again; a cell without neighbours keeps an empty window.
    """
    diagonal = weights.diagonal()
    others = sparse.csr_matrix(weights - sparse.diags_array(diagonal, format="csr"))
    others.eliminate_zeros()
    others.sort_indices()
    if not star:
        return others, others
    if not diagonal.any():
        diagonal = _heaviest(others)
        if row_standardised(others):
            scale = 1 / (1 + diagonal)
            scaled = sparse.diags_array(scale, format="csr") @ others
            return sparse.csr_matrix(
                scaled + sparse.diags_array(diagonal * scale, format="csr")
            ), others
    return sparse.csr_matrix(others + sparse.diags_array(diagonal, format="csr")), others


def _heaviest(weights: sparse.csr_matrix) -> FloatArray:
    if not weights.shape[0]:
        return np.empty(0)
    heaviest: FloatArray = np.asarray(weights.max(axis=1).todense(), dtype=float).ravel()
    return heaviest


def row_standardised(weights: sparse.csr_matrix) -> bool:
    """Whether the weights of every cell that has any sum to one."""
    sums = _sums(weights)
    return bool(len(sums)) and bool(np.allclose(sums[sums > 0], 1.0, rtol=1e-9))


def _sums(weights: sparse.csr_matrix) -> FloatArray:
    sums: FloatArray = np.asarray(weights.sum(axis=1), dtype=float).ravel()
    return sums


def gi_score(y: AnyArray, window: sparse.csr_matrix, *, star: bool) -> FloatArray:
    """Return the standard score of the window sums; NaN where the moments leave no variance.

    Parameters
    ----------
    y : (n,) array
        Values, finite.
    window : (n, n) csr_matrix
        From :func:`window_weights`.
    star : bool
        Whether the cell is part of the window and of the moments.
    """
    n = len(y)
    centred = y - y.mean() if n else np.asarray(y, dtype=float)
    total_w = _sums(window)
    squares = total_w if row_standardised(window) else _sums(window.multiply(window).tocsr())
    own = np.zeros(n) if star else centred
    size = n if star else n - 1
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = (centred.sum() - own) / size
        variance = ((centred**2).sum() - own**2) / size - mean**2
        # What rounding leaves of constant data is not variance.
        variance = np.where(variance > 1e-12 * np.square(y).max(initial=0.0), variance, 0.0)
        spread = np.sqrt(variance * (size * squares - total_w**2) / (size - 1))
        z: FloatArray = (window @ centred - total_w * mean) / spread
    return np.where(np.isfinite(z), z, np.nan)
