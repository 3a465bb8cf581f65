"""How a layer looks in a GIS: categories, classes and steps, written as QGIS styles (QML)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias
from xml.etree import ElementTree as ET

from geocn.errors import ParameterError
from geocn.publish._symbols import Look, SymbolType, add_symbol
from geocn.publish._xml import add, written

Geometry: TypeAlias = Literal["point", "line", "area"]
_SYMBOLS: dict[Geometry, SymbolType] = {"point": "marker", "line": "line", "area": "fill"}
_TYPE_NUMBERS: dict[Geometry, int] = {"point": 0, "line": 1, "area": 2}
_DOCTYPE = "<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>\n"
#: The oldest QGIS whose reader was tried; newer ones convert what they read.
_QGIS = "3.22.16"


@dataclass(frozen=True)
class StyleEntry:
    """One line of a legend.

    Attributes
    ----------
    label : str
        What the legend says.
    look : Look
        Colour, shape, width and dash.
    value : str, optional
        The value that it stands for (categories).
    lower, upper : float, optional
        Limits of its class or step. A class holds its lower limit; the last class holds its
        upper one too. A step without ``upper`` is open.
    """

    label: str
    look: Look
    value: str | None = None
    lower: float | None = None
    upper: float | None = None


@dataclass(frozen=True)
class PointSizes:
    """Diameters of points by classes of an amount: ``limits`` has one more than ``sizes_mm``."""

    column: str
    limits: tuple[float, ...]
    sizes_mm: tuple[float, ...]

    def expression(self) -> str:
        """Return the size as a QGIS expression; a row without an amount gets the smallest."""
        name = _quoted(self.column)
        steps = [
            f"WHEN {name} < {limit!r} THEN {size!r}"
            for limit, size in zip(self.limits[1:-1], self.sizes_mm[:-1], strict=True)
        ]
        last, least = self.sizes_mm[-1], self.sizes_mm[0]
        return f"CASE WHEN {name} IS NULL THEN {least!r} {' '.join(steps)} ELSE {last!r} END"


@dataclass(frozen=True)
class LayerStyle:
    """The look of a whole layer.

    Attributes
    ----------
    by : {"single", "category", "class", "step"}
        One look; a look a value; a look a class of numbers; a look a number.
    entries : sequence of StyleEntry
        The lines of the legend, in order.
    column : str, optional
        The column that decides; none for ``"single"``.
    other : StyleEntry, optional
        The look of all other values and of none.
    sizes : PointSizes, optional
        Sizes of points.
    """

    by: Literal["single", "category", "class", "step"]
    entries: Sequence[StyleEntry]
    column: str | None = None
    other: StyleEntry | None = None
    sizes: PointSizes | None = None

    def __post_init__(self) -> None:
        """Refuse a style that lacks what its kind needs."""
        if self.by != "single" and self.column is None:
            raise ParameterError(f"a style by {self.by} needs a column")
        if self.by == "single" and len(self.entries) != 1:
            raise ParameterError(f"a single style has one entry; found {len(self.entries)}")
        if self.by == "class" and any(e.lower is None or e.upper is None for e in self.entries):
            raise ParameterError("each class of a style needs a lower and an upper limit")
        if self.by == "step" and any(e.lower is None for e in self.entries):
            raise ParameterError("each step of a style needs a lower limit")


def to_qml(style: LayerStyle, *, geometry: Geometry) -> str:
    """Write a style as QML, the style file of QGIS; the same text for the same style.

    Parameters
    ----------
    style : LayerStyle
        Categories become a categorised renderer, classes a graduated one (highest first, so
        that a value on a limit falls into the upper class), steps a rule-based one.
    geometry : {"point", "line", "area"}
        What the layer holds; QGIS refuses a style for another kind.

    Returns
    -------
    str

    Raises
    ------
    ParameterError
        Where ``geometry`` is none of these.

    Examples
    --------
    >>> from geocn.publish import LayerStyle, Look, StyleEntry, to_qml
    >>> hot = StyleEntry("hot, 99 % confidence", Look("#b2182b"), value="hot_99")
    >>> style = LayerStyle("category", [hot], column="hotspot_class")
    >>> 'attr="hotspot_class"' in to_qml(style, geometry="area")
    True
    """
    if geometry not in _SYMBOLS:
        raise ParameterError(f"geometry={geometry!r}; choose 'point', 'line' or 'area'")
    root = ET.Element("qgis", version=_QGIS, styleCategories="Symbology")
    renderer = add(
        root, "renderer-v2", type=_RENDERERS[style.by], symbollevels="0", forceraster="0"
    )
    if style.by in ("category", "class"):
        renderer.set("attr", str(style.column))
    if style.by == "class":
        renderer.set("graduatedMethod", "GraduatedColor")
    listed = list(_listed(style))
    _LISTS[style.by](renderer, listed, style)
    symbols = add(renderer, "symbols")
    for number, entry in enumerate(listed):
        expression = style.sizes.expression() if style.sizes and geometry == "point" else None
        add_symbol(symbols, str(number), _SYMBOLS[geometry], entry.look, size=expression)
    add(root, "blendMode", "0")
    add(root, "layerOpacity", "1")
    add(root, "layerGeometryType", _TYPE_NUMBERS[geometry])
    return _DOCTYPE + written(root)


def _listed(style: LayerStyle) -> Iterator[StyleEntry]:
    yield from reversed(style.entries) if style.by == "class" else style.entries
    if style.other is not None:
        yield style.other


def _categories(renderer: ET.Element, listed: Sequence[StyleEntry], style: LayerStyle) -> None:
    parent = add(renderer, "categories")
    for number, entry in enumerate(listed):
        value = "" if entry is style.other else entry.value
        add(
            parent,
            "category",
            symbol=number,
            value=value,
            type="string",
            label=entry.label,
            render="true",
        )


def _ranges(renderer: ET.Element, listed: Sequence[StyleEntry], style: LayerStyle) -> None:
    parent = add(renderer, "ranges")
    for number, entry in enumerate(listed):
        if entry is not style.other:
            limits = {
                "lower": repr(float(entry.lower or 0)),
                "upper": repr(float(entry.upper or 0)),
            }
            add(parent, "range", symbol=number, label=entry.label, render="true", **limits)


def _rules(renderer: ET.Element, listed: Sequence[StyleEntry], style: LayerStyle) -> None:
    parent = add(renderer, "rules", key="rules")
    for number, entry in enumerate(listed):
        rule = add(parent, "rule", key=f"rule-{number}", symbol=number, label=entry.label)
        rule.set("filter", "ELSE" if entry is style.other else _rule(style, entry))


def _rule(style: LayerStyle, entry: StyleEntry) -> str:
    name = _quoted(str(style.column))
    low = f"{name} >= {float(entry.lower or 0) - _CLOSE!r}"
    return low if entry.upper is None else f"{low} AND {name} < {float(entry.upper) - _CLOSE!r}"


def _single(renderer: ET.Element, listed: Sequence[StyleEntry], style: LayerStyle) -> None:
    """Nothing to list: the only symbol is the first."""


def _quoted(column: str) -> str:
    return '"' + column.replace('"', '""') + '"'


#: How near a step a number counts as it: a share that went through a file and back.
_CLOSE = 1e-9
_RENDERERS = {
    "single": "singleSymbol",
    "category": "categorizedSymbol",
    "class": "graduatedSymbol",
    "step": "RuleRenderer",
}
_LISTS = {"single": _single, "category": _categories, "class": _ranges, "step": _rules}
