"""How to ask about borders."""

from __future__ import annotations

from geocn import hotspots
from tests.properties.cases.world import (
    borders,
    crossings,
    events,
    routes,
    segments,
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
    Case(
        "hotspots.border_hotspots",
        hotspots.border_hotspots,
        lambda: {
            "crossings": crossings(),
            "segments": segments(),
            "seizures": events(),
            "exposure": "hours",
        },
        data=("crossings", "segments"),
        spine="segments",
        shuffled=("crossings", "seizures"),
        empty=("crossings", "segments", "seizures"),
        moves=("crossings", "segments", "seizures"),
    ),
)
