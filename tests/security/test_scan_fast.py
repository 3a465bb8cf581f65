"""The quick ways of the leak scan find all that the plain ones find, on any bytes."""

from __future__ import annotations

import base64

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geocn.sharing.scan_blobs import from_short_base64
from geocn.sharing.scan_places import PlaceIndex
from geocn.sharing.scan_raw import TYPES, RawSearch
from geocn.sharing.scan_sieve import Sieve
from geocn.sharing.scan_strings import BREAK, strings_in
from geocn.sharing.scan_text import folded, unescaped, words_of
from geocn.sharing.scan_watch import watch_list
from tests.security.scan_oracle import folded_plainly, found_in, numbers_in, places_in, runs_in

# Letters of every class that a reader tells apart, more often than chance would have them.
CLASSES = b"\0\0\0\0aBz09 \"!-_.'\t\n\x05\x06\x07\xc3\xb1\xe9\xe2\x82\xac\xf0\x9f\x98\x80\xff\xa0"
MIXED = st.one_of(
    st.binary(max_size=80), st.lists(st.sampled_from(CLASSES), max_size=80).map(bytes)
)


@settings(max_examples=150, deadline=None)
@given(MIXED)
def test_every_run_of_letters_is_found(data) -> None:
    expected = runs_in(data)
    given_back: dict[str, str] = {}
    for name, text, _ in strings_in(data):
        given_back[name] = given_back.get(name, "") + BREAK + text + BREAK
    for name, runs in expected.items():
        encoding = {"text": "utf-8", "latin-1": "cp1252"}.get(name, name)
        for run in runs:
            text = run.decode(encoding, "replace")
            assert text in given_back.get(name, ""), (name, run)


PLACES = PlaceIndex(
    np.array([[-76.612345, 2.441234], [0.25, -0.5], [179.9999, 61.0], [12.5, 55.123456]]),
    np.arange(4),
    10.0,
)
NUMBERS = np.sort(np.array([-1234.56789012, 3.14159265358979, 700.123456789, 1e-7 / 3]))


def _planted(kind: str, pair: tuple[float, float]) -> bytes:
    if kind[1] == "i":
        return np.round(np.array(pair) * 1e6).astype(kind).tobytes()
    return np.array(pair).astype(kind).tobytes()


@pytest.mark.parametrize("kind", TYPES)
@settings(max_examples=15, deadline=None)
@given(st.binary(max_size=40), st.sampled_from(range(4)), st.booleans(), st.binary(max_size=40))
def test_numbers_in_bytes_are_found_at_every_offset(kind, before, which, swapped, after) -> None:
    x, y = PLACES.lonlat[which]
    data = before + _planted(kind, (y, x) if swapped else (x, y)) + after
    data += NUMBERS[which : which + 1].astype(">f8" if swapped else "<f8").tobytes()
    codes: set[int] = set()
    numbers: set[float] = set()
    for name, values in RawSearch(PLACES, NUMBERS).look(data):
        (codes if name == "places" else numbers).update(values.tolist())
    assert which in codes
    assert codes == places_in(data, PLACES)
    assert numbers & set(NUMBERS.tolist()) == numbers_in(data, NUMBERS)


TEXTS = st.text(st.sampled_from("aabB1 29_-.,éßıμ²ñÑ中\u0301\u200bА/"), max_size=40)


@settings(max_examples=150, deadline=None)
@given(st.lists(TEXTS, max_size=5), TEXTS)
def test_the_sieve_lets_every_word_pass(words, text) -> None:
    asked = {word for one in words for word in words_of(folded(one))}
    if asked & set(words_of(folded(text))):
        assert Sieve(asked).passes(folded(text))


@settings(max_examples=120, deadline=None)
@given(st.text(max_size=60))
def test_folding_by_table_is_folding(text) -> None:
    assert folded(text) == folded_plainly(text)


NAMES = ["SZ-00017", "Operación Ñandú Azul", "La Gorgona", "ABC-12", "sí123"]


@settings(max_examples=120, deadline=None)
@given(st.lists(st.one_of(st.sampled_from(NAMES), TEXTS), max_size=8).map(" ".join))
def test_texts_are_found_as_by_looking_for_each(text) -> None:
    watch = watch_list(pd.DataFrame({"name": NAMES}))
    expected = found_in(folded(text), NAMES)
    assert {NAMES[code] for code in watch.find_text(folded(text))} == expected


@settings(max_examples=150, deadline=None)
@given(st.lists(st.binary(min_size=9, max_size=40), min_size=1, max_size=6), st.integers(0, 3))
def test_short_base64_is_decoded_together_as_apart(blocks, skip) -> None:
    letters = [base64.b64encode(one).decode().rstrip("=") for one in blocks]
    joined = from_short_base64(["x" * skip + one for one in letters], skip)
    assert all(one in joined for one in blocks)


def test_unescaping_apart_leaves_nothing_out() -> None:
    runs = ["calm", "Operaci&oacute;n", "&Ntilde;and&uacute;", "Azul", "calm", "calm", "A&amp;B"]
    (_, text), *_ = unescaped(BREAK.join(runs))
    assert text.split(BREAK) == ["calm", "Operación", "Ñandú", "Azul", "calm", "A&B"]
