"""How to scan."""

from __future__ import annotations

from geocn import hotspots
from tests.properties.cases.world import (
    events,
    towns,
)
from tests.properties.check import Case

CASES = (
    Case(
        "hotspots.spatial_scan",
        hotspots.spatial_scan,
        lambda: {"areas": towns(), "cases": "n", "population": "people", "permutations": 99},
        data=("areas", "cases"),
        empty=("areas",),
        moves=("areas",),
        # a radius is measured on the plane that the areas come in
        rtol=1e-4,
    ),
    Case(
        "hotspots.spatial_scan",
        hotspots.spatial_scan,
        lambda: {
            "areas": events().assign(n=1),
            "cases": "n",
            "model": "space_time_permutation",
            "time": "seized_at",
            "time_step": "month",
            "permutations": 19,
        },
        data=("areas", "cases"),
        empty=("areas",),
        moves=("areas",),
        rtol=1e-4,
        # places are shuffled in the order of their coordinates, which a plane may change
        noisy=("p_value", "p_value_gumbel"),
    ),
)

NOT_ANALYSES = {"hotspots.Ellipses": "an option of spatial_scan"}
