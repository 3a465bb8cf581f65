"""The k best routes over a network, as unlike one another as asked for."""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import numpy as np

from geocn.corridors.k_shortest_search import Found, Search
from geocn.corridors.network import RouteNetwork
from geocn.corridors.network_sites import Pairs, SitedGraph, chosen_pairs, with_sites
from geocn.corridors.routes import describe
from geocn.errors import ParameterError
from geocn.provenance import attach

_KINDS = {
    "rank": "int64", "cost": "float64", "cost_ratio": "float64", "length_m": "float64",
    "modes": "str", "n_transfers": "int64", "shared": "float64", "is_exact": "bool",
    "origin_distance_m": "float64", "destination_distance_m": "float64",
}  # fmt: skip


def k_shortest_routes(
    network: RouteNetwork,
    origins: gpd.GeoDataFrame,
    destinations: gpd.GeoDataFrame,
    *,
    k: int = 10,
    dissimilarity: float = 0.0,
    pairs: Pairs = "all",
    reach_m: float = 5_000.0,
    max_examined: int = 500,
) -> gpd.GeoDataFrame:
    """Find the k least-cost routes of each pair that pass no node twice.

    Routes come in the order of their cost (Yen 1971, in Lawler's partition, each part
    bounded from below and searched only when it is next). With ``dissimilarity`` a route is
    taken only if of the length of each route taken before at most ``1 - dissimilarity``
    lies on it too: k shortest paths with limited overlap (Chondrogiannis et al. 2020).
    Where more than ``max_examined`` routes would have to be looked at, the rest are the
    cheapest unlike ones among the shortest routes via one node (Abraham et al. 2013), and
    are marked as not exact.

    Parameters
    ----------
    network : RouteNetwork
        From :func:`route_network`.
    origins, destinations : GeoDataFrame
        Points in any CRS (a point inside stands for a line or area); each is brought to
        the nearest edge. Rows without geometry are left out and named.
    k : int
        Routes a pair.
    dissimilarity : float
        From 0 (any other route) to 1 (no metre in common).
    pairs : "all" or list of (origin, destination)
        Index labels.
    reach_m : float
        How far from an edge a site may lie, in metres.
    max_examined : int
        Routes of a pair that are looked at for unlike ones.

    Returns
    -------
    GeoDataFrame
        In the CRS of the network, one row a route: ``origin``, ``destination`` (index
        labels), ``rank`` from 1, ``cost`` (unit of the network), ``cost_ratio`` (over that
        of rank 1), ``length_m``, ``modes`` in the order of travel, ``n_transfers``,
        ``shared`` (greatest share of a better route's length that it shares, 0 for the
        first), ``is_exact``, ``origin_distance_m`` and ``destination_distance_m`` from the
        sites to the network, not part of the cost. A pair that nothing connects has one
        row without cost and geometry and is named in ``attrs``, as are pairs that stand at
        one place and pairs with fewer than k routes.

    Raises
    ------
    ParameterError
        Where an option is out of range or a pair unknown.
    CRSError, CoordinateError, SchemaError
        Where sites have no CRS, lie far from the network, or share a label.

    References
    ----------
    Yen 1971, 10.1287/mnsc.17.11.712; Lawler 1972, 10.1287/mnsc.18.7.401; Chondrogiannis
    et al. 2020, 10.1007/s00778-020-00604-x; Abraham et al. 2013, 10.1145/2444016.2444019.

    Examples
    --------
    >>> import geopandas as gpd, shapely
    >>> from geocn.corridors import route_network
    >>> ring = gpd.GeoDataFrame(geometry=[shapely.box(0, 0, 2, 1).exterior], crs=4326)
    >>> network = route_network({"road": ring}, speeds_kmh={"road": 60})
    >>> a, b = (gpd.GeoDataFrame(geometry=[shapely.Point(x, 0)], crs=4326) for x in (0.5, 1))
    >>> k_shortest_routes(network, a, b, k=5).cost.round().tolist()
    [56.0, 611.0]
    """
    _check(k, dissimilarity, max_examined)
    sited = with_sites(network, origins, destinations, reach_m=reach_m)
    rows: list[dict[str, Any]] = []
    notes: dict[str, list[Any]] = {"unreachable": [], "same_place": [], "fewer_than_k": []}
    limits = k, dissimilarity, max_examined
    by_end: dict[int, list[int]] = {}
    order = {pair: n for n, pair in enumerate(chosen_pairs(pairs, sited))}
    for i, j in order:
        by_end.setdefault(j, []).append(i)
    for j, starts in by_end.items():
        search = Search(sited.graph, int(sited.destinations.node[j]))
        for i in starts:
            rows += _pair(sited, search, (i, j), limits, notes)
    rows.sort(key=lambda row: (order[row["pair"]], row["rank"]))
    columns = ["origin", "destination", *_KINDS, "geometry"]
    data = {name: [row[name] for row in rows] for name in columns}
    types = _KINDS | {"origin": sited.origins.dtype, "destination": sited.destinations.dtype}
    frame = gpd.GeoDataFrame(data, geometry="geometry", crs=network.crs).astype(types)
    return attach(
        frame,
        "corridors.k_shortest_routes",
        k=k,
        dissimilarity=dissimilarity,
        pairs=pairs if isinstance(pairs, str) else "list",
        reach_m=reach_m,
        max_examined=max_examined,
        crs=network.crs,
        left_out={"origins": sited.origins.left_out, "destinations": sited.destinations.left_out},
        note="modelled; not scored against observed routes",
        **notes,
    )


def _check(k: int, dissimilarity: float, max_examined: int) -> None:
    faults = []
    if k < 1:
        faults.append(f"k is {k!r}, not 1 or more")
    if not 0 <= dissimilarity <= 1:
        faults.append(f"dissimilarity is {dissimilarity!r}, not from 0 to 1")
    if max_examined < 1:
        faults.append(f"max_examined is {max_examined!r}, not 1 or more")
    if faults:
        raise ParameterError("; ".join(faults))


def _pair(
    sited: SitedGraph,
    search: Search,
    pair: tuple[int, int],
    limits: tuple[int, float, int],
    notes: dict[str, list[Any]],
) -> list[dict[str, Any]]:
    i, j = pair
    starts, ends = sited.origins, sited.destinations
    start, names = int(starts.node[i]), [starts.labels[i], ends.labels[j]]
    same = start == search.target
    length = sited.edges["length_m"].to_numpy()
    if same:
        found = [Found(np.empty(0, dtype=np.int64), shared=0.0, is_exact=True)]
        notes["same_place"].append(names)
    else:
        found = search.routes(start, *limits, length_m=length)
        if not found:
            notes["unreachable"].append(names)
        elif len(found) < limits[0]:
            notes["fewer_than_k"].append(names)
    common = {
        "pair": pair, "origin": names[0], "destination": names[1],
        "origin_distance_m": starts.distance_m[i], "destination_distance_m": ends.distance_m[j],
    }  # fmt: skip
    if not found:
        nothing = dict.fromkeys(("cost", "cost_ratio", "length_m", "shared"), np.nan)
        more = {"rank": 1, "modes": "", "n_transfers": 0, "is_exact": True, "geometry": None}
        return [common | nothing | more]
    told = [describe(sited, way.slots) for way in found]
    best = told[0].cost
    return [
        common
        | said._asdict()
        | {
            "rank": rank,
            "cost_ratio": said.cost / best if best > 0 else 1.0,
            "shared": way.shared,
            "is_exact": way.is_exact,
        }
        for rank, (way, said) in enumerate(zip(found, told, strict=True), start=1)
    ]
