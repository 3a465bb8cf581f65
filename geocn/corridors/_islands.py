"""Passable ground that no source reaches, island by island, in memory or by blocks."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.ndimage
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from geocn._typing import BoolArray, FloatArray, IntArray
from geocn.spatial.raster_grid import RasterGrid

# As many are named, the largest first.
_NAMED = 100
_AHEAD = ((0, 1), (1, -1), (1, 0), (1, 1))


class Islands:
    """Islands of a raster whose cells come block by block; blocks do not overlap.

    Cells belong together where they touch, at a corner too and around the antimeridian.
    """

    def __init__(self, grid: RasterGrid) -> None:
        self.grid = grid
        self._sizes: list[IntArray] = []
        self._firsts: list[IntArray] = []
        self._edges: list[IntArray] = []
        self._edge_labels: list[IntArray] = []
        self._n = 0

    def add(self, unreached: BoolArray, top: int = 0, left: int = 0) -> None:
        """Take in the cells of one block that starts at a row and a column."""
        if not unreached.any():
            return
        labels, n = scipy.ndimage.label(unreached, np.ones((3, 3)))
        at = np.flatnonzero(labels)
        mine = labels.ravel()[at] - 1
        rows, columns = np.divmod(at, unreached.shape[1])
        cells = (rows + top) * self.grid.shape[1] + columns + left
        firsts = np.empty(n, dtype=np.int64)
        # The first cell of each is written last.
        firsts[mine[::-1]] = cells[::-1]
        height, width = unreached.shape
        edge = (rows == 0) | (rows == height - 1) | (columns == 0) | (columns == width - 1)
        self._sizes.append(np.bincount(mine, minlength=n))
        self._firsts.append(firsts)
        self._edges.append(cells[edge])
        self._edge_labels.append(mine[edge] + self._n)
        self._n += n

    def facts(self) -> dict[str, Any]:
        """How many islands there are, and the largest: cells, and x and y of the first."""
        if not self._n:
            return {"n_islands_unreached": 0, "islands_unreached": []}
        first, second = self._touching()
        links = coo_array((np.ones(len(first)), (first, second)), shape=(self._n, self._n))
        n, whole = connected_components(links, directed=False)
        sizes = np.bincount(whole, weights=np.concatenate(self._sizes), minlength=n)
        firsts = np.full(n, np.iinfo(np.int64).max)
        np.minimum.at(firsts, whole, np.concatenate(self._firsts))
        largest = np.lexsort((firsts, -sizes))[:_NAMED]
        x, y = self._places(firsts[largest])
        named = zip(sizes[largest].tolist(), x.tolist(), y.tolist(), strict=True)
        return {
            "n_islands_unreached": int(n),
            "islands_unreached": [{"n_cells": int(k), "x": a, "y": b} for k, a, b in named],
        }

    def _places(self, cells: IntArray) -> tuple[FloatArray, FloatArray]:
        return self.grid.centres(*np.divmod(cells, self.grid.shape[1]))

    def _touching(self) -> tuple[IntArray, IntArray]:
        """Pairs of parts that touch across the edges of blocks."""
        height, width = self.grid.shape
        order = np.argsort(np.concatenate(self._edges))
        cells = np.concatenate(self._edges)[order]
        labels = np.concatenate(self._edge_labels)[order]
        rows, columns = np.divmod(cells, width)
        pairs: tuple[list[IntArray], list[IntArray]] = ([], [])
        for down, across in _AHEAD:
            column = columns + across
            column = column % width if self.grid.wraps else column
            inside = (rows + down < height) & (column >= 0) & (column < width)
            wanted = ((rows + down) * width + column)[inside]
            found = np.minimum(np.searchsorted(cells, wanted), len(cells) - 1)
            there = cells[found] == wanted
            pairs[0].append(labels[inside][there])
            pairs[1].append(labels[found[there]])
        return np.concatenate(pairs[0]), np.concatenate(pairs[1])
