"""Networks made of arcs, and the same as graphs of networkx."""

from __future__ import annotations

import geopandas as gpd
import networkx as nx
import numpy as np
import pandas as pd
import shapely

from geocn.corridors.network import RouteNetwork

PLANE = "EPSG:32618"


def arc_network(arcs: pd.DataFrame, n_nodes: int) -> RouteNetwork:
    """A schematic network: nodes around a circle, arcs with ``u, v, cost`` and more columns."""
    turn = 2 * np.pi * np.arange(n_nodes) / n_nodes
    xy = np.column_stack([5e5 + 9_000 * np.cos(turn), 4e6 + 9_000 * np.sin(turn)])
    nodes = gpd.GeoDataFrame(geometry=shapely.points(xy), crs=PLANE)
    ends = xy[arcs[["u", "v"]].to_numpy()].reshape(-1, 2, 2)
    defaults = {"mode": "road", "length_m": 1.0, "is_one_way": True, "is_transfer": False}
    edges = arcs.assign(**{k: v for k, v in defaults.items() if k not in arcs})
    edges["line"] = np.arange(len(edges))
    return RouteNetwork(
        nodes,
        gpd.GeoDataFrame(edges, geometry=shapely.linestrings(ends), crs=PLANE),
        pd.DataFrame(),
    )


def at_nodes(network: RouteNetwork, nodes) -> gpd.GeoDataFrame:
    """Sites that stand on nodes, labelled by their numbers."""
    return gpd.GeoDataFrame(
        geometry=network.nodes.geometry.iloc[list(nodes)].to_numpy(),
        index=list(nodes),
        crs=network.crs,
    )


def as_digraph(arcs: pd.DataFrame, n_nodes: int) -> nx.DiGraph:
    """The arcs as a graph of networkx, which has one arc from node to node."""
    graph = nx.DiGraph()
    graph.add_nodes_from(range(n_nodes))
    for row in arcs.to_dict("records"):
        graph.add_edge(row["u"], row["v"], **row)
        if not row.get("is_one_way", True):
            graph.add_edge(row["v"], row["u"], **row)
    return graph
