"""How to ask about borders."""

from __future__ import annotations

from geocn import hotspots
from tests.properties.cases.world import (
    borders,
    routes,
)
from tests.properties.check import Case

CASES = (
    Case(
        "hotspots.border_segments",
        hotspots.border_segments,
        lambda: {"borders": borders(), "length_km": 25},
        data=("borders",),
        shuffled=("borders",),
        empty=("borders",),
        moves=("borders",),
    ),
    Case(
        "hotspots.border_crossings",
        hotspots.border_crossings,
        lambda: {"routes": routes(), "borders": borders()},
        data=("routes", "borders"),
        empty=("routes",),
        moves=("routes",),
    ),
)
