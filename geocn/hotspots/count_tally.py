"""Counts of points by area and period, chunk by chunk, as arrays that can be merged."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from geocn._typing import AnyArray, FloatArray, IntArray
from geocn.errors import CoordinateError, LayerError, ParameterError, RejectedRowsError
from geocn.hotspots.count_periods import Period, period_names, period_numbers
from geocn.io.checkpoints import State
from geocn.io.parts_points import BAD_WEIGHT, IMPOSSIBLE, REASONS, PointBatch

#: Why points stand nowhere though nothing is wrong with them.
LEFT_OUT = ("no_geometry", "outside", "imprecise", "no_time")
_NO_GEOMETRY, _OUTSIDE, _IMPRECISE, _TIMELESS = range(4)
_EXAMPLES = 20
_DAY_US = 86_400_000_000
_MOST_DAYS = 1_000_000
# Rows of a result; beyond, a stray date is likelier than the wish.
_MOST_ROWS = 200_000_000


class Tally:
    """Counts and totals by period and area, what stands nowhere, and what is wrong."""

    def __init__(self, n_areas: int, *, weight: str | None, by_period: Period | None) -> None:
        self._n, self._weight, self._by = n_areas, weight, by_period
        self._slots: dict[int, int] = {}
        # The place before the first area holds what lies outside.
        self._counts = np.zeros((0, n_areas + 1), dtype=np.int64)
        self._totals = np.zeros((0, n_areas + 1))
        self._rows = 0
        self._n_weightless = 0
        self._left_out = np.zeros(len(LEFT_OUT), dtype=np.int64)
        self._rejected = np.zeros(len(REASONS), dtype=np.int64)
        self._bad_rows: list[IntArray] = []
        self._bad_codes: list[AnyArray] = []

    def add(self, batch: PointBatch, area: IntArray, finest: float, radius: str) -> None:
        """Take a batch of points in; ``area`` is the row of each in the areas, or -1."""
        self._refuse(batch)
        self._rows += batch.n_records
        keep = batch.good
        if self._weight is not None:
            self._n_weightless += int((keep & np.isnan(batch.values[self._weight])).sum())
        missing = keep & (np.isnan(batch.x) | np.isnan(batch.y))
        self._left_out[_NO_GEOMETRY] += int(missing.sum())
        keep &= ~missing
        if radius in batch.values:
            with np.errstate(invalid="ignore"):
                vague = keep & (batch.values[radius] > finest)
            self._left_out[_IMPRECISE] += int(vague.sum())
            keep &= ~vague
        outside = keep & (area < 0)
        self._left_out[_OUTSIDE] += int(outside.sum())
        keep &= ~outside
        if self._by is not None and batch.time is not None:
            timeless = keep & np.isnat(batch.time)
            self._left_out[_TIMELESS] += int(timeless.sum())
            keep &= ~timeless
        self._count(batch, area, keep)

    def _count(self, batch: PointBatch, area: IntArray, keep: AnyArray) -> None:
        everything = bool(keep.all())
        chosen = area if everything else area[keep]
        if self._by is not None and batch.time is not None:
            time = batch.time if everything else batch.time[keep]
            place = self._places(time, self._by)
        else:
            place = np.broadcast_to(self._rows_of([0]), chosen.shape)
        if not len(chosen):
            return
        cell = place * (self._n + 1) + (chosen + 1)
        np.add.at(self._counts.reshape(-1), cell, 1)
        if self._weight is not None:
            amount = np.nan_to_num(batch.values[self._weight])
            np.add.at(self._totals.reshape(-1), cell, amount if everything else amount[keep])

    def _places(self, time: AnyArray, by_period: Period) -> IntArray:
        """Row of the block for each instant: there are far fewer days than instants."""
        day = time.astype("datetime64[us]").astype(np.int64) // _DAY_US
        if not len(day):
            return day
        first, last = int(day.min()), int(day.max())
        if last - first < _MOST_DAYS:
            day -= first
            seen = np.flatnonzero(np.bincount(day))
            table = np.zeros(last - first + 1, dtype=np.int64)
            number = period_numbers((seen + first).astype("datetime64[D]"), by_period)
            table[seen] = self._rows_of(number.tolist())
            return table[day]
        seen, inverse = np.unique(day, return_inverse=True)
        number = period_numbers(seen.astype("datetime64[D]"), by_period)
        return self._rows_of(number.tolist())[inverse]

    def _rows_of(self, periods: list[int]) -> IntArray:
        """Row of the block for each period; the block grows where one is new."""
        for one in periods:
            self._slots.setdefault(one, len(self._slots))
        self._grow(len(self._slots))
        return np.array([self._slots[one] for one in periods], dtype=np.int64)

    def _grow(self, n: int) -> None:
        have = len(self._counts)
        if n > have:
            room = max(n, 2 * have)
            counts = np.zeros((room, self._n + 1), dtype=np.int64)
            counts[:have] = self._counts
            self._counts = counts
            if self._weight is not None:
                totals = np.zeros((room, self._n + 1))
                totals[:have] = self._totals
                self._totals = totals

    def _refuse(self, batch: PointBatch) -> None:
        """Count what cannot be used, and remember which rows came first."""
        at = np.flatnonzero(~batch.good)
        if not len(at) and not len(batch.ragged):
            return
        codes = np.concatenate([np.zeros(len(batch.ragged), dtype=np.int64), batch.bad[at]])
        rows = np.concatenate([batch.ragged, batch.rows[at]])
        self._rejected += np.bincount(codes, minlength=len(REASONS))
        order = np.argsort(rows, kind="stable")
        self._bad_rows.append(rows[order])
        self._bad_codes.append(codes[order])
        if len(self._bad_rows) > _EXAMPLES:
            self._shorten()

    def _shorten(self) -> None:
        rows, codes = first_of_each(self._bad_rows, self._bad_codes)
        self._bad_rows, self._bad_codes = [rows], [codes]

    @property
    def n_rows(self) -> int:
        """Rows taken in so far."""
        return self._rows

    def state(self) -> State:
        """All of it as arrays."""
        self._shorten()
        periods = np.array(sorted(self._slots), dtype=np.int64)
        order = np.array([self._slots[p] for p in periods.tolist()], dtype=np.int64)
        weighted = self._weight is not None
        return {
            "periods": periods,
            "counts": self._counts[order, 1:],
            "totals": self._totals[order, 1:] if weighted else np.zeros((0, self._n)),
            "n_rows": np.array([self._rows]),
            "n_weightless": np.array([self._n_weightless]),
            "left_out": self._left_out,
            "rejected": self._rejected,
            "bad_rows": self._bad_rows[0],
            "bad_codes": self._bad_codes[0],
        }


def merge(states: Sequence[State]) -> State:
    """Add neighbouring tallies; rows of the later ones come after those of the earlier."""
    periods = np.unique(np.concatenate([state["periods"] for state in states]))
    n = states[0]["counts"].shape[1]
    weighted = any(len(state["totals"]) for state in states)
    counts = np.zeros((len(periods), n), dtype=np.int64)
    totals = np.zeros((len(periods) if weighted else 0, n))
    rows, codes, before = [], [], 0
    for state in states:
        at = np.searchsorted(periods, state["periods"])
        counts[at] += state["counts"]
        if weighted:
            totals[at] += state["totals"]
        rows.append(state["bad_rows"] + before)
        codes.append(state["bad_codes"])
        before += int(state["n_rows"][0])
    bad_rows, bad_codes = first_of_each(rows, codes)
    return {
        "periods": periods,
        "counts": counts,
        "totals": totals,
        "n_rows": np.array([before]),
        "n_weightless": np.sum([state["n_weightless"] for state in states], axis=0),
        "left_out": np.sum([state["left_out"] for state in states], axis=0),
        "rejected": np.sum([state["rejected"] for state in states], axis=0),
        "bad_rows": bad_rows,
        "bad_codes": bad_codes,
    }


def first_of_each(rows: list[IntArray], codes: list[AnyArray]) -> tuple[IntArray, AnyArray]:
    """Keep the first rows of every reason."""
    every = np.concatenate([np.zeros(0, dtype=np.int64), *rows])
    code = np.concatenate([np.zeros(0, dtype=np.int64), *codes])
    keep = [np.flatnonzero(code == reason)[:_EXAMPLES] for reason in np.unique(code)]
    at = np.sort(np.concatenate([np.zeros(0, dtype=np.int64), *keep]))
    return every[at], code[at]


def by_area_and_period(state: State, by_period: Period) -> tuple[list[str], IntArray, FloatArray]:
    """Names of the periods from the first to the last; counts and totals, areas by periods.

    Raises
    ------
    ParameterError
        Where the periods are so many that a stray date must be among them.
    """
    periods, n = state["periods"], state["counts"].shape[1]
    if not len(periods):
        return [], np.zeros((n, 0), dtype=np.int64), np.zeros((n, 0))
    first, last = int(periods[0]), int(periods[-1])
    if (last - first + 1) * n > _MOST_ROWS:
        ends = [period_names(p, p, by_period)[0] for p in (first, last)]
        raise ParameterError(
            f"times run from {ends[0]} to {ends[1]}, {last - first + 1:,} periods for {n:,} areas; "
            "look for stray dates, or take longer periods"
        )
    names = period_names(first, last, by_period)
    counts = np.zeros((n, len(names)), dtype=np.int64)
    totals = np.zeros((n, len(names)))
    counts[:, periods - first] = state["counts"].T
    if len(state["totals"]):
        totals[:, periods - first] = state["totals"].T
    return names, counts, totals


def rejected_reasons(state: State, reasons: Sequence[str] = REASONS) -> dict[str, int]:
    """Rejected rows by reason, without those that did not occur."""
    counted = zip(reasons, state["rejected"].tolist(), strict=True)
    return {reason: n for reason, n in counted if n}


def rejection(state: State, reasons: Sequence[str] = REASONS) -> tuple[str, list[int]]:
    """Say what was rejected, and which rows came first."""
    counted = rejected_reasons(state, reasons)
    first = [int(row) for row in state["bad_rows"]]
    shown = ", ".join(str(row) for row in first[:3])
    more = ", …" if int(state["rejected"].sum()) > 3 else ""
    told = "; ".join(f"{reason} ({n})" for reason, n in counted.items())
    return f"{sum(counted.values())} rows that cannot be used: {told}; rows {shown}{more}", first


def rejection_error(state: State) -> Exception:
    """Build the error for rejected rows: of the kind that befits what was found."""
    told, rows = rejection(state)
    found = set(np.flatnonzero(state["rejected"]).tolist())
    if found == {BAD_WEIGHT}:
        return ParameterError(
            f"weights are negative or infinite in {int(state['rejected'].sum())} rows from row "
            f"{rows[0]} on; give amounts of 0 or more"
        )
    kind: type[LayerError] = CoordinateError if IMPOSSIBLE in found else RejectedRowsError
    how: dict[str, Any] = {
        "found": told,
        "expected": "numbers, instants in ISO 8601, and places on Earth",
        "repair": "Look for swapped axes, or name the CRS. To go on without these rows: "
        'on_invalid="warn", rejects="rejects.csv".',
    }
    error = kind("points", **how)
    error.rows = list(rows)
    return error
