"""How to ask for densities."""

from __future__ import annotations

from geocn import hotspots
from tests.properties.cases.world import SOUTH, WEST, borders, events
from tests.properties.check import Case

CASES = (
    Case(
        "hotspots.kernel_density",
        hotspots.kernel_density,
        lambda: {
            "events": events(),
            "cell_m": 5_000,
            "bandwidth_m": 20_000,
            "extent": (WEST, SOUTH, WEST + 1.2, SOUTH + 1.0),
        },
        data=("events",),
        shuffled=("events",),
        empty=("events",),
        moves=("events",),
    ),
    Case(
        "hotspots.point_density",
        hotspots.point_density,
        lambda: {
            "points": events(),
            "cell_m": 5_000,
            "bandwidth_m": 20_000,
            "extent": (WEST, SOUTH, WEST + 1.2, SOUTH + 1.0),
            "weight": "weight_kg",
        },
        data=("points",),
        shuffled=("points",),
        empty=("points",),
        moves=("points",),
    ),
    Case(
        "hotspots.network_kernel_density",
        hotspots.network_kernel_density,
        lambda: {
            "lines": borders(),
            "events": events(),
            "bandwidth_m": 40_000,
            "lixel_m": 5_000,
            "snap_m": 60_000,
        },
        data=("lines", "events"),
        shuffled=("events",),
        empty=("lines", "events"),
        moves=("lines", "events"),
    ),
)
