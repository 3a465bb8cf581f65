"""Geometries on the plane of web maps, cut into tiles level by level."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import geopandas as gpd
import numpy as np
import shapely

from geocn._typing import FloatArray, IntArray, ObjectArray
from geocn.errors import CoordinateError
from geocn.publish.tiles_archive import Tile
from geocn.publish.tiles_encode import EXTENT
from geocn.spatial.antimeridian import fold_longitudes

#: The latitude at which the square of the web Mercator projection ends.
MERCATOR_LATITUDE = 85.0511287798066
#: What lines and areas keep beyond a tile's edge, so that their outline is not drawn along it.
_BUFFER = 64
# A longitude may be counted on past 180, once around at most.
_MOST_TURNED = 540
_JUST_BELOW_ONE = float(np.nextafter(1.0, 0.0))


@dataclass(frozen=True)
class Shapes:
    """What a layer draws: points, and lines and areas, on the unit square with y down.

    Attributes
    ----------
    xy, xy_rows : array
        Points, and the row of each.
    shapes, rows : array
        Lines and areas (each of one dimension), and the row of each.
    bounds : array of 4
        West, south, east, north in degrees; NaN where nothing is drawn.
    n_rows, n_without, n_beyond, n_clipped : int
        Rows; those without a geometry; those wholly beyond latitude 85.05°, which are left
        out; and those that reach beyond it, which are cut there.
    """

    xy: FloatArray
    xy_rows: IntArray
    shapes: ObjectArray
    rows: IntArray
    bounds: FloatArray
    n_rows: int
    n_without: int
    n_beyond: int
    n_clipped: int

    @property
    def drawn(self) -> set[int]:
        """Rows that have something to draw."""
        return {*self.xy_rows.tolist(), *self.rows.tolist()}


def on_the_square(series: gpd.GeoSeries, *, layer: str) -> Shapes:
    """Bring geometries to the unit square of web maps.

    Raises
    ------
    CoordinateError
        Where a longitude lies beyond 540 degrees, a latitude beyond 90, or one is not finite.
    """
    values = np.array(series.to_crs(4326).array, dtype=object)
    _check(values, series, layer)
    without = shapely.is_missing(values) | shapely.is_empty(values)
    folded = fold_longitudes(values)
    reach = shapely.bounds(folded)
    over = ~without & ((reach[:, 1] < -MERCATOR_LATITUDE) | (reach[:, 3] > MERCATOR_LATITUDE))
    for row in np.flatnonzero(over):
        whole = folded[row]
        tidy = whole if shapely.is_valid(whole) else shapely.make_valid(whole)
        folded[row] = shapely.clip_by_rect(tidy, -180, -MERCATOR_LATITUDE, 180, MERCATOR_LATITUDE)
    gone = over & shapely.is_empty(folded)
    parts, owners = _flat(folded[~without & ~gone], np.flatnonzero(~without & ~gone))
    dimension = shapely.get_dimensions(parts)
    points = dimension == 0
    lonlat, index = shapely.get_coordinates(parts[points], return_index=True)
    shapes = shapely.transform(parts[~points], _squared)
    faulty = (dimension[~points] == 2) & ~shapely.is_valid(shapes)
    shapes[faulty] = shapely.make_valid(shapes[faulty])
    kept = folded[~without & ~gone]
    return Shapes(
        xy=np.clip(_squared(lonlat), 0.0, _JUST_BELOW_ONE),
        xy_rows=owners[points][index],
        shapes=shapes,
        rows=owners[~points],
        bounds=shapely.total_bounds(kept) if len(kept) else np.full(4, np.nan),
        n_rows=len(values),
        n_without=int(without.sum()),
        n_beyond=int(gone.sum()),
        n_clipped=int((over & ~gone).sum()),
    )


def _check(values: ObjectArray, series: gpd.GeoSeries, layer: str) -> None:
    xy, owner = shapely.get_coordinates(values, return_index=True)
    inside = (np.abs(xy[:, 0]) <= _MOST_TURNED) & (np.abs(xy[:, 1]) <= 90)
    bad = np.unique(owner[~inside])
    if len(bad):
        raise CoordinateError(
            layer,
            rows=series.index[bad].tolist(),
            found="coordinates that are not on the globe",
            expected=f"longitudes within ±{_MOST_TURNED}° and latitudes within ±90°",
            repair="Correct them (are the axes exchanged?), or set their geometry to None.",
        )


def _flat(values: ObjectArray, rows: IntArray) -> tuple[ObjectArray, IntArray]:
    """Take collections apart until every geometry has one dimension."""
    while True:
        nested = shapely.get_type_id(values) == 7
        if not nested.any():
            keep = ~shapely.is_empty(values)
            return values[keep], rows[keep]
        parts, index = shapely.get_parts(values[nested], return_index=True)
        values = np.concatenate([values[~nested], parts])
        rows = np.concatenate([rows[~nested], rows[nested][index]])


def _squared(lonlat: FloatArray) -> FloatArray:
    """Project degrees onto the unit square (spherical Mercator, EPSG:3857), y down."""
    sine = np.sin(np.radians(lonlat[:, 1]))
    y = 0.5 - np.arctanh(sine) / (2 * np.pi)
    square: FloatArray = np.column_stack([(lonlat[:, 0] + 180.0) / 360.0, y])
    return square


def points_by_tile(shapes: Shapes, zoom: int) -> Iterator[tuple[Tile, FloatArray, IntArray]]:
    """Yield each tile of a zoom with its points, in units of the tile, and their rows.

    A point lies in one tile: on an edge, in that to the east or south.
    """
    scaled = shapes.xy * (1 << zoom)
    tile = np.floor(scaled).astype(np.int64)
    order = np.lexsort((tile[:, 1], tile[:, 0]))
    tile, scaled, rows = tile[order], scaled[order], shapes.xy_rows[order]
    edges = np.flatnonzero((np.diff(tile, axis=0) != 0).any(axis=1)) + 1
    for part in np.split(np.arange(len(tile)), edges):
        if len(part):
            x, y = tile[part[0]].tolist()
            units = np.floor((scaled[part] - (x, y)) * EXTENT)
            yield (zoom, x, y), units.astype(np.int64), rows[part]


def shapes_by_tile(
    shapes: Shapes, zooms: tuple[int, int]
) -> Iterator[tuple[Tile, ObjectArray, IntArray]]:
    """Yield tiles with their lines and areas, in whole units of the tile, and their rows.

    Every level is cut from the one above, so that a large area costs each tile only what
    lies in it.
    """
    start: list[tuple[Tile, ObjectArray, IntArray]] = [((0, 0, 0), shapes.shapes, shapes.rows)]
    while start:
        (zoom, x, y), inside, rows = start.pop()
        if zoom >= zooms[0]:
            yield (zoom, x, y), _in_units(inside, (zoom, x, y)), rows
        if zoom < zooms[1]:
            for place in ((2 * x + i, 2 * y + j) for i in (0, 1) for j in (0, 1)):
                cut, index = _cut(inside, zoom + 1, *place)
                if len(index):
                    start.append(((zoom + 1, *place), cut, rows[index]))


def _cut(values: ObjectArray, zoom: int, x: int, y: int) -> tuple[ObjectArray, IntArray]:
    side = 1.0 / (1 << zoom)
    more = side * _BUFFER / EXTENT
    box = (x * side - more, y * side - more, (x + 1) * side + more, (y + 1) * side + more)
    reach = shapely.bounds(values)
    meets = (reach[:, 0] <= box[2]) & (reach[:, 2] >= box[0])
    meets &= (reach[:, 1] <= box[3]) & (reach[:, 3] >= box[1])
    index = np.flatnonzero(meets)
    cut = values[index]
    within = (reach[index, 0] >= box[0]) & (reach[index, 2] <= box[2])
    within &= (reach[index, 1] >= box[1]) & (reach[index, 3] <= box[3])
    before = shapely.get_dimensions(cut)
    cut[~within] = shapely.clip_by_rect(cut[~within], *box)
    keep = ~shapely.is_empty(cut) & (shapely.get_dimensions(cut) == before)
    return cut[keep], index[keep]


def _in_units(values: ObjectArray, tile: Tile) -> ObjectArray:
    """Round geometries to whole units of a tile; what is smaller than one comes out empty."""
    zoom, *corner = tile
    scale = EXTENT * (1 << zoom)
    moved = shapely.transform(values, lambda xy: xy * scale - np.multiply(corner, EXTENT))
    out = shapely.simplify(moved, 0.5, preserve_topology=True)
    areas = shapely.get_dimensions(out) == 2
    out[areas] = [_snapped(one) for one in out[areas]]
    return out


def _snapped(area: Any) -> Any:
    tidy = area if shapely.is_valid(area) else shapely.make_valid(area)
    snapped = shapely.set_precision(tidy, 1.0)
    if shapely.get_type_id(snapped) == 7:
        areas = [one for one in shapely.get_parts(snapped) if shapely.get_dimensions(one) == 2]
        return shapely.multipolygons(areas)
    return snapped
