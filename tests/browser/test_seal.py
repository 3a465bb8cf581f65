"""A sealed folium map in headless Chromium: every element drawn, every text only text."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import folium
import pytest

from geocn.maps import seal
from tests.browser.conftest import SETTLE, Opened, sees
from tests.maps import andes
from tests.maps.folium_zoo import zoo
from tests.maps.hostile import HOSTILE, poisoned

pytestmark = pytest.mark.browser


@pytest.fixture
def show_sealed(browser: Any, folder: Path) -> Iterator[Callable[..., Opened]]:
    contexts = []

    def opened(
        sketch: folium.Map,
        *,
        width: int = 1280,
        height: int = 800,
        title: str = "Sketch",
        marking: str = "TLP:AMBER",
        **options: Any,
    ) -> Opened:
        path = folder / f"map-{len(list(folder.iterdir()))}.html"
        seal(sketch, path, title=title, marking=marking, **options)
        context = browser.new_context(viewport={"width": width, "height": height}, offline=True)
        contexts.append(context)
        result = Opened(context.new_page())
        result.page.goto(path.as_uri())
        result.page.wait_for_selector("html[data-ready=true]", timeout=20_000)
        result.page.wait_for_timeout(SETTLE)
        return result

    yield opened
    for context in contexts:
        context.close()


def click_at(page: Any, latitude: float, longitude: float) -> None:
    spot = page.evaluate(
        """([lat, lon]) => {
            const at = geocn.map.latLngToContainerPoint([lat, lon]);
            const box = geocn.map.getContainer().getBoundingClientRect();
            return [at.x + box.x, at.y + box.y];
        }""",
        [latitude, longitude],
    )
    page.mouse.click(*spot)
    page.wait_for_timeout(SETTLE)


def popup(page: Any) -> str:
    return str(page.locator(".leaflet-popup-content").last.inner_text())


SHAPES = """() => {
    const found = {};
    const kind = (one) => Object.keys(L).find((name) => L[name].prototype && one.constructor === L[name]);
    geocn.map.eachLayer((one) => {
        if (one.options.interactive !== false && (one.options.pane === 'overlayPane' || one instanceof L.Marker)) {
            const name = kind(one) || 'other';
            found[name] = (found[name] || 0) + 1;
        }
    });
    return found;
}"""  # noqa: E501


def test_every_element_is_drawn(show_sealed: Callable[..., Opened]) -> None:
    opened = show_sealed(zoo(), sources=["Field notes"])
    page = opened.page
    assert sees(page, "#banner-top b") == sees(page, "#banner-bottom b") == "TLP:AMBER"
    assert "Field notes" in sees(page, "#tab-body")
    assert "replaced by the bundled basemap" in sees(page, "#tab-body")
    drawn = page.evaluate(SHAPES)
    assert drawn["Circle"] == 1
    assert drawn["CircleMarker"] == 2
    assert drawn["Rectangle"] == 1
    assert drawn["Polyline"] == 1
    assert drawn["Polygon"] == 1 + 2 + 2
    assert drawn["Marker"] == 2 + 1
    assert page.locator(".sealed-pile").inner_text() == "12"
    assert "3 – 5" in sees(page, "#tab-body")
    image = "document.querySelector('.sealed-image').naturalWidth"
    assert page.evaluate(image) == 4
    opened.check()


def test_popups_and_tooltips_say_their_text(show_sealed: Callable[..., Opened]) -> None:
    opened = show_sealed(zoo())
    page = opened.page
    page.locator(".sealed-pin >> nth=0").click()
    page.wait_for_timeout(SETTLE)
    assert popup(page).split() == ["Post", "north", "&", "south"]
    click_at(page, 2.0, -76.0)
    assert popup(page) == "Dot"
    click_at(page, 5.5, -79.5)
    assert popup(page).split("\n") == ["Name", "One", "Value", "1,234.5"]
    page.select_option("#language", "fr")
    click_at(page, 5.5, -79.5)
    assert "1 234,5" in popup(page).replace("\u202f", " ")
    page.locator(".sealed-pin >> nth=0").hover()
    page.wait_for_timeout(SETTLE)
    # The tip of what the pointer left still fades.
    assert page.locator(".sealed-tip").last.inner_text() == "Post"
    opened.check()


def test_layers_go_off_and_on(show_sealed: Callable[..., Opened]) -> None:
    opened = show_sealed(zoo())
    page = opened.page
    before = page.evaluate(SHAPES)
    page.locator(".layer", has_text="Off at first").locator("input").check()
    assert page.evaluate(SHAPES)["CircleMarker"] == before["CircleMarker"] + 1
    page.locator(".layer", has_text="Group").locator("input").uncheck()
    assert "Circle" not in page.evaluate(SHAPES)
    opened.check()


def test_a_cluster_opens(show_sealed: Callable[..., Opened]) -> None:
    opened = show_sealed(zoo())
    page = opened.page
    page.click(".sealed-pile")
    for _ in range(50):  # no wait_for_function: its polling is an eval, which the page forbids
        if page.evaluate("geocn.map.getZoom() > 8"):
            break
        page.wait_for_timeout(SETTLE)
    assert page.evaluate("geocn.map.getZoom() > 8")
    page.wait_for_timeout(4 * SETTLE)
    for _ in range(4):
        page.evaluate("void geocn.map.setZoom(geocn.map.getZoom() + 1, {animate: false})")
    page.wait_for_timeout(SETTLE)
    assert page.locator(".sealed-pile").count() == 0
    opened.check()


def test_hostile_text_is_text_in_every_slot(show_sealed: Callable[..., Opened]) -> None:
    def hostile(_: str) -> str:
        return HOSTILE + "<b>kept</b>"

    opened = show_sealed(
        zoo(hostile), title=HOSTILE, marking=HOSTILE, sources=[HOSTILE], limits=[HOSTILE],
        author=HOSTILE, releasable_to=HOSTILE,
    )  # fmt: skip
    page = opened.page
    page.evaluate(
        """() => void geocn.map.eachLayer((one) => {
            if (one.getPopup && one.getPopup()) { one.openPopup(); }
            if (one.getTooltip && one.getTooltip()) { one.openTooltip(); }
        })"""
    )
    page.wait_for_timeout(SETTLE)
    assert "kept" in popup(page)
    for language in ("ar", "es"):
        page.select_option("#language", language)
    assert "onerror" in sees(page, ".title-block")
    assert page.locator("#panel img").count() == 0
    assert page.locator("img:not(.sealed-image)").count() == 0
    opened.check()


def test_our_own_folium_map_seals(show_sealed: Callable[..., Opened]) -> None:
    opened = show_sealed(andes.full_map(poisoned).to_folium())
    page = opened.page
    assert page.locator(".layer").count() == len(andes.full_map().layers)
    page.evaluate(
        "void geocn.map.eachLayer((one) => one.getPopup && one.getPopup() && one.openPopup())"
    )
    assert "onerror" in popup(page)
    opened.check()


def test_a_phone_and_arabic(show_sealed: Callable[..., Opened]) -> None:
    opened = show_sealed(zoo(), width=390, height=844, language="ar")
    page = opened.page
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.evaluate("document.documentElement.dir") == "rtl"
    page.click("#fold")
    page.wait_for_timeout(SETTLE)
    box = page.locator("#map").bounding_box()
    assert box is not None
    assert box["height"] > 700
    opened.check()


def test_an_encrypted_one_opens(
    show_sealed: Callable[..., Opened], browser: Any, folder: Path
) -> None:
    path = seal(zoo(), folder / "locked.html", title="Sketch", passphrase="four random words")
    context = browser.new_context(offline=True)
    opened = Opened(context.new_page())
    opened.page.goto(path.as_uri())
    opened.page.fill("#passphrase", "four random words")
    opened.page.click("#unlock-open")
    opened.page.wait_for_selector("html[data-ready=true]", timeout=20_000)
    assert "Group" in sees(opened.page, "#tab-body")
    opened.check()
    context.close()
