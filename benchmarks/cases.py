"""The cases: one piece of work each, written once for geocn and once for a peer.

The line ``#--`` parts what is made ready (imports and input) from the work that is timed.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Case:
    """One piece of work; ``{reference}`` stands for the folder of reference inputs.

    Attributes
    ----------
    name : str
        What is done, with its size.
    ours, peer : str
        The work as code of a fresh interpreter; ``peer`` is empty where none does this work.
    peer_name : str
        Whose code ``peer`` is.
    limit_cpu_s, limit_mb : float, optional
        What was promised.
    """

    name: str
    ours: str
    peer: str = ""
    peer_name: str = ""
    limit_cpu_s: float | None = None
    limit_mb: float | None = None


_SEIZURES = Case(
    "311,038 real seizures, read and harmonised, places matched",
    """
import warnings; warnings.simplefilter("ignore")
import geocn
#--
towns = geocn.read_places("{reference}/colombia/municipalities.gpkg", code="ADM2_PCODE",
                                 name="ADM2_ES", parent="ADM1_ES", country="Colombia")
frame = geocn.read_seizures("{reference}/seizures_unodc_ids_2011_2016.zip", places=towns)
print(len(frame))
""",
    """
import zipfile, pandas as pd
#--
with zipfile.ZipFile("{reference}/seizures_unodc_ids_2011_2016.zip") as z:
    frame = pd.read_csv(z.open(z.namelist()[0]), sep=";", dtype=str)
frame["SEIZURE_DATE"] = pd.to_datetime(frame["SEIZURE_DATE"], errors="coerce", utc=True)
frame["AMOUNT"] = pd.to_numeric(frame["AMOUNT"], errors="coerce")
print(len(frame))
""",
    "pandas.read_csv and to_datetime alone (nothing harmonised)",
    limit_cpu_s=10,
    limit_mb=1500,
)

_LATTICE = """
import numpy as np, geopandas as gpd, shapely
side = 100
x, y = np.meshgrid(np.arange(side), np.arange(side))
cells = shapely.box(x.ravel() * 1e3, y.ravel() * 1e3, (x.ravel() + 1) * 1e3, (y.ravel() + 1) * 1e3)
count = np.random.default_rng(0).poisson(2.0, side * side)
frame = gpd.GeoDataFrame({{"n": count}}, geometry=cells, crs="EPSG:6933")
"""

_GETIS = Case(
    "Gi* of 10,000 cells, queen, 999 permutations, neighbours included",
    _LATTICE
    + """
from geocn.hotspots import getis_ord
#--
result = getis_ord(frame, "n", neighbours="queen", inference="permutation", permutations=999)
print(int(result["significant"].sum()))
""",
    _LATTICE
    + """
from libpysal.graph import Graph
from esda.getisord import G_Local
#--
graph = Graph.build_contiguity(frame, rook=False)
result = G_Local(frame["n"].to_numpy(float), graph, transform="B", permutations=999,
                 star=True, seed=1)
print(int((result.p_sim <= 0.05).sum()))
""",
    "esda.G_Local",
)

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

_DEMO = Case(
    "the demo, all releases and maps",
    """
import tempfile, warnings; warnings.simplefilter("ignore")
import geocn
from geocn._sample import sample_folder
#--
with tempfile.TemporaryDirectory() as folder:
    geocn.run(sample_folder() / "andes" / "project.toml", out=folder)
""",
    limit_cpu_s=30,
)

CASES = (_SEIZURES, _GETIS, _COST, _ZONAL, _DEMO)
