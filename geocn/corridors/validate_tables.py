"""Tables of a validation: scores with intervals, distances, and capture curves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from geocn._typing import BoolArray, FloatArray, IntArray
from geocn.corridors.validate_evidence import Evidence
from geocn.corridors.validate_ranks import (
    ItemScores,
    Ranks,
    bootstrap_means,
    boyce_index,
    delong_interval,
)
from geocn.corridors.validate_scores import Field

_TENTHS = np.arange(11) / 10
_CURVE = np.arange(101) / 100


def score_tables(  # noqa: PLR0917
    field: Field,
    methods: dict[str, FloatArray],
    found: Evidence,
    cells: IntArray,
    shares: list[float],
    asked: dict[str, Any],
    interval: str,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Scores and curve of each method; see :class:`geocn.corridors.Validation`."""
    at = np.concatenate([shares, _TENTHS, _CURVE])
    rows, curves, model = {}, [], None
    for name, score in methods.items():
        ranks = Ranks.of(score, field.area)
        items = ItemScores.of(ranks, found, cells, at)
        corridor = field.corridor if name == "model" else ranks.top(field.corridor_share)
        model = model or items
        rows[name] = {
            **_row(items, shares, asked, interval),
            **_distances(field, corridor, found, cells),
            **_lead(model, items, shares, asked),
        }
        mean = items.captured.mean(axis=0) if found.n_items else np.full(len(at), np.nan)
        tenths = mean[len(shares) : len(shares) + len(_TENTHS)]
        rows[name]["boyce"] = boyce_index(tenths)
        captured = mean[len(shares) + len(_TENTHS) :]
        curves.append(pd.DataFrame({"method": name, "area_share": _CURVE, "captured": captured}))
    for name in ("lead_auc", *(f"lead_{_name(share)}" for share in shares)):
        for end in ("", "_low", "_high"):
            rows["model"][f"{name}{end}"] = np.nan
    scores = pd.DataFrame(rows).T.astype("float64").rename_axis("method")
    return scores, pd.concat(curves, ignore_index=True)


def _row(
    items: ItemScores, shares: list[float], asked: dict[str, Any], interval: str
) -> dict[str, float]:
    values = np.column_stack([items.auc, items.captured[:, : len(shares)]])
    low, high = bootstrap_means(values, **asked)
    if interval == "delong":
        low[0], high[0] = delong_interval(items.auc, confidence=asked["confidence"])
    return _named(("auc", *(f"captured_{_name(s)}" for s in shares)), values, low, high)


def _lead(
    model: ItemScores, items: ItemScores, shares: list[float], asked: dict[str, Any]
) -> dict[str, float]:
    values = np.column_stack(
        [model.auc - items.auc, (model.captured - items.captured)[:, : len(shares)]]
    )
    low, high = bootstrap_means(values, **asked)
    return _named(("lead_auc", *(f"lead_{_name(s)}" for s in shares)), values, low, high)


def _named(
    names: Sequence[str], values: FloatArray, low: FloatArray, high: FloatArray
) -> dict[str, float]:
    mean = values.mean(axis=0) if len(values) else np.full(len(names), np.nan)
    found: dict[str, float] = {}
    for i, name in enumerate(names):
        found |= {name: mean[i], f"{name}_low": low[i], f"{name}_high": high[i]}
    return found


def _distances(
    field: Field, corridor: BoolArray, found: Evidence, cells: IntArray
) -> dict[str, float]:
    """Median and 90 % quantile of the distance to the corridor, each observation weighing 1."""
    names = ("median_distance_m", "p90_distance_m")
    if not corridor.any() or not found.n_items:
        return dict.fromkeys(names, np.nan)
    places = field.places(np.flatnonzero(corridor))
    away = places.distance_m(found.lon, found.lat)
    away[(cells >= 0) & corridor[cells]] = 0.0
    order = np.argsort(away, kind="stable")
    reached = np.cumsum(found.weight[order]) / found.n_items
    at = np.searchsorted(reached, (0.5 - 1e-12, 0.9 - 1e-12))
    quantiles = away[order][np.minimum(at, len(away) - 1)]
    return dict(zip(names, quantiles.tolist(), strict=True))


def _name(share: float) -> str:
    return f"{100 * share:g}pct"
