"""Origins and destinations as nodes of a network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, TypeAlias

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from geocn._typing import BoolArray, FloatArray, IntArray, ObjectArray
from geocn.corridors.network import RouteNetwork
from geocn.corridors.network_graph import Graph
from geocn.errors import CoordinateError, CRSError, LayerError, ParameterError, SchemaError
from geocn.spatial.crs import has_geometry
from geocn.spatial.network import Network, NetworkPlaces
from geocn.spatial.network_split import split_at

Pairs: TypeAlias = Literal["all"] | Sequence[tuple[Any, Any]]


@dataclass(frozen=True)
class Placed:
    """Sites of one layer: label, node, and metres to the network; and rows without a place."""

    labels: list[Any]
    node: IntArray
    distance_m: FloatArray
    left_out: list[Any]
    dtype: Any


@dataclass(frozen=True)
class SitedGraph:
    """A network cut at its sites.

    Attributes
    ----------
    network : RouteNetwork
        Uncut.
    lines : Network
        Its lines, cut at the sites.
    edges : DataFrame
        One row a piece, then the transfers: ``edge`` (position in the network), ``u``,
        ``v``, ``cost``, ``length_m``, ``is_one_way``.
    graph : Graph
        Its ``edge`` is a row of ``edges``.
    origins, destinations : Placed
    """

    network: RouteNetwork
    lines: Network
    edges: pd.DataFrame
    graph: Graph
    origins: Placed
    destinations: Placed

    def of_edges(self, name: str, pieces: IntArray) -> Any:
        """Values that pieces have in a column of the network's edges."""
        rows = self.edges["edge"].to_numpy()[pieces]
        return self.network.edges[name].iloc[rows].to_numpy()

    @cached_property
    def _courses(self) -> tuple[FloatArray, IntArray]:
        """Vertices of all pieces, and the first of each."""
        is_transfer = self.network.edges["is_transfer"].to_numpy(dtype=bool)
        drawn = self.network.edges.geometry.to_numpy()[is_transfer]
        xy, owner = shapely.get_coordinates(drawn, return_index=True)
        more = np.searchsorted(owner, np.arange(1, len(drawn) + 1)) + len(self.lines.vertex_xy)
        first = np.concatenate([self.lines.first, more]).astype(np.int64)
        return np.concatenate([self.lines.vertex_xy, xy]), first

    def course(self, pieces: IntArray, is_forward: BoolArray) -> tuple[FloatArray, IntArray]:
        """Vertices of pieces in the direction asked for, and the piece that each is of."""
        xy, first = self._courses
        count = first[pieces + 1] - first[pieces]
        owner = np.repeat(np.arange(len(pieces)), count)
        within = np.arange(len(owner)) - np.repeat(np.cumsum(count) - count, count)
        ahead = first[pieces][owner] + within
        back = first[pieces + 1][owner] - 1 - within
        return xy[np.where(is_forward[owner], ahead, back)], owner

    def shapes(self, pieces: IntArray) -> ObjectArray:
        """Lines of pieces, from u to v."""
        if not len(pieces):
            return np.empty(0, dtype=object)
        xy, owner = self.course(pieces, np.ones(len(pieces), dtype=bool))
        return np.asarray(shapely.linestrings(xy, indices=owner), dtype=object)


def with_sites(
    network: RouteNetwork,
    origins: gpd.GeoDataFrame,
    destinations: gpd.GeoDataFrame,
    *,
    reach_m: float,
) -> SitedGraph:
    """Bring sites to the nearest edge of a network and make them nodes.

    Raises
    ------
    ParameterError, CRSError, SchemaError, CoordinateError
        Where ``reach_m`` is negative, a layer has no CRS or doubled labels, or a site lies
        further than ``reach_m`` from every edge. All faults of both layers are named.
    """
    if not 0 <= reach_m < np.inf:
        raise ParameterError(f"reach_m is {reach_m!r}, not 0 or more metres")
    found, faults = [], []
    for sites, layer in ((origins, "origins"), (destinations, "destinations")):
        try:
            found.append(_placed(network.lines, sites, layer, reach_m))
        except LayerError as error:
            faults.append(error)
    if len(faults) == 2 and type(faults[0]) is type(faults[1]):
        one, other = faults
        raise type(one)(
            f"{one.layer} and {other.layer}",
            found=f"{one.found}; {other.found}",
            expected=one.expected,
            repair=one.repair,
            rows=[*one.rows, *other.rows],
        )
    if faults:
        raise faults[0]
    places = [places for _, places in found]
    edge = np.concatenate([p.edge for p in places])
    split = split_at(network.lines, edge, np.concatenate([p.offset_m for p in places]))
    edges = _edge_table(network, split.network, network.line_rows[split.parent])
    columns = {n: edges[n].to_numpy() for n in ("u", "v", "cost", "is_one_way")}
    graph = (
        network.graph
        if split.network is network.lines and len(network.line_rows) == len(edges)
        else Graph.of(len(split.network.node_xy), np.arange(len(edges)), **columns)
    )
    nodes = np.split(split.node, [len(places[0].edge)])
    placed = [
        Placed(labels, node, p.distance_m, left_out, dtype)
        for ((labels, left_out, dtype), p), node in zip(found, nodes, strict=True)
    ]
    return SitedGraph(network, split.network, edges, graph, *placed)


def _placed(
    lines: Network, sites: gpd.GeoDataFrame, layer: str, reach_m: float
) -> tuple[tuple[list[Any], list[Any], Any], NetworkPlaces]:
    if sites.crs is None:
        raise CRSError(layer, found="no coordinate reference system", expected="a declared CRS")
    doubled = sites.index.duplicated(keep=False)
    if doubled.any():
        raise SchemaError(
            layer,
            found="labels that several sites have",
            expected="one label a site",
            repair="Give each row its own index label: frame.reset_index().",
            rows=list(sites.index[doubled]),
        )
    known = has_geometry(sites)
    given = sites[known]
    # A point somewhere inside stands for a line or an area.
    points = gpd.GeoSeries(
        shapely.point_on_surface(given.geometry.to_numpy()), given.index, crs=sites.crs
    )
    places = lines.place(points, reach_m=np.inf)
    far = ~(places.distance_m <= reach_m)
    if far.any():
        metres = places.distance_m[far]
        off = ", ".join(f"{m:,.0f} m" if np.isfinite(m) else "nothing near" for m in metres[:3])
        raise CoordinateError(
            layer,
            found=f"sites far from the network ({off})" if len(lines.u) else "no network",
            expected=f"an edge within reach_m = {reach_m:,.0f} m of each site",
            repair="Move or drop these sites, extend the network, or raise reach_m.",
            rows=list(given.index[far]),
        )
    return (list(given.index), list(sites.index[~known]), sites.index.dtype), places


def _edge_table(network: RouteNetwork, lines: Network, edge: IntArray) -> pd.DataFrame:
    """One row a piece of line, then the transfers."""
    whole = network.edges
    of = whole["length_m"].to_numpy()[edge]
    share = np.where(of > 0, lines.length_m / np.where(of > 0, of, 1.0), 1.0)
    pieces = {
        "edge": edge,
        "u": lines.u,
        "v": lines.v,
        "cost": whole["cost"].to_numpy(dtype=float)[edge] * share,
        "length_m": lines.length_m,
        "is_one_way": whole["is_one_way"].to_numpy(dtype=bool)[edge],
    }
    rest = np.flatnonzero(whole["is_transfer"].to_numpy(dtype=bool))
    more = {
        "edge": rest,
        **{n: whole[n].to_numpy()[rest] for n in ("u", "v", "cost", "length_m", "is_one_way")},
    }
    return pd.DataFrame({n: np.concatenate([pieces[n], more[n]]) for n in pieces})


def chosen_pairs(pairs: Pairs, sited: SitedGraph) -> list[tuple[int, int]]:
    """Positions of the origin and the destination of each pair.

    Raises
    ------
    ParameterError
        Where ``pairs`` is neither ``"all"`` nor a list of labels that are there.
    """
    starts, ends = sited.origins.labels, sited.destinations.labels
    if isinstance(pairs, str):
        if pairs != "all":
            raise ParameterError(f"pairs is {pairs!r}; choose 'all' or a list of pairs")
        return [(i, j) for i in range(len(starts)) for j in range(len(ends))]
    first = {label: i for i, label in enumerate(starts)}
    second = {label: i for i, label in enumerate(ends)}
    away = {*sited.origins.left_out}, {*sited.destinations.left_out}
    chosen, unknown = [], []
    for a, b in dict.fromkeys((a, b) for a, b in pairs):
        if a in first and b in second:
            chosen.append((first[a], second[b]))
        elif a not in away[0] and b not in away[1]:
            unknown.append((a, b))
    if unknown:
        raise ParameterError(f"{len(unknown)} pairs name sites that are not there: {unknown[:3]}")
    return chosen
