"""How wide a corridor is along its way, and where it is narrowest."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from geocn._typing import BoolArray, FloatArray, IntArray
from geocn.spatial.cost import FrictionSurface

# Cells on either side over which the direction of the way is taken.
_REACH = 3
# Steps taken together.
_AT_ONCE = 32


class Widths(NamedTuple):
    """Mean and least width of a corridor in metres, and the flat cell of the least."""

    mean_m: float
    min_m: float
    pinch: int


def widths(surface: FrictionSurface, inside: BoolArray, path: IntArray) -> Widths:
    """Measure a corridor across its least-cost path.

    At each cell of the path a line is drawn at right angles to the way there (over three
    cells on either side), in half cells, until it leaves the corridor on both sides; a
    path of fewer than two cells has no direction and no width. The ends, where every
    corridor closes around its site, count for the least width only where the path has no
    middle: the first and last tenth are left out.
    """
    if len(path) < 2:
        return Widths(np.nan, np.nan, -1)
    height, width = surface.grid.shape
    rows, columns = (part.astype(np.float64) for part in np.divmod(path, width))
    if surface.wrap:
        columns = np.unwrap(columns, period=width)
    n = np.arange(len(path))
    ahead, behind = np.minimum(n + _REACH, len(path) - 1), np.maximum(n - _REACH, 0)
    dx = surface.lengths_m[0, np.divmod(path, width)[0]]
    dy = surface.lengths_m[1, np.minimum(np.divmod(path, width)[0], max(height - 2, 0))]
    way = np.stack([(rows[ahead] - rows[behind]) * dy, (columns[ahead] - columns[behind]) * dx])
    way /= np.maximum(np.hypot(*way), 1e-300)
    step = 0.5 * np.minimum(dx, dy)
    across = np.stack([way[1] * step / dy, -way[0] * step / dx])
    counts = sum(
        _steps(inside, rows, columns, sign * across, wrap=surface.wrap) for sign in (1, -1)
    )
    metres = (counts + 1) * step
    margin = len(path) // 10
    middle = metres[margin : len(path) - margin] if len(path) > 2 * margin else metres
    least = int(np.argmin(middle)) + margin
    return Widths(float(metres.mean()), float(metres[least]), int(path[least]))


def _steps(
    inside: BoolArray, rows: FloatArray, columns: FloatArray, across: FloatArray, *, wrap: bool
) -> IntArray:
    """How many steps from each place stay in the corridor."""
    height, width = inside.shape
    counts = np.zeros(len(rows), dtype=np.int64)
    going = np.arange(len(rows))
    for start in range(1, 2 * (height + width), _AT_ONCE):
        k = np.arange(start, start + _AT_ONCE)[:, None]
        row = np.floor(rows[going] + 0.5 + k * across[0, going]).astype(np.int64)
        column = np.floor(columns[going] + 0.5 + k * across[1, going]).astype(np.int64)
        column = column % width if wrap else column
        on = (row >= 0) & (row < height) & (column >= 0) & (column < width)
        on &= inside[np.clip(row, 0, height - 1), np.clip(column, 0, width - 1)]
        # The first step that is not inside ends the way.
        steps = np.where(on.all(axis=0), _AT_ONCE, on.argmin(axis=0))
        counts[going] += steps
        going = going[steps == _AT_ONCE]
        if not len(going):
            break
    return counts
