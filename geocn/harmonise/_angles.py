"""Reading one angle, or a pair of them, as text: degrees in all the ways people write them."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal

Axis = Literal["lat", "lon"]

_MARKS: Final = str.maketrans(
    {"′": "'", "’": "'", "‘": "'", "´": "'", "`": "'", "ʹ": "'", "ʼ": "'", "″": '"', "”": '"'}
    | {"“": '"', "ʺ": '"', "º": "°", "˚": "°", "∘": "°", "−": "-", "–": "-", "—": "-", "‑": "-"}
)
_WORDS: Final = (
    (re.compile(r"\b(?:norte?|nord|north)\b"), "N"),
    (re.compile(r"\b(?:sur|sud|sul|south)\b"), "S"),
    (re.compile(r"\b(?:oeste|ouest|west)\b"), "W"),
    (re.compile(r"\b(?:este|est|east|leste)\b"), "E"),
    (re.compile(r"\b(?:latitude?|lat|longitude?|longitud|long?|lng|latitud)\b\.?\s*[:=]?"), " "),
    (re.compile(r"\b(?:degrees?|degrés?|grados?|graus?|deg)\b\.?"), "°"),
    (re.compile(r"\b(?:minutes?|minutos?|min)\b\.?"), "'"),
    (re.compile(r"\b(?:seconds?|secondes?|segundos?|seg|sec)\b\.?"), '"'),
)
#: O is Oeste and Ouest; L is Leste.
_HEMISPHERES: Final = {"N": "N", "S": "S", "E": "E", "W": "W", "O": "W", "L": "E"}
_NUMBER = r"\d+(?:[.,]\d+)?"
_DECIMAL: Final = re.compile(rf"^({_NUMBER})\s*[°d]?$")
_PARTS: Final = re.compile(
    rf"^(\d{{1,3}})\s*(?:[°d:\s-]|°\s*)\s*({_NUMBER})\s*(?:['m:\s-]\s*(?:({_NUMBER})\s*(?:\"|''|s)?)?)?$"
)
_COMPACT: Final = re.compile(r"^(\d{4,7})(?:[.,](\d+))?$")
_LETTER = "[NSEWOL]"
_TRAILING: Final = re.compile(rf"^([^NSEWOL]+{_LETTER})[\s,;/|]*([^NSEWOL]+{_LETTER})$")
_LEADING: Final = re.compile(rf"^({_LETTER}[^NSEWOL]+?)[\s,;/|]*({_LETTER}[^NSEWOL]+)$")
_WKT: Final = re.compile(
    r"^(?:SRID=4326;)?\s*POINT\s*Z?\s*\(\s*(-?[\d.]+)\s+(-?[\d.]+)(?:\s+-?[\d.]+)?\s*\)$", re.I
)
_MAX_DIGITS: Final = 15


@dataclass(frozen=True, slots=True)
class Angle:
    """One angle: degrees, the size of its last digit in degrees, and how it is written."""

    degrees: float
    step: float
    style: str
    axis: Axis | None = None
    problem: str | None = None


def _fault(text: str, why: str) -> Angle:
    return Angle(float("nan"), float("nan"), "", None, f"{text[:60]!r} {why}")


def tidy(text: str) -> str:
    """Bring signs, quotes and words of a coordinate to one spelling."""
    clean = unicodedata.normalize("NFKC", text.translate(_MARKS)).translate(_MARKS)
    clean = " ".join(clean.split())
    if any(letter.isalpha() for letter in clean):
        lower = clean.casefold()
        for pattern, word in _WORDS:
            lower = pattern.sub(word, lower)
        clean = _unit_letters(lower).upper()
    return clean.strip(" ()[]")


def _unit_letters(lower: str) -> str:
    """Turn d, m and s that stand for degrees, minutes and seconds into their signs."""
    text = re.sub(r"(?<=\d)\s*d(?=\s*\d)", "°", lower)
    text = re.sub(r"(?<=\d)\s*m(?=\s*(?:\d|[nsewol]?$))", "'", text)
    text = re.sub(r"(?<=\d)s(?=\s*[nsewol]$)", '"', text)
    return re.sub(r"(?<=\d)s$", '"', text) if "'" in text else text


@lru_cache(maxsize=4096)
def read_angle(text: str, axis: Axis | None) -> Angle:
    """Read one angle; ``axis`` is what its column says it is.

    ``4.57``, ``4,57``, ``-74.08°``, ``4°34'12"N``, ``74 05.2 W``, ``N4:34:12``,
    ``4233N``, ``00144E``, ``74º 5' 3'' O``.
    """
    clean = tidy(text)
    letters = re.findall(_LETTER, clean)
    if len(letters) > 1:
        return _fault(text, "names two hemispheres")
    bare = re.sub(_LETTER, "", clean).strip(" ,;")
    hemisphere = _HEMISPHERES[letters[0]] if letters else None
    if letters and not (clean.startswith(letters[0]) or clean.rstrip(" .,;").endswith(letters[0])):
        return _fault(text, "is not read as a coordinate")
    sign = -1.0 if bare.startswith("-") else 1.0
    signed = bare[:1] in "+-" and bare != ""
    bare = bare[1:].strip() if signed else bare
    said: Axis | None = None
    if hemisphere:
        said = "lat" if hemisphere in "NS" else "lon"
        if axis is not None and said != axis:
            return _fault(text, f"says {hemisphere} in a column of {axis}")
        if sign < 0:
            return _fault(text, "has a minus and a hemisphere")
        sign = -1.0 if hemisphere in "SW" else 1.0
    found = (_compact(bare, said) if hemisphere else None) or _decimal(bare) or _sexagesimal(bare)
    if found is None:
        why = "has several decimal signs" if _mangled(bare) else "is not read as a coordinate"
        return _fault(text, why)
    if found.problem:
        return _fault(text, found.problem)
    return _in_range(text, sign * found.degrees, found, said or axis)


def _mangled(bare: str) -> bool:
    return bool(re.fullmatch(r"\d{1,3}(?:[.,]\d+){2,}", bare))


def _in_range(text: str, degrees: float, found: Angle, axis: Axis | None) -> Angle:
    limit = 90.0 if axis == "lat" else 180.0
    if abs(degrees) > limit:
        hint = ""
        if axis == "lon" and 180 < degrees <= 360:
            hint = "; longitudes from 0 to 360 need 360 subtracted from those above 180"
        return _fault(text, f"is outside -{limit:g} to {limit:g}{hint}")
    return Angle(degrees, found.step, found.style, axis)


def _value(number: str) -> tuple[float, float]:
    """Return a number with a point or a comma, and the size of its last digit."""
    digits = number.replace(",", ".")
    decimals = len(digits.partition(".")[2])
    return float(digits), 10.0 ** -min(decimals, _MAX_DIGITS)


def _decimal(bare: str) -> Angle | None:
    match = _DECIMAL.match(bare)
    if match is None:
        return None
    value, step = _value(match[1])
    comma = "," in match[1]
    return Angle(value, step, "decimal degrees, comma" if comma else "decimal degrees")


def _sexagesimal(bare: str) -> Angle | None:
    match = _PARTS.match(bare)
    if match is None:
        return None
    minutes, step = _value(match[2])
    if match[3] is None:
        return _degrees(int(match[1]), minutes, 0.0, step / 60, "degrees and minutes")
    if not minutes.is_integer() or step < 1:
        return None
    seconds, step = _value(match[3])
    return _degrees(int(match[1]), minutes, seconds, step / 3600, "degrees, minutes and seconds")


def _compact(bare: str, axis: Axis | None) -> Angle | None:
    """Read ``4233`` as 42°33', ``00144`` as 1°44', ``423312`` as 42°33'12"."""
    match = _COMPACT.match(bare)
    if match is None:
        return None
    whole, fraction = match[1], match[2] or ""
    width = 2 if axis == "lat" else 3
    rest = len(whole) - width
    if rest not in (2, 4):
        # Longitudes below 100 are also written without their first zero.
        width, rest = width - 1, rest + 1
        if axis == "lat" or rest not in (2, 4):
            return None
    degrees, minutes = int(whole[:width]), float(whole[width : width + 2])
    step = 10.0 ** -len(fraction)
    if rest == 2:
        minutes = float(f"{whole[width:]}.{fraction or 0}")
        return _degrees(degrees, minutes, 0.0, step / 60, "compact degrees and minutes")
    seconds = float(f"{whole[width + 2 :]}.{fraction or 0}")
    return _degrees(degrees, minutes, seconds, step / 3600, "compact degrees, minutes and seconds")


def _degrees(degrees: int, minutes: float, seconds: float, step: float, style: str) -> Angle:
    if minutes >= 60 or seconds >= 60:
        return Angle(float("nan"), step, style, None, "has 60 or more minutes or seconds")
    return Angle(degrees + minutes / 60 + seconds / 3600, step, style)


def split_pair(text: str) -> tuple[str, str] | None:
    """Split a text that holds two angles into them, in the order they are written."""
    if match := _WKT.match(text.strip()):
        return f"{match[2]}", f"{match[1]}"
    clean = tidy(text)
    for pattern in (_TRAILING, _LEADING):
        if match := pattern.match(clean):
            return match[1].strip(" ,;"), match[2].strip(" ,;")
    for sign in (";", "|", "/"):
        if clean.count(sign) == 1:
            first, second = clean.split(sign)
            return first.strip(), second.strip()
    return _split_numbers(clean)


def _split_numbers(clean: str) -> tuple[str, str] | None:
    commas = clean.count(",")
    if commas == 1 or (commas == 3 and "." not in clean):
        cut = [m.start() for m in re.finditer(",", clean)][commas // 2]
        return clean[:cut].strip(), clean[cut + 1 :].strip()
    words = clean.replace(" °", "°").split()
    if commas in (0, 2) and len(words) in (2, 4, 6):
        half = len(words) // 2
        return " ".join(words[:half]).strip(" ,"), " ".join(words[half:]).strip(" ,")
    return None


def is_wkt(text: str) -> bool:
    """Say whether a text is a WKT point, which stands x first."""
    return bool(_WKT.match(text.strip()))
