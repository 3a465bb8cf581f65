"""How to ask for sites."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import shapely

from geocn import coverage
from tests.properties.check import Case


def _villages() -> gpd.GeoDataFrame:
    rng = np.random.default_rng(3)
    places = shapely.points(rng.uniform([-77.6, 0.4], [-76.4, 1.6], (40, 2)))
    people = {"people": rng.integers(1, 500, 40).astype(float)}
    return gpd.GeoDataFrame(people, geometry=places, crs="EPSG:4326")


def _places() -> gpd.GeoDataFrame:
    rng = np.random.default_rng(4)
    places = shapely.points(rng.uniform([-77.6, 0.4], [-76.4, 1.6], (15, 2)))
    prices = {"price": rng.integers(1, 9, 15).astype(float)}
    return gpd.GeoDataFrame(prices, geometry=places, crs="EPSG:4326")


def _asked(**options: object) -> dict[str, object]:
    return {"demand": _villages(), "candidates": _places(), "weight": "people", **options}


def _case(**options: object) -> Case:
    return Case(
        "coverage.locate",
        coverage.locate,
        lambda: _asked(**options),
        data=("demand", "candidates"),
        spine="demand",
        empty=("demand",),
        moves=("demand", "candidates"),
    )


CASES = (
    _case(p=3, threshold=25.0, gap=0.0),
    _case(objective="set_covering", threshold=60.0, site_cost="price", gap=0.0),
    _case(
        objective="backup_cover",
        budget=12.0,
        threshold=25.0,
        site_cost="price",
        gap=0.0,
        rules=coverage.SitingRules(min_separation_km=15.0, second_cover=0.4),
    ),
    _case(objective="p_median", p=3, gap=0.0),
    _case(objective="p_center", p=3, gap=0.0),
)

NOT_ANALYSES = {
    "coverage.Siting": "the result of locate",
    "coverage.SitingRules": "options of locate",
    "coverage.Scenarios": "options of locate",
}
