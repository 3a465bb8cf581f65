"""Numbered texts come back as they were, or are not taken for numbered ones."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geocn.io.packed_texts import numbered, texts_of

PIECE = st.sampled_from(["", "S", "-", "/", "%d", "a\nb", "0", "7", "007", "é", "٣", "12345"])
TEXTS = st.lists(st.lists(PIECE, max_size=6).map("".join), max_size=6)
LIKE = st.tuples(st.integers(0, 2030), st.integers(0, 99), st.integers(0, 10**7))


def back(texts: list[str]) -> list[str] | None:
    found = numbered(texts)
    return None if found is None else texts_of(found[1], found[0])


@given(TEXTS)
def test_what_is_taken_for_numbered_comes_back(texts: list[str]) -> None:
    assert back(texts) in (None, texts)


@given(st.lists(LIKE, min_size=1, max_size=9), st.sampled_from(["%d/%02d%%-%d", "%04d.%02d.%08d"]))
def test_registers_are_numbered(rows: list[tuple[int, ...]], form: str) -> None:
    texts = [form % row for row in rows]
    assert back(texts) == texts


@pytest.mark.parametrize(
    "texts",
    [
        [],
        ["a", "b"],
        ["S1", "T2"],
        ["S01", "S1"],
        ["S1\nS2", "S3", "zz"],
        ["S1\nS2", "zz"],
        ["1" * 16],
        ["1" * 9 + "-" + "1" * 9, "1-1"],
        ["1" * 30, "2" * 30],
        ["S٣", "S٤"],
        ["S1x", "Sx1"],
    ],
)
def test_others_are_not(texts: list[str]) -> None:
    assert numbered(texts) is None


def test_what_is_no_number_gives_no_text() -> None:
    found, form = numbered(["A-1", "A-20"]) or (np.empty(0), {})
    assert texts_of(form, np.append(found, np.nan)) == ["A-1", "A-20"]
    assert texts_of(form, np.empty(0)) == []
