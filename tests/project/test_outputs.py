"""What a run's folders hold: styles like the map's, a valid catalogue, a valid record."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

import geopandas as gpd
import pytest

from geocn.project.looks import look_of
from geocn.project.outputs import UNSTABLE, Record, stable, write_outputs
from geocn.project.planning import planning_map
from geocn.project.results import Results
from geocn.sharing.marking import Marking
from tests.publish.crates import check_catalogue, check_crate
from tests.zoo import points


def test_catalogue_and_record_are_valid_everywhere(whole: tuple[Path, Any]) -> None:
    folder = whole[1].folder
    for place in (folder / "joint", folder / "releases" / "ngo"):
        items = check_catalogue(place / "stac")
        entities = check_crate(place)
        told = {asset["href"] for item in items for asset in item["assets"].values()}
        held = {
            path.relative_to(place).as_posix()
            for path in place.rglob("*")
            if path.suffix in {".parquet", ".tif", ".gpkg"} and "changes" not in path.parts
        }
        assert {href.removeprefix("../../") for href in told} == held
        assert held < set(entities)


def test_the_joint_record_names_inputs_with_hashes_and_markings(whole: tuple[Path, Any]) -> None:
    entities = check_crate(whole[1].folder / "joint")
    inputs = {e["name"]: e for i, e in entities.items() if i.startswith("#input-")}
    manifest = whole[1].manifest
    assert {name: e["sha256"] for name, e in inputs.items()} == manifest["inputs"]
    assert inputs["partners/navy.csv"]["conditionsOfAccess"] == "TLP:AMBER"
    assert entities[inputs["partners/navy.csv"]["creator"]["@id"]]["name"] == "Navy-CANARY"
    steps = {e["name"]: e for i, e in entities.items() if e["@type"] == "CreateAction"}
    assert set(steps) == set(manifest["analyses"])
    assert {"@id": "layers/routes.parquet"} in steps["borders"]["object"]


def test_a_release_tells_released_sources_only(whole: tuple[Path, Any]) -> None:
    place = whole[1].folder / "releases" / "ngo"
    entities = check_crate(place)
    sources = {e["name"] for i, e in entities.items() if i.startswith("#source-")}
    assert sources == {"Police", "NGO"} & sources
    assert sources
    assert not [i for i in entities if i.startswith("#input-")]
    assert entities["#release"]["recipient"] == {"@id": "#audience-ngo"}
    texts = [*place.glob("stac/**/*.json"), place / "ro-crate-metadata.json"]
    for path in texts:
        text = path.read_text("utf-8")
        assert "CANARY" not in text
        assert "routes" not in text.replace("n_routes", "")
    with sqlite3.connect(place / "layers.gpkg") as connection:
        every = "\n".join(connection.iterdump())
    assert "CANARY" not in every


def test_boxes_of_a_release_come_from_its_rows(whole: tuple[Path, Any]) -> None:
    place = whole[1].folder / "releases" / "ngo"
    item = json.loads((place / "stac/layer_seizures/seizures.json").read_text("utf-8"))
    bounds = gpd.read_parquet(place / "layers/seizures.parquet").total_bounds
    assert item["bbox"] == pytest.approx(bounds, abs=2e-5)


def test_each_layer_with_a_shape_has_a_style(whole: tuple[Path, Any]) -> None:
    with sqlite3.connect(whole[1].folder / "joint" / "layers.gpkg") as connection:
        styled = {n for (n,) in connection.execute("SELECT f_table_name FROM layer_styles")}
        shaped = {n for (n,) in connection.execute("SELECT table_name FROM gpkg_geometry_columns")}
        marked = connection.execute(
            "SELECT count(*) FROM gpkg_contents WHERE description NOT LIKE '%TLP:AMBER%' "
            "AND table_name <> 'layer_styles'"
        ).fetchone()
    assert styled == shaped
    assert marked == (0,)


@pytest.mark.parametrize("language", ["en", "es", "ar"])
def test_colours_and_columns_are_those_of_the_map(whole: tuple[Path, Any], language: str) -> None:
    run = whole[1]
    layers = {name: run.layers[name] for name in ("routes", "seizures", "interventions")}
    plan = planning_map("T", layers, Results(), marking=Marking.AMBER, as_of="2025-12-31")
    drawn = {layer.kind: layer for layer in plan._layers}
    for name, frame in layers.items():
        look = look_of(frame, kind=name, language=language)
        assert look is not None
        style = drawn[name].style
        assert look.column == style["column"]
        assert [one.look.color for one in look.entries] == style["colors"]
        assert [one.value for one in look.entries] == style["levels"]
        assert all(one.label and "_" not in one.label for one in look.entries)


@pytest.mark.parametrize(
    ("kind", "column", "values", "by"),
    [
        ("border_hotspots", "hotspot_class", ["hot_99", "not_significant"], "category"),
        ("hotspots", "hotspot_class", ["cold_95", None], "category"),
        ("compare_periods", "change_class", ["more", "no_clear_change"], "category"),
        ("coverage", "n_partners", [0, 3], "step"),
        ("least_cost_corridors", "tolerance", [0.01, 0.05], "step"),
        ("corridors", "weight_kg", [1.0, 500.0], "class"),
        ("cultivation", "area_ha", [1.0, 500.0], "class"),
        ("siting", "order", [1, 2], "single"),
        ("zonal", "mean", [1.0, 2.0], "class"),
        ("zonal", "name", ["a", "b"], "single"),
        (None, "name", ["a", "b"], "single"),
    ],
)
def test_every_kind_has_its_renderer(
    kind: str | None, column: str, values: list[Any], by: str
) -> None:
    frame = points("polygon", "multipolygon").assign(**{column: values})
    look = look_of(frame, kind=kind)
    assert look is not None
    assert look.by == by
    assert look_of(points("null"), kind=kind) is None
    assert look_of(frame.drop(columns="geometry"), kind=kind) is None


def test_gaps_and_reaches_are_styled_as_the_map_draws_them() -> None:
    gaps = points("polygon", "multipolygon").assign(gap_weight=[1.0, 30.0])
    look = look_of(gaps, kind="coverage", part="gaps")
    assert look is not None
    assert (look.by, look.column) == ("class", "gap_weight")
    reach = look_of(gaps.assign(partner_type="ngo"), kind="coverage", part="reaches")
    assert reach is not None
    assert [one.label for one in reach.entries] == ["NGO"]


def test_formats_and_catalogue_are_as_asked(tmp_path: Path) -> None:
    about = {"title": "T", "marking": "TLP:GREEN", "as_of": "2025-12-31", "period": None}
    layers = {"seizures": points("point", "point_z", "null").assign(source="A")}
    nothing = Results()
    formats = ["flatgeobuf", "csv"]
    quiet = Record(catalogue=False)
    write_outputs(tmp_path, layers, nothing, plan=None, formats=formats, about=about, record=quiet)
    assert sorted(p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("*.*")) == [
        "layers/seizures.csv",
        "layers/seizures.fgb",
    ]
    write_outputs(tmp_path, layers, nothing, plan=None, formats=formats, about=about)
    (item,) = check_catalogue(tmp_path / "stac")
    assert set(item["assets"]) == {"csv", "flatgeobuf"}
    assert check_crate(tmp_path)["#source-1"]["name"] == "A"


def test_a_geopackage_is_promised_to_the_byte() -> None:
    assert not "joint/layers.gpkg".endswith(UNSTABLE)
    assert stable({"a/layers.gpkg": "x", "map.encrypted.html": "y"}) == {
        "a/layers.gpkg": "x",
        "map.encrypted.html": None,
    }
