"""Duplicates: flagged with a group and a score, equal to the plain comparison of all pairs."""

from __future__ import annotations

import itertools

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from geocn.errors import ParameterError
from geocn.harmonise.duplicates import exact_duplicates, find_duplicates


def rows(**columns: list) -> pd.DataFrame:
    frame = pd.DataFrame(columns)
    frame["seized_at"] = pd.to_datetime(frame["seized_at"], utc=True, format="ISO8601")
    return frame


def pair(**change) -> pd.DataFrame:
    base = {
        "seized_at": ["2024-05-01", "2024-05-01"],
        "drug": ["cocaine", "cocaine"],
        "weight_kg": [10.0, 10.0],
        "admin_code": ["CO1", "CO1"],
        "source": ["police", "navy"],
    }
    return rows(**(base | change))


def test_two_sources_of_one_seizure_are_a_group() -> None:
    result = find_duplicates(pair())
    assert result.group.tolist() == [0, 0]
    assert result.score.tolist() == [1.0, 1.0]
    assert result.n_extra == 1


@pytest.mark.parametrize(
    "change",
    [
        {"drug": ["cocaine", "heroin"]},
        {"drug": ["cocaine", None]},
        {"weight_kg": [10.0, 12.0]},
        {"weight_kg": [10.0, np.nan]},
        {"weight_kg": [0.0, 0.0]},
        {"admin_code": ["CO1", "CO2"]},
        {"admin_code": [None, None]},
        {"seized_at": ["2024-05-01", "2024-05-03"]},
        {"seized_at": ["2024-05-01", None]},
        {"source": ["police", "police"]},
    ],
)
def test_what_differs_is_no_duplicate(change: dict) -> None:
    assert find_duplicates(pair(**change)).group.isna().all()


def test_points_near_each_other_count_as_one_place() -> None:
    frame = pair(admin_code=[None, None])
    near = [shapely.Point(-74, 4), shapely.Point(-74.01, 4)]
    far = [shapely.Point(-74, 4), shapely.Point(-74.2, 4)]
    assert find_duplicates(gpd.GeoDataFrame(frame, geometry=near, crs=4326)).group.notna().all()
    assert find_duplicates(gpd.GeoDataFrame(frame, geometry=far, crs=4326)).group.isna().all()
    named = frame.assign(place_match="name", location_precision_m=9_000.0)
    assert find_duplicates(gpd.GeoDataFrame(named, geometry=near, crs=4326)).group.isna().all()


def test_a_point_within_the_area_that_the_other_source_names() -> None:
    frame = pair(admin_code=["CO1", None]).assign(
        place_match=["name", "coordinates"], location_precision_m=[20_000.0, 10.0]
    )
    within = [shapely.Point(-74, 4), shapely.Point(-74.05, 4)]
    beyond = [shapely.Point(-74, 4), shapely.Point(-74.5, 4)]
    found = find_duplicates(gpd.GeoDataFrame(frame, geometry=within, crs=4326))
    assert found.group.notna().all()
    assert found.score.max() == pytest.approx(0.8)
    assert find_duplicates(gpd.GeoDataFrame(frame, geometry=beyond, crs=4326)).group.isna().all()


@pytest.mark.parametrize(
    ("later", "grouped"),
    [("2024-05-01T14:45", True), ("2024-05-02T20:00", True), ("2024-05-03T01:00", False)],
)
def test_a_day_may_mean_any_time_of_it(later: str, grouped: bool) -> None:
    frame = pair(seized_at=["2024-05-01", later], date_precision=["day", "time"])
    result = find_duplicates(frame, min_score=0.5)
    assert result.group.notna().all() == grouped


def test_places_without_a_code_are_compared_by_their_name() -> None:
    frame = pair(admin_code=[None, None]).assign(country="Peru")
    assert find_duplicates(frame.assign(place=["LIMA", "Lima"])).group.notna().all()
    assert find_duplicates(frame.assign(place=["Lima", "Ica"])).group.isna().all()
    assert find_duplicates(frame.assign(place=None)).group.isna().all()


def test_within_one_source_on_request() -> None:
    frame = pair(source=["police", "police"])
    assert find_duplicates(frame, across_sources=False).group.notna().all()


def test_exact_duplicates_count_nulls_as_equal() -> None:
    frame = pd.DataFrame({"a": [1, 1, 2, None, None], "b": ["x", "x", "x", None, None]})
    result = exact_duplicates(frame)
    assert result.group.tolist() == [0, 0, pd.NA, 1, 1]
    assert result.n_extra == 2
    assert exact_duplicates(frame.iloc[:0]).group.tolist() == []


def test_parameters_and_empty() -> None:
    with pytest.raises(ParameterError, match="weight_ratio"):
        find_duplicates(pair(), weight_ratio=0.5)
    assert len(find_duplicates(pair().iloc[:0]).group) == 0


@given(st.data())
def test_equal_to_comparing_all_pairs(data: st.DataObject) -> None:
    n = data.draw(st.integers(2, 25))
    draw = lambda values: data.draw(st.lists(st.sampled_from(values), min_size=n, max_size=n))  # noqa: E731
    frame = rows(
        seized_at=draw(["2024-05-01", "2024-05-01T12:00", "2024-05-02", "2024-05-04"]),
        drug=draw(["a", "b"]),
        weight_kg=draw([1.0, 1.05, 1.2, 5.0]),
        admin_code=draw(["x", "y", None]),
        source=draw(["p", "q"]),
    )
    result = find_duplicates(frame, min_score=0.0)
    linked = set()
    for i, j in itertools.combinations(range(n), 2):
        a, b = frame.iloc[i], frame.iloc[j]
        days = abs((a.seized_at - b.seized_at).total_seconds()) / 86400
        ratio = max(a.weight_kg, b.weight_kg) / min(a.weight_kg, b.weight_kg)
        same = a.drug == b.drug and a.admin_code == b.admin_code and isinstance(a.admin_code, str)
        if same and a.source != b.source and days <= 1 and ratio <= 1.1:
            linked |= {i, j}
            assert result.group.iloc[i] == result.group.iloc[j]
    assert set(np.flatnonzero(result.group.notna())) == linked


@pytest.mark.slow
def test_speed_on_as_many_rows_as_the_real_file() -> None:
    import time

    rng = np.random.default_rng(1)
    n = 311_038
    frame = pd.DataFrame(
        {
            "seized_at": pd.Timestamp("2011-01-01", tz="UTC")
            + pd.to_timedelta(rng.integers(0, 2190, n), unit="D"),
            "drug": rng.choice(["cocaine", "cannabis herb", "heroin", "paste"], n),
            "weight_kg": 10 ** rng.normal(0, 1, n),
            "admin_code": rng.integers(0, 1000, n).astype(str),
            "source": rng.choice(["p", "q"], n),
        }
    )
    started = time.process_time()
    find_duplicates(frame)
    assert time.process_time() - started < 4.0
