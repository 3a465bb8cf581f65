"""How to ask the local statistics."""

from __future__ import annotations

from geocn import hotspots
from tests.properties.cases.world import (
    grid,
)
from tests.properties.check import Case

CASES = (
    Case(
        "hotspots.getis_ord",
        hotspots.getis_ord,
        lambda: {"frame": grid(), "value": "n", "neighbours": "queen"},
        data=("frame", "value"),
        spine="frame",
        empty=("frame",),
        moves=("frame",),
    ),
    Case(
        "hotspots.getis_ord",
        hotspots.getis_ord,
        lambda: {
            "frame": grid(),
            "value": "n",
            "neighbours": hotspots.distance_band(12_000),
            "exposure": "hours",
        },
        data=("frame", "value"),
        spine="frame",
        empty=("frame",),
        moves=("frame",),
    ),
    Case(
        "hotspots.getis_ord",
        hotspots.getis_ord,
        lambda: {
            "frame": grid(),
            "value": "hours",
            "neighbours": "rook",
            "inference": "permutation",
            "permutations": 999,
        },
        data=("frame", "value"),
        spine="frame",
        empty=("frame",),
        moves=("frame",),
        noisy=("p_value", "p_adjusted", "significant", "hotspot_class"),
    ),
    Case(
        "hotspots.local_moran",
        hotspots.local_moran,
        lambda: {"frame": grid(), "value": "n", "neighbours": "queen"},
        data=("frame", "value"),
        spine="frame",
        empty=("frame",),
        moves=("frame",),
    ),
)

#: Public names that are no analyses: what they are instead.
NOT_ANALYSES = {
    "hotspots.distance_band": "describes neighbours",
    "hotspots.knn": "describes neighbours",
}
