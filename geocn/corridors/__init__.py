"""Corridors: modelled by least cost over friction, and observed from reported routes."""

from __future__ import annotations

from geocn.corridors.areas import least_cost_corridors
from geocn.corridors.current import CurrentFlow, current_flow
from geocn.corridors.friction import friction_surface
from geocn.corridors.k_shortest import k_shortest_routes
from geocn.corridors.network import route_network
from geocn.corridors.observed import aggregate_routes
from geocn.corridors.paths import least_cost_paths
from geocn.corridors.surface import cost_surface

__all__ = [
    "CurrentFlow",
    "aggregate_routes",
    "cost_surface",
    "current_flow",
    "friction_surface",
    "least_cost_corridors",
    "least_cost_paths",
]
