"""Rejected rows: written whole with their reasons, counted in a warning, or raised."""

from __future__ import annotations

import csv
import re
import warnings
from collections import Counter
from typing import Any, Literal

import numpy as np
import pandas as pd

from geocn._typing import StrPath
from geocn.errors import (
    AssumptionWarning,
    ParameterError,
    RejectedRowsError,
    RejectedRowsWarning,
)
from geocn.io.atomic import atomic_file
from geocn.layers.draft import Draft, as_text

OnInvalid = Literal["warn", "raise"]
#: Columns put before the file's own in a rejects CSV.
REJECT_COLUMNS = ("geocn_row", "geocn_reason")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_NUMBER = re.compile(r"[+-]?\s?[\d.,]+(?:[eE][+-]?\d+)?$")
_SHOWN_REASONS = 4


def check_on_invalid(on_invalid: str) -> None:
    """Refuse anything but "warn" and "raise"."""
    if on_invalid not in ("warn", "raise"):
        message = f"on_invalid is {on_invalid!r}; choose 'warn' or 'raise'"
        raise ParameterError(message)


def count_reasons(draft: Draft) -> dict[str, int]:
    """Return the number of rejected rows by their first reason, most frequent first."""
    counted = Counter(reason for reason in draft.category if reason is not None)
    return dict(sorted(counted.items(), key=lambda item: (-item[1], item[0])))


def rejected_rows(draft: Draft) -> pd.DataFrame:
    """Return the rejected rows as the file holds them, with line number and reasons."""
    rows = np.flatnonzero(draft.rejected)
    table = {
        REJECT_COLUMNS[0]: pd.Series([draft.raw.line_of(int(r)) for r in rows], dtype="int64"),
        REJECT_COLUMNS[1]: pd.Series([draft.reasons[r] for r in rows], dtype="str"),
    }
    for name in draft.raw.frame.columns:
        values = draft.raw.frame[name].iloc[rows]
        text = values.to_wkt() if name == "geometry" else _as_given(values)
        table[str(name)] = text.reset_index(drop=True)
    return pd.DataFrame(table)


def report_rejects(draft: Draft, *, on_invalid: str, rejects: StrPath | None) -> None:
    """Write the rejected rows to ``rejects`` and warn of them, or raise.

    Raises
    ------
    RejectedRowsError
        Where ``on_invalid`` is "raise" and any row is rejected; the CSV is written first.
    """
    if rejects is not None:
        _write(rejected_rows(draft), rejects)
    for sentence in draft.assumptions:
        warnings.warn(f"{draft.raw.path.name}: {sentence}", AssumptionWarning, stacklevel=5)
    rows = np.flatnonzero(draft.rejected)
    if not len(rows):
        return
    lines = [f"line {draft.raw.line_of(int(row))}" for row in rows]
    counts = count_reasons(draft)
    shown = [f"{reason} ({n})" for reason, n in list(counts.items())[:_SHOWN_REASONS]]
    more = f" and {len(counts) - len(shown)} more reasons" if len(counts) > len(shown) else ""
    found = f"{len(rows)} of {draft.n_rows} rows that cannot be used: {'; '.join(shown)}{more}"
    where = f"{draft.layer} ({draft.raw.path.name})"
    if on_invalid == "raise":
        raise RejectedRowsError(
            where,
            rows=lines,
            found=found,
            expected="rows that can all be read",
            repair="Correct them, or read with on_invalid='warn' and rejects='rejects.csv'.",
        )
    kept = f" They are in {rejects}." if rejects is not None else " rejects= keeps them in a CSV."
    first = ", ".join(lines[:3])
    warnings.warn(f"{where}: {found}; {first} ….{kept}", RejectedRowsWarning, stacklevel=5)


def defuse(text: Any) -> Any:
    """Keep a spreadsheet from running a text as a formula; plain numbers stay.

    Examples
    --------
    >>> defuse("=1+1"), defuse("-3.5"), defuse("Cali")
    ("'=1+1", '-3.5', 'Cali')
    """
    if not isinstance(text, str) or not text.startswith(_FORMULA):
        return text
    return text if _NUMBER.match(text) else f"'{text}"


def _as_given(values: pd.Series) -> pd.Series:
    if isinstance(values.dtype, pd.StringDtype):
        return values
    return as_text(values)


def _write(table: pd.DataFrame, path: StrPath) -> None:
    with (
        atomic_file(path) as temporary,
        temporary.open("w", newline="", encoding="utf-8") as stream,
    ):
        writer = csv.writer(stream)
        writer.writerow([defuse(str(name)) for name in table.columns])
        for row in table.itertuples(index=False, name=None):
            writer.writerow(["" if pd.isna(cell) else defuse(cell) for cell in row])
