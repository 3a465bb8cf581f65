"""Displacement: published figures, exact laws, and what swapping and scaling must do."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from geocn.errors import LayerError, ParameterError, SchemaError
from geocn.evaluation import displacement
from geocn.provenance import attach

ROLES = ("control", "treated", "displacement_control", "displacement_treated")
PUBLISHED = {
    "control": (308, 318),
    "treated": (207, 110),
    "displacement_control": (150, 140),
    "displacement_treated": (178, 157),
}


def counts(kind: str | None = None, **roles: tuple[float, float]) -> pd.DataFrame:
    frame = pd.DataFrame(
        {"role": list(roles), "before": [v[0] for v in roles.values()],
         "after": [v[1] for v in roles.values()]}
    )  # fmt: skip
    return frame if kind is None else frame.assign(kind=kind)


def test_wheeler_and_ratcliffe_2018() -> None:
    total = displacement(counts(**PUBLISHED)).loc["wdd_total"]
    assert total["estimate"] == -118
    assert total["variance"] == pytest.approx(1568)
    assert round(total["z"], 2) == -2.98
    assert (round(total["low"]), round(total["high"])) == (-196, -40)


def test_time_weights_of_the_issue() -> None:
    found = displacement(counts(control=(100, 50), treated=(80, 20)), time_weights=(2, 1))
    local = found.loc["wdd_local"]
    assert (local["estimate"], local["variance"]) == (-20, 115)
    # Without weights the longer period before makes a fall of what is none.
    plain = displacement(counts(control=(100, 50), treated=(80, 20))).loc["wdd_local"]
    assert (plain["estimate"], plain["variance"]) == (-10, 250)


def test_area_weights_as_published() -> None:
    """Figures of the test of R ptools 2.0: areas 0.9, 1.2, 1.6, 1.5."""
    areas = dict(zip(ROLES, (0.9, 1.2, 1.6, 1.5), strict=True))
    total = displacement(counts(**PUBLISHED), area_weights=areas).loc["wdd_total"]
    expected = (-99.69444444, 35.4280755, -2.813995483, -169.1321965, -30.25669241)
    names = ["estimate", "standard_error", "z", "low", "high"]
    np.testing.assert_allclose(total[names].to_numpy(dtype=float), expected, rtol=1e-8)


def test_harm_weights_add_up_the_kinds() -> None:
    """Three kinds as in the manual of R ptools: sum of w * WDD and of w² * variance."""
    kinds = {
        "robbery": ((20, 20), (20, 10), 10.0),
        "burglary": ((30, 30), (25, 20), 5.0),
        "theft": ((80, 60), (70, 20), 1.0),
    }
    frame = pd.concat(
        [counts(kind=k, control=c, treated=t) for k, (c, t, _) in kinds.items()], ignore_index=True
    )
    found = displacement(frame, harm_weights={k: w for k, (*_, w) in kinds.items()})
    local = found.loc["wdd_local"]
    assert local["estimate"] == 10 * -10 + 5 * -5 + 1 * -30
    assert local["variance"] == 100 * 70 + 25 * 105 + 1 * 230


def test_the_check_is_the_exact_conditional_law() -> None:
    total = displacement(counts(**PUBLISHED)).loc["wdd_total"]
    up, down = 110 + 308 + 157 + 150, 207 + 318 + 178 + 140
    assert total["check"] == "exact"
    assert total["p_check"] == pytest.approx(stats.binomtest(up, up + down).pvalue, rel=1e-9)


def test_simulated_check_agrees_with_the_normal_law_where_counts_are_large() -> None:
    found = displacement(counts(control=(1000, 500), treated=(800, 360)), time_weights=(2, 1))
    local = found.loc["wdd_local"]
    assert local["check"] == "simulated"
    assert local["p_check"] == pytest.approx(local["p_value"], abs=0.015)


def test_quotient_and_total_net_effect() -> None:
    found = displacement(counts(**PUBLISHED))
    wdq = (157 / 318 - 178 / 308) / (110 / 318 - 207 / 308)
    assert found.loc["wdq", "estimate"] == pytest.approx(wdq)
    net = 207 * 318 / 308 - 110 + 178 * 318 / 308 - 157
    assert found.loc["total_net_effect", "estimate"] == pytest.approx(net)


def test_variance_of_the_net_effect_against_draws() -> None:
    rng = np.random.default_rng(1)
    rates = np.array([308, 318, 207, 110, 178, 157], dtype=float)
    cb, ca, rb, ra, db, da = rng.poisson(rates, (200_000, 6)).T
    drawn = (rb + db) * ca / cb - ra - da
    found = displacement(counts(**PUBLISHED)).loc["total_net_effect"]
    assert found["variance"] == pytest.approx(drawn.var(), rel=0.02)


def test_zero_counts_are_undefined_and_said_so() -> None:
    found = displacement(counts(control=(0, 4), treated=(5, 3), displacement_treated=(1, 2)))
    for name in ("wdq", "total_net_effect"):
        assert np.isnan(found.loc[name, "estimate"])
        assert "no events before" in found.loc[name, "note"]
    assert found.loc["wdd_local", "note"].startswith("counts below 5")
    assert "no counts of displacement_control" in found.loc["wdd_total", "note"]
    nothing = displacement(counts(control=(0, 0), treated=(0, 0)))
    assert np.isnan(nothing.loc["wdd_local", "z"])
    assert "no events at all" in nothing.loc["wdd_local", "note"]


def test_no_success_is_not_read_as_displacement() -> None:
    rose = counts(control=(10, 10), treated=(10, 20), displacement_treated=(10, 5))
    assert "did not fall" in displacement(rose).loc["wdq", "note"]
    same = counts(control=(10, 20), treated=(10, 20), displacement_treated=(10, 5))
    assert np.isnan(displacement(same).loc["wdq", "estimate"])


def test_ranges_and_rings_are_carried() -> None:
    frame = counts(control=(10, 10), treated=(20, 5), ring_treated=(8, 9))
    frame = frame.assign(
        before_low=[9, 20, 8], before_high=[10, 22, 8], after_low=[10, 4, 9], after_high=[12, 6, 9]
    )
    found = displacement(frame)
    assert found.loc["wdd_local", ["range_low", "range_high"]].tolist() == [
        (4 - 22) - (12 - 9), (6 - 20) - (10 - 10),
    ]  # fmt: skip
    assert found.loc["wdd_ring_displacement", "estimate"] == 1
    assert "wdq_ring" in found.index


def test_unequal_periods_are_weighted_by_the_days_that_the_counts_know() -> None:
    frame = attach(counts(control=(100, 50), treated=(80, 20)), "x", days=[730.0, 365.0])
    found = displacement(frame).loc["wdd_local"]
    assert (found["estimate"], found["variance"]) == (-20, 115)
    silent = attach(counts(control=(1, 1), treated=(1, 1)), "x", days=[365.0, 0.0])
    with pytest.raises(ParameterError, match="days reported on"):
        displacement(silent)


four = st.tuples(*[st.tuples(st.integers(0, 400), st.integers(0, 400))] * 4)
positive = st.floats(0.1, 10)


@settings(max_examples=25)
@given(four, positive, positive)
def test_swapping_and_scaling(values, scale: float, long: float) -> None:
    frame = counts(**dict(zip(ROLES, values, strict=True)))
    swapped = counts(**dict(zip((ROLES[1], ROLES[0], ROLES[3], ROLES[2]), values, strict=True)))
    one, other = displacement(frame), displacement(swapped)
    for name in ("wdd_local", "wdd_displacement", "wdd_total"):
        assert other.loc[name, "estimate"] == -one.loc[name, "estimate"]
        assert other.loc[name, "p_check"] == pytest.approx(one.loc[name, "p_check"], nan_ok=True)
    areas = dict.fromkeys(ROLES, scale)
    scaled = displacement(frame, area_weights=areas, time_weights=(long, long))
    np.testing.assert_allclose(
        scaled.loc["wdd_total", "estimate"] * scale * long, one.loc["wdd_total", "estimate"],
        rtol=1e-9, atol=1e-9,
    )  # fmt: skip
    np.testing.assert_allclose(
        scaled.loc["wdd_total", "z"], one.loc["wdd_total", "z"], rtol=1e-9, atol=1e-9
    )
    # Time backwards is the same change the other way.
    back = frame.assign(before=frame["after"], after=frame["before"])
    assert displacement(back).loc["wdd_total", "estimate"] == -one.loc["wdd_total", "estimate"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"control": (np.nan, 1)}, "null or broken"),
        ({"control": (-1, 1)}, "negative"),
        ({"control": (1.5, 1)}, "null or broken"),
        ({"nearby": (1, 1)}, "another role"),
    ],
)
def test_bad_counts_are_refused(change, message: str) -> None:
    with pytest.raises(LayerError, match=message):
        displacement(counts(**({"control": (3, 4), "treated": (3, 4)} | change)))


def test_bad_calls_are_refused() -> None:
    with pytest.raises(LayerError, match="no row of role control"):
        displacement(counts(treated=(1, 2)))
    twice = pd.concat([counts(**PUBLISHED)] * 2)
    with pytest.raises(LayerError, match="stand twice"):
        displacement(twice)
    with pytest.raises(SchemaError, match="'before'"):
        displacement(counts(**PUBLISHED).drop(columns="before"))
    with pytest.raises(ParameterError, match=r"area_weights.*treated"):
        displacement(counts(**PUBLISHED), area_weights={"control": 1.0})
    with pytest.raises(ParameterError, match="harm_weights"):
        displacement(counts(kind="a", **PUBLISHED), harm_weights={"a": 0})
    with pytest.raises(ParameterError, match="time_weights"):
        displacement(counts(**PUBLISHED), time_weights=(0, 1))
    with pytest.raises(ParameterError, match="confidence"):
        displacement(counts(**PUBLISHED), confidence=95)
    with pytest.raises(ParameterError, match="simulations"):
        displacement(counts(**PUBLISHED), simulations=0)


@pytest.mark.slow
@pytest.mark.parametrize("times", [(1.0, 1.0), (3.0, 1.0)])
def test_intervals_hold_the_truth_and_the_check_its_level(times: tuple[float, float]) -> None:
    rng = np.random.default_rng(7)
    rate = {"control": 20.0, "treated": 15.0}
    held = rejected = 0
    for _ in range(400):
        drawn = {
            role: tuple(rng.poisson([value * t for t in times])) for role, value in rate.items()
        }
        local = displacement(counts(**drawn), time_weights=times, simulations=500).loc["wdd_local"]
        held += local["low"] <= 0 <= local["high"]
        rejected += local["p_check"] <= 0.05
    assert 0.92 < held / 400 < 0.975
    assert 0.01 < rejected / 400 < 0.08
