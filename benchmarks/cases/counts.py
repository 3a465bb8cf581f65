"""Counting events in areas."""

from __future__ import annotations

from benchmarks.case import Case

_FILE = """
import pathlib, tempfile
import numpy as np, pyarrow as pa, pyarrow.parquet as pq
folder = tempfile.TemporaryDirectory()
path = pathlib.Path(folder.name) / "points.parquet"
writer = None
for part in range(50):
    rng = np.random.default_rng(part)
    chunk = pa.table({{"lon": rng.uniform(-78, -70, 1_000_000),
                       "lat": rng.uniform(-3, 5, 1_000_000)}})
    writer = writer or pq.ParquetWriter(path, chunk.schema, compression="none")
    writer.write_table(chunk)
writer.close()
"""

_FIFTY_MILLION = Case(
    "50 M points of a Parquet file onto 31,000 squares of 5 km (reading included)",
    _FILE
    + """
from geocn.hotspots import count_points, make_grid
grid = make_grid((-78, -3, -70, 5), cell_size_km=5)
count_points(np.array([[-77.0, 1.0]]), grid)
#--
print(int(count_points(path, grid)["n_events"].sum()))
""",
    _FILE
    + """
import polars as pl
#--
cells = pl.scan_parquet(path).select(
    (pl.col("lon") * 22.26).floor().cast(pl.Int32).alias("x"),
    (pl.col("lat") * 22.26).floor().cast(pl.Int32).alias("y"),
).group_by("x", "y").len().collect(engine="streaming")
print(int(cells["len"].sum()))
""",
    "polars group_by of scaled degrees (not an equal-area grid)",
    limit_cpu_s=6.0,
    limit_mb=1000,
)


def _onto_a_grid(n: int, imprecise: bool) -> Case:
    points = f"""
import numpy as np, geopandas as gpd
from geocn.hotspots import count_events, make_grid
rng = np.random.default_rng(0)
xy = rng.uniform((-78, -3), (-70, 5), ({n}, 2))
events = gpd.GeoDataFrame(geometry=gpd.points_from_xy(*xy.T), crs=4326)
"""
    vague = "events['location_precision_m'] = np.where(np.arange(len(events)) % 5, 0.0, 2e4)\n"
    return Case(
        f"count_events of {n:,} events onto 9,000 hexagons"
        + (", a fifth of them imprecise, 20 imputations" if imprecise else ""),
        points
        + (vague if imprecise else "")
        + """
grid = make_grid((-78, -3, -70, 5), cell_size_km=10, kind="hex")
count_events(events.iloc[:10], grid)
#--
print(float(count_events(events, grid)["n_events"].sum()))
""",
        points
        + """
grid = make_grid((-78, -3, -70, 5), cell_size_km=10, kind="hex")
#--
found = gpd.sjoin(events.to_crs(grid.crs), grid, predicate="within")
print(len(found.groupby("index_right").size()))
""",
        "geopandas sjoin and groupby, imprecise events stacked" if imprecise else "geopandas sjoin",
    )


CASES = (
    _FIFTY_MILLION,
    *(_onto_a_grid(10**power, False) for power in (4, 5, 6)),
    _onto_a_grid(10**5, True),
)
