"""One row of a tile relaxed from the rows before it: the loops that run as SIMD.

Tiles lie flat in memory. A step from a cell to the next costs
``(here + h * friction left behind) + h * friction entered``, in this order of additions
everywhere (see :mod:`geocn._kernels.cost`), so that every way of finding the fixpoint
finds the same bits. Indices are unsigned: numba wraps negative ones, which no SIMD loop does.

Knight's moves are left out of what is compiled where ``wide`` is None.
"""

from __future__ import annotations

import numpy as np

from geocn._kernels.cost import inner
from geocn._typing import FloatArray, IntArray

#: Cells along the side of a tile, at most, and with its halo.
TILE = 64
SIDE = TILE + 4
_1 = np.uint64(1)
_2 = np.uint64(2)


@inner
def even(  # noqa: PLR0917 - numba takes keywords badly
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
    wide: bool | None,
) -> bool:
    """Relax ``n`` cells at flat ``here`` from those ``before`` and ``second``; whether any fell.

    ``flat`` is the length of a knight's move over one row, ``steep`` of one over two.
    """
    fell = False
    for x in range(n):
        i, j = np.uint64(here) + np.uint64(x), np.uint64(before) + np.uint64(x)
        enter, old = c[i], d[i]
        new = (d[j] + straight * c[j]) + straight * enter
        left = d[j - _1] + slant * c[j - _1]
        right = d[j + _1] + slant * c[j + _1]
        side = (right if right < left else left) + slant * enter
        new = side if side < new else new
        if wide is not None:
            k = np.uint64(second) + np.uint64(x)
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
def varied(  # noqa: PLR0917
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
    wide: bool | None,
) -> bool:
    """As ``even`` with a length for each cell: ``flat`` at x is the step from x to x + 2."""
    fell = False
    for x in range(n):
        i, j = np.uint64(here) + np.uint64(x), np.uint64(before) + np.uint64(x)
        at = np.uint64(x) + _2
        enter, old = c[i], d[i]
        new = (d[j] + straight[at] * c[j]) + straight[at] * enter
        left = (d[j - _1] + slant[at - _1] * c[j - _1]) + slant[at - _1] * enter
        right = (d[j + _1] + slant[at] * c[j + _1]) + slant[at] * enter
        new = left if left < new else new
        new = right if right < new else new
        if wide is not None:
            k = np.uint64(second) + np.uint64(x)
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
    base: int,
    to: int,
    first: int,
    last: int,
    n: int,
    stamps: IntArray,
    stamp: int,
) -> None:
    """Copy rows ``first`` to ``last`` of the tile at ``base`` into columns of that at ``to``.

    Both lie in ``a``. A row of the copy that changed is stamped.
    """
    for y0 in range(first, last, 8):
        for x in range(n):
            fell = False
            for y in range(y0, y0 + 8 if y0 + 8 < last else last):
                i = np.uint64(to + x * SIDE + y)
                new = a[np.uint64(base + y * SIDE + x)]
                fell |= new != a[i]
                a[i] = new
            if fell:
                stamps[x] = stamp
