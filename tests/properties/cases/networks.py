"""How to ask for route networks and what runs over them."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from typing import Any

import geopandas as gpd
import shapely

from geocn import corridors
from tests.properties.cases.world import SOUTH, WEST, sites
from tests.properties.check import Case


def ways() -> gpd.GeoDataFrame:
    """Roads in a grid with bends, a river across it, and a sea lane from its mouth."""
    lines, modes = [], []
    for i in range(5):
        x, y = WEST + i / 4, SOUTH + i / 4
        lines.append(shapely.LineString([(x, SOUTH), (x + 0.03, SOUTH + 0.4), (x, SOUTH + 1)]))
        lines.append(shapely.LineString([(WEST, y), (WEST + 0.6, y + 0.02), (WEST + 1, y)]))
    modes += ["road"] * len(lines)
    bend = [(WEST + 1, SOUTH + 1), (WEST + 0.4, SOUTH + 0.8), (WEST - 0.2, SOUTH + 0.62)]
    lines.append(shapely.LineString(bend))
    lines.append(shapely.LineString([bend[-1], (WEST - 0.4, SOUTH), (WEST, SOUTH)]))
    modes += ["river", "sea"]
    data = {"mode": modes, "hours": 1.0, "room": [float(1 + i % 3) for i in range(len(lines))]}
    return gpd.GeoDataFrame(data, geometry=lines, crs="EPSG:4326")


@dataclasses.dataclass(frozen=True)
class _Shown:
    """A result with the frame that its provenance is looked for in, and all else it holds."""

    demand: gpd.GeoDataFrame
    whole: Any


def _shown(func: Callable[..., Any]) -> Callable[..., _Shown]:
    @functools.wraps(func)
    def call(*args: Any, **options: Any) -> _Shown:
        result = func(*args, **options)
        return _Shown(result.edges, result)

    return call


@functools.cache
def _built() -> corridors.RouteNetwork:
    return corridors.route_network(ways(), keep=["room"])


def _between(first: str, second: str, **more: Any) -> dict[str, Any]:
    built = _built()
    network = corridors.RouteNetwork(built.nodes.copy(), built.edges.copy(), built.report.copy())
    ends = {
        first: sites((WEST + 0.01, SOUTH + 0.3), (WEST - 0.3, SOUTH + 0.3)),
        second: sites((WEST + 0.9, SOUTH + 0.76), (WEST + 0.74, SOUTH + 0.1)),
    }
    return {"network": network, **ends, "reach_m": 20_000.0, **more}


CASES = (
    Case(
        "corridors.route_network",
        _shown(corridors.route_network),
        lambda: {"lines": ways(), "keep": ["room"], "snap_m": 50.0},
        data=("lines",),
        moves=("lines",),
        rtol=1e-5,
    ),
    Case(
        "corridors.route_network",
        _shown(corridors.route_network),
        lambda: {"lines": ways(), "cost": "hours"},
        data=("lines",),
        empty=("lines",),
        moves=("lines",),
        rtol=1e-5,
    ),
    Case(
        "corridors.k_shortest_routes",
        corridors.k_shortest_routes,
        lambda: _between("origins", "destinations", k=4, dissimilarity=0.4),
        data=("network", "origins", "destinations"),
        empty=("origins", "destinations"),
        moves=("origins", "destinations"),
    ),
    Case(
        "corridors.chokepoints",
        _shown(corridors.chokepoints),
        lambda: _between("origins", "destinations", capacity="room"),
        data=("network", "origins", "destinations"),
        empty=("origins", "destinations"),
        moves=("origins", "destinations"),
    ),
    Case(
        "corridors.interdict",
        _shown(corridors.interdict),
        lambda: _between("sources", "targets", budget=2),
        data=("network", "sources", "targets"),
        moves=("sources", "targets"),
    ),
    Case(
        "corridors.interdict",
        _shown(corridors.interdict),
        lambda: _between("sources", "targets", budget=2, objective="max_flow", capacity="room"),
        data=("network", "sources", "targets"),
        moves=("sources", "targets"),
    ),
)

NOT_ANALYSES = {
    "corridors.RouteNetwork": "what route_network returns",
    "corridors.Chokepoints": "what chokepoints returns",
    "corridors.Interdiction": "what interdict returns",
}
