"""Results that leave hold no small count, and none that subtraction brings back."""

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from geocn.sharing import Contribution, ReleaseProfile, clear
from tests.sharing.test_suppression import followed

CELLS = [shapely.box(i, 0, i + 1, 1) for i in range(12)]


def profile(**keys: object) -> ReleaseProfile:
    return ReleaseProfile.model_validate({"partner": "all", "max_marking": "TLP:CLEAR"} | keys)


def cells(counts: list[int], **more: object) -> gpd.GeoDataFrame:
    n = len(counts)
    data = {"cell_id": [f"c{i}" for i in range(n)], "n_events": counts}
    return gpd.GeoDataFrame(data | more, geometry=CELLS[:n], crs=6933)


@settings(max_examples=60)
@given(st.lists(st.integers(0, 9), min_size=1, max_size=12), st.integers(2, 5))
def test_no_small_count_is_left_and_one_alone_is_guarded(counts: list[int], least: int) -> None:
    frame = cells(counts, value=np.array(counts, dtype=float), gi_z=1.5)
    out = clear({"x": frame}, profile(min_count=least)).results["x"]
    told = out["n_events"].dropna().astype(int)
    assert not ((told > 0) & (told < least)).any()
    assert out["suppressed"].equals(out["value"].isna())
    held = out["suppressed"].to_numpy()
    if held.any():
        assert held.sum() >= 2 or (np.array(counts)[~held] == 0).all()
        assert out["gi_z"].isna().all()
    else:
        pd.testing.assert_frame_equal(out.drop(columns="suppressed"), frame)
    assert list(out["cell_id"]) == list(frame["cell_id"])
    assert out.geometry.equals(frame.geometry)


@settings(max_examples=60)
@given(
    st.lists(st.lists(st.integers(0, 8), min_size=3, max_size=3), min_size=2, max_size=6),
    st.integers(2, 4),
)
def test_periods_and_their_whole_guard_each_other(table: list[list[int]], least: int) -> None:
    counts = np.array(table)
    n, periods = counts.shape
    long = cells(counts.sum(axis=1).tolist()).iloc[np.repeat(np.arange(n), periods)]
    long = long.assign(
        n_events=counts.ravel(), period=np.tile([f"20{i}" for i in range(periods)], n)
    )
    frames = {"x": cells(counts.sum(axis=1).tolist()), "x periods": long}
    out = clear(frames, profile(min_count=least)).results
    inner = out["x periods"]["n_events"].to_numpy(dtype=float, na_value=np.nan)
    margin = out["x"]["n_events"].to_numpy(dtype=float, na_value=np.nan)
    # What the two files tell: the cells by period, and their totals. Of periods they tell none.
    told = np.column_stack([inner.reshape(n, periods), margin])
    assert not ((told > 0) & (told < least)).any()
    whole = np.vstack([told, np.full(periods + 1, np.nan)])
    found = followed(whole)[:-1, :-1]
    assert not (found & (counts > 0) & (counts < least)).any()


def test_whole_numbers_and_flags_stay_what_they_are() -> None:
    frame = cells([1, 5, 9, 0], significant=[True, False, True, False], hotspot_class="hot")
    out = clear({"x": frame}, profile(min_count=3)).results["x"]
    assert out["n_events"].dtype == "Int64"
    assert out["significant"].dtype == "boolean"
    assert out["suppressed"].tolist() == [True, True, False, False]
    assert out["hotspot_class"].isna().tolist() == [True, True, False, False]
    assert frame["n_events"].dtype == "int64"


def test_dominance_needs_those_who_contribute() -> None:
    frame = cells([5, 5, 5], weight_kg=[100.0, 30.0, 12.0])
    rows = gpd.GeoDataFrame(
        {"weight_kg": [95.0, 5.0, 10.0, 10.0, 10.0]},
        geometry=[shapely.Point(x, 0.5) for x in (0.2, 0.3, 1.2, 1.4, 1.6)],
        crs=6933,
    )
    rules = profile(dominance={"n": 1, "percent": 80})
    given_ = {"x": Contribution(rows, "weight_kg")}
    out = clear({"x": frame}, rules, contributions=given_)
    # The third has a sum and nobody who contributes: places known roughly.
    assert out.results["x"]["weight_kg"].isna().tolist() == [True, False, True]
    assert out.report.set_index("rule").loc["dominance", "rows"] == 2


def test_an_earlier_release_is_no_way_round() -> None:
    rules = profile(min_count=3)
    before = clear({"x": cells([5, 6, 7, 9])}, rules).results
    now = cells([6, 6, 12, 9]).iloc[::-1].reset_index(drop=True)
    out = clear({"x": now}, rules, earlier=[before])
    told = out.results["x"].set_index("cell_id")["suppressed"]
    assert told["c0"]  # one more than before
    assert not told["c2"]  # five more
    assert told.sum() == 2  # and one to guard the first
    assert out.report.set_index("rule").loc["differencing", "rows"] == 1


def test_without_rules_nothing_changes() -> None:
    frame = cells([1, 2])
    out = clear({"x": frame}, profile())
    assert out.results["x"] is frame
    assert len(out.report) == 0
    assert clear({"x": frame.iloc[:0]}, profile(min_count=3)).results["x"].empty


@pytest.mark.parametrize("column", ["n_neighbours", "n_cells", "n_posts"])
def test_numbers_that_are_no_events_stay(column: str) -> None:
    frame = pd.DataFrame({"code": ["a"], column: [1]})
    out = clear({"x": frame}, profile(min_count=3)).results["x"]
    assert out[column].tolist() == [1]
