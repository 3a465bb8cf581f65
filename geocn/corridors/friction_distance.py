"""Metres to the nearest of many places, on the globe and without a choice of projection."""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import numpy as np
import pyproj
import shapely
from scipy.spatial import cKDTree

from geocn._typing import AnyArray, FloatArray
from geocn.spatial.crs import has_geometry, to_lonlat
from geocn.spatial.densify import densify
from geocn.spatial.raster_grid import RasterGrid

_EARTH_M = 6_371_008.8
_METRES_A_DEGREE = 111_320.0


class Places:
    """Points, lines and areas as points that stand close enough together.

    A line counts by points at most ``step_m`` apart, so that a distance comes out too long
    by at most half of that, and by next to nothing where it is a few steps long.

    Parameters
    ----------
    shapes : array of shapely geometries
        In longitude and latitude.
    step_m : float
        Greatest gap between points of a line or an outline.

    Examples
    --------
    >>> import numpy as np, shapely
    >>> places = Places(np.array([shapely.Point(-77, 1)]), 1000)
    >>> places.distance_m(np.array([-77.0]), np.array([2.0])).round(-2).tolist()
    [110600.0]
    """

    def __init__(self, shapes: AnyArray, step_m: float) -> None:
        points = shapely.get_coordinates(densify(shapes, step_m / _METRES_A_DEGREE))
        self._tree = cKDTree(_globe(points[:, 0], points[:, 1]))
        areas = shapes[shapely.get_dimensions(shapes) == 2]
        self._areas = shapely.union_all(areas) if len(areas) else None
        if self._areas is not None:
            shapely.prepare(self._areas)

    def distance_m(self, lon: FloatArray, lat: FloatArray) -> FloatArray:
        """Metres from each place in degrees; 0 inside an area."""
        chord = self._tree.query(_globe(lon, lat))[0]
        away: FloatArray = 2 * _EARTH_M * np.arcsin(np.minimum(chord / (2 * _EARTH_M), 1.0))
        if self._areas is not None:
            away[shapely.contains_xy(self._areas, lon, lat)] = 0.0
        return away


def cell_places(grid: RasterGrid) -> tuple[FloatArray, FloatArray]:
    """Longitude and latitude of all cell centres, flat."""
    rows, columns = np.divmod(np.arange(grid.shape[0] * grid.shape[1]), grid.shape[1])
    x, y = grid.centres(rows, columns)
    if grid.is_geographic:
        return (x + 180) % 360 - 180, y
    to_degrees = pyproj.Transformer.from_crs(grid.crs, "EPSG:4326", always_xy=True)
    lon, lat = to_degrees.transform(x, y)
    return np.asarray(lon), np.asarray(lat)


def cell_side_m(grid: RasterGrid) -> float:
    """Mean side of the cells in metres."""
    lengths = grid.step_lengths_m()
    return float((lengths[0].mean() + lengths[1].mean()) / 2)


def known_shapes(frame: gpd.GeoDataFrame | gpd.GeoSeries, layer: str) -> AnyArray:
    """Geometries that are there, in longitude and latitude."""
    series = frame.geometry
    frame = gpd.GeoDataFrame(geometry=series[has_geometry(series)])
    return np.asarray(to_lonlat(frame, layer).geometry.to_numpy(), dtype=object)


def _globe(lon: Any, lat: Any) -> FloatArray:
    """Places on the ellipsoid in metres from the centre of the Earth."""
    to_globe = pyproj.Transformer.from_crs("EPSG:4979", "EPSG:4978", always_xy=True)
    x, y, z = to_globe.transform(lon, lat, np.zeros_like(np.asarray(lon, dtype=float)))
    return np.column_stack([x, y, z])
