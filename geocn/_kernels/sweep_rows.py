"""One row of a tile relaxed from the rows before it: the loops that run as SIMD.

Tiles lie flat in memory. A step from a cell to the next costs
``(here + h * friction left behind) + h * friction entered``, in this order of additions
everywhere (see :mod:`geocn._kernels.cost`), so that every way of finding the fixpoint
finds the same bits. Indices are unsigned: numba wraps negative ones, which no SIMD loop does.
"""

from __future__ import annotations

import numpy as np

from geocn._kernels.cost import inner
from geocn._typing import FloatArray, IntArray

_1 = np.uint64(1)
_2 = np.uint64(2)


@inner
def even8(  # noqa: PLR0917 - numba takes keywords badly
    d: FloatArray, c: FloatArray, before: int, here: int, n: int, straight: float, slant: float
) -> bool:
    """Relax ``n`` cells at flat ``here`` from those at ``before``; whether any fell."""
    fell = False
    for x in range(n):
        i, j = np.uint64(here) + np.uint64(x), np.uint64(before) + np.uint64(x)
        enter, old = c[i], d[i]
        new = (d[j] + straight * c[j]) + straight * enter
        left = d[j - _1] + slant * c[j - _1]
        right = d[j + _1] + slant * c[j + _1]
        side = (right if right < left else left) + slant * enter
        new = side if side < new else new
        fell |= new < old
        d[i] = new if new < old else old
    return fell


@inner
def varied8(  # noqa: PLR0917
    d: FloatArray,
    c: FloatArray,
    before: int,
    here: int,
    n: int,
    straight: FloatArray,
    slant: FloatArray,
) -> bool:
    """As ``even8`` with a length for each cell: that of the step from x to x + 1 at x."""
    fell = False
    for x in range(n):
        i, j, k = (
            np.uint64(here) + np.uint64(x),
            np.uint64(before) + np.uint64(x),
            np.uint64(x) + _2,
        )
        enter, old = c[i], d[i]
        new = (d[j] + straight[k] * c[j]) + straight[k] * enter
        left = (d[j - _1] + slant[k - _1] * c[j - _1]) + slant[k - _1] * enter
        right = (d[j + _1] + slant[k] * c[j + _1]) + slant[k] * enter
        side = right if right < left else left
        new = side if side < new else new
        fell |= new < old
        d[i] = new if new < old else old
    return fell


@inner
def even16(  # noqa: PLR0917
    d: FloatArray,
    c: FloatArray,
    second: int,
    before: int,
    here: int,
    n: int,
    straight: float,
    slant: float,
    flat: float,
    steep: float,
) -> bool:
    """As ``even8`` with knight's moves: ``flat`` over one row, ``steep`` over two."""
    fell = False
    for x in range(n):
        i, j, k = (
            np.uint64(here) + np.uint64(x),
            np.uint64(before) + np.uint64(x),
            np.uint64(second) + np.uint64(x),
        )
        enter, old = c[i], d[i]
        new = (d[j] + straight * c[j]) + straight * enter
        left = d[j - _1] + slant * c[j - _1]
        right = d[j + _1] + slant * c[j + _1]
        side = (right if right < left else left) + slant * enter
        new = side if side < new else new
        left = d[k - _1] + steep * (c[k - _1] + c[j - _1])
        right = d[k + _1] + steep * (c[k + _1] + c[j + _1])
        side = (right if right < left else left) + steep * (c[j] + enter)
        new = side if side < new else new
        left = (d[j - _2] + flat * (c[j - _2] + c[j - _1])) + flat * (c[i - _1] + enter)
        right = (d[j + _2] + flat * (c[j + _2] + c[j + _1])) + flat * (c[i + _1] + enter)
        new = left if left < new else new
        new = right if right < new else new
        fell |= new < old
        d[i] = new if new < old else old
    return fell


@inner
def varied16(  # noqa: PLR0917
    d: FloatArray,
    c: FloatArray,
    second: int,
    before: int,
    here: int,
    n: int,
    straight: FloatArray,
    slant: FloatArray,
    flat: FloatArray,
    steep: FloatArray,
) -> bool:
    """As ``even16`` with lengths for each cell; ``flat`` at x is the step from x to x + 2."""
    fell = False
    for x in range(n):
        i, j, k, at = (
            np.uint64(here) + np.uint64(x),
            np.uint64(before) + np.uint64(x),
            np.uint64(second) + np.uint64(x),
            np.uint64(x) + _2,
        )
        enter, old = c[i], d[i]
        new = (d[j] + straight[at] * c[j]) + straight[at] * enter
        left = (d[j - _1] + slant[at - _1] * c[j - _1]) + slant[at - _1] * enter
        right = (d[j + _1] + slant[at] * c[j + _1]) + slant[at] * enter
        new = left if left < new else new
        new = right if right < new else new
        near, far = steep[at - _1], steep[at]
        left = (d[k - _1] + near * (c[k - _1] + c[j - _1])) + near * (c[j] + enter)
        right = (d[k + _1] + far * (c[k + _1] + c[j + _1])) + far * (c[j] + enter)
        new = left if left < new else new
        new = right if right < new else new
        near, far = flat[at - _2], flat[at]
        left = (d[j - _2] + near * (c[j - _2] + c[j - _1])) + near * (c[i - _1] + enter)
        right = (d[j + _2] + far * (c[j + _2] + c[j + _1])) + far * (c[i + _1] + enter)
        new = left if left < new else new
        new = right if right < new else new
        fell |= new < old
        d[i] = new if new < old else old
    return fell


@inner
def turn(  # noqa: PLR0917
    a: FloatArray,
    b: FloatArray,
    side: int,
    first: int,
    last: int,
    n: int,
    stamps: IntArray,
    stamp: int,
) -> None:
    """Copy rows ``first`` to ``last`` of ``a`` into columns of ``b``; stamp its changed rows."""
    for y0 in range(first, last, 8):
        for x0 in range(0, n, 8):
            for x in range(x0, min(x0 + 8, n)):
                fell = False
                for y in range(y0, min(y0 + 8, last)):
                    i = np.uint64(x * side + y)
                    new = a[np.uint64(y * side + x)]
                    fell |= new != b[i]
                    b[i] = new
                if fell:
                    stamps[x] = stamp
