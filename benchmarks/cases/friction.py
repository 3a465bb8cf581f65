"""Friction, its calibration, and the scores of corridors."""

from __future__ import annotations

from benchmarks.case import Case

_LAYERS = """
import warnings
import geopandas as gpd, numpy as np, rioxarray, shapely, xarray as xr
from scipy import ndimage
from geocn.corridors import friction_surface
warnings.simplefilter("ignore")
side = {side}
rng = np.random.default_rng(5)
def raster(values):
    return xr.DataArray(values, dims=("y", "x"), coords={{
        "y": np.arange(side)[::-1] * 1e3, "x": np.arange(side) * 1e3}}).rio.write_crs("EPSG:6933")
heights = raster(ndimage.gaussian_filter(rng.normal(size=(side, side)), 8) * 1e4)
cover = raster(rng.integers(1, 17, (side, side)).astype("uint8"))
ends = rng.uniform(0, side * 1e3, (2000, 2, 2))
ends[:, 1] = ends[:, 0] + rng.normal(0, 3e4, (2000, 2))
roads = gpd.GeoDataFrame({{"highway": ["primary"] * 2000}}, geometry=shapely.linestrings(ends),
                         crs=6933)
posts = gpd.GeoDataFrame(geometry=gpd.points_from_xy(*rng.uniform(0, side * 1e3, (2, 200))),
                         crs=6933)
"""

_OURS = """
small = cover[:9, :9]
friction_surface(small, land_cover=small, elevation=heights, roads=roads, enforcement=posts)
#--
found = friction_surface(cover, land_cover=cover, elevation=heights, roads=roads,
                         enforcement=posts)
print(float(found.friction.mean()))
"""

_VALIDATE = """
import geopandas as gpd, numpy as np, rioxarray, shapely, xarray as xr
from geocn.corridors import validate
side = {side}
rng = np.random.default_rng(5)
values = rng.normal(size=(side, side))
surface = xr.DataArray(values, dims=("y", "x"), coords={{
    "y": np.arange(side)[::-1] * 1e3, "x": np.arange(side) * 1e3}}).rio.write_crs("EPSG:6933")
xy = rng.uniform(0, side - 1, (2, 5000)).round()
seen = gpd.GeoDataFrame(geometry=gpd.points_from_xy(*xy * 1e3), crs=6933)
"""

_CALIBRATE = """
import geopandas as gpd, numpy as np, rioxarray, shapely, xarray as xr
from scipy import ndimage
from geocn.corridors import calibrate_friction, least_cost_paths
side = {side}
rng = np.random.default_rng(5)
axis = np.arange(side) * 1e3
def raster(values):
    return xr.DataArray(values, dims=("y", "x"),
                        coords={{"y": axis[::-1], "x": axis}}).rio.write_crs("EPSG:6933")
fields = {{name: raster(ndimage.gaussian_filter(rng.normal(size=(side, side)), 4) * 14)
           for name in ("slope", "guard")}}
ends = rng.integers(0, side, (2, 40, 2))
paths = [least_cost_paths(np.exp(0.8 * fields["slope"]), [a], [b], neighbours=8)
         for a, b in zip(*ends)]
import pandas as pd
routes = pd.concat(paths, ignore_index=True)[["geometry"]]
#--
print(calibrate_friction(fields, routes).summary())
"""

CASES = (
    Case(
        "friction of 1000² cells from slope, land cover, 2,000 roads and 200 posts",
        _LAYERS.replace("{side}", "1000") + _OURS,
        limit_cpu_s=5.0,
    ),
    Case(
        "friction of 2000² cells, for growth",
        _LAYERS.replace("{side}", "2000") + _OURS,
    ),
    Case(
        "a surface of 1000² cells scored on 5,000 events: AUC, curve, distances, intervals",
        _VALIDATE.replace("{side}", "1000")
        + "validate(surface[:9, :9], seen[:3])\n#--\n"
        + "print(validate(surface, seen).scores.loc['model', 'auc'])\n",
        _VALIDATE.replace("{side}", "1000")
        + """
from sklearn.metrics import roc_auc_score
#--
rows, columns = side - 1 - xy[1].astype(int), xy[0].astype(int)
truth = np.concatenate([np.ones(5000), np.zeros(values.size)])
print(roc_auc_score(truth, np.concatenate([values[rows, columns], values.ravel()])))
""",
        "scikit-learn roc_auc_score (AUC alone)",
    ),
    Case(
        "two weights of friction learnt from 40 routes on 100² cells, five folds",
        _CALIBRATE.replace("{side}", "100"),
    ),
)
