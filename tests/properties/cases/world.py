"""One small world near the border of Colombia and Ecuador, for every analysis."""

from __future__ import annotations

from functools import cache

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
import xarray as xr

from geocn import hotspots
from geocn.spatial.borders import load_borders

WEST, SOUTH = -78.0, 0.0


def grid() -> gpd.GeoDataFrame:
    """100 cells with counts, patrol hours and people."""
    cells = [
        shapely.box(WEST + i / 10, SOUTH + j / 10, WEST + (i + 1) / 10, SOUTH + (j + 1) / 10)
        for j in range(10)
        for i in range(10)
    ]
    rng = np.random.default_rng(11)
    counts = rng.poisson(1.0, 100)
    counts[[44, 45, 54, 55]] += 9
    data = {"n": counts, "hours": rng.uniform(5, 20, 100), "people": rng.integers(1, 900, 100)}
    return gpd.GeoDataFrame(data, geometry=cells, crs="EPSG:4326")


def events() -> gpd.GeoDataFrame:
    """200 seizures, known exactly."""
    rng = np.random.default_rng(3)
    xy = rng.uniform((WEST + 0.001, SOUTH + 0.001), (WEST + 1.2, SOUTH + 0.999), (200, 2))
    when = pd.Timestamp("2024-01-05", tz="UTC") + pd.to_timedelta(rng.integers(0, 300, 200), "D")
    data = {
        "weight_kg": rng.integers(1, 500, 200).astype(float),
        "seized_at": when,
        "location_precision_m": 10.0,
        "source": np.where(np.arange(200) % 3 == 0, "navy", "police"),
    }
    return gpd.GeoDataFrame(data, geometry=gpd.points_from_xy(*xy.T), crs="EPSG:4326")


def cube() -> xr.Dataset:
    """The seizures by cell and month."""
    return hotspots.space_time_cube(events(), grid(), as_of="2024-11-15")


def routes() -> gpd.GeoDataFrame:
    """30 ways from the south of Colombia into Ecuador."""
    rng = np.random.default_rng(4)
    start = rng.uniform((-77.6, 1.3), (-77.0, 1.8), (30, 2))
    end = rng.uniform((-78.6, -0.4), (-78.0, 0.1), (30, 2))
    data = {
        "route_id": [f"r{i}" for i in range(30)],
        "weight_kg": rng.integers(10, 90, 30).astype(float),
        "mode": np.where(np.arange(30) % 2, "road", "river"),
        "source": [f"s{i % 4}" for i in range(30)],
        "first_seen": pd.Timestamp("2024-02-01", tz="UTC"),
        "last_seen": pd.Timestamp("2024-02-03", tz="UTC"),
    }
    lines = shapely.linestrings(np.stack([start, end], axis=1))
    return gpd.GeoDataFrame(data, geometry=lines, crs="EPSG:4326")


def towns() -> gpd.GeoDataFrame:
    """80 towns with cases and people, no two pairs of them equally far apart."""
    rng = np.random.default_rng(12)
    xy = rng.uniform((WEST, SOUTH), (WEST + 1, SOUTH + 1), (80, 2))
    near = np.hypot(xy[:, 0] - WEST - 0.3, xy[:, 1] - SOUTH - 0.6) < 0.2
    people = rng.integers(200, 900, 80)
    data = {"n": rng.poisson(people * np.where(near, 0.03, 0.01)), "people": people}
    return gpd.GeoDataFrame(data, geometry=gpd.points_from_xy(*xy.T), crs="EPSG:4326")


@cache
def _borders() -> gpd.GeoDataFrame:
    borders = load_borders("110m")
    return borders[borders["dyad"] == "COL-ECU"]


def borders() -> gpd.GeoDataFrame:
    """The border of Colombia and Ecuador."""
    return _borders().copy(deep=True)


def segments() -> gpd.GeoDataFrame:
    """That border in pieces of 25 km, with patrol hours."""
    found = hotspots.border_segments(borders(), length_km=25)
    return found.assign(hours=np.linspace(5, 50, len(found)))


def crossings() -> gpd.GeoDataFrame:
    """Where the routes cross it."""
    return hotspots.border_crossings(routes(), borders())


def friction() -> xr.DataArray:
    """A rough plane of 40 by 40 cells with a wall."""
    rng = np.random.default_rng(8)
    values = np.exp(rng.normal(0, 0.5, (40, 40)))
    values[10:30, 20] = np.inf
    axis = np.arange(40) * 2000.0 - 39_000.0
    array = xr.DataArray(values, {"y": axis[::-1], "x": axis}, ("y", "x"))
    # An equal-area plane of its own, so that sites in degrees must be brought to it.
    return array.rio.write_crs("+proj=laea +lat_0=1 +lon_0=-77 +datum=WGS84 +units=m +type=crs")


def density() -> xr.DataArray:
    """Hectares in cells of 2 km on the same plane."""
    return friction().where(np.isfinite)


def sites(*places: tuple[float, float]) -> gpd.GeoDataFrame:
    """Points with a name for index."""
    return gpd.GeoDataFrame(
        {"place": [f"p{i}" for i in range(len(places))]},
        geometry=[shapely.Point(p) for p in places],
        crs="EPSG:4326",
    )


def interventions() -> gpd.GeoDataFrame:
    """Twelve sites of three partners, one of them without a reach."""
    rng = np.random.default_rng(6)
    xy = rng.uniform((WEST, SOUTH), (WEST + 1, SOUTH + 1), (12, 2))
    reach_km = rng.integers(8, 25, 12).astype(float)
    reach_km[5] = np.nan
    data = {
        "partner": [f"partner {i % 3}" for i in range(12)],
        "kind": np.where(np.arange(12) % 2, "treatment", "patrol"),
        "reach_km": reach_km,
    }
    return gpd.GeoDataFrame(data, geometry=gpd.points_from_xy(*xy.T), crs="EPSG:4326")


def zones() -> gpd.GeoDataFrame:
    """Four areas on the plane of the rasters, small enough for straight edges."""
    lower_left = [(-77.25, 0.8), (-77.1, 0.85), (-76.95, 0.95), (-76.9, 1.1)]
    boxes = [shapely.box(x, y, x + 0.12, y + 0.12) for x, y in lower_left]
    return gpd.GeoDataFrame({"zone": list("abcd")}, geometry=boxes, crs="EPSG:4326")


def posts() -> gpd.GeoDataFrame:
    """Two official crossings on the border and one far from it."""
    places = [(-77.67, 0.82), (-77.1, 0.45), (-70.0, 4.0)]
    return gpd.GeoDataFrame(
        {"name": ["Rumichaca", "San Miguel", "elsewhere"]},
        geometry=gpd.points_from_xy(*zip(*places, strict=True)),
        crs="EPSG:4326",
    )
