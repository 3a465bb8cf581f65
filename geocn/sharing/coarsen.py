"""Dates, numbers and ages made coarser or held back."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd

from geocn._typing import BoolArray
from geocn.errors import ParameterError

_COARSENESS = ("time", "day", "month", "quarter", "year")
# Analyses know no quarter: a date known to the quarter counts as known to the year.
_SAID = {"month": "month", "quarter": "year", "year": "year"}
_PERIOD = {"month": "M", "quarter": "Q", "year": "Y"}
_END = {"day": pd.Timedelta(days=1), "month": pd.DateOffset(months=1)}
_YEAR = pd.DateOffset(years=1)


def date_columns(frame: pd.DataFrame) -> list[str]:
    """Return the columns that hold dates."""
    return [str(name) for name in frame if pd.api.types.is_datetime64_any_dtype(frame[name])]


def coarsen_dates(frame: pd.DataFrame, *, time: str) -> pd.DataFrame:
    """Let every date be the first day of its month, quarter or year (UTC).

    Parameters
    ----------
    frame : DataFrame
    time : {"month", "quarter", "year"}

    Returns
    -------
    DataFrame
        A copy; ``date_precision`` becomes "month" or "year" where it was finer. A quarter
        counts as "year", the next word that analyses know.

    Raises
    ------
    ParameterError
        Where ``time`` is none of the three.

    Example
    -------
    >>> frame = pd.DataFrame({"seized_at": pd.to_datetime(["2025-05-14 10:30"], utc=True)})
    >>> coarsen_dates(frame, time="quarter").astype("str").values.tolist()
    [['2025-04-01 00:00:00+00:00', 'year']]
    """
    if time not in _PERIOD:
        raise ParameterError(f"time={time!r}; choose one of {', '.join(_PERIOD)}")
    result = frame.copy()
    for name in date_columns(frame):
        result[name] = _floored(frame[name], time)
    word = _SAID[time]
    if "date_precision" in result:
        finer = result["date_precision"].isin(_COARSENESS[: _COARSENESS.index(word)])
        unknown = result["date_precision"].isna()
        result["date_precision"] = result["date_precision"].mask(finer | unknown, word)
    elif date_columns(frame):
        result["date_precision"] = pd.Series(word, index=result.index, dtype="str")
    return result


def _floored(values: pd.Series, time: str) -> pd.Series:
    months = {"month": 1, "quarter": 3, "year": 12}[time]
    naive = values.dt.tz_convert("UTC").dt.tz_localize(None) if values.dt.tz else values
    month = (naive.dt.month - 1) // months * months + 1
    parts = pd.DataFrame({"year": naive.dt.year, "month": month, "day": 1})
    floored = pd.to_datetime(parts[naive.notna()].astype("int64")).reindex(values.index)
    localised = floored.dt.tz_localize("UTC") if values.dt.tz else floored
    result: pd.Series = localised.astype(values.dtype)
    return result


def round_numbers(frame: pd.DataFrame, steps: Mapping[str, float]) -> pd.DataFrame:
    """Round columns to multiples of a step; done twice, it gives the same.

    Parameters
    ----------
    frame : DataFrame
    steps : mapping of str to float
        Step by column; columns that the frame lacks are passed over.

    Raises
    ------
    ParameterError
        Where a step is not positive, or a column holds no numbers.

    Example
    -------
    >>> frame = pd.DataFrame({"weight_kg": [12.3, 0.4]})
    >>> round_numbers(frame, {"weight_kg": 5})["weight_kg"].tolist()
    [10.0, 0.0]
    """
    result = frame.copy()
    for name, step in steps.items():
        if not (np.isfinite(step) and step > 0):
            raise ParameterError(f"round_to: {name} = {step}: a step is a positive number")
        if name not in frame:
            continue
        if not pd.api.types.is_numeric_dtype(frame[name]):
            raise ParameterError(f"round_to: {name} holds no numbers")
        result[name] = _rounded(frame[name], float(step))
    return result


def _rounded(values: pd.Series, step: float) -> pd.Series:
    exponent = Decimal(repr(step)).normalize().as_tuple().exponent
    digits = max(0, -int(exponent))
    number = values.to_numpy(dtype=float, na_value=np.nan)
    rounded = np.round(np.round(number / step) * step, digits)
    whole = pd.api.types.is_integer_dtype(values.dtype) and step == round(step)
    return pd.Series(rounded, index=values.index).astype(values.dtype if whole else "float64")


def old_enough(frame: pd.DataFrame, *, min_age_days: int, as_of: Any) -> BoolArray:
    """Say which rows lie at least so many days before the cut-off, by their last date.

    A date known to a month or year counts from its end, a survey ``year`` from its last
    day. Rows without any date are not old enough: nobody knows their age.

    Parameters
    ----------
    frame : DataFrame
    min_age_days : int
    as_of : date or str
        Information cut-off.

    Example
    -------
    >>> frame = pd.DataFrame({"seized_at": pd.to_datetime(["2025-05-14", "2025-01-01"], utc=True)})
    >>> old_enough(frame, min_age_days=90, as_of="2025-06-30").tolist()
    [False, True]
    """
    limit = pd.Timestamp(as_of, tz="UTC") + pd.Timedelta(days=1 - min_age_days)
    last = pd.Series(pd.NaT, index=frame.index, dtype="datetime64[us, UTC]")
    precision = frame.get("date_precision")
    for name in date_columns(frame):
        values = frame[name] if frame[name].dt.tz else frame[name].dt.tz_localize("UTC")
        end = values.astype("datetime64[us, UTC]")
        if precision is not None:
            for word in ("day", "month", "year"):
                found = precision.eq(word).fillna(value=False).astype(bool)
                length: Any = _END.get(word, _YEAR)
                end = end.mask(found, end + length)
        last = last.where(last >= end, end).where(end.notna(), last)
    if "year" in frame:
        following = pd.to_datetime(
            (pd.to_numeric(frame["year"]) + 1).astype("Int64").astype("str") + "-01-01",
            utc=True,
            errors="coerce",
        ).astype("datetime64[us, UTC]")
        last = last.where(last >= following, following).where(following.notna(), last)
    told: BoolArray = (last <= limit).to_numpy(dtype=bool)
    return told
