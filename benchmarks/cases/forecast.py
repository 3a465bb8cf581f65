"""Forecasts."""

from __future__ import annotations

from benchmarks.case import Case

_EVENTS = """
import numpy as np, pandas as pd, geopandas as gpd, shapely
n, side = 5_000, 100_000
rng = np.random.default_rng(0)
middle = rng.random((50, 2)) * side
xy = middle[rng.integers(0, 50, n)] + rng.normal(0, 3_000, (n, 2))
xy = np.clip(xy, 0, side - 1)
day = rng.random(n) * 365
steps = np.arange(50) * 2_000
x, y = (a.ravel() for a in np.meshgrid(steps, steps))
"""
_FRAMES = """
at = pd.Timestamp("2024-01-01", tz="UTC") + pd.to_timedelta(day, unit="D")
events = gpd.GeoDataFrame({{"seized_at": at}}, geometry=shapely.points(xy), crs=6933)
grid = gpd.GeoDataFrame(geometry=shapely.box(x, y, x + 2_000, y + 2_000), crs=6933)
from geocn.hotspots import forecast
"""

_KDE = Case(
    "prospective density of 5,000 events on 2,500 cells, with the scores of its last horizon",
    _EVENTS
    + _FRAMES
    + """
#--
ahead = forecast(events, grid, method="prospective_kde", as_of="2024-12-31")
print(round(float(ahead["expected_events"].sum())))
""",
    _EVENTS
    + """
from scipy.stats import gaussian_kde
#--
weight = np.exp(-(366 - day) / 60)
kernel = gaussian_kde(xy.T, weights=weight, bw_method=0.03)
print(round(float(kernel(np.stack([x, y]) + 1_000).sum() * 4e6), 3))
""",
    "scipy gaussian_kde, one density without scores",
)

_EXCITING = Case(
    "self-exciting process fitted to 5,000 events of a year, with the scores of its last horizon",
    _EVENTS
    + _FRAMES
    + """
#--
ahead = forecast(events, grid, method="self_exciting", as_of="2024-12-31")
print(ahead.attrs["geocn"]["fitted"]["offspring"])
""",
)

CASES = (_KDE, _EXCITING)
