"""Near repeats against every pair counted one by one, and against published counts."""

import importlib
from itertools import permutations

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from geocn.errors import CRSError, DateError, ParameterError, SchemaError
from geocn.hotspots import near_repeat

COLUMNS = ["from_m", "to_m", "from_days", "to_days"]
COLUMNS += ["observed", "expected", "std", "knox_ratio", "ratio_low", "ratio_high", "p_value"]
INF = np.inf


def events(x, y, days, crs=32618, **columns):
    at = pd.Timestamp("2024-01-01") + pd.to_timedelta(np.asarray(days, float), unit="D")
    return gpd.GeoDataFrame(
        {"at": at, **columns}, geometry=shapely.points(np.c_[x, y].astype(float)), crs=crs
    )


def by_pairs(x, y, days, distances, times, metric):
    """Count each pair where its two intervals hold it."""
    table = np.zeros((len(distances) - 1, len(times) - 1), int)
    for i in range(len(x)):
        for j in range(i):
            dx, dy = abs(x[i] - x[j]), abs(y[i] - y[j])
            d = dx + dy if metric == "manhattan" else (dx * dx + dy * dy) ** 0.5
            t = abs(days[i] - days[j])
            for a in range(len(distances) - 1):
                for b in range(len(times) - 1):
                    inside = distances[a] <= d < distances[a + 1]
                    table[a, b] += inside and times[b] <= t < times[b + 1]
    return table


@pytest.mark.reference
def test_chicago_burglaries_are_counted_as_published(reference):
    path = reference / "hotspots" / "near_repeat" / "chicago_be_month1.csv"
    data = pd.read_csv(path, header=None, names=["x", "y", "day"])
    frame = gpd.GeoDataFrame(data, geometry=gpd.points_from_xy(data.x, data.y), crs=26971)
    knox = near_repeat(
        frame,
        time="day",
        distances=[0, 1, 101, 201, 301, INF],
        times=[0, 8, 15, 22, INF],
        metric="manhattan",
        permutations=99,
    )
    assert knox["observed"].to_numpy().reshape(5, 4).tolist() == [
        [29, 4, 5, 2],
        [45, 15, 7, 2],
        [106, 48, 21, 13],
        [88, 64, 46, 15],
        [206611, 138108, 88321, 36415],
    ]
    labels = ["same", "1–100", "101–200", "201–300", ">300"]
    assert knox.index.get_level_values("distance_m").unique().tolist() == labels
    labels = ["0–7", "8–14", "15–21", ">21"]
    assert knox.index.get_level_values("time_days").unique().tolist() == labels
    assert knox.loc[("same", "0–7"), "p_value"] < 0.05


@given(
    places=st.lists(
        st.tuples(st.integers(0, 12), st.integers(0, 12), st.sampled_from([0, 1, 1.5, 2, 7, 9])),
        max_size=14,
    ),
    distances=st.sampled_from([[0, 1, 5, INF], [0, 5, 10], [2, 5, INF], [0, INF], [3, 4.5]]),
    times=st.sampled_from([[0, 2, INF], [0, 1, 7], [1, 2, 9], [0.5, 1, INF]]),
    metric=st.sampled_from(["euclidean", "manhattan"]),
)
def test_every_pair_is_counted_where_its_intervals_hold_it(places, distances, times, metric):
    x, y, days = np.array(places, float).reshape(-1, 3).T
    knox = near_repeat(
        events(x, y, days),
        time="at",
        distances=distances,
        times=times,
        metric=metric,
        permutations=3,
    )
    table = knox["observed"].to_numpy().reshape(len(distances) - 1, -1)
    np.testing.assert_array_equal(table, by_pairs(x, y, days, distances, times, metric))
    assert knox["p_value"].between(0.25, 1).all()


def test_p_value_agrees_with_every_order_of_the_times():
    x, y, days = [0, 0, 50, 50, 90, 300], [0] * 6, [0, 1, 20, 21, 40, 60]
    edges = [[0, 101, INF], [0, 8, INF]]
    seen = by_pairs(x, y, days, *edges, "euclidean")
    exact = np.mean(
        [by_pairs(x, y, p, *edges, "euclidean") >= seen for p in permutations(days)], axis=0
    )
    knox = near_repeat(
        events(x, y, days), time="at", distances=edges[0], times=edges[1], permutations=20_000
    )
    np.testing.assert_allclose(knox["p_value"].to_numpy().reshape(2, 2), exact, atol=0.015)


def test_random_times_are_seldom_significant():
    rng = np.random.default_rng(5)
    p = [
        near_repeat(
            events(*rng.random((2, 60)) * 1000, rng.integers(0, 60, 60)),
            time="at",
            distances=[0, 200],
            times=[0, 8],
            permutations=99,
        )["p_value"].iloc[0]
        for _ in range(200)
    ]
    assert np.mean(np.array(p) <= 0.05) <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 200)


def test_degrees_are_measured_on_the_earth_and_across_the_antimeridian():
    ends = gpd.GeoDataFrame(
        {"at": pd.to_datetime(["2024-01-01", "2024-01-02"])},
        geometry=shapely.points([[179.9995, -17], [-179.9995, -17]]),
        crs=4326,
    )
    # 0.001 degree of longitude at 17 degrees south is 106.5 m.
    knox = near_repeat(ends, time="at", distances=[0, 106, 107, INF], times=[0, 8, INF])
    assert knox.loc[("106", "0–7"), "observed"] == 1
    with pytest.raises(ParameterError, match="manhattan"):
        near_repeat(ends, time="at", distances=[0, 9], times=[0, 8], metric="manhattan")


def test_feet_are_brought_to_metres():
    two = events([0, 328.084], [0, 0], [0, 1], crs=2263)
    knox = near_repeat(two, time="at", distances=[0, 99, 101], times=[0, 8])
    assert knox["observed"].tolist() == [0, 1]


def test_what_has_no_place_or_day_is_left_out_and_counted():
    frame = events([0] * 4, [0] * 4, [0] * 4)
    frame["date_precision"] = ["day", "month", "day", "day"]
    frame.loc[2, "geometry"] = None
    frame.loc[3, "at"] = pd.NaT
    before = frame.copy()
    knox = near_repeat(frame, time="at", distances=[0, 101], times=[0, 8], permutations=9)
    assert knox["observed"].tolist() == [0]
    record = knox.attrs["geocn"]
    assert record["left_out"] == {"no_place": 1, "no_exact_time": 2}
    assert record["n_events"] == 1
    pd.testing.assert_frame_equal(frame, before)


def test_vague_events_do_not_repeat_themselves():
    rng = np.random.default_rng(3)
    days = rng.integers(0, 365, 120)
    # A port on whose centre the customs put all its seizures, 40 of them in one week.
    days[:40] = 100 + np.arange(40) % 7
    x, y = rng.random((2, 120)) * 20_000
    x[:40] = y[:40] = 10_000
    precision = np.where(np.arange(120) < 40, 10_000.0, 10.0)
    options = {"time": "at", "distances": [0, 101, INF], "times": [0, 8, INF], "permutations": 99}
    stacked = near_repeat(events(x, y, days), **options)
    spread = near_repeat(events(x, y, days, location_precision_m=precision), **options)
    cell = stacked.index[0]
    assert stacked.loc[cell, "observed"] == 780
    assert spread.loc[cell, "observed"] < 2
    assert spread.loc[cell, "p_value"] > 0.05
    record = spread.attrs["geocn"]
    assert (record["n_imprecise"], record["imprecise_share"]) == (40, 40 / 120)
    assert spread["observed"].sum() == pytest.approx(120 * 119 / 2)
    again = near_repeat(events(x, y, days, location_precision_m=precision), **options)
    pd.testing.assert_frame_equal(spread, again)


def test_places_stand_in_for_events_that_only_name_them():
    frame = events([0, 0, 50], [0, 0, 0], [0, 1, 2], admin_code=["A", "A", None])
    frame.loc[[0, 1], "geometry"] = None
    areas = gpd.GeoDataFrame(
        {"admin_code": ["A"]}, geometry=[shapely.box(0, 0, 9_000, 9_000)], crs=32618
    )
    options = {"time": "at", "distances": [0, INF], "times": [0, 8], "permutations": 9}
    assert near_repeat(frame, **options).attrs["geocn"]["n_events"] == 1
    options["distances"] = [0, 1_000, INF]
    knox = near_repeat(frame, places=areas, **options)
    assert knox.attrs["geocn"]["n_imprecise"] == 2
    assert knox["observed"].sum() == pytest.approx(3)


@given(
    places=st.lists(
        st.tuples(st.integers(0, 4), st.integers(0, 4), st.integers(0, 4)), min_size=2, max_size=6
    ),
    distances=st.sampled_from([[0, 1, 3, INF], [1, 3], [0, 2]]),
    times=st.sampled_from([[0, 1, 3], [0, 2, INF], [1, 3]]),
)
@settings(max_examples=15)
def test_moments_are_those_of_every_order_of_the_times(places, distances, times):
    x, y, days = np.array(places, float).T
    every = np.array(
        [by_pairs(x, y, p, distances, times, "euclidean") for p in permutations(days)], float
    )
    knox = near_repeat(
        events(x, y, days), time="at", distances=distances, times=times, permutations=1
    )
    shape = every.shape[1:]
    np.testing.assert_allclose(knox["expected"].to_numpy().reshape(shape), every.mean(axis=0))
    std = knox["std"].to_numpy().reshape(shape)
    np.testing.assert_allclose(std, every.std(axis=0), atol=1e-7)


def test_the_interval_of_the_ratio_is_that_of_a_poisson_count_or_wider():
    rng = np.random.default_rng(2)
    frame = events(*rng.random((2, 300)) * 5_000, rng.integers(0, 300, 300))
    row = near_repeat(frame, time="at", distances=[0, 200], times=[0, 8]).iloc[0]
    phi = max(1.0, row["std"] ** 2 / row["expected"])
    assert phi == pytest.approx(1, abs=0.1)
    n, unit = row["observed"] / phi, phi / row["expected"]
    low, high = row["ratio_low"] / unit, row["ratio_high"] / unit
    # Whole or not, the gamma law is the Poisson's tail (Garwood).
    assert stats.gamma.cdf(low, n) == pytest.approx(0.025)
    assert stats.gamma.sf(high, n + 1) == pytest.approx(0.025)
    narrow = near_repeat(frame, time="at", distances=[0, 200], times=[0, 8], confidence=0.5)
    assert row["ratio_low"] < narrow["ratio_low"].iloc[0] < row["knox_ratio"]
    assert row["knox_ratio"] < narrow["ratio_high"].iloc[0] < row["ratio_high"]


def test_the_interval_holds_the_truth_as_often_as_it_says():
    rng = np.random.default_rng(9)
    held = []
    for _ in range(120):
        # Piles of events share partners: the count varies more than a Poisson one.
        x, y = rng.integers(0, 5, (2, 80)) * 1_000
        frame = events(x, y, rng.integers(0, 200, 80))
        row = near_repeat(
            frame, time="at", distances=[0, 10], times=[0, 8], permutations=1, confidence=0.9
        ).iloc[0]
        held.append(row["ratio_low"] <= 1 <= row["ratio_high"])
    assert np.mean(held) >= 0.9 - 3 * np.sqrt(0.9 * 0.1 / 120)


def test_no_events_give_the_same_columns_and_the_same_seed_the_same_values():
    edges = {"distances": [0, 101, INF], "times": [0, 8, INF]}
    none = near_repeat(events([], [], []), time="at", **edges)
    assert list(none.columns) == COLUMNS
    assert none["observed"].sum() == 0
    rng = np.random.default_rng(1)
    frame = events(*rng.random((2, 50)) * 500, rng.random(50) * 30)
    once, again = (near_repeat(frame, time="at", permutations=200, **edges) for _ in range(2))
    pd.testing.assert_frame_equal(once, again)


def test_labels_of_other_edges_say_what_they_hold():
    knox = near_repeat(
        events([], [], []), time="at", distances=[0, 0.5, 2.5, INF], times=[0, 1, 2, INF]
    )
    distances = knox.index.get_level_values("distance_m").unique().tolist()
    assert distances == ["same", "0.5 to <2.5", "≥2.5"]
    assert knox.index.get_level_values("time_days").unique().tolist() == ["0", "1", ">1"]


@pytest.mark.parametrize(
    "bad", [[0], [1, 1], [5, 2], [-1, 2], [0, INF, INF], [0, np.nan], [[0, 1], [2, 3]]]
)
@pytest.mark.parametrize("which", ["distances", "times"])
def test_wrong_edges_are_refused(which, bad):
    options = {"distances": [0, 101], "times": [0, 8], which: bad}
    with pytest.raises(ParameterError, match=which):
        near_repeat(events([0], [0], [0]), time="at", **options)


def test_wrong_input_is_refused():
    good, edges = events([0, 1], [0, 1], [0, 1]), {"distances": [0, 101], "times": [0, 8]}
    with pytest.raises(CRSError):
        near_repeat(good.set_crs(None, allow_override=True), time="at", **edges)
    with pytest.raises(SchemaError, match="no column when"):
        near_repeat(good, time="when", **edges)
    with pytest.raises(SchemaError, match="numbers"):
        near_repeat(good.assign(at=[1, 2]), time="at", **edges)
    with pytest.raises(DateError, match="soon"):
        near_repeat(good.assign(at=["2024-01-01", "soon"]), time="at", **edges)
    with pytest.raises(ParameterError, match="metric"):
        near_repeat(good, time="at", metric="chebyshev", **edges)
    with pytest.raises(ParameterError, match="permutations"):
        near_repeat(good, time="at", permutations=0, **edges)


def test_too_many_close_pairs_are_refused_before_memory_is(monkeypatch):
    module = importlib.import_module("geocn.hotspots.knox")
    monkeypatch.setattr(module, "_MOST_PAIRS", 10)
    with pytest.raises(ParameterError, match="pairs of events are closer"):
        near_repeat(events([0] * 9, [0] * 9, [0] * 9), time="at", distances=[0, 9], times=[0, 8])
