"""Reach by travel time, and floating catchment areas."""

from __future__ import annotations

from benchmarks.case import Case

_SITES = """
import numpy as np
from scipy import ndimage
side = 2000
field = ndimage.gaussian_filter(np.random.default_rng(5).normal(size=(side, side)), side / 160)
speed = {top} * np.exp(-(field - field.min()) / (field.max() - field.min()) * np.log(10))
friction = 0.06 / speed
xy = np.random.default_rng(1).uniform(0, side * 1e3, ({n}, 2))
"""

_OURS = """
import geopandas as gpd, rioxarray, xarray as xr
from geocn.coverage import TravelRules, reach
raster = xr.DataArray(friction, dims=("y", "x"), coords={{
    "y": np.arange(side)[::-1] * 1e3 + 500, "x": np.arange(side) * 1e3 + 500}})
raster = raster.rio.write_crs("EPSG:6933")
sites = gpd.GeoDataFrame(geometry=gpd.points_from_xy(*xy.T), crs=6933)
rules = TravelRules(neighbours={neighbours})
reach(sites[:3], minutes=120, friction=raster, travel=rules)
#--
found = reach(sites, minutes=120, friction=raster, travel=rules)
print(round(float(found["reach_area_km2"].sum())), "km2")
"""

_PEER = """
from skimage.graph import MCP_Geometric
#--
total = 0
for x, y in xy:
    start = (side - 1 - int(y // 1e3), int(x // 1e3))
    cost, _ = MCP_Geometric(friction * 1e3).find_costs([start])
    total += int((cost <= 120).sum())
print(total, "km2, cells only")
"""

_PLACES = """
import numpy as np, pandas as pd
rng = np.random.default_rng(2)
people = pd.DataFrame({{"people": rng.integers(1, 900, 20_000)}})
clinics = pd.DataFrame({{"capacity": rng.integers(1, 90, 1_000)}})
i = np.repeat(np.arange(20_000), 40)
j = rng.integers(0, 1_000, len(i))
minutes = rng.uniform(0, 60, len(i)).round(1)
kept = ~pd.DataFrame({{"i": i, "j": j}}).duplicated().to_numpy()
i, j, minutes = i[kept], j[kept], minutes[kept]
"""

_CATCHMENT = """
from scipy.sparse import csr_array
from geocn.coverage import accessibility
costs = csr_array((minutes, (i, j)), shape=(20_000, 1_000))
#--
found = accessibility(people, clinics, threshold=30, costs=costs, weight="people")
print(round(float(found.demand["accessibility"].sum()), 3))
"""

_ACCESS = """
from access import fca
table = pd.DataFrame({{"origin": i, "dest": j, "cost": minutes}})
#--
found = fca.two_stage_fca(
    demand_df=people.reset_index(names="id"), supply_df=clinics.reset_index(names="id"),
    cost_df=table, max_cost=30.0001, demand_index="id", demand_name="people", supply_index="id",
    supply_name="capacity", cost_origin="origin", cost_dest="dest", cost_name="cost")
print(round(float(found.sum()), 3))
"""


def _sites(top: int, n: int) -> str:
    return _SITES.replace("{top}", str(top)).replace("{n}", str(n))


CASES = (
    Case(
        "travel-time reach of 500 sites, 120 minutes, 2000² cells (4,100 cells a site)",
        _sites(60, 500) + _OURS.replace("{neighbours}", "16"),
        limit_cpu_s=10.0,
    ),
    Case(
        "travel-time reach of 500 sites, 120 minutes, 2000² cells (46,000 cells a site)",
        _sites(200, 500) + _OURS.replace("{neighbours}", "16"),
        limit_cpu_s=10.0,
    ),
    Case(
        "travel-time reach of 5 sites with polygons, 8 neighbours",
        _sites(60, 5) + _OURS.replace("{neighbours}", "8"),
        _sites(60, 5) + _PEER,
        "scikit-image MCP_Geometric over the whole raster, cells only",
    ),
    Case(
        "two-step floating catchment areas of 20,000 places and 1,000 sites, 800,000 pairs",
        _PLACES + _CATCHMENT,
        _PLACES + _ACCESS,
        "access",
    ),
)
