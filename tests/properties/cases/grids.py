"""How to ask for grids and counts."""

from __future__ import annotations

from geocn import hotspots
from tests.properties.cases.world import (
    events,
    grid,
)
from tests.properties.check import Case

CASES = (
    Case(
        "hotspots.make_grid",
        hotspots.make_grid,
        lambda: {"extent": events(), "cell_size_km": 20},
        data=("extent",),
        shuffled=("extent",),
        empty=("extent",),
        moves=("extent",),
    ),
    Case(
        "hotspots.make_grid",
        hotspots.make_grid,
        lambda: {"extent": events(), "kind": "h3", "resolution": 5},
        data=("extent",),
        shuffled=("extent",),
        empty=("extent",),
        moves=("extent",),
    ),
    Case(
        "hotspots.count_events",
        hotspots.count_events,
        lambda: {"events": events(), "areas": grid(), "weight": "weight_kg"},
        data=("events", "areas"),
        spine="areas",
        shuffled=("events",),
        empty=("events", "areas"),
        moves=("events", "areas"),
    ),
    Case(
        "hotspots.count_events",
        hotspots.count_events,
        lambda: {
            "events": events().assign(location_precision_m=[15_000.0, 10.0] * 100),
            "areas": grid(),
            "weight": "weight_kg",
            "imputations": 3,
        },
        data=("events", "areas"),
        spine="areas",
        shuffled=("events",),
        moves=("events",),
    ),
    Case(
        "hotspots.count_points",
        hotspots.count_points,
        lambda: {"points": events(), "areas": grid(), "weight": "weight_kg"},
        data=("points", "areas"),
        spine="areas",
        shuffled=("points",),
        empty=("points", "areas"),
        moves=("points", "areas"),
    ),
)
