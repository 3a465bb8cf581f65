"""Kernels and their convolution with weights on a regular grid."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from geocn._kernels.density import clear_below
from geocn._typing import BoolArray, FloatArray, IntArray

ComplexArray: TypeAlias = NDArray[np.complex128]
Kernel = Literal["quartic", "gaussian"]
#: Where each kernel ends, in bandwidths. What a Gaussian has beyond 5 is 4e-6 of its mass.
SUPPORT: dict[str, float] = {"quartic": 1.0, "gaussian": 5.0}


def kernel_at(distance: FloatArray, bandwidth: float, kernel: Kernel) -> FloatArray:
    """Return the density of a kernel at a distance, per unit of area.

    Quartic: 3 (1 - u^2)^2 / (pi h^2) for u = distance / h below 1 (Silverman 1986);
    Gaussian: exp(-u^2 / 2) / (2 pi h^2), cut off at 5 h.
    """
    u2 = np.square(distance / bandwidth)
    if kernel == "quartic":
        inside = np.clip(1 - u2, 0, None)
        values: FloatArray = 3 / (np.pi * bandwidth**2) * inside * inside
        return values
    tail: FloatArray = np.exp(-u2 / 2) / (2 * np.pi * bandwidth**2)
    return np.where(u2 <= SUPPORT["gaussian"] ** 2, tail, 0.0)


def fast_length(side: int) -> int:
    """Shortest length, ``side`` or more, that is quickly transformed."""
    length: int = scipy.fft.next_fast_len(side, real=True)
    return length


@dataclass(frozen=True, slots=True)
class Smoother:
    """Convolution on a grid of a given shape, with the grid's period beyond its edges.

    Weights nearer to an edge than a kernel's reach wrap to the opposite edge, so the grid
    needs a margin of that reach, whose content is not used.

    Parameters
    ----------
    shape : (int, int)
        Rows and columns.
    cell_m : float
        Side of a cell.
    kernel : {"quartic", "gaussian"}
        Kind of kernel.
    """

    shape: tuple[int, int]
    cell_m: float
    kernel: Kernel

    @property
    def _period(self) -> tuple[int, int]:
        return fast_length(self.shape[0]), fast_length(self.shape[1])

    def transform(self, bandwidth_m: float) -> FloatArray:
        """Return half the rows of the (real) transform of the kernel, whose values sum to one.

        The kernel is even, so its transform is a product with cosines, and mirrored in the
        other rows: no transform of a grid that is nearly all zero is needed.
        """
        reach = int(np.floor(SUPPORT[self.kernel] * bandwidth_m / self.cell_m))
        step = np.arange(reach + 1) * self.cell_m
        values = kernel_at(np.hypot(step[:, None], step), bandwidth_m, self.kernel)
        # Each value off an axis stands for those mirrored at it.
        values[1:] *= 2
        values[:, 1:] *= 2
        values /= values.sum()
        rows, columns = self._period
        across = _cosines(columns // 2 + 1, reach, columns)
        down = _cosines(rows // 2 + 1, reach, rows)
        half: FloatArray = down @ values @ across.T
        return half

    def spectrum(self, weights: FloatArray) -> ComplexArray:
        """Return the transform of weights on the grid."""
        transformed: ComplexArray = scipy.fft.rfft2(weights, s=self._period)
        return transformed

    def back(self, spectrum: ComplexArray) -> FloatArray:
        """Return to the grid."""
        rows, columns = self.shape
        period = scipy.fft.irfft2(spectrum, s=self._period, overwrite_x=True)
        values: FloatArray = period[:rows, :columns]
        return values

    def smooth(
        self, layers: Iterable[tuple[float, FloatArray]], *, region: BoolArray | None = None
    ) -> FloatArray:
        """Sum the weights of every layer, each smoothed with its own bandwidth.

        Parameters
        ----------
        layers : pairs of bandwidth in metres and (rows, columns) weights
            Weights where ``region`` does not hold must be zero.
        region : (rows, columns) bool, optional
            Divide each weight by the part of its kernel that falls into the region, so
            that what falls into it sums to the weights (Diggle 1985).
        """
        total: ComplexArray | None = None
        held = None if region is None else self.spectrum(region.astype(float))
        for bandwidth_m, weights in layers:
            transform = self.transform(bandwidth_m)
            grid = weights
            if held is not None:
                inside = self.back(_times(held.copy(), transform))
                grid = np.divide(weights, inside, out=np.zeros_like(weights), where=weights > 0)
            spectrum = _times(self.spectrum(grid), transform)
            total = spectrum if total is None else np.add(total, spectrum, out=total)
        if total is None:
            return np.zeros(self.shape)
        values = self.back(total)
        # What rounding leaves where no kernel reaches is not density.
        clear_below(values, 1e-14 * values.max(initial=0.0))
        return values


def _times(spectrum: ComplexArray, half: FloatArray) -> ComplexArray:
    """Multiply a transform by an even one of which half the rows are given."""
    rows = len(half)
    spectrum[:rows] *= half
    spectrum[rows:] *= half[len(spectrum) - rows : 0 : -1]
    return spectrum


def _cosines(frequencies: int, reach: int, period: int) -> FloatArray:
    turns = np.outer(np.arange(frequencies), np.arange(reach + 1)) % period
    cosine = np.cos(2 * np.pi / period * np.arange(period))
    values: FloatArray = cosine[turns]
    return values


def bandwidth_steps(
    factor: FloatArray, weight: FloatArray, *, ratio: float = 1.1
) -> list[tuple[float, IntArray, FloatArray]]:
    """Put points of many bandwidths into few steps of a fixed ratio.

    A point between two steps is shared between them (partitioning as in Davies & Baddeley
    2018, doi:10.1007/s11222-017-9772-4, with interpolation in the logarithm).

    Returns
    -------
    list of (factor, rows, weights)
        For every step that holds any weight.
    """
    place = np.log(factor) / np.log(ratio)
    low = np.floor(place).astype(np.int64)
    part = place - low
    steps = []
    for step in np.unique(np.concatenate([low, low + 1])):
        rows = np.flatnonzero((low == step) | (low + 1 == step))
        share = np.where(low[rows] == step, 1 - part[rows], part[rows]) * weight[rows]
        held = share > 0
        if held.any():
            steps.append((float(ratio**step), rows[held], share[held]))
    return steps
