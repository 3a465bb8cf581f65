"""The neighbours of the rows that take part in a test, however they are given."""

from __future__ import annotations

from dataclasses import dataclass

import geopandas as gpd
import numpy as np
from scipy import sparse

from geocn._typing import AnyArray, BoolArray, FloatArray, IntArray
from geocn.spatial.lattice import Lattice, LatticeNeighbours
from geocn.spatial.neighbours import Neighbours, find_neighbours

_NO_LATTICE = Lattice(0, 0, np.empty(0, dtype=np.int64), (np.nan, np.nan)).queen()


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Neighbours among the rows that take part, without the row itself.

    Attributes
    ----------
    k : (n,) integer array
        Number of neighbours.
    weight, squares, heaviest : (n,) arrays
        Sum of the weights of a row, of their squares, and the largest of them.
    diagonal : (n,) array
        Weights that a given matrix holds for the rows themselves.
    equal : bool
        Whether, within each row, all neighbours weigh the same.
    is_standardised : bool
        Whether the weights of every row, those of rows that take no part included, sum to one.
    matrix : csr_matrix or None
        The weights; None on a lattice, where all are 1.
    """

    k: IntArray
    weight: FloatArray
    squares: FloatArray
    heaviest: FloatArray
    diagonal: FloatArray
    equal: bool
    is_standardised: bool
    matrix: sparse.csr_matrix | None
    _lattice: LatticeNeighbours = _NO_LATTICE
    _rows: IntArray | None = None

    def sums(self, x: AnyArray) -> AnyArray:
        """Sum ``x`` over the neighbours of each row, unweighted; whole numbers stay exact."""
        if self.matrix is None:
            return _on_lattice(self._lattice, self._rows, x)
        if (self.matrix.data == 1).all():
            summed: AnyArray = self.matrix @ x
        else:
            ones = np.ones(len(self.matrix.data))
            pattern = (ones, self.matrix.indices, self.matrix.indptr)
            summed = sparse.csr_matrix(pattern, shape=self.matrix.shape) @ x
        whole = np.issubdtype(x.dtype, np.integer)
        return np.rint(summed).astype(x.dtype) if whole else summed

    def lag(self, x: FloatArray) -> FloatArray:
        """Sum ``x`` over the neighbours of each row, weighted."""
        if self.matrix is None:
            return np.asarray(self.sums(x), dtype=float)
        lag: FloatArray = self.matrix @ x
        return lag


def surroundings(frame: gpd.GeoDataFrame, neighbours: Neighbours, valid: BoolArray) -> Surroundings:
    """Find the neighbours of the rows that take part; the others neither give nor receive."""
    found = find_neighbours(frame, neighbours)
    rows = None if valid.all() else np.flatnonzero(valid)
    if isinstance(found, LatticeNeighbours):
        n = len(frame) if rows is None else len(rows)
        k = _on_lattice(found, rows, np.ones(n, dtype=np.int64))
        weight = k.astype(float)
        heaviest = (k > 0).astype(float)
        zero = np.zeros(n)
        return Surroundings(k, weight, weight, heaviest, zero, True, False, None, found, rows)
    standardised = sum_to_one(found @ np.ones(len(frame)) - found.diagonal())
    return _among(found if rows is None else sparse.csr_matrix(found[rows][:, rows]), standardised)


def sum_to_one(total: FloatArray) -> bool:
    """Whether the weights of every row that has any sum to one."""
    return bool(len(total)) and bool((np.abs(total[total > 0] - 1) <= 1e-8).all())


def _on_lattice(lattice: LatticeNeighbours, rows: IntArray | None, x: AnyArray) -> AnyArray:
    if rows is None:
        return lattice.sums(x)
    everywhere = np.zeros(len(lattice), dtype=x.dtype)
    everywhere[rows] = x
    return lattice.sums(everywhere)[rows]


def _among(weights: sparse.csr_matrix, standardised: bool) -> Surroundings:
    diagonal = np.asarray(weights.diagonal(), dtype=float)
    if diagonal.any():
        weights = sparse.csr_matrix(weights - sparse.diags_array(diagonal, format="csr"))
        weights.eliminate_zeros()
    weights.sort_indices()
    data, start = np.asarray(weights.data), weights.indptr
    k = np.diff(start).astype(np.int64)
    some = np.flatnonzero(k)
    heaviest, lightest = np.zeros(len(k)), np.zeros(len(k))
    if len(some):
        heaviest[some] = np.maximum.reduceat(data, start[some])
        lightest[some] = np.minimum.reduceat(data, start[some])
    ones = np.ones(len(k))
    squared = sparse.csr_matrix((data**2, weights.indices, start), shape=weights.shape)
    equal = bool((heaviest - lightest <= 1e-9 * heaviest).all())
    sums, squares = weights @ ones, squared @ ones
    return Surroundings(k, sums, squares, heaviest, diagonal, equal, standardised, weights)
