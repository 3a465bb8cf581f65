"""Columns of a layer on their way into a map: numbers, days and repeated texts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from geocn._typing import AnyArray, FloatArray, IntArray
from geocn.io.packed import EXACT, Pack, whole_numbers
from geocn.io.packed_integers import bits_of
from geocn.io.packed_texts import numbered
from geocn.maps._text import are_plain, plain_text

NO_DAY = -(2**31)
#: Fewer different texts than this are held as a list, whatever they look like.
_FEW_TEXTS = 256


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
    codes, levels = text_levels(values)
    found: list[str | None] = np.array([*levels, None], dtype=object)[codes].tolist()
    return found


def text_levels(values: pd.Series) -> tuple[IntArray, list[str]]:
    """Return a column as codes into its texts, in order of first appearance; -1 for none."""
    raw = values.astype(object).to_numpy()
    if values.dtype == object and pd.api.types.infer_dtype(values, skipna=True) != "string":
        # 1, 1.0 and True are one key of a table, and sets are none
        raw = np.array([_text(value) for value in raw], dtype=object)
    codes, found = pd.factorize(raw)
    if are_plain(found):
        return codes, list(found)
    told = np.array([_text(value) for value in found], dtype=object)
    again, levels = pd.factorize(told)
    return np.append(again, -1)[codes], list(levels)


def _text(value: Any) -> str | None:
    if isinstance(value, (list, tuple, set, frozenset, np.ndarray)):
        return joined(value) or None
    missing = value is None or value is pd.NaT or pd.isna(value)
    return None if missing else plain_text(value) or None


def joined(values: Iterable[Any]) -> str:
    """Return several values as one text in a stable order."""
    return plain_text(", ".join(sorted({plain_text(value) for value in values})))


@dataclass(frozen=True)
class Column:
    """A column made ready: its kind, its values as numbers, and what stands beside them.

    ``kind`` is ``number`` (NaN where missing), ``day`` (``NO_DAY``), ``text`` (codes into
    ``extra["l"]``, the last code for none) or ``count``: numbered texts (NaN where missing)
    whose form :mod:`geocn.io.packed_texts` tells.
    """

    kind: str
    values: AnyArray
    extra: dict[str, Any] = field(default_factory=dict)

    def bits(self, order: IntArray | None) -> float:
        """Return about how many bits the values need in this order of rows."""
        values = self.values if order is None else self.values[order]
        if self.kind in {"number", "count"}:
            found = whole_numbers(values[np.isfinite(values)])
            return 0.0 if found is None else bits_of(found[0])
        return bits_of(values[values != NO_DAY])

    def put(self, pack: Pack, order: IntArray | None = None) -> dict[str, Any]:
        """Put the column into ``pack`` and return its description for the header."""
        values = self.values if order is None else self.values[order]
        if self.kind in {"number", "count"}:
            ref = pack.numbers(values)
        elif self.kind == "day":
            ref = pack.days(values, NO_DAY)
        else:
            ref = pack.codes(values, len(self.extra["l"]) + 1)
        return {"k": self.kind, "a": ref, **self.extra}


def column_of(values: pd.Series) -> Column:
    """Return a column made ready for a block; whole numbers beyond 2^53 become texts."""
    kind = kind_of(values)
    if kind == "number" and not _too_large(values):
        return Column("number", numbers(values))
    if kind == "day":
        return Column("day", days(values))
    codes, levels = text_levels(values)
    counted = numbered(levels) if len(levels) > _FEW_TEXTS else None
    if counted is not None:
        counts, extra = counted
        return Column("count", np.append(counts, np.nan)[codes], extra)
    return Column("text", np.where(codes < 0, len(levels), codes), {"l": levels})


def encode_column(values: pd.Series, pack: Pack) -> dict[str, Any]:
    """Put a column into ``pack`` and return its description for the header."""
    return column_of(values).put(pack)


def _too_large(values: pd.Series) -> bool:
    """Say whether a column holds whole numbers that a float64 cannot tell apart."""
    known = values.dropna()
    if pd.api.types.is_integer_dtype(values.dtype):
        return bool(len(known) and (known.max() > EXACT or known.min() < -EXACT))
    if values.dtype != object or pd.api.types.infer_dtype(known) != "integer":
        return False
    return any(abs(int(value)) > EXACT for value in known)
