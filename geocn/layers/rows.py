"""Rows of a table that are no records: empty ones, repeated headers, totals at the foot."""

from __future__ import annotations

import re
from typing import Final

import numpy as np
import pandas as pd

from geocn._typing import BoolArray, ObjectArray
from geocn.harmonise.text import fold
from geocn.layers.draft import Draft

_LABELLED: Final = ("date", "seized_at", "drug", "drug_reported", "country", "admin", "place")
_TOTAL: Final = re.compile(
    r"(?:sub ?totals?|sub ?totales|sub ?totaux|(?:grand |gran |sum |suma )?total(?:es|s)?|totaux"
    r"|suma|soma|somme)"
    r"(?: (?:general|geral|nacional|national|pais|ano|anual|annuel|annual|final|parcial|partiel"
    r"|seized|incautado|incautaciones|kg|(?:19|20)\d\d))*"
)
_MAYBE: Final = r"(?i)\s*(?:sub|total|totaux|grand?\b|sum|som)"


def reject_non_rows(draft: Draft) -> None:
    """Reject rows that hold nothing, repeat the header, or sum up the rows above them.

    Counted as records they would add events without a date and double every sum.
    """
    if not draft.n_rows:
        return
    draft.reject(_empty(draft.raw.frame), "row without any value")
    draft.reject(_repeats_header(draft.raw.frame), "the header repeated")
    label = _totals(draft)
    draft.reject(label.notna().to_numpy(), "row of totals", label.fillna(""))


def _empty(frame: pd.DataFrame) -> BoolArray:
    left = np.arange(len(frame))
    for position in range(frame.shape[1]):
        column = frame.iloc[left, position]
        blank = column.isna().to_numpy(dtype=bool, copy=True)
        if isinstance(column.dtype, pd.StringDtype) and not blank.all():
            blank |= (column.str.strip() == "").fillna(value=False).to_numpy(dtype=bool)
        left = left[blank]
        if not len(left):
            break
    found = np.zeros(len(frame), dtype=bool)
    found[left] = True
    return found


def _repeats_header(frame: pd.DataFrame) -> BoolArray:
    """Find rows whose every filled cell is its column's name, two cells at least."""
    left = np.arange(len(frame))
    equal = np.zeros(len(frame), dtype=np.int64)
    for position, name in enumerate(frame.columns):
        column = frame.iloc[left, position]
        blank = column.isna().to_numpy(dtype=bool, copy=True)
        if isinstance(column.dtype, pd.StringDtype):
            same = (column.str.strip() == str(name)).fillna(value=False).to_numpy(dtype=bool)
            equal[left] += same
            blank |= same
        left = left[blank]
        if not len(left):
            break
    found = np.zeros(len(frame), dtype=bool)
    found[left] = equal[left] >= 2
    return found


def _totals(draft: Draft) -> pd.Series:
    """Return, for rows that are totals, the cell that says so."""
    frame = draft.raw.frame
    labels: ObjectArray = np.full(len(frame), None, dtype=object)
    names = [draft.header.mapping[role] for role in _LABELLED if draft.has(role)]
    first = next((name for name in frame.columns if name != "geometry"), None)
    for name in dict.fromkeys([first, *names]):
        if name is None or not isinstance(frame[name].dtype, pd.StringDtype):
            continue
        column = frame[name]
        maybe = column.str.match(_MAYBE).fillna(value=False).to_numpy(dtype=bool)
        for row in np.flatnonzero(maybe):
            text = str(column.iloc[row])
            if labels[row] is None and _TOTAL.fullmatch(fold(text)):
                labels[row] = text
    return pd.Series(labels, index=frame.index, dtype="str")
