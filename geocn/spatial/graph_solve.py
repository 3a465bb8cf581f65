"""Solve the equations of a circuit: by factors, or by multigrid where those grow too large."""

from __future__ import annotations

import warnings
from importlib import import_module
from typing import Any, Literal, TypeAlias

import numpy as np
import scipy.sparse as sp
import scipy.sparse.linalg as sla

from geocn._typing import FloatArray, IntArray
from geocn.errors import ParameterError

SolverName: TypeAlias = Literal["auto", "direct", "multigrid"]

#: Unknowns up to which factors are chosen: about 3.5 GB of a raster with eight neighbours.
DIRECT_UNKNOWNS = 2_000_000
#: Systems from which a million unknowns' factors cost less than multigrid does.
DIRECT_FROM = 5.0
_TOLERANCE = 1e-10
#: Damping beside the bound of the largest eigenvalue: 9 steps where 4/3 takes 13.
_OMEGA = 1.8
_MOST_STEPS = 300


def chosen(name: SolverName, n_unknowns: int, n_solves: int) -> Literal["direct", "multigrid"]:
    """Say which way is taken.

    Factors of a raster grow with n^1.5 and a solution by multigrid with n: on 1000² cells
    with eight neighbours the factors cost as much as five such solutions. They are chosen
    from 5 · sqrt(n / 1e6) systems on, up to 2 million unknowns, where their memory becomes
    too large; multigrid otherwise.

    Examples
    --------
    >>> chosen("auto", 1_000_000, 9), chosen("auto", 1_000_000, 2), chosen("auto", 5_000_000, 9)
    ('direct', 'multigrid', 'multigrid')
    """
    if name not in ("auto", "direct", "multigrid"):
        raise ParameterError(f"solver is {name!r}; choose 'auto', 'direct' or 'multigrid'")
    if name != "auto":
        return name
    pays = n_solves >= DIRECT_FROM * (n_unknowns / 1e6) ** 0.5
    return "direct" if pays and n_unknowns <= DIRECT_UNKNOWNS else "multigrid"


class Factors:
    """Sparse LU of a matrix that needs no pivots (an M-matrix), with a given order.

    Parameters
    ----------
    matrix : csr_array
    order : array, optional
        Order of elimination; by minimum degree where there is none.
    """

    def __init__(self, matrix: sp.csr_array, order: IntArray | None) -> None:
        self._order = order
        if order is not None:
            matrix = matrix[order][:, order]
        self._lu = sla.splu(
            matrix.tocsc(),
            permc_spec="MMD_AT_PLUS_A" if order is None else "NATURAL",
            diag_pivot_thresh=0.0,
            options={"SymmetricMode": True},
        )

    def solve(self, right: FloatArray, *, transposed: bool = False) -> FloatArray:
        """Solution for one right-hand side."""
        solve: Any = self._lu.solve
        trans = "T" if transposed else "N"
        if self._order is None:
            return np.asarray(solve(right, trans))
        found = np.empty_like(right)
        found[self._order] = solve(right[self._order], trans)
        return found


class Multigrid:
    """Conjugate gradients, preconditioned by smoothed aggregation (doi:10.1007/BF02238511).

    Parameters
    ----------
    matrix : csr_array
        Symmetric and positive definite.
    order : array, optional
        For the factors that step in where this does not converge.
    """

    def __init__(self, matrix: sp.csr_array, order: IntArray | None) -> None:
        pyamg: Any = import_module("pyamg")  # 0.6 s to import

        self._matrix = sp.csr_matrix(matrix)
        self._order = order
        # Each choice without a random vector: same bytes every time.
        self._levels = pyamg.smoothed_aggregation_solver(
            self._matrix,
            B=np.ones((self._matrix.shape[0], 1)),
            smooth=("jacobi", {"weighting": "local", "omega": _OMEGA}),
            improve_candidates=None,
            max_coarse=500,
            coarse_solver="splu",
        )

    def solve(self, right: FloatArray) -> FloatArray:
        """Solution for one right-hand side, to a residual of 1e-10 of it."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what it would say is asked for below
            found = self._levels.solve(right, tol=_TOLERANCE, maxiter=_MOST_STEPS, accel="cg")
        left = np.abs(self._matrix @ found - right).max()
        if not left <= 1e3 * _TOLERANCE * np.linalg.norm(right):
            return Factors(sp.csr_array(self._matrix), self._order).solve(right)
        return np.asarray(found, dtype=np.float64)
