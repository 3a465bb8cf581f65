"""What a slope in the direction of travel does to the cost of a step."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Literal, TypeAlias

import numpy as np

from geocn._kernels.cost import SLOPE_STEP
from geocn._typing import FloatArray
from geocn.errors import ParameterError

#: A named rule, a function of slopes (rise over run), or factors at some slopes.
SlopeLike: TypeAlias = (
    Literal["tobler", "langmuir"]
    | Callable[[FloatArray], FloatArray]
    | Mapping[float, float]
    | Sequence[tuple[float, float]]
)
_STEEPEST = 5.0


def slope_factors(slope: SlopeLike) -> FloatArray:
    """Tabulate the factor of cost by slope, ``SLOPE_STEP`` apart, level ground in the middle.

    Parameters
    ----------
    slope : {"tobler", "langmuir"}, callable, mapping or sequence of (slope, factor)
        Rise over run in the direction of travel to a factor of cost. ``"tobler"``: hiking
        time relative to level ground, ``exp(3.5 |s + 0.05|) / exp(0.175)`` (Tobler 1993).
        ``"langmuir"``: Naismith's rule with Langmuir's corrections (Langmuir 1984, the
        coefficients of GRASS r.walk): 0.72 s/m, 6 s a metre up, and on the way down 1.9998 s
        a metre saved between 5 and 12 degrees and lost beyond. A table is interpolated
        linearly between its slopes and holds on beyond them.

    Returns
    -------
    (20001,) float64
        Slopes from -5 to 5, the ends hold on beyond.

    Raises
    ------
    ParameterError
        Where the rule is unknown, or a factor is not above zero and finite.

    Examples
    --------
    >>> slope_factors([(-1, 2.0), (0, 1.0), (1, 3.0)])[[8000, 10000, 12000]].tolist()
    [2.0, 1.0, 3.0]
    """
    half = round(_STEEPEST / SLOPE_STEP)
    slopes: FloatArray = np.arange(-half, half + 1).astype(np.float64) * SLOPE_STEP
    if isinstance(slope, str):
        if slope not in _RULES:
            raise ParameterError(f"slope is {slope!r}; choose 'tobler', 'langmuir' or a table")
        factors = _RULES[slope](slopes)
    elif callable(slope):
        factors = np.asarray(slope(slopes), dtype=np.float64)
    else:
        pairs = sorted(slope.items() if isinstance(slope, Mapping) else slope)
        known = np.array(pairs, dtype=np.float64).reshape(-1, 2)
        if not len(known) or np.any(np.diff(known[:, 0]) <= 0):
            raise ParameterError("slope is a table without rows or with a slope that stands twice")
        factors = np.interp(slopes, known[:, 0], known[:, 1])
    if factors.shape != slopes.shape or not np.all((factors > 0) & np.isfinite(factors)):
        raise ParameterError(
            "slope gives factors that are not finite and above zero for each slope"
        )
    return np.ascontiguousarray(factors)


def _tobler(slopes: FloatArray) -> FloatArray:
    factors: FloatArray = np.exp(3.5 * (np.abs(slopes + 0.05) - 0.05))
    return factors


def _langmuir(slopes: FloatArray) -> FloatArray:
    gentle, steep = np.tan(np.radians(5)), np.tan(np.radians(12))
    seconds = 0.72 + 6.0 * np.maximum(slopes, 0)
    seconds += np.where((slopes < -gentle) & (slopes >= -steep), 1.9998 * slopes, 0)
    seconds += np.where(slopes < -steep, -1.9998 * slopes, 0)
    factors: FloatArray = seconds / 0.72
    return factors


_RULES: dict[str, Callable[[FloatArray], FloatArray]] = {"tobler": _tobler, "langmuir": _langmuir}
