"""Tables larger than memory, and two workers beside one.

Tables are made once in the temporary folder and stay there for the next run. A case with
workers measures wall time: CPU seconds and memory of workers are not this process's.
"""

from __future__ import annotations

from benchmarks.case import Case

# Text of a number costs most: a million rows are written again and again, by the month.
_TABLE = """
import os, pathlib, tempfile
import numpy as np, pyarrow as pa
from pyarrow import csv
millions = MILLIONS
path = pathlib.Path(tempfile.gettempdir()) / f"geocn-bench-{{millions}}M.csv"
if not path.exists():
    draft = path.with_name(f"{{path.name}}.{{os.getpid()}}")
    with draft.open("wb") as out:
        out.write(b"lon,lat,seized_at\\n")
        for k in range(millions):
            rng = np.random.default_rng(k)
            moment = np.datetime64("2024-01-01", "s") + rng.integers(0, 366 * 86400, 1_000_000)
            table = pa.table(dict(lon=np.round(rng.uniform(-78, -70, 1_000_000), 6),
                                  lat=np.round(rng.uniform(-3, 5, 1_000_000), 6),
                                  seized_at=pa.array(moment)))
            csv.write_csv(table, out, csv.WriteOptions(include_header=False))
    draft.replace(path)
"""

_GRID = """
from geocn.hotspots import count_points, make_grid
grid = make_grid((-78, -3, -70, 5), cell_size_km=5)
count_points(np.array([[-77.0, 1.0]]), grid)
#--
print(int(count_points(path, grid, by_period="month")["n_events"].sum()))
"""

_POLARS = """
import polars as pl
#--
cells = pl.scan_csv(path, try_parse_dates=True).select(
    (pl.col("lon") * 22.26).floor().cast(pl.Int32).alias("x"),
    (pl.col("lat") * 22.26).floor().cast(pl.Int32).alias("y"),
    pl.col("seized_at").dt.truncate("1mo").alias("month"),
).group_by("x", "y", "month").len().collect(engine="streaming")
print(int(cells["len"].sum()))
"""

_DUCKDB = """
import duckdb
#--
print(duckdb.sql(f\"\"\"
    SELECT sum(n) FROM (
        SELECT floor(lon * 22.26)::INT AS x, floor(lat * 22.26)::INT AS y,
               date_trunc('month', seized_at) AS month, count(*) AS n
        FROM read_csv('{{path}}') GROUP BY ALL)
\"\"\").fetchall()[0][0])
"""

# Outlines of about 150 vertices, as those of municipalities are.
_AREAS = """
import geopandas as gpd, shapely
rng = np.random.default_rng(0)
frame = shapely.box(-78, -3, -70, 5)
seeds = shapely.multipoints(rng.uniform((-78, -3), (-70, 5), (5000, 2)))
cells = shapely.get_parts(shapely.voronoi_polygons(seeds, extend_to=frame))
cells = shapely.segmentize(shapely.intersection(cells, frame), 0.003)
areas = gpd.GeoDataFrame(geometry=cells, crs=4326)
"""

_COUNT_AREAS = """
from geocn.hotspots import count_points
count_points(np.array([[-77.0, 1.0]]), areas.iloc[:10])
#--
print(int(count_points(path, areas)["n_events"].sum()))
"""

_SJOIN_AREAS = """
import pandas as pd
#--
total = 0
for chunk in pd.read_csv(path, usecols=["lon", "lat"], chunksize=500_000):
    points = gpd.GeoDataFrame(geometry=gpd.points_from_xy(chunk["lon"], chunk["lat"]), crs=4326)
    found = gpd.sjoin(points, areas, predicate="within")
    total += int(found.groupby("index_right").size().sum())
print(total)
"""

_WORKERS = """
import sys, time
import numpy as np, geopandas as gpd, rasterio, shapely
from distributed import Client, LocalCluster
from geocn.cultivation import zonal_stats
from geocn.hotspots import count_points, make_grid
grid = make_grid((-78, -3, -70, 5), cell_size_km=5)
raster = path.with_name("geocn-bench-16384.tif")
side = 16384
if not raster.exists():
    draft = raster.with_name(f"{{raster.name}}.{{os.getpid()}}.tif")
    with rasterio.open(draft, "w", driver="GTiff", width=side, height=side, count=1,
                       dtype="float32", crs="EPSG:6933", tiled=True, blockxsize=512,
                       blockysize=512, compress="deflate", zlevel=1,
                       transform=rasterio.Affine(100, 0, 0, 0, -100, side * 100)) as out:
        for top in range(0, side, 512):
            rng = np.random.default_rng(top)
            strip = rng.integers(0, 99, (512, side)).astype("float32")
            out.write(strip, 1, window=((top, top + 512), (0, side)))
    draft.replace(raster)
rng = np.random.default_rng(0)
at = rng.uniform(0.1, 0.9, (500, 2)) * side * 100
zones = gpd.GeoDataFrame(geometry=shapely.buffer(shapely.points(at), 100_000), crs="EPSG:6933")
def work(client):
    {work}
if __name__ == "__main__":
    times = {{}}
    for n in (1, 2):
        with LocalCluster(n_workers=n, threads_per_worker=1, dashboard_address=None) as cluster:
            with Client(cluster) as client:
                work(client)  # workers have imported and compiled what they need
                start = time.perf_counter()
                work(client)
                times[n] = time.perf_counter() - start
    ratio = times[1] / times[2]
    told = f"one worker {{times[1]:.1f}} s, two {{times[2]:.1f}} s: {{ratio:.2f}} times"
    print(told, file=sys.stderr, flush=True)
#--
print(f"{{ratio:.2f}}")
"""


def _workers(name: str, work: str, millions: int) -> Case:
    ready = _TABLE.replace("MILLIONS", str(millions)) + _WORKERS.replace("{work}", work)
    return Case(name, ready, peer_name="")


def _monthly(millions: int, peer: str, peer_name: str) -> Case:
    table = _TABLE.replace("MILLIONS", str(millions))
    return Case(
        f"{millions} M points of a CSV onto 31,866 squares of 5 km by month",
        table + _GRID,
        table + peer,
        peer_name,
        limit_mb=1500,
    )


CASES = (
    _monthly(50, _POLARS, "polars (scaled degrees, not an equal-area grid)"),
    _monthly(50, _DUCKDB, "duckdb (scaled degrees, not an equal-area grid)"),
    Case(
        "5 M points of a CSV in 5,000 areas of 155 vertices",
        _TABLE.replace("MILLIONS", "5") + _AREAS + _COUNT_AREAS,
        _TABLE.replace("MILLIONS", "5") + _AREAS + _SJOIN_AREAS,
        "geopandas sjoin in chunks (within: points on edges in none)",
        limit_cpu_s=60.0,
        limit_mb=800,
    ),
    _workers(
        "two workers beside one: 20 M points of a CSV by month (ratio of wall time, ≥ 1.6)",
        'count_points(path, grid, by_period="month", scheduler=client)',
        20,
    ),
    _workers(
        "two workers beside one: zonal sums of 500 zones, 16,384² (ratio of wall time, ≥ 1.6)",
        'zonal_stats(zones, raster, stats=("sum", "count"), scheduler=client)',
        1,
    ),
)
