"""Crossings of files larger than memory: those of the frame, to the last bit, nobody lost."""

from __future__ import annotations

import csv
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from geocn.errors import (
    CoordinateError,
    CRSError,
    DateError,
    GeometryError,
    ParameterError,
    ReadError,
    RejectedRowsError,
    RejectedRowsWarning,
    SchemaError,
)
from geocn.hotspots import border_crossings
from tests.hotspots.test_crossings import borders
from tests.properties.check import as_bytes

THREE = borders(("AAA", "BBB", 0.0), ("BBB", "CCC", 1.0), ("CCC", "DDD", 1.004))
POSTS = gpd.GeoDataFrame(
    {"name": ["bridge", "ferry"]}, geometry=gpd.points_from_xy([0.0, 1.0], [0.3, -0.4]), crs=4326
)
ASKED = {"include": ("land", "graze", "along_border"), "time_reversed": "follow", "posts": POSTS}


def routes(n: int = 240) -> gpd.GeoDataFrame:
    """Walks over three borders: in parts, backward, on a border, without length or geometry."""
    rng = np.random.default_rng(2)
    steps = np.cumsum(rng.normal((0.06, 0.0), 0.12, (n, 24, 2)), axis=1)
    lines = np.array(shapely.linestrings(rng.uniform((-1, -1), (1, 1), (n, 1, 2)) + steps))
    lines[5::20] = [shapely.multilinestrings([line, shapely.LineString([(2, 0), (-1, 0.3)])])
                    for line in lines[5::20]]  # fmt: skip
    lines[7], lines[8] = None, shapely.LineString()
    lines[9] = shapely.LineString([(1, 1), (1, 1)])
    lines[10] = shapely.LineString([(-1, -1), (0, -1), (0, 1), (1, 1)])
    zigzag = [(0.001 * (-1) ** i, 0.002 * i) for i in range(9)]
    lines[11] = shapely.LineString([(-1, -1), *zigzag, (1, 1)])
    first = pd.Timestamp("2024-03-01", tz="UTC") + pd.to_timedelta(rng.integers(0, 9e6, n), "s")
    last = first + pd.to_timedelta(rng.integers(-9e4, 9e5, n), "s")
    data = {
        "route_id": [f"r{i}" for i in range(n)],
        "first_seen": first.where(rng.random(n) < 0.9),
        "last_seen": last.where(rng.random(n) < 0.9),
        "n_sources": rng.integers(1, 5, n),
        "weight_kg": np.where(rng.random(n) < 0.1, np.nan, rng.uniform(1, 9, n)),
        "reliability": pd.array(rng.integers(1, 5, n), dtype="Int64"),
        "source": np.where(rng.random(n) < 0.3, None, "é"),
        "location_precision_m": rng.choice([np.nan, 10.0, 4000.0], n),
        "note": "not carried",
    }
    return gpd.GeoDataFrame(data, geometry=lines, crs=4326)


def same(found: gpd.GeoDataFrame, expected: gpd.GeoDataFrame) -> None:
    """The same to the last bit, types and record included."""
    pd.testing.assert_frame_equal(pd.DataFrame(found), pd.DataFrame(expected), check_exact=True)
    assert as_bytes(found) == as_bytes(expected)


@pytest.fixture(scope="module")
def file(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("routes") / "routes.parquet"
    routes().to_parquet(path, row_group_size=31)
    return path


@pytest.fixture(scope="module")
def expected(file: Path) -> gpd.GeoDataFrame:
    found = border_crossings(gpd.read_parquet(file), THREE, **ASKED)
    assert len(found) > 300
    assert set(found["crossing_kind"]) == set(ASKED["include"])
    assert found.attrs["geocn"]["n_time_reversed"] > 5
    return found


@settings(max_examples=6, deadline=None)
@given(group=st.integers(9, 300), room=st.integers(4000, 90_000), rows=st.integers(5, 300))
def test_any_size_of_part_gives_the_same_bytes(
    tmp_path_factory, expected, group: int, room: int, rows: int
) -> None:
    path = tmp_path_factory.mktemp("cut") / "routes.parquet"
    routes().to_parquet(path, row_group_size=group)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("geocn.io.parts_lines._ROWS", rows)
        patch.setattr("geocn.io.parts_lines.PART_BYTES", room)
        same(border_crossings(path, THREE, **ASKED), expected)


def test_options_and_frames_agree(file: Path) -> None:
    frame = gpd.read_parquet(file)
    for asked in (
        {"time_reversed": "as_drawn"},
        {"time_reversed": "follow", "min_excursion_m": 30_000.0},
        {"time_reversed": "follow", "include": ()},
    ):
        same(border_crossings(str(file), THREE, **asked), border_crossings(frame, THREE, **asked))


def test_workers_give_the_same_bytes(file: Path, expected, monkeypatch) -> None:
    distributed = pytest.importorskip("distributed")
    monkeypatch.setattr("geocn.io.parts_lines.PART_BYTES", 30_000)
    for n in (1, 3):
        with (
            distributed.LocalCluster(
                n_workers=n, threads_per_worker=2, processes=False, dashboard_address=None
            ) as cluster,
            distributed.Client(cluster) as client,
        ):
            same(border_crossings(file, THREE, scheduler=client, **ASKED), expected)


def test_a_run_goes_on_from_its_checkpoints(file, expected, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("geocn.io.parts_lines.PART_BYTES", 30_000)
    asked = {**ASKED, "checkpoints": tmp_path / "kept"}
    same(border_crossings(file, THREE, **asked), expected)
    kept = sorted((tmp_path / "kept").glob("*.ckpt"))
    assert len(kept) > 3
    kept[0].unlink()
    worked = []
    real = border_crossings.__globals__["of_file"].__globals__["read_lines"]
    monkeypatch.setattr(
        "geocn.hotspots.crossings_parts.read_lines",
        lambda part, *a, **k: worked.append(part) or real(part, *a, **k),
    )
    same(border_crossings(file, THREE, **asked), expected)
    assert len(worked) == 1
    # Other borders or options are other work.
    for other in ({"min_excursion_m": 5.0}, {"include": ("land",)}, {"time_reversed": "as_drawn"}):
        worked.clear()
        found = border_crossings(file, THREE, **{**asked, **other})
        same(found, border_crossings(gpd.read_parquet(file), THREE, **{**ASKED, **other}))
        assert len(worked) == len(kept)
    worked.clear()
    border_crossings(file, borders(("AAA", "BBB", 0.0)), **asked)
    assert len(worked) == len(kept)


def test_every_form_of_file_gives_the_same(tmp_path: Path, expected) -> None:
    frame = routes()
    columns = [c for c in expected if c != "geometry"]
    arrow = frame[frame.geom_type != "MultiLineString"].reset_index(drop=True)
    arrow.to_parquet(tmp_path / "l.parquet", geometry_encoding="geoarrow", row_group_size=50)
    many = frame.assign(
        geometry=[g if g is None or g.geom_type != "LineString" else shapely.multilinestrings([g])
                  for g in frame.geometry]
    )  # fmt: skip
    many.to_parquet(tmp_path / "m.parquet", geometry_encoding="geoarrow", row_group_size=50)
    for name in ("l", "m"):
        path = tmp_path / f"{name}.parquet"
        whole = border_crossings(gpd.read_parquet(path), THREE, **ASKED)
        same(border_crossings(path, THREE, **ASKED), whole)
    texts = frame.assign(
        first_seen=frame["first_seen"].dt.strftime("%Y-%m-%dT%H:%M:%SZ"),
        last_seen=frame["last_seen"].dt.tz_convert("America/Lima").dt.strftime("%FT%T-05:00"),
        source=frame["source"].astype("category"),
    )
    texts.geometry = shapely.force_3d(frame.geometry.to_numpy(), 7.0)
    folder = tmp_path / "folder"
    (folder / "year=2023").mkdir(parents=True)
    (folder / "year=2024").mkdir()
    texts[:100].to_parquet(folder / "year=2023" / "a.parquet")
    texts[100:].to_parquet(folder / "year=2024" / "b.parquet", row_group_size=40)
    found = border_crossings(folder, THREE, **ASKED)
    pd.testing.assert_frame_equal(
        pd.DataFrame(found)[columns], pd.DataFrame(expected)[columns], check_exact=True
    )
    metres = frame.to_crs(3857)
    metres.to_parquet(tmp_path / "web.parquet", row_group_size=70)
    whole = border_crossings(gpd.read_parquet(tmp_path / "web.parquet"), THREE, **ASKED)
    same(border_crossings(tmp_path / "web.parquet", THREE, **ASKED), whole)


def test_types_are_those_that_pandas_reads(tmp_path: Path) -> None:
    """Whole numbers with a gap anywhere have room for gaps; without ids, numbers of rows."""
    line = shapely.to_wkb(shapely.LineString([(-0.5, 0), (0.5, 0)]))
    geo = b'{"version":"1.0.0","primary_column":"geometry","columns":{"geometry":{"encoding":"WKB",'
    geo += b'"geometry_types":[]}}}'
    for gap in (None, 4):
        numbers = pa.array([gap, *range(5)])
        modes, unseen = pa.array(["car"] * 6).dictionary_encode(), pa.nulls(6, pa.float64())
        told = {"n_sources": numbers, "mode": modes, "last_seen": unseen}
        table = pa.table({**told, "geometry": [line] * 6})
        path = tmp_path / "plain.parquet"
        pq.write_table(table.replace_schema_metadata({b"geo": geo}), path, row_group_size=2)
        found = border_crossings(path, THREE)
        frame = gpd.read_parquet(path)
        whole = border_crossings(frame.assign(mode=frame["mode"].astype("str")), THREE)
        same(found, whole)
        assert found["n_sources"].dtype == ("float64" if gap is None else "int64")
        assert found["route_id"].tolist() == list("012345")


def test_rejected_rows_are_counted_named_and_read_back(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("geocn.io.parts_lines.PART_BYTES", 5_000)
    frame = routes(120)
    seen = frame["first_seen"].dt.strftime("%Y-%m-%d").astype("object")
    frame = frame.assign(first_seen=seen, last_seen=None, note="=cmd()")
    frame.loc[3, "first_seen"] = "03/04/2024"
    frame.loc[110, ["first_seen", "last_seen"]] = ["2024-03-02", "2024-03-01"]
    wkb = frame.geometry.to_wkb()
    wkb[20] = shapely.to_wkb(shapely.Point(0, 0))
    wkb[60] = shapely.to_wkb(shapely.LineString([(0, 0), (999, 0)]))
    wkb[61] = shapely.to_wkb(shapely.LineString([(0, 0), (np.inf, 0)]))
    wkb[100] = wkb[100][:30]
    bad = {3: "a time that cannot be read", 20: "a geometry that is no line",
           60: "impossible coordinates", 61: "impossible coordinates",
           100: "a geometry that cannot be read", 110: "last_seen before first_seen"}  # fmt: skip
    routes(12).to_parquet(tmp_path / "crs.parquet")
    table = pa.Table.from_pandas(pd.DataFrame(frame).assign(geometry=wkb))
    geo = pq.read_schema(tmp_path / "crs.parquet").metadata[b"geo"]
    path = tmp_path / "routes.parquet"
    told = {**table.schema.metadata, b"geo": geo}
    pq.write_table(table.replace_schema_metadata(told), path, row_group_size=17)
    with pytest.raises(RejectedRowsError, match=r"6 rows .*rows 3, 20, 60, ….*on_invalid") as error:
        border_crossings(path, THREE)
    assert error.value.rows == list(bad)
    asked = {"on_invalid": "warn", "rejects": tmp_path / "bad.csv"}
    with pytest.warns(RejectedRowsWarning, match="routes: 6 rows"):
        found = border_crossings(path, THREE, **asked)
    record = found.attrs["geocn"]
    assert record["n_routes"] == 120
    assert record["rejected"] == {r: list(bad.values()).count(r) for r in bad.values()}
    left = frame.drop(index=list(bad))
    whole = border_crossings(left, THREE)
    columns = [c for c in whole if c not in ("route_row", "geometry")]
    pd.testing.assert_frame_equal(found[columns], whole[columns], check_exact=True)
    assert found["route_row"].tolist() == left.index[whole["route_row"]].tolist()
    with (tmp_path / "bad.csv").open() as stream:
        rows = list(csv.reader(stream))
    assert {int(row[1]): row[2] for row in rows[1:]} == bad
    assert rows[0][3:] == [*frame.columns]
    assert rows[1][3 + list(frame.columns).index("note")] == "'=cmd()"
    assert bytes.fromhex(rows[2][-1]) == wkb[20]


@pytest.mark.parametrize(
    "kind,spoil",
    [
        (GeometryError, {"geometry": shapely.Point(0, 0)}),
        (CoordinateError, {"geometry": shapely.LineString([(0, 0), (0, 100)])}),
        (DateError, {"last_seen": pd.Timestamp("1999-01-01", tz="UTC")}),
    ],
)
def test_a_single_fault_raises_as_of_a_frame(tmp_path: Path, kind, spoil) -> None:
    frame = routes(12)
    frame["last_seen"] = frame["first_seen"] = pd.Timestamp("2024-01-01", tz="UTC")
    for name, value in spoil.items():
        frame.loc[4, name] = value
    frame.to_parquet(tmp_path / "x.parquet", row_group_size=3)
    for given_ in (tmp_path / "x.parquet", frame):
        with pytest.raises(kind) as told:
            border_crossings(given_, THREE)
        assert told.value.rows == [4]


def test_one_vertex_alone_is_rejected_with_its_row(tmp_path: Path) -> None:
    frame = routes(12)[["route_id", "geometry"]].iloc[[0, 1, 2, 3, 4, 6]]
    frame.to_parquet(tmp_path / "x.parquet", geometry_encoding="geoarrow")
    table = pq.read_table(tmp_path / "x.parquet")
    lines = table.column("geometry").to_pylist()
    lines[4] = lines[4][:1]
    spoilt = pa.array(lines, type=table.schema.field("geometry").type)
    at = table.schema.get_field_index("geometry")
    table = table.set_column(at, table.schema.field(at), spoilt)
    pq.write_table(table, tmp_path / "x.parquet")
    with pytest.raises(GeometryError, match="cannot be read") as told:
        border_crossings(tmp_path / "x.parquet", THREE)
    assert told.value.rows == [4]


def test_what_cannot_be_read_in_parts_is_refused(tmp_path: Path) -> None:
    frame = routes(12)[["route_id", "n_sources", "geometry"]][:7]
    for name in ("x.geojson", "x.gpkg", "x.fgb"):
        frame.to_file(tmp_path / name)
        with pytest.raises(ReadError, match="ogr2ogr -f Parquet"):
            border_crossings(tmp_path / name, THREE)
    (tmp_path / "x.csv").write_text("route_id,wkt\nr1,LINESTRING(0 0)\n")
    with pytest.raises(ReadError, match=r"found csv.*GeoParquet"):
        border_crossings(tmp_path / "x.csv", THREE)
    path = tmp_path / "x.parquet"
    frame.set_crs(None, allow_override=True).to_parquet(path)
    with pytest.raises(CRSError, match="unknown CRS"):
        border_crossings(path, THREE)
    pd.DataFrame(frame.drop(columns="geometry")).to_parquet(path)
    with pytest.raises(SchemaError, match="without a geometry"):
        border_crossings(path, THREE)
    frame.assign(geometry=shapely.Point(0, 0)).to_parquet(path, geometry_encoding="geoarrow")
    with pytest.raises(SchemaError, match="as point"):
        border_crossings(path, THREE)
    frame.assign(first_seen=3.0).to_parquet(path)
    with pytest.raises(SchemaError, match="numbers in first_seen"):
        border_crossings(path, THREE)
    frame.assign(location_precision_m="far", last_seen=True).to_parquet(path)
    with pytest.raises(SchemaError, match="last_seen of type bool; location_precision_m"):
        border_crossings(path, THREE)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    with pytest.raises(ReadError):
        border_crossings(path, THREE)


@pytest.mark.parametrize(
    "wrong",
    [{"scheduler": "tcp://x:1"}, {"checkpoints": "x"}, {"rejects": "x"}, {"on_invalid": "warn"},
     {"on_invalid": "skip"}],
)  # fmt: skip
def test_a_frame_needs_no_options_of_files(wrong) -> None:
    with pytest.raises(ParameterError, match=r"path|on_invalid"):
        border_crossings(routes(12), THREE, **wrong)


def test_memory_must_be_above_zero(file: Path) -> None:
    with pytest.raises(ParameterError, match="memory_mb"):
        border_crossings(file, THREE, memory_mb=0, time_reversed="follow")


def test_no_routes_have_the_same_columns(tmp_path: Path, expected) -> None:
    frame = routes(12)
    frame[:0].to_parquet(tmp_path / "x.parquet")
    found = border_crossings(tmp_path / "x.parquet", THREE, **ASKED)
    assert len(found) == 0
    assert found.dtypes.astype(str).to_dict() == expected.dtypes.astype(str).to_dict()
