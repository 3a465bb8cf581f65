from __future__ import annotations

import geopandas as gpd
import networkx as nx
import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from geocn._kernels.graph_paths import by_tail
from geocn._kernels.reach_graph import within
from geocn.corridors import route_network
from geocn.coverage import TravelRules, reach
from geocn.errors import ParameterError, RejectedRowsWarning
from geocn.spatial.geodesy import geodesic_length_km
from geocn.spatial.network_build import build_network

LINES = TravelRules(shape="lines")


def road(*lines, **columns):
    return gpd.GeoDataFrame(columns, geometry=[shapely.LineString(x) for x in lines], crs=4326)


def sites(*xy, **columns):
    return gpd.GeoDataFrame(columns, geometry=[shapely.Point(p) for p in xy], crs=4326)


def grid_of_roads(n=6, step=0.01):
    """Streets along and across, with the diagonal of every second block."""
    lines = [[(0, i * step), ((n - 1) * step, i * step)] for i in range(n)]
    lines += [[(i * step, 0), (i * step, (n - 1) * step)] for i in range(n)]
    lines += [[(i * step, i * step), ((i + 1) * step, (i + 1) * step)] for i in range(0, n - 1, 2)]
    return road(*lines)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 15), st.integers(0, 40), st.floats(0, 12))
def test_the_kernel_finds_what_dijkstra_finds(seed, n, m, limit):
    rng = np.random.default_rng(seed)
    tail, head = rng.integers(0, n, (2, m))
    cost = rng.integers(0, 6, m).astype(float)
    sources, offsets = rng.integers(0, n, 2), rng.integers(0, 4, 2).astype(float)
    graph = nx.MultiDiGraph()
    graph.add_nodes_from([*range(n), "site"])
    graph.add_weighted_edges_from(zip(tail.tolist(), head.tolist(), cost.tolist(), strict=True))
    graph.add_weighted_edges_from(
        ("site", int(s), o) for s, o in zip(sources, offsets, strict=True)
    )
    expected = nx.single_source_dijkstra_path_length(graph, "site", cutoff=limit)
    expected.pop("site")
    start, order = by_tail(tail, n)
    least, found = np.full(n, np.inf), np.empty(n, dtype=np.int64)
    keys, nodes = np.empty(m + 2), np.empty(m + 2, dtype=np.int64)
    k = within(start, head[order], cost[order], sources, offsets, limit, least, keys, nodes, found)
    assert dict(zip(found[:k].tolist(), least[found[:k]].tolist(), strict=True)) == expected
    assert np.isinf(np.delete(least, found[:k])).all()
    assert (np.diff(least[found[:k]]) >= 0).all()


def on_edges_by_hand(network, lon, lat, limit, of):
    """Length reached: every edge cut into short bits, each asked for its own shortest way."""
    lines = network.lines
    place = lines.place_xy(np.array([[lon, lat]]), reach_m=1e4)
    edge, offset, away = int(place.edge[0]), place.offset_m[0], place.distance_m[0]
    graph, cost = nx.DiGraph(), network.edges[of].to_numpy()
    one_way = network.edges["is_one_way"].to_numpy()
    n = 400
    for e, (u, v) in enumerate(zip(lines.u.tolist(), lines.v.tolist(), strict=True)):
        row = int(network.line_rows[e])
        at = np.unique(
            np.append(np.linspace(0, 1, n + 1), offset / lines.length_m[e] if e == edge else 0.0)
        )
        names = [u, *[(e, float(s)) for s in at[1:-1]], v]
        for a, b, step in zip(names[:-1], names[1:], np.diff(at), strict=True):
            graph.add_edge(a, b, weight=cost[row] * step, metres=lines.length_m[e] * step)
            if not one_way[row]:
                graph.add_edge(b, a, weight=cost[row] * step, metres=lines.length_m[e] * step)
    for row in np.flatnonzero(network.edges["is_transfer"]):
        u, v = network.edges[["u", "v"]].iloc[row]
        graph.add_edge(u, v, weight=cost[row], metres=0.0)
        graph.add_edge(v, u, weight=cost[row], metres=0.0)
    start = min(
        (node for node in graph if isinstance(node, tuple) and node[0] == edge),
        key=lambda node: abs(node[1] - offset / lines.length_m[edge]),
    )
    least = nx.single_source_dijkstra_path_length(graph, start, cutoff=limit(away))
    reached = {
        frozenset((a, b)): data["metres"]
        for a, b, data in graph.edges(data=True)
        if a in least and least[a] + data["weight"] <= limit(away)
    }
    return sum(reached.values()) / 1e3


@pytest.mark.parametrize(("lon", "lat"), [(0.0234, 0.02), (0.0101, 0.0155), (0.049, 0.0501)])
@pytest.mark.parametrize("km", [0.6, 2.5, 4.0])
def test_kilometres_along_the_edges_are_those_of_a_slow_search(lon, lat, km):
    network = route_network({"road": grid_of_roads()})
    found = reach(sites((lon, lat)), distance_km=km, network=network, travel=LINES)
    expected = on_edges_by_hand(network, lon, lat, lambda away: km * 1e3 - away, "length_m")
    # The slow search leaves out the bit of 3 m in which each way ends.
    assert 0 <= found["reach_length_km"].iloc[0] - expected < 0.05
    drawn = found.geometry.iloc[0]
    assert geodesic_length_km([drawn])[0] == pytest.approx(
        found["reach_length_km"].iloc[0], rel=1e-6
    )
    assert found["reach_basis"].iloc[0] == "network"


def test_minutes_one_way_edges_and_transfers_as_a_slow_search_counts_them():
    lines = {"road": road([(0, 0), (0.1, 0)], [(0.05, 0.05), (0.05, 0)], one=[False, True]),
             "river": road([(0.1, 0), (0.1, 0.3)], one=[False])}  # fmt: skip
    network = route_network(lines, one_way="one", transfers=3.0)
    for towards in (False, True):
        rules = TravelRules(shape="lines", towards=towards)
        found = reach(sites((0.03, 0.001)), minutes=20, network=network, travel=rules)
        expected = on_edges_by_hand(network, 0.03, 0.001, lambda away: 20 - away * 0.012, "cost")
        if towards:
            # The side road leads here, and only then.
            side = 5.53
            assert found["reach_length_km"].iloc[0] == pytest.approx(expected + side, abs=0.1)
        else:
            assert found["reach_length_km"].iloc[0] == pytest.approx(expected, abs=0.1)


def test_a_line_is_cut_exactly_at_the_limit_on_both_sides():
    network = route_network({"road": road([(0, 0), (1, 0)])})
    found = reach(sites((0.5, 0.0)), distance_km=10, network=network, travel=LINES)
    west, _, east, _ = found.geometry.iloc[0].bounds
    half = 10 / 111.319491
    assert (west, east) == (pytest.approx(0.5 - half), pytest.approx(0.5 + half))
    near_end = reach(sites((0.01, 0.0)), distance_km=10, network=network, travel=LINES)
    assert near_end.geometry.iloc[0].bounds[0] == 0
    # What it takes to get to the road counts.
    aside = reach(sites((0.5, 0.009)), distance_km=10, network=network, travel=LINES)
    away = aside["snapped_m"].iloc[0]
    assert away == pytest.approx(995.2, rel=1e-3)
    assert aside["reach_length_km"].iloc[0] == pytest.approx(20 - 2 * away / 1e3)


def test_the_area_beside_the_lines():
    network = route_network({"road": road([(0, 0), (1, 0)])})
    rules = TravelRules(half_width_m=200)
    found = reach(sites((0.5, 0.0)), distance_km=10, network=network, travel=rules)
    assert found["reach_area_km2"].iloc[0] == pytest.approx(20 * 0.4 + np.pi * 0.04, rel=2e-3)
    lines = reach(sites((0.5, 0.0)), distance_km=10, network=network, travel=LINES)
    assert found.geometry.iloc[0].contains(lines.geometry.iloc[0])


def test_a_bare_network_has_kilometres_and_no_minutes():
    bare = build_network(grid_of_roads())
    routes = route_network({"road": grid_of_roads()})
    here = sites((0.0234, 0.02), reach_minutes=[5.0])
    km = reach(here, distance_km=2, network=bare)
    assert km["reach_basis"].iloc[0] == "network"
    assert km.attrs["geocn"]["n_minutes_unused"] == 1
    assert km["reach_length_km"].iloc[0] == pytest.approx(
        reach(here.drop(columns="reach_minutes"), distance_km=2, network=routes)[
            "reach_length_km"
        ].iloc[0]
    )
    with pytest.raises(ParameterError, match="minutes need ground"):
        reach(here, minutes=3, network=bare)
    priced = route_network({"road": grid_of_roads().assign(toll=1.0)}, cost="toll")
    with pytest.raises(ParameterError, match="minutes need ground"):
        reach(here, minutes=3, network=priced)


def test_pieces_that_do_not_hang_together_are_reached_on_their_own():
    network = route_network({"road": road([(0, 0), (0.1, 0)], [(0, 0.05), (0.1, 0.05)])})
    found = reach(sites((0.05, 0), (0.05, 0.05)), distance_km=1000, network=network, travel=LINES)
    assert found["reach_length_km"].round(2).tolist() == [11.13, 11.13]
    assert found.geometry.iloc[0].bounds[3] == 0


def test_sites_away_from_the_network_are_named():
    network = route_network({"road": road([(0, 0), (1, 0)])})
    frame = gpd.GeoDataFrame(
        geometry=[shapely.Point(0.5, 0.02), shapely.Point(0.5, 0.008), None,
                  shapely.LineString([(0, 1), (1, 1)])],
        crs=4326,
    )  # fmt: skip
    with pytest.warns(RejectedRowsWarning, match="1 no line touches it, 1 no line within 1000 m"):
        found = reach(frame, minutes=30, network=network)
    assert found["reach_note"].fillna("").tolist() == [
        "no line within 1000 m", "", "no place", "no line touches it",
    ]  # fmt: skip
    with pytest.warns(RejectedRowsWarning, match="no line within its limit"):
        reach(frame.iloc[[1]], minutes=2, network=network)
    far = reach(frame.iloc[[0]], minutes=60, network=network, travel=TravelRules(snap_m=3000))
    assert far["reach_basis"].tolist() == ["network"]


def test_lines_and_areas_enter_wherever_a_line_meets_them():
    network = route_network({"road": grid_of_roads()})
    block = shapely.box(0.0151, 0.0151, 0.0249, 0.0249)
    ferry = shapely.LineString([(0.005, 0.045), (0.005, 0.055)])
    frame = gpd.GeoDataFrame(geometry=[block, ferry], crs=4326)
    found = reach(frame, distance_km=0.3, network=network, travel=LINES)
    # Two streets and a diagonal in the block, and 0.3 km beyond each of their five ends.
    streets = shapely.union_all(grid_of_roads().geometry)
    inside = geodesic_length_km([shapely.intersection(streets, block)])[0]
    assert found["reach_length_km"].iloc[0] == pytest.approx(inside + 5 * 0.3, rel=1e-3)
    assert found["reach_length_km"].iloc[1] == pytest.approx(0.6, rel=1e-3)
    area = reach(frame.iloc[[0]], distance_km=0.3, network=network).geometry.iloc[0]
    assert area.contains(block)


def test_a_network_without_lines_reaches_nothing():
    network = route_network({"road": grid_of_roads().iloc[:0]})
    with pytest.warns(RejectedRowsWarning, match="no line within"):
        found = reach(sites((0, 0)), minutes=5, network=network)
    assert found.geometry.isna().all()
    assert reach(sites(), minutes=5, network=network).columns.tolist() == found.columns.tolist()


def test_not_both_grounds_and_no_strangers():
    network = build_network(grid_of_roads())
    with pytest.raises(ParameterError, match="not both"):
        reach(sites((0, 0)), distance_km=1, network=network, friction=object())
    with pytest.raises(ParameterError, match="dict"):
        reach(sites((0, 0)), distance_km=1, network={})
