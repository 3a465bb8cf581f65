"""The leak scan; no peer decodes maps."""

from __future__ import annotations

from benchmarks.case import Case

CASES = (
    Case(
        "leak scan: map of 100k points, 300k withheld rows",
        """
import tempfile
from pathlib import Path
import geopandas as gpd, numpy as np
from geocn.maps import PlanningMap
from geocn.sharing import scan
rng = np.random.default_rng(0)
def made(n, start):
    xy = np.column_stack([rng.uniform(-79, -67, n), rng.uniform(-4, 12, n)])
    names = [f"SZ-{{number:07d}}" for number in range(start, start + n)]
    return gpd.GeoDataFrame({{"seizure_id": names, "weight_kg": rng.uniform(0, 900, n).round(1)}},
        geometry=gpd.points_from_xy(*xy.T), crs="EPSG:4326")
shown, hidden = made(100_000, 0), made(300_000, 1_000_000)
plan = PlanningMap("Plan", marking="TLP:GREEN").add_seizures(shown, columns=["seizure_id"])
path = plan.save(Path(tempfile.mkdtemp()) / "map.html")
#--
report = scan(path, hidden, released=shown)
assert report.clean, report.summary()
""",
        limit_cpu_s=20.0,
    ),
)
