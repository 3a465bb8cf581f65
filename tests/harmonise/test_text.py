"""Folding makes one name of many spellings, and never two of one."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geocn.harmonise.text import (
    count_values,
    distinct,
    fold,
    fold_series,
    is_absent,
    map_distinct,
    spread,
    text_series,
)
from tests.oracles_values import fold_plain

LATIN = st.text(st.characters(codec="latin-1", exclude_characters="ø­ØßæÆðÐþÞ·¯¨´¸ªº"))


@given(st.text())
def test_folding_twice_changes_nothing(text: str) -> None:
    assert fold(fold(text)) == fold(text)


@given(LATIN)
def test_fold_is_the_plain_oracle_on_latin_text(text: str) -> None:
    assert fold(text) == fold_plain(text)


@pytest.mark.parametrize(
    "spellings",
    [
        ["Bogotá, D.C.", "BOGOTÁ D.C.", "bogota d c", "Bogota\u0301,  D.C", "  Bogotá_D.C. "],
        ["Nariño", "NARIN\u0303O", "narino", "Ｎａｒｉñｏ"],
        ["São Tomé", "SAO TOME", "são-tomé"],
        ["L'Haÿ", "L’Hay", "lhay"],
        ["Łódź", "lodz"],
        ["Straße", "STRASSE"],
        ["İzmir", "izmir"],
    ],
)
def test_spellings_of_one_name_fold_alike(spellings: list[str]) -> None:
    assert len({fold(name) for name in spellings}) == 1


def test_vowels_of_other_scripts_stay() -> None:
    assert fold("कि") != fold("क")
    assert fold("كابُل") == fold("كابل")


def test_nulls_stay_null_and_the_index_is_kept() -> None:
    values = pd.Series(["Á", None, "b!"], index=[7, 3, 5], dtype="str")
    folded = fold_series(values)
    assert folded.index.tolist() == [7, 3, 5]
    assert folded.isna().tolist() == [False, True, False]
    assert folded.dtype == "str"
    assert values.tolist()[0] == "Á"


def test_empty_columns_stay_empty() -> None:
    empty = pd.Series([], dtype="str")
    assert fold_series(empty).empty
    assert count_values(empty, np.array([], dtype=bool)).columns.tolist() == ["value", "n_rows"]


@given(st.lists(st.sampled_from(["a", "b", "c", None]), max_size=20))
def test_mapping_distinct_values_is_mapping_each(values: list[str | None]) -> None:
    column = pd.Series(values, dtype="str")
    expected = [None if value is None else value + "!" for value in values]
    mapped = map_distinct(column, lambda text: text + "!")
    assert [None if pd.isna(value) else value for value in mapped] == expected
    codes, uniques = distinct(column)
    assert text_series(spread(codes, uniques), column.index).equals(column)


def test_counts_are_by_frequency_then_name() -> None:
    values = pd.Series(["b", "a", "c", "c"], dtype="str")
    table = count_values(values, np.array([True, True, True, True]))
    assert table["value"].tolist() == ["c", "a", "b"]
    assert table["n_rows"].tolist() == [2, 1, 1]


@pytest.mark.parametrize("text", ["", "  ", "-", "N/A", "Desconocido", "inconnu", "não informado"])
def test_words_for_nothing(text: str) -> None:
    assert is_absent(text)


@pytest.mark.parametrize("text", ["road", "0", "Nada", "Other"])
def test_words_for_something(text: str) -> None:
    assert not is_absent(text)
