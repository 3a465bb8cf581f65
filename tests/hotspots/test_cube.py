"""The space-time cube: calendar bins, nobody lost, silence apart from zero, files."""

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from geocn.errors import CRSError, DateError, ParameterError, ReadError, SchemaError
from geocn.hotspots.cube import read_cube, space_time_cube, write_cube

AREAS = gpd.GeoDataFrame(
    geometry=[shapely.box(x * 10_000, 0, x * 10_000 + 10_000, 10_000) for x in range(3)],
    index=pd.Index(["north", "middle", "south"], name="code"),
    crs=6933,
)


def events(when, x=5_000.0, **columns):
    times = pd.Series([pd.to_datetime(t, utc=True) for t in when], dtype="datetime64[us, UTC]")
    xs = np.broadcast_to(x, len(times))
    columns = {"seized_at": times.to_numpy(), **columns}
    return gpd.GeoDataFrame(columns, geometry=[shapely.Point(a, 5_000) for a in xs], crs=6933)


def accounted(cube):
    record = cube.attrs["geocn"]
    assert record["n_counted"] == int(cube["n_events"].sum())
    return record["n_counted"] + sum(record["left_out"].values()) == record["n_events_in"]


@settings(max_examples=24)
@given(
    seed=st.integers(0, 999),
    step=st.sampled_from(["week", "month", "quarter", "year"]),
    as_of=st.sampled_from([None, "2023-07-15", "2024-02-29"]),
)
def test_bins_are_calendar_true_and_every_event_is_accounted_for(seed, step, as_of):
    rng = np.random.default_rng(seed)
    days = rng.integers(0, 900, 40)
    times = pd.Timestamp("2022-12-20") + pd.to_timedelta(days, unit="D")
    data = events([pd.NaT if rng.random() < 0.1 else t for t in times], rng.uniform(0, 40_000, 40))
    data["date_precision"] = rng.choice(["day", "month", "year", None], 40)
    cube = space_time_cube(data, AREAS, step=step, as_of=as_of)
    assert accounted(cube)
    starts, ends = (pd.DatetimeIndex(cube[name].values) for name in ("time", "time_end"))
    assert (starts[1:] == ends[:-1]).all()
    first = {"week": starts.day_of_week == 0, "month": starts.day == 1}
    first |= {"quarter": first["month"] & (starts.month % 3 == 1), "year": starts.day_of_year == 1}
    assert first[step].all()
    # Counted once more, event by event.
    fits = {"week": ["day"], "month": ["day", "month"], "quarter": ["day", "month"]}
    kept = data[data["seized_at"].notna() & (data.geometry.x < 30_000)]
    if step != "year":
        kept = kept[kept["date_precision"].isna() | kept["date_precision"].isin(fits[step])]
    if as_of is not None:
        kept = kept[kept["seized_at"] < pd.Timestamp(as_of, tz="UTC") + pd.Timedelta(days=1)]
    expected = np.zeros(cube["n_events"].shape, int)
    for x, t in zip(kept.geometry.x, kept["seized_at"], strict=True):
        bin_ = np.flatnonzero((starts <= t.tz_localize(None)) & (t.tz_localize(None) < ends))
        expected[int(x // 10_000), bin_] += 1
    assert cube["n_events"].values.tolist() == expected.tolist()


def test_edges_of_a_month_and_of_a_leap_year():
    cube = space_time_cube(
        events(["2024-02-29T23:59:59.999999", "2024-03-01T00:00", "2024-02-01"]), AREAS
    )
    assert cube["n_events"].sel(area="north").values.tolist() == [2, 1]
    assert str(cube["time_end"].values[0])[:10] == "2024-03-01"
    # An instant of another zone belongs to the day that it is in UTC.
    east = space_time_cube(events(["2024-03-01T02:00+04:30", "2024-03-05"]), AREAS)
    assert east["n_events"].sel(area="north").values.tolist() == [1, 1]


def test_dates_too_coarse_are_counted_apart_not_guessed():
    data = events(
        ["2024-01-01", "2024-01-01", "2024-01-10"], date_precision=["year", "month", "day"]
    )
    left = {
        step: space_time_cube(data, AREAS, step=step).attrs["geocn"]["left_out"][
            "date_coarser_than_step"
        ]
        for step in ("week", "month", "quarter", "year")
    }
    assert left == {"week": 2, "month": 1, "quarter": 1, "year": 0}


def test_silence_zero_and_the_unfinished_month_are_three_things():
    data = events(["2024-01-10", "2024-03-05", "2024-04-02", "2024-04-20"])
    gaps = [
        {"from": "2024-02-01", "to": "2024-02-29", "why": "strike"},
        {"from": "2024-03-16", "to": "2024-03-31", "areas": ["middle"]},
        {"from": "2024-03-10", "to": "2024-03-20", "areas": ["middle"]},
    ]
    cube = space_time_cube(data, AREAS, gaps=gaps, as_of="2024-04-15")
    assert cube["n_events"].sel(area="north").values.tolist() == [1, 0, 1, 1]
    assert cube["no_data"].sel(area="south").values.tolist() == [False, True, False, False]
    assert cube["incomplete"].values.tolist() == [False, False, False, True]
    share = cube["share_observed"]
    assert share.sel(area="north").values.tolist() == [1, 0, 1, 0.5]
    assert share.sel(area="middle").values[2] == pytest.approx(9 / 31)
    assert cube.attrs["geocn"]["left_out"]["after_as_of"] == 1
    assert accounted(cube)


def test_an_instant_as_cut_off_and_time_beyond_it():
    cube = space_time_cube(
        events(["2024-01-10"]), AREAS, as_of="2024-01-31T12:00", end="2024-02-10"
    )
    assert cube["share_observed"].sel(area="north").values.tolist() == [30.5 / 31, 0]
    assert cube["no_data"].sel(area="north").values.tolist() == [False, True]
    assert cube["incomplete"].values.tolist() == [True, True]
    whole = space_time_cube(events(["2024-01-10"]), AREAS, as_of="2024-01-31")
    assert whole["incomplete"].values.tolist() == [False]


def test_gaps_declared_at_reading_are_used_and_events_inside_them_told():
    data = events(["2024-01-10", "2024-02-05", "2024-03-05"])
    data.attrs["geocn"] = {"declared_gaps": [{"from": "2024-02-01", "to": "2024-02-29"}]}
    cube = space_time_cube(data, AREAS)
    assert cube["no_data"].values[0].tolist() == [False, True, False]
    assert cube.attrs["geocn"]["n_in_gaps"] == 1
    assert not space_time_cube(data, AREAS, gaps=()).no_data.any()


def test_start_and_end_take_whole_bins():
    data = events(["2023-12-31", "2024-01-02", "2024-03-30", "2024-04-01"])
    cube = space_time_cube(data, AREAS, start="2024-01-15", end="2024-03-15")
    assert cube["n_events"].sel(area="north").values.tolist() == [1, 0, 1]
    left = cube.attrs["geocn"]["left_out"]
    assert (left["before_start"], left["after_end"]) == (1, 1)
    with pytest.raises(ParameterError, match="before its start"):
        space_time_cube(data, AREAS, start="2024-05-01", end="2024-03-15")


def test_weights_are_summed_by_bin():
    data = events(["2024-01-02", "2024-01-03", "2024-02-03"], weight_kg=[2.5, np.nan, 4])
    cube = space_time_cube(data, AREAS, weight="weight_kg")
    assert cube["total_weight_kg"].sel(area="north").values.tolist() == [2.5, 4]


@pytest.mark.parametrize("index", [["north", "middle", "süd"], [7, 8, 9]])
def test_a_file_gives_the_cube_back(tmp_path, index):
    areas = AREAS.set_index(pd.Index(index))
    gaps = [{"from": "2024-02-01", "to": "2024-02-29", "why": "huelga"}]
    data = events(["2024-01-10", "2024-03-05"], weight_kg=[1.25, 3e9])
    cube = space_time_cube(data, areas, weight="weight_kg", gaps=gaps, as_of="2024-03-20")
    back = read_cube(write_cube(cube, tmp_path / "cube.nc"))
    xr.testing.assert_identical(back.drop_attrs(deep=False), cube.drop_attrs(deep=False))
    assert back.attrs["geocn"] == cube.attrs["geocn"]
    assert {n: v.dtype.kind for n, v in back.data_vars.items()} == {
        n: v.dtype.kind for n, v in cube.data_vars.items()
    }
    once = (tmp_path / "cube.nc").read_bytes()
    assert write_cube(cube, tmp_path / "cube.nc").read_bytes() == once


def test_a_cut_file_is_refused(tmp_path):
    path = write_cube(space_time_cube(events(["2024-01-10"]), AREAS), tmp_path / "cube.nc")
    whole = path.read_bytes()
    for part in range(16):
        path.write_bytes(whole[: len(whole) * part // 16])
        with pytest.raises(ReadError, match="cube"):
            read_cube(path)
    with pytest.raises(ReadError):
        read_cube(tmp_path / "none.nc")


def test_empty_in_same_variables_out():
    full = space_time_cube(events(["2024-01-10"]), AREAS)
    none = space_time_cube(events([]), AREAS)
    nowhere = space_time_cube(events(["2024-01-10"]), AREAS.iloc[:0])
    spanned = space_time_cube(events([]), AREAS, start="2024-01-01", as_of="2024-06-30")
    for cube, shape in ((none, (3, 0)), (nowhere, (0, 1)), (spanned, (3, 6))):
        assert set(cube.variables) == set(full.variables)
        assert cube["n_events"].shape == shape
        assert accounted(cube)
    assert not spanned["no_data"].any()


def test_input_stays_and_seed_decides():
    data = events(["2024-01-10"] * 30, location_precision_m=20_000.0)
    before = data.copy()
    one, same, other = (space_time_cube(data, AREAS, seed=s) for s in (1, 1, 2))
    assert one.equals(same)
    assert not one.equals(other)
    pd.testing.assert_frame_equal(data, before)
    assert float(one["n_imprecise"].sum()) == pytest.approx(one.attrs["geocn"]["n_counted"])


def test_refusals_name_what_is_wrong():
    data = events(["2024-01-10"])
    with pytest.raises(ParameterError, match="step 'day'"):
        space_time_cube(data, AREAS, step="day")
    with pytest.raises(SchemaError, match="kg"):
        space_time_cube(data, AREAS, weight="kg")
    with pytest.raises(SchemaError, match="not unique"):
        space_time_cube(data, AREAS.set_index(pd.Index([1, 1, 2])))
    with pytest.raises(DateError, match="no instant"):
        space_time_cube(data.assign(seized_at=["soon"]), AREAS)
    with pytest.raises(ParameterError, match="as_of"):
        space_time_cube(data, AREAS, as_of="tomorrowish")
    with pytest.raises(CRSError):
        space_time_cube(data, AREAS.set_crs(None, allow_override=True))
    bad = [
        {"from": "2024-02-01"},
        {"from": "2024-02-01", "to": "2024-01-01"},
        {"from": "x", "to": "y"},
    ]
    with pytest.raises(ParameterError, match=r"gap 0.*gap 1 ends.*gap 2"):
        space_time_cube(data, AREAS, gaps=bad)
    with pytest.raises(ParameterError, match="atlantis"):
        space_time_cube(
            data, AREAS, gaps=[{"from": "2024-02-01", "to": "2024-02-02", "areas": ["atlantis"]}]
        )
