"""The sealed map in headless Chromium: one request, nothing said, everything works offline."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import geopandas as gpd
import pytest

from geocn.maps import PlanningMap
from tests.browser.conftest import SETTLE, Opened, sees
from tests.maps import andes
from tests.maps.hostile import HOSTILE, poisoned, worst

pytestmark = pytest.mark.browser


def test_a_planner_s_round(show: Callable[..., Opened]) -> None:
    opened = show(andes.full_map())
    page = opened.page
    assert sees(page, "#banner-top b") == sees(page, "#banner-bottom b") == "TLP:AMBER"
    assert "Northern Andes" in sees(page, ".title-block")
    assert "Dec 31, 2025" in sees(page, ".title-block")
    assert "no known place" in sees(page, ".limits-short")
    assert re.search(r"\d+ km", sees(page, ".leaflet-control-scale"))
    assert page.locator(".north").is_visible()
    _ranking(page)
    _period(page)
    _what_if(page)
    page.click("#tab-about")
    assert "Seizures: simulated for the tests" in sees(page, "#tab-body")
    opened.check()


def _ranking(page: Any) -> None:
    page.click("#tab-ranking")
    page.select_option("#ranking-layer", label="Border-crossing hotspots")
    risks = [
        float(t)
        for t in page.eval_on_selector_all(
            "#ranking tbody tr td:nth-child(5)", "cells => cells.map(c => c.textContent)"
        )
        if t
    ]
    column = page.locator("#ranking th", has_text="Relative risk")
    assert column.get_attribute("aria-sort") == "descending"
    assert risks
    before = page.evaluate("geocn.map.getZoom()")
    page.click("#ranking tbody tr >> nth=0")
    page.wait_for_timeout(SETTLE)
    text = sees(page, ".leaflet-popup-content")
    assert "33 crossings; expected" in text.replace("\u2068", "").replace("\u2069", "")
    assert page.evaluate("geocn.map.getZoom()") > before
    column.locator("button").click()
    assert (
        page.locator("#ranking th", has_text="Relative risk").get_attribute("aria-sort")
        == "ascending"
    )


def _period(page: Any) -> None:
    slide = "(slider, value) => { slider.value = value; slider.dispatchEvent(new Event('input')); }"
    page.eval_on_selector("#period-slider", slide, 3)
    assert sees(page, "#period-name") == "Apr 2024"
    page.click("#tab-layers")
    counts = page.locator(".layer", has_text="Seizures").locator(".count").inner_text()
    shown = int(re.sub(r"[^\d ]", "", counts.split("of")[0]))
    assert 0 < shown < 100
    page.click("#period-play")
    page.wait_for_timeout(SETTLE)
    assert sees(page, "#period-name") == "May 2024"
    page.click("#period-play")
    page.click("#period-all")
    assert sees(page, "#period-name") == "all periods"


def _what_if(page: Any) -> None:
    page.click("#tab-whatif")
    share = "Number(document.querySelector('#whatif-result .big').dataset.share)"
    everything = page.evaluate(share)
    page.click("#whatif-sites input >> nth=0")
    assert page.evaluate(share) < everything
    page.click("text=All off")
    assert page.evaluate(share) == 0
    page.click("text=All on")
    assert page.evaluate(share) == pytest.approx(everything)


def test_hostile_text_is_text_in_every_slot(show: Callable[..., Opened]) -> None:
    plan = andes.full_map(
        poisoned, title=HOSTILE, releasable_to=HOSTILE, sources=[HOSTILE], limits=[HOSTILE],
        author=HOSTILE, marking=HOSTILE,
    )  # fmt: skip
    plan.add_routes(andes.routes(), name=HOSTILE)
    plan.add_annotations(poisoned(andes.annotations()), name=HOSTILE)
    plan.add_periods(poisoned(andes.by_quarter()), period="when", name=HOSTILE)
    opened = show(plan)
    page = opened.page
    for tab in ("layers", "ranking", "whatif", "notes", "about"):
        page.click(f"#tab-{tab}")
    page.evaluate(
        "(said) => geocn.whatif.restore({ id: 'one', at: said, text: said, partner: said,"
        " author: said, reach_km: 40, vertices: [{ lat: 2, lng: -76 }] })",
        HOSTILE.encode("utf-8", "replace").decode(),
    )
    page.click("#tab-whatif")
    page.click("#compare")
    page.click("#compare-close")
    page.fill("#search", "<img src=x")
    assert "onerror" in sees(page, "#search-list")
    page.keyboard.press("Enter")
    page.click("#tab-ranking")
    for number in range(page.locator("#ranking-layer option").count()):
        page.select_option("#ranking-layer", index=number)
        page.evaluate("document.querySelector('#ranking tbody tr.goes')?.click()")
        page.wait_for_timeout(20)
    assert "onerror" in sees(page, ".leaflet-popup-content")
    for language in ("es", "ar", "en"):
        page.select_option("#language", language)
    page.evaluate("geocn.parts.print.layOut(); geocn.parts.print.restore()")
    page.wait_for_timeout(SETTLE)
    assert page.locator("img").count() == 0
    opened.check()


def test_every_language_and_arabic_from_the_right(show: Callable[..., Opened]) -> None:
    opened = show(andes.full_map(language="ar"))
    page = opened.page
    assert page.evaluate("document.documentElement.dir") == "rtl"
    panel = page.locator("#panel").bounding_box()
    assert panel is not None
    assert panel["x"] > 640
    names = {
        "es": "Incautaciones",
        "fr": "Saisies",
        "pt": "Apreensões",
        "en": "Seizures",
        "ar": "المضبوطات",
    }
    for language, name in names.items():
        page.select_option("#language", language)
        assert name in sees(page, "#tab-body")
        assert page.evaluate("document.documentElement.lang") == language
        assert sees(page, "#banner-top b") == "TLP:AMBER"
    opened.check()


def test_notes_go_out_as_geojson(show: Callable[..., Opened], folder: Path) -> None:
    opened = show(andes.full_map())
    page = opened.page
    page.click("#tab-notes")
    page.click("[data-draw=area]")
    for x, y in ((700, 300), (800, 320), (760, 420)):
        page.mouse.click(x, y)
    page.click("#notes-done")
    page.fill("#notes-list textarea", "Check this ford </script>")
    page.fill("#notes-author", "Ministry")
    page.click("[data-draw=point]")
    page.mouse.click(900, 500)
    with page.expect_download() as download:
        page.click("#notes-save")
    target = folder / "notes.geojson"
    download.value.save_as(target)
    frame = gpd.read_file(target)
    assert frame.geom_type.tolist() == ["Polygon", "Point"]
    assert frame["text"][0] == "Check this ford </script>"
    assert frame["author"].tolist() == ["Ministry", "Ministry"]
    assert frame.total_bounds.min() > -100
    assert json.loads(target.read_text())["geocn"]["marking"] == "TLP:AMBER"
    opened.check()


def test_the_table_goes_out_with_formulas_defused(
    show: Callable[..., Opened], folder: Path
) -> None:
    frame = andes.routes()
    frame["source"] = "=cmd|' /C calc'!A0"
    opened = show(PlanningMap("t", marking="TLP:GREEN").add_routes(frame))
    page = opened.page
    page.click("#tab-ranking")
    with page.expect_download() as download:
        page.click("text=Download CSV")
    target = folder / "table.csv"
    download.value.save_as(target)
    text = target.read_text(encoding="utf-8-sig")
    assert text.startswith("TLP:GREEN")
    assert "'=cmd" in text
    assert not re.search(r"(^|,)=", text, re.MULTILINE)
    opened.check()


def test_a_phone_can_use_it(show: Callable[..., Opened]) -> None:
    opened = show(andes.full_map(), width=390, height=844)
    page = opened.page
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    seen = page.locator("#map").bounding_box()
    assert seen is not None
    assert seen["height"] > 300
    page.click("#fold")
    page.wait_for_timeout(SETTLE)
    folded = page.locator("#map").bounding_box()
    assert folded is not None
    assert folded["height"] > 700
    assert page.locator("#banner-bottom").is_visible()
    page.click("#fold")
    page.click("#tab-ranking")
    page.click("#ranking tbody tr >> nth=0")
    page.wait_for_timeout(SETTLE)
    assert page.locator(".leaflet-popup").is_visible()
    opened.check()


def test_print_is_one_marked_sheet(show: Callable[..., Opened]) -> None:
    opened = show(andes.full_map())
    page = opened.page
    for paper, width, height in (("a4-landscape", 842, 595), ("a3-portrait", 842, 1191)):
        page.select_option("#paper", paper)
        sheet = page.pdf(prefer_css_page_size=True, print_background=True)
        assert len(re.findall(rb"/Type\s*/Page\b", sheet)) == 1
        box = re.search(rb"/MediaBox\s*\[0 0 ([\d.]+) ([\d.]+)\]", sheet)
        assert box is not None
        assert (float(box[1]), float(box[2])) == pytest.approx((width, height), abs=2)
    page.evaluate("geocn.parts.print.layOut()")
    for banner in ("#banner-top", "#banner-bottom"):
        assert page.locator(banner).is_visible()
    assert "What this map does not show" in sees(page, "#sheet")
    page.evaluate("geocn.parts.print.restore()")
    assert page.locator("#panel").is_visible()
    opened.check()


def test_edges_open_quietly(show: Callable[..., Opened]) -> None:
    show(PlanningMap("Nothing")).check()
    frame = andes.routes().iloc[:1].copy()
    frame["geometry"] = gpd.GeoSeries.from_wkt(["LINESTRING (179 -16, -179 -17)"], crs=4326).values
    show(PlanningMap("t").add_routes(frame).add_seizures(andes.seizures(0))).check()
    cells = andes.by_quarter()
    opened = show(PlanningMap("t").add_periods(cells).add_hotspots(andes.hotspots().iloc[:1]))
    opened.page.evaluate("geocn.setPeriod(2)")
    opened.check()
    opened = show(andes.full_map(worst).add_periods(worst(andes.by_quarter()), period="when"))
    opened.page.click("#tab-ranking")
    for number in range(opened.page.locator("#ranking-layer option").count()):
        opened.page.select_option("#ranking-layer", index=number)
        opened.page.evaluate("document.querySelector('#ranking tbody tr.goes')?.click()")
    opened.page.evaluate("geocn.setPeriod(2)")
    opened.page.click("#tab-whatif")
    opened.check()


def test_points_are_picked_by_a_click(show: Callable[..., Opened]) -> None:
    opened = show(
        PlanningMap("t", marking="TLP:AMBER").add_seizures(
            andes.seizures(9).dropna(subset=["weight_kg", "geometry"]).iloc[:1]
        )
    )
    page = opened.page
    spot = page.evaluate(
        """() => {
            const at = geocn.map.latLngToContainerPoint(geocn.home.getCenter());
            const box = geocn.map.getContainer().getBoundingClientRect();
            return [at.x + box.x, at.y + box.y];
        }"""
    )
    page.mouse.click(*spot)
    page.wait_for_timeout(SETTLE)
    text = sees(page, ".leaflet-popup-content").replace("\u2068", "").replace("\u2069", "")
    assert "kg of" in text
    assert "Source:" in text
    opened.check()


def test_shares_and_patterns_in_the_table_are_said_in_words(show: Callable[..., Opened]) -> None:
    border = andes.border_hotspots().assign(imprecise_share=0.25, emerging_class="new_hot")
    opened = show(PlanningMap("Shares", marking="TLP:CLEAR").add_border_hotspots(border))
    opened.page.click("#tab-ranking")
    heads = opened.page.eval_on_selector_all("#ranking th", "all => all.map(h => h.textContent)")
    row = opened.page.eval_on_selector_all(
        "#ranking tbody tr:first-child td", "all => all.map(c => c.textContent)"
    )
    said = {head.strip(" ▲▼"): text for head, text in zip(heads, row, strict=True)}
    assert said["imprecise share"].replace("\u00a0", " ") == "25 %"
    assert said["pattern over time"] == "new hot"
    opened.check()
