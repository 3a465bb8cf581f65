"""Geometries that run past 180 degrees, cut and brought back to [-180, 180]."""

from __future__ import annotations

from typing import Any

import numpy as np
import shapely

from geocn._typing import BoolArray, FloatArray, ObjectArray


def fold_longitudes(geometry: Any) -> ObjectArray:
    """Cut geometries at every odd multiple of 180 degrees and move the parts into [-180, 180].

    Parameters
    ----------
    geometry : array of shapely geometries
        Longitudes may lie anywhere, as in a raster from 0 to 360 or a circle around
        179 degrees east whose vertices run on to 181.

    Returns
    -------
    array of shapely geometries
        Lines and areas that were cut are Multi geometries. Null stays null.

    Examples
    --------
    >>> import shapely
    >>> fold_longitudes([shapely.box(179, 0, 181, 1)])[0].bounds
    (-180.0, 0.0, 180.0, 1.0)
    """
    folded = np.array(np.atleast_1d(np.asarray(geometry, dtype=object)), dtype=object)
    bounds = shapely.bounds(folded)
    with np.errstate(invalid="ignore"):
        outside = (bounds[:, 0] < -180) | (bounds[:, 2] > 180)
    for i in np.flatnonzero(outside):
        folded[i] = _fold(folded[i], bounds[i, 0], bounds[i, 2])
    return folded


def shortest_way(geometry: Any) -> ObjectArray:
    """Let lines and rings that jump over half the globe go the short way, cut at 180 degrees.

    Parameters
    ----------
    geometry : array of lines or areas
        In longitude and latitude. A step from 179 to -179 is two degrees long, not 358.

    Returns
    -------
    array of shapely geometries
        Within [-180, 180]. Null stays null. An area whose ring goes around a pole, and so
        does not close the short way, reaches to the nearer pole at latitude 90 or -90;
        one that touches a pole already, or would cross itself, is left as it is.

    Examples
    --------
    >>> import shapely
    >>> shortest_way([shapely.LineString([(179, 0), (-179, 0)])])[0].length
    2.0
    >>> cap = shapely.Polygon([(-120, 80), (0, 80), (120, 80)])
    >>> shortest_way([cap])[0].bounds
    (-180.0, 80.0, 180.0, 90.0)
    """
    geometry = np.array(np.atleast_1d(np.asarray(geometry, dtype=object)), dtype=object)
    for i in np.flatnonzero(_jumps(geometry)):
        parts = [_short(part) for part in shapely.get_parts(geometry[i])]
        geometry[i] = _gather(fold_longitudes(parts))
    result: ObjectArray = geometry
    return result


def move_longitudes(geometry: ObjectArray, degrees: float) -> ObjectArray:
    """Add degrees to every longitude."""

    def move(xy: FloatArray) -> FloatArray:
        moved: FloatArray = xy + np.array([degrees, 0.0])
        return moved

    return np.asarray(shapely.transform(geometry, move), dtype=object)


def _jumps(geometry: ObjectArray) -> BoolArray:
    xy, owner = shapely.get_coordinates(geometry, return_index=True)
    step = (np.abs(np.diff(xy[:, 0])) > 180) & (owner[1:] == owner[:-1])
    found = np.zeros(len(geometry), dtype=bool)
    found[owner[1:][step]] = True
    return found


def _short(part: Any) -> Any:
    if shapely.get_dimensions(part) == 2:
        rings = [_unwrapped(shapely.get_coordinates(ring)) for ring in shapely.get_rings(part)]
        if any(_winds(ring) for ring in rings):
            areas = [shapely.Polygon(_over_pole(ring) if _winds(ring) else ring) for ring in rings]
            at_pole = np.abs(shapely.get_coordinates(part)[:, 1]) >= 90
            if at_pole.any() or not shapely.is_valid(areas).all():
                return part
            # The line to the pole is no edge: what lies on both its sides is one area.
            outer, *holes = (
                shapely.union_all(shapely.get_parts(area)) for area in fold_longitudes(areas)
            )
            return shapely.difference(outer, shapely.union_all(holes)) if holes else outer
    return shapely.transform(part, _unwrapped)


def _winds(ring: FloatArray) -> bool:
    """Whether an unwrapped ring ends a turn away from where it begins: it goes around a pole."""
    return bool(abs(ring[-1, 0] - ring[0, 0]) > 180)


def _over_pole(ring: FloatArray) -> FloatArray:
    """Close an unwrapped ring that winds by way of the nearer pole."""
    pole = np.copysign(90.0, ring[:, 1].mean())
    return np.vstack([ring, [ring[-1, 0], pole], [ring[0, 0], pole]])


def _unwrapped(xy: FloatArray) -> FloatArray:
    turned = xy.copy()
    turned[1:, 0] -= 360 * np.cumsum(np.round(np.diff(xy[:, 0]) / 360))
    return turned


def _gather(parts: ObjectArray) -> Any:
    parts = shapely.get_parts(parts)
    if len(parts) == 1:
        return parts[0]
    areas = shapely.get_dimensions(parts[0]) == 2
    return shapely.multipolygons(parts) if areas else shapely.multilinestrings(parts)


def _fold(geometry: Any, west: float, east: float) -> Any:
    parts: list[Any] = []
    first, last = int(np.floor((west + 180) / 360)), int(np.ceil((east + 180) / 360))
    dimension = shapely.get_dimensions(geometry)
    for turn in range(first, last):
        window = shapely.box(360 * turn - 180, -91, 360 * turn + 180, 91)
        cut = shapely.get_parts(shapely.intersection(geometry, window))
        cut = cut[shapely.get_dimensions(cut) == dimension]
        parts.extend(move_longitudes(cut, -360.0 * turn))
    if len(parts) == 1:
        return parts[0]
    make = (shapely.multipoints, shapely.multilinestrings, shapely.multipolygons)[dimension]
    return make(parts)
