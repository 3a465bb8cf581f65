"""What imprecise places of demand and of sites leave open: the least and most that is covered."""

from __future__ import annotations

from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from pyproj import CRS

from geocn._typing import FloatArray, IntArray, ObjectArray
from geocn.coverage import _buffers
from geocn.coverage._demand import Demand, on_plane
from geocn.coverage._regions import cover, polygons, union_parts
from geocn.errors import SchemaError
from geocn.spatial.columns import read_numbers
from geocn.spatial.crs import LONLAT, equal_area_crs

COLUMN = "location_precision_m"
_FURTHEST_M = 5e6
_DIGITS = 2  # radii of lines and areas are rounded up to so many: fewer regions to draw


@dataclass(frozen=True)
class Reached:
    """What is reached as drawn, wherever the sites may lie, and wherever one of them may.

    Each is an array of disjoint polygons; ``imprecise`` says whether they differ.
    """

    drawn: ObjectArray
    surely: ObjectArray
    possibly: ObjectArray
    imprecise: bool


def radii_m(frame: pd.DataFrame, layer: str) -> FloatArray:
    """Radius in metres within which each row lies; 0 where it is exact or not stated."""
    if COLUMN not in frame:
        return np.zeros(len(frame))
    values, unread = read_numbers(frame, COLUMN, layer, expected="metres")
    wrong = (values < 0) | (values > _FURTHEST_M) | unread
    if wrong.any():
        raise SchemaError(
            layer,
            found=f"{COLUMN} such as {frame[COLUMN][wrong].iloc[0]!r}",
            expected="metres from 0 to 5,000,000, or null where it is not known",
            repair="Correct these rows; is the precision in another unit?",
            rows=list(frame.index[wrong]),
        )
    return np.nan_to_num(values)


def reached(reaches: gpd.GeoDataFrame, plane: CRS) -> tuple[ObjectArray, Reached]:
    """Bring reaches to ``plane`` and unite them; a site's imprecision widens and narrows its own.

    A reach that was drawn around a site moves with it, unless ``reach_certain`` and
    ``reach_possible`` say what becomes of it; an area of its own (``reach_basis`` "own
    area") lies where it lies.
    """
    shapes = on_plane(reaches, plane)
    radius = radii_m(reaches, "reaches")
    if "reach_basis" in reaches:
        radius = np.where(reaches["reach_basis"] == "own area", 0.0, radius)
    drawn = union_parts(shapes)
    moved = np.flatnonzero((radius > 0) & ~shapely.is_missing(shapes))
    if not len(moved):
        return shapes, Reached(drawn, drawn, drawn, imprecise=False)
    metres = equal_area_crs(reaches)
    flat = on_plane(reaches.iloc[moved], metres)
    sides = []
    for sign, column in ((-1, "reach_certain"), (1, "reach_possible")):
        drift = gpd.GeoSeries(shapely.buffer(flat, sign * radius[moved]), crs=metres)
        other = shapes.copy()
        other[moved] = drift.to_crs(plane).to_numpy()
        _take_known(other, reaches, column, moved, plane)
        sides.append(union_parts(other))
    return shapes, Reached(drawn, sides[0], sides[1], imprecise=True)


def _take_known(
    shapes: ObjectArray, reaches: gpd.GeoDataFrame, column: str, rows: IntArray, plane: CRS
) -> None:
    """Put in what :func:`geocn.coverage.reach` found out itself, over roads and slopes."""
    if column not in reaches:
        return
    series = gpd.GeoSeries(reaches[column].iloc[rows])
    known = np.flatnonzero(series.notna().to_numpy())
    if len(known):
        found = gpd.GeoDataFrame(geometry=series.iloc[known].to_numpy(), crs=series.crs or LONLAT)
        shapes[rows[known]] = on_plane(found, plane)


def spread(ready: Demand, radius: FloatArray, edges: ObjectArray) -> Demand:
    """Let points be circles where it matters: where an edge runs within their radius."""
    point = ready.placed & (shapely.get_type_id(ready.shapes) == 0) & (radius > 0)
    rows = np.flatnonzero(point)
    if not len(rows) or not len(edges):
        return ready
    lines = shapely.get_parts(shapely.boundary(edges))
    near, _ = shapely.STRtree(lines).query(
        ready.shapes[rows], predicate="dwithin", distance=1.05 * radius[rows] + 1
    )
    rows = rows[np.unique(near)]
    if not len(rows):
        return ready
    degrees = gpd.GeoSeries(ready.shapes[rows], crs=ready.plane).to_crs(LONLAT)
    circles = _buffers.circles(degrees.x.to_numpy(), degrees.y.to_numpy(), radius[rows])
    drawn = on_plane(gpd.GeoDataFrame(geometry=circles, crs=LONLAT), ready.plane)
    return ready.spread_over(drawn, rows)


def bounds(
    ready: Demand, share: FloatArray, radius: FloatArray, found: Reached
) -> tuple[FloatArray, FloatArray]:
    """Least and most of each row that is covered, wherever it and the sites may lie.

    A point is surely covered where its whole circle lies within what is surely reached,
    and possibly where any of it touches what may be. A line or an area of radius r is
    covered at least by its part that lies r deep in it, at most by its part within r.
    """
    low, high = share.copy(), share.copy()
    if found.imprecise:
        low, high = cover(ready, found.surely)[0], cover(ready, found.possibly)[0]
    rows = np.flatnonzero(ready.spread)
    if len(rows):
        circles = ready.shapes[rows]
        inside, _ = shapely.STRtree(found.surely).query(circles, predicate="covered_by")
        touched, _ = shapely.STRtree(found.possibly).query(circles, predicate="intersects")
        low[rows], high[rows] = 0.0, 0.0
        low[rows[inside]], high[rows[touched]] = 1.0, 1.0
    drawn = ready.placed & ~ready.spread & (radius > 0) & (ready.sizes > 0)
    rough = np.flatnonzero(drawn & (shapely.get_type_id(ready.shapes) != 0))
    steps = _rounded_up(radius[rough])
    for step in np.unique(steps):
        mine = rough[steps == step]
        deep = polygons(shapely.buffer(shapely.union_all(found.surely), -step))
        wide = polygons(shapely.buffer(shapely.union_all(found.possibly), step))
        low[mine] = cover(ready, deep, rows=mine)[0][mine]
        high[mine] = cover(ready, wide, rows=mine)[0][mine]
    return np.minimum(low, share), np.maximum(high, share)


def _rounded_up(radius: FloatArray) -> FloatArray:
    unit = 10.0 ** (np.floor(np.log10(np.maximum(radius, 1e-9))) - (_DIGITS - 1))
    return np.asarray(np.ceil(radius / unit - 1e-9) * unit, dtype=np.float64)
