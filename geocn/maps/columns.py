"""Columns of a layer on their way into a map: numbers, days and repeated texts."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

from geocn._typing import FloatArray, IntArray
from geocn.maps._text import plain_text
from geocn.maps.packing import Pack

NO_DAY = -(2**31)
_FLOAT32_SAFE = (1e-30, 1e6)


def numbers(values: pd.Series) -> FloatArray:
    """Return a column as float64, NaN where it is missing, infinite or no number."""
    found = pd.to_numeric(values, errors="coerce")
    result = np.array(found.to_numpy(dtype="float64", na_value=np.nan), dtype=np.float64)
    result[~np.isfinite(result)] = np.nan
    return result


def days(values: pd.Series) -> IntArray:
    """Return dates as days since 1970-01-01 (UTC), ``NO_DAY`` where missing."""
    when = pd.to_datetime(values, errors="coerce", utc=True, format="ISO8601")
    stamps = when.dt.tz_localize(None).to_numpy().astype("datetime64[D]")
    found = stamps.astype("int64")
    return np.where(np.isnat(stamps), NO_DAY, found).astype(np.int64)


def kind_of(values: pd.Series) -> str:
    """Say how a column is carried: ``"number"``, ``"day"`` or ``"text"``."""
    dtype = values.dtype
    if pd.api.types.is_bool_dtype(dtype) or isinstance(dtype, pd.CategoricalDtype):
        return "text"
    if pd.api.types.is_numeric_dtype(dtype):
        return "number"
    if pd.api.types.is_datetime64_any_dtype(dtype):
        return "day"
    inferred = pd.api.types.infer_dtype(values, skipna=True)
    if inferred in {"integer", "floating", "mixed-integer-float", "decimal"}:
        return "number"
    return "day" if inferred in {"datetime", "date", "datetime64"} else "text"


def texts(values: pd.Series) -> list[str | None]:
    """Return a column as bounded plain texts; sets and lists become "a, b"."""
    known: dict[Any, str | None] = {}
    result: list[str | None] = []
    for value in values.astype(object):
        if isinstance(value, (list, tuple, set, frozenset, np.ndarray)):
            result.append(joined(value) or None)
            continue
        if value not in known:
            missing = value is None or value is pd.NaT or pd.isna(value)
            known[value] = None if missing else plain_text(value) or None
        result.append(known[value])
    return result


def joined(values: Iterable[Any]) -> str:
    """Return several values as one text in a stable order."""
    return plain_text(", ".join(sorted({plain_text(value) for value in values})))


def encode_column(values: pd.Series, pack: Pack) -> dict[str, Any]:
    """Put a column into ``pack`` and return its description for the header."""
    kind = kind_of(values)
    if kind == "number":
        return {"k": "number", "a": encode_numbers(numbers(values), pack)}
    if kind == "day":
        return {"k": "day", "a": pack.array(days(values), "i4")}
    return encode_texts(texts(values), pack)


def encode_numbers(values: FloatArray, pack: Pack) -> dict[str, Any]:
    """Put numbers into ``pack``: single precision where that keeps six digits."""
    size = np.abs(values[np.isfinite(values) & (values != 0)])
    low, high = _FLOAT32_SAFE
    narrow = not len(size) or bool(size.min() > low and size.max() < high)
    return pack.array(values, "f4" if narrow else "f8")


def encode_texts(values: list[str | None], pack: Pack) -> dict[str, Any]:
    """Put texts into ``pack`` as codes of their sorted levels; a missing one is the last code."""
    levels = sorted({value for value in values if value is not None})
    code = {value: number for number, value in enumerate(levels)}
    codes = np.array([code.get(v, len(levels)) if v else len(levels) for v in values], dtype="i8")
    return {"k": "text", "l": levels, "a": pack.codes(codes, len(levels) + 1)}
