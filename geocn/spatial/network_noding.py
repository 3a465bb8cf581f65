"""Lines cut where they meet, and loose ends brought to the line they nearly reach."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pyproj
import shapely

from geocn._kernels.network import every_place_on_line, nearest_on_line
from geocn._typing import AnyArray, BoolArray, FloatArray, IntArray
from geocn.spatial.network import linestrings, metres_a_unit

#: Nodes nearer to each other than this are one: what arithmetic makes of one crossing.
ONE_PLACE_M = 1e-3


@dataclass(frozen=True, slots=True)
class Chains:
    """Lines as vertices one after another; ``is_node`` marks where they are to be cut."""

    crs: pyproj.CRS
    xy: FloatArray
    first: IntArray
    row: IntArray
    is_node: BoolArray

    @classmethod
    def of(cls, parts: AnyArray, row: IntArray, crs: pyproj.CRS) -> Chains:
        """Take LineStrings of some length, and the row that each comes from."""
        parts = np.asarray(parts, dtype=object)
        xy, owner = shapely.get_coordinates(parts, return_index=True)
        # Minus zero would be another place than zero.
        xy = xy + 0.0
        first = np.searchsorted(owner, np.arange(len(parts) + 1)).astype(np.int64)
        is_node = np.zeros(len(xy), dtype=bool)
        is_node[first[:-1]] = is_node[first[1:] - 1] = True
        return cls(crs, xy, first, row, is_node)

    @property
    def owner(self) -> IntArray:
        """Line of each vertex."""
        return np.repeat(np.arange(len(self.row)), np.diff(self.first))

    def with_places(self, line: IntArray, xy: FloatArray, *, every: bool) -> Chains:
        """Add nodes to lines, at the nearest place of each line or at every one it passes."""
        scale = metres_a_unit(xy, self.crs)
        if every:
            point, vertex, part = every_place_on_line(
                xy, scale, line, self.xy, self.first, ONE_PLACE_M / 10
            )
        else:
            point = np.arange(len(line))
            vertex, part, _ = nearest_on_line(xy, scale, line, self.xy, self.first)
        owner = np.concatenate([self.owner, line[point]])
        # The place in front of a vertex is its number; new ones stand between two.
        at = np.concatenate([np.arange(len(self.xy), dtype=float), vertex + part])
        places = np.concatenate([self.xy, xy[point]])
        flag = np.concatenate([self.is_node, np.ones(len(point), dtype=bool)])
        order = np.lexsort((at, owner))
        owner, places, flag = owner[order], places[order], flag[order]
        same = np.zeros(len(order), dtype=bool)
        same[1:] = (owner[1:] == owner[:-1]) & (places[1:] == places[:-1]).all(axis=1)
        group = np.cumsum(~same) - 1
        marked = np.bincount(group, weights=flag) > 0
        kept = ~same
        owner = owner[kept]
        first = np.searchsorted(owner, np.arange(len(self.row) + 1)).astype(np.int64)
        return Chains(self.crs, places[kept], first, self.row, marked)


def cut_at_crossings(chains: Chains) -> tuple[Chains, int]:
    """Add a node to both lines wherever two of them, or two parts of one, meet."""
    lines = linestrings(chains.xy, chains.first)
    one, other = shapely.STRtree(lines).query(lines, predicate="intersects")
    pair = one < other
    one, other = one[pair], other[pair]
    bounds = shapely.bounds(lines)
    low = np.maximum(bounds[one, :2], bounds[other, :2])
    high = np.minimum(bounds[one, 2:], bounds[other, 2:])
    # Boxes that share but a point: lines meet there or nowhere; if it ends both, all is said.
    touch = (low == high).all(axis=1) & _is_end(chains, one, low) & _is_end(chains, other, low)
    one, other = one[~touch], other[~touch]
    at, which = _points_of(shapely.intersection(lines[one], lines[other]))
    crossing = [(one[which], at), (other[which], at)]
    crooked = np.flatnonzero(~shapely.is_simple(lines))
    if len(crooked):
        pieces, own = shapely.get_parts(shapely.node(lines[crooked]), return_index=True)
        ends = np.concatenate([shapely.get_point(pieces, 0), shapely.get_point(pieces, -1)])
        crossing.append((crooked[np.tile(own, 2)], shapely.get_coordinates(ends)))
    line = np.concatenate([part[0] for part in crossing]).astype(np.int64)
    xy = np.concatenate([part[1] for part in crossing]) + 0.0
    inside = ~_is_end(chains, line, xy)
    added = inside | np.isin(line, crooked)
    return chains.with_places(line[added], xy[added], every=True), len(
        np.unique(xy[inside], axis=0)
    )


def _is_end(chains: Chains, line: IntArray, xy: FloatArray) -> BoolArray:
    start, end = chains.xy[chains.first[line]], chains.xy[chains.first[line + 1] - 1]
    found: BoolArray = (start == xy).all(axis=1) | (end == xy).all(axis=1)
    return found


def _points_of(meet: AnyArray) -> tuple[FloatArray, IntArray]:
    """Points of intersections, and the ends of stretches that two lines share."""
    parts, pair = shapely.get_parts(meet, return_index=True)
    single, inner = shapely.get_parts(parts, return_index=True)
    pair = pair[inner]
    along = shapely.get_dimensions(single) == 1
    ends = np.concatenate(
        [single[~along], shapely.get_point(single[along], 0), shapely.get_point(single[along], -1)]
    )
    return shapely.get_coordinates(ends), np.concatenate([pair[~along], pair[along], pair[along]])


class Joins(NamedTuple):
    """Loose ends and the places on other lines that they are brought to."""

    end: FloatArray
    to: FloatArray


def snap_ends(chains: Chains, snap_m: float) -> tuple[Chains, Joins]:
    """Find the nearest line within reach of every loose end, and add a node to it."""
    none = Joins(np.empty((0, 2)), np.empty((0, 2)))
    if snap_m <= 0 or not len(chains.row):
        return chains, none
    vertex = np.concatenate([chains.first[:-1], chains.first[1:] - 1])
    count = place_numbers(chains.xy)[1]
    loose = vertex[count[vertex] == 1]
    end, own = chains.xy[loose], chains.owner[loose]
    scale = metres_a_unit(end, chains.crs)
    half = snap_m / scale
    box = shapely.box(*(end - half).T, *(end + half).T)
    tree = shapely.STRtree(linestrings(chains.xy, chains.first))
    point, line = tree.query(box)
    other = line != own[point]
    point, line = point[other], line[other].astype(np.int64)
    at, part, metres = nearest_on_line(end[point], scale[point], line, chains.xy, chains.first)
    nearest = np.full(len(end), float(snap_m))
    np.minimum.at(nearest, point, metres)
    # Lines drawn twice are equally near: each of them gets the node.
    near = metres <= np.minimum(nearest[point] + ONE_PLACE_M, snap_m)
    point, line, at, part = point[near], line[near], at[near], part[near, None]
    foot = (1 - part) * chains.xy[at] + part * chains.xy[at + 1] + 0.0
    if not len(point):
        return chains, none
    return chains.with_places(line, foot, every=False), Joins(end[point], foot)


def place_numbers(xy: FloatArray) -> tuple[IntArray, IntArray]:
    """Give each place a number, equal for equal coordinates, and count its vertices."""
    key = xy[:, 0] + 1j * xy[:, 1]
    number, count = np.unique(key, return_inverse=True, return_counts=True)[1:]
    return number.astype(np.int64), count[number].astype(np.int64)
