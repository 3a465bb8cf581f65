"""How to scan."""

from __future__ import annotations

from geocn import hotspots
from tests.properties.cases.world import (
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
)
