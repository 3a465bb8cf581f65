"""Calendar bins of time: their edges, and how much of each was reported on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal, TypeAlias

import numpy as np
import pandas as pd

from geocn._typing import FloatArray, IntArray
from geocn.errors import ParameterError

Step = Literal["week", "month", "quarter", "year"]
#: Weeks begin on Monday, as in ISO 8601.
FREQUENCIES: dict[str, str] = {"week": "W-SUN", "month": "M", "quarter": "Q", "year": "Y"}
Instant: TypeAlias = str | date | pd.Timestamp
_DAY = np.timedelta64(1, "D")


@dataclass(frozen=True, slots=True)
class Bins:
    """Whole calendar periods in order, without holes; naive instants are UTC."""

    periods: pd.PeriodIndex

    @property
    def starts(self) -> np.ndarray[Any, np.dtype[np.datetime64]]:
        """First instant of each bin."""
        return self.periods.start_time.to_numpy().astype("datetime64[us]")

    @property
    def ends(self) -> np.ndarray[Any, np.dtype[np.datetime64]]:
        """First instant after each bin."""
        return (self.periods + 1).start_time.to_numpy().astype("datetime64[us]")

    def days(self) -> tuple[np.ndarray[Any, np.dtype[np.datetime64]], IntArray]:
        """Every day of the bins, and the number of the bin it lies in."""
        if not len(self.periods):
            return np.empty(0, "datetime64[D]"), np.empty(0, np.int64)
        edges = np.append(self.starts, self.ends[-1:]).astype("datetime64[D]")
        day = np.arange(edges[0], edges[-1], _DAY)
        return day, np.searchsorted(edges, day, side="right").astype(np.int64) - 1


@dataclass(frozen=True, slots=True)
class Silence:
    """Days, both included, on which nothing was reported: everywhere, or in some areas."""

    first: np.datetime64
    last: np.datetime64
    areas: tuple[object, ...] | None
    why: str


def instant(value: Instant, name: str) -> pd.Timestamp:
    """Read a date or instant as naive UTC.

    Raises
    ------
    ParameterError
        Where it is none.
    """
    try:
        stamp = pd.Timestamp(value)
    except (TypeError, ValueError) as error:
        raise ParameterError(f"{name} is {value!r}; give a date such as '2025-12-31'") from error
    if pd.isna(stamp):
        raise ParameterError(f"{name} is {value!r}; give a date such as '2025-12-31'")
    return stamp.tz_convert("UTC").tz_localize(None) if stamp.tzinfo is not None else stamp


def cut_off(as_of: Instant | None) -> pd.Timestamp | None:
    """First instant that is not known any more; a date without time is known to its end."""
    if as_of is None:
        return None
    stamp = instant(as_of, "as_of")
    return stamp + pd.Timedelta(days=1) if stamp == stamp.normalize() else stamp


def read_gaps(gaps: Sequence[Mapping[str, Any]]) -> list[Silence]:
    """Read gaps as declared: mappings with ``from``, ``to`` and perhaps ``areas``, ``why``.

    Raises
    ------
    ParameterError
        Naming every gap that cannot be read or ends before it begins.
    """
    silences: list[Silence] = []
    faults = []
    for place, gap in enumerate(gaps):
        try:
            first, last = (instant(gap[key], f"gap {place} `{key}`") for key in ("from", "to"))
        except (KeyError, TypeError) as error:
            faults.append(f"gap {place} is {gap!r}, without `from` and `to` ({error})")
            continue
        except ParameterError as error:
            faults.append(str(error))
            continue
        if last < first:
            faults.append(f"gap {place} ends on {last.date()}, before it begins ({first.date()})")
        day = [np.datetime64(stamp.date(), "D") for stamp in (first, last)]
        areas = None if gap.get("areas") is None else tuple(gap["areas"])
        silences.append(Silence(day[0], day[1], areas, str(gap.get("why", ""))))
    if faults:
        raise ParameterError("; ".join(faults))
    return silences


def share_observed(
    bins: Bins, silences: Sequence[Silence], areas: pd.Index, until: pd.Timestamp | None
) -> FloatArray:
    """Share of each bin's time that was reported on and is known, by area and bin."""
    day, place = bins.days()
    n = len(bins.periods)
    known = np.ones(len(day))
    if until is not None:
        known = np.clip((np.datetime64(until, "us") - day) / _DAY, 0.0, 1.0)
    length = np.bincount(place, minlength=n)

    def share(quiet: Sequence[Silence]) -> FloatArray:
        seen = known.copy()
        for silence in quiet:
            seen[(day >= silence.first) & (day <= silence.last)] = 0.0
        return np.bincount(place, weights=seen, minlength=n) / length

    general = [silence for silence in silences if silence.areas is None]
    result: FloatArray = np.tile(share(general), (len(areas), 1))
    for label in dict.fromkeys(name for s in silences for name in s.areas or ()):
        own = [s for s in silences if s.areas is None or label in s.areas]
        result[areas.get_loc(label)] = share(own)
    return result
