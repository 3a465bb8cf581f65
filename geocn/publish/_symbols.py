"""The symbols of a QGIS style: markers, lines and fills from one description of a look."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, TypeAlias
from xml.etree import ElementTree as ET

from geocn.errors import ParameterError
from geocn.publish._xml import add

SymbolType: TypeAlias = Literal["marker", "line", "fill"]

#: One CSS pixel, at 96 to the inch, in millimetres.
PIXEL_MM = 25.4 / 96
#: Shapes by the name that QGIS gives them.
SHAPES: Mapping[str, str] = MappingProxyType(
    {
        "circle": "circle",
        "diamond": "diamond",
        "triangle": "triangle",
        "square": "square",
        "cross": "cross_fill",
        "star": "star",
        "pentagon": "pentagon",
    }
)
_EDGE = "20,20,20,217"
_FILL_OPACITY = {True: 0.8, False: 0.35, None: 0.8}
_SIZE_MM = 3.0
_LINE_MM = 0.8


@dataclass(frozen=True)
class Look:
    """How one kind of row is drawn.

    Attributes
    ----------
    color : str
        As ``#rrggbb``.
    shape : str
        Of a point: circle, diamond, triangle, square, cross, star or pentagon.
    size_mm, width_mm : float
        Diameter of a point, width of a line.
    dash_mm : tuple of float
        Lengths of dash and gap of a line; none for a solid one.
    strong : bool, optional
        Of an area: drawn full with a dark outline, or faint.
    """

    color: str
    shape: str = "circle"
    size_mm: float = _SIZE_MM
    width_mm: float = _LINE_MM
    dash_mm: tuple[float, ...] = ()
    strong: bool | None = None

    def __post_init__(self) -> None:
        """Refuse what QGIS would draw as something else."""
        if len(self.color) != 7 or self.color[0] != "#" or not _is_hex(self.color[1:]):
            raise ParameterError(f"color={self.color!r}; write it as #rrggbb")
        if self.shape not in SHAPES:
            raise ParameterError(f"shape={self.shape!r}; choose one of {', '.join(SHAPES)}")


def add_symbol(
    parent: ET.Element, name: str, kind: SymbolType, look: Look, *, size: str | None = None
) -> None:
    """Append one symbol; ``size`` is an expression for the diameter of a marker."""
    symbol = add(parent, "symbol", type=kind, name=name, alpha="1", clip_to_extent="1")
    layer, properties = _LAYERS[kind](look)
    body = add(symbol, "layer", **{"class": layer}, enabled="1", locked="0", **{"pass": "0"})
    for key, value in properties.items():
        add(body, "prop", k=key, v=value)
    if size is not None:
        _add_expression(add(body, "data_defined_properties"), "size", size)


def _marker(look: Look) -> tuple[str, dict[str, str]]:
    return "SimpleMarker", {
        "name": SHAPES[look.shape],
        "color": _rgba(look.color, 0.88),
        "size": _mm(look.size_mm),
        "size_unit": "MM",
        "scale_method": "diameter",
        "outline_color": _EDGE,
        "outline_style": "solid",
        "outline_width": _mm(0.9 * PIXEL_MM),
        "outline_width_unit": "MM",
    }


def _line(look: Look) -> tuple[str, dict[str, str]]:
    return "SimpleLine", {
        "line_color": _rgba(look.color, 1),
        "line_style": "solid",
        "line_width": _mm(look.width_mm),
        "line_width_unit": "MM",
        "capstyle": "flat" if look.dash_mm else "round",
        "joinstyle": "round",
        "use_custom_dash": "1" if look.dash_mm else "0",
        "customdash": ";".join(_mm(length) for length in look.dash_mm) or "5;2",
        "customdash_unit": "MM",
    }


def _fill(look: Look) -> tuple[str, dict[str, str]]:
    return "SimpleFill", {
        "color": _rgba(look.color, _FILL_OPACITY[look.strong]),
        "style": "solid",
        "outline_color": "34,34,34,255" if look.strong else "119,119,119,160",
        "outline_style": "solid",
        "outline_width": _mm((2 if look.strong else 0.6) * PIXEL_MM),
        "outline_width_unit": "MM",
    }


def _add_expression(parent: ET.Element, key: str, expression: str) -> None:
    top = add(parent, "Option", type="Map")
    add(top, "Option", name="name", type="QString", value="")
    properties = add(top, "Option", name="properties", type="Map")
    one = add(properties, "Option", name=key, type="Map")
    add(one, "Option", name="active", type="bool", value="true")
    add(one, "Option", name="expression", type="QString", value=expression)
    add(one, "Option", name="type", type="int", value="3")
    add(top, "Option", name="type", type="QString", value="collection")


def _rgba(color: str, opacity: float) -> str:
    red, green, blue = (int(color[at : at + 2], 16) for at in (1, 3, 5))
    return f"{red},{green},{blue},{round(opacity * 255)}"


def _mm(length: float) -> str:
    return f"{length:.3g}"


def _is_hex(text: str) -> bool:
    return all(character in "0123456789abcdefABCDEF" for character in text)


_LAYERS = {"marker": _marker, "line": _line, "fill": _fill}
