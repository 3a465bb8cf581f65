"""Records of loosely typed values (JSON, XML, cells) to columns with one type each."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

import numpy as np
import pandas as pd

from geocn.errors import SchemaError

_INT64 = 1 << 63
#: Beyond this, a float cannot tell neighbouring integers apart.
_EXACT_FLOAT = 1 << 53


def columns_of(records: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Turn records into a frame; columns stand in the order in which they first appear.

    A column is boolean, Int64, float64, datetime64 or text. Values of several kinds become
    text in a stable spelling; integers beyond 64 bits, or beside fractions and beyond what a
    float can hold, become text and keep all their digits.
    """
    names = dict.fromkeys(key for record in records for key in record)
    columns = {whole(name): typed([record.get(name) for record in records]) for name in names}
    return pd.DataFrame(columns, index=pd.RangeIndex(len(records)))


def typed(values: Sequence[Any]) -> pd.Series:
    """Return values of one column as a series of one type (see :func:`columns_of`)."""
    kinds = {type(value) for value in values if value is not None}
    if not kinds or kinds == {str}:
        return pd.Series([text_of(value) for value in values], dtype="str")
    if kinds == {bool}:
        return pd.Series(values, dtype="boolean")
    if kinds == {int} and all(-_INT64 <= value < _INT64 for value in values if value is not None):
        return pd.Series(values, dtype="Int64")
    if kinds <= {int, float} and _fit_float(values):
        numbers = [np.nan if value is None else float(value) for value in values]
        return pd.Series(numbers, dtype="float64")
    if kinds <= {date, datetime}:
        return _dates(values)
    return pd.Series([text_of(value) for value in values], dtype="str")


def text_of(value: Any) -> str | None:
    """Return one value in a stable spelling: no trailing ``.0``, ISO dates, compact JSON."""
    if value is None:
        return None
    if isinstance(value, str):
        return whole(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < _EXACT_FLOAT else repr(value)
    if isinstance(value, (list, dict)):
        compact = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        return whole(compact)
    if hasattr(value, "isoformat"):
        return str(value.isoformat())
    return str(value)


def whole(text: str) -> str:
    r"""Return ``text`` with "?" for halves of a surrogate pair, which no file can hold.

    Examples
    --------
    >>> whole("caf\u00e9"), whole("a\ud800b")
    ('café', 'a?b')
    """
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")


def _fit_float(values: Sequence[Any]) -> bool:
    return all(abs(value) <= _EXACT_FLOAT for value in values if isinstance(value, int))


def _dates(values: Sequence[Any]) -> pd.Series:
    """Return dates as datetime64; with and without a time zone they cannot share a column."""
    aware = {getattr(value, "tzinfo", None) is not None for value in values if value is not None}
    if aware == {True}:
        utc = pd.to_datetime(pd.Series(list(values), dtype="object"), utc=True)
        return utc.astype("datetime64[us, UTC]")
    if aware == {False}:
        return pd.Series(np.array(list(values), dtype="datetime64[us]"))
    return pd.Series([text_of(value) for value in values], dtype="str")


def check_columns(columns: Sequence[str], name: str) -> None:
    """Refuse a table in which two columns have one name.

    Raises
    ------
    SchemaError
        With the names and the positions, counted from 1.
    """
    twice = [column for column, n in Counter(columns).items() if n > 1]
    if twice:
        found = [(column, [i for i, c in enumerate(columns, 1) if c == column]) for column in twice]
        where = "; ".join(f"{c!r} as columns {', '.join(map(str, at))}" for c, at in found)
        raise SchemaError(
            name,
            found=where,
            expected="every column to have its own name",
            repair="Rename the columns in the file.",
        )
