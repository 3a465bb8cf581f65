"""Counting: every event in one area or in the account of those left out."""

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from geocn.errors import CRSError, LayerError, ParameterError, SchemaError
from geocn.hotspots import count_events, getis_ord, make_grid
from geocn.hotspots.imputation import imputed_columns


def points(xy, **columns):
    geometry = [None if p is None else shapely.Point(p) for p in xy]
    return gpd.GeoDataFrame(columns, geometry=geometry, crs=6933)


def grid(n=4, cell=10_000.0):
    area = gpd.GeoSeries([shapely.box(0, 0, n * cell - 1, n * cell - 1)], crs=6933)
    return make_grid(area, cell_m=cell, crs=6933)


def accounted(result):
    record = result.attrs["geocn"]
    total = record["n_counted"] + sum(record["left_out"].values())
    return total == pytest.approx(record["n_events_in"], abs=1e-9)


@given(seed=st.integers(0, 999), kind=st.sampled_from(["square", "hex"]))
def test_every_event_counts_once_or_is_accounted_for(seed, kind):
    rng = np.random.default_rng(seed)
    # Many of these lie exactly on edges and corners of cells.
    xy = rng.integers(-1, 9, (60, 2)) * 5_000
    events = points([None if rng.random() < 0.1 else tuple(p) for p in xy.tolist()])
    events["location_precision_m"] = rng.choice([np.nan, 0, 20_000], 60)
    area = gpd.GeoSeries([shapely.box(0, 0, 39_999, 39_999)], crs=6933)
    cells = make_grid(area, cell_m=10_000, kind=kind, crs=6933)
    for imprecise in ("spread", "leave_out"):
        result = count_events(events, cells, imprecise=imprecise, seed=seed)
        assert accounted(result)
        assert result["n_events"].sum() == pytest.approx(result.attrs["geocn"]["n_counted"])


def test_counts_equal_a_plain_histogram():
    rng = np.random.default_rng(0)
    xy = rng.uniform(0, 40_000, (500, 2))
    counted = count_events(points(xy), grid())
    expected = np.histogram2d(xy[:, 1], xy[:, 0], bins=4, range=[[0, 40_000]] * 2)[0]
    assert counted["n_events"].tolist() == expected.ravel().tolist()


def test_weights_are_summed_and_null_weighs_nothing():
    events = points([(1, 1), (2, 2), (15_000, 1)], weight_kg=[2.5, np.nan, 4])
    counted = count_events(events, grid(), weight="weight_kg")
    assert counted["total_weight_kg"].head(2).tolist() == [2.5, 4.0]
    assert counted["n_events"].head(2).tolist() == [2, 1]


def test_a_pile_on_a_centroid_makes_no_hotspot():
    pile = points([(20_500.0, 20_500.0)] * 200, location_precision_m=[30_000.0] * 200)
    cells = grid(n=9, cell=5_000.0)
    spread = count_events(pile, cells, seed=3)
    assert spread["n_events"].max() < 20
    assert (spread["n_imprecise"] == spread["n_events"]).all()
    left = count_events(pile, cells, imprecise="leave_out")
    assert left["n_events"].sum() == 0
    assert left.attrs["geocn"]["left_out"]["imprecise"] == 200
    pd.testing.assert_frame_equal(spread, count_events(pile, cells, seed=3))
    # Each piece of the pile left where its centroid lies would stand in one cell.
    naive = count_events(pile.assign(location_precision_m=0.0), cells)
    assert naive["n_events"].max() == 200
    assert not getis_ord(left, "n_events", neighbours="queen")["significant"].any()


def test_events_matched_to_an_area_by_code_stay_there():
    cells = grid(n=2).assign(admin_code=["05001", "05002", None, "05004"])
    events = points(
        [(1, 1), None, (1, 1)],
        admin_code=["05004", "05002", None],
        location_precision_m=[90_000.0, np.nan, 0.0],
    )
    counted = count_events(events, cells)
    assert counted["n_events"].tolist() == [1, 1, 0, 1]
    assert accounted(counted)


def test_areas_and_lines_count_as_imprecise_points():
    shapes = [shapely.box(0, 0, 39_000, 39_000), shapely.LineString([(0, 0), (39_000, 39_000)])]
    events = gpd.GeoDataFrame(geometry=shapes * 20, crs=6933)
    counted = count_events(events, grid())
    assert counted["n_imprecise"].sum() == counted["n_events"].sum() > 20
    assert counted["n_events"].max() < 12
    assert accounted(counted)


def test_periods_without_events_are_there():
    times = ["2024-01-15", "2024-03-01", None, "2024-03-31T23:59:59Z"]
    events = points(
        [(1, 1)] * 3 + [(15_000, 1)], seized_at=pd.to_datetime(times, utc=True, format="ISO8601")
    )
    counted = count_events(events, grid(n=2), by_period="month")
    assert counted["period"].unique().tolist() == ["2024-01", "2024-02", "2024-03"]
    assert len(counted) == 12
    table = counted.pivot_table(index="cell_id", columns="period", values="n_events")
    assert table.loc["0_0"].tolist() == [1, 0, 1]
    assert table.loc["1_0"].tolist() == [0, 0, 1]
    assert counted.attrs["geocn"]["left_out"]["no_time"] == 1
    assert accounted(counted)
    assert len(count_events(events.iloc[:0], grid(n=2), by_period="year")) == 0


def test_frames_of_different_crs_are_brought_together():
    cells = make_grid((-78, 0, -77, 1), cell_size_km=20)
    events = gpd.GeoDataFrame(geometry=[shapely.Point(-77.5, 0.5)], crs=4326)
    assert count_events(events, cells)["n_events"].sum() == 1
    degrees = count_events(events.to_crs(3857), cells.to_crs(4326))
    assert degrees["n_events"].sum() == 1


def test_nothing_in_gives_the_same_columns():
    events = points([(1, 1)])
    full = count_events(events, grid())
    for none, cells in ((events.iloc[:0], grid()), (events, grid().iloc[:0])):
        empty = count_events(none, cells)
        assert list(empty.columns) == list(full.columns)
        assert empty["n_events"].sum() == 0
        assert accounted(empty)


def test_faults_are_refused():
    events = points([(1, 1)])
    with pytest.raises(SchemaError, match="weight_kg"):
        count_events(events, grid(), weight="weight_kg")
    with pytest.raises(SchemaError, match="seized_at"):
        count_events(events, grid(), by_period="month")
    with pytest.raises(ParameterError, match="month"):
        count_events(events.assign(seized_at=None), grid(), by_period="fortnight")
    with pytest.raises(ParameterError, match="spread"):
        count_events(events, grid(), imprecise="stack")
    with pytest.raises(CRSError):
        count_events(events.set_crs(None, allow_override=True), grid())


# ---- imprecise events ------------------------------------------------------------


def test_counts_are_means_over_the_imputations() -> None:
    rng = np.random.default_rng(4)
    events = points(
        rng.uniform(0, 40_000, (80, 2)),
        location_precision_m=np.where(np.arange(80) < 30, 9_000.0, 10.0),
        weight_kg=rng.uniform(1, 9, 80),
    )
    counted = count_events(events, grid(), weight="weight_kg", imputations=7)
    for value in ("n_events", "total_weight_kg"):
        names = imputed_columns(counted, value)
        assert len(names) == 7
        np.testing.assert_allclose(counted[value], counted[names].mean(axis=1))
    each = counted[imputed_columns(counted, "n_events")]
    assert (each.dtypes == "int64").all()
    sure = count_events(events.iloc[30:], grid())
    assert (each.ge(sure["n_events"], axis=0)).all(axis=None)
    share = (counted["n_events"] - sure["n_events"]) / counted["n_events"]
    np.testing.assert_allclose(counted["imprecise_share"], share)
    record = counted.attrs["geocn"]
    assert accounted(counted)
    assert record["left_out"]["outside"] == 0
    assert 0 < record["left_out"]["spread_outside"] < 15


def test_precise_events_count_in_whole_numbers_and_make_no_imputations() -> None:
    counted = count_events(points([(1, 1), (1, 1)]), grid(n=2))
    assert counted["n_events"].dtype == counted["n_imprecise"].dtype == "int64"
    assert imputed_columns(counted, "n_events") == []
    assert counted["imprecise_share"].tolist()[0] == 0
    assert counted["imprecise_share"].isna().tolist() == [False, True, True, True]


def test_an_event_known_to_a_municipality_is_spread_over_its_shape() -> None:
    west = shapely.box(0, 0, 20_000, 40_000)
    places = gpd.GeoDataFrame({"admin_code": ["w"]}, geometry=[west], crs=6933)
    events = points(
        [None, (19_000, 20_000)] * 50, admin_code=["w"] * 100, location_precision_m=[30_000.0] * 100
    )
    counted = count_events(events, grid(), places=places.to_crs(4326))
    assert counted["n_events"].sum() == pytest.approx(100)
    columns = counted["cell_id"].str.split("_").str[0].astype(int)
    assert counted["n_events"][columns >= 2].sum() == pytest.approx(0, abs=0.2)
    assert counted["n_events"][columns < 2].min() > 8
    without = count_events(events, grid())
    assert without.attrs["geocn"]["left_out"]["no_geometry"] == 50
    assert without.attrs["geocn"]["left_out"]["spread_outside"] > 5
    assert accounted(without)


def test_the_order_of_events_does_not_matter() -> None:
    rng = np.random.default_rng(6)
    events = points(rng.uniform(0, 40_000, (60, 2)), location_precision_m=[8_000.0] * 60)
    one = count_events(events, grid())
    pd.testing.assert_frame_equal(one, count_events(events.iloc[::-1], grid()))
    other = count_events(events, grid(), seed=1)
    assert (one["n_events"] != other["n_events"]).any()


def test_imprecise_events_by_period_and_without_time() -> None:
    times = pd.to_datetime(["2024-01-03"] * 20 + ["2024-03-05"] * 20 + [None] * 5, utc=True)
    events = points([(9_000, 9_000)] * 45, seized_at=times, location_precision_m=[15_000.0] * 45)
    counted = count_events(events, grid(), by_period="month")
    assert counted["period"].unique().tolist() == ["2024-01", "2024-02", "2024-03"]
    assert counted.attrs["geocn"]["left_out"]["no_time"] == 5
    assert accounted(counted)
    totals = counted.groupby("period")["n_events"].sum()
    assert totals["2024-02"] == 0
    assert 5 < totals["2024-01"] < 20


@pytest.mark.parametrize("kind", ["square", "hex", "h3"])
def test_each_kind_of_grid_counts_the_same_events(kind: str) -> None:
    rng = np.random.default_rng(2)
    lonlat = gpd.GeoDataFrame(
        geometry=gpd.points_from_xy(*rng.uniform((-78, 0), (-77, 1), (400, 2)).T), crs=4326
    )
    size = {"resolution": 5} if kind == "h3" else {"cell_size_km": 20}
    cells = make_grid((-78.2, -0.2, -76.8, 1.2), kind=kind, **size)
    counted = count_events(lonlat, cells)
    assert counted["n_events"].sum() == 400
    assert len(count_events(lonlat, cells.to_crs(4326))) == len(cells)


def test_bad_input_is_refused_or_counted() -> None:
    events = points([(1, 1), (2, 2), (9e6, 9e6)], weight_kg=[1.0, -2.0, np.inf])
    with pytest.raises(LayerError, match="negative") as caught:
        count_events(events, grid(), weight="weight_kg")
    assert "2 rows" in str(caught.value)
    with pytest.raises(ParameterError, match="imputations"):
        count_events(events, grid(), imputations=0)
    with pytest.raises(ParameterError, match="admin_code"):
        count_events(events, grid(), places=grid())
    light = count_events(events.assign(weight_kg=[1.0, None, 0]), grid(), weight="weight_kg")
    assert light.attrs["geocn"]["n_without_weight"] == 1
    assert light.attrs["geocn"]["left_out"]["outside"] == 1
