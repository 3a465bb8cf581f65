"""Shortest paths on a directed graph, on plain arrays.

The arcs that leave node i are the slots ``start[i]`` to ``start[i + 1] - 1`` of ``head`` and
``cost``. Costs are 0 or more; two nodes may have several arcs between them.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from geocn._typing import FloatArray, IntArray


@njit(cache=True)
def by_tail(tail: IntArray, n_nodes: int) -> tuple[IntArray, IntArray]:
    """Order arcs by the node they leave, equals in their order: ``(start, order)``."""
    start = np.zeros(n_nodes + 1, dtype=np.int64)
    for i in range(len(tail)):
        start[tail[i] + 1] += 1
    for i in range(n_nodes):
        start[i + 1] += start[i]
    at = start[:-1].copy()
    order = np.empty(len(tail), dtype=np.int64)
    for i in range(len(tail)):
        order[at[tail[i]]] = i
        at[tail[i]] += 1
    return start, order


@njit(cache=True)
def _up(heap: IntArray, place: IntArray, key: FloatArray, at: int) -> None:
    """Move an item of a heap of four children towards the top."""
    item = heap[at]
    value = key[item]
    while at > 0:
        above = (at - 1) >> 2
        other = heap[above]
        if key[other] <= value:
            break
        heap[at] = other
        place[other] = at
        at = above
    heap[at] = item
    place[item] = at


@njit(cache=True)
def _take(heap: IntArray, place: IntArray, key: FloatArray, size: int) -> int:
    """Take the least item; the heap then holds ``size - 1``."""
    least: int = heap[0]
    place[least] = -1
    size -= 1
    item = heap[size]
    if size > 0:
        value = key[item]
        at = 0
        while True:
            child = 4 * at + 1
            if child >= size:
                break
            best = child
            for other in range(child + 1, min(child + 4, size)):
                if key[heap[other]] < key[heap[best]]:
                    best = other
            if key[heap[best]] >= value:
                break
            heap[at] = heap[best]
            place[heap[at]] = at
            at = best
        heap[at] = item
        place[item] = at
    return least


@njit(cache=True)
def shortest_tree(
    start: IntArray, head: IntArray, cost: FloatArray, sources: IntArray
) -> tuple[FloatArray, IntArray, IntArray]:
    """Find the least cost from any source to every node (Dijkstra).

    Returns
    -------
    least : (n,) array
        Infinite where nothing leads.
    slot : (n,) array
        Slot by which the least-cost path arrives, -1 at sources and where nothing leads.
    order : (k,) array
        Nodes that are reached, in the order in which they are settled.
    """
    n = len(start) - 1
    least, slot = np.full(n, np.inf), np.full(n, -1, dtype=np.int64)
    place = np.full(n, -1, dtype=np.int64)
    heap, order = np.empty(n, dtype=np.int64), np.empty(n, dtype=np.int64)
    size, settled = 0, 0
    for i in range(len(sources)):
        if least[sources[i]] > 0.0:
            least[sources[i]] = 0.0
            heap[size] = sources[i]
            size += 1
            _up(heap, place, least, size - 1)
    while size > 0:
        node = _take(heap, place, least, size)
        size -= 1
        order[settled] = node
        settled += 1
        base = least[node]
        for s in range(start[node], start[node + 1]):
            found = base + cost[s]
            other = head[s]
            if found < least[other]:
                if place[other] < 0:
                    heap[size] = other
                    place[other] = size
                    size += 1
                least[other] = found
                slot[other] = s
                _up(heap, place, least, place[other])
    return least, slot, order[:settled]


@njit(cache=True)
def deviation_bounds(  # noqa: PLR0917 - numba takes keywords badly
    start: IntArray,
    head: IntArray,
    cost: FloatArray,
    rest: FloatArray,
    nodes: IntArray,
    slots: IntArray,
    first: int,
    barred: IntArray,
    seen: IntArray,
    mark: int,
) -> FloatArray:
    """Bound from below the cost of leaving a path at each of its nodes from ``first`` on.

    The path runs over ``nodes`` by ``slots``; ``rest`` is the least cost from each node to
    the target, and the slots ``barred`` may not be taken at ``nodes[first]``. ``seen`` is
    working space in which ``mark`` has not been used.

    Returns
    -------
    (len(slots) - first,) array
        Infinite where no other way is left.
    """
    bounds = np.full(len(slots) - first, np.inf)
    base = 0.0
    for j in range(len(slots)):
        seen[nodes[j]] = mark
        if j >= first:
            for s in range(start[nodes[j]], start[nodes[j] + 1]):
                free = s != slots[j] and seen[head[s]] != mark
                if free and j == first:
                    for b in barred:
                        free = free and b != s
                if free:
                    bounds[j - first] = min(bounds[j - first], base + cost[s] + rest[head[s]])
        base += cost[slots[j]]
    return bounds


@njit(cache=True)
def least_deviation(  # noqa: PLR0917 - numba takes keywords badly
    start: IntArray,
    head: IntArray,
    cost: FloatArray,
    rest: FloatArray,
    root: IntArray,
    barred: IntArray,
    target: int,
    beyond: float,
    seen: IntArray,
    mark: int,
    least: FloatArray,
    slot: IntArray,
    place: IntArray,
) -> IntArray:
    """Find the least-cost way from the last node of ``root`` on that meets none of its nodes.

    A* with the least costs to the target as estimates; the slots ``barred`` may not be the
    first. ``seen`` holds ``mark`` for nodes of the root and ``mark + 1`` for nodes reached,
    neither used before; ``place`` is -1 everywhere, and is left so. ``least`` holds the
    estimated cost in all.

    Returns
    -------
    (k,) array
        Slots in order; empty where no way costs ``beyond`` or less.
    """
    room = 64
    heap = np.empty(room, dtype=np.int64)
    for node in root:
        seen[node] = mark
    leave = root[-1]
    size = 0
    node, base = leave, 0.0
    while True:
        for s in range(start[node], start[node + 1]):
            other = head[s]
            found = base + cost[s] + rest[other]
            if seen[other] == mark or not found <= beyond:
                continue
            if node == leave:
                free = True
                for b in barred:
                    free = free and b != s
                if not free:
                    continue
            if seen[other] != mark + 1 or found < least[other]:
                seen[other] = mark + 1
                least[other] = found
                slot[other] = s
                if place[other] < 0:
                    if size == len(heap):
                        heap = np.append(heap, np.empty_like(heap))
                    heap[size] = other
                    place[other] = size
                    size += 1
                _up(heap, place, least, place[other])
        if size == 0:
            return np.empty(0, dtype=np.int64)
        node = _take(heap, place, least, size)
        size -= 1
        if node == target:
            break
        base = least[node] - rest[node]
    for i in range(size):
        place[heap[i]] = -1
    return _followed(start, slot, leave, target)


@njit(cache=True)
def _followed(start: IntArray, slot: IntArray, leave: int, target: int) -> IntArray:
    """Slots from ``leave`` to ``target`` by those that each node was reached by."""
    steps = np.empty(16, dtype=np.int64)
    count, node = 0, target
    while node != leave:
        if count == len(steps):
            steps = np.append(steps, np.empty_like(steps))
        steps[count] = slot[node]
        count += 1
        node = np.searchsorted(start, slot[node], side="right") - 1
    return steps[:count][::-1].copy()


@njit(cache=True)
def along_tree(order: IntArray, slot: IntArray, before: IntArray, worth: FloatArray) -> FloatArray:
    """Add up what slots are worth from the root of a tree to every node.

    ``order`` has each node behind the one that it hangs on, which is ``before`` of its slot.
    """
    total = np.zeros(len(slot))
    for node in order:
        if slot[node] >= 0:
            total[node] = total[before[slot[node]]] + worth[slot[node]]
    return total


@njit(cache=True)
def walk_back(tail: IntArray, slot: IntArray, node: int) -> IntArray:
    """Slots of a tree of shortest paths from its source to a node."""
    steps = np.empty(16, dtype=np.int64)
    count = 0
    while slot[node] >= 0:
        if count == len(steps):
            steps = np.append(steps, np.empty_like(steps))
        steps[count] = slot[node]
        count += 1
        node = tail[slot[node]]
    return steps[:count][::-1].copy()
