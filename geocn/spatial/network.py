"""Lines as a network: nodes, edges between them, and places on the edges."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import scipy.sparse
import shapely
from scipy.sparse import csgraph
from scipy.spatial import cKDTree

from geocn._kernels.network import nearest_on_line
from geocn._typing import FloatArray, IntArray, ObjectArray
from geocn.spatial.crs import require_crs, to_lonlat
from geocn.spatial.geodesy import distance_m

_EARTH_M = 6_371_000.0

Metres = Literal["geodesic", "planar"]


@dataclass(frozen=True, slots=True)
class NetworkReport:
    """What was found and mended while lines were made into a network.

    Attributes
    ----------
    n_rows, n_without_geometry : int
        Rows of the layer, and those without a line.
    n_crossings : int
        Places where a line was cut because another one, or itself, meets it there.
    n_snapped : int
        Loose ends brought to a line within the tolerance.
    n_zero_length, n_self_loops, n_duplicates : int
        Edges without length, left out; edges that return to their own node, split in two;
        edges drawn twice, of which the first row's is kept.
    n_nodes, n_edges, n_components, n_dead_ends : int
        Size of the result.
    """

    n_rows: int
    n_without_geometry: int
    n_crossings: int
    n_snapped: int
    n_zero_length: int
    n_self_loops: int
    n_duplicates: int
    n_nodes: int
    n_edges: int
    n_components: int
    n_dead_ends: int


@dataclass(frozen=True, slots=True)
class NetworkPlaces:
    """Places on edges: the edge (-1 where none is near), metres from its start, and how near."""

    edge: IntArray
    offset_m: FloatArray
    distance_m: FloatArray


@dataclass(frozen=True)
class Network:
    """Nodes and edges on plain arrays; :func:`~geocn.spatial.network_build.build_network`.

    Attributes
    ----------
    crs : CRS
        Of all coordinates: EPSG:4326, or a projected one where metres are planar.
    metres : {"geodesic", "planar"}
        How lengths are measured.
    node_xy : (n, 2) array
    u, v : (e,) arrays
        Node at the start and at the end of each edge. Two nodes may have several edges
        between them; no edge returns to its own node.
    length_m : (e,) array
        Above 0.
    row : (e,) array
        Row of the layer that each edge comes from.
    labels : Index
        Index of that layer.
    vertex_xy, vertex_m : (k, 2) and (k,) arrays
        Vertices of the edges one after another, from u to v, and metres from u.
    first : (e + 1,) array
        First vertex of each edge, and the end.
    report : NetworkReport
    """

    crs: pyproj.CRS
    metres: Metres
    node_xy: FloatArray
    u: IntArray
    v: IntArray
    length_m: FloatArray
    row: IntArray
    labels: pd.Index
    vertex_xy: FloatArray
    vertex_m: FloatArray
    first: IntArray
    report: NetworkReport

    @cached_property
    def arcs(self) -> tuple[IntArray, IntArray]:
        """Directed edges by the node they leave: ``(start, arc)``.

        Arcs of node i are ``arc[start[i]:start[i + 1]]``; arc 2 e runs along edge e from
        u to v, arc 2 e + 1 back, so that ``arc ^ 1`` is the way back.
        """
        tail = np.column_stack([self.u, self.v]).ravel()
        arc = np.argsort(tail, kind="stable")
        counts = np.bincount(tail, minlength=len(self.node_xy))
        return np.append(0, np.cumsum(counts)).astype(np.int64), arc.astype(np.int64)

    @cached_property
    def degree(self) -> IntArray:
        """Number of edges at each node."""
        return np.diff(self.arcs[0])

    @cached_property
    def component(self) -> IntArray:
        """Number of the connected piece that each node belongs to."""
        return components(self.u, self.v, len(self.node_xy))

    @cached_property
    def lines(self) -> ObjectArray:
        """Edges as LineStrings, from u to v."""
        return linestrings(self.vertex_xy, self.first)

    @cached_property
    def _tree(self) -> shapely.STRtree:
        return shapely.STRtree(self.lines)

    @cached_property
    def _vertices(self) -> cKDTree:
        return cKDTree(in_space(self.vertex_xy, self.crs))

    def place(self, points: gpd.GeoDataFrame | gpd.GeoSeries, *, reach_m: float) -> NetworkPlaces:
        """Find the nearest edge of each point.

        Parameters
        ----------
        points : GeoDataFrame or GeoSeries
            Points; a null or empty one is near nothing.
        reach_m : float
            How far from an edge a point may lie.

        Returns
        -------
        NetworkPlaces
            Of equally near edges the first.

        Raises
        ------
        CRSError, CoordinateError
            Where the points have no CRS, or lie nowhere on Earth.
        """
        require_crs(points, "points")
        frame = gpd.GeoDataFrame(geometry=points.geometry)
        moved = to_lonlat(frame, "points") if self.crs.is_geographic else frame.to_crs(self.crs)
        shapes = moved.geometry.to_numpy()
        known = shapely.get_type_id(shapes) == 0
        known &= ~shapely.is_empty(shapes)
        xy = np.full((len(shapes), 2), np.nan)
        xy[known] = shapely.get_coordinates(shapes[known])
        return self.place_xy(xy, reach_m=reach_m)

    def place_xy(self, xy: FloatArray, *, reach_m: float) -> NetworkPlaces:
        """Find the nearest edge of coordinates in the CRS of the network; NaN is near nothing."""
        edge = np.full(len(xy), -1, dtype=np.int64)
        offset, distance = np.full(len(xy), np.nan), np.full(len(xy), np.nan)
        asked = np.flatnonzero(np.isfinite(xy).all(axis=1))
        if not len(self.u) or not len(asked):
            return NetworkPlaces(edge, offset, distance)
        point, at = asked, xy[asked]
        if self.crs.is_geographic:
            # What lies on the other side of 180 degrees may be near.
            turned = np.flatnonzero(180 - np.abs(at[:, 0]) < reach_m / self._scale(at)[:, 0])
            point = np.append(point, asked[turned])
            at = np.vstack([at, at[turned] - np.sign(at[turned]) * (360.0, 0.0)])
        pair, line = self._near(at, reach_m)
        vertex, part, metres = nearest_on_line(
            at[pair], self._scale(at[pair]), line, self.vertex_xy, self.first
        )
        order = np.lexsort((line, metres, point[pair]))
        best = order[np.diff(point[pair][order], prepend=-1) != 0]
        best = best[metres[best] <= reach_m]
        row = point[pair[best]]
        step = self.vertex_m[vertex[best] + 1] - self.vertex_m[vertex[best]]
        edge[row], distance[row] = line[best], metres[best]
        offset[row] = self.vertex_m[vertex[best]] + part[best] * step
        return NetworkPlaces(edge, offset, distance)

    def _near(self, at: FloatArray, reach_m: float) -> tuple[IntArray, IntArray]:
        """Pairs of points and edges among which is the nearest edge within reach."""
        scale = self._scale(at)
        # The edge of the nearest vertex is hardly the nearest, but says how far to look.
        vertex = self._vertices.query(in_space(at, self.crs))[1]
        bound = np.hypot(*((self.vertex_xy[vertex] - at) * scale).T)
        half = (np.minimum(bound, reach_m) * (1 + 1e-9) + 1e-9)[:, None] / scale
        low, high = at - half, at + half
        box, edge = self._tree.query(shapely.box(low[:, 0], low[:, 1], high[:, 0], high[:, 1]))
        return box.astype(np.int64), edge.astype(np.int64)

    def _scale(self, xy: FloatArray) -> FloatArray:
        return metres_a_unit(xy, self.crs)

    def cut(self, edge: IntArray, from_m: FloatArray, to_m: FloatArray) -> ObjectArray:
        """Cut pieces out of edges.

        Parameters
        ----------
        edge, from_m, to_m : (n,) arrays
            Edge, and metres from its start at which each piece begins and ends.

        Returns
        -------
        (n,) array of LineStrings
        """
        count = np.diff(self.first)[edge]
        piece = np.repeat(np.arange(len(edge)), count)
        within = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
        vertex = self.first[edge][piece] + within
        inner = (self.vertex_m[vertex] > from_m[piece]) & (self.vertex_m[vertex] < to_m[piece])
        ends = np.concatenate([self.xy_at(edge, from_m), self.xy_at(edge, to_m)])
        number = np.arange(len(edge))
        owner = np.concatenate([piece[inner], number, number])
        metres = np.concatenate([self.vertex_m[vertex[inner]], from_m, to_m])
        xy = np.concatenate([self.vertex_xy[vertex[inner]], ends])
        order = np.lexsort((metres, owner))
        return np.asarray(shapely.linestrings(xy[order], indices=owner[order]), dtype=object)

    def xy_at(self, edge: IntArray, offset_m: FloatArray) -> FloatArray:
        """Coordinates at metres from the start of edges."""
        # One rising axis for all edges: each edge's metres behind those of the one before.
        base = np.append(0.0, np.cumsum(self.length_m + 1.0))
        edges = np.repeat(np.arange(len(self.u)), np.diff(self.first))
        before = np.searchsorted(base[edges] + self.vertex_m, base[edge] + offset_m, side="right")
        before = np.clip(before - 1, self.first[edge], self.first[edge + 1] - 2)
        start, end = self.vertex_m[before], self.vertex_m[before + 1]
        step = np.where(end > start, end - start, 1.0)
        part = np.clip((offset_m - start) / step, 0, 1)[:, None]
        xy: FloatArray = (1 - part) * self.vertex_xy[before] + part * self.vertex_xy[before + 1]
        return xy

    def to_frame(self) -> gpd.GeoDataFrame:
        """Return the edges as rows: ``line, u, v, length_m, component`` and geometry."""
        data = {
            "line": self.labels.take(self.row),
            "u": self.u,
            "v": self.v,
            "length_m": self.length_m,
            "component": self.component[self.u],
        }
        return gpd.GeoDataFrame(data, geometry=self.lines, crs=self.crs)


def components(u: IntArray, v: IntArray, n_nodes: int) -> IntArray:
    """Give each connected piece of a graph a number, in the order of its first node."""
    graph = scipy.sparse.coo_array((np.ones(len(u)), (u, v)), shape=(n_nodes, n_nodes))
    found: IntArray = csgraph.connected_components(graph, directed=False)[1].astype(np.int64)
    return found


def linestrings(xy: FloatArray, first: IntArray) -> ObjectArray:
    """Make LineStrings of vertices that stand one after another."""
    owner = np.repeat(np.arange(len(first) - 1), np.diff(first))
    if not len(owner):
        return np.empty(0, dtype=object)
    return np.asarray(shapely.linestrings(xy, indices=owner), dtype=object)


def metres_a_unit(xy: FloatArray, crs: pyproj.CRS) -> FloatArray:
    """Metres that one unit of x and one of y are long at each place."""
    if not crs.is_geographic:
        return np.full((len(xy), 2), float(crs.axis_info[0].unit_conversion_factor))
    # The radii of curvature of WGS 84 across and along the meridian.
    major, eccentricity2 = 6_378_137.0, 0.006_694_379_990_14
    latitude = np.radians(xy[:, 1])
    bulge = 1 - eccentricity2 * np.sin(latitude) ** 2
    across = major / np.sqrt(bulge) * np.cos(latitude)
    along = major * (1 - eccentricity2) / bulge**1.5
    scale: FloatArray = np.radians(np.column_stack([np.maximum(across, 1.0), along]))
    return scale


def step_lengths(xy: FloatArray, crs: pyproj.CRS) -> FloatArray:
    """Metres from each vertex to the next, on the ellipsoid or in the plane."""
    if crs.is_geographic:
        return distance_m(xy[:-1, 0], xy[:-1, 1], xy[1:, 0], xy[1:, 1])
    factor = float(crs.axis_info[0].unit_conversion_factor)
    steps: FloatArray = np.hypot(*np.diff(xy, axis=0).T) * factor
    return steps


def in_space(xy: FloatArray, crs: pyproj.CRS) -> FloatArray:
    """Bring coordinates to metres in a space where near places are near, across 180 degrees too."""
    if not crs.is_geographic:
        return xy * float(crs.axis_info[0].unit_conversion_factor)
    lon, lat = np.radians(xy).T
    flat = np.cos(lat)
    space: FloatArray = _EARTH_M * np.column_stack(
        [flat * np.cos(lon), flat * np.sin(lon), np.sin(lat)]
    )
    return space
