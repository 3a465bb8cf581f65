"""Packed blocks give every value back, whatever it is, and damage is told."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from geocn.errors import ReadError
from geocn.io.packed import ALPHABET, Pack, decode_block, from_text, to_text

ANY_FLOAT = hnp.arrays(np.float64, st.integers(0, 40), elements=st.floats(width=64))
DECIMAL = st.integers(-(10**7), 10**7).map(lambda whole: whole / 10)
DECIMALS = hnp.arrays(
    np.float64, st.integers(0, 40), elements=st.one_of(DECIMAL, st.just(float("nan")))
)


def slow_text(data: bytes) -> str:
    """The coding by its definition, one bit after the other."""
    bits = "".join(f"{byte:08b}" for byte in data)
    text = ""
    while bits:
        piece, bits = bits[:13], bits[13:]
        if len(piece) <= 5:
            return text + ALPHABET[int(piece.ljust(5, "0"), 2)]
        high, low = divmod(int(piece.ljust(13, "0"), 2), 91)
        text += ALPHABET[high] + ALPHABET[low]
    return text


@given(st.binary(max_size=300))
def test_bytes_come_back_from_text(data: bytes) -> None:
    text = to_text(data)
    assert text == slow_text(data)
    assert from_text(text) == data
    assert set(text) <= set(ALPHABET)


def test_the_text_can_stand_in_a_page() -> None:
    assert not set(ALPHABET) & set("<>& \t\r\n")
    assert ALPHABET.isascii()
    assert ALPHABET.isprintable()
    data = np.random.default_rng(0).bytes(100_000)
    assert len(to_text(data)) <= 1.232 * len(data)


def test_what_is_no_block_is_refused() -> None:
    good = Pack()
    good.array([1, 2, 300], "u2")
    text = good.block({"a": 1})
    for wrong in ("", "<b>", "é", "abc", text[:-9], text[:20] + "!!" + text[22:], text[4:]):
        with pytest.raises(ReadError, match="packed block"):
            decode_block(wrong)


def back(*refs: dict, pack: Pack) -> list[np.ndarray]:
    header, arrays = decode_block(pack.block(list(refs)))
    return [arrays[ref["#"]] for ref in header]


@given(st.one_of(ANY_FLOAT, DECIMALS))
def test_numbers_come_back_exactly(values: np.ndarray) -> None:
    pack = Pack()
    (found,) = back(pack.numbers(values), pack=pack)
    np.testing.assert_array_equal(found, values)


@given(
    st.sampled_from(["u1", "u2", "u4", "i4"]).flatmap(
        lambda code: hnp.arrays(np.dtype(code), st.integers(0, 60)).map(lambda a: (code, a))
    )
)
def test_integers_come_back_in_their_type(case: tuple) -> None:
    code, values = case
    pack = Pack()
    found, again = back(pack.array(values, code), pack.array(np.sort(values), code), pack=pack)
    np.testing.assert_array_equal(found, values)
    np.testing.assert_array_equal(again, np.sort(values))
    assert found.dtype == np.dtype(code)


@given(st.lists(st.one_of(st.integers(-800_000, 2_900_000), st.just(-(2**31))), max_size=40))
def test_days_come_back_with_the_unknown_ones(days: list[int]) -> None:
    values = np.array(days, dtype=np.int64)
    pack = Pack()
    (found,) = back(pack.days(values, -(2**31)), pack=pack)
    np.testing.assert_array_equal(found, values)


@pytest.mark.parametrize(
    "values",
    [
        [],
        [np.nan],
        [np.nan, np.nan],
        [np.inf, 1.0],
        [np.inf],
        [-np.inf, -np.inf],
        [2.0**53, 1.0],
        [2.0**53 + 2, 0.1],
        [1e300, np.nan],
        [5e-324, 0.0],
        [0.1, 0.2, 0.30000000000000004],
        [12.3, -0.1, 1e6],
        [7.0],
        [0.25, np.nan, 0.25],
    ],
)
def test_numbers_at_the_edges(values: list[float]) -> None:
    pack = Pack()
    (found,) = back(pack.numbers(np.array(values, dtype=np.float64)), pack=pack)
    np.testing.assert_array_equal(found, values)


def test_a_number_too_large_for_its_type_is_refused() -> None:
    with pytest.raises(OverflowError, match="300"):
        Pack().array([300], "u1")


def test_equal_arrays_are_held_once_and_constants_weigh_nothing() -> None:
    pack, alone = Pack(), Pack()
    values = np.random.default_rng(1).integers(0, 10**6, 1000)
    assert pack.array(values, "i4") == pack.array(values.copy(), "i4")
    alone.array(values, "i4")
    assert pack.block(0) == alone.block(0)
    constant = Pack()
    constant.array(np.full(10**6, 7), "i4")
    assert len(constant.block(0)) < 150


def test_size_follows_what_the_values_tell() -> None:
    rng = np.random.default_rng(2)
    n = 50_000
    for values, bits in (
        (rng.integers(0, 2000, n) / 10, np.log2(2000)),
        (np.arange(n) * 3.0, 0.0),
        (np.cumsum(rng.integers(0, 8, n)).astype(float), 3.0),
    ):
        pack = Pack()
        pack.numbers(values)
        best = n * bits / 8 * 1.2308
        assert len(pack.block(0)) <= 1.06 * best + 600


def test_the_same_arrays_give_the_same_text() -> None:
    def one() -> str:
        pack = Pack()
        return pack.block({"b": pack.numbers(np.arange(9) / 4), "a": pack.codes(np.arange(3), 3)})

    assert one() == one()
