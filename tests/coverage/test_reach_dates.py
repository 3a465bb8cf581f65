from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from geocn.coverage import reach
from geocn.errors import DateError, ParameterError

GEOD = pyproj.Geod(ellps="WGS84")


def sites(n, **columns):
    return gpd.GeoDataFrame(columns, geometry=[shapely.Point(-77, 1)] * n, crs=4326)


def test_the_share_of_a_period_counts_both_ends():
    frame = sites(
        8,
        starts_on=pd.to_datetime(
            ["2024-01-01", "2024-01-06", None, None, "2024-01-10", "2024-02-01", None, "2023-01-01"]
        ),
        ends_on=pd.to_datetime(
            [None, "2024-01-07", "2024-01-02", None, "2024-05-01", None, "2023-12-31", None]
        ),
        status=[None] * 7 + ["suspended"],
        reach_km=[1.0] * 8,
    )
    found = reach(frame, period=("2024-01-01", "2024-01-10"))
    assert found["active_share"].round(6).tolist() == [1.0, 0.2, 0.2, 1.0, 0.1]
    assert found.index.tolist() == [0, 1, 2, 3, 4]
    record = found.attrs["geocn"]
    assert (record["n_not_active"], record["n_undated"]) == (3, 1)
    assert record["period"] == ["2024-01-01", "2024-01-10"]
    assert "active_share" not in reach(frame)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000))
def test_the_share_is_that_of_days_asked_one_by_one(seed):
    rng = np.random.default_rng(seed)
    day = pd.Timestamp("2024-03-01")
    starts, ends = (day + pd.to_timedelta(rng.integers(-8, 18, 6), "D") for _ in range(2))
    starts, ends = starts.where(rng.random(6) < 0.7), ends.where(rng.random(6) < 0.7)
    frame = sites(6, starts_on=starts, ends_on=ends, row=range(6))
    days = pd.date_range(day, periods=10)
    active = [set(reach(frame, as_of=one)["row"]) for one in days]
    found = reach(frame, period=(days[0], days[-1]))
    expected = {i: sum(i in rows for rows in active) / 10 for i in range(6)}
    assert dict(zip(found["row"], found["active_share"], strict=True)) == pytest.approx(
        {i: share for i, share in expected.items() if share > 0}
    )


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"as_of": "2024-01-01", "period": ("2024-01-01", "2024-02-01")}, "not both"),
        ({"period": ("2024-02-01", "2024-01-01")}, "before it begins"),
        ({"period": ("2024-02-01",)}, "first and its last"),
        ({"period": "2024-02-01"}, "first and its last"),
        ({"period": ("soon", "2024-02-01")}, "soon"),
        ({"period": (None, "2024-02-01")}, "None"),
    ],
)
def test_refusals(options, word):
    with pytest.raises(ParameterError, match=word):
        reach(sites(1), **options)


def test_the_band_of_a_distance_holds_wherever_the_site_stands():
    frame = sites(1, reach_km=[20.0], location_precision_m=[6000.0])
    found = reach(frame, uncertain=True)
    certain, possible = found["reach_certain"].iloc[0], found["reach_possible"].iloc[0]
    assert found["certain_area_km2"].iloc[0] == pytest.approx(np.pi * 14**2, rel=2e-3)
    assert found["possible_area_km2"].iloc[0] == pytest.approx(np.pi * 26**2, rel=2e-3)
    for azimuth in range(0, 360, 45):
        x, y, _ = GEOD.fwd(-77, 1, azimuth, 5990)
        moved = gpd.GeoDataFrame(geometry=[shapely.Point(x, y)], crs=4326)
        area = reach(moved, distance_km=20).geometry.iloc[0]
        assert area.contains(certain)
        assert possible.contains(area)


def test_bands_of_rows_of_every_kind():
    block = shapely.box(-77, 1, -76, 2)
    line = shapely.LineString([(-77, 1), (-76, 1)])
    frame = gpd.GeoDataFrame(
        {"reach_km": [None, 10, 2, 5, None], "location_precision_m": [5000, 4000, 4000, None, 9]},
        geometry=[block, line, shapely.Point(0, 0), shapely.Point(0, 0), shapely.Point(0, 0)],
        crs=4326,
    )
    found = reach(frame, areas="reach", uncertain=True)
    assert found["reach_certain"].isna().tolist() == [False, False, True, False, True]
    assert found["reach_possible"].isna().tolist() == [False, False, False, False, True]
    # Every side of the block moves by 5 km.
    assert found["certain_area_km2"].iloc[0] == pytest.approx((111.3 - 10) * (110.6 - 10), rel=2e-3)
    assert found["possible_area_km2"].iloc[0] == pytest.approx(
        (111.3 + 10) * (110.6 + 10) - (4 - np.pi) * 25, rel=2e-3
    )
    assert found["certain_area_km2"].iloc[1] == pytest.approx(111.3 * 12 + np.pi * 36, rel=5e-3)
    assert found["reach_certain"].iloc[3].equals(found.geometry.iloc[3])
    assert found.attrs["geocn"]["n_imprecise"] == 4
    assert found["reach_certain"].crs == "EPSG:4326"


def test_capacity_comes_along_and_zero_is_counted():
    found = reach(sites(3, capacity=[0, 5, None], reach_km=[1, 1, 1]))
    assert found["capacity"].fillna(-1).tolist() == [0, 5, -1]
    assert found.attrs["geocn"]["n_zero_capacity"] == 1


@pytest.mark.parametrize("value", ["05/03/2024", 20_240_305, "soon"])
def test_a_date_that_may_be_another_day_is_refused(value):
    sites = gpd.GeoDataFrame(
        {"starts_on": [value]}, geometry=[shapely.Point(-77, 1)], crs="EPSG:4326", index=["x"]
    )
    with pytest.raises(DateError, match="starts_on such as") as caught:
        reach(sites, distance_km=1, as_of="2024-04-01")
    assert caught.value.rows == ["x"]
