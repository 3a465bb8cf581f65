"""Evaluations of layers of a size that a country has."""

from __future__ import annotations

from benchmarks.case import Case

_SEIZURES = """
import numpy as np, pandas as pd, geopandas as gpd
rng = np.random.default_rng(0)
n = 300_000
xy = rng.uniform((-78, -3), (-70, 5), (n, 2))
seizures = gpd.GeoDataFrame({{
    "seized_at": pd.Timestamp("2022-01-01") + pd.to_timedelta(rng.integers(0, 730, n), "D"),
    "drug": rng.choice(["cocaine", "heroin", "cannabis"], n),
    "weight_kg": rng.lognormal(0, 2, n),
    "source": rng.choice(["police", "navy", "army"], n),
    "kind": "seizure",
}}, geometry=gpd.points_from_xy(*xy.T), crs=4326)
"""

_COMPARE = Case(
    "compare_periods, 300,000 seizures, 9,000 hexagons, two years",
    _SEIZURES
    + """
from geocn.evaluation import compare_periods
from geocn.hotspots import make_grid
grid = make_grid((-78, -3, -70, 5), cell_size_km=10, kind="hex")
periods = {{"before": ("2022-01-01", "2022-12-31"), "after": ("2023-01-01", "2023-12-31")}}
compare_periods(seizures.iloc[:10], by=grid, **periods)
#--
found = compare_periods(seizures, by=grid, **periods)
print(len(found), int((found["p_adjusted"] < 0.05).sum()))
""",
    _SEIZURES
    + """
from scipy import stats
from geocn.hotspots import make_grid
grid = make_grid((-78, -3, -70, 5), cell_size_km=10, kind="hex")
#--
here = gpd.sjoin(seizures.to_crs(grid.crs), grid[["geometry"]], predicate="within")
year = here["seized_at"].dt.year
table = here.groupby(["index_right", year]).size().unstack(fill_value=0)
tests = [stats.binomtest(int(a), int(a + b)) for b, a in table.to_numpy()]
ends = [test.proportion_ci(0.95) for test in tests]
print(len(ends), int((stats.false_discovery_control([t.pvalue for t in tests]) < 0.05).sum()))
""",
    "geopandas sjoin and scipy binomtest, cell by cell",
    limit_cpu_s=5.0,
)

_JOINT = Case(
    "joint_operations, 300,000 reports of three partners",
    _SEIZURES
    + """
from geocn.evaluation import joint_operations
joint_operations(seizures.iloc[:10], partner="source")
#--
print(joint_operations(seizures, partner="source").attrs["geocn"]["n_joint"])
""",
    limit_cpu_s=12.0,
)

_RATE = Case(
    "interdiction_rate, 300,000 seizures by drug and month, five uncertain inputs",
    _SEIZURES
    + """
from geocn.evaluation import CropSupply, LogNormal, interdiction_rate
crop = CropSupply((2e5, 3e5), (4e3, 5e3, 7e3), LogNormal(0.001, 0.002), (3.0, 4.0))
supply = dict.fromkeys(["cocaine", "heroin", "cannabis"], crop)
#--
found = interdiction_rate(seizures, supply=supply, purity=(0.6, 0.9), period="month")
print(len(found))
""",
    limit_cpu_s=5.0,
)

_ZONES = Case(
    "displacement_zones, 40 random ways of 400 km around a treated area, 40 km along them",
    """
import geopandas as gpd, numpy as np, shapely
from geocn.evaluation import displacement_zones
rng = np.random.default_rng(1)
ways = [np.cumsum(rng.normal(0, 0.05, (60, 2)), axis=0) + (-77, 1) for _ in range(40)]
roads = gpd.GeoDataFrame(geometry=[shapely.LineString(way) for way in ways], crs=4326)
treated = gpd.GeoDataFrame(geometry=[shapely.box(-77.1, 0.9, -76.9, 1.1)], crs=4326)
displacement_zones(treated, roads.iloc[:1], within_km=5)
#--
print(displacement_zones(treated, roads, within_km=40)["area_km2"].round().tolist())
""",
    limit_cpu_s=5.0,
)

CASES = (_COMPARE, _JOINT, _RATE, _ZONES)
