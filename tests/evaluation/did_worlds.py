"""Panels whose truth is known."""

from __future__ import annotations

import numpy as np
import pandas as pd

NEVER = float("nan")


def panel(
    outcome: np.ndarray, start: np.ndarray, first: int = 1, **columns: object
) -> pd.DataFrame:
    """One row an area and period of a matrix of outcomes; ``columns`` are by area."""
    n, periods = outcome.shape
    by_area = {name: np.repeat(np.asarray(values), periods) for name, values in columns.items()}
    return pd.DataFrame(
        {
            "admin_code": np.repeat([f"a{i:03d}" for i in range(n)], periods),
            "year": np.tile(np.arange(first, first + periods), n),
            "y": outcome.ravel(),
            "begun": np.repeat(start.astype(float), periods),
            **by_area,
        }
    )


def numbered() -> pd.DataFrame:
    """24 areas, 6 periods, three groups of 8, whole numbers without any generator of chance."""
    area, period = np.indices((24, 6))
    period = period + 1
    start = np.array([3.0, 5.0, NEVER])[np.arange(24) // 8]
    noise = (7 * area**2 + period**2 * 13 + area * period * 5) % 17
    begun = np.nan_to_num(start, nan=99.0)[:, None]
    effect = np.where(period >= begun, 4.0 + period - begun + area % 3, 0.0)
    outcome = area % 5 + 2.0 * period + noise + effect
    return panel(outcome, start, people=1.0 + np.arange(24) % 4)


def drawn(n_treated: int, n_never: int, periods: int = 8, *, seed: int, effect: float = 0.0):
    """Areas that begin in period 5, with errors that last."""
    rng = np.random.default_rng(seed)
    n = n_treated + n_never
    start = np.r_[np.full(n_treated, 5.0), np.full(n_never, NEVER)]
    noise = rng.normal(size=(n, periods)) + 0.5 * rng.normal(size=(n, periods)).cumsum(axis=1)
    on = np.arange(1, periods + 1) >= np.nan_to_num(start, nan=99.0)[:, None]
    outcome = rng.normal(size=(n, 1)) + 0.3 * np.arange(periods) + noise + effect * on
    return panel(outcome, start)
