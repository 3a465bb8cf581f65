"""Plausible layers over the Andes for the tests of the map; nothing in them is real."""

from __future__ import annotations

from itertools import pairwise
from types import SimpleNamespace

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

HOTBEDS = np.array(
    [
        [-78.7, 1.5],
        [-76.6, 2.4],
        [-76.9, 0.5],
        [-72.6, 8.0],
        [-79.0, -2.2],
        [-75.2, 6.6],
        [-77.9, 8.1],
    ]
)
PLACES = ["Tumaco", "Popayán", "Puerto Asís", "Cúcuta", "Cuenca", "Medellín", "Turbo"]
DRUGS = ["cocaine", "cannabis_herb", "coca_paste", "heroin", "amphetamine"]
PARTNERS = [
    ("Army engineers", "military"),
    ("Coast guard", "law_enforcement"),
    ("Casa del Río", "ngo"),
    ("UN field office", "international"),
    ("Ministry of Health", "civil"),
]


def seizures(n: int = 600, seed: int = 1) -> gpd.GeoDataFrame:
    rng = np.random.default_rng(seed)
    place = rng.integers(0, len(HOTBEDS), n)
    xy = HOTBEDS[place] + rng.normal(0, 0.5, (n, 2))
    vague = rng.random(n) < 0.2
    xy[vague] = HOTBEDS[place[vague]]
    weight = np.round(rng.gamma(0.6, 120, n), 1)
    weight[rng.random(n) < 0.08] = np.nan
    geometry = shapely.points(xy)
    geometry[rng.random(n) < 0.03] = None
    return gpd.GeoDataFrame(
        {
            "seizure_id": [f"SZ-{k:05d}" for k in range(n)],
            "seized_at": pd.to_datetime("2024-01-01", utc=True)
            + pd.to_timedelta(rng.integers(0, 730, n), unit="D"),
            "date_precision": np.where(rng.random(n) < 0.1, "month", "day"),
            "drug": rng.choice(DRUGS, n, p=[0.5, 0.2, 0.15, 0.1, 0.05]),
            "weight_kg": weight,
            "mode": rng.choice(["road", "river", "sea", "air"], n),
            "place": np.array(PLACES)[place],
            "location_precision_m": np.where(vague, 25_000.0, 200.0),
            "source": rng.choice(["Police", "Coast guard"], n),
            "reliability": rng.choice(["A", "B", "C"], n),
            "marking": "TLP:AMBER",
        },
        geometry=geometry,
        crs="EPSG:4326",
    )


def routes() -> gpd.GeoDataFrame:
    lines = [
        [(-76.6, 2.4), (-77.3, 1.9), (-78.7, 1.6), (-80.4, 2.5), (-83.0, 6.0)],
        [(-76.9, 0.5), (-77.6, 0.8), (-78.1, 0.3), (-79.9, -2.2)],
        [(-72.6, 8.0), (-72.3, 8.6), (-71.6, 10.0), (-70.8, 11.9)],
        [(-75.2, 6.6), (-76.3, 7.6), (-77.9, 8.4), (-79.5, 9.2)],
    ]
    return gpd.GeoDataFrame(
        {
            "route_id": ["R1", "R2", "R3", "R4"],
            "mode": ["sea", "road", "road", "river"],
            "drug": ["cocaine", "coca_paste", "cocaine", "cannabis_herb"],
            "weight_kg": [5200.0, 830.0, 1900.0, np.nan],
            "first_seen": pd.to_datetime(
                ["2024-02-01", "2024-03-01", None, "2024-09-01"], utc=True
            ),
            "last_seen": pd.to_datetime(["2025-06-01", "2024-12-01", "2025-11-01", None], utc=True),
            "n_sources": pd.array([4, 2, 3, 1], dtype="Int64"),
            "source": "Police",
        },
        geometry=[shapely.LineString(line) for line in lines],
        crs="EPSG:4326",
    )


def grid(step: float = 0.5) -> gpd.GeoDataFrame:
    xs, ys = np.meshgrid(np.arange(-80, -71, step), np.arange(-3, 9, step))
    cells = shapely.box(xs.ravel(), ys.ravel(), xs.ravel() + step, ys.ravel() + step)
    return gpd.GeoDataFrame(
        {"cell_id": [f"c{k}" for k in range(len(cells))]}, geometry=cells, crs="EPSG:4326"
    )


def hotspots() -> gpd.GeoDataFrame:
    cells = grid()
    middle = shapely.get_coordinates(shapely.centroid(cells.geometry.values))
    near = np.min(np.hypot(*(middle[:, None] - HOTBEDS[None]).transpose(2, 0, 1)), axis=1)
    cells["n_events"] = np.round(40 * np.exp(-((near / 0.9) ** 2))).astype(int)
    cells["expected"] = 4.2
    cells["gi_z"] = cells["n_events"] / 6 - 1.5
    cells["p_value"] = np.exp(-np.abs(cells["gi_z"]) * 2)
    cells["p_adjusted"] = np.minimum(1, cells["p_value"] * 5)
    cells["significant"] = cells["p_adjusted"] < 0.05
    cells["hotspot_class"] = np.select(
        [cells["gi_z"] > 3, cells["gi_z"] > 2, (middle[:, 0] > -73.5) & (middle[:, 1] < 0.5)],
        ["hot_99", "hot_95", "cold_90"],
        "not_significant",
    )
    return cells[cells["hotspot_class"] != "not_significant"]


def border_hotspots() -> gpd.GeoDataFrame:
    line = np.array(
        [(-78.8, 1.4), (-78.2, 1.1), (-77.7, 0.8), (-77.2, 0.4), (-76.3, 0.3), (-75.3, -0.1)]
    )
    segments = [shapely.LineString(pair) for pair in pairwise(line)]
    n = len(segments)
    return gpd.GeoDataFrame(
        {
            "segment_id": [f"COL-ECU/{k}" for k in range(n)],
            "dyad": "COL-ECU",
            "chainage_from_km": 60.0 * np.arange(n),
            "chainage_to_km": 60.0 * np.arange(1, n + 1),
            "n_crossings": [21, 9, 33, 4, 1],
            "expected": 13.6,
            "relative_risk": np.array([21, 9, 33, 4, 1]) / 13.6,
            "p_value": [0.04, 0.2, 1e-6, 0.01, 0.0002],
            "p_adjusted": [0.07, 0.2, 5e-6, 0.03, 0.0005],
            "hotspot_class": ["not_significant", "not_significant", "hot", "cold", "cold"],
            "share_direction_ab": [0.4, 0.6, 0.8, 0.5, np.nan],
        },
        geometry=segments,
        crs="EPSG:4326",
    )


def cultivation() -> gpd.GeoDataFrame:
    rng = np.random.default_rng(3)
    xy = HOTBEDS[rng.integers(0, 3, 60)] + rng.normal(0, 0.8, (60, 2))
    return gpd.GeoDataFrame(
        {
            "field_id": [f"F{k}" for k in range(60)],
            "crop": "coca",
            "year": pd.array(rng.choice([2024, 2025], 60), dtype="Int64"),
            "area_ha": np.round(rng.gamma(2, 300, 60)),
            "area_ci_ha": 40.0,
        },
        geometry=shapely.buffer(shapely.points(xy), 0.12, quad_segs=3),
        crs="EPSG:4326",
    )


def interventions() -> gpd.GeoDataFrame:
    n = 12
    rng = np.random.default_rng(4)
    xy = HOTBEDS[np.arange(n) % len(HOTBEDS)] + rng.normal(0, 0.6, (n, 2))
    partner = [PARTNERS[k % len(PARTNERS)] for k in range(n)]
    return gpd.GeoDataFrame(
        {
            "intervention_id": [f"I{k:02d}" for k in range(n)],
            "kind": rng.choice(["checkpoint", "patrol", "treatment", "alternative_livelihood"], n),
            "partner": [name for name, _ in partner],
            "partner_type": [kind for _, kind in partner],
            "status": "active",
            "starts_on": pd.Timestamp("2024-01-01", tz="UTC"),
            "ends_on": pd.Series([pd.NaT] * n, dtype="datetime64[us, UTC]"),
            "reach_km": np.where(np.arange(n) == 5, np.nan, 60.0 + 5 * np.arange(n)),
            "place": np.array(PLACES)[np.arange(n) % len(PLACES)],
        },
        geometry=shapely.points(xy),
        crs="EPSG:4326",
    )


def reaches() -> gpd.GeoDataFrame:
    sites = interventions()
    radius = sites["reach_km"].fillna(0) / 111
    areas = shapely.buffer(sites.geometry.values, radius.to_numpy())
    areas[shapely.is_empty(areas)] = None
    return sites.set_geometry(gpd.GeoSeries(areas, index=sites.index, crs=sites.crs))


def coverage() -> SimpleNamespace:
    demand = grid(1.0)
    rng = np.random.default_rng(5)
    demand["population"] = rng.integers(1_000, 90_000, len(demand)).astype(float)
    inside = gpd.sjoin(
        demand.set_geometry(shapely.centroid(demand.geometry.values)),
        reaches()[["partner", "geometry"]].dropna(),
    )
    demand["n_partners"] = (
        inside.groupby(level=0)["partner"].nunique().reindex(demand.index).fillna(0)
    )
    gaps = demand[demand["n_partners"] == 0].nlargest(8, "population")
    by_partner = pd.DataFrame(
        {"partner": [name for name, _ in PARTNERS], "share_covered": [0.2, 0.1, 0.15, 0.12, 0.11]}
    )
    return SimpleNamespace(demand=demand, gaps=gaps, by_partner=by_partner)


def by_quarter() -> gpd.GeoDataFrame:
    cells = grid(1.0)
    frames = []
    for quarter in range(8):
        frame = cells.copy()
        frame["period"] = f"{2024 + quarter // 4}-Q{quarter % 4 + 1}"
        frame["n_events"] = np.random.default_rng(quarter).poisson(3 + quarter, len(frame))
        frames.append(frame[frame["n_events"] > 4])
    found = pd.concat(frames, ignore_index=True)
    # the same under a name of its own, which no change to the texts of a frame reaches
    found["when"] = pd.PeriodIndex(found["period"], freq="Q")
    return found


def annotations() -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(
        {
            "said_at": pd.to_datetime(["2025-11-02", "2025-11-03"], utc=True),
            "author": ["Mora", "Diallo"],
            "kind": ["point", "area"],
            "text": ["Check this ford", "Rains from May"],
            "note_id": ["n1", "n2"],
            "map_id": ["abc", "abc"],
        },
        geometry=[shapely.Point(-76.5, 2.5), shapely.box(-77, 1, -76, 2)],
        crs="EPSG:4326",
    )


def corridors() -> gpd.GeoDataFrame:
    lines = routes().geometry
    return gpd.GeoDataFrame(
        {
            "name": ["Pacific", "Sucumbíos", "Catatumbo", "Urabá"],
            "weight_kg": [5200.0, 830.0, 1900.0, 400.0],
            "n_routes": [41, 12, 19, 7],
            "n_sources": [4, 2, 3, 2],
        },
        geometry=shapely.buffer(lines.values, 0.25),
        crs="EPSG:4326",
    )


def full_map(change=lambda frame: frame, **options):
    """A map with every kind of layer; ``change`` is applied to each frame."""
    from geocn.maps import PlanningMap

    settings = {
        "marking": "TLP:AMBER",
        "releasable_to": "Joint planning partners",
        "as_of": "2025-12-31",
        "sources": ["Seizures: simulated for the tests"],
        "limits": ["Air routes are under-reported."],
        "author": "Joint analysis cell",
    }
    settings.update(options)
    title = settings.pop("title", "Northern Andes, joint review 2025")
    covered = coverage()
    result = SimpleNamespace(
        demand=change(covered.demand), gaps=change(covered.gaps), by_partner=covered.by_partner
    )
    plan = PlanningMap(title, **settings)
    plan.add_cultivation(change(cultivation())).add_hotspots(change(hotspots()))
    plan.add_corridors(change(corridors())).add_routes(change(routes()))
    plan.add_border_hotspots(change(border_hotspots()))
    plan.add_coverage(result, reaches=change(reaches()), weight="population", weight_label="people")
    return plan.add_interventions(change(interventions())).add_seizures(change(seizures()))
