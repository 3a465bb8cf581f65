"""Quantities known only within bounds, drawn through their quantiles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from scipy import special

from geocn._typing import AnyArray, FloatArray
from geocn.errors import ParameterError

#: Points on which a variance is integrated; its error then is below a part in a million.
_POINTS = 20_000


@dataclass(frozen=True, slots=True)
class LogNormal:
    """A quantity whose logarithm is normal, by the interval that is reported of it.

    Parameters
    ----------
    low, high : float
        Ends of the interval, both above zero.
    level : float
        Probability that the interval is said to hold.

    Examples
    --------
    >>> LogNormal(50, 200).level
    0.95
    """

    low: float
    high: float
    level: float = 0.95


#: A number; (low, high), anything between alike; (low, most likely, high), a triangle; a
#: LogNormal; or an array of draws.
Quantity: TypeAlias = (
    float | tuple[float, float] | tuple[float, float, float] | LogNormal | AnyArray
)


@dataclass(frozen=True, slots=True)
class Uncertain:
    """A quantity above zero, read: the law and its parameters."""

    name: str
    law: str
    values: tuple[float, ...]

    @property
    def is_exact(self) -> bool:
        """Whether there is no uncertainty in it."""
        return self.law == "exact"

    def quantile(self, share: FloatArray) -> FloatArray:
        """Return the value below which a share of the probability lies."""
        v = self.values
        if self.law == "exact":
            return np.full(np.shape(share), v[0])
        if self.law == "uniform":
            return v[0] + (v[1] - v[0]) * share
        if self.law == "lognormal":
            return np.asarray(np.exp(v[0] + v[1] * special.ndtri(share)))
        if self.law == "triangular":
            low, mode, high = v
            left = low + np.sqrt(share * (high - low) * (mode - low))
            right = high - np.sqrt((1 - share) * (high - low) * (high - mode))
            return np.asarray(np.where(share < (mode - low) / (high - low), left, right))
        # The inverse of the stairs that sorted draws make.
        step = np.ceil(np.asarray(share) * len(v)).astype(np.int64) - 1
        return np.asarray(v)[np.clip(step, 0, len(v) - 1)]

    def describe(self) -> dict[str, Any]:
        """Say what it is, for the record of a result."""
        if self.law == "draws":
            ends = np.quantile(self.values, (0.025, 0.5, 0.975)).tolist()
            return {"law": "draws", "n": len(self.values), "quantiles": ends}
        return {"law": self.law, "values": list(self.values)}


def midpoints(n: int = _POINTS) -> FloatArray:
    """Shares in the middle of n equal parts of 0 to 1."""
    return (np.arange(n) + 0.5) / n


def read_quantity(value: Quantity, name: str, *, most: float = np.inf) -> Uncertain:
    """Read a quantity above zero and up to ``most``.

    Raises
    ------
    ParameterError
        Where it is out of range, out of order, or none of the forms.

    Examples
    --------
    >>> read_quantity((2.0, 4.0), "supply").law
    'uniform'
    """
    law, values, span = _law(value, name)
    if not (0 < span[0] <= span[1] <= most) or not np.isfinite(span[1]):
        raise ParameterError(
            f"{name} is {_shown(value)}; give values above 0"
            + (f" and up to {most:g}" if np.isfinite(most) else ", none infinite")
        )
    return Uncertain(name, law, values)


def _law(value: Quantity, name: str) -> tuple[str, tuple[float, ...], tuple[float, float]]:
    if isinstance(value, LogNormal):
        if not (0 < value.low < value.high < np.inf and 0 < value.level < 1):
            raise ParameterError(
                f"{name} is {value}; give 0 < low < high and a level between 0 and 1"
            )
        low, high = np.log([value.low, value.high])
        sigma = (high - low) / (2 * special.ndtri(0.5 + value.level / 2))
        return "lognormal", (float(low + high) / 2, float(sigma)), (value.low, value.high)
    numbers = np.asarray(value, dtype=float).ravel()
    shown = f"{name} is {_shown(value)}"
    if not len(numbers) or np.isnan(numbers).any():
        raise ParameterError(f"{shown}; give numbers, none of them missing")
    if isinstance(value, tuple):
        if len(numbers) not in (2, 3) or (np.diff(numbers) < 0).any():
            raise ParameterError(
                f"{shown}; give (low, high) or (low, most likely, high), in that order"
            )
        law = "uniform" if len(numbers) == 2 else "triangular"
        law = law if numbers[0] < numbers[-1] else "exact"
        kept = numbers[:1] if law == "exact" else numbers
    else:
        kept = np.sort(numbers)
        law = "exact" if kept[0] == kept[-1] else "draws"
        kept = kept[:1] if law == "exact" else kept
    return law, tuple(kept.tolist()), (float(numbers.min()), float(numbers.max()))


def _shown(value: object) -> str:
    size = np.size(value) if isinstance(value, (np.ndarray, Sequence)) else 1
    return f"{size} draws" if size > 3 else repr(value)
