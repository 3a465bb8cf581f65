import json
import os
from datetime import date
from pathlib import Path
from types import MappingProxyType
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import rioxarray  # noqa: F401 - the accessor of rasters
import shapely
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal, assert_index_equal

from geocn.project.cache import Cache
from geocn.project.cache_arrays import UnstorableError
from geocn.project.cache_codec import EntryError, digest, from_bytes, to_bytes
from geocn.project.results import Result


def frame_of_everything() -> gpd.GeoDataFrame:
    index = pd.MultiIndex.from_tuples([("a", 1), ("b", 2), ("c", 3)], names=["x", None])
    shapes = [shapely.Point(1, 2, 3), None, shapely.MultiPolygon()]
    frame = gpd.GeoDataFrame(
        {
            "text": pd.Series(["ñ", None, ""], dtype="str").to_numpy(),
            "flag": pd.array([True, None, False], dtype="boolean"),
            "count": pd.array([2**60, None, -1], dtype="Int64"),
            "number": [np.nan, -0.0, np.inf],
            "small": np.array([1, 2, 3], dtype="int8"),
            "at": pd.to_datetime(["2024-01-01", None, "2025-03-01"], utc=True).as_unit("us"),
            "local": pd.to_datetime(["2024-01-01"] * 3).tz_localize("America/Bogota"),
            "day": pd.to_datetime(["2024-01-01", None, "2025-03-01"]),
            "kind": pd.Categorical(["u", "v", None], categories=["v", "u", "w"], ordered=True),
            "month": pd.PeriodIndex(["2024-01", "2024-02", "NaT"], freq="M"),
            "range": pd.arrays.IntervalArray.from_breaks([0.0, 1.0, 2.0, 3.0], closed="left"),
            "any": pd.Series([(1, "x"), None, {"k": [date(2024, 1, 2)]}], dtype=object).to_numpy(),
            "span": pd.to_timedelta([1, 2, 3], unit="s"),
        },
        index=index,
        geometry=gpd.array.from_shapely(np.array(shapes, dtype=object), crs="EPSG:4326"),
    )
    frame["other"] = gpd.GeoSeries(
        [shapely.LineString([(0, 0), (1, 1)])] * 3, index=index, crs="EPSG:3116"
    )
    frame.attrs = {"geocn": {"method": "x", "n": 1, "list": [1.5, None]}, "tuple": (1, "a")}
    return frame[["kind", "geometry", *[c for c in frame if c not in ("kind", "geometry")]]]


def test_a_frame_comes_back_the_same() -> None:
    frame = frame_of_everything()
    back = from_bytes(to_bytes(frame))
    assert type(back) is type(frame)
    assert list(back.columns) == list(frame.columns)
    assert (back.dtypes == frame.dtypes).all()
    assert_index_equal(back.index, frame.index, exact=True)
    assert back.attrs == frame.attrs
    assert back.geometry.name == "geometry"
    assert (back.crs, back["other"].crs) == (frame.crs, frame["other"].crs)
    plain = [name for name in frame if name not in ("geometry", "other")]
    assert_frame_equal(pd.DataFrame(back[plain]), pd.DataFrame(frame[plain]), check_exact=True)
    for name in ("geometry", "other"):
        assert shapely.to_wkb(back[name]).tolist() == shapely.to_wkb(frame[name]).tolist()
    assert digest(back) == digest(frame)


@pytest.mark.parametrize(
    "value",
    [
        pd.DataFrame(),
        pd.DataFrame({"a": []}, index=pd.RangeIndex(0, name="n")),
        pd.DataFrame([[1, 2]], columns=pd.MultiIndex.from_tuples([("a", 1), ("b", 2)])),
        pd.Series([1.5, None], index=["x", "y"], name=("k", 1)),
        gpd.GeoSeries([shapely.Point(0, 1)], crs=4326, name="g"),
        pd.date_range("2024-01-01", periods=3, freq="MS"),
        MappingProxyType({"a": (1, [2.5, np.float32(1)]), 2: {"b"}}),
        [None, True, -1, 1e300, "ü", date(2024, 2, 29), pd.Timestamp("2024-01-01", tz="UTC")],
        pd.Timedelta("1h"),
        np.zeros((0, 3)),
        np.array([["a", None]], dtype=object),
    ],
)
def test_other_values_come_back_the_same(value: Any) -> None:
    content = to_bytes(value)
    back = from_bytes(content)
    assert type(back) is type(value)
    assert to_bytes(back) == content
    if isinstance(value, pd.Index):
        assert back.freqstr == value.freqstr


def test_a_raster_and_a_result_come_back_the_same() -> None:
    raster = xr.DataArray(
        np.arange(6, dtype="float32").reshape(2, 3),
        dims=("y", "x"),
        coords={"y": [2.0, 1.0], "x": [0.5, 1.5, 2.5]},
        attrs={"marking": "TLP:GREEN"},
        name="cost",
    ).rio.write_crs(4326)
    raster = raster.rio.write_nodata(-1, encoded=True)
    result = Result("n", "zonal", frame_of_everything(), {"m": pd.DataFrame()}, {"r": raster})
    back = from_bytes(to_bytes(result))
    assert isinstance(back, Result)
    xr.testing.assert_identical(back.rasters["r"], raster)
    assert back.rasters["r"].encoding == raster.encoding
    assert back.rasters["r"].rio.crs == raster.rio.crs


def test_the_hash_follows_the_content_alone() -> None:
    frame = frame_of_everything()
    assert digest(frame) == digest(frame.copy()) == digest(frame.iloc[::-1].iloc[::-1])
    masked = frame.assign(count=pd.array([2**60, 7, -1], dtype="Int64"))
    masked.loc[masked.index[1], "count"] = pd.NA
    assert digest(masked) == digest(frame)
    for other in (
        frame.rename(columns={"text": "words"}),
        frame.assign(small=frame["small"].astype("int16")),
        frame.set_crs("EPSG:4258", allow_override=True),
        frame.iloc[::-1],
        frame.reset_index(drop=True),
    ):
        assert digest(other) != digest(frame)
    other = frame.copy()
    other.attrs["tuple"] = (1, "b")
    assert digest(other) != digest(frame)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.one_of(st.none(), st.text(max_size=8)), max_size=12), st.data())
def test_texts_come_back_the_same(texts: list[str | None], data: Any) -> None:
    clean = [t if t is None else t.encode("utf-8", "ignore").decode() for t in texts]
    column = pd.Series(clean, dtype="str")
    start = data.draw(st.integers(0, len(clean)))
    part = column.iloc[start:]
    back = from_bytes(to_bytes(part))
    assert back.astype(object).where(back.notna(), None).tolist() == clean[start:]
    assert digest(part) == digest(part.copy()) == digest(back)


def test_what_has_no_form_is_said() -> None:
    for value in (object(), pd.DataFrame({"a": [object()]}), lambda: 1, Path("x")):
        with pytest.raises(UnstorableError):
            to_bytes(value)
    ring = gpd.GeoSeries([shapely.LinearRing([(0, 0), (1, 0), (1, 1)])])
    with pytest.raises(UnstorableError):
        to_bytes(ring)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.integers(0, 255))
def test_spoilt_bytes_are_an_error_or_a_value_never_a_crash(place: int, byte: int) -> None:
    content = bytearray(to_bytes(pd.DataFrame({"a": ["x", "y"] * 50, "b": range(100)})))
    content[place % len(content)] = byte
    try:
        from_bytes(bytes(content))
    except EntryError:
        return


def test_an_entry_is_kept_for_its_owner_and_found_again(tmp_path: Path) -> None:
    cache = Cache(tmp_path / "cache")
    key = cache.key("test", {"a": 1})
    assert key != cache.key("test", {"a": 2})
    assert cache.remember(key, lambda: pd.DataFrame({"a": [1]}))[1] is False
    value, found = Cache(tmp_path / "cache").remember(key, lambda: pytest.fail("computed again"))
    assert found
    assert value["a"].tolist() == [1]
    assert (tmp_path / "cache").stat().st_mode & 0o777 == 0o700
    assert [p.name for p in cache.path(key).parent.iterdir()] == [cache.path(key).name]


@pytest.mark.parametrize("spoil", ["cut", "flip", "foreign", "empty", "renamed"])
def test_an_entry_that_is_not_whole_is_computed_afresh(tmp_path: Path, spoil: str) -> None:
    cache = Cache(tmp_path)
    key, other = cache.key("test", {}), cache.key("test", {"b": 1})
    cache.put(key, pd.DataFrame({"a": range(1000)}))
    path = cache.path(key)
    content = path.read_bytes()
    spoilt = {
        "cut": content[: len(content) // 2],
        "flip": content[:-5] + bytes([content[-5] ^ 1]) + content[-4:],
        "foreign": b"\x80\x04K\x01.",
        "empty": b"",
        "renamed": content,
    }[spoil]
    wanted = other if spoil == "renamed" else key
    cache.path(wanted).parent.mkdir(exist_ok=True)
    cache.path(wanted).write_bytes(spoilt)
    assert cache.get(wanted) is None
    assert "computed afresh" in cache.notes[-1]
    assert cache.remember(wanted, lambda: "new") == ("new", False)
    assert cache.get(wanted) == "new"


@pytest.mark.parametrize("kind", ["pipe", "link", "folder"])
def test_what_is_no_file_is_neither_read_nor_in_the_way(tmp_path: Path, kind: str) -> None:
    cache = Cache(tmp_path / "cache")
    key = cache.key("layer", {})
    cache.put(key, 1)
    path = cache.path(key)
    whole = path.rename(tmp_path / "whole")
    made = {"pipe": os.mkfifo, "link": lambda p: p.symlink_to(whole), "folder": os.mkdir}
    made[kind](path)
    assert cache.remember(key, lambda: 2) == (2, False)
    assert "no file" in cache.notes[0]
    cache.prune(keep_runs=1, max_mb=0)


def test_a_folder_that_others_may_write_to_is_not_trusted(tmp_path: Path) -> None:
    cache = Cache(tmp_path / "cache")
    key = cache.key("test", {})
    cache.put(key, 1.5)
    (tmp_path / "cache").chmod(0o777)
    other = Cache(tmp_path / "cache")
    assert other.get(key) is None
    assert other.notes == ["no cache: others may write into its folder"]


def test_a_cache_that_only_looks_makes_nothing(tmp_path: Path) -> None:
    cache = Cache(tmp_path / "none", writes=False)
    cache.put(cache.key("test", {}), 1)
    assert cache.prune(keep_runs=1, max_mb=1) == 0
    assert list(tmp_path.iterdir()) == []


def test_what_was_not_used_is_removed(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    keys = [cache.key("test", {"n": n}) for n in range(4)]
    (tmp_path / "runs").mkdir()
    for place, key in enumerate(keys):
        cache.put(key, np.random.default_rng(place).bytes(100_000).hex())
        os.utime(cache.path(key), (1000 + place * 10, 1000 + place * 10))
        record = tmp_path / "runs" / f"{place}.json"
        record.write_text(json.dumps({}))
        os.utime(record, (1000 + place * 10, 1000 + place * 10))
    cache.get(keys[0])
    assert cache.prune(keep_runs=2, max_mb=100) == 1
    assert [cache.holds(key) for key in keys] == [True, False, True, True]
    assert len(list((tmp_path / "runs").iterdir())) == 2
    assert cache.prune(keep_runs=2, max_mb=0.25) == 2
    assert cache.holds(keys[0])
