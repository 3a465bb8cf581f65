"""How far the answer leans on its assumptions: placebo assignments and bounded violations."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import combinations
from math import comb

import numpy as np
import pandas as pd

from geocn._typing import FloatArray, IntArray
from geocn.evaluation.difference_in_differences_effects import Effects, Setting, group_time
from geocn.evaluation.difference_in_differences_errors import Spread, band
from geocn.evaluation.difference_in_differences_twfe import within

#: Sizes of violation, in multiples of the largest one seen before the programme.
MAGNITUDES = (0.0, 0.5, 1.0, 1.5, 2.0)


def overall(setting: Setting) -> float:
    """Average effect over treated areas and periods, the number alone."""
    cells = group_time(setting)
    weight = np.where(cells.usable & (cells.event_time >= 0), cells.size[:, None], 0.0)
    return float((weight * np.nan_to_num(cells.att)).sum() / weight.sum())


def two_way_only(setting: Setting) -> float:
    """Coefficient of two-way fixed effects, the number alone."""
    on = (setting.periods >= setting.start[:, None]).astype(float)
    heavy = setting.weight[:, None] * within(on, setting.weight)
    return float((heavy * setting.outcome).sum() / (heavy * on).sum())


def permutation_p(
    setting: Setting,
    statistic: Callable[[Setting], float],
    *,
    not_yet: bool,
    draws: int,
    seed: int,
) -> tuple[float, int]:
    """Two-sided p-value over which areas could have been treated, and how many ways were tried.

    Starts are dealt anew among the areas; every way once where there are no more than
    ``draws`` of them, as with a single treated area.
    """

    def value(start: FloatArray) -> float:
        clean = start if not_yet else np.where(np.isinf(start), np.inf, -np.inf)
        return abs(statistic(replace(setting, start=start, clean_until=clean)))

    seen = value(setting.start)
    found = [value(start) for start in _assignments(setting.start, draws, seed)]
    beyond = sum(one >= seen * (1 - 1e-9) for one in found)
    treated = np.isfinite(setting.start)
    exact = _is_countable(setting.start[treated], len(treated), draws)
    return (beyond / len(found) if exact else (beyond + 1) / (len(found) + 1)), len(found)


def _is_countable(starts: FloatArray, n: int, draws: int) -> bool:
    return len(np.unique(starts)) == 1 and comb(n, len(starts)) <= draws


def _assignments(start: FloatArray, draws: int, seed: int) -> Iterator[FloatArray]:
    treated = np.isfinite(start)
    if _is_countable(start[treated], len(start), draws):
        for rows in combinations(range(len(start)), int(treated.sum())):
            dealt = np.full(len(start), np.inf)
            dealt[list(rows)] = start[treated][0]
            yield dealt
        return
    rng = np.random.default_rng(seed)
    for _ in range(draws):
        yield rng.permutation(start)


def relative_magnitudes(
    events: Effects,
    event_time: IntArray,
    lag_weight: FloatArray,
    spread_of: Callable[[FloatArray], Spread],
    *,
    confidence: float,
    draws: int,
    seed: int,
) -> tuple[pd.DataFrame, float]:
    r"""Bound the average effect when trends part after the start as they may have before.

    With :math:`m` the largest step between neighbouring leads, trends may part by up to
    :math:`\bar M m` a period, so the average over lags e is off by no more than
    :math:`\bar M m \sum_e w_e (e + 1)`. Effect and steps are known within a band that holds
    for all of them at once, which makes the interval valid and wider than Rambachan and
    Roth's hybrid one. Also returned: the largest :math:`\bar M` whose interval leaves 0 out.
    """
    lags, steps = event_time >= 0, event_time < 0
    n_steps = int(steps.sum()) - 1
    columns = ["relative_magnitude", "bound_low", "bound_high", "low", "high"]
    if n_steps < 1 or not lags.any():
        return pd.DataFrame(columns=columns, dtype=float), float("nan")
    matrix = np.zeros((n_steps + 1, len(event_time)))
    matrix[0, lags] = lag_weight[lags]
    for i in range(n_steps):
        matrix[i + 1, i : i + 2] = (-1.0, 1.0)
    chosen = events.combine(matrix)
    spread = spread_of(chosen.influence)
    known = np.ones(len(matrix), dtype=bool)
    half = band(spread, known, confidence=confidence, draws=draws, seed=seed)
    distance = float((lag_weight[lags] * (event_time[lags] + 1)).sum())
    step = np.abs(chosen.estimate[1:])
    seen, most = step.max() * distance, (step + half[1:]).max() * distance
    m = np.array(MAGNITUDES)
    values = [
        m,
        chosen.estimate[0] - m * seen,
        chosen.estimate[0] + m * seen,
        chosen.estimate[0] - half[0] - m * most,
        chosen.estimate[0] + half[0] + m * most,
    ]
    frame = pd.DataFrame(dict(zip(columns, values, strict=True)))
    spare = (abs(chosen.estimate[0]) - half[0]) / most if most > 0 else np.inf
    return frame, float(max(spare, 0.0)) if not np.isnan(spare) else float("nan")
