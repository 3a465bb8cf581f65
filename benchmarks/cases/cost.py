"""Accumulated cost."""

from __future__ import annotations

from benchmarks.case import Case

_PLACE = """
import rioxarray, xarray as xr
from geocn.corridors import cost_surface, least_cost_corridors
side = len(friction)
raster = xr.DataArray(friction, dims=("y", "x"), coords={{
    "y": np.arange(side)[::-1] * 1e3, "x": np.arange(side) * 1e3}}).rio.write_crs("EPSG:6933")
cost_surface(raster[:400, :400], [(0, 0)], neighbours=8)
"""

_TERRAIN = """
import numpy as np
from scipy import ndimage
side = {side}
field = ndimage.gaussian_filter(np.random.default_rng(5).normal(size=(side, side)), side / 160)
friction = np.exp((field - field.min()) / (field.max() - field.min()) * np.log(100))
"""

_NOISE = """
import numpy as np
friction = np.random.default_rng(5).uniform(1, 10, (4000, 4000))
"""

_COMB = """
import numpy as np
friction = np.ones((2000, 2000))
friction[1::2] = np.inf
friction[1::4, -1] = friction[3::4, 0] = 1.0
"""

_MIDDLE = """#--
found = cost_surface(raster, [(side // 2 // 2 * 2, side // 2)], neighbours={n})
print(float(found["accumulated"].max()))
"""

_SKIMAGE = """
from skimage.graph import MCP_Geometric
side = len(friction)
closed = np.where(np.isinf(friction), -1, friction)
#--
cost = MCP_Geometric(closed).find_costs([(side // 2 // 2 * 2, side // 2)])[0]
print(cost[np.isfinite(cost)].max() * 1e3)
"""

_HEAP = """
from geocn._kernels.cost import halves, planar_lengths
from geocn.spatial.cost_sweep import Ground, by_heap
side = len(friction)
def heap(friction, start):
    cost = np.full(friction.shape, np.inf)
    cost.ravel()[start] = 0
    ground = Ground(friction, halves(planar_lengths(len(friction), 1e3, 1e3)), False, True)
    by_heap(ground, cost, np.array([start]), limit=lambda: np.inf)
    return cost
heap(friction[:9, :9].copy(), 10)
#--
print(heap(friction, (side // 2 // 2 * 2) * side + side // 2).max())
"""

# Written by blocks, so that the memory counted is that of the work.
_FILE = """
import tempfile
import rasterio
from geocn.corridors import cost_surface
path = tempfile.mkdtemp() + "/friction.tif"
with rasterio.Env(GDAL_CACHEMAX=16), rasterio.open(
        path, "w", driver="GTiff", width={side} * {n}, height={side} * {n}, count=1,
        dtype="float32", crs="EPSG:6933", tiled=True,
        transform=rasterio.Affine(1e3, 0, 0, 0, -1e3, {side} * {n} * 1e3)) as out:
    for i in range({n} * {n}):
        at = rasterio.windows.Window(i % {n} * {side}, i // {n} * {side}, {side}, {side})
        out.write(friction.astype("float32"), 1, window=at)
del field, friction
"""

_FROM_FILE = """#--
found = cost_surface(path, [({middle}, {middle})], neighbours=8{more})
print(found.attrs["geocn"]["n_cells_reached"])
"""

_GRASS = """
import os, shutil, subprocess, sys, tempfile
import rasterio
if shutil.which("grass") is None:
    print("skipped: GRASS is not installed")
    sys.exit(0)
folder = tempfile.mkdtemp()
side = len(friction)
with rasterio.open(folder + "/f.tif", "w", driver="GTiff", width=side, height=side, count=1,
                   dtype="float64", crs="EPSG:6933",
                   transform=rasterio.Affine(1e3, 0, 0, 0, -1e3, side * 1e3)) as out:
    out.write(friction, 1)
home = folder + "/place"
subprocess.run(["grass", "-c", folder + "/f.tif", home, "-e"], check=True, capture_output=True)
def grass(*words):
    subprocess.run(["grass", home + "/PERMANENT", "--exec", *words], check=True,
                   capture_output=True)
grass("r.in.gdal", "input=" + folder + "/f.tif", "output=f")
grass("g.region", "raster=f")
middle = (side // 2 + 0.5) * 1e3
#--
start = f"start_coordinates={{middle}},{{middle - 1e3}}"
grass("r.cost", "input=f", "output=c", start, "memory=4000")
"""

_GROWTH = tuple(
    Case(
        f"accumulated cost over {side}² cells of terrain, 8 neighbours, for growth",
        _TERRAIN.replace("{side}", str(side)) + _PLACE + _MIDDLE.replace("{n}", "8"),
    )
    for side in (1000, 2000)
)

_SIDE = _TERRAIN.replace("{side}", "4000")
_OURS8 = _PLACE + _MIDDLE.replace("{n}", "8")
_OURS16 = _PLACE + _MIDDLE.replace("{n}", "16").replace(
    "#--", "cost_surface(raster[:400, :400], [(0, 0)])\n#--"
)

_CORRIDOR = """
least_cost_corridors(raster[:400, :400], [(20, 30)], [(300, 300)], tolerances=[0.05], neighbours=8)
#--
found = least_cost_corridors(raster, [(200, 300)], [(1800, 1700)], tolerances=[0.05], neighbours=8)
print(found["n_cells"].tolist())
"""

_CORRIDOR_PEER = """
from skimage.graph import MCP_Geometric
#--
total = sum(MCP_Geometric(friction).find_costs([at])[0] for at in ((200, 300), (1800, 1700)))
print(int((total <= 1.05 * total.min() * (1 + 1e-12)).sum()))
"""

_SMALL = _TERRAIN.replace("{side}", "2000")


def _from_file(n: int, more: str = "") -> str:
    ready = _TERRAIN + _FILE
    work = _FROM_FILE.replace("{middle}", str(1250 * n)).replace("{more}", more)
    return ready.replace("{side}", "2500").replace("{n}", str(n)) + work


CASES = (
    Case("accumulated cost over 4000² cells of terrain, 8 neighbours", _SIDE + _OURS8,
         _SIDE + _SKIMAGE, "scikit-image MCP_Geometric"),
    Case("accumulated cost over 4000² cells of white noise, 8 neighbours", _NOISE + _OURS8,
         _NOISE + _SKIMAGE, "scikit-image MCP_Geometric"),
    Case("accumulated cost over a maze of 2000² cells, 8 neighbours", _COMB + _OURS8,
         _COMB + _SKIMAGE, "scikit-image MCP_Geometric"),
    Case("accumulated cost over 2000² cells of terrain, 16 neighbours", _SMALL + _OURS16,
         _SMALL + _HEAP, "one heap"),
    Case("accumulated cost over 2000² cells of terrain against GRASS", _SMALL + _OURS8,
         _SMALL + _GRASS, "GRASS r.cost"),
    Case("accumulated cost over 10000² cells in memory", _from_file(4), limit_mb=3072.0),
    Case("accumulated cost over 5000² cells by blocks within 600 MB",
         _from_file(2, ", to=path + '.cost.tif', memory_budget_mb=600"), limit_mb=600.0),
    Case("corridor between two sites over 2000² cells", _SMALL + _PLACE + _CORRIDOR,
         _SMALL + _CORRIDOR_PEER, "scikit-image MCP_Geometric"),
    *_GROWTH,
)  # fmt: skip
