"""Densities on the plane and along networks."""

from __future__ import annotations

from benchmarks.case import Case

_POINTS = """
import warnings; warnings.simplefilter("ignore")
import numpy as np, geopandas as gpd, pyproj
crs = pyproj.CRS("+proj=laea +lat_0=1 +lon_0=-77 +datum=WGS84 +units=m +type=crs")
xy = np.random.default_rng(0).normal(0, 100_000, (1_000_000, 2)).clip(-490_000, 490_000)
events = gpd.GeoDataFrame(geometry=gpd.points_from_xy(*xy.T), crs=crs)
extent = gpd.GeoSeries(gpd.points_from_xy([-5e5, 5e5], [-5e5, 5e5]), crs=crs)
"""

_OURS = """
from geocn.hotspots import kernel_density
kernel_density(events.iloc[:9], cell_m=5_000, bandwidth_m=10_000, extent=extent)
#--
surface = kernel_density(events, cell_m=500, bandwidth_m=11_000, extent=extent)
print(surface.shape, round(float(surface.sum()) * 0.25))
"""

# KDEpy takes the standard deviation of the kernel along one axis: h / sqrt(7) for its biweight.
_KDEPY = """
from KDEpy import FFTKDE
axis = np.arange(-499_750.0, 500_000, 500)
grid = np.stack(np.meshgrid(axis, axis, indexing="ij"), -1).reshape(-1, 2)
#--
xy = events.geometry.to_crs(crs).get_coordinates().to_numpy()
values = FFTKDE(kernel="biweight", bw=11_000 / 7**0.5).fit(xy).evaluate(grid)
surface = values.reshape(2000, 2000) * len(xy) * 1e6
print(surface.shape, round(surface.sum() * 0.25))
"""

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

_FROM_FILE = """
from geocn.hotspots import point_density
how = dict(extent=(-78, -3, -70, 5), bandwidth_m=20_000)
point_density(np.array([[-77.0, 1.0]]), cell_m=10_000, **how)
#--
surface = point_density(path, cell_m=1_000, **how)
print(surface.shape, round(surface.attrs["geocn"]["mass"]))
"""

# Simple binning in degrees, and a kernel of the same width: neither equal-area nor linear.
_POLARS = """
import polars as pl
from scipy.signal import fftconvolve
#--
cells = pl.scan_parquet(path).select(
    ((pl.col("lon") + 78) * 111.3).floor().cast(pl.Int32).alias("x"),
    ((pl.col("lat") + 3) * 111.3).floor().cast(pl.Int32).alias("y"),
).group_by("x", "y").len().collect(engine="streaming")
grid = np.zeros((892, 892))
np.add.at(grid, (cells["y"].to_numpy(), cells["x"].to_numpy()), cells["len"].to_numpy())
axis = np.arange(-20, 21)
d2 = (axis**2 + axis[:, None] ** 2) / 400
kernel = np.where(d2 < 1, (1 - d2) ** 2, 0)
print(round(fftconvolve(grid, kernel / kernel.sum(), mode="same").sum()))
"""

_DEGREES = "events = events.to_crs(4326)\n"

_ROADS = """
import numpy as np, geopandas as gpd, shapely
side, n_events = {side}, {events}
rng = np.random.default_rng(0)
x = np.arange(side) * 1000.0 + rng.uniform(-300, 300, (side, side))
y = (np.arange(side) * 1000.0)[:, None] + rng.uniform(-300, 300, (side, side))
node = np.stack([x, y], -1)
def bent(a, b):
    a, b = a.reshape(-1, 2), b.reshape(-1, 2)
    return np.stack([a, (a + b) / 2 + rng.uniform(-80, 80, a.shape), b], 1)
streets = np.concatenate([bent(node[:, :-1], node[:, 1:]), bent(node[:-1], node[1:])])
crs = "+proj=laea +lat_0=1 +lon_0=-77 +datum=WGS84 +units=m +type=crs"
roads = gpd.GeoDataFrame(geometry=shapely.linestrings(streets), crs=crs).to_crs(4326)
at = node.reshape(-1, 2)[rng.integers(0, side * side, n_events)]
at = at + rng.normal(0, 200, (n_events, 2))
events = gpd.GeoDataFrame(geometry=gpd.points_from_xy(*at.T), crs=crs).to_crs(4326)
from geocn.hotspots import network_kernel_density
few = dict(bandwidth_m=3000, lixel_m=200, method="{method}")
network_kernel_density(roads.iloc[:50], events.iloc[:5], **few)
#--
"""

_NETWORK = """
lixels = network_kernel_density(roads, events, **few)
print(len(lixels), round(float((lixels["density_per_m"] * lixels["length_m"]).sum())))
"""

# A Dijkstra of each event on a graph whose nodes are the ends of the lixels.
_NETWORKX = """
import networkx
metric = roads.to_crs(crs)
graph = networkx.Graph()
for line in metric.geometry:
    n = max(1, round(line.length / 200))
    places = shapely.line_interpolate_point(line, np.arange(n + 1) / n, normalized=True)
    ends = [tuple(xy) for xy in np.round(shapely.get_coordinates(places), 2)]
    for a, b in zip(ends, ends[1:]):
        graph.add_edge(a, b, weight=line.length / n)
names = list(graph)
near = shapely.STRtree(shapely.points(names)).nearest(events.to_crs(crs).geometry.to_numpy())
density = dict.fromkeys(names, 0.0)
for i in near:
    found = networkx.single_source_dijkstra_path_length(graph, names[i], 3000, "weight")
    for name, metres in found.items():
        density[name] += 15 / 16 * (1 - (metres / 3000) ** 2) ** 2 / 3000
print(len(density))
"""


def _network(method: str, side: int, events: int) -> str:
    return _ROADS.format(side=side, events=events, method=method)


CASES = (
    Case(
        "Kernel density of 1 M points in metres, 2000 x 2000 cells",
        _POINTS + _OURS,
        _POINTS + _KDEPY,
        "KDEpy.FFTKDE",
    ),
    Case(
        "Kernel density of 1 M points in degrees, 2000 x 2000 cells",
        _POINTS + _DEGREES + _OURS,
        _POINTS + _DEGREES + _KDEPY,
        "KDEpy.FFTKDE",
    ),
    Case(
        "Density of 50 M points of a Parquet file, 890 x 890 cells (reading included)",
        _FILE + _FROM_FILE,
        _FILE + _POLARS,
        "polars group_by in degrees and scipy.signal.fftconvolve",
        limit_cpu_s=12,
        limit_mb=1000,
    ),
    *(
        Case(
            f"Network density, {method}: 100,000 events on 100,800 edges",
            _network(method, 225, 100_000) + _NETWORK,
            limit_cpu_s=20,
        )
        for method in ("simple", "discontinuous", "continuous")
    ),
    Case(
        "Network density, simple: 1,000 events on 1,740 edges",
        _network("simple", 30, 1_000) + _NETWORK,
        _network("simple", 30, 1_000) + _NETWORKX,
        "networkx, Dijkstra of each event",
    ),
)
