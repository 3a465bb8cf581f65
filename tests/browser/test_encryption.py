"""The encrypted map in headless Chromium, from file:// and without a network."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from geocn.maps import PlanningMap
from tests.browser.conftest import Opened, sees
from tests.maps import andes
from tests.maps.hostile import HOSTILE, poisoned

pytestmark = pytest.mark.browser
SECRET = "correct horse battery ñandú"


@pytest.fixture
def ask(browser: Any, folder: Path) -> Iterator[Callable[..., Opened]]:
    contexts = []

    def opened(
        plan: PlanningMap,
        *,
        change: Callable[[str], str] = str,
        before: str = "",
        width: int = 1280,
        height: int = 800,
        **options: Any,
    ) -> Opened:
        path = folder / f"map-{len(list(folder.iterdir()))}.html"
        plan.save(path, passphrase=SECRET, **options)
        path.write_text(change(path.read_text(encoding="utf-8")), encoding="utf-8")
        context = browser.new_context(viewport={"width": width, "height": height}, offline=True)
        contexts.append(context)
        if before:
            context.add_init_script(before)
        result = Opened(context.new_page())
        result.page.goto(path.as_uri())
        result.page.wait_for_selector("#passphrase")
        return result

    yield opened
    for context in contexts:
        context.close()


def unlock(page: Any, passphrase: str = SECRET) -> None:
    page.fill("#passphrase", passphrase)
    page.press("#passphrase", "Enter")


def ready(page: Any) -> None:
    page.wait_for_selector("html[data-ready=true]", timeout=20_000)


def test_the_passphrase_opens_the_same_map(ask: Callable[..., Opened]) -> None:
    opened = ask(andes.full_map(), hide_title=True)
    page = opened.page
    assert page.evaluate("isSecureContext && location.protocol") == "file:"
    assert sees(page, "#banner-top b") == sees(page, "#banner-bottom b") == "TLP:AMBER"
    assert "Northern Andes" not in page.content()
    assert "Northern Andes" not in page.title()
    assert page.locator("#map").is_hidden()
    unlock(page)
    ready(page)
    assert "Northern Andes" in sees(page, ".title-block")
    assert page.title().startswith("TLP:AMBER")
    assert "Northern Andes" in page.title()
    assert sees(page, "#banner-top b") == sees(page, "#banner-bottom b") == "TLP:AMBER"
    assert page.locator("#unlock").count() == 0
    page.click("#tab-ranking")
    page.click("#ranking tbody tr >> nth=0")
    page.wait_for_selector(".leaflet-popup-content")
    page.click("#tab-whatif")
    share = "Number(document.querySelector('#whatif-result .big').dataset.share)"
    page.click("text=All off")
    assert page.evaluate(share) == 0
    opened.check()


def test_it_is_the_map_that_was_not_encrypted(
    ask: Callable[..., Opened], show: Callable[..., Opened]
) -> None:
    blocks = """() => [...document.querySelectorAll('script[id]')]
        .map((one) => [one.id, one.textContent]).sort()"""
    opened = ask(andes.full_map())
    assert "Northern Andes" in sees(opened.page, "#unlock h1")
    unlock(opened.page)
    ready(opened.page)
    plain = show(andes.full_map())
    mine, theirs = (dict(one.page.evaluate(blocks)) for one in (opened, plain))
    for one in ("geocn-words", "geocn-code"):
        mine.pop(one)
    theirs.pop("geocn-code")
    for found in (mine, theirs):
        found["geocn-config"] = opened.page.evaluate(
            "(text) => Object.entries(JSON.parse(text)).sort()", found["geocn-config"]
        )
    assert mine == theirs
    picture = "document.querySelectorAll('#tab-body .layer').length"
    assert opened.page.evaluate(picture) == plain.page.evaluate(picture) > 0


def test_a_wrong_passphrase_is_told_in_every_language(ask: Callable[..., Opened]) -> None:
    opened = ask(andes.full_map())
    page = opened.page
    unlock(page, SECRET + " ")
    page.wait_for_selector("#unlock-said:not(.busy):not(:empty)")
    words = {
        "en": "The passphrase is wrong",
        "es": "es incorrecta",
        "fr": "est fausse",
        "pt": "está errada",
        "ar": "عبارة المرور خاطئة",
    }
    for language, text in words.items():
        page.select_option("#unlock-language", language)
        assert text in sees(page, "#unlock-said")
        assert page.evaluate("document.documentElement.lang") == language
    assert page.evaluate("document.documentElement.dir") == "rtl"
    assert page.evaluate("geocn.map === undefined")
    assert page.locator("#map").is_hidden()
    # A language that was chosen for the form is that of the map.
    unlock(page)
    ready(page)
    assert page.evaluate("document.documentElement.dir") == "rtl"
    assert "المضبوطات" in sees(page, "#tab-body")
    opened.check()


def test_a_passphrase_typed_in_pieces_of_accents_opens(ask: Callable[..., Opened]) -> None:
    opened = ask(PlanningMap("t", marking="TLP:GREEN"))
    unlock(opened.page, "correct horse battery n\u0303andu\u0301")
    ready(opened.page)
    opened.check()


def flipped(key: str) -> Callable[[str], str]:
    """Change one character of the value of ``key`` in the envelope."""

    def change(html: str) -> str:
        at = re.search(rf'"{key}\\?":\\?"', html)
        assert at is not None
        spot = at.end() + 4
        other = "A" if html[spot] != "A" else "B"
        return html[:spot] + other + html[spot + 1 :]

    return change


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (flipped("data"), "damaged"),
        (flipped("check"), "wrong, or the file was changed"),
        (flipped("salt"), "wrong, or the file was changed"),
        (flipped("nonce"), "wrong, or the file was changed"),
        (lambda html: html.replace('iterations\\":600000', 'iterations\\":600001'), "was changed"),
        (lambda html: html.replace('iterations\\":600000', 'iterations\\":1'), "damaged"),
        (lambda html: re.sub(r'"data":"[^"]*"', '"data":"%%%"', html), "damaged"),
        (lambda html: html.replace('TLP:AMBER\\"', 'TLP:CLEAR\\"'), "was changed"),
    ],
)
def test_a_changed_file_says_so_and_shows_nothing(
    ask: Callable[..., Opened], change: Callable[[str], str], said: str
) -> None:
    opened = ask(PlanningMap("Review", marking="TLP:AMBER"), change=change)
    unlock(opened.page)
    opened.page.wait_for_selector("#unlock-said:not(.busy):not(:empty)")
    assert said in sees(opened.page, "#unlock-said")
    assert opened.page.evaluate("geocn.map === undefined && !document.getElementById('geocn-data')")
    opened.check()


def test_a_banner_that_was_lowered_is_put_right(ask: Callable[..., Opened]) -> None:
    def lowered(html: str) -> str:
        return html.replace('<b class="tlp-red">TLP:RED</b>', '<b class="tlp-clear">TLP:CLEAR</b>')

    opened = ask(PlanningMap("Review", marking="TLP:RED"), change=lowered)
    assert sees(opened.page, "#banner-top b") == "TLP:CLEAR"
    unlock(opened.page)
    ready(opened.page)
    assert sees(opened.page, "#banner-top b") == sees(opened.page, "#banner-bottom b") == "TLP:RED"


def test_a_browser_that_cannot_decrypt_is_told(ask: Callable[..., Opened]) -> None:
    gone = "Object.defineProperty(crypto, 'subtle', { value: undefined })"
    opened = ask(PlanningMap("Review"), before=gone)
    assert "does not let the page decrypt" in sees(opened.page, "#unlock-said")
    assert opened.page.locator("#passphrase").is_disabled()
    opened.check()


def test_hostile_text_is_text(ask: Callable[..., Opened]) -> None:
    plan = andes.full_map(poisoned, title=HOSTILE, releasable_to=HOSTILE, marking=HOSTILE)
    opened = ask(plan)
    assert "onerror" in sees(opened.page, "#unlock h1")
    unlock(opened.page)
    ready(opened.page)
    assert "onerror" in sees(opened.page, ".title-block")
    assert opened.page.locator("img").count() == 0
    opened.check()


def test_a_phone_can_use_the_form(ask: Callable[..., Opened]) -> None:
    opened = ask(PlanningMap("A long title " * 12, marking="TLP:RED"), width=390, height=844)
    page = opened.page
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    box = page.locator("#unlock-open").bounding_box()
    assert box is not None
    assert box["height"] >= 34
    page.click("text=Show the passphrase")
    assert page.get_attribute("#passphrase", "type") == "text"
