"""The directed graph of a network on plain arrays."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import scipy.sparse

from geocn._kernels.graph_paths import by_tail, shortest_tree
from geocn._typing import AnyArray, FloatArray, IntArray


@dataclass(frozen=True)
class Graph:
    """Arcs by the node that they leave.

    Attributes
    ----------
    start : (n + 1,) array
        First slot of each node.
    tail, head, cost : (a,) arrays
        Nodes and cost of the arc in each slot.
    edge : (a,) array
        Edge that the arc runs along; one that leads both ways has two arcs.
    is_forward : (a,) array
        Whether the arc runs from u to v.
    """

    start: IntArray
    tail: IntArray
    head: IntArray
    cost: FloatArray
    edge: IntArray
    is_forward: AnyArray

    @classmethod
    def of(
        cls,
        n_nodes: int,
        edge: IntArray,
        *,
        u: AnyArray,
        v: AnyArray,
        cost: AnyArray,
        is_one_way: AnyArray,
    ) -> Graph:
        """Order the arcs of edges from u to v, and back where they are not one-way."""
        back = np.flatnonzero(~is_one_way.astype(bool))
        tail = np.concatenate([u, v[back]]).astype(np.int64)
        head = np.concatenate([v, u[back]]).astype(np.int64)
        start, order = by_tail(tail, n_nodes)
        costs = np.concatenate([cost, cost[back]]).astype(np.float64)[order]
        edges = np.concatenate([edge, edge[back]])[order]
        return cls(start, tail[order], head[order], costs, edges, order < len(u))

    @property
    def n_nodes(self) -> int:
        """Number of nodes."""
        return len(self.start) - 1

    @cached_property
    def reverse(self) -> tuple[Graph, IntArray]:
        """The graph with every arc turned round, and the slot here of each slot there."""
        start, order = by_tail(self.head, self.n_nodes)
        turned = Graph(
            start, self.head[order], self.tail[order], self.cost[order], self.edge[order],
            self.is_forward[order],
        )  # fmt: skip
        return turned, order

    def tree(self, sources: IntArray) -> tuple[FloatArray, IntArray, IntArray]:
        """Least costs from sources; see :func:`geocn._kernels.graph_paths.shortest_tree`."""
        found: tuple[FloatArray, IntArray, IntArray] = shortest_tree(
            self.start, self.head, self.cost, np.asarray(sources, dtype=np.int64)
        )
        return found

    def matrix(self) -> scipy.sparse.csr_array:
        """Cheapest arc between each two nodes as a sparse matrix, for SciPy."""
        order = np.lexsort((self.cost, self.head, self.tail))
        tail, head = self.tail[order], self.head[order]
        best = np.ones(len(order), dtype=bool)
        best[1:] = (np.diff(tail) != 0) | (np.diff(head) != 0)
        places = (tail[best], head[best])
        shape = (self.n_nodes, self.n_nodes)
        return scipy.sparse.coo_array((self.cost[order][best], places), shape=shape).tocsr()
