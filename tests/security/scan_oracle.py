"""The leak scan's searches as plainly as they can be written: slow, and easy to believe."""

from __future__ import annotations

import re
import unicodedata

import numpy as np

from geocn.sharing.scan_places import PlaceIndex
from geocn.sharing.scan_text import is_whole, spans_of, words_of

UNSEEN = re.compile(
    "[\u0300-\u036f\u0483-\u0489\u0591-\u05c7\u0610-\u061a\u064b-\u065f\u0670"
    "\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff\ufe00-\ufe0f]"
)
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


def numbers_in(data: bytes, numbers: np.ndarray) -> set[float]:
    """Return those numbers that stand as float64 of either order at any offset."""
    wanted = set(numbers.tolist())
    return {value for kind in ("<f8", ">f8") for value in _at_every_offset(data, kind)} & wanted


def places_in(data: bytes, places: PlaceIndex) -> set[int]:
    """Return the codes of places that two neighbouring numbers name, whatever their type."""
    found: set[int] = set()
    for kind in ("<f8", ">f8", "<f4", "<i4", ">i4"):
        size, values = int(kind[-1]), np.array(_at_every_offset(data, kind), dtype=np.float64)
        first, second = values[: max(0, len(values) - size)], values[size:]
        wanted = ("e5", "e6", "e7") if kind[1] == "i" else ("degrees", "metres")
        for reading in places.readings:
            if reading.name in wanted:
                for x, y in ((first, second), (second, first)):
                    with np.errstate(all="ignore"):
                        lon, lat = reading.degrees(x, y)
                    found.update(places.near(lon, lat)[1].tolist())
    return found


def _at_every_offset(data: bytes, kind: str) -> list[float]:
    size = int(kind[-1])
    with np.errstate(invalid="ignore"):
        return [
            float(np.frombuffer(data, kind, 1, at)[0]) for at in range(max(0, len(data) - size + 1))
        ]


def folded_plainly(text: str) -> str:
    """Return a text without case, width, accents and invisible marks, sign by sign."""
    return UNSEEN.sub("", unicodedata.normalize("NFKD", text)).casefold()


def found_in(text: str, names: list[str]) -> set[str]:
    """Return the names that stand in a folded text as whole words."""
    words, spans = words_of(text), spans_of(text)
    found = set()
    for name in names:
        asked = words_of(folded_plainly(name))
        for at in range(len(words) - len(asked) + 1):
            if words[at : at + len(asked)] == asked and is_whole(
                text, spans[at][0], spans[at + len(asked) - 1][1]
            ):
                found.add(name)
    return found
