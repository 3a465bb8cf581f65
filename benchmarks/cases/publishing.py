"""Publishing: rows into PostGIS, beside geopandas.

Both need a database: set GEOCN_POSTGIS to one that may be written to (schema ``geocn_bench``).
"""

from __future__ import annotations

from benchmarks.case import Case

_DATA = """
import os
import geopandas as gpd, numpy as np
rng = np.random.default_rng(0)
n = 100_000
frame = gpd.GeoDataFrame(
    {{"seizure_id": np.arange(n).astype(str), "source": "s", "weight_kg": rng.gamma(1, 9, n),
      "drug": rng.choice(["a", "b", "c"], n), "note": "some words of text"}},
    geometry=gpd.points_from_xy(rng.uniform(-80, -60, n), rng.uniform(-10, 10, n)), crs=4326)
dsn = os.environ["GEOCN_POSTGIS"]
import psycopg
with psycopg.connect(dsn) as link:
    link.execute("DROP SCHEMA IF EXISTS geocn_bench CASCADE")
    link.execute("CREATE SCHEMA geocn_bench")
"""
_OURS = """
from geocn.publish import write_postgis
def publish():
    about = {{"run_id": "a", "marking": "TLP:CLEAR"}}
    frames = {{"seizures": frame}}
    return write_postgis(frames, dsn, schema="geocn_bench", about=about, replace=True)
"""
_PEER = """
import sqlalchemy
engine = sqlalchemy.create_engine("postgresql+psycopg://", creator=lambda: psycopg.connect(dsn))
def publish():
    frame.to_postgis("seizures", engine, schema="geocn_bench", if_exists="replace")
"""

CASES = (
    Case(
        "publish 100,000 rows to PostGIS, first time",
        f"{_DATA}{_OURS}\n#--\npublish()",
        f"{_DATA}{_PEER}\n#--\npublish()",
        "geopandas.to_postgis",
    ),
    Case(
        "publish 100,000 rows to PostGIS again, unchanged",
        f"{_DATA}{_OURS}\npublish()\n#--\npublish()",
        f"{_DATA}{_PEER}\npublish()\n#--\npublish()",
        "geopandas.to_postgis (replaces the table)",
    ),
)
