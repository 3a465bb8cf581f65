"""Where the traffic between places must pass."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from geocn._kernels.graph_flow import add_dependencies
from geocn._typing import FloatArray, IntArray
from geocn.corridors.network import RouteNetwork
from geocn.corridors.network_flow import column_of, flow_network
from geocn.corridors.network_sites import SitedGraph, with_sites
from geocn.errors import SchemaError
from geocn.provenance import attach

# Shortest paths whose costs differ by less than this share are equally short.
_TIE = 1e-12


@dataclass(frozen=True)
class Chokepoints:
    """What traffic between origins and destinations hangs on.

    Attributes
    ----------
    edges : GeoDataFrame
        Pieces of edges that traffic takes or that are in the cut, the most used first:
        ``edge`` (label in the network), ``mode``, ``betweenness`` (weight that passes),
        ``share`` (of all weight that arrives), ``capacity``, ``in_cut``, ``is_bridge``
        (without it a connected piece falls apart).
    nodes : GeoDataFrame
        Nodes that traffic passes: ``node`` (null where a site cuts an edge),
        ``betweenness``, ``share``, ``is_articulation``.
    cut : GeoDataFrame
        Pieces whose closing parts all origins from all destinations, of least capacity
        in all, nearest to the origins among equals; columns as ``edges``.
    cut_capacity : float
        Sum over the cut. Infinite where edges without limit join an origin and a
        destination, or both stand at one place; the cut is then empty.
    """

    edges: gpd.GeoDataFrame
    nodes: gpd.GeoDataFrame
    cut: gpd.GeoDataFrame
    cut_capacity: float


def chokepoints(
    network: RouteNetwork,
    origins: gpd.GeoDataFrame,
    destinations: gpd.GeoDataFrame,
    *,
    flows: pd.DataFrame | None = None,
    capacity: str | None = None,
    reach_m: float = 5_000.0,
) -> Chokepoints:
    """Find the edges and nodes that traffic between places hangs on.

    Betweenness (Brandes 2001) between the stated places only: the weight of each pair
    travels in equal shares over all its shortest paths. The minimum cut (Ford & Fulkerson
    1956, by Dinic 1970) parts all origins from all destinations, and bridges and
    articulation points (Tarjan 1972) tell what would fall apart anywhere.

    Parameters
    ----------
    network : RouteNetwork
        From :func:`route_network`.
    origins, destinations : GeoDataFrame
        Points in any CRS, each brought to the nearest edge; rows without geometry are left
        out and named.
    flows : DataFrame, optional
        Weight of each pair: columns ``origin``, ``destination`` (index labels) and
        ``weight``. By default 1 for every pair of two places.
    capacity : str, optional
        Column of the network's edges with the cost of cutting each; by default 1, so that
        the cut has the fewest edges. A transfer without a number cannot be cut.
    reach_m : float
        How far from an edge a site may lie, in metres.

    Returns
    -------
    Chokepoints
        Frames in the CRS of the network; pairs that nothing connects are named in their
        ``attrs``, as are those at one place.

    Raises
    ------
    ParameterError, CRSError, CoordinateError, SchemaError
        Where ``reach_m`` is negative; sites have no CRS, lie far from the network or share
        a label; columns are missing, or weights and capacities negative.

    References
    ----------
    Brandes 2001, 10.1080/0022250X.2001.9990249; Tarjan 1972, 10.1137/0201010.

    Examples
    --------
    >>> import geopandas as gpd, shapely
    >>> from geocn.corridors import route_network
    >>> ways = [shapely.LineString([(0, 0), (1, 0)]), shapely.LineString([(1, 0), (2, 1)]),
    ...         shapely.LineString([(1, 0), (2, -1)])]
    >>> network = route_network({"road": gpd.GeoDataFrame(geometry=ways, crs=4326)})
    >>> a = gpd.GeoDataFrame(geometry=[shapely.Point(0, 0)], crs=4326)
    >>> b = gpd.GeoDataFrame(geometry=[shapely.Point(2, 1), shapely.Point(2, -1)], crs=4326)
    >>> found = chokepoints(network, a, b)
    >>> found.edges["betweenness"].tolist(), found.cut["edge"].tolist(), found.cut_capacity
    ([2.0, 1.0, 1.0], [0], 1.0)
    """
    sited = with_sites(network, origins, destinations, reach_m=reach_m)
    limits = column_of(sited, capacity, "capacity")
    weights = _weights(sited, flows)
    by_edge, by_node, arrived, notes = _betweenness(sited, weights)
    flow = flow_network(sited, sited.origins.node, sited.destinations.node)
    found = flow.greatest(limits)
    is_articulation, is_bridge = flow.fall_apart()
    kept = np.flatnonzero((by_edge > 0) | found.is_cut)
    kept = kept[np.argsort(-by_edge[kept], kind="stable")]
    data = {
        "edge": network.edges.index.take(sited.edges["edge"].to_numpy()[kept]),
        "mode": pd.array(sited.of_edges("mode", kept), dtype="str"),
        "betweenness": by_edge[kept],
        "share": by_edge[kept] / arrived if arrived > 0 else np.zeros(len(kept)),
        "capacity": limits[kept],
        "in_cut": found.is_cut[kept],
        "is_bridge": is_bridge[kept],
    }
    edges = gpd.GeoDataFrame(data, geometry=sited.shapes(kept), crs=network.crs)
    nodes = _nodes(sited, by_node, arrived, is_articulation)
    cut = edges[edges["in_cut"]].reset_index(drop=True)
    record: dict[str, Any] = {
        "flows": None if flows is None else len(flows),
        "capacity": capacity,
        "reach_m": reach_m,
        "crs": network.crs,
        "left_out": {"origins": sited.origins.left_out,
                     "destinations": sited.destinations.left_out},
        "note": "shortest paths of the network, not observed traffic",
        **notes,
    }  # fmt: skip
    for frame in (edges, nodes, cut):
        attach(frame, "corridors.chokepoints", **record)
    return Chokepoints(edges, nodes, cut, found.value)


def _weights(sited: SitedGraph, flows: pd.DataFrame | None) -> FloatArray:
    """Weight of each origin and destination, by position; 0 between two at one place."""
    starts, ends = sited.origins, sited.destinations
    if flows is None:
        return np.ones((len(starts.labels), len(ends.labels)))
    missing = [n for n in ("origin", "destination", "weight") if n not in flows]
    if missing:
        raise SchemaError("flows", found=f"no column {', '.join(missing)}",
                          expected="origin, destination, weight")  # fmt: skip
    i = pd.Index(starts.labels).get_indexer(flows["origin"])
    j = pd.Index(ends.labels).get_indexer(flows["destination"])
    weight = flows["weight"].to_numpy(dtype=float, na_value=np.nan)
    gone = flows["origin"].isin(starts.left_out) | flows["destination"].isin(ends.left_out)
    unknown = ((i < 0) | (j < 0)) & ~gone.to_numpy()
    wrong = ~(np.isfinite(weight) & (weight >= 0))
    if unknown.any() or wrong.any():
        raise SchemaError(
            "flows",
            found=f"{unknown.sum()} rows with sites that are not there, {wrong.sum()} weights "
            "that are negative or no numbers",
            expected="index labels of the sites, and weights of 0 or more",
            rows=list(flows.index[unknown | wrong]),
        )
    weights = np.zeros((len(starts.labels), len(ends.labels)))
    known = (i >= 0) & (j >= 0)
    np.add.at(weights, (i[known], j[known]), weight[known])
    return weights


def _betweenness(
    sited: SitedGraph, weights: FloatArray
) -> tuple[FloatArray, FloatArray, float, dict[str, list[Any]]]:
    graph, ends = sited.graph, sited.destinations
    by_slot, by_node = np.zeros(len(graph.head)), np.zeros(graph.n_nodes)
    notes: dict[str, list[Any]] = {"unreachable": [], "same_place": []}
    arrived = 0.0
    for i, start in enumerate(sited.origins.node.tolist()):
        least, _, order = graph.tree(np.array([start]))
        at = np.zeros(graph.n_nodes)
        for j, end in enumerate(ends.node.tolist()):
            if weights[i, j] == 0:
                continue
            names = [sited.origins.labels[i], ends.labels[j]]
            if end == start:
                notes["same_place"].append(names)
            elif not np.isfinite(least[end]):
                notes["unreachable"].append(names)
            else:
                at[end] += weights[i, j]
                arrived += float(weights[i, j])
        add_dependencies(
            graph.start, graph.head, graph.cost, least, order, at, _TIE, by_slot, by_node
        )
    by_edge = np.zeros(len(sited.edges))
    np.add.at(by_edge, graph.edge, by_slot)
    return by_edge, by_node, arrived, notes


def _nodes(
    sited: SitedGraph, by_node: FloatArray, arrived: float, is_articulation: Any
) -> gpd.GeoDataFrame:
    kept: IntArray = np.flatnonzero(by_node > 0)
    kept = kept[np.argsort(-by_node[kept], kind="stable")]
    names = pd.Series(kept, dtype="Int64").mask(kept >= len(sited.network.nodes))
    data = {
        "node": names,
        "betweenness": by_node[kept],
        "share": by_node[kept] / arrived if arrived > 0 else np.zeros(len(kept)),
        "is_articulation": is_articulation[kept],
    }
    places = shapely.points(sited.lines.node_xy[kept])
    return gpd.GeoDataFrame(data, geometry=places, crs=sited.network.crs)
