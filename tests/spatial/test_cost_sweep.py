"""Sweeps over tiles against one heap and against a shortest-path library, to the last bit."""

from __future__ import annotations

import networkx as nx
import numba
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from geocn._kernels import cost as kernel
from geocn.errors import ParameterError, RasterError
from geocn.spatial import cost_sweep
from geocn.spatial.cost import FrictionSurface, friction_surface
from geocn.spatial.cost_slope import slope_factors
from geocn.spatial.raster_grid import raster_grid
from tests.oracles_corridors import raster


@pytest.fixture(autouse=True)
def _sweep_small_grids(monkeypatch):
    monkeypatch.setattr(cost_sweep, "_SWEEPS_FROM_CELLS", 0)


def varied_lengths(height):
    """Rows that differ in width, as degrees do."""
    across = np.linspace(0.4, 1.6, height)
    return np.stack(
        [across, np.full(height, 1.1), np.hypot(across, 1.1), np.hypot(2 * across, 1.1),
         np.hypot(across, 2.2)]
    )  # fmt: skip


def ground(friction, lengths, neighbours, wrap=False, elevation=None, factors=None):
    grid = raster_grid(raster(np.ones(friction.shape)), "friction")
    factors = np.ones(1) if factors is None else factors
    return FrictionSurface(grid, friction, lengths, neighbours, wrap, elevation, factors)


def by_one_heap(surface, seeds, max_cost=np.inf):
    cost = np.full(surface.friction.shape, np.inf)
    cost.ravel()[seeds] = 0.0
    limit = cost_sweep.by_heap(surface.ground, cost, seeds, limit=lambda: max_cost)
    return np.where(cost <= limit, cost, np.inf)


def field(kind, height, width, seed=0):
    rng = np.random.default_rng(seed)
    values = rng.uniform(1, 10, (height, width))
    if kind == "holes":
        values[rng.random(values.shape) < 0.35] = np.inf
    elif kind == "even":
        values[:] = 1.0
    elif kind == "comb":
        values[1::2] = np.inf
        values[1::4, -1] = values[3::4, 0] = 1.0
    return values


@pytest.mark.parametrize("kind", ["noise", "holes", "even", "comb"])
@pytest.mark.parametrize("neighbours", [8, 16])
@pytest.mark.parametrize("varied", [False, True])
@pytest.mark.parametrize("wrap", [False, True])
def test_sweeps_find_the_bits_of_one_heap(kind, neighbours, varied, wrap):
    for height, width in ((1, 200), (200, 5), (130, 197), (65, 64)):
        friction = field(kind, height, width)
        lengths = varied_lengths(height) if varied else kernel.planar_lengths(height, 1.0, 0.7)
        surface = ground(friction, lengths, neighbours, wrap)
        free = np.flatnonzero(np.isfinite(friction.ravel()))
        seeds = free[[0, len(free) // 3, -1]]
        np.testing.assert_array_equal(surface.accumulate(seeds).cost, by_one_heap(surface, seeds))


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 10_000), st.sampled_from([8, 16]), st.floats(0, 0.6))
def test_any_raster_of_several_tiles(seed, neighbours, holes):
    rng = np.random.default_rng(seed)
    friction = np.exp(rng.normal(0, 2, rng.integers(1, 140, 2)))
    friction[rng.random(friction.shape) < holes] = np.inf
    friction.ravel()[0] = 1.0
    surface = ground(friction, varied_lengths(len(friction)), neighbours)
    limit = float(rng.uniform(1, 200))
    expected = by_one_heap(surface, np.array([0]))
    np.testing.assert_array_equal(surface.accumulate(np.array([0])).cost, expected)
    near = surface.accumulate(np.array([0]), max_cost=limit).cost
    np.testing.assert_array_equal(near, np.where(expected <= limit, expected, np.inf))


@pytest.mark.parametrize("kind", ["comb", "holes"])
@pytest.mark.parametrize("max_cost", [np.inf, 300.0])
def test_one_heap_does_the_rest_where_ways_wind(monkeypatch, kind, max_cost):
    monkeypatch.setattr(cost_sweep, "_FROM_TILES", 1)
    monkeypatch.setattr(cost_sweep, "_MOST_VISITS", 1)
    friction = field(kind, 200, 260)
    surface = ground(friction, varied_lengths(200), 16)
    seeds = np.flatnonzero(np.isfinite(friction.ravel()))[:1]
    expected = by_one_heap(surface, seeds)
    found = surface.accumulate(seeds, max_cost=max_cost).cost
    np.testing.assert_array_equal(found, np.where(expected <= max_cost, expected, np.inf))


@pytest.mark.parametrize("wrap", [False, True])
def test_same_bytes_on_one_and_two_threads(monkeypatch, wrap):
    monkeypatch.setattr(cost_sweep, "_THREADS_FROM_CELLS", 0)
    friction = field("holes", 330, 463)
    surface = ground(friction, varied_lengths(330), 16, wrap)
    free = np.flatnonzero(np.isfinite(friction.ravel()))
    seeds, owners = free[:: len(free) // 7], np.arange(len(free[:: len(free) // 7]))
    most, found = numba.config.NUMBA_NUM_THREADS, []
    for threads in (1, min(2, most)):
        numba.set_num_threads(threads)
        try:
            found.append(surface.accumulate(seeds, owners))
        finally:
            numba.set_num_threads(most)
    assert found[0].cost.tobytes() == found[1].cost.tobytes()
    assert found[0].owner.tobytes() == found[1].owner.tobytes()


def test_colours_part_tiles_that_touch_around_the_globe():
    for shape in ((130, 200), (200, 330), (64, 640)):
        tiles = cost_sweep.Tiles(shape)
        colours = tiles.colours(wrap=True).reshape(tiles.shape)
        for dy, dx in ((0, 1), (1, 0), (1, 1), (1, -1)):
            other = np.roll(colours, (-dy, -dx), (0, 1))
            same = (colours == other)[: tiles.shape[0] - dy]
            assert not same.any()


def slow_graph(friction, lengths, elevation, rule, neighbours, wrap):
    """Every step as an edge of a graph, its cost from its own words."""
    height, width = friction.shape
    graph = nx.DiGraph()
    graph.add_nodes_from((r, c) for r in range(height) for c in range(width))
    shares = {0: 1, 1: 1, 2: 1, 3: 2, 4: 2}
    for r in range(height):
        for c in range(width):
            for drow, dcolumn, kind in kernel.STEPS[:neighbours].tolist():
                end, column = r + drow, c + dcolumn
                if not 0 <= end < height or (not wrap and not 0 <= column < width):
                    continue
                crossed = [(r, c), (end, column % width)]
                if kind == 3:
                    crossed += [(r, (c + dcolumn // 2) % width), (end, (c + dcolumn // 2) % width)]
                if kind == 4:
                    crossed += [(r + drow // 2, c), (r + drow // 2, column % width)]
                assert len(crossed) == 2 * shares[kind]
                length = lengths[kind, min(r, end)]
                slope = (elevation[end, column % width] - elevation[r, c]) / length
                cost = length * np.mean([friction[at] for at in crossed]) * rule(slope)
                if np.isfinite(cost):
                    graph.add_edge((r, c), (end, column % width), weight=float(cost))
    return graph


@pytest.mark.parametrize("neighbours", [8, 16])
@pytest.mark.parametrize("wrap", [False, True])
@pytest.mark.parametrize("name", ["tobler", "table"])
def test_slopes_against_a_graph(neighbours, wrap, name):
    rng = np.random.default_rng(4)
    friction = rng.uniform(1, 5, (9, 11))
    friction[rng.random((9, 11)) < 0.1] = np.inf
    friction[2, 3] = 1.0
    elevation = rng.uniform(0, 0.6, (9, 11))
    table = [(-0.5, 2.0), (0.0, 1.0), (0.5, 4.0)]
    rules = {
        "tobler": (lambda s: np.exp(3.5 * (abs(s + 0.05) - 0.05)), "tobler", 1e-6),
        "table": (lambda s: np.interp(s, *zip(*table, strict=True)), table, 1e-12),
    }
    rule, given_as, rtol = rules[name]
    lengths = varied_lengths(9)
    surface = ground(friction, lengths, neighbours, wrap, elevation, slope_factors(given_as))
    graph = slow_graph(friction, lengths, elevation, rule, neighbours, wrap)
    away = nx.single_source_dijkstra_path_length(graph, (2, 3))
    back = nx.single_source_dijkstra_path_length(graph.reverse(), (2, 3))
    for view, expected in ((surface, away), (surface.backwards(), back)):
        found = view.accumulate(np.array([2 * 11 + 3])).cost
        slow = [expected.get((r, c), np.inf) for r in range(9) for c in range(11)]
        np.testing.assert_allclose(found.ravel(), slow, rtol=rtol)
    assert away != back


def test_owners_of_ties_on_even_ground_do_not_depend_on_the_way():
    friction = np.ones((90, 130))
    surface = ground(friction, kernel.planar_lengths(90, 1.0, 1.0), 16)
    seeds = np.array([45 * 130 + 20, 45 * 130 + 110, 10 * 130 + 65])
    alone = np.stack([surface.accumulate(seeds[i : i + 1]).cost for i in range(3)])
    for order in ([0, 1, 2], [2, 0, 1]):
        found = surface.accumulate(seeds[order], np.array(order))
        np.testing.assert_array_equal(found.owner, alone.argmin(axis=0))


def test_named_slopes():
    tobler, langmuir = slope_factors("tobler"), slope_factors("langmuir")
    at = {s: 10_000 + round(s / kernel.SLOPE_STEP) for s in (-0.3, -0.05, 0.0, 0.1)}
    # Tobler: 6 km/h at -5 %, 5.04 km/h on level ground.
    assert tobler[at[0.0]] == pytest.approx(1)
    assert 1 / tobler[at[-0.05]] == pytest.approx(6 / 5.0367, rel=1e-4)
    # Langmuir: 0.72 s/m on the level, 6 s a metre up, 2 s a metre lost far down.
    assert langmuir[at[0.0]] == 1
    assert langmuir[at[0.1]] == pytest.approx((0.72 + 0.6) / 0.72)
    assert langmuir[at[-0.05]] == 1
    assert langmuir[at[-0.3]] == pytest.approx((0.72 + 0.3 * 1.9998) / 0.72)
    np.testing.assert_array_equal(slope_factors(lambda s: 1 + s**2)[10_000], 1)
    assert slope_factors({0.0: 1.0, 1.0: 3.0})[at[0.1]] == pytest.approx(1.2)


@pytest.mark.parametrize(
    "rule", ["uphill", [], [(0, 1), (0, 2)], lambda s: s, lambda _: 1.0, [(0, np.nan)]]
)
def test_odd_slopes(rule):
    with pytest.raises(ParameterError, match="slope"):
        slope_factors(rule)


def test_elevation_must_lie_on_the_cells_of_friction():
    friction = raster(np.ones((4, 5)))
    for other in (raster(np.ones((5, 4))), raster(np.ones((4, 5)), west=6e5)):
        with pytest.raises(RasterError, match="reproject_match"):
            friction_surface(friction, elevation=other)
    heights = raster(np.ones((4, 5)))
    heights[0, 0] = np.nan
    assert np.isinf(friction_surface(friction, elevation=heights).friction[0, 0])
