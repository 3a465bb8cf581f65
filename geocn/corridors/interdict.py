"""Which edges to close, for a budget, so that traffic suffers most, and where it goes then."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import geopandas as gpd
import numpy as np
import pandas as pd

from geocn._typing import BoolArray, FloatArray, IntArray
from geocn.corridors.interdict_models import PathGame, Plan, least_flow, longest_shortest
from geocn.corridors.network import RouteNetwork
from geocn.corridors.network_flow import FlowNetwork, column_of, flow_network
from geocn.corridors.network_sites import SitedGraph, with_sites
from geocn.corridors.routes import describe
from geocn.errors import InfeasibleError, ParameterError
from geocn.provenance import attach

Objective = Literal["max_flow", "shortest_path"]


@dataclass(frozen=True)
class Interdiction:
    """The best plan found, how sure it is, and what traffic does before and after.

    Attributes
    ----------
    edges : GeoDataFrame
        Pieces of edges that are closed or carry flow: ``edge`` (label in the network),
        ``mode``, ``interdicted``, ``price``, ``flow_before``, ``flow_after``, ``change``
        (from u to v positive in ``flow``, here without sign), ``gain`` (how much worse
        the plan would be if this edge stayed open; NaN where it is not closed).
    routes : GeoDataFrame
        The shortest route ``"before"`` and ``"after"``: ``when``, ``cost``, ``length_m``,
        ``modes``, ``n_transfers``; null where none is left.
    value_before, value_after : float
        Greatest flow, or cost of the shortest route (infinite where none is left).
    bound : float
        No plan within the budget does better than this.
    gap : float
        Distance of ``value_after`` from the bound, as a share of the greater of the two.
    spent : float
        Price of the plan.
    status : str
        ``"optimal"``, ``"time_limit"`` or ``"interrupted"``; then the best plan so far.
    """

    edges: gpd.GeoDataFrame
    routes: gpd.GeoDataFrame
    value_before: float
    value_after: float
    bound: float
    gap: float
    spent: float
    status: str


def interdict(
    network: RouteNetwork,
    sources: gpd.GeoDataFrame,
    targets: gpd.GeoDataFrame,
    *,
    budget: float,
    objective: Objective = "shortest_path",
    price: str | None = None,
    capacity: str | None = None,
    delay: str | float | None = None,
    time_limit_s: float = 60.0,
    reach_m: float = 5_000.0,
) -> Interdiction:
    """Close edges within a budget so that traffic from sources to targets suffers most.

    ``"max_flow"`` makes the greatest flow least (Wood 1993, solved by HiGHS);
    ``"shortest_path"`` makes the shortest route longest (Israeli & Wood 2002, by covering
    decomposition with HiGHS). Traffic is taken to know of the closures.

    Parameters
    ----------
    network : RouteNetwork
        From :func:`route_network`.
    sources, targets : GeoDataFrame
        Points in any CRS, each brought to the nearest edge, which it cuts in pieces that
        are closed one by one. Any source supplies any target.
    budget : float
        What the closures may cost together.
    objective : {"shortest_path", "max_flow"}
    price : str, optional
        Column of the network's edges with the cost of closing each; by default 1. An
        infinite price, or none on a transfer, says that an edge cannot be closed.
    capacity : str, optional
        Column with the greatest flow on each edge (``"max_flow"``); by default 1.
    delay : str or float, optional
        For ``"shortest_path"``: what closing adds to the cost of an edge, as a number or a
        column, finite (0 on a transfer without one). By default the edge is gone.
    time_limit_s : float
        Seconds after which the best plan so far is returned, with its bound.
    reach_m : float
        How far from an edge a site may lie, in metres.

    Returns
    -------
    Interdiction
        Frames in the CRS of the network. Several plans may be equally good; one is given.

    Raises
    ------
    InfeasibleError
        Where nothing connects sources to targets, or a source stands at a target.
    ParameterError, CRSError, CoordinateError, SchemaError
        Where options do not fit; sites have no CRS, lie far from the network or share a
        label; columns are missing or negative.

    References
    ----------
    Wood 1993, 10.1016/0895-7177(93)90236-R; Israeli & Wood 2002, 10.1002/net.10039.

    Examples
    --------
    >>> import geopandas as gpd, shapely
    >>> from geocn.corridors import route_network
    >>> ways = [shapely.LineString([(0, 0), (1, 0)]),
    ...         shapely.LineString([(0, 0), (0.5, 0.5), (1, 0)])]
    >>> network = route_network({"road": gpd.GeoDataFrame(geometry=ways, crs=4326)})
    >>> a, b = (gpd.GeoDataFrame(geometry=[shapely.Point(x, 0)], crs=4326) for x in (0, 1))
    >>> plan = interdict(network, a, b, budget=1)
    >>> round(plan.value_before), round(plan.value_after), plan.status
    (134, 188, 'optimal')
    """
    _check(budget, objective, delay, time_limit_s)
    sited = with_sites(network, sources, targets, reach_m=reach_m)
    prices = column_of(sited, price, "price of closing")
    limits = column_of(sited, capacity, "capacity")
    ends = np.unique(sited.origins.node), np.unique(sited.destinations.node)
    flow = flow_network(sited, *ends)
    game = PathGame(sited.graph, *ends, _delays(sited, delay), prices)
    _check_connected(sited, game, ends)
    nothing = np.zeros(len(prices), dtype=bool)
    if objective == "max_flow":
        before = flow.greatest(limits).value
        plan = _least(sited, flow, ends, limits, prices, budget, time_limit_s)
    else:
        before = game.shortest(nothing)[0]
        plan = longest_shortest(game, budget=budget, time_limit_s=time_limit_s)
    told = _Told(sited, game, flow, limits, objective)
    record: dict[str, Any] = {
        "budget": budget, "objective": objective, "price": price, "capacity": capacity,
        "delay": delay, "time_limit_s": time_limit_s, "reach_m": reach_m, "crs": network.crs,
        "status": plan.status, "left_out": {"sources": sited.origins.left_out,
                                            "targets": sited.destinations.left_out},
        "note": "traffic is taken to know of the closures and to choose the best way left",
    }  # fmt: skip
    edges = attach(told.edges(plan, prices), "corridors.interdict", **record)
    routes = attach(told.routes(plan), "corridors.interdict", **record)
    spent = float(prices[plan.closed].sum())
    return Interdiction(
        edges, routes, before, plan.value, plan.bound, _gap(plan), spent, plan.status
    )


def _check(budget: float, objective: str, delay: Any, time_limit_s: float) -> None:
    faults = []
    if not 0 <= budget < np.inf:
        faults.append(f"budget is {budget!r}, not a number of 0 or more")
    if objective not in {"max_flow", "shortest_path"}:
        faults.append(f"objective {objective!r} is not one of max_flow, shortest_path")
    if objective == "max_flow" and delay is not None:
        faults.append("delay fits objective='shortest_path' only")
    if isinstance(delay, (int, float)) and not delay >= 0:
        faults.append(f"delay is {delay!r}, not 0 or more")
    if not time_limit_s > 0:
        faults.append(f"time_limit_s is {time_limit_s!r}, not above 0")
    if faults:
        raise ParameterError("; ".join(faults))


def _delays(sited: SitedGraph, delay: str | float | None) -> FloatArray:
    if isinstance(delay, str):
        delays = column_of(sited, delay, "delay")
        # What is stated for no transfer holds none up.
        is_transfer = sited.network.edges["is_transfer"].to_numpy(dtype=bool)
        is_transfer = is_transfer[sited.edges["edge"].to_numpy()]
        delays = np.where(is_transfer & np.isinf(delays), 0.0, delays)
        if np.isinf(delays).any():
            raise ParameterError(
                f"{delay} is infinite on some edges; leave delay out to close them"
            )
        return delays
    return np.full(len(sited.edges), np.inf if delay is None else float(delay))


def _check_connected(sited: SitedGraph, game: PathGame, ends: tuple[IntArray, IntArray]) -> None:
    if not len(ends[0]) or not len(ends[1]):
        raise InfeasibleError("no source or no target has a place; nothing can be parted")
    same = np.intersect1d(*ends)
    if len(same):
        raise InfeasibleError(
            f"{len(same)} sources stand at a target; no closure parts them. Leave them out."
        )
    if not np.isfinite(game.shortest(np.zeros(len(game.price), dtype=bool))[0]):
        names = sited.origins.labels[:3], sited.destinations.labels[:3]
        raise InfeasibleError(
            f"nothing connects the sources {names[0]} to the targets {names[1]}; see the "
            "column component of network.nodes"
        )


def _least(  # noqa: PLR0917
    sited: SitedGraph,
    flow: FlowNetwork,
    ends: tuple[IntArray, IntArray],
    limits: FloatArray,
    prices: FloatArray,
    budget: float,
    time_limit_s: float,
) -> Plan:
    table = sited.edges
    return least_flow(
        flow, (table["u"].to_numpy(dtype=np.int64), table["v"].to_numpy(dtype=np.int64)), ends,
        sited.graph.n_nodes, is_one_way=table["is_one_way"].to_numpy(dtype=bool),
        capacity=limits, price=prices, budget=budget, time_limit_s=time_limit_s,
    )  # fmt: skip


def _gap(plan: Plan) -> float:
    if plan.value == plan.bound:
        return 0.0
    if not np.isfinite(plan.bound):
        return np.inf
    return abs(plan.value - plan.bound) / max(abs(plan.value), abs(plan.bound))


@dataclass(frozen=True)
class _Told:
    """What traffic does under a plan."""

    sited: SitedGraph
    game: PathGame
    flow: FlowNetwork
    limits: FloatArray
    objective: str

    def value(self, closed: BoolArray) -> float:
        if self.objective == "max_flow":
            return self.flow.greatest(np.where(closed, 0.0, self.limits)).value
        return self.game.shortest(closed)[0]

    def flows(self, closed: BoolArray) -> FloatArray:
        if self.objective == "max_flow":
            return np.abs(self.flow.greatest(np.where(closed, 0.0, self.limits)).by_edge)
        cost, slots = self.game.shortest(closed)
        flows = np.zeros(len(closed))
        if np.isfinite(cost):
            flows[self.sited.graph.edge[slots]] = 1.0
        return flows

    def edges(self, plan: Plan, prices: FloatArray) -> gpd.GeoDataFrame:
        closed = plan.closed
        before, after = self.flows(np.zeros_like(closed)), self.flows(closed)
        gain = np.full(len(closed), np.nan)
        for edge in np.flatnonzero(closed):
            without = closed.copy()
            without[edge] = False
            gain[edge] = abs(self.value(without) - plan.value)
        kept = np.flatnonzero(closed | (before > 0) | (after > 0))
        network = self.sited.network
        data = {
            "edge": network.edges.index.take(self.sited.edges["edge"].to_numpy()[kept]),
            "mode": pd.array(self.sited.of_edges("mode", kept), dtype="str"),
            "interdicted": closed[kept],
            "price": prices[kept],
            "flow_before": before[kept],
            "flow_after": after[kept],
            "change": after[kept] - before[kept],
            "gain": gain[kept],
        }
        return gpd.GeoDataFrame(data, geometry=self.sited.shapes(kept), crs=network.crs)

    def routes(self, plan: Plan) -> gpd.GeoDataFrame:
        rows = []
        for when, closed in (("before", np.zeros_like(plan.closed)), ("after", plan.closed)):
            cost, slots = self.game.shortest(closed)
            if np.isfinite(cost):
                rows.append({"when": when, **describe(self.sited, slots)._asdict(), "cost": cost})
            else:
                nothing = {"cost": np.nan, "length_m": np.nan, "modes": "", "n_transfers": 0}
                rows.append({"when": when, **nothing, "geometry": None})
        return gpd.GeoDataFrame(rows, geometry="geometry", crs=self.sited.network.crs)
