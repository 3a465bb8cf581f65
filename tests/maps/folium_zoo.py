"""A folium map with one of each element that a sealed file carries."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import folium
import numpy as np
import pandas as pd
from branca.colormap import LinearColormap
from folium.plugins import MarkerCluster

Text = Callable[[str], str]


def square(x: float, y: float, **properties: Any) -> dict[str, Any]:
    ring = [[x, y], [x + 1, y], [x + 1, y + 1], [x, y + 1], [x, y]]
    geometry = {"type": "Polygon", "coordinates": [ring]}
    return {"type": "Feature", "properties": properties, "geometry": geometry}


def collection(*features: dict[str, Any]) -> dict[str, Any]:
    return {"type": "FeatureCollection", "features": list(features)}


def zoo(text: Text = str, *, tiles: Any = "OpenStreetMap") -> folium.Map:
    """Return the map; every text of it goes through ``text``."""
    sketch = folium.Map([3.0, -75.0], zoom_start=6, tiles=tiles)
    _markers(sketch, text)
    _shapes(sketch, text)
    _areas(sketch, text)
    pile = MarkerCluster(name=text("Posts"))
    for k in range(12):
        at = [5.0 + k % 3 / 50, -71.0 + k // 3 / 50]
        folium.Marker(at, popup=text(f"Post {k}")).add_to(pile)
    pile.add_to(sketch)
    picture = np.zeros((4, 4, 4))
    picture[::2, ::2] = [1, 0, 0, 0.7]
    folium.raster_layers.ImageOverlay(
        picture, [[-1, -72], [1, -70]], opacity=0.6, name=text("Picture")
    ).add_to(sketch)
    LinearColormap(["#ffffcc", "#b10026"], vmin=0, vmax=9, caption=text("Scale")).add_to(sketch)
    folium.LayerControl().add_to(sketch)
    return sketch


def _markers(sketch: folium.Map, text: Text) -> None:
    folium.Marker(
        [4.0, -76.0],
        popup=text("<b>Post</b><br>north & south"),
        tooltip=text("Post"),
        icon=folium.Icon(color="darkgreen", icon="flag"),
    ).add_to(sketch)
    folium.Marker([4.5, -77.0], popup=folium.Popup(text("as it is <b>"), parse_html=True)).add_to(
        sketch
    )
    group = folium.FeatureGroup(name=text("Group"))
    folium.CircleMarker([2.0, -76.0], radius=9, color="red", fill=True, popup=text("Dot")).add_to(
        group
    )
    folium.Circle(
        [2.0, -78.0], radius=60_000, color="#7a0177", tooltip=text("Reach of 60 km")
    ).add_to(group)
    group.add_to(sketch)
    hidden = folium.FeatureGroup(name=text("Off at first"), show=False)
    folium.CircleMarker([0.0, -75.0], popup=text("Off")).add_to(hidden)
    hidden.add_to(sketch)


def _shapes(sketch: folium.Map, text: Text) -> None:
    folium.PolyLine(
        [[1, -77], [2, -74], [4, -73]], color="#005f73", weight=4, dash_array="6 4",
        tooltip=text("Line"),
    ).add_to(sketch)  # fmt: skip
    folium.Polygon(
        [[0, -74], [1, -73], [-1, -73]], color="orange", fill=True, popup=text("Triangle")
    ).add_to(sketch)
    folium.Rectangle([[5, -75], [6, -74]], fill_color="#31a354", popup=text("Box")).add_to(sketch)


def _areas(sketch: folium.Map, text: Text) -> None:
    areas = collection(
        square(-80, 5, name=text("One"), value=1234.5, secret="KEPT-OUT"),
        square(-79, 5, name=text("Two"), value=float("nan"), secret="KEPT-OUT"),
        {
            "type": "Feature",
            "properties": {"name": text("Spot"), "value": 7, "secret": "KEPT-OUT"},
            "geometry": {"type": "Point", "coordinates": [-77.5, 6.5]},
        },
        {"type": "Feature", "properties": {"name": "gone", "value": 0}, "geometry": None},
    )
    folium.GeoJson(
        areas,
        name=text("Areas"),
        style_function=lambda feature: {
            "fillColor": "#2c7fb8" if feature["properties"]["value"] > 1000 else "#aaa",
            "weight": 1,
        },
        highlight_function=lambda _: {"weight": 4},
        marker=folium.CircleMarker(radius=6, fill=True),
        tooltip=folium.GeoJsonTooltip(["name"], labels=False),
        popup=folium.GeoJsonPopup(["name", "value"], aliases=[text("Name"), text("Value")]),
    ).add_to(sketch)
    counts = pd.DataFrame({"code": ["a", "b"], "n": [3.0, 9.0]})
    folium.Choropleth(
        collection(square(-80, -2, code="a"), square(-79, -2, code="b")),
        data=counts,
        columns=["code", "n"],
        key_on="feature.properties.code",
        fill_color="YlOrRd",
        bins=3,
        legend_name=text("Counts"),
        name=text("Choropleth"),
    ).add_to(sketch)
