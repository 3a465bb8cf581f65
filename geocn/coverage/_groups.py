"""What each group of interventions covers, alone and together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import shapely

from geocn._typing import IntArray, ObjectArray
from geocn.coverage._demand import Demand
from geocn.coverage._regions import Regions, cover

_SLIVER = 1e-9  # share of a demand row below which a group only touches it


@dataclass(frozen=True)
class Groups:
    """Table of groups, weight that two share, and number of groups for each demand row."""

    table: pd.DataFrame
    overlap: pd.DataFrame
    n_groups: IntArray


def by_group(
    ready: Demand,
    shapes: ObjectArray,
    labels: pd.Series,
    total: float,
) -> Groups:
    """Measure what each group covers, alone and together with each other."""
    names, group = np.unique(labels.to_numpy(dtype=object).astype(str), return_inverse=True)
    n, column = len(names), str(labels.name)
    regions = Regions(shapes, group, n)
    overlap = np.zeros((n, n))
    exclusive = np.zeros(n)
    n_groups = np.zeros(len(ready.shapes), dtype=np.int64)
    for i in range(n):
        share, _ = cover(ready, regions.parts(i))
        n_groups += share > _SLIVER
        overlap[i, i] = (share * ready.weights).sum()
        for j in range(i):
            both, _ = cover(ready, regions.common(i, j))
            overlap[i, j] = overlap[j, i] = (both * ready.weights).sum()
        shared, _ = cover(ready, regions.shared(i))
        exclusive[i] = max(overlap[i, i] - (shared * ready.weights).sum(), 0.0)
    absent = shapely.is_missing(shapes)
    covered = np.diagonal(overlap).copy()
    table = pd.DataFrame(
        {
            column: pd.Series(names, dtype="str"),
            "n_interventions": np.bincount(group, minlength=n),
            "n_presence_only": np.bincount(group[absent], minlength=n),
            "covered_weight": covered,
            "share_covered": covered / total if total else np.full(n, np.nan),
            "exclusive_weight": exclusive,
        }
    )
    table = table.sort_values(["covered_weight", column], ascending=[False, True])
    order = table.index.to_numpy(dtype=np.int64)
    index = pd.Index(names[order], name=column, dtype="str")
    matrix = pd.DataFrame(overlap[order][:, order], index=index, columns=index.copy())
    return Groups(table.reset_index(drop=True), matrix, n_groups)
