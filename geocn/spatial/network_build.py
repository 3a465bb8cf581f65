"""Making a network out of lines: cutting where they meet, mending what is broken."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import geopandas as gpd
import numpy as np
import pyproj
import scipy.spatial
import shapely

from geocn._typing import BoolArray, FloatArray, IntArray
from geocn.errors import CRSError, GeometryError, ParameterError
from geocn.spatial.antimeridian import shortest_way
from geocn.spatial.crs import LONLAT, has_geometry, require_crs, to_lonlat
from geocn.spatial.network import (
    Metres,
    Network,
    NetworkReport,
    components,
    in_space,
    linestrings,
    step_lengths,
)
from geocn.spatial.network_noding import (
    ONE_PLACE_M,
    Chains,
    Joins,
    cut_at_crossings,
    place_numbers,
    snap_ends,
)

Noding = Literal["crossings", "vertices"]


def build_network(
    lines: gpd.GeoDataFrame,
    *,
    snap_m: float = 0.0,
    noding: Noding = "crossings",
    metres: Metres = "geodesic",
    one_way: BoolArray | None = None,
    layer: str = "lines",
) -> Network:
    """Make lines a network of nodes and edges, and report what was mended.

    Lines are cut where they meet, so that every edge runs between two nodes; edges without
    length go, an edge that returns to its own node is cut in its middle, of edges drawn
    twice one is kept. Lines that jump over half the globe go the short way, and 180 and
    -180 degrees are one place.

    Parameters
    ----------
    lines : GeoDataFrame
        LineStrings or MultiLineStrings with a CRS; rows without geometry are left out.
    snap_m : float
        A loose end nearer than this to another line is brought to it.
    noding : {"crossings", "vertices"}
        Cut lines wherever they cross, or only at vertices that they share, so that a
        bridge is no crossroads.
    metres : {"geodesic", "planar"}
        Lengths on the ellipsoid (the network is in EPSG:4326), or in the plane of the
        lines' own projected CRS.
    one_way : (n,) array of bool, optional
        Rows that lead only the way they are drawn: one that leads back on the same course
        is no duplicate.
    layer : str
        Name for messages.

    Returns
    -------
    Network
        With ``report``. A layer without lines makes a network without edges.

    Raises
    ------
    ParameterError
        Where an option is unknown or ``snap_m`` negative.
    CRSError, CoordinateError
        Where the lines have no CRS, none that is planar where one is asked for, or lie
        nowhere on Earth.
    GeometryError
        Where a row holds anything but lines.

    Examples
    --------
    >>> import geopandas as gpd, shapely
    >>> roads = [shapely.LineString([(0, -1), (0, 1)]), shapely.LineString([(-1, 0), (1, 0)])]
    >>> network = build_network(gpd.GeoDataFrame(geometry=roads, crs=4326))
    >>> len(network.u), network.degree.tolist(), network.report.n_crossings
    (4, [1, 1, 4, 1, 1], 1)
    """
    frame, crs = _checked(lines, snap_m, noding, metres, layer)
    parts, row = shapely.get_parts(frame.geometry.to_numpy(), return_index=True)
    row = np.flatnonzero(has_geometry(lines))[row]
    flat = shapely.length(parts) == 0
    chains = Chains.of(parts[~flat], row[~flat].astype(np.int64), crs)
    n_points = 0
    if noding == "crossings":
        chains, n_points = cut_at_crossings(chains)
    chains, joins = snap_ends(chains, snap_m)
    node, node_xy, chains = _nodes(chains, joins)
    directed = np.zeros(len(lines), dtype=bool) if one_way is None else one_way
    edges, n_tiny, n_loops, n_doubles = _edges(chains, node, directed)
    used, ends = np.unique(np.concatenate([edges.u, edges.v]), return_inverse=True)
    u, v = ends[: len(edges.u)], ends[len(edges.u) :]
    known = used < len(node_xy)
    places = np.full((len(used), 2), np.nan)
    places[known] = node_xy[used[known]]
    # A node in the middle of what was a loop stands at the first vertex of its second half.
    places[u] = np.where(known[u][:, None], places[u], edges.xy[edges.first[:-1]])
    report = NetworkReport(
        n_rows=len(lines),
        n_without_geometry=int((~has_geometry(lines)).sum()),
        n_crossings=n_points,
        n_snapped=len(np.unique(joins.end, axis=0)),
        n_zero_length=int(flat.sum()) + n_tiny,
        n_self_loops=n_loops,
        n_duplicates=n_doubles,
        n_nodes=len(used),
        n_edges=len(u),
        n_components=len(np.unique(components(u, v, len(used)))),
        n_dead_ends=int((np.bincount(np.concatenate([u, v]), minlength=len(used)) == 1).sum()),
    )
    return Network(
        crs, metres, places, u, v, edges.length_m, edges.row, lines.index,
        edges.xy, edges.metres, edges.first, report,
    )  # fmt: skip


def _checked(
    lines: gpd.GeoDataFrame, snap_m: float, noding: str, metres: str, layer: str
) -> tuple[gpd.GeoDataFrame, pyproj.CRS]:
    crs = require_crs(lines, layer)
    faults = []
    if not (np.isfinite(snap_m) and snap_m >= 0):
        faults.append(f"snap_m is {snap_m!r}, not 0 or more metres")
    if noding not in {"crossings", "vertices"}:
        faults.append(f"noding {noding!r} is not one of crossings, vertices")
    if metres not in {"geodesic", "planar"}:
        faults.append(f"metres {metres!r} is not one of geodesic, planar")
    if faults:
        raise ParameterError("; ".join(faults))
    if metres == "planar" and not crs.is_projected:
        raise CRSError(layer, found=crs.to_string(), expected="a projected CRS for planar metres")
    kind = shapely.get_type_id(lines.geometry.to_numpy())
    wrong = has_geometry(lines) & ~np.isin(kind, (1, 2, 5))
    if wrong.any():
        name = shapely.GeometryType(int(kind[wrong][0])).name.capitalize()
        raise GeometryError(
            layer,
            found=name,
            expected="LineString or MultiLineString",
            repair="Take the outline of areas with frame.boundary, or leave these rows out.",
            rows=list(lines.index[wrong]),
        )
    frame = gpd.GeoDataFrame(geometry=lines.geometry[has_geometry(lines)])
    if metres == "planar":
        return frame.set_geometry(shapely.force_2d(frame.geometry.to_numpy()), crs=crs), crs
    degrees = to_lonlat(frame, layer)
    flat = shortest_way(shapely.force_2d(degrees.geometry.to_numpy()))
    return degrees.set_geometry(flat, crs=LONLAT), pyproj.CRS(LONLAT)


def _nodes(chains: Chains, joins: Joins) -> tuple[IntArray, FloatArray, Chains]:
    """Node of each vertex, -1 where there is none, and the lines with loose ends moved."""
    place, shared = place_numbers(chains.xy)
    flag = chains.is_node | (shared > 1)
    places = np.zeros((int(place.max(initial=-1)) + 1, 2))
    places[place] = chains.xy
    marked = np.unique(place[flag])
    sphere = in_space(places[marked], chains.crs)
    pairs = scipy.spatial.cKDTree(sphere).query_pairs(ONE_PLACE_M, output_type="ndarray")
    one, other = marked[pairs[:, 0]], marked[pairs[:, 1]]
    xy = chains.xy
    if len(joins.end):
        number = {
            tuple(at): i for i, at in zip(marked.tolist(), places[marked].tolist(), strict=True)
        }
        loose = np.array([number[tuple(at)] for at in joins.end.tolist()])
        target = np.array([number[tuple(at)] for at in joins.to.tolist()])
        one, other = np.append(one, loose), np.append(other, target)
        moved = dict(zip(loose.tolist(), joins.to, strict=True))
        xy = xy.copy()
        for vertex in np.flatnonzero(np.isin(place, loose)):
            xy[vertex] = moved[int(place[vertex])]
    group = components(one.astype(np.int64), other.astype(np.int64), len(places))
    numbers = np.full(len(group), -1, dtype=np.int64)
    used = np.unique(group[marked], return_index=True)
    numbers[used[0]] = np.arange(len(used[0]))
    node = np.where(flag, numbers[group[place]], -1)
    node_xy = places[marked][used[1]]
    return node, node_xy, replace(chains, xy=xy)


@dataclass(frozen=True, slots=True)
class _Edges:
    u: IntArray
    v: IntArray
    row: IntArray
    xy: FloatArray
    first: IntArray
    metres: FloatArray
    length_m: FloatArray


def _edges(chains: Chains, node: IntArray, directed: BoolArray) -> tuple[_Edges, int, int, int]:
    """Cut lines at their nodes and mend the edges; ``directed`` says which rows lead one way."""
    owner = chains.owner
    is_last = np.zeros(len(owner), dtype=bool)
    is_last[chains.first[1:] - 1] = True
    begin = np.flatnonzero((node >= 0) & ~is_last)
    nodes = np.flatnonzero(node >= 0)
    end = nodes[np.searchsorted(nodes, begin, side="right")]
    edges = _measured(chains, begin, end, node[begin], node[end])
    tiny = (edges.length_m == 0) | ((edges.u == edges.v) & (edges.length_m <= 2 * ONE_PLACE_M))
    begin, end = begin[~tiny], end[~tiny]
    u, v = node[begin], node[end]
    loop = u == v
    middle = _middles(edges, ~tiny)
    added = int(node.max(initial=-1)) + 1 + np.arange(int(loop.sum()))
    half = begin[loop] + middle[loop]
    order = np.argsort(np.concatenate([begin, half]), kind="stable")
    new_end = end.copy()
    new_end[loop] = half
    new_v = v.copy()
    new_v[loop] = added
    edges = _measured(
        chains,
        np.concatenate([begin, half])[order],
        np.concatenate([new_end, end[loop]])[order],
        np.concatenate([u, added])[order],
        np.concatenate([new_v, v[loop]])[order],
    )
    double = _doubles(edges, directed[edges.row])
    return _taken(edges, ~double), int(tiny.sum()), int(loop.sum()), int(double.sum())


def _measured(chains: Chains, begin: IntArray, end: IntArray, u: IntArray, v: IntArray) -> _Edges:
    count = end - begin + 1
    first = np.append(0, np.cumsum(count)).astype(np.int64)
    vertex = np.arange(first[-1]) + np.repeat(begin - first[:-1], count)
    xy = chains.xy[vertex]
    steps = np.append(0.0, step_lengths(xy, chains.crs)) if len(xy) else np.empty(0)
    steps[first[:-1]] = 0.0
    # Summed edge by edge, so that an edge's metres do not depend on those before it.
    metres = steps.copy()
    for i in range(1, int(count.max(initial=1))):
        at = first[:-1][count > i] + i
        metres[at] += metres[at - 1]
    return _Edges(u, v, chains.row[chains.owner[begin]], xy, first, metres, metres[first[1:] - 1])


def _middles(edges: _Edges, kept: BoolArray) -> IntArray:
    """Position of the inner vertex nearest to the middle of each kept edge, 0 without one."""
    owner = np.repeat(np.arange(len(edges.u)), np.diff(edges.first))
    off = np.abs(edges.metres - edges.length_m[owner] / 2)
    off[edges.first[:-1]] = off[edges.first[1:] - 1] = np.inf
    order = np.lexsort((off, owner))
    best: IntArray = order[edges.first[:-1]] - edges.first[:-1]
    return best[kept]


def _doubles(edges: _Edges, directed: BoolArray) -> BoolArray:
    """Say which edges have the same course as one before them, in either direction."""
    low, high = np.minimum(edges.u, edges.v), np.maximum(edges.u, edges.v)
    pair = low * (int(high.max(initial=0)) + 1) + high
    _, number, count = np.unique(pair, return_inverse=True, return_counts=True)
    several = np.flatnonzero(count[number] > 1)
    double = np.zeros(len(pair), dtype=bool)
    if len(several):
        taken = _taken(edges, np.isin(np.arange(len(pair)), several))
        # Ends that were brought to one node from both sides differ in their last bit.
        xy = taken.xy.copy()
        xy[taken.first[:-1]] = np.column_stack([taken.u, np.zeros(len(several))])
        xy[taken.first[1:] - 1] = np.column_stack([taken.v, np.zeros(len(several))])
        course = shapely.to_wkb(shapely.normalize(linestrings(xy, taken.first)))
        # Which way a one-way edge leads is part of what it is: 0 where it leads both ways.
        way = np.where(directed, np.where(edges.u < edges.v, 1, 2), 0)[several].tolist()
        columns = zip(pair[several].tolist(), way, course, strict=True)
        key = [(p, w, bytes(c)) for p, w, c in columns]
        seen: set[tuple[int, int, bytes]] = set()
        for edge, name in zip(several.tolist(), key, strict=True):
            double[edge] = name in seen
            seen.add(name)
    return double


def _taken(edges: _Edges, kept: BoolArray) -> _Edges:
    if kept.all():
        return edges
    count = np.diff(edges.first)
    vertex = np.repeat(kept, count)
    first = np.append(0, np.cumsum(count[kept])).astype(np.int64)
    return _Edges(
        edges.u[kept], edges.v[kept], edges.row[kept], edges.xy[vertex], first,
        edges.metres[vertex], edges.length_m[kept],
    )  # fmt: skip
