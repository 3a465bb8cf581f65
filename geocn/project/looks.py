"""How each layer and result looks in a GIS: the colours, classes and words of the map."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from geocn.maps import styles as map_styles
from geocn.maps.layers import build, first_present, numeric
from geocn.maps.page import catalogues
from geocn.maps.recipes import RECIPES
from geocn.publish import LayerStyle, Look, PointSizes, StyleEntry
from geocn.publish._symbols import PIXEL_MM

Words = Callable[[str], str]

#: Kinds of analyses and their further frames by the kind of layer that the map draws of them.
_RESULTS: Mapping[str, str] = {
    "hotspots": "hotspots",
    "border_hotspots": "border_hotspots",
    "corridors": "corridors",
    "least_cost_corridors": "corridors",
    "siting": "siting",
    "coverage": "coverage",
    "cultivation_change": "change",
    "compare_periods": "change",
    "changes": "change",
}
_MORE: Mapping[str, str] = {"paths": "corridors", "reaches": "reach", "gaps": "gaps"}
_LAYERS = frozenset({"cultivation", "routes", "seizures", "interventions", "annotations"})
#: What a frame is classed by that the map does not draw as a layer of its own.
_MEASURES = ("mean", "sum", "value", "n_events", "gap_weight", "demand_weight", "weight_kg")
#: Columns that decide a style, beside those that a table ranks by.
_DECIDING = (
    "hotspot_class",
    "change_class",
    "tolerance",
    "cost",
    "mode",
    "drug",
    "drug_reported",
    "partner_type",
    "kind",
    "partner",
    "n_partners",
    "weight",
    "weight_kg",
)
_PLAIN = "#0072b2"
_ANY_POINT = shapely.Point(0, 0)
_ANY_LINE = shapely.LineString([(0, 0), (1, 1)])


def look_of(
    frame: pd.DataFrame, *, kind: str | None, part: str | None = None, language: str = "en"
) -> LayerStyle | None:
    """Return the style of one frame, None where it has nothing to draw.

    Parameters
    ----------
    frame : DataFrame
        A layer or the frame of a result.
    kind : str or None
        Name of the layer, or kind of the analysis; "changes" for a table of changes.
    part : str, optional
        Which further frame of the analysis.
    language : str
        Of the words of the legend.
    """
    if not isinstance(frame, gpd.GeoDataFrame) or frame.geometry.isna().all() or frame.crs is None:
        return None
    drawn = kind if kind in _LAYERS else _RESULTS.get(str(kind))
    drawn = drawn if part is None else _MORE.get(part)
    words = _words(language)
    # Only tables of changes hold the classes that the map makes of other changes.
    if drawn is None or (drawn == "change" and "change_class" not in frame):
        return _by_measure(frame, words)
    layer = build(_sketch(_known_by_weight(frame, drawn), drawn), drawn, name=None)
    style = dict(layer.style)
    if style.get("column") == "weight" and "weight" not in frame:
        style["column"] = first_present(frame, _MEASURES)
    return _from_map(style, layer.size, words)


def _sketch(frame: gpd.GeoDataFrame, drawn: str) -> gpd.GeoDataFrame:
    """Return what a style asks for: the columns that decide it, and marks for the shapes."""
    recipe = RECIPES[drawn]
    asked = {*recipe.rank, *_DECIDING}
    names = [name for name in recipe.columns if name in asked and name in frame.columns]
    lines = shapely.get_dimensions(frame.geometry.to_numpy()) == 1
    marks = np.full(len(frame), _ANY_POINT, dtype=object)
    marks[lines] = _ANY_LINE
    # Without attrs, which pandas would copy with every column.
    columns = {name: frame[name].array for name in names}
    return gpd.GeoDataFrame(columns, geometry=marks, crs="EPSG:4326")


def _known_by_weight(frame: gpd.GeoDataFrame, drawn: str) -> gpd.GeoDataFrame:
    """Give gaps the column by which the map classes them."""
    if drawn != "gaps" or "weight" in frame:
        return frame
    column = first_present(frame, _MEASURES)
    return frame if column is None else frame.assign(weight=frame[column])


def _by_measure(frame: gpd.GeoDataFrame, words: Words) -> LayerStyle:
    column = first_present(frame, _MEASURES)
    if column is None or not pd.api.types.is_numeric_dtype(frame[column]):
        return LayerStyle("single", [StyleEntry("", Look(_PLAIN))])
    values = numeric(frame, column, column)
    return _from_map(map_styles.class_style(column, values, "risk"), None, words)


def _from_map(style: Mapping[str, Any], size: Mapping[str, Any] | None, words: Words) -> LayerStyle:
    sizes = _sizes(size)
    if style["by"] == "single" or not style["colors"]:
        color = style.get("color", _PLAIN)
        entry = StyleEntry("", Look(color, shape=style.get("shape", "circle")))
        return LayerStyle("single", [entry], sizes=sizes)
    looks = [_look(style, number) for number in range(len(style["colors"]))]
    other = StyleEntry(words("other"), Look(style.get("other", map_styles.OTHER)))
    column = str(style["column"])
    if style["by"] == "category":
        pairs = zip(style["levels"], looks, strict=True)
        entries = [
            StyleEntry(_code(words, column, level), look, value=level) for level, look in pairs
        ]
        shown = other if style["has_other"] else None
        return LayerStyle("category", entries, column=column, other=shown, sizes=sizes)
    if style["by"] == "class":
        return LayerStyle("class", _classes(style["breaks"], looks), column=column)
    return LayerStyle("step", _steps(style, looks, words), column=column)


def _look(style: Mapping[str, Any], number: int) -> Look:
    def own(key: str, otherwise: Any) -> Any:
        return style[key][number] if key in style else otherwise

    dash = tuple(float(part) * PIXEL_MM for part in str(own("dashes", "")).split())
    return Look(
        style["colors"][number],
        shape=own("shapes", "circle"),
        width_mm=float(own("widths", 3.0)) * PIXEL_MM,
        dash_mm=dash,
        strong=own("strong", None),
    )


def _sizes(size: Mapping[str, Any] | None) -> PointSizes | None:
    if size is None:
        return None
    diameters = tuple(round(2 * radius * PIXEL_MM, 2) for radius in size["radii"])
    return PointSizes(size["column"], tuple(map(float, size["breaks"])), diameters)


def _classes(breaks: list[float], looks: list[Look]) -> list[StyleEntry]:
    last = len(looks) - 1
    entries = []
    for number, look in enumerate(looks):
        lower, upper = breaks[number], breaks[min(number + 1, len(breaks) - 1)]
        text = f"{_number(lower)} – {'' if number == last else '< '}{_number(upper)}"
        if number == 0 and last > 0:
            text = f"< {_number(upper)}"
        entries.append(StyleEntry(text, look, lower=lower, upper=upper))
    return entries


def _steps(style: Mapping[str, Any], looks: list[Look], words: Words) -> list[StyleEntry]:
    entries = []
    for number, (step, look) in enumerate(zip(style["steps"], looks, strict=True)):
        is_open = bool(style.get("open_end")) and number == len(looks) - 1
        text = f"≥ {_number(step)}" if is_open else _number(step)
        if style["column"] == "tolerance":
            text = words("within").replace("{share}", f"{_number(step * 100)} %")
        upper = None if is_open else _next(style, number)
        entries.append(StyleEntry(text, look, lower=step, upper=upper))
    return entries


def _next(style: Mapping[str, Any], number: int) -> float:
    """Where a step ends: an open series at the next one, a list of shares just above itself."""
    steps = style["steps"]
    return float(steps[number + 1]) if style.get("open_end") else float(steps[number]) + 4e-9


def _number(value: float) -> str:
    """Write a number as the map does, with thin spaces between thousands."""
    size = abs(value)
    if size != 0 and (size >= 1e12 or size < 1e-4):
        return f"{value:.2e}"
    if size >= 1000 or float(value).is_integer():
        return f"{value:,.0f}".replace(",", "\N{NARROW NO-BREAK SPACE}")
    return f"{value:.3g}"


def _code(words: Words, column: str, level: str) -> str:
    """Return the word for a code, as the map says it: in this column, or anywhere."""
    own = f"{column}.{level}"
    told = words(f"code.{own}")
    return words(f"code.{level}") if told == own.replace("_", " ") else told


def _words(language: str) -> Words:
    catalogue, english = catalogues()[language], catalogues()["en"]

    def word(key: str) -> str:
        known = catalogue.get(key, english.get(key))
        return str(known) if isinstance(known, str) else key.partition(".")[2].replace("_", " ")

    return word
