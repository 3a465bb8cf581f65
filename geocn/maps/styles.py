"""Colours, shapes, line widths and classes of the layers.

Colours are those of :mod:`geocn._palette`. A category has a shape or a dash of its own too,
and a class its width or outline, so that nothing is said by colour alone. Lines have darker
colours than areas and symbols, which have an outline.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np

from geocn._palette import (
    CATEGORIES,
    COLD,
    HOT,
    LINE_CATEGORIES,
    LINE_COLD,
    LINE_HOT,
    NEUTRAL,
    QUIET_LINE,
    RISK,
    UNKNOWN,
)
from geocn._typing import FloatArray

SEQUENTIAL: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "flow": ("#d0e1f2", "#94c4df", "#5ba3d0", "#2d7dbb", "#08519c"),
        "risk": RISK,
        "crop": ("#dcf2a8", "#9fd681", "#68bc6c", "#2b9a4f", "#006837"),
        "gap": ("#dadaeb", "#bcbddc", "#9e9ac8", "#756bb1", "#54278f"),
    }
)
LINE_SEQUENTIAL: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "flow": ("#3182bd", "#1f6aab", "#08519c", "#083a78", "#06234d"),
        "risk": ("#d05a0a", "#b34806", "#933604", "#6f2703", "#471800"),
    }
)
OTHER = "#555555"
NOT_COMPARABLE = "#77746e"
SHAPES = ("circle", "diamond", "triangle", "square", "cross", "star", "pentagon")
DASHES = ("", "8 5", "2 5", "12 4 2 4", "5 2", "1 4", "14 6")
LINE_WIDTHS = (1.6, 2.4, 3.4, 4.6, 6.0)
PARTNER_TYPES: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "military": ("#005a8c", "square"),
        "law_enforcement": ("#d55e00", "diamond"),
        "ngo": ("#00795a", "circle"),
        "international": ("#a4507f", "triangle"),
        "civil": ("#8c6d31", "pentagon"),
    }
)
#: Colours and shapes that a drug or a mode keeps from map to map.
DRUG_SLOTS: Mapping[str, int] = MappingProxyType(
    {
        "cocaine": 0,
        "cocaine_salt": 1,
        "cannabis_herb": 2,
        "heroin": 3,
        "coca_paste": 4,
        "cocaine_base": 5,
        "cannabis": 6,
    }
)
MODE_SLOTS: Mapping[str, int] = MappingProxyType(
    {"road": 0, "sea": 1, "river": 2, "air": 3, "foot": 4, "rail": 5, "post": 6}
)
N_CLASSES = 5
_HEAVY_TAIL = 1_000.0


def rounded(value: float, digits: int = 2) -> float:
    """Round to significant digits, so that a class limit reads well."""
    return float(f"{value:.{digits - 1}e}")


def class_breaks(values: FloatArray, n_classes: int = N_CLASSES) -> list[float]:
    """Return limits of at most ``n_classes`` classes of about equal number, ends included.

    Limits between classes are rounded to two significant digits; the first and the last
    are the least and the greatest value. Where many values are zero the limits are taken
    from the others, so that one crowded value does not swallow every class. Missing values
    take no part; without any value the list is empty.
    """
    finite = np.sort(values[np.isfinite(values)])
    if not len(finite):
        return []
    low, high = float(finite[0]), float(finite[-1])
    positive = finite[finite > 0]
    zeros = np.count_nonzero(finite == 0)
    spread = (
        positive if low == 0.0 and len(positive) and zeros * n_classes > len(finite) else finite
    )
    inner = np.quantile(spread, np.linspace(0, 1, n_classes + 1)[1:-1])
    limits = sorted({rounded(float(limit)) for limit in inner})
    limits = [limit for limit in limits if low < limit < high]
    if not limits and len(positive) and low < float(positive[0]) < high:
        limits = [float(positive[0])]
    return [low, *limits, high]


def class_style(
    column: str, values: FloatArray, palette: str, *, line: bool = False
) -> dict[str, Any]:
    """Return a style of ordered classes over a numeric column."""
    breaks = class_breaks(values)
    n_classes = max(1, len(breaks) - 1)
    picks = np.round(np.linspace(0, N_CLASSES - 1, n_classes)).astype(int)
    if n_classes == 1:
        picks = np.array([3])
    style: dict[str, Any] = {
        "by": "class",
        "column": column,
        "breaks": breaks,
        "colors": [(LINE_SEQUENTIAL if line else SEQUENTIAL)[palette][pick] for pick in picks],
    }
    if line:
        style["widths"] = [LINE_WIDTHS[pick] for pick in picks]
    return style


def category_style(
    column: str,
    levels: Sequence[str | None],
    *,
    line: bool = False,
    slots: Mapping[str, int] = MappingProxyType({}),
) -> dict[str, Any]:
    """Return a style of categories: the most frequent get a colour and a shape of their own.

    A level named in ``slots`` takes the same colour and shape on every map.
    """
    count = Counter(level for level in levels if level is not None)
    ranked = sorted(count, key=lambda level: (-count[level], level))
    named = ranked[: len(CATEGORIES)]
    places = _places(named, slots)
    style: dict[str, Any] = {
        "by": "category",
        "column": column,
        "levels": named,
        "colors": [(LINE_CATEGORIES if line else CATEGORIES)[place] for place in places],
        "other": OTHER,
        "has_other": len(ranked) > len(named) or None in levels,
    }
    marks = DASHES if line else SHAPES
    style["dashes" if line else "shapes"] = [marks[place] for place in places]
    return style


def _places(named: Sequence[str], slots: Mapping[str, int]) -> list[int]:
    """Return a place in the list of colours for each level, the fixed ones first."""
    taken: dict[str, int] = {}
    for level in named:
        if level in slots and slots[level] not in taken.values():
            taken[level] = slots[level]
    free = [place for place in range(len(CATEGORIES)) if place not in taken.values()]
    return [taken[level] if level in taken else free.pop(0) for level in named]


def partner_style(levels: Sequence[str | None]) -> dict[str, Any]:
    """Return the fixed style of the types of partner."""
    present = [level for level in PARTNER_TYPES if level in set(levels)]
    return {
        "by": "category",
        "column": "partner_type",
        "levels": present,
        "colors": [PARTNER_TYPES[level][0] for level in present],
        "shapes": [PARTNER_TYPES[level][1] for level in present],
        "dashes": [DASHES[SHAPES.index(PARTNER_TYPES[level][1])] for level in present],
        "other": OTHER,
        "has_other": any(level not in PARTNER_TYPES for level in levels),
    }


def hotspot_style(levels: Sequence[str | None]) -> dict[str, Any]:
    """Return the style of hot and cold classes, the hottest first.

    ``hot_99``, ``hot_95``, ``hot_90`` and the like deepen with their confidence; a bare
    ``hot`` is the deepest. What is neither hot nor cold is neutral.
    """
    present = sorted({level for level in levels if level is not None}, key=_heat)
    return {
        "by": "category",
        "column": "hotspot_class",
        "levels": present,
        "colors": [_heat_color(level) for level in present],
        "strong": [_side(level) != 0 for level in present],
        "other": UNKNOWN,
        "has_other": None in levels,
    }


def border_style(levels: Sequence[str | None]) -> dict[str, Any]:
    """Return the style of border segments: what is significant is wide and strong."""
    style = hotspot_style(levels)
    strong = style["strong"]
    style["colors"] = [
        _heat_color(level, LINE_HOT, LINE_COLD) if wide else QUIET_LINE
        for level, wide in zip(style["levels"], strong, strict=True)
    ]
    style["widths"] = [
        4.5 + _confidence(level) if wide else 1.8
        for level, wide in zip(style["levels"], strong, strict=True)
    ]
    return style


@dataclass(frozen=True)
class _ChangeLook:
    """How a class of change looks: its sign and its edge tell it without its colour."""

    area: str
    line: str
    sign: str | None = None
    width: float = 5.0
    dash: str = ""


#: Classes of a change, the most first. Those with a sign are told from none.
_CHANGES: Mapping[str, _ChangeLook] = MappingProxyType(
    {
        "new": _ChangeLook(HOT[2], LINE_HOT[2], "star", 6.5),
        "intensified": _ChangeLook(HOT[1], LINE_HOT[1], "triangle", 5.5),
        "more": _ChangeLook(HOT[0], LINE_HOT[0], "cross", 4.5),
        "less": _ChangeLook(COLD[0], LINE_COLD[0], "minus", 4.5),
        "diminished": _ChangeLook(COLD[1], LINE_COLD[1], "down", 5.5),
        "gone": _ChangeLook(COLD[2], LINE_COLD[2], "circle", 6.5),
        "no_clear_change": _ChangeLook(NEUTRAL, QUIET_LINE, None, 2.4),
        "too_few": _ChangeLook(UNKNOWN, QUIET_LINE, None, 2.0, "1 4"),
        "not_comparable": _ChangeLook(NOT_COMPARABLE, OTHER, None, 2.0, "8 5"),
    }
)
CHANGE_CLASSES = tuple(_CHANGES)


def change_style(levels: Sequence[str | None], *, line: bool = False) -> dict[str, Any]:
    """Return the fixed style of the classes of a change, from new hotspots to gone ones."""
    present = [level for level in _CHANGES if level in set(levels)]
    looks = [_CHANGES[level] for level in present]
    style: dict[str, Any] = {
        "by": "category",
        "column": "change_class",
        "levels": present,
        "colors": [look.line if line else look.area for look in looks],
        "signs": [look.sign for look in looks],
        "strong": [look.sign is not None for look in looks],
        "dashes": [look.dash for look in looks],
        "other": OTHER if line else UNKNOWN,
        "has_other": None in levels,
    }
    if line:
        style["widths"] = [look.width for look in looks]
    return style


def siting_style() -> dict[str, Any]:
    """Return the style of proposed sites: stars, apart from every partner's shape."""
    return {"by": "single", "color": "#7a0177", "shape": "star"}


def annotation_style() -> dict[str, Any]:
    """Return the style of notes: the colour in which the page draws them."""
    return {"by": "single", "color": "#b3006b", "shape": "circle"}


def _side(level: str) -> int:
    text = level.lower()
    if "cold" in text or "low" in text.split("_"):
        return -1
    return 1 if "hot" in text or "high" in text.split("_") else 0


def _confidence(level: str) -> int:
    found = re.search(r"(\d+(?:\.\d+)?)", level)
    return 2 if not found else 2 if float(found[1]) >= 99 else 1 if float(found[1]) >= 95 else 0


def _heat(level: str) -> tuple[int, int, str]:
    side = _side(level)
    return (-side, -side * _confidence(level), level)


def _heat_color(level: str, hot: Sequence[str] = HOT, cold: Sequence[str] = COLD) -> str:
    side = _side(level)
    if side == 0:
        return UNKNOWN if "no_" in level.lower() else NEUTRAL
    return (hot if side > 0 else cold)[_confidence(level)]


def size_style(column: str, values: FloatArray) -> dict[str, Any] | None:
    """Return radii for classes of a positive amount, or None where there is nothing to class.

    Amounts over many orders of magnitude (grams at one end, tonnes at the other) are classed
    from the upper half, to one significant digit: the small ones are all small.
    """
    positive = values[np.isfinite(values) & (values > 0)]
    breaks = class_breaks(positive, 4)
    if len(breaks) < 3:
        return None
    lower, *upper = np.quantile(positive, [0.05, 0.5, 0.8, 0.95])
    if upper[-1] / lower > _HEAVY_TAIL:
        limits = sorted({rounded(float(limit), 1) for limit in upper})
        breaks = [breaks[0], *(x for x in limits if breaks[0] < x < breaks[-1]), breaks[-1]]
    radii = np.linspace(3.0, 7.5, len(breaks) - 1)
    return {"column": column, "breaks": breaks, "radii": [round(float(r), 1) for r in radii]}
