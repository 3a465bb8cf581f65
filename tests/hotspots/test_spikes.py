"""Spike alerts against sums over the laws, simulated nothing, and planted spikes."""

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from geocn.errors import DateError, ParameterError, SchemaError
from geocn.hotspots import space_time_cube, spike_alerts
from geocn.hotspots.baseline import attained, concentration, thresholds, upper

COLUMNS = ["period", "observed", "expected", "threshold", "p_value", "p_adjusted", "is_alert"]
COLUMNS += ["false_alarm_rate", "baseline_periods", "imprecise_share"]


def areas(n):
    boxes = [shapely.box(1000 * i, 0, 1000 * (i + 1), 1000) for i in range(n)]
    names = pd.Index([f"a{i}" for i in range(n)], name="name")
    return gpd.GeoDataFrame(geometry=boxes, index=names, crs=6933)


def world(counts, period="month"):
    """Events of the given (areas, periods) counts, and the areas."""
    counts = np.asarray(counts)
    freq = {"month": "M", "day": "D", "week": "W-SUN"}[period]
    periods = pd.period_range("2023-01-02", periods=counts.shape[1], freq=freq)
    at, bin_ = (np.repeat(grid.ravel(), counts.ravel()) for grid in np.indices(counts.shape))
    when = periods.start_time[bin_].tz_localize("UTC") + pd.Timedelta(hours=30 % 24)
    points = shapely.points(at * 1000 + 500.0, np.full(len(at), 500.0))
    events = gpd.GeoDataFrame({"seized_at": when}, geometry=points, crs=6933)
    until = periods[-1].end_time.date().isoformat()
    return events, areas(len(counts)), {"as_of": until, "period": period}


@given(st.integers(0, 12), st.integers(0, 30), st.floats(0.1, 9), st.floats(0.1, 40))
def test_the_poisson_tail_is_that_of_its_gamma_posterior(count, past, exposed, past_exposed):
    one = [np.array([v]) for v in (count, past, exposed, past_exposed)]
    # A rate with the flat prior's posterior gives a negative binomial count.
    share = past_exposed / (exposed + past_exposed)
    expected = stats.nbinom.sf(count - 1, past + 1, share)
    np.testing.assert_allclose(upper(*one, np.inf), expected, rtol=1e-9)
    together = count + past
    expected = stats.binom.sf(count - 1, together, 1 - share)
    np.testing.assert_allclose(upper(*one, np.inf), expected, rtol=1e-9, atol=1e-15)


@given(st.integers(0, 40), st.integers(0, 40), st.floats(0.05, 9), st.floats(0.05, 40))
def test_the_negative_binomial_tail_is_the_sum_of_its_law(count, past, exposed, past_exposed):
    one = [np.array([v]) for v in (count, past, exposed, past_exposed)]
    law = stats.betabinom(count + past, 0.7 * exposed, 0.7 * past_exposed)
    terms = law.pmf(np.arange(count, count + past + 1))
    np.testing.assert_allclose(upper(*one, 0.7), terms.sum(), rtol=1e-8)


def test_a_count_given_its_past_follows_the_law():
    rng = np.random.default_rng(1)
    # Sizes in proportion to exposure, one probability: sums are negative binomial too.
    new, past = rng.negative_binomial(1.5, 0.2, 200_000), rng.negative_binomial(6.0, 0.2, 200_000)
    both = new + past == 25
    law = stats.betabinom(25, 1.5, 6.0)
    seen = np.bincount(new[both], minlength=26)
    expected = law.pmf(np.arange(26)) * both.sum()
    bins = expected > 5
    assert (
        stats.chisquare(seen[bins], expected[bins] * seen[bins].sum() / expected[bins].sum()).pvalue
        > 1e-3
    )


def test_far_tails_and_large_counts_stay_exact():
    one = [np.array([v]) for v in (400, 1200, 1.0, 12.0)]
    assert upper(*one, np.inf)[0] == pytest.approx(stats.binom.sf(399, 1600, 1 / 13), rel=1e-9)
    near = upper(*one, 1e7)[0]
    assert near == pytest.approx(upper(*one, np.inf)[0], rel=1e-2)
    assert 0 < upper(*[np.array([v]) for v in (5000, 12, 1.0, 12.0)], 3.0)[0] < 1e-9


@pytest.mark.parametrize("kappa", [np.inf, 2.0])
def test_thresholds_are_the_smallest_counts_that_are_rare_enough(kappa):
    past = np.array([0, 1, 5, 60, 900])
    law = past, np.full(5, 1.0), np.full(5, 12.0), kappa
    threshold = thresholds(0.01, *law)
    assert (attained(threshold, *law) <= 0.01).all()
    assert (attained(threshold - 1, *law) > 0.01).all()


def test_concentration_is_found_again():
    rng = np.random.default_rng(4)
    mean = rng.lognormal(2, 0.5, 300)[:, None]
    days = rng.choice([28.0, 30.0, 31.0], (300, 12))
    size = 0.1 * days
    counts = rng.negative_binomial(size, 0.1 / (0.1 + mean / 30))
    assert concentration(counts, days) == pytest.approx(0.1, rel=0.15)
    assert concentration(rng.poisson(mean / 30 * days), days) > 10 * 0.1
    assert concentration(np.zeros((3, 4), int), np.ones((3, 4))) == np.inf


@pytest.mark.parametrize("rule", ["poisson", "negative_binomial"])
@pytest.mark.parametrize("law", ["poisson", "negative_binomial"])
def test_false_alarms_come_as_often_as_stated(rule, law):
    rng = np.random.default_rng(7)
    alarms, stated, p = [], [], []
    for _ in range(12):
        shape = (100, 13)
        drawn = (
            rng.poisson(30, shape) if law == "poisson" else rng.negative_binomial(6, 1 / 6, shape)
        )
        events, cells, options = world(drawn)
        found = spike_alerts(
            events, cells, rule=rule, correction="none", false_alarm_rate=0.05, **options
        )
        alarms.append(found["is_alert"].mean())
        stated.append(found["false_alarm_rate"].mean())
        p.append(found["p_value"])
        record = found.attrs["geocn"]
        assert record["expected_false_alarms"] == pytest.approx(found["false_alarm_rate"].sum())
    error = 3 * np.std(alarms, ddof=1) / np.sqrt(len(alarms))
    if rule == "poisson" and law == "negative_binomial":
        # What the other rule is there for.
        assert np.mean(alarms) > 0.1
        return
    assert np.mean(alarms) <= 0.05 + error
    assert np.mean(alarms) == pytest.approx(np.mean(stated), abs=error + 0.002)


def test_odmaps_rule_cries_wolf_as_often_as_the_page_says():
    rng = np.random.default_rng(3)
    alarms = {}
    for mean in (0.1, 1.0, 5.0):
        events, cells, options = world(rng.poisson(mean, (1000, 29)), period="day")
        found = spike_alerts(events, cells, rule="odmap", baseline=28, **options)
        alarms[mean] = found["is_alert"].mean()
        # Where nothing happened yet, the flat prior expects one event: the rate told is high.
        told = found["false_alarm_rate"].mean()
        assert alarms[mean] - 0.01 < told < alarms[mean] + 0.05
    assert alarms[0.1] == pytest.approx(0.067, abs=0.025)
    assert alarms[1.0] == pytest.approx(0.05, abs=0.025)
    assert alarms[5.0] == pytest.approx(0.035, abs=0.02)


def test_odmaps_rule_is_mean_and_two_standard_deviations():
    events, cells, options = world([[3, 1, 4, 1, 5, 9], [2, 2, 2, 2, 2, 2]], period="day")
    found = spike_alerts(events, cells, rule="odmap", baseline=5, **options)
    past = np.array([3, 1, 4, 1, 5])
    assert found["threshold"].tolist() == pytest.approx([past.mean() + 2 * past.std(ddof=1), 2])
    # More than the threshold, not as much.
    assert found["is_alert"].tolist() == [True, False]


def test_a_planted_spike_is_found_and_noise_is_not():
    rng = np.random.default_rng(0)
    counts = rng.negative_binomial(4, 0.4, (60, 13))
    counts[7, -1] = 60
    events, cells, options = world(counts)
    found = spike_alerts(events, cells, **options)
    assert found.index[found["is_alert"]].tolist() == ["a7"]
    row = found.loc["a7"]
    assert row["observed"] == 60 > row["threshold"] > row["expected"]
    assert row["period"] == "2024-01"
    assert row["baseline_periods"] == 12


def test_a_cube_says_the_same_as_its_events():
    rng = np.random.default_rng(5)
    events, cells, options = world(rng.poisson(4, (5, 14)))
    cube = space_time_cube(events, cells, step="month", as_of=options["as_of"])
    for baseline in (12, "2023-05-01"):
        one = spike_alerts(events, cells, baseline=baseline, **options)
        other = spike_alerts(cube, cells, baseline=baseline)
        pd.testing.assert_frame_equal(one[COLUMNS], other[COLUMNS])
    assert one["baseline_periods"].tolist() == [9] * 5
    with pytest.raises(SchemaError, match="other areas"):
        spike_alerts(cube, cells.iloc[::-1])


def test_an_unfinished_period_is_not_judged_and_silence_is_not_zero():
    events, cells, options = world([[6] * 8 + [1]])
    options["as_of"] = "2023-09-10"
    found = spike_alerts(events, cells, **options).iloc[0]
    assert (found["period"], found["observed"], found["baseline_periods"]) == ("2023-08", 6, 7)
    last = spike_alerts(events, cells).iloc[0]
    assert last["period"] == "2023-08"
    silent = [{"from": "2023-03-01", "to": "2023-04-15"}]
    quiet = events[~events["seized_at"].dt.month.isin([3, 4])]
    early = spike_alerts(events, cells, baseline="2022-11-20", **options).iloc[0]
    assert (early["baseline_periods"], early["expected"] < 6) == (8, True)
    gone = spike_alerts(quiet, cells, gaps=silent, **options).iloc[0]
    assert gone["baseline_periods"] == 5
    days = 31 + 28 + 31 + 30 + 31
    assert gone["expected"] == pytest.approx(5 * 6 / days * 31)
    zero = spike_alerts(quiet, cells, gaps=(), **options).iloc[0]
    assert zero["expected"] < gone["expected"]
    dark = spike_alerts(quiet, cells, gaps=[{"from": "2023-08-01", "to": "2023-08-31"}], **options)
    assert dark["p_value"].isna().all()
    assert not dark["is_alert"].any()


def test_periods_end_in_utc_whatever_zone_an_instant_is_told_in():
    # 30 June, 20:00 in Bogotá is 1 July, 01:00 in UTC.
    events, cells, options = world([[3] * 6 + [3]])
    late = pd.to_datetime(["2023-06-30T20:00:00-05:00"] * 20, utc=False)
    rows = gpd.GeoDataFrame(
        {"seized_at": late}, geometry=[shapely.Point(500, 500)] * len(late), crs=6933
    )
    here = events.assign(seized_at=events["seized_at"].dt.tz_convert("America/Bogota"))
    for frame in (events, here):
        zone = frame["seized_at"].dt.tz
        local = rows.assign(seized_at=rows["seized_at"].dt.tz_convert(zone))
        told = pd.concat([frame, local], ignore_index=True)
        june = spike_alerts(told, cells, period="month", as_of="2023-06-30").iloc[0]
        assert (june["period"], june["observed"], june["is_alert"]) == ("2023-06", 3, False)
        july = spike_alerts(told, cells, **options).iloc[0]
        assert (july["period"], july["observed"], july["is_alert"]) == ("2023-07", 23, True)
    # The cut-off too: June is over in UTC at 19:00 in Bogotá, and not a second before.
    for clock, period in (("18:59:59", "2023-05"), ("19:00:01", "2023-06")):
        found = spike_alerts(events, cells, as_of=f"2023-06-30T{clock}-05:00").iloc[0]
        assert found["period"] == period


@pytest.mark.parametrize("rule", ["odmap", "poisson", "negative_binomial"])
@pytest.mark.parametrize("as_of", [None, "2023-07-01", "2023-07-20", "2023-07-31T23:59:59"])
def test_an_incomplete_period_never_alerts(rule, as_of):
    events, cells, _ = world([[3, 2, 4, 3, 2, 3, 500]])
    found = spike_alerts(events, cells, rule=rule, as_of=as_of).iloc[0]
    assert (found["period"], found["observed"], found["is_alert"]) == ("2023-06", 3, False)
    over = spike_alerts(events, cells, rule=rule, as_of="2023-07-31").iloc[0]
    assert (over["period"], over["observed"], over["is_alert"]) == ("2023-07", 500, True)


def test_more_patrols_explain_more_seizures():
    events, cells, options = world([[5] * 12 + [15]])
    names = [str(p) for p in pd.period_range("2023-01", periods=13, freq="M")]
    hours = pd.DataFrame([[100.0] * 12 + [300.0]], index=cells.index, columns=names)
    plain = spike_alerts(events, cells, rule="poisson", **options)
    fair = spike_alerts(events, cells, rule="poisson", exposure=hours, **options)
    assert plain["is_alert"].tolist() == [True]
    assert fair["is_alert"].tolist() == [False]
    assert fair["expected"].tolist() == pytest.approx([15.0])
    with pytest.raises(ParameterError, match="exposure"):
        spike_alerts(events, cells, exposure=-hours, **options)


def test_vague_events_are_no_spike_of_one_area():
    counts = np.full((9, 13), 3)
    counts[4, -1] = 30
    events, cells, options = world(counts)
    vague = (events["seized_at"] >= "2024-01-01") & (events.geometry.x // 1000 == 4)
    spread = events.assign(location_precision_m=np.where(vague, 30_000.0, 5.0))
    sure = spike_alerts(events, cells, rule="poisson", **options).loc["a4"]
    found = spike_alerts(spread, cells, rule="poisson", **options).loc["a4"]
    assert sure["is_alert"]
    assert (sure["imprecise_share"], found["imprecise_share"]) == (0, 1)
    assert not found["is_alert"]
    assert found["observed"] < 15


def test_nothing_gives_the_same_columns():
    events, cells, options = world([[1, 2, 3, 4]])
    full = spike_alerts(events, cells, **options)
    assert list(full.columns[-10:]) == COLUMNS
    for none in (
        spike_alerts(events.iloc[:0], cells, **options),
        spike_alerts(events, cells.iloc[:0], **options),
        spike_alerts(events.iloc[:0], cells),
    ):
        assert dict(none.dtypes) == dict(full.dtypes)
        assert not none["is_alert"].any()


def test_wrong_input_is_refused():
    events, cells, options = world([[1, 2, 3, 4]])
    wrong = {"rule": "guess", "baseline": 1, "false_alarm_rate": 0, "correction": "x"}
    with pytest.raises(ParameterError) as caught:
        spike_alerts(events, cells, **(options | wrong | {"period": "hour"}))
    assert all(word in str(caught.value) for word in [*wrong, "period"])
    with pytest.raises(SchemaError, match="no column"):
        spike_alerts(events, cells, time="when")
    with pytest.raises(DateError):
        spike_alerts(events.assign(seized_at="soon"), cells)
    with pytest.raises(SchemaError, match="not unique"):
        spike_alerts(events, pd.concat([cells, cells]))
    with pytest.raises(ParameterError, match="gaps name areas"):
        spike_alerts(
            events, cells, gaps=[{"from": "2023-01-01", "to": "2023-01-02", "areas": ["z"]}]
        )


def test_one_area_whose_past_says_nothing_of_its_scatter_has_a_threshold():
    # The concentration is a guess so small that the threshold lies beyond all counts.
    high = thresholds(0.01, np.array([2]), np.array([0.00098]), np.array([0.005]), 1.0)
    assert high[0] >= 1
    tail = upper(np.array([2**46]), np.array([2]), np.array([0.00098]), np.array([0.005]), 1.0)
    assert 0 <= tail[0] <= 1
