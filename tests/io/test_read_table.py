"""Every format comes back cell by cell, with what was found told."""

from __future__ import annotations

import datetime as dt
import io
import sqlite3
import time
import zipfile
from pathlib import Path

import geopandas as gpd
import numpy as np
import openpyxl
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from geocn.errors import CRSError, ParameterError, ReadError, SchemaError
from geocn.io.guard import FileFormat, identify
from geocn.io.numbers import parse_numbers
from geocn.io.table import read_table
from tests.oracles_io import (
    csv_text,
    gpx,
    kml,
    lines_,
    placemark,
    points,
    trackpoint,
    workbook,
    write_samples,
    zipped,
)


def write(folder: Path, data: bytes | str, name: str = "data.bin") -> Path:
    path = folder / name
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return path


@pytest.mark.parametrize("kind", ["gpkg", "geojson", "fgb", "parquet", "shp.zip"])
def test_vector_formats_keep_every_digit_letter_and_null(kind: str, tmp_path: Path) -> None:
    table = read_table(write_samples(tmp_path)[kind])
    assert table.frame.index.equals(pd.RangeIndex(len(points())))
    assert table.crs is not None
    assert table.crs.equals("EPSG:4326", ignore_axis_order=True)
    assert str(table.frame["big"].dtype) == "Int64"
    assert by_place(table.frame) == by_place(points())


def by_place(frame: gpd.GeoDataFrame) -> dict[str, list[object]]:
    """Rows by their geometry: FlatGeobuf sorts them."""
    cells = frame[["name", "big", "kg", "ok"]].astype("object")
    rows = [[None if pd.isna(cell) else cell for cell in row] for row in cells.to_numpy()]
    return dict(zip(frame.geometry.to_wkt(rounding_precision=9), rows, strict=True))


def test_the_name_of_a_file_means_nothing(tmp_path: Path) -> None:
    for kind, path in write_samples(tmp_path).items():
        if kind == "tif":
            continue
        before = read_table(path)
        odd = path.rename(path.with_name(f"{kind.replace('.', '_')}.dat"))
        after = read_table(odd)
        assert after.format == before.format
        pd.testing.assert_frame_equal(pd.DataFrame(after.frame), pd.DataFrame(before.frame))


def test_identify(tmp_path: Path) -> None:
    expected = {"csv.zip": "zip", "shp.zip": "shapefile", "tif": "geotiff"}
    for kind, path in write_samples(tmp_path).items():
        assert identify(path) == expected.get(kind, kind)


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252", "latin-1"]
)
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_encodings_and_line_ends(encoding: str, newline: str, tmp_path: Path) -> None:
    text = newline.join(["región;peso", "Ñemby;1.234,5", "São João;2,5", "Cúcuta;"])
    table = read_table(write(tmp_path, text.encode(encoding)))
    assert list(table.frame["región"]) == ["Ñemby", "São João", "Cúcuta"]
    assert table.frame["peso"].isna().tolist() == [False, False, True]
    numbers, _ = parse_numbers(table.frame["peso"], table.number_formats["peso"])
    np.testing.assert_array_equal(numbers, [1234.5, 2.5, np.nan])


def test_an_encoding_can_be_said_and_is_checked(tmp_path: Path) -> None:
    path = write(tmp_path, "a\nпривет\n".encode("cp1251"))
    assert read_table(path, encoding="cp1251").frame["a"][0] == "привет"
    with pytest.raises(ReadError, match="line 2"):
        read_table(path, encoding="utf-8")
    with pytest.raises(ParameterError, match="no encoding"):
        read_table(path, encoding="utf-nine")


def test_utf8_with_a_broken_byte_is_refused_not_turned_to_mojibake(tmp_path: Path) -> None:
    data = ("name\n" + "Bogotá\n" * 50).encode() + b"Cal\xe9\n"
    with pytest.raises(ReadError, match="line 52"):
        read_table(write(tmp_path, data))
    table = read_table(write(tmp_path, data), encoding="cp1252")
    assert len(table.frame) == 51


def test_decomposed_accents_stay_as_they_stand(tmp_path: Path) -> None:
    text = "name\nBogota\u0301\nBogotá\n"
    assert list(read_table(write(tmp_path, text)).frame["name"]) == ["Bogota\u0301", "Bogotá"]


@given(
    st.lists(
        st.lists(
            st.text(
                st.characters(blacklist_categories=["Cs", "Cc"], blacklist_characters="\ufeff"),
                min_size=1,
            )
            | st.sampled_from(['"', 'a "b"', "x;y", "l1\nl2", "1,5", " ", "\t", "a|b", "'"]),
            min_size=3,
            max_size=3,
        ),
        min_size=1,
        max_size=8,
    ),
    st.sampled_from(";,\t|"),
)
def test_any_cells_round_trip(tmp_path_factory, rows: list[list[str]], delimiter: str) -> None:
    import csv

    stream = io.StringIO(newline="")
    csv.writer(stream, delimiter=delimiter, lineterminator="\n").writerows([["a", "b", "c"], *rows])
    path = tmp_path_factory.mktemp("csv") / "t.csv"
    path.write_bytes(stream.getvalue().encode())
    table = read_table(path, delimiter=delimiter, encoding="utf-8")
    assert table.frame.to_numpy().tolist() == rows
    line = 2
    for i, row in enumerate(rows):
        assert table.line_of(i) == line
        line += 1 + sum(cell.count("\n") for cell in row)


@pytest.mark.parametrize("delimiter", [";", ",", "\t", "|"])
def test_delimiters_are_found(delimiter: str, tmp_path: Path) -> None:
    rows = [["id", "name", "kg"], ["1", "x", "5"], ["2", "y", "7"]]
    table = read_table(write(tmp_path, "\n".join(delimiter.join(row) for row in rows)))
    assert table.delimiter == delimiter
    assert table.frame.shape == (2, 3)


def test_decimal_commas_do_not_pass_for_delimiters(tmp_path: Path) -> None:
    table = read_table(write(tmp_path, "lat;lon;kg\n4,5;-74,1;1,5\n4,6;-74,2;2,5\n"))
    assert table.delimiter == ";"
    assert table.frame.shape == (2, 3)


def test_excels_sep_line_blank_lines_and_a_trailing_delimiter(tmp_path: Path) -> None:
    table = read_table(write(tmp_path, "sep=;\r\na;b;\r\n\r\n1;2;\r\n\r\n3;4;\r\n"))
    assert table.frame.to_numpy().tolist() == [["1", "2"], ["3", "4"]]
    assert [table.line_of(i) for i in range(2)] == [4, 6]
    assert any("column_3" in note for note in table.notes)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a,b\n1,2\n3\n", "line 3 .1 cells"),
        ("a,b\n1,2\n3,4,5\n", "line 3 .3 cells"),
        ('a,b\n1,"x\n2,y\n3,"z"\n', "line 2"),
        ('a,b\n1,"x\n2,y\n', "line 2"),
        ('a,"b\n1,2\n', "line 1"),
        ('a,b\n1,"x"y\n', "line 2"),
    ],
)
def test_ragged_rows_and_open_quotes_name_their_line(text: str, line: str, tmp_path: Path) -> None:
    with pytest.raises(ReadError, match=line):
        read_table(write(tmp_path, text))


def test_surplus_empty_cells_are_told_and_lose_nothing(tmp_path: Path) -> None:
    table = read_table(write(tmp_path, "a,b\n1,2,,\n3,4\n"))
    assert table.frame.to_numpy().tolist() == [["1", "2"], ["3", "4"]]
    assert any("beyond the header" in note for note in table.notes)


def test_inch_marks_inside_cells_are_kept(tmp_path: Path) -> None:
    table = read_table(write(tmp_path, 'a,b\n12" pipe,x\n"q ""r""",y\n'))
    assert table.frame["a"].tolist() == ['12" pipe', 'q "r"']


def test_long_cells_wide_integers_and_right_to_left_text(tmp_path: Path) -> None:
    cells = ["x" * 1_500_000, str(2**70 + 1), "القاهرة"]
    table = read_table(write(tmp_path, "a;b;c\n" + ";".join(cells) + "\n"))
    assert table.frame.iloc[0].tolist() == cells
    quoted = read_table(write(tmp_path, f'a;b\n"{"y" * 1_500_000}";5" x\n'))
    assert len(quoted.frame["a"][0]) == 1_500_000


def test_nul_binary_empty_and_headless_are_refused(tmp_path: Path) -> None:
    for data, match in [
        (b"a,b\n1,\x002\n", r"line 2.*NUL"),
        (bytes(range(1, 9)) * 100, "control characters"),
        (b"", "empty"),
        (b"\n\n", "header"),
        (b";;\n1;2;3\n", "header"),
    ]:
        with pytest.raises(ReadError, match=match):
            read_table(write(tmp_path, data))


def test_doubled_columns_are_refused_with_their_positions(tmp_path: Path) -> None:
    with pytest.raises(SchemaError, match="'a' as columns 1, 3"):
        read_table(write(tmp_path, "a,b,a\n1,2,3\n"))
    with pytest.raises(SchemaError, match="'a' as columns 1, 2"):
        read_table(write(tmp_path, workbook([["a", "a"], [1, 2]])))


def test_header_only(tmp_path: Path) -> None:
    for data in (b"a;b\n", b"a;b", workbook([["a", "b"]])):
        table = read_table(write(tmp_path, data))
        assert list(table.frame.columns) == ["a", "b"]
        assert len(table.frame) == 0


def test_a_table_in_a_zip_and_the_choice_of_a_member(tmp_path: Path) -> None:
    one = write(tmp_path, zipped({"a.csv": csv_text().encode(), "readme.md": b"x"}))
    assert len(read_table(one).frame) == 60
    two = write(tmp_path, zipped({"a.csv": b"x\n1\n", "b.csv": b"y\n2\n"}))
    with pytest.raises(ReadError, match=r"a\.csv, b\.csv"):
        read_table(two)
    assert list(read_table(two, member="b.csv").frame.columns) == ["y"]
    with pytest.raises(ReadError, match="no member"):
        read_table(two, member="c.csv")
    package = write_samples(tmp_path)["gpkg"].read_bytes()
    assert len(read_table(write(tmp_path, zipped({"x.gpkg": package}))).frame) == 40


def test_decimal_can_be_said(tmp_path: Path) -> None:
    path = write(tmp_path, "kg\n1.234\n2.345\n")
    assert read_table(path).number_formats["kg"].ambiguous
    said = read_table(path, decimal=",", thousands=".").number_formats["kg"]
    assert (said.decimal, said.thousands, said.ambiguous) == (",", ".", False)
    with pytest.raises(ParameterError, match="both"):
        read_table(path, decimal=",", thousands=",")


def test_crs_is_declared_stated_or_contradicted(tmp_path: Path) -> None:
    samples = write_samples(tmp_path)
    assert read_table(samples["csv"]).crs is None
    assert read_table(samples["csv"], crs=3116).crs.to_epsg() == 3116
    assert read_table(samples["gpkg"], crs="EPSG:4326").crs.to_epsg() == 4326
    with pytest.raises(CRSError, match="declared"):
        read_table(samples["gpkg"], crs="EPSG:3116")
    with pytest.raises(CRSError, match="coordinate reference system"):
        read_table(samples["csv"], crs="EPSG:nonsense")


class TestWorkbook:
    def test_types_and_titles(self, tmp_path: Path) -> None:
        when = pd.Timestamp("2024-03-01 14:30").to_pydatetime()
        rows = [
            ["Report of the partner"],
            [],
            ["Código", "kg", "fecha", "hora", "ok", 2023],
            [5001, 1.5, when, dt.time(3, 4), True, "x"],
            [5002, None, dt.date(2024, 3, 2), None, False, None],
        ]
        table = read_table(write(tmp_path, workbook(rows)))
        frame = table.frame
        assert list(frame.columns) == ["Código", "kg", "fecha", "hora", "ok", "2023"]
        assert frame["Código"].tolist() == [5001, 5002]
        assert str(frame["Código"].dtype) == "Int64"
        assert frame["fecha"].tolist() == [pd.Timestamp(when), pd.Timestamp("2024-03-02")]
        assert frame["hora"][0] == "03:04:00"
        assert frame["ok"].tolist() == [True, False]
        assert (table.first_row, table.line_of(1)) == (4, 5)
        assert any("title" in note for note in table.notes)

    def test_merged_headers_and_hidden_sheets(self, tmp_path: Path) -> None:
        book = openpyxl.Workbook()
        sheet = book.active
        for row in (["place", "position", None, "kg"], [None, "lat", "lon", None], ["x", 1, 2, 3]):
            sheet.append(row)
        for area in ("B1:C1", "A1:A2", "D1:D2"):
            sheet.merge_cells(area)
        secret = book.create_sheet("secret")
        secret.append(["hidden", "data"])
        secret.sheet_state = "hidden"
        book.save(tmp_path / "a.xlsx")
        table = read_table(tmp_path / "a.xlsx")
        assert list(table.frame.columns) == ["place", "lat", "lon", "kg"]
        assert table.frame.iloc[0].tolist() == ["x", 1, 2, 3]
        assert any("merged" in note for note in table.notes)
        assert any("secret" in note for note in table.notes)
        assert list(read_table(tmp_path / "a.xlsx", sheet="secret").frame.columns) == [
            "hidden",
            "data",
        ]

    def test_several_sheets(self, tmp_path: Path) -> None:
        book = openpyxl.Workbook()
        book.active.append(["a"])
        book.create_sheet("second").append(["b"])
        book.save(tmp_path / "a.xlsx")
        with pytest.raises(ReadError, match="Sheet, second"):
            read_table(tmp_path / "a.xlsx")
        assert list(read_table(tmp_path / "a.xlsx", sheet=1).frame.columns) == ["b"]
        with pytest.raises(ReadError, match="no sheet"):
            read_table(tmp_path / "a.xlsx", sheet="third")

    def test_numbers_beside_text_are_written_the_way_the_text_is(self, tmp_path: Path) -> None:
        path = write(
            tmp_path, workbook([["kg", "b"], ["1.234,5", 1], [12.125, 2], [7, 3], ["61,5", 4]])
        )
        table = read_table(path)
        numbers, bad = parse_numbers(table.frame["kg"], table.number_formats["kg"])
        np.testing.assert_array_equal(numbers, [1234.5, 12.125, 7, 61.5])
        assert not bad.any()

    def test_rounded_integers_are_told(self, tmp_path: Path) -> None:
        table = read_table(write(tmp_path, workbook([["a", "b"], [2**60, 1]])))
        assert any("2^53" in note for note in table.notes)


class TestGeoPackage:
    def test_several_layers(self, tmp_path: Path) -> None:
        path = tmp_path / "a.gpkg"
        points().to_file(path, layer="posts")
        lines_().to_file(path, layer="roads")
        with pytest.raises(ReadError, match="posts, roads"):
            read_table(path)
        assert len(read_table(path, layer="roads").frame) == 2
        with pytest.raises(ReadError, match="no layer"):
            read_table(path, layer="rivers")

    def test_dates_nulls_and_an_empty_layer(self, tmp_path: Path) -> None:
        frame = points(3)
        frame["at"] = pd.to_datetime(["2024-01-02T03:04:05Z", None, "2024-01-03T00:00:00Z"])
        frame.loc[1, "geometry"] = None
        frame.to_file(tmp_path / "a.gpkg")
        got = read_table(tmp_path / "a.gpkg").frame
        assert got["at"].dtype == "datetime64[us, UTC]"
        assert got["at"][0] == pd.Timestamp("2024-01-02T03:04:05Z")
        assert got.geometry.isna().tolist() == [False, True, False]
        frame.iloc[:0].to_file(tmp_path / "b.gpkg")
        empty = read_table(tmp_path / "b.gpkg").frame
        assert set(frame.columns) == set(empty.columns)
        assert empty["big"].dtype == "Int64"

    def test_unwritten_changes_beside_it_are_refused(self, tmp_path: Path) -> None:
        path = write_samples(tmp_path)["gpkg"]
        path.with_name(path.name + "-journal").write_bytes(b"x")
        with pytest.raises(ReadError, match="unfinished"):
            read_table(path)

    def test_a_database_that_is_no_geopackage(self, tmp_path: Path) -> None:
        with sqlite3.connect(tmp_path / "a.gpkg") as database:
            database.execute("CREATE TABLE t (a)")
        database.close()
        with pytest.raises(ReadError, match="not a GeoPackage"):
            read_table(tmp_path / "a.gpkg")


class TestShapefile:
    @pytest.fixture
    def shape(self, tmp_path: Path) -> Path:
        write_samples(tmp_path)
        return tmp_path / "shape" / "sample.shp"

    def test_no_prj_means_no_crs(self, shape: Path) -> None:
        shape.with_suffix(".prj").unlink()
        table = read_table(shape)
        assert table.crs is None
        assert any(".prj" in note for note in table.notes)
        assert read_table(shape, crs=4326).crs.to_epsg() == 4326

    def test_a_prj_with_accents_of_another_encoding(self, shape: Path) -> None:
        right = read_table(shape)
        prj = shape.with_suffix(".prj")
        prj.write_bytes(prj.read_bytes().replace(b"GCS_WGS_1984", "GCS_Bogot\xe1".encode("cp1252")))
        table = read_table(shape)
        assert table.crs is not None
        assert table.crs.ellipsoid == right.crs.ellipsoid
        assert len(table.frame) == len(right.frame)

    @pytest.mark.parametrize("suffix", [".dbf", ".shx"])
    def test_a_missing_part_is_named(self, shape: Path, suffix: str) -> None:
        shape.with_suffix(suffix).unlink()
        with pytest.raises(ReadError, match=suffix):
            read_table(shape)

    @pytest.mark.parametrize("suffix", [".shp", ".dbf", ".shx"])
    def test_a_cut_part_is_refused(self, shape: Path, suffix: str) -> None:
        part = shape.with_suffix(suffix)
        part.write_bytes(part.read_bytes()[:-9])
        with pytest.raises(ReadError):
            read_table(shape)

    def test_encoding_without_cpg(self, shape: Path) -> None:
        gpd.GeoDataFrame({"a": ["Bogotá"]}, geometry=[shapely.Point(0, 0)], crs=4326).to_file(
            shape, encoding="cp1252"
        )
        shape.with_suffix(".cpg").unlink()
        table = read_table(shape)
        assert table.frame["a"][0] == "Bogotá"
        assert table.encoding == "cp1252"


class TestKmlAndGpx:
    def test_placemarks(self, tmp_path: Path) -> None:
        track = (
            '<Placemark><gx:Track xmlns:gx="http://www.google.com/kml/ext/2.2">'
            "<when>2024-01-01</when><when>2024-01-02</when><gx:coord>1 2 3</gx:coord>"
            "<gx:coord>2 3 4</gx:coord></gx:Track></Placemark>"
        )
        square = "0,0 1,0 1,1 0,1 0,0"
        area = (
            "<Placemark><MultiGeometry><Polygon><outerBoundaryIs><LinearRing><coordinates>"
            f"{square}</coordinates></LinearRing></outerBoundaryIs></Polygon></MultiGeometry>"
            "</Placemark><NetworkLink><Link><href>http://x/</href></Link></NetworkLink>"
        )
        table = read_table(write(tmp_path, kml(placemark(3) + track + area + "<Placemark/>")))
        frame = table.frame
        assert frame.geometry.geom_type.tolist()[:3] == ["Point", "LineString", "MultiPolygon"]
        assert frame.geometry.isna().tolist() == [False, False, False, True]
        assert (frame["name"][0], frame["kg"][0], frame["folder"][0]) == ("Puesto 3", "3", "posts")
        assert (frame["time_begin"][1], frame["time_end"][1]) == ("2024-01-01", "2024-01-02")
        assert table.notes == ["1 network links were not followed"]
        assert len(read_table(table.path, layer="posts").frame) == 1
        with pytest.raises(ReadError, match="no folder"):
            read_table(table.path, layer="x")

    def test_broken_coordinates_are_named(self, tmp_path: Path) -> None:
        bad = "<Placemark><Point><coordinates>a,b</coordinates></Point></Placemark>"
        with pytest.raises(ReadError, match="1 placemarks are damaged: 2"):
            read_table(write(tmp_path, kml(placemark(1) + bad)))

    def test_gpx_layers(self, tmp_path: Path) -> None:
        body = '<wpt lat="4" lon="-74"><name>w</name></wpt><trk><trkseg>'
        body += "".join(map(trackpoint, range(3))) + "</trkseg></trk>"
        path = write(tmp_path, gpx(body))
        with pytest.raises(ReadError, match=r"waypoints \(1\), tracks \(1\)"):
            read_table(path)
        track = read_table(path, layer="tracks").frame
        assert track["time_end"][0] == "2024-03-01T00:02:00Z"
        assert track.geometry[0].geom_type == "LineString"
        assert read_table(path, layer="waypoints").frame["name"][0] == "w"
        with pytest.raises(ReadError, match="no layer"):
            read_table(path, layer="routes")
        with pytest.raises(ReadError, match="damaged"):
            read_table(write(tmp_path, gpx('<wpt lat="x" lon="1"/>')))


class TestGeoJson:
    @pytest.mark.parametrize(
        ("text", "n"),
        [
            ('{"type":"Point","coordinates":[1,2]}', 1),
            ('{"type":"Feature","properties":null,"geometry":null,"id":7}', 1),
            ('{"type":"FeatureCollection","features":[]}', 0),
            ('{"type":"Feature","properties":{},"geometry":null}\n' * 3, 3),
        ],
    )
    def test_shapes_of_geojson(self, text: str, n: int, tmp_path: Path) -> None:
        assert len(read_table(write(tmp_path, text)).frame) == n

    def test_properties_called_type_or_arcs_are_only_properties(self, tmp_path: Path) -> None:
        properties = '{"type":"Collection","arcs":"topology"}'
        text = '{"type":"Feature","geometry":null,"properties":' + properties + "}"
        assert read_table(write(tmp_path, text)).frame["type"].tolist() == ["Collection"]

    def test_mixed_properties_and_huge_integers(self, tmp_path: Path) -> None:
        feature = '{"type":"Feature","geometry":null,"properties":{"a":%s,"b":%s}}'
        rows = ",".join([feature % (2**70, 1), feature % (1, '"x"'), feature % ("null", "[1,2]")])
        frame = read_table(
            write(tmp_path, '{"type":"FeatureCollection","features":[' + rows + "]}")
        ).frame
        assert frame["a"].tolist()[:2] == [str(2**70), "1"]
        assert frame["b"].tolist() == ["1", "x", "[1,2]"]

    @pytest.mark.parametrize(
        "text",
        [
            '{"type":"FeatureCollection"}',
            '{"type":"FeatureCollection","features":[1]}',
            '{"type":"Nonsense"}',
            "[1,2]",
            '{"type":"Feature","properties":{},"geometry":{"type":"Point","coordinates":["a"]}}',
            '{"type":"Feature","properties":{},"geometry":{"type":"Blob"}}',
            '{"a":' * 100_000,
            '{"type":"Feature","geometry":null,"properties":{"a":1,"a":2}}',
        ],
    )
    def test_what_is_no_geojson_is_refused(self, text: str, tmp_path: Path) -> None:
        with pytest.raises(ReadError):
            read_table(write(tmp_path, text))


class TestParquet:
    def test_plain_table_and_awkward_types(self, tmp_path: Path) -> None:
        table = pa.table(
            {
                "u": pa.array([2**64 - 1, None], pa.uint64()),
                "d": pa.array([None, dt.date(2024, 1, 2)]),
                "bytes": pa.array([b"x", None]),
                "list": pa.array([[1, 2], None]),
                "cat": pa.array(["a", None]).dictionary_encode(),
                "small": pa.array([1, None], pa.int8()),
            }
        )
        pq.write_table(table, tmp_path / "a.parquet")
        read = read_table(tmp_path / "a.parquet")
        assert read.frame["u"][0] == str(2**64 - 1)
        assert read.frame["list"][0] == "[1,2]"
        assert read.frame["cat"][0] == "a"
        assert read.frame["small"].dtype == "Int64"
        assert any("bytes" in note for note in read.notes)

    def test_doubled_columns(self, tmp_path: Path) -> None:
        table = pa.Table.from_arrays([pa.array([1]), pa.array([2])], names=["a", "a"])
        pq.write_table(table, tmp_path / "a.parquet")
        with pytest.raises(SchemaError, match="'a' as columns 1, 2"):
            read_table(tmp_path / "a.parquet")

    def test_geoarrow_labels_and_covering(self, tmp_path: Path) -> None:
        frame = points().set_index(np.arange(40)[::-1])
        frame.to_parquet(tmp_path / "a", geometry_encoding="geoarrow")
        frame.to_parquet(tmp_path / "b", write_covering_bbox=True, index=True)
        for name in "ab":
            got = read_table(tmp_path / name).frame
            assert list(got.columns) == [*points().columns[:-1], "geometry"]
            assert got.geometry.to_numpy().tolist() == frame.geometry.to_numpy().tolist()


@pytest.mark.reference
def test_the_colombian_coca_column_of_another_locale(reference: Path) -> None:
    table = read_table(reference / "colombia" / "coca_simci_2001_2023.csv")
    totals = {}
    for year in range(2001, 2024):
        numbers, bad = parse_numbers(table.frame[str(year)], table.number_formats[str(year)])
        assert not bad.any()
        totals[year] = float(np.nansum(numbers))
    assert round(totals[2020], 1) == 142_784.7
    published = read_table(reference / "colombia" / "coca_published_national_totals.csv").frame
    sums = published.set_index("year")["sum_of_municipal_file_ha"].dropna().astype(float)
    assert {int(y): round(v, 1) for y, v in sums.items()} == {
        y: round(v, 1) for y, v in totals.items()
    }


@pytest.mark.reference
def test_the_real_seizures_are_whole_and_fast(reference: Path) -> None:
    path = reference / "seizures_unodc_ids_2011_2016.zip"
    began = time.process_time()
    table = read_table(path)
    spent = time.process_time() - began
    assert table.frame.shape == (311_038, 16)
    assert table.delimiter == ";"
    assert table.number_formats["AMOUNT"].decimal == "."
    with zipfile.ZipFile(path) as archive, archive.open(archive.namelist()[0]) as member:
        lines = member.read().decode().splitlines()
    for row in (0, 1, 77_777, 200_000, 311_037):
        cells = table.frame.iloc[row].fillna("").tolist()
        assert ";".join(cells) == lines[table.line_of(row) - 1].replace('"', "")
    assert spent < 6, f"{spent:.2f} CPU s; 1.3 on a quiet machine"


def test_formats_are_all_tested() -> None:
    tested = {"csv", "xlsx", "geojson", "gpkg", "shapefile", "fgb", "parquet", "kml", "kmz", "gpx"}
    assert {member.value for member in FileFormat} == {*tested, "geotiff", "zip"}
