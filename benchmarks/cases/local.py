"""Local statistics."""

from __future__ import annotations

from benchmarks.case import Case

_IMPORTS = """
import numpy as np, geopandas as gpd, shapely
"""

_LATTICE = (
    _IMPORTS
    + """
x, y = np.meshgrid(np.arange(side), np.arange(side))
cells = shapely.box(x.ravel() * 1e3, y.ravel() * 1e3, (x.ravel() + 1) * 1e3, (y.ravel() + 1) * 1e3)
rng = np.random.default_rng(0)
frame = gpd.GeoDataFrame(
    {{"n": rng.poisson(2.0, side * side), "rate": rng.lognormal(0, 1, side * side)}},
    geometry=cells,
    crs="EPSG:6933",
)
"""
)

_AREAS = (
    _IMPORTS
    + """
rng = np.random.default_rng(0)
cells = shapely.get_parts(
    shapely.voronoi_polygons(shapely.multipoints(rng.uniform(0, 1e6, (100_000, 2))))
)
frame = gpd.GeoDataFrame({{"rate": rng.lognormal(0, 1, len(cells))}}, geometry=cells, crs=6933)
from geocn.spatial.neighbours import neighbour_matrix
matrix = neighbour_matrix(frame, "queen")
"""
)

_PERMUTED = """
from geocn.hotspots import {name}
from geocn.spatial.neighbours import neighbour_matrix
{name}(frame.iloc[:99], "rate", neighbours="queen", inference="permutation", permutations=9)
#--
result = {name}(
    frame, "rate", neighbours={neighbours}, inference="permutation", permutations=999
)
print(int(result["significant"].sum()))
"""

_ESDA = """
import warnings
import libpysal, esda
from geocn.spatial.neighbours import neighbour_matrix
warnings.simplefilter("ignore")
weights = libpysal.weights.WSP(neighbour_matrix(frame, "queen")).to_W(silence_warnings=True)
values = frame["rate"].to_numpy()
few = libpysal.weights.lat2W(10, 10)
esda.{name}(values[:100], few, permutations=9, n_jobs=1)
#--
result = esda.{name}(values, weights, permutations=999, n_jobs=1, seed=1)
print(int((result.p_sim <= 0.05).sum()))
"""

_PYGEODA = """
import pygeoda
weights = pygeoda.queen_weights(pygeoda.open(frame))
values = frame["rate"].tolist()
#--
result = pygeoda.{name}(
    weights, values, permutations=999, permutation_method="lookup-table", cpu_threads=1
)
print(sum(p <= 0.05 for p in result.lisa_pvalues()))
"""

_EXACT = """
from geocn.hotspots import getis_ord
from geocn.spatial.lattice import find_lattice
near = {near}
#--
result = getis_ord(frame, "n", neighbours=near, inference="exact")
print(int(result["significant"].sum()))
"""

_PAIRS = (("getis_ord", "G_Local", "local_gstar"), ("local_moran", "Moran_Local", "local_moran"))


def _permuted(ours: str, theirs: str, geoda: str) -> tuple[Case, ...]:
    lattice, areas = "side = 316\n" + _LATTICE, _AREAS
    on_lattice = _PERMUTED.format(name=ours, neighbours='"queen"')
    on_areas = _PERMUTED.format(name=ours, neighbours="matrix")
    esda = _ESDA.format(name=theirs)
    return (
        Case(
            f"{ours} of 100,000 lattice cells, queen, 999 permutations",
            lattice + on_lattice,
            lattice + esda,
            f"esda.{theirs}",
        ),
        Case(
            f"{ours} of 100,000 lattice cells, 999 permutations, beside GeoDa",
            lattice + on_lattice,
            lattice + _PYGEODA.format(name=geoda),
            f"pygeoda.{geoda} (lookup table)",
        ),
        Case(
            f"{ours} of 100,000 irregular areas, given weights, 999 permutations",
            areas + on_areas,
            areas + esda,
            f"esda.{theirs}",
        ),
    )


def _exact(name: str, side: int, near: str, limit_cpu_s: float | None) -> Case:
    work = f"side = {side}\n" + _LATTICE + _EXACT.format(near=near)
    return Case(name, work, limit_cpu_s=limit_cpu_s)


CASES = (
    *(case for pair in _PAIRS for case in _permuted(*pair)),
    _exact(
        "exact Gi* of 1 M lattice cells, neighbours built", 1000, "find_lattice(frame).queen()", 0.3
    ),
    _exact("exact Gi* of 1 M lattice cells, neighbours included", 1000, '"queen"', 2.0),
    _exact("exact Gi* of 10,000 lattice cells, neighbours included", 100, '"queen"', None),
    _exact("exact Gi* of 100,000 lattice cells, neighbours included", 316, '"queen"', None),
)
