"""The greatest flow over a network, the least cut, and what falls apart."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from geocn._kernels.graph_flow import cut_points, push_flow
from geocn._kernels.graph_paths import by_tail
from geocn._typing import BoolArray, FloatArray, IntArray
from geocn.corridors.network_sites import SitedGraph
from geocn.errors import SchemaError


class Flow(NamedTuple):
    """Flow in all (infinite where nothing limits it), by edge from u to v, and the least cut."""

    value: float
    by_edge: FloatArray
    is_cut: BoolArray


class FlowNetwork:
    """Edges between nodes, with one node before all sources and one behind all targets."""

    def __init__(
        self,
        n_nodes: int,
        ends: tuple[IntArray, IntArray],
        is_one_way: BoolArray,
        sources: IntArray,
        targets: IntArray,
    ) -> None:
        sources, targets = np.unique(sources), np.unique(targets)
        u = np.concatenate([ends[0], np.full(len(sources), n_nodes), targets])
        v = np.concatenate([ends[1], sources, np.full(len(targets), n_nodes + 1)])
        self._n_edges, self._n_nodes = len(ends[0]), n_nodes
        self._one_way = np.append(is_one_way, np.ones(len(sources) + len(targets), dtype=bool))
        self._head = np.column_stack([v, u]).ravel()
        self._start, self._arc = by_tail(np.column_stack([u, v]).ravel(), n_nodes + 2)
        self._u, self._v = u, v

    def greatest(self, capacity: FloatArray) -> Flow:
        """Find the greatest flow; an infinite capacity limits nothing."""
        limit = np.isfinite(capacity)
        # More than all limited edges together: only a way without limit carries as much.
        most = float(capacity[limit].sum()) * 2 + 1.0
        whole = np.full(len(self._u), most * (1 + int((~limit).sum())))
        whole[: self._n_edges] = np.where(limit, capacity, most)
        room = np.column_stack([whole, np.where(self._one_way, 0.0, whole)]).ravel()
        least = 1e-12 * float(capacity[limit].max(initial=0.0))
        value, level = push_flow(
            self._start, self._arc, self._head, room, self._n_nodes, self._n_nodes + 1, least
        )
        part = slice(0, self._n_edges)
        flow = (whole - room[::2])[part]
        on_side = level >= 0
        one, other = on_side[self._u[part]], on_side[self._v[part]]
        is_cut = np.where(self._one_way[part], one & ~other, one != other)
        if value >= most:
            return Flow(np.inf, flow, np.zeros_like(is_cut))
        return Flow(float(value), flow, is_cut)

    def fall_apart(self) -> tuple[BoolArray, BoolArray]:
        """Say without which nodes, and without which edges, a piece falls apart."""
        n = self._n_edges
        ends = np.column_stack([self._u[:n], self._v[:n]]).ravel()
        start, arc = by_tail(ends, self._n_nodes)
        nodes, edges = cut_points(start, arc, self._head[: 2 * n])
        return nodes, edges


def flow_network(sited: SitedGraph, sources: IntArray, targets: IntArray) -> FlowNetwork:
    """Make a flow network of a sited graph."""
    table = sited.edges
    ends = table["u"].to_numpy(dtype=np.int64), table["v"].to_numpy(dtype=np.int64)
    one_way = table["is_one_way"].to_numpy(dtype=bool)
    return FlowNetwork(sited.graph.n_nodes, ends, one_way, sources, targets)


def column_of(sited: SitedGraph, name: str | None, what: str) -> FloatArray:
    """Read numbers of 0 or more for each piece, 1 where no column is named.

    A transfer without a number has no limit.

    Raises
    ------
    SchemaError
        Where the column is missing, or a line's number is negative or missing.
    """
    if name is None:
        return np.ones(len(sited.edges))
    edges = sited.network.edges
    if name not in edges:
        raise SchemaError(
            "network.edges",
            found=f"no column {name!r}",
            expected=f"the {what} of each edge",
            repair=f"Build the network with keep=[{name!r}].",
        )
    values = edges[name].to_numpy(dtype=float, na_value=np.nan)
    values = np.where(edges["is_transfer"] & np.isnan(values), np.inf, values)
    wrong = ~(values >= 0)
    if wrong.any():
        raise SchemaError(
            "network.edges",
            found=f"{name} that is negative or missing",
            expected=f"a {what} of 0 or more; infinite for no limit",
            rows=list(edges.index[wrong]),
        )
    numbers: FloatArray = values[sited.edges["edge"].to_numpy()]
    return numbers
