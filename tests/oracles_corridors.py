"""Slow and obvious ways to the answers that corridors, coverage and zones compute fast."""

from __future__ import annotations

import heapq

import numpy as np
import shapely
import xarray as xr
from affine import Affine

KINGS = [(r, c) for r in (-1, 0, 1) for c in (-1, 0, 1) if (r, c) != (0, 0)]
KNIGHTS = [(r, c) for r in (-2, -1, 1, 2) for c in (-2, -1, 1, 2) if abs(r) != abs(c)]


def raster(values, cell=1.0, crs="EPSG:32618", west=5e5, south=4e6):
    """Build a raster with square cells, north up."""
    height, width = np.shape(values)
    y = south + cell * (np.arange(height)[::-1] + 0.5)
    x = west + cell * (np.arange(width) + 0.5)
    array = xr.DataArray(np.asarray(values, dtype=float), {"y": y, "x": x}, ("y", "x"))
    array = array.rio.write_crs(crs)
    return array.rio.write_transform(Affine(cell, 0, west, 0, -cell, south + cell * height))


def crossed_share(drow: int, dcolumn: int) -> dict[tuple[int, int], float]:
    """Share of the straight line from a cell's centre that lies in each cell, by sampling."""
    samples = (np.arange(1000) + 0.5) / 1000
    cells = zip(
        np.floor(samples * drow + 0.5).astype(int),
        np.floor(samples * dcolumn + 0.5).astype(int),
        strict=True,
    )
    share: dict[tuple[int, int], float] = {}
    for cell in cells:
        share[cell] = share.get(cell, 0.0) + 1 / 1000
    return share


def dijkstra(friction, lengths, sources, neighbours=16, wrap=False):
    """Least cost by the book, a dictionary and a heap; ``lengths(row, drow, dcolumn)``."""
    height, width = friction.shape
    moves = [(m, crossed_share(*m)) for m in (KINGS if neighbours == 8 else KINGS + KNIGHTS)]
    cost = np.full(friction.shape, np.inf)
    queue = [(0.0, cell) for cell in sources]
    for cell in sources:
        cost[cell] = 0.0
    while queue:
        here, (row, column) = heapq.heappop(queue)
        if here > cost[row, column]:
            continue
        for (drow, dcolumn), shares in moves:
            end = (row + drow, column + dcolumn)
            if not 0 <= end[0] < height or (not wrap and not 0 <= end[1] < width):
                continue
            end = (end[0], end[1] % width)
            mean = sum(
                share * friction[row + r, (column + c) % width] for (r, c), share in shares.items()
            )
            reached = here + mean * lengths(row, drow, dcolumn)
            if reached < cost[end]:
                cost[end] = reached
                heapq.heappush(queue, (reached, end))
    return cost


def cell_fractions(geometry, height, width):
    """Share of each unit cell (row 0 at the top) that a geometry covers, by intersection."""
    fractions = np.zeros((height, width))
    for row in range(height):
        for column in range(width):
            cell = shapely.box(column, height - row - 1, column + 1, height - row)
            fractions[row, column] = shapely.area(shapely.intersection(cell, geometry))
    return fractions
