"""Windows of time: what lies in them for sure or perhaps, and how much of them was reported on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, TypeAlias

import numpy as np
import pandas as pd

from geocn._typing import AnyArray, BoolArray, FloatArray
from geocn.errors import DateError, ParameterError
from geocn.evaluation.columns import require_columns
from geocn.provenance import KEY
from geocn.spatial.columns import read_instants

Instant: TypeAlias = str | date | pd.Timestamp
#: First and last day (both included), or instants.
Period: TypeAlias = tuple[Instant, Instant]

_DAY = np.timedelta64(1, "D")
_TICK = np.timedelta64(1, "us")
#: Columns that say when, in the order in which they are looked for.
_TIMES = ("seized_at", "crossed_at", "starts_on", "first_seen", "year")
_YEARS = (1800, 2200)


@dataclass(frozen=True, slots=True)
class Window:
    """From ``start`` until before ``end``, naive UTC."""

    start: np.datetime64
    end: np.datetime64

    @property
    def days(self) -> float:
        """Length in days."""
        return float((self.end - self.start) / _DAY)


@dataclass(frozen=True, slots=True)
class Gap:
    """Days on which nothing was reported, everywhere or in some areas."""

    first: np.datetime64
    last: np.datetime64
    areas: tuple[object, ...] | None


@dataclass(frozen=True, slots=True)
class Spans:
    """When each row happened: from ``start`` until before ``end``; NaT where unknown."""

    start: AnyArray
    end: AnyArray

    def surely_in(self, window: Window) -> BoolArray:
        """Rows whose whole span lies in the window."""
        inside: BoolArray = (self.start >= window.start) & (self.end <= window.end)
        return inside

    def perhaps_in(self, window: Window) -> BoolArray:
        """Rows whose span touches the window."""
        touches: BoolArray = (self.start < window.end) & (self.end > window.start)
        return touches


def read_two(before: Period, after: Period) -> tuple[Window, Window]:
    """Read the two periods of a comparison.

    Raises
    ------
    ParameterError
        Naming every fault: no dates, an end before its start, or periods that overlap or
        stand in the wrong order.
    """
    faults: list[str] = []
    windows = [
        _window(period, name, faults) for period, name in ((before, "before"), (after, "after"))
    ]
    first, second = windows
    if first is not None and second is not None and second.start < first.end:
        faults.append(
            f"before ends at {first.end} and after begins at {second.start}: the periods overlap, "
            "or stand in the wrong order"
        )
    if faults or first is None or second is None:
        raise ParameterError("; ".join(faults))
    return first, second


def _window(period: Period, name: str, faults: list[str]) -> Window | None:
    try:
        first, last = (pd.Timestamp(edge) for edge in period)
    except (TypeError, ValueError) as error:
        faults.append(f"{name} is {period!r}, not a first and last day ({error})")
        return None
    if pd.isna(pd.Series([first, last])).any():
        faults.append(f"{name} is {period!r}, without a first or last day")
        return None
    first, last = (
        edge.tz_convert("UTC").tz_localize(None) if edge.tzinfo is not None else edge
        for edge in (first, last)
    )
    # A date without time is known to its end.
    end = last + pd.Timedelta(days=1) if last == last.normalize() else last
    if end <= first:
        faults.append(f"{name} ends on {last}, before it begins on {first}")
        return None
    return Window(first.to_datetime64().astype("M8[us]"), end.to_datetime64().astype("M8[us]"))


def time_column(frame: pd.DataFrame, time: str | None, layer: str) -> str:
    """Return the column that says when: the one named, or the layer's own.

    Raises
    ------
    SchemaError
        Where there is none.
    """
    if time is None:
        time = next((name for name in _TIMES if name in frame), _TIMES[0])
    require_columns(frame, [time], layer)
    return time


def read_spans(frame: pd.DataFrame, time: str, layer: str) -> Spans:
    """Read when each row happened, as exactly as ``date_precision`` says.

    Whole numbers are years. Without ``date_precision`` an instant is believed as it stands.

    Raises
    ------
    DateError
        Where the column holds no instants.
    """
    values = frame[time]
    if pd.api.types.is_numeric_dtype(values):
        return _years(frame, time, layer)
    stamps = read_instants(frame, time, layer).dt.tz_localize(None)
    start = stamps.to_numpy().astype("M8[us]").copy()
    end = start + _TICK
    if "date_precision" not in frame:
        return Spans(start, end)
    for word, unit in (("day", "D"), ("month", "M"), ("year", "Y")):
        coarse = frame["date_precision"].eq(word).fillna(value=False).to_numpy(dtype=bool)
        whole = start[coarse].astype(f"M8[{unit}]")
        start[coarse] = whole.astype("M8[us]")
        end[coarse] = (whole + 1).astype("M8[us]")
    return Spans(start, end)


def _years(frame: pd.DataFrame, time: str, layer: str) -> Spans:
    years = frame[time].to_numpy(dtype=float, na_value=np.nan)
    bad = ~np.isnan(years) & (
        (years != np.round(years)) | (years < _YEARS[0]) | (years > _YEARS[1])
    )
    if bad.any():
        raise DateError(
            layer,
            found=f"numbers in {time} that are no years",
            expected=f"whole years from {_YEARS[0]} to {_YEARS[1]}, or dates",
            rows=list(frame.index[bad]),
        )
    number = np.where(np.isnan(years), 1970, years).astype(np.int64) - 1970
    whole = number.astype("M8[Y]")
    start, end = whole.astype("M8[us]"), (whole + 1).astype("M8[us]")
    start[np.isnan(years)] = end[np.isnan(years)] = np.datetime64("NaT")
    return Spans(start, end)


def read_gaps(frame: pd.DataFrame, gaps: Sequence[Mapping[str, Any]] | None) -> list[Gap]:
    """Read gaps as given, or those that the layer's source declared.

    Raises
    ------
    ParameterError
        Naming every gap without ``from`` and ``to``, or that ends before it begins.
    """
    if gaps is None:
        gaps = frame.attrs.get(KEY, {}).get("declared_gaps", ())
    found: list[Gap] = []
    faults: list[str] = []
    for number, gap in enumerate(gaps):
        try:
            edges = (gap["from"], gap["to"])
        except (KeyError, TypeError):
            faults.append(f"gap {number} is {gap!r}, without `from` and `to`")
            continue
        window = _window(edges, f"gap {number}", faults)
        if window is not None:
            areas = None if gap.get("areas") is None else tuple(gap["areas"])
            last = (window.end - _TICK).astype("M8[D]")
            found.append(Gap(window.start.astype("M8[D]"), last, areas))
    if faults:
        raise ParameterError("; ".join(faults))
    return found


def observed_days(window: Window, gaps: Sequence[Gap], labels: Sequence[object]) -> FloatArray:
    """Days of the window that were reported on, for each label."""
    first, last = window.start.astype("M8[D]"), (window.end - _TICK).astype("M8[D]")
    day = np.arange(first, last + 1)
    edges = np.append(day, last + 1).astype("M8[us]")
    inside = np.minimum(edges[1:], window.end) - np.maximum(edges[:-1], window.start)
    length = inside / _DAY

    def seen(own: Sequence[Gap]) -> float:
        quiet = np.zeros(len(day), dtype=bool)
        for gap in own:
            quiet |= (day >= gap.first) & (day <= gap.last)
        return float(length[~quiet].sum())

    general = [gap for gap in gaps if gap.areas is None]
    result = np.full(len(labels), seen(general))
    named = {name for gap in gaps for name in gap.areas or ()}
    for place, label in enumerate(labels):
        if label in named:
            result[place] = seen([g for g in gaps if g.areas is None or label in g.areas])
    return result


def in_a_gap(spans: Spans, gaps: Sequence[Gap], labels: AnyArray) -> BoolArray:
    """Rows that lie in a gap as a whole; ``labels`` are the areas of the rows."""
    quiet = np.zeros(len(spans.start), dtype=bool)
    for gap in gaps:
        window = Window(gap.first.astype("M8[us]"), (gap.last + 1).astype("M8[us]"))
        inside = spans.surely_in(window)
        if gap.areas is not None:
            inside &= np.isin(labels, np.asarray(gap.areas, dtype=object))
        quiet |= inside
    return quiet
