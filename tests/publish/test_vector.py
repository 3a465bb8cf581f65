"""Layers come back from files as they were, whole or not at all."""

from __future__ import annotations

import json
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pyogrio
import pytest
from geopandas.testing import assert_geodataframe_equal
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from shapely.geometry import LineString, MultiPoint, Point, Polygon

from geocn.errors import CRSError, ParameterError, SchemaError, WriteError
from geocn.publish import write_geopackage, write_geoparquet


@pytest.fixture
def layer() -> gpd.GeoDataFrame:
    """Every kind of column, with null, empty and mixed geometries."""
    frame = gpd.GeoDataFrame(
        {
            "n": pd.array([1, None, 3, 2**60], dtype="Int64"),
            "flag": pd.array([True, None, False, True], dtype="boolean"),
            "text": pd.Series(["añejo", None, "", "=1+1"], dtype="str"),
            "at": pd.to_datetime(
                pd.Series(["2024-01-01", "2024-02-03T04:05:06.123", None, "1969-12-31"]),
                utc=True,
                format="ISO8601",
            ).astype("datetime64[us, UTC]"),
            "x": [1.0, np.nan, np.inf, -0.0],
        },
        geometry=[Point(-72, 4), None, Polygon(), LineString([(0, 0, 1), (1, 1, 2)])],
        crs="EPSG:4326",
    )
    frame.attrs = {"geocn": {"method": "hotspots.getis_ord", "alpha": np.float64(0.05)}}
    return frame


def test_geopackage_keeps_rows_nulls_empties_and_metadata(
    layer: gpd.GeoDataFrame, tmp_path: Path
) -> None:
    path = write_geopackage(
        {"one": layer, "none": layer.iloc[:0], "table": pd.DataFrame({"a": [1, 2]})},
        tmp_path / "x.gpkg",
        metadata={"title": "Año"},
    )
    assert sorted(pyogrio.list_layers(path)[:, 0]) == ["none", "one", "table"]
    back = gpd.read_file(path, layer="one")
    assert back.geometry.isna().tolist() == [False, True, False, False]
    assert back.geometry[2].is_empty
    assert back.geometry[3].has_z
    assert back.crs == "EPSG:4326"
    assert back["text"].tolist()[2:] == ["", "=1+1"]
    assert back["at"][1] == pd.Timestamp("2024-02-03T04:05:06.123Z")
    typed = pyogrio.read_arrow(path, layer="one")[1].to_pandas(types_mapper=None)
    assert typed["n"].notna().sum() == 3
    info = pyogrio.read_info(path, layer="one")
    assert json.loads(info["layer_metadata"]["geocn"]) == {
        "geocn": {"alpha": 0.05, "method": "hotspots.getis_ord"}
    }
    assert json.loads(info["dataset_metadata"]["geocn"]) == {"title": "Año"}
    assert info["dtypes"][list(info["fields"]).index("n")] == "int64"
    empty = gpd.read_file(path, layer="none")
    assert len(empty) == 0
    assert list(empty.columns) == list(layer.columns)
    assert pyogrio.read_dataframe(path, layer="table")["a"].tolist() == [1, 2]


def test_geopackage_content_is_the_same_twice(layer: gpd.GeoDataFrame, tmp_path: Path) -> None:
    first = write_geopackage({"one": layer}, tmp_path / "1.gpkg")
    second = write_geopackage({"one": layer}, tmp_path / "2.gpkg")
    assert_geodataframe_equal(gpd.read_file(first), gpd.read_file(second))
    one, two = (pyogrio.read_info(path) for path in (first, second))
    assert str(one) == str(two)
    assert b"2000-01-01T00:00:00" in first.read_bytes()


def test_geopackage_leaves_the_users_gdal_setting_alone(
    layer: gpd.GeoDataFrame, tmp_path: Path
) -> None:
    write_geopackage({"one": layer}, tmp_path / "1.gpkg")
    assert pyogrio.get_gdal_config_option("OGR_CURRENT_DATE") is None


def test_geopackage_replaces_all_of_the_old_file(layer: gpd.GeoDataFrame, tmp_path: Path) -> None:
    path = tmp_path / "x.gpkg"
    write_geopackage({"one": layer, "two": layer}, path)
    write_geopackage({"three": layer}, path)
    assert pyogrio.list_layers(path)[:, 0].tolist() == ["three"]
    assert [item.name for item in tmp_path.iterdir()] == ["x.gpkg"]


def test_geopackage_renames_reserved_and_clashing_columns(tmp_path: Path) -> None:
    frame = gpd.GeoDataFrame(
        {"fid": [7, 7], "Geom": ["a", "b"], "kg": [1, 2], "KG": [3, 4]},
        geometry=[Point(0, 0), Point(1, 1)],
        crs=4326,
    )
    path = write_geopackage({"x": frame}, tmp_path / "x.gpkg")
    back = gpd.read_file(path)
    assert list(back.columns) == ["fid_", "Geom_", "kg", "KG_", "geometry"]
    assert back["fid_"].tolist() == [7, 7]
    renamed = json.loads(pyogrio.read_info(path)["layer_metadata"]["geocn_renamed"])
    assert renamed == {"fid": "fid_", "Geom": "Geom_", "KG": "KG_"}


@pytest.mark.parametrize("name", ["", "  ", "gpkg_x", "a\nb", "a\0b", "x" * 101, "rtree_a"])
def test_geopackage_refuses_names_that_cannot_be_tables(
    name: str, layer: gpd.GeoDataFrame, tmp_path: Path
) -> None:
    with pytest.raises(ParameterError, match="layer names"):
        write_geopackage({name: layer}, tmp_path / "x.gpkg")
    assert not list(tmp_path.iterdir())


def test_geopackage_refuses_no_layers_and_case_twins(
    layer: gpd.GeoDataFrame, tmp_path: Path
) -> None:
    with pytest.raises(ParameterError, match="at least one layer"):
        write_geopackage({}, tmp_path / "x.gpkg")
    with pytest.raises(ParameterError, match="case only"):
        write_geopackage({"a": layer, "A": layer}, tmp_path / "x.gpkg")


def test_geopackage_holds_columns_of_every_kind(tmp_path: Path) -> None:
    frame = gpd.GeoDataFrame(
        {
            "list": [["a", 1], None],
            "dict": [{"b": float("nan")}, {}],
            "mixed": [1, "two"],
            "cat": pd.Categorical(["u", None]),
            "period": pd.PeriodIndex(["2024-01", "2024-02"], freq="M"),
            "span": pd.to_timedelta(["1h", None]),
            "nul": pd.Series(["a\0b", "\ud800"], dtype=object),
            "big": np.array([2**64 - 1, 0], dtype="uint64"),
            "half": np.array([0.5, 1], dtype="float16"),
            "other": gpd.GeoSeries([Point(1, 2), None], crs=4326),
        },
        geometry=[MultiPoint([(0, 0), (1, 1)]), Point(1, 1)],
        crs=4326,
    )
    back = gpd.read_file(write_geopackage({"x": frame}, tmp_path / "x.gpkg"))
    assert back["list"][0] == '["a", 1]'
    assert back["dict"].tolist() == ['{"b": null}', "{}"]
    assert back["mixed"].tolist() == ["1", "two"]
    assert back["period"].tolist() == ["2024-01", "2024-02"]
    assert back["nul"].tolist() == ["a\N{REPLACEMENT CHARACTER}b", "\N{REPLACEMENT CHARACTER}"]
    assert back["big"][0] == str(2**64 - 1)
    assert back["other"][0] == "POINT (1 2)"
    assert back["cat"].isna().tolist() == [False, True]


def test_a_meaningful_index_is_kept_and_the_input_is_not_changed(
    layer: gpd.GeoDataFrame, tmp_path: Path
) -> None:
    named = layer.set_index(pd.Index(list("abcd"), name="cell_id"))
    before = named.copy()
    assert "cell_id" in gpd.read_file(write_geopackage({"x": named}, tmp_path / "x.gpkg"))
    back = gpd.read_parquet(write_geoparquet(named, tmp_path / "x.parquet"))
    assert back["cell_id"].tolist() == list("abcd")
    assert_geodataframe_equal(named, before)
    assert named.attrs == before.attrs


def test_geoparquet_round_trip_is_exact_with_attrs(layer: gpd.GeoDataFrame, tmp_path: Path) -> None:
    path = write_geoparquet(layer, tmp_path / "x.parquet")
    back = gpd.read_parquet(path)
    assert_geodataframe_equal(back, layer)
    assert back.attrs["geocn"] == {"method": "hotspots.getis_ord", "alpha": 0.05}
    geo = json.loads(pq.read_schema(path).metadata[b"geo"])
    assert geo["version"] == "1.1.0"
    assert geo["columns"]["geometry"]["covering"]["bbox"]["xmin"] == ["bbox", "xmin"]


def test_geoparquet_gives_the_same_bytes_twice(layer: gpd.GeoDataFrame, tmp_path: Path) -> None:
    one = write_geoparquet(layer, tmp_path / "1.parquet").read_bytes()
    assert write_geoparquet(layer.copy(), tmp_path / "2.parquet").read_bytes() == one


def test_geoparquet_of_nothing_tables_and_a_column_called_bbox(
    layer: gpd.GeoDataFrame, tmp_path: Path
) -> None:
    empty = gpd.read_parquet(write_geoparquet(layer.iloc[:0], tmp_path / "e.parquet"))
    assert list(empty.columns) == list(layer.columns)
    assert empty.dtypes.equals(layer.dtypes)
    table = pd.DataFrame({"a": [1.5], "b": ["x"]})
    table.attrs = {"geocn": {"n": 1}}
    back = pd.read_parquet(write_geoparquet(table, tmp_path / "t.parquet"))
    assert back.attrs == {"geocn": {"n": 1}}
    own = gpd.read_parquet(write_geoparquet(layer.assign(bbox="mine"), tmp_path / "b.parquet"))
    assert own["bbox"].tolist() == ["mine"] * 4


@pytest.mark.parametrize("suffix", ["gpkg", "parquet"])
def test_no_crs_and_doubled_columns_are_refused(
    suffix: str, layer: gpd.GeoDataFrame, tmp_path: Path
) -> None:
    path = tmp_path / f"x.{suffix}"

    def write(frame: gpd.GeoDataFrame) -> None:
        if suffix == "gpkg":
            write_geopackage({"x": frame}, path)
        else:
            write_geoparquet(frame, path)

    with pytest.raises(CRSError, match="set_crs"):
        write(layer.set_crs(None, allow_override=True))
    doubled = pd.concat([layer, layer[["n"]]], axis=1)
    with pytest.raises(SchemaError, match="stand twice: n"):
        write(doubled)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("suffix", ["gpkg", "parquet"])
def test_a_failed_write_leaves_the_previous_version_whole(
    suffix: str, layer: gpd.GeoDataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / f"x.{suffix}"
    path.write_bytes(b"previous")

    def broken(*_args: object, **_kwargs: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pyogrio, "write_dataframe", broken)
    monkeypatch.setattr(gpd.GeoDataFrame, "to_parquet", broken)
    write = {
        "gpkg": lambda: write_geopackage({"x": layer}, path),
        "parquet": lambda: write_geoparquet(layer, path),
    }[suffix]
    with pytest.raises(WriteError, match=r"unchanged|untouched"):
        write()
    assert path.read_bytes() == b"previous"
    assert [item.name for item in tmp_path.iterdir()] == [path.name]


def test_a_missing_folder_is_said(layer: gpd.GeoDataFrame, tmp_path: Path) -> None:
    with pytest.raises(WriteError, match="does not exist"):
        write_geoparquet(layer, tmp_path / "no" / "x.parquet")


_TEXT = st.none() | st.text(max_size=12)
_SHAPES = st.sampled_from(
    [None, Point(), Point(1, 2), LineString([(0, 0), (1, 1)]), Polygon([(0, 0), (1, 0), (0, 1)])]
)


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(rows=st.lists(st.tuples(_TEXT, st.floats(), _SHAPES), max_size=5))
def test_any_text_number_and_shape_comes_back(
    rows: list[tuple[str | None, float, object]], tmp_path: Path
) -> None:
    frame = gpd.GeoDataFrame(
        {
            "text": pd.Series([row[0] for row in rows], dtype="str"),
            "number": pd.Series([row[1] for row in rows], dtype="float64"),
        },
        geometry=[row[2] for row in rows],
        crs=4326,
    )
    expected = frame.assign(
        text=frame["text"].str.replace("\0", "\N{REPLACEMENT CHARACTER}", regex=False)
    )
    assert_geodataframe_equal(
        gpd.read_parquet(write_geoparquet(frame, tmp_path / "x.parquet")), expected
    )
    back = gpd.read_file(write_geopackage({"x": frame}, tmp_path / "x.gpkg"))
    assert back.geometry.isna().tolist() == frame.geometry.isna().tolist()
    assert back["text"].fillna("none").tolist() == expected["text"].fillna("none").tolist()
    np.testing.assert_array_equal(back["number"].to_numpy(float), frame["number"].to_numpy(float))
