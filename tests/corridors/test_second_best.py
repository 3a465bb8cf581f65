"""The way that traffic takes next, spanning pairs, widths, and travel on slopes."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pytest
import shapely

from geocn.corridors import cost_surface, least_cost_corridors, least_cost_paths
from geocn.errors import ParameterError
from tests.oracles_corridors import raster

UTM = "EPSG:32618"


def two_gaps():
    """A wall with a near gap (rows 9 and 10) and a far one (rows 30 to 33)."""
    values = np.ones((40, 41))
    values[:, 20] = np.inf
    values[9:11, 20] = 1
    values[30:34, 20] = 1
    return raster(values, 1000)


def point(row, column, height=40, cell=1000, **more):
    at = shapely.Point(5e5 + (column + 0.5) * cell, 4e6 + (height - row - 0.5) * cell)
    return gpd.GeoDataFrame(geometry=[at], crs=UTM, **more)


def test_the_second_path_goes_through_the_other_gap():
    found = least_cost_paths(
        two_gaps(), [(10, 5)], [(10, 35)], second_best=True, apart_m=2000, neighbours=8
    )
    assert found["rank"].tolist() == [1, 2]
    assert found["cost_ratio"].iloc[0] == 1
    assert found["cost_ratio"].iloc[1] == found["cost"].iloc[1] / found["cost"].iloc[0] > 1.3
    first, second = found.geometry
    wall = shapely.box(520e3, 4e6, 521e3, 4.04e6)
    rows = [40 - (line.intersection(wall).centroid.y - 4e6) / 1000 for line in (first, second)]
    assert 9 < rows[0] < 11
    assert 30 < rows[1] < 34


def test_without_a_second_way_the_pair_is_named():
    values = np.ones((9, 21))
    values[:, 10] = np.inf
    values[4, 10] = 1
    for found in (
        least_cost_paths(raster(values, 1000), [(4, 1)], [(4, 19)], second_best=True),
        least_cost_corridors(
            raster(values, 1000), [(4, 1)], [(4, 19)], second_best=True, tolerances=[0.01]
        ),
    ):
        assert found["rank"].tolist() == [1, 2]
        assert found.geometry.isna().tolist() == [False, True]
        assert found.attrs["geocn"]["unreachable"] == []
    paths = least_cost_paths(raster(values, 1000), [(4, 1)], [(4, 19)], second_best=True)
    assert paths.attrs["geocn"]["without_second"] == [[0, 0]]


def test_the_second_corridor_lies_outside_the_first():
    found = least_cost_corridors(
        two_gaps(), [(10, 5)], [(10, 35)], second_best=True, tolerances=[0.02, 0.1]
    )
    assert found["rank"].tolist() == [1, 1, 2, 2]
    first, wide, second, _ = found.to_crs(UTM).geometry
    assert found["cost_ratio"].iloc[2] > 1.3
    # Around the sites themselves the two share what has to stay open.
    ends = shapely.union_all([point(10, c).geometry[0].buffer(2500) for c in (5, 35)])
    assert second.intersection(first).difference(ends).area < 1e4
    assert wide.area > first.area


def test_width_and_pinch_of_a_straight_corridor_through_a_gap():
    values = np.full((31, 61), 1.0)
    values[:, 30] = np.inf
    values[14:17, 30] = 1.0
    found = least_cost_corridors(raster(values, 100), [(15, 5)], [(15, 55)], tolerances=[0.05])
    one = found.iloc[0]
    assert one["min_width_m"] == pytest.approx(300, abs=50)
    assert one["width_m"] > 2 * one["min_width_m"]
    pinch = gpd.GeoSeries(
        gpd.points_from_xy([one["pinch_lon"]], [one["pinch_lat"]]), crs=4326
    ).to_crs(UTM)[0]
    assert (pinch.x, pinch.y) == pytest.approx((5e5 + 3050, 4e6 + 1550), abs=1)


@pytest.mark.parametrize("rows", [5, 11])
def test_width_of_a_channel(rows):
    values = np.full((rows + 2, 50), 1.0)
    values[[0, -1]] = np.inf
    middle = (rows + 1) // 2
    found = least_cost_corridors(
        raster(values, 200), [(middle, 1)], [(middle, 48)], tolerances=[2.0]
    )
    assert found["min_width_m"].iloc[0] == pytest.approx(rows * 200, abs=100)


def test_spanning_pairs_join_all_sites_at_least_cost():
    friction = raster(np.random.default_rng(1).uniform(1, 5, (30, 40)), 500)
    sites = [(2, 2), (5, 30), (25, 8), (28, 36), (15, 20)]
    every = least_cost_paths(friction, sites, sites)
    tree = least_cost_paths(friction, sites, sites, pairs="mst")
    assert len(tree) == len(sites) - 1
    joined = {frozenset(pair) for pair in zip(tree["origin"], tree["destination"], strict=True)}
    assert all(len(pair) == 2 for pair in joined)
    import scipy.sparse.csgraph as csgraph

    costs = every["cost"].to_numpy().reshape(5, 5)
    assert tree["cost"].sum() == pytest.approx(csgraph.minimum_spanning_tree(costs).sum())


def test_spanning_pairs_leave_islands_apart():
    values = np.ones((5, 11))
    values[:, 5] = np.nan
    sites = [(2, 1), (2, 3), (2, 8)]
    assert len(least_cost_paths(raster(values), sites, sites, pairs="mst")) == 1


def test_nearest_does_no_work_beyond_it():
    friction = raster(np.random.default_rng(1).uniform(1, 5, (200, 200)), 500)
    near = least_cost_paths(friction, [(5, 5)], [(190, 190), (9, 12)], pairs="nearest")
    every = least_cost_paths(friction, [(5, 5)], [(190, 190), (9, 12)])
    assert near["destination"].tolist() == [1]
    assert near["cost"].iloc[0] == every["cost"].iloc[1]


def test_a_slope_costs_more_up_than_down():
    height = raster(np.tile(np.arange(20) * 30.0, (7, 1)), 100)
    friction = raster(np.ones((7, 20)), 100)
    up = least_cost_paths(friction, [(3, 1)], [(3, 18)], elevation=height)
    down = least_cost_paths(friction, [(3, 18)], [(3, 1)], elevation=height)
    factor = {s: np.exp(3.5 * (abs(s + 0.05) - 0.05)) for s in (0.3, -0.3)}
    assert up["cost"].iloc[0] == pytest.approx(1700 * factor[0.3], rel=1e-6)
    assert down["cost"].iloc[0] == pytest.approx(1700 * factor[-0.3], rel=1e-6)
    away = cost_surface(friction, [(3, 1)], elevation=height)["accumulated"]
    assert float(away[3, 18]) == up["cost"].iloc[0]
    area = least_cost_corridors(friction, [(3, 1)], [(3, 18)], elevation=height, tolerances=[0])
    assert area["least_cost"].iloc[0] == pytest.approx(up["cost"].iloc[0])
    assert area["n_cells"].iloc[0] == 18


def test_duplicated_sites_give_a_row_each():
    sites = point(10, 5, index=["a"]), point(10, 5, index=["b"])
    both = gpd.GeoDataFrame(geometry=[s.geometry.iloc[0] for s in sites], index=["a", "b"], crs=UTM)
    found = least_cost_paths(two_gaps(), both, point(10, 35, index=["z"]))
    assert found["origin"].tolist() == ["a", "b"]
    assert found["cost"].nunique() == 1
    owners = cost_surface(two_gaps(), both)["allocation"]
    assert set(np.unique(owners)) <= {-1, 0}


@pytest.mark.parametrize("apart_m", [-1, np.nan, np.inf])
def test_odd_distances(apart_m):
    with pytest.raises(ParameterError, match="apart_m"):
        least_cost_paths(two_gaps(), [(0, 0)], [(0, 1)], apart_m=apart_m)
