"""What a frame holds is what a block gives back: columns, places and their order."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from geocn.io.packed import Pack, decode_block
from geocn.io.packed_texts import texts_of
from geocn.maps._text import are_plain, plain_text
from geocn.maps.columns import NO_DAY, column_of, encode_column, text_levels
from geocn.maps.encoding import encode_rows
from geocn.maps.geometry import encode_geometry, order_of, point_places, steps_a_degree


def values_of(told: dict, arrays: list[np.ndarray]) -> list:
    """A column as the page reads it, value by value."""
    read = []
    for value in arrays[told["a"]["#"]].tolist():
        if told["k"] == "text":
            read.append(told["l"][value] if value < len(told["l"]) else None)
        elif told["k"] == "day":
            read.append(None if value == NO_DAY else value)
        elif np.isnan(value):
            read.append(None)
        else:
            read.append(value if told["k"] == "number" else texts_of(told, [value])[0])
    return read


def round_trip(values: pd.Series) -> list:
    pack = Pack()
    header, arrays = decode_block(pack.block(encode_column(values, pack)))
    return values_of(header, arrays)


@given(st.lists(st.one_of(st.none(), st.text(max_size=12))))
def test_texts_come_back(found: list[str | None]) -> None:
    values = pd.Series(found, dtype=object)
    expected = [None if text is None else plain_text(text) or None for text in found]
    assert round_trip(values) == expected
    codes, levels = text_levels(values)
    assert len(set(levels)) == len(levels)
    assert len(codes) == len(found)


@given(st.lists(st.text(max_size=6), max_size=5))
def test_texts_are_plain_where_nothing_would_change(found: list[str]) -> None:
    unchanged = all(text and plain_text(text) == text for text in found)
    assert are_plain(found) == unchanged


@settings(max_examples=30)
@given(
    st.sampled_from(["", "S", "SZ-", "é ", "20", "A0"]),
    st.lists(st.integers(0, 10**12), min_size=260, max_size=300, unique=True),
    st.booleans(),
)
def test_numbered_texts_come_back(begin: str, numbers: list[int], padded: bool) -> None:
    width = len(str(max(numbers))) if padded else 0
    texts = [begin + str(number).zfill(width) for number in numbers]
    assert round_trip(pd.Series([*texts, None], dtype=object)) == [*texts, None]
    assert column_of(pd.Series(texts)).kind in {"count", "text"}


@pytest.mark.parametrize(
    ("texts", "kind"),
    [
        ([f"S{k}" for k in range(300)], "count"),
        ([f"S{k:05d}" for k in range(300)], "count"),
        ([f"S{k}" for k in range(200)], "text"),
        ([*(f"S{k}" for k in range(300)), "S007"], "text"),
        ([*(f"S{k}" for k in range(300)), "S-1"], "text"),
        ([*(f"S{k}" for k in range(300)), "S"], "text"),
        ([*(f"S{k}" for k in range(300)), "S" + "9" * 17], "text"),
        ([*(f"S{k}" for k in range(300)), "S٣"], "text"),
    ],
)
def test_only_what_comes_back_is_held_as_a_number(texts: list[str], kind: str) -> None:
    values = pd.Series(texts)
    assert column_of(values).kind == kind
    assert round_trip(values) == texts


def test_numbers_days_and_huge_whole_numbers() -> None:
    assert round_trip(pd.Series([0.1, np.nan, np.inf, -3.0])) == [0.1, None, None, -3.0]
    assert round_trip(pd.Series([2**53, -(2**53)])) == [2.0**53, -(2.0**53)]
    assert round_trip(pd.Series([2**53 + 1, 7])) == ["9007199254740993", "7"]
    assert round_trip(pd.Series([10**30, None, 7], dtype=object)) == [str(10**30), None, "7"]
    assert round_trip(pd.Series([True, False, None], dtype=object)) == ["True", "False", None]
    assert round_trip(pd.to_datetime(pd.Series(["1969-12-31", None]), utc=True)) == [-1, None]
    assert round_trip(pd.Series(["x" * 10_000]))[0] == "x" * 1_999 + "…"
    assert round_trip(pd.Series([["b", "a"], {"c"}, None], dtype=object)) == ["a, b", "c", None]
    assert round_trip(pd.Series([1, True, 1.0, "1"], dtype=object)) == ["1", "True", "1.0", "1"]
    for empty in (pd.Series([], dtype=float), pd.Series([], dtype=object)):
        assert round_trip(empty) == []


@given(
    st.lists(
        st.one_of(
            st.none(),
            st.tuples(st.floats(-180, 180, allow_nan=False), st.floats(-90, 90, allow_nan=False)),
        ),
        max_size=30,
    ),
    st.sampled_from([1_000, 10_000, 100_000]),
)
def test_places_come_back_to_half_a_step(places: list, steps: int) -> None:
    shapes = [None if place is None else shapely.Point(place) for place in places]
    pack = Pack()
    told = encode_geometry(gpd.GeoSeries(shapes, crs=4326), pack, steps=steps)
    header, arrays = decode_block(pack.block(told))
    x, y, row, kind, count = (arrays[header[key]["#"]] for key in "xyfkc")
    known = [number for number, place in enumerate(places) if place is not None]
    assert row.tolist() == known
    assert not kind.any()
    assert (count == 1).all()
    xy = np.array([places[k] for k in known]).reshape(-1, 2)
    assert np.abs(x / header["s"] - xy[:, 0]).max(initial=0) <= 0.5000001 / steps
    assert np.abs(y / header["s"] - xy[:, 1]).max(initial=0) <= 0.5000001 / steps


@pytest.mark.parametrize(
    ("precision", "steps"),
    [
        (None, 100_000), ([], 100_000), ([np.nan, 5_000], 100_000), ([1.0, 5_000], 100_000),
        ([55.0, 60.0], 100_000), ([56.0, 5_000], 10_000), ([557.0], 1_000), ([0.0], 100_000),
        ([50_000.0], 1_000),
    ],
)  # fmt: skip
def test_places_are_held_no_worse_than_they_are_known(
    precision: list[float] | None, steps: int
) -> None:
    given_m = None if precision is None else pd.Series(precision, dtype=float)
    assert steps_a_degree(given_m) == steps
    if precision and not np.isnan(precision).any() and steps < 100_000:
        assert 111_320 / steps <= min(precision) / 5


def scattered(n: int) -> gpd.GeoDataFrame:
    rng = np.random.default_rng(4)
    points = shapely.points(rng.normal(-75, 4, n), rng.normal(4, 4, n))
    points[::97] = None
    return gpd.GeoDataFrame({"kg": rng.integers(1, 99, n) / 10}, geometry=points, crs=4326)


def test_points_without_numbers_are_ordered_along_a_curve() -> None:
    frame = scattered(5_000)
    order = order_of(point_places(frame.geometry), [column_of(frame["kg"])])
    assert order is not None
    assert sorted(order) == list(range(len(frame)))
    numbered = pd.Series([f"S{k}" for k in range(len(frame))])
    assert order_of(point_places(frame.geometry), [column_of(numbered)]) is None
    assert order_of(point_places(scattered(500).geometry), []) is None


def test_a_row_keeps_its_place_and_its_values_whatever_the_order() -> None:
    frame = scattered(5_000)
    pack = Pack()
    told, arrays = decode_block(pack.block(encode_rows(frame, None, None, pack)))
    kg = np.array(values_of(told["columns"][0], arrays))
    x, y, row = (arrays[told["geometry"][key]["#"]] for key in "xyf")
    found = {(lon, lat, weight) for lon, lat, weight in zip(x, y, kg[row], strict=True)}
    known = frame[frame.geometry.notna()]
    steps = np.round(shapely.get_coordinates(known.geometry.values) * 1e5).astype(int)
    assert found == {
        (*xy, weight) for xy, weight in zip(map(tuple, steps), known["kg"], strict=True)
    }
    assert len(kg) == len(frame)


def test_a_layer_as_known_is_smaller_than_its_floats() -> None:
    frame = scattered(20_000)
    pack = Pack()
    text = pack.block(encode_rows(frame, None, None, pack))
    assert len(text) < 20_000 * 8
