"""Values of a folium map on their way into a sealed file: text, numbers, colours, styles.

What folium would let act as markup becomes its text; what is no plain value is refused.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from html.parser import HTMLParser
from typing import Any

from geocn.errors import UnsealableError
from geocn.maps._text import plain_text

_COLOR = re.compile(
    r"#(?:[0-9a-f]{3,4}|[0-9a-f]{6}|[0-9a-f]{8})|[a-z]{3,24}|(?:rgb|hsl)a?\([0-9.,%/\s]+\)", re.I
)
_DASHES = re.compile(r"[0-9.,\s]+")
_NUMBERS = ("weight", "opacity", "fillOpacity", "radius", "smoothFactor")
_FLAGS = ("stroke", "fill", "noClip")
_COLORS = ("color", "fillColor")
_WORDS = {
    "lineCap": {"butt", "round", "square"},
    "lineJoin": {"arcs", "bevel", "miter", "miter-clip", "round"},
    "fillRule": {"nonzero", "evenodd"},
}
#: Options that change nothing of what a still map shows.
_IDLE = {"bubblingMouseEvents", "className", "tags", "gradient", "interactive", "pane"}
_BREAKS = {"br", "p", "div", "tr", "li", "h1", "h2", "h3", "h4", "h5", "h6", "table", "ul", "ol"}
_CELLS = {"td", "th"}
_SILENT = {"script", "style", "template", "iframe", "object", "noscript"}


class Findings:
    """What stands in the way of sealing, and what is said of the map's limits."""

    def __init__(self) -> None:
        self.faults: list[str] = []
        self.notes: Counter[str] = Counter()
        self.places: list[tuple[float, float]] = []

    def refuse(self, element: str, why: str) -> None:
        """Note an element that cannot be carried."""
        self.faults.append(f"{element}: {why}")

    def check(self) -> None:
        """Raise one error that names every element.

        Raises
        ------
        UnsealableError
        """
        if self.faults:
            raise UnsealableError(list(dict.fromkeys(self.faults)))

    def point(self, value: Any, element: str) -> list[float]:
        """Return [latitude, longitude] as numbers, and remember the place."""
        pair = [_number(one) for one in list(value)[:2]]
        if len(pair) != 2 or None in pair or abs(pair[0] or 0) > 90:
            self.refuse(element, f"{plain_text(value, limit=60)} is no place on Earth")
            return [0.0, 0.0]
        found = [float(one) for one in pair if one is not None]
        self.places.append((found[0], found[1]))
        return found

    def nested(self, value: Any, element: str) -> list[Any]:
        """Return nested lists of [latitude, longitude]."""
        items = list(value)
        if items and not hasattr(items[0], "__len__"):
            return self.point(items, element)
        return [self.nested(one, element) for one in items]

    def color(self, value: Any, element: str) -> str:
        """Return a CSS colour that names nothing but a colour."""
        text = str(value).strip()
        if not _COLOR.fullmatch(text):
            self.refuse(element, f"{plain_text(text, limit=60)!r} is no colour")
            return "#000"
        return text

    def style(self, options: Mapping[str, Any], element: str) -> dict[str, Any]:
        """Return the options of a path that a sealed map knows."""
        found: dict[str, Any] = {}
        for name, value in options.items():
            if value is None or name in _IDLE:
                continue
            if name in _COLORS:
                # folium writes False where the fill takes the colour of the line.
                if value is not False:
                    found[name] = self.color(value, element)
            elif name in _FLAGS:
                found[name] = bool(value)
            elif name in _NUMBERS and _number(value) is not None:
                found[name] = _number(value)
            elif name in _WORDS and value in _WORDS[name]:
                found[name] = value
            elif name in {"dashArray", "dashOffset"} and _DASHES.fullmatch(str(value)):
                found[name] = str(value)
            else:
                self.refuse(element, f"style {plain_text(name, limit=40)!r} cannot be carried")
        return found


def _number(value: Any) -> float | None:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    if not math.isfinite(number):
        return None
    return int(number) if number.is_integer() else round(number, 7)


def cell(value: Any) -> str | float | None:
    """Return a property as the page shows it: a number, or the text of what it says."""
    if value is None:
        return None
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, Mapping | list):
        return plain_text(json.dumps(value, ensure_ascii=False, sort_keys=True, default=str))
    return text_of(str(value))


class _Text(HTMLParser):
    """The text of markup, a line for each block."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._silent = 0

    def handle_starttag(self, tag: str, attrs: Iterable[Any]) -> None:
        if tag in _SILENT:
            self._silent += 1
        elif tag in _BREAKS:
            self.parts.append("\n")
        elif tag in _CELLS:
            self.parts.append(" ")

    def handle_endtag(self, tag: str) -> None:
        if tag in _SILENT:
            self._silent = max(0, self._silent - 1)
        elif tag in _BREAKS and tag != "br":
            self.parts.append("\n")

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self.parts.append(data)


def text_of(markup: str) -> str:
    r"""Return what markup says, without the markup.

    Example
    -------
    >>> text_of("<b>Post 7</b><br>3 &amp; more<script>alert(1)</script>")
    'Post 7\n3 & more'
    """
    reader = _Text()
    reader.feed(markup)
    reader.close()
    lines = "".join(reader.parts).split("\n")
    kept = [" ".join(line.split()) for line in lines]
    return plain_text("\n".join(line for line in kept if line), limit=10_000)
