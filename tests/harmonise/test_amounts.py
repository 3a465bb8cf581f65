"""Amounts: impossible ones refused, unlikely ones flagged, none mended."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geocn.errors import ParameterError
from geocn.harmonise.amounts import check_amounts, check_dates, join_flags


def test_impossible_amounts_are_refused() -> None:
    result = check_amounts(
        pd.Series([1.0, -1.0, np.inf, -np.inf, 0.0, np.nan], index=list("abcdef"))
    )
    assert result.rejected.fillna("").tolist() == [
        "", "negative amount", "infinite amount", "negative amount", "", "",
    ]  # fmt: skip
    assert result.flags.fillna("").tolist() == ["", "", "", "", "zero_amount", ""]
    assert result.rejected.index.tolist() == list("abcdef")


def test_an_outlier_is_one_within_its_drug() -> None:
    rng = np.random.default_rng(0)
    weight = pd.Series(
        np.r_[10 ** rng.normal(0, 0.3, 99), 4_500_000.0, 10 ** rng.normal(5, 0.3, 50)]
    )
    drug = pd.Series(["cocaine"] * 100 + ["leaf"] * 50)
    flagged = check_amounts(weight, drug=drug).flags.notna()
    assert np.flatnonzero(flagged).tolist() == [99]


def test_few_or_equal_weights_are_not_judged() -> None:
    assert check_amounts(pd.Series([1.0, 1e9])).robust_z.isna().all()
    assert check_amounts(pd.Series([1.0] * 50 + [1e9])).flags.isna().all()


@given(
    weights=st.lists(st.floats(1e-6, 1e6), min_size=20, max_size=40),
    drugs=st.lists(st.sampled_from(["a", "b", None]), min_size=40, max_size=40),
)
def test_robust_z_is_that_of_the_plain_formula(weights: list[float], drugs: list[str]) -> None:
    drug = pd.Series(drugs[: len(weights)], dtype="str")
    z = check_amounts(pd.Series(weights), drug=drug).robust_z
    for name in ("a", "b"):
        rows = np.flatnonzero((drug == name).to_numpy())
        logs = np.log10(np.array(weights)[rows])
        spread = 1.4826 * np.median(np.abs(logs - np.median(logs))) if len(rows) else 0
        if len(rows) >= 20 and spread > 0:
            np.testing.assert_allclose(z.iloc[rows], (logs - np.median(logs)) / spread)
        else:
            assert z.iloc[rows].isna().all()


def test_a_day_as_cut_off_counts_to_its_end() -> None:
    at = pd.Series(pd.to_datetime(["2024-05-31T23:59:59Z", "2024-06-01T00:00:00Z", None]))
    assert check_dates(at, as_of=pd.Timestamp("2024-05-31")).tolist() == [False, True, False]
    assert not check_dates(at, as_of=None).any()


def test_flags_join_and_threshold_is_checked() -> None:
    index = pd.Index([5, 6])
    flags = join_flags(index, a=np.array([True, False]), b=np.array([True, False]))
    assert flags.to_dict() == {5: "a;b", 6: np.nan} or flags.isna().tolist() == [False, True]
    with pytest.raises(ParameterError, match="threshold"):
        check_amounts(pd.Series([1.0]), threshold=0)


def test_empty() -> None:
    result = check_amounts(pd.Series([], dtype=float))
    assert len(result.flags) == len(result.rejected) == 0
