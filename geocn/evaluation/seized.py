"""What was seized, by drug and period: each seizure once, pure weight apart from bulk."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import pandas as pd

from geocn._typing import AnyArray, BoolArray, FloatArray
from geocn.errors import ParameterError
from geocn.evaluation.columns import amounts, refuse, require_columns
from geocn.evaluation.periods import read_spans, time_column
from geocn.evaluation.uncertain import Quantity, Uncertain, read_quantity

Key: TypeAlias = tuple[str, str]
#: numpy units of the periods.
UNITS = {"year": "M8[Y]", "quarter": "M8[3M]", "month": "M8[M]"}
#: Columns whose groups report one event, in the order in which they are looked for.
_GROUPS = ("operation_id", "duplicate_group")


@dataclass(frozen=True, slots=True)
class Mass:
    """Kilograms of one drug and period: ``fixed_kg`` as they are, ``bulk_kg`` times purity."""

    n: int
    fixed_kg: float
    bulk_kg: float
    purity: Uncertain | None
    is_adjusted: bool

    def weight(self, share: FloatArray) -> FloatArray:
        """Kilograms at a quantile of the purity."""
        if self.purity is None:
            return np.full(np.shape(share), self.fixed_kg + self.bulk_kg)
        return self.fixed_kg + self.bulk_kg * self.purity.quantile(share)


@dataclass(frozen=True, slots=True)
class Seized:
    """All of it by (drug, period), with what was left out and what was counted once."""

    groups: dict[Key, Mass]
    drugs: tuple[str, ...]
    periods: tuple[str, ...]
    time: str | None
    once: str | None
    left_out: dict[str, float]
    counted_once: dict[str, float]

    def of(self, key: Key) -> Mass:
        """Return the mass of a drug and period; nothing where there is none."""
        return self.groups.get(key, Mass(0, 0.0, 0.0, None, is_adjusted=True))


def seized_weights(
    seizures: pd.DataFrame | float,
    *,
    weight: str,
    drug: str | None,
    time: str | None,
    period: str | None,
    once: str | None,
    purity: str | Quantity | Mapping[Any, Quantity] | None,
) -> Seized:
    """Add up seizures by drug and period.

    Raises
    ------
    SchemaError, LayerError, DateError, ParameterError
        See :func:`geocn.evaluation.interdiction_rate`.
    """
    if period is not None and period not in UNITS:
        raise ParameterError(f"period {period!r}; choose one of {', '.join(UNITS)}")
    if not isinstance(seizures, pd.DataFrame):
        return _total(seizures, purity, period)
    kilograms = amounts(seizures, weight, "seizures")
    names = _drugs(seizures, drug)
    labels, column = period_labels(seizures, time, period)
    usable = ~np.isnan(kilograms) & ~pd.isna(labels)
    unnamed = pd.isna(names)
    counted = usable & ~unnamed
    kept, once = each_once(seizures, kilograms, counted, once, ties=(names, labels))
    column_of = purity if isinstance(purity, str) else None
    tested = _tested(seizures, column_of)
    found: dict[Key, Mass] = {}
    table = pd.DataFrame({"drug": names, "period": labels})[kept]
    for group, rows in table.groupby(["drug", "period"]).indices.items():
        key = (str(group[0]), str(group[1])) if isinstance(group, tuple) else ("", "")
        mine = np.flatnonzero(kept)[rows]
        others = tested[(names == key[0]) & ~np.isnan(tested)]
        found[key] = _mass(key[0], kilograms[mine], tested[mine], others=others, purity=purity)
    drugs = tuple(dict.fromkeys(key[0] for key in found))
    return Seized(
        groups=found,
        drugs=drugs,
        periods=tuple(sorted({key[1] for key in found})) or (("",) if period is None else ()),
        time=column,
        once=once,
        left_out={
            "no_weight": int(np.isnan(kilograms).sum()),
            "no_drug": int((~np.isnan(kilograms) & unnamed).sum()),
            "no_period": int((~np.isnan(kilograms) & ~unnamed & pd.isna(labels)).sum()),
            "kg_without_drug_or_period": float(np.nansum(kilograms[~counted])),
        },
        counted_once={
            "rows_set_aside": int((counted & ~kept).sum()),
            "kg_set_aside": float(kilograms[counted & ~kept].sum()),
        },
    )


def _total(seizures: float, purity: Any, period: str | None) -> Seized:
    kilograms = float(seizures)
    if not 0 <= kilograms < np.inf or period is not None or isinstance(purity, (str, Mapping)):
        raise ParameterError(
            f"seizures is {seizures!r}: a total is 0 or more kilograms of one drug, of one period "
            "and with one purity"
        )
    read = None if purity is None else read_quantity(purity, "purity", most=1.0)
    mass = Mass(1, 0.0, kilograms, read, is_adjusted=read is not None)
    return Seized({("", ""): mass}, ("",), ("",), None, None, {}, {})


def _drugs(seizures: pd.DataFrame, drug: str | None) -> AnyArray:
    if drug is None:
        return np.full(len(seizures), "", dtype=object)
    require_columns(seizures, [drug], "seizures")
    return seizures[drug].to_numpy(dtype=object)


def period_labels(
    frame: pd.DataFrame, time: str | None, period: str | None
) -> tuple[AnyArray, str | None]:
    """Label of the period of each row, null where it is not known well enough; and the column.

    Raises
    ------
    SchemaError, DateError
        Where a column of time is missing or cannot be read.
    """
    labels = np.full(len(frame), None, dtype=object)
    if period is None:
        labels[:] = ""
        return labels, time
    column = time_column(frame, time, "seizures")
    spans = read_spans(frame, column, "seizures")
    last = spans.end - np.timedelta64(1, "us")
    unit = UNITS[period]
    sure = ~np.isnat(spans.start) & (spans.start.astype(unit) == last.astype(unit))
    frequency = {"year": "Y", "quarter": "Q", "month": "M"}[period]
    # Few periods, many rows: each is written once.
    starts, place = np.unique(spans.start[sure].astype(unit), return_inverse=True)
    stamps = pd.DatetimeIndex(starts.astype("M8[us]")).to_period(frequency)
    labels[sure] = np.array([str(stamp) for stamp in stamps], dtype=object)[place]
    return labels, column


def each_once(
    frame: pd.DataFrame,
    kilograms: FloatArray,
    usable: BoolArray,
    once: str | None,
    *,
    ties: tuple[AnyArray, ...],
) -> tuple[BoolArray, str | None]:
    """Rows that count: of each group that reports one event the heaviest, of ties by ``ties``.

    Raises
    ------
    SchemaError
        Where the column of groups is missing.
    """
    if once == "auto":
        once = next((name for name in _GROUPS if name in frame and frame[name].notna().any()), None)
    if once is None:
        return usable.copy(), None
    require_columns(frame, [once], "seizures")
    grouped = usable & frame[once].notna().to_numpy()
    rows = np.flatnonzero(grouped)
    keys = [part[rows].astype(str) for part in ties]
    order = rows[np.lexsort((*keys, -kilograms[rows]))]
    first = ~pd.Series(frame[once].to_numpy(dtype=object)[order]).duplicated().to_numpy()
    kept = usable & ~grouped
    kept[order[first]] = True
    return kept, once


def _tested(seizures: pd.DataFrame, column: str | None) -> FloatArray:
    """Purity of each row where it was measured."""
    if column is None:
        return np.full(len(seizures), np.nan)
    values = amounts(seizures, column, "seizures")
    refuse(
        seizures,
        (values <= 0) | (values > 1),
        "seizures",
        found=f"{column} beyond a share",
        expected="purity above 0 and up to 1, or null (divide per cent by 100)",
    )
    return values


def _mass(
    drug: str,
    own: FloatArray,
    tested: FloatArray,
    *,
    others: FloatArray,
    purity: str | Quantity | Mapping[Any, Quantity] | None,
) -> Mass:
    """Mass of one drug and period from its rows; ``others`` are all purities of the drug."""
    n = len(own)
    if purity is None:
        return Mass(n, 0.0, float(own.sum()), None, is_adjusted=False)
    if isinstance(purity, str):
        known = ~np.isnan(tested)
        fixed, bulk = float((own[known] * tested[known]).sum()), float(own[~known].sum())
        if bulk and not len(others):
            return Mass(n, 0.0, bulk, None, is_adjusted=False)
        read = read_quantity(others, "purity", most=1.0) if bulk else None
        return Mass(n, fixed, bulk, read, is_adjusted=True)
    given = purity.get(drug) if isinstance(purity, Mapping) else purity
    read = None if given is None else read_quantity(given, "purity", most=1.0)
    return Mass(n, 0.0, float(own.sum()), read, is_adjusted=read is not None)
