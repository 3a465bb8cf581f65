"""Seizures: read from messy files, refused where impossible, nothing lost."""

from __future__ import annotations

import csv
import warnings
from pathlib import Path

import geopandas as gpd
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

import geocn
from geocn.errors import (
    AssumptionWarning,
    CRSError,
    GeocnError,
    LayerError,
    ParameterError,
    ReadError,
    RejectedRowsError,
    RejectedRowsWarning,
    SchemaError,
)
from geocn.harmonise.placeindex import PlaceIndex
from tests import zoo


def read(path: Path, text: str, **options) -> gpd.GeoDataFrame:
    """Read a text as seizures, whatever it warns of."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return geocn.read_seizures(zoo.write_seizures(path / "file.csv", text=text), **options)


def read_file(path: Path) -> gpd.GeoDataFrame:
    """Read a file that must not give cause for any warning."""
    return geocn.read_seizures(path)


def test_a_spanish_file_is_understood(tmp_path: Path) -> None:
    path = zoo.write_seizures(tmp_path / "s.csv", encoding="cp1252")
    layer = geocn.read_seizures(path, places=zoo.areas(), source="Police", marking="tlp amber")
    assert layer.crs == "EPSG:4326"
    assert layer["weight_kg"].tolist() == [1234.5, 0.25]
    assert layer["drug"].notna().all()
    assert layer["seized_at"].dt.strftime("%Y-%m-%d").tolist() == ["2024-05-01", "2024-05-15"]
    assert layer["place_match"].tolist() == ["coordinates", "name"]
    assert layer["admin_code"].iloc[1] == "CO63001"
    assert layer.geometry.iloc[0].equals(shapely.Point(-75.56, 6.25))
    assert (layer["marking"] == "TLP:AMBER").all()
    report = layer.attrs["geocn"]
    assert report["encoding"] == "cp1252" or "1252" in report["encoding"]
    assert (report["rows_in"], report["rows_out"], report["rows_rejected"]) == (2, 2, 0)


BAD = """\
date;drug;quantity;unit;lat;lon
2024-05-01;cocaine;1;kg;4.5;-74
2024-05-02;cocaine;-3;kg;4.5;-74
31/02/2024;cocaine;1;kg;4.5;-74
2024-05-03;cocaine;many;kg;4.5;-74
2024-05-04;cocaine;1;kg;95;-74
2024-05-05;cocaine;1;kg;-74.1;4.6
2024-05-06;cocaine;1e300;kg;4.5;-74
2024-05-07;cocaine;1;kg;=1+1;-74
2024-05-08;cocaine;1;kg;;
"""


def test_bad_rows_are_named_counted_and_read_back(tmp_path: Path) -> None:
    path = zoo.write_seizures(tmp_path / "bad.csv", text=BAD)
    with pytest.warns(RejectedRowsWarning, match="7 of 9 rows") as caught:
        layer = geocn.read_seizures(path, rejects=tmp_path / "rejects.csv")
    assert any("line 3" in str(w.message) for w in caught)
    report = layer.attrs["geocn"]
    assert report["rows_in"] == report["rows_out"] + sum(report["rejected"].values()) == 9
    assert layer["seizure_id"].tolist() == ["2", "10"]
    assert layer.geometry.isna().tolist() == [False, True]
    rejects = pd.read_csv(tmp_path / "rejects.csv", dtype="str")
    assert rejects["geocn_row"].tolist() == ["3", "4", "5", "6", "7", "8", "9"]
    original = pd.read_csv(path, sep=";", dtype="str").iloc[1:8].reset_index(drop=True)
    back = rejects[original.columns]
    assert back.replace("'=1+1", "=1+1").equals(original)
    assert "negative amount" in rejects["geocn_reason"][0]
    assert "swapped" in rejects["geocn_reason"][4]


def test_raise_names_the_rows_and_still_writes_them(tmp_path: Path) -> None:
    path = zoo.write_seizures(tmp_path / "bad.csv", text=BAD)
    with pytest.raises(RejectedRowsError, match="line 3, line 4, line 5") as caught:
        geocn.read_seizures(path, on_invalid="raise", rejects=tmp_path / "r.csv")
    assert len(caught.value.rows) == 7
    assert (tmp_path / "r.csv").exists()


def test_rejects_cannot_run_as_formulas(tmp_path: Path) -> None:
    text = "date,drug,quantity,unit,place\n2024-05-01,=HYPERLINK(1),-1,kg,@SUM(1)\n"
    read(tmp_path, text, rejects=tmp_path / "r.csv")
    with (tmp_path / "r.csv").open(newline="", encoding="utf-8") as stream:
        row = list(csv.reader(stream))[1]
    assert "'=HYPERLINK(1)" in row
    assert "'@SUM(1)" in row
    assert "-1" in row


def test_swapped_axes_are_refused_where_the_country_tells(tmp_path: Path) -> None:
    text = "date,drug,quantity,unit,country,lat,lon\n2024-05-01,heroin,1,kg,Afghanistan,66,34\n"
    layer = read(tmp_path, text)
    assert len(layer) == 0
    assert "swapped" in next(iter(layer.attrs["geocn"]["rejected"]))


def test_swapped_axes_are_refused_where_the_places_tell(tmp_path: Path) -> None:
    text = "date,drug,quantity,unit,lat,lon\n2024-05-01,heroin,1,kg,-73.5,4.5\n"
    layer = read(tmp_path, text, places=zoo.areas())
    assert "swapped" in next(iter(layer.attrs["geocn"]["rejected"]))


@pytest.mark.parametrize("crs", ["EPSG:4326", "EPSG:3116", "EPSG:3857", "EPSG:32618"])
def test_any_crs_gives_the_same_points(tmp_path: Path, crs: str) -> None:
    frame = zoo.points("point").assign(drug="cocaine").to_crs(crs)
    frame.to_file(tmp_path / "p.gpkg")
    point = read_file(tmp_path / "p.gpkg").geometry.iloc[0]
    assert (point.x, point.y) == pytest.approx((-74.1, 4.6), abs=1e-7)


def test_units_are_converted_only_where_sure(tmp_path: Path) -> None:
    text = (
        "date,drug,quantity,unit\n2024-05-01,heroin,500,g\n2024-05-01,heroin,3,lb\n"
        "2024-05-01,mdma,70,tablet\n2024-05-01,cocaine,2,t\n2024-05-01,x,9,wheelbarrow\n"
    )
    layer = read(tmp_path, text)
    assert layer["weight_kg"].round(4).tolist()[:2] == [0.5, 1.3608]
    assert layer["weight_kg"].isna().tolist() == [False, False, True, False, True]
    assert layer["quantity"].tolist() == [500, 3, 70, 2, 9]
    assert layer.attrs["geocn"]["unknown"]["unit"] == {"wheelbarrow": 1}


def test_zero_and_heavy_and_future_rows_are_flagged_not_dropped(tmp_path: Path) -> None:
    rows = "".join(f"2024-05-{i % 28 + 1:02d},cocaine,{1 + i % 5},kg\n" for i in range(40))
    text = (
        f"date,drug,quantity,unit\n{rows}2024-05-01,cocaine,0,kg\n2024-06-02,cocaine,4500000,kg\n"
    )
    layer = read(tmp_path, text, as_of="2024-06-01")
    assert layer["flags"].iloc[40] == "zero_amount"
    assert set(layer["flags"].iloc[41].split(";")) == {"outlier", "future_date"}
    flagged = layer.attrs["geocn"]["flagged"]
    assert (flagged["outlier"], flagged["future_date"]) == (1, 1)


def test_a_weight_that_contradicts_the_amount_is_flagged(tmp_path: Path) -> None:
    text = "date,drug,weight_kg,quantity,unit\n2024-01-01,x,4,5,g\n2024-01-01,x,5,5000,g\n"
    layer = read(tmp_path, text)
    assert layer["weight_kg"].tolist() == [4, 5]
    assert layer["flags"].fillna("").tolist() == ["weight_mismatch", ""]


def test_repeated_rows_are_grouped(tmp_path: Path) -> None:
    text = "date,drug,quantity,unit\n" + "2024-05-01,cocaine,1,kg\n" * 3
    layer = read(tmp_path, text)
    assert len(layer) == 3
    assert layer["duplicate_group"].tolist() == [0, 0, 0]
    assert layer.attrs["geocn"]["repeated_rows"] == 2


def test_ambiguous_dates_are_said_aloud(tmp_path: Path) -> None:
    text = "date,drug,quantity,unit\n03/04/2024,cocaine,1,kg\n"
    path = zoo.write_seizures(tmp_path / "d.csv", text=text)
    with pytest.warns(AssumptionWarning, match="date_order="):
        geocn.read_seizures(path)
    layer = geocn.read_seizures(path, date_order="mdy")
    assert layer["seized_at"].dt.month.tolist() == [3]


def test_dates_keep_their_precision_and_zone(tmp_path: Path) -> None:
    text = "date,drug,quantity,unit\n2024,a,1,kg\n2024-05,a,1,kg\n2024-05-01T10:00+04:30,a,1,kg\n"
    layer = read(tmp_path, text)
    assert layer["date_precision"].tolist() == ["year", "month", "time"]
    assert layer["seized_at"].iloc[2] == pd.Timestamp("2024-05-01T05:30Z")


def test_one_thing_under_two_headers_is_an_error(tmp_path: Path) -> None:
    path = zoo.write_seizures(tmp_path / "h.csv", text="Fecha,Date,drug\n2024-05-01,2024-05-02,x\n")
    with pytest.raises(SchemaError, match="fields="):
        geocn.read_seizures(path)
    layer = geocn.read_seizures(path, fields={"seized_at": "Fecha"})
    assert layer["seized_at"].dt.day.tolist() == [1]


def test_a_table_of_something_else_is_an_error(tmp_path: Path) -> None:
    path = zoo.write_seizures(tmp_path / "x.csv", text="alpha,beta\n1,2\n")
    with pytest.raises(SchemaError, match="fields="):
        geocn.read_seizures(path)


@pytest.mark.parametrize("text", ["", "\n", "\ufeff"])
def test_an_empty_file_is_a_read_error(tmp_path: Path, text: str) -> None:
    path = zoo.write_seizures(tmp_path / "e.csv", text=text)
    with pytest.raises(ReadError):
        geocn.read_seizures(path)


def test_headers_only_give_an_empty_layer(tmp_path: Path) -> None:
    empty = read(tmp_path, "date,drug,quantity,unit,lat,lon\n", places=zoo.areas())
    full = read(
        tmp_path, "date,drug,quantity,unit,lat,lon\n2024-05-01,a,1,kg,1,2\n", places=zoo.areas()
    )
    assert len(empty) == 0
    assert empty.columns.equals(full.columns)
    assert empty.dtypes.equals(full.dtypes)


@pytest.mark.parametrize("name", list(zoo.TEXTS))
def test_no_text_breaks_reading(tmp_path: Path, name: str) -> None:
    cell = zoo.TEXTS[name].replace('"', '""')
    text = f'date,drug,quantity,unit,place\n2024-05-01,"{cell}",1,kg,"{cell}"\n'
    try:
        layer = read(tmp_path, text, places=zoo.areas())
    except GeocnError:
        return
    report = layer.attrs["geocn"]
    assert report["rows_in"] == report["rows_out"] + report["rows_rejected"] == 1


@pytest.mark.parametrize("name", list(zoo.GEOMETRIES))
@pytest.mark.parametrize("crs", ["EPSG:4326", "EPSG:3116"])
def test_every_geometry_is_taken_or_refused_by_name(tmp_path: Path, name: str, crs: str) -> None:
    frame = zoo.points(name).assign(drug="cocaine", weight_kg=1.0)
    path = tmp_path / "g.parquet"
    if crs != "EPSG:4326":
        frame = frame.set_crs(crs, allow_override=True)
        frame.geometry = frame.geometry.affine_transform([1e4, 0, 0, 1e4, 1.7e6, 1e6])
    frame.to_parquet(path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        layer = geocn.read_seizures(path)
    report = layer.attrs["geocn"]
    assert report["rows_in"] == report["rows_out"] + report["rows_rejected"] == 1
    shapes = layer.geometry.dropna()
    assert shapes.is_valid.all()
    assert not shapes.is_empty.any()
    assert not shapes.has_z.any()
    bounds = shapes.total_bounds
    if len(shapes):
        assert (abs(bounds) <= [180, 90, 180, 90]).all()


def test_a_bow_tie_is_made_valid_with_a_note(tmp_path: Path) -> None:
    zoo.points("bow_tie").assign(drug="cocaine").to_parquet(tmp_path / "g.parquet")
    layer = geocn.read_seizures(tmp_path / "g.parquet")
    assert layer.geometry.iloc[0].geom_type == "MultiPolygon"
    assert layer.attrs["geocn"]["made_valid"] == 1
    assert any("made valid" in note for note in layer.attrs["geocn"]["notes"])


def test_a_vector_file_without_crs_needs_one(tmp_path: Path) -> None:
    path = tmp_path / "p.shp"
    zoo.points("point").assign(drug="x").set_crs(None, allow_override=True).to_file(path)
    path.with_suffix(".prj").unlink(missing_ok=True)
    with pytest.raises(CRSError, match="crs="):
        geocn.read_seizures(path)
    assert geocn.read_seizures(path, crs="EPSG:4326").geometry.x.tolist() == [-74.1]


def test_degrees_under_a_metric_crs_are_refused(tmp_path: Path) -> None:
    frame = zoo.points("point").assign(drug="x").set_crs("EPSG:3116", allow_override=True)
    frame.to_parquet(tmp_path / "w.parquet")
    with pytest.raises(CRSError, match="degrees"):
        geocn.read_seizures(tmp_path / "w.parquet")


@pytest.mark.parametrize("ending", ["parquet", "gpkg", "geojson"])
def test_a_layer_written_and_read_again_is_the_same(tmp_path: Path, ending: str) -> None:
    path = zoo.write_seizures(tmp_path / "s.csv")
    layer = geocn.read_seizures(path, places=zoo.areas(), source="Police", marking="TLP:AMBER")
    again = tmp_path / f"s.{ending}"
    if ending == "parquet":
        layer.to_parquet(again)
    else:
        layer.to_file(again)
    back = geocn.read_seizures(again)
    same = [c for c in layer.columns if c not in ("geometry", "flags", "duplicate_group")]
    for column in same:
        assert back[column].astype("str").tolist() == layer[column].astype("str").tolist(), column
    assert back.geometry.geom_equals_exact(layer.geometry, 1e-6).all()


def test_parameters_are_checked(tmp_path: Path) -> None:
    path = zoo.write_seizures(tmp_path / "s.csv")
    with pytest.raises(ParameterError, match="on_invalid"):
        geocn.read_seizures(path, on_invalid="ignore")
    with pytest.raises(ParameterError, match="as_of"):
        geocn.read_seizures(path, as_of="soon")


def test_unreadable_markings_count_as_the_strictest(tmp_path: Path) -> None:
    text = (
        "date,drug,quantity,unit,marking\n2024-05-01,a,1,kg,secret\n2024-05-01,a,1,kg,TLP:green\n"
    )
    path = zoo.write_seizures(tmp_path / "m.csv", text=text)
    with pytest.warns(AssumptionWarning, match="TLP:RED"):
        layer = geocn.read_seizures(path, marking="TLP:CLEAR")
    assert layer["marking"].tolist() == ["TLP:RED", "TLP:GREEN"]


@given(data=st.binary(max_size=300))
def test_any_bytes_give_a_layer_or_a_typed_error(
    tmp_path_factory: pytest.TempPathFactory, data: bytes
) -> None:
    path = tmp_path_factory.mktemp("bytes") / "any.csv"
    path.write_bytes(b"date,drug,quantity,unit,lat,lon,place\n" + data)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            layer = geocn.read_seizures(path)
    except GeocnError:
        return
    report = layer.attrs["geocn"]
    assert report["rows_in"] == report["rows_out"] + report["rows_rejected"]


CELLS = (
    "", "1", "-1", "0", "1e9", "1,5", "1.234,5", "NaN", "inf", "x", "2024-05-01", "31/02/2024",
    "4.5", "95", "-74", "400", "kg", "g", "tablet", "cocaine", "Cali", "=1+1",
)  # fmt: skip
INDEX = PlaceIndex.from_frame(zoo.areas())


@settings(max_examples=40)
@given(rows=st.lists(st.tuples(*[st.sampled_from(CELLS)] * 7), max_size=12))
def test_nothing_is_lost(tmp_path_factory: pytest.TempPathFactory, rows: list[tuple]) -> None:
    folder = tmp_path_factory.mktemp("lost")
    body = "".join(";".join(row) + "\n" for row in rows)
    text = f"date;drug;quantity;unit;lat;lon;place\n{body}"
    try:
        layer = read(folder, text, places=INDEX, rejects=folder / "r.csv")
    except LayerError:
        return
    report = layer.attrs["geocn"]
    rejects = pd.read_csv(folder / "r.csv", dtype="str")
    filled = sum(any(row) for row in rows)
    assert len(layer) + len(rejects) == report["rows_in"]
    assert filled <= report["rows_in"] <= len(rows)
    assert sum(report["rejected"].values()) == len(rejects)
    lines = set(layer["seizure_id"]) | set(rejects["geocn_row"])
    assert len(lines) == report["rows_in"]
