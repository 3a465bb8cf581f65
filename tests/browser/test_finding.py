"""Finding one's way: search, inset, measuring, opacity, the chart of periods, two maps."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import geopandas as gpd
import pandas as pd
import pytest

from geocn.maps import PlanningMap
from tests.browser.conftest import SETTLE, Opened, sees
from tests.maps import andes

pytestmark = pytest.mark.browser


def middle(page: Any) -> tuple[float, float]:
    lat, lon = page.evaluate("[geocn.map.getCenter().lat, geocn.map.getCenter().lng]")
    return lat, lon


def options(page: Any) -> list[str]:
    found: list[str] = page.eval_on_selector_all(
        "#search-list li bdi", "all => all.map(one => one.textContent)"
    )
    return found


def plain(text: str) -> str:
    return re.sub("[\u2066-\u2069]", "", text).replace("\u00a0", " ")


def test_a_place_is_found_by_keyboard(show: Callable[..., Opened]) -> None:
    opened = show(andes.full_map())
    page = opened.page
    field = page.locator("#search")
    assert field.get_attribute("role") == "combobox"
    assert field.get_attribute("aria-expanded") == "false"
    for typed in ("popayan", "POPAYÁN", "Popayá"):
        page.fill("#search", typed)
        assert options(page)[0] == "Popayán"
    assert field.get_attribute("aria-expanded") == "true"
    assert "result" in sees(page, "#said") or "result" in page.text_content("#said")
    page.fill("#search", "per")
    assert options(page)[0] == "Peru"
    page.keyboard.press("ArrowDown")
    assert field.get_attribute("aria-activedescendant") == "search-0"
    assert page.locator("#search-0").get_attribute("aria-selected") == "true"
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    assert page.locator("#search-list").is_hidden()
    lat, lon = middle(page)
    assert (lat, lon) == (pytest.approx(-9, abs=5), pytest.approx(-75, abs=5))
    page.fill("#search", "zzz")
    assert page.locator(".search-none").is_visible()
    page.keyboard.press("Escape")
    assert page.locator(".search-none").is_hidden()
    opened.check()


def test_a_name_of_one_row_is_opened(show: Callable[..., Opened]) -> None:
    opened = show(andes.full_map())
    page = opened.page
    page.fill("#search", "catatumb")
    page.click("#search-list li >> nth=0")
    page.wait_for_timeout(SETTLE)
    assert "Catatumbo" in sees(page, ".leaflet-popup-content")
    opened.check()


def test_typed_coordinates_are_gone_to(show: Callable[..., Opened]) -> None:
    opened = show(andes.full_map())
    page = opened.page
    typed = ("2.4, -76.6", "2°24'N 76°36'W")
    for text in (*typed, page.evaluate("geocn.parts.coordinates.toMgrs(2.4, -76.6)")):
        page.click("#zoom-home")
        page.fill("#search", text)
        page.keyboard.press("Enter")
        assert middle(page) == (pytest.approx(2.4, abs=1e-3), pytest.approx(-76.6, abs=1e-3))
        assert sees(page, "#coordinates").startswith(("2.400", "2.399"))
    assert page.evaluate("geocn.map.getZoom()") >= 9
    opened.check()


def test_search_works_from_the_right_and_with_hostile_names(show: Callable[..., Opened]) -> None:
    frame = andes.corridors()
    frame["name"] = "<img src=x onerror=alert(1)>"
    opened = show(PlanningMap("t", language="ar").add_corridors(frame))
    page = opened.page
    page.fill("#search", "الاكوادور")
    assert options(page) == ["الإكوادور"]
    page.keyboard.press("Enter")
    assert middle(page) == (pytest.approx(-1.5, abs=3), pytest.approx(-78.5, abs=3))
    page.fill("#search", "-1.5, -77")
    assert page.locator("#search").get_attribute("dir") == "ltr"
    box = page.locator("#search").bounding_box()
    assert box["x"] > 640
    page.fill("#search", "onerror")
    assert options(page)
    assert page.locator("#search-list img").count() == 0
    opened.check()


def test_the_inset_frames_the_view(show: Callable[..., Opened]) -> None:
    opened = show(PlanningMap("Nothing"))
    page = opened.page
    frame = "(() => { const s = document.querySelector('.inset-frame').style; return [s.left, s.top, s.width, s.height].map(parseFloat); })()"  # noqa: E501
    wide = page.evaluate(frame)
    page.evaluate("void geocn.map.setView([-33, 151], 6, { animate: false })")
    left, top, width, height = page.evaluate(frame)
    assert left + width / 2 == pytest.approx((151 + 180) / 360 * 148, abs=2)
    assert top + height / 2 == pytest.approx((90 + 33) / 180 * 74, abs=2)
    assert width < wide[2]
    assert page.locator("#inset").is_visible()
    assert show(PlanningMap("t"), width=390, height=844).page.locator("#inset").is_hidden()
    opened.check()


def test_lengths_and_areas_are_measured(show: Callable[..., Opened]) -> None:
    opened = show(andes.full_map())
    page = opened.page
    page.click("#measure")
    for x, y in ((700, 350), (800, 350), (800, 450)):
        page.mouse.click(x, y)
        page.wait_for_timeout(30)
    assert page.locator(".leaflet-popup").count() == 0
    length = plain(sees(page, "#measure-result"))
    assert re.fullmatch(r"[\d,]+ km", length)
    page.click("#measure-area")
    assert "km²" in plain(sees(page, "#measure-result"))
    page.click("#measure-undo")
    assert sees(page, "#measure-result") == ""
    page.click("#measure-clear")
    assert page.locator("#measure-undo").is_disabled()
    page.click("#measure-close")
    assert page.locator("#measure-bar").count() == 0
    page.mouse.click(720, 300)
    assert page.evaluate("geocn.state.drawing") is None
    opened.check()


def test_measuring_needs_no_mouse(show: Callable[..., Opened]) -> None:
    opened = show(PlanningMap("Nothing"))
    page = opened.page
    page.focus("#measure")
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    page.evaluate("void geocn.map.setView([10, 20], 5, { animate: false })")
    page.keyboard.press("Enter")
    assert "km" in sees(page, "#measure-result")
    page.keyboard.press("Backspace")
    assert sees(page, "#measure-result") == ""
    page.keyboard.press("Escape")
    assert page.locator("#measure-bar").count() == 0
    assert page.evaluate("document.activeElement.id") == "measure"
    page.click("#measure")
    page.click("#tab-notes")
    page.click("[data-draw=area]")
    assert page.locator("#measure-bar").count() == 0
    opened.check()


def test_opacity_is_kept_and_the_legend_follows_what_is_shown(
    show: Callable[..., Opened],
) -> None:
    opened = show(andes.full_map())
    page = opened.page
    entry = page.locator(".layer", has_text="Hotspots").last
    slider = entry.locator("input[type=range]")
    assert "Hotspots" in slider.get_attribute("aria-label")
    slider.focus()
    for _ in range(10):
        page.keyboard.press("ArrowLeft")
    assert plain(slider.get_attribute("aria-valuetext")) == "50 %"
    opacity = "geocn.layers.find(one => one.kind === 'hotspots').opacity"
    assert page.evaluate(opacity) == 0.5
    entry.locator("input[type=checkbox]").uncheck()
    assert entry.locator(".legend").count() == 0
    entry.locator("input[type=checkbox]").check()
    assert entry.locator(".legend").count() == 1
    page.reload()
    page.wait_for_selector("html[data-ready=true]")
    assert page.evaluate(opacity) == 0.5
    assert opened.said == []


def columns_of(page: Any, name: str) -> list[str]:
    k = page.evaluate(
        "name => [...document.querySelectorAll('#ranking th')]"
        ".findIndex(th => th.textContent.replace(/ [▲▼]$/, '') === name) + 1",
        name,
    )
    found: list[str] = page.eval_on_selector_all(
        f"#ranking tbody td:nth-child({k})", "all => all.map(one => one.textContent)"
    )
    return found


def test_numbers_texts_and_dates_are_sorted_as_such(show: Callable[..., Opened]) -> None:
    frame = andes.routes()
    frame["weight_kg"] = [9.0, 100.0, None, 20.0]
    frame["source"] = ["Ávila 10", "avila 2", "Zulia", "Beta"]
    opened = show(PlanningMap("t").add_routes(frame))
    page = opened.page
    page.click("#tab-ranking")

    def sort(name: str, times: int) -> list[str]:
        for _ in range(times):
            page.get_by_role("button", name=re.compile(f"^{re.escape(name)}( [▲▼])?$")).click()
        return columns_of(page, name)

    sort("Source", 1)
    assert sort("Weight (kg)", 1) == ["100", "20", "9", ""]
    assert sort("Weight (kg)", 1) == ["9", "20", "100", ""]
    assert sort("Source", 1) == ["avila 2", "Ávila 10", "Beta", "Zulia"]
    seen = [text for text in sort("Last seen", 2) if text]
    assert seen == sorted(seen, key=pd.Timestamp)
    opened.check()


def test_the_chart_tells_its_values(show: Callable[..., Opened]) -> None:
    opened = show(andes.full_map())
    page = opened.page
    label = plain(page.locator(".chart").get_attribute("aria-label"))
    assert "Jan 2024" in label
    assert "Dec 2025" in label
    page.hover(".bar-area >> nth=4")
    assert sees(page, "#period-name") == "May 2024"
    told = plain(sees(page, ".charted"))
    assert re.fullmatch(r"Seizures: \d+", told)
    page.click(".bar-area >> nth=4")
    assert page.evaluate("geocn.state.period") == 4
    slider = page.locator("#period-slider")
    assert plain(slider.get_attribute("aria-valuetext")) == f"May 2024. {told}"
    slider.focus()
    page.keyboard.press("ArrowRight")
    assert page.evaluate("geocn.state.period") == 5
    page.click("#period-speed")
    assert sees(page, "#period-speed") == "2×"
    page.click("#period-play")
    page.wait_for_timeout(700)
    assert page.evaluate("geocn.state.period") in {6, 7}
    page.click("#period-play")
    opened.check()


def test_two_periods_stand_side_by_side(show: Callable[..., Opened]) -> None:
    opened = show(andes.full_map())
    page = opened.page
    page.focus("#compare")
    page.keyboard.press("Enter")
    page.wait_for_timeout(SETTLE)
    assert plain(sees(page, "#compare-left")) == "Left: Nov 2025"
    assert plain(sees(page, "#compare-right")) == "Right: Dec 2025"
    views = "[geocn.map, geocn.parts.compare.map()].map(m => [m.getCenter().lat, m.getCenter().lng, m.getZoom()])"  # noqa: E501
    for box in ("#map", "#map-second"):
        area = page.locator(box).bounding_box()
        x, y = area["x"] + area["width"] / 2, area["y"] + 150
        page.mouse.move(x, y)
        page.mouse.down()
        page.mouse.move(x + 60, y + 40, steps=4)
        page.mouse.up()
        page.wait_for_timeout(3 * SETTLE)
        one, other = page.evaluate(views)
        assert one == pytest.approx(other, abs=0.02)
    page.evaluate("void geocn.map.setView([1, -77], 7, { animate: false })")
    one, other = page.evaluate(views)
    assert one == pytest.approx(other, abs=0.02)
    page.select_option("#compare-period", label="May 2024")
    assert plain(sees(page, "#compare-right")) == "Right: May 2024"
    page.eval_on_selector(
        "#period-slider", "s => { s.value = 3; s.dispatchEvent(new Event('input')); }"
    )
    assert plain(sees(page, "#compare-left")) == "Left: Apr 2024"
    assert plain(sees(page, "#compare-right")) == "Right: May 2024"
    page.select_option("#language", "es")
    assert plain(sees(page, "#compare-right")) == "Derecha: may 2024"
    page.click("#compare-close")
    assert page.locator("#map-second").count() == 0
    assert page.locator("#map").bounding_box()["width"] > 900
    opened.check()


def test_two_layer_sets_stand_side_by_side(show: Callable[..., Opened]) -> None:
    frame: gpd.GeoDataFrame = andes.border_hotspots()
    opened = show(PlanningMap("t").add_border_hotspots(frame).add_routes(andes.routes()))
    page = opened.page
    page.click("#compare")
    page.click(".compare-title summary")
    ink = """() => {
        const drawn = document.querySelector('#map-second .leaflet-shapes-pane canvas');
        const canvas = document.createElement('canvas');
        [canvas.width, canvas.height] = [drawn.width, drawn.height];
        canvas.getContext('2d', { willReadFrequently: true }).drawImage(drawn, 0, 0);
        const data = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
        return data.reduce((sum, value, k) => sum + (k % 4 === 3 && value > 0), 0);
    }"""
    before = page.evaluate(ink)
    page.locator(".compare-layers input").first.uncheck()
    page.locator(".compare-layers input").last.uncheck()
    assert before > 0
    assert page.evaluate(ink) == 0
    assert page.evaluate("geocn.layers.every(one => one.visible)")
    opened.check()


def test_no_second_map_on_a_phone(show: Callable[..., Opened]) -> None:
    opened = show(andes.full_map())
    page = opened.page
    page.click("#compare")
    page.set_viewport_size({"width": 390, "height": 844})
    page.wait_for_timeout(SETTLE)
    assert page.locator("#map-second").count() == 0
    assert page.locator("#compare").is_hidden()
    opened.check()


def test_points_alone_are_compared_too(show: Callable[..., Opened]) -> None:
    opened = show(PlanningMap("t", marking="TLP:AMBER").add_seizures(andes.seizures()))
    page = opened.page
    page.click("#compare")
    page.wait_for_timeout(3 * SETTLE)
    page.evaluate("void geocn.parts.compare.map().setView([1.5, -78.7], 8, { animate: false })")
    page.select_option("#compare-period", index=0)
    spot = page.evaluate(
        """() => {
            const layer = geocn.layers[0], map = geocn.parts.compare.map();
            const view = map.getBounds().pad(-0.3);
            const box = map.getContainer().getBoundingClientRect();
            const g = layer.geometry;
            for (let part = 0; part < g.kind.length; part++) {
                const at = L.latLng(g.lat[g.start[part]], g.lon[g.start[part]]);
                if (!view.contains(at) || layer.imprecise(g.row[part]) !== null) continue;
                const { x, y } = map.latLngToContainerPoint(at);
                return [x + box.x, y + box.y];
            }
        }"""
    )
    page.mouse.click(*spot)
    page.wait_for_timeout(3 * SETTLE)
    assert "seized" in sees(page, "#map-second .leaflet-popup-content")
    opened.check()
