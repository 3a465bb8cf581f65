"""Sums by zone, beside exactextract on the same file, the read included."""

from __future__ import annotations

from benchmarks.case import Case

# A smooth field with noise, whose values have about 100 levels, as a density or class
# raster has them; the same noise in every strip, so that making it takes seconds.
_RASTER = """
import tempfile; from pathlib import Path
import numpy as np, geopandas as gpd, rasterio, rasterio.shutil, shapely
rng = np.random.default_rng(0)
folder = tempfile.TemporaryDirectory()
file = Path(folder.name) / "density.tif"
place = rasterio.Affine(1000, 0, 0, 0, -1000, side * 1000)
x = np.sin(np.arange(side) / 97) * 40 + 100
noise = rng.integers(0, 2, (512, side), dtype="uint8")
level = dict(zstd_level=1) if packed == "zstd" else dict(zlevel=1)
with rasterio.Env(GDAL_CACHEMAX=64):
    with rasterio.open(file, "w", driver="GTiff", width=side, height=side, count=1, dtype=kind,
                       crs="EPSG:6933", transform=place, tiled=True, blockxsize=512,
                       blockysize=512, compress=packed, nodata=0, **level) as out:
        for top in range(0, side, 512):
            n = min(512, side - top)
            y = np.cos(np.arange(top, top + n) / 131)[:, None] * 40
            out.write((x + y).astype(kind) + noise[:n], 1, window=((top, top + n), (0, side)))
    if cog:
        cloud = file.with_name("cog.tif")
        as_cog = dict(driver="COG", compress="DEFLATE", level=1, overviews="NONE")
        rasterio.shutil.copy(file, cloud, **as_cog)
        file = cloud
def circles(n, low, high):
    radius = rng.uniform(low, high, n) * 1000
    at = rng.uniform(0.15, 0.85, (n, 2)) * side * 1000
    return gpd.GeoDataFrame(geometry=shapely.buffer(shapely.points(at), radius, quad_segs=32),
                            crs="EPSG:6933")
"""

# Both do a tiny piece first: what a process pays once, as starting numba, is no part of
# the work (the whole process and the first run stand beside it).
_OURS = """
from geocn.cultivation import zonal_stats
def work(zones):
    return zonal_stats(zones, file, stats=("sum", "count"))
work(zones[:1])
#--
print(round(float(work(zones)["sum"].sum()), 3))
"""

_PEER = """
from exactextract import exact_extract
def work(zones):
    return exact_extract(str(file), zones, ["sum", "count"], output="pandas")
work(zones[:1])
#--
print(round(float(work(zones)["sum"].sum()), 3))
"""


def _case(name: str, side: int, kind: str, zones: str, *, packed: str, cog: bool = False) -> Case:
    begin = f"side, kind, packed, cog = {side}, {kind!r}, {packed!r}, {cog}\n"
    ready = begin + _RASTER.replace("{", "{{").replace("}", "}}") + f"zones = {zones}\n"
    return Case(
        name,
        ready + _OURS,
        ready + _PEER,
        "exactextract",
        limit_mb=1000 if side > 20_000 else None,
    )


CASES = (
    _case(
        "zonal sums of 1,000 zones, GeoTIFF 5000²",
        5000, "float32", "circles(1000, 30, 150)", packed="none",
    ),
    _case(
        "zonal sums of 100 large overlapping zones, GeoTIFF 5000²",
        5000, "float32", "circles(100, 700, 900)", packed="none",
    ),
    _case(
        "zonal sums of 1,000 zones, DEFLATE GeoTIFF 5000²",
        5000, "float32", "circles(1000, 30, 150)", packed="deflate",
    ),
    _case(
        "zonal sums of 300 zones, COG 30,000²",
        30_000, "uint16", "circles(300, 200, 1500)", packed="zstd", cog=True,
    ),
)  # fmt: skip
