"""Pairs of events."""

from __future__ import annotations

from benchmarks.case import Case

_EVENTS = """
import numpy as np
n = 100_000
rng = np.random.default_rng(0)
xy = rng.random((n, 2)) * 50_000
day = rng.integers(0, 365, n)
space, times = [0, 1, 101, 201, 301, np.inf], [0, 8, 15, 22, np.inf]
"""

_KNOX = Case(
    "Knox of 100,000 events in a year on 50 × 50 km, 5 × 4 intervals, 999 shuffles",
    _EVENTS
    + """
import geopandas as gpd, pandas as pd
from geocn.hotspots import near_repeat
at = pd.Timestamp("2024-01-01") + pd.to_timedelta(day, unit="D")
frame = gpd.GeoDataFrame({{"at": at}}, geometry=gpd.points_from_xy(*xy.T), crs=32618)
#--
knox = near_repeat(frame, time="at", distances=space, times=times, permutations=999)
print(int(knox["observed"].iloc[0]))
""",
    _EVENTS
    + """
from scipy.spatial import cKDTree
#--
def table(d, gap):
    return np.histogram2d(d, gap, [space[:-1], times])[0]
a, b = cKDTree(xy).query_pairs(301, output_type="ndarray").T
d = np.hypot(*(xy[a] - xy[b]).T)
seen = table(d, np.abs(day[a] - day[b]))
more = 1
for _ in range(20):
    mixed = rng.permutation(day)
    more = more + (table(d, np.abs(mixed[a] - mixed[b])) >= seen)
print(int(seen[0, 0]))
""",
    "scipy KD-tree and a numpy loop, 20 shuffles only (999 cost about 50 times as much)",
    limit_cpu_s=5.0,
)

CASES = (_KNOX,)
