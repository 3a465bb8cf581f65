"""Periodic runs of a project with twelve month files; no peer makes such runs."""

from __future__ import annotations

from benchmarks.case import Case

_YEAR = """
import tempfile
from pathlib import Path
import numpy as np
import pandas as pd
PROJECT = '''title = "A year"
as_of = 2024-12-31
[[layers.seizures]]
path = "partners/seizures-*.csv"
source = "Police"
marking = "TLP:GREEN"
[[analyses]]
kind = "hotspots"
name = "cells"
grid = {{ kind = "hex", cell_km = 50 }}
weight = "weight_kg"
by_period = "month"
[[releases]]
name = "ngo"
profile = "ngo.toml"
'''
PROFILE = '''partner = "ngo"
max_marking = "TLP:GREEN"
[layers]
seizures = ["seized_at", "drug", "weight_kg", "source", "geometry"]
'''
folder = Path(tempfile.mkdtemp())
(folder / "partners").mkdir()
(folder / "project.toml").write_text(PROJECT)
(folder / "ngo.toml").write_text(PROFILE)
def month(number, rows=10_000):
    rng = np.random.default_rng(number)
    days = pd.Timestamp(2024, number, 1) + pd.to_timedelta(rng.integers(0, 28, rows), unit="D")
    frame = pd.DataFrame({{"id": [f"P{{number:02d}}-{{n:05d}}" for n in range(rows)],
        "date": days.strftime("%Y-%m-%d"), "longitude": rng.normal(-74, 2, rows).round(5),
        "latitude": rng.normal(4, 2, rows).round(5), "unit": "kg",
        "drug": rng.choice(["Cocaine", "Heroin", "Cannabis"], rows),
        "quantity": rng.lognormal(2, 1, rows).round(2)}})
    frame.to_csv(folder / f"partners/seizures-2024-{{number:02d}}.csv", index=False)
"""
_NEW_PROCESS = """
import subprocess, sys
def geocn():
    command = [sys.executable, "-m", "geocn.cli", "run", str(folder), "--since", "2024-01"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout
"""

CASES = (
    Case(
        "run: twelve months of 10k rows each, first time",
        _YEAR
        + _NEW_PROCESS
        + """
for number in range(1, 13):
    month(number)
#--
from geocn.project import run_since
assert [one.status for one in run_since(folder, since="2024-01")] == ["new"] * 12
""",
    ),
    Case(
        "run: one new month of twelve (at most a quarter of the first time)",
        _YEAR
        + _NEW_PROCESS
        + """
for number in range(1, 12):
    month(number)
geocn()
month(12)
#--
from geocn.project import run_since
runs = run_since(folder, since="2024-01")
assert [one.status for one in runs] == ["unchanged"] * 11 + ["new"]
""",
    ),
    Case(
        "run: twelve months, nothing new (at most 2 s)",
        _YEAR
        + _NEW_PROCESS
        + """
for number in range(1, 13):
    month(number)
geocn()
#--
from geocn.project.known import ready, request_of
assert len(ready(request_of(folder, since="2024-01", every="month"))) == 12
""",
        limit_cpu_s=2.0,
    ),
)
