"""Flows and bottlenecks of a graph, on plain arrays.

Arc 2 e leads along edge e from u to v, arc 2 e + 1 back; ``arc[start[i]:start[i + 1]]`` are the
arcs that leave node i.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from geocn._typing import BoolArray, FloatArray, IntArray


@njit(cache=True)
def _levels(  # noqa: PLR0917 - numba takes keywords badly
    start: IntArray, arc: IntArray, head: IntArray, residual: FloatArray, source: int, least: float
) -> IntArray:
    """Count the steps from the source by arcs with room; -1 where none leads."""
    level = np.full(len(start) - 1, -1, dtype=np.int64)
    queue = np.empty(len(start) - 1, dtype=np.int64)
    queue[0] = source
    level[source] = 0
    size = 1
    at = 0
    while at < size:
        node = queue[at]
        at += 1
        for i in range(start[node], start[node + 1]):
            other = head[arc[i]]
            if residual[arc[i]] > least and level[other] < 0:
                level[other] = level[node] + 1
                queue[size] = other
                size += 1
    return level


@njit(cache=True)
def push_flow(  # noqa: PLR0917 - numba takes keywords badly
    start: IntArray,
    arc: IntArray,
    head: IntArray,
    residual: FloatArray,
    source: int,
    sink: int,
    least: float,
) -> tuple[float, IntArray]:
    """Send as much as possible from source to sink (Dinic 1970), in place.

    Room of ``least`` or below counts as none.

    Returns
    -------
    total : float
    level : (n,) array
        0 or more at nodes that the source still reaches: its side of a minimum cut.
    """
    n = len(start) - 1
    total = 0.0
    way = np.empty(n + 1, dtype=np.int64)
    while True:
        level = _levels(start, arc, head, residual, source, least)
        if level[sink] < 0:
            return total, level
        at = start[:-1].copy()
        node, depth = source, 0
        while True:
            if node == sink:
                room = np.inf
                for i in range(depth):
                    room = min(room, residual[way[i]])
                total += room
                back = depth
                for i in range(depth - 1, -1, -1):
                    residual[way[i]] -= room
                    residual[way[i] ^ 1] += room
                    if residual[way[i]] <= least:
                        back = i
                depth = back
                node = head[way[back] ^ 1]
                continue
            moved = False
            while at[node] < start[node + 1]:
                a = arc[at[node]]
                if residual[a] > least and level[head[a]] == level[node] + 1:
                    way[depth] = a
                    depth += 1
                    node = head[a]
                    moved = True
                    break
                at[node] += 1
            if moved:
                continue
            if depth == 0:
                break
            level[node] = -1
            depth -= 1
            node = head[way[depth] ^ 1]
            at[node] += 1


@njit(cache=True)
def add_dependencies(  # noqa: PLR0917 - numba takes keywords badly
    start: IntArray,
    head: IntArray,
    cost: FloatArray,
    least: FloatArray,
    order: IntArray,
    weight: FloatArray,
    tie: float,
    by_slot: FloatArray,
    by_node: FloatArray,
) -> None:
    """Add what passes each slot and node on shortest paths from one source (Brandes 2001).

    ``weight`` travels from the source to each node, in equal shares over all shortest paths;
    ``order`` and ``least`` are those of its tree of shortest paths, in slots by node as in
    :mod:`geocn._kernels.graph_paths`. Costs within the relative ``tie`` are equal.
    """
    n = len(start) - 1
    rank = np.full(n, -1, dtype=np.int64)
    for i in range(len(order)):
        rank[order[i]] = i
    # Numbers of paths grow past all floats: their logarithms do not.
    paths = np.full(n, -np.inf)
    paths[order[0]] = 0.0
    for v in order:
        for s in range(start[v], start[v + 1]):
            w = head[s]
            if rank[w] > rank[v] and abs(least[v] + cost[s] - least[w]) <= tie * least[w]:
                high, low = max(paths[v], paths[w]), min(paths[v], paths[w])
                paths[w] = high + np.log1p(np.exp(low - high))
    passing = np.zeros(n)
    for v in order[::-1]:
        for s in range(start[v], start[v + 1]):
            w = head[s]
            if rank[w] > rank[v] and abs(least[v] + cost[s] - least[w]) <= tie * least[w]:
                share = np.exp(paths[v] - paths[w]) * (passing[w] + weight[w])
                by_slot[s] += share
                passing[v] += share
        if v != order[0]:
            by_node[v] += passing[v]


@njit(cache=True)
def cut_points(start: IntArray, arc: IntArray, head: IntArray) -> tuple[BoolArray, BoolArray]:
    """Find nodes and edges without which a connected piece falls apart (Tarjan 1972).

    Returns
    -------
    is_articulation : (n,) array
    is_bridge : (e,) array
    """
    n = len(start) - 1
    is_cut, is_bridge = np.zeros(n, dtype=np.bool_), np.zeros(len(head) // 2, dtype=np.bool_)
    seen, low = np.full(n, -1, dtype=np.int64), np.zeros(n, dtype=np.int64)
    at, came = start[:-1].copy(), np.full(n, -1, dtype=np.int64)
    time = 0
    for root in range(n):
        if seen[root] >= 0:
            continue
        node, children = root, 0
        seen[root] = low[root] = time
        time += 1
        while True:
            if at[node] < start[node + 1]:
                a = arc[at[node]]
                at[node] += 1
                other = head[a]
                if came[node] >= 0 and a == came[node] ^ 1:
                    continue
                if seen[other] < 0:
                    came[other] = a
                    seen[other] = low[other] = time
                    time += 1
                    node = other
                else:
                    low[node] = min(low[node], seen[other])
                continue
            if node == root:
                break
            above = head[came[node] ^ 1]
            low[above] = min(low[above], low[node])
            if above == root:
                children += 1
            elif low[node] >= seen[above]:
                is_cut[above] = True
            if low[node] > seen[above]:
                is_bridge[came[node] >> 1] = True
            node = above
        is_cut[root] = children > 1
    return is_cut, is_bridge
