"""Weights of points put on the nodes of a grid, on plain arrays."""

from __future__ import annotations

import numpy as np
from numba import njit

from geocn._typing import BoolArray, FloatArray


@njit(cache=True)
def held_by(column: FloatArray, row: FloatArray, region: BoolArray) -> BoolArray:
    """Say which points have their nearest node in the region of a grid.

    Parameters
    ----------
    column, row : (n,) arrays
        Positions in units of nodes; whole numbers stand on a node. NaN is held nowhere.
    region : (rows, columns) array

    Returns
    -------
    (n,) array
    """
    rows, columns = region.shape
    held = np.zeros(column.size, dtype=np.bool_)
    for i in range(column.size):
        x, y = column[i], row[i]
        # Written so that NaN fails it.
        if x >= -0.5 and x < columns - 0.5 and y >= -0.5 and y < rows - 0.5:
            held[i] = region[int(np.floor(y + 0.5)), int(np.floor(x + 0.5))]
    return held


@njit(cache=True)
def add_linear(
    column: FloatArray, row: FloatArray, weight: FloatArray, region: BoolArray, out: FloatArray
) -> None:
    """Add the weight of each point to the four nodes around it, by nearness.

    A point whose nearest node lies outside the region is passed over; a share that falls
    on a node outside the region stays with the nearest node, so that no weight is lost.

    Parameters
    ----------
    column, row : (n,) arrays
        Positions in units of nodes; whole numbers stand on a node.
    weight : (n,) array
        Weight of each point.
    region : (rows, columns) array
        Nodes that may receive weight.
    out : (rows, columns) array
        What the weights are added to.
    """
    rows, columns = region.shape
    whole = region.all()
    for i in range(column.size):
        x, y = column[i], row[i]
        if not (x >= -0.5 and x < columns - 0.5 and y >= -0.5 and y < rows - 0.5):
            continue
        left, top = int(np.floor(x)), int(np.floor(y))
        right_share, low_share = x - left, y - top
        # Reading the region as well as writing would fetch from memory twice.
        if whole and 0 <= left < columns - 1 and 0 <= top < rows - 1:
            upper, lower = weight[i] * (1 - low_share), weight[i] * low_share
            out[top, left] += upper * (1 - right_share)
            out[top, left + 1] += upper * right_share
            out[top + 1, left] += lower * (1 - right_share)
            out[top + 1, left + 1] += lower * right_share
            continue
        near_c, near_r = int(np.floor(x + 0.5)), int(np.floor(y + 0.5))
        if not region[near_r, near_c]:
            continue
        for down in range(2):
            part = weight[i] * (low_share if down else 1 - low_share)
            for across in range(2):
                share = part * (right_share if across else 1 - right_share)
                r, c = top + down, left + across
                if 0 <= r < rows and 0 <= c < columns and region[r, c]:
                    out[r, c] += share
                else:
                    out[near_r, near_c] += share


def bin_linear(
    column: FloatArray, row: FloatArray, weight: FloatArray, region: BoolArray
) -> FloatArray:
    """Share the weight of each point among the four nodes around it, by nearness.

    As :func:`add_linear`, onto an empty grid.

    Returns
    -------
    (rows, columns) array
        The weights; they sum to the weights of the points inside.
    """
    out = np.zeros(region.shape)
    add_linear(column, row, weight, region, out)
    return out


@njit(cache=True)
def clear_below(values: FloatArray, least: float) -> None:
    """Put 0 for every value below the least, in place."""
    for r in range(values.shape[0]):
        for c in range(values.shape[1]):
            values[r, c] = values[r, c] if values[r, c] >= least else 0.0
