"""A style says in QGIS what it says on the map: labels, colours, classes and sizes."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import geopandas as gpd
import numpy as np
import pyogrio
import pytest
import shapely
from shapely.geometry import LineString, Point

from geocn.errors import ParameterError
from geocn.publish import LayerStyle, Look, PointSizes, StyleEntry, to_qml, write_geopackage
from tests.publish.tools import output_of, system_python

CATEGORIES = LayerStyle(
    "category",
    [
        StyleEntry("hot <99 %>", Look("#b2182b", strong=True), value="hot_99"),
        StyleEntry("not significant", Look("#e3e1dc", strong=False), value="none"),
    ],
    column="hotspot_class",
    other=StyleEntry("other", Look("#b8b5ae")),
)
CLASSES = LayerStyle(
    "class",
    [
        StyleEntry("< 2", Look("#111111"), lower=0, upper=2),
        StyleEntry("2 – < 5", Look("#222222"), lower=2, upper=5),
        StyleEntry("5 – 9", Look("#333333"), lower=5, upper=9),
    ],
    column="n",
)
STEPS = LayerStyle(
    "step",
    [
        StyleEntry("0", Look("#444444"), lower=0, upper=1),
        StyleEntry("1", Look("#555555"), lower=1, upper=2),
        StyleEntry("≥ 2", Look("#666666"), lower=2),
    ],
    column="n",
)
SIZED = LayerStyle(
    "single",
    [StyleEntry("", Look("#777777", shape="star"))],
    sizes=PointSizes("n", (0.0, 2.0, 9.0), (1.5, 4.0)),
)


def squares() -> gpd.GeoDataFrame:
    values = np.array([0.0, 1.0, 2.0, 4.9, 5.0, 9.0])
    return gpd.GeoDataFrame(
        {
            "n": values,
            "hotspot_class": ["hot_99", "none", None, "hot_99", "cold_90", "none"],
        },
        geometry=[shapely.box(i, 0, i + 1, 1) for i in range(6)],
        crs="EPSG:4326",
    )


def styled(folder: Path) -> Path:
    areas, points = squares(), squares()
    points["geometry"] = points.geometry.to_crs(3857).centroid.to_crs(4326)
    lines = squares().set_geometry(squares().boundary)
    for frame in (areas, points, lines):
        frame.attrs = {
            "about": {"title": "Año", "marking": "TLP:GREEN", "as_of": "2025-12-31"},
            "geocn": {"method": "hotspots.getis_ord"},
        }
    layers = {"areas": areas, "classes": lines, "steps": areas, "points": points}
    styles = {"areas": CATEGORIES, "classes": CLASSES, "steps": STEPS, "points": SIZED}
    return write_geopackage(layers, folder / "styled.gpkg", styles=styles)


def test_each_layer_has_one_default_style_and_a_description(tmp_path: Path) -> None:
    with sqlite3.connect(styled(tmp_path)) as connection:
        rows = connection.execute(
            "SELECT f_table_name, f_geometry_column, useAsDefault, update_time FROM layer_styles"
        ).fetchall()
        described = dict(connection.execute("SELECT table_name, description FROM gpkg_contents"))
        checked = connection.execute("PRAGMA integrity_check").fetchone()
        foreign = connection.execute("PRAGMA foreign_key_check").fetchall()
    assert rows == [
        (n, "geom", 1, "2000-01-01T00:00:00.000Z") for n in ("areas", "classes", "steps", "points")
    ]
    assert described["areas"] == (
        "Año · TLP:GREEN · information cut-off 2025-12-31 · made by geocn hotspots.getis_ord"
    )
    assert checked == ("ok",)
    assert foreign == []


def test_bytes_are_the_same_twice_in_another_zone_and_second(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "b").mkdir()
    first = styled(tmp_path).read_bytes()
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    # a clock that SQLite or GDAL reads would have moved on
    with sqlite3.connect(":memory:") as connection:
        start = connection.execute("SELECT strftime('%s%f')").fetchone()
        while connection.execute("SELECT strftime('%s%f')").fetchone()[0][:10] == start[0][:10]:
            pass
    assert styled(tmp_path / "b").read_bytes() == first


def test_a_style_file_is_plain_xml_with_the_words_escaped() -> None:
    text = to_qml(CATEGORIES, geometry="area")
    assert text == to_qml(CATEGORIES, geometry="area")
    root = ET.fromstring(text.partition("\n")[2])
    labels = [one.get("label") for one in root.iter("category")]
    assert labels == ["hot <99 %>", "not significant", "other"]
    assert [one.get("value") for one in root.iter("category")] == ["hot_99", "none", ""]
    assert root.findtext("layerGeometryType") == "2"


def test_no_control_character_breaks_a_style() -> None:
    entry = StyleEntry("a\0b\x1f<", Look("#000000"), value="\0")
    text = to_qml(LayerStyle("category", [entry], column='x"y'), geometry="line")
    assert ET.fromstring(text.partition("\n")[2]).find(".//category") is not None


def test_a_style_follows_a_column_that_the_format_renames(tmp_path: Path) -> None:
    frame = squares().rename(columns={"n": "fid"})
    style = LayerStyle("class", CLASSES.entries, column="fid")
    path = write_geopackage({"a": frame}, tmp_path / "a.gpkg", styles={"a": style})
    with sqlite3.connect(path) as connection:
        (qml,) = connection.execute("SELECT styleQML FROM layer_styles").fetchone()
    assert 'attr="fid_"' in qml


def test_a_mixed_layer_is_styled_for_its_most_frequent_kind(tmp_path: Path) -> None:
    shapes = [Point(0, 0), LineString([(0, 0), (1, 1)]), LineString([(0, 1), (1, 0)]), None]
    frame = gpd.GeoDataFrame({"n": range(4)}, geometry=shapes, crs=4326)
    nothing = frame.iloc[:0]
    plain = LayerStyle("single", [StyleEntry("", Look("#123456"))])
    path = write_geopackage(
        {"mixed": frame, "nothing": nothing},
        tmp_path / "m.gpkg",
        styles={"mixed": plain, "nothing": plain},
    )
    with sqlite3.connect(path) as connection:
        rows = connection.execute("SELECT f_table_name, styleQML FROM layer_styles").fetchall()
    assert [name for name, _ in rows] == ["mixed"]
    assert "<layerGeometryType>1</layerGeometryType>" in rows[0][1]
    assert len(pyogrio.read_dataframe(path, layer="mixed")) == 4


@pytest.mark.parametrize(
    ("styles", "fault"),
    [
        ({"absent": SIZED}, "'absent' is no layer"),
        ({"a": LayerStyle("class", CLASSES.entries, column="gone")}, "no column 'gone'"),
        ({"a": LayerStyle("single", SIZED.entries, sizes=PointSizes("x", (0, 1), (1,)))}, "'x'"),
    ],
)
def test_styles_for_nothing_are_refused(
    styles: dict[str, LayerStyle], fault: str, tmp_path: Path
) -> None:
    with pytest.raises(ParameterError, match=fault):
        write_geopackage({"a": squares()}, tmp_path / "a.gpkg", styles=styles)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: Look("red"),
        lambda: Look("#12345g"),
        lambda: Look("#123456", shape="heart"),
        lambda: LayerStyle("category", []),
        lambda: LayerStyle("single", []),
        lambda: LayerStyle("class", [StyleEntry("a", Look("#000000"))], column="n"),
        lambda: LayerStyle("step", [StyleEntry("a", Look("#000000"))], column="n"),
        lambda: to_qml(SIZED, geometry="volume"),  # type: ignore[arg-type]
    ],
)
def test_a_style_that_says_nothing_is_refused(wrong: Any) -> None:
    with pytest.raises(ParameterError):
        wrong()


@pytest.fixture(scope="module")
def in_qgis(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What QGIS shows of the styled package when it opens it as a user would."""
    python = system_python("qgis.core")
    path = styled(tmp_path_factory.mktemp("qgis"))
    said = output_of(python, Path(__file__).with_name("qgis_open.py"), path)
    found: dict[str, Any] = json.loads(said.partition("JSON")[2])
    return found


def test_qgis_shows_layers_alone_and_their_metadata(in_qgis: dict[str, Any]) -> None:
    assert sorted(in_qgis) == ["areas", "classes", "points", "steps"]
    assert all(one["valid"] for one in in_qgis.values())
    assert in_qgis["areas"]["marking"] == ["TLP:GREEN"]
    assert "information cut-off 2025-12-31" in in_qgis["areas"]["abstract"]


def test_qgis_draws_categories(in_qgis: dict[str, Any]) -> None:
    found = in_qgis["areas"]
    assert found["renderer"] == "categorizedSymbol"
    assert found["legend"] == ["hot <99 %>", "not significant", "other"]
    colors = [row["colors"] for row in found["rows"]]
    hot, none, other = ["#b2182b"], ["#e3e1dc"], ["#b8b5ae"]
    assert colors == [hot, none, other, hot, other, none]


def test_qgis_puts_a_limit_into_the_upper_class_as_the_map_does(in_qgis: dict[str, Any]) -> None:
    found = in_qgis["classes"]
    assert found["renderer"] == "graduatedSymbol"
    colors = [row["colors"][0] for row in found["rows"]]
    assert colors == ["#111111", "#111111", "#222222", "#222222", "#333333", "#333333"]


def test_qgis_draws_steps_the_last_of_them_open(in_qgis: dict[str, Any]) -> None:
    found = in_qgis["steps"]
    assert found["renderer"] == "RuleRenderer"
    assert [row["labels"] for row in found["rows"]] == [["0"], ["1"], *[["≥ 2"]] * 4]


def test_qgis_sizes_points_by_their_amount(in_qgis: dict[str, Any]) -> None:
    assert in_qgis["points"]["sizes"] == [
        'CASE WHEN "n" IS NULL THEN 1.5 WHEN "n" < 2.0 THEN 1.5 ELSE 4.0 END'
    ]
