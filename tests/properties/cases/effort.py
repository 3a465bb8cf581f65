"""How to measure effort."""

from __future__ import annotations

from geocn import coverage, hotspots
from tests.properties.cases.world import grid, interventions
from tests.properties.check import Case


def _reaches():
    dates = {"starts_on": "2024-01-01", "ends_on": None, "capacity": range(1, 13)}
    return coverage.reach(interventions().assign(**dates))


CASES = (
    Case(
        "hotspots.enforcement_effort",
        hotspots.enforcement_effort,
        lambda: {
            "areas": grid(),
            "reaches": _reaches(),
            "since": "2024-01-01",
            "until": "2024-12-31",
        },
        data=("areas", "reaches"),
        spine="areas",
        shuffled=("reaches",),
        empty=("areas", "reaches"),
        moves=("areas",),
        rtol=1e-4,
    ),
)
