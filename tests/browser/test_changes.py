"""The layer of changes in Chromium: its legend, its signs and what a click says."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import shapely

from geocn.maps import PlanningMap, page
from geocn.maps.styles import CHANGE_CLASSES
from tests.browser.conftest import SETTLE, Opened, sees
from tests.maps.test_changes import table_of

pytestmark = pytest.mark.browser

#: Fills that stand amid each drawn area: white where a sign is.
AMID = """() => geocn.layers[0].paths.map((path) => {
    const { min, max } = path._pxBounds, r = path._renderer, ratio = L.Browser.retina ? 2 : 1;
    const at = [(min.x + max.x) / 2 - r._bounds.min.x, (min.y + max.y) / 2 - r._bounds.min.y];
    return Array.from(r._ctx.getImageData(at[0] * ratio, at[1] * ratio, 1, 1).data);
})"""


def _check(opened: Opened) -> None:
    """As every page, but for what Chromium says of reading pixels."""
    opened.said = [one for one in opened.said if "willReadFrequently" not in one]
    opened.check()


def _is_white(pixel: list[int]) -> bool:
    return min(pixel) > 215


def test_every_class_has_its_word_its_sign_and_its_sentence(show: Callable[..., Opened]) -> None:
    ratio = np.full(10, 11.2)
    high = np.full(10, 40.0)
    ratio[1], high[1] = np.inf, np.inf
    frame = table_of(ratio=ratio, ratio_high=high)
    opened = show(PlanningMap("Changes", marking="TLP:GREEN").add_change(frame, alpha=0.05))
    amid = opened.page.evaluate(AMID)
    assert [_is_white(pixel) for pixel in amid] == [True] * 6 + [False] * 4
    catalogues = page.catalogues()
    for code, words in catalogues.items():
        opened.page.select_option("#language", code)
        opened.page.wait_for_timeout(SETTLE)
        legend = sees(opened.page, ".legend").replace("\u2068", "").splitlines()
        for level in CHANGE_CLASSES:
            assert words.get(f"code.change_class.{level}", words.get(f"code.{level}")) in legend
    opened.page.select_option("#language", "en")
    said = opened.page.evaluate("(row) => geocn.sentences(geocn.layers[0], row)", 0)
    text = " ".join(said).replace("\u2068", "").replace("\u2069", "").replace("\u00a0", " ")
    assert text == (
        "new hotspot. Reports in 2025-02: 2; in 2025-03: 24. The earlier rate would have given "
        "2.1. Ratio of rates 11.2 (95 % interval: 3.1 to 40). "
        "p, corrected for many areas < 0.001."
    )
    said = " ".join(opened.page.evaluate("(row) => geocn.sentences(geocn.layers[0], row)", 1))
    assert "at least \u20683.1\u2069" in said
    _check(opened)


def test_segments_of_a_border_have_their_classes_too(show: Callable[..., Opened]) -> None:
    frame = table_of(dyad="COL-ECU", chainage_from_km=100.0, chainage_to_km=120.0)
    lines = [shapely.LineString([(-75, k / 5), (-74.5, k / 5), (-74, k / 5)]) for k in range(10)]
    opened = show(PlanningMap("Changes", marking="TLP:GREEN").add_change(frame.set_geometry(lines)))
    looks = opened.page.evaluate(
        "() => geocn.layers[0].paths.map(({ options }) => "
        "[options.weight, options.dashArray, options.sign])"
    )
    assert len({tuple(look) for look in looks[:9]}) == 9
    amid = opened.page.evaluate(AMID)
    assert [_is_white(pixel) for pixel in amid] == [True] * 6 + [False] * 4
    said = opened.page.evaluate("() => geocn.sentences(geocn.layers[0], 0)[0]")
    assert said.replace("\u2068", "").replace("\u2069", "") == (
        "Border COL-ECU, km 100 to 120: new hotspot."
    )
    _check(opened)
