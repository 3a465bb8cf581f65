"""Fields that were surveyed twice: where they overlap, and each place counted once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import shapely

from geocn._typing import FloatArray, IntArray, ObjectArray

# Shares of the smaller field below this are round-off along a common edge.
_SLIVER = 1e-9


@dataclass(frozen=True)
class Overlaps:
    """Pairs of rows that overlap, and hectares that were laid twice on one place.

    ``overlap_ha`` takes from each pair the hectares of the less dense row on what both
    cover: what counting once takes away where no three overlap.
    """

    one: IntArray
    other: IntArray
    overlap_ha: float


def find_overlaps(shapes: ObjectArray, area_ha: FloatArray, group: IntArray) -> Overlaps:
    """Find rows of one group whose polygons (on an equal-area plane) overlap.

    Parameters
    ----------
    shapes : (n,) array of valid polygons, null ones have no part
    area_ha : (n,) float64
    group : (n,) int64
        Year and crop; rows of two groups never count as overlapping.
    """
    # The polygons of an administrative table come back every year: compare each pair once.
    first, same = distinct(shapes)
    unique = shapes[first]
    a, b = shapely.STRtree(unique).query(unique, predicate="intersects")
    a, b = a[a <= b], b[a <= b]
    size = shapely.area(unique)
    common = np.where(a == b, size[a], 0.0)
    apart = np.flatnonzero(a != b)
    common[apart] = shapely.area(shapely.intersection(unique[a[apart]], unique[b[apart]]))
    real = common > _SLIVER * np.maximum(np.minimum(size[a], size[b]), 1e-300)
    one, other, shared = _rows_of_pairs(a[real], b[real], common[real], same, group)
    density = _density(area_ha, shapely.area(shapes))
    lesser = np.fmin(density[one], density[other])
    return Overlaps(one, other, float(np.nansum(lesser * shared)))


def distinct(shapes: ObjectArray) -> tuple[IntArray, IntArray]:
    """Rows that hold each polygon first, and the number of the polygon of every row."""
    keys = pd.Series(shapely.to_wkb(shapes), dtype=object).fillna(b"")
    same, found = pd.factorize(keys)
    first = np.empty(len(found), dtype=np.int64)
    first[same[::-1]] = np.arange(len(same))[::-1]
    return first, same.astype(np.int64)


def count_once(
    shapes: ObjectArray, area_ha: FloatArray, found: Overlaps
) -> tuple[ObjectArray, FloatArray]:
    """Leave each overlap to the denser row; the other loses it with its hectares."""
    density = _density(area_ha, shapely.area(shapes))
    keys = np.array([b"" if s is None else shapely.to_wkb(s) for s in shapes], dtype=object)
    order = sorted(range(len(shapes)), key=lambda i: (-np.nan_to_num(density[i]), keys[i]))
    rank = np.empty(len(shapes), dtype=np.int64)
    rank[order] = np.arange(len(shapes))
    above: dict[int, list[int]] = {}
    for i, j in zip(found.one.tolist(), found.other.tolist(), strict=True):
        low, high = (i, j) if rank[i] > rank[j] else (j, i)
        above.setdefault(low, []).append(high)
    left, hectares = shapes.copy(), area_ha.copy()
    for row, others in above.items():
        rest = shapely.difference(shapes[row], shapely.union_all(shapes[others]))
        pieces = shapely.get_parts(shapely.get_parts(rest))
        left[row] = shapely.multipolygons(pieces[shapely.get_dimensions(pieces) == 2])
        hectares[row] = area_ha[row] * shapely.area(left[row]) / shapely.area(shapes[row])
    return left, hectares


def _density(area_ha: FloatArray, size: FloatArray) -> FloatArray:
    with np.errstate(divide="ignore", invalid="ignore"):
        density: FloatArray = np.where(size > 0, area_ha / size, 0.0)
    return density


def _rows_of_pairs(
    a: IntArray, b: IntArray, common: FloatArray, same: IntArray, group: IntArray
) -> tuple[IntArray, IntArray, FloatArray]:
    """Pairs of rows, within a group, whose distinct polygons are the pairs (a, b)."""
    order = np.argsort(same, kind="stable")
    start = np.searchsorted(same[order], np.arange(same.max(initial=-1) + 2))
    n_a, n_b = np.diff(start)[a], np.diff(start)[b]
    pair = np.repeat(np.arange(len(a)), n_a * n_b)
    step = np.arange(len(pair)) - np.repeat(np.cumsum(n_a * n_b) - n_a * n_b, n_a * n_b)
    one = order[start[a[pair]] + step // np.maximum(n_b[pair], 1)]
    other = order[start[b[pair]] + step % np.maximum(n_b[pair], 1)]
    kept = (group[one] == group[other]) & (group[one] >= 0)
    kept &= (a[pair] != b[pair]) | (one < other)
    return one[kept].astype(np.int64), other[kept].astype(np.int64), common[pair][kept]
