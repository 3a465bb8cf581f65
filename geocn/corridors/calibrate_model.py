"""How likely observed walks are among all walks between the same two places."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.sparse.linalg import splu

from geocn._typing import FloatArray, IntArray
from geocn.corridors.calibrate_graph import CellGraph, Walks

_COLUMNS_AT_ONCE = 256
_STARTS = (-1.0, 0.0, 1.0)
_MOST_STEPS = 60
_DECREMENT = 1e-7
_HESSIAN_STEP = 1e-4


@dataclass(frozen=True)
class Fit:
    """Parameters (log scale first), log-likelihood of each walk and its gradient."""

    parameters: FloatArray
    log_likelihood: FloatArray
    scores: FloatArray
    converged: bool


class WalkModel:
    r"""Walks whose probability falls with their cost.

    .. math:: P(\text{walk} \mid o, d) = \frac{1}{Z_{od}} \prod_{(i,j)} p_{ij} e^{-c_{ij}},
              \quad Z = (I - W)^{-1}, \; W_{ij} = p_{ij} e^{-c_{ij}}

    with p the even random walk over the neighbours and c the integral of
    ``exp(b + sum w_k x_k)`` along the step: randomised shortest paths (Saerens et al. 2009,
    doi:10.1162/neco.2009.11-07-643), the recursive logit of Fosgerau et al. 2013
    (doi:10.1016/j.trb.2013.07.012) on a grid. All walks count, none is sampled.

    Parameters
    ----------
    graph : CellGraph
    values : (cells of the graph, factors) float64
    walks : Walks
    """

    def __init__(self, graph: CellGraph, values: FloatArray, walks: Walks) -> None:
        n = len(graph.cells)
        self._graph, self._n = graph, n
        self._x = np.column_stack([np.ones(n), values])
        degree = np.bincount(graph.start, minlength=n)
        self._step = 1.0 / degree[graph.start]
        seqs = [graph.number[cells] for cells in walks.cells]
        self._origin = np.array([seq[0] for seq in seqs], dtype=np.int64)
        self._target = np.array([seq[-1] for seq in seqs], dtype=np.int64)
        half = sparse.csr_matrix((graph.half, (graph.start, graph.end)), shape=(n, n))
        self._log_even = np.array([-np.log(degree[seq[:-1]]).sum() for seq in seqs])
        lengths = [np.asarray(half[seq[:-1], seq[1:]]).ravel() for seq in seqs]
        rows = np.repeat(np.arange(len(seqs)), [2 * len(part) for part in lengths])
        columns = np.concatenate([np.concatenate([seq[:-1], seq[1:]]) for seq in seqs])
        passed = np.concatenate([np.concatenate([part, part]) for part in lengths])
        # Length of each walk in each cell.
        self._passed = sparse.csr_matrix((passed, (rows, columns)), shape=(len(seqs), n))

    @property
    def n_walks(self) -> int:
        """Number of walks."""
        return len(self._origin)

    def evaluate(self, parameters: FloatArray, rows: IntArray) -> tuple[FloatArray, FloatArray]:
        """Log-likelihood and gradient of some walks; minus infinity where it underflows."""
        with np.errstate(over="ignore"):
            friction = np.exp(self._x @ parameters)
        bad = np.full(len(rows), -np.inf), np.zeros((len(rows), len(parameters)))
        if not np.isfinite(friction).all():
            return bad
        g, n = self._graph, self._n
        weight = self._step * np.exp(-g.half * (friction[g.start] + friction[g.end]))
        moves = sparse.csr_matrix((weight, (g.start, g.end)), shape=(n, n))
        long = sparse.csr_matrix((weight * g.half, (g.start, g.end)), shape=(n, n))
        # An M-matrix: pivots on the diagonal lose nothing, however small the entries.
        solver = splu(
            (sparse.identity(n) - moves).tocsc(), permc_spec="MMD_AT_PLUS_A",
            diag_pivot_thresh=0.0, options={"SymmetricMode": True},
        )  # fmt: skip
        found = [
            self._part(rows[i : i + _COLUMNS_AT_ONCE], solver, long, friction)
            for i in range(0, len(rows), _COLUMNS_AT_ONCE)
        ]
        log_z = np.concatenate([part[0] for part in found])
        if not np.isfinite(log_z).all():
            return bad
        passed = self._passed[rows]
        likelihood = self._log_even[rows] - passed @ friction - log_z
        gained = np.concatenate([part[1] for part in found])
        return likelihood, gained - passed @ (friction[:, None] * self._x)

    def _part(
        self, rows: IntArray, solver: object, long: sparse.csr_matrix, friction: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """Log Z of each walk's ends, and what the mean walk between them pays by parameter."""
        origins, from_origin = np.unique(self._origin[rows], return_inverse=True)
        targets, to_target = np.unique(self._target[rows], return_inverse=True)
        solve = solver.solve  # type: ignore[attr-defined]
        ahead = solve(_units(targets, self._n))
        behind = solve(_units(origins, self._n), trans="T")
        z, u = ahead[:, to_target], behind[:, from_origin]
        total = z[self._origin[rows], np.arange(len(rows))]
        with np.errstate(divide="ignore", invalid="ignore"):
            log_z = np.log(total)
            mean = (
                u * (long @ ahead)[:, to_target] + z * (long.T @ behind)[:, from_origin]
            ) / total
        return np.asarray(log_z), np.asarray(mean.T @ (friction[:, None] * self._x))

    def fit(
        self, rows: IntArray, weights: FloatArray | None = None, start: FloatArray | None = None
    ) -> Fit:
        """Maximise the likelihood of some walks by BFGS from the outer product of gradients."""
        w = np.ones(len(rows)) if weights is None else weights
        at = self._start(rows, w) if start is None else start.copy()
        value, scores = self.evaluate(at, rows)
        gradient = w @ scores
        ridge = 1e-3 * np.eye(len(at)) * max(np.abs(scores).max() ** 2, 1e-12)
        inverse = np.linalg.inv((w[:, None] * scores).T @ scores + ridge)
        for _ in range(_MOST_STEPS):
            direction = inverse @ gradient
            decrement = float(gradient @ direction)
            if decrement < _DECREMENT:
                return Fit(at, value, scores, converged=True)
            direction *= min(1.0, 1.5 / np.abs(direction).max())
            step, moved = 1.0, at + direction
            new_value, new_scores = self.evaluate(moved, rows)
            while w @ new_value < w @ value + 1e-4 * step * (gradient @ direction) and step > 1e-6:
                step /= 2
                moved = at + step * direction
                new_value, new_scores = self.evaluate(moved, rows)
            if not w @ new_value > w @ value:
                # Rounding is all that is left to gain.
                return Fit(at, value, scores, converged=decrement < 1e-3)
            new_gradient = w @ new_scores
            inverse = _bfgs(inverse, moved - at, gradient - new_gradient)
            at, value, scores, gradient = moved, new_value, new_scores, new_gradient
        return Fit(at, value, scores, converged=False)

    def information(self, at: FloatArray, rows: IntArray) -> FloatArray:
        """Minus the matrix of second derivatives, by central differences of the gradient."""
        size = len(at)
        slopes = np.empty((size, size))
        for k, offset in enumerate(np.eye(size) * _HESSIAN_STEP):
            up, down = (self.evaluate(at + s * offset, rows)[1].sum(axis=0) for s in (1, -1))
            slopes[k] = (down - up) / (2 * _HESSIAN_STEP)
        return np.asarray((slopes + slopes.T) / 2)

    def _start(self, rows: IntArray, weights: FloatArray) -> FloatArray:
        """Even friction, at the best of a few scales."""
        tried = [np.r_[scale, np.zeros(self._x.shape[1] - 1)] for scale in _STARTS]
        values = [float(weights @ self.evaluate(at, rows)[0]) for at in tried]
        best: FloatArray = tried[int(np.argmax(values))]
        return best


def _units(cells: IntArray, n: int) -> FloatArray:
    columns = np.zeros((n, len(cells)))
    columns[cells, np.arange(len(cells))] = 1.0
    return columns


def _bfgs(inverse: FloatArray, step: FloatArray, change: FloatArray) -> FloatArray:
    curvature = float(step @ change)
    if not curvature > 1e-12:
        return inverse
    left = np.eye(len(step)) - np.outer(step, change) / curvature
    return np.asarray(left @ inverse @ left.T + np.outer(step, step) / curvature)
