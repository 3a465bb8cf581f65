"""Sums over neighbours on a lattice, on plain arrays."""

from __future__ import annotations

from typing import TypeVar

import numpy as np

from geocn._typing import AnyArray, FloatArray, IntArray

# From here on, two differences of running sums a row cost less than one addition an offset.
_MANY_OFFSETS = 12

Field = TypeVar("Field", FloatArray, IntArray)


def neighbour_sums(field: Field, offsets: IntArray) -> Field:
    """Sum the values at fixed offsets from every cell; outside the field nothing is added.

    Whole numbers take running sums along rows, which are exact, so that a wide window costs
    no more than its height. Other numbers are added offset by offset: differences of running
    sums would carry the rounding of far cells.

    Parameters
    ----------
    field : (rows, columns) array
        Values, 0 where there is no cell.
    offsets : (m, 2) integer array
        Rows and columns from a cell to its neighbours.

    Returns
    -------
    (rows, columns) array
        Of the type of ``field``.
    """
    if np.issubdtype(field.dtype, np.integer) and len(offsets) >= _MANY_OFFSETS:
        return _by_runs(field, offsets)
    total = np.zeros_like(field)
    for down, right in offsets.tolist():
        into, out_of = _overlap(field.shape[0], down)
        into_x, out_of_x = _overlap(field.shape[1], right)
        total[into, into_x] += field[out_of, out_of_x]
    return total


def _overlap(length: int, step: int) -> tuple[slice, slice]:
    """Slice the cells that have a neighbour ``step`` further on, and those neighbours."""
    if step >= 0:
        return slice(0, max(length - step, 0)), slice(step, length)
    return slice(-step, length), slice(0, max(length + step, 0))


def _by_runs(field: AnyArray, offsets: IntArray) -> AnyArray:
    rows, columns = field.shape
    reach = int(np.abs(offsets[:, 1]).max())
    running = np.zeros((rows, columns + 2 * reach + 1), dtype=field.dtype)
    np.cumsum(field, axis=1, out=running[:, reach + 1 : reach + 1 + columns])
    running[:, reach + 1 + columns :] = running[:, reach + columns, None]
    total = np.zeros_like(field)
    for down, first, last in runs(offsets).tolist():
        into, out_of = _overlap(rows, down)
        upper = running[out_of, reach + last + 1 : reach + last + 1 + columns]
        total[into] += upper - running[out_of, reach + first : reach + first + columns]
    return total


def runs(offsets: IntArray) -> IntArray:
    """Join offsets that lie side by side into runs: row, first and last column.

    Parameters
    ----------
    offsets : (m, 2) integer array
        Without repeats, m at least 1.
    """
    ordered = offsets[np.lexsort((offsets[:, 1], offsets[:, 0]))]
    breaks = (np.diff(ordered[:, 0]) != 0) | (np.diff(ordered[:, 1]) != 1)
    first = np.concatenate([[0], np.flatnonzero(breaks) + 1])
    last = np.concatenate([first[1:] - 1, [len(ordered) - 1]])
    return np.column_stack([ordered[first], ordered[last, 1]])
