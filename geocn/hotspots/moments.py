"""Moments of local sums, and the weights that enter them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from geocn._typing import FloatArray
from geocn.hotspots.surroundings import Surroundings, sum_to_one


@dataclass(frozen=True, slots=True)
class Window:
    """Weights of a window: those of the neighbours times ``scale``, and that of the row."""

    around: Surroundings
    scale: FloatArray
    own: FloatArray
    total: FloatArray
    squares: FloatArray

    def sum(self, x: FloatArray) -> FloatArray:
        """Weighted sum of each window."""
        return self.scale * self.around.lag(x) + self.own * x


def window_of(around: Surroundings, *, star: bool) -> Window:
    """Return the weights of the whole window.

    With ``star`` the cell enters its own window: with the weight that a given diagonal
    holds, else equal to its heaviest neighbour, row-standardised weights being standardised
    again; a cell without neighbours keeps an empty window.
    """
    scale, own = np.ones(len(around.k)), np.zeros(len(around.k))
    if star and around.diagonal.any():
        own = around.diagonal
    elif star:
        own = around.heaviest
        if sum_to_one(around.weight):
            scale = 1 / (1 + own)
            own = own * scale
    total = scale * around.weight + own
    squares = total if sum_to_one(total) else scale**2 * around.squares + own**2
    return Window(around, scale, own, total, squares)


def gi_score(y: FloatArray, window: Window, *, star: bool) -> FloatArray:
    """Return the standard score of the window sums; NaN where the moments leave no variance.

    Parameters
    ----------
    y : (n,) array
        Values, finite.
    window : Window
        From :func:`window_of`.
    star : bool
        Whether the cell is part of the window and of the moments.
    """
    n = len(y)
    centred = y - y.mean() if n else np.asarray(y, dtype=float)
    own = np.zeros(1) if star else centred
    size = n if star else n - 1
    total, squares = window.total, window.squares
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = (centred.sum() - own) / size
        variance = ((centred**2).sum() - own**2) / size - mean**2
        # What rounding leaves of constant data is not variance.
        variance = np.where(variance > 1e-12 * np.square(y).max(initial=0.0), variance, 0.0)
        spread = np.sqrt(variance * (size * squares - total**2) / (size - 1))
        z: FloatArray = (window.sum(centred) - total * mean) / spread
    return np.where(np.isfinite(z), z, np.nan)
