"""Routes summed in cells, and flows of seizures."""

from __future__ import annotations

from benchmarks.case import Case

_ROUTES = """
import numpy as np, geopandas as gpd, shapely
rng = np.random.default_rng(0)
crs = "+proj=laea +lat_0=0 +lon_0=-76 +datum=WGS84 +units=m +type=crs"
start = rng.uniform(-4e5, 4e5, ({n}, 1, 2))
xy = (start + np.cumsum(rng.normal(0, 900, ({n}, 1000, 2)), axis=1)).clip(-4.9e5, 4.9e5)
lines = shapely.linestrings(xy)
routes = gpd.GeoDataFrame(geometry=lines, crs=crs).to_crs(4326)
"""

_OURS = """
from geocn.corridors import route_density
route_density(routes.iloc[:2], cell_m=5_000)
#--
density = route_density(routes, cell_m=500)
print(round(float(density.sum()) * 0.25))
"""

# Every stretch is paired with the cells it may touch, and cut.
_SHAPELY = """
#--
flat = routes.to_crs(crs)
ends = shapely.get_coordinates(flat.geometry.to_numpy()).reshape({n}, 1000, 2)
pieces = shapely.linestrings(np.stack([ends[:, :-1], ends[:, 1:]], axis=2).reshape(-1, 2, 2))
low, high = (np.floor(shapely.bounds(pieces)[:, k] / 500).astype(int) for k in ([0, 1], [2, 3]))
grid = np.zeros((2000, 2000))
for dx in range((high - low)[:, 0].max() + 1):
    for dy in range((high - low)[:, 1].max() + 1):
        cell = low + (dx, dy)
        some = (cell <= high).all(axis=1)
        box = shapely.box(*(cell[some].T * 500), *((cell[some].T + 1) * 500))
        km = shapely.length(shapely.intersection(pieces[some], box)) / 1000
        at = (cell[some] + 1000).clip(0, 1999)
        np.add.at(grid, (at[:, 1], at[:, 0]), km)
print(round(grid.sum()))
"""

_FLOWS = """
import warnings; warnings.simplefilter("ignore")
import geocn
from geocn.corridors import flow_matrix
seizures = geocn.read_seizures("{reference}/seizures_unodc_ids_2011_2016.zip")
flow_matrix(seizures.iloc[:100])
#--
print(flow_matrix(seizures).attrs["geocn"]["n_departed_abroad"])
"""

CASES = (
    Case(
        "density of routes, 1 M vertices on 2000 x 2000",
        _ROUTES.replace("{n}", "1000") + _OURS,
        (_ROUTES + _SHAPELY).replace("{n}", "1000"),
        "shapely",
        limit_cpu_s=2.0,
    ),
    Case("flow matrix of 311,038 seizures", _FLOWS),
)
