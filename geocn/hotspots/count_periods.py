"""Periods of UTC calendar time as whole numbers."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pandas as pd

from geocn._typing import AnyArray, IntArray
from geocn.errors import ParameterError

Period = Literal["week", "month", "quarter", "year"]
#: Names of pandas; weeks end on Sunday.
PERIODS = {"week": "W-SUN", "month": "M", "quarter": "Q", "year": "Y"}
# 5 January 1970 was the first Monday: weeks are counted from there.
_MONDAY = 4
_QUARTER = 3
_WEEK = 7


def check_period(by_period: str | None) -> None:
    """Refuse an unknown period.

    Raises
    ------
    ParameterError
    """
    if by_period is not None and by_period not in PERIODS:
        raise ParameterError(f"by_period {by_period!r}; choose one of {', '.join(PERIODS)}")


def period_numbers(moments: AnyArray, by_period: Period) -> IntArray:
    """Find the number of the period of each instant or day; neighbours are one apart.

    Examples
    --------
    >>> period_numbers(np.array(["1970-02-03", "1969-12-31"], "M8[us]"), "month").tolist()
    [1, -1]
    """
    if by_period == "week":
        days = moments.astype("datetime64[D]").astype(np.int64)
        return np.asarray(np.floor_divide(days - _MONDAY, _WEEK))
    if by_period == "year":
        return np.asarray(moments.astype("datetime64[Y]").astype(np.int64))
    months = np.asarray(moments.astype("datetime64[M]").astype(np.int64))
    return months if by_period == "month" else np.asarray(np.floor_divide(months, _QUARTER))


def period_names(first: int, last: int, by_period: Period) -> list[str]:
    """Names of all periods from one number to another, both included.

    Examples
    --------
    >>> period_names(648, 649, "month")
    ['2024-01', '2024-02']
    """
    numbers = np.arange(first, last + 1)
    if by_period == "week":
        begin = (numbers * _WEEK + _MONDAY).astype("datetime64[D]")
    elif by_period == "year":
        begin = numbers.astype("datetime64[Y]")
    else:
        begin = (numbers * (_QUARTER if by_period == "quarter" else 1)).astype("datetime64[M]")
    stamps = pd.DatetimeIndex(begin.astype("datetime64[s]"))
    return [str(period) for period in stamps.to_period(PERIODS[by_period])]
