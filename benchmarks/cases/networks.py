"""Routes, chokepoints and interdiction over networks."""

from __future__ import annotations

from benchmarks.case import Case

# A warped grid of roads whose costs differ, as frames and as bare arrays.
_GRID = """
import numpy as np, geopandas as gpd, pandas as pd, shapely
side = {side}
rng = np.random.default_rng(0)
x = np.arange(side) * 100.0 + rng.uniform(-30, 30, (side, side))
y = (np.arange(side) * 100.0)[:, None] + rng.uniform(-30, 30, (side, side))
xy = np.stack([x, y], -1).reshape(-1, 2) + 5e5
n = np.arange(side * side).reshape(side, side)
u = np.concatenate([n[:, :-1].ravel(), n[:-1].ravel()])
v = np.concatenate([n[:, 1:].ravel(), n[1:].ravel()])
length = np.hypot(*(xy[u] - xy[v]).T)
cost = length * rng.uniform(1, 2, len(u))
start, end = side * 5 + 5, side * side - side * 5 - 9
"""

_FRAMES = """
from geocn.corridors import RouteNetwork, chokepoints, interdict, k_shortest_routes, route_network
data = dict(line=np.arange(len(u)), mode="road", u=u, v=v, length_m=length, cost=cost,
            is_one_way=False, is_transfer=False, room=rng.integers(1, 9, len(u)) * 1.0)
shapes = shapely.linestrings(np.stack([xy[u], xy[v]], 1))
nodes = gpd.GeoDataFrame(geometry=shapely.points(xy), crs="EPSG:32618")
edges = gpd.GeoDataFrame(data, geometry=shapes, crs="EPSG:32618")
network = RouteNetwork(nodes, edges, pd.DataFrame())
a, b = nodes.iloc[[start]], nodes.iloc[[end]]
network.graph
k_shortest_routes(network, a, b, k=2)
"""

_IGRAPH = """
import igraph
graph = igraph.Graph(n=side * side, edges=np.column_stack([u, v]), edge_attrs=dict(cost=cost))
"""

_RUSTWORKX = """
import rustworkx
graph = rustworkx.PyGraph()
graph.add_nodes_from(range(side * side))
graph.add_edges_from(list(zip(u.tolist(), v.tolist(), cost.tolist())))
"""

_NETWORKX = """
import networkx, itertools
graph = networkx.Graph()
graph.add_weighted_edges_from(zip(u.tolist(), v.tolist(), cost.tolist()), "cost")
"""


def _grid(side: int) -> str:
    return _GRID.format(side=side)


CASES = (
    Case(
        "Least costs from one node to all of a network of 1 M edges",
        _grid(710) + _FRAMES + "#--\nleast = network.least_costs([start])\nprint(least[end])",
        _grid(710)
        + _IGRAPH
        + "#--\nleast = graph.distances(start, weights='cost')[0]\nprint(least[end])",
        "igraph",
        limit_cpu_s=0.6,
    ),
    Case(
        "Least costs from one node to all of a network of 1 M edges (beside rustworkx)",
        _grid(710) + _FRAMES + "#--\nleast = network.least_costs([start])\nprint(least[end])",
        _grid(710)
        + _RUSTWORKX
        + "#--\nleast = rustworkx.dijkstra_shortest_path_lengths(graph, start, float)\n"
        "print(least[end])",
        "rustworkx",
        limit_cpu_s=0.6,
    ),
    Case(
        "10 shortest routes over a network of 1 M edges",
        _grid(710)
        + _FRAMES
        + "#--\nfound = k_shortest_routes(network, a, b, k=10)\nprint(found['cost'].tolist()[-1])",
        limit_cpu_s=2,
    ),
    Case(
        "10 shortest routes over a network of 19,800 edges",
        _grid(100)
        + _FRAMES
        + "#--\nfound = k_shortest_routes(network, a, b, k=10)\nprint(found['cost'].tolist()[-1])",
        _grid(100) + _IGRAPH + "#--\n"
        "paths = graph.get_k_shortest_paths(start, end, 10, weights='cost', output='epath')\n"
        "print(cost[paths[-1]].sum())",
        "igraph",
    ),
    Case(
        "10 shortest routes over a network of 4,900 edges",
        _grid(50)
        + _FRAMES
        + "#--\nfound = k_shortest_routes(network, a, b, k=10)\nprint(found['cost'].tolist()[-1])",
        _grid(50)
        + _NETWORKX
        + "#--\nways = networkx.shortest_simple_paths(graph, start, end, 'cost')\n"
        "paths = list(itertools.islice(ways, 10))\n"
        "print(networkx.path_weight(graph, paths[-1], 'cost'))",
        "networkx",
    ),
    Case(
        "Five routes that share at most half, 1 M edges",
        _grid(710)
        + _FRAMES
        + "k_shortest_routes(network, a, b, k=3, dissimilarity=0.5, max_examined=3)\n"
        "#--\nfound = k_shortest_routes(network, a, b, k=5, dissimilarity=0.5)\n"
        "print(found['cost_ratio'].tolist())",
    ),
    Case(
        "Chokepoints between two places, 1 M edges",
        _grid(710)
        + _FRAMES
        + "chokepoints(network, a, b)\n#--\nfound = chokepoints(network, a, b)\n"
        "print(found.cut_capacity)",
    ),
    Case(
        "Edges to close for a budget of 3, shortest path, 1,740 edges",
        _grid(30) + _FRAMES + "#--\nplan = interdict(network, a, b, budget=3)\n"
        "print(plan.value_before, plan.value_after, plan.status)",
    ),
    Case(
        "Edges to close for a budget of 3, greatest flow, 1,740 edges",
        _grid(30)
        + _FRAMES
        + "#--\nplan = interdict(network, a, b, budget=3, objective='max_flow', capacity='room')\n"
        "print(plan.value_before, plan.value_after, plan.status)",
    ),
)
