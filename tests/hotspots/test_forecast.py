"""Forecasts against simulated worlds, closed forms of their scores, and the future."""

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate, stats

from geocn._kernels.self_exciting import spread_on_cells
from geocn.errors import LayerError, ParameterError, SchemaError
from geocn.hotspots import evaluate_forecast, forecast
from geocn.hotspots.forecast_scores import score, top_cells
from geocn.hotspots.self_exciting import SelfExciting, expected_counts, fit_self_exciting

SIDE = 20_000.0


def branching(seed, *, rate, theta, days, sigma, length=400.0):
    """Background uniform in the square, each event with a Poisson number of offspring."""
    rng = np.random.default_rng(seed)
    n = rng.poisson(rate * length)
    born = np.column_stack([rng.random((n, 2)) * SIDE, rng.random(n) * length])
    every = [born]
    while len(born):
        parent = np.repeat(born, rng.poisson(theta, len(born)), axis=0)
        step = rng.normal(0, sigma, (len(parent), 2))
        wait = rng.exponential(days, len(parent))
        born = np.column_stack([parent[:, :2] + step, parent[:, 2] + wait])
        born = born[born[:, 2] < length]
        every.append(born)
    x, y, t = np.concatenate(every)[np.argsort(np.concatenate(every)[:, 2])].T
    return np.column_stack([x, y]), t


def grid(n=10, side=SIDE):
    step = side / n
    boxes = [
        shapely.box(i * step, j * step, (i + 1) * step, (j + 1) * step)
        for j in range(n)
        for i in range(n)
    ]
    return gpd.GeoDataFrame({"name": [f"c{i}" for i in range(n * n)]}, geometry=boxes, crs=6933)


def frame(xy, t):
    when = pd.Timestamp("2024-01-01", tz="UTC") + pd.to_timedelta(t, unit="D")
    return gpd.GeoDataFrame({"seized_at": when}, geometry=shapely.points(xy), crs=6933)


def test_the_process_is_found_again():
    found = []
    for seed in range(4):
        xy, t = branching(seed, rate=2.5, theta=0.5, days=8.0, sigma=150.0)
        fit = fit_self_exciting(xy, t, length_days=400.0, bandwidth_m=1_500.0)
        assert fit.steps < 500
        found.append([fit.offspring, fit.decay_days, fit.spread_m, fit.background.mean()])
    mean = np.mean(found, axis=0)
    np.testing.assert_allclose(mean, [0.5, 8.0, 150.0, 0.5], rtol=0.15)


def test_events_that_bring_no_others_are_background():
    xy, t = branching(1, rate=2.0, theta=0.0, days=8.0, sigma=150.0)
    fit = fit_self_exciting(xy, t, length_days=400.0, bandwidth_m=1_500.0)
    assert fit.offspring < 0.12
    assert fit.background.mean() > 0.88


def test_expected_counts_are_the_integral_of_the_mean():
    process = SelfExciting(0.6, 10.0, 100.0, np.ones(1), 1)
    base, excited, horizon = 0.3, 4.0, 25.0

    def slope(_, state):
        return [base - 0.1 * 0.4 * state[0], base + 0.6 * 0.1 * state[0]]

    found = integrate.solve_ivp(slope, (0, horizon), [excited, 0], rtol=1e-10, atol=1e-12)
    ours = expected_counts(np.array([base]), np.array([excited]), process, horizon)
    assert ours[0] == pytest.approx(found.y[1, -1], rel=1e-8)


def test_cells_share_events_by_a_gaussian_and_lose_none():
    cells = grid(40)
    rng = np.random.default_rng(2)
    centre = shapely.get_coordinates(cells.centroid)
    order = np.argsort(centre[:, 0], kind="stable")
    xy, weight = rng.random((5, 2)) * SIDE, rng.random(5)
    area = np.full(1600, 500.0**2)
    ours = spread_on_cells(centre[order], area, xy, np.zeros(5, int), weight, 1_000.0)
    kernel = np.exp(-((centre[order][:, None] - xy) ** 2).sum(axis=2) / 2e6)
    kernel[kernel < np.exp(-12.5)] = 0
    np.testing.assert_allclose(ours, (kernel / kernel.sum(axis=0)) @ weight, rtol=1e-12, atol=1e-15)
    assert ours.sum() == pytest.approx(weight.sum())
    lonely = spread_on_cells(centre[order], area, xy[:1], np.array([7]), weight[:1], 0.1)
    assert lonely[7] == weight[0]


def test_scores_have_their_closed_forms():
    expected, area = np.array([5.0, 3.0, 1.0, 1.0]), np.ones(4)
    observed, before = np.array([3.0, 1.0, 4.0, 0.0]), np.array([6.0, 2.0, 1.0, 1.0])
    found = score(expected, observed, before, area, top_share=0.5)
    assert (found.n_events, found.n_hits, found.area_share) == (8, 4, 0.5)
    assert (found.hit_rate, found.pai, found.pei) == (0.5, 1.0, 4 / 7)
    assert found.rri == pytest.approx((4 / 8) / (8 / 10))
    assert (found.expected_total, found.calibration) == (10, 0.8)
    assert found.dispersion == pytest.approx((4 / 5 + 4 / 3 + 9 + 1) / 4)
    assert found.pit == pytest.approx(stats.poisson.cdf(8, 10) - stats.poisson.pmf(8, 10) / 2)
    whole = score(expected, observed, before, area, top_share=1.0)
    assert (whole.hit_rate, whole.pai, whole.pei) == (1, 1, 1)


def test_nothing_to_score_is_said():
    some, none = np.array([1.0, 2.0]), np.zeros(2)
    found = score(some, none, some, np.ones(2), top_share=0.5)
    assert np.isnan([found.hit_rate, found.pai, found.pei, found.rri]).all()
    assert (found.n_events, found.calibration, found.dispersion) == (0, 0, 1.5)
    blind = score(none, some, none, np.ones(2), top_share=0.5)
    assert np.isinf(blind.dispersion)
    assert np.isnan([blind.calibration, blind.rri]).all()


@given(
    st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=9),
    st.floats(0.05, 1),
)
def test_no_choice_of_equal_cells_beats_the_best(counts, share):
    expected, observed = np.array(counts, float).T
    found = score(expected, observed, expected, np.ones(len(counts)), top_share=share)
    if observed.sum():
        assert 0 <= found.hit_rate <= found.pei <= 1
        assert found.pai == pytest.approx(found.hit_rate / found.area_share)
    top = top_cells(expected, np.ones(len(counts)), share)
    assert top.sum() == max(1, int(np.floor(share * len(counts) * (1 + 1e-9))))


@pytest.mark.parametrize("method", ["prospective_kde", "self_exciting", "persistence"])
def test_the_future_changes_nothing(method):
    xy, t = branching(3, rate=1.0, theta=0.4, days=8.0, sigma=200.0, length=200.0)
    rng = np.random.default_rng(0)
    late = t >= 150
    moved = xy.copy()
    moved[late] = rng.random((late.sum(), 2)) * SIDE
    options = {"method": method, "as_of": "2024-05-29", "horizon_days": 20}
    one = forecast(frame(xy, t), grid(), **options)
    other = forecast(frame(moved, t), grid(), **options)
    pd.testing.assert_frame_equal(one, other)
    assert one["expected_events"].sum() > 0
    origin = ["2024-05-30"]
    scores = [
        evaluate_forecast(
            frame(p, t),
            grid(),
            methods=[method],
            origins=origin,
            as_of="2024-07-01",
            horizon_days=20,
        )
        for p in (xy, moved)
    ]
    assert scores[0]["expected_total"].tolist() == scores[1]["expected_total"].tolist()
    assert scores[0]["expected_total"].iloc[0] == pytest.approx(one["expected_events"].sum())


@pytest.mark.parametrize("fate", ["deleted", "shuffled", "doubled", "shifted in time"])
def test_no_origin_learns_from_what_came_after_it(fate):
    xy, t = branching(3, rate=1.0, theta=0.4, days=8.0, sigma=200.0, length=200.0)
    events = frame(xy, t).assign(location_precision_m=np.where(np.arange(len(t)) % 9, 0, 4_000.0))
    origins = [pd.Timestamp(day) for day in ("2024-04-10", "2024-04-30T12", "2024-05-20")]
    rng = np.random.default_rng(0)
    learnt = ["method", "origin", "area_share", "expected_total"]
    options = {"horizon_days": 20, "as_of": "2024-07-10", "imputations": 3}
    options["methods"] = ["prospective_kde", "self_exciting"]
    every = evaluate_forecast(events, grid(), origins=origins, **options)
    for origin in origins:
        after = (events["seized_at"] >= origin.tz_localize("UTC")).to_numpy()
        past, future = events[~after], events[after]
        if fate == "deleted":
            future = future.iloc[:0]
        elif fate == "shuffled":
            future = future.set_geometry(future.geometry.to_numpy()[rng.permutation(len(future))])
        elif fate == "doubled":
            future = pd.concat([future, future])
        else:
            future = future.assign(seized_at=future["seized_at"] + pd.Timedelta(days=15))
        changed = pd.concat([future, past])
        own = evaluate_forecast(changed, grid(), origins=[origin], **options)
        before = every[every["origin"] == origin].reset_index(drop=True)
        pd.testing.assert_frame_equal(own[learnt], before[learnt])
        assert (before["expected_total"] > 0).all()
        if fate != "shuffled":
            assert (own["n_events"] != before["n_events"]).all()
        as_of = (origin - pd.Timedelta(microseconds=1)).isoformat()
        for method in options["methods"]:
            ahead = forecast(changed, grid(), method=method, as_of=as_of, imputations=3)
            same = forecast(past, grid(), method=method, as_of=as_of, imputations=3)
            pd.testing.assert_frame_equal(ahead, same)


def test_forecasts_foresee_a_steady_world():
    rng = np.random.default_rng(6)
    hot = rng.random((900, 2)) * SIDE / 5 + SIDE / 2
    rest = rng.random((300, 2)) * SIDE
    xy, t = np.concatenate([hot, rest]), rng.random(1200) * 400
    scores = evaluate_forecast(
        frame(xy, t), grid(20), origins=5, top_share=0.04, as_of="2025-02-03", history_days=300
    )
    assert scores["method"].tolist() == [
        m for m in ("prospective_kde", "self_exciting", "persistence") for _ in range(5)
    ]
    mean = scores.groupby("method")[["pai", "pai_naive", "calibration", "hit_rate"]].mean()
    assert (mean.loc["prospective_kde"]["pai"] > mean["pai_naive"]).all()
    assert (mean.loc["self_exciting"]["pai"] > mean["pai_naive"]).all()
    # Three quarters of the events fall on 4 % of the area.
    assert mean.loc["prospective_kde", "hit_rate"] == pytest.approx(0.75, abs=0.1)
    assert mean["calibration"].between(0.85, 1.15).all()
    modelled = scores[scores["method"] != "persistence"]
    assert (modelled.groupby("method")["dispersion"].mean() < 1.5).all()
    assert modelled["pit"].between(1e-4, 1 - 1e-4).all()
    assert scores["pai_naive"].tolist() == 3 * scores["pai"].tolist()[-5:]


def test_a_recent_cluster_excites_its_cell():
    xy, t = branching(2, rate=2.0, theta=0.5, days=8.0, sigma=150.0)
    cluster = np.full((12, 2), 3_100.0)
    xy, t = np.concatenate([xy, cluster]), np.append(t, np.linspace(390, 399, 12))
    ahead = forecast(
        frame(xy, t), grid(20), method="self_exciting", horizon_days=7, bandwidth_m=1_500
    )
    cell = 3 * 20 + 3
    assert ahead["rank"].iloc[cell] == 1
    assert ahead["expected_events"].iloc[cell] > 1
    record = ahead.attrs["geocn"]
    assert 0.3 < record["fitted"]["offspring"] < 0.8
    assert set(record["last_horizon"]) == {"self_exciting", "persistence"}
    assert ahead["rank_naive"].iloc[cell] == 1


def test_vague_events_spread_over_cells():
    xy, t = np.full((20, 2), 5_100.0), np.linspace(0, 50, 20)
    events = frame(xy, t)
    sure = forecast(events, grid(), bandwidth_m=500)
    vague = forecast(events.assign(location_precision_m=6_000.0), grid(), bandwidth_m=500)
    cell = 2 * 10 + 2
    assert vague["expected_events"].iloc[cell] < 0.5 * sure["expected_events"].iloc[cell]
    assert vague["imprecise_share"].max() == 1
    assert sure["imprecise_share"].max() == 0


def test_no_events_and_no_cells_give_the_same_columns():
    events = frame(np.array([[1.0, 1.0]]), [3.0])
    full = forecast(events, grid(3))
    for none in (forecast(events.iloc[:0], grid(3)), forecast(events, grid(3).iloc[:0])):
        assert dict(none.dtypes) == dict(full.dtypes)
        assert none["expected_events"].sum() == 0
    scores = evaluate_forecast(events, grid(3), origins=2)
    empty = evaluate_forecast(events.iloc[:0], grid(3), origins=2)
    assert dict(empty.dtypes) == dict(scores.dtypes)
    assert empty["hit_rate"].isna().all()


def test_what_is_left_out_is_counted():
    events = frame(np.array([[1.0, 1], [1, 1], [-9e4, 1], [1, 1]]), [1, 2, 3, -900])
    events["date_precision"] = ["day", "month", "day", "day"]
    record = forecast(events, grid(3)).attrs["geocn"]
    assert record["left_out"] == {"no_exact_time": 1, "not_in_history": 1, "outside": 1}
    assert record["n_events"] == 1


def test_wrong_options_are_refused():
    events = frame(np.array([[1.0, 1.0]]), [3.0])
    with pytest.raises(ParameterError) as caught:
        forecast(events, grid(2), method="oracle", horizon_days=0, top_share=2, bandwidth_m=-1)
    assert all(
        w in str(caught.value) for w in ("oracle", "horizon_days", "top_share", "bandwidth_m")
    )
    with pytest.raises(ParameterError, match="origins"):
        evaluate_forecast(events, grid(2), origins=0)
    with pytest.raises(ParameterError, match="origins must leave"):
        evaluate_forecast(events, grid(2), origins=["2024-01-02"], as_of="2024-01-04")
    with pytest.raises(SchemaError, match="no column when"):
        forecast(events, grid(2), time="when")


@pytest.mark.parametrize("hole", [None, shapely.Polygon()])
def test_cells_without_geometry_are_refused_by_row(hole):
    boxes = [shapely.box(0, 0, 1000, 1000), hole]
    cells = gpd.GeoDataFrame(geometry=boxes, crs=6933, index=["a", "b"])
    past = gpd.GeoDataFrame(
        {"seized_at": pd.to_datetime(["2024-01-05"], utc=True)},
        geometry=[shapely.Point(500, 500)],
        crs=6933,
    )
    with pytest.raises(LayerError, match="1 row: b"):
        forecast(past, cells)
