"""Randomised shortest paths against a dense oracle, and in both limits."""

from __future__ import annotations

import itertools

import geopandas as gpd
import numpy as np
import pytest
import shapely
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from geocn.corridors import current_flow, least_cost_paths, randomised_shortest_paths
from geocn.errors import CoordinateError, ParameterError
from tests.oracles_corridors import raster


def rough(height, width, seed=0):
    return np.exp(np.random.default_rng(seed).normal(0, 0.7, (height, width)))


def dense(friction, start, end, theta, neighbours=8):
    """Inverse of a dense matrix, by the book (Saerens et al. 2009)."""
    height, width = friction.shape
    n = height * width
    cost = np.full((n, n), np.inf)
    for r, c in np.ndindex(height, width):
        for dr, dc in itertools.product((-1, 0, 1), repeat=2):
            near = abs(dr) + abs(dc)
            inside = 0 <= r + dr < height and 0 <= c + dc < width
            if near == 0 or (near == 2 and neighbours == 4) or not inside:
                continue
            mean = (friction[r, c] + friction[r + dr, c + dc]) / 2
            cost[r * width + c, (r + dr) * width + c + dc] = mean * np.hypot(dr, dc)
    chance = 1 / cost
    chance /= chance.sum(axis=1, keepdims=True)
    known = np.where(np.isinf(cost), 0.0, cost)
    weight = chance * np.exp(-theta * known)
    s, t = (p[0] * width + p[1] for p in (start, end))
    weight[t] = 0
    z = np.linalg.inv(np.eye(n) - weight)
    steps = z[s][:, None] * weight * z[:, t][None] / z[s, t]
    net = np.abs(steps - steps.T).sum(axis=1)
    net[[s, t]] += 1
    visits = z[s] * z[:, t] / z[s, t]
    return visits.reshape(height, width), (net / 2).reshape(height, width), (steps * known).sum()


@settings(max_examples=40, deadline=None)
@given(
    st.integers(2, 6),
    st.integers(2, 6),
    st.integers(0, 10_000),
    st.floats(0, 20),
    st.sampled_from([4, 8]),
)
def test_same_as_the_dense_oracle(height, width, seed, theta, neighbours):
    friction = rough(height, width, seed)
    start, end = (0, 0), (height - 1, width - 1)
    visits, net, expected = dense(friction, start, end, theta, neighbours)
    for count, oracle in (("total", visits), ("net", net)):
        found = randomised_shortest_paths(
            raster(friction), [start], [end], theta=theta, neighbours=neighbours, count=count
        )
        np.testing.assert_allclose(found.passages, oracle, rtol=1e-8, atol=1e-10)
        assert found.costs["expected_cost"].iloc[0] == pytest.approx(expected, rel=1e-8)


def test_large_theta_is_the_least_cost_path():
    friction = raster(rough(40, 50))
    found = randomised_shortest_paths(friction, [(3, 4)], [(35, 44)], theta=1e6)
    path = least_cost_paths(friction, [(3, 4)], [(35, 44)], neighbours=8)
    assert found.costs["expected_cost"].iloc[0] == pytest.approx(path["cost"].iloc[0], rel=1e-9)
    assert found.costs["least_cost"].iloc[0] == pytest.approx(path["cost"].iloc[0], rel=1e-12)
    walked = found.passages.to_numpy()
    assert np.isclose(walked, np.round(walked), atol=1e-6).all()
    on_line = shapely.get_coordinates(path.geometry.iloc[0])
    x, y = (xr.DataArray(axis, dims="k") for axis in on_line.T)
    cells = found.passages.sel(x=x, y=y, method="nearest")
    np.testing.assert_allclose(cells, 1.0, atol=1e-6)
    assert walked.sum() == pytest.approx(len(on_line), abs=1e-6)


@pytest.mark.parametrize("neighbours", [4, 8])
def test_theta_zero_is_current_flow(neighbours):
    friction = raster(rough(25, 30, 3))
    pair = [(3, 4), (20, 26)]
    found = randomised_shortest_paths(
        friction, pair[:1], pair[1:], theta=0.0, neighbours=neighbours, count="net"
    )
    flow = current_flow(friction, pair, neighbours=neighbours)
    np.testing.assert_allclose(found.passages, flow.current, rtol=1e-8, atol=1e-10)


def test_cost_falls_with_theta_from_that_of_the_walk_to_the_least():
    friction = raster(rough(60, 60, 5))
    costs = [
        randomised_shortest_paths(friction, [(5, 5)], [(50, 55)], theta=theta).costs.iloc[0]
        for theta in (0, 1e-3, 1e-2, 0.1, 1, 10, 100, 1e4)
    ]
    expected = [row["expected_cost"] for row in costs]
    assert all(a > b for a, b in itertools.pairwise(expected))
    assert costs[-1]["cost_ratio"] == pytest.approx(1.0, abs=1e-9)


@pytest.mark.parametrize("theta", [0.3, 3.0, 30.0, 300.0])
def test_far_walks_neither_vanish_nor_overflow(theta):
    """A strip of which the walk's weight is far below the smallest double."""
    friction = raster(rough(5, 1500, 7))
    found = randomised_shortest_paths(friction, [(2, 0)], [(2, 1499)], theta=theta, count="net")
    # What passes each column at least once is what the walk must do.
    through = found.passages.to_numpy().sum(axis=0)
    assert (through > 1 - 1e-6).all()
    assert found.costs["cost_ratio"].iloc[0] >= 1


def test_pairs_add_up_and_regions_share_their_starts():
    friction = raster(rough(15, 15, 9))
    ends = [(1, 1), (13, 2)]
    both = randomised_shortest_paths(friction, ends, [(7, 13)], theta=0.5, by_pair=True)
    np.testing.assert_allclose(both.passages, both.by_pair[0, 0] + both.by_pair[1, 0])
    one = gpd.GeoDataFrame(
        geometry=[shapely.MultiPoint([(5e5 + 1.5, 4e6 + 13.5), (5e5 + 2.5, 4e6 + 1.5)])],
        crs="EPSG:32618",
    )
    shared = randomised_shortest_paths(friction, one, [(7, 13)], theta=0.5)
    np.testing.assert_allclose(shared.passages, both.passages / 2, rtol=1e-10)
    listed = randomised_shortest_paths(friction, ends, [(7, 13)], theta=0.5, pairs=[(1, 0)])
    np.testing.assert_allclose(listed.passages, both.by_pair[1, 0])


def test_what_cannot_be_reached_is_named():
    values = rough(9, 9)
    values[:, 4] = np.nan
    found = randomised_shortest_paths(raster(values), [(1, 1), (1, 7)], [(7, 7)], theta=0.1)
    assert found.passages.attrs["geocn"]["unreachable"] == [[0, 0]]
    assert np.isnan(found.costs["expected_cost"].iloc[0])
    assert found.costs["expected_cost"].iloc[1] > 0
    assert np.isnan(found.passages.to_numpy()[:, 4]).all()
    assert (found.passages.to_numpy()[:, :4] == 0).all()


def test_start_at_the_end():
    found = randomised_shortest_paths(raster(rough(4, 4)), [(1, 1)], [(1, 1)], theta=1.0)
    assert found.costs.iloc[0][["expected_cost", "least_cost", "cost_ratio"]].tolist() == [0, 0, 1]
    assert float(found.passages.sum()) == 1.0


def test_a_cell_on_its_own():
    values = np.full((3, 3), np.nan)
    values[0, 0] = values[2, 2] = 1.0
    found = randomised_shortest_paths(raster(values), [(0, 0), (2, 2)], [(0, 0)], theta=1.0)
    assert found.costs["expected_cost"].isna().tolist() == [False, True]


def test_theta_beyond_doubles_is_refused_with_its_range():
    friction = raster(rough(10, 10))
    with pytest.raises(ParameterError, match=r"only 0 to .* can be computed"):
        randomised_shortest_paths(friction, [(0, 0)], [(9, 9)], theta=1e12)


@pytest.mark.parametrize(
    "wrong",
    [{"theta": -1}, {"theta": np.nan}, {"neighbours": 16}, {"count": "x"}, {"pairs": "mst"}],
)
def test_wrong_options(wrong):
    with pytest.raises(ParameterError, match=next(iter(wrong))):
        randomised_shortest_paths(
            raster(rough(4, 4)), [(0, 0)], [(3, 3)], **{"theta": 1.0, **wrong}
        )


def test_start_on_a_barrier():
    values = rough(4, 4)
    values[0, 0] = np.inf
    with pytest.raises(CoordinateError, match="barrier"):
        randomised_shortest_paths(raster(values), [(0, 0)], [(3, 3)], theta=1.0)
