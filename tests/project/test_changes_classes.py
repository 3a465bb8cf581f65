import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from geocn.project.changes_classes import CHANGED, CLASSES, change_table

COUNTS = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), min_size=1, max_size=30)


def table_of(before, after, *, days=(30.0, 30.0), hot=None, **options):
    before, after = (np.asarray(one, dtype=float) for one in (before, after))
    exposure = tuple(np.full(len(before), one) for one in days)
    blank = np.full(len(before), "not_significant", dtype=object)
    return change_table(before, after, exposure=exposure, hotspot=hot or (blank, blank), **options)


def test_level_under_no_change() -> None:
    """Of many worlds in which nothing changed, few have any cell called changed."""
    rng = np.random.default_rng(1)
    shares, any_cell = [], 0
    for _ in range(400):
        rate = rng.gamma(1.0, 4.0, 60)
        found = table_of(rng.poisson(rate * 28), rng.poisson(rate * 31), days=(28.0, 31.0))
        changed = found["change_class"].isin(CHANGED)
        shares.append(changed.mean())
        any_cell += int(changed.any())
    assert np.mean(shares) <= 0.05
    # 400 trials at 5 % exceed 7.5 % less than once in fifty times.
    assert any_cell / 400 <= 0.075


def test_power_where_something_changed() -> None:
    rng = np.random.default_rng(2)
    found, told = 0, 0
    for _ in range(100):
        rate = np.full(60, 3.0)
        later = rate.copy()
        later[:6] = 24.0
        table = table_of(rng.poisson(rate), rng.poisson(later))
        changed = table["change_class"].isin(CHANGED).to_numpy()
        found += int(changed[:6].sum())
        told += int(changed.sum())
    assert found / 600 > 0.9
    assert (told - found) / max(told, 1) < 0.05


def test_being_significant_once_is_no_change() -> None:
    """Hot now and not before, 6 against 9 events: the difference itself is noise."""
    hot = (np.array(["not_significant"], dtype=object), np.array(["hot"], dtype=object))
    table = table_of([6], [9], hot=hot)
    assert table["change_class"].tolist() == ["no_clear_change"]
    assert (table["hotspot_before"][0], table["hotspot_after"][0]) == ("not_significant", "hot")


@pytest.mark.parametrize(
    ("before", "after", "then", "now", "expected"),
    [
        (1, 30, "", "hot", "new"),
        (9, 60, "hot", "hot", "intensified"),
        (60, 9, "hot", "hot", "diminished"),
        (30, 1, "hot", "", "gone"),
        (1, 30, "", "", "more"),
        (30, 1, "", "", "less"),
        (30, 1, "", "hot", "less"),
        (20, 20, "hot", "", "no_clear_change"),
        (2, 0, "hot", "", "too_few"),
    ],
)
def test_classes(before: int, after: int, then: str, now: str, expected: str) -> None:
    hot = (np.array([then], dtype=object), np.array([now], dtype=object))
    assert table_of([before], [after], hot=hot)["change_class"].tolist() == [expected]


def test_without_exposure_or_like_reports_nothing_is_compared() -> None:
    table = table_of([30, 30], [1, 1], days=(30.0, 0.0))
    assert set(table["change_class"]) == {"not_comparable"}
    assert table[["change", "ratio", "p_value"]].isna().all(axis=None)
    table = table_of([30, 30], [1, 1], comparable=np.array([True, False]))
    assert table["change_class"].tolist() == ["less", "not_comparable"]


@given(COUNTS, st.floats(10, 400), st.floats(10, 400))
def test_against_the_binomial_law(counts, first, second) -> None:
    before, after = (np.array(one) for one in zip(*counts, strict=True))
    table = table_of(before, after, days=(first, second))
    share = second / (first + second)
    for row, (b, a) in enumerate(counts):
        law = stats.binom(a + b, share)
        least = min(1.0, 2 * min(law.cdf(0), law.sf(a + b - 1)))
        if a + b == 0 or least > 0.05:
            assert np.isnan(table["p_value"][row])
            assert table["change_class"][row] == "too_few"
            continue
        p = min(1.0, 2 * min(law.cdf(a), law.sf(a - 1)))
        assert table["p_value"][row] == pytest.approx(p, rel=1e-9)
    tested = table["p_value"].notna()
    assert (table["p_adjusted"][tested] >= table["p_value"][tested] - 1e-15).all()
    clear = table["p_adjusted"] <= 0.05
    assert table["change_class"].isin(CHANGED).tolist() == clear.tolist()
    # A test and an interval of one law agree, but for what the correction adds.
    inside = (table["ratio_low"] <= 1) & (table["ratio_high"] >= 1)
    assert not (clear & inside).any()


@given(COUNTS)
def test_backwards_is_the_mirror(counts) -> None:
    before, after = (np.array(one) for one in zip(*counts, strict=True))
    there, back = table_of(before, after), table_of(after, before)
    mirror = {"more": "less", "less": "more"}
    assert [mirror.get(c, c) for c in there["change_class"]] == back["change_class"].tolist()
    np.testing.assert_allclose(there["p_value"], back["p_value"])


def test_more_variable_counts_need_more() -> None:
    calm = table_of([10, 3], [30, 3])
    wild = table_of([10, 3], [30, 3], factor=6.0)
    assert calm["change_class"][0] == "more"
    assert wild["change_class"][0] == "no_clear_change"


def test_nothing_in_same_columns_out() -> None:
    empty = table_of([], [])
    assert len(empty) == 0
    assert list(empty.columns) == list(table_of([1], [2]).columns)
    assert set(table_of([1], [2])["change_class"]) <= set(CLASSES)
