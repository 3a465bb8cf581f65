"""Sums by zone."""

from __future__ import annotations

from benchmarks.case import Case

_ZONES = """
import numpy as np, geopandas as gpd, shapely, xarray as xr, rioxarray
side = 2000
rng = np.random.default_rng(0)
values = rng.random((side, side))
raster = xr.DataArray(values, dims=("y", "x"), coords={{
    "y": (side - 0.5 - np.arange(side)) * 1e3, "x": (0.5 + np.arange(side)) * 1e3}},
    name="value").rio.write_crs("EPSG:6933")
centres = shapely.points(rng.uniform(2e5, 1.8e6, (100, 2)))
zones = gpd.GeoDataFrame(geometry=shapely.buffer(centres, 150e3, quad_segs=16), crs="EPSG:6933")
"""

_ZONAL = Case(
    "sums over 100 large overlapping zones, raster 2000²",
    _ZONES
    + """
from geocn.cultivation import zonal_stats
#--
print(round(float(zonal_stats(zones, raster, stats=("sum",))["sum"].sum()), 3))
""",
    _ZONES
    + """
from exactextract import exact_extract
#--
print(round(float(exact_extract(raster, zones, ["sum"], output="pandas")["sum"].sum()), 3))
""",
    "exactextract",
)

CASES = (_ZONAL,)
