"""No count that is held back follows from what is told."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from geocn.errors import ParameterError
from geocn.sharing.suppression import dominated, suppress

COUNTS = st.one_of(st.just(0), st.integers(1, 3), st.integers(0, 40))
TABLES = hnp.arrays(np.int64, st.tuples(st.integers(1, 7), st.integers(1, 6)), elements=COUNTS).map(
    pd.DataFrame
)


def followed(told: np.ndarray) -> np.ndarray:
    """Oracle: which null cells of a table with margins the linear system determines.

    Every row and column sums to its margin. A cell is determined if it is zero in every
    vector of the null space of the unknown cells.
    """
    unknown = np.argwhere(np.isnan(told))
    rows, columns = told.shape
    equations = []
    for i in range(rows):
        equations.append([(1 if j < columns - 1 else -1) * (r == i) for r, j in unknown])
    for j in range(columns):
        equations.append([(1 if i < rows - 1 else -1) * (c == j) for i, c in unknown])
    system = np.array(equations, dtype=float).reshape(rows + columns, len(unknown))
    *_, values, vectors = np.linalg.svd(system, full_matrices=True)
    rank = int((values > 1e-9).sum())
    free = np.abs(vectors[rank:]).max(axis=0, initial=0.0) > 1e-9
    found = np.zeros(told.shape, dtype=bool)
    for (i, j), is_free in zip(unknown, free, strict=True):
        found[i, j] = not is_free
    return found


def whole(table: pd.DataFrame) -> np.ndarray:
    """The table with both margins, for the oracle."""
    told = table.to_numpy(dtype=float)
    return told if table.shape[1] > 1 else np.column_stack([told, told])


@settings(max_examples=150)
@given(TABLES, st.integers(2, 6))
def test_no_subtraction_brings_a_count_back(counts: pd.DataFrame, least: int) -> None:
    told = suppress(counts, min_count=least).table
    if counts.shape[1] == 1:
        unknown = told["total" if "total" in told else told.columns[0]].isna()
        assert unknown.sum() != 1
    elif counts.shape[0] == 1:
        assert told.iloc[0].isna().sum() != 1
    else:
        assert not followed(whole(told)).any()


@given(TABLES, st.integers(2, 6))
def test_no_small_count_is_told_and_the_rest_is_true(counts: pd.DataFrame, least: int) -> None:
    found = suppress(counts, min_count=least)
    told = found.table.to_numpy()
    assert not ((told > 0) & (told < least)).any()
    inner = told[:-1, : counts.shape[1]]
    held = np.isnan(inner)
    assert (inner[~held] == counts.to_numpy()[~held]).all()
    assert not (held & (counts.to_numpy() == 0)).any()
    assert not (found.primary & found.complementary).to_numpy().any()
    if not ((counts > 0) & (counts < least)).to_numpy().any() and counts.size > 1:
        margins = np.concatenate([counts.sum(axis=0), counts.sum(axis=1)])
        if not ((margins > 0) & (margins < least)).any():
            assert not np.isnan(told).any()


@given(st.lists(COUNTS, min_size=1, max_size=20), st.integers(2, 6))
def test_what_is_held_back_of_a_list_is_no_small_sum(counts: list[int], least: int) -> None:
    series = pd.Series(counts)
    told = suppress(series, min_count=least).table["count"]
    held = told.iloc[:-1].isna().to_numpy()
    if held.any() and not np.isnan(told.iloc[-1]):
        assert held.sum() >= 2
        assert series[held].sum() >= least


def test_the_oracle_finds_a_count_that_only_primary_suppression_leaves_open() -> None:
    told = np.array([[np.nan, 8, 9], [9, 7, 16], [10, 15, 25.0]])
    assert followed(told)[0, 0]
    # Two in each line, and yet a chain of subtractions: a bridge between two rings.
    square = np.full((2, 2), np.nan)
    open_ = np.ones((5, 5))
    open_[:2, :2], open_[2:4, 2:4], open_[0, 3] = square, square, np.nan
    assert followed(open_)[0, 3]
    assert followed(open_).sum() == 1


def test_a_bridge_between_two_rings_is_closed() -> None:
    counts = pd.DataFrame(np.full((5, 5), 20))
    counts.iloc[:2, :2], counts.iloc[3:, 3:], counts.iloc[0, 4] = 2, 2, 1
    found = suppress(counts, min_count=3)
    assert not followed(whole(found.table)).any()
    assert found.complementary.iloc[:5, :5].to_numpy().sum() > 0


def test_bad_counts_are_refused() -> None:
    for bad in (-1.0, np.nan, np.inf):
        with pytest.raises(ParameterError, match="from 0 on"):
            suppress(pd.Series([1.0, bad]), min_count=3)


def test_an_empty_table_stays_empty() -> None:
    assert suppress(pd.Series([], dtype=float), min_count=3).table["count"].tolist() == [0.0]


@given(
    st.lists(st.tuples(st.floats(0, 1e6), st.integers(0, 4)), min_size=1, max_size=30),
    st.integers(1, 3),
    st.floats(1, 99),
)
def test_dominance_agrees_with_a_plain_count(
    rows: list[tuple[float, int]], n: int, percent: float
) -> None:
    values = np.array([value for value, _ in rows])
    groups = np.array([group for _, group in rows])
    found = dominated(values, groups, n=n, percent=percent)
    for group, said in found.items():
        mine = sorted(values[groups == group], reverse=True)
        share = sum(mine[:n]) / sum(mine)
        if abs(share - percent / 100) > 1e-9:
            assert said == (share > percent / 100)
