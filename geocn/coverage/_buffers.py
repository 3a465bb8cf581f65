"""Geodesic buffers in longitude and latitude, across the antimeridian and around poles."""

from __future__ import annotations

from typing import Any

import numpy as np
import shapely
from pyproj import Geod, Transformer

from geocn._typing import FloatArray, ObjectArray
from geocn.errors import GeometryError
from geocn.spatial.antimeridian import fold_longitudes
from geocn.spatial.densify import densify

_VERTICES = 180  # a polygon of 180 sides has 99.98 % of the area of its circle
_PIECE_DEGREES = 4.0  # within which an azimuthal map keeps distances to 0.05 %
_STEP_DEGREES = 0.1


def buffers(geometry: ObjectArray, radius_m: FloatArray) -> ObjectArray:
    """Draw the geodesic buffer of each geometry in degrees; see :func:`circles`, :func:`around`."""
    drawn = np.full(len(geometry), None, dtype=object)
    single = shapely.get_type_id(geometry) == 0
    points = geometry[single]
    drawn[single] = circles(shapely.get_x(points), shapely.get_y(points), radius_m[single])
    for i in np.flatnonzero(~single):
        drawn[i] = around(geometry[i], float(radius_m[i]))
    return drawn


def circles(lon: FloatArray, lat: FloatArray, radius_m: FloatArray) -> ObjectArray:
    """Draw geodesic circles around points; vertices lie on the circle.

    Parameters
    ----------
    lon, lat : (n,) float64
        Degrees.
    radius_m : (n,) float64
        Metres, above zero and below a quarter of the globe.

    Returns
    -------
    (n,) array of Polygon or MultiPolygon
        Within [-180, 180].
    """
    n = len(lon)
    if n == 0:
        return np.empty(0, dtype=object)
    geod = Geod(ellps="WGS84")
    azimuth = np.tile(np.linspace(360, 0, _VERTICES, endpoint=False), n)
    start_lon, start_lat = np.repeat(lon, _VERTICES), np.repeat(lat, _VERTICES)
    x, y, _ = geod.fwd(start_lon, start_lat, azimuth, np.repeat(radius_m, _VERTICES))
    x = start_lon + (np.asarray(x) - start_lon + 180) % 360 - 180
    rings = np.stack([x, y], axis=1).reshape(n, _VERTICES, 2)
    shapes = np.array([shapely.Polygon(ring) for ring in rings], dtype=object)
    for pole in (90.0, -90.0):
        away = np.asarray(geod.inv(lon, lat, lon, np.full(n, pole))[2])
        for i in np.flatnonzero(away <= radius_m):
            shapes[i] = _around_pole(rings[i], pole)
    return fold_longitudes(shapes)


def _around_pole(ring: FloatArray, pole: float) -> Any:
    """Area between a ring that circles the globe and the pole it holds."""
    lon = (ring[:, 0] + 180) % 360 - 180
    order = np.argsort(lon)
    lon, lat = lon[order], ring[order, 1]
    seam = np.interp(180.0, [lon[-1], lon[0] + 360], [lat[-1], lat[0]])
    outline = np.column_stack(
        [
            np.concatenate([[-180.0], lon, [180.0, 180.0, -180.0]]),
            np.concatenate([[seam], lat, [seam, pole, pole]]),
        ]
    )
    return shapely.orient_polygons(shapely.Polygon(outline))


def around(geometry: Any, radius_m: float, *, quarter: int = _VERTICES // 4) -> Any:
    """Draw the geodesic buffer of a line, an area or several points in degrees.

    Large geometries are buffered piece by piece, each on an azimuthal equidistant map
    of its own: distances are right to about 0.1 %. ``quarter`` is how many edges a quarter
    of a circle has.

    Raises
    ------
    GeometryError
        Where the buffer holds a pole.
    """
    # A ring that encloses nothing is a line.
    valid = shapely.make_valid(geometry, method="structure", keep_collapsed=True)
    pieces = [_buffered(piece, radius_m, quarter) for piece in _split(valid)]
    return shapely.union_all(fold_longitudes(pieces))


def _split(geometry: Any) -> list[Any]:
    west, south, east, north = shapely.bounds(geometry)
    if east - west <= _PIECE_DEGREES and north - south <= _PIECE_DEGREES:
        return [geometry]
    across = max(int(np.ceil((east - west) / _PIECE_DEGREES)), 1)
    up = max(int(np.ceil((north - south) / _PIECE_DEGREES)), 1)
    lower_left = [
        (west + i * _PIECE_DEGREES, south + j * _PIECE_DEGREES)
        for i in range(across)
        for j in range(up)
    ]
    windows = [shapely.box(x, y, x + _PIECE_DEGREES, y + _PIECE_DEGREES) for x, y in lower_left]
    pieces = shapely.intersection(geometry, np.array(windows, dtype=object))
    return [piece for piece in pieces if not shapely.is_empty(piece)]


def _buffered(piece: Any, radius_m: float, quarter: int) -> Any:
    west, south, east, north = shapely.bounds(piece)
    lon, lat = (west + east) / 2, (south + north) / 2
    local = f"+proj=aeqd +lon_0={lon} +lat_0={lat} +datum=WGS84 +units=m +type=crs"
    there = Transformer.from_crs("EPSG:4326", local, always_xy=True)

    def to_plane(xy: FloatArray) -> FloatArray:
        return np.column_stack(there.transform(xy[:, 0], xy[:, 1]))

    def to_degrees(xy: FloatArray) -> FloatArray:
        x, y = there.transform(xy[:, 0], xy[:, 1], direction="INVERSE")
        return np.column_stack([lon + (x - lon + 180) % 360 - 180, y])

    plane = shapely.transform(densify(piece, _STEP_DEGREES)[0], to_plane)
    area = shapely.buffer(plane, radius_m, quad_segs=quarter)
    poles = shapely.points(to_plane(np.array([[lon, 90.0], [lon, -90.0]])))
    if shapely.intersects(area, poles).any():
        raise GeometryError(
            "interventions",
            found="a line or area whose reach holds a pole",
            expected="lines and areas away from the poles",
            repair="Give it as points.",
        )
    return shapely.transform(area, to_degrees)
