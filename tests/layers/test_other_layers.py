"""Routes, cultivation, interventions and borders."""

from __future__ import annotations

import warnings
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
import xarray as xr

import geocn
from geocn.errors import GeometryError, ParameterError, RejectedRowsWarning, UnitError
from tests import zoo


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def routes() -> gpd.GeoDataFrame:
    frame = zoo.points("line", "multiline", "line_without_length", "point", "null")
    return frame.rename(columns={"id": "route_id"}).assign(
        mode="lancha rápida", drug="Cocaína", weight_kg=5.0
    )


@pytest.mark.parametrize("ending", ["geojson", "gpkg", "fgb", "parquet"])
def test_routes_from_every_vector_format(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"r.{ending}"
    frame = routes()
    if ending == "fgb":  # its writer refuses null geometries
        frame = frame[frame.geometry.notna()]
    if ending == "parquet":
        frame.to_parquet(path)
    else:
        frame.to_file(path)
    with pytest.warns(RejectedRowsWarning, match="2 of"):
        layer = geocn.read_routes(path)
    kept = layer[layer.geometry.notna()]
    assert sorted(kept["route_id"]) == ["line", "multiline"]
    assert (kept["mode"] == "sea").all()
    assert kept["drug"].notna().all()
    rejected = layer.attrs["geocn"]["rejected"]
    assert "line without length" in rejected
    assert any("geometry is a Point" in reason for reason in rejected)


def test_routes_from_a_table_of_well_known_text(tmp_path: Path) -> None:
    path = write(
        tmp_path / "r.csv",
        'route_id,wkt,first_seen,last_seen\na,"LINESTRING (-74 4, -75 5)",2024-01-01,2024-02-01\n'
        'b,"LINESTRING (-74 4",2024-01-01,2024-02-01\n'
        'c,"LINESTRING (-74 4, -75 5)",2024-03-01,2024-02-01\n',
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        layer = geocn.read_routes(path)
    assert layer["route_id"].tolist() == ["a"]
    assert layer.geometry.iloc[0].equals(shapely.LineString([(-74, 4), (-75, 5)]))


def test_a_table_without_lines_is_no_routes_layer(tmp_path: Path) -> None:
    with pytest.raises(GeometryError, match="coordinates"):
        geocn.read_routes(write(tmp_path / "r.csv", "route_id,mode\na,road\n"))


def test_points_are_no_routes(tmp_path: Path) -> None:
    with pytest.warns(RejectedRowsWarning, match="geometry is a Point"):
        layer = geocn.read_routes(write(tmp_path / "r.csv", "route_id,lat,lon\na,4,-74\n"))
    assert len(layer) == 0


WIDE = """\
CODDEPTO;DEPARTAMENTO;CODMPIO;MUNICIPIO;2019;2020;2021
05;ANTIOQUIA;05001;MEDELLIN;1,250.5;2.468;- 0
63;QUINDIO;63001;ARMENIA;61.5;61,5;3.0
76;VALLE;99999;NOWHERE;;0,5;x
"""


def test_a_table_with_one_column_a_year_is_spread(tmp_path: Path) -> None:
    with pytest.warns(RejectedRowsWarning, match="1 of 9"):
        layer = geocn.read_cultivation(
            write(tmp_path / "c.csv", WIDE), places=zoo.areas(), crop="coca"
        )
    report = layer.attrs["geocn"]
    assert (report["source_rows"], report["rows_in"], report["rows_out"]) == (3, 9, 8)
    totals = layer.groupby("year")["area_ha"].sum()
    assert totals.to_dict() == {2019: 1312.0, 2020: 2468 + 61.5 + 0.5, 2021: 3.0}
    assert (layer["crop"] == "coca").all()
    medellin = layer[layer["admin_code"] == "CO05001"]
    assert medellin.geometry.geom_type.eq("Polygon").all()
    assert layer[layer["place"] == "NOWHERE"].geometry.isna().all()


def test_a_long_table_and_its_units(tmp_path: Path) -> None:
    path = write(tmp_path / "c.csv", "year,crop,municipality,hectares\n2020,coca,Cali,3\n")
    layer = geocn.read_cultivation(path, places=zoo.areas(), units="km2")
    assert layer["area_ha"].tolist() == [300.0]
    assert layer["place_match"].tolist() == ["name"]
    with pytest.raises(UnitError, match="unit of area"):
        geocn.read_cultivation(path, units="litre")
    with pytest.raises(ParameterError, match="crop"):
        geocn.read_cultivation(path, crop="wheat")


def test_impossible_years_and_areas_are_rejected(tmp_path: Path) -> None:
    text = "year,crop,hectares\n2020,coca,-3\n20200,coca,3\n2020.5,coca,3\n2021,coca,3\n"
    with pytest.warns(RejectedRowsWarning, match="3 of 4"):
        layer = geocn.read_cultivation(write(tmp_path / "c.csv", text))
    assert layer["area_ha"].tolist() == [3.0]


def test_fields_of_polygons(tmp_path: Path) -> None:
    frame = zoo.points("polygon", "bow_tie", "flat_polygon").assign(crop="coca", year=2020, ha=1.0)
    frame.to_file(tmp_path / "f.gpkg")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        layer = geocn.read_cultivation(tmp_path / "f.gpkg")
    assert layer.geometry.is_valid.all()
    assert len(layer) == 2


def test_a_raster_of_cultivation(tmp_path: Path) -> None:
    import rioxarray  # noqa: F401

    data = xr.DataArray(
        np.ones((3, 4), dtype="float32"),
        coords={"y": [5.5, 4.5, 3.5], "x": [-76.5, -75.5, -74.5, -73.5]},
        dims=("y", "x"),
    )
    data.rio.write_crs("EPSG:4326").rio.to_raster(tmp_path / "c.tif")
    raster = geocn.read_cultivation(tmp_path / "c.tif")
    assert isinstance(raster, xr.DataArray)
    assert raster.attrs["geocn"]["method"] == "layers.read_raster"


def test_interventions_of_both_kinds_of_partner(tmp_path: Path) -> None:
    path = write(
        tmp_path / "i.csv",
        "tipo;socio;tipo de socio;estado;fecha inicio;fecha fin;alcance km;latitud;longitud\n"
        "Puesto de control;Ejército;militar;activo;2024-01-01;2024-06-30;12,5;4,5;-74,1\n"
        "Erradicación;Policía;policía;activo;2024-05-01;2024-01-01;1;4,5;-74,1\n",
    )
    with pytest.warns(RejectedRowsWarning, match="ends_on lies before starts_on"):
        layer = geocn.read_interventions(path, as_of="2024-12-31", source="Army")
    assert layer["kind"].tolist() == ["checkpoint"]
    assert layer["partner_type"].tolist() == ["military"]
    assert layer["reach_km"].tolist() == [12.5]
    assert layer["flags"].tolist() == ["ended"]
    with pytest.raises(UnitError, match="unit of distance"):
        geocn.read_interventions(path, units="furlong")


def test_borders_bundled_and_own(tmp_path: Path) -> None:
    assert geocn.read_borders()["dyad"].str.match(r"[A-Z]{3}-[A-Z]{3}").all()
    frame = zoo.points("line").assign(dyad="COL-ECU", disputed="sí")
    frame.to_file(tmp_path / "b.geojson")
    own = geocn.read_borders(tmp_path / "b.geojson")
    assert own["disputed"].tolist() == [True]
    assert own["dyad"].tolist() == ["COL-ECU"]


def test_input_frames_are_not_changed(tmp_path: Path) -> None:
    places = zoo.areas()
    before = places.copy()
    path = write(tmp_path / "c.csv", WIDE)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        geocn.read_cultivation(path, places=places)
    pd.testing.assert_frame_equal(pd.DataFrame(places), pd.DataFrame(before))
