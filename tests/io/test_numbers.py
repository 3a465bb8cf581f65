"""Numbers in every locale come back as they were written; what is unclear is said."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geocn.errors import ParameterError
from geocn.io.numbers import NumberFormat, parse_numbers, settle_ambiguous, sniff_numbers
from tests.oracles_io import spelled

LOCALES = [
    (".", ""),
    (".", ","),
    (".", " "),
    (".", "'"),
    (",", ""),
    (",", "."),
    (",", " "),
    (",", "'"),
]


def series(*texts: str | None) -> pd.Series:
    return pd.Series(list(texts), dtype="str")


@given(
    st.lists(st.integers(-(10**11), 10**11), min_size=1, max_size=20),
    st.sampled_from(LOCALES),
    st.sampled_from([1, 2, 4, 6]),
)
def test_any_locale_round_trips(cents: list[int], locale: tuple[str, str], digits: int) -> None:
    values = [cent / 10**digits for cent in cents]
    texts = series(*(spelled(value, *locale, digits) for value in values))
    fmt = sniff_numbers(texts)
    assert fmt is not None
    assert fmt.decimal == locale[0]
    assert not fmt.ambiguous
    assert not fmt.mixed
    numbers, bad = parse_numbers(texts, fmt)
    assert not bad.any()
    np.testing.assert_array_equal(numbers, [round(value, digits) for value in values])


@given(st.lists(st.integers(-(10**12), 10**12), min_size=1), st.sampled_from(LOCALES))
def test_whole_numbers_with_groups_round_trip_once_the_locale_is_known(values, locale) -> None:
    texts = series(*(spelled(value, *locale, 0) for value in values))
    numbers, bad = parse_numbers(texts, NumberFormat(*locale, "given"))
    assert not bad.any()
    np.testing.assert_array_equal(numbers, np.array(values, dtype=float))


@given(st.text(max_size=12))
def test_any_text_is_a_number_a_gap_or_bad(text: str) -> None:
    for locale in LOCALES:
        numbers, bad = parse_numbers(pd.Series([text], dtype="object"), NumberFormat(*locale, ""))
        assert np.isfinite(numbers[0]) or np.isnan(numbers[0])
        assert not (bad[0] and not np.isnan(numbers[0]))


def test_one_value_settles_the_column() -> None:
    fmt = sniff_numbers(series("2.468", "61,5", "0", None))
    assert fmt is not None
    assert (fmt.decimal, fmt.thousands, fmt.ambiguous) == (",", ".", False)
    assert "61,5" in fmt.evidence
    numbers, bad = parse_numbers(series("2.468", "61,5", "- 0", None, "n/a"), fmt)
    np.testing.assert_array_equal(numbers, [2468, 61.5, 0, np.nan, np.nan])
    assert not bad.any()
    assert not np.signbit(numbers[2])


def test_a_column_that_cannot_tell_says_so_and_follows_its_table() -> None:
    fmt = sniff_numbers(series("2.468", "1.250"))
    assert fmt is not None
    assert fmt.ambiguous
    formats = {"a": fmt, "b": sniff_numbers(series("1,5"))}
    settled = settle_ambiguous(formats)["a"]
    assert (settled.decimal, settled.thousands, settled.ambiguous) == (",", ".", True)
    mixed_table = {**formats, "c": sniff_numbers(series("1.5"))}
    assert settle_ambiguous(mixed_table)["a"] == fmt


def test_a_table_cut_by_semicolons_writes_fractions_with_a_comma() -> None:
    formats = {"kg": sniff_numbers(series("1,250", "2,500")), "n": sniff_numbers(series("1"))}
    assert formats["kg"].thousands == ","
    settled = settle_ambiguous(formats, delimiter=";")["kg"]
    assert (settled.decimal, settled.thousands, settled.ambiguous) == (",", "", True)
    points = settle_ambiguous({"kg": sniff_numbers(series("1.250"))}, delimiter=";")["kg"]
    assert (points.decimal, points.ambiguous) == (".", True)


def test_contradicting_values_are_bad_not_guessed() -> None:
    column = series("12.5", "3.75", "61,5")
    fmt = sniff_numbers(column)
    assert fmt is not None
    assert fmt.mixed
    numbers, bad = parse_numbers(column, fmt)
    np.testing.assert_array_equal(bad, [False, False, True])
    assert np.isnan(numbers[2])


def test_a_leading_nought_is_never_a_group() -> None:
    fmt = sniff_numbers(series("0.125", "0.250"))
    assert fmt is not None
    assert (fmt.decimal, fmt.ambiguous) == (".", False)
    _, bad = parse_numbers(series("0.125"), NumberFormat(",", ".", ""))
    assert bad.all()


@pytest.mark.parametrize(
    "texts",
    [["12.03.2014", "13.03.2014"], ["10/11", "a"], ["300 12 4567"], ["4233N", "00144E"], ["1,2,3"]],
)
def test_dates_and_codes_are_no_numbers(texts: list[str]) -> None:
    assert sniff_numbers(series(*texts)) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("٣٫٥", 3.5),
        ("１２", 12),
        ("\u22124.5", -4.5),
        ("1\u202f234.5", 1234.5),
        ("+7", 7),
        ("1e3", 1000),
    ],
)
def test_odd_digits_and_signs(text: str, expected: float) -> None:
    fmt = sniff_numbers(series(text))
    numbers, _ = parse_numbers(series(text), fmt)
    assert numbers[0] == expected


@pytest.mark.parametrize(
    "text", ["inf", "1e999", "0x10", "1_000", "12 kg", "1.2.3", "--1", "1,23,4"]
)
def test_what_is_no_number_is_bad(text: str) -> None:
    numbers, bad = parse_numbers(series(text), NumberFormat(".", ",", ""))
    assert bad.all()
    assert np.isnan(numbers).all()


def test_typed_numbers_pass_and_infinity_is_bad() -> None:
    numbers, bad = parse_numbers(pd.Series([1.5, np.inf, np.nan]), None)
    np.testing.assert_array_equal(bad, [False, True, False])
    assert numbers[0] == 1.5
    nullable, _ = parse_numbers(pd.Series([1, None], dtype="Int64"), None)
    np.testing.assert_array_equal(nullable, [1, np.nan])


def test_what_the_user_says_goes_first() -> None:
    fmt = sniff_numbers(series("2.468", "1.250"), decimal=",")
    assert fmt == NumberFormat(",", ".", "given")
    assert sniff_numbers(series("12.5"), decimal=",", thousands="") == NumberFormat(
        ",", "", "given"
    )


@pytest.mark.parametrize(("decimal", "thousands"), [(";", ""), (".", "."), (",", "x")])
def test_impossible_formats_are_refused(decimal: str, thousands: str) -> None:
    with pytest.raises(ParameterError):
        NumberFormat(decimal, thousands, "")


def test_empty_column() -> None:
    assert sniff_numbers(series()) is None
    numbers, bad = parse_numbers(series(), None)
    assert len(numbers) == len(bad) == 0
