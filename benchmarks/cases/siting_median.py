"""Siting by what serving costs: p-median and p-centre."""

from __future__ import annotations

from benchmarks.case import Case

# Towns and candidates at random on a square, with people.
_PLACES = """
import numpy as np, pandas as pd
rng = np.random.default_rng(0)
n, m, p = {n}, {m}, {p}
at, where = rng.random((n, 2)), rng.random((m, 2))
costs = np.hypot(*(at[:, None] - where).transpose(2, 0, 1))
people = rng.integers(1, 1000, n).astype(float)
"""

_OURS = """
from geocn.coverage import locate
demand, candidates = pd.DataFrame(dict(people=people)), pd.DataFrame(index=range(m))
few = costs[:30, :10]
locate(demand[:30], candidates[:10], objective="{objective}", p=3, costs=few, weight="people")
#--
found = locate(demand, candidates, objective="{objective}", p=p, costs=costs, weight="people",
               gap={gap}, time_limit_s=120)
print(found.objective, found.bound, found.status)
"""

_MEDIAN = """
import pulp
from spopt.locate import PMedian
#--
model = PMedian.from_cost_matrix(costs, people, p_facilities=p)
found = model.solve(pulp.HiGHS(msg=False, threads=1))
print(found.problem.objective.value())
"""

_CENTRE = """
import pulp
from spopt.locate import PCenter
#--
model = PCenter.from_cost_matrix(costs, p_facilities=p)
found = model.solve(pulp.HiGHS(msg=False, threads=1))
print(found.problem.objective.value())
"""


def _median(n: int, m: int, p: int, *, gap: float = 0.0) -> str:
    return _PLACES.format(n=n, m=m, p=p) + _OURS.format(objective="p_median", gap=gap)


def _centre(n: int, m: int, p: int, *, gap: float = 0.0) -> str:
    return _PLACES.format(n=n, m=m, p=p) + _OURS.format(objective="p_center", gap=gap)


# spopt does not end within minutes at the sizes without a peer.
CASES = (
    Case(
        "p-median 150 × 150, p = 10, optimum",
        _median(150, 150, 10),
        _PLACES.format(n=150, m=150, p=10) + _MEDIAN,
        "spopt with HiGHS",
    ),
    Case("p-median 500 × 500, p = 20, optimum", _median(500, 500, 20)),
    Case("p-median 1,000 × 1,000, p = 20, gap ≤ 0.1 %", _median(1000, 1000, 20, gap=1e-3)),
    Case(
        "p-centre 40 × 40, p = 3, optimum",
        _centre(40, 40, 3),
        _PLACES.format(n=40, m=40, p=3) + _CENTRE,
        "spopt with HiGHS",
    ),
    Case("p-centre 300 × 300, p = 10, optimum", _centre(300, 300, 10)),
)
