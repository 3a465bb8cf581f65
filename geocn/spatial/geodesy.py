"""Distances on the WGS 84 ellipsoid, in metres or kilometres as each name says."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import shapely
from pyproj import Geod

from geocn._typing import AnyArray, FloatArray


@lru_cache(maxsize=1)
def _wgs84() -> Geod:
    return Geod(ellps="WGS84")


def distance_m(lon1: AnyArray, lat1: AnyArray, lon2: AnyArray, lat2: AnyArray) -> FloatArray:
    """Geodesic distance in metres between points given in degrees (Karney 2013).

    Parameters
    ----------
    lon1, lat1, lon2, lat2 : array-like
        Degrees; broadcast against each other.

    References
    ----------
    Karney 2013, Algorithms for geodesics, doi:10.1007/s00190-012-0578-z.

    Examples
    --------
    >>> float(distance_m(0, 0, 1, 0).round())
    111319.0
    """
    arrays = np.broadcast_arrays(*(np.asarray(a, dtype=float) for a in (lon1, lat1, lon2, lat2)))
    shape = arrays[0].shape
    x1, y1, x2, y2 = (np.ascontiguousarray(a).ravel() for a in arrays)
    metres = _wgs84().inv(x1, y1, x2, y2)[2] if x1.size else np.empty(0)
    result: FloatArray = np.asarray(metres, dtype=float).reshape(shape)
    return result


def cumulative_km(lon: FloatArray, lat: FloatArray) -> FloatArray:
    """Geodesic distance in kilometres from the first vertex of a line to each vertex."""
    steps = distance_m(lon[:-1], lat[:-1], lon[1:], lat[1:]) / 1000
    return np.concatenate([[0.0], np.cumsum(steps)])


def geodesic_length_km(geometry: Any) -> FloatArray:
    """Geodesic length of lines (perimeter of areas) in kilometres.

    Parameters
    ----------
    geometry : array of shapely geometries or GeoSeries
        In longitude and latitude. Null and empty geometries have length 0.

    Examples
    --------
    >>> import shapely
    >>> geodesic_length_km([shapely.LineString([(179, 0), (-179, 0)])]).round().tolist()
    [223.0]
    """
    geometry = np.atleast_1d(np.asarray(geometry, dtype=object))
    lengths = np.zeros(len(geometry))
    parts, row = shapely.get_parts(geometry, return_index=True)
    area = np.isin(shapely.get_type_id(parts), (3,))
    rings, ring_row = shapely.get_rings(parts[area], return_index=True)
    lines = np.concatenate([parts[~area], rings])
    owner = np.concatenate([row[~area], row[area][ring_row]])
    xy, line = shapely.get_coordinates(lines, return_index=True)
    step = line[1:] == line[:-1]
    a, b = xy[:-1][step], xy[1:][step]
    metres = distance_m(a[:, 0], a[:, 1], b[:, 0], b[:, 1])
    np.add.at(lengths, owner[line[1:][step]], metres / 1000)
    return lengths


def area_km2(geometry: Any) -> FloatArray:
    """Geodesic area of polygons in square kilometres (Karney 2013).

    Parameters
    ----------
    geometry : array of shapely geometries
        In longitude and latitude. Null, empty, points and lines have area 0.

    Examples
    --------
    >>> import shapely
    >>> area_km2([shapely.box(0, 0, 1, 1)]).round().tolist()
    [12309.0]
    """
    shapes = np.atleast_1d(np.asarray(geometry, dtype=object))
    sizes = np.zeros(len(shapes))
    for i in np.flatnonzero(shapely.get_dimensions(shapes) == 2):
        area = shapely.orient_polygons(shapes[i])
        sizes[i] = _wgs84().geometry_area_perimeter(area)[0] / 1e6
    return sizes
