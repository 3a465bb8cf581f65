"""The k best routes: against networkx, and unlike one another."""

from __future__ import annotations

import itertools

import geopandas as gpd
import networkx as nx
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import LineString as Line

from geocn.corridors import k_shortest_routes, route_network
from geocn.errors import CoordinateError, CRSError, ParameterError, SchemaError
from tests.oracles_networks import arc_network, as_digraph, at_nodes

KMH = {"road": 60}


def points(*xy, **more):
    return gpd.GeoDataFrame(geometry=[shapely.Point(p) for p in xy], crs=4326, **more)


def ways(lines, mode="road"):
    return gpd.GeoDataFrame({"mode": [mode] * len(lines)}, geometry=lines, crs=4326)


@st.composite
def arc_tables(draw, most=12):
    """Random directed graphs with costs of 0 to 9, without parallel arcs."""
    n = draw(st.integers(3, 7))
    every = [(a, b) for a in range(n) for b in range(n) if a != b]
    pairs = draw(st.lists(st.sampled_from(every), unique=True, min_size=2, max_size=3 * most))
    costs = draw(st.lists(st.integers(0, 9), min_size=len(pairs), max_size=len(pairs)))
    u, v = np.array(pairs).T
    return pd.DataFrame({"u": u, "v": v, "cost": np.array(costs, dtype=float)}), n


@settings(deadline=None, max_examples=60)
@given(arc_tables(), st.integers(1, 12))
def test_costs_are_those_of_networkx(made, k):
    arcs, n = made
    network, graph = arc_network(arcs, n), as_digraph(arcs, n)
    # Nodes without any arc cannot be stood on.
    used = sorted(set(arcs["u"]) | set(arcs["v"]))
    start, end = used[0], used[-1]
    found = k_shortest_routes(
        network, at_nodes(network, [start]), at_nodes(network, [end]), k=k, reach_m=1
    )
    if not nx.has_path(graph, start, end):
        assert found["cost"].isna().all()
        assert found.attrs["geocn"]["unreachable"] == [[start, end]]
        return
    paths = itertools.islice(nx.shortest_simple_paths(graph, start, end, "cost"), k)
    costs = [nx.path_weight(graph, path, "cost") for path in paths]
    assert found["cost"].tolist() == costs
    assert found["rank"].tolist() == list(range(1, len(costs) + 1))
    drawn = [line.wkb for line in found.geometry]
    assert len(set(drawn)) == len(drawn)
    assert found["is_exact"].all()


@settings(deadline=None, max_examples=40)
@given(arc_tables(), st.sampled_from([0.2, 0.5, 0.8, 1.0]))
def test_unlike_routes_are_those_of_a_search_through_all(made, apart):
    arcs, n = made
    arcs = arcs.assign(cost=arcs["cost"] + 1 + np.arange(len(arcs)) / 1024)  # no ties
    arcs["length_m"] = arcs["cost"]
    network, graph = arc_network(arcs, n), as_digraph(arcs, n)
    used = sorted(set(arcs["u"]) | set(arcs["v"]))
    start, end = used[0], used[-1]
    if not nx.has_path(graph, start, end):
        return
    taken = []
    for path in nx.shortest_simple_paths(graph, start, end, "cost"):
        ways = {(a, b): graph[a][b]["length_m"] for a, b in itertools.pairwise(path)}
        shared = [sum(ways[s] for s in ways if s in t) / sum(t.values()) for t in taken]
        if all(s <= 1 - apart + 1e-9 for s in shared):
            taken.append(ways)
        if len(taken) == 3:
            break
    sites = at_nodes(network, [start]), at_nodes(network, [end])
    found = k_shortest_routes(network, *sites, k=3, dissimilarity=apart)
    np.testing.assert_allclose(found["cost"], [sum(t.values()) for t in taken], rtol=1e-9)
    assert (found["shared"] <= 1 - apart + 1e-9).all()
    quick = k_shortest_routes(network, *sites, k=3, dissimilarity=apart, max_examined=1)
    assert quick["cost"].iloc[0] == found["cost"].iloc[0]
    assert quick["cost"].is_monotonic_increasing
    assert (quick["shared"] <= 1 - apart + 1e-9).all()
    assert not quick["is_exact"].iloc[1:].any()


def ladder():
    """Two streets a degree apart with four rungs."""
    rungs = [Line([(x, 0), (x, 1)]) for x in range(4)]
    streets = [Line([(0, y), (3, y)]) for y in (0, 1)]
    return ways(rungs + streets)


def test_sites_stand_on_edges_and_routes_are_drawn_in_the_direction_of_travel():
    network = route_network(ladder(), speeds_kmh=KMH)
    found = k_shortest_routes(network, points((2.5, 0.001)), points((0.25, -0.001)), k=3)
    first = found.geometry.iloc[0]
    np.testing.assert_allclose(first.coords[0], (2.5, 0), atol=1e-6)
    np.testing.assert_allclose(first.coords[-1], (0.25, 0), atol=1e-6)
    assert found["length_m"].iloc[0] == pytest.approx(2.25 * 111_319.49, rel=1e-6)
    assert found["cost"].iloc[0] == pytest.approx(found["length_m"].iloc[0] / 1000, rel=1e-9)
    assert found["origin_distance_m"].iloc[0] == pytest.approx(110.6, abs=0.2)
    assert found["modes"].eq("road").all()
    assert found["cost_ratio"].iloc[0] == 1


def test_two_sites_on_one_edge_are_joined_along_it():
    network = route_network(ladder(), speeds_kmh=KMH)
    found = k_shortest_routes(network, points((0.2, 0)), points((0.7, 0)), k=1)
    assert found["length_m"].tolist() == pytest.approx([0.5 * 111_319.49], rel=1e-6)


def test_a_route_over_the_antimeridian_is_short_and_drawn_in_two_parts():
    lane = ways([Line([(178, 0), (-179, 0)])], "sea")
    found = k_shortest_routes(route_network(lane), points((179, 0)), points((-179.5, 0)), k=2)
    assert found["length_m"].tolist() == pytest.approx([1.5 * 111_319.49], rel=1e-6)
    parts = found.geometry.iloc[0].geoms
    assert [part.bounds[::2] for part in parts] == [(179, 180), (-180, -179.5)]
    assert found.attrs["geocn"]["fewer_than_k"] == [[0, 0]]


def test_islands_and_sites_at_one_place_are_named_and_not_drawn():
    lines = [Line([(0, 0), (1, 0)]), Line([(5, 0), (6, 0)])]
    network = route_network(ways(lines))
    starts = points((0, 0), (0.5, 0), index=["a", "b"])
    ends = points((5.5, 0), (0.5, 0), index=["x", "y"])
    found = k_shortest_routes(network, starts, ends, k=2)
    record = found.attrs["geocn"]
    assert record["unreachable"] == [["a", "x"], ["b", "x"]]
    assert record["same_place"] == [["b", "y"]]
    assert found["cost"].isna().tolist() == [True, False, True, False]
    assert found.geometry.isna().tolist() == [True, False, True, True]
    assert found["cost"].iloc[3] == 0


def test_pairs_may_be_listed_and_duplicated():
    network = route_network(ladder())
    starts, ends = points((0, 0), (1, 0)), points((3, 0), (3, 1))
    found = k_shortest_routes(network, starts, ends, k=1, pairs=[(1, 0), (0, 1), (1, 0)])
    assert found[["origin", "destination"]].to_numpy().tolist() == [[1, 0], [0, 1]]
    with pytest.raises(ParameterError, match="not there"):
        k_shortest_routes(network, starts, ends, pairs=[(7, 0)])


def test_bad_sites_and_options_are_refused():
    network = route_network(ladder())
    here = points((0, 0))
    with pytest.raises(CoordinateError, match=r"origins .*far from the network \(111,\d{3} m\)"):
        k_shortest_routes(network, points((4, 0)), here)
    with pytest.raises(CoordinateError, match="origins and destinations"):
        k_shortest_routes(network, points((4, 0)), points((9, 9)))
    with pytest.raises(CRSError):
        k_shortest_routes(network, here.set_crs(None, allow_override=True), here)
    with pytest.raises(SchemaError, match="labels that several"):
        k_shortest_routes(network, points((0, 0), (1, 0), index=["a", "a"]), here)
    for options in ({"k": 0}, {"dissimilarity": 1.5}, {"max_examined": 0}, {"reach_m": -1}):
        with pytest.raises(ParameterError):
            k_shortest_routes(network, here, here, **options)
    empty = route_network(ladder().iloc[:0])
    with pytest.raises(CoordinateError, match="no network"):
        k_shortest_routes(empty, here, here)
    away = gpd.GeoDataFrame(geometry=[None], crs=4326, index=["gone"])
    found = k_shortest_routes(network, away, here)
    assert len(found) == 0
    assert found.attrs["geocn"]["left_out"]["origins"] == ["gone"]
