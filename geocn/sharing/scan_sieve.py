"""Whether any of many words stands in a text: a look at the beginnings of its words."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from geocn._typing import AnyArray, BoolArray
from geocn.sharing.scan_text import word_at

_LETTER, _DIGIT, _STRANGE = 1, 2, 3
_KINDS = bytes(
    _STRANGE if code > 127 else _DIGIT * chr(code).isdigit() + _LETTER * chr(code).isalpha()
    for code in range(256)
)
_MOST = 3  # letters of a beginning that are compared
_BITS = 16
_SPREAD = 2_654_435_761


class Sieve:
    """Says of a text whether it holds one of the given words, as a whole word.

    The first three letters of every word of the text are looked up at once in a table of
    65,536 marks; only words that pass are compared.
    """

    def __init__(self, words: Iterable[str]) -> None:
        self._words = frozenset(words)
        self._size = min(_MOST, *map(len, self._words), _MOST)
        self._table: BoolArray = np.zeros(1 << _BITS, dtype=bool)
        for start in {word[: self._size] for word in self._words}:
            self._table[_hashed(_codes(start), self._size)] = True

    def passes(self, text: str) -> bool:
        """Say whether one of the words stands in a folded text."""
        if not self._words or len(text) < self._size:
            return False
        codes = _codes(text)
        plain = codes if text.isascii() else _narrow(text)
        kind = np.frombuffer(plain.tobytes().translate(_KINDS), dtype=np.uint8)
        begins = kind > 0
        # Where a letter stands that is not ASCII, a word may begin on either side of it.
        begins[1:] &= (kind[1:] != kind[:-1]) | (kind[1:] == _STRANGE) | (kind[:-1] == _STRANGE)
        at = np.flatnonzero(begins[: len(codes) - self._size + 1])
        at = at[self._table[_hashed(codes, self._size, at)]]
        return any(word_at(text, one) in self._words for one in at.tolist())


def _codes(text: str) -> AnyArray:
    """Return a byte a letter; letters beyond Latin-1 share theirs with others."""
    if text.isascii():
        return np.frombuffer(text.encode("ascii"), dtype=np.uint8)
    wide = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
    return wide.astype(np.uint8)


def _narrow(text: str) -> AnyArray:
    wide = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
    return np.minimum(wide, 255).astype(np.uint8)


def _hashed(codes: AnyArray, size: int, at: AnyArray | int = 0) -> AnyArray:
    mixed = np.zeros(np.shape(at), dtype=np.uint32)
    for step in range(size):
        mixed = (mixed << np.uint32(8)) | codes[at + step]
    with np.errstate(over="ignore"):
        return (mixed * np.uint32(_SPREAD)) >> np.uint32(32 - _BITS)
