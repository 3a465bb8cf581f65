"""The table of indicators: nothing made up, each with its interval."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from geocn.errors import LayerError, ParameterError, SchemaError
from geocn.evaluation import indicators


def seizures() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "seized_at": ["2022-02-01", "2022-05-01", "2024-02-01", "2024-02-01", "2024-06-01"],
            "date_precision": ["day", "day", "day", "day", "year"],
            "drug": ["cocaine", "heroin", "cocaine", "cocaine", "cocaine"],
            "weight_kg": [10.0, 2.0, 30.0, 28.0, np.nan],
            "operation_id": [None, None, "op-1", "op-1", None],
            "area": ["A", "A", "A", "A", "B"],
        }
    )


def cell(table: pd.DataFrame, **keys: str) -> pd.Series:
    mask = np.logical_and.reduce([table[k] == v for k, v in keys.items()])
    return table[mask].squeeze()


def test_counts_and_weights_once_and_by_drug() -> None:
    table = indicators(seizures())
    row = cell(table, period="2024", indicator="seizures")
    assert row["value"] == 2
    low, high = stats.chi2.ppf(0.025, 4) / 2, stats.chi2.ppf(0.975, 6) / 2
    assert (row["low"], row["high"]) == (pytest.approx(low), pytest.approx(high))
    assert cell(table, period="2024", indicator="seized_weight", drug="cocaine")["value"] == 30
    none = cell(table, period="2024", indicator="seized_weight", drug="heroin")
    assert none["value"] == 0
    assert "none reported" in none["note"]
    # A year without any report is a row too.
    none = cell(table, period="2023", indicator="seizures")
    assert none["value"] == 0
    assert none["high"] == pytest.approx(3.689, abs=1e-3)
    assert table.attrs["geocn"]["left_out"]["seizures"]["counted_once"] == 1


def test_nothing_is_made_up() -> None:
    bare = seizures()[["seized_at"]]
    table = indicators(bare)
    assert set(table["indicator"]) == {"seizures"}
    absent = table.attrs["geocn"]["absent"]
    assert absent["seized_weight"] == "no column 'weight_kg' in seizures"
    assert absent["feedback_median"] == "no column 'score' in feedback"
    assert absent["operations"] == "no operations were given"


def test_operations_arrests_and_feedback() -> None:
    operations = pd.DataFrame(
        {"starts_on": ["2024-01-01"] * 3, "operation_id": ["a", "a", "b"], "arrests": [3, 3, 5]}
    )
    scores = [1, 2, 3, 3, 4, 4, 4, 5, 5, 5]
    feedback = pd.DataFrame({"asked_at": ["2024-03-01"] * 10, "score": scores})
    table = indicators(seizures(), operations=operations, feedback=feedback, favourable=4)
    assert cell(table, period="2024", indicator="operations")["value"] == 2
    arrests = cell(table, period="2024", indicator="arrests")
    assert arrests["value"] == 8
    assert arrests["low"] < 8 < arrests["high"]
    median = cell(table, period="2024", indicator="feedback_median")
    # Of ten answers the second smallest and second largest hold the median at 95 %.
    assert median[["value", "low", "high"]].tolist() == [4, 2, 5]
    share = cell(table, period="2024", indicator="feedback_favourable")
    test = stats.binomtest(6, 10).proportion_ci(0.95)
    assert share[["low", "high"]].tolist() == [pytest.approx(test.low), pytest.approx(test.high)]
    silent = cell(table, period="2022", indicator="feedback_median")
    assert np.isnan(silent["value"])
    assert silent["note"] == "no answers"


def test_areas_and_coverage() -> None:
    gaps = [{"from": "2024-01-01", "to": "2024-12-31", "areas": ["A"]}]
    table = indicators(seizures(), by="area", gaps=gaps)
    silent = cell(table, area="A", period="2024", indicator="seizures")
    assert silent["coverage"] == 0
    assert np.isnan(silent["value"])
    assert silent["note"] == "nothing was reported in the period"
    assert cell(table, area="B", period="2024", indicator="seizures")["value"] == 1
    half = indicators(seizures(), gaps=[{"from": "2023-01-01", "to": "2023-07-01"}])
    assert cell(half, period="2023", indicator="seizures")["coverage"] == pytest.approx(183 / 365)


def test_vague_dates_are_left_out_of_shorter_periods() -> None:
    table = indicators(seizures(), period="month")
    assert table.attrs["geocn"]["left_out"]["seizures"]["no_period"] == 1
    assert table["period"].nunique() == 25


def test_the_mean_holds_the_truth() -> None:
    rng = np.random.default_rng(1)
    held = 0
    for seed in range(60):
        x = rng.gamma(2, 10, 60)
        layer = pd.DataFrame({"seized_at": "2024-01-01", "weight_kg": x})
        row = cell(indicators(layer, seed=seed, draws=400), indicator="mean_seizure")
        held += row["low"] <= 20 <= row["high"]
    assert held >= 51


def test_bad_input_is_refused() -> None:
    with pytest.raises(ParameterError, match="period"):
        indicators(seizures(), period="week")
    with pytest.raises(SchemaError, match="'place'"):
        indicators(seizures(), by="place")
    with pytest.raises(LayerError, match="negative"):
        indicators(seizures().assign(weight_kg=-1.0))
    with pytest.raises(SchemaError):
        indicators(seizures().drop(columns="seized_at"))


def test_drugs_named_by_numbers_and_words_stand_beside_each_other() -> None:
    rows = seizures()
    mixed = pd.Series([1, "a"] * len(rows), dtype=object)[: len(rows)].set_axis(rows.index)
    found = indicators(rows.assign(drug=mixed))
    assert {"1", "a"} <= set(found["drug"])
