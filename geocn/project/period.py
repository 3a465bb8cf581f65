"""The period that a run looks at: a year, a quarter, a month, or two days."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd

from geocn._typing import BoolArray
from geocn.errors import ParameterError

_FORMS = re.compile(r"(?P<year>\d{4})(?:-(?:Q(?P<quarter>[1-4])|(?P<month>\d{2})))?")
# The columns that say when a row of each layer holds: one column, or a start and an end.
_WHEN = {
    "routes": ("first_seen", "last_seen"),
    "seizures": ("seized_at", "seized_at"),
    "interventions": ("starts_on", "ends_on"),
}
_MONTHS_OF_QUARTER = 3


@dataclass(frozen=True)
class Period:
    """Days from ``start`` to ``end``, both included.

    Example
    -------
    >>> Period.parse("2025-Q1")
    Period(text='2025-Q1', start=datetime.date(2025, 1, 1), end=datetime.date(2025, 3, 31))
    """

    text: str
    start: date
    end: date

    @classmethod
    def parse(cls, text: str) -> Period:
        """Read ``2025``, ``2025-Q1``, ``2025-03`` or ``2025-01-15/2025-02-20``.

        Raises
        ------
        ParameterError
            Where the text is none of these, or ends before it starts.
        """
        try:
            if "/" in text:
                start, end = (date.fromisoformat(part.strip()) for part in text.split("/", 1))
            else:
                start, end = _calendar(text.strip())
        except ValueError as error:
            message = "write 2025, 2025-Q1, 2025-03 or 2025-01-15/2025-02-20"
            raise ParameterError(f"period {text!r}: {message}.") from error
        if end < start:
            raise ParameterError(f"period {text!r} ends before it starts; exchange the days.")
        return cls(text.strip(), start, end)

    @classmethod
    def around(cls, day: date, every: str) -> Period:
        """Return the month, quarter or year that ``day`` lies in.

        Raises
        ------
        ParameterError
            Where ``every`` is none of these.

        Example
        -------
        >>> Period.around(date(2025, 5, 9), "quarter").text
        '2025-Q2'
        """
        texts = {
            "month": f"{day.year}-{day.month:02d}",
            "quarter": f"{day.year}-Q{(day.month - 1) // _MONTHS_OF_QUARTER + 1}",
            "year": f"{day.year}",
        }
        if every not in texts:
            raise ParameterError(f"every {every!r}; choose one of {', '.join(texts)}")
        return cls.parse(texts[every])

    @classmethod
    def last_whole(cls, day: date, every: str) -> Period:
        """Return the last month, quarter or year that has ended by the end of ``day``.

        Raises
        ------
        ParameterError
            Where ``every`` is none of these.

        Example
        -------
        >>> Period.last_whole(date(2025, 5, 9), "month").text
        '2025-04'
        >>> Period.last_whole(date(2025, 5, 31), "month").text
        '2025-05'
        """
        return cls.around(day + timedelta(days=1), every).before()

    def before(self) -> Period:
        """Return the period of the same kind that ends on the day before this one starts.

        The span of two days is followed back by as many days.

        Raises
        ------
        ParameterError
            Where the calendar has no earlier one.

        Example
        -------
        >>> Period.parse("2025-Q1").before().text
        '2024-Q4'
        >>> Period.parse("2025-01-15/2025-01-31").before().text
        '2024-12-29/2025-01-14'
        """
        try:
            eve = self.start - timedelta(days=1)
            if "/" in self.text:
                first = eve - (self.end - self.start)
                return Period.parse(f"{first.isoformat()}/{eve.isoformat()}")
            if "Q" in self.text:
                return Period.around(eve, "quarter")
            return Period.around(eve, "month" if "-" in self.text else "year")
        except OverflowError as error:
            raise ParameterError(f"period {self.text!r}: the calendar has none before.") from error

    @property
    def days(self) -> int:
        """Number of days, the first and the last included."""
        return (self.end - self.start).days + 1

    def within(self, frame: pd.DataFrame, layer: str) -> BoolArray:
        """Say of each row whether it holds in the period.

        A seizure lies in it; a route or an intervention overlaps it, and one whose start
        or end is unknown is open on that side. Years of cultivation are compared as
        years. Rows with no date at all are False, but for interventions, whose dates
        are often not written down while they run.
        """
        if layer == "cultivation" and "year" in frame:
            years = frame["year"].astype("Float64")
            inside = (years >= self.start.year) & (years <= self.end.year)
            return np.asarray(inside.fillna(value=False), dtype=bool)
        if layer not in _WHEN or not set(_WHEN[layer]) <= set(frame.columns):
            return np.ones(len(frame), dtype=bool)
        first, last = (pd.to_datetime(frame[name], utc=True) for name in _WHEN[layer])
        begin = pd.Timestamp(self.start, tz="UTC")
        after = pd.Timestamp(self.end + timedelta(days=1), tz="UTC")
        inside = ~(first >= after) & ~(last < begin)
        known = first.notna() | last.notna() | (layer == "interventions")
        return np.asarray(inside & known, dtype=bool)


def _calendar(text: str) -> tuple[date, date]:
    match = _FORMS.fullmatch(text)
    if match is None:
        raise ValueError(text)
    year = int(match["year"])
    if match["quarter"]:
        last = int(match["quarter"]) * _MONTHS_OF_QUARTER
        first = last - _MONTHS_OF_QUARTER + 1
    else:
        first = int(match["month"] or 1)
        last = int(match["month"] or 12)
    return date(year, first, 1), _after_month(year, last) - timedelta(days=1)


def _after_month(year: int, month: int) -> date:
    return date(year + 1, 1, 1) if month == 12 else date(year, month + 1, 1)


def parse_day(value: Any) -> date | None:
    """Read a day given as text (``2025-12-31``), a date or nothing.

    Raises
    ------
    ParameterError
        Where the text is no ISO 8601 day.
    """
    if value is None:
        return None
    if isinstance(value, date):
        return date(value.year, value.month, value.day)
    try:
        return date.fromisoformat(str(value).strip())
    except ValueError as error:
        raise ParameterError(f"{value!r} is no day; write it as 2025-12-31.") from error
