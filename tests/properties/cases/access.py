"""How to ask who can get to what, and how much is left for them."""

from __future__ import annotations

import geopandas as gpd
import numpy as np

from geocn import coverage
from tests.properties.cases.world import interventions, towns
from tests.properties.check import Case


def clinics() -> gpd.GeoDataFrame:
    """Twelve sites with a capacity."""
    return interventions().assign(capacity=np.arange(12) * 10.0)


CASES = (
    Case(
        "coverage.accessibility",
        coverage.accessibility,
        lambda: {"demand": towns(), "supply": clinics(), "threshold": 40.0, "weight": "people",
                 "decay": "gaussian", "bandwidth": 15.0},
        data=("demand", "supply"),
        spine="demand",
        empty=("demand", "supply"),
        moves=("demand", "supply"),
    ),
)  # fmt: skip

#: Public names that are no analyses: what they are instead.
NOT_ANALYSES = {
    "coverage.Accessibility": "the result of accessibility",
}
