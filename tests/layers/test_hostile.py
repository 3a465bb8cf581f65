"""Hostile, damaged and odd files: a typed error or the right answer, never another file."""

from __future__ import annotations

import json
import warnings
import zipfile
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

import geocn
from geocn.errors import GeocnError, ReadError, SchemaError, UnsafeFileError
from tests import zoo

FORMATS = ("csv", "xlsx", "geojson", "gpkg", "shp.zip", "fgb", "parquet", "kml")


def events(n: int = 12) -> gpd.GeoDataFrame:
    rng = np.random.default_rng(3)
    return gpd.GeoDataFrame(
        {
            "seizure_id": [f"S{i}" for i in range(n)],
            "date": [f"2024-05-{i + 1:02d}" for i in range(n)],
            "drug": "cocaine",
            "weight_kg": np.arange(1.0, n + 1),
        },
        geometry=shapely.points(rng.uniform(-77, -73, n), rng.uniform(1, 9, n)),
        crs="EPSG:4326",
    )


def write(frame: gpd.GeoDataFrame, folder: Path, ending: str) -> Path:
    path = folder / f"events.{ending}"
    table = pd.DataFrame(frame.drop(columns="geometry")).assign(
        longitude=frame.geometry.x, latitude=frame.geometry.y
    )
    if ending == "csv":
        table.to_csv(path, index=False)
    elif ending == "xlsx":
        table.to_excel(path, index=False)
    elif ending == "parquet":
        frame.to_parquet(path)
    elif ending == "shp.zip":
        shape = folder / "shape"
        shape.mkdir()
        frame.rename(columns={"seizure_id": "id"}).to_file(shape / "events.shp")
        with zipfile.ZipFile(path, "w") as archive:
            for part in sorted(shape.iterdir()):
                archive.write(part, part.name)
    elif ending == "kml":
        path.write_text(_kml(table), encoding="utf-8")
    else:  # the index of FlatGeobuf puts the rows in another order
        frame.to_file(path, **({"SPATIAL_INDEX": "NO"} if ending == "fgb" else {}))
    return path


def _kml(table: pd.DataFrame) -> str:
    marks = [
        f'<Placemark><ExtendedData><Data name="date"><value>{row.date}</value></Data>'
        f'<Data name="drug"><value>{row.drug}</value></Data>'
        f'<Data name="weight_kg"><value>{row.weight_kg}</value></Data></ExtendedData>'
        f"<Point><coordinates>{row.longitude},{row.latitude}</coordinates></Point></Placemark>"
        for row in table.itertuples()
    ]
    return (
        '<?xml version="1.0" encoding="UTF-8"?><kml xmlns="http://www.opengis.net/kml/2.2">'
        f"<Document>{''.join(marks)}</Document></kml>"
    )


def read(path: Path, **options) -> gpd.GeoDataFrame:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return geocn.read_seizures(path, **options)


@pytest.mark.parametrize("ending", FORMATS)
def test_every_format_gives_the_same_layer(tmp_path: Path, ending: str) -> None:
    frame = events()
    layer = read(write(frame, tmp_path, ending))
    assert layer["weight_kg"].tolist() == frame["weight_kg"].tolist()
    assert layer["seized_at"].dt.day.tolist() == list(range(1, 13))
    distance = shapely.distance(layer.geometry.to_numpy(), frame.geometry.to_numpy())
    assert (distance < 1e-6).all()


@pytest.mark.parametrize("ending", FORMATS)
def test_a_file_cut_at_each_sixteenth(tmp_path: Path, ending: str) -> None:
    frame = events()
    whole = write(frame, tmp_path, ending).read_bytes()
    for part in range(16):
        path = tmp_path / f"cut.{ending}"
        path.write_bytes(whole[: len(whole) * part // 16])
        try:
            layer = read(path)
        except GeocnError:
            continue
        assert len(layer) <= len(frame)
        if ending == "csv":  # a cut text is a shorter text: only whole rows can be compared
            layer = layer.iloc[:-1]
        assert layer["weight_kg"].tolist() == frame["weight_kg"].tolist()[: len(layer)]
        assert ending == "csv" or len(layer) == len(frame)


@pytest.mark.parametrize("ending", FORMATS)
def test_flipped_bytes_never_crash(tmp_path: Path, ending: str) -> None:
    whole = np.frombuffer(write(events(), tmp_path, ending).read_bytes(), dtype=np.uint8)
    rng = np.random.default_rng(11)
    for _ in range(12):
        damaged = whole.copy()
        damaged[rng.integers(0, len(whole), 3)] ^= rng.integers(1, 255, 3).astype(np.uint8)
        path = tmp_path / f"flip.{ending}"
        path.write_bytes(damaged.tobytes())
        try:
            layer = read(path)
        except GeocnError:
            continue
        report = layer.attrs["geocn"]
        assert report["rows_in"] == report["rows_out"] + report["rows_rejected"]


@pytest.mark.parametrize("ending", ["geojson", "gpkg", "shp", "fgb", "parquet", "csv", "kml"])
def test_a_disguised_pointer_to_another_file_is_refused(tmp_path: Path, ending: str) -> None:
    secret = write(events(), tmp_path, "csv")
    vrt = (
        f'<OGRVRTDataSource><OGRVRTLayer name="events"><SrcDataSource>{secret}</SrcDataSource>'
        "</OGRVRTLayer></OGRVRTDataSource>"
    )
    path = tmp_path / f"disguise.{ending}"
    path.write_text(vrt, encoding="utf-8")
    with pytest.raises(ReadError):
        geocn.read_seizures(path)


def test_network_addresses_are_no_paths() -> None:
    for address in ("/vsicurl/http://localhost/x.geojson", "http://localhost/x.csv", "PG:x"):
        with pytest.raises(ReadError):
            geocn.read_seizures(address)


def test_zip_bomb_and_traversal(tmp_path: Path) -> None:
    bomb = tmp_path / "bomb.zip"
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.csv", b"date,drug\n" + b"0" * 200_000_000)
    with pytest.raises(UnsafeFileError):
        geocn.read_seizures(bomb)
    slip = tmp_path / "slip.zip"
    with zipfile.ZipFile(slip, "w") as archive:
        archive.writestr("../../a.csv", "date,drug,quantity,unit\n2024-05-01,x,1,kg\n")
    with pytest.raises(UnsafeFileError):
        geocn.read_seizures(slip)


def test_xml_entities_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.kml"
    path.write_text(
        '<?xml version="1.0"?><!DOCTYPE kml [<!ENTITY a SYSTEM "file:///etc/hostname">]>'
        '<kml xmlns="http://www.opengis.net/kml/2.2"><Placemark><name>&a;</name></Placemark></kml>',
        encoding="utf-8",
    )
    with pytest.raises(ReadError):
        geocn.read_seizures(path)


def test_large_integers_keep_their_digits(tmp_path: Path) -> None:
    number = 2**53 + 1
    frame = events(2).assign(seizure_id=[number, number + 1])
    frame.to_parquet(tmp_path / "b.parquet")
    frame.to_file(tmp_path / "b.gpkg")
    for name in ("b.parquet", "b.gpkg"):
        assert read(tmp_path / name)["seizure_id"].tolist() == [str(number), str(number + 1)]


def test_doubled_and_reserved_column_names(tmp_path: Path) -> None:
    path = zoo.write_seizures(tmp_path / "d.csv", text="drug,drug,date\na,b,2024-05-01\n")
    with pytest.raises(SchemaError):
        geocn.read_seizures(path)
    text = "date,drug,flags,geometry,index,level_0,duplicate_group\n2024-05-01,x,a,b,c,d,e\n"
    layer = read(zoo.write_seizures(tmp_path / "r.csv", text=text), keep_unused=True)
    assert layer.geometry.isna().all()
    assert layer["flags_reported"].tolist() == ["a"]
    assert layer["index"].tolist() == ["c"]


def test_a_geojson_of_odd_features(tmp_path: Path) -> None:
    features = [
        {"type": "Feature", "properties": {"drug": "x"}, "geometry": None},
        {
            "type": "Feature",
            "properties": {"drug": {"nested": 1}, "weight_kg": "7"},
            "geometry": {"type": "Point", "coordinates": [-74, 4, 100]},
        },
        {
            "type": "Feature",
            "properties": {},
            "geometry": {"type": "GeometryCollection", "geometries": []},
        },
    ]
    path = tmp_path / "o.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    layer = read(path)
    assert len(layer) == 3
    assert layer.geometry.isna().tolist() == [True, False, True]
    assert layer["weight_kg"].iloc[1] == 7.0
