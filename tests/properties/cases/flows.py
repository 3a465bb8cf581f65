"""How to ask for the flows that seizures name."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd

from geocn import corridors
from tests.properties.cases.world import events
from tests.properties.check import Case


def _seizures() -> gpd.GeoDataFrame:
    """Seizures on the border, some of whose countries only their coordinates tell."""
    frame, number = events(), np.arange(200)
    names = {
        "origin": ["Peru", None, "Colombia", "Narnia"],
        "departure": ["Colombia", "Ecuador", None],
        "country": ["Ecuador", None],
        "destination": [None, "Spain", "unknown", "USA", "Colombia"],
        "transit": [None, "Panama; Costa Rica", "Panama/Ecuador/Cuba"],
        "drug": ["cocaine", "heroin"],
        "mode": ["road", "sea", None],
    }
    told = {
        name: pd.Series([words[i % len(words)] for i in number * (k + 3) // 2], dtype="str")
        for k, (name, words) in enumerate(names.items())
    }
    return frame.assign(**told)


def _matrix() -> pd.DataFrame:
    return corridors.flow_matrix(_seizures(), by=("drug",))


CASES = (
    Case(
        "corridors.flow_matrix",
        corridors.flow_matrix,
        lambda: {"seizures": _seizures(), "period": "quarter"},
        data=("seizures",),
        shuffled=("seizures",),
        empty=("seizures",),
        moves=("seizures",),
    ),
    Case(
        "corridors.flow_lines",
        corridors.flow_lines,
        lambda: {"matrix": _matrix(), "places": _places()},
        data=("matrix",),
        spine="matrix",
        empty=("matrix",),
        moves=("places",),
    ),
)


def _places() -> gpd.GeoDataFrame:
    points = gpd.points_from_xy([-77, -77.5], [1.5, 0.5])
    return gpd.GeoDataFrame(index=["Narnia", "COL"], geometry=points, crs="EPSG:4326")
