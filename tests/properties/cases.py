"""One small world near the border of Colombia and Ecuador, and how to ask every analysis."""

from __future__ import annotations

from functools import cache
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
import xarray as xr

from geocn import corridors, coverage, cultivation, hotspots
from geocn.spatial.borders import load_borders
from tests.properties.check import Case

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


def _cost(**more: Any) -> dict[str, Any]:
    ends = {
        "origins": sites((-77.25, 1.2), (-77.1, 0.8)),
        "destinations": sites((-76.75, 0.9), (-76.8, 1.25)),
    }
    return {"friction": friction(), **ends, **more}


HOTSPOTS = (
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
        "hotspots.space_time_cube",
        hotspots.space_time_cube,
        lambda: {
            "events": events(),
            "areas": grid(),
            "weight": "weight_kg",
            "as_of": "2024-11-15",
            "gaps": [{"from": "2024-03-01", "to": "2024-03-31"}],
        },
        data=("events", "areas"),
        shuffled=("events",),
        empty=("events", "areas"),
        moves=("events", "areas"),
    ),
    Case(
        "hotspots.emerging_hotspots",
        hotspots.emerging_hotspots,
        lambda: {"cube": cube(), "areas": grid(), "neighbours": "queen"},
        data=("cube", "areas"),
        moves=("areas",),
    ),
    Case(
        "hotspots.kernel_density",
        hotspots.kernel_density,
        lambda: {
            "events": events(),
            "cell_m": 5_000,
            "bandwidth_m": 20_000,
            "extent": (WEST, SOUTH, WEST + 1.2, SOUTH + 1.0),
        },
        data=("events",),
        shuffled=("events",),
        empty=("events",),
        moves=("events",),
    ),
    Case(
        "hotspots.near_repeat",
        hotspots.near_repeat,
        lambda: {
            "events": events(),
            "time": "seized_at",
            "distances": [0, 5_000, 20_000, np.inf],
            "times": [0, 15, 60, np.inf],
            "permutations": 99,
        },
        data=("events",),
        shuffled=("events",),
        empty=("events",),
        moves=("events",),
        noisy=("expected", "knox_ratio", "p_value"),
    ),
    Case(
        "hotspots.spatial_scan",
        hotspots.spatial_scan,
        lambda: {"areas": towns(), "cases": "n", "population": "people", "permutations": 99},
        data=("areas", "cases"),
        empty=("areas",),
        moves=("areas",),
        # a radius is measured on the plane that the areas come in
        rtol=1e-4,
    ),
    Case(
        "hotspots.border_segments",
        hotspots.border_segments,
        lambda: {"borders": borders(), "length_km": 25},
        data=("borders",),
        shuffled=("borders",),
        empty=("borders",),
        moves=("borders",),
    ),
    Case(
        "hotspots.border_crossings",
        hotspots.border_crossings,
        lambda: {"routes": routes(), "borders": borders()},
        data=("routes", "borders"),
        empty=("routes",),
        moves=("routes",),
    ),
    Case(
        "hotspots.border_hotspots",
        hotspots.border_hotspots,
        lambda: {
            "crossings": crossings(),
            "segments": segments(),
            "seizures": events(),
            "exposure": "hours",
        },
        data=("crossings", "segments"),
        spine="segments",
        shuffled=("crossings", "seizures"),
        empty=("crossings", "segments", "seizures"),
        moves=("crossings", "segments", "seizures"),
    ),
)

CORRIDORS = (
    Case(
        "corridors.aggregate_routes",
        corridors.aggregate_routes,
        lambda: {"routes": routes(), "cell_m": 20_000},
        data=("routes",),
        shuffled=("routes",),
        empty=("routes",),
        moves=("routes",),
        rtol=1e-5,  # pieces of some hundred metres
    ),
    Case(
        "corridors.aggregate_routes",
        corridors.aggregate_routes,
        lambda: {"routes": routes(), "grid": grid()},
        data=("routes",),
        spine="grid",
        shuffled=("routes",),
        empty=("routes", "grid"),
        moves=("routes",),
    ),
    Case(
        "corridors.cost_surface",
        corridors.cost_surface,
        lambda: {"friction": friction(), "sources": sites((-77.2, 1.2), (-76.8, 0.9))},
        data=("friction", "sources"),
        empty=("sources",),
        moves=("sources",),
    ),
    Case(
        "corridors.least_cost_paths",
        corridors.least_cost_paths,
        _cost,
        data=("friction", "origins", "destinations"),
        empty=("origins", "destinations"),
        moves=("origins", "destinations"),
    ),
    Case(
        "corridors.least_cost_corridors",
        corridors.least_cost_corridors,
        _cost,
        data=("friction", "origins", "destinations"),
        empty=("origins", "destinations"),
        moves=("origins", "destinations"),
    ),
)

PLANNING = (
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

CASES = (*HOTSPOTS, *CORRIDORS, *PLANNING)

#: Public names that are no analyses: what they are instead.
NOT_ANALYSES = {
    "hotspots.distance_band": "describes neighbours",
    "hotspots.knn": "describes neighbours",
    "hotspots.read_cube": "reads what write_cube wrote",
    "hotspots.write_cube": "writes a file",
    "coverage.Coverage": "the result of assess",
}
