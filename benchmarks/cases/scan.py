"""Scan statistics."""

from __future__ import annotations

from benchmarks.case import Case

_TOWNS = """
import numpy as np, geopandas as gpd, shapely
rng = np.random.default_rng(0)
n = {n}
people = rng.integers(50, 1000, n)
cases = rng.multinomial(2 * n, people / people.sum())
xy = rng.random((n, 2)) * 1e6
towns = gpd.GeoDataFrame({{{{"cases": cases, "people": people}}}}, geometry=shapely.points(xy),
                         crs="EPSG:32618")
"""

_OURS = """
from geocn.hotspots import spatial_scan
#--
found = spatial_scan(towns, "cases", population="people", permutations={permutations}{options})
print(round(float(found["log_likelihood_ratio"].iloc[0]), 6))
"""

# The same windows and replicates as array arithmetic: running sums along each centre's order.
_PLAIN = """
#--
expected = people * cases.sum() / people.sum()
total, best = cases.sum(), 0.0
drawn = rng.multinomial(total, people / people.sum(), {permutations})
maxima = np.zeros({permutations})
def ratio(c, e):
    with np.errstate(divide="ignore", invalid="ignore"):
        inside, outside = c * np.log(c / e), (total - c) * np.log((total - c) / (total - e))
    return np.where(c > e, np.nan_to_num(inside) + np.nan_to_num(outside), 0.0)
for centre in xy:
    order = np.argsort(((xy - centre) ** 2).sum(axis=1))
    e = np.cumsum(expected[order])
    order, e = order[e <= total / 2], e[e <= total / 2]
    best = max(best, ratio(np.cumsum(cases[order]), e).max())
    maxima = np.maximum(maxima, ratio(np.cumsum(drawn[:, order], axis=1), e).max(axis=1))
print(round(float(best), 6))
"""


def _towns(n: int) -> str:
    return _TOWNS.format(n=n)


def _ours(permutations: int, options: str = "") -> str:
    return _OURS.format(permutations=permutations, options=options)


_SAME_WORK = Case(
    "Scan of 1,000 areas, 999 replicates, windows to half the population",
    _towns(1000) + _ours(999),
    _towns(1000) + _PLAIN.format(permutations=999),
    "the same windows in plain numpy",
)

_TEN_THOUSAND = Case(
    "Scan of 10,000 areas, 999 replicates, windows to half the population",
    _towns(10_000) + _ours(999),
    limit_cpu_s=30,
)

_ELLIPSES = Case(
    "Scan of 1,000 areas with 47 ellipses, 999 replicates",
    _towns(1000) + _ours(999, ', shape="elliptic"'),
)

_DATED = Case(
    "Space-time permutation: 2,000 cases at 500 places in 52 weeks, 999 replicates, prospective",
    """
import numpy as np, pandas as pd, geopandas as gpd, shapely
from geocn.hotspots import spatial_scan
rng = np.random.default_rng(0)
place = rng.random((500, 2)) * 1e5
when = pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 364, 2000), "D")
cases = gpd.GeoDataFrame({{"n": 1, "when": when}}, crs="EPSG:32618",
                         geometry=shapely.points(place[rng.integers(0, 500, 2000)]))
#--
found = spatial_scan(cases, "n", model="space_time_permutation", time="when", prospective=True)
print(round(float(found["log_likelihood_ratio"].iloc[0]), 6))
""",
)

_BORDER = """
import numpy as np
rng = np.random.default_rng(0)
chain = np.repeat(np.arange({chains}), 65)
length = rng.random(len(chain))
count = rng.multinomial(5000, length / length.sum())
"""

_INTERVALS = Case(
    "Intervals of 300 chains of 65 segments (all borders at 10 km), 5,000 crossings, 999 draws",
    _BORDER.format(chains=300)
    + """
from geocn.hotspots.interval_scan import scan_intervals
#--
found = scan_intervals(count, length, chain)
print(round(float(found.log_likelihood_ratio.max()), 6))
""",
    _BORDER.format(chains=300)
    + """
#--
total = 5000
expected = np.r_[0, np.cumsum(length * total / length.sum())]
drawn = np.vstack([count, rng.multinomial(total, length / length.sum(), 999)])
until = np.c_[np.zeros(1000, int), np.cumsum(drawn, axis=1)]
maxima = np.zeros(1000)
first = np.arange(len(chain))
for size in range(1, 66):
    at = first[:-size + 1 or None]
    at = at[chain[at] == chain[at + size - 1]]
    c, e = until[:, at + size] - until[:, at], expected[at + size] - expected[at]
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.nan_to_num(c * np.log(c / e)) + (total - c) * np.log((total - c) / (total - e))
    maxima = np.maximum(maxima, np.where(c > e, ratio, 0).max(axis=1))
print(round(float(maxima[0]), 6))
""",
    "the same intervals in plain numpy",
)

CASES = (_SAME_WORK, _TEN_THOUSAND, _ELLIPSES, _DATED, _INTERVALS)
