"""Which interventions were active on a day, or for what share of a period."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TypeAlias

import geopandas as gpd
import numpy as np
import pandas as pd

from geocn._typing import BoolArray, FloatArray
from geocn.errors import ParameterError
from geocn.spatial.columns import read_instants

Day: TypeAlias = str | date | pd.Timestamp
_NOT_WORKING = ("planned", "suspended", "ended")


@dataclass(frozen=True)
class Active:
    """One entry a row: whether it was active, has no dates, and the share of days it was."""

    rows: BoolArray
    undated: BoolArray
    share: FloatArray


def find_active(
    interventions: gpd.GeoDataFrame, as_of: Day | None, period: tuple[Day, Day] | None
) -> Active:
    """Find what was active on a day or in a period, both of whose ends count.

    A row without a first or last day is taken to have begun before, or to go on.

    Raises
    ------
    ParameterError
        Where a date cannot be read, both are given, or the period ends before it begins.
    DateError
        Where dates of rows cannot be read.
    """
    n = len(interventions)
    if as_of is not None and period is not None:
        raise ParameterError("give as_of or period, not both: a day or a span of days")
    starts, ends = (
        read_instants(interventions, name, "interventions").dt.normalize()
        for name in ("starts_on", "ends_on")
    )
    undated = (starts.isna() & ends.isna()).to_numpy()
    if as_of is None and period is None:
        return Active(np.ones(n, dtype=bool), undated, np.ones(n))
    first, last = (_day(as_of, "as_of"),) * 2 if period is None else _span(period)
    begun = starts.where(starts > first, first)
    over = ends.where(ends < last, last)
    days = ((over - begun).dt.days + 1).to_numpy(dtype=np.float64)
    active = days > 0
    if "status" in interventions:
        status = interventions["status"].astype("str").to_numpy()
        active &= status != "suspended"
        active &= ~(undated & np.isin(status, _NOT_WORKING))
        active &= ~((status == "ended") & ends.isna().to_numpy())
        active &= ~((status == "planned") & starts.isna().to_numpy())
    share = np.where(active, days / ((last - first).days + 1), 0.0)
    return Active(active, undated, share)


def _span(period: tuple[Day, Day]) -> tuple[pd.Timestamp, pd.Timestamp]:
    if isinstance(period, str) or not hasattr(period, "__len__") or len(period) != 2:
        raise ParameterError(f"period is {period!r}; give its first and its last day")
    first, last = (_day(day, "period") for day in period)
    if last < first:
        raise ParameterError(f"period ends on {last.date()}, before it begins on {first.date()}")
    return first, last


def _day(value: Day | None, name: str) -> pd.Timestamp:
    try:
        day = pd.Timestamp(value)  # type: ignore[arg-type]
    except (TypeError, ValueError) as error:
        raise ParameterError(f"{name} is {value!r}; give a date such as '2025-12-31'") from error
    if pd.isna(day):
        raise ParameterError(f"{name} is {value!r}; give a date such as '2025-12-31'")
    return (day.tz_localize("UTC") if day.tzinfo is None else day.tz_convert("UTC")).normalize()
