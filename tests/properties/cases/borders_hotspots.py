"""How to ask about hotspots along borders."""

from __future__ import annotations

from geocn import hotspots
from tests.properties.cases.world import crossings, events, segments
from tests.properties.check import Case

CASES = (
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
