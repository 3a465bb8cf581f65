"""Columns of numbers and dates that enter an analysis, read once at the door."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Number

import numpy as np
import pandas as pd

from geocn._typing import BoolArray, FloatArray
from geocn.errors import DateError, SchemaError


def read_numbers(
    frame: pd.DataFrame, name: str, layer: str, *, expected: str = "numbers"
) -> tuple[FloatArray, BoolArray]:
    """Read a column as float64, NaN where null, and say which values are no numbers.

    Dates and complex numbers are refused: as float64 they would be other numbers.

    Raises
    ------
    SchemaError
        Where the column is missing, stands twice, or holds dates or complex numbers.

    Examples
    --------
    >>> import pandas as pd
    >>> values, unread = read_numbers(pd.DataFrame({"n": [1, None, "many"]}), "n", "demand")
    >>> values.tolist(), unread.tolist()
    ([1.0, nan, nan], [False, False, True])
    """
    if name not in frame:
        raise SchemaError(
            layer,
            found=f"no column {name!r}",
            expected=f"{expected}; there are {', '.join(map(str, frame.columns))}",
            repair="Name the column that holds it.",
        )
    column = _single(frame, name, layer)
    if column.dtype.kind in "cmM":
        raise SchemaError(layer, found=f"column {name!r} of type {column.dtype}", expected=expected)
    numbers = pd.to_numeric(column, errors="coerce")
    values: FloatArray = np.array(numbers.to_numpy(dtype=np.float64, na_value=np.nan))
    return values, np.asarray(np.isnan(values) & column.notna().to_numpy())


def read_instants(frame: pd.DataFrame, name: str, layer: str) -> pd.Series:
    """Read a column as instants in UTC, NaT where null or where there is no such column.

    Text has to be ISO 8601: 05/03/2024 is one day in March or another in May. What has no
    time zone is taken as UTC.

    Raises
    ------
    SchemaError
        Where the column stands twice.
    DateError
        Where a value is a number, or text that is no ISO date.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"starts_on": ["2024-03-05", None, "2024-03-05T23:00-05:00"]})
    >>> read_instants(frame, "starts_on", "interventions").dropna().astype("str").tolist()
    ['2024-03-05 00:00:00+00:00', '2024-03-06 04:00:00+00:00']
    """
    if name not in frame:
        return pd.Series(pd.NaT, index=frame.index, dtype="datetime64[us, UTC]")
    column = _single(frame, name, layer)
    known = column.notna().to_numpy()
    if column.dtype.kind == "M" or not known.any():
        unread = np.zeros(len(frame), dtype=bool)
    else:
        unread = known & np.array([isinstance(value, Number) for value in column], dtype=bool)
    try:
        instants = pd.to_datetime(column.where(~unread), utc=True, format="ISO8601")
    except (TypeError, ValueError):
        read = pd.to_datetime(column.astype("str"), utc=True, format="ISO8601", errors="coerce")
        unread |= known & read.isna().to_numpy()
    if unread.any():
        raise DateError(
            layer,
            found=f"{name} such as {column[unread].iloc[0]!r}",
            expected="dates, or ISO dates as text such as 2025-12-31",
            repair="Read the file with geocn, which asks for the order of day and month.",
            rows=list(frame.index[unread]),
        )
    result: pd.Series = instants.astype("datetime64[us, UTC]")
    return result


def refuse_taken(frame: pd.DataFrame, names: Sequence[str], layer: str) -> None:
    """Refuse a frame that already has a column named as one of the result's.

    Raises
    ------
    SchemaError
        Naming all of them.
    """
    taken = [name for name in names if name in frame]
    if taken:
        raise SchemaError(
            layer,
            found=f"columns {', '.join(taken)}",
            expected="no column named as a result",
            repair="Rename or drop them.",
        )


def _single(frame: pd.DataFrame, name: str, layer: str) -> pd.Series:
    if list(frame.columns).count(name) > 1:
        raise SchemaError(
            layer,
            found=f"{list(frame.columns).count(name)} columns {name!r}",
            expected="one of each name",
            repair="Rename or drop all but one.",
        )
    return frame[name]
