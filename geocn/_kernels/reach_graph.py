"""Shortest paths on a directed graph, only as far as a limit.

The arcs that leave node i are the slots ``start[i]`` to ``start[i + 1] - 1`` of ``head`` and
``cost``. Costs are 0 or more; two nodes may have several arcs between them.
"""

from __future__ import annotations

from numba import njit

from geocn._kernels.sweep_heap import pop, push
from geocn._typing import FloatArray, IntArray


@njit(cache=True)
def within(  # noqa: PLR0917 - numba takes keywords badly
    start: IntArray,
    head: IntArray,
    cost: FloatArray,
    sources: IntArray,
    offsets: FloatArray,
    limit: float,
    least: FloatArray,
    keys: FloatArray,
    nodes: IntArray,
    found: IntArray,
) -> int:
    """Find the nodes within ``limit`` of any source; only those and their neighbours are touched.

    Parameters
    ----------
    sources, offsets : (k,) arrays
        Nodes, and what it costs to be there.
    least : (n,) array
        Infinite; written at nodes within the limit.
    keys, nodes : arrays
        Room for a heap of one entry a source and one a slot.
    found : (n,) array
        Written: the nodes within the limit, nearest first.

    Returns
    -------
    int
        How many there are.
    """
    size, n_found = 0, 0
    for i in range(len(sources)):
        if offsets[i] <= limit and offsets[i] < least[sources[i]]:
            least[sources[i]] = offsets[i]
            push(keys, nodes, size, offsets[i], sources[i])
            size += 1
    while size > 0:
        here, node = keys[0], nodes[0]
        size -= 1
        pop(keys, nodes, size)
        if here > least[node]:
            continue
        # A node waits once for each time that it came nearer; all but the last are stale.
        found[n_found] = node
        n_found += 1
        for slot in range(start[node], start[node + 1]):
            reached = here + cost[slot]
            other = head[slot]
            if reached <= limit and reached < least[other]:
                least[other] = reached
                push(keys, nodes, size, reached, other)
                size += 1
    return n_found
