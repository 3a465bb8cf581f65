"""How far each intervention says, or is assumed, to reach: checked, one entry a row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Real
from typing import Any

import geopandas as gpd
import numpy as np

from geocn._typing import BoolArray, FloatArray
from geocn.errors import ParameterError, SchemaError
from geocn.spatial.columns import read_numbers

_FURTHEST_KM = 5000.0
#: Columns of numbers: what they hold, the most they may be, and what to do about it.
_NUMBERS = {
    "reach_km": ("kilometres from 0 (no reach) to 5000, or null", _FURTHEST_KM,
                 "is the reach in metres?"),
    "reach_minutes": ("minutes from 0 (no reach) on, or null", np.inf, "is it a time?"),
    "capacity": ("a capacity of 0 or more, or null", np.inf, "is it unknown? Then leave it empty."),
    "location_precision_m": ("metres from 0 on, or null", np.inf, "is it in metres?"),
}  # fmt: skip


@dataclass(frozen=True)
class Limits:
    """What rows reach: NaN where nothing is said; ``own`` ones before ``assumed`` ones."""

    own_km: FloatArray
    assumed_km: FloatArray
    own_minutes: FloatArray
    assumed_minutes: FloatArray
    precision_m: FloatArray
    capacity: FloatArray

    def of(self, rows: BoolArray) -> Limits:
        """Return those of some rows."""
        return Limits(**{name: values[rows] for name, values in vars(self).items()})


@dataclass(frozen=True)
class Chosen:
    """The limit that counts for each row; NaN where another counts, or none."""

    km: FloatArray
    minutes: FloatArray
    is_own: BoolArray

    @property
    def limited_by(self) -> Any:
        """Whether each limit is reported or assumed, or there is none."""
        known = ~(np.isnan(self.km) & np.isnan(self.minutes))
        return np.where(known, np.where(self.is_own, "reported", "assumed"), "none").astype(object)


def read_limits(
    interventions: gpd.GeoDataFrame,
    distance_km: float | Mapping[str, float] | None,
    minutes: float | Mapping[str, float] | None,
) -> Limits:
    """Read and check all that limits reach.

    Raises
    ------
    ParameterError
        Where an assumed limit is out of range.
    SchemaError
        Names every column with wrong numbers and all rows at fault.
    """
    assumed_km = _assumed(interventions, distance_km, "distance_km", "kilometres", _FURTHEST_KM)
    assumed_minutes = _assumed(interventions, minutes, "minutes", "minutes", np.inf)
    found: dict[str, FloatArray] = {}
    faults: list[SchemaError] = []
    for name in _NUMBERS:
        try:
            found[name] = _own(interventions, name)
        except SchemaError as fault:
            faults.append(fault)
    if len(faults) == 1:
        raise faults[0]
    if faults:
        raise SchemaError(
            "interventions",
            found="; ".join(fault.found for fault in faults),
            expected="; ".join(fault.expected for fault in faults),
            repair="Correct these rows.",
            rows=list(dict.fromkeys(row for fault in faults for row in fault.rows)),
        )
    return Limits(
        found["reach_km"], assumed_km, found["reach_minutes"], assumed_minutes,
        found["location_precision_m"], found["capacity"],
    )  # fmt: skip


def choose(limits: Limits, *, by_time: bool) -> Chosen:
    """Choose the limit of each row: reported ones first, time before distance.

    Parameters
    ----------
    limits : Limits
    by_time : bool
        Whether there is ground on which minutes can be travelled.
    """
    km, minutes = (np.full(len(limits.own_km), np.nan) for _ in range(2))
    is_own = np.zeros(len(km), dtype=bool)
    open_ = np.ones(len(km), dtype=bool)
    for into, values, own in (
        (minutes, limits.own_minutes, True),
        (km, limits.own_km, True),
        (minutes, limits.assumed_minutes, False),
        (km, limits.assumed_km, False),
    ):
        if into is minutes and not by_time:
            continue
        taken = open_ & (values > 0)
        into[taken], is_own[taken] = values[taken], own
        open_ &= ~taken
    return Chosen(km, minutes, is_own)


def _assumed(
    interventions: gpd.GeoDataFrame,
    value: float | Mapping[str, float] | None,
    name: str,
    unit: str,
    most: float,
) -> FloatArray:
    n = len(interventions)
    if value is None:
        return np.full(n, np.nan)
    by_kind = value if isinstance(value, Mapping) else {}
    given = list(by_kind.values()) if by_kind else [value]
    numbers = [one for one in given if isinstance(one, Real)]
    right = [0 < float(one) <= most and float(one) < np.inf for one in numbers]
    if len(numbers) < len(given) or not all(right):
        upto = f" and up to {most:g}" if most < np.inf else ""
        raise ParameterError(
            f"{name} is {value!r}; give {unit} above 0{upto}, or a mapping from kind to them"
        )
    if not by_kind:
        return np.full(n, float(numbers[0]))
    if "kind" not in interventions:
        raise ParameterError(f"{name} is by kind, but interventions have no column kind")
    return np.asarray(interventions["kind"].map(dict(by_kind)), dtype=np.float64)


def _own(interventions: gpd.GeoDataFrame, name: str) -> FloatArray:
    if name not in interventions:
        return np.full(len(interventions), np.nan)
    expected, most, hint = _NUMBERS[name]
    values, unread = read_numbers(interventions, name, "interventions", expected=expected)
    wrong = (values < 0) | (values > most) | np.isinf(values) | unread
    if wrong.any():
        raise SchemaError(
            "interventions",
            found=f"{name} such as {interventions[name][wrong].tolist()[0]!r}",
            expected=expected,
            repair=f"Correct these rows; {hint}",
            rows=list(interventions.index[wrong]),
        )
    return values
