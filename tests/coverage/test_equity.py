from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geocn.coverage import equity
from geocn.errors import ParameterError

rows = st.lists(st.tuples(st.floats(0, 1), st.integers(0, 50)), min_size=1, max_size=25)


@given(st.floats(0.001, 1), st.integers(1, 9))
def test_even_coverage_has_no_gini(share: float, n: int) -> None:
    found = equity([share] * n, np.arange(1, n + 1))
    assert found.gini == pytest.approx(0, abs=1e-12)
    assert found.decile_ratio == pytest.approx(1)
    assert found.worst_decile == pytest.approx(share)


@pytest.mark.parametrize("covered", [1, 3, 10, 20])
def test_all_or_nothing_is_one_less_the_share_covered(covered: int) -> None:
    share = np.zeros(20)
    share[:covered] = 1
    assert equity(share, np.ones(20)).gini == pytest.approx(1 - covered / 20)


def test_shares_in_proportion_to_rank() -> None:
    """Shares 1, 2, … n over n: G = (n² - 1) / (3 n (n + 1))."""
    n = 7
    found = equity(np.arange(1, n + 1) / n, np.ones(n))
    assert found.gini == pytest.approx((n**2 - 1) / (3 * n * (n + 1)))


@settings(max_examples=60)
@given(rows)
def test_agrees_with_all_pairs_and_with_dividing_rows(data: list[tuple[float, int]]) -> None:
    share, weight = (np.array(column, dtype=float) for column in zip(*data, strict=True))
    found = equity(share, weight)
    covered = float(share @ weight)
    if covered <= 1e-9:
        return
    apart = np.abs(share[:, None] - share[None, :]) * np.outer(weight, weight)
    mean = covered / weight.sum()
    assert found.gini == pytest.approx(apart.sum() / (2 * weight.sum() ** 2 * mean), abs=1e-9)
    units = np.sort(np.repeat(share, weight.astype(int) * 10))
    tenth = len(units) // 10
    assert found.worst_decile == pytest.approx(units[:tenth].mean(), abs=1e-9)
    assert found.best_decile == pytest.approx(units[-tenth:].mean(), abs=1e-9)
    assert 0 <= found.gini < 1
    y = found.lorenz["share_of_coverage"].to_numpy()
    assert (y <= found.lorenz["share_of_demand"].to_numpy() + 1e-12).all()
    assert (np.diff(y) >= -1e-12).all()


def test_nothing_to_share_out() -> None:
    for found in (equity([], []), equity([0.0, 0.0], [1, 2]), equity([np.nan, 0.5], [1, 0])):
        assert np.isnan(found.gini)
    assert equity([], []).n == 0


@pytest.mark.parametrize(
    ("share", "weight"), [([1.2], [1]), ([-0.1], [1]), ([0.5], [-1]), ([0.5, 0.5], [1])]
)
def test_refusals(share: list[float], weight: list[float]) -> None:
    with pytest.raises(ParameterError):
        equity(share, weight)
