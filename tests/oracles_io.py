"""Sample files of every format and slow, plain oracles for the tests of reading."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import geopandas as gpd
import numpy as np
import openpyxl
import pandas as pd
import rasterio
import shapely
from rasterio.transform import from_origin

BIG = 2**60 + 1
NAMES = ["Bogotá", "Ñuñoa «x»", 'says "hi"; ok', "São Tomé", "مرحبا", "=cmd|x", "a,b", "x" * 50]


def points(n: int = 40) -> gpd.GeoDataFrame:
    """Points with text beyond ASCII, integers beyond 2**53, fractions, flags and nulls."""
    rng = np.random.default_rng(7)
    return gpd.GeoDataFrame(
        {
            "name": pd.Series([NAMES[i % len(NAMES)] for i in range(n)], dtype="str"),
            "big": pd.array([BIG + i if i % 5 else None for i in range(n)], dtype="Int64"),
            "kg": [round(float(x), 3) if i % 7 else None for i, x in enumerate(rng.random(n))],
            "ok": [bool(i % 2) for i in range(n)],
        },
        geometry=shapely.points(rng.uniform(-75, -74, n), rng.uniform(4, 5, n)),
        crs="EPSG:4326",
    )


def lines_() -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(
        {"name": ["one", "two"]},
        geometry=[
            shapely.LineString([(0, 0), (1, 1), (2, 0)]),
            shapely.MultiLineString([[(5, 5), (6, 6)], [(7, 7), (8, 8)]]),
        ],
        crs="EPSG:4326",
    )


def csv_text(n: int = 60) -> str:
    rows = [f"{i};Lugar {i};{i},5;2024-01-{i % 28 + 1:02d}" for i in range(n)]
    return "\r\n".join(["id;lugar;peso;fecha", *rows, ""])


def workbook(rows: list[list[object]]) -> bytes:
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()


def zipped(members: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as out:
        for name, data in members.items():
            out.writestr(name, data)
    return stream.getvalue()


def kml(body: str) -> str:
    return (
        '<?xml version="1.0" encoding="UTF-8"?><kml xmlns="http://www.opengis.net/kml/2.2">'
        f"<Document>{body}</Document></kml>"
    )


def placemark(i: int) -> str:
    return (
        f"<Folder><name>posts</name><Placemark><name>Puesto {i}</name>"
        f'<ExtendedData><Data name="kg"><value>{i}</value></Data></ExtendedData>'
        f"<Point><coordinates>-74.{i},4.{i},0</coordinates></Point></Placemark></Folder>"
    )


def gpx(body: str) -> str:
    return (
        '<?xml version="1.0"?><gpx xmlns="http://www.topografix.com/GPX/1/1" version="1.1">'
        f"{body}</gpx>"
    )


def trackpoint(i: int) -> str:
    time = f"2024-03-01T00:{i:02d}:00Z"
    return f'<trkpt lat="4.{i}" lon="-74.{i}"><ele>{i}</ele><time>{time}</time></trkpt>'


def write_tif(path: Path, values: np.ndarray, **profile: object) -> Path:
    settings = {
        "driver": "GTiff",
        "height": values.shape[0],
        "width": values.shape[1],
        "count": 1,
        "dtype": values.dtype,
        "crs": "EPSG:4326",
        "transform": from_origin(-75, 5, 0.1, 0.1),
    }
    with rasterio.open(path, "w", **{**settings, **profile}) as out:
        out.write(values, 1)
    return path


def write_samples(folder: Path) -> dict[str, Path]:
    """Write one sound sample of every format; the key is the format."""
    frame = points()
    paths = {kind: folder / f"sample.{kind}" for kind in ("gpkg", "geojson", "fgb", "parquet")}
    frame.to_file(paths["gpkg"])
    frame.to_file(paths["geojson"])
    frame.to_file(paths["fgb"])
    frame.to_parquet(paths["parquet"])
    folder.joinpath("shape").mkdir(exist_ok=True)
    frame.to_file(folder / "shape" / "sample.shp", encoding="utf-8")
    parts = {f"in/{p.name}": p.read_bytes() for p in sorted((folder / "shape").iterdir())}
    whole = {
        "csv": csv_text().encode("cp1252"),
        "csv.zip": zipped({"data.csv": csv_text().encode()}),
        "xlsx": workbook([["id", "peso"], *([i, i + 0.5] for i in range(50))]),
        "shp.zip": zipped(parts),
        "kml": kml("".join(placemark(i) for i in range(1, 30))).encode(),
        "kmz": zipped({"doc.kml": kml(placemark(1) * 40).encode()}),
        "gpx": gpx(
            f"<trk><name>t</name><trkseg>{''.join(map(trackpoint, range(1, 40)))}</trkseg></trk>"
        ).encode(),
    }
    for kind, data in whole.items():
        paths[kind] = folder / f"sample.{kind}"
        paths[kind].write_bytes(data)
    paths["tif"] = write_tif(folder / "sample.tif", np.arange(1200.0).reshape(30, 40) + 0.5)
    return paths


def spelled(value: float, decimal: str, thousands: str, digits: int) -> str:
    """Write a number the slow way: digit by digit, groups of three from the right."""
    whole, _, fraction = f"{abs(value):.{digits}f}".partition(".")
    groups = []
    while whole:
        groups.insert(0, whole[-3:])
        whole = whole[:-3]
    text = (thousands if thousands else "").join(groups)
    return ("-" if value < 0 else "") + text + (decimal + fraction if fraction else "")
