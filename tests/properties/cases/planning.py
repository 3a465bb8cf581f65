"""How to ask for coverage and cultivation."""

from __future__ import annotations

import geopandas as gpd
import pandas as pd

from geocn import coverage, cultivation
from tests.properties.cases.world import (
    density,
    friction,
    interventions,
    zones,
)
from tests.properties.check import Case


def near_friction() -> gpd.GeoDataFrame:
    """The interventions brought into the raster of friction, some for part of a year."""
    sites = interventions()
    x, y = sites.geometry.x, sites.geometry.y
    points = gpd.points_from_xy(-77.2 + 0.3 * (x + 78), 0.8 + 0.4 * y, crs=sites.crs)
    starts = pd.date_range("2023-10-01", periods=len(sites), freq="30D", tz="UTC")
    return sites.set_geometry(points).assign(starts_on=starts)


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
        "coverage.reach",
        coverage.reach,
        lambda: {
            "interventions": near_friction(),
            "minutes": 40_000.0,
            "friction": friction(),
            "period": ("2024-01-01", "2024-12-31"),
        },
        data=("interventions",),
        spine="interventions",
        empty=("interventions",),
        moves=("interventions",),
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
    "coverage.TravelRules": "options of reach",
}
