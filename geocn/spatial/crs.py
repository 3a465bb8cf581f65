"""Coordinate reference systems: demanded at the door, one equal-area system for an analysis."""

from __future__ import annotations

from functools import lru_cache

import geopandas as gpd
import numpy as np
import pyproj
import shapely

from geocn._typing import BoolArray, FloatArray
from geocn.errors import CoordinateError, CRSError, SchemaError

LONLAT = "EPSG:4326"
#: Cylindrical equal-area for the whole globe.
GLOBAL_EQUAL_AREA = "EPSG:6933"
# Beyond these spans an azimuthal map folds over or distorts shapes past use.
_WIDEST_LON, _WIDEST_LAT = 180.0, 120.0
# No projected system in use reaches further from its origin, in metres or feet.
_BEYOND_EARTH = 2e8


def require_crs(frame: gpd.GeoDataFrame | gpd.GeoSeries, layer: str = "data") -> pyproj.CRS:
    """Return the CRS of a frame, or refuse a frame that has none.

    Raises
    ------
    CRSError
        Where the frame declares no coordinate reference system.
    SchemaError
        Where it is no frame with a geometry, or a column name stands twice.

    Examples
    --------
    >>> import geopandas as gpd, shapely
    >>> require_crs(gpd.GeoSeries([shapely.Point(-77, 1)], crs=4326)).to_epsg()
    4326
    """
    if not isinstance(getattr(frame, "_geometry_column_name", "geometry"), str) or not isinstance(
        frame, (gpd.GeoDataFrame, gpd.GeoSeries)
    ):
        raise SchemaError(
            layer,
            found=f"a {type(frame).__name__} without a geometry column",
            expected="a GeoDataFrame",
            repair="Read it with geocn, or make one: geopandas.GeoDataFrame(frame, "
            "geometry=..., crs=...).",
        )
    if isinstance(frame, gpd.GeoDataFrame) and not frame.columns.is_unique:
        doubled = dict.fromkeys(map(str, frame.columns[frame.columns.duplicated()]))
        raise SchemaError(
            layer,
            found=f"columns that stand twice: {', '.join(doubled)}",
            expected="each name once",
            repair="Rename or drop one of each.",
        )
    crs: pyproj.CRS | None = frame.crs
    if crs is None:
        raise CRSError(
            layer,
            found="no coordinate reference system",
            expected="a declared CRS",
            repair='Declare it: crs="EPSG:4326" when reading, or frame.set_crs("EPSG:4326").',
        )
    # What wrote a file may describe the same CRS in other words; results all say it alike.
    return _known_crs(crs.to_wkt())


def has_geometry(frame: gpd.GeoDataFrame | gpd.GeoSeries) -> BoolArray:
    """Say which rows have a geometry that is neither null nor empty."""
    geometry = np.asarray(frame.geometry, dtype=object)
    present: BoolArray = ~(shapely.is_missing(geometry) | shapely.is_empty(geometry))
    return present


def check_lonlat(frame: gpd.GeoDataFrame | gpd.GeoSeries, layer: str = "data") -> None:
    """Refuse coordinates in degrees that lie nowhere on Earth, naming the rows.

    Raises
    ------
    CoordinateError
        Where a coordinate is not finite, or beyond +-180 degrees east or +-90 degrees north.
    """
    _within(
        frame,
        layer,
        limits=(180.0, 90.0),
        expected="longitude within -180..180 and latitude within -90..90 degrees",
        repair="Look for swapped axes, metres declared as degrees, or longitudes of 0..360.",
    )


def _within(
    frame: gpd.GeoDataFrame | gpd.GeoSeries,
    layer: str,
    *,
    limits: tuple[float, float],
    expected: str,
    repair: str,
) -> None:
    geometry = np.asarray(frame.geometry, dtype=object)
    xy, row = shapely.get_coordinates(geometry, return_index=True)
    with np.errstate(invalid="ignore"):
        outside = ~(np.abs(xy) <= limits).all(axis=1)
    if outside.any():
        x, y = xy[outside][0]
        raise CoordinateError(
            layer,
            found=f"coordinates such as ({x:g}, {y:g})",
            expected=expected,
            repair=repair,
            rows=list(frame.index[np.unique(row[outside])]),
        )


def to_lonlat(frame: gpd.GeoDataFrame, layer: str = "data") -> gpd.GeoDataFrame:
    """Bring a frame to longitude and latitude on WGS 84 and check the coordinates.

    Parameters
    ----------
    frame : GeoDataFrame
        With a CRS; null and empty geometries are kept.
    layer : str
        Name for messages.

    Raises
    ------
    CRSError
        Where the frame has no CRS.
    CoordinateError
        Where a coordinate lies nowhere on Earth, before or after the change of CRS.

    Examples
    --------
    >>> import geopandas as gpd, shapely
    >>> web = gpd.GeoDataFrame(geometry=[shapely.Point(-8571600, 111325)], crs=3857)
    >>> to_lonlat(web).geometry.x.round(2).tolist()
    [-77.0]
    """
    crs = require_crs(frame, layer)
    if crs == _known_crs(LONLAT):
        check_lonlat(frame, layer)
        return frame
    if crs.is_projected:
        # PROJ brings numbers like 1e300 back to a plausible longitude without an error.
        _within(
            frame,
            layer,
            limits=(_BEYOND_EARTH, _BEYOND_EARTH),
            expected=f"finite coordinates of {crs.to_string()} that lie on Earth",
            repair="Correct the coordinates, or declare the CRS that they are in.",
        )
    degrees = frame.to_crs(LONLAT)
    check_lonlat(degrees, layer)
    return degrees


def same_crs(frame: gpd.GeoDataFrame, other: gpd.GeoDataFrame, layer: str) -> gpd.GeoDataFrame:
    """Bring ``other`` to the CRS of ``frame``; both must declare one."""
    target = require_crs(frame)
    source = require_crs(other, layer)
    return other if source == target else other.to_crs(target)


def equal_area_crs(*frames: gpd.GeoDataFrame | gpd.GeoSeries) -> pyproj.CRS:
    """Choose one equal-area CRS in metres for everything that takes part in an analysis.

    A Lambert azimuthal equal-area system centred on the union of the frames (its centre
    rounded to 0.1 degree, so that small changes of data keep the CRS); where the union is
    wider than 180 degrees or taller than 120 degrees, the global EPSG:6933. Works across
    +-180 degrees. Frames without any geometry do not count.

    Raises
    ------
    CRSError
        Where a frame declares no CRS.
    CoordinateError
        Where a coordinate lies nowhere on Earth.

    Examples
    --------
    >>> import geopandas as gpd, shapely
    >>> fiji = gpd.GeoSeries([shapely.Point(178, -18), shapely.Point(-178, -17)], crs=4326)
    >>> equal_area_crs(fiji).srs.split()[2]
    '+lon_0=180.0'
    """
    bounds = np.vstack([np.empty((0, 4)), *(_part_bounds(frame) for frame in frames)])
    if not len(bounds):
        return _known_crs(GLOBAL_EQUAL_AREA)
    west, width = _arc(bounds[:, 0], bounds[:, 2])
    south, north = bounds[:, 1].min(), bounds[:, 3].max()
    if width > _WIDEST_LON or north - south > _WIDEST_LAT:
        return _known_crs(GLOBAL_EQUAL_AREA)
    lon = round((west + width / 2 + 180) % 360 - 180, 1)
    lon = 180.0 if lon == -180 else lon + 0.0
    lat = round((south + north) / 2, 1) + 0.0
    return _known_crs(f"+proj=laea +lat_0={lat} +lon_0={lon} +datum=WGS84 +units=m +type=crs")


@lru_cache(maxsize=64)
def _known_crs(text: str) -> pyproj.CRS:
    return pyproj.CRS(text)


def _part_bounds(frame: gpd.GeoDataFrame | gpd.GeoSeries) -> FloatArray:
    require_crs(frame)
    series = frame.geometry
    series = series[has_geometry(series)]
    if not len(series):
        return np.empty((0, 4))
    degrees = to_lonlat(gpd.GeoDataFrame(geometry=series)).geometry
    bounds: FloatArray = shapely.bounds(shapely.get_parts(degrees.to_numpy()))
    return bounds


def _arc(west: FloatArray, east: FloatArray) -> tuple[float, float]:
    """Start and width of the shortest arc of longitude that holds all intervals."""
    order = np.argsort(west, kind="stable")
    west, reach = west[order], np.maximum.accumulate(east[order])
    gaps = np.append(west[1:] - reach[:-1], west[0] + 360 - reach[-1])
    widest = int(np.argmax(gaps))
    start = west[(widest + 1) % len(west)]
    return float(start), float(360 - gaps[widest])
