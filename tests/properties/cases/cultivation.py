"""How to ask for cultivation beyond sums by zone."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from geocn import cultivation
from tests.properties.cases.world import SOUTH, WEST
from tests.properties.check import Case


def fields() -> gpd.GeoDataFrame:
    """90 small fields of three years, none of which overlap."""
    rng = np.random.default_rng(14)
    corner = np.array([(WEST + 0.01 * i, SOUTH + 0.01 * j) for i in range(10) for j in range(9)])
    wide = rng.uniform(0.002, 0.009, (90, 2))
    data = {
        "field_id": [f"f{i}" for i in range(90)],
        "crop": "coca",
        "year": pd.array(2019 + np.arange(90) % 3, dtype="Int64"),
        "area_ha": rng.uniform(0.1, 9, 90),
    }
    boxes = shapely.box(*corner.T, *(corner + wide).T)
    return gpd.GeoDataFrame(data, geometry=boxes, crs="EPSG:4326")


def samples() -> gpd.GeoDataFrame:
    """300 places that were looked at, by stratum, with what map and reference say."""
    rng = np.random.default_rng(15)
    truth = rng.choice(["coca", "forest", "pasture"], 300, p=[0.2, 0.5, 0.3])
    other = rng.choice(["coca", "forest", "pasture"], 300)
    data = {
        "stratum": np.array(["north", "middle", "south"])[np.arange(300) % 3],
        "map_class": np.where(rng.random(300) < 0.85, truth, other),
        "reference_class": truth,
    }
    xy = rng.uniform((WEST, SOUTH), (WEST + 1, SOUTH + 1), (300, 2))
    return gpd.GeoDataFrame(data, geometry=gpd.points_from_xy(*xy.T), crs="EPSG:4326")


def surveys(year: int | None = None) -> gpd.GeoDataFrame:
    """Hectares of 12 areas in six years; some were not surveyed every year."""
    rng = np.random.default_rng(16)
    corners = [(WEST + 0.2 * i, SOUTH + 0.3 * j) for i in range(4) for j in range(3)]
    boxes = np.array([shapely.box(x, y, x + 0.2, y + 0.3) for x, y in corners], dtype=object)
    area = np.tile(np.arange(12), 6)
    data = {
        "admin_code": [f"m{i:02d}" for i in area],
        "year": pd.array(2016 + np.repeat(np.arange(6), 12), dtype="Int64"),
        "area_ha": np.where(rng.random(72) < 0.3, 0.0, rng.uniform(1, 90, 72).round(1)),
        "area_ci_ha": rng.uniform(0, 9, 72),
        "sensor": np.where(rng.random(72) < 0.2, "air", "satellite"),
    }
    frame = gpd.GeoDataFrame(data, geometry=boxes[area], crs="EPSG:4326")
    frame = frame[rng.random(72) < 0.9].reset_index(drop=True)
    return frame if year is None else frame[(frame["year"] == year).to_numpy(dtype=bool)]


CASES = (
    Case(
        "cultivation.change",
        cultivation.change,
        lambda: {"before": surveys(2019), "after": surveys(2020), "survey_method": "sensor"},
        data=("before", "after"),
        shuffled=("before", "after"),
        empty=("before", "after"),
        moves=("before", "after"),
    ),
    Case(
        "cultivation.permanence",
        cultivation.permanence,
        lambda: {"cultivation": surveys(), "window": (2016, 2021), "recent_years": 2},
        data=("cultivation",),
        shuffled=("cultivation",),
        empty=("cultivation",),
        moves=("cultivation",),
    ),
    Case(
        "cultivation.area_estimate",
        cultivation.area_estimate,
        lambda: {
            "error_matrix": samples(),
            "mapped_area": {"north": 9e4, "middle": 5e5, "south": 2e5},
            "unit_ha": 0.09,
        },
        data=("error_matrix", "mapped_area"),
        shuffled=("error_matrix",),
        moves=("error_matrix",),
    ),
    Case(
        "cultivation.density_grid",
        cultivation.density_grid,
        lambda: {"cultivation": fields(), "by": "year", "cell_km": 3, "crs": "EPSG:6933"},
        data=("cultivation",),
        shuffled=("cultivation",),
        empty=("cultivation",),
        moves=("cultivation",),
        # Edges straight in degrees or on the plane.
        rtol=1e-4,
    ),
)
