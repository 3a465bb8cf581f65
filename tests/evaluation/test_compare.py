"""Changes between periods: exact laws, exposure, gaps, vague dates and overdispersion."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from geocn.errors import DateError, GeometryError, LayerError, ParameterError, SchemaError
from geocn.evaluation import compare_periods
from geocn.provenance import attach

#: Of equal length: 365 days each.
PERIODS = {"before": ("2022-01-01", "2022-12-31"), "after": ("2023-01-01", "2023-12-31")}
RATIO = ["ratio", "ratio_low", "ratio_high"]


def events(n_before: int, n_after: int, **columns: object) -> pd.DataFrame:
    """Events spread evenly over both years."""
    days = [
        pd.Timestamp(f"{year}-01-01") + pd.to_timedelta((np.arange(n) + 0.5) * 364 / max(n, 1), "D")
        for year, n in ((2022, n_before), (2023, n_after))
    ]
    when = [*days[0], *days[1]]
    return pd.DataFrame({"seized_at": pd.to_datetime(pd.Series(when, dtype="M8[us]"))} | columns)


def one(layer: pd.DataFrame, **options: object) -> pd.Series:
    return compare_periods(layer, **(PERIODS | options)).iloc[0]


def test_exact_conditional_test_and_interval() -> None:
    found = one(events(5, 14))
    test = stats.binomtest(14, 19)
    low, high = test.proportion_ci(0.95)
    np.testing.assert_allclose(
        found[RATIO].to_numpy(dtype=float), [14 / 5, low / (1 - low), high / (1 - high)], rtol=1e-6
    )
    assert found["p_value"] == pytest.approx(2 * stats.binom.sf(13, 19, 0.5))
    assert found["change"] == 9
    assert found["change_low"] < 9 < found["change_high"]


def test_unequal_periods_compare_rates() -> None:
    layer = events(120, 30)
    quarter = ("2023-01-01", "2023-03-31")
    found = one(layer, after=quarter)
    inside = (layer["seized_at"] >= "2023-01-01") & (layer["seized_at"] < "2023-04-01")
    assert found["after"] == inside.sum()
    assert found["ratio"] == pytest.approx(inside.sum() / 90 / (120 / 365))
    assert found["change"] == pytest.approx(inside.sum() - 120 * 90 / 365)


def test_effort_takes_the_place_of_days() -> None:
    """Twice the seizures for twice the patrols is no change."""
    found = one(events(20, 40), exposure=(100.0, 200.0))
    assert found["ratio"] == pytest.approx(1)
    assert found["change"] == pytest.approx(0)
    assert found["p_value"] > 0.8
    nothing = one(events(20, 40), exposure=(0.0, 200.0))
    assert np.isnan(nothing["ratio"])
    assert nothing["note"] == "nothing was observed before"


def test_gaps_are_said_and_taken_off() -> None:
    gap = {"from": "2023-01-01", "to": "2023-06-30"}
    layer = events(24, 24)
    found = compare_periods(layer, gaps=[gap], **PERIODS)
    row = found.iloc[0]
    assert row["after_exposure"] == 184
    assert row["after_reported"] == pytest.approx(184 / 365)
    assert found.attrs["geocn"]["left_out"]["during_gap"] == 24 - row["after"]
    assert row["ratio"] == pytest.approx(1, abs=0.1)
    declared = attach(events(24, 24), "read", declared_gaps=[gap])
    pd.testing.assert_frame_equal(compare_periods(declared, **PERIODS), found)


def test_a_gap_of_one_area_is_its_own() -> None:
    layer = events(10, 10, admin_code=["A", "B"] * 10)
    gap = {"from": "2023-01-01", "to": "2023-12-31", "areas": ["B"]}
    found = compare_periods(layer, by="admin_code", gaps=[gap], **PERIODS)
    assert found["after_reported"].tolist() == [1, 0]
    assert found.loc["B", "note"] == "nothing was observed after"
    assert np.isnan(found.loc["B", "p_adjusted"])


def test_vague_dates_make_a_range() -> None:
    layer = pd.DataFrame(
        {"seized_at": ["2022-03-01", "2022-01-01", "2022-06-01", "2022-09-01", None],
         "date_precision": ["day", "year", "month", "day", "day"]}
    )  # fmt: skip
    halves = {"before": ("2022-01-01", "2022-06-15"), "after": ("2022-06-16", "2022-12-31")}
    found = compare_periods(layer, **halves)
    row = found.iloc[0]
    # The year and the month may lie on either side of the middle of June.
    assert row[["before", "before_high", "after", "after_high"]].tolist() == [1, 3, 1, 3]
    assert row["n_unsure"] == 2
    assert row["ratio_range_low"] == pytest.approx(row["ratio"] / 3)
    assert row["ratio_range_high"] == pytest.approx(row["ratio"] * 3)
    assert found.attrs["geocn"]["left_out"]["no_time"] == 1


def test_years_of_a_table_and_sums() -> None:
    table = pd.DataFrame(
        {"year": [2022, 2022, 2023, 2023], "admin_code": list("ABAB"),
         "area_ha": [10.0, 20.0, 30.0, 20.0]}
    )  # fmt: skip
    found = compare_periods(table, by="admin_code", value="area_ha", **PERIODS)
    assert found["change"].tolist() == [20, 0]
    assert found["unit"].tolist() == ["area_ha"] * 2


def test_sums_are_as_sure_as_the_events_they_come_from() -> None:
    """Weights all alike: the ratio of kilograms is exactly as sure as that of counts."""
    counted = one(events(8, 20))
    weighed = one(events(8, 20, weight_kg=7.0), value="weight_kg")
    np.testing.assert_allclose(
        weighed[[*RATIO, "p_value"]].to_numpy(dtype=float),
        counted[[*RATIO, "p_value"]].to_numpy(dtype=float),
    )
    assert weighed["change_low"] == pytest.approx(7 * counted["change_low"])
    # Uneven ones: less sure.
    uneven = one(events(8, 20, weight_kg=[1.0] * 27 + [150.0]), value="weight_kg")
    assert uneven["p_value"] > 0.1


def test_lines_and_areas_are_cut_at_the_edges_of_areas() -> None:
    boxes = gpd.GeoDataFrame(
        {"name": ["west", "east"]}, geometry=[shapely.box(0, 0, 1, 1), shapely.box(1, 0, 2, 1)],
        index=["w", "e"], crs=4326,
    )  # fmt: skip
    road = gpd.GeoDataFrame(
        {"first_seen": ["2022-05-01", "2023-05-01"]},
        geometry=[shapely.LineString([(0.5, 0), (1.5, 0)]), shapely.LineString([(0, 0), (1, 0)])],
        crs=4326,
    )  # fmt: skip
    found = compare_periods(road, by=boxes, **PERIODS)
    assert found.index.tolist() == ["w", "e"]
    assert found["name"].tolist() == ["west", "east"]
    np.testing.assert_allclose(found["before"], [55.66, 55.66], rtol=1e-3)
    np.testing.assert_allclose(found["after"], [111.32, 0], rtol=1e-3)
    assert found["unit"].iloc[0] == "km"
    field = road.set_geometry([shapely.box(0.5, 0, 1.5, 1), shapely.box(0, 0, 1, 1)])
    found = compare_periods(field, by=boxes, **PERIODS)
    assert found["before"].sum() == pytest.approx(found["after"].sum(), rel=1e-3)
    points = field.set_geometry(gpd.points_from_xy([0.5, 5], [0.5, 5]), crs=4326)
    found = compare_periods(points, by=boxes, **PERIODS)
    assert found["before"].tolist() == [1, 0]
    assert found.attrs["geocn"]["left_out"]["outside"] == 1
    split = compare_periods(road.assign(kg=10.0), by=boxes, value="kg", **PERIODS)
    np.testing.assert_allclose(split["before"], [5, 5], rtol=1e-6)


def test_many_areas_are_adjusted_together() -> None:
    rng = np.random.default_rng(4)
    layer = events(600, 600).assign(code=rng.integers(0, 30, 1200))
    found = compare_periods(layer, by="code", dispersion="poisson", **PERIODS)
    expected = stats.false_discovery_control(found["p_value"])
    np.testing.assert_allclose(found["p_adjusted"], expected)


def clustered(seed: int, mean: float, size: int) -> pd.DataFrame:
    """Events that come in groups of ``size`` on one day."""
    rng = np.random.default_rng(seed)
    start = pd.Timestamp("2022-01-01")
    days = np.repeat(rng.integers(0, 730, rng.poisson(2 * mean)), size)
    return pd.DataFrame({"seized_at": start + pd.to_timedelta(days, "D")})


def test_clusters_widen_the_interval() -> None:
    layer = clustered(1, 40, 6)
    plain = one(layer, dispersion="poisson")
    auto = compare_periods(layer, **PERIODS)
    told = auto.attrs["geocn"]["dispersion"]
    assert told["law"] == "quasi"
    assert told["factor"] == pytest.approx(6, rel=0.8)
    assert auto["ratio_low"].iloc[0] < plain["ratio_low"]
    binomial = one(layer, dispersion="negative_binomial")
    assert binomial["ratio_high"] > plain["ratio_high"]
    even = compare_periods(events(60, 60), **PERIODS).attrs["geocn"]["dispersion"]
    assert even["law"] == "poisson"


def test_small_and_no_counts() -> None:
    none = one(events(0, 0))
    assert none["note"] == "no events in either period"
    assert np.isnan(none["p_value"])
    assert none["change"] == 0
    rose = one(events(0, 3))
    assert rose["ratio"] == np.inf
    assert rose["ratio_low"] > 0
    assert rose["ratio_high"] == np.inf


@settings(max_examples=25)
@given(st.integers(0, 60), st.integers(0, 60), st.floats(0.2, 5))
def test_swapping_periods_and_scaling_exposure(b: int, a: int, scale: float) -> None:
    there = one(events(b, a), exposure=(1.0, scale), dispersion="poisson")
    back = one(events(a, b), exposure=(scale, 1.0), dispersion="poisson")
    assert there["p_value"] == pytest.approx(back["p_value"], nan_ok=True)
    assert there["change"] == pytest.approx(-back["change"] * scale)
    if a and b:
        assert there["ratio"] == pytest.approx(1 / back["ratio"])
        assert there["ratio_low"] == pytest.approx(1 / back["ratio_high"])
    longer = one(events(b, a), exposure=(10.0, 10 * scale), dispersion="poisson")
    assert longer["change"] == pytest.approx(there["change"])


def test_bad_input_is_refused() -> None:
    layer = events(3, 3)
    with pytest.raises(ParameterError, match="overlap"):
        one(layer, after=("2022-12-31", "2023-12-31"))
    with pytest.raises(ParameterError, match=r"before .* not a first and last day"):
        one(layer, before="2022")
    with pytest.raises(ParameterError, match="exposure before"):
        one(layer, exposure=(-1.0, 1.0))
    with pytest.raises(ParameterError, match="dispersion"):
        one(layer, dispersion="normal")
    with pytest.raises(ParameterError, match="gap 0"):
        one(layer, gaps=[{"from": "2022-01-01"}])
    with pytest.raises(SchemaError, match="'admin_code'"):
        one(layer, by="admin_code")
    with pytest.raises(LayerError, match="negative"):
        one(layer.assign(kg=-1.0), value="kg")
    with pytest.raises(DateError):
        one(layer.assign(seized_at="soon"))
    with pytest.raises(DateError, match="no years"):
        one(layer.assign(year=12.5), time="year")
    mixed = gpd.GeoDataFrame(
        layer.iloc[:2], geometry=[shapely.Point(0, 0), shapely.box(0, 0, 1, 1)], crs=4326
    )
    with pytest.raises(GeometryError, match="mixed"):
        one(mixed)


@pytest.mark.slow
@pytest.mark.parametrize(("size", "law"), [(1, "poisson"), (4, "quasi"), (4, "negative_binomial")])
def test_intervals_hold_the_truth(size: int, law: str) -> None:
    """No change in truth: the ratio 1 lies in about 95 % of intervals (exact ones hold more)."""
    held = [
        found["ratio_low"] <= 1 <= found["ratio_high"]
        for found in (one(clustered(seed, 60, size), dispersion=law) for seed in range(150))
    ]
    assert 0.9 < np.mean(held) < 1


@pytest.mark.slow
def test_intervals_of_the_change_hold_the_truth() -> None:
    rng = np.random.default_rng(9)
    held = []
    for _ in range(150):
        found = one(events(rng.poisson(6), rng.poisson(12)), dispersion="poisson")
        held.append(found["change_low"] <= 6 <= found["change_high"])
    assert 0.9 < np.mean(held) < 1
