"""Difference-in-differences against closed forms, peers, a dumb loop and known truths."""

from __future__ import annotations

from itertools import product

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from geocn.errors import AssumptionWarning
from geocn.evaluation import DidOptions, difference_in_differences
from geocn.evaluation.difference_in_differences_panel import Columns, read_panel
from geocn.evaluation.difference_in_differences_study import Choices, Study
from geocn.evaluation.difference_in_differences_twfe import WildBootstrap, two_way
from tests.evaluation.did_worlds import NEVER, drawn, numbered, panel

FEW = DidOptions(draws=99)
ANALYTIC = DidOptions(draws=99, inference="analytic")

#: csdid 0.4.3 (a port of the R package did) on `numbered()`: est_method "reg", universal base,
#: no bootstrap. By controls and weights: simple and group (estimate, error), then the event
#: study from -4 to 3 without its reference.
CSDID = {
    ("never", None): (
        (7.520833333333335, 2.048553730364003), (7.421874999999999, 2.0460361771205164),
        [5.25, 1.375, 3.6875, 6.5625, 7.0625, 9.125, 8.75],
        [2.485897725169, 3.176758863213, 2.711871687023, 2.399086333248, 2.221554125916,
         3.185354670206, 3.131243762469],
    ),
    ("not_yet", None): (
        (7.072916666666667, 1.9749454329199045), (7.0859375, 2.066824338907492),
        [5.25, 1.375, 2.71875, 4.875, 7.40625, 9.125, 8.75],
        [2.485897725169, 3.176758863213, 2.489884319759, 2.43960245865, 2.229740057194,
         3.185354670206, 3.131243762469],
    ),
    ("never", "people"): (
        (5.8916666666666675, 1.6894111263110898), (6.0, 1.6766782637107214),
        [6.95, 0.95, 3.05, 4.875, 6.65, 6.55, 5.75],
        [2.582948896126, 3.743210520396, 2.948823918107, 1.977312728174, 2.065127114732,
         2.813027728267, 3.09445067823],
    ),
}  # fmt: skip


def study(frame: pd.DataFrame, controls: str = "never", weights: str | None = None) -> Study:
    columns = Columns("y", "admin_code", "year", "begun", None, None, weights, None)
    data = read_panel(frame, columns, spillover=None, transform=None, incomplete="raise")
    return Study(data, "treated", Choices(FEW, controls, 0.95, 0))


def one(frame: pd.DataFrame, **options: object):
    return difference_in_differences(
        frame, outcome="y", treated_from="begun", **({"options": FEW} | options)
    )


@pytest.mark.parametrize("key", CSDID, ids=str)
def test_callaway_and_santanna_as_csdid_has_it(key) -> None:
    """Estimates, and errors before the correction for small groups."""
    simple, group, events, errors = CSDID[key]
    found = study(numbered(), *key)
    after = found.cells.usable & (found.cells.event_time >= 0)
    both = found.average(np.array([after.astype(float), after / after.sum(axis=1, keepdims=True)]))
    own = np.sqrt((both.influence**2).sum(axis=0))
    np.testing.assert_allclose(both.estimate, [simple[0], group[0]], rtol=1e-12)
    np.testing.assert_allclose(own, [simple[1], group[1]], rtol=1e-12)
    times, effects = found.event_effects()
    assert times.tolist() == [-4, -3, -2, 0, 1, 2, 3]
    np.testing.assert_allclose(effects.estimate, events, rtol=1e-12)
    np.testing.assert_allclose(np.sqrt((effects.influence**2).sum(axis=0)), errors, rtol=1e-10)


def test_small_groups_are_corrected_by_m_over_m_less_one() -> None:
    """Cells have no share of chance in their sizes: with groups of 8 the factor is exact."""
    found = one(numbered()).group_time
    raw = study(numbered())
    cells = np.eye(int(raw.cells.usable.sum()))
    group, column = np.nonzero(raw.cells.usable)
    members = np.zeros((len(cells), *raw.cells.att.shape))
    members[np.arange(len(cells)), group, column] = 1
    error = np.sqrt((raw.average(members).influence ** 2).sum(axis=0))
    np.testing.assert_allclose(found["std_error"], error * np.sqrt(8 / 7), rtol=1e-12)


def oracle(frame: pd.DataFrame, not_yet: bool) -> dict[tuple[int, int], float]:
    """ATT(g, t) by loops over dictionaries."""
    y = {(a, t): v for a, t, v in zip(frame["admin_code"], frame["year"], frame["y"], strict=True)}
    begun = dict(zip(frame["admin_code"], frame["begun"].fillna(np.inf), strict=True))
    years = sorted(set(frame["year"]))
    found = {}
    for g in sorted({b for b in begun.values() if np.isfinite(b) and b > years[0]}):
        base = max(t for t in years if t < g)
        for t in years:
            pool = [
                a for a, b in begun.items()
                if b > years[0] and (np.isinf(b) or (not_yet and b != g and b > max(t, base)))
            ]  # fmt: skip
            if t == base or not pool:
                continue
            mine = [a for a, b in begun.items() if b == g]
            change = [np.mean([y[a, t] - y[a, base] for a in who]) for who in (mine, pool)]
            found[int(g), t] = change[0] - change[1]
    return found


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**6), not_yet=st.booleans())
def test_group_time_effects_by_a_dumb_loop(seed: int, not_yet: bool) -> None:
    rng = np.random.default_rng(seed)
    n, periods = int(rng.integers(6, 20)), int(rng.integers(3, 8))
    start = rng.choice([2.0, 3.0, 5.0, NEVER], n)
    start[:3] = (2.0, NEVER, 3.0)
    start[start > periods] = NEVER
    frame = panel(rng.normal(size=(n, periods)), start)
    got = one(frame, controls="not_yet" if not_yet else "never").group_time
    expected = oracle(frame, not_yet)
    assert list(zip(got["group"], got["period"], strict=True)) == list(expected)
    np.testing.assert_allclose(got["estimate"], list(expected.values()), atol=1e-9)


def test_two_groups_two_periods_is_welchs_test() -> None:
    frame = drawn(7, 11, 8, seed=3, effect=1.0)
    frame = frame[frame["year"].isin([4, 5])]
    wide = frame.pivot_table(index="admin_code", columns="year", values="y")
    change = wide[5] - wide[4]
    treated = frame.groupby("admin_code")["begun"].first().notna()
    test = stats.ttest_ind(change[treated], change[~treated], equal_var=False)
    low, high = test.confidence_interval(0.95)
    att = one(frame).att.set_index("aggregation")
    mean = change[treated].mean() - change[~treated].mean()
    row = att.loc["simple"]
    np.testing.assert_allclose(
        row[["estimate", "low", "high", "p_value"]].to_numpy(float),
        [mean, low, high, test.pvalue], rtol=1e-9,
    )  # fmt: skip
    assert att.loc["two-way fixed effects", "estimate"] == pytest.approx(mean, abs=1e-12)


@pytest.mark.parametrize("weights", [None, "people"])
def test_two_way_fixed_effects_as_statsmodels_has_them(weights: str | None) -> None:
    frame = numbered()
    frame = frame[frame["begun"] != 5].reset_index(drop=True)
    on = (frame["year"] >= frame["begun"].fillna(99)).astype(float).rename("on")
    dummies = pd.get_dummies(
        frame[["admin_code", "year"]].astype(str), drop_first=True, dtype=float
    )
    x = sm.add_constant(pd.concat([on, dummies], axis=1))
    area = pd.factorize(frame["admin_code"])[0]
    weight = np.ones(len(frame)) if weights is None else frame[weights]
    fit = sm.WLS(frame["y"], x, weights=weight).fit(
        cov_type="cluster", cov_kwds={"groups": area}, use_t=True
    )
    row = one(frame, weights=weights, options=ANALYTIC).att.iloc[0]
    assert row["aggregation"] == "two-way fixed effects"
    assert row["inference"] == "CR1"
    assert row["estimate"] == pytest.approx(fit.params["on"], rel=1e-9)
    # statsmodels counts area effects as parameters although they lie within the clusters.
    n, periods = len(frame), frame["year"].nunique()
    nested = (n - x.shape[1]) / (n - periods - 1)
    assert row["std_error"] == pytest.approx(fit.bse["on"] * np.sqrt(nested), rel=1e-9)
    if weights is None:
        # pyfixest 0.60, feols("y ~ on | admin_code + year", vcov={"CRV1": "admin_code"}).
        assert row["std_error"] == pytest.approx(1.6897331423, rel=1e-9)


def test_wild_bootstrap_by_refitting_every_sample() -> None:
    """Every combination of signs, each with a regression of its own under the null."""
    rng = np.random.default_rng(5)
    y, weight = rng.normal(size=(7, 4)), rng.uniform(0.5, 2, 7)
    on = np.zeros((7, 4))
    on[:3, 2:] = 1
    cluster = np.arange(7)
    fit = two_way(y, on, weight, cluster)
    wild = WildBootstrap(fit, draws=128, seed=0)
    assert wild.is_exact
    for null in (0.0, 0.7):
        x = np.column_stack([
            np.kron(np.eye(7), np.ones((4, 1))), np.kron(np.ones((7, 1)), np.eye(4))
        ])  # fmt: skip
        heavy = np.sqrt(np.repeat(weight, 4))
        beta = np.linalg.lstsq(x * heavy[:, None], (y - null * on).ravel() * heavy, rcond=None)[0]
        fitted = null * on + (x @ beta).reshape(7, 4)
        residual = y - fitted
        own = abs(fit.estimate - null) / fit.std_error
        beyond = 0
        for sign in product((-1.0, 1.0), repeat=7):
            again = two_way(fitted + np.array(sign)[:, None] * residual, on, weight, cluster)
            beyond += abs(again.estimate - null) / again.std_error >= own * (1 - 1e-9)
        assert wild.p_value(null) == beyond / 128
    low, high = wild.interval(0.9)
    for end in (low, high):
        inside = end + (fit.estimate - end) * 1e-6
        outside = end - (fit.estimate - end) * 1e-6
        assert wild.p_value(inside) >= 0.1 > wild.p_value(outside)


def growing() -> tuple[pd.DataFrame, float]:
    """Effects that grow with time and differ between groups; parallel trends, no noise."""
    start = np.repeat([3.0, 7.0, NEVER], [20, 20, 4])
    begun = np.nan_to_num(start, nan=99.0)[:, None]
    year = np.arange(1, 11)
    size = np.where(start == 3, 1.0, 0.4)[:, None]
    effect = np.where(year >= begun, size * (year - begun + 1), 0.0)
    outcome = np.arange(44)[:, None] % 7 + np.sin(year) + effect
    return panel(outcome, start), float(effect[effect > 0].mean())


def test_staggered_growing_effects_are_right_where_two_way_is_wrong() -> None:
    frame, truth = growing()
    for controls in ("never", "not_yet"):
        found = one(frame, controls=controls).att
        assert not found["aggregation"].eq("two-way fixed effects").any()
        assert found["estimate"][0] == pytest.approx(truth, abs=1e-9)
    with pytest.warns(AssumptionWarning, match="Goodman-Bacon"):
        two = one(frame, options=DidOptions(draws=99, estimator="twfe")).att
    assert two["aggregation"][0] == "two-way fixed effects"
    assert two["estimate"][0] < 0.7 * truth


def test_nothing_depends_on_names_or_order_and_units_scale() -> None:
    frame = numbered()
    names = {old: f"z{i * 7 % 24}" for i, old in enumerate(frame["admin_code"].unique())}
    other = frame.assign(admin_code=frame["admin_code"].map(names)).sample(frac=1, random_state=2)
    found, again = one(frame), one(other)
    for name in ("att", "event_study", "groups", "group_time", "sensitivity"):
        pd.testing.assert_frame_equal(getattr(found, name), getattr(again, name), rtol=1e-12)
    large = one(frame.assign(y=1000 * frame["y"]))
    for name in ("estimate", "std_error", "low", "high"):
        np.testing.assert_allclose(large.att[name], 1000 * found.att[name], rtol=1e-9)
    np.testing.assert_allclose(large.att["p_value"], found.att["p_value"], rtol=1e-6)
    assert large.pretrend.p_value == pytest.approx(found.pretrend.p_value, rel=1e-6)
    assert large.breakdown == pytest.approx(found.breakdown, rel=1e-6, abs=1e-9)


def test_a_trend_of_its_own_is_found_and_bounded() -> None:
    """Without effect, a trend that goes on as before lies on the edge of the bound for 1."""
    base = drawn(40, 40, seed=1)
    slope = 0.8 * base["year"] * base["begun"].notna()
    found = one(base.assign(y=base["y"] + slope))
    assert found.pretrend.p_value < 1e-3
    exact = one(base.assign(y=base["year"] % 3 + slope + 1e-9 * base["y"]))
    bound = exact.sensitivity.set_index("relative_magnitude")
    assert bound.loc[1.0, "bound_low"] == pytest.approx(0.0, abs=1e-6)
    assert exact.breakdown == pytest.approx(1.0, abs=1e-4)
    held = one(drawn(40, 40, seed=1, effect=9.0))
    rows = held.sensitivity
    assert (rows["low"] <= rows["bound_low"]).all()
    assert (rows["bound_high"] <= rows["high"]).all()
    assert rows["low"][0] > 0
    limit = np.interp(held.breakdown, rows["relative_magnitude"], rows["low"])
    assert held.breakdown >= 2 or limit == pytest.approx(0, abs=1e-9)


def test_bands_hold_the_intervals_and_the_reference_is_nothing() -> None:
    events = one(numbered()).event_study
    shown = events[~events["is_reference"]]
    assert (shown["band_low"] <= shown["low"]).all()
    assert (shown["band_high"] >= shown["high"]).all()
    reference = events[events["is_reference"]]
    assert reference["event_time"].tolist() == [-1]
    assert reference["estimate"].tolist() == [0.0]


def test_a_single_treated_area_has_a_permutation_test_alone() -> None:
    frame = drawn(1, 19, seed=8, effect=6.0)
    found = one(frame, options=DidOptions())
    row = found.att.iloc[0]
    assert np.isnan(row[["std_error", "low", "high", "p_value"]].to_numpy(float)).all()
    wide = frame.pivot_table(index="admin_code", columns="year", values="y")
    change = wide.loc[:, 5:].mean(axis=1) - wide.loc[:, :4].mean(axis=1)
    placebo = [abs(v - change.drop(a).mean()) for a, v in change.items()]
    assert row["p_permutation"] == np.mean(np.array(placebo) >= placebo[0] * (1 - 1e-9))
    assert "no standard error can be had" in found.report()
    assert "20 assignments" in found.report()
    assert np.isnan(found.breakdown)


def test_groups_of_one_area_still_give_an_error_for_all() -> None:
    rng = np.random.default_rng(4)
    start = np.r_[[3.0, 4.0, 5.0], np.full(20, NEVER)]
    found = one(panel(rng.normal(size=(23, 7)), start))
    assert found.groups["std_error"].isna().all()
    assert found.att["std_error"].notna().all()
    lone = one(panel(rng.normal(size=(23, 7)), np.r_[[3.0, 5.0, 5.0], np.full(20, NEVER)]))
    assert lone.att["std_error"].notna().all()
    assert lone.groups["std_error"].isna().tolist() == [True, False]


def test_clusters_of_areas_widen_the_error() -> None:
    base = drawn(20, 20, seed=2)
    twin = pd.concat([base.assign(copy="x"), base.assign(copy="y")])
    twin["department"] = twin["admin_code"]
    twin["admin_code"] += twin["copy"]
    alone = one(base, options=ANALYTIC).att
    naive = one(twin, options=ANALYTIC).att
    found = one(twin, cluster="department", options=ANALYTIC).att
    np.testing.assert_allclose(found["estimate"], alone["estimate"], atol=1e-12)
    np.testing.assert_allclose(found["std_error"], alone["std_error"], rtol=0.03)
    assert (found["std_error"] > 1.3 * naive["std_error"]).all()


def test_the_picture_shows_each_period() -> None:
    found = one(numbered())
    axis = found.plot()
    assert "treated areas" in axis.get_title()
    assert len(axis.lines[-1].get_xdata()) == len(found.event_study)
    assert found.plot(ax=axis) is axis


@pytest.mark.slow
def test_intervals_cover_and_the_pretrend_test_keeps_its_size() -> None:
    """400 worlds without effect: within three errors of the level."""
    inside = wrong = band = 0
    for seed in range(400):
        found = study(drawn(15, 25, 7, seed=seed))
        row = found.att_table().set_index("aggregation").loc["simple"]
        inside += row["low"] <= 0 <= row["high"]
        wrong += found.pretrend().p_value < 0.05
        events = found.event_table().dropna()
        band += bool(((events["band_low"] <= 0) & (events["band_high"] >= 0)).all())
    assert 0.915 <= inside / 400 <= 0.985
    assert 0.02 <= wrong / 400 <= 0.085
    assert band / 400 >= 0.915
