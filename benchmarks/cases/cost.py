"""Accumulated cost."""

from __future__ import annotations

from benchmarks.case import Case

_FRICTION = """
import numpy as np
from scipy import ndimage
side = 1000
field = ndimage.gaussian_filter(np.random.default_rng(0).normal(size=(side, side)), 8)
friction = np.exp(2 * field / field.std())
"""

_COST = Case(
    "accumulated cost over 1000² cells, 8 neighbours, one source",
    _FRICTION
    + """
import rioxarray, xarray as xr, geopandas as gpd, shapely
from geocn.corridors import cost_surface
raster = xr.DataArray(friction, dims=("y", "x"), coords={{
    "y": np.arange(side)[::-1] * 1e3, "x": np.arange(side) * 1e3}}).rio.write_crs("EPSG:6933")
source = gpd.GeoDataFrame(geometry=[shapely.Point(100e3, 800e3)], crs="EPSG:6933")
#--
print(float(cost_surface(raster, source, neighbours=8)["accumulated"].max()))
""",
    _FRICTION
    + """
from skimage.graph import MCP_Geometric
#--
print(MCP_Geometric(friction).find_costs([(199, 100)])[0].max() * 1e3)
""",
    "scikit-image MCP_Geometric",
)

CASES = (_COST,)
