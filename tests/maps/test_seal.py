from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import folium
import numpy as np
import pytest
from branca.element import Element, IFrame, JavascriptLink
from folium.plugins import Fullscreen, HeatMap, MarkerCluster
from folium.utilities import JsCode

from geocn.errors import ParameterError, UnsealableError
from geocn.io.packed import decode_block
from geocn.maps import open_encrypted, page, seal
from geocn.maps.encryption import blocks_of
from geocn.maps.sealing_values import text_of
from tests.maps import andes
from tests.maps.folium_zoo import collection, square, zoo
from tests.maps.hostile import HOSTILE


def sealed(sketch: folium.Map, **options: Any) -> dict[str, Any]:
    html = seal(sketch, title="Sketch", **options)
    return dict(decode_block(blocks_of(html)["geocn-sealed"])[0])


def layer_of(sketch: folium.Map, name: str) -> dict[str, Any]:
    return next(one for one in sealed(sketch)["layers"] if one["name"] == name)


def test_the_same_map_gives_the_same_bytes() -> None:
    """folium's own ids are random; none of them is carried."""
    assert seal(zoo(), title="Sketch") == seal(zoo(), title="Sketch")


def test_a_map_that_was_rendered_before_seals_alike() -> None:
    sketch = zoo()
    fresh = seal(sketch, title="Sketch")
    sketch.get_root().render()
    assert seal(sketch, title="Sketch") == fresh


def test_nothing_of_folium_s_page_is_kept() -> None:
    html = seal(zoo(), title="Sketch")
    assert "jquery" not in html.lower()
    assert not re.search(r"<script[^>]* src|<link[^>]* href=\"http|@import", html)
    code = re.findall(r"<script>(.*?)</script>", html, re.DOTALL)
    assert code == [page.loader()]
    assert page.code_block(sealed=True) in html


def test_every_element_has_its_item() -> None:
    def kinds(item: dict[str, Any]) -> set[str]:
        below: set[str] = set()
        for one in item.get("items", []):
            below |= kinds(one)
        return {item["k"]} | below

    layers = sealed(zoo())["layers"]
    found = set().union(*(kinds(one["item"]) for one in layers))
    assert found == {
        "marker", "dot", "circle", "line", "polygon", "rectangle", "features", "group",
        "cluster", "image", "scale",
    }  # fmt: skip
    names = [one["name"] for one in layers if one["listed"]]
    assert names == ["Group", "Off at first", "Areas", "Choropleth", "Posts", "Picture"]
    assert [one["shown"] for one in layers if one["name"] == "Off at first"] == [False]


def test_only_what_a_popup_shows_is_carried() -> None:
    html = seal(zoo(), title="Sketch")
    data = json.dumps(decode_block(blocks_of(html)["geocn-sealed"])[0])
    assert "KEPT-OUT" not in data
    areas = layer_of(zoo(), "Areas")["item"]["features"]
    assert [one["popup"] for one in areas] == [["One", 1234.5], ["Two", None], ["Spot", 7]]
    assert areas[0]["s"]["fillColor"] == "#2c7fb8"
    assert areas[1]["s"]["fillColor"] == "#aaa"
    assert areas[0]["h"] == {"weight": 4}


def test_limits_are_told() -> None:
    assert sorted(sealed(zoo())["notes"]) == ["sealed.icons", "sealed.nowhere", "sealed.tiles"]
    assert "sealed.tiles" not in sealed(zoo(tiles=None))["notes"]


def test_a_layer_that_could_never_be_seen_stays_out() -> None:
    sketch = folium.Map([0, 0], tiles=None)
    group = folium.FeatureGroup(name="Cover", show=False, control=False).add_to(sketch)
    folium.Marker([0, 0], popup="SECRET-77").add_to(group)
    outer = folium.FeatureGroup(name="Outer").add_to(sketch)
    inner = folium.FeatureGroup(name="Inner", show=False).add_to(outer)
    folium.Marker([0, 0], popup="SECRET-77").add_to(inner)
    header = sealed(sketch)
    assert header["notes"] == {"sealed.hidden": 2}
    assert "SECRET-77" not in json.dumps(header)


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ("<b>a</b><br>b", "a\nb"),
        ("<table><tr><th>n</th><td>3</td></tr></table>", "n 3"),
        ("1 < 2 &amp; 3", "1 < 2 & 3"),
        ("<script>x()</script>left<style>p{}</style>", "left"),
        ("&lt;img src=x&gt;", "<img src=x>"),
        ("", ""),
    ],
)
def test_markup_becomes_its_text(markup: str, text: str) -> None:
    assert text_of(markup) == text


def add_script(sketch: folium.Map) -> None:
    sketch.get_root().script.add_child(Element("window.__pwned = 1"))


def add_popup_frame(sketch: folium.Map) -> None:
    folium.Marker([0, 0], popup=folium.Popup(IFrame("<b>x</b>"))).add_to(sketch)


class Own(folium.Marker):
    """A marker with a template of its own could bring any script."""


Change = Callable[[folium.Map], object]
X = "https://x.invalid"
SQUARE = collection(square(0, 0))


def geojson(data: Any = SQUARE, **options: Any) -> Change:
    return lambda sketch: folium.GeoJson(data, **options).add_to(sketch)


def marker(icon: Any) -> Change:
    return lambda sketch: folium.Marker([0, 0], icon=icon).add_to(sketch)


def element(made: Callable[[], Any]) -> Change:
    return lambda sketch: made().add_to(sketch)


def picture() -> Any:
    return folium.raster_layers.ImageOverlay(f"{X}/a.png", [[0, 0], [1, 1]])


UNSEALABLE: list[tuple[str, Change]] = [
    ("HeatMap", element(lambda: HeatMap([[0, 0]]))),
    ("Fullscreen", element(Fullscreen)),
    ("Own", element(lambda: Own([0, 0]))),
    ("LatLngPopup", element(folium.LatLngPopup)),
    ("Element", add_script),
    ("JavascriptLink", lambda sketch: sketch.get_root().header.add_child(JavascriptLink(X))),
    ("IFrame", add_popup_frame),
    ("DivIcon", marker(folium.DivIcon("<b>x</b>"))),
    ("CustomIcon", marker(folium.CustomIcon(f"{X}/a.png"))),
    ("ImageOverlay", element(picture)),
    ("WmsTileLayer", element(lambda: folium.WmsTileLayer(X, layers="a"))),
    ("EventHandler", lambda sketch: sketch.on(click=JsCode("function () {}"))),
    ("on_each_feature", geojson(on_each_feature=JsCode("x"))),
    ("icon_create_function", element(lambda: MarkerCluster(icon_create_function="x"))),
    ("no colour", element(lambda: folium.CircleMarker([0, 0], color=f"url({X})"))),
    ("no colour", geojson(style_function=lambda _: {"color": HOSTILE})),
    ("filter", geojson(style_function=lambda _: {"filter": "url(x)"})),
    ("no place on Earth", geojson({"type": "Point", "coordinates": [0, 91]})),
    ("no geometry", geojson({"type": HOSTILE, "coordinates": [0, 1]})),
]


@pytest.mark.parametrize(("name", "change"), UNSEALABLE, ids=[name for name, _ in UNSEALABLE])
def test_what_cannot_be_carried_is_named(name: str, change: Change) -> None:
    sketch = zoo()
    change(sketch)
    with pytest.raises(UnsealableError, match=name):
        seal(sketch, title="Sketch")


def test_all_of_it_is_named_at_once_and_no_file_is_left(tmp_path: Path) -> None:
    sketch = zoo()
    HeatMap([[0, 0]], name="Heat").add_to(sketch)
    add_script(sketch)
    with pytest.raises(UnsealableError) as caught:
        seal(sketch, tmp_path / "map.html", title="Sketch")
    assert len(caught.value.elements) == 2
    assert "HeatMap 'Heat'" in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_another_projection_is_refused() -> None:
    with pytest.raises(UnsealableError, match="EPSG4326"):
        seal(folium.Map([0, 0], crs="EPSG4326", tiles=None), title="Sketch")


def test_only_a_folium_map_seals() -> None:
    with pytest.raises(ParameterError, match=r"folium\.Map"):
        seal("map.html", title="Sketch")  # type: ignore[call-overload]


@pytest.mark.parametrize("place", [[[-180.0, 0.0], [180.0, 0.0]], [[0.0, 90.0], [0.0, -90.0]]])
def test_the_edges_of_the_world(place: list[list[float]]) -> None:
    sketch = folium.Map(tiles=None)
    folium.GeoJson({"type": "MultiPoint", "coordinates": place}).add_to(sketch)
    assert sealed(sketch)["layers"]


def test_an_empty_map_seals_small() -> None:
    assert len(seal(folium.Map(tiles=None), title="Nothing").encode()) < 600_000


def test_hostile_text_is_kept_as_text() -> None:
    html = seal(zoo(lambda _: HOSTILE), title=HOSTILE, marking=HOSTILE, sources=[HOSTILE])
    rest = html.split("<body>")[1]
    assert "<img" not in rest
    assert rest.count("<script>") == seal(zoo(), title="t").split("<body>")[1].count("<script>")


def test_our_own_folium_map_seals() -> None:
    plan = andes.full_map()
    header = sealed(plan.to_folium(), marking="TLP:AMBER")
    assert len(header["layers"]) == len(plan.layers)
    assert "sealed.tiles" not in header["notes"]
    texts = json.dumps(header, ensure_ascii=False)
    assert "Casa del Río" in texts
    assert "<b>" not in texts
    assert "&#" not in texts


def test_it_can_be_encrypted(tmp_path: Path) -> None:
    path = seal(zoo(), tmp_path / "map.html", title="Sketch", passphrase="four random words")
    assert "Post 7" not in path.read_text(encoding="utf-8")
    assert open_encrypted(path, "four random words") == seal(zoo(), title="Sketch")


def test_numbers_of_numpy_are_carried() -> None:
    sketch = folium.Map(np.array([1.0, 2.0]), tiles=None)
    folium.CircleMarker(np.array([1.5, 2.5]), radius=np.float64(4)).add_to(sketch)
    assert sealed(sketch)["layers"][0]["item"]["at"] == [1.5, 2.5]
