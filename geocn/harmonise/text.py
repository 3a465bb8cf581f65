"""Text as people type it, reduced to what can be compared.

Every room of ``harmonise`` compares folded text, so that ``"Bogotá, D.C."``,
``"BOGOTA D C"`` and ``"bogota d.c"`` are one name. Work is done on the distinct values
of a column and mapped back: a column of 300,000 rows rarely holds more than a few
thousand of them.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd

from geocn._typing import IntArray, ObjectArray

#: Letters that carry no combining mark and so survive decomposition.
_LETTERS = str.maketrans(
    {"ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "ı": "i", "ŧ": "t"}
)
#: Latin, Greek and Cyrillic accents, and Arabic vowel points. Other scripts write whole
#: vowels as marks (Devanagari, Thai), which must stay.
_MARKS = re.compile("[\u0300-\u036f\u064b-\u065f\u0670\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff]+")
_APOSTROPHES = re.compile("['\u2018\u2019\u02bc\u00b4`]")
_NOT_WORD = re.compile(r"[\W_]+")
_MAX_PASSES = 4


def fold(text: str) -> str:
    """Reduce text to lower-case words without accents or punctuation.

    NFKC, case folding, accents stripped, apostrophes dropped, every other run of
    punctuation or space turned into one space. Folding twice changes nothing.

    Parameters
    ----------
    text : str
        Any text, in any script.

    Returns
    -------
    str

    Examples
    --------
    >>> fold("  Bogotá,  D.C. ")
    'bogota d c'
    >>> fold("L'Haÿ_les-Roses")
    'lhay les roses'
    """
    return _ascii_words(text.lower()) if text.isascii() else _fold_unicode(text)


def _ascii_words(text: str) -> str:
    return _NOT_WORD.sub(" ", text.replace("'", "").replace("`", "")).strip()


def _fold_unicode(text: str) -> str:
    for _ in range(_MAX_PASSES):
        folded = _fold_once(text)
        if folded == text:
            break
        text = folded
    return text


def _fold_once(text: str) -> str:
    text = unicodedata.normalize("NFKC", text).casefold()
    text = unicodedata.normalize("NFKD", _APOSTROPHES.sub("", text))
    text = unicodedata.normalize("NFC", _MARKS.sub("", text).translate(_LETTERS))
    return " ".join("".join(map(_word_letter, text)).split())


def _word_letter(letter: str) -> str:
    """Keep letters, digits and the marks that are whole vowels; all else parts words."""
    return letter if letter.isalnum() or unicodedata.category(letter)[0] == "M" else " "


def distinct(values: pd.Series) -> tuple[IntArray, ObjectArray]:
    """Return codes into the distinct values and those values; ``-1`` marks a null.

    Parameters
    ----------
    values : Series
        Any column.

    Returns
    -------
    codes : ndarray of int64
    uniques : ndarray of object
    """
    codes, uniques = pd.factorize(values)
    return codes.astype(np.int64), np.asarray(uniques, dtype=object)


def spread(codes: IntArray, results: Iterable[Any], *, missing: Any = None) -> ObjectArray:
    """Give each row the result of its distinct value, and nulls ``missing``."""
    listed = list(results)
    table = np.empty(len(listed) + 1, dtype=object)
    table[: len(listed)] = listed
    table[-1] = missing
    return table[codes]


def map_distinct(values: pd.Series, function: Callable[[str], str | None]) -> pd.Series:
    """Apply ``function`` once to each distinct text of a column; nulls stay null.

    Parameters
    ----------
    values : Series
        A column; anything that is not text is written as text first.
    function : callable
        From text to text or None.

    Returns
    -------
    Series of str dtype, with the index of ``values``.

    Examples
    --------
    >>> map_distinct(pd.Series(["Á", None, "Á"]), fold).tolist()
    ['a', nan, 'a']
    """
    codes, uniques = distinct(values)
    mapped = spread(codes, [function(str(item)) for item in uniques])
    return text_series(mapped, values.index)


def text_series(values: ObjectArray, index: pd.Index) -> pd.Series:
    """Return a str column in which None is null."""
    return pd.Series(values, index=index, dtype="str")


def fold_series(values: pd.Series) -> pd.Series:
    """Fold a column of text; nulls stay null.

    Examples
    --------
    >>> fold_series(pd.Series(["Nariño", "NARIÑO"])).tolist()
    ['narino', 'narino']
    """
    return map_distinct(values, fold)


def count_values(values: pd.Series, keep: Any, *, name: str = "value") -> pd.DataFrame:
    """Tabulate the values of the rows in ``keep`` by frequency, most frequent first.

    Parameters
    ----------
    values : Series
        A column as it was reported.
    keep : array of bool
        Rows to count.
    name : str
        Name of the first column of the table.

    Returns
    -------
    DataFrame with columns ``name`` (str) and ``n_rows`` (int64).
    """
    counted = values[np.asarray(keep, dtype=bool)].value_counts(sort=True, dropna=True)
    table = pd.DataFrame(
        {name: counted.index.astype("str"), "n_rows": counted.to_numpy(dtype="int64")}
    )
    return table.sort_values(["n_rows", name], ascending=[False, True], ignore_index=True)


@lru_cache(maxsize=1)
def absent_words() -> frozenset[str]:
    """Return folded words that say a value is missing, in four languages."""
    from geocn.harmonise._tables import load_toml

    listed = load_toml("absent.toml")
    return frozenset(fold(word) for language in listed.values() for word in language)


def is_absent(text: str) -> bool:
    """Say whether a text stands for "nothing was reported".

    Examples
    --------
    >>> is_absent("N/A"), is_absent("Sin dato"), is_absent("road")
    (True, True, False)
    """
    folded = fold(text)
    return not folded or folded in absent_words()
