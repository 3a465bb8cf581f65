"""Kernels of events summed over the lixels of a network, on plain arrays.

Arc 2 e runs along edge e from its first node to its second, arc 2 e + 1 back, so ``arc ^ 1`` is
the way back. Edge e is cut into the lixels ``lixel[e]`` to ``lixel[e + 1] - 1`` of equal length.
What a lixel receives is the integral of a kernel over it, so no mass falls between lixels.
"""

from __future__ import annotations

from math import erf, sqrt

import numpy as np
from numba import njit

from geocn._typing import FloatArray, IntArray

#: Numbers of the kernels, and of the ways to treat a node.
QUARTIC, GAUSSIAN = 0, 1
DISCONTINUOUS, CONTINUOUS = 0, 1
# Where the Gaussian is cut off, in standard deviations.
_END = 5.0
_IN_REACH = erf(_END / sqrt(2.0))
# Paths are told apart by their length to a part of the reach, and left off at a part of the mass.
_BINS, _LEAST = 1024, 1e-10
_SLOTS = 1 << 14


@njit(cache=True)
def half_mass(u: float, kernel: int) -> float:
    """Mass of a kernel between its centre and u bandwidths away: 0 to 1/2."""
    if kernel == QUARTIC:
        if u >= 1.0:
            return 0.5
        u2 = u * u
        return float(0.9375 * u * (1.0 - u2 * (2.0 / 3.0 - 0.2 * u2)))
    return float(0.5 * erf(min(u, _END) / sqrt(2.0)) / _IN_REACH)


@njit(cache=True)
def _deposit(  # noqa: PLR0917 - numba takes keywords badly
    mass: FloatArray,
    arc: int,
    length: FloatArray,
    lixel: IntArray,
    begin: float,
    end: float,
    away: float,
    weight: float,
    bandwidth: float,
    kernel: int,
) -> None:
    """Add a kernel along an arc between two places on it; ``away`` is the distance at the first."""
    edge = arc >> 1
    n = lixel[edge + 1] - lixel[edge]
    step = length[edge] / n
    k = min(n - 1, max(0, int(begin / step)))
    before = half_mass(away / bandwidth, kernel)
    at = begin
    while k < n and at < end and before < 0.5:
        stop = end if k == n - 1 else min(end, (k + 1) * step)
        after = half_mass((away + stop - begin) / bandwidth, kernel)
        own = lixel[edge] + (n - 1 - k if arc & 1 else k)
        mass[own] += weight * (after - before)
        before, at, k = after, stop, k + 1


@njit(cache=True)
def simple_mass(  # noqa: PLR0917 - numba takes keywords badly
    event_edge: IntArray,
    event_at: FloatArray,
    weight: FloatArray,
    start: IntArray,
    leaving: IntArray,
    head: IntArray,
    length: FloatArray,
    lixel: IntArray,
    bandwidth: float,
    reach: float,
    kernel: int,
) -> FloatArray:
    """Sum kernels of the shortest distance from each event.

    Parameters
    ----------
    event_edge, event_at, weight : (n,) arrays
        Edge of each event, metres from its start, and its weight.
    start, leaving : (nodes + 1,) and (arcs,) arrays
        Arcs by the node they leave.
    head : (arcs,) array
        Node that each arc leads to.
    length : (edges,) array
        Metres.
    lixel : (edges + 1,) array
        First lixel of each edge, and the end.
    bandwidth, reach : float
        Metres; nothing lies beyond the reach.
    kernel : int
        ``QUARTIC`` or ``GAUSSIAN``.

    Returns
    -------
    (lixels,) array
        Mass in each lixel.
    """
    mass = np.zeros(lixel[-1])
    nodes = len(start) - 1
    away = np.full(nodes, np.inf)
    waits = np.zeros(nodes, dtype=np.bool_)
    # A node waits at most once at a time, so the ring never fills.
    queue = np.empty(nodes + 1, dtype=np.int64)
    reached = np.empty(nodes, dtype=np.int64)
    for i in range(len(event_edge)):
        edge, at = event_edge[i], event_at[i]
        rest = length[edge] - at
        first = last = n_reached = 0
        for side in range(2):
            node, metres = head[2 * edge + 1 - side], (rest if side else at)
            # Both nodes of an edge are two: nothing can be in the queue yet.
            if metres < reach:
                reached[n_reached] = queue[last] = node
                n_reached += 1
                last += 1
                away[node], waits[node] = metres, True
        while first != last:
            node = queue[first]
            first = (first + 1) % len(queue)
            waits[node] = False
            for j in range(start[node], start[node + 1]):
                to, metres = head[leaving[j]], away[node] + length[leaving[j] >> 1]
                if metres < away[to] and metres < reach:
                    if away[to] == np.inf:
                        reached[n_reached] = to
                        n_reached += 1
                    away[to] = metres
                    if not waits[to]:
                        waits[to] = True
                        queue[last] = to
                        last = (last + 1) % len(queue)
        for side in range(2):
            back, metres = 2 * edge + 1 - side, (rest if side else at)
            # From the event to where the way around by the other end is as short.
            far = min(metres, 0.5 * (metres + away[head[back]]))
            begin = length[edge] - metres
            _deposit(
                mass, back, length, lixel, begin, begin + far, 0.0, weight[i], bandwidth, kernel
            )
        for k in range(n_reached):
            node = reached[k]
            for j in range(start[node], start[node + 1]):
                arc = leaving[j]
                span, other = length[arc >> 1], away[head[arc]]
                if arc >> 1 == edge:
                    span, other = (rest if arc & 1 else at), 0.0
                far = min(span, 0.5 * (span + other - away[node]))
                _deposit(
                    mass, arc, length, lixel, 0.0, far, away[node], weight[i], bandwidth, kernel
                )
        for k in range(n_reached):
            away[reached[k]] = np.inf
    return mass


@njit(cache=True)
def _follow(  # noqa: PLR0917 - numba takes keywords badly
    mass: FloatArray,
    edge: int,
    at: float,
    weight: float,
    start: IntArray,
    leaving: IntArray,
    head: IntArray,
    length: FloatArray,
    lixel: IntArray,
    bandwidth: float,
    reach: float,
    kernel: int,
    rule: int,
    newest: IntArray,
    slots: IntArray,
    links: IntArray,
    paths: FloatArray,
    current: int,
    n_paths: int,
) -> tuple[int, int]:
    """Follow the paths of one event until all are done or a node might not find room for more.

    Paths of a bin of length are a list: ``newest`` holds its head, ``links`` the arc and the
    next of each path, ``paths`` its length and its part of the mass, 0 once it was followed.
    A slot may hold a path to the same arc with a length of the same bin.
    """
    width = reach / _BINS
    while current < _BINS:
        if current < 0:
            # Both ways from the event to the ends of its edge.
            arc = 2 * edge + 2 + current
            begin = length[edge] - at if arc & 1 else at
            gone, part = 0.0, 1.0
            current += 1
        else:
            path = newest[current]
            if path < 0:
                current += 1
                continue
            node = head[links[path, 0]]
            if n_paths + start[node + 1] - start[node] > len(paths):
                break
            arc, newest[current] = links[path, 0], links[path, 1]
            gone, part = paths[path, 0], paths[path, 1]
            begin, paths[path, 1] = 0.0, 0.0
        span = length[arc >> 1]
        _deposit(mass, arc, length, lixel, begin, span, gone, weight * part, bandwidth, kernel)
        gone += span - begin
        if gone >= reach:
            continue
        node = head[arc]
        degree = start[node + 1] - start[node]
        bin_number = min(_BINS - 1, int(gone / width))
        for j in range(start[node], start[node + 1]):
            onward = leaving[j]
            returns = onward == arc ^ 1
            if rule == CONTINUOUS:
                share = part * (2.0 / degree - (1.0 if returns else 0.0))
            elif degree == 1:
                share = part
            else:
                share = 0.0 if returns else part / (degree - 1)
            if abs(share) < _LEAST:
                continue
            key = (bin_number * 2 + (1 if share < 0 else 0)) * len(head) + onward
            slot = (key * 0x9E3779B1 >> 7) & (len(slots) - 1)
            old = slots[slot]
            # What the slot says may stem from an earlier event.
            if (
                old < n_paths
                and links[old, 0] == onward
                and paths[old, 1] * share > 0
                and min(_BINS - 1, int(paths[old, 0] / width)) == bin_number
            ):
                paths[old, 1] += share
                paths[old, 0] += (gone - paths[old, 0]) * (share / paths[old, 1])
                continue
            links[n_paths, 0], links[n_paths, 1] = onward, newest[bin_number]
            paths[n_paths, 0], paths[n_paths, 1] = gone, share
            newest[bin_number] = slots[slot] = n_paths
            n_paths += 1
    return current, n_paths


@njit(cache=True)
def split_mass(  # noqa: PLR0917 - numba takes keywords badly
    event_edge: IntArray,
    event_at: FloatArray,
    weight: FloatArray,
    start: IntArray,
    leaving: IntArray,
    head: IntArray,
    length: FloatArray,
    lixel: IntArray,
    bandwidth: float,
    reach: float,
    kernel: int,
    rule: int,
) -> FloatArray:
    """Sum kernels that split at nodes, along every path that leaves each event.

    At a node of n edges a ``DISCONTINUOUS`` kernel goes on with 1 / (n - 1) into each other
    edge, a ``CONTINUOUS`` one with 2 / n, and returns with 2 / n - 1. Both turn round at a
    dead end, so that mass is kept. Paths to one arc whose lengths differ by less than a
    1024th of the reach may be followed as one of their mean length.

    Parameters and result are those of :func:`simple_mass`.
    """
    mass = np.zeros(lixel[-1])
    newest = np.full(_BINS, -1, dtype=np.int64)
    slots = np.zeros(_SLOTS, dtype=np.int64)
    most = 0
    for node in range(len(start) - 1):
        most = max(most, start[node + 1] - start[node])
    links = np.empty((1024 + 2 * most, 2), dtype=np.int64)
    paths = np.empty((1024 + 2 * most, 2))
    for i in range(len(event_edge)):
        current, n_paths = -2, 0
        while current < _BINS:
            current, n_paths = _follow(
                mass, event_edge[i], event_at[i], weight[i], start, leaving, head, length, lixel,
                bandwidth, reach, kernel, rule, newest, slots, links, paths, current, n_paths,
            )  # fmt: skip
            if current < _BINS:
                more_links = np.empty((2 * len(links), 2), dtype=np.int64)
                more_paths = np.empty((2 * len(paths), 2))
                for k in range(n_paths):
                    more_links[k, 0], more_links[k, 1] = links[k, 0], links[k, 1]
                    more_paths[k, 0], more_paths[k, 1] = paths[k, 0], paths[k, 1]
                links, paths = more_links, more_paths
    return mass
