"""Texts as the leak scan compares them: words of one spelling, whatever way they are written."""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Iterator
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
_SOFT_BREAK = re.compile(r"=\r?\n")
_UNICODE_END = 0x10FFFF


def folded(text: str) -> str:
    """Return a text without case, width, accents and invisible marks."""
    if text.isascii():
        return text.lower()
    return _UNSEEN.sub("", unicodedata.normalize("NFKD", text)).casefold()


def words_of(text: str) -> list[str]:
    """Return the words of a folded text: runs of letters and runs of digits."""
    return _WORD.findall(text)


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


def unescaped(text: str) -> Iterator[tuple[str, str]]:
    """Yield the text again for each way of escaping it seems to use, with its name."""
    if "&" in text and _ENTITY.search(text):
        yield "entities", html.unescape(text)
    if "%" in text and _PERCENT.search(text):
        yield "url-encoded", unquote(text, errors="replace")
    if "\\" in text:
        yield "escapes", _ESCAPE.sub(_plain, _SURROGATES.sub(_paired, text))
    if "=" in text and _QUOTED.search(text):
        raw = _SOFT_BREAK.sub("", text).encode("utf-8", "replace")
        plain = re.sub(rb"=([0-9A-F]{2})", lambda m: bytes([int(m[1], 16)]), raw)
        yield "quoted-printable", plain.decode("utf-8", "replace")


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
