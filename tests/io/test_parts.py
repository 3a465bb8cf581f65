"""Large tables in parts: nothing lost, nothing cut in two, whoever reads them."""

from __future__ import annotations

import csv
import io
from itertools import chain
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pyproj
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from geocn.errors import ReadError, SchemaError, UnsafeFileError
from geocn.io.parts import Part, find_parts, raw_records, read_part, require_columns
from geocn.io.parts_points import PointColumns, points_xy

WORDS = st.text(alphabet='ab,;"\n\ré中😀 ', max_size=6)
LONLAT = pyproj.CRS("OGC:CRS84")


def values(parts: list[Part], name: str) -> list[str | None]:
    """A column of all parts as text."""
    return [v for p in parts for r in read_part(p, raw=[name]) for v in r.batch[name].to_pylist()]


def points(parts: list[Part], columns: PointColumns = PointColumns()) -> pd.DataFrame:  # noqa: B008
    batches = [b for part in parts for b in columns.read(part, LONLAT)]
    return pd.DataFrame({k: np.concatenate([getattr(b, k) for b in batches]) for k in "xy"})


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    rows=st.lists(st.tuples(WORDS, st.integers(0, 99), WORDS), min_size=1, max_size=25),
    room=st.integers(1, 120),
    ending=st.sampled_from(["\n", "\r\n"]),
    mark=st.sampled_from([b"", b"\xef\xbb\xbf"]),
    last=st.booleans(),
    quoting=st.sampled_from([csv.QUOTE_NONNUMERIC, csv.QUOTE_ALL]),
)
def test_a_csv_cut_anywhere_holds_what_the_whole_holds(
    tmp_path, rows, room, ending, mark, last, quoting
):
    """Quoted line breaks, CRLF, BOM, characters of many bytes, no line break at the end."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator=ending, quoting=quoting)
    writer.writerows([("a", "number", "b"), *rows])
    text = out.getvalue() if last else out.getvalue()[: -len(ending)]
    path = tmp_path / "x.csv"
    path.write_bytes(mark + text.encode())
    parts = find_parts(path, numbers=["number"], part_bytes=room, identities=True)
    expected = [[cell or None for cell in map(str, row)] for row in rows]
    for i, name in enumerate(("a", "number", "b")):
        found = [v.replace("\r\n", "\n") if v else v for v in values(parts, name)]
        assert found == [row[i].replace("\r\n", "\n") if row[i] else None for row in expected]
    assert parts[-1].stop == path.stat().st_size
    assert [p.start for p in parts[1:]] == [p.stop for p in parts[:-1]]
    assert len({p.identity for p in parts}) == len(
        {path.read_bytes()[p.start : p.stop] for p in parts}
    )


@pytest.mark.parametrize("room", [20, 33, 1000])
def test_the_numbers_are_those_of_pandas(tmp_path: Path, room: int) -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {"id": range(200), "lon": rng.uniform(-180, 180, 200).round(6), "lat": 1.5}
    )
    frame.loc[::7, "lon"] = np.nan
    frame.to_csv(tmp_path / "x.csv", index=False)
    parts = find_parts(tmp_path / "x.csv", numbers=["lon", "lat"], part_bytes=room)
    np.testing.assert_array_equal(points(parts)["x"], frame["lon"])


def test_decimal_commas_old_encodings_and_titles(tmp_path: Path) -> None:
    text = "Reporte año 2024;;\nlon;lat;lugar\n" + "-74,5;4,25;Bogotá\n" * 30
    (tmp_path / "x.csv").write_bytes(text.encode("cp1252"))
    parts = find_parts(tmp_path / "x.csv", numbers=["lon", "lat"], part_bytes=100)
    assert len(parts) > 3
    assert set(points(parts)["x"]) == {-74.5}
    assert values(parts, "lugar") == ["Bogotá"] * 30


def test_bad_cells_and_ragged_rows_are_told_with_their_numbers(tmp_path: Path) -> None:
    lines = [
        "-74,4,1",
        "x,4,2",
        "-74,4",
        "",
        "-74,400,3",
        '"-74",n/a,"a\nb"',
        "-74,4,5,6",
        "-74,4,7",
    ]
    (tmp_path / "x.csv").write_text("\n".join(["lon,lat,id", *lines]) + "\n")
    for room in (10, 1000):
        parts = find_parts(tmp_path / "x.csv", numbers=["lon", "lat"], part_bytes=room)
        before, bad, ragged = 0, {}, []
        for part in parts:
            for batch in PointColumns().read(part, LONLAT):
                for row, code in zip(batch.rows, batch.bad, strict=True):
                    if code >= 0:
                        bad[before + row] = int(code)
                ragged += [before + row for row in batch.ragged]
                n = batch.n_records
            before += n
        assert (before, bad, ragged) == (7, {1: 1, 3: 3}, [2, 5])
    assert dict(raw_records(parts[0], [2, 4])) == {2: ["-74", "4"], 4: ["-74", "n/a", "a\nb"]}


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b'lon,lat\n1,2\n"3,4\n5,6\n', "never closed"),
        ("lon,lat\n1,2\n".encode("utf-16"), "UTF-16"),
        (b"lon,lat\n1,2\n\0,3\n", "NUL"),
        (b"", "empty"),
        (b'{"type": "FeatureCollection", "features": []}', "geojson"),
    ],
)
def test_what_cannot_be_cut_is_refused(tmp_path: Path, data: bytes, message: str) -> None:
    (tmp_path / "x.csv").write_bytes(data)
    with pytest.raises(ReadError, match=message):
        find_parts(tmp_path / "x.csv")


def test_marks_inside_a_cell_are_refused_not_misread(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text('lon,lat,note\n1,2,5" pipe\n3,4,6" pipe\n')
    with pytest.raises(ReadError, match="quotation mark"):
        values(find_parts(tmp_path / "x.csv"), "note")


def test_a_file_that_changed_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("lon,lat\n1,2\n")
    (part,) = find_parts(path)
    path.write_text("lon,lat\n1,2\n3,4\n")
    with pytest.raises(ReadError, match="changed"):
        list(read_part(part, numbers=["lon"]))


def test_a_folder_of_partitions(tmp_path: Path) -> None:
    for month in (1, 2):
        folder = tmp_path / "year=2024" / f"month={month}"
        folder.mkdir(parents=True)
        frame = gpd.GeoDataFrame(
            {"n": range(5)}, geometry=gpd.points_from_xy(range(5), [month] * 5), crs=4326
        )
        frame.to_parquet(folder / "part-0.parquet", row_group_size=2)
    (tmp_path / "_SUCCESS").touch()
    parts = find_parts(tmp_path, identities=True)
    assert points(parts)["y"].tolist() == [1.0] * 5 + [2.0] * 5
    assert values(parts, "month") == ["1"] * 5 + ["2"] * 5
    numbers = [r.batch["month"].to_pylist() for p in parts for r in read_part(p, numbers=["month"])]
    assert list(chain(*numbers)) == [1.0] * 5 + [2.0] * 5
    assert len({p.identity for p in parts}) == 2
    assert parts[0].columns == ("n", "geometry", "year", "month")
    with pytest.raises(SchemaError, match=r"part-0.parquet: no column kg"):
        require_columns(parts, ["kg"])
    (tmp_path / "year=2024" / "notes.csv").write_text("a,b\n1,2\n")
    with pytest.raises(ReadError, match="one format"):
        find_parts(tmp_path)


def test_a_csv_below_folders_keeps_its_rows(tmp_path: Path) -> None:
    for told in ("2024", "__HIVE_DEFAULT_PARTITION__", "a%20b"):
        folder = tmp_path / "out" / f"year={told}"
        folder.mkdir(parents=True)
        (folder / "x.csv").write_text("kg,year,drug\n1,1999,coca\n2,1999,\n")
    parts = find_parts(tmp_path / "out", numbers=["kg"])
    assert values(parts, "year") == ["2024"] * 2 + [None] * 2 + ["a b"] * 2
    assert values(parts, "drug") == ["coca", None] * 3
    told = [list(raw_records(part, [0, 1])) for part in parts]
    assert told == [[(0, ["1", "1999", "coca"]), (1, ["2", "1999", ""])]] * 3
    with pytest.raises(ReadError, match="year=a b; expected a number"):
        [list(read_part(part, numbers=["year"])) for part in parts]
    (tmp_path / "in" / "month=3").mkdir(parents=True)
    (tmp_path / "in" / "month=3" / "x.csv").write_text("kg\n1\n")
    (part,) = find_parts(tmp_path / "in", numbers=["kg"])
    assert part.columns == ("kg", "month")
    (records,) = read_part(part, numbers=["kg", "month"])
    assert records.batch.to_pylist() == [{"kg": 1.0, "month": 3.0}]
    assert list(raw_records(part, [0])) == [(0, ["1", "3"])]


def test_folders_lead_nowhere_else(tmp_path: Path) -> None:
    inside, outside = tmp_path / "in", tmp_path / "out"
    inside.mkdir()
    outside.mkdir()
    (outside / "x.csv").write_text("lon,lat\n1,2\n")
    with pytest.raises(ReadError, match="no files"):
        find_parts(inside)
    (inside / "x.csv").symlink_to(outside / "x.csv")
    with pytest.raises(UnsafeFileError):
        find_parts(inside)
    (inside / "x.csv").unlink()
    (inside / "sub").symlink_to(outside)
    with pytest.raises(UnsafeFileError):
        find_parts(inside)


def test_row_groups_go_together_up_to_a_million(tmp_path: Path) -> None:
    table = pa.table({"lon": np.zeros(2000), "lat": np.zeros(2000)})
    pq.write_table(table, tmp_path / "x.parquet", row_group_size=10)
    (part,) = find_parts(tmp_path / "x.parquet")
    assert (part.start, part.stop) == (0, 200)
    (tmp_path / "y.parquet").write_bytes((tmp_path / "x.parquet").read_bytes()[:-9])
    with pytest.raises(ReadError, match="damaged"):
        find_parts(tmp_path / "y.parquet")


def test_points_in_every_encoding_are_the_same() -> None:
    shapes = np.array([shapely.Point(1, 2), None, shapely.Point(), shapely.Point(-3, 4)])
    expected = np.array([[1, 2], [np.nan, np.nan], [np.nan, np.nan], [-3, 4]])
    series = gpd.GeoSeries(shapes, crs=4326)
    for encoding in ({"geometry_encoding": "WKB"}, {"geometry_encoding": "geoarrow"}):
        arrow = pa.table(series.to_frame("geometry").to_arrow(**encoding))
        for start in (0, 1, 3):
            column = arrow["geometry"].combine_chunks()
            column = column.chunk(0) if isinstance(column, pa.ChunkedArray) else column
            found = np.column_stack(points_xy(column.slice(start)))
            np.testing.assert_array_equal(found, expected[start:])
    lists = pa.array([[1.0, 2.0], None, [np.nan, np.nan], [-3.0, 4.0]], pa.list_(pa.float64(), 2))
    np.testing.assert_array_equal(np.column_stack(points_xy(lists)), expected)
    np.testing.assert_array_equal(np.column_stack(points_xy(lists.slice(2))), expected[2:])
