"""How to ask for difference-in-differences."""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import wraps
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from geocn import evaluation
from tests.properties.check import Case


def _panel() -> gpd.GeoDataFrame:
    """36 square areas over 8 years: three that begin in year 5, three in year 7."""
    rng = np.random.default_rng(9)
    n, years = 36, np.arange(2011, 2019)
    start = np.full(n, np.nan)
    start[[0, 1, 6]], start[[30, 31, 35]] = 2015, 2017
    area = np.repeat(np.arange(n), len(years))
    year = np.tile(years, n)
    value = rng.normal(100, 20, n)[area] + rng.normal(0, 5, len(area)) + 3 * (year - 2011)
    value -= np.where(year >= start[area], 12.0, 0.0)
    shapes = [shapely.box(-78 + i % 6 * 0.1, i // 6 * 0.1, -77.9 + i % 6 * 0.1, i // 6 * 0.1 + 0.1)
              for i in range(n)]  # fmt: skip
    return gpd.GeoDataFrame(
        {
            "admin_code": [f"CO{i:02d}" for i in area],
            "year": year,
            "coca_ha": value,
            "begun": start[area],
            "people": 100.0 + area,
        },
        geometry=[shapes[i] for i in area],
        crs="EPSG:4326",
    )


@dataclass(frozen=True)
class _Shown:
    """The result, with its main table under the name that the suite asks for."""

    demand: pd.DataFrame
    others: dict[str, Any]
    pretrend: evaluation.Pretrend
    event_study: pd.DataFrame
    groups: pd.DataFrame
    group_time: pd.DataFrame
    sensitivity: pd.DataFrame


@wraps(evaluation.difference_in_differences)
def _asked(*data: Any, **options: Any) -> _Shown:
    found = evaluation.difference_in_differences(*data, **options)
    tables = ("pretrend", "event_study", "groups", "group_time", "sensitivity")
    others = {
        f.name: getattr(found, f.name) for f in fields(found) if f.name not in (*tables, "att")
    }
    return _Shown(found.att, others, *(getattr(found, name) for name in tables))


def _case(**options: Any) -> Case:
    return Case(
        "evaluation.difference_in_differences",
        _asked,
        lambda: {
            "panel": _panel(),
            "outcome": "coca_ha",
            "treated_from": "begun",
            "options": evaluation.DidOptions(draws=199),
            **options,
        },
        data=("panel",),
        shuffled=("panel",),
        empty=("panel",),
        moves=("panel",),
    )


CASES = (
    _case(spillover="queen", weights="people"),
    _case(controls="not_yet", options=evaluation.DidOptions(draws=99, inference="permutation")),
)

NOT_ANALYSES = {
    "evaluation.DidOptions": "options of difference_in_differences",
    "evaluation.DifferenceInDifferences": "the result of difference_in_differences",
    "evaluation.Pretrend": "a part of the result of difference_in_differences",
}
