"""Units of quantity: masses become kilograms where that is sure, all else stays as it is.

``data/units.csv`` holds every unit, its kind, factor, spellings in four languages and the
source of the factor. A unit whose mass depends on the country or the trade (arroba, libra,
quintal, maund, …) is known but *unsure*: it gives no weight until the caller says which
is meant, with ``units={"libra": "metric_pound"}``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from geocn._typing import BoolArray, FloatArray, ObjectArray
from geocn.errors import UnitError
from geocn.harmonise._units import Reading, find_unit, known_units, read_unit
from geocn.harmonise.text import distinct, spread, text_series

__all__ = ["UnitResult", "convert_to_kg", "unit_table"]


@dataclass(frozen=True, slots=True)
class UnitResult:
    """What the units of a column turned out to be.

    Attributes
    ----------
    unit : Series of str
        Canonical unit, such as ``"gram"``, ``"tablet"`` or ``"thousand_tablets"``; null
        where none was given or it is unknown.
    kind : Series of str
        ``mass``, ``volume``, ``count``, ``area`` or ``unknown``; null where none was given.
    weight_kg : Series of float64
        Mass in kilograms where the conversion is sure, else NaN.
    problem : Series of str
        Why a stated unit gave no kind, null where there is nothing to say.
    unknown : DataFrame
        ``unit``, ``n_rows``, ``problem`` and ``drug`` (the most frequent one, null where
        drugs were not given) of the units without a kind, most frequent first.
    """

    unit: pd.Series
    kind: pd.Series
    weight_kg: pd.Series
    problem: pd.Series
    unknown: pd.DataFrame


def unit_table() -> pd.DataFrame:
    """Return the known units: ``unit, kind, factor, to, source``.

    ``factor`` turns the unit into ``to`` (kg, L, ha or a count); it is NaN where it is
    not sure.

    Examples
    --------
    >>> unit_table().set_index("unit").loc["viss", "factor"]
    np.float64(1.63293)
    """
    rows = [(u.name, u.kind, u.factor, u.to, u.source) for u in known_units().values()]
    return pd.DataFrame(rows, columns=["unit", "kind", "factor", "to", "source"])


def convert_to_kg(
    quantity: pd.Series,
    unit: pd.Series | None,
    drug: pd.Series | None = None,
    *,
    units: str | Mapping[str, str] | None = None,
) -> UnitResult:
    """Name the units of a column and give the mass in kilograms where that is sure.

    Parameters
    ----------
    quantity : Series of float
        Amounts.
    unit : Series of str or None
        Units as reported, row by row; None where the file has no such column.
    drug : Series of str, optional
        Drugs, only to say in ``unknown`` what was measured in an unknown unit.
    units : str or mapping, optional
        A canonical or spelled unit for the rows without one, or a mapping from a reported
        spelling to the unit that is meant; the key ``""`` stands for rows without one.

    Returns
    -------
    UnitResult
        With the index of ``quantity``.

    Raises
    ------
    UnitError
        Where ``units`` names a unit that is not known or not sure.

    Examples
    --------
    >>> amounts, given = pd.Series([500.0, 2.0, 3.0]), pd.Series(["Gram", "Block (350gr)", "Pill"])
    >>> result = convert_to_kg(amounts, given)
    >>> result.weight_kg.tolist()
    [0.5, 0.7, nan]
    >>> result.unit.tolist()
    ['gram', 'block_350_gram', 'pill']
    """
    index = quantity.index
    stated = pd.Series(None, index=index, dtype="str") if unit is None else unit
    meant = _check_override(units)
    codes, uniques = distinct(stated)
    readings = [read_unit(str(text), meant) for text in uniques]
    readings.append(read_unit("", meant))
    factors = np.array([r.kg for r in readings], dtype=np.float64)
    amounts = quantity.to_numpy(dtype=np.float64, na_value=np.nan)
    problems = _column(codes, [r.problem for r in readings])
    return UnitResult(
        unit=text_series(_column(codes, [r.unit for r in readings]), index),
        kind=text_series(_column(codes, [r.kind for r in readings]), index),
        weight_kg=_weights(amounts, factors[codes], index),
        problem=text_series(problems, index),
        unknown=_unknown(stated, problems, drug),
    )


def _column(codes: np.ndarray, results: list[str | None]) -> ObjectArray:
    return spread(codes.astype(np.int64), results[:-1], missing=results[-1])


def _weights(amounts: FloatArray, factors: FloatArray, index: pd.Index) -> pd.Series:
    with np.errstate(over="ignore", invalid="ignore"):
        weights = amounts * factors
    # Clearing binary dust keeps 2 × 350 g equal to 0.7 kg and a text round trip exact.
    finite = np.isfinite(weights) & (weights != 0)
    scale = np.zeros(weights.shape)
    scale[finite] = np.floor(np.log10(np.abs(weights[finite])))
    exact: BoolArray = finite & (np.abs(scale) < 15)
    power = 10.0 ** (14 - scale[exact])
    weights[exact] = np.round(weights[exact] * power) / power
    return pd.Series(weights, index=index, dtype="float64", name="weight_kg")


def _unknown(stated: pd.Series, problems: ObjectArray, drug: pd.Series | None) -> pd.DataFrame:
    columns = ["unit", "n_rows", "problem", "drug"]
    missed = np.array([p is not None for p in problems], dtype=np.bool_)
    frame = pd.DataFrame(
        {
            "unit": stated[missed].astype("str").to_numpy(),
            "problem": problems[missed],
            "drug": None if drug is None else drug[missed].to_numpy(),
        },
    )
    rows = [
        (name, len(part), part["problem"].iloc[0], _commonest(part["drug"]))
        for name, part in frame.groupby("unit", sort=True)
    ]
    rows.sort(key=lambda row: (-row[1], row[0]))
    table = pd.DataFrame(rows, columns=columns)
    return table.astype({"unit": "str", "n_rows": "int64", "problem": "str", "drug": "str"})


def _commonest(values: pd.Series) -> str | None:
    modes = values.dropna().mode()
    return str(modes.iloc[0]) if len(modes) else None


def _check_override(units: str | Mapping[str, str] | None) -> dict[str, Reading]:
    """Return the reading of each folded spelling that the caller settles."""
    given = {"": units} if isinstance(units, str) else dict(units or {})
    meant: dict[str, Reading] = {}
    faults: list[str] = []
    for spelling, target in given.items():
        reading = find_unit(target)
        if reading is None or reading.kind == "unknown":
            reason = f" ({reading.problem})" if reading is not None else ""
            faults.append(f"{target!r} for {spelling!r}{reason}")
        else:
            meant[" ".join(spelling.casefold().split())] = reading
    if faults:
        raise UnitError(
            "units",
            found="; ".join(faults),
            expected="units whose size is known",
            repair="Choose names from geocn.harmonise.units.unit_table().",
        )
    return meant
