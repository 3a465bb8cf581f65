"""The data files behind ``harmonise``: loaded once, folded, checked against clashes."""

from __future__ import annotations

import csv
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from io import StringIO
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from geocn.errors import ParameterError
from geocn.harmonise.text import count_values, distinct, fold, is_absent, spread, text_series

LANGUAGES = ("en", "es", "fr", "pt")


class Canonical(NamedTuple):
    """A column in canonical words, and what could not be put into them.

    Attributes
    ----------
    values : Series of str
        Canonical words; null where nothing was reported or the word is unknown.
    unknown : DataFrame
        ``value`` and ``n_rows`` of the words that are not in the table, most frequent first.
    """

    values: pd.Series
    unknown: pd.DataFrame


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Canonical words of one column and every folded spelling of them."""

    name: str
    words: tuple[str, ...]
    spellings: Mapping[str, str]

    def find(self, text: str) -> str | None:
        """Return the canonical word for a spelling, or None."""
        folded = fold(text)
        found = self.spellings.get(folded)
        return found if found is not None else self.spellings.get(_sorted_words(folded))


def read_data(name: str) -> str:
    """Return the text of a data file of this package."""
    return files("geocn.harmonise").joinpath("data", name).read_text(encoding="utf-8")


@lru_cache(maxsize=16)
def load_toml(name: str) -> dict[str, Any]:
    """Return a TOML data file of this package."""
    return tomllib.loads(read_data(name))


def load_csv(name: str) -> list[dict[str, str]]:
    """Return the rows of a CSV data file of this package."""
    return list(csv.DictReader(StringIO(read_data(name))))


def register(table: dict[str, str], spellings: Iterable[str], word: str, *, where: str) -> None:
    """Add folded spellings of a word; one spelling for two words is a fault of the data file.

    Raises
    ------
    ParameterError
        Where a spelling already stands for another word.
    """
    for spelling in spellings:
        folded = fold(spelling)
        held = table.setdefault(folded, word)
        if held != word:
            raise ParameterError(f"{where}: {spelling!r} stands for both {held!r} and {word!r}")


def build_vocabulary(name: str, entries: Mapping[str, Mapping[str, list[str]]]) -> Vocabulary:
    """Build a vocabulary from a TOML table ``word → language → spellings``."""
    spellings: dict[str, str] = {}
    for word, languages in entries.items():
        register(spellings, [word], word, where=name)
        for listed in languages.values():
            register(spellings, listed, word, where=name)
    for spelling, word in list(spellings.items()):
        spellings.setdefault(_sorted_words(spelling), word)
    return Vocabulary(name, tuple(entries), spellings)


def _sorted_words(folded: str) -> str:
    return " ".join(sorted(folded.split()))


@lru_cache(maxsize=16)
def vocabulary(name: str) -> Vocabulary:
    """Return one of the vocabularies: mode, kind, partner_type, status or crop.

    Raises
    ------
    ParameterError
        Where there is no vocabulary of that name.
    """
    tables = {**load_toml("modes.toml"), **load_toml("kinds.toml")}
    if name not in tables:
        raise ParameterError(f"there is no vocabulary {name!r}; choose one of {', '.join(tables)}")
    return build_vocabulary(name, tables[name])


def canonicalise(values: pd.Series, table: str | Vocabulary) -> Canonical:
    """Put a column of reported words into canonical ones.

    Parameters
    ----------
    values : Series
        Words as reported, in English, Spanish, French or Portuguese.
    table : str or Vocabulary
        ``"mode"``, ``"kind"``, ``"partner_type"``, ``"status"`` or ``"crop"``.

    Returns
    -------
    Canonical
        ``values`` with the index of the input, and ``unknown`` by frequency. Words such
        as "unknown" or "sin dato" become null and are not counted as unknown.

    Raises
    ------
    ParameterError
        Where there is no such table.

    Examples
    --------
    >>> result = canonicalise(pd.Series(["Fluvial", "carretera", "teleport"]), "mode")
    >>> result.values.tolist()
    ['river', 'road', nan]
    >>> result.unknown["value"].tolist()
    ['teleport']
    """
    words = table if isinstance(table, Vocabulary) else vocabulary(table)
    codes, uniques = distinct(values)
    texts = [str(item) for item in uniques]
    found = [words.find(text) for text in texts]
    unknown = [
        word is None and not is_absent(text) for word, text in zip(found, texts, strict=True)
    ]
    mapped = text_series(spread(codes, found), values.index)
    missed = spread(codes, unknown, missing=False).astype(np.bool_)
    return Canonical(mapped, count_values(values, missed))
