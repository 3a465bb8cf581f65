"""Demand made ready: weights checked, overlaps counted once, sizes measured."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import geopandas as gpd
import numpy as np
import shapely
from pyproj import CRS

from geocn._typing import BoolArray, FloatArray, IntArray, ObjectArray
from geocn.errors import ParameterError, SchemaError
from geocn.spatial.columns import read_numbers
from geocn.spatial.densify import densify
from geocn.spatial.geodesy import geodesic_length_km

_POINT, _LINE, _AREA = 0, 1, 2
_UNITS = {_POINT: "points", _LINE: "km", _AREA: "km2"}
_STEP_DEGREES = 0.1
_SLIVER = 1e-9  # share of the smaller geometry below which two only touch


@dataclass(frozen=True)
class Demand:
    """Demand on an equal-area plane; one entry a row.

    ``shapes`` is what is left of each geometry once overlaps count once, ``sizes`` its
    measure (points, km or km²), ``weights`` what it weighs; ``placed`` is False where
    there is no geometry, and the weight then stands in ``weights`` as given. A point
    whose place is uncertain is the circle that it lies in, and ``spread`` is True.
    """

    shapes: ObjectArray
    dimensions: IntArray
    sizes: FloatArray
    weights: FloatArray
    placed: BoolArray
    overlap_weight: float
    unit: str
    plane: CRS
    spread: BoolArray

    @property
    def total(self) -> float:
        """Weight of everything that has a place."""
        return float(self.weights[self.placed].sum())

    @property
    def n_left_out(self) -> int:
        """Rows without a place."""
        return int((~self.placed).sum())

    @property
    def weight_left_out(self) -> float:
        """Weight of what has no place."""
        return float(self.weights[~self.placed].sum())

    @cached_property
    def tree(self) -> shapely.STRtree:
        """Spatial index of the shapes."""
        return shapely.STRtree(self.shapes)

    def dot(self, share: FloatArray) -> float:
        """Weight of these shares of the rows."""
        return float((self.weights * share)[self.placed].sum())

    def touching(self, areas: ObjectArray, rows: IntArray | None) -> tuple[IntArray, IntArray]:
        """Pairs of a row (of ``rows``) and an area that meet, sorted by both."""
        if not len(areas) or not self.placed.any():
            return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
        area, row = self.tree.query(areas, predicate="intersects")
        keep = self.placed[row] & (self.sizes[row] > 0)
        if rows is not None:
            keep &= np.isin(row, rows)
        area, row = area[keep], row[keep]
        order = np.lexsort((area, row))
        return row[order].astype(np.int64), area[order].astype(np.int64)

    def cut(self, pieces: ObjectArray, rows: IntArray, sizes: FloatArray) -> Demand:
        """Pieces of rows as demand of their own, with their part of the weight."""
        return replace(
            self,
            shapes=pieces,
            dimensions=self.dimensions[rows],
            sizes=sizes,
            weights=self.weights[rows] * np.minimum(sizes / self.sizes[rows], 1.0),
            placed=np.ones(len(rows), dtype=bool),
            spread=self.spread[rows],
        )

    def spread_over(self, circles: ObjectArray, rows: IntArray) -> Demand:
        """Put circles in the place of these points."""
        shapes, dimensions = self.shapes.copy(), self.dimensions.copy()
        sizes, spread = self.sizes.copy(), self.spread.copy()
        shapes[rows], dimensions[rows], spread[rows] = circles, _AREA, True
        sizes[rows] = shapely.area(circles) / 1e6
        return replace(self, shapes=shapes, dimensions=dimensions, sizes=sizes, spread=spread)

    def measure(self, pieces: ObjectArray, rows: IntArray) -> FloatArray:
        """Measure pieces of the given rows in the unit of their dimension."""
        return measure(pieces, self.dimensions[rows], self.plane)


def measure(shapes: ObjectArray, dimensions: IntArray, plane: CRS) -> FloatArray:
    """Return the number of points, geodesic km of lines, km² of areas on an equal-area plane."""
    sizes = np.zeros(len(shapes))
    points, lines, areas = (dimensions == kind for kind in (_POINT, _LINE, _AREA))
    empty = shapely.is_empty(shapes[points])
    sizes[points] = np.where(empty, 0, shapely.get_num_geometries(shapes[points]))
    sizes[areas] = shapely.area(shapes[areas]) / 1e6
    if lines.any():
        degrees = gpd.GeoSeries(shapes[lines], crs=plane).to_crs("EPSG:4326")
        sizes[lines] = geodesic_length_km(degrees.to_numpy())
    return sizes


def on_plane(frame: gpd.GeoDataFrame, plane: CRS) -> ObjectArray:
    """Bring geometries to ``plane``; edges straight in degrees keep their course there."""
    series = frame.geometry
    if series.crs.is_geographic and len(series):
        series = gpd.GeoSeries(densify(series.to_numpy(), _STEP_DEGREES), crs=series.crs)
    return np.asarray(series.to_crs(plane).to_numpy(), dtype=object).copy()


def prepare(demand: gpd.GeoDataFrame, weight: str | None, *, plane: CRS, once: bool) -> Demand:
    """Check demand and bring it to ``plane``; ``once`` lets overlaps count once."""
    given = _weights(demand, weight)
    shapes = on_plane(demand, plane)
    given_shapes = shapes.copy()
    placed = ~(shapely.is_missing(shapes) | shapely.is_empty(shapes))
    shapes[placed] = shapely.make_valid(shapes[placed], method="structure", keep_collapsed=False)
    dimensions = shapely.get_dimensions(shapes).astype(np.int64)
    dimensions[~placed] = _POINT
    sizes = np.zeros(len(shapes))
    sizes[placed] = measure(shapes[placed], dimensions[placed], plane)
    # A line or area without extent is a place, no more.
    flat = placed & (sizes == 0)
    shapes[flat] = _as_points(given_shapes[flat])
    dimensions[flat], sizes[flat] = _POINT, 1.0
    kinds = np.unique(dimensions[placed])
    if given is None and len(kinds) > 1:
        raise ParameterError(
            "demand mixes points, lines and areas, whose counts, km and km² do not add up; "
            "name a weight column"
        )
    weights = np.where(placed, sizes, 0.0) if given is None else given
    unit = weight or _UNITS[int(kinds[0]) if len(kinds) else _POINT]
    lost = 0.0
    if once:
        shapes, left = _once(shapes, dimensions, sizes, weights, placed, plane)
        share = np.divide(left, sizes, out=np.ones_like(sizes), where=sizes > 0)
        lost = float((weights * (1 - share)).sum())
        sizes, weights = left, weights * share
    spread = np.zeros(len(shapes), dtype=bool)
    return Demand(shapes, dimensions, sizes, weights, placed, lost, unit, plane, spread)


def _weights(demand: gpd.GeoDataFrame, weight: str | None) -> FloatArray | None:
    if weight is None:
        return None
    values, _ = read_numbers(demand, weight, "demand", expected="a weight")
    missing, negative = ~np.isfinite(values), values < 0
    if missing.any() or negative.any():
        raise SchemaError(
            "demand",
            found=f"{weight}: {missing.sum()} missing or infinite, {negative.sum()} negative",
            expected="a weight of 0 or more in every row",
            repair="Drop these rows or set their weight.",
            rows=list(demand.index[missing | negative]),
        )
    return values


def _as_points(shapes: ObjectArray) -> ObjectArray:
    xy, owner = shapely.get_coordinates(shapes, return_index=True)
    first = np.searchsorted(owner, np.arange(len(shapes)))
    return np.asarray(shapely.points(xy[first]), dtype=object)


def _once(  # noqa: PLR0917 - six arrays that belong together
    shapes: ObjectArray,
    dimensions: IntArray,
    sizes: FloatArray,
    weights: FloatArray,
    placed: BoolArray,
    plane: CRS,
) -> tuple[ObjectArray, FloatArray]:
    """Give each overlap to the denser row (the first of equals); lines and areas only."""
    shapes, sizes = shapes.copy(), sizes.copy()
    density = np.divide(weights, sizes, out=np.zeros_like(sizes), where=sizes > 0)
    whole = shapes.copy()
    for kind in (_LINE, _AREA):
        rows = np.flatnonzero(placed & (dimensions == kind))
        if len(rows) < 2:
            continue
        a, b = shapely.STRtree(whole[rows]).query(whole[rows], predicate="intersects")
        first, second = rows[a[a < b]], rows[b[a < b]]
        common = measure(
            np.asarray(shapely.intersection(whole[first], whole[second]), dtype=object),
            np.full(len(first), kind),
            plane,
        )
        real = common > _SLIVER * np.minimum(sizes[first], sizes[second])
        first, second = first[real], second[real]
        loser = np.where(density[second] > density[first], first, second)
        winner = np.where(loser == first, second, first)
        for row in np.unique(loser):
            mine: Any = shapely.union_all(whole[winner[loser == row]])
            shapes[row] = shapely.difference(whole[row], mine)
        changed = np.unique(loser)
        sizes[changed] = measure(shapes[changed], np.full(len(changed), kind), plane)
    return shapes, sizes
