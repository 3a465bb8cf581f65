"""Amounts and dates that cannot be, or hardly can: flagged or refused, never mended."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from geocn._typing import BoolArray, FloatArray
from geocn.errors import ParameterError

#: Scales the median absolute deviation to the standard deviation of a normal law.
_MAD_TO_SD = 1.4826
#: Fewest weights of one drug from which its spread is judged; Iglewicz & Hoaglin 1993.
_FEWEST = 20


@dataclass(frozen=True, slots=True)
class AmountResult:
    """What is wrong with each row's amount, aligned with the input.

    Attributes
    ----------
    rejected : Series of str
        Why a row cannot be used; null for the others.
    flags : Series of str
        Remarks joined by ``;``, null where there are none.
    robust_z : Series of float
        Robust z of log10 weight within the drug; NaN where it cannot be judged.
    """

    rejected: pd.Series
    flags: pd.Series
    robust_z: pd.Series


def check_amounts(
    amount: pd.Series,
    *,
    weight_kg: pd.Series | None = None,
    drug: pd.Series | None = None,
    threshold: float = 6.0,
) -> AmountResult:
    """Refuse negative and infinite amounts; flag zero ones and outliers.

    An outlier lies more than ``threshold`` robust standard deviations from the median of
    log10 weight of its drug: z = (log10 w - median) / (1.4826 MAD). A drug with fewer
    than 20 weights, or no spread, is not judged. Outliers are flagged, not dropped: a
    large seizure may be true.

    Parameters
    ----------
    amount : Series of float
        Amounts as reported, in any unit; null stays.
    weight_kg : Series of float, optional
        Mass in kilograms, for outliers; ``amount`` itself where not given.
    drug : Series of str, optional
        Drug of each row; all rows are one group where not given.
    threshold : float
        Robust z from which a weight is flagged.

    Raises
    ------
    ParameterError
        Where the threshold is not positive.

    References
    ----------
    Iglewicz and Hoaglin 1993, How to Detect and Handle Outliers, ASQC.

    Examples
    --------
    >>> check_amounts(pd.Series([1.0, 0.0, -2.0])).rejected.tolist()
    [nan, nan, 'negative amount']
    """
    if not threshold > 0:
        message = f"threshold is {threshold}; expected a positive number"
        raise ParameterError(message)
    values = amount.to_numpy(dtype=float, na_value=np.nan)
    mass = values if weight_kg is None else weight_kg.to_numpy(dtype=float, na_value=np.nan)
    groups = _group_numbers(drug, len(values))
    z = _robust_z(mass, groups)
    rejected = pd.Series(None, index=amount.index, dtype="str")
    rejected[np.isinf(values)] = "infinite amount"
    rejected[values < 0] = "negative amount"
    flags = join_flags(
        amount.index, zero_amount=values == 0, outlier=np.abs(np.nan_to_num(z)) > threshold
    )
    return AmountResult(rejected, flags, pd.Series(z, index=amount.index))


def check_dates(at: pd.Series, *, as_of: pd.Timestamp | None) -> BoolArray:
    """Return which dates lie after ``as_of`` (none where there is no ``as_of``).

    A cut-off given as a day counts to its end.

    Examples
    --------
    >>> at = pd.Series(pd.to_datetime(["2024-05-31T12:00Z", "2024-06-02T00:00Z"]))
    >>> check_dates(at, as_of=pd.Timestamp("2024-05-31")).tolist()
    [False, True]
    """
    if as_of is None:
        return np.zeros(len(at), dtype=bool)
    cut = as_of if as_of.tzinfo is not None else as_of.tz_localize("UTC")
    if cut == cut.normalize():
        cut += pd.Timedelta(days=1) - pd.Timedelta(microseconds=1)
    later: BoolArray = (at > cut).to_numpy(dtype=bool)
    return later


def join_flags(index: pd.Index, **masks: BoolArray) -> pd.Series:
    """Return one text column naming the masks that hold in each row, joined by ``;``.

    Examples
    --------
    >>> join_flags(pd.RangeIndex(2), a=np.array([True, False]), b=np.array([True, True])).tolist()
    ['a;b', 'b']
    """
    texts = np.full(len(index), "", dtype=object)
    for name, mask in masks.items():
        rows = np.flatnonzero(mask)
        texts[rows] = [f"{text};{name}" if text else name for text in texts[rows]]
    texts[texts == ""] = None
    return pd.Series(texts, index=index, dtype="str")


def _group_numbers(drug: pd.Series | None, n: int) -> pd.Series:
    if drug is None:
        return pd.Series(np.zeros(n, dtype=np.int64))
    return pd.Series(pd.factorize(drug)[0].astype(np.int64))


def _robust_z(weight: FloatArray, groups: pd.Series) -> FloatArray:
    usable = np.isfinite(weight) & (weight > 0)
    z = np.full(len(weight), np.nan)
    if not usable.any():
        return z
    logs = pd.Series(np.log10(weight[usable]))
    group = groups[usable].reset_index(drop=True)
    centred = logs - logs.groupby(group).transform("median")
    spread = centred.abs().groupby(group).transform("median") * _MAD_TO_SD
    enough = group.map(group.value_counts()) >= _FEWEST
    judged = (enough & (spread > 0) & (group >= 0)).to_numpy()
    scores = np.full(len(logs), np.nan)
    scores[judged] = (centred[judged] / spread[judged]).to_numpy()
    z[usable] = scores
    return z
