"""Periods: when each row counts, and the steps of the slider."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal, cast

import numpy as np
import pandas as pd

from geocn._typing import IntArray
from geocn.errors import ParameterError, SchemaError
from geocn.maps.columns import NO_DAY, days

Rule = Literal["within", "overlap"]
Frequency = Literal["month", "quarter", "year"]
_CODES: dict[str, Literal["M", "Q", "Y"]] = {"month": "M", "quarter": "Q", "year": "Y"}
MAX_PERIODS = 240
_MONTHS_AT_MOST, _QUARTERS_AT_MOST = 36, 48
_LABEL = re.compile(r"^\s*(\d{4})(?:-?Q([1-4])|-(\d{2})(?:-(\d{2}))?)?\s*$", re.IGNORECASE)


@dataclass(frozen=True)
class Spans:
    """First and last day of each row (days since 1970-01-01) and how a period takes it.

    ``within``: a row belongs to a period that holds it whole; ``overlap``: to every period
    it touches. ``NO_DAY`` means unknown for ``within`` and open for ``overlap``.
    """

    first: IntArray
    last: IntArray
    rule: Rule


def event_spans(frame: pd.DataFrame, at: str, precision: str) -> Spans | None:
    """Return the spans of events, as wide as their precision."""
    if at not in frame:
        return None
    first = days(frame[at])
    known = frame[precision].astype(object) if precision in frame else pd.Series("day", frame.index)
    last = first.copy()
    dates = pd.Series(np.where(first == NO_DAY, np.nan, first)).astype("float64")
    for unit in ("month", "year"):
        rows = (known == unit).to_numpy(dtype=bool) & (first != NO_DAY)
        if rows.any():
            stamps = pd.to_datetime(dates[rows], unit="D").dt.to_period(_CODES[unit])
            last[rows] = _day_numbers(stamps.dt.end_time)
            first[rows] = _day_numbers(stamps.dt.start_time)
    return Spans(first, last, "within")


def interval_spans(frame: pd.DataFrame, start: str, end: str) -> Spans | None:
    """Return the spans of things that last, open where an end is not known."""
    if start not in frame and end not in frame:
        return None
    missing = np.full(len(frame), NO_DAY, dtype=np.int64)
    first = days(frame[start]) if start in frame else missing
    last = days(frame[end]) if end in frame else missing
    if (first == NO_DAY).all() and (last == NO_DAY).all():
        return None
    return Spans(first, last, "overlap")


def year_spans(frame: pd.DataFrame) -> Spans | None:
    """Return the spans of yearly surveys; one year alone is the state for every period."""
    if "year" not in frame:
        return None
    year = pd.to_numeric(frame["year"], errors="coerce")
    known = year.between(1000, 9999).fillna(False).to_numpy(dtype=bool)
    if year[known].nunique() < 2:
        return None
    number = year.where(known, 1970).to_numpy(dtype="int64", na_value=1970)
    first = (number - 1970).astype("datetime64[Y]").astype("datetime64[D]").astype("int64")
    last = (number - 1969).astype("datetime64[Y]").astype("datetime64[D]").astype("int64") - 1
    return Spans(np.where(known, first, NO_DAY), np.where(known, last, NO_DAY), "overlap")


def _day_numbers(stamps: pd.Series) -> IntArray:
    return cast("IntArray", np.asarray(stamps, dtype="datetime64[D]").astype(np.int64))


def parse_period(value: Any, layer: str) -> tuple[int, int]:
    """Return first and last day of ``2025``, ``2025-Q1``, ``2025-03``, a date or a Period.

    Raises
    ------
    SchemaError
        Where it is none of these.
    """
    if isinstance(value, pd.Period):
        period = value
    elif hasattr(value, "year") and hasattr(value, "month"):
        period = pd.Period(pd.Timestamp(value).tz_localize(None), "D")
    else:
        found = _LABEL.match(
            f"{value:.0f}" if isinstance(value, (int, float, np.number)) else str(value)
        )
        if not found:
            raise SchemaError(
                layer,
                found=f"the period {str(value)[:40]!r}",
                expected="a year, 2025-Q1, 2025-03, a date or a pandas Period",
                repair="Write the periods in one of these ways.",
            )
        year, quarter, month, day = found.groups()
        text = f"{year}Q{quarter}" if quarter else "-".join(p for p in (year, month, day) if p)
        period = pd.Period(text)
    ends = pd.Series([period.start_time, period.end_time])
    first, last = _day_numbers(ends)
    return int(first), int(last)


def slider(
    spans: Iterable[Spans],
    fixed: Iterable[tuple[int, int]],
    frequency: Frequency | None,
    *,
    until: int | None = None,
) -> list[tuple[int, int]]:
    """Return the steps of the slider as first and last days.

    ``fixed`` are the periods of layers that bring their own; where there are any, they are
    the steps. Otherwise months, quarters or years cover the events, the finest that gives
    a handy number of steps, or ``frequency``; up to the day ``until``, the information
    cut-off: a date beyond it is an error of the source.

    Raises
    ------
    ParameterError
        Where ``frequency`` is unknown.
    """
    if frequency is not None and frequency not in _CODES:
        raise ParameterError(f"period={frequency!r}; choose one of {', '.join(_CODES)}.")
    own = sorted(set(fixed))
    if own:
        return own
    known = _known_days(list(spans))
    if until is not None and (known <= until).any():
        known = known[known <= until]
    if not len(known):
        return []
    first, last = (pd.Timestamp(int(day), unit="D") for day in (known.min(), known.max()))
    months = (last.year - first.year) * 12 + last.month - first.month + 1
    if frequency is None:
        frequency = "month" if months <= _MONTHS_AT_MOST else "quarter"
        if months > _QUARTERS_AT_MOST * 3:
            frequency = "year"
    steps = pd.period_range(first, last, freq=_CODES[frequency])[-MAX_PERIODS:]
    starts = steps.start_time.to_numpy().astype("datetime64[D]").astype("int64")
    ends = steps.end_time.to_numpy().astype("datetime64[D]").astype("int64")
    return [(int(a), int(b)) for a, b in zip(starts, ends, strict=True)]


def _known_days(spans: list[Spans]) -> IntArray:
    """Days that decide the range: events where there are any, else the ends of what lasts."""
    for rule in ("within", "overlap"):
        found = [np.r_[s.first, s.last] for s in spans if s.rule == rule]
        stacked = np.concatenate([*found, np.empty(0, dtype=np.int64)]).astype(np.int64)
        known: IntArray = stacked[stacked != NO_DAY]
        if len(known):
            return known
    return np.empty(0, dtype=np.int64)
