"""Current flow and randomised shortest paths."""

from __future__ import annotations

from benchmarks.case import Case

_TERRAIN = """
import numpy as np, xarray as xr
import rioxarray
from scipy import ndimage
side = {side}
field = ndimage.gaussian_filter(np.random.default_rng(5).normal(size=(side, side)), side / 160)
friction = np.exp((field - field.min()) / (field.max() - field.min()) * np.log(100))
del field
at = np.random.default_rng(6).integers(0, side, (10, 2))
"""

_OURS = """
from geocn.corridors import current_flow, randomised_shortest_paths
raster = xr.DataArray(friction, dims=("y", "x"), coords={{
    "y": np.arange(side)[::-1] * 1e3, "x": np.arange(side) * 1e3}}).rio.write_crs("EPSG:6933")
current_flow(raster[:9, :9], [(1, 1), (7, 7)], solver="direct")
current_flow(raster[:9, :9], [(1, 1), (7, 7)], solver="multigrid")
#--
"""

_FLOW = """found = current_flow(raster, at{more})
print(float(found.resistances.loc[0, 1]), float(found.current.sum()))
"""

_PEER = """
import pyamg, scipy.sparse as sp
r, cells = friction, np.arange(side * side).reshape(side, side)
pyamg.smoothed_aggregation_solver(pyamg.gallery.poisson((9, 9), format="csr"))
#--
u, v, w = [], [], []
for a, b, length in ((np.s_[:, :-1], np.s_[:, 1:], 1), (np.s_[:-1], np.s_[1:], 1),
                     (np.s_[:-1, :-1], np.s_[1:, 1:], 2**0.5),
                     (np.s_[:-1, 1:], np.s_[1:, :-1], 2**0.5)):
    u.append(cells[a].ravel()); v.append(cells[b].ravel())
    w.append((2 / (length * (r[a] + r[b]))).ravel())
u, v, w = (np.concatenate(x) for x in (u, v, w))
edges = sp.coo_matrix((np.r_[w, w], (np.r_[u, v], np.r_[v, u])), shape=(side * side,) * 2).tocsr()
whole = sp.diags(np.asarray(edges.sum(axis=1)).ravel()) - edges
node = at[:, 0] * side + at[:, 1]
kept = np.delete(np.arange(side * side), node[0])
matrix = whole[kept][:, kept].tocsr()
levels = pyamg.smoothed_aggregation_solver(matrix)
volts = np.zeros((10, side * side))
for k in range(1, 10):
    right = np.zeros(side * side)
    right[node[k]] = 1
    volts[k, kept] = levels.solve(right[kept], tol=1e-6, accel="cg")
total = np.zeros(side * side)
for i in range(10):
    for j in range(i):
        x = volts[i] - volts[j]
        flow = np.abs(w * (x[u] - x[v]))
        total += (np.bincount(u, flow, side * side) + np.bincount(v, flow, side * side)) / 2
        total[node[[i, j]]] += 0.5
x = volts[1]
print(x[node[1]] - x[node[0]], total.sum())
"""

_WALKS = """
found = randomised_shortest_paths(raster, at[:1], at[1:2], theta={theta})
print(found.costs["cost_ratio"].tolist())
"""


def _terrain(side: int) -> str:
    return _TERRAIN.replace("{side}", str(side))


def _flow(more: str = "") -> str:
    return _OURS + _FLOW.replace("{more}", more)


CASES = (
    Case("current flow over 1000² cells, 10 focal nodes", _terrain(1000) + _flow(),
         _terrain(1000) + _PEER, "pyamg, to a residual of 1e-6"),
    Case("current flow over 1000² cells, 10 focal nodes, by multigrid",
         _terrain(1000) + _flow(', solver="multigrid"'),
         _terrain(1000) + _PEER, "pyamg, to a residual of 1e-6"),
    Case("current flow over 2236² (5 million) cells, 3 focal nodes",
         _terrain(2236) + "at = at[:3]\n" + _flow(), limit_mb=12_288.0),
    Case("randomised shortest paths over 1000² cells, one pair",
         _terrain(1000) + _OURS + _WALKS.replace("{theta}", "1e-6")),
)  # fmt: skip
