"""How to ask about space and time."""

from __future__ import annotations

from geocn import hotspots
from tests.properties.cases.world import (
    cube,
    events,
    grid,
)
from tests.properties.check import Case

CASES = (
    Case(
        "hotspots.space_time_cube",
        hotspots.space_time_cube,
        lambda: {
            "events": events(),
            "areas": grid(),
            "weight": "weight_kg",
            "as_of": "2024-11-15",
            "gaps": [{"from": "2024-03-01", "to": "2024-03-31"}],
        },
        data=("events", "areas"),
        shuffled=("events",),
        empty=("events", "areas"),
        moves=("events", "areas"),
    ),
    Case(
        "hotspots.emerging_hotspots",
        hotspots.emerging_hotspots,
        lambda: {"cube": cube(), "areas": grid(), "neighbours": "queen"},
        data=("cube", "areas"),
        moves=("areas",),
    ),
    Case(
        "hotspots.emerging_hotspots",
        hotspots.emerging_hotspots,
        lambda: {
            "cube": cube(),
            "areas": grid(),
            "neighbours": "queen",
            "exposure": "hours",
            "time_neighbours": 0,
        },
        data=("cube", "areas"),
        moves=("areas",),
    ),
)

#: Public names that are no analyses: what they are instead.
NOT_ANALYSES = {
    "hotspots.read_cube": "reads what write_cube wrote",
    "hotspots.write_cube": "writes a file",
}
