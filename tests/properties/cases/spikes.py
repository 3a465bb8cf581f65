"""How to ask about spikes."""

from __future__ import annotations

from geocn import hotspots
from tests.properties.cases.world import events, grid
from tests.properties.check import Case

CASES = tuple(
    Case(
        "hotspots.spike_alerts",
        hotspots.spike_alerts,
        lambda rule=rule: {
            "events": events(),
            "areas": grid(),
            "rule": rule,
            "baseline": 6,
            "as_of": "2024-10-10",
            "gaps": [{"from": "2024-03-01", "to": "2024-03-31"}],
        },
        data=("events", "areas"),
        spine="areas",
        shuffled=("events",),
        empty=("events", "areas"),
        moves=("events", "areas"),
    )
    for rule in ("odmap", "poisson", "negative_binomial")
)
