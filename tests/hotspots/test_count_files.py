"""Counting files larger than memory: as pandas and count_events do, nobody lost."""

from __future__ import annotations

import csv
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from geocn.errors import (
    AssumptionWarning,
    CoordinateError,
    ParameterError,
    RejectedRowsError,
    RejectedRowsWarning,
    SchemaError,
)
from geocn.hotspots import count_events, count_points, make_grid
from geocn.hotspots.count_periods import period_names, period_numbers

N = 2500


@pytest.fixture(scope="module")
def grid() -> gpd.GeoDataFrame:
    return make_grid((-78, 0, -77, 1), cell_size_km=25)


def frame(n: int = N) -> pd.DataFrame:
    rng = np.random.default_rng(1)
    moments = pd.Timestamp("2023-11-20", tz="UTC") + pd.to_timedelta(rng.integers(0, 9e6, n), "s")
    return pd.DataFrame({
        "lon": rng.uniform(-78.2, -76.8, n).round(6),
        "lat": rng.uniform(-0.2, 1.2, n).round(6),
        "weight_kg": np.where(rng.random(n) < 0.1, np.nan, rng.integers(0, 9, n)),
        "seized_at": np.where(rng.random(n) < 0.05, None, moments.strftime("%Y-%m-%dT%H:%M:%SZ")),
        "note": '5" of "x",\nand more',
    })  # fmt: skip


def as_events(table: pd.DataFrame) -> gpd.GeoDataFrame:
    shapes = gpd.points_from_xy(table["lon"], table["lat"])
    events = gpd.GeoDataFrame(table, geometry=shapes, crs=4326)
    events["seized_at"] = pd.to_datetime(events["seized_at"])
    return events


@pytest.mark.parametrize("by_period", ["week", "month", "quarter", "year", None])
def test_a_csv_counts_by_period_as_events_do(tmp_path: Path, monkeypatch, grid, by_period) -> None:
    monkeypatch.setattr("geocn.io.parts._LEAST_BYTES", 1 << 14)
    table = frame()
    table.to_csv(tmp_path / "x.csv", index=False)
    events = as_events(table)
    expected = count_events(events, grid, weight="weight_kg", by_period=by_period)
    asked = {"weight": "weight_kg", "by_period": by_period}
    found = count_points(tmp_path / "x.csv", grid, memory_mb=0.1, **asked)
    in_memory = count_points(events, grid, **asked)
    for one in (found, in_memory):
        pd.testing.assert_frame_equal(
            pd.DataFrame(one), pd.DataFrame(expected[list(one.columns)]), check_exact=True
        )
        told, record = one.attrs["geocn"], expected.attrs["geocn"]
        assert told["n_counted"] == record["n_counted"]
        assert told["n_without_weight"] == record["n_without_weight"]
        assert told["n_counted"] + sum(told["left_out"].values()) == N
        for reason in ("no_geometry", "outside", *(["no_time"] if by_period else [])):
            assert told["left_out"][reason] == record["left_out"][reason]
    handed = count_events(str(tmp_path / "x.csv"), grid, **asked)
    pd.testing.assert_frame_equal(pd.DataFrame(handed), pd.DataFrame(expected), check_exact=True)
    assert handed.attrs["geocn"].keys() >= expected.attrs["geocn"].keys()


def test_every_form_of_file_counts_the_same(tmp_path: Path, grid) -> None:
    table = frame()
    events = as_events(table)
    expected = count_points(events, grid, by_period="month")["n_events"].tolist()
    table.drop(columns="note").to_csv(tmp_path / "semicolon.csv", sep=";", decimal=",", index=False)
    table.to_csv(tmp_path / "bom.csv", index=False, encoding="utf-8-sig", lineterminator="\r\n")
    table.to_parquet(tmp_path / "text.parquet")
    events.to_parquet(tmp_path / "wkb.parquet", row_group_size=300)
    events.to_parquet(
        tmp_path / "arrow.parquet", geometry_encoding="geoarrow", schema_version="1.1.0"
    )
    local = events.assign(seized_at=events["seized_at"].dt.tz_convert("America/Bogota"))
    local.to_crs(3857).drop(columns=["lon", "lat"]).to_parquet(tmp_path / "web.parquet")
    (tmp_path / "folder" / "part=1").mkdir(parents=True)
    table[:900].to_parquet(tmp_path / "folder" / "part=1" / "a.parquet")
    events[900:].drop(columns=["lon", "lat"]).to_parquet(tmp_path / "folder" / "b.parquet")
    forms = ["semicolon.csv", "bom.csv", *(f"{n}.parquet" for n in ("text", "wkb", "arrow", "web"))]
    for name in [*forms, "folder"]:
        found = count_points(tmp_path / name, grid, by_period="month")
        assert found["n_events"].tolist() == expected, name


def test_rejected_rows_are_counted_named_and_read_back(tmp_path: Path, monkeypatch, grid) -> None:
    monkeypatch.setattr("geocn.io.parts._LEAST_BYTES", 1 << 12)
    table = frame(400).astype({"lon": "str", "weight_kg": "str"}).drop(columns="note")
    table.loc[5, "lon"], table.loc[300, "lon"] = "=cmd()", "-777"
    table.loc[7, "seized_at"], table.loc[399, "weight_kg"] = "03/04/2024", "-3"
    text = table.to_csv(index=False).replace("\n", "\n\n", 1).splitlines(keepends=True)
    text.insert(202, "1,2\n")
    (tmp_path / "x.csv").write_text("".join(text))
    asked = {"weight": "weight_kg", "by_period": "month", "memory_mb": 0.05}
    with pytest.raises(CoordinateError, match=r"5 rows .*rows 5, 7, 200, ….*on_invalid") as caught:
        count_points(tmp_path / "x.csv", grid, **asked)
    assert caught.value.rows == [5, 7, 200, 301, 400]
    asked |= {"on_invalid": "warn", "rejects": tmp_path / "bad.csv"}
    with pytest.warns(RejectedRowsWarning, match="5 rows"):
        found = count_points(tmp_path / "x.csv", grid, **asked)
    record = found.attrs["geocn"]
    assert sum(record["rejected"].values()) == 5
    assert len(record["rejected"]) == 5
    assert record["n_events_in"] == 401
    assert record["n_counted"] + sum(record["left_out"].values()) + 5 == 401
    with (tmp_path / "bad.csv").open() as stream:
        rows = list(csv.reader(stream))
    assert rows[0] == ["geocn_file", "geocn_row", "geocn_reason", *table.columns]
    assert [int(row[1]) for row in rows[1:]] == [5, 7, 200, 301, 400]
    assert rows[1][3] == "'=cmd()"
    assert rows[3][3:] == ["1", "2"]
    assert rows[4][3:] == list(map(str, table.fillna("").loc[300]))


def test_rejected_rows_of_parquet_are_read_back(tmp_path: Path, grid) -> None:
    table = frame(10)
    table.loc[3, "lat"] = 91.0
    table.to_parquet(tmp_path / "x.parquet", row_group_size=3)
    with pytest.warns(RejectedRowsWarning, match="impossible coordinates"):
        count_points(
            tmp_path / "x.parquet", grid, on_invalid="warn", rejects=tmp_path / "bad.csv"
        )  # fmt: skip
    bad = pd.read_csv(tmp_path / "bad.csv")
    assert (bad["geocn_row"].tolist(), bad["lat"].tolist()) == ([3], [91.0])


def test_what_is_asked_wrongly_is_refused(tmp_path: Path, grid) -> None:
    table = frame(20).drop(columns="note")
    table.to_csv(tmp_path / "x.csv", index=False)
    path = tmp_path / "x.csv"
    for wrong in ({"by_period": "day"}, {"on_invalid": "skip"}, {"memory_mb": 0}):
        with pytest.raises(ParameterError):
            count_points(path, grid, **wrong)
    with pytest.raises(SchemaError, match="no column when"):
        count_points(path, grid, by_period="month", time="when")
    with pytest.raises(ParameterError, match="path"):
        count_points(table, grid, checkpoints=tmp_path / "kept")
    with pytest.raises(ParameterError, match="places"):
        count_events(path, grid, places=grid)
    table.assign(location_precision_m=1e6).to_csv(path, index=False)
    with pytest.raises(ParameterError, match="leave_out"):
        count_events(path, grid)
    left = count_events(path, grid, imprecise="leave_out").attrs["geocn"]["left_out"]
    assert left["imprecise"] == 20
    table.assign(seized_at="n/a").to_csv(path, index=False)
    with pytest.raises(RejectedRowsError, match="a time that cannot be read"):
        count_points(path, grid, by_period="month")
    table.assign(seized_at=["0001-01-01", *["9999-12-31"] * 19]).to_csv(path, index=False)
    with pytest.raises(ParameterError, match="stray dates"):
        count_points(path, make_grid((-78, 0, -77, 1), cell_size_km=1), by_period="week")
    table.assign(weight_kg="1,234").to_csv(path, index=False, sep=";")
    with pytest.warns(AssumptionWarning, match="decimal sign"):
        assert count_points(path, grid, weight="weight_kg")["total_weight_kg"].max() % 1234 == 0


def test_nothing_counted_has_the_same_columns(tmp_path: Path, grid) -> None:
    (tmp_path / "x.csv").write_text("lon,lat,seized_at,weight_kg\n")
    found = count_points(tmp_path / "x.csv", grid, weight="weight_kg")
    assert found["n_events"].dtype == "int64"
    assert found["total_weight_kg"].sum() == 0
    by_month = count_points(tmp_path / "x.csv", grid, by_period="month")
    assert len(by_month) == 0
    assert {"period", "n_events"} <= set(by_month.columns)


@pytest.mark.parametrize("by_period", ["week", "month", "quarter", "year"])
def test_periods_are_those_of_pandas(by_period: str) -> None:
    days = np.arange("1890-01-01", "2110-01-01", 11, dtype="datetime64[D]")
    number = period_numbers(days.astype("datetime64[us]"), by_period)
    names = period_names(int(number[0]), int(number[-1]), by_period)
    freq = {"week": "W-SUN", "month": "M", "quarter": "Q", "year": "Y"}[by_period]
    expected = [str(p) for p in pd.DatetimeIndex(days).to_period(freq)]
    assert [names[i - number[0]] for i in number] == expected


def test_a_checkpoint_serves_only_its_own_areas(tmp_path: Path, grid) -> None:
    frame(200).to_csv(tmp_path / "x.csv", index=False)
    asked = {"checkpoints": tmp_path / "kept"}
    for areas in (
        grid,
        grid.iloc[::-1],
        gpd.GeoDataFrame(geometry=[shapely.box(-78, 0, -77, 1)], crs=4326),
    ):
        for more in ({}, {"weight": "weight_kg"}, {"by_period": "year"}):
            kept = count_points(tmp_path / "x.csv", areas, **asked, **more)
            again = count_points(tmp_path / "x.csv", areas, **asked, **more)
            assert kept.equals(count_points(tmp_path / "x.csv", areas, **more))
            assert again.equals(kept)
    assert len(list((tmp_path / "kept").glob("*.ckpt"))) == 9
