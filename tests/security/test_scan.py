"""The leak scan finds what was planted, however it is packed, and nothing else."""

from __future__ import annotations

import base64
import bz2
import gzip
import html
import io
import json
import lzma
import sqlite3
import struct
import urllib.parse
import zipfile
import zlib
from pathlib import Path

import geopandas as gpd
import mgrs
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from geocn.errors import LeakFoundError, ParameterError
from geocn.io.packed import Pack
from geocn.maps import PlanningMap
from geocn.maps.geometry import encode_geometry
from geocn.sharing import ScanLimits, plant_canaries, scan, watch_list

LON, LAT = -76.612345, 2.441234
NAME = "Operación Ñandú Azul"
WITHHELD = gpd.GeoDataFrame(
    {
        "seizure_id": ["SZ-00017"],
        "source": [NAME],
        "weight_kg": [1234.56789012],
        "drug": ["cocaine"],
    },
    geometry=[shapely.Point(LON, LAT)],
    crs="EPSG:4326",
    index=["row 9"],
)
KINDS = {
    "id": "report SZ-00017 of May",
    "text": f"seen by {NAME} twice",
    "number": "weight 1234.56789012 kg",
    "place": f"at {LON}, {LAT} by night",
}
INNOCENT = "report SZ-00018 of May, seen by Navy at -75.5, 2.4, weight 12.5 kg " * 3


@pytest.fixture(scope="module")
def watch():
    return watch_list(WITHHELD)


def found(tmp_path: Path, data: bytes, watch, name: str = "file.bin"):
    path = tmp_path / name
    path.write_bytes(data)
    return scan(path, watch)


def utf16(text: str) -> bytes:
    return b"\0\1\2\3" + text.encode("utf-16-le")


def png(text: bytes, chunk: bytes = b"tEXt") -> bytes:
    def part(name: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        )

    head = part(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0))
    end = part(b"IDAT", zlib.compress(b"\0\0")) + part(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + head + part(chunk, text) + end


def zipped(text: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("inner/note.txt", text)
    return buffer.getvalue()


def pdf(text: str) -> bytes:
    shown = b"BT (" + text.encode("cp1252") + b") Tj ET"
    body = zlib.compress(shown)
    head = b"%PDF-1.4\n1 0 obj << /Filter /FlateDecode /Length " + str(len(body)).encode()
    return head + b" >>\nstream\n" + body + b"\nendstream endobj\n%%EOF"


def jpeg(text: str) -> bytes:
    body = text.encode()
    return b"\xff\xd8\xff\xfe" + struct.pack(">H", len(body) + 2) + body + b"\xff\xda\0\2\xff\xd9"


def sqlite_deleted(text: str, folder: Path) -> bytes:
    path = folder / "deleted.db"
    path.unlink(missing_ok=True)
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA secure_delete=OFF")
        db.execute("CREATE TABLE t (a TEXT)")
        db.executemany("INSERT INTO t VALUES (?)", [(text + " " * 400,)] * 40)
        db.commit()
        db.execute("DELETE FROM t")
    db.close()
    return path.read_bytes()


def parquet(text: str, *, meta: bool = False) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.table({"a": ["calm", "calm" if meta else text]})
    table = table.replace_schema_metadata({"note": text}) if meta else table
    sink = io.BytesIO()
    pq.write_table(table, sink, compression="zstd")
    return sink.getvalue()


def arrow(text: str) -> bytes:
    import pyarrow as pa

    table = pa.table({"a": ["calm", text]})
    sink = io.BytesIO()
    with pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue()


def xlsx(text: str) -> bytes:
    from openpyxl import Workbook

    book = Workbook()
    book.active.append(["a", text])
    sink = io.BytesIO()
    book.save(sink)
    return sink.getvalue()


def flatgeobuf(text: str, folder: Path) -> bytes:
    frame = gpd.GeoDataFrame({"a": [text]}, geometry=[shapely.Point(1, 1)], crs="EPSG:4326")
    frame.to_file(folder / "rows.fgb")
    return (folder / "rows.fgb").read_bytes()


def geopackage(text: str, folder: Path) -> bytes:
    frame = gpd.GeoDataFrame({"a": [text]}, geometry=[shapely.Point(1, 1)], crs="EPSG:4326")
    frame.to_file(folder / "rows.gpkg")
    return (folder / "rows.gpkg").read_bytes()


def geotiff(text: str, folder: Path) -> bytes:
    import rasterio

    path = folder / "picture.tif"
    grid = rasterio.transform.from_origin(0, 1, 1, 1)
    with rasterio.open(
        path, "w", driver="GTiff", width=2, height=2, count=1, dtype="uint8", transform=grid
    ) as raster:
        raster.write(np.zeros((1, 2, 2), dtype="uint8"))
        raster.update_tags(note=text)
    return path.read_bytes()


ENCODERS = {
    "utf-8": lambda t: t.encode(),
    "utf-8 in bytes": lambda t: b"\0\1\2\xff" * 9 + t.encode() + b"\0\xfe\1",
    "utf-16": lambda t: t.encode("utf-16"),
    "utf-16 without mark": utf16,
    "utf-16 big": lambda t: b"\1\2\3\4" + t.encode("utf-16-be"),
    "utf-32": lambda t: t.encode("utf-32"),
    "latin-1": lambda t: t.encode("latin-1"),
    "upper case": lambda t: t.upper().encode(),
    "decomposed": lambda t: t.replace("ó", "o\u0301").replace("Ñ", "N\u0303").encode(),
    "full width": lambda t: t.translate({c: c + 0xFEE0 for c in range(48, 123)}).encode(),
    "entities": lambda t: "".join(f"&#{ord(c)};" for c in t).encode(),
    "hex entities": lambda t: html.escape("".join(f"&#x{ord(c):x};" for c in t)).encode(),
    "json": lambda t: json.dumps({"a": [{"b": t}]}).encode(),
    "every letter escaped": lambda t: "".join(f"\\u{ord(c):04x}" for c in t).encode(),
    "url": lambda t: urllib.parse.quote(t).encode(),
    "url whole": lambda t: "".join(f"%{b:02X}" for b in t.encode()).encode(),
    "base64": lambda t: b"x='" + base64.b64encode(t.encode()) + b"'",
    "base64 after a path": lambda t: b"a/bc/" + base64.b64encode(t.encode()),
    "base64 url": lambda t: base64.urlsafe_b64encode(t.encode()),
    "base64 lines": lambda t: base64.encodebytes((t + " calm" * 60).encode()),
    "base64 of utf-16": lambda t: base64.b64encode(t.encode("utf-16-le")),
    "base85": lambda t: b'"' + base64.b85encode(t.encode()) + b'"',
    "ascii85": lambda t: base64.a85encode(t.encode(), adobe=True),
    "hex": lambda t: t.encode().hex().encode(),
    "gzip": lambda t: gzip.compress(t.encode(), mtime=0),
    "zlib": lambda t: zlib.compress(t.encode()),
    "bzip2": lambda t: bz2.compress(t.encode()),
    "xz": lambda t: lzma.compress(t.encode()),
    "base64 of gzip": lambda t: base64.b64encode(gzip.compress(t.encode(), mtime=0)),
    "zip": zipped,
    "zip in gzip in base64": lambda t: base64.b64encode(gzip.compress(zipped(t), mtime=0)),
    "xlsx": xlsx,
    "pdf": pdf,
    "png tEXt": lambda t: png(b"note\0" + t.encode()),
    "png zTXt": lambda t: png(b"note\0\0" + zlib.compress(t.encode()), b"zTXt"),
    "png iTXt": lambda t: png(b"note\0\1\0\0\0" + zlib.compress(t.encode()), b"iTXt"),
    "after a png": lambda t: png(b"note\0calm") + t.encode(),
    "jpeg comment": jpeg,
    "csv": lambda t: f"a;b\n1;{t}\n".encode(),
    "parquet": parquet,
    "parquet metadata": lambda t: parquet(t, meta=True),
    "arrow": arrow,
}
FILES = {
    "deleted rows": sqlite_deleted,
    "geopackage": geopackage,
    "flatgeobuf": flatgeobuf,
    "geotiff tags": geotiff,
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("encoder", ENCODERS)
def test_finds_in_each_encoding(encoder, kind, watch, tmp_path) -> None:
    report = found(tmp_path, ENCODERS[encoder](KINDS[kind]), watch)
    assert kind in {hit.kind for hit in report.hits}, report
    assert {(hit.layer, hit.label) for hit in report.hits} == {("withheld", "row 9")}
    assert not report.clean


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("encoder", FILES)
def test_finds_in_each_file(encoder, kind, watch, tmp_path) -> None:
    data = FILES[encoder](KINDS[kind], tmp_path)
    report = found(tmp_path, data, watch)
    assert kind in {hit.kind for hit in report.hits}, report


@pytest.mark.parametrize("encoder", [*ENCODERS, *FILES])
def test_clean_where_nothing_is_planted(encoder, watch, tmp_path) -> None:
    make = ENCODERS.get(encoder) or (lambda t: FILES[encoder](t, tmp_path))
    report = found(tmp_path, make(INNOCENT), watch)
    assert report.clean, report


X, Y = gpd.GeoSeries([shapely.Point(LON, LAT)], crs=4326).to_crs(3857).iloc[0].coords[0]
PLACES = {
    "swapped": f"{LAT},{LON}".encode(),
    "other columns between": f"lat;n;lon\n{LAT};7.5;{LON}\n".encode(),
    "far columns": ("lat;a;b;c;d;e;lon\n" + f"{LAT};1.5;2.5;3.5;4.5;5.5;{LON}\n" * 3).encode(),
    "json columns": json.dumps({"lat": [1.5, LAT], "n": [1, 2], "lon": [3.5, LON]}).encode(),
    "decimal comma": f"{LON:.6f} / {LAT:.6f}".replace(".", ",").encode(),
    "five decimals": f"{LON:.5f} {LAT:.5f}".encode(),
    "wkt": f"POINT Z ({LON} {LAT} 12.0)".encode(),
    "wkb hex": shapely.to_wkb(shapely.Point(LON, LAT), hex=True).encode(),
    "wkb hex big": shapely.to_wkb(shapely.Point(LON, LAT), hex=True, byte_order=0).encode(),
    "mercator": f"x={X:.1f} y={Y:.1f}".encode(),
    "mgrs": mgrs.MGRS().toMGRS(LAT, LON, MGRSPrecision=5).encode(),
    "dms": b"2\xc2\xb026'28.4\"N 76\xc2\xb036'44.4\"W",
    "0 to 360": f"{LON + 360:.6f} {LAT:.6f}".encode(),
    "micro-degrees": f"[{round(LON * 1e6)},{round(LAT * 1e6)}]".encode(),
    "float64": b"\0\0\1" + np.array([LON, LAT], dtype="<f8").tobytes(),
    "float64 big": b"\0\0\1" + np.array([LON, LAT], dtype=">f8").tobytes(),
    "float32": b"\0\1" + np.array([LON, LAT], dtype="<f4").tobytes(),
    "int32 e5": b"\0" + np.round(np.array([LON, LAT]) * 1e5).astype("<i4").tobytes(),
    "int32 e6": b"\0" + np.round(np.array([LON, LAT]) * 1e6).astype("<i4").tobytes(),
    "mercator float64": b"\0" + np.array([X, Y], dtype="<f8").tobytes(),
    "mercator float32": b"\0" + np.array([X, Y], dtype="<f4").tobytes(),
}


@pytest.mark.parametrize("spelling", PLACES)
def test_finds_a_place_however_it_is_written(spelling, watch, tmp_path) -> None:
    report = found(tmp_path, PLACES[spelling], watch)
    assert "place" in {hit.kind for hit in report.hits}, report


def test_finds_a_fine_h3_cell(watch, tmp_path) -> None:
    import h3

    fine, coarse = (h3.latlng_to_cell(LAT, LON, level) for level in (12, 7))
    assert found(tmp_path, f"cell {fine}".encode(), watch).n_hits == 1
    assert found(tmp_path, f"cell {coarse}".encode(), watch).clean


def test_names_the_way_in(watch, tmp_path) -> None:
    plan = PlanningMap("Plan", marking="TLP:GREEN").add_seizures(WITHHELD, columns=["source"])
    report = scan(plan.save(tmp_path / "map.html"), watch)
    paths = {hit.path for hit in report.hits if hit.kind == "text"}
    assert any("block geocn-data › packed › " in path for path in paths), paths
    assert any("column source" in path for path in paths), paths
    assert NAME not in report.summary()
    assert "SZ-00017" not in report.summary()


def test_what_is_released_is_no_leak(tmp_path) -> None:
    both = watch_list(WITHHELD, released=WITHHELD)
    assert both.n_values == 0
    named = watch_list(WITHHELD, released=WITHHELD[["source"]], allow=["see SZ-00017"])
    assert found(tmp_path, f"{NAME} SZ-00017".encode(), named).clean
    assert not found(tmp_path, KINDS["place"].encode(), named).clean


def test_a_longer_name_is_another_name(watch, tmp_path) -> None:
    assert found(tmp_path, b"SZ-00017B and XSZ-00017 and SZ-000170", watch).clean
    assert not found(tmp_path, b"sz_00017, or SZ00017", watch).clean


def test_canaries_are_found_even_where_they_are_released(tmp_path) -> None:
    planted, canaries = plant_canaries(WITHHELD, secret="a long secret", count=2)
    again, _ = plant_canaries(WITHHELD, secret="a long secret", count=2)
    assert planted.equals(again)
    path = tmp_path / "rows.csv"
    planted.to_csv(path)
    report = scan(path, WITHHELD, released=planted, canaries=canaries)
    assert {hit.kind for hit in report.hits} == {"canary"}
    assert {hit.label for hit in report.hits} == {0, 1}


def bomb() -> bytes:
    data = b"\0" * (40 << 20)
    for _ in range(2):
        data = gzip.compress(data, mtime=0)
    return data


def nested() -> bytes:
    data = b"calm"
    for _ in range(40):
        data = gzip.compress(data, mtime=0)
    return data


def encrypted_zip() -> bytes:
    data = bytearray(zipped("calm"))
    directory = data.rfind(b"PK\x01\x02")
    data[6] |= 1
    data[directory + 8] |= 1
    return bytes(data)


def opaque_map() -> bytes:
    from geocn.io.packed import to_text

    block = to_text(np.random.default_rng(0).bytes(50_000))
    return f'<script type="text/plain" id="geocn-data">{block}</script>'.encode()


HOSTILE = {
    "a block of no known coding": opaque_map,
    "bomb": bomb,
    "nested": nested,
    "encrypted zip": encrypted_zip,
    "cut gzip": lambda: gzip.compress(INNOCENT.encode())[:-12],
    "cut zip": lambda: zipped(INNOCENT)[:-30],
    "cut parquet": lambda: parquet(INNOCENT)[:-20],
    "cut database": lambda: b"SQLite format 3\0" + b"\xff" * 5000,
    "7-zip": lambda: b"7z\xbc\xaf\x27\x1c" + bytes(100),
    "encrypted": lambda: np.random.default_rng(0).bytes(50_000),
    "encrypted in base64": lambda: base64.b64encode(np.random.default_rng(0).bytes(50_000)),
    "encrypted pdf": lambda: b"%PDF-1.4 trailer << /Encrypt 5 0 R >>",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_cannot_be_read_is_not_clean(name, watch, tmp_path) -> None:
    path = tmp_path / "file.bin"
    path.write_bytes(HOSTILE[name]())
    report = scan(path, watch, limits=ScanLimits(total_mb=64, part_mb=16, depth=8))
    assert not report.clean
    assert report.not_scanned
    assert report.n_hits == 0


def test_a_link_in_a_folder_is_not_followed(watch, tmp_path) -> None:
    (tmp_path / "secret").write_text("SZ-00017")
    folder = tmp_path / "release"
    folder.mkdir()
    (folder / "link").symlink_to(tmp_path / "secret")
    assert scan(folder, watch).not_scanned == (("link", "is a link to another file"),)


def test_strange_frames_are_no_trouble(tmp_path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("calm")
    empty = WITHHELD.iloc[:0]
    odd = pd.DataFrame({"id": [None, np.nan, "x" * 100_000]}).set_axis(["a"], axis=1)
    twice = pd.concat([pd.DataFrame({"a": ["Ab-12345"]})] * 2, axis=1)
    null = gpd.GeoDataFrame({"a": ["x"]}, geometry=[None], crs="EPSG:4326")
    for frame in (empty, odd, twice, null):
        assert scan(path, frame).clean
    with pytest.raises(ParameterError):
        scan(path, WITHHELD, tolerance_m=0)
    with pytest.raises(ParameterError):
        scan(path, {"a": 3})


def test_save_refuses_a_leak_and_keeps_the_previous_map(watch, tmp_path) -> None:
    target = tmp_path / "map.html"
    PlanningMap("Before", marking="TLP:GREEN").save(target, withheld=watch)
    before = target.read_bytes()
    leaking = PlanningMap("After", marking="TLP:GREEN").add_seizures(WITHHELD)
    for passphrase in (None, "a long enough passphrase"):
        with pytest.raises(LeakFoundError, match="was not published") as error:
            leaking.save(target, withheld=watch, passphrase=passphrase)
        assert not error.value.report.clean
        assert NAME not in str(error.value)
    assert target.read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["map.html"]


@settings(max_examples=25, deadline=None)
@given(
    st.floats(-179.99, 179.99),
    st.floats(-84.0, 84.0),
    st.floats(0.0, 6.28),
    st.sampled_from([0.0, 5.0, 15.0, 40.0]),
)
def test_packed_points_are_found_within_the_tolerance_only(
    tmp_path_factory, lon, lat, bearing, distance_m
) -> None:
    import pyproj

    if abs(lon) < 0.01 or abs(lat) < 0.01:
        return
    x, y, _ = pyproj.Geod(ellps="WGS84").fwd(lon, lat, np.degrees(bearing), distance_m)
    secret = gpd.GeoDataFrame(geometry=[shapely.Point(lon, lat)], crs="EPSG:4326")
    others = [shapely.Point(0.5, 60.0 if lat < 0 else -60.0), shapely.Point(x, y)]
    pack = Pack()
    header = {"layers": [{"geometry": encode_geometry(gpd.GeoSeries(others, crs=4326), pack)}]}
    path = tmp_path_factory.mktemp("packed") / "map.html"
    path.write_text(f'<script type="text/plain" id="geocn-data">{pack.block(header)}</script>')
    report = scan(path, secret, tolerance_m=10.0)
    assert report.n_decoded == 1
    assert report.clean == (distance_m > 10.0)
