"""Density from files and chunks: that of the whole frame, from whatever points come in."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import shapely

from geocn._kernels.density import add_linear, bin_linear
from geocn.errors import CoordinateError, ParameterError, RejectedRowsWarning, SchemaError
from geocn.hotspots import kernel_density, point_density
from geocn.hotspots.density_parts import merge_grids
from geocn.io.parts import find_parts

N = 4000
AREA = gpd.GeoSeries([shapely.Point(-77, 1).buffer(0.6)], crs=4326)
HOW = {"cell_m": 2_000.0, "bandwidth_m": 9_000.0, "extent": AREA}


def events() -> gpd.GeoDataFrame:
    rng = np.random.default_rng(3)
    xy = rng.normal((-77, 1), 0.4, (N, 2))
    shapes = shapely.points(xy)
    shapes[[5, 17]] = None
    weight = np.where(np.arange(N) % 50, rng.exponential(3, N), np.nan)
    precise = np.where(np.arange(N) % 9, 10.0, 50_000.0)
    columns = {"weight_kg": weight, "location_precision_m": precise}
    return gpd.GeoDataFrame(columns, geometry=shapes, crs=4326)


def table(frame: gpd.GeoDataFrame) -> pd.DataFrame:
    xy = shapely.get_coordinates(frame.geometry.fillna(shapely.Point(0, 0)).to_numpy())
    xy[frame.geometry.isna().to_numpy()] = np.nan
    return pd.DataFrame({"lon": xy[:, 0], "lat": xy[:, 1]}).assign(
        **{name: frame[name].to_numpy() for name in ("weight_kg", "location_precision_m")}
    )


@pytest.mark.parametrize("weight", [None, "weight_kg"])
@pytest.mark.parametrize("edge", [False, True])
def test_every_form_of_input_is_the_whole_frame(
    tmp_path: Path, weight: str | None, edge: bool
) -> None:
    frame, plain = events(), table(events())
    how = {**HOW, "weight": weight, "edge_correction": edge}
    expected = kernel_density(frame, **how, imprecise="leave_out")
    told = expected.attrs["geocn"]
    plain.to_csv(tmp_path / "plain.csv", index=False)
    frame.to_parquet(tmp_path / "geo.parquet", row_group_size=700)
    for month in (1, 2):
        (tmp_path / f"parts/month={month}").mkdir(parents=True)
        plain[month - 1 :: 2].to_parquet(tmp_path / f"parts/month={month}/a.parquet")
    forms = [
        frame,
        (frame.iloc[i : i + 300] for i in range(0, N, 300)),
        [plain.iloc[:1], plain.iloc[1:]],
        pa.Table.from_pandas(plain).to_batches(999),
        tmp_path / "plain.csv",
        str(tmp_path / "geo.parquet"),
        tmp_path / "parts",
    ]
    for form in forms:
        found = point_density(form, **how)
        most = float(expected.max())
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12 * most)
        assert found.rio.crs == expected.rio.crs
        assert found.attrs["units"] == expected.attrs["units"]
        said = found.attrs["geocn"]
        assert said["left_out"] == told["left_out"]
        assert (said["n_events_in"], said["n_used"]) == (N, told["n_used"])
        assert said["mass"] == pytest.approx(told["mass"], rel=1e-12)


def test_an_array_and_another_crs() -> None:
    frame = events().dropna(subset=["geometry"])[["geometry"]]
    expected = kernel_density(frame, **HOW)
    for given, crs in ((frame.get_coordinates().to_numpy(), None),
                       (frame.to_crs(3857).get_coordinates().to_numpy(), 3857)):  # fmt: skip
        found = point_density(given, **HOW, crs=crs)
        most = float(expected.max())
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9 * most)


def test_nothing_in_gives_a_whole_empty_surface() -> None:
    found = point_density(np.empty((0, 2)), **HOW)
    expected = kernel_density(events().iloc[:0], **HOW)
    np.testing.assert_array_equal(found, expected)
    assert found.attrs["geocn"]["mass"] == 0


def test_adding_on_is_binning_at_once() -> None:
    rng = np.random.default_rng(0)
    column, row, weight = rng.uniform(-1, 12, 500), rng.uniform(-1, 9, 500), rng.random(500)
    for region in (np.ones((8, 11), bool), rng.random((8, 11)) > 0.4):
        out = np.zeros(region.shape)
        for some in np.array_split(np.arange(500), 7):
            add_linear(column[some], row[some], weight[some], region, out)
        np.testing.assert_array_equal(out, bin_linear(column, row, weight, region))


def test_rows_that_cannot_be_used(tmp_path: Path) -> None:
    plain = table(events())
    plain["lat"] = plain["lat"].astype(object)
    plain.loc[[7, 3210], "lat"] = ["north", 95.0]
    plain.loc[40, "weight_kg"] = -1.0
    file, rejects = tmp_path / "bad.csv", tmp_path / "rejects.csv"
    plain.to_csv(file, index=False)
    with pytest.raises(CoordinateError) as error:
        point_density(file, **HOW, weight="weight_kg")
    assert error.value.rows == [7, 40, 3210]
    with pytest.warns(RejectedRowsWarning, match="3 rows"):
        found = point_density(file, **HOW, weight="weight_kg", on_invalid="warn", rejects=rejects)
    assert sum(found.attrs["geocn"]["rejected"].values()) == 3
    assert pd.read_csv(rejects)["geocn_row"].tolist() == [7, 40, 3210]
    good = plain.drop(index=[7, 40, 3210]).astype({"lat": float})
    np.testing.assert_array_equal(found, point_density(good, **HOW, weight="weight_kg"))


def test_rows_are_numbered_over_all_parts(tmp_path: Path) -> None:
    for name, at in (("a", 3), ("b", 5)):
        rows = pd.DataFrame({"lon": np.full(10, -77.0), "lat": np.ones(10)})
        rows.loc[at, "lat"] = 95.0
        rows.to_csv(tmp_path / f"{name}.csv", index=False)
    with pytest.raises(CoordinateError) as error:
        point_density(tmp_path, **HOW)
    assert error.value.rows == [3, 15]
    with pytest.raises(CoordinateError) as error:
        point_density(np.array([[-77, 1.0]] * 4 + [[-77, 95.0]]), **HOW)
    assert error.value.rows == [4]


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"cell_m": 0.0}, "cell_m"),
        ({"bandwidth_m": 100.0}, "bandwidth_m"),
        ({"kernel": "flat"}, "kernel"),
        ({"on_invalid": "ignore"}, "on_invalid"),
        ({"rejects": "x.csv"}, "rejects need"),
        ({"scheduler": "tcp://127.0.0.1:1"}, "scheduler need"),
        ({"cell_m": 1.0, "bandwidth_m": 5.0}, "cells exceeds"),
    ],
)
def test_options_that_do_not_fit(options: dict, why: str) -> None:
    with pytest.raises(ParameterError, match=why):
        point_density(np.empty((0, 2)), **{**HOW, **options})


def test_columns_that_are_missing_and_the_whole_frame_says_where_files_go(tmp_path: Path) -> None:
    table(events()).to_csv(tmp_path / "a.csv", index=False)
    with pytest.raises(SchemaError, match="longitude"):
        point_density(tmp_path / "a.csv", **HOW, lon="longitude")
    with pytest.raises(ParameterError, match="point_density"):
        kernel_density(tmp_path / "a.csv", **HOW)


def test_parts_on_workers_agree_to_rounding(tmp_path: Path) -> None:
    distributed = pytest.importorskip("distributed")
    rows = table(events())
    for i in range(11):
        rows[i::11].to_parquet(tmp_path / f"{i:02d}.parquet")
    assert len(find_parts(tmp_path)) == 11
    here = point_density(tmp_path, **HOW, weight="weight_kg")
    with (
        distributed.LocalCluster(
            n_workers=1, threads_per_worker=2, processes=False, dashboard_address=None
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        there = point_density(tmp_path, **HOW, weight="weight_kg", scheduler=client)
    most = float(here.max())
    np.testing.assert_allclose(there, here, rtol=1e-12, atol=1e-12 * most)
    told = [one.attrs["geocn"] for one in (here, there)]
    assert told[0] | {"mass": 0} == told[1] | {"mass": 0}


def test_merging_keeps_what_is_merged() -> None:
    from geocn.hotspots.count_tally import Tally

    states = [
        {**Tally(1, weight=None, by_period=None).state(), "grid": np.full((2, 2), float(i))}
        for i in (1, 2, 4)
    ]
    assert merge_grids(states)["grid"].tolist() == [[7.0, 7.0], [7.0, 7.0]]
    assert states[0]["grid"].tolist() == [[1.0, 1.0], [1.0, 1.0]]
