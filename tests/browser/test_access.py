"""axe finds nothing serious on the map, in every tab and tool, from the left and the right."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.browser.conftest import SETTLE, Opened
from tests.maps import andes

pytestmark = pytest.mark.browser
AXE = Path(__file__).parent / "vendor" / "axe-core"
GRAVE = ("serious", "critical")


def findings(page: Any) -> list[str]:
    """What axe calls serious or critical: rule, element and reason."""
    found = page.evaluate("() => axe.run(document)")
    return [
        f"{rule['id']}: {node['html'][:90]} ({node['failureSummary'][:160]})"
        for rule in found["violations"]
        if rule["impact"] in GRAVE
        for node in rule["nodes"]
    ]


def test_axe_is_the_released_one() -> None:
    for line in (AXE / "SHA256SUMS").read_text().splitlines():
        digest, name = line.split()
        assert hashlib.sha256((AXE / name).read_bytes()).hexdigest() == digest


@pytest.mark.parametrize("language", ["en", "ar"])
def test_axe_finds_nothing_serious(show: Callable[..., Opened], language: str) -> None:
    page = show(andes.full_map(language=language)).page
    page.evaluate((AXE / "axe.min.js").read_text(encoding="utf-8"))
    found = {}
    for tab in ("layers", "ranking", "whatif", "notes", "about"):
        page.click(f"#tab-{tab}")
        found[tab] = findings(page)
    page.click("#tab-layers")
    page.fill("#search", "co")
    page.keyboard.press("ArrowDown")
    found["search"] = findings(page)
    page.keyboard.press("Escape")
    page.click("#measure")
    found["measure"] = findings(page)
    page.click("#measure-close")
    page.click("#compare")
    page.wait_for_timeout(SETTLE)
    found["compare"] = findings(page)
    assert {name: grave for name, grave in found.items() if grave} == {}


def test_axe_finds_nothing_serious_on_a_phone(show: Callable[..., Opened]) -> None:
    page = show(andes.full_map(), width=390, height=844).page
    page.evaluate((AXE / "axe.min.js").read_text(encoding="utf-8"))
    assert findings(page) == []
