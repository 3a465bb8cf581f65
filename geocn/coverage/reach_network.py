"""Lines reached along a network, cut at the limit, and the area beside them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

import geopandas as gpd
import numpy as np
import shapely

from geocn._kernels.graph_paths import by_tail
from geocn._kernels.reach_graph import within
from geocn._typing import BoolArray, FloatArray, IntArray
from geocn.coverage import _buffers
from geocn.coverage.reach_rules import Travelled, TravelRules
from geocn.errors import ParameterError
from geocn.spatial.crs import LONLAT
from geocn.spatial.densify import densify
from geocn.spatial.network import Network

_ROUND = 8  # edges of a quarter of a circle at the ends of lines
_DEGREE_M = 111_700.0  # the longest degree of latitude
_ON_IT_M = 1.0  # within which a place where a line meets a site is on that line


class Routes(Protocol):
    """Nodes and edges as :func:`geocn.corridors.route_network` gives them."""

    nodes: gpd.GeoDataFrame
    edges: gpd.GeoDataFrame

    @property
    def lines(self) -> Network:
        """The edges that are lines."""

    @property
    def line_rows(self) -> IntArray:
        """Their positions among the edges."""


NetworkLike: TypeAlias = Network | Routes


@dataclass(frozen=True)
class Ways:
    """Directed arcs in the direction of the search, by the node that they leave.

    ``line`` is the edge of ``lines`` that an arc runs along (-1 for a transfer) and
    ``from_u`` whether it leaves that edge's first node; ``back`` and ``forth`` say which
    edges may be travelled towards their first and their last node.
    """

    lines: Network
    start: IntArray
    head: IntArray
    cost: FloatArray
    line: IntArray
    from_u: BoolArray
    line_cost: FloatArray
    back: BoolArray
    forth: BoolArray


def has_minutes(network: NetworkLike) -> bool:
    """Whether the edges of a network have a cost in minutes.

    Raises
    ------
    ParameterError
        Where it is no network.
    """
    if isinstance(network, Network):
        return False
    edges = getattr(network, "edges", None)
    if not isinstance(edges, gpd.GeoDataFrame) or not hasattr(network, "line_rows"):
        raise ParameterError(
            f"network is a {type(network).__name__}; give what geocn.corridors.route_network gives"
        )
    return bool(edges.attrs.get("geocn", {}).get("cost", "minutes") == "minutes")


def ways(network: NetworkLike, *, minutes: bool, towards: bool) -> Ways:
    """Make a network ready to search by minutes or by metres, out of sites or towards them."""
    if isinstance(network, Network):
        lines, length = network, network.length_m
        u, v, cost = lines.u, lines.v, length
        one_way = np.zeros(len(u), dtype=bool)
        place = np.arange(len(u))
        n_nodes = len(lines.node_xy)
    else:
        lines, edges, n_nodes = network.lines, network.edges, len(network.nodes)
        u, v = (edges[name].to_numpy(dtype=np.int64) for name in ("u", "v"))
        cost = edges["cost" if minutes else "length_m"].to_numpy(dtype=np.float64)
        one_way = edges["is_one_way"].to_numpy(dtype=bool)
        place = np.full(len(edges), -1, dtype=np.int64)
        place[network.line_rows] = np.arange(len(network.line_rows))
    two = np.flatnonzero(~one_way)
    tail, head = np.append(u, v[two]), np.append(v, u[two])
    edge = np.append(np.arange(len(u)), two)
    forwards = np.append(np.ones(len(u), dtype=bool), np.zeros(len(two), dtype=bool))
    if towards:
        tail, head, forwards = head, tail, ~forwards
    start, order = by_tail(tail.astype(np.int64), n_nodes)
    on_lines = place >= 0
    back, forth = (np.ones(int(on_lines.sum()), dtype=bool) for _ in range(2))
    (forth if towards else back)[place[on_lines]] = ~one_way[on_lines]
    line_cost = np.zeros(int(on_lines.sum()))
    line_cost[place[on_lines]] = cost[on_lines]
    return Ways(
        lines, start, head[order].astype(np.int64), cost[edge][order].astype(np.float64),
        place[edge][order], forwards[order], line_cost, back, forth,
    )  # fmt: skip


def reach_by_network(
    sites: gpd.GeoSeries, found_ways: Ways, limits: FloatArray, rules: TravelRules, pace: float
) -> Travelled:
    """Find the lines that each site reaches, and the area beside them.

    Parameters
    ----------
    sites : GeoSeries
        In EPSG:4326.
    found_ways : Ways
    limits : (n,) array
        Above 0, in the unit of the costs of the ways.
    rules : TravelRules
    pace : float
        What a metre between a site and its line costs.
    """
    lines = found_ways.lines
    snap_m = rules.network_snap_m
    found = Travelled.of(len(sites), {"n_edges": len(lines.u), "snap_m": snap_m})
    dearest = float((found_ways.line_cost / lines.length_m).max(initial=0.0))
    spacing_m = float(limits.min(initial=1e7)) / max(dearest, 1e-9)
    doors = _Doors.find(sites, lines, snap_m, spacing_m)
    room = _Room(found_ways)
    for i in range(len(sites)):
        edge, offset, metres = doors.of(i)
        if not len(edge):
            found.note[i] = doors.why_none(i)
            continue
        found.snapped_m[i] = metres.min()
        left = limits[i] - metres * pace
        pieces = _pieces(room, edge[left >= 0], offset[left >= 0], left[left >= 0], limits[i])
        if not len(pieces[0]):
            found.note[i] = "no line within its limit"
            continue
        found.length_km[i] = float((pieces[2] - pieces[1]).sum()) / 1e3
        found.shapes[i] = lines.cut(*pieces)
    _draw(sites, found, lines, rules)
    return found


@dataclass(frozen=True)
class _Doors:
    """Where sites enter the network: edges, metres along them, and metres from the site."""

    owner: IntArray
    edge: IntArray
    offset: FloatArray
    metres: FloatArray
    notes: dict[int, str]

    def of(self, site: int) -> tuple[IntArray, FloatArray, FloatArray]:
        low, high = np.searchsorted(self.owner, [site, site + 1])
        return self.edge[low:high], self.offset[low:high], self.metres[low:high]

    def why_none(self, site: int) -> str:
        return self.notes.get(site, "no place")

    @classmethod
    def find(cls, sites: gpd.GeoSeries, lines: Network, snap_m: float, spacing_m: float) -> _Doors:
        """Points enter at the nearest line, lines and areas wherever a line touches them.

        That is at its vertices and every ``spacing_m`` at least, so that nothing between two
        entries is out of reach of both.
        """
        shapes = sites.to_crs(lines.crs).to_numpy()
        kinds = shapely.get_type_id(shapes)
        owners: list[IntArray] = []
        edges: list[IntArray] = []
        offsets: list[FloatArray] = []
        far: list[FloatArray] = []
        notes: dict[int, str] = {}
        pointed = np.isin(kinds, (0, 4)) & ~shapely.is_empty(shapes)
        spread = (kinds >= 1) & (kinds != 4) & ~shapely.is_empty(shapes)
        xy, part = shapely.get_coordinates(shapes[pointed], return_index=True)
        asked = [(np.flatnonzero(pointed)[part], xy, snap_m)]
        if spread.any():
            tree = shapely.STRtree(lines.lines)
            site, line = tree.query(shapes[spread], predicate="intersects")
            common = shapely.intersection(lines.lines[line], shapes[spread][site])
            common = densify(common, spacing_m / _metres_a_unit(lines)) if len(common) else common
            xy, part = shapely.get_coordinates(common, return_index=True)
            asked.append((np.flatnonzero(spread)[site[part]], xy, _ON_IT_M))
        for owner, xy, reach_m in asked:
            places = lines.place_xy(xy, reach_m=reach_m)
            near = places.edge >= 0
            owners.append(owner[near])
            edges.append(places.edge[near])
            offsets.append(places.offset_m[near])
            far.append(places.distance_m[near])
        notes |= dict.fromkeys(np.flatnonzero(pointed).tolist(), f"no line within {snap_m:g} m")
        notes |= dict.fromkeys(np.flatnonzero(spread).tolist(), "no line touches it")
        owner = np.concatenate(owners)
        order = np.argsort(owner, kind="stable")
        edge, offset = np.concatenate(edges)[order], np.concatenate(offsets)[order]
        return cls(owner[order], edge, offset, np.concatenate(far)[order], notes)


def _metres_a_unit(lines: Network) -> float:
    """Metres of a unit of the coordinates, at most."""
    if lines.crs.is_geographic:
        return _DEGREE_M
    return float(lines.crs.axis_info[0].unit_conversion_factor)


class _Room:
    """A network with the working space of a search."""

    def __init__(self, found_ways: Ways) -> None:
        n = len(found_ways.start) - 1
        self.ways = found_ways
        self.least = np.full(n, np.inf)
        self.found = np.empty(n, dtype=np.int64)
        slots = len(found_ways.head)
        self.keys, self.nodes = np.empty(slots + 1), np.empty(slots + 1, dtype=np.int64)

    def search(
        self, sources: IntArray, offsets: FloatArray, limit: float
    ) -> tuple[IntArray, FloatArray]:
        """Nodes within the limit and what it costs to be there."""
        if len(sources) + len(self.ways.head) > len(self.keys):
            size = len(sources) + len(self.ways.head)
            self.keys, self.nodes = np.empty(size), np.empty(size, dtype=np.int64)
        w = self.ways
        n = within(
            w.start, w.head, w.cost, sources, offsets, limit, self.least, self.keys,
            self.nodes, self.found,
        )  # fmt: skip
        nodes = self.found[:n].copy()
        costs = self.least[nodes]
        self.least[nodes] = np.inf
        return nodes, costs


def _pieces(
    room: _Room, edge: IntArray, offset: FloatArray, left: FloatArray, limit: float
) -> tuple[IntArray, FloatArray, FloatArray]:
    """Edges and the metres from and to which each is reached.

    ``left`` is what is left of the limit at each place where the site enters.
    """
    w = room.ways
    length = w.lines.length_m
    metre = w.line_cost[edge] / length[edge]
    stay = limit - left
    sources = np.append(w.lines.u[edge][w.back[edge]], w.lines.v[edge][w.forth[edge]])
    offsets = np.append(
        (stay + metre * offset)[w.back[edge]],
        (stay + metre * (length[edge] - offset))[w.forth[edge]],
    )
    nodes, costs = room.search(sources, offsets, limit)
    count = w.start[nodes + 1] - w.start[nodes]
    first = np.repeat(w.start[nodes] - np.cumsum(count) + count, count)
    slot = first + np.arange(count.sum())
    rest = np.repeat(limit - costs, count)
    slot, rest = slot[w.line[slot] >= 0], rest[w.line[slot] >= 0]
    line = w.line[slot]
    far = length[line] * _share(rest, w.cost[slot])
    begin = np.where(w.from_u[slot], 0.0, length[line] - far)
    end = np.where(w.from_u[slot], far, length[line])
    along = length[edge] * _share(left, w.line_cost[edge])
    return _merged(
        np.append(line, edge),
        np.append(begin, np.where(w.back[edge], np.maximum(offset - along, 0), offset)),
        np.append(end, np.where(w.forth[edge], np.minimum(offset + along, length[edge]), offset)),
        float(length.max(initial=0.0)),
    )


def _share(rest: FloatArray, cost: FloatArray) -> FloatArray:
    """Share of an edge that can be paid for."""
    share = np.divide(rest, cost, out=np.ones_like(rest), where=cost > 0)
    return np.minimum(share, 1.0)


def _merged(
    edge: IntArray, begin: FloatArray, end: FloatArray, longest: float
) -> tuple[IntArray, FloatArray, FloatArray]:
    """Join pieces of an edge that overlap or touch; leave out those without length."""
    order = np.lexsort((begin, edge))
    edge, begin, end = edge[order], begin[order], end[order]
    # One rising axis: each edge behind the one before, so that none is joined to another.
    shift = edge * (longest + 1.0)
    upto = np.maximum.accumulate(end + shift) if len(edge) else end
    new = np.ones(len(edge), dtype=bool)
    new[1:] = (edge[1:] != edge[:-1]) | ((begin + shift)[1:] > upto[:-1])
    group = np.cumsum(new) - 1
    last = np.zeros(int(new.sum()))
    np.maximum.at(last, group, end)
    edge, begin = edge[new], begin[new]
    real = last > begin
    return edge[real], begin[real], last[real]


def _draw(sites: gpd.GeoSeries, found: Travelled, lines: Network, rules: TravelRules) -> None:
    """Bring the pieces of each site to EPSG:4326 and draw the area beside them."""
    for i in range(len(sites)):
        pieces: Any = found.shapes[i]
        if pieces is None:
            continue
        drawn: Any = shapely.multilinestrings(pieces)
        if lines.crs != LONLAT:
            drawn = gpd.GeoSeries([drawn], crs=lines.crs).to_crs(LONLAT).iloc[0]
        if rules.shape == "area":
            drawn = _buffers.around(drawn, rules.half_width_m, quarter=_ROUND)
            if shapely.get_dimensions(sites.iloc[i]) == 2:
                drawn = shapely.union(drawn, sites.iloc[i])
        found.shapes[i] = drawn
