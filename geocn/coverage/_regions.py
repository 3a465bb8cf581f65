"""Regions that groups of interventions reach, and what share of demand lies in them."""

from __future__ import annotations

from typing import Any

import numpy as np
import shapely

from geocn._typing import FloatArray, IntArray, ObjectArray
from geocn.coverage._demand import Demand

NOWHERE = np.empty(0, dtype=object)


class Regions:
    """The union of the reaches of each group, as disjoint polygons."""

    def __init__(self, shapes: ObjectArray, group: IntArray, n_groups: int) -> None:
        valid = np.asarray(shapes, dtype=object).copy()
        present = ~(shapely.is_missing(valid) | shapely.is_empty(valid))
        valid[present] = shapely.make_valid(
            valid[present], method="structure", keep_collapsed=False
        )
        order = np.argsort(np.where(present, group, n_groups), kind="stable")
        ends = np.searchsorted(group[order[: present.sum()]], np.arange(n_groups + 1))
        self._unions: list[Any] = [
            shapely.union_all(valid[order[ends[i] : ends[i + 1]]]) for i in range(n_groups)
        ]
        self._common: dict[tuple[int, int], ObjectArray] = {}

    def __len__(self) -> int:
        return len(self._unions)

    def parts(self, i: int) -> ObjectArray:
        """Polygons that group ``i`` reaches."""
        return polygons(self._unions[i])

    def common(self, i: int, j: int) -> ObjectArray:
        """Polygons that both groups reach."""
        pair = (min(i, j), max(i, j))
        if pair not in self._common:
            first, second = (self._unions[k] for k in pair)
            apart = not shapely.intersects(first, second)
            self._common[pair] = NOWHERE if apart else polygons(shapely.intersection(first, second))
        return self._common[pair]

    def shared(self, i: int) -> ObjectArray:
        """Polygons that group ``i`` and any other group reach."""
        others = [self.common(i, j) for j in range(len(self._unions)) if j != i]
        return polygons(shapely.union_all(np.concatenate([*others, NOWHERE])))

    def only(self, i: int) -> ObjectArray:
        """Polygons that group ``i`` and no other group reaches."""
        others = shapely.union_all([u for j, u in enumerate(self._unions) if j != i])
        return polygons(shapely.difference(self._unions[i], others))


def union_parts(shapes: ObjectArray) -> ObjectArray:
    """Disjoint polygons that together are the union of ``shapes``."""
    return Regions(shapes, np.zeros(len(shapes), dtype=np.int64), 1).parts(0)


def polygons(shape: Any) -> ObjectArray:
    """Areas that a geometry is made of."""
    parts = shapely.get_parts(shape)
    areas: ObjectArray = parts[(shapely.get_dimensions(parts) == 2) & ~shapely.is_empty(parts)]
    return areas


def cover(
    demand: Demand, parts: ObjectArray, *, remainder: bool = False, rows: IntArray | None = None
) -> tuple[FloatArray, ObjectArray]:
    """Share of each row of demand that lies in disjoint polygons, and what does not.

    Parameters
    ----------
    rows : (k,) int64, optional
        Look at these rows only; the others get 0.

    Returns
    -------
    (n,) float64, (n,) array of geometries
        Shares from 0 to 1; the remainder of each row (whole where none was asked for).
    """
    share = np.zeros(len(demand.shapes))
    rest = demand.shapes.copy() if remainder else demand.shapes
    row, hit = demand.touching(parts, rows)
    single = shapely.get_type_id(demand.shapes[row]) == 0
    share[row[single]] = 1.0
    row, hit = row[~single], hit[~single]
    # Most rows lie wholly within a region: asking is cheap once the region is prepared.
    shapely.prepare(parts)
    whole = shapely.covers(parts[hit], demand.shapes[row])
    share[row[whole]] = 1.0
    if remainder:
        rest[row[whole]] = shapely.Polygon()
    row, hit = row[~whole], hit[~whole]
    pieces = np.asarray(shapely.intersection(demand.shapes[row], parts[hit]), dtype=object)
    np.add.at(share, row, demand.measure(pieces, row) / demand.sizes[row])
    share = np.clip(share, 0.0, 1.0)
    if remainder:
        different, starts = np.unique(row, return_index=True)
        for one, found in zip(different, np.split(hit, starts[1:]), strict=False):
            mine = parts[found[0]] if len(found) == 1 else shapely.union_all(parts[found])
            rest[one] = shapely.difference(demand.shapes[one], mine)
    return share, rest


def within(demand: Demand, areas: ObjectArray) -> tuple[Demand, IntArray, IntArray]:
    """Cut demand by areas, each piece with its part of the weight.

    A point on the edge between two areas belongs to the first of them; a point whose
    place is uncertain to each by the share of its circle.

    Returns
    -------
    Demand, (k,) int64, (k,) int64
        The pieces, the row of demand and the area of each, in the order of both.
    """
    row, area = demand.touching(areas, None)
    single = shapely.get_type_id(demand.shapes[row]) == 0
    first = np.ones(len(row), dtype=bool)
    first[1:] = row[1:] != row[:-1]
    keep = first | ~single
    row, area = row[keep], area[keep]
    pieces = demand.shapes[row].copy()
    shapely.prepare(areas)
    whole = (shapely.get_type_id(pieces) == 0) | shapely.covers(areas[area], pieces)
    cut = np.flatnonzero(~whole)
    pieces[cut] = shapely.intersection(pieces[cut], areas[area[cut]])
    sizes = demand.sizes[row].copy()
    sizes[cut] = demand.measure(pieces[cut], row[cut])
    real = sizes > 0
    return demand.cut(pieces[real], row[real], sizes[real]), row[real], area[real]
