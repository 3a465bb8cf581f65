"""Variables and rows of a mixed-integer programme, collected block by block."""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_array

from geocn._typing import AnyArray, FloatArray, IntArray
from geocn.coverage._highs import Programme


class Rows:
    """Collects variables and rows; ``programme`` hands them to HiGHS.

    Parameters
    ----------
    maximise : bool
    """

    def __init__(self, *, maximise: bool) -> None:
        self.maximise = maximise
        self.n_variables = self.n_rows = 0
        self._cost: list[FloatArray] = []
        self._lower: list[FloatArray] = []
        self._upper: list[FloatArray] = []
        self._integer: list[AnyArray] = []
        self._entries: list[tuple[IntArray, IntArray, FloatArray]] = []
        self._row_lower: list[FloatArray] = []
        self._row_upper: list[FloatArray] = []

    def variables(
        self,
        count: int,
        *,
        cost: FloatArray | float = 0.0,
        lower: FloatArray | float = 0.0,
        upper: FloatArray | float = 1.0,
        integer: bool = False,
    ) -> IntArray:
        """Add variables and return their numbers."""
        for kept, given in ((self._cost, cost), (self._lower, lower), (self._upper, upper)):
            kept.append(np.broadcast_to(np.asarray(given, dtype=np.float64), count))
        self._integer.append(np.full(count, integer))
        self.n_variables += count
        return np.arange(self.n_variables - count, self.n_variables)

    def add(
        self,
        count: int,
        *blocks: tuple[IntArray, IntArray, FloatArray | float],
        lower: FloatArray | float = -np.inf,
        upper: FloatArray | float = np.inf,
    ) -> None:
        """Add ``count`` rows made of blocks of (row, variable, coefficient)."""
        for row, variable, value in blocks:
            values = np.broadcast_to(np.asarray(value, dtype=np.float64), len(row))
            self._entries.append((row + self.n_rows, variable, values))
        self._row_lower.append(np.broadcast_to(np.asarray(lower, dtype=np.float64), count))
        self._row_upper.append(np.broadcast_to(np.asarray(upper, dtype=np.float64), count))
        self.n_rows += count

    def total(
        self,
        *blocks: tuple[IntArray, FloatArray | float],
        lower: float = -np.inf,
        upper: float = np.inf,
    ) -> None:
        """Add one row: the sum of coefficient times variable over all blocks."""
        zeros = [np.zeros(len(variable), dtype=np.int64) for variable, _ in blocks]
        entries = [(zero, *block) for zero, block in zip(zeros, blocks, strict=True)]
        self.add(1, *entries, lower=lower, upper=upper)

    def programme(self, offset: float = 0.0) -> Programme:
        """Return what was collected."""
        row, column, value = (
            np.concatenate([np.empty(0), *parts])
            for parts in (zip(*self._entries, strict=True) if self._entries else ((), (), ()))
        )
        matrix = csr_array(
            (value, (row.astype(np.int64), column.astype(np.int64))),
            shape=(self.n_rows, self.n_variables),
        )
        return Programme(
            cost=np.concatenate(self._cost),
            lower=np.concatenate(self._lower),
            upper=np.concatenate(self._upper),
            integer=np.concatenate(self._integer).astype(bool),
            rows=matrix,
            row_lower=np.concatenate([np.empty(0), *self._row_lower]),
            row_upper=np.concatenate([np.empty(0), *self._row_upper]),
            maximise=self.maximise,
            offset=offset,
        )
