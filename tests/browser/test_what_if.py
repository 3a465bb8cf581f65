"""What if: switch and place sites in Chromium, and hold the counts against NumPy and PROJ."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import pytest
import shapely

import geocn
from geocn.maps import PlanningMap
from tests.browser.conftest import SETTLE, Opened, sees
from tests.maps import andes

pytestmark = pytest.mark.browser
#: What a switch may cost in Chromium, in milliseconds of CPU.
LIMIT_MS = 50


def _plain(text: str) -> str:
    return text.replace("\u2068", "").replace("\u2069", "").replace("\u00a0", " ")


def _big(n_demand: int = 20_000, n_sites: int = 200) -> tuple[PlanningMap, np.ndarray, np.ndarray]:
    """A map of many demands and sites, with what covers what and the weights."""
    rng = np.random.default_rng(7)
    xy = rng.uniform((-79, -3), (-71, 9), (n_demand, 2)).round(5)
    weights = rng.gamma(0.7, 100, n_demand).round(1)
    demand = gpd.GeoDataFrame(
        {"name": [f"Cell {k}" for k in range(n_demand)], "weight": weights, "n_partners": 0},
        geometry=shapely.points(xy), crs="EPSG:4326",
    )  # fmt: skip
    centres = rng.uniform((-79, -3), (-71, 9), (n_sites, 2))
    reaches = gpd.GeoDataFrame(
        {"partner": [f"Partner {k % 12:02d}" for k in range(n_sites)]},
        geometry=shapely.buffer(shapely.points(centres), 0.35), crs="EPSG:4326",
    )  # fmt: skip
    shapely.prepare(reaches.geometry.values)
    covers = np.array([shapely.intersects(one, demand.geometry.values) for one in reaches.geometry])
    result = SimpleNamespace(demand=demand, gaps=None, share_covered=None)
    plan = PlanningMap("Many sites", marking="TLP:GREEN")
    return plan.add_coverage(result, reaches=reaches), covers, weights


@pytest.fixture(scope="module")
def big() -> tuple[PlanningMap, np.ndarray, np.ndarray]:
    return _big()


def test_switching_is_immediate_and_right(
    show: Callable[..., Opened], big: tuple[PlanningMap, np.ndarray, np.ndarray]
) -> None:
    plan, covers, weights = big
    opened = show(plan)
    page = opened.page
    page.click("#tab-whatif")
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable", {"timeDomain": "threadTicks"})

    def busy_ms() -> float:
        told = session.send("Performance.getMetrics")["metrics"]
        return 1000 * next(one["value"] for one in told if one["name"] == "TaskDuration")

    before = busy_ms()
    page.evaluate("[...Array(30).keys()].forEach((k) => geocn.whatif.set(k % 15, k >= 15))")
    each = (busy_ms() - before) / 30
    print(f"switch of {len(weights):,} demands x {len(covers)} sites: {each:.1f} CPU ms")
    assert each < LIMIT_MS
    page.evaluate("[...Array(15).keys()].forEach((k) => geocn.whatif.set(k * 13, false))")
    on = np.ones(len(covers), dtype=bool)
    on[np.arange(15) * 13] = False
    told = page.evaluate("(() => { const n = geocn.whatif.count(); delete n.once; return n; })()")
    held = covers[on].sum(axis=0)
    assert told["covered"] == pytest.approx(weights[held > 0].sum())
    assert told["several"] == pytest.approx(weights[held > 1].sum())
    partner = np.arange(len(covers)) % 12
    by = np.array([(covers[on & (partner == k)]).any(axis=0) for k in range(12)])
    for k, one in enumerate(told["partners"]):
        alone = by[k] & (by.sum(axis=0) == 1)
        assert one["name"] == f"Partner {k:02d}"
        assert one["reaches"] == pytest.approx(weights[by[k]].sum())
        assert one["only"] == pytest.approx(weights[alone].sum())
        assert one["shared"] == pytest.approx(weights[by[k] & ~alone].sum())
    missed = np.flatnonzero(held == 0)
    worst = missed[np.argsort(-weights[missed], kind="stable")][:8]
    rows = [_plain(t) for t in page.locator("#whatif-gaps .link").all_inner_texts()]
    assert rows == [f"Cell {k}" for k in worst]
    page.click("#whatif-gaps .link >> nth=0")
    page.wait_for_timeout(SETTLE)
    assert f"Cell {worst[0]}" in sees(page, ".leaflet-popup-content")
    opened.check()


def test_a_new_site_covers_what_lies_within_its_geodesic_reach(
    show: Callable[..., Opened], big: tuple[PlanningMap, np.ndarray, np.ndarray]
) -> None:
    plan, _, _ = big
    opened = show(plan)
    lon, lat = np.array([(p.x, p.y) for p in plan.layers[1].frame.geometry]).T
    for at, reach_km in (((-75.0, 4.0), 60.0), ((-78.5, -2.5), 143.7)):
        covered = opened.page.evaluate(
            """([lng, lat, reach]) => {
                geocn.showTab('whatif');
                const field = document.querySelector('#whatif-reach');
                field.value = reach;
                field.dispatchEvent(new Event('input'));
                const bits = geocn.whatif.bits(geocn.whatif.place(L.latLng(lat, lng)));
                return [...bits].flatMap((w, i) => [...Array(32).keys()]
                    .filter((k) => (w >>> k) & 1).map((k) => 32 * i + k));
            }""",
            [*at, reach_km],
        )
        _, _, metres = pyproj.Geod(ellps="WGS84").inv(
            np.full(len(lon), at[0]), np.full(len(lon), at[1]), lon, lat
        )
        assert covered == np.flatnonzero(metres <= reach_km * 1000).tolist()
    opened.check()


def test_a_planner_places_a_site_and_takes_it_away(
    show: Callable[..., Opened], folder: Path
) -> None:
    opened = show(andes.full_map())
    page = opened.page
    page.click("#tab-whatif")
    share = "Number(document.querySelector('#whatif-result .big').dataset.share)"
    before = page.evaluate(share)
    page.fill("#whatif-reach", "180")
    page.fill("#whatif-owner", "Casa del Río")
    page.click("#whatif-new")
    assert "Click on the map" in sees(page, "#tab-body")
    page.mouse.click(900, 420)
    assert page.evaluate(share) > before
    assert "New site 1 · 180 km" in _plain(sees(page, "#whatif-sites"))
    assert page.locator("#whatif-sites fieldset", has_text="Casa del Río").count() == 1
    box = page.locator("#whatif-sites [data-placed]")
    box.uncheck()
    assert page.evaluate(share) == pytest.approx(before)
    box.check()
    page.click("#whatif-new")
    page.keyboard.press("Escape")
    page.click("#whatif-new")
    page.focus("#map")
    page.keyboard.press("Enter")
    assert page.locator("#whatif-sites [data-placed]").count() == 2
    page.locator("#whatif-sites button").nth(1).click()
    assert page.locator("#whatif-sites [data-placed]").count() == 1
    with page.expect_download() as download:
        page.click("text=Download sites and notes")
    target = folder / "sites.geojson"
    download.value.save_as(target)
    site = geocn.read_annotations(target).iloc[0]
    assert site[["kind", "partner", "reach_km", "text", "marking"]].tolist() == [
        "proposed_site", "Casa del Río", 180.0, "New site 1", "TLP:AMBER",
    ]  # fmt: skip
    assert isinstance(site["said_at"], pd.Timestamp)
    page.locator("#whatif-sites button").click()
    assert page.evaluate(share) == pytest.approx(before)
    opened.check()


INK = """() => ['#map', '#map-second'].map((id) => {
    const drawn = [...document.querySelectorAll(`${id} .leaflet-points-pane canvas`)].pop();
    const canvas = document.createElement('canvas');
    [canvas.width, canvas.height] = [drawn.width, drawn.height];
    canvas.getContext('2d', { willReadFrequently: true }).drawImage(drawn, 0, 0);
    const data = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
    return data.reduce((sum, value, k) => sum + (k % 4 === 3 && value > 0), 0);
})"""


def test_two_scenarios_stand_side_by_side(show: Callable[..., Opened]) -> None:
    opened = show(andes.full_map())
    page = opened.page

    def told(side: str) -> str:
        return _plain(sees(page, f"#compare-reached-{side}"))

    page.click("#compare")
    assert (told("first"), told("second")) == ("", "")
    page.click("#compare-close")
    page.click("#tab-whatif")
    everything = float(page.get_attribute("#whatif-result .big", "data-share"))
    page.click("text=All off")
    page.click("#compare")
    assert told("first") == f"{everything * 100:.3g} % within reach. Dots: out of reach"
    assert told("second").startswith("0 % within reach")
    page.wait_for_timeout(SETTLE)
    given, switched = page.evaluate(INK)
    assert 0 < given < switched
    page.click("text=All on")
    assert told("second") == told("first")
    page.select_option("#compare-sites-first", "none")
    page.select_option("#language", "es")
    assert told("first") == ""
    assert "al alcance" in told("second")
    page.click("#compare-close")
    assert page.locator(".compare-title").count() == 0
    opened.check()


def test_the_panel_survives_languages_and_no_weight(show: Callable[..., Opened]) -> None:
    demand = gpd.GeoDataFrame(
        {"weight": [0.0, np.nan]}, geometry=shapely.points([[-75, 3], [-74, 4]]), crs=4326
    )
    reaches = gpd.GeoDataFrame(geometry=shapely.buffer(demand.geometry.values[:1], 1), crs=4326)
    result: Any = SimpleNamespace(demand=demand, gaps=None)
    opened = show(PlanningMap("t").add_coverage(result, reaches=reaches))
    page = opened.page
    page.click("#tab-whatif")
    for language in ("ar", "es", "fr", "pt", "en"):
        page.select_option("#language", language)
        page.evaluate("geocn.whatif.place(L.latLng(3, -75))")
    assert page.locator("#whatif-sites [data-placed]").count() == 5
    assert sees(page, "#whatif-result .big") == "–"
    assert "Nothing is out of reach" in sees(page, "#tab-body")
    opened.check()
