"""Dates of partner files: one reading for the whole column, in UTC, with their precision.

``03/04/2016`` is the third of April or the fourth of March; only the column around it can
say. The order is settled once per column from the values that allow one reading only, and
reported; where nothing settles it, the result says so.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final, Literal, get_args
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
import pandas as pd

from geocn._typing import AnyArray, IntArray
from geocn.errors import ParameterError
from geocn.harmonise._dates import Parts, Problem, read_date, settle_triple
from geocn.harmonise.text import distinct, is_absent, spread, text_series

__all__ = ["DateResult", "assemble_dates", "format_date", "parse_dates"]

Order = Literal["dmy", "mdy", "ymd"]
_DTYPE: Final = "datetime64[us, UTC]"
_ISO_DAY: Final = r"(?:19|20)\d\d-(?:0[1-9]|1[0-2])-(?:0[1-9]|1\d|2[0-8])"
_MIDNIGHT: Final = r"[T ]00:00(?::00(?:\.0+)?)?$"
_SHARE: Final = re.compile(r"0(?:[.,]\d+)?", re.ASCII)
_SERIAL_ZERO: Final = "1899-12-31T"
_DIGIT: Final = re.compile(r"\d")
_YEARS: Final = range(1900, 2101)


@dataclass(frozen=True, slots=True)
class DateResult:
    """A column of dates, understood.

    Attributes
    ----------
    at : Series of datetime64[us, UTC]
        Instants; the start of the day, month or year where only that is known.
    precision : Series of str
        ``time``, ``day``, ``month`` or ``year``; null where there is no date.
    problem : Series of str
        Why a value could not be read; null for dates and for empty cells.
    order : str
        ``dmy``, ``mdy`` or ``ymd`` for dates of three numbers; ``""`` where there are none.
    ambiguous : bool
        True where the order was assumed, or where values contradict each other.
    evidence : str
        What settled the order, for people to read.
    """

    at: pd.Series
    precision: pd.Series
    problem: pd.Series
    order: str
    ambiguous: bool
    evidence: str


def parse_dates(
    values: pd.Series, *, order: str | None = None, timezone: str | None = None
) -> DateResult:
    """Read a column of dates in any of many spellings.

    ISO 8601 with or without offset, numbers in one order for the whole column, month names
    in English, Spanish, French and Portuguese, two-digit years (69 to 99 are 1969 to 1999,
    as in POSIX), years, months, ``YYYYMMDD``, and spreadsheet day numbers (1900 system).
    Where every time of a column is midnight, only days are known.

    Parameters
    ----------
    values : Series
        Texts, datetimes or numbers.
    order : {"dmy", "mdy", "ymd"}, optional
        The order of dates of three numbers; by default the column's evidence decides, and
        without evidence day first.
    timezone : str, optional
        IANA zone of times without an offset; UTC by default. A date without a time is a
        civil date and is not shifted. A time that a clock change skipped is a problem; one
        that it repeated keeps its day only.

    Returns
    -------
    DateResult
        With the index of ``values``.

    Raises
    ------
    ParameterError
        Where ``order`` or ``timezone`` is unknown.

    Examples
    --------
    >>> result = parse_dates(pd.Series(["03/04/2016", "25/04/2016", "mayo de 2016", "31/02/2016"]))
    >>> result.order, result.ambiguous
    ('dmy', False)
    >>> result.at.dt.strftime("%Y-%m-%d").tolist()
    ['2016-04-03', '2016-04-25', '2016-05-01', nan]
    >>> result.precision.tolist()
    ['day', 'day', 'month', nan]
    """
    if order is not None and order not in get_args(Order):
        raise ParameterError(f"order is {order!r}; choose one of {', '.join(get_args(Order))}")
    zone = _zone(timezone)
    if isinstance(values.dtype, pd.DatetimeTZDtype) or values.dtype.kind == "M":
        return _typed(values, zone)
    codes, uniques = distinct(values)
    texts = [_as_text(item) for item in uniques]
    plain = pd.Series(texts, dtype="str").str.fullmatch(_ISO_DAY).to_numpy(dtype=bool)
    readings = _clocks_of_days(
        [None if p or _says_nothing(t) else read_date(t) for p, t in zip(plain, texts, strict=True)]
    )
    rows = np.bincount(codes[codes >= 0], minlength=len(texts)).astype(np.int64)
    given, ambiguous, evidence = _settle(readings, rows, order)
    settled = [_finish(r, given, zone) for r in readings]
    instants = _instants([s[0] for s in settled])
    days = [text for text, is_plain in zip(texts, plain, strict=True) if is_plain]
    instants[:-1][plain] = np.array(days, dtype="datetime64[us]")
    precision = ["day" if p else s[1] for p, s in zip(plain, settled, strict=True)]
    if not given and plain.any():
        given, evidence = "ymd", "dates are written year first (ISO 8601)"
    index = values.index
    return DateResult(
        at=pd.Series(pd.DatetimeIndex(instants[codes], tz="UTC"), index=index).astype(_DTYPE),
        precision=text_series(spread(codes, precision), index),
        problem=text_series(spread(codes, [s[2] for s in settled]), index),
        order=given,
        ambiguous=ambiguous,
        evidence=evidence,
    )


def format_date(at: datetime, precision: str) -> str:
    """Write an instant in ISO 8601 with no more than its precision.

    Examples
    --------
    >>> format_date(datetime(2016, 5, 1, tzinfo=UTC), "month")
    '2016-05'
    """
    layouts = {"year": "%Y", "month": "%Y-%m", "day": "%Y-%m-%d", "time": "%Y-%m-%dT%H:%M:%S.%f%z"}
    if precision not in layouts:
        raise ParameterError(f"precision is {precision!r}; choose one of {', '.join(layouts)}")
    return at.strftime(layouts[precision])


def assemble_dates(frame: pd.DataFrame, roles: Mapping[str, str]) -> pd.Series | None:
    """Join separate columns of year, month and day, or of date and time, into one text.

    Parameters
    ----------
    frame : DataFrame
        The file as read.
    roles : mapping
        Role to column. ``date`` (or ``seized_at``) with ``time``, or ``year`` with
        ``month`` and ``day``, are used.

    Returns
    -------
    Series of str or None
        Texts for :func:`parse_dates`; None where no role gives a date.

    Examples
    --------
    >>> frame = pd.DataFrame({"Año": ["2016"], "Mes": ["mayo"], "Día": ["3"]})
    >>> assemble_dates(frame, {"year": "Año", "month": "Mes", "day": "Día"}).tolist()
    ['3 mayo 2016']
    """
    date = roles.get("date", roles.get("seized_at"))
    if date is not None:
        text = _texts(frame[date])
        if "time" not in roles:
            return text.where(text != "", None).astype("str")
        # Spreadsheets type a day as its midnight, and a time of day as a share of the day.
        text = text.str.replace(_MIDNIGHT, "", regex=True)
        clock = _texts(frame[roles["time"]]).map(_clock_of_share)
        joined = (text + " " + clock).where(clock != "", text)
        return joined.where(text != "", None).astype("str")
    if "year" not in roles:
        return None
    year = _texts(frame[roles["year"]])
    month = _texts(frame[roles["month"]]) if "month" in roles else year.where(year == "", "")
    day = _texts(frame[roles["day"]]) if "day" in roles else year.where(year == "", "")
    return pd.Series(
        [_join(*parts) for parts in zip(year, month, day, strict=True)],
        index=frame.index,
        dtype="str",
    )


def _clock_of_share(text: str) -> str:
    """Write a spreadsheet's share of a day, such as 0.6041666, as a time of day."""
    if not _SHARE.fullmatch(text):
        return text.removeprefix(_SERIAL_ZERO)
    seconds = min(round(float(text.replace(",", ".")) * 86400), 86399)
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"


def _join(year: str, month: str, day: str) -> str | None:
    if not year:
        return None
    if not month:
        return year
    if not month.isdigit():
        return f"{day} {month} {year}".strip()
    return f"{year}-{month.zfill(2)}-{day.zfill(2)}" if day else f"{year}-{month.zfill(2)}"


def _texts(values: pd.Series) -> pd.Series:
    texts = values.map(lambda item: "" if pd.isna(item) else _as_text(item))
    return texts.astype("str").map(lambda text: "" if is_absent(text) else text.strip())


def _says_nothing(text: str) -> bool:
    return _DIGIT.search(text) is None and is_absent(text)


def _as_text(item: object) -> str:
    if isinstance(item, (bool, np.bool_)):
        return str(item)
    if isinstance(item, (float, np.floating)) and float(item).is_integer():
        return str(int(item))
    return item.isoformat() if hasattr(item, "isoformat") else str(item)


def _zone(timezone: str | None) -> ZoneInfo:
    try:
        return ZoneInfo(timezone or "UTC")
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        message = f"timezone is {timezone!r}; give an IANA name such as 'America/Bogota'"
        raise ParameterError(message) from error


def _settle(
    readings: list[Parts | Problem | None], rows: IntArray, order: str | None
) -> tuple[str, bool, str]:
    """Settle the order of three-number dates from the values that allow only one."""
    votes: dict[str, int] = {}
    examples: dict[str, str] = {}
    n_open, any_order = 0, ""
    for reading, count in zip(readings, rows, strict=True):
        if not isinstance(reading, Parts) or reading.triple is None:
            continue
        any_order = any_order or "dmy"
        possible = settle_triple(reading.triple)
        if len(possible) == 1:
            votes[possible[0]] = votes.get(possible[0], 0) + int(count)
            examples.setdefault(possible[0], reading.text)
        elif len(possible) > 1:
            n_open += int(count)
    if order is not None:
        return order, False, "given by the caller"
    if not votes:
        assumed = "no value tells day from month; day first was assumed"
        if n_open:
            return "dmy", True, assumed
        return any_order, False, "no date of three numbers whose order matters"
    ranked = sorted(votes, key=lambda name: (-votes[name], name))
    best = ranked[0]
    evidence = f"{votes[best]} rows can only be {best}, such as {examples[best]!r}"
    if len(ranked) > 1:
        others = "; ".join(
            f"{votes[o]} can only be {o}, such as {examples[o]!r}" for o in ranked[1:]
        )
        return best, True, f"{evidence}; but {others}"
    return best, False, evidence


_Settled = tuple[datetime | None, str | None, str | None]


def _finish(reading: Parts | Problem | None, order: str, zone: ZoneInfo) -> _Settled:
    """Turn what was read into an instant in UTC, its precision, or a problem."""
    if reading is None:
        return None, None, None
    if isinstance(reading, Problem):
        return None, None, reading.reason
    day = reading.ordered(order)
    if isinstance(day, Problem):
        return None, None, day.reason
    year, month, date = day
    if year not in _YEARS:
        return None, None, f"{reading.text!r}: year {year} is outside 1900 to 2100"
    try:
        hour, minute, second, micro = reading.clock or (0, 0, 0, 0)
        at = datetime(year, month or 1, date or 1, hour, minute, second, micro, tzinfo=UTC)
    except ValueError:
        return None, None, f"{reading.text!r} is no date of the calendar"
    if reading.clock is None:
        return at, "day" if date else "month" if month else "year", None
    return _localised(at, reading, zone)


def _localised(at: datetime, reading: Parts, zone: ZoneInfo) -> _Settled:
    if reading.offset is not None:
        return at - reading.offset, "time", None
    if zone.key == "UTC":
        return at, "time", None
    first = at.replace(tzinfo=zone, fold=0)
    again = first.astimezone(UTC).astimezone(zone)
    if again.replace(tzinfo=None) != first.replace(tzinfo=None):
        return None, None, f"{reading.text!r} does not exist in {zone.key}: clocks were put forward"
    if first.utcoffset() != first.replace(fold=1).utcoffset():
        return at.replace(hour=0, minute=0, second=0, microsecond=0), "day", None
    return first.astimezone(UTC), "time", None


def _instants(found: list[datetime | None]) -> AnyArray:
    """Return instants in UTC as an array, with one more missing value at its end."""
    naive = [None if at is None else at.replace(tzinfo=None) for at in found]
    return np.array([*naive, None], dtype="datetime64[us]")


def _clocks_of_days(readings: list[Parts | Problem | None]) -> list[Parts | Problem | None]:
    """Drop the clock where every time of the column is midnight: it knows days only."""
    clocks = [r for r in readings if isinstance(r, Parts) and r.clock is not None]
    if any(any(r.clock or ()) or r.offset for r in clocks):
        return readings
    return [replace(r, clock=None) if isinstance(r, Parts) else r for r in readings]


def _typed(values: pd.Series, zone: ZoneInfo) -> DateResult:
    """Take cells that already are datetimes; all at midnight means that only days are known."""
    aware = isinstance(values.dtype, pd.DatetimeTZDtype)
    known = values.dropna()
    days_only = bool((known.dt.normalize() == known).all())
    problem = pd.Series(None, index=values.index, dtype="str")
    if aware or days_only or zone.key == "UTC":
        at = values if aware else values.dt.tz_localize("UTC")
    else:
        at = values.dt.tz_localize(zone, nonexistent="NaT", ambiguous="NaT")
        lost = at.isna() & values.notna()
        reason = f"the time is skipped or repeated by a clock change in {zone.key}"
        problem = problem.mask(lost, reason)
    at = at.dt.tz_convert("UTC").astype(_DTYPE)
    years = at.dt.year
    outside = at.notna() & ~years.between(_YEARS.start, _YEARS.stop - 1)
    problem = problem.mask(outside, "the year is outside 1900 to 2100")
    at = at.mask(outside)
    precision = pd.Series("day" if days_only else "time", index=values.index, dtype="str")
    precision = precision.where(at.notna(), None)
    return DateResult(at, precision, problem, "", False, "the cells are typed as dates")
