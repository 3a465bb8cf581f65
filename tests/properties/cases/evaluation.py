"""How to ask for evaluations."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from geocn import evaluation
from tests.properties.cases.world import events, grid, interventions
from tests.properties.check import Case

BEFORE, AFTER = ("2024-01-01", "2024-05-15"), ("2024-05-16", "2024-10-31")


def _seizures() -> gpd.GeoDataFrame:
    """The world's seizures with drug, place and how well their place is known."""
    found = events()
    return found.assign(
        drug=np.where(np.arange(len(found)) % 4 == 0, "heroin", "cocaine"),
        admin_code=np.where(found.geometry.y > 0.5, "north", "south"),
        location_precision_m=np.where(np.arange(len(found)) % 5 == 0, 3000.0, 10.0),
    )


def _area(west: float) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(geometry=[shapely.box(west, 0.4, west + 0.2, 0.6)], crs="EPSG:4326")


def _roads() -> gpd.GeoDataFrame:
    paths = [[(-78.2, 0.5), (-76.4, 0.52)], [(-77.7, 0.1), (-77.69, 0.9)]]
    return gpd.GeoDataFrame(geometry=[shapely.LineString(p) for p in paths], crs="EPSG:4326")


def _zones() -> gpd.GeoDataFrame:
    return evaluation.displacement_zones(
        _area(-77.8), _roads(), control=_area(-77.2), within_km=15, line_width_km=6
    )


def _counts() -> gpd.GeoDataFrame:
    """Counts beside the zones that they are of."""
    counts, zones = evaluation.zone_counts(_seizures(), _zones(), **_ZONE_COUNTS), _zones()
    shapes = zones.set_index("role").geometry.reindex(counts["role"])
    return gpd.GeoDataFrame(counts, geometry=shapes.to_numpy(), crs=zones.crs)


def _reports() -> gpd.GeoDataFrame:
    sites = pd.concat([interventions()] * 2, ignore_index=True)
    n = len(sites)
    days = pd.Timestamp("2024-01-01") + pd.to_timedelta(np.arange(n) % 12 * 9, "D")
    days = days + pd.to_timedelta(np.arange(n), "h")
    partner = np.where(np.arange(n) < n // 2, "navy", "police")
    return gpd.GeoDataFrame(sites.assign(starts_on=days, partner=partner), crs="EPSG:4326")


_ZONE_COUNTS = {"before": BEFORE, "after": AFTER, "kind": "drug"}

CASES = (
    Case(
        "evaluation.displacement",
        evaluation.displacement,
        lambda: {
            "counts": _counts(),
            "harm_weights": {"cocaine": 1.0, "heroin": 2.0},
            "simulations": 500,
        },
        data=("counts",),
        shuffled=("counts",),
        moves=("counts",),
    ),
    Case(
        "evaluation.displacement_zones",
        evaluation.displacement_zones,
        lambda: {
            "treated": _area(-77.8),
            "corridors": _roads(),
            "control": _area(-77.2),
            "within_km": 15,
            "line_width_km": 6,
            "cell_m": 500,
        },
        data=("treated", "corridors"),
        empty=("treated", "corridors"),
        moves=("treated", "corridors", "control"),
    ),
    Case(
        "evaluation.zone_counts",
        evaluation.zone_counts,
        lambda: {"events": _seizures(), "zones": _zones(), **_ZONE_COUNTS},
        data=("events", "zones"),
        shuffled=("events", "zones"),
        empty=("events", "zones"),
        moves=("events", "zones"),
    ),
    Case(
        "evaluation.compare_periods",
        evaluation.compare_periods,
        lambda: {"layer": _seizures(), "before": BEFORE, "after": AFTER, "by": grid()},
        data=("layer",),
        spine="by",
        shuffled=("layer",),
        empty=("layer", "by"),
        moves=("layer", "by"),
    ),
    Case(
        "evaluation.interdiction_rate",
        evaluation.interdiction_rate,
        lambda: {
            "seizures": _seizures(),
            "supply": {
                "cocaine": evaluation.CropSupply((2e5, 3e5), (4e2, 5e2, 7e2), 0.02),
                "heroin": evaluation.LogNormal(2e5, 9e5),
            },
            "purity": {"cocaine": (0.6, 0.9)},
            "period": "quarter",
            "draws": 2000,
        },
        data=("seizures",),
        shuffled=("seizures",),
        empty=("seizures",),
        moves=("seizures",),
    ),
    Case(
        "evaluation.joint_operations",
        evaluation.joint_operations,
        lambda: {"reports": _reports()},
        data=("reports",),
        spine="reports",
        empty=("reports",),
        moves=("reports",),
    ),
    Case(
        "evaluation.operations_by_partner",
        evaluation.operations_by_partner,
        lambda: {"operations": evaluation.joint_operations(_reports())},
        data=("operations",),
        shuffled=("operations",),
        empty=("operations",),
        moves=("operations",),
    ),
    Case(
        "evaluation.indicators",
        evaluation.indicators,
        lambda: {
            "seizures": _seizures(),
            "operations": evaluation.joint_operations(_reports()).assign(
                arrests=1, admin_code="north"
            ),
            "by": "admin_code",
            "period": "quarter",
            "draws": 200,
        },
        data=("seizures",),
        shuffled=("seizures",),
        empty=("seizures",),
        moves=("seizures",),
    ),
)

#: Public names that are no analyses: what they are instead.
NOT_ANALYSES = {
    "evaluation.CropSupply": "an input of interdiction_rate",
    "evaluation.LogNormal": "an input of interdiction_rate",
}
