"""Positions between which distances in metres can be taken."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pyproj
import shapely

from geocn._typing import FloatArray
from geocn.spatial.crs import LONLAT, equal_area_crs, require_crs, to_lonlat

_GEOCENTRIC = "EPSG:4978"


def positions_m(frame: gpd.GeoDataFrame, layer: str, *, on_earth: bool = False) -> FloatArray:
    """Centroids in metres: (n, 2) on the plane of a projected CRS, else (n, 3) on the Earth.

    In three dimensions, from the centre of the Earth, the straight line between two places
    is shorter than the geodesic by one part in 10^9 at 1 km and in 10^4 at 300 km, there is
    no edge at 180 degrees, and the order of near and far is kept.

    Parameters
    ----------
    frame : GeoDataFrame
        With a CRS, and no null or empty geometry.
    layer : str
        Name for messages.
    on_earth : bool
        Three dimensions even where the CRS is projected.
    """
    crs = require_crs(frame, layer)
    if crs.is_projected and not on_earth:
        factor = crs.axis_info[0].unit_conversion_factor
        plane: FloatArray = shapely.get_coordinates(shapely.centroid(frame.geometry.to_numpy()))
        return plane * factor
    degrees = to_lonlat(frame, layer)
    shapes = degrees.geometry.to_numpy()
    if (shapely.get_type_id(shapes) != 0).any():
        metric = equal_area_crs(degrees)
        degrees = degrees.to_crs(metric).centroid.to_crs(LONLAT)
        shapes = degrees.to_numpy()
    lon, lat = shapely.get_coordinates(shapes).T
    turn = pyproj.Transformer.from_crs("EPSG:4979", _GEOCENTRIC, always_xy=True)
    return np.column_stack(turn.transform(lon, lat, np.zeros_like(lon)))
