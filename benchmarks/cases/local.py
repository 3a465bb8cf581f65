"""Local statistics."""

from __future__ import annotations

from benchmarks.case import Case

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

CASES = (_GETIS,)
