"""Exact tests of weighted evidence in windows along a border."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import fft

from geocn._kernels.border_windows import tails_of, window_tails
from geocn._typing import FloatArray, IntArray
from geocn.hotspots.border_chains import Chains
from geocn.hotspots.correction import two_sided

#: The kernel is cut into whole steps of this height, so that sums have an exact law.
STEPS = 10
# Below this the digits of a double end.
_SMALLEST = 1e-300


@dataclass(frozen=True, slots=True)
class Windows:
    """For each segment the segments around it, and their levels: whole numbers to ``top``."""

    begin: IntArray
    member: IntArray
    level: IntArray
    top: int

    def sum(self, values: FloatArray) -> FloatArray:
        """Sum of level times value over each window."""
        owner = np.repeat(np.arange(len(self.begin) - 1), np.diff(self.begin))
        total = np.bincount(owner, self.level * values[self.member], len(self.begin) - 1)
        return total.astype(np.float64, copy=False)


def single(n: int) -> Windows:
    """Windows of one segment."""
    rows = np.arange(n, dtype=np.int64)
    return Windows(np.arange(n + 1, dtype=np.int64), rows, np.ones(n, dtype=np.int64), 1)


def around(chains: Chains, bandwidth_km: float) -> Windows:
    r"""Windows with the quartic kernel :math:`(1 - (d/h)^2)^2`, rounded to tenths."""
    one, other, apart = chains.pairs_within(bandwidth_km)
    near = np.rint(STEPS * (1 - (apart / bandwidth_km) ** 2) ** 2).astype(np.int64)
    one, other, near = one[near > 0], other[near > 0], near[near > 0]
    n = len(chains.order)
    rows = np.arange(n, dtype=np.int64)
    owner = np.concatenate([one, other, rows])
    member = np.concatenate([other, one, rows])
    level = np.concatenate([near, near, np.full(n, STEPS, dtype=np.int64)])
    order = np.lexsort((member, owner))
    begin = np.searchsorted(owner[order], np.arange(n + 1)).astype(np.int64)
    return Windows(begin, member[order], level[order], STEPS)


def window_p(
    windows: Windows, counts: IntArray, weights: FloatArray, share: FloatArray
) -> FloatArray:
    """Two-sided p-values of the weighted sums in windows, given the total of each kind.

    Each piece of evidence falls on a segment with the chance ``share``, whatever its kind;
    the law of the sum is exact, ties count in both tails.

    Parameters
    ----------
    windows : Windows
    counts : (kinds, m, n) integer array
        Of one or two kinds, in m imputations.
    weights : (kinds,) array
        More than 0.
    share : (n,) array
        Of the exposure; they sum to 1.

    Returns
    -------
    (m, n) array
    """
    # Imputations of the same totals side by side, so that they share their laws.
    order = np.lexsort(counts.sum(axis=2))
    counts = np.ascontiguousarray(counts[:, order])
    at_least, at_most = window_tails(
        windows.begin, windows.member, windows.level, share, counts, weights, windows.top
    )
    for row in np.flatnonzero(np.isnan(at_least[0])):
        inside = slice(windows.begin[row], windows.begin[row + 1])
        member, level = windows.member[inside], windows.level[inside]
        chance = np.zeros(windows.top + 1)
        np.add.at(chance, level, share[member])
        chance[0] = max(1.0 - chance.sum(), 0.0)
        observed = weights @ (counts[:, :, member] @ level)
        for draw, totals in enumerate(counts.sum(axis=2).T):
            laws = [_law(chance, int(total)) for total in totals]
            other = laws[1] if len(laws) > 1 else np.ones(1)
            found = tails_of(laws[0], other, weights[0], weights[-1], float(observed[draw]))
            at_least[draw, row], at_most[draw, row] = found
    p = np.empty_like(at_least)
    p[order] = np.maximum(two_sided(at_least, at_most), _SMALLEST)
    return p


def _law(chance: FloatArray, pieces: int) -> FloatArray:
    """Law of the sum by Fourier transform: right to 1e-15 of the whole, not of the tail."""
    last = pieces * (len(chance) - 1)
    size = fft.next_fast_len(last + 1, real=True)
    law = fft.irfft(fft.rfft(chance / chance.sum(), size) ** pieces, size)[: last + 1]
    return np.maximum(law, 1e-18)
