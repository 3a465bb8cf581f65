"""Least-cost ways over the scenario's cells, and the lines drawn along them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from scipy.ndimage import gaussian_filter1d
from scipy.sparse import coo_array
from scipy.sparse.csgraph import dijkstra

from geocn._typing import AnyArray, FloatArray, IntArray
from geocn.scenario.geography import CELL_DEGREES, Grid, distance_km

#: One of each pair of opposite steps to the sixteen neighbours, as (rows, columns).
_STEPS = ((0, 1), (1, 0), (1, 1), (1, -1), (1, 2), (2, 1), (1, -2), (2, -1))
_WOBBLE_CELLS = 0.35
_DECIMALS = 4


@dataclass(frozen=True, slots=True)
class Ways:
    """Accumulated cost from some sites over all cells, and how to walk back.

    Attributes
    ----------
    cost : float array (sites, cells)
        Least cost in kilometres of open country; infinite where there is no way.
    back : int array (sites, cells)
        The cell before, seen from the site; negative at the site.
    """

    cost: FloatArray
    back: AnyArray

    def trace(self, site: int, cell: int) -> IntArray:
        """Return the cells from ``cell`` to the site, both included."""
        cells = [cell]
        before = self.back[site]
        while (cell := int(before[cell])) >= 0:
            cells.append(cell)
        return np.array(cells, dtype=np.int64)


def ways_from(grid: Grid, sites: IntArray, *, friction: FloatArray | None = None) -> Ways:
    """Find the least-cost ways from ``sites`` (flat cell numbers) to every cell.

    Parameters
    ----------
    grid : Grid
        The region.
    sites : int array
        Flat numbers of the starting cells.
    friction : float array, optional
        In place of the grid's own: relative cost of a kilometre in every cell.

    Returns
    -------
    Ways
    """
    cost_of = grid.friction if friction is None else friction
    rows, columns = grid.shape
    numbers = np.arange(rows * columns).reshape(rows, columns)
    starts, ends, costs = [], [], []
    for down, right in _STEPS:
        here = (slice(0, rows - down), slice(max(0, -right), columns - max(0, right)))
        there = (slice(down, rows), slice(max(0, right), columns + min(0, right)))
        km = distance_km(0.0, grid.lat[here[0]], right * CELL_DEGREES, grid.lat[there[0]])
        starts.append(numbers[here].ravel())
        ends.append(numbers[there].ravel())
        costs.append((km[:, np.newaxis] * (cost_of[here] + cost_of[there]) / 2).ravel())
    start, end, cost = (np.concatenate(parts) for parts in (starts, ends, costs))
    graph = coo_array(
        (np.tile(cost, 2), (np.concatenate([start, end]), np.concatenate([end, start]))),
        shape=(numbers.size, numbers.size),
    ).tocsr()
    accumulated, back = dijkstra(graph, indices=sites, return_predecessors=True)
    return Ways(accumulated, back)


def draw_line(
    grid: Grid,
    cells: IntArray,
    *,
    start: tuple[float, float],
    end: tuple[float, float],
    rng: np.random.Generator | None = None,
) -> shapely.LineString:
    """Draw a smooth line along cells, from ``start`` to ``end`` (longitude, latitude).

    With ``rng`` the line leaves the middle of the cells by a smooth random offset.
    """
    columns = grid.shape[1]
    points = np.column_stack([grid.lon[cells % columns], grid.lat[cells // columns]])
    if rng is not None and len(points) > 4:
        noise = rng.standard_normal(points.shape)
        wobble = gaussian_filter1d(noise, 2.0, axis=0, mode="nearest")
        points = points + _WOBBLE_CELLS * CELL_DEGREES * wobble / max(wobble.std(), 1e-9)
    points = np.vstack([start, points[1:-1], end])
    return shapely.LineString(np.round(_cut_corners(points), _DECIMALS))


def _cut_corners(points: FloatArray) -> FloatArray:
    """Round the corners of a line (Chaikin 1974), keeping both ends."""
    for _ in range(2):
        first, second = points[:-1], points[1:]
        cut = np.empty((2 * len(first), 2))
        cut[0::2] = 0.75 * first + 0.25 * second
        cut[1::2] = 0.25 * first + 0.75 * second
        points = np.vstack([points[:1], cut[1:-1], points[-1:]])
    return points


def draw_flight(
    start: tuple[float, float], end: tuple[float, float], *, rng: np.random.Generator
) -> shapely.LineString:
    """Draw a flight: straight in degrees, bent to one side by up to a tenth of its length."""
    share = np.linspace(0, 1, 25)[:, np.newaxis]
    first, last = np.array(start), np.array(end)
    along = last - first
    side = np.array([-along[1], along[0]]) * rng.uniform(-0.1, 0.1)
    points = first + share * along + np.sin(np.pi * share) * side
    return shapely.LineString(np.round(points, _DECIMALS))
