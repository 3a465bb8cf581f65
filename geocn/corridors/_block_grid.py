"""Blocks of a raster with a halo of two cells, around the antimeridian where it wraps."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from rasterio.windows import Window

from geocn._typing import FloatArray, IntArray

_HALO = 2
_SIDES = [(dy, dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1) if (dy, dx) != (0, 0)]


@dataclass(frozen=True)
class Block:
    """One block: where it lies in the raster, and its neighbours by direction.

    Its array reaches two cells beyond it where the raster goes on, across as well as down.
    """

    number: int
    rows: slice
    first_column: int
    last_column: int
    window: Window
    wrap_width: int
    neighbours: dict[tuple[int, int], int]

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns with the halo."""
        return self.rows.stop - self.rows.start, self.last_column - self.first_column

    @property
    def inner(self) -> tuple[slice, slice]:
        """The block itself within its array."""
        top, left = self.window.row_off - self.rows.start, self.window.col_off - self.first_column
        return slice(top, top + self.window.height), slice(left, left + self.window.width)

    def bands(self) -> Iterator[tuple[tuple[int, int], tuple[slice, slice]]]:
        """Yield the parts of the block that lie in the halo of each neighbour."""
        for dy, dx in _SIDES:
            yield (dy, dx), (_band(self.inner[0], dy), _band(self.inner[1], dx))

    def rim(self) -> IntArray:
        """Flat cells of the halo within the array."""
        inside = np.zeros(self.shape, dtype=bool)
        inside[self.inner] = True
        return np.flatnonzero(~inside)

    def local(self, cells: IntArray, width: int) -> tuple[IntArray, IntArray]:
        """Flat cells of the block's array that hold cells of the raster, and their positions."""
        rows, columns = np.divmod(cells, width)
        top, left = self.window.row_off, self.window.col_off
        inside = (rows >= top) & (rows < top + self.window.height)
        inside &= (columns >= left) & (columns < left + self.window.width)
        which = np.flatnonzero(inside)
        at = (rows[which] - self.rows.start) * self.shape[1] + columns[which] - self.first_column
        return at, which

    def gather(self, read: Callable[[Window], FloatArray], empty: float) -> FloatArray:
        """Read the block with its halo, the columns beyond the edge from the other side."""
        values = np.full(self.shape, empty)
        width = self.wrap_width or self.last_column
        start = self.first_column
        while start < self.last_column:
            column = start % width if self.wrap_width else start
            n = min(self.last_column - start, width - column)
            where = Window(column, self.rows.start, n, self.shape[0])
            values[:, start - self.first_column : start - self.first_column + n] = read(where)
            start += n
        return values


class BlockGrid:
    """All blocks of a raster, row by row."""

    def __init__(self, shape: tuple[int, int], side: int, *, wrap: bool) -> None:
        height, width = shape
        down, across = -(-height // side), -(-width // side)
        self.blocks: list[Block] = []
        for y in range(down):
            for x in range(across):
                # As even as can be, so that none is narrower than a halo.
                top, bottom = y * height // down, (y + 1) * height // down
                left, right = x * width // across, (x + 1) * width // across
                halo = _HALO if wrap else 0
                self.blocks.append(
                    Block(
                        y * across + x,
                        slice(max(top - _HALO, 0), min(bottom + _HALO, height)),
                        max(left - _HALO, -halo),
                        min(right + _HALO, width + halo),
                        Window(left, top, right - left, bottom - top),
                        width if wrap else 0,
                        _around(y, x, down, across, wrap=wrap),
                    )
                )


def _around(y: int, x: int, down: int, across: int, *, wrap: bool) -> dict[tuple[int, int], int]:
    found = {}
    for dy, dx in _SIDES:
        to_y, to_x = y + dy, x + dx
        if wrap:
            to_x %= across
        if 0 <= to_y < down and 0 <= to_x < across:
            found[dy, dx] = to_y * across + to_x
    return found


def _band(inner: slice, side: int) -> slice:
    if side < 0:
        return slice(inner.start, inner.start + _HALO)
    return slice(inner.stop - _HALO, inner.stop) if side > 0 else inner
