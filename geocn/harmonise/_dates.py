"""Reading one date as text into parts, without settling which number is the month."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final

from geocn.harmonise._tables import load_toml
from geocn.harmonise.text import fold

Triple = tuple[str, str, str]
Clock = tuple[int, int, int, int]
Civil = tuple[int, int | None, int | None]

_OFFSET = r"(?P<offset>Z|UTC|GMT|[+-]\d{2}:?\d{2}|[+-]\d{2})?"
_CLOCK: Final = re.compile(
    r"(?:^|(?<=\d)[T ,]+|(?<=[^\W\d_]) +|[T ,]+)(?:a las |at |à |às |as |- )?"
    r"(?P<h>\d{1,2})(?::|h)(?P<m>\d{2})(?:[:m](?P<s>\d{2})(?:[.,](?P<f>\d{1,9}))?)?\s*"
    r"(?P<half>[AaPp]\.? ?[Mm]\.?)?\s*(?:h|hrs|hs)?\s*" + _OFFSET + r"$"
)
#: What nearly every time stamp looks like; the general pattern is ten times slower.
_QUICK: Final = re.compile(
    r"(?P<day>[\d/.-]{8,10})[T ](?P<h>\d{1,2}):(?P<m>\d{2})(?::(?P<s>\d{2})(?:\.(?P<f>\d{1,9}))?)?"
    r"(?P<half>)$",
    re.ASCII,
)
_ISO_COMPACT: Final = re.compile(r"^(\d{8})T?(\d{2})(\d{2})(\d{2})?" + _OFFSET + r"$")
_TRIPLE: Final = re.compile(r"^(\d{1,4})\s*[-/. ]\s*(\d{1,2})\s*[-/. ]\s*(\d{1,4})$")
_YEAR_MONTH: Final = re.compile(r"^(\d{4})\s*[-/. ]\s*(\d{1,2})$")
_MONTH_YEAR: Final = re.compile(r"^(\d{1,2})\s*[-/. ]\s*(\d{4})$")
_DAY_YEAR: Final = re.compile(r"^(?:19|20)\d{6}$")
_SERIAL: Final = re.compile(r"^\d{5}(?:[.,]\d+)?$")
#: Spreadsheet day numbers of 1950-01-01 and 2100-12-31 in the 1900 system.
_SERIALS: Final = range(18264, 73416)
_SERIAL_START: Final = datetime(1899, 12, 30, tzinfo=UTC)
_WEEKDAYS: Final = re.compile(
    r"^(?:mon|tues?|wed(?:nes)?|thur?s?|fri|sat(?:ur)?|sun)(?:day)?$|^(?:lun|mar|mie|jue|vie|sab|dom)$"
    r"|^(?:lunes|martes|miercoles|jueves|viernes|sabado|domingo|lundi|mardi|mercredi|jeudi"
    r"|vendredi|samedi|dimanche|segunda|terca|quarta|quinta|sexta|feira)$"
)
#: POSIX: two digits from 69 on belong to the last century.
_PIVOT: Final = 69


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a text is no date."""

    reason: str


@dataclass(frozen=True, slots=True)
class Parts:
    """What stands in one date; ``triple`` holds three numbers whose order is open."""

    text: str
    civil: Civil | None = None
    triple: Triple | None = None
    clock: Clock | None = None
    offset: timedelta | None = None

    def ordered(self, order: str) -> Civil | Problem:
        """Return year, month and day, reading three open numbers in ``order``."""
        if self.civil is not None:
            return self.civil
        assert self.triple is not None  # noqa: S101 (one of the two is always there)
        possible = possible_orders(self.triple)
        if not possible:
            return Problem(f"{self.text!r} is no date of the calendar")
        if order not in possible:
            return Problem(f"{self.text!r} can only be {possible[0]}, but the column is {order}")
        return _civil(self.triple, order)


@lru_cache(maxsize=4096)
def _civil(triple: Triple, order: str) -> Civil:
    year, month, day = (triple[order.index(letter)] for letter in "ymd")
    return full_year(year), int(month), int(day)


def full_year(digits: str) -> int:
    """Return the year of two or four digits."""
    year = int(digits)
    if len(digits) > 2:
        return year
    return year + (1900 if year >= _PIVOT else 2000)


@lru_cache(maxsize=4096)
def possible_orders(triple: Triple) -> tuple[str, ...]:
    """Return the orders in which three numbers are a date of the calendar."""
    if len(triple[2]) == 4 and len(triple[0]) <= 2:
        orders: tuple[str, ...] = ("dmy", "mdy")
    elif len(triple[0]) <= 2 and len(triple[2]) <= 2:
        orders = ("dmy", "mdy", "ymd")
    else:
        return ()
    return tuple(order for order in orders if _exists(triple, order))


@lru_cache(maxsize=4096)
def settle_triple(triple: Triple) -> tuple[str, ...]:
    """Return the orders that three numbers leave open; one alone settles the column.

    Two-digit years stand last unless only the first number can be one. ``05/05/2016`` is
    the same day both ways and has no say.
    """
    possible = possible_orders(triple)
    if len(possible) > 1 and possible[-1] == "ymd":
        possible = possible[:-1]
    same = len(possible) > 1 and _civil(triple, possible[0]) == _civil(triple, possible[1])
    return () if same else possible


def _exists(triple: Triple, order: str) -> bool:
    year, month, day = _civil(triple, order)
    try:
        datetime(year, month or 0, day or 0, tzinfo=UTC)
    except ValueError:
        return False
    return True


@lru_cache(maxsize=1)
def _fillers() -> frozenset[str]:
    return frozenset(load_toml("months.toml")["fillers"])


@lru_cache(maxsize=1)
def _months() -> dict[str, int]:
    return {
        fold(name): int(number)
        for number, names in load_toml("months.toml")["month"].items()
        for name in names
    }


def read_date(text: str) -> Parts | Problem:
    """Read one text into the parts of a date, or say why it is none."""
    shown = text.strip()[:60]
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text).replace("\u2212", "-")
    clean = " ".join(text.split())
    if quick := _QUICK.match(clean):
        known, time = _day_alone(quick["day"]), _read_clock(quick)
        if known is not None and time is not None and (known.civil is None or known.civil[2]):
            return Parts(shown, known.civil, known.triple, time)
    compact = _ISO_COMPACT.match(clean)
    if compact:
        clock = f"{compact[2]}:{compact[3]}:{compact[4] or '00'}{compact['offset'] or ''}"
        clean = f"{compact[1]} {clock}"
    if _SERIAL.match(clean) and int(clean[:5]) in _SERIALS:
        return _of_serial(shown, clean)
    match = _CLOCK.search(clean)
    if match is None or match.start() == 0:
        found = _read_day(shown, clean)
        return found or Problem(f"{shown!r} is not read as a date")
    clock_read = _read_clock(match)
    day = _read_day(shown, clean[: match.start()].rstrip(" ,T"))
    if day is None:
        return Problem(f"{shown!r} is not read as a date")
    if clock_read is None:
        return Problem(f"{shown!r}: there is no such time of day")
    if day.civil is not None and day.civil[2] is None:
        return Problem(f"{shown!r} has a time but no day")
    return replace(day, clock=clock_read, offset=_read_offset(match["offset"]))


def _read_day(shown: str, text: str) -> Parts | None:
    day = _day_alone(text)
    return None if day is None else Parts(shown, day.civil, day.triple)


@lru_cache(maxsize=4096)
def _day_alone(text: str) -> Parts | None:
    """Read the part of a date without its time; columns repeat their days."""
    shown = ""
    if _DAY_YEAR.match(text):
        return Parts(shown, civil=(int(text[:4]), int(text[4:6]), int(text[6:])))
    if match := _TRIPLE.match(text):
        if len(match[1]) == 4:
            return Parts(shown, civil=(int(match[1]), int(match[2]), int(match[3])))
        return Parts(shown, triple=(match[1], match[2], match[3]))
    if match := _YEAR_MONTH.match(text):
        return Parts(shown, civil=(int(match[1]), int(match[2]), None))
    if match := _MONTH_YEAR.match(text):
        return Parts(shown, civil=(int(match[2]), int(match[1]), None))
    if len(text) == 4 and text.isdigit() and text.isascii():
        return Parts(shown, civil=(int(text), None, None))
    return _with_month_name(shown, text)


def _with_month_name(shown: str, text: str) -> Parts | None:
    """Read ``14 de marzo de 2011``, ``March 14, 2011``, ``Mar-11``, ``1er mars 2011``."""
    words = re.sub(r"(\d)([^\W\d_])", r"\1 \2", re.sub(r"([^\W\d_])(\d)", r"\1 \2", fold(text)))
    kept = [w for w in words.split() if w not in _fillers()]
    months = [i for i, word in enumerate(kept) if word in _months()]
    if len(months) > 1:
        months = [i for i in months if not _WEEKDAYS.match(kept[i])]
    if len(months) != 1:
        return None
    month = _months()[kept[months[0]]]
    numbers = [w for i, w in enumerate(kept) if i != months[0] and not _WEEKDAYS.match(w)]
    if not numbers or len(numbers) > 2 or not all(re.fullmatch(r"[0-9]{1,4}", n) for n in numbers):
        return None
    if len(numbers) == 1:
        year = numbers[0]
        return Parts(shown, civil=(full_year(year), month, None)) if len(year) in (2, 4) else None
    day, year = numbers if len(numbers[0]) <= 2 else numbers[::-1]
    if len(day) > 2 or len(year) not in (2, 4):
        return None
    return Parts(shown, civil=(full_year(year), month, int(day)))


def _read_clock(match: re.Match[str]) -> Clock | None:
    hour, minute, second = int(match["h"]), int(match["m"]), int(match["s"] or 0)
    micro = int((match["f"] or "0")[:6].ljust(6, "0"))
    if match["half"]:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if match["half"][0] in "Pp" else 0)
    if hour > 23 or minute > 59 or second > 59:
        return None
    return hour, minute, second, micro


def _read_offset(text: str | None) -> timedelta | None:
    if not text:
        return None
    if text in ("Z", "UTC", "GMT"):
        return timedelta(0)
    digits = text[1:].replace(":", "").ljust(4, "0")
    size = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return -size if text[0] == "-" else size


def _of_serial(shown: str, text: str) -> Parts:
    at = _SERIAL_START + timedelta(seconds=round(float(text.replace(",", ".")) * 86400))
    civil = (at.year, at.month, at.day)
    if re.fullmatch(r"\d{5}(?:[.,]0+)?", text):
        return Parts(shown, civil=civil)
    # A spreadsheet's clock carries no zone: it is a naive time like any other.
    return Parts(shown, civil=civil, clock=(at.hour, at.minute, at.second, 0))
