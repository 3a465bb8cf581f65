"""How to ask for corridors that were observed."""

from __future__ import annotations

import geopandas as gpd
import numpy as np

from geocn import corridors
from tests.properties.cases.world import grid, routes
from tests.properties.check import Case


def _routes() -> gpd.GeoDataFrame:
    """Routes with vertices so near each other that their course is the same in any CRS."""
    frame = routes()
    vague = np.where(np.arange(len(frame)) % 3, 0.0, 15_000.0)
    return frame.set_geometry(frame.geometry.segmentize(0.02)).assign(location_precision_m=vague)


CASES = (
    Case(
        "corridors.aggregate_routes",
        corridors.aggregate_routes,
        lambda: {"routes": routes(), "cell_m": 20_000},
        data=("routes",),
        shuffled=("routes",),
        empty=("routes",),
        moves=("routes",),
        rtol=1e-5,  # pieces of some hundred metres
    ),
    Case(
        "corridors.aggregate_routes",
        corridors.aggregate_routes,
        lambda: {"routes": routes(), "grid": grid()},
        data=("routes",),
        spine="grid",
        shuffled=("routes",),
        empty=("routes", "grid"),
        moves=("routes",),
    ),
    Case(
        "corridors.aggregate_routes",
        corridors.aggregate_routes,
        lambda: {"routes": _routes(), "method": "centre_lines", "apart_m": 50_000},
        data=("routes",),
        shuffled=("routes",),
        empty=("routes",),
        moves=("routes",),
        rtol=1e-5,
    ),
    Case(
        "corridors.route_density",
        corridors.route_density,
        lambda: {"routes": _routes(), "cell_m": 10_000, "weight": "weight_kg"},
        data=("routes",),
        shuffled=("routes",),
        empty=("routes",),
        moves=("routes",),
        rtol=1e-4,  # pieces of some metres
    ),
)
