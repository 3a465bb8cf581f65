"""Interdiction rates: closed forms, draws against them, and no rate above 1 in silence."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from geocn.errors import AssumptionWarning, DateError, LayerError, ParameterError, SchemaError
from geocn.evaluation import CropSupply, LogNormal, interdiction_rate

RATES = ["rate", "rate_low", "rate_high"]


def seizures(**changed: object) -> pd.DataFrame:
    rows = {
        "drug": ["cocaine", "cocaine", "heroin", "cocaine", None, "cocaine"],
        "weight_kg": [60.0, 40.0, 5.0, 30.0, 7.0, np.nan],
        "seized_at": pd.to_datetime(
            ["2023-02-01", "2024-02-01", "2024-03-01", "2024-07-01", "2024-01-01", "2024-01-01"],
            utc=True,
        ),
        "date_precision": ["day", "day", "day", "year", "day", "day"],
    }
    return pd.DataFrame(rows | changed)


def one(*args: object, **options: object) -> pd.Series:
    return interdiction_rate(*args, drug=None, **options).iloc[0]


def test_world_drug_report_2012() -> None:
    """694 t of unknown purity against 788 to 1,060 t pure: told apart, and no more than that."""
    found = one(694_000, supply=(788_000, 1_060_000))
    assert found["rate"] == pytest.approx(694 / 924)
    assert found["rate_low"] == pytest.approx(694 / (788 + 0.975 * 272))
    assert found["rate_high"] == pytest.approx(694 / (788 + 0.025 * 272))
    assert not found["is_purity_adjusted"]
    assert "bulk weight" in found["note"]
    pure = one(694_000, supply=(788_000, 1_060_000), purity=(0.5, 0.8))
    assert pure["is_purity_adjusted"]
    assert pure["rate"] < found["rate"]
    assert pure["note"] == ""


def test_exact_inputs_give_an_exact_rate() -> None:
    found = one(50, supply=CropSupply(10, 1000, 0.002, 5), purity=0.5)
    assert found[RATES].tolist() == [0.25] * 3
    assert found["method"] == "exact"
    assert found["supply_kg"] == 100


def test_log_normal_chain_in_closed_form() -> None:
    """The product of log-normals is one; its variance is the sum of theirs."""
    chain = CropSupply(LogNormal(80, 120), LogNormal(900, 1100), LogNormal(0.001, 0.002))
    found = one(20, supply=chain, purity=1.0)
    spread = [np.log(120 / 80), np.log(1100 / 900), np.log(2)]
    sigma = np.sqrt(np.square(spread).sum()) / (2 * stats.norm.ppf(0.975))
    middle = 20 / (np.sqrt(80 * 120) * np.sqrt(900 * 1100) * np.sqrt(2e-6))
    expected = stats.lognorm(sigma, scale=middle).ppf([0.5, 0.025, 0.975])
    np.testing.assert_allclose(found[RATES].to_numpy(dtype=float), expected, rtol=1e-9)
    assert found["method"] == "closed form"
    shares = np.square(spread) / np.square(spread).sum()
    names = [f"share_of_uncertainty_{n}" for n in ("hectares", "leaf_kg_per_ha", "kg_per_kg_leaf")]
    np.testing.assert_allclose(found[names].to_numpy(dtype=float), shares, rtol=1e-9)


def test_draws_agree_with_the_closed_form() -> None:
    """The same log-normal as draws of another law: what Monte Carlo gives must be the same."""
    closed = one(20, supply=LogNormal(80, 200), purity=LogNormal(0.4, 0.9))
    # Midpoint quantiles of the same laws, as draws.
    at = stats.norm.ppf((np.arange(50_000) + 0.5) / 50_000)
    width = 2 * stats.norm.ppf(0.975)
    supply = np.exp(np.log(80 * 200) / 2 + at * np.log(200 / 80) / width)
    purity = np.exp(np.log(0.4 * 0.9) / 2 + at * np.log(0.9 / 0.4) / width)
    drawn = one(20, supply=supply, purity=np.minimum(purity, 1.0), draws=100_000)
    assert drawn["method"] == "monte carlo"
    for name in RATES:
        assert drawn[name] == pytest.approx(closed[name], rel=0.01)
    share = "share_of_uncertainty_supply"
    assert drawn[share] == pytest.approx(closed[share], abs=0.01)


def test_shares_are_first_order_indices() -> None:
    """Against a brute-force conditional variance of the log rate."""
    found = one(20, supply=(80, 200), purity=(0.3, 0.5, 0.9))
    u = (np.arange(400) + 0.5) / 400
    supply = 80 + 120 * u
    purity = stats.triang((0.5 - 0.3) / 0.6, 0.3, 0.6).ppf(u)
    log_rate = np.log(20 * purity[:, None] / supply[None, :])
    by_purity = log_rate.mean(axis=1).var() / log_rate.var()
    assert found["share_of_uncertainty_purity"] == pytest.approx(by_purity, abs=1e-3)
    shares = found[[c for c in found.index if c.startswith("share_of")]]
    assert shares.sum() == pytest.approx(1)


def test_by_drug_and_period() -> None:
    found = interdiction_rate(
        seizures(), supply={"cocaine": 1000, ("heroin", "2024"): 50, ("heroin", "2023"): 40},
        period="year", purity={"cocaine": 0.5},
    ).set_index(["drug", "period"])  # fmt: skip
    assert found.loc[("cocaine", "2024"), "seized_kg"] == 35
    assert found.loc[("cocaine", "2023"), "rate"] == 0.03
    assert found.loc[("heroin", "2024"), "rate"] == 0.1
    assert not found.loc[("heroin", "2024"), "is_purity_adjusted"]
    # A supply without seizures is a rate of 0, and said.
    assert found.loc[("heroin", "2023"), "rate"] == 0
    assert "no seizures" in found.loc[("heroin", "2023"), "note"]
    record = found.attrs["geocn"]
    assert record["left_out"] == {
        "no_weight": 1, "no_drug": 1, "no_period": 0, "kg_without_drug_or_period": 7.0,
    }  # fmt: skip


def test_a_year_known_is_no_month_known() -> None:
    found = interdiction_rate(seizures(), supply={"cocaine": 1000}, period="month")
    assert found["period"].tolist() == ["2023-02", "2024-02", "2024-03", "2024-03"]
    assert found.attrs["geocn"]["left_out"]["no_period"] == 1
    assert found["rate"].iloc[2] == 0
    heroin = found.set_index("drug").loc["heroin"]
    assert np.isnan(heroin["rate"])
    assert heroin["note"] == "no supply given for it"


def test_joint_operations_count_once() -> None:
    rows = seizures(operation_id=["a", "b", None, "b", None, None])
    found = interdiction_rate(rows, supply={"cocaine": 1000})
    assert found["seized_kg"].iloc[0] == 100
    record = found.attrs["geocn"]
    assert record["once"] == "operation_id"
    assert record["counted_once"] == {"rows_set_aside": 1, "kg_set_aside": 30.0}
    every = interdiction_rate(rows, supply={"cocaine": 1000}, once=None)
    assert every["seized_kg"].iloc[0] == 130


def test_purity_by_row_where_it_was_measured() -> None:
    rows = seizures(purity=[0.9, 0.5, 0.4, np.nan, np.nan, np.nan])
    found = interdiction_rate(rows, supply={"cocaine": 1000}, purity="purity")
    cocaine = found.set_index("drug").loc["cocaine"]
    # 60 kg at 0.9, 40 at 0.5, and 30 at either.
    assert cocaine["rate_low"] == pytest.approx((54 + 20 + 15) / 1000)
    assert cocaine["rate_high"] == pytest.approx((54 + 20 + 27) / 1000)


def test_no_rate_above_one_in_silence() -> None:
    with pytest.warns(AssumptionWarning, match="may be above 1"):
        found = one(150, supply=(100, 200), purity=1.0)
    assert found["probability_above_1"] == pytest.approx(0.5, abs=1e-4)
    with pytest.warns(AssumptionWarning):
        assert one(150, supply=100)["probability_above_1"] == 1


def test_several_drugs_do_not_share_a_supply() -> None:
    with pytest.raises(ParameterError, match="name the drug"):
        interdiction_rate(seizures(), supply=1000)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"supply": 0}, "above 0"),
        ({"supply": (0, 10)}, "above 0"),
        ({"supply": (10, 5)}, "in that order"),
        ({"supply": np.nan}, "missing"),
        ({"supply": np.array([])}, "missing"),
        ({"supply": LogNormal(5, 3)}, "low < high"),
        ({"supply": CropSupply(1, 1, -1)}, "kg_per_kg_leaf"),
        ({"supply": 10, "purity": 90.0}, "up to 1"),
        ({"supply": 10, "draws": 10}, "draws"),
        ({"supply": 10, "confidence": 95}, "confidence"),
    ],
)
def test_bad_inputs_are_refused(options, message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        interdiction_rate(5, drug=None, **options)


def test_bad_layers_are_refused() -> None:
    with pytest.raises(LayerError, match="negative"):
        interdiction_rate(seizures(weight_kg=-1.0), supply={"cocaine": 1})
    with pytest.raises(SchemaError, match="'drug'"):
        interdiction_rate(seizures().drop(columns="drug"), supply=1)
    with pytest.raises(LayerError, match="divide per cent"):
        interdiction_rate(seizures(p=80.0), supply={"cocaine": 1000}, purity="p")
    with pytest.raises(DateError):
        interdiction_rate(seizures(seized_at="soon"), supply={"cocaine": 1000}, period="year")
    with pytest.raises(ParameterError, match="kilograms"):
        interdiction_rate(-5, supply=10)
    with pytest.raises(ParameterError, match="period"):
        interdiction_rate(seizures(), supply=10, period="week")


@settings(max_examples=25)
@given(st.floats(1, 1e3), st.floats(1.1, 5), st.floats(0.1, 0.9), st.floats(0.5, 20))
def test_scale_and_order(supply: float, wide: float, purity: float, scale: float) -> None:
    low, high = 1e4 * supply, 1e4 * supply * wide
    base = one(100, supply=(low, high), purity=purity)
    scaled = one(100 * scale, supply=(low * scale, high * scale), purity=purity)
    np.testing.assert_allclose(
        scaled[RATES].to_numpy(dtype=float), base[RATES].to_numpy(dtype=float), rtol=1e-9
    )
    assert base["rate_low"] <= base["rate"] <= base["rate_high"]
    assert base["rate"] == pytest.approx(one(100 * purity, supply=(low, high))["rate"])


@pytest.mark.slow
def test_draws_hold_what_they_say() -> None:
    """Of worlds drawn from the inputs, the stated share has its true rate within the interval."""
    rng = np.random.default_rng(3)
    found = one(20, supply=CropSupply((80, 120), (900, 1000, 1300), 0.0015), purity=(0.5, 0.9))
    hectares, leaf = rng.uniform(80, 120, 100_000), rng.triangular(900, 1000, 1300, 100_000)
    true = 20 * rng.uniform(0.5, 0.9, 100_000) / (hectares * leaf * 0.0015)
    held = ((true >= found["rate_low"]) & (true <= found["rate_high"])).mean()
    assert held == pytest.approx(0.95, abs=0.005)
