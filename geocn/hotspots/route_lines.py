"""Routes as plain lines of vertices, with distances along them."""

from __future__ import annotations

from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import shapely

from geocn._typing import BoolArray, FloatArray, IntArray
from geocn.errors import GeometryError
from geocn.spatial.border_index import BorderIndex
from geocn.spatial.geodesy import distance_m
from geocn.spatial.topology import unwrap_lon


def check_lines(routes: gpd.GeoDataFrame) -> None:
    """Refuse geometries that are not lines, naming the rows."""
    kinds = routes.geometry.geom_type
    bad = kinds.notna() & ~kinds.isin(["LineString", "MultiLineString", "LinearRing"])
    bad &= ~routes.geometry.is_empty
    if bad.any():
        raise GeometryError(
            "routes",
            found=", ".join(sorted(kinds[bad].unique())),
            expected="LineString or MultiLineString",
            repair="Points are seizures or sites; build lines of them in the order of travel.",
            rows=list(routes.index[bad]),
        )


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
    def of(cls, routes: gpd.GeoDataFrame) -> RouteLines:
        """Take the lines of a frame in longitude and latitude apart."""
        geometry = routes.geometry.to_numpy()
        missing = shapely.is_missing(geometry) | shapely.is_empty(geometry)
        short = ~missing & (shapely.length(geometry) == 0)
        rows = np.flatnonzero(~missing & ~short)
        parts, owner = shapely.get_parts(geometry[rows], return_index=True)
        long = shapely.length(parts) > 0
        parts, owner = parts[long], owner[long]
        xy, part = shapely.get_coordinates(parts, return_index=True)
        start = np.searchsorted(part, np.arange(len(parts) + 1)).astype(np.int64)
        jumps = (np.abs(np.diff(xy[:, 0])) > 180) & (part[1:] == part[:-1])
        for line in np.unique(part[1:][jumps]):
            a, b = start[line], start[line + 1]
            xy[a:b, 0] = unwrap_lon(xy[a:b, 0])
        return cls(xy, start, rows[owner], int(missing.sum()), int(short.sum()))

    def along_m(self, wanted: BoolArray) -> FloatArray:
        """Geodesic distance at every vertex from the start of its route.

        Only routes with a wanted part are measured; the gap between two parts has no length.
        """
        part = np.repeat(np.arange(len(self.route)), np.diff(self.start))
        measured = np.isin(self.route, self.route[wanted])
        step = (part[1:] == part[:-1]) & measured[part[1:]]
        a, b = self.xy[:-1][step], self.xy[1:][step]
        metres = np.zeros(max(len(self.xy) - 1, 0))
        metres[step] = distance_m(a[:, 0], a[:, 1], b[:, 0], b[:, 1])
        total = np.concatenate([[0.0], np.cumsum(metres)])
        new = np.diff(self.route, prepend=-1) != 0
        first_part = np.flatnonzero(new)[np.cumsum(new) - 1]
        origin = total[self.start[first_part]]
        along: FloatArray = total[: len(self.xy)] - origin[part]
        return along


@dataclass(frozen=True)
class Hits:
    """Every place where a line meets an edge of a border, in order of travel.

    Attributes
    ----------
    line, edge : numbers of the part and of the border edge
    lon, lat : the place, longitude within -180..180
    at_m : distance from the start of the route
    fraction : place along the edge, 0 to 1
    to_right : whether the route passes from the left of the edge to its right
    """

    line: IntArray
    lon: FloatArray
    lat: FloatArray
    at_m: FloatArray
    edge: IntArray
    fraction: FloatArray
    to_right: BoolArray


def find_hits(index: BorderIndex, lines: RouteLines) -> tuple[Hits, FloatArray]:
    """Meet all lines with all borders; also return the distance along at every vertex."""
    found = np.empty((0, 5))
    if len(lines.route):
        found = index.crossings(lines.xy, lines.start)
    line, vertex = found[:, 0].astype(np.int64), found[:, 1].astype(np.int64)
    along = lines.along_m(np.bincount(line, minlength=len(lines.route)).astype(bool))
    part = np.clip(found[:, 2], 0, 1)
    xy = lines.xy[vertex] + part[:, None] * (lines.xy[vertex + 1] - lines.xy[vertex])
    hits = Hits(
        line=line,
        lon=(xy[:, 0] + 180) % 360 - 180,
        lat=xy[:, 1],
        at_m=along[vertex] + part * (along[vertex + 1] - along[vertex]),
        edge=(np.abs(found[:, 3]) - 1).astype(np.int64),
        fraction=np.clip(found[:, 4], 0, 1),
        to_right=found[:, 3] > 0,
    )
    return hits, along
