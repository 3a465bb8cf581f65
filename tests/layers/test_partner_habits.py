"""What partners' tables hold beside records: titles, totals, units in cells, cut headers."""

from __future__ import annotations

import datetime as dt
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import geopandas as gpd
import openpyxl
import pytest
import shapely

import geocn
from geocn.errors import GeocnWarning


@pytest.fixture
def read(tmp_path: Path) -> Callable[..., gpd.GeoDataFrame]:
    def reader(text: str, *, layer: str = "seizures", **options: Any) -> gpd.GeoDataFrame:
        path = tmp_path / "partner.csv"
        path.write_text(text, encoding="utf-8")
        return quiet(layer, path, **options)

    return reader


def quiet(layer: str, path: Path, **options: Any) -> gpd.GeoDataFrame:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", GeocnWarning)
        frame: gpd.GeoDataFrame = getattr(geocn, f"read_{layer}")(path, **options)
    return frame


def workbook(path: Path, rows: list[list[Any]]) -> Path:
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    book.save(path)
    return path


HEADER = "Fecha;Droga;Cantidad;Unidad\n"


@pytest.mark.parametrize("title", ["Policía - Informe 2024\nFuente: DIJIN;;\n\n", "Informe;;;\n"])
def test_titles_above_the_header_are_skipped_and_noted(
    read: Callable[..., gpd.GeoDataFrame], title: str
) -> None:
    layer = read(title + HEADER + "15/01/2024;Cocaína;1.250,5;kg\n16/01/2024;Cocaína;2;kg\n")
    assert layer["weight_kg"].tolist() == [1250.5, 2]
    assert any("above the header" in note for note in layer.attrs["geocn"]["notes"])


@pytest.mark.parametrize("total", ["TOTAL;;30;kg", ";TOTAL GENERAL;30;kg", "Subtotal 2024;;30;"])
def test_totals_are_no_seizures(read: Callable[..., gpd.GeoDataFrame], total: str) -> None:
    layer = read(HEADER + "13/01/2024;Cocaína;10;kg\n15/01/2024;Heroína;20;kg\n" + total + "\n")
    assert layer["weight_kg"].sum() == 30
    assert layer.attrs["geocn"]["rejected"] == {"row of totals": 1}


def test_a_national_total_is_no_area_of_cultivation(
    read: Callable[..., gpd.GeoDataFrame],
) -> None:
    layer = read(
        "DEPARTAMENTO,2020,2021\nMeta,10,20\nCauca,1,2\nTotal nacional,11,22\n", layer="cultivation"
    )
    assert layer["area_ha"].sum() == 33
    report = layer.attrs["geocn"]
    assert report["total_ha"] == 33
    assert report["rows_in"] == report["rows_out"] + report["rows_rejected"] == 6


def test_empty_rows_and_repeated_headers_are_no_seizures(
    read: Callable[..., gpd.GeoDataFrame],
) -> None:
    row = "13/01/2024;Cocaína;10;kg\n"
    layer = read(HEADER + row + ";;;\n" + " ;;; \n" + HEADER + row.replace("13", "14"))
    assert len(layer) == 2
    assert layer.attrs["geocn"]["rejected"] == {
        "row without any value": 2,
        "the header repeated": 1,
    }


def test_amounts_may_carry_their_unit(read: Callable[..., gpd.GeoDataFrame]) -> None:
    cells = ["12,5 kg", "300 g", "3 paquetes", "10-20 kg", "≈5", "<1", "1.200 gr", "10 kg 500 g"]
    layer = read("Fecha;Droga;Cantidad\n" + "".join(f"13/01/2024;coca;{c}\n" for c in cells))
    assert layer["quantity"].tolist() == [12.5, 300, 3, 1200]
    assert layer["unit"].tolist() == ["kilogram", "gram", "package", "gram"]
    assert layer["weight_kg"].dropna().tolist() == [12.5, 0.3, 1.2]
    assert layer.attrs["geocn"]["rejected"] == {"quantity is not a number": 4}


def test_an_amount_in_another_unit_than_its_column_is_refused(
    read: Callable[..., gpd.GeoDataFrame],
) -> None:
    layer = read(HEADER + "13/01/2024;coca;12,5 kg;kg\n14/01/2024;coca;300 g;kg\n14/01/2024;c;7;\n")
    assert layer["weight_kg"].dropna().tolist() == [12.5]
    assert len(layer) == 2


def test_weights_of_another_unit_come_to_kilograms(
    read: Callable[..., gpd.GeoDataFrame],
) -> None:
    layer = read(
        "Fecha;Droga;Peso (kg)\n13/01/2024;c;12,5 kg\n14/01/2024;c;300 g\n14/01/2024;c;3\n"
    )
    assert layer["weight_kg"].tolist() == [12.5, 0.3, 3]


def test_few_numbers_among_words_still_settle_the_decimal_sign(
    read: Callable[..., gpd.GeoDataFrame],
) -> None:
    rows = "".join(f"1{i}/01/2024;c;desconocida {i};kg\n" for i in range(3, 9))
    layer = read(HEADER + rows + "13/01/2024;c;61,5;kg\n13/01/2024;c;2.468;kg\n")
    assert layer["weight_kg"].tolist() == [61.5, 2468]


def test_a_lone_number_with_a_comma_is_no_pair(read: Callable[..., gpd.GeoDataFrame]) -> None:
    layer = read("Fecha;Droga;kg;Coordenadas\n13/01/2024;c;5;4,57\n13/01/2024;c;5;4,57, -74,08\n")
    assert layer.geometry.to_wkt().tolist() == ["POINT (-74.08 4.57)"]


def test_typed_days_and_times_of_workbooks_join(tmp_path: Path) -> None:
    day = dt.datetime(2024, 2, 1)  # noqa: DTZ001 - a spreadsheet's day has no zone
    path = workbook(
        tmp_path / "b.xlsx",
        [
            ["Fecha", "Hora", "Droga", "Cantidad", "Unidad"],
            [day, dt.time(14, 30), "cocaína", 12.5, "kg"],
            [day, 0.5, "cocaína", "1.250,5", "kg"],
            [day, "14:30", "cocaína", "300 g", None],
        ],
    )
    layer = quiet("seizures", path)
    assert layer["seized_at"].dt.strftime("%d %H:%M").tolist() == [
        "01 14:30",
        "01 12:00",
        "01 14:30",
    ]
    assert layer["weight_kg"].tolist() == [12.5, 1250.5, 0.3]


def test_formulas_without_results_are_noted(tmp_path: Path) -> None:
    day = dt.date(2024, 2, 1)
    rows = [["Fecha", "Droga", "kg"], [day, "cocaína", 3], [day, "cocaína", "=C2*2"]]
    layer = quiet("seizures", workbook(tmp_path / "b.xlsx", rows))
    assert any("formulas" in note for note in layer.attrs["geocn"]["notes"])


def test_a_truth_value_is_no_amount(tmp_path: Path) -> None:
    rows = [["Fecha", "Droga", "kg"], [dt.date(2024, 2, 1), "cocaína", True]]
    assert quiet("seizures", workbook(tmp_path / "b.xlsx", rows)).empty


def test_headers_cut_by_a_shapefile_are_understood(tmp_path: Path) -> None:
    frame = gpd.GeoDataFrame(
        {"fecha_inca": ["2024-01-02"], "drug_name_": ["cocaína"], "cantidad_k": [1.5],
         "departamen": ["Meta"], "observacio": ["x"]},
        geometry=[shapely.Point(-74, 4)], crs=4326,
    )  # fmt: skip
    path = tmp_path / "s.shp"
    frame.to_file(path)
    layer = quiet("seizures", path)
    assert layer[["drug", "weight_kg", "admin"]].to_numpy().tolist() == [["cocaine", 1.5, "Meta"]]
    assert layer["seized_at"].notna().all()
    how = layer.attrs["geocn"]["columns"]["admin"]["how"]
    assert how == "cut to 10 characters"


def test_points_of_tracks_become_routes_in_the_order_of_time(
    read: Callable[..., gpd.GeoDataFrame],
) -> None:
    layer = read(
        "route_id,time,lat,lon,mode\nA,2024-01-01T02:00,5,-74,sea\nA,2024-01-01T01:00,4,-74,sea\n"
        "B,2024-01-01T01:00,1,-70,air\nA,2024-01-01T03:00,6,-74,sea\nA,2024-01-01T04:00,96,-74,sea\n"
        "A,,5,-74,sea\n,2024-01-01T01:00,1,-70,air\n",
        layer="routes",
    )
    assert layer.geometry.to_wkt().tolist() == ["LINESTRING (-74 4, -74 5, -74 6)"]
    assert layer[["first_seen", "last_seen"]].iloc[0].dt.hour.tolist() == [1, 3]
    report = layer.attrs["geocn"]
    assert report["rejected"] == {
        "coordinates: is outside -90 to 90": 1,
        "point without route_id": 1,
        "point without time or sequence": 1,
        "route of a single point": 1,
    }
    assert report["rows_in"] == report["rows_out"] + report["rows_rejected"]
    assert (report["source_rows"], report["points_joined"]) == (7, 4)


def test_points_of_tracks_become_routes_in_the_order_of_numbers(
    read: Callable[..., gpd.GeoDataFrame],
) -> None:
    layer = read(
        "ruta;orden;latitud;longitud\nA;10;5;-74\nA;9;4;-74\nA;2;3,5;-74\nB;1;1;-70\nB;2;1;-70\n",
        layer="routes",
    )
    assert layer.geometry.to_wkt().tolist() == ["LINESTRING (-74 3.5, -74 4, -74 5)"]
    assert layer.attrs["geocn"]["rejected"] == {"line without length": 1}


def test_points_without_an_order_are_no_route(read: Callable[..., gpd.GeoDataFrame]) -> None:
    layer = read("route_id,lat,lon\nA,5,-74\nA,4,-74\n", layer="routes")
    assert layer.empty
    assert layer.attrs["geocn"]["rows_rejected"] == 2


def test_a_point_with_swapped_axes_bends_no_route(read: Callable[..., gpd.GeoDataFrame]) -> None:
    layer = read(
        "route_id,time,lat,lon\nA,2024-01-01,5,-74\nA,2024-01-02,4,-74\nA,2024-01-03,-74,4\n",
        layer="routes",
    )
    assert layer.geometry.to_wkt().tolist() == ["LINESTRING (-74 5, -74 4)"]
    assert layer.attrs["geocn"]["rejected"] == {
        "latitude south of 60 degrees: the axes look swapped": 1
    }


def test_an_endless_word_does_not_swell_the_report(read: Callable[..., gpd.GeoDataFrame]) -> None:
    layer = read(f"Fecha;Droga;kg\n13/01/2024;{'x' * 1_000_000};1\n")
    assert max(map(len, layer.attrs["geocn"]["unknown"]["drug"])) <= 80
