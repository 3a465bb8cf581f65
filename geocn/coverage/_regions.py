"""Regions that groups of interventions reach, and what share of demand lies in them."""

from __future__ import annotations

from typing import Any

import numpy as np
import shapely

from geocn._typing import FloatArray, IntArray, ObjectArray
from geocn.coverage._demand import Demand

_NONE = np.empty(0, dtype=object)


class Regions:
    """The union of the reaches of each group, as disjoint polygons."""

    def __init__(self, shapes: ObjectArray, group: IntArray, n_groups: int) -> None:
        valid = np.asarray(shapes, dtype=object).copy()
        present = ~(shapely.is_missing(valid) | shapely.is_empty(valid))
        valid[present] = shapely.make_valid(
            valid[present], method="structure", keep_collapsed=False
        )
        self._unions: list[Any] = [
            shapely.union_all(valid[present & (group == i)]) for i in range(n_groups)
        ]
        self._common: dict[tuple[int, int], ObjectArray] = {}

    def parts(self, i: int) -> ObjectArray:
        """Polygons that group ``i`` reaches."""
        return _polygons(self._unions[i])

    def common(self, i: int, j: int) -> ObjectArray:
        """Polygons that both groups reach."""
        pair = (min(i, j), max(i, j))
        if pair not in self._common:
            first, second = (self._unions[k] for k in pair)
            apart = not shapely.intersects(first, second)
            self._common[pair] = _NONE if apart else _polygons(shapely.intersection(first, second))
        return self._common[pair]

    def shared(self, i: int) -> ObjectArray:
        """Polygons that group ``i`` and any other group reach."""
        others = [self.common(i, j) for j in range(len(self._unions)) if j != i]
        return _polygons(shapely.union_all(np.concatenate([*others, _NONE])))


def _polygons(shape: Any) -> ObjectArray:
    parts = shapely.get_parts(shape)
    areas: ObjectArray = parts[(shapely.get_dimensions(parts) == 2) & ~shapely.is_empty(parts)]
    return areas


def cover(
    demand: Demand, parts: ObjectArray, *, remainder: bool = False
) -> tuple[FloatArray, ObjectArray]:
    """Share of each row of demand that lies in disjoint polygons, and what does not.

    Returns
    -------
    (n,) float64, (n,) array of geometries
        Shares from 0 to 1; the remainder of each row (whole where none was asked for).
    """
    share = np.zeros(len(demand.shapes))
    rest = demand.shapes.copy() if remainder else demand.shapes
    if not len(parts) or not demand.placed.any():
        return share, rest
    rows, hit = shapely.STRtree(parts).query(demand.shapes, predicate="intersects")
    single = shapely.get_type_id(demand.shapes[rows]) == 0
    share[rows[single]] = 1.0
    rows, hit = rows[~single], hit[~single]
    # Most rows lie wholly within a region: asking is cheap once the region is prepared.
    shapely.prepare(parts)
    whole = shapely.covers(parts[hit], demand.shapes[rows])
    share[rows[whole]] = 1.0
    if remainder:
        rest[rows[whole]] = shapely.Polygon()
    rows, hit = rows[~whole], hit[~whole]
    pieces = np.asarray(shapely.intersection(demand.shapes[rows], parts[hit]), dtype=object)
    np.add.at(share, rows, demand.measure(pieces, rows) / demand.sizes[rows])
    share = np.clip(share, 0.0, 1.0)
    if remainder:
        for row in np.unique(rows):
            mine = shapely.union_all(parts[hit[rows == row]])
            rest[row] = shapely.difference(demand.shapes[row], mine)
    return share, rest
