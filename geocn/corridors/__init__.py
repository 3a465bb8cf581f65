"""Corridors: modelled by least cost over friction, and observed from reported routes."""

from __future__ import annotations

from geocn.corridors.areas import least_cost_corridors
from geocn.corridors.observed import aggregate_routes
from geocn.corridors.paths import least_cost_paths
from geocn.corridors.surface import cost_surface

__all__ = ["aggregate_routes", "cost_surface", "least_cost_corridors", "least_cost_paths"]
