"""Positions and names in the metadata of pictures, in files of columns, and in odd places."""

from __future__ import annotations

import base64
import gzip
import io
import json
import struct
import zipfile
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import shapely

from geocn.sharing import scan, watch_list

LON, LAT = -76.612345, 2.441234
WITHHELD = gpd.GeoDataFrame(
    {"seizure_id": ["SZ-00017"]}, geometry=[shapely.Point(LON, LAT)], crs="EPSG:4326"
)


def angle(value: float, order: str) -> bytes:
    whole, rest = divmod(abs(value), 1)
    minute, rest = divmod(rest * 60, 1)
    return struct.pack(f"{order}6I", int(whole), 1, int(minute), 1, round(rest * 60e4), 10_000)


def exif(lon: float, lat: float, *, order: str = "<", away: int = 0) -> bytes:
    """A TIFF head whose position stands in a block of its own, as cameras write it."""
    mark = b"II*\0" if order == "<" else b"MM\0*"
    at = 26 + away
    data = mark + struct.pack(f"{order}IHHHIII", 8, 1, 0x8825, 4, 1, at, 0)
    rationals = at + 2 + 4 * 12 + 4
    entries = [(1, 2, 2, b"N\0\0\0"), (2, 5, 3, struct.pack(f"{order}I", rationals))]
    entries += [(3, 2, 2, b"W\0\0\0"), (4, 5, 3, struct.pack(f"{order}I", rationals + 24))]
    block = struct.pack(f"{order}H", 4)
    block += b"".join(struct.pack(f"{order}HHI", *one[:3]) + one[3] for one in entries)
    return data + bytes(away) + block + bytes(4) + angle(lat, order) + angle(lon, order)


def jpeg(lon: float, lat: float) -> bytes:
    body = b"Exif\0\0" + exif(lon, lat, order=">")
    return b"\xff\xd8\xff\xe1" + struct.pack(">H", len(body) + 2) + body + b"\xff\xda\0\2\xff\xd9"


def xmp(lon: float, lat: float) -> bytes:
    text = (
        f'<x:xmpmeta><rdf:Description exif:GPSLatitude="{int(lat)},{lat % 1 * 60:.6f}N" '
        f'lat="{lat}" lon="{lon}"/></x:xmpmeta>'
    )
    body = b"http://ns.adobe.com/xap/1.0/\0" + text.encode()
    return b"\xff\xd8\xff\xe1" + struct.pack(">H", len(body) + 2) + body + b"\xff\xda\0\2\xff\xd9"


def utm(lon: float, lat: float) -> bytes:
    import pyproj

    x, y = pyproj.Transformer.from_crs(4326, 32618, always_xy=True).transform(lon, lat)
    return f"camp at 18N {x:.0f} {y:.0f}".encode()


def parquet(lon: float, lat: float, **options: object) -> bytes:
    sink = io.BytesIO()
    points = [shapely.Point(1, 1), shapely.Point(lon, lat)]
    gpd.GeoDataFrame({"a": ["x", "y"]}, geometry=points, crs=4326).to_parquet(sink, **options)
    return sink.getvalue()


def geopackage(lon: float, lat: float, folder: Path) -> bytes:
    path = folder / "rows.gpkg"
    points = [shapely.Point(1, 1), shapely.Point(lon, lat)]
    gpd.GeoDataFrame({"a": ["x", "y"]}, geometry=points, crs=4326).to_file(path)
    return path.read_bytes()


def arrow(lon: float, lat: float) -> bytes:
    import pyarrow as pa

    sink = io.BytesIO()
    table = pa.table({"n": [1, 2], "x": [0.5, lon], "y": [0.5, lat]})
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue()


PLACES = {
    "EXIF of a JPEG": jpeg,
    "EXIF block": exif,
    "EXIF far inside": lambda x, y: exif(x, y, away=200_000),
    "XMP": xmp,
    "UTM": utm,
    "GeoParquet": parquet,
    "GeoParquet of geoarrow": lambda x, y: parquet(x, y, geometry_encoding="geoarrow"),
    "Arrow stream": arrow,
    "gzip in base64 in JSON": lambda x, y: json.dumps(
        {"a": base64.b64encode(gzip.compress(f"{y} {x}".encode(), mtime=0)).decode()}
    ).encode(),
}


def found(path: Path, data: bytes) -> set[str]:
    path.write_bytes(data)
    return {hit.kind for hit in scan(path, watch_list(WITHHELD)).hits}


@pytest.mark.parametrize("name", PLACES)
def test_a_position_is_found(name, tmp_path) -> None:
    assert "place" in found(tmp_path / "file.bin", PLACES[name](LON, LAT))
    assert not found(tmp_path / "file.bin", PLACES[name](LON + 0.01, LAT))


def test_a_position_in_a_geopackage_is_found(tmp_path) -> None:
    assert "place" in found(tmp_path / "file.bin", geopackage(LON, LAT, tmp_path))


def test_an_unused_value_of_a_parquet_dictionary_is_found(tmp_path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    levels = pa.array(["calm", "SZ-00017"])
    column = pa.DictionaryArray.from_arrays(pa.array([0, 0], pa.int32()), levels)
    pq.write_table(pa.table({"a": column}), tmp_path / "rows.parquet")
    data = (tmp_path / "rows.parquet").read_bytes()
    assert found(tmp_path / "file.bin", data) == {"id"}


def test_a_deleted_member_of_a_zip_is_found(tmp_path) -> None:
    """The directory no longer names it, its bytes still stand before the next member."""
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("gone.txt", "see SZ-00017 " * 9)
        archive.writestr("kept.txt", "calm")
        archive.filelist.pop(0)
        archive.NameToInfo.pop("gone.txt")
    with zipfile.ZipFile(sink) as archive:
        assert archive.namelist() == ["kept.txt"]
    assert found(tmp_path / "file.bin", sink.getvalue()) == {"id"}


def test_bytes_that_only_look_like_geometry_are_read_as_any(tmp_path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    blobs = [shapely.to_wkb(shapely.Point(1, 1)), shapely.to_wkb(shapely.Point(2, 2)) + b"SZ-00017"]
    pq.write_table(pa.table({"geometry": pa.array(blobs, pa.binary())}), tmp_path / "rows.parquet")
    assert found(tmp_path / "file.bin", (tmp_path / "rows.parquet").read_bytes()) == {"id"}


def test_a_raster_is_clean(tmp_path) -> None:
    import rasterio

    values = np.random.default_rng(0).uniform(-80, 10, (64, 64)).astype("float32")
    grid = rasterio.transform.from_origin(-77, 3, 0.01, 0.01)
    options = {"driver": "GTiff", "width": 64, "height": 64, "count": 1, "dtype": "float32"}
    with rasterio.open(tmp_path / "a.tif", "w", transform=grid, crs="EPSG:4326", **options) as one:
        one.write(values, 1)
    assert scan(tmp_path / "a.tif", watch_list(WITHHELD)).clean
