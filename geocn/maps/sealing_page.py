"""The tree of a folium map as the layers of a sealed page."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import folium
from folium.map import FitBounds, FitOverlays

from geocn.errors import ParameterError
from geocn.maps import basemap, page
from geocn.maps._text import plain_text
from geocn.maps.folium_map import Heading, Outline
from geocn.maps.packing import Pack
from geocn.maps.sealing_elements import Item, is_layer, item_of, named
from geocn.maps.sealing_values import Findings
from geocn.maps.title_block import TitleBlock

#: What folium's figure holds before anything was added, and what its elements add by name.
_FIGURE = {"meta_http", "d3"}
_SUFFIXES = ("", "_add", "tablestyle")
_MERCATOR = "EPSG3857"


def sealed_page(source: folium.Map, block: TitleBlock) -> str:
    """Return the page of a folium map.

    Raises
    ------
    UnsealableError
        Where something cannot be carried.
    ParameterError
        Where ``source`` is no folium map.
    """
    if not isinstance(source, folium.Map):
        raise ParameterError(f"seal takes a folium.Map, not {type(source).__name__}.")
    found = Findings()
    layers = list(_layers(source, found))
    _refuse_additions(source, found)
    center = found.point(source.location, "the map's location")
    found.places.pop()
    found.check()
    view, bounds = _view(source, center, found)
    header = {"layers": layers, "view": view, "notes": dict(sorted(found.notes.items()))}
    data = Pack().block(header)
    config = {**block.config(bounds), "map_id": "sealed"}
    blocks = {
        "geocn-world": basemap.world_block(),
        "geocn-detail": basemap.detail_block(bounds),
        "geocn-sealed": data,
    }
    return page.render(config, blocks, patterns=False)


def _layers(source: folium.Map, found: Findings) -> Iterator[Item]:
    """Yield the layers in the order of the map; what lies on it directly has no name."""
    children: list[Any] = list(source._children.values())  # noqa: SLF001
    for child in children:
        if type(child) is Outline:
            continue
        layer = is_layer(child)
        if layer and not child.show and not child.control:
            found.notes["sealed.hidden"] += 1
            continue
        item = item_of(child, found)
        if item is None:
            continue
        named_by_user = layer and child.layer_name != child.get_name()
        yield {
            "name": plain_text(child.layer_name, limit=200) if named_by_user else None,
            "listed": bool(layer and child.control),
            "shown": bool(child.show) if layer else True,
            "base": bool(layer and not child.overlay),
            "item": item,
        }


def _refuse_additions(source: folium.Map, found: Findings) -> None:
    """Refuse scripts, styles and markup that were added to the page around the map."""
    if source.crs != _MERCATOR:
        found.refuse("Map", f"its CRS {plain_text(source.crs, limit=40)} cannot be drawn")
    for name, value in source.options.items():
        if type(value).__name__ == "JsCode":
            found.refuse("Map", f"its option {name} is a script")
    known = set(_FIGURE)
    for element in _tree(source):
        known |= {element.get_name() + suffix for suffix in _SUFFIXES}
        for links in (type(element), element):
            known |= {name for name, _ in getattr(links, "default_js", ())}
            known |= {name for name, _ in getattr(links, "default_css", ())}
    figure: Any = source.get_root()
    if figure is source:
        return
    for part in (figure.header, figure.html, figure.script):
        for name, child in part._children.items():  # noqa: SLF001
            if name not in known and type(child) is not Heading:
                found.refuse(named(child), "it was added to the page around the map")
    for child in figure._children.values():  # noqa: SLF001
        if child is not source:
            found.refuse(named(child), "it stands beside the map")


def _tree(element: Any) -> Iterator[Any]:
    yield element
    for child in element._children.values():  # noqa: SLF001
        yield from _tree(child)


def _view(
    source: folium.Map, center: list[float], found: Findings
) -> tuple[dict[str, Any], basemap.Bounds | None]:
    """Return the first view, and the bounds around which the basemap is detailed."""
    places = list(found.places)
    fits = [one for one in source._children.values() if type(one) in (FitBounds, FitOverlays)]  # noqa: SLF001
    view: dict[str, Any] = {"center": center, "zoom": float(str(source.options.get("zoom", 1)))}
    if fits:
        view = {}
    if fits and type(fits[-1]) is FitBounds:
        places = [tuple(found.point(corner, "FitBounds")) for corner in fits[-1].bounds]  # type: ignore[misc]
        found.check()
    if not places:
        return view, None
    latitudes, longitudes = zip(*places, strict=True)
    west, east = max(-180.0, min(longitudes)), min(180.0, max(longitudes))
    return view, (west, min(latitudes), east, max(latitudes))
