"""Amounts that carry their unit in the cell: ``12,5 kg``, ``300 g``, ``3 paquetes``."""

from __future__ import annotations

import re
from typing import Final

import pandas as pd

from geocn.harmonise._units import find_unit
from geocn.harmonise.text import map_distinct

__all__ = ["split_units"]

# A unit never holds a digit here: "10 kg 500 g" and "2 x 5 kg" are two amounts, not one.
_AMOUNT: Final = re.compile(r"\s*([+-]?\d(?:[\d.,'\s]*\d)?)\s*([^\W\d_][^\d]*?)\s*")


def split_units(values: pd.Series) -> tuple[pd.Series, pd.Series]:
    """Separate numbers from the units written behind them.

    Parameters
    ----------
    values : Series of str
        Amounts as the file holds them.

    Returns
    -------
    numbers, units : Series of str
        The number's text and the unit's; a cell without a known unit stays whole, with no
        unit. Ranges, bounds and estimates (``10-20 kg``, ``<1``) stay whole too.

    Examples
    --------
    >>> numbers, units = split_units(pd.Series(["12,5 kg", "300 g", "7", "10-20 kg"]))
    >>> numbers.tolist(), units.tolist()
    (['12,5', '300', '7', '10-20 kg'], ['kg', 'g', nan, nan])
    """
    return map_distinct(values, _number), map_distinct(values, _unit)


def _split(text: str) -> tuple[str, str | None]:
    match = _AMOUNT.fullmatch(text)
    if match is None or find_unit(match[2]) is None:
        return text, None
    return match[1], match[2]


def _number(text: str) -> str:
    return _split(text)[0]


def _unit(text: str) -> str | None:
    return _split(text)[1]
