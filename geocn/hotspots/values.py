"""Columns that enter an analysis, checked once at the door."""

from __future__ import annotations

import numpy as np
import pandas as pd

from geocn._typing import BoolArray, FloatArray
from geocn.errors import LayerError, SchemaError


def numeric_column(frame: pd.DataFrame, name: str, *, analysis: str) -> FloatArray:
    """Return a column as float64, NaN where it is null.

    Raises
    ------
    SchemaError
        Where the column is missing or holds anything but numbers; the message names the
        ``analysis``.

    Examples
    --------
    >>> import pandas as pd
    >>> numeric_column(pd.DataFrame({"n": [1, 2]}), "n", analysis="local_moran").tolist()
    [1.0, 2.0]
    """
    if name not in frame:
        raise SchemaError(
            analysis,
            found=f"no column {name!r}",
            expected=f"one of {', '.join(map(str, frame.columns))}",
        )
    try:
        return frame[name].to_numpy(dtype=float, na_value=np.nan)
    except (TypeError, ValueError) as error:
        raise SchemaError(
            analysis, found=f"column {name!r} of type {frame[name].dtype}", expected="numbers"
        ) from error


def refuse_rows(
    frame: pd.DataFrame, bad: BoolArray, *, analysis: str, found: str, expected: str
) -> None:
    """Raise a LayerError that names the rows where ``bad`` holds, if there are any."""
    if bad.any():
        raise LayerError(analysis, found=found, expected=expected, rows=list(frame.index[bad]))
