"""Runs in a real PostGIS: typed, whole, the same run only once."""

import datetime as dt
import decimal
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import psycopg
import pytest
import shapely

from geocn.errors import (
    CoordinateError,
    CRSError,
    LockedError,
    ParameterError,
    ReadError,
    SchemaError,
    WriteError,
)
from geocn.publish import write_geoparquet, write_postgis
from tests.publish.postgres import Server, running
from tests.zoo import GEOMETRIES, TEXTS, points

ABOUT = {"run_id": "a", "marking": "TLP:GREEN", "as_of": "2025-01-31", "title": "January"}


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with running() as found:
        yield found


@pytest.fixture
def link(server: Server) -> Iterator[psycopg.Connection]:
    with psycopg.connect(server.dsn, autocommit=True) as connection:
        connection.execute("DROP SCHEMA IF EXISTS geocn CASCADE")
        yield connection


def seizures(n: int = 5, *, weight: float = 1.0) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(
        {
            "seizure_id": [f"S{i}" for i in range(n)],
            "source": "Police",
            "weight_kg": np.arange(n) + weight,
            "seized_at": pd.date_range("2025-01-01T12:00", periods=n, tz="UTC"),
        },
        geometry=gpd.points_from_xy(np.linspace(-77, -70, n), np.linspace(0, 9, n)),
        crs="EPSG:4326",
    )


def about(**more: object) -> dict[str, object]:
    return {**ABOUT, **more}


def state(link: psycopg.Connection, table: str = "seizures") -> list[tuple]:
    """Every row with its version: a row that is written again gets another xmin."""
    rows = link.execute(f"SELECT xmin::text, xmax::text, t.* FROM geocn.{table} t ORDER BY 3")
    return rows.fetchall()


def test_every_kind_of_column_keeps_its_type_and_value(
    server: Server, link: psycopg.Connection
) -> None:
    frame = gpd.GeoDataFrame(
        {
            "n": pd.array([1, None, 2**60], dtype="Int64"),
            "big": np.array([0, 1, 2**64 - 1], dtype="uint64"),
            "x": [1.5, np.nan, np.inf],
            "flag": pd.array([True, None, False], dtype="boolean"),
            "text": ["añejo", None, ""],
            "at": pd.to_datetime(
                ["2024-01-01T00:00:00.123456+04:30", None, "1969-12-31T23:00Z"],
                utc=True,
                format="ISO8601",
            ),
            "naive": pd.to_datetime(["2024-02-29 10:00", None, "1900-01-01 00:00"]),
            "day": pd.Series([dt.date(2024, 2, 29), None, dt.date(1, 1, 1)], dtype=object),
            "for_": pd.Series([["a", 'b"\\,{}', None], None, []], dtype=object),
            "facts": pd.Series([{"a": np.nan, "b": [1, "\0"]}, None, {}], dtype=object),
            "cost": pd.Series([decimal.Decimal("1.10"), None, decimal.Decimal(7)], dtype=object),
            "raw": pd.Series([b"\0\xff", None, b""], dtype=object),
            "span": pd.to_timedelta(["1 days 02:03:04.5", None, "-1 days"]),
            "kind": pd.Categorical(["u", None, "v"]),
            "mixed": pd.Series([1, None, "one"], dtype=object),
            "nothing": pd.Series([None] * 3, dtype=object),
        },
        geometry=[shapely.Point(-72, 4), None, shapely.Point()],
        crs="EPSG:4326",
    )
    report = write_postgis({"t": frame}, server.dsn, about=ABOUT)
    assert report.changes["t"].inserted == 3
    kinds = dict(
        link.execute(
            "SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute"
            " WHERE attrelid = 'geocn.t'::regclass AND attnum > 3"
        ).fetchall()
    )
    assert kinds == {
        "n": "bigint", "big": "numeric", "x": "double precision", "flag": "boolean",
        "text": "text", "at": "timestamp with time zone",
        "naive": "timestamp without time zone", "day": "date", "for_": "text[]",
        "facts": "jsonb", "cost": "numeric", "raw": "bytea", "span": "interval",
        "kind": "text", "mixed": "text", "nothing": "text", "geometry": "geometry(Point,4326)",
    }  # fmt: skip
    columns = ", ".join(f'"{name}"' for name in kinds if name != "geometry")
    rows = link.execute(
        f"SELECT {columns}, ST_AsText(geometry) FROM geocn.t ORDER BY n NULLS FIRST"
    ).fetchall()
    assert rows[0] == (None, 1, *(None,) * 15)
    utc = dt.UTC
    assert rows[1][2:] == (
        1.5, True, "añejo", dt.datetime(2023, 12, 31, 19, 30, 0, 123456, utc),
        pd.Timestamp(2024, 2, 29, 10), dt.date(2024, 2, 29), ["a", 'b"\\,{}', None],
        {"a": None, "b": [1, "\N{REPLACEMENT CHARACTER}"]}, decimal.Decimal("1.10"),
        b"\0\xff", dt.timedelta(days=1, hours=2, minutes=3, seconds=4.5), "u", "1", None,
        "POINT(-72 4)",
    )  # fmt: skip
    assert rows[2][:5] == (2**60, 2**64 - 1, np.inf, False, "")
    assert rows[2][8:12] == ([], {}, 7, b"")
    assert rows[2][-1] == "POINT EMPTY"
    again = write_postgis({"t": frame}, server.dsn, about=ABOUT, replace=True)
    assert again.changes["t"] == type(again.changes["t"])(0, 0, 0)


def test_every_geometry_of_the_zoo_comes_back(server: Server, link: psycopg.Connection) -> None:
    names = [name for name in GEOMETRIES if name not in ("not_a_number", "infinite")]
    frame = points(*names)
    write_postgis({"zoo": frame}, server.dsn, about=ABOUT)
    rows = link.execute("SELECT id, ST_AsBinary(geometry), ST_SRID(geometry) FROM geocn.zoo")
    found = {name: (shape, srid) for name, shape, srid in rows.fetchall()}
    for name in names:
        want = GEOMETRIES[name]
        shape, srid = found[name]
        if want is None:
            assert shape is None
            continue
        assert srid == 4326
        got = shapely.from_wkb(bytes(shape))
        assert got.geom_type == want.geom_type
        assert got.is_empty == want.is_empty
        assert got.is_empty or shapely.equals_identical(got, want)
    srid, index = link.execute(
        "SELECT (SELECT srid FROM geometry_columns WHERE f_table_name = 'zoo'),"
        " (SELECT indexdef FROM pg_indexes WHERE tablename = 'zoo' AND indexdef ~ 'gist')"
    ).fetchone()
    assert srid == 4326
    assert "(geometry)" in index
    for z, kind in ((5.0, "PointZ"), (None, "Point")):
        flat = shapely.Point(1, 2) if z is None else shapely.Point(1, 2, z)
        one = gpd.GeoDataFrame(geometry=[flat], crs=3857)
        write_postgis({"one": one}, server.dsn, about=about(run_id=kind, period=kind))
    write_postgis({"one": one}, server.dsn, about=about(run_id="again", period="Point"))
    kept = link.execute("SELECT ST_Zmflag(geometry), ST_SRID(geometry) FROM geocn.one").fetchall()
    assert sorted(kept) == [(0, 3857), (2, 3857)]
    bad = points("not_a_number", "infinite")
    with pytest.raises(CoordinateError, match="2 rows: 0, 1"):
        write_postgis({"zoo": bad}, server.dsn, about=about(run_id="b"))
    with pytest.raises(CRSError, match="no coordinate"):
        write_postgis({"zoo": points("point", crs=None)}, server.dsn, about=about(run_id="b"))
    other = points("point").to_crs(3857)
    with pytest.raises(CRSError, match="EPSG:3857 in the run, EPSG:4326 in the table"):
        write_postgis({"zoo": other}, server.dsn, about=about(run_id="b"))


def test_the_same_run_changes_nothing_and_the_next_only_what_differs(
    server: Server, link: psycopg.Connection
) -> None:
    first = write_postgis({"seizures": seizures()}, server.dsn, about=ABOUT)
    assert first.changes["seizures"].inserted == 5
    before = state(link)
    runs = state(link, "runs")
    again = write_postgis({"seizures": seizures()}, server.dsn, about=ABOUT)
    assert again.unchanged
    compared = write_postgis({"seizures": seizures()}, server.dsn, about=ABOUT, replace=True)
    assert not compared.unchanged
    assert state(link) == before
    assert state(link, "runs") == runs
    later = seizures()
    later.loc[1, "weight_kg"] = 99.0
    later.loc[2, "geometry"] = shapely.Point(1, 1, 0)
    later = pd.concat([later.drop(index=4), seizures(6).iloc[5:]])
    report = write_postgis({"seizures": later}, server.dsn, about=about(run_id="b"))
    change = report.changes["seizures"]
    assert (change.inserted, change.updated, change.deleted) == (1, 2, 1)
    after = {row[2]: row for row in state(link)}
    assert sum(after.get(row[2]) == row for row in before) == 2
    weights = dict(link.execute("SELECT seizure_id, weight_kg FROM geocn.seizures").fetchall())
    assert weights == {"S0": 1.0, "S1": 99.0, "S2": 3.0, "S3": 4.0, "S5": 6.0}


def test_a_table_repaired_by_hand_is_put_right(server: Server, link: psycopg.Connection) -> None:
    write_postgis({"seizures": seizures()}, server.dsn, about=ABOUT)
    link.execute("UPDATE geocn.seizures SET weight_kg = 0 WHERE seizure_id = 'S1'")
    link.execute("DELETE FROM geocn.seizures WHERE seizure_id = 'S2'")
    report = write_postgis({"seizures": seizures()}, server.dsn, about=ABOUT, replace=True)
    change = report.changes["seizures"]
    assert (change.inserted, change.updated, change.deleted) == (1, 1, 0)


def test_periods_stand_beside_each_other(server: Server, link: psycopg.Connection) -> None:
    write_postgis({"seizures": seizures(), "extra": seizures(2)}, server.dsn, about=ABOUT)
    february = about(run_id="f", period="2025-02", as_of="2025-02-28", marking="TLP:AMBER")
    write_postgis({"seizures": seizures(2)}, server.dsn, about=february)
    # a run without a table takes only its own period's rows out of it
    january = about(run_id="a2", as_of="2025-02-01")
    gone = write_postgis({"seizures": seizures(3)}, server.dsn, about=january)
    assert gone.changes["extra"].deleted == 2
    counts = link.execute(
        "SELECT geocn_period, count(*) FROM geocn.seizures GROUP BY 1 ORDER BY 1"
    ).fetchall()
    assert counts == [("2025-02", 2), ("all", 3)]
    label = link.execute("SELECT obj_description('geocn.seizures'::regclass)").fetchone()[0]
    assert label.startswith("TLP:AMBER for joint; ")
    assert "run a2, cut-off 2025-02-01" in label


def test_an_older_run_never_replaces_a_newer_one_unasked(
    server: Server, link: psycopg.Connection
) -> None:
    new = about(run_id="b", as_of="2025-03-31")
    write_postgis({"seizures": seizures()}, server.dsn, about=ABOUT)
    write_postgis({"seizures": seizures(3)}, server.dsn, about=new)
    before = state(link)
    for older in (ABOUT, about(run_id="c", as_of="2025-02-01"), about(run_id="d", as_of=None)):
        with pytest.raises(ParameterError, match="older than b"):
            write_postgis({"seizures": seizures()}, server.dsn, about=older)
    # a correction of the same cut-off is newer, but going back to what it corrected is not
    write_postgis({"seizures": seizures(3)}, server.dsn, about={**new, "run_id": "e"})
    with pytest.raises(ParameterError, match="older than e"):
        write_postgis({"seizures": seizures(3)}, server.dsn, about=new)
    assert state(link) == before
    write_postgis({"seizures": seizures()}, server.dsn, about=ABOUT, replace=True)
    current = link.execute("SELECT run_id FROM geocn.runs WHERE is_current").fetchall()
    assert current == [("a",)]
    assert len(state(link)) == 5


def test_columns_come_go_and_widen(server: Server, link: psycopg.Connection) -> None:
    base = {"id": ["a", "b"], "n": [1, 2], "void": pd.Series([None, None], dtype=object)}
    keys = {"t": "id"}
    write_postgis({"t": pd.DataFrame(base)}, server.dsn, about=ABOUT, keys=keys)
    grown = pd.DataFrame({"id": ["a", "b"], "n": [1, 2.5], "void": [1.5, 2.0], "more": ["x", "y"]})
    changed = write_postgis({"t": grown}, server.dsn, about=about(run_id="b"), keys=keys)
    assert changed.changes["t"].updated == 2
    assert changed.changes["t"].inserted == 0
    select = "SELECT id, n, void, more FROM geocn.t ORDER BY id"
    assert link.execute(select).fetchall() == [("a", 1.0, 1.5, "x"), ("b", 2.5, 2.0, "y")]
    word = pd.DataFrame({"id": ["a", "b"], "n": ["one", "2"]})
    write_postgis({"t": word}, server.dsn, about=about(run_id="c"), keys=keys)
    assert link.execute(select).fetchall() == [("a", "one", None, None), ("b", "2", None, None)]
    shape = gpd.GeoDataFrame({"id": ["a"]}, geometry=gpd.points_from_xy([1], [2]), crs=4326)
    geometry = shape.rename_geometry("n")
    with pytest.raises(SchemaError, match="a geometry in both or in none"):
        write_postgis({"t": geometry}, server.dsn, about=about(run_id="d"), keys=keys)
    link.execute("CREATE TABLE geocn.mine (a int)")
    with pytest.raises(SchemaError, match="geocn did not make"):
        write_postgis({"mine": word}, server.dsn, about=about(run_id="d"))


def test_hostile_names_and_texts_are_only_text(server: Server, link: psycopg.Connection) -> None:
    long = "ñ" * 40
    table = 'x"; DROP TABLE geocn.runs; --%s'
    frame = pd.DataFrame([{**TEXTS, "n": 1}])
    names = ['"; DROP TABLE x; --', long + "a", long + "b", "select", "xmin", "geocn_key", "a%sb"]
    frame = frame.assign(**dict.fromkeys(names, 5)).assign(**{"new\nline": 6, "": 7})
    layers = {table: frame, "runs": frame[["n"]], "User": frame[["n"]], long: frame[["n"]]}
    report = write_postgis(layers, server.dsn, about=ABOUT)
    assert any("NUL or lone surrogates replaced in 1 cells" in note for note in report.notes)
    tables = {
        name
        for (name,) in link.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'geocn'")
    }
    assert len(tables) == 5
    assert {"runs", table, "User"} <= tables
    assert all(len(name.encode()) <= 63 for name in tables)
    columns = {
        name
        for (name,) in link.execute(
            "SELECT attname FROM pg_attribute WHERE attnum > 3 AND attrelid = "
            "(SELECT oid FROM pg_class WHERE relname = %s)", (table,),
        )
    }  # fmt: skip
    assert len(columns) == len(frame.columns)
    assert {'"; DROP TABLE x; --', "select", "a%sb"} <= columns
    assert {"xmin", "geocn_key", ""}.isdisjoint(columns)
    quoted = psycopg.sql.Identifier("geocn", table)
    rows = link.execute(psycopg.sql.SQL("SELECT * FROM {}").format(quoted))
    got = dict(zip([one.name for one in rows.description], rows.fetchone(), strict=True))
    for name, text in TEXTS.items():
        assert got[name] == text.replace("\0", "\N{REPLACEMENT CHARACTER}")
    assert write_postgis(layers, server.dsn, about=ABOUT).unchanged


def test_hostile_labels_and_keys_are_published(server: Server, link: psycopg.Connection) -> None:
    text = "a\0b\ud800'; --"
    labels = dict.fromkeys(("run_id", "period", "audience", "title"), text)
    # Random letters: what compresses would still fit into an index.
    letters = np.random.default_rng(1).integers(97, 123, 20_000).astype("u1").tobytes().decode()
    layers = {"seizures": seizures(2).assign(seizure_id=[letters, "S"]), text: seizures(2)}
    report = write_postgis(layers, server.dsn, about=about(**labels))
    assert [one.inserted for one in report.changes.values()] == [2, 2]
    assert write_postgis(layers, server.dsn, about=about(**labels)).unchanged


def test_rows_without_identifiers_are_told_apart_by_all_they_hold(
    server: Server, link: psycopg.Connection
) -> None:
    frame = pd.DataFrame({"a": ["x", "x", "y"], "b": [1, 1, 2]})
    write_postgis({"t": frame}, server.dsn, about=ABOUT)
    more = pd.concat([pd.DataFrame({"a": ["new"], "b": [0]}), frame.iloc[:2]])
    change = write_postgis({"t": more}, server.dsn, about=about(run_id="b")).changes["t"]
    assert (change.inserted, change.updated, change.deleted) == (1, 0, 1)
    two = seizures(2).assign(seizure_id="S", source=["Navy", "Police"])
    write_postgis({"seizures": two}, server.dsn, about=about(run_id="c"))
    keys = link.execute("SELECT geocn_key FROM geocn.seizures ORDER BY 1").fetchall()
    assert keys == [('["Navy", "S"]',), ('["Police", "S"]',)]


def test_empty_frames_become_empty_tables(server: Server, link: psycopg.Connection) -> None:
    nothing = {
        "seizures": seizures().iloc[:0],
        "table": pd.DataFrame({"a": []}),
        "bare": pd.DataFrame(),
    }
    write_postgis(nothing, server.dsn, about=ABOUT)
    kind = link.execute(
        "SELECT type, srid FROM geometry_columns WHERE f_table_name = 'seizures'"
    ).fetchone()
    assert kind == ("GEOMETRY", 4326)
    write_postgis({"seizures": seizures()}, server.dsn, about=about(run_id="b"))
    assert len(state(link)) == 5


def _folder(path: Path, marking: str = "TLP:AMBER", partner: str | None = None) -> Path:
    from geocn.io.atomic import sha256_file

    part = path if partner else path / "joint"
    (part / "layers").mkdir(parents=True)
    (part / "results").mkdir()
    write_geoparquet(seizures(), part / "layers/seizures.parquet")
    write_geoparquet(pd.DataFrame({"n": [1]}), part / "results/By_kind.parquet")
    files = {
        p.relative_to(path).as_posix(): sha256_file(p) for p in sorted(path.rglob("*.parquet"))
    }
    told = {"marking": marking, "as_of": "2025-01-31", "period": "2025-01", "title": "T"}
    name = "release.json" if partner else "manifest.json"
    (path / name).write_text(json.dumps(told | {"outputs": files, "partner": partner}))
    return path


def test_a_run_and_its_releases_go_to_schemas_of_their_own(
    server: Server, link: psycopg.Connection, tmp_path: Path
) -> None:
    run = _folder(tmp_path / "out" / "2025-01-abc")
    _folder(run / "releases" / "ngo", "TLP:GREEN", "ngo")
    (tmp_path / "out" / "latest").symlink_to("2025-01-abc")
    report = write_postgis(tmp_path / "out", server.dsn)
    assert (report.run_id, report.period) == ("2025-01-abc", "2025-01")
    assert set(report.changes) == {"seizures", "result_by_kind"}
    with pytest.raises(ParameterError, match="holds what was published for joint"):
        write_postgis(run, server.dsn, release="ngo")
    with pytest.raises(ParameterError, match="no release is called 'army'; there are ngo"):
        write_postgis(run, server.dsn, release="army")
    link.execute("DROP SCHEMA IF EXISTS partner CASCADE")
    write_postgis(run, server.dsn, release="ngo", schema="partner")
    label = link.execute("SELECT obj_description('partner.seizures'::regclass)").fetchone()[0]
    assert label.startswith("TLP:GREEN for ngo; 2025-01: run ngo-")
    alone = tmp_path / "handed over"
    shutil.copytree(run / "releases/ngo", alone / "ngo")
    assert write_postgis(alone / "ngo", server.dsn, schema="partner").unchanged
    link.execute("DROP SCHEMA partner CASCADE")


def test_a_folder_that_is_not_whole_is_refused(server: Server, tmp_path: Path) -> None:
    run = _folder(tmp_path / "r")
    with pytest.raises(ReadError, match="neither manifest"):
        write_postgis(tmp_path, server.dsn)
    write_geoparquet(seizures(2), run / "joint/layers/seizures.parquet")
    with pytest.raises(ReadError, match=r"seizures\.parquet: is not the file"):
        write_postgis(run, server.dsn)
    (run / "joint/layers/seizures.parquet").unlink()
    with pytest.raises(ReadError, match="1 of 2 Parquet files"):
        write_postgis(run, server.dsn)


def test_two_writers_do_not_meet(server: Server, link: psycopg.Connection) -> None:
    write_postgis({"seizures": seizures()}, server.dsn, about=ABOUT)
    with link.transaction():
        link.execute("SELECT pg_advisory_xact_lock(hashtextextended('geocn:geocn', 0))")
        with pytest.raises(LockedError, match="another writer"):
            write_postgis({"seizures": seizures(2)}, server.dsn, about=about(run_id="b"))
        write_postgis({"seizures": seizures(2)}, server.dsn, schema="other", about=ABOUT)
    link.execute("DROP SCHEMA other CASCADE")
    with link.transaction():
        link.execute("LOCK TABLE geocn.seizures")
        late = about(run_id="b")
        with pytest.raises(WriteError, match="lock timeout"):
            write_postgis({"seizures": seizures(2)}, server.dsn, about=late, wait_s=0.2)
    assert len(state(link)) == 5


@pytest.mark.parametrize("word", ["dsn", "uri", "torn", "bare"])
def test_a_password_is_never_shown(
    server: Server, link: psycopg.Connection, word: str, caplog: pytest.LogCaptureFixture
) -> None:
    link.execute("DROP ROLE IF EXISTS guarded")
    link.execute("CREATE ROLE guarded LOGIN PASSWORD 'right'")
    secret = "wr0ng-secret"
    texts = {
        "dsn": f"{server.as_user('guarded')} password={secret}",
        "uri": f"postgresql://guarded:{secret}@/geocn?host={server.folder}",
        "torn": f"postgresql://guarded:{secret}@host:port/%zz?{secret}",
        "bare": f"postgresql://guarded:a@{secret}@localhost:1/geocn",
    }
    with pytest.raises((WriteError, ParameterError)) as caught:
        write_postgis({"seizures": seizures()}, texts[word], about=ABOUT)
    seen, error = [], caught.value
    while error is not None:
        seen += [str(error), repr(error)]
        error = error.__cause__
    assert secret not in " ".join([*seen, caplog.text])
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    link.execute("DROP ROLE guarded")


def test_what_the_database_lacks_is_said(server: Server, link: psycopg.Connection) -> None:
    link.execute("DROP ROLE IF EXISTS poor")
    link.execute("CREATE ROLE poor LOGIN")
    with pytest.raises(WriteError, match="permission denied for database"):
        write_postgis({"seizures": seizures()}, server.as_user("poor"), about=ABOUT)
    elsewhere = server.as_user("owner", "postgres")
    with pytest.raises(WriteError, match="CREATE EXTENSION postgis"):
        write_postgis({"seizures": seizures()}, elsewhere, about=ABOUT)
    with pytest.raises(WriteError, match=r"cannot be reached.*No such file"):
        write_postgis({"seizures": seizures()}, "host=/nonexistent dbname=x", about=ABOUT)


def test_options_that_cannot_be_are_refused(server: Server) -> None:
    frame = {"seizures": seizures()}
    for schema in ("", "pg_catalog", "information_schema", "x" * 64, "a\0b"):
        with pytest.raises(ParameterError, match="schema"):
            write_postgis(frame, server.dsn, schema=schema, about=ABOUT)
    with pytest.raises(ParameterError, match="run_id"):
        write_postgis(frame, server.dsn)
    with pytest.raises(ParameterError, match="does not know colour"):
        write_postgis(frame, server.dsn, about=about(colour=1))
    with pytest.raises(ParameterError, match="no table nope"):
        write_postgis(frame, server.dsn, about=ABOUT, keys={"nope": "a"})
    with pytest.raises(ParameterError, match="no day"):
        write_postgis(frame, server.dsn, about=about(as_of="soon"))
