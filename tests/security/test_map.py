"""What a map file may hold, run and ask for."""

from __future__ import annotations

import base64
import hashlib
import html as html_module
import re
from pathlib import Path

import pytest

from geocn.io.packed import decode_block
from geocn.maps import page
from geocn.maps._text import plain_text, safe_json
from tests.maps import andes
from tests.maps.hostile import HOSTILE, poisoned

EXECUTABLE = re.compile(r"<script>(.*?)</script>", re.DOTALL)
INERT = re.compile(
    r'<script type="(?:application/json|text/plain)" id="[\w-]+">(.*?)</script>', re.DOTALL
)
CODE = re.compile(r'id="geocn-code">(.*?)</script>')


@pytest.fixture(scope="module")
def hostile_page() -> str:
    plan = andes.full_map(
        poisoned,
        title=HOSTILE,
        releasable_to=HOSTILE,
        sources=[HOSTILE],
        limits=[HOSTILE],
        author=HOSTILE,
        marking=HOSTILE,
    )
    plan.add_routes(andes.routes(), name=HOSTILE)
    return plan.to_html()


def test_the_scripts_are_the_same_whatever_the_data(hostile_page: str) -> None:
    plain = andes.full_map().to_html()
    for html in (plain, hostile_page):
        assert EXECUTABLE.findall(html) == [page.loader()]
        (code,) = CODE.findall(html)
        assert decode_block(code)[0] == {
            "scripts": list(page.scripts()),
            "styles": list(page.stylesheets()),
        }


def test_the_policy_names_exactly_the_package_s_scripts_and_styles(hostile_page: str) -> None:
    policy = re.search(r'Security-Policy" content="([^"]*)"', hostile_page)
    assert policy is not None
    rules = dict(rule.split(" ", 1) for rule in html_module.unescape(policy[1]).split("; "))
    digest = [
        "'sha256-" + base64.b64encode(hashlib.sha256(s.encode()).digest()).decode() + "'"
        for s in (page.loader(), *page.scripts())
    ]
    assert rules["script-src"].split() == digest
    assert len(rules["style-src"].split()) == 1 + len(page.stylesheets())
    assert rules["default-src"] == "'none'"
    assert "unsafe" not in policy[1]
    assert "http" not in policy[1]


def test_data_blocks_hold_no_markup(hostile_page: str) -> None:
    blocks = INERT.findall(hostile_page)
    assert len(blocks) == 6
    for block in blocks:
        assert not re.search(r"[<>&]", block)


def test_nothing_of_the_data_becomes_markup(hostile_page: str) -> None:
    frame = EXECUTABLE.sub("", hostile_page)
    frame = INERT.sub("", re.sub(r"<style>.*?</style>", "", frame, flags=re.DOTALL))
    tags = set(re.findall(r"<([a-zA-Z]+)", frame))
    assert tags == {
        *("html", "head", "meta", "link", "title", "body", "div", "span", "b", "aside", "main"),
        *("noscript", "p"),
    }
    for tag in re.findall(r"<[a-zA-Z][^>]*>", frame):
        assert not re.search(r"\s(on\w+|style|src)\s*=", tag), tag


def test_no_style_or_script_names_another_place() -> None:
    for style in (page.frame_style(), *page.stylesheets()):
        assert not re.search(r"url\((?!#default|data:)|@import", style)
    ours = "".join((page.loader(), *page.scripts()[1:]))
    for forbidden in (
        "innerHTML",
        "outerHTML",
        "insertAdjacentHTML",
        "document.write",
        "eval(",
        "new Function",
        "fetch(",
        "XMLHttpRequest",
        "WebSocket",
        "sendBeacon",
        "import(",
    ):
        assert forbidden not in ours, forbidden
    assert re.findall(r"https?://[^'\" ]+", ours) == ["http://www.w3.org/2000/svg"]


def test_the_vendored_library_is_the_one_that_was_released() -> None:
    folder = Path(page.__file__).parent / "assets" / "vendor" / "leaflet"
    for line in (folder / "SHA256SUMS").read_text().splitlines():
        digest, name = line.split()
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest


def test_texts_are_bounded_and_free_of_control_codes() -> None:
    assert len(plain_text("x" * 1_000_000)) == 2_000
    assert plain_text("a\x00b\u202ec\ud800") == "a b c?"
    assert "<" not in safe_json({"</script>": "<!--&\u2028"})
    with pytest.raises(ValueError, match="JSON"):
        safe_json(float("nan"))


def test_folium_writes_hostile_text_as_text() -> None:
    built = andes.full_map(poisoned, title=HOSTILE, marking=HOSTILE).add_routes(
        andes.routes(), name=HOSTILE
    )
    rendered = built.to_folium().get_root().render()
    assert "window.__pwned" in rendered
    assert "<img src=x" not in rendered
    assert "</script><script>window" not in rendered
    assert "${window" not in rendered
