"""Least-cost ways against a dumb relaxation, and the lines drawn along them."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from geocn.scenario.geography import CELL_DEGREES, Grid, distance_km
from geocn.scenario.paths import draw_flight, draw_line, ways_from


def small_grid(friction: np.ndarray) -> Grid:
    rows, columns = friction.shape
    return Grid(
        lon=-75 + CELL_DEGREES * (np.arange(columns) + 0.5),
        lat=8 - CELL_DEGREES * (np.arange(rows) + 0.5),
        country=np.zeros(friction.shape, dtype=np.int64),
        countries=("COL",),
        roadless=np.zeros(friction.shape, dtype=bool),
        friction=friction,
    )


def relaxed_costs(grid: Grid, start: int) -> np.ndarray:
    """Relax every step between sixteen neighbours until nothing changes."""
    rows, columns = grid.shape
    cost = np.full(rows * columns, np.inf)
    cost[start] = 0
    steps = [
        (down, right)
        for down, right in itertools.product(range(-2, 3), repeat=2)
        if sorted((abs(down), abs(right))) in ([0, 1], [1, 1], [1, 2])
    ]
    changed = True
    while changed:
        changed = False
        for row, column, (down, right) in itertools.product(range(rows), range(columns), steps):
            r, c = row + down, column + right
            if not (0 <= r < rows and 0 <= c < columns):
                continue
            km = distance_km(grid.lon[column], grid.lat[row], grid.lon[c], grid.lat[r])
            mean = (grid.friction[row, column] + grid.friction[r, c]) / 2
            new = cost[row * columns + column] + km * mean
            if new < cost[r * columns + c] - 1e-9:
                cost[r * columns + c] = new
                changed = True
    return cost


@settings(max_examples=8)
@given(st.integers(0, 2**32 - 1), st.integers(3, 7), st.integers(3, 7))
def test_costs_equal_a_dumb_relaxation(seed: int, rows: int, columns: int) -> None:
    rng = np.random.default_rng(seed)
    grid = small_grid(rng.lognormal(0, 1, (rows, columns)))
    start = int(rng.integers(rows * columns))
    ways = ways_from(grid, np.array([start]))
    np.testing.assert_allclose(ways.cost[0], relaxed_costs(grid, start), rtol=1e-9)


def test_walking_back_costs_what_was_said() -> None:
    grid = small_grid(np.random.default_rng(1).lognormal(0, 0.5, (12, 9)))
    ways = ways_from(grid, np.array([0, 50]))
    for site, cell in ((0, 107), (1, 8)):
        cells = ways.trace(site, cell)
        assert cells[0] == cell
        assert cells[-1] == (0, 50)[site]
        row, column = np.divmod(cells, 9)
        km = distance_km(
            grid.lon[column[:-1]], grid.lat[row[:-1]], grid.lon[column[1:]], grid.lat[row[1:]]
        )
        friction = grid.friction.ravel()
        walked = (km * (friction[cells[:-1]] + friction[cells[1:]]) / 2).sum()
        assert walked == pytest.approx(ways.cost[site, cell])


def test_other_friction_can_be_used() -> None:
    grid = small_grid(np.ones((5, 5)))
    one = ways_from(grid, np.array([0])).cost
    np.testing.assert_allclose(
        ways_from(grid, np.array([0]), friction=grid.friction * 3).cost, 3 * one
    )


def test_lines_keep_their_ends_and_stay_near_their_cells() -> None:
    grid = small_grid(np.ones((10, 10)))
    cells = ways_from(grid, np.array([0])).trace(0, 99)
    line = draw_line(
        grid, cells, start=(-73.6, 6.6), end=(-74.9, 7.9), rng=np.random.default_rng(0)
    )
    assert line.coords[0] == (-73.6, 6.6)
    assert line.coords[-1] == (-74.9, 7.9)
    assert line.is_valid
    straight = draw_line(grid, cells, start=(-73.6, 6.6), end=(-74.9, 7.9))
    assert shapely.hausdorff_distance(line, straight) < 1.5 * CELL_DEGREES


def test_flights_bend_by_a_tenth_at_most() -> None:
    rng = np.random.default_rng(0)
    for _ in range(20):
        line = draw_flight((-76.0, 2.0), (-84.0, 15.0), rng=rng)
        assert line.coords[0] == (-76.0, 2.0)
        assert line.coords[-1] == (-84.0, 15.0)
        straight = shapely.LineString([line.coords[0], line.coords[-1]])
        assert shapely.hausdorff_distance(line, straight) <= 0.1001 * straight.length
