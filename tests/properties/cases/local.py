"""How to ask the local statistics."""

from __future__ import annotations

import geopandas as gpd
import numpy as np

from geocn import hotspots
from tests.properties.cases.world import grid
from tests.properties.check import Case


def _imputed() -> gpd.GeoDataFrame:
    """The grid with three imputations of its counts."""
    rng = np.random.default_rng(2)
    frame = grid()
    names = [f"n_imputed_{i}" for i in (1, 2, 3)]
    for name in names:
        frame[name] = frame["n"] + rng.integers(0, 3, len(frame))
    return frame.assign(n=frame[names].mean(axis=1), imprecise_share=0.4)


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
    Case(
        "hotspots.getis_ord",
        hotspots.getis_ord,
        lambda: {"frame": _imputed(), "value": "n", "neighbours": "queen"},
        data=("frame", "value"),
        spine="frame",
        empty=("frame",),
        moves=("frame",),
    ),
    Case(
        "hotspots.local_moran",
        hotspots.local_moran,
        lambda: {"frame": _imputed(), "value": "n", "neighbours": "rook", "exposure": "hours"},
        data=("frame", "value"),
        spine="frame",
        empty=("frame",),
        moves=("frame",),
    ),
    Case(
        "hotspots.global_g",
        hotspots.global_g,
        lambda: {
            "frame": grid(),
            "value": "n",
            "neighbours": "queen",
            "inference": "analytic",
        },
        data=("frame", "value"),
        shuffled=("frame",),
        empty=("frame",),
        moves=("frame",),
    ),
)

#: Public names that are no analyses: what they are instead.
NOT_ANALYSES = {
    "hotspots.distance_band": "describes neighbours",
    "hotspots.knn": "describes neighbours",
}
