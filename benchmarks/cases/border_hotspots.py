"""Hotspots along all land borders of the world."""

from __future__ import annotations

from benchmarks.case import Case

# 20,000 crossings on 23,291 segments of 10 km, one stretch of 120 km eight times as busy.
_WORLD = """
import numpy as np, pandas as pd, geopandas as gpd
from geocn.hotspots import border_hotspots, border_segments
segments = border_segments()
rng = np.random.default_rng(0)
chance = segments["length_km"].to_numpy().copy()
chance[5000:5012] *= 8
at = rng.choice(len(segments), 20_000, p=chance / chance.sum())
held = segments.iloc[at]
along = rng.random(20_000)
when = pd.Timestamp("2020-01-01", tz="UTC") + pd.to_timedelta(rng.integers(0, 1826, 20_000), "D")
data = {{
    "dyad": held["dyad"].to_numpy(),
    "chainage_km": held["chainage_from_km"].to_numpy() + along * held["length_km"].to_numpy(),
    "from_country": held["left"].to_numpy(),
    "route_row": np.arange(20_000),
    "crossed_at": when,
}}
crossings = gpd.GeoDataFrame(data, geometry=held.geometry.to_numpy(), crs=4326)
"""

_RUN = """
#--
result = border_hotspots(crossings, segments, method="{method}")
print(int((result["hotspot_class"] == "hot").sum()))
"""


def _case(method: str) -> Case:
    return Case(
        f"Border hotspots by {method}: 20,000 crossings on 23,291 segments, 60 months",
        _WORLD + _RUN.format(method=method),
        limit_cpu_s=5.0,
    )


CASES = tuple(_case(method) for method in ("scan", "kernel", "empirical_bayes", "poisson"))
