"""What each group of interventions covers, alone and together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import shapely
from scipy.sparse import csr_array

from geocn._typing import FloatArray, IntArray, ObjectArray
from geocn.coverage._demand import Demand
from geocn.coverage._regions import Regions, cover

_SLIVER = 1e-9  # share of a demand row below which a group only touches it


@dataclass(frozen=True)
class Groups:
    """Table of groups, weight that two share, and number of groups for each demand row."""

    table: pd.DataFrame
    overlap: pd.DataFrame
    n_groups: IntArray


@dataclass(frozen=True)
class Shares:
    """Weight that two groups both cover, that one covers alone, groups for each row."""

    overlap: FloatArray
    exclusive: FloatArray
    n_groups: IntArray


def codes(labels: pd.Series) -> tuple[ObjectArray, IntArray]:
    """Names of the groups in order, and the group of each row."""
    names, group = np.unique(labels.to_numpy(dtype=object).astype(str), return_inverse=True)
    return names.astype(object), group.astype(np.int64)


def shares_of_groups(ready: Demand, regions: Regions) -> Shares:
    """Measure groups on demand rows; geometry is asked only where two cover parts of a row.

    Where one of two groups covers the whole of a row, the other's share is what both cover.
    """
    n, rows = len(regions), len(ready.shapes)
    weights = np.where(ready.placed, ready.weights, 0.0)
    share = csr_array((n, rows))
    if n:
        share = csr_array(np.vstack([cover(ready, regions.parts(i))[0] for i in range(n)]))
    share.data[share.data <= _SLIVER] = 0.0
    share.eliminate_zeros()
    whole, part = share.copy(), share.copy()
    whole.data = (share.data >= 1 - _SLIVER).astype(np.float64)
    part.data = np.where(share.data >= 1 - _SLIVER, 0.0, share.data)
    whole.eliminate_zeros()
    part.eliminate_zeros()
    weighed = whole * weights[None, :]
    one_whole = weighed @ part.T
    overlap = (weighed @ whole.T + one_whole + one_whole.T).toarray()
    some = (part > 0).astype(np.int64)
    for i, j in zip(*np.nonzero(np.tril((some @ some.T).toarray(), -1)), strict=True):
        mine = np.intersect1d(part[[i]].indices, part[[j]].indices).astype(np.int64)
        both = cover(ready, regions.common(int(i), int(j)), rows=mine)[0]
        overlap[i, j] += float((both * weights).sum())
        overlap[j, i] = overlap[i, j]
    np.fill_diagonal(overlap, share @ weights)
    n_groups = np.diff(share.tocsc().indptr).astype(np.int64)
    return Shares(overlap, _alone(ready, regions, share, weights), n_groups)


def _alone(ready: Demand, regions: Regions, share: csr_array, weights: FloatArray) -> FloatArray:
    """Weight that each group covers and no other."""
    n = share.shape[0]
    n_touching = np.diff(share.tocsc().indptr)
    full = csr_array(
        ((share.data >= 1 - _SLIVER).astype(np.int64), share.indices, share.indptr), share.shape
    )
    n_whole: IntArray = np.asarray(full.sum(axis=0)).ravel()
    alone = np.zeros(n)
    for i in range(n):
        mine = share[[i]]
        row, part = mine.indices, mine.data
        others_whole = n_whole[row] - (part >= 1 - _SLIVER)
        left = np.where(others_whole > 0, 0.0, part)
        asked = row[(others_whole == 0) & (n_touching[row] > 1)].astype(np.int64)
        if len(asked):
            shared = cover(ready, regions.shared(i), rows=asked)[0]
            left = np.maximum(left - shared[row], 0.0)
        alone[i] = float((left * weights[row]).sum())
    return alone


def group_tables(found: Shares, labels: pd.Series, shapes: ObjectArray, total: float) -> Groups:
    """Put what groups cover into a table, the most first, with the matrix in its order."""
    names, group = codes(labels)
    n, column = len(names), str(labels.name)
    absent = shapely.is_missing(shapes)
    covered = np.diagonal(found.overlap).copy()
    nothing = np.full(n, np.nan)
    table = pd.DataFrame(
        {
            column: pd.Series(names, dtype="str"),
            "n_interventions": np.bincount(group, minlength=n),
            "n_presence_only": np.bincount(group[absent], minlength=n),
            "covered_weight": covered,
            "share_covered": covered / total if total else nothing,
            "exclusive_weight": found.exclusive,
        }
    )
    table = table.sort_values(["covered_weight", column], ascending=[False, True])
    order = table.index.to_numpy(dtype=np.int64)
    index = pd.Index(names[order], name=column, dtype="str")
    matrix = pd.DataFrame(found.overlap[order][:, order], index=index, columns=index.copy())
    return Groups(table.reset_index(drop=True), matrix, found.n_groups)
