"""Texts as the leak scan compares them: words of one spelling, whatever way they are written."""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Callable, Iterator
from urllib.parse import unquote

# Letters and digits part company, so that SZ-00017, sz_00017 and SZ00017 are one name.
_WORD = re.compile(r"[^\W\d_]+|\d+")
# Accents once decomposed, vowel marks, and marks that show nothing but cut a word in two.
_UNSEEN = re.compile(
    "[\u0300-\u036f\u0483-\u0489\u0591-\u05c7\u0610-\u061a\u064b-\u065f\u0670"
    "\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff\ufe00-\ufe0f]"
)
_ENTITY = re.compile(r"&(?:#\d+|#[xX][0-9a-fA-F]+|[a-zA-Z]\w+);")
_PERCENT = re.compile(r"%[0-9a-fA-F]{2}")
_ESCAPE = re.compile(
    r"\\(?:u\{([0-9a-fA-F]{1,6})\}|u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|([0-7]{3})|(.))", re.S
)
_SHORT = {"n": "\n", "t": "\t", "r": "\r", "b": " ", "f": " "}
_QUOTED = re.compile(r"=[0-9A-F]{2}")
_QUOTED_BYTE = re.compile(rb"=([0-9A-F]{2})")
_SOFT_BREAK = re.compile(r"=\r?\n")
_UNICODE_END = 0x10FFFF


_BEYOND_LETTERS = re.compile("[^\x00-\x7f\xc0-\xff]")
_BASE_LETTERS = "".join(
    one if len(one) == 1 and ord(one) < 256 else chr(code)
    for code in range(256)
    for one in [_UNSEEN.sub("", unicodedata.normalize("NFKD", chr(code))).casefold()]
).encode("latin-1")


def folded(text: str) -> str:
    """Return a text without case, width, accents and invisible marks."""
    if text.isascii():
        return text.lower()
    if _BEYOND_LETTERS.search(text) is None:
        # Latin-1's letters alone: each is its base letter, but for the sharp s.
        plain = text.encode("latin-1").translate(_BASE_LETTERS).decode("latin-1")
        return plain.replace("ß", "ss")
    return _UNSEEN.sub("", unicodedata.normalize("NFKD", text)).casefold()


def words_of(text: str) -> list[str]:
    """Return the words of a folded text: runs of letters and runs of digits."""
    return _WORD.findall(text)


def word_at(text: str, start: int) -> str:
    """Return the word of a folded text that begins at a place, empty where none does."""
    match = _WORD.match(text, start)
    return match[0] if match else ""


def spans_of(text: str) -> list[tuple[int, int]]:
    """Return where each word of :func:`words_of` stands."""
    return [match.span() for match in _WORD.finditer(text)]


def is_whole(text: str, start: int, end: int) -> bool:
    """Say whether no letter or digit touches the stretch from outside."""
    before = text[start - 1 : start]
    after = text[end : end + 1]
    return not (before.isalnum() or after.isalnum())


def identifies(words: list[str]) -> bool:
    """Say whether these words are long enough to be no accident in a text.

    Names need four letters. What holds digits needs seven characters, or five where
    letters stand among them.
    """
    joined = "".join(words)
    letters = sum(map(str.isalpha, joined))
    if letters == len(joined):
        wide = any(ord(letter) > 0x2E80 for letter in joined)
        return letters >= (2 if wide else 4)
    return len(joined) >= (5 if letters else 7)


def unescaped(text: str, apart: str = "\n\x1e") -> Iterator[tuple[str, str]]:
    """Yield the text again for each way of escaping it seems to use, with its name.

    Of a text that was put together of runs found ``apart``, only runs that have something
    to undo come again, each with its neighbours.
    """
    for name, mark, pattern, undo in _WAYS:
        if mark in text and pattern.search(text):
            yield name, undo(_concerned(text, pattern, apart))


def _concerned(text: str, pattern: re.Pattern[str], apart: str) -> str:
    runs = text.split(apart)
    if len(runs) == 1:
        return text
    has = [False, *(pattern.search(run) is not None for run in runs), False]
    return apart.join(run for at, run in enumerate(runs) if any(has[at : at + 3]))


def _quoted(text: str) -> str:
    raw = _SOFT_BREAK.sub("", text).encode("utf-8", "replace")
    return _QUOTED_BYTE.sub(lambda m: bytes([int(m[1], 16)]), raw).decode("utf-8", "replace")


_SURROGATES = re.compile(r"\\u([dD][89abAB][0-9a-fA-F]{2})\\u([dD][c-fC-F][0-9a-fA-F]{2})")


def _paired(match: re.Match[str]) -> str:
    high, low = int(match[1], 16), int(match[2], 16)
    return chr(0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00))


def _plain(match: re.Match[str]) -> str:
    code = match[1] or match[2] or match[3]
    if code:
        number = int(code, 16)
        return chr(number) if number <= _UNICODE_END else " "
    if match[4]:
        return chr(int(match[4], 8))
    letter: str = match[5]
    return _SHORT.get(letter, letter)


_WAYS: tuple[tuple[str, str, re.Pattern[str], Callable[[str], str]], ...] = (
    ("entities", "&", _ENTITY, html.unescape),
    ("url-encoded", "%", _PERCENT, lambda text: unquote(text, errors="replace")),
    (
        "escapes",
        "\\",
        re.compile(r"\\"),
        lambda text: _ESCAPE.sub(_plain, _SURROGATES.sub(_paired, text)),
    ),
    ("quoted-printable", "=", _QUOTED, _quoted),
)
