"""Columns that enter an evaluation, checked once at the door."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from geocn._typing import BoolArray, FloatArray
from geocn.errors import LayerError, ParameterError, SchemaError
from geocn.spatial.columns import read_numbers


def require_columns(frame: pd.DataFrame, names: Sequence[str], layer: str) -> None:
    """Refuse a frame that lacks any of ``names``.

    Raises
    ------
    SchemaError
        Naming every column that is missing.
    """
    missing = [name for name in names if name not in frame]
    if missing:
        raise SchemaError(
            layer,
            found=f"no column {', '.join(map(repr, missing))}",
            expected=f"one of {', '.join(map(str, frame.columns))}",
        )


def amounts(frame: pd.DataFrame, name: str, layer: str) -> FloatArray:
    """Return a column of amounts, NaN where null; none may be negative or infinite.

    Raises
    ------
    SchemaError
        Where the column is missing or holds anything but numbers.
    LayerError
        Where an amount is negative or infinite.
    """
    require_columns(frame, [name], layer)
    values, unread = read_numbers(frame, name, layer)
    if unread.any():
        raise SchemaError(
            layer,
            found=f"{name} such as {frame[name][unread].iloc[0]!r}",
            expected="numbers",
            rows=list(frame.index[unread]),
        )
    refuse(
        frame,
        (values < 0) | np.isinf(values),
        layer,
        found=f"negative or infinite {name}",
        expected="0 or more, or null",
    )
    return values


def refuse(frame: pd.DataFrame, bad: BoolArray, layer: str, *, found: str, expected: str) -> None:
    """Raise a LayerError that names the rows where ``bad`` holds, if there are any."""
    if bad.any():
        raise LayerError(layer, found=found, expected=expected, rows=list(frame.index[bad]))


def check_level(confidence: float) -> None:
    """Refuse a level of confidence that is none.

    Raises
    ------
    ParameterError
        Where it does not lie between 0 and 1.
    """
    if not 0 < confidence < 1:
        raise ParameterError(f"confidence is {confidence!r}; give a share such as 0.95")
