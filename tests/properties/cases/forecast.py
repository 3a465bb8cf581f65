"""How to ask about forecasts."""

from __future__ import annotations

from geocn import hotspots
from tests.properties.cases.world import events, grid
from tests.properties.check import Case

CASES = (
    *(
        Case(
            "hotspots.forecast",
            hotspots.forecast,
            lambda method=method: {
                "events": events(),
                "grid": grid(),
                "method": method,
                "as_of": "2024-10-10",
            },
            data=("events", "grid"),
            spine="grid",
            shuffled=("events",),
            empty=("events", "grid"),
            moves=("events", "grid"),
            rtol=1e-3,
        )
        for method in ("prospective_kde", "self_exciting", "persistence")
    ),
    Case(
        "hotspots.evaluate_forecast",
        hotspots.evaluate_forecast,
        lambda: {
            "events": events(),
            "grid": grid(),
            "methods": ("prospective_kde",),
            "origins": 2,
            "as_of": "2024-10-10",
        },
        data=("events", "grid"),
        shuffled=("events",),
        empty=("events", "grid"),
        moves=("events", "grid"),
        rtol=1e-3,
    ),
)
