"""The grid finds the same crossings as every step against every edge."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geocn._kernels.crossings import line_edge_crossings
from geocn.spatial.border_index import EdgeGrid


def all_against_all(xy, start, edges):
    """Dumb oracle: every step of every line against every edge, in three copies of the world."""
    found = []
    for line in range(len(start) - 1):
        for v in range(start[line], start[line + 1] - 1):
            p, q = xy[v], xy[v + 1]
            for e, edge in enumerate(edges):
                for shift in (-720, -360, 0, 360, 720):
                    moved = np.add(edge, [shift, 0, shift, 0])
                    a, b = moved[:2], moved[2:]
                    d1, d2 = turn(a, b, p), turn(a, b, q)
                    d3, d4 = turn(p, q, a), turn(p, q, b)
                    if (d1 >= 0) != (d2 >= 0) and (d3 >= 0) != (d4 >= 0):
                        number = e + 1 if d1 >= 0 else -(e + 1)
                        found.append([line, v, d1 / (d1 - d2), number, d3 / (d3 - d4)])
    return sorted(map(tuple, found))


def turn(a, b, p):
    return (b[0] - a[0]) * (p[1] - a[1]) - (b[1] - a[1]) * (p[0] - a[0])


def by_grid(xy, start, edges, capacity=10_000):
    grid = EdgeGrid.of(edges)
    out = np.empty((capacity, 5))
    n = line_edge_crossings(xy, start, edges, grid.cell, grid.shape, grid.first, grid.entry, out)
    return n, sorted(set(map(tuple, out[: min(n, capacity)].tolist())))


def world(seed, *, whole):
    """Lines and edges, long and short, near and across 180 degrees; some on a lattice."""
    rng = np.random.default_rng(seed)
    steps = rng.choice([0.01, 0.3, 5.0, 40.0])
    sizes = rng.integers(2, 6, 6)
    start = np.concatenate([[0], np.cumsum(sizes)])
    middle = rng.choice([0.0, 179.9, -180.0, 90.0])
    xy = np.array([middle, 0.0]) + rng.uniform(-1, 1, (start[-1], 2)) * [steps * 2, min(steps, 40)]
    a = np.array([middle, 0.0]) + rng.uniform(-1, 1, (40, 2)) * [steps * 2, min(steps, 40)]
    b = a + rng.normal(0, steps / 2, (40, 2))
    if whole:
        xy, a, b = np.round(xy), np.round(a), np.round(b)
    a[:, 0] = (a[:, 0] + 180) % 360 - 180
    b[:, 0] = a[:, 0] + (b[:, 0] - a[:, 0] + 180) % 360 - 180
    b[:, 1] = np.clip(b[:, 1], -90, 90)
    return xy, start, np.column_stack([a, b])


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 100_000), whole=st.booleans())
def test_the_grid_finds_what_all_against_all_finds(seed, whole):
    xy, start, edges = world(seed, whole=whole)
    assert by_grid(xy, start, edges)[1] == all_against_all(xy, start, edges)


def test_too_small_an_output_says_how_much_is_needed():
    xy, start, edges = world(3, whole=False)
    n, found = by_grid(xy, start, edges)
    assert len(found) > 3
    assert by_grid(xy, start, edges, capacity=2)[0] == n


def test_every_edge_stands_in_each_cell_it_touches():
    edges = np.array([[0.1, 0.1, 0.2, 0.2], [0.0, 0.0, 10.0, 10.0], [179.9, 89.9, 180.1, 90.0]])
    grid = EdgeGrid.of(edges)
    number = grid.entry // 3
    size = np.bincount(number, minlength=3)
    assert size[0] == 1
    # A diagonal passes 40 cells, and touches a neighbour at each of their corners.
    assert 40 <= size[1] <= 3 * 41 + 3
    cells = np.repeat(np.arange(len(grid.first) - 1), np.diff(grid.first))
    assert {int(c) % grid.shape[1] for c in cells[number == 2]} == {0, grid.shape[1] - 1}


@pytest.mark.parametrize("y", [-90.0, 90.0])
def test_at_a_pole(y):
    edges = np.array([[10.0, -np.sign(y) * -89.0, 10.0, y]])
    xy = np.array([[9.0, y * 0.99], [11.0, y * 0.99]])
    assert len(by_grid(xy, np.array([0, 2]), edges)[1]) == 1
