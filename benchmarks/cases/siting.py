"""Where sites do most good: uniform points in a square of one degree, weights 1 to 999.

The reach of 0.05 degrees (5.56 km) lets 40 of 5,000 sites cover some 43 % of the weight.
"""

from __future__ import annotations

from benchmarks.case import Case

_WORLD = """
import numpy as np, geopandas as gpd, shapely
rng = np.random.default_rng(0)
demand = gpd.GeoDataFrame(geometry=shapely.points(rng.random(({n}, 2))), crs=4326)
candidates = gpd.GeoDataFrame(geometry=shapely.points(rng.random(({m}, 2))), crs=4326)
demand["people"] = rng.integers(1, 1000, {n}).astype(float)
"""

_OURS = """
from geocn.coverage import locate
locate(demand[:50], candidates[:50], p=3, threshold=9, weight="people", gap=0)
#--
found = locate(demand, candidates, p={p}, threshold={km}, weight="people", gap={gap})
assert found.gap <= {gap} + 1e-12, found.gap
print(found.objective)
"""

_SPOPT = """
import warnings
warnings.simplefilter("ignore")
import pulp
from spopt.locate import MCLP
from scipy.spatial.distance import cdist
xy = [shapely.get_coordinates(frame.geometry) * 111.2 for frame in (demand, candidates)]
#--
model = MCLP.from_cost_matrix(cdist(*xy), demand["people"].to_numpy(), {km}, p_facilities={p})
model = model.solve(pulp.HiGHS(msg=False, threads=1, gapRel={gap}, timeLimit=600))
print(model.problem.objective.value())
"""


def _case(
    n: int, m: int, p: int, gap: float, cpu_s: float, mb: float | None = None, peer: bool = False
) -> Case:
    size = {"n": n, "m": m, "p": p, "km": 5.56, "gap": gap}
    asked = "to the optimum" if gap == 0 else f"to a gap of {gap:g}"
    return Case(
        f"maximal covering {n:,} × {m:,}, p={p}, {asked}",
        (_WORLD + _OURS).format(**size),
        (_WORLD + _SPOPT).format(**size) if peer else "",
        "spopt with HiGHS" if peer else "",
        limit_cpu_s=cpu_s,
        limit_mb=mb,
    )


CASES = (
    _case(1_000, 1_000, 20, 0.0, 1.0, peer=True),
    _case(5_000, 5_000, 40, 0.01, 2.0),
    _case(5_000, 5_000, 40, 0.0, 40.0),
    _case(100_000, 5_000, 40, 0.001, 15.0, mb=1500),
)
