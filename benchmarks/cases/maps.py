"""The planning map: time to write it, its size, and the time until Chromium has it ready."""

from __future__ import annotations

from benchmarks.case import Case

_POINTS = """
import os, tempfile, time
import numpy as np, pandas as pd, geopandas as gpd, shapely, folium
from geocn.maps import PlanningMap
n = {n}
rng = np.random.default_rng(0)
days = pd.to_timedelta(rng.integers(0, 2000, n), unit="D")
frame = gpd.GeoDataFrame(
    {{"drug": rng.choice(["cocaine", "cannabis", "heroin"], n),
      "weight_kg": rng.lognormal(2, 1.5, n).round(1),
      "seized_at": pd.Timestamp("2020-01-01", tz="UTC") + days}},
    geometry=shapely.points(rng.normal(-75, 4, n), rng.normal(4, 4, n)), crs="EPSG:4326")
path = os.path.join(tempfile.mkdtemp(), "map.html")

def ours():
    PlanningMap("Points", marking="TLP:GREEN").add_seizures(frame).save(path)

def folium_s():
    told = frame.assign(seized_at=frame["seized_at"].dt.date.astype(str))
    chart = folium.Map(location=[4, -75], zoom_start=6, prefer_canvas=True)
    popup = folium.GeoJsonPopup(["drug", "weight_kg", "seized_at"])
    folium.GeoJson(told, marker=folium.CircleMarker(radius=4), popup=popup).add_to(chart)
    chart.save(path)
"""

# Numbered by the year, as the ids of a register are.
_REGISTER = """
frame = frame.sort_values("seized_at", kind="stable", ignore_index=True)
year = frame["seized_at"].dt.year
number = frame.groupby(year).cumcount()
frame["seizure_id"] = [f"SEIZ-{{y}}-{{k:06d}}" for y, k in zip(year, number)]
"""
_WRITE = "#--\n{run}()\nprint(round(os.path.getsize(path) / 1e6, 2), 'MB')\n"

# Folium's page asks the network for Leaflet: it gets the bundled one, and nothing else.
_OPEN = """
from importlib.resources import files
from playwright.sync_api import sync_playwright
leaflet = (files("geocn.maps") / "assets/vendor/leaflet/leaflet.js").read_text("utf-8")
{run}()
def give(route):
    url = route.request.url
    if url.startswith("file:"):
        route.continue_()
    else:
        route.fulfill(body=leaflet if url.endswith("leaflet.js") else "")
#--
with sync_playwright() as playwright:
    browser = playwright.chromium.launch(
        executable_path="/usr/bin/chromium", args=["--no-sandbox", "--disable-gpu"])
    page = browser.new_page(viewport={{"width": 1280, "height": 800}})
    page.route("**", give)
    began = time.perf_counter()
    page.goto("file://" + path, timeout=120_000)
    page.wait_for_selector("{ready}", timeout=120_000)
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => setTimeout(done)))")
    print(round(time.perf_counter() - began, 2), "s until ready")
    browser.close()
"""
_READY = "html[data-ready=true]"
_DRAWN = "canvas.leaflet-zoom-animated"


def _points(n: int) -> str:
    return _POINTS.replace("{n}", str(n))


def _written(run: str, *, most_mb: float | None = None) -> str:
    check = "" if most_mb is None else f"assert os.path.getsize(path) <= {most_mb} * 1e6\n"
    return _WRITE.replace("{run}", run) + check


def _opened(run: str, ready: str) -> str:
    return _OPEN.replace("{run}", run).replace("{ready}", ready)


CASES = (
    Case(
        "map of 20 k points: write",
        _points(20_000) + _written("ours"),
        _points(20_000) + _written("folium_s"),
        "folium.GeoJson",
    ),
    Case(
        "map of 20 k points: open in Chromium",
        _points(20_000) + _opened("ours", _READY),
        _points(20_000) + _opened("folium_s", _DRAWN),
        "folium.GeoJson",
    ),
    Case(
        "map of 100 k points: write",
        _points(100_000) + _written("ours", most_mb=1.2),
        _points(100_000) + _written("folium_s"),
        "folium.GeoJson",
        limit_cpu_s=1.5,
    ),
    Case(
        "map of 100 k points with the ids of a register: write",
        _points(100_000) + _REGISTER + _written("ours", most_mb=1.2),
        limit_cpu_s=1.5,
    ),
    Case(
        "map of 100 k points: open in Chromium",
        _points(100_000) + _opened("ours", _READY),
    ),
    Case(
        "map of 1 M points: write",
        _points(1_000_000) + _written("ours", most_mb=8.0),
        limit_cpu_s=6.0,
    ),
    Case(
        "map of 1 M points with the ids of a register: write",
        _points(1_000_000) + _REGISTER + _written("ours", most_mb=8.3),
        limit_cpu_s=10.0,
    ),
    Case(
        "map of 1 M points: open in Chromium",
        _points(1_000_000) + _opened("ours", _READY),
    ),
)
