"""Reading opens exactly the named file: no other file, no network, no code, no explosion."""

from __future__ import annotations

import io
import json
import os
import pickle
import re
import shutil
import socket
import sqlite3
import stat
import struct
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import shapely

from geocn.errors import CRSError, GeocnError, ReadError, UnsafeFileError
from geocn.io.guard import identify
from geocn.io.raster import read_raster
from geocn.io.table import read_table
from tests.oracles_io import (
    csv_text,
    gpx,
    kml,
    placemark,
    points,
    workbook,
    write_samples,
    write_tif,
    zipped,
)

ENDINGS = ["csv", "xlsx", "geojson", "gpkg", "shp", "fgb", "parquet", "kml", "gpx", "tif", "zip"]
SECRET = "TOP-SECRET-VALUE"


@pytest.fixture(autouse=True)
def _no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a socket was opened")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    path = folder / "secret.csv"
    path.write_text(f"name\n{SECRET}\n")
    return path


def disguises(secret: Path) -> dict[str, str]:
    source = f"<SrcDataSource>{secret}</SrcDataSource>"
    layer = f'<OGRVRTLayer name="secret">{source}</OGRVRTLayer>'
    algorithm = f"gdal vector pipeline read {secret}"
    return {
        "ogr vrt": f"<OGRVRTDataSource>{layer}</OGRVRTDataSource>",
        "ogr vrt after bom": f"\ufeff \n<!-- map -->\n<OGRVRTDataSource>{layer}</OGRVRTDataSource>",
        "gdal vrt": '<VRTDataset rasterXSize="1" rasterYSize="1"><VRTRasterBand band="1">'
        "<SimpleSource><SourceFilename>/vsicurl/http://127.0.0.1:9/x.tif</SourceFilename>"
        "</SimpleSource></VRTRasterBand></VRTDataset>",
        "wms": '<GDAL_WMS><Service name="TMS"><ServerUrl>http://127.0.0.1:9/</ServerUrl>'
        "</Service></GDAL_WMS>",
        "wmts": "<GDAL_WMTS><GetCapabilitiesUrl>http://127.0.0.1:9</GetCapabilitiesUrl></GDAL_WMTS>",
        "wfs": "<OGRWFSDataSource><URL>http://127.0.0.1:9/</URL></OGRWFSDataSource>",
        "wcs": "<WCS_GDAL><ServiceURL>http://127.0.0.1:9/</ServiceURL></WCS_GDAL>",
        "gdalg": json.dumps({"type": "gdal_streamed_alg", "command_line": algorithm}),
        "stac": json.dumps({"type": "Feature", "stac_version": "1.0.0", "assets": {}}),
    }


@pytest.mark.parametrize("ending", ENDINGS)
def test_descriptions_of_other_files_are_refused_under_every_name(
    ending: str, secret: Path, tmp_path: Path
) -> None:
    for kind, content in disguises(secret).items():
        path = tmp_path / f"layer.{ending}"
        path.write_text(content)
        for read in (read_table, read_raster, identify):
            with pytest.raises(UnsafeFileError) as caught:
                read(path)
            assert SECRET not in str(caught.value), kind
        packed = tmp_path / "packed.zip"
        packed.write_bytes(zipped({f"layer.{ending}": content.encode()}))
        with pytest.raises(GeocnError):
            read_table(packed)


@pytest.mark.parametrize("codec", ["utf-16", "utf-16-le", "utf-16-be"])
def test_a_wide_encoding_hides_nothing(codec: str, secret: Path, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(disguises(secret)["ogr vrt"].encode(codec))
    with pytest.raises(UnsafeFileError):
        read_table(path)


@pytest.mark.parametrize(
    "name",
    [
        *("/vsicurl/http://127.0.0.1:9/a.csv", "http://127.0.0.1:9/a.csv", "/vsizip/a.zip/b.csv"),
        *("https://x/y.tif", "GPKG:a.gpkg:t", "PG:dbname=x", "s3://b/k", "WFS:http://127.0.0.1:9"),
    ],
)
def test_addresses_are_not_files(name: str) -> None:
    for read in (read_table, read_raster, identify):
        with pytest.raises(UnsafeFileError, match="Download it"):
            read(name)


def test_missing_folders_pipes_and_nul(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.csv")
    for path in (tmp_path / "no.csv", tmp_path, tmp_path / "pipe.csv", "a\0b.csv", ""):
        with pytest.raises(ReadError):
            read_table(path)


def test_a_link_out_of_its_folder_is_refused_one_within_is_read(
    secret: Path, tmp_path: Path
) -> None:
    out = tmp_path / "in" / "link.csv"
    out.parent.mkdir()
    out.symlink_to(secret)
    with pytest.raises(UnsafeFileError, match="link"):
        read_table(out)
    (out.parent / "real.csv").write_text("a\n1\n")
    within = out.parent / "within.csv"
    within.symlink_to("real.csv")
    assert len(read_table(within).frame) == 1
    loop = out.parent / "loop.csv"
    loop.symlink_to("loop.csv")
    with pytest.raises(ReadError):
        read_table(loop)
    assert len(read_table(out.parent / ".." / "in" / "real.csv").frame) == 1


def test_linked_parts_of_a_shapefile_are_refused(secret: Path, tmp_path: Path) -> None:
    write_samples(tmp_path)
    shape = tmp_path / "shape" / "sample.shp"
    shape.with_suffix(".prj").unlink()
    shape.with_suffix(".prj").symlink_to(secret)
    with pytest.raises(UnsafeFileError, match="link"):
        read_table(shape)


class TestArchives:
    @pytest.mark.parametrize(
        "name", ["../x.csv", "/etc/x.csv", "a/../../x.csv", "..\\x.csv", "C:\\x.csv", "C:x.csv"]
    )
    def test_members_that_leave_the_archive(self, name: str, tmp_path: Path) -> None:
        path = tmp_path / "a.zip"
        path.write_bytes(zipped({name: b"a\n1\n", "good.csv": b"a\n1\n"}))
        with pytest.raises(UnsafeFileError, match="leave"):
            read_table(path)

    def test_members_that_are_links(self, tmp_path: Path) -> None:
        info = zipfile.ZipInfo("a.csv")
        info.external_attr = (stat.S_IFLNK | 0o777) << 16
        with zipfile.ZipFile(tmp_path / "a.zip", "w") as out:
            out.writestr(info, "/etc/passwd")
        with pytest.raises(UnsafeFileError, match="link"):
            read_table(tmp_path / "a.zip")

    @pytest.mark.parametrize("name", ["a.csv", "xl/worksheets/sheet1.xml", "doc.kml", "a.shp"])
    def test_bombs_are_refused_before_they_are_unpacked(self, name: str, tmp_path: Path) -> None:
        path = tmp_path / "a.zip"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as out:
            out.writestr("[Content_Types].xml", "<x/>")
            with out.open(name, "w", force_zip64=True) as member:
                for _ in range(300):
                    member.write(b"x" * (1 << 20))
        assert path.stat().st_size < 400_000
        began = time.process_time()
        with pytest.raises(UnsafeFileError, match="grow"):
            read_table(path)
        assert time.process_time() - began < 1

    def test_a_lying_size_is_found_out(self, tmp_path: Path) -> None:
        data = zipped({"a.csv": b"a\n" + b"1\n" * 5000})
        lied = data.replace(struct.pack("<I", 10_002), struct.pack("<I", 4_002))
        assert lied != data
        (tmp_path / "a.zip").write_bytes(lied)
        with pytest.raises(ReadError):
            read_table(tmp_path / "a.zip")

    def test_archives_within_archives_encrypted_and_doubled_members(self, tmp_path: Path) -> None:
        inner = zipped({"a.csv": b"a\n1\n"})
        (tmp_path / "nested.zip").write_bytes(zipped({"b.zip": inner}))
        with pytest.raises(UnsafeFileError, match="within"):
            read_table(tmp_path / "nested.zip")
        secret = bytearray(inner)
        for magic, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
            secret[secret.find(magic) + offset] |= 1
        (tmp_path / "secret.zip").write_bytes(bytes(secret))
        with pytest.raises(ReadError, match="encrypted"):
            read_table(tmp_path / "secret.zip")
        twice = zipped({"a.csv": b"a\n1\n", "b.csv": b"a\n2\n"}).replace(b"b.csv", b"a.csv")
        (tmp_path / "twice.zip").write_bytes(twice)
        with pytest.raises(UnsafeFileError, match="twice"):
            read_table(tmp_path / "twice.zip")
        nameless = zipped({"a.csv": b"a\n1\n", "b.csv": b"a\n2\n"}).replace(b"b.csv", b"\0.csv")
        (tmp_path / "nameless.zip").write_bytes(nameless)
        with pytest.raises(UnsafeFileError):
            read_table(tmp_path / "nameless.zip")

    def test_an_opendocument_table_is_named(self, tmp_path: Path) -> None:
        (tmp_path / "a.ods").write_bytes(zipped({"mimetype": b"x", "content.xml": b"<x/>"}))
        with pytest.raises(ReadError, match="OpenDocument"):
            read_table(tmp_path / "a.ods")

    def test_a_workbook_with_a_far_corner(self, tmp_path: Path) -> None:
        book = workbook([["a", "b"], [1, 2]])
        with zipfile.ZipFile(io.BytesIO(book)) as archive:
            members = {name: archive.read(name) for name in archive.namelist()}
        sheet = "xl/worksheets/sheet1.xml"
        far = b'<row r="1048576"><c r="XFD1048576"><v>1</v></c></row></sheetData>'
        members[sheet] = members[sheet].replace(b"</sheetData>", far)
        (tmp_path / "a.xlsx").write_bytes(zipped(members))
        with pytest.raises(UnsafeFileError, match="1048576 rows"):
            read_table(tmp_path / "a.xlsx")


class TestXml:
    ENTITY = '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>'
    LAUGHS = "<!DOCTYPE x [<!ENTITY a 'ha'>" + "".join(
        f"<!ENTITY {chr(98 + i)} '{f'&{chr(97 + i)};' * 10}'>" for i in range(9)
    )

    @pytest.mark.parametrize(
        "prefix", [ENTITY, LAUGHS + "]>", '<!DOCTYPE kml SYSTEM "http://x/y">']
    )
    @pytest.mark.parametrize("kind", ["kml", "gpx", "kmz"])
    def test_entities_are_refused(self, prefix: str, kind: str, tmp_path: Path) -> None:
        whole = gpx('<wpt lat="1" lon="1"/>') if kind == "gpx" else kml(placemark(1))
        declaration, rest = whole.split("?>", 1)
        data = f"{declaration}?>{prefix}{rest}".encode()
        path = tmp_path / f"a.{kind}"
        path.write_bytes(zipped({"doc.kml": data}) if kind == "kmz" else data)
        began = time.process_time()
        with pytest.raises(UnsafeFileError):
            read_table(path)
        assert time.process_time() - began < 1

    def test_a_web_page_is_named_as_such(self, tmp_path: Path) -> None:
        path = tmp_path / "data.csv"
        path.write_text("<!DOCTYPE html><html><body>Please log in</body></html>")
        with pytest.raises(ReadError, match="web page"):
            read_table(path)


@pytest.mark.parametrize("protocol", range(2, 6))
def test_pickles_are_refused(protocol: int, tmp_path: Path) -> None:
    path = tmp_path / "frame.parquet"
    path.write_bytes(pickle.dumps({"a": 1}, protocol=protocol))
    with pytest.raises(UnsafeFileError, match="pickle"):
        read_table(path)


@pytest.mark.parametrize(
    ("content", "match"),
    [
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n", "git lfs pull"),
        (b"../.git/annex/objects/ab/cd/x", "git annex get"),
        (b"/annex/objects/SHA256E-s1--0.csv\n", "git annex get"),
        (b"\xd0\xcf\x11\xe0" + b"\0" * 600, "xlsx"),
        (b"%PDF-1.7", "PDF"),
        (b"\x1f\x8b\x08\0", "gzip"),
        (b"\x89HDF\r\n\x1a\n", "HDF5"),
        (b'{"type":"Topology","arcs":[]}', "TopoJSON"),
        (b"<gml:FeatureCollection/>", "root <featurecollection>"),
    ],
)
def test_other_contents_are_named(content: bytes, match: str, tmp_path: Path) -> None:
    path = tmp_path / "a.geojson"
    path.write_bytes(content)
    with pytest.raises(ReadError, match=match):
        read_table(path)


class TestGeoPackage:
    def test_views_and_virtual_tables_are_refused(self, tmp_path: Path) -> None:
        path = write_samples(tmp_path)["gpkg"]
        loop = "WITH RECURSIVE r(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM r) SELECT i FROM r"
        with sqlite3.connect(path) as database:
            database.execute(f"CREATE VIEW endless AS {loop}")
            database.execute(
                "INSERT INTO gpkg_contents (table_name, data_type, identifier) "
                "VALUES ('endless', 'attributes', 'endless')"
            )
        database.close()
        with pytest.raises(UnsafeFileError, match="view"):
            read_table(path, layer="endless")
        assert len(read_table(path, layer="sample").frame) == 40

    def test_names_are_not_sql(self, tmp_path: Path) -> None:
        name = 'x"; DROP TABLE y; --'
        points(3).rename(columns={"name": 'a"; --'}).to_file(tmp_path / "a.gpkg", layer=name)
        table = read_table(tmp_path / "a.gpkg")
        assert len(table.frame) == 3
        assert 'a"; --' in table.frame.columns

    def test_the_file_is_not_changed_and_nothing_is_left_beside_it(self, tmp_path: Path) -> None:
        path = write_samples(tmp_path)["gpkg"]
        before, there = path.read_bytes(), sorted(tmp_path.iterdir())
        read_table(path)
        assert path.read_bytes() == before
        assert sorted(tmp_path.iterdir()) == there


class TestGeoJson:
    @pytest.mark.parametrize(
        "crs",
        [
            {"type": "link", "properties": {"href": "http://127.0.0.1:9/crs", "type": "proj4"}},
            {"type": "name", "properties": {"name": "http://127.0.0.1:9/crs"}},
            {"type": "name", "properties": {"name": "file:///etc/passwd"}},
            {"type": "name", "properties": {}},
        ],
    )
    def test_a_crs_behind_an_address_is_refused(self, crs: object, tmp_path: Path) -> None:
        path = tmp_path / "a.geojson"
        path.write_text(json.dumps({"type": "FeatureCollection", "features": [], "crs": crs}))
        with pytest.raises(CRSError):
            read_table(path)


class TestRaster:
    def test_sidecars_change_nothing(self, tmp_path: Path) -> None:
        values = np.arange(12.0).reshape(3, 4)
        path = write_tif(tmp_path / "a.tif", values)
        alone = read_raster(path)
        (tmp_path / "a.tif.aux.xml").write_text(
            "<PAMDataset><PAMRasterBand band='1'><NoDataValue>5</NoDataValue></PAMRasterBand>"
            "<Metadata domain='x'><MDI key='k'>/etc/passwd</MDI></Metadata></PAMDataset>"
        )
        (tmp_path / "a.tfw").write_text("9\n0\n0\n-9\n100\n100\n")
        write_tif(tmp_path / "a.tif.msk", np.zeros((3, 4), dtype="uint8"))
        write_tif(tmp_path / "a.tif.ovr", np.zeros((3, 4), dtype="uint8"))
        beside = read_raster(path)
        np.testing.assert_array_equal(beside.values, values)
        assert beside.equals(alone)
        assert beside.rio.transform() == alone.rio.transform()

    def test_huge_dimensions_in_a_tiny_file(self, tmp_path: Path) -> None:
        import rasterio

        settings = {"driver": "GTiff", "count": 1, "dtype": "uint8", "crs": "EPSG:4326"}
        with rasterio.open(
            tmp_path / "a.tif",
            "w",
            width=200_000,
            height=200_000,
            sparse_ok=True,
            tiled=True,
            blockxsize=4096,
            blockysize=4096,
            transform=rasterio.transform.from_origin(0, 0, 1, 1),
            **settings,
        ):
            pass
        with pytest.raises(UnsafeFileError, match="200000"):
            read_raster(tmp_path / "a.tif")


@pytest.mark.parametrize(
    "text",
    [
        *("=cmd|' /C calc'!A0", "+1+1", "@SUM(A1)", "<img src=x onerror=alert(1)>", "</script>"),
        *("${7*7}", "{{7*7}}", "`id`", "javascript:alert(1)", "../../etc/passwd", "\u202eabc"),
    ],
)
def test_hostile_text_is_carried_as_it_stands(text: str, tmp_path: Path) -> None:
    frame = gpd.GeoDataFrame({"name": [text]}, geometry=[shapely.Point(1, 2)], crs=4326)
    frame.to_file(tmp_path / "a.gpkg")
    frame.to_file(tmp_path / "a.geojson")
    frame.to_parquet(tmp_path / "a.parquet")
    quoted = text.replace('"', '""')
    (tmp_path / "a.csv").write_text(f'id,name\n1,"{quoted}"\n')
    for path in sorted(tmp_path.iterdir()):
        assert read_table(path).frame["name"].tolist() == [text]


def test_messages_carry_no_content_of_the_file(secret: Path, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(csv_text() + f"{SECRET};x\n")
    with pytest.raises(ReadError) as caught:
        read_table(path)
    assert SECRET not in str(caught.value)
    assert secret.exists()


READ_ALL = """
import sys
from pathlib import Path
from geocn.io.raster import read_raster
from geocn.io.table import read_table
for path in map(Path, sys.argv[1:]):
    (read_raster if path.suffix == ".tif" else read_table)(path)
"""


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
def test_the_system_calls_touch_nothing_but_the_named_files(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    samples = {**write_samples(folder), "shp": folder / "shape" / "sample.shp"}
    for ending in ("tif.aux.xml", "tif.ovr", "tif.msk", "tfw", "wld", "gpkg.aux.xml", "qix", "vrt"):
        (folder / f"sample.{ending}").write_text("trap")
        (folder / "shape" / f"sample.{ending}").write_text("trap")
    log = tmp_path / "log"
    calls = "trace=open,openat,openat2,connect,socket,execve"
    python = [sys.executable, "-W", "ignore", "-c", READ_ALL, *map(str, samples.values())]
    subprocess.run(["strace", "-f", "-qq", "-e", calls, "-o", log, *python], check=True)
    traced = log.read_text()
    opened = set(re.findall(rf'"{re.escape(str(folder))}/([^"]+)"', traced.split("\n", 1)[1]))
    parts = {f"shape/sample.{part}" for part in ("shp", "shx", "dbf", "prj", "cpg")}
    assert opened == {path.name for path in samples.values() if path.parent == folder} | parts
    assert "AF_INET" not in traced
    assert traced.count("execve(") == 1
