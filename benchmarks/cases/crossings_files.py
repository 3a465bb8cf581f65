"""Where routes of files larger than memory cross the borders, beside the frame of the whole file.

Files are made once in the temporary folder and stay there for the next run.
"""

from __future__ import annotations

from benchmarks.case import Case

_FILE = """
import os, pathlib, tempfile
import numpy as np, geopandas as gpd, pandas as pd, shapely
from geocn.hotspots import border_crossings
n = N
def walks(seed, n, vertices=30):
    rng = np.random.default_rng(seed)
    start = np.column_stack([rng.uniform(-92, -62, n), rng.uniform(-5, 20, n)])
    turn = rng.uniform(0, 2 * np.pi, (n, 1)) + np.cumsum(rng.normal(0, 0.4, (n, vertices)), axis=1)
    steps = np.stack([np.cos(turn), np.sin(turn)], axis=-1) * 0.08
    lines = shapely.linestrings(start[:, None] + np.cumsum(steps, axis=1))
    first = pd.Timestamp("2024-01-01", tz="UTC") + pd.to_timedelta(np.arange(n), "s")
    told = dict(route_id=[f"r{{seed}}-{{i}}" for i in range(n)], mode="road",
                first_seen=first, last_seen=first + pd.Timedelta("2D"))
    return gpd.GeoDataFrame(told, geometry=lines, crs=4326)
folder = pathlib.Path(tempfile.gettempdir()) / f"geocn-bench-routes-{{n}}"
if not folder.exists():
    draft = folder.with_name(f"{{folder.name}}.{{os.getpid()}}")
    draft.mkdir()
    for k in range(0, n, 20_000):
        walks(k, 20_000).to_parquet(draft / f"{{k:09}}.parquet", row_group_size=10_000)
    draft.replace(folder)
border_crossings(walks(1, 10))
#--
"""

_OURS = _FILE + "print(len(border_crossings(folder, memory_mb=128)))\n"
_WHOLE = (
    _FILE
    + """
frames = [gpd.read_parquet(file) for file in sorted(folder.iterdir())]
print(len(border_crossings(pd.concat(frames, ignore_index=True))))
"""
)


def _case(n: int, limit_cpu_s: float | None = None, limit_mb: float | None = None) -> Case:
    return Case(
        f"border crossings of files of {n:,} routes × borders 1:10 million, borders loaded",
        _OURS.replace("= N", f"= {n}"),
        _WHOLE.replace("= N", f"= {n}"),
        "the frame of all files at once",
        limit_cpu_s=limit_cpu_s,
        limit_mb=limit_mb,
    )


CASES = (_case(20_000, 2.0, 700), _case(400_000))
