"""Coverage of interventions: points, areas and rasters of demand."""

from __future__ import annotations

from benchmarks.case import Case

_SITES = """
import numpy as np, geopandas as gpd, shapely
rng = np.random.default_rng(0)
crs = "+proj=laea +lat_0=1 +lon_0=-77 +datum=WGS84 +units=m +type=crs"
centres = rng.uniform(-200e3, 200e3, (200, 2))
kinds = rng.choice(["patrol", "treatment"], 200)
reaches = gpd.GeoDataFrame(
    {{"partner": [f"p{{i % 10}}" for i in range(200)], "kind": kinds}},
    geometry=shapely.buffer(shapely.points(centres), 20e3, quad_segs=45), crs=crs)
"""

_POINTS = (
    _SITES
    + """
places = shapely.points(rng.uniform(-200e3, 200e3, (20_000, 2)))
demand = gpd.GeoDataFrame({{"people": rng.integers(1, 900, 20_000)}}, geometry=places, crs=crs)
"""
)

_RASTER = (
    _SITES
    + """
import xarray as xr, rioxarray
axis = (np.arange(2000) - 999.5) * 200.0
raster = xr.DataArray(rng.random((2000, 2000)), {{"y": axis[::-1], "x": axis}}, ("y", "x"))
raster = raster.rename("people").rio.write_crs(crs)
"""
)

_OURS = """
from geocn.coverage import assess
#--
found = assess({demand})
print(round(found.covered, 3))
print(found.by_partner.sort_values("partner")["covered_weight"].round(3).tolist())
print(round(found.duplication.to_numpy().sum(), 3))
"""

# The whole, each partner and each pair; nothing of gaps, precision, sides or equity.
_PEER_POINTS = """
#--
def within(area):
    hit = gpd.sjoin(demand, gpd.GeoDataFrame(geometry=[area], crs=crs), predicate="intersects")
    return hit["people"].sum()
print(round(float(within(reaches.union_all())), 3))
unions = reaches.dissolve("partner").geometry
print([round(float(within(u)), 3) for u in unions])
print(round(float(sum(within(a.intersection(b)) for a in unions for b in unions)), 3))
"""

_PEER_RASTER = """
from exactextract import exact_extract
#--
def within(areas):
    zones = gpd.GeoDataFrame(geometry=areas, crs=crs)
    return exact_extract(raster, zones, ["sum"], output="pandas")["sum"]
print(round(float(within([reaches.union_all()]).iloc[0]), 3))
unions = list(reaches.dissolve("partner").geometry)
print(within(unions).round(3).tolist())
print(round(float(within([a.intersection(b) for a in unions for b in unions]).sum()), 3))
"""

CASES = (
    Case(
        "coverage of 20,000 points by 200 reaches, 10 partners, all pairs",
        _POINTS + _OURS.format(demand='demand, reaches, weight="people", by=("partner",)'),
        _POINTS + _PEER_POINTS,
        "geopandas",
    ),
    Case(
        "coverage of a raster 2000² by 200 reaches, 10 partners, all pairs",
        _RASTER + _OURS.format(demand='raster, reaches, by=("partner",)'),
        _RASTER + _PEER_RASTER,
        "exactextract",
    ),
)
