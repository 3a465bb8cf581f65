"""How to ask for assessments of coverage and what goes with them."""

from __future__ import annotations

import pandas as pd

from geocn import coverage
from tests.properties.cases.world import density, grid, interventions, towns, zones
from tests.properties.check import Case


def _sites() -> dict[str, object]:
    """Twelve imprecise sites with a capacity and dates, and what they reach."""
    sites = interventions().assign(
        capacity=[900.0, None] * 6,
        location_precision_m=[0.0, 800.0, None] * 4,
        starts_on=pd.to_datetime(["2024-01-01", "2024-05-15"] * 6, utc=True),
    )
    return {"reaches": coverage.reach(sites)}


def _everything() -> dict[str, object]:
    return {
        "demand": towns().assign(location_precision_m=[0.0, 3000.0] * 40),
        **_sites(),
        "weight": "people",
        "by": ("partner",),
        "overlaps": "add",
        "per": "cell",
        "areas": zones(),
        "periods": ("2024-02", "2024-05"),
        "capacity": "nearest",
        "sides": {"treatment": "civilian"},
    }


CASES = (
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
        "coverage.assess",
        coverage.assess,
        _everything,
        data=("demand", "reaches"),
        spine="demand",
        empty=("demand", "reaches"),
        moves=("demand",),
        rtol=1e-4,
    ),
    Case(
        "coverage.assess",
        coverage.assess,
        lambda: {"demand": density(), **_sites(), "per": "km2", "areas": zones()},
        data=("demand", "reaches"),
        empty=("reaches",),
        moves=("areas",),
        rtol=1e-4,
    ),
    Case(
        "coverage.separation",
        coverage.separation,
        lambda: {
            "sites": interventions()
            .iloc[1::2]
            .assign(location_precision_m=[0, 900, 0, 4000, 0, 0]),
            "enforcement": interventions().iloc[::2],
            "distance_km": 15.0,
        },
        data=("sites", "enforcement"),
        spine="sites",
        shuffled=("enforcement",),
        empty=("sites", "enforcement"),
        moves=("sites", "enforcement"),
    ),
)

#: Public names that are no analyses: what they are instead.
NOT_ANALYSES = {
    "coverage.Service": "what sites can serve, part of the result of assess",
    "coverage.Equity": "the result of equity",
    "coverage.equity": "figures of two plain arrays, without a place",
    "coverage.sides": "a label for each row, by a table",
}
