"""Route networks: modes, transfers, costs, what is mended, and bad input."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse.csgraph import dijkstra
from shapely import LineString as Line

from geocn.corridors import RouteNetwork, k_shortest_routes, route_network
from geocn.corridors.network import speed_table
from geocn.errors import CRSError, GeometryError, ParameterError, SchemaError
from geocn.spatial.network_build import build_network
from geocn.spatial.network_split import split_at

DEGREE = 111_319.49


def ways(*lines, **columns):
    return gpd.GeoDataFrame(columns, geometry=list(lines), crs=4326, index=range(len(lines)))


def points(*xy):
    return gpd.GeoDataFrame(geometry=[shapely.Point(p) for p in xy], crs=4326)


def transfers(network):
    return network.edges[network.edges["is_transfer"]]


def test_a_bridge_over_a_river_is_no_landing():
    road = ways(Line([(-1, 0), (1, 0)]))
    river = ways(Line([(0, -1), (0, 1)]))
    network = route_network({"road": road, "river": river})
    assert len(transfers(network)) == 0
    assert network.nodes["component"].nunique() == 2
    assert network.edges["mode"].tolist() == ["road", "river"]


def test_a_road_that_ends_at_a_river_is_a_landing_in_its_middle():
    road = ways(Line([(-1, 0), (-0.0005, 0)]))  # 56 m short of it
    river = ways(Line([(0, -1), (0, 1)]))
    network = route_network({"road": road, "river": river}, transfers=20.0)
    assert len(network.edges[network.edges["mode"] == "river"]) == 2
    join = transfers(network)
    assert join["cost"].tolist() == [20.0]
    assert join["length_m"].iloc[0] == pytest.approx(55.66, abs=0.01)
    assert network.report["n_transfers"].tolist() == [1, 1]
    modes = network.nodes.loc[join[["u", "v"]].iloc[0], "modes"].tolist()
    assert modes == ["road", "river"]
    apart = route_network({"road": road, "river": river}, transfer_m=50)
    assert len(transfers(apart)) == 0


def test_transfers_are_only_at_points_where_points_are_given():
    road = ways(Line([(-1, 0), (0, 0)]), Line([(-1, 1), (1, 1)]))
    river = ways(Line([(0, -1), (0, 2)]))
    network = route_network(
        {"road": road, "river": river}, transfer_points=points((0.0002, 1.0001), (5, 5))
    )
    join = transfers(network)
    assert len(join) == 1
    places = network.nodes.geometry.loc[join[["u", "v"]].to_numpy().ravel()]
    assert places.y.round(3).tolist() == [1, 1]
    # The road is not joined where it meets the river without a port.
    assert network.nodes["component"].nunique() == 2


def test_costs_of_changing_may_differ_by_direction_and_pairs_left_out_do_not_change():
    road, river = ways(Line([(0, 0), (1, 0)])), ways(Line([(1, 0), (2, 0)]))
    sea = ways(Line([(2, 0), (3, 0)]), Line([(1, 0), (1, -1)]))
    layers = {"road": road, "river": river, "sea": sea}
    network = route_network(
        layers, transfers={("road", "river"): 10.0, ("river", "road"): 40.0, ("river", "sea"): 5.0}
    )
    join = transfers(network)
    assert sorted(join["cost"]) == [5.0, 5.0, 10.0, 40.0]
    assert join["is_one_way"].sum() == 2
    far = k_shortest_routes(network, points((0, 0)), points((3, 0)), k=1)
    back = k_shortest_routes(network, points((3, 0)), points((0, 0)), k=1)
    assert far["modes"].tolist() == ["road;river;sea"]
    assert far["n_transfers"].tolist() == [2]
    assert back["cost"].iloc[0] - far["cost"].iloc[0] == pytest.approx(30)
    travel = DEGREE / 1000 * 60 * (1 / 50 + 1 / 15 + 1 / 28)
    assert far["cost"].iloc[0] == pytest.approx(travel + 15, rel=1e-6)


def test_speeds_have_sources_and_can_be_given():
    table = speed_table()
    assert (table["kmh"] > 0).all()
    assert table["source"].str.len().gt(5).all()
    assert {"road", "river", "sea", "air", "foot", "rail", "tunnel"} == set(table.index)
    road = ways(Line([(0, 0), (1, 0)]), mode=["road"])
    network = route_network(road, speeds_kmh={"road": 60})
    assert network.edges["cost"].iloc[0] == pytest.approx(DEGREE / 1000, rel=1e-6)


def test_a_stated_cost_is_shared_by_length_among_the_pieces():
    lines = ways(Line([(0, 0), (4, 0)]), Line([(1, -1), (1, 1)]), mode=["road"] * 2, hours=[8, 2])
    network = route_network(lines, cost="hours", transfers=1.0)
    total = network.edges.groupby("line")["cost"].sum()
    assert total.to_dict() == pytest.approx({0: 8, 1: 2})
    np.testing.assert_allclose(network.edges["cost"].iloc[:2], [2, 6], rtol=1e-6)


def test_one_way_streets_lead_one_way():
    ring = [Line([(0, 0), (1, 0)]), Line([(1, 0), (1, 1)]), Line([(1, 1), (0, 0)])]
    lines = ways(*ring, mode=["road"] * 3, only=[True, True, None])
    network = route_network(lines, one_way="only")
    least = network.least_costs([0])
    assert network.edges["is_one_way"].tolist() == [True, True, False]
    here, there = points((0, 0)), points((1, 0))
    lengths = [
        k_shortest_routes(network, a, b, k=1)["length_m"].iloc[0]
        for a, b in ((here, there), (there, here))
    ]
    assert lengths[0] == pytest.approx(DEGREE, rel=1e-6)
    assert lengths[1] > 2 * lengths[0]
    assert np.isfinite(least).all()


def test_two_one_way_lanes_on_one_course_are_both_kept():
    course = Line([(0, 0), (1, 0)])
    lines = ways(course, course.reverse(), course, mode=["road"] * 3, only=[True] * 3)
    network = route_network(lines, one_way="only")
    assert network.edges["line"].tolist() == [0, 1]
    assert network.report["n_duplicates"].tolist() == [1]
    assert np.isfinite(network.least_costs([0])).all()
    assert np.isfinite(network.least_costs([1])).all()


def test_what_is_mended_is_reported_by_mode():
    road = ways(
        Line([(0, 0), (1, 0)]),
        Line([(1, 0), (0, 0)]),
        Line([(0.5, 0.00005), (0.5, 1)]),  # six metres short
        Line([(2, 2), (2, 2)]),
        Line([(3, 0), (4, 0), (4, 1), (3, 0)]),
        None,
    )
    report = route_network({"road": road}, snap_m=10).report.loc["road"]
    assert report[["n_rows", "n_without_geometry", "n_duplicates", "n_snapped"]].tolist() == [
        6, 1, 2, 1,
    ]  # fmt: skip
    assert report[["n_zero_length", "n_self_loops"]].tolist() == [1, 1]


def test_rows_without_a_line_do_not_shift_the_labels():
    lines = gpd.GeoDataFrame(
        {"mode": ["road"] * 3, "posts": [1, 2, 3]},
        geometry=[None, Line([(0, 0), (1, 0)]), Line([(5, 0), (6, 0)])],
        index=["gone", "a", "b"],
        crs=4326,
    )
    network = route_network(lines, keep=["posts"])
    assert network.edges["line"].tolist() == ["a", "b"]
    assert network.edges["posts"].tolist() == [2, 3]
    assert network.edges.attrs["geocn"]["left_out"] == ["gone"]


def test_a_sea_lane_over_the_antimeridian_is_measured_the_short_way():
    lane = ways(Line([(178, 0), (-178, 0)]), mode=["sea"])
    network = route_network(lane)
    assert network.edges["length_m"].sum() == pytest.approx(4 * DEGREE, rel=1e-6)
    assert (network.nodes["component"] == 0).all()
    bounds = network.edges.geometry.bounds
    assert (bounds["maxx"] - bounds["minx"]).max() < 3
    across = ways(Line([(-179.9999, 0), (-175, 0)]), mode=["road"])
    joined = route_network({"sea": ways(Line([(178, 0), (179.9999, 0)])), "road": across})
    assert len(transfers(joined)) == 1
    assert transfers(joined)["length_m"].iloc[0] == pytest.approx(22.26, abs=0.01)
    assert (shapely.length(transfers(joined).geometry.to_numpy()) == 0).all()


def test_a_matrix_for_scipy_says_the_same():
    rng = np.random.default_rng(3)
    lines = [Line(rng.uniform(0, 1, (2, 2))) for _ in range(40)]
    network = route_network(ways(*lines, mode=["road", "river"] * 20))
    ours = network.least_costs([0, 5])
    theirs = dijkstra(network.graph.matrix(), indices=[0, 5], min_only=True)
    np.testing.assert_allclose(ours, theirs, rtol=1e-12)


def test_bad_layers_and_options_are_refused():
    road = ways(Line([(0, 0), (1, 0)]), mode=["road"])
    for options in (
        {"transfer_m": -1},
        {"snap_m": np.inf},
        {"speeds_kmh": {"road": 0}},
        {"transfers": -5.0},
        {"transfers": {("road", "sea"): np.nan}},
        {"keep": ["cost"]},
    ):
        with pytest.raises(ParameterError):
            route_network(road, **options)
    with pytest.raises(ParameterError, match="empty mapping"):
        route_network({})
    with pytest.raises(ParameterError, match="no speed for the modes"):
        route_network({"mule": road})
    with pytest.raises(SchemaError, match="no column 'kind'"):
        route_network(road, mode="kind")
    with pytest.raises(SchemaError, match="no column 'hours'"):
        route_network(road, cost="hours")
    with pytest.raises(SchemaError, match="no mode"):
        route_network(road.assign(mode=None))
    with pytest.raises(SchemaError, match=r"hours that is negative .*|1 row: 0"):
        route_network(road.assign(hours=-1.0), cost="hours")
    with pytest.raises(CRSError):
        route_network(road.set_crs(None, allow_override=True))
    with pytest.raises(GeometryError):
        route_network(road.set_geometry([shapely.box(0, 0, 1, 1)]))


def test_a_network_made_by_hand_is_checked():
    network = route_network(ways(Line([(0, 0), (1, 0)]), mode=["road"]))
    with pytest.raises(SchemaError, match="1 costs"):
        RouteNetwork(network.nodes, network.edges.assign(cost=-1.0), network.report)
    with pytest.raises(SchemaError, match="1 edges between unknown"):
        RouteNetwork(network.nodes, network.edges.assign(u=9), network.report)
    with pytest.raises(SchemaError, match="no column cost"):
        RouteNetwork(network.nodes, network.edges.drop(columns="cost"), network.report)
    with pytest.raises(ParameterError, match="nodes of the network"):
        network.least_costs([7])


def test_an_empty_network_has_all_columns():
    road = ways(Line([(0, 0), (1, 0)]), mode=["road"], posts=[1])
    full, none = (route_network(frame, keep=["posts"]) for frame in (road, road.iloc[:0]))
    assert none.edges.dtypes.to_dict() == full.edges.dtypes.to_dict()
    assert none.nodes.dtypes.to_dict() == full.nodes.dtypes.to_dict()
    assert list(none.report.columns) == list(full.report.columns)
    assert len(none.least_costs([])) == 0


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.tuples(st.integers(0, 3), st.floats(0, 1)), min_size=1, max_size=12),
)
def test_cutting_edges_keeps_their_course_and_length(cuts):
    lines = [
        Line([(0, 0), (3, 0), (3, 4)]),
        Line([(0, 0), (0, 9)]),
        Line([(3, 4), (0, 9)]),
        Line([(3, 4), (5, 5), (6, 5), (7, 7)]),
    ]
    frame = gpd.GeoDataFrame(geometry=lines, crs="EPSG:32618")
    network = build_network(frame, metres="planar")
    edge = np.array([e for e, _ in cuts])
    offset = np.array([part for _, part in cuts]) * network.length_m[edge]
    cut, node, parent = split_at(network, edge, offset)
    by_edge = np.bincount(parent, weights=cut.length_m)
    np.testing.assert_allclose(by_edge, network.length_m)
    assert (cut.length_m > 0).all()
    np.testing.assert_allclose(shapely.length(cut.lines), cut.length_m, atol=1e-9)
    assert (cut.vertex_m[cut.first[1:] - 1] == cut.length_m).all()
    assert shapely.union_all(cut.lines).hausdorff_distance(shapely.union_all(lines)) < 1e-9
    ends = np.vstack([cut.vertex_xy[cut.first[:-1]], cut.vertex_xy[cut.first[1:] - 1]])
    np.testing.assert_allclose(ends, cut.node_xy[np.concatenate([cut.u, cut.v])], atol=1e-9)
    at = network.xy_at(edge, offset)
    assert np.abs(cut.node_xy[node] - at).max() <= 2e-3
    assert (split_at(network, np.array([-1]), np.array([np.nan])).node == -1).all()


def test_a_transfer_comes_from_no_line():
    road, sea = ways(Line([(0, 0), (1, 0)])), ways(Line([(1, 0), (2, 0)]))
    table = route_network({"road": road, "sea": sea})
    assert table.edges["line"].isna().tolist() == [False, False, True]
    assert isinstance(table.report, pd.DataFrame)
