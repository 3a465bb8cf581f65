"""The leak scan's searches as plainly as they can be written: slow, and easy to believe."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

import numpy as np

from geocn.sharing.scan_text import is_whole, spans_of, words_of

LONG = 24
STRINGS = re.compile(
    rb"(?:[\x09\x0a\x0d\x20-\x7e]|[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}"
    rb"|[\xf0-\xf4][\x80-\xbf]{3}){4,}"
)
LATIN = re.compile(rb"[A-Za-z\xc0-\xff][A-Za-z0-9\xc0-\xff '._-]{3,}")
WIDE = {
    "utf-16-le": re.compile(rb"(?:[\x20-\xff][\x00-\x06\x20-\x22]){4,}"),
    "utf-16-be": re.compile(rb"(?:[\x00-\x06][\x20-\xff]){4,}"),
    "utf-32-le": re.compile(rb"(?:[\x20-\xff][\x00-\x06]\x00\x00){4,}"),
    "utf-32-be": re.compile(rb"(?:\x00\x00[\x00-\x06][\x20-\xff]){4,}"),
}


def runs_in(data: bytes) -> dict[str, list[bytes]]:
    """Return the runs of letters in bytes by their encoding."""
    latin = [run for run in LATIN.findall(data) if not run.isascii()]
    found = {"text": STRINGS.findall(data), "latin-1": latin}
    return found | {name: pattern.findall(data) for name, pattern in WIDE.items()}
