"""Edges of a network cut at places, so that each place is a node."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from geocn._typing import FloatArray, IntArray
from geocn.spatial.network import Network
from geocn.spatial.network_noding import ONE_PLACE_M


class Split(NamedTuple):
    """A network with new nodes, the node of each place, and the edge each edge was part of."""

    network: Network
    node: IntArray
    parent: IntArray


def split_at(network: Network, edge: IntArray, offset_m: FloatArray) -> Split:
    """Cut edges at places.

    Parameters
    ----------
    network : Network
    edge, offset_m : (n,) arrays
        Edge of each place, -1 for none, and metres from its start. A place nearer than a
        millimetre to an end, or to another place, is that node.

    Returns
    -------
    Split
        Nodes keep their numbers and new ones follow; pieces stand in the place of their
        edge. ``node`` is -1 where no edge was given.
    """
    node = np.full(len(edge), -1, dtype=np.int64)
    given = np.flatnonzero(edge >= 0)
    length = network.length_m[edge[given]]
    offset = offset_m[given]
    at_u = (offset <= ONE_PLACE_M) & (offset <= length / 2)
    at_v = ~at_u & (length - offset <= ONE_PLACE_M)
    node[given[at_u]] = network.u[edge[given[at_u]]]
    node[given[at_v]] = network.v[edge[given[at_v]]]
    inner = given[~(at_u | at_v)]
    inner = inner[np.lexsort((offset_m[inner], edge[inner]))]
    if not len(inner):
        return Split(network, node, np.arange(len(network.u)))
    new = np.ones(len(inner), dtype=bool)
    new[1:] = (np.diff(edge[inner]) != 0) | (np.diff(offset_m[inner]) > ONE_PLACE_M)
    node[inner] = len(network.node_xy) + np.cumsum(new) - 1
    cut = inner[new]
    return Split(*_cut(network, edge[cut], offset_m[cut], node[cut]))._replace(node=node)


def _cut(
    network: Network, edge: IntArray, offset: FloatArray, node: IntArray
) -> tuple[Network, IntArray, IntArray]:
    """Cut at places that are sorted by edge and offset; none is at an end."""
    first, metres = network.first, network.vertex_m
    before = np.array(
        [
            first[e] + np.searchsorted(metres[first[e] : first[e + 1]], o)
            for e, o in zip(edge.tolist(), offset.tolist(), strict=True)
        ]
    )
    xy = network.xy_at(edge, offset)
    twice = np.repeat(before, 2)
    vertex_xy = np.insert(network.vertex_xy, twice, np.repeat(xy, 2, axis=0), axis=0)
    # Metres start anew in each piece.
    owner_cut = np.searchsorted(before, np.arange(len(metres)), side="right") - 1
    base = np.where(owner_cut >= 0, offset[np.maximum(owner_cut, 0)], 0.0)
    own = np.repeat(np.arange(len(network.u)), np.diff(first))
    base = np.where((owner_cut >= 0) & (edge[np.maximum(owner_cut, 0)] == own), base, 0.0)
    same = np.append(False, edge[1:] == edge[:-1])
    piece = offset - np.where(same, np.append(0.0, offset[:-1]), 0.0)
    ends = np.column_stack([piece, np.zeros(len(edge))]).ravel()
    vertex_m = np.insert(metres - base, twice, ends)
    pieces = np.bincount(edge, minlength=len(network.u)) + 1
    parent = np.repeat(np.arange(len(network.u)), pieces)
    is_first = np.append(True, parent[1:] != parent[:-1])
    starts = np.empty(len(parent), dtype=np.int64)
    shift = np.searchsorted(before, first[:-1], side="right")
    starts[is_first] = first[:-1] + 2 * shift
    starts[~is_first] = before + 2 * np.arange(len(before)) + 1
    ends_at = np.append(starts[1:], len(vertex_m))
    u, v = network.u[parent], network.v[parent]
    u[~is_first] = node
    v[np.flatnonzero(~is_first) - 1] = node
    cut = replace(
        network, node_xy=np.vstack([network.node_xy, xy]), u=u, v=v,
        length_m=vertex_m[ends_at - 1], row=network.row[parent], vertex_xy=vertex_xy,
        vertex_m=vertex_m, first=np.append(starts, len(vertex_m)).astype(np.int64),
    )  # fmt: skip
    return cut, node, parent
