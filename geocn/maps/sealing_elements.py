"""The elements of a folium map as inert items, one translator for each kind.

A kind is known by its exact class: a subclass may bring a template, and so a script, of its
own. What has no translator is refused.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any

import folium
from branca.colormap import LinearColormap, StepColormap
from branca.element import Html
from folium.features import Choropleth, GeoJson, GeoJsonPopup, GeoJsonTooltip
from folium.map import FitBounds, FitOverlays, Layer
from folium.plugins import MarkerCluster
from folium.raster_layers import ImageOverlay

from geocn.maps._text import plain_text
from geocn.maps.sealing_values import Findings, cell, text_of

Item = dict[str, Any]
#: Leaflet's own blue, where folium asks for no other.
_BLUE = "#3388ff"
_PNG = b"\x89PNG\r\n\x1a\n"
_PNG_URL = "data:image/png;base64,"
#: What folium itself adds while it renders.
_RENDERED = {"ElementAddToElement", "SetIcon"}
_GEOMETRIES = {
    "Point", "MultiPoint", "LineString", "MultiLineString", "Polygon", "MultiPolygon",
    "GeometryCollection",
}  # fmt: skip


def named(element: Any) -> str:
    """Name an element for a message: its class, and its layer's name if it has one."""
    kind = type(element)
    module = kind.__module__
    family = "folium.plugins." if module.startswith("folium.plugins") else ""
    given = getattr(element, "layer_name", None)
    own = given if given and given != element.get_name() else None
    return f"{family}{kind.__name__}" + (f" {plain_text(own, limit=60)!r}" if own else "")


def is_layer(element: Any) -> bool:
    """Say whether an element stands in the layer control."""
    return isinstance(element, Layer)


def item_of(element: Any, found: Findings) -> Item | None:
    """Return the inert item of an element, or None where nothing of it is drawn."""
    if type(element).__qualname__.rpartition(".")[2] in _RENDERED:
        return None
    translate = _KINDS.get(type(element))
    if translate is None:
        found.refuse(named(element), "its script or markup cannot be carried")
        return None
    return translate(element, found)


def items_of(element: Any, found: Findings, skip: tuple[type, ...] = ()) -> list[Item]:
    """Return the items of an element's children."""
    children = (one for one in element._children.values() if type(one) not in skip)  # noqa: SLF001
    items = []
    for child in children:
        if is_layer(child) and not child.show:
            # It could never be switched on there, and nothing hidden goes along.
            found.notes["sealed.hidden"] += 1
            continue
        item = item_of(child, found)
        if item is not None:
            items.append(item)
    return items


_BOUND = (folium.Popup, folium.Tooltip, GeoJsonPopup, GeoJsonTooltip)


def _texts(element: Any, found: Findings) -> Item:
    """Return popup and tooltip of an element, and refuse its other children."""
    result: Item = {}
    for child in element._children.values():  # noqa: SLF001
        kind = type(child)
        if kind is folium.Popup:
            result["popup"] = {"text": _popup(child, found), "open": bool(child.show)}
        elif kind is folium.Tooltip:
            permanent = bool(child.options.get("permanent", False))
            result["tooltip"] = {"text": text_of(child.text), "permanent": permanent}
        elif kind is folium.Icon:
            found.notes["sealed.icons"] += 1
        elif kind not in (GeoJsonPopup, GeoJsonTooltip) and kind.__name__ not in _RENDERED:
            found.refuse(f"{named(child)} of {named(element)}", "it cannot be carried")
    return result


def _popup(popup: folium.Popup, found: Findings) -> str:
    lines = []
    for part in popup.html._children.values():  # noqa: SLF001
        if type(part) is Html:
            lines.append(text_of(part.data) if part.script else plain_text(part.data, limit=10_000))
        else:
            found.refuse(f"{type(part).__name__} in a Popup", "only text can be carried")
    if popup.script._children or popup.header._children:  # noqa: SLF001
        found.refuse("Popup", "its script cannot be carried")
    return "\n".join(lines)


def _pin(element: Any, found: Findings) -> str:
    """Return the colour of a marker's pin; pictures and markup of icons are refused."""
    icon = element.icon
    if icon is None:
        return _BLUE
    if type(icon) is not folium.Icon:
        found.refuse(f"{type(icon).__name__} of a Marker", "only folium.Icon can be carried")
        return _BLUE
    return found.color(icon.options.get("marker_color", "blue"), "Icon of a Marker")


def _marker(element: Any, found: Findings) -> Item:
    at = found.point(element.location, named(element))
    return {"k": "marker", "at": at, "color": _pin(element, found), **_texts(element, found)}


def _round(kind: str) -> Callable[[Any, Findings], Item]:
    def translate(element: Any, found: Findings) -> Item:
        at = found.point(element.location, named(element))
        style = found.style(element.options, named(element))
        return {"k": kind, "at": at, "style": style, **_texts(element, found)}

    return translate


def _path(kind: str) -> Callable[[Any, Findings], Item]:
    def translate(element: Any, found: Findings) -> Item:
        points = found.nested(element.locations, named(element))
        style = found.style(element.options, named(element))
        return {"k": kind, "points": points, "style": style, **_texts(element, found)}

    return translate


def _group(element: Any, found: Findings) -> Item:
    return {"k": "group", "items": items_of(element, found)}


def _cluster(element: Any, found: Findings) -> Item | None:
    if element.icon_create_function:
        found.refuse(named(element), "its icon_create_function is a script")
    items = items_of(element, found)
    if any(item["k"] not in ("marker", "dot") for item in items):
        found.refuse(named(element), "only markers can be clustered")
    return {"k": "cluster", "items": items}


def _choropleth(element: Any, found: Findings) -> Item:
    items = items_of(element, found)
    return {"k": "group", "items": items}


def _colormap(element: Any, found: Findings) -> Item:
    """Return a colour scale as the legend shows it: bounds, and a colour for each step."""
    stepped = type(element) is StepColormap
    index = [float(one) for one in element.index]
    middles = [(low + high) / 2 for low, high in pairwise(index)]
    colors = [element.rgb_hex_str(one) for one in (middles if stepped else index)]
    caption = plain_text(element.caption or "", limit=200)
    return {"k": "scale", "caption": caption, "index": index, "colors": colors, "stepped": stepped}


def _image(element: Any, found: Findings) -> Item | None:
    url, name = str(element.url), named(element)
    try:
        data = base64.b64decode(url.removeprefix(_PNG_URL), validate=True)
    except (binascii.Error, ValueError):
        data = b""
    if not url.startswith(_PNG_URL) or not data.startswith(_PNG):
        found.refuse(name, "only a PNG inside the file can be carried, not a link")
        return None
    bounds = found.nested(element.bounds, name)
    opacity = found.style({"opacity": element.options.get("opacity", 1)}, name)["opacity"]
    return {"k": "image", "url": url, "bounds": bounds, "opacity": opacity}


def _geojson(element: Any, found: Findings) -> Item | None:
    name = named(element)
    if element.on_each_feature is not None or element.embed_link is not None:
        found.refuse(name, "on_each_feature and linked data cannot be carried")
        return None
    texts = _texts(element, found)
    fields = [one for one in element._children.values() if type(one) in _BOUND[2:]]  # noqa: SLF001
    features = []
    for feature in _features(element.data):
        geometry = feature.get("geometry")
        if not geometry:
            found.notes["sealed.nowhere"] += 1
            continue
        one: Item = {"g": _geometry(geometry, name, found)}
        if element.style:
            one["s"] = found.style(element.style_function(feature), name)
        if element.highlight:
            one["h"] = found.style(element.highlight_function(feature), name)
        for detail in fields:
            slot = "popup" if type(detail) is GeoJsonPopup else "tooltip"
            one[slot] = [cell((feature.get("properties") or {}).get(f)) for f in detail.fields]
        features.append(one)
    item: Item = {"k": "features", "features": features, **texts}
    item["as"] = _point_style(element, found)
    for detail in fields:
        slot = "popup" if type(detail) is GeoJsonPopup else "tooltip"
        labels = [text_of(str(one)) for one in detail.aliases] if detail.labels else []
        item[slot] = {"labels": labels, "localize": detail.localize}
    return item


def _features(data: Mapping[str, Any]) -> list[dict[str, Any]]:
    if data.get("type") == "FeatureCollection":
        return list(data["features"])
    if data.get("type") == "Feature":
        return [dict(data)]
    return [{"type": "Feature", "geometry": dict(data), "properties": {}}]


def _point_style(element: Any, found: Findings) -> Item:
    marker = element.marker
    kinds = {folium.CircleMarker: "dot", folium.Circle: "circle"}
    if marker is None or type(marker) is folium.Marker:
        return {"k": "marker", "color": _BLUE if marker is None else _pin(marker, found)}
    if type(marker) not in kinds:
        found.refuse(f"marker of {named(element)}", "only Marker, Circle and CircleMarker")
        return {"k": "marker", "color": _BLUE}
    return {"k": kinds[type(marker)], "style": found.style(marker.options, named(element))}


def _geometry(geometry: Mapping[str, Any], name: str, found: Findings) -> Item:
    kind = geometry.get("type")
    if kind not in _GEOMETRIES:
        found.refuse(name, f"{plain_text(kind, limit=40)!r} is no geometry")
        return {"type": "Point", "coordinates": [0, 0]}
    if kind == "GeometryCollection":
        parts = [_geometry(one, name, found) for one in geometry["geometries"]]
        return {"type": kind, "geometries": parts}
    return {"type": kind, "coordinates": _turned(geometry["coordinates"], name, found)}


def _turned(value: Any, name: str, found: Findings) -> list[Any]:
    items = list(value)
    if items and not hasattr(items[0], "__len__"):
        return found.point([items[1], items[0]] if len(items) > 1 else items, name)[::-1]
    return [_turned(one, name, found) for one in items]


def _tiles(_: Any, found: Findings) -> None:
    found.notes["sealed.tiles"] = 1


def _nothing(_: Any, __: Findings) -> None:
    """Draw nothing: the frame of a sealed map has it anyway."""


_KINDS: dict[type, Callable[[Any, Findings], Item | None]] = {
    folium.Marker: _marker,
    folium.CircleMarker: _round("dot"),
    folium.Circle: _round("circle"),
    folium.PolyLine: _path("line"),
    folium.Polygon: _path("polygon"),
    folium.Rectangle: _path("rectangle"),
    folium.FeatureGroup: _group,
    MarkerCluster: _cluster,
    Choropleth: _choropleth,
    GeoJson: _geojson,
    StepColormap: _colormap,
    LinearColormap: _colormap,
    ImageOverlay: _image,
    folium.TileLayer: _tiles,
    folium.LayerControl: _nothing,
    FitBounds: _nothing,
    FitOverlays: _nothing,
}
