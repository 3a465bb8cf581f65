"""The same layers as a ``folium.Map``, for notebooks; the only place that imports folium.

folium writes popups and layer names into scripts as they are. Every text is therefore
escaped for HTML first, and reaches folium only as a property of GeoJSON (which folium
serialises as JSON) or as an escaped layer name.
"""

from __future__ import annotations

import html
import json
from collections.abc import Sequence
from typing import Any

import folium
import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from branca.element import Element
from folium.features import GeoJsonPopup

from geocn.maps import basemap, page
from geocn.maps.columns import days, kind_of, numbers, texts
from geocn.maps.layers import MapLayer
from geocn.maps.recipes import RECIPES
from geocn.maps.visibility import first_view

_TEXT = "geocn_text"
_STYLE = "geocn_style"
_DEFAULT = (2.0, -72.0)
_TITLE = (
    '<div style="position:fixed;top:8px;left:56px;z-index:900;background:#fff;'
    'padding:2px 8px;font:600 14px sans-serif">{}</div>'
)


class Heading(Element):
    """Marking and title over the map; a sealed file has its own."""


class Outline(folium.GeoJson):
    """The bundled basemap; a sealed file has its own."""


def folium_map(
    layers: Sequence[MapLayer], *, title: str, marking: str, language: str, tiles: Any
) -> folium.Map:
    """Return a folium map of ``layers`` on the bundled basemap, or on ``tiles``."""
    bounds = first_view(layers)
    result = folium.Map(location=_DEFAULT, zoom_start=5, tiles=tiles, prefer_canvas=True)
    if tiles is None:
        _basemap(bounds).add_to(result)
    words = page.catalogues()[language]
    for layer in sorted(layers, key=lambda layer: RECIPES[layer.kind].order):
        _group(layer, words).add_to(result)
    if bounds is not None:
        west, south, east, north = bounds
        result.fit_bounds([(south, west), (north, east)])
    heading = _TITLE.format(_inert(f"{marking} {title}"))
    root: Any = result.get_root()
    root.html.add_child(Heading(heading))
    folium.LayerControl(collapsed=False).add_to(result)
    return result


def _inert(text: str) -> str:
    """Escape for HTML, and for the JavaScript and Jinja that folium may put it through."""
    escaped = html.escape(text, quote=True)
    for character in "`${}\\\n\r":
        escaped = escaped.replace(character, f"&#{ord(character)};")
    return escaped


def _basemap(bounds: basemap.Bounds | None) -> folium.GeoJson:
    land = json.loads(basemap.outline(bounds).to_json())
    return Outline(
        land,
        name="Natural Earth",
        control=False,
        style_function=lambda _: {
            "color": "#8a8a8a",
            "weight": 0.8,
            "fillColor": "#f4f1ea",
            "fillOpacity": 1,
        },
    )


def _group(layer: MapLayer, words: dict[str, Any]) -> folium.FeatureGroup:
    name = layer.name or words[f"layer.{layer.kind}"]
    name = f"{name}: {layer.about}" if layer.about else name
    group = folium.FeatureGroup(name=_inert(name), show=layer.visible is not False)
    drawn = ~shapely.is_missing(layer.frame.geometry.values)
    features = _features(layer, words, drawn)
    if features:
        folium.GeoJson(
            {"type": "FeatureCollection", "features": features},
            marker=folium.CircleMarker(radius=5, weight=1, fill=True),
            style_function=lambda feature: feature["properties"][_STYLE],
            popup=GeoJsonPopup(fields=[_TEXT], labels=False, max_width=320),
        ).add_to(group)
    return group


def _features(layer: MapLayer, words: dict[str, Any], drawn: Any) -> list[dict[str, Any]]:
    colors = _colors(layer)
    columns = [(_inert(_label(name, words)), _shown(layer.frame[name])) for name in layer.columns]
    found = []
    for row in np.flatnonzero(drawn):
        lines = [
            f"<b>{label}</b>: {_inert(values[row])}" for label, values in columns if values[row]
        ]
        style = {"color": "#333" if layer.kind in {"seizures", "interventions"} else colors[row],
                 "fillColor": colors[row], "weight": 1.2, "fillOpacity": 0.6}  # fmt: skip
        found.append(
            {
                "type": "Feature",
                "properties": {_TEXT: "<br>".join(lines) or "–", _STYLE: style},
                "geometry": shapely.geometry.mapping(layer.frame.geometry.iloc[row]),
            }
        )
    return found


def _label(name: str, words: dict[str, Any]) -> str:
    return str(words.get(f"field.{name}", name.replace("_", " ")))


def _shown(values: pd.Series) -> list[str]:
    kind = kind_of(values)
    if kind == "number":
        return ["" if np.isnan(value) else f"{value:,.6g}" for value in numbers(values)]
    if kind == "day":
        stamps = days(values).astype("datetime64[D]")
        missing = values.isna().to_numpy()
        return ["" if gone else str(day) for gone, day in zip(missing, stamps, strict=True)]
    return [text or "" for text in texts(values)]


def _colors(layer: MapLayer) -> list[str]:
    """Return the colour of each row, as the page gives it."""
    style, frame = layer.style, layer.frame
    other = style.get("other", "#b8b5ae")
    if style["by"] == "single":
        return [style["color"]] * len(frame)
    if style["by"] == "category":
        known = dict(zip(style["levels"], style["colors"], strict=True))
        return [known.get(text, other) if text else other for text in texts(frame[style["column"]])]
    values = _measured(layer, frame, style["column"])
    if style["by"] == "step":
        place = np.searchsorted(np.array(style["steps"]) - 1e-9, values, side="right") - 1
    else:
        place = np.searchsorted(style["breaks"][1:-1], values, side="right")
    place = np.clip(np.where(np.isnan(values), -1, place), -1, len(style["colors"]) - 1)
    return [other if k < 0 else style["colors"][k] for k in place.astype(int)]


def _measured(layer: MapLayer, frame: gpd.GeoDataFrame, column: str) -> Any:
    if layer.matrix is None:
        return numbers(frame[column])
    known = np.isfinite(layer.matrix).any(axis=1)
    return np.where(known, np.nansum(layer.matrix, axis=1) / max(1, layer.matrix.shape[1]), np.nan)
