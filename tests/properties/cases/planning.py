"""How to ask for coverage and cultivation."""

from __future__ import annotations

from geocn import coverage, cultivation
from tests.properties.cases.world import (
    density,
    grid,
    interventions,
    zones,
)
from tests.properties.check import Case

CASES = (
    Case(
        "coverage.reach",
        coverage.reach,
        lambda: {"interventions": interventions()},
        data=("interventions",),
        spine="interventions",
        empty=("interventions",),
        moves=("interventions",),
    ),
    Case(
        "coverage.assess",
        coverage.assess,
        lambda: {
            "demand": grid(),
            "reaches": coverage.reach(interventions()),
            "weight": "people",
        },
        data=("demand", "reaches"),
        spine="demand",
        empty=("demand", "reaches"),
        # Edges of cells straight in degrees or on the plane: metres apart over 11 km.
        moves=("demand",),
        rtol=1e-4,
    ),
    Case(
        "cultivation.zonal_stats",
        cultivation.zonal_stats,
        lambda: {"zones": zones(), "raster": density()},
        data=("zones", "raster"),
        spine="zones",
        empty=("zones",),
        moves=("zones",),
        rtol=1e-4,
    ),
)

#: Public names that are no analyses: what they are instead.
NOT_ANALYSES = {
    "coverage.Coverage": "the result of assess",
}
