"""Loopless ways to one node in the order of their cost."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from geocn._kernels.graph_paths import along_tree, deviation_bounds, least_deviation, walk_back
from geocn._typing import BoolArray, FloatArray, IntArray
from geocn.corridors.network_graph import Graph

# Ways via one node that are tried once enumeration has been given up.
_MOST_VIA = 1_000


@dataclass(frozen=True)
class Found:
    """A way that was taken: its slots, what it shares with those before, and how sure."""

    slots: IntArray
    shared: float
    is_exact: bool


@dataclass(frozen=True)
class _Way:
    """A way, the position at which it left its parent, and the slots barred there."""

    slots: IntArray
    nodes: IntArray
    left_at: int
    barred: IntArray


@dataclass
class _Family:
    """Ways that leave one way at each of its nodes, by a lower bound of their cost."""

    way: _Way
    bounds: FloatArray
    order: IntArray
    at: int = 0

    @property
    def bound(self) -> float:
        return float(self.bounds[self.order[self.at]])


class Overlap:
    """What ways share with those taken, as a share of the length of the taken one."""

    def __init__(self, graph: Graph, length_m: FloatArray, dissimilarity: float) -> None:
        self._edge, self._length = graph.edge, length_m
        # A hair of tolerance: lengths are sums.
        self._most = (1.0 - dissimilarity) * (1 + 1e-12)
        self._taken: list[tuple[BoolArray, float]] = []

    def share(self, slots: IntArray) -> float:
        """Greatest share of a taken way that lies on these slots."""
        edges = self._edge[slots]
        length = self._length[edges]
        shares = [
            float(length[taken[edges]].sum()) / whole if whole > 0 else 0.0
            for taken, whole in self._taken
        ]
        return max(shares, default=0.0)

    def allows(self, slots: IntArray) -> bool:
        """Say whether a way, or the beginning of one, is unlike enough; never past doubt."""
        return self._most >= 1 or self.share(slots) <= self._most

    def since(self, first: int) -> Iterator[tuple[FloatArray, float]]:
        """Metres that each slot shares with ways taken from the given one on, and the most."""
        for on, whole in self._taken[first:]:
            shared = np.where(on, self._length, 0.0)
            yield shared[self._edge], self._most * whole

    def take(self, slots: IntArray) -> None:
        """Add a way to those that others must be unlike."""
        on = np.zeros(len(self._length), dtype=bool)
        on[self._edge[slots]] = True
        self._taken.append((on, float(self._length[self._edge[slots]].sum())))


class Search:
    """Ways to one target: least costs to it from everywhere, and working space."""

    def __init__(self, graph: Graph, target: int) -> None:
        self.graph, self.target = graph, target
        turned, slot = graph.reverse
        self.rest, by, self.order = turned.tree(np.array([target]))
        self.towards_slot = np.full(graph.n_nodes, -1, dtype=np.int64)
        self.towards_slot[by >= 0] = slot[by[by >= 0]]
        n = graph.n_nodes
        self.seen, self.mark = np.zeros(n, dtype=np.int64), 0
        self._least, self._slot = np.empty(n), np.empty(n, dtype=np.int64)
        self._place = np.full(n, -1, dtype=np.int64)

    def routes(
        self, start: int, k: int, dissimilarity: float, max_examined: int, *, length_m: FloatArray
    ) -> list[Found]:
        """Take the k cheapest ways from a node that are unlike one another."""
        overlap = Overlap(self.graph, length_m, dissimilarity)
        found: list[Found] = []
        # Without a demand on unlikeness every way that comes is taken.
        most = max_examined if dissimilarity > 0 else np.inf
        for examined, slots in enumerate(self._in_order(start, overlap), start=1):
            if slots is not None and overlap.allows(slots):
                found.append(Found(slots, overlap.share(slots), is_exact=True))
                overlap.take(slots)
                if len(found) == k:
                    break
            if examined >= most:
                found += self._via(start, k - len(found), overlap)
                break
        return found

    def _in_order(self, start: int, overlap: Overlap) -> Iterator[IntArray | None]:
        """Ways in the order of their cost; None for a search that led to none."""
        none = np.empty(0, dtype=np.int64)
        if not np.isfinite(self.rest[start]):
            return
        first = self._search(np.array([start]), none)
        heap: list[tuple[float, int, int, _Way | _Family]] = []
        made = 0
        heapq.heappush(heap, (self.rest[start], 0, made, self._way(none, first, 0, none)))
        while heap:
            _, _, _, item = heapq.heappop(heap)
            made += 1
            if isinstance(item, _Way):
                yield item.slots
                family = self._family(item)
                if len(family.order):
                    heapq.heappush(heap, (family.bound, 1, made, family))
                continue
            at = int(item.order[item.at]) + item.way.left_at
            item.at += 1
            if item.at < len(item.order):
                heapq.heappush(heap, (item.bound, 1, made, item))
            root = item.way.slots[:at]
            if not overlap.allows(root):
                continue
            barred = item.way.slots[at : at + 1]
            if at == item.way.left_at:
                barred = np.append(item.way.barred, barred)
            rest = self._search(item.way.nodes[: at + 1], barred)
            if len(rest):
                way = self._way(root, rest, at, barred)
                made += 1
                heapq.heappush(heap, (self._cost(way.slots), 0, made, way))
            else:
                yield None

    def _way(self, root: IntArray, rest: IntArray, at: int, barred: IntArray) -> _Way:
        slots = np.concatenate([root, rest])
        nodes = np.append(self.graph.tail[slots], self.target)
        return _Way(slots, nodes, at, barred)

    def _cost(self, slots: IntArray) -> float:
        cost = 0.0
        for value in self.graph.cost[slots].tolist():
            cost += value
        return cost

    def _family(self, way: _Way) -> _Family:
        graph = self.graph
        self.mark += 2
        bounds = deviation_bounds(
            graph.start, graph.head, graph.cost, self.rest, way.nodes, way.slots, way.left_at,
            way.barred, self.seen, self.mark,
        )  # fmt: skip
        order = np.argsort(bounds, kind="stable")
        return _Family(way, bounds, order[np.isfinite(bounds[order])])

    def _search(self, root: IntArray, barred: IntArray) -> IntArray:
        graph = self.graph
        self.mark += 2
        found: IntArray = least_deviation(
            graph.start, graph.head, graph.cost, self.rest, root, barred, self.target,
            np.finfo(float).max, self.seen, self.mark, self._least, self._slot, self._place,
        )  # fmt: skip
        return found

    def _via(self, start: int, wanted: int, overlap: Overlap) -> list[Found]:
        """Cheapest unlike ways that are shortest to some node and from it on."""
        graph = self.graph
        least, by, reached = graph.tree(np.array([start]))
        total = least + self.rest
        order = reached[np.argsort(total[reached], kind="stable")]
        open_ = np.isfinite(total)
        found: list[Found] = []
        n_taken = n_tried = 0
        while len(found) < wanted and n_tried < _MOST_VIA:
            for worth, most in overlap.since(n_taken):
                there = along_tree(reached, by, graph.tail, worth)
                onward = along_tree(self.order, self.towards_slot, graph.head, worth)
                open_ &= there + onward <= most
                n_taken += 1
            order = order[open_[order]]
            if not len(order):
                break
            node, n_tried = int(order[0]), n_tried + 1
            open_[node] = False
            onward_slots = walk_back(graph.head, self.towards_slot, node)[::-1]
            slots = np.concatenate([walk_back(graph.tail, by, node), onward_slots])
            nodes = np.append(graph.tail[slots], self.target)
            if len(np.unique(nodes)) == len(nodes) and overlap.allows(slots):
                found.append(Found(slots, overlap.share(slots), is_exact=False))
                overlap.take(slots)
        return found
