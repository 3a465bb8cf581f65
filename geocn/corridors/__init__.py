"""Corridors: modelled by least cost over friction, and observed from reported routes."""

from __future__ import annotations

from geocn.corridors.areas import least_cost_corridors
from geocn.corridors.calibrate import Calibration, calibrate_friction
from geocn.corridors.chokepoints import Chokepoints, chokepoints
from geocn.corridors.current import CurrentFlow, current_flow
from geocn.corridors.flows import flow_matrix
from geocn.corridors.flows_lines import flow_lines
from geocn.corridors.friction import friction_surface
from geocn.corridors.interdict import Interdiction, interdict
from geocn.corridors.k_shortest import k_shortest_routes
from geocn.corridors.network import RouteNetwork, route_network
from geocn.corridors.observed import aggregate_routes
from geocn.corridors.paths import least_cost_paths
from geocn.corridors.route_density import route_density
from geocn.corridors.rsp import RandomisedPaths, randomised_shortest_paths
from geocn.corridors.surface import cost_surface
from geocn.corridors.validate import validate
from geocn.corridors.validate_result import Validation, with_score

__all__ = [
    "Calibration",
    "Chokepoints",
    "CurrentFlow",
    "Interdiction",
    "RandomisedPaths",
    "RouteNetwork",
    "Validation",
    "aggregate_routes",
    "calibrate_friction",
    "chokepoints",
    "cost_surface",
    "current_flow",
    "flow_lines",
    "flow_matrix",
    "friction_surface",
    "interdict",
    "k_shortest_routes",
    "least_cost_corridors",
    "least_cost_paths",
    "randomised_shortest_paths",
    "route_density",
    "route_network",
    "validate",
    "with_score",
]
