"""Figures, ranges and a maker's own words keep their order where the page reads from the right."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from geocn.maps import PlanningMap
from tests.browser.conftest import Opened
from tests.maps import andes

pytestmark = pytest.mark.browser
#: From left to right on the screen, the characters of the text of an element.
AS_SEEN = """(text) => {
  const box = document.createElement('p');
  box.textContent = text;
  box.style.width = 'max-content';
  document.getElementById('tab-body').append(box);
  const node = box.firstChild, seen = [];
  for (let i = 0; i < text.length; i++) {
    const range = document.createRange();
    range.setStart(node, i);
    range.setEnd(node, i + 1);
    const { left, width } = range.getBoundingClientRect();
    if (width) seen.push([left, text[i]]);
  }
  box.remove();
  return seen.sort((a, b) => a[0] - b[0]).map((one) => one[1]).join('');
}"""


def test_a_range_beside_an_arabic_unit_is_not_flipped(
    show: Callable[..., Opened],
) -> None:
    opened = show(PlanningMap("t", language="ar").add_cultivation(andes.cultivation()))
    said = opened.page.evaluate("geocn.sentences(geocn.layers[0], 0)")
    (text,) = (one for one in said if "–" in one)
    low, high = opened.page.evaluate(
        """(() => {
        const l = geocn.layers[0], a = l.value('area_ha', 0), h = l.value('area_ci_ha', 0);
        return [geocn.number(Math.max(0, a - h)), geocn.number(a + h)]; })()"""
    )
    seen = opened.page.evaluate(AS_SEEN, text)
    assert f"{low}–{high}" in seen
    # The unit stands after the range, that is to its left.
    assert seen.index("ه") < seen.index(low)
    opened.check()


def test_plurals_of_arabic_follow_the_number(show: Callable[..., Opened]) -> None:
    opened = show(PlanningMap("t", language="ar").add_cultivation(andes.cultivation()))
    said = opened.page.evaluate(
        "[0, 1, 2, 3, 10, 11, 99, 100, 102].map((n) => geocn.T('limit.outside', { layer: 'x', n }))"
    )
    forms = [
        next(w for w in ("سجلان", "سجلات", "سجلًا", "سجل واحد", "سجل") if w in text) for text in said
    ]
    assert forms == [
        *("سجل", "سجل واحد", "سجلان", "سجلات", "سجلات", "سجلًا", "سجلًا", "سجل", "سجل"),
    ]
    opened.check()


def test_the_makers_own_words_keep_their_full_stop(show: Callable[..., Opened]) -> None:
    limit = "Air routes are under-reported."
    opened = show(PlanningMap("t", language="ar", limits=[limit]))
    text = opened.page.locator(".limits-short li").first.text_content()
    assert opened.page.evaluate(AS_SEEN, text).strip("\u2068\u2069") == limit
    opened.check()
