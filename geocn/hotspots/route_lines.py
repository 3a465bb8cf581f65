"""Routes as plain lines of vertices, with distances along them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import geopandas as gpd
import numpy as np
import shapely

from geocn._typing import BoolArray, FloatArray, IntArray
from geocn.errors import GeometryError
from geocn.spatial.border_index import BorderIndex
from geocn.spatial.geodesy import distance_m
from geocn.spatial.topology import unwrap_lon

# As a share of a step: a tenth of a millimetre on a step of 100 km.
_AT_END = 1e-9


def check_lines(routes: gpd.GeoDataFrame) -> None:
    """Refuse geometries that are not lines, naming the rows."""
    bad = are_no_lines(routes)
    if bad.any():
        raise GeometryError(
            "routes",
            found=", ".join(sorted(routes.geometry.geom_type[bad].unique())),
            expected="LineString or MultiLineString",
            repair="Points are seizures or sites; build lines of them in the order of travel.",
            rows=list(routes.index[bad]),
        )


def are_no_lines(routes: gpd.GeoDataFrame) -> BoolArray:
    """Say which rows have a geometry that is neither empty nor a line."""
    kinds = routes.geometry.geom_type
    bad = kinds.notna() & ~kinds.isin(["LineString", "MultiLineString", "LinearRing"])
    bad &= ~routes.geometry.is_empty
    wrong: BoolArray = bad.to_numpy(dtype=bool)
    return wrong


@dataclass(frozen=True)
class RouteLines:
    """Parts of routes, with longitudes running on past +-180.

    Attributes
    ----------
    xy : vertices of all parts
    start : first vertex of each part, and the end
    route : row of the route of each part
    n_missing, n_short : routes without geometry, and without length
    """

    xy: FloatArray
    start: IntArray
    route: IntArray
    n_missing: int
    n_short: int

    @classmethod
    def of(cls, routes: gpd.GeoDataFrame, *, backward: BoolArray) -> RouteLines:
        """Take the lines of a frame in longitude and latitude apart, some of them backward."""
        geometry = np.array(routes.geometry.to_numpy(), dtype=object)
        geometry[backward] = [_turned(line) for line in geometry[backward]]
        missing = shapely.is_missing(geometry) | shapely.is_empty(geometry)
        short = ~missing & (shapely.length(geometry) == 0)
        rows = np.flatnonzero(~missing & ~short)
        parts, owner = shapely.get_parts(geometry[rows], return_index=True)
        long = shapely.length(parts) > 0
        parts, owner = parts[long], owner[long]
        xy, part = shapely.get_coordinates(parts, return_index=True)
        # Parts that meet are one line: what is crossed where they meet is crossed once.
        meet = (part[1:] != part[:-1]) & (xy[1:] == xy[:-1]).all(axis=1)
        meet &= owner[part[1:]] == owner[part[:-1]]
        joined = np.append(True, ~meet)[: len(part)]
        number = np.append(True, (part[1:] != part[:-1]) & ~meet)[: len(part)].cumsum() - 1
        owner = owner[part[np.diff(number, prepend=-1) > 0]]
        xy, part = xy[joined], number[joined]
        start = np.searchsorted(part, np.arange(len(owner) + 1)).astype(np.int64)
        jumps = (np.abs(np.diff(xy[:, 0])) > 180) & (part[1:] == part[:-1])
        for line in np.unique(part[1:][jumps]):
            a, b = start[line], start[line + 1]
            xy[a:b, 0] = unwrap_lon(xy[a:b, 0])
        return cls(xy, start, rows[owner], int(missing.sum()), int(short.sum()))

    def along_m(self, last: IntArray) -> FloatArray:
        """Geodesic distance at every vertex from the start of its route.

        Routes are measured up to the vertex ``last`` of each of their rows (-1 for not at
        all); beyond it the distance stands still. The gap between two parts has no length.
        """
        part = np.repeat(np.arange(len(self.route)), np.diff(self.start))
        step = part[1:] == part[:-1]
        step &= np.arange(len(step)) < last[self.route[part[:-1]]]
        a, b = self.xy[:-1][step], self.xy[1:][step]
        metres = np.zeros(max(len(self.xy) - 1, 0))
        metres[step] = distance_m(a[:, 0], a[:, 1], b[:, 0], b[:, 1])
        along: FloatArray = np.zeros(len(self.xy))
        new = np.flatnonzero(np.diff(self.route, prepend=-1))
        measured = last[self.route[new]] >= 0
        begin = self.start[new]
        end = np.append(begin, self.start[-1])[1:]
        # Each by itself: one sum over all would give a route other last bits in other company.
        for first, stop in zip(begin[measured].tolist(), end[measured].tolist(), strict=True):
            np.cumsum(metres[first : stop - 1], out=along[first + 1 : stop])
        return along


def _turned(line: Any) -> Any:
    if line is None or line.geom_type != "MultiLineString":
        return shapely.reverse(line)
    return shapely.multilinestrings(shapely.get_parts(shapely.reverse(line))[::-1])


@dataclass(frozen=True)
class Hits:
    """Every place where a line meets an edge of a border, in order of travel.

    Attributes
    ----------
    line, edge : numbers of the part and of the border edge
    lon, lat : the place, longitude within -180..180
    at_m : distance from the start of the route
    fraction : place along the edge, 0 to 1
    origin, target : numbers of the countries left and entered, in ``index.countries``
    along : distance at every vertex of the lines, as far as it was measured
    n_at_ends : how often a line begins or ends exactly on a border
    """

    line: IntArray
    lon: FloatArray
    lat: FloatArray
    at_m: FloatArray
    edge: IntArray
    fraction: FloatArray
    origin: IntArray
    target: IntArray
    along: FloatArray
    n_at_ends: int

    @property
    def broken(self) -> BoolArray:
        """Whether a hit leaves another country than the hit before it on its line entered."""
        apart = (self.line[1:] == self.line[:-1]) & (self.target[:-1] != self.origin[1:])
        return np.concatenate([np.zeros(min(len(self.line), 1), dtype=bool), apart])


def _inner(found: FloatArray, lines: RouteLines) -> FloatArray:
    """Leave out the very ends of lines: who starts on a border has not crossed it there."""
    line, vertex, part = found[:, 0].astype(np.int64), found[:, 1].astype(np.int64), found[:, 2]
    first = (vertex == lines.start[line]) & (part <= _AT_END)
    last = (vertex == lines.start[line + 1] - 2) & (part >= 1 - _AT_END)
    inner: FloatArray = found[~(first | last)]
    return inner


def find_hits(index: BorderIndex, lines: RouteLines, *, whole: BoolArray) -> Hits:
    """Meet all lines with all borders; routes in the rows ``whole`` are measured to the end."""
    found, n_at_ends = np.empty((0, 5)), 0
    if len(lines.route):
        every = index.crossings(lines.xy, lines.start)
        found = _inner(every, lines)
        n_at_ends = len(every) - len(found)
    line, vertex = found[:, 0].astype(np.int64), found[:, 1].astype(np.int64)
    edge = (np.abs(found[:, 3]) - 1).astype(np.int64)
    to_right = found[:, 3] > 0
    left, right = index.sides(edge)
    origin, target = np.where(to_right, left, right), np.where(to_right, right, left)
    last = np.full(len(whole), -1, dtype=np.int64)
    np.maximum.at(last, lines.route[line], vertex + 1)
    whole = whole & (last >= 0)
    # A stay whose country is unknown is looked up at its middle, so its end must be known.
    apart = (line[1:] == line[:-1]) & (target[:-1] != origin[1:])
    whole[lines.route[line[1:][apart]]] = True
    np.maximum.at(last, lines.route, np.where(whole[lines.route], lines.start[1:] - 1, -1))
    along = lines.along_m(last)
    part = np.clip(found[:, 2], 0, 1)
    xy = lines.xy[vertex] + part[:, None] * (lines.xy[vertex + 1] - lines.xy[vertex])
    return Hits(
        line=line,
        lon=(xy[:, 0] + 180) % 360 - 180,
        lat=xy[:, 1],
        at_m=along[vertex] + part * (along[vertex + 1] - along[vertex]),
        edge=edge,
        fraction=np.clip(found[:, 4], 0, 1),
        origin=origin,
        target=target,
        along=along,
        n_at_ends=n_at_ends,
    )
