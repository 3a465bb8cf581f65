"""Cultivation: density grids, change of class rasters, permanence."""

from __future__ import annotations

from benchmarks.case import Case

_FIELDS = """
import numpy as np, geopandas as gpd, pandas as pd, shapely, xarray as xr, rioxarray
rng = np.random.default_rng(0)
n = {n}
crs = "+proj=laea +lat_0=1 +lon_0=-74 +datum=WGS84 +units=m +type=crs"
centre = rng.uniform(-149e3, 149e3, (n, 2))
angle = np.linspace(0, 2 * np.pi, 13)[:-1]
reach = rng.uniform(20, 150, (n, 12))
ring = centre[:, None] + np.stack([reach * np.cos(angle), reach * np.sin(angle)], axis=-1)
fields = gpd.GeoDataFrame({{"area_ha": rng.uniform(0.1, 5, n)}},
    geometry=shapely.polygons(ring), crs=crs).to_crs(4326)
"""

_WORK = """
from geocn.cultivation import density_grid
density_grid(fields.iloc[:10])
#--
grid = density_grid(fields, cell_km=1, crs=crs)
print(round(float(grid.sum()), 3), round(float((grid ** 2).sum()), 3))
"""


def _fields(n: int) -> str:
    return _FIELDS.replace("{n}", str(n))


_OVERLAY = Case(
    "density grid of 100,000 fields, 300 × 300 cells of 1 km",
    _fields(100_000) + _WORK,
    _fields(100_000)
    + """
edge = np.arange(-150e3, 150e3, 1e3)
x, y = (a.ravel() for a in np.meshgrid(edge, edge))
cells = gpd.GeoDataFrame({{"cell": np.arange(x.size)}},
    geometry=shapely.box(x, y, x + 1e3, y + 1e3), crs=crs)
#--
there = fields.to_crs(crs)
there["density"] = there["area_ha"] / there.area
pieces = gpd.overlay(there, cells, how="intersection", keep_geom_type=True)
grid = (pieces["density"] * pieces.area).groupby(pieces["cell"]).sum()
print(round(float(grid.sum()), 3), round(float((grid ** 2).sum()), 3))
""",
    "geopandas.overlay",
)

_EXACT = Case(
    "density grid of 5,000 fields, 300 × 300 cells of 1 km",
    _fields(5_000) + _WORK,
    _fields(5_000)
    + """
from exactextract import exact_extract
edge = np.arange(-149.5e3, 150e3, 1e3)
raster = xr.DataArray(np.arange(90_000.0).reshape(300, 300),
    {{"y": edge[::-1], "x": edge}}, ("y", "x")).rio.write_crs(crs)
#--
there = fields.to_crs(crs)
found = exact_extract(raster, there, ["cell_id", "coverage"], output="pandas")
n_cells = found["coverage"].map(len)
share = np.concatenate(found["coverage"].to_numpy())
whole = np.repeat(found["coverage"].map(sum).to_numpy(), n_cells)
amount = np.repeat(there["area_ha"].to_numpy(), n_cells) * share / whole
grid = np.bincount(np.concatenate(found["cell_id"].to_numpy()), amount)
print(round(float(grid.sum()), 3), round(float((grid ** 2).sum()), 3))
""",
    "exactextract",
)

_RASTERS = """
import numpy as np, xarray as xr, rioxarray
rng = np.random.default_rng(0)
side = 3000
axis = np.arange(side) * 30.0
def codes(seed):
    values = np.random.default_rng(seed).choice([1.0, 3.0, 7.0], (side, side), p=[0.7, 0.1, 0.2])
    return xr.DataArray(values, {{"y": axis[::-1], "x": 5e5 + axis}}, ("y", "x")).rio.write_crs(
        "EPSG:32618")
"""

_CHANGE = Case(
    "transition matrix in hectares of two rasters of 3000² classes",
    _RASTERS
    + """
from geocn.cultivation import change
from geocn.layers.rasters import label_cultivation
legend = {{1: "forest", 3: "coca", 7: "pasture"}}
before, after = (label_cultivation(codes(seed), legend=legend) for seed in (1, 2))
#--
found = change(before, after)
print(round(float(found["to_coca"].sum()) / 1e4, 2))
""",
)

_RASTER_GRID = Case(
    "density grid of a raster of 3000² classes, 10 % coca",
    _RASTERS
    + """
from geocn.cultivation import density_grid
from geocn.layers.rasters import label_cultivation
raster = label_cultivation(codes(1), legend={{1: "forest", 3: "coca", 7: "pasture"}})
#--
print(round(density_grid(raster).attrs["geocn"]["placed_ha"] / 1e4, 2))
""",
)

_PERMANENCE = Case(
    "permanence of 1000² cells over ten years with gaps",
    """
import numpy as np, xarray as xr, rioxarray
from geocn.cultivation import permanence
rng = np.random.default_rng(0)
values = rng.choice([0.0, 2.0, np.nan], (10, 1000, 1000), p=[0.7, 0.25, 0.05])
axis = np.arange(1000) * 1000.0
cube = xr.DataArray(values, {{"year": 2014 + np.arange(10), "y": axis[::-1], "x": axis}},
    ("year", "y", "x")).rio.write_crs("EPSG:6933")
#--
found = permanence(cube, window=(2014, 2023))
print(int((found == 1).sum()))
""",
)

CASES = (_OVERLAY, _EXACT, _CHANGE, _RASTER_GRID, _PERMANENCE)
