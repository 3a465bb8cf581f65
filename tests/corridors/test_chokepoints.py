"""Chokepoints: betweenness, cuts and bridges against networkx."""

from __future__ import annotations

import geopandas as gpd
import networkx as nx
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import LineString as Line

from geocn.corridors import chokepoints, route_network
from geocn.errors import SchemaError
from tests.oracles_networks import arc_network, as_digraph, at_nodes


@st.composite
def worlds(draw):
    """Random graphs, and two origins and destinations on them."""
    n = draw(st.integers(4, 8))
    every = [(a, b) for a in range(n) for b in range(a)]
    pairs = draw(st.lists(st.sampled_from(every), unique=True, min_size=3, max_size=len(every)))
    turned = draw(st.lists(st.booleans(), min_size=len(pairs), max_size=len(pairs)))
    ends = np.array([(b, a) if t else (a, b) for (a, b), t in zip(pairs, turned, strict=True)])
    numbers = st.lists(st.integers(1, 4), min_size=len(pairs), max_size=len(pairs))
    one_way = draw(st.lists(st.booleans(), min_size=len(pairs), max_size=len(pairs)))
    arcs = pd.DataFrame({"u": ends[:, 0], "v": ends[:, 1], "cost": draw(numbers),
                         "capacity": draw(numbers), "is_one_way": one_way})  # fmt: skip
    used = sorted(set(ends.ravel().tolist()))
    sites = draw(st.lists(st.sampled_from(used), unique=True, min_size=3, max_size=4))
    return arcs.astype({"cost": float, "capacity": float}), n, sites[:2], sites[2:]


@settings(deadline=None, max_examples=60)
@given(worlds())
def test_everything_is_as_networkx_says(world):
    arcs, n, starts, ends = world
    network, graph = arc_network(arcs, n), as_digraph(arcs, n)
    found = chokepoints(
        network, at_nodes(network, starts), at_nodes(network, ends), capacity="capacity"
    )
    between = nx.betweenness_centrality_subset(graph, starts, ends, weight="cost")
    got = dict(zip(found.nodes["node"], found.nodes["betweenness"], strict=True))
    np.testing.assert_allclose([got.get(i, 0) for i in range(n)],
                               [between[i] for i in range(n)], atol=1e-9)  # fmt: skip
    by_arc = nx.edge_betweenness_centrality_subset(graph, starts, ends, weight="cost")
    expected = np.zeros(len(arcs))
    for i, row in enumerate(arcs.itertuples()):
        back = 0 if row.is_one_way else by_arc[row.v, row.u]
        expected[i] = by_arc[row.u, row.v] + back
    edge = dict(zip(found.edges["edge"], found.edges["betweenness"], strict=True))
    np.testing.assert_allclose([edge.get(i, 0) for i in range(len(arcs))], expected, atol=1e-9)

    graph.add_edges_from([("s", i) for i in starts] + [(i, "t") for i in ends])
    value, _ = nx.minimum_cut(graph, "s", "t")
    assert found.cut_capacity == pytest.approx(value)
    assert found.cut["capacity"].sum() == pytest.approx(value)
    graph.remove_nodes_from(["s", "t"])
    closed = arcs.drop(index=found.cut["edge"])
    rest = as_digraph(closed, n)
    assert not any(nx.has_path(rest, a, b) for a in starts for b in ends)

    whole = nx.Graph(list(zip(arcs["u"], arcs["v"], strict=True)))
    assert set(found.nodes.loc[found.nodes["is_articulation"], "node"]) <= set(
        nx.articulation_points(whole)
    )
    is_point = found.nodes["node"].isin(list(nx.articulation_points(whole)))
    assert (found.nodes["is_articulation"] == is_point).all()
    bridges = {frozenset(pair) for pair in nx.bridges(whole)}
    ends_of = [frozenset(arcs.loc[i, ["u", "v"]]) for i in found.edges["edge"]]
    assert found.edges["is_bridge"].tolist() == [pair in bridges for pair in ends_of]


def crossing():
    """Two towns on each bank of a river, one bridge, and a ferry."""
    west, east = Line([(0, 0), (0, 1)]), Line([(2, 0), (2, 1)])
    bridge, ferry = Line([(0, 0.5), (2, 0.5)]), Line([(0, 1), (1, 1.5), (2, 1)])
    lines = [west, east, bridge, ferry]
    data = {"mode": ["road"] * 4, "posts": [1.0, 1.0, 3.0, 2.0]}
    return route_network(gpd.GeoDataFrame(data, geometry=lines, crs=4326), keep=["posts"])


def points(*xy, **more):
    return gpd.GeoDataFrame(geometry=[shapely.Point(p) for p in xy], crs=4326, **more)


def test_the_cut_lies_where_it_is_cheapest_and_flows_weigh():
    starts, ends = points((0, 0), (0, 1), index=["a", "b"]), points((2, 0.1), index=["z"])
    flows = pd.DataFrame({"origin": ["a", "b"], "destination": "z", "weight": [5.0, 2.0]})
    found = chokepoints(crossing(), starts, ends, flows=flows, capacity="posts")
    assert found.cut_capacity == 1
    assert found.cut.geometry.iloc[0].length == pytest.approx(0.4)  # from the site to the bridge
    assert found.edges["betweenness"].iloc[0] == 7
    assert found.edges["share"].max() == 1
    assert found.cut.crs == 4326
    two = chokepoints(crossing(), starts, points((2, 0), (2, 1)))
    assert two.cut_capacity == 2
    assert two.edges["betweenness"].max() == 3


def test_parallel_roads_are_no_bridges():
    arcs = pd.DataFrame({"u": [0, 0, 1], "v": [1, 1, 2], "cost": 1.0, "is_one_way": False})
    network = arc_network(arcs, 3)
    found = chokepoints(network, at_nodes(network, [0]), at_nodes(network, [2]))
    bridge = dict(zip(found.edges["edge"], found.edges["is_bridge"], strict=True))
    assert bridge == {0: False, 1: False, 2: True}
    assert found.edges.set_index("edge")["betweenness"].to_dict() == {2: 1.0, 0: 0.5, 1: 0.5}


def test_a_great_number_of_equal_paths_is_counted():
    side = 40
    lines = [Line([(0, y), (side, y)]) for y in range(side + 1)]
    lines += [Line([(x, 0), (x, side)]) for x in range(side + 1)]
    frame = gpd.GeoDataFrame(
        {"mode": ["road"] * len(lines)}, geometry=[shapely.affinity.scale(line, 0.001, 0.001,
         origin=(0, 0)) for line in lines], crs=4326)  # fmt: skip
    built = route_network(frame)
    built.edges["cost"] = 1.0
    found = chokepoints(built, points((0, 0)), points((0.001 * side, 0.001 * side)))
    assert found.edges["betweenness"].sum() == pytest.approx(2 * side)
    assert found.nodes["betweenness"].sum() == pytest.approx(2 * side - 1)


def test_what_has_no_way_is_named_and_wrong_flows_are_refused():
    lines = [Line([(0, 0), (1, 0)]), Line([(5, 0), (6, 0)])]
    network = route_network({"road": gpd.GeoDataFrame(geometry=lines, crs=4326)})
    starts, ends = points((0, 0), (5, 0)), points((1, 0), (5, 0))
    found = chokepoints(network, starts, ends)
    record = found.edges.attrs["geocn"]
    assert record["unreachable"] == [[0, 1], [1, 0]]
    assert record["same_place"] == [[1, 1]]
    assert found.cut_capacity == np.inf
    assert len(found.cut) == 0
    with pytest.raises(SchemaError, match="no column 'width'"):
        chokepoints(network, starts, ends, capacity="width")
    flows = pd.DataFrame({"origin": [0, 9], "destination": [0, 0], "weight": [-1.0, 1.0]})
    with pytest.raises(SchemaError, match="1 rows with sites that are not there, 1 weights"):
        chokepoints(network, starts, ends, flows=flows)
