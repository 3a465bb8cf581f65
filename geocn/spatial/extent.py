"""The area that an analysis is to cover, as users say it: geometries, or a box in degrees."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import geopandas as gpd
import numpy as np
import shapely

from geocn.spatial.crs import LONLAT, require_crs

Extent: TypeAlias = gpd.GeoDataFrame | gpd.GeoSeries | Sequence[float]
# A parallel is curved in a metric CRS: without vertices its corners alone would count.
_STEP_DEGREES = 0.5


def read_extent(extent: Extent, layer: str) -> gpd.GeoSeries:
    """Read geometries, or (west, south, east, north) in degrees, which may cross 180 degrees.

    Raises
    ------
    CRSError
        Naming ``layer``, where geometries have no CRS.

    Examples
    --------
    >>> len(read_extent((179, -18, -179, -16), "extent"))
    2
    """
    if isinstance(extent, (gpd.GeoDataFrame, gpd.GeoSeries)):
        require_crs(extent, layer)
        return extent.geometry
    west, south, east, north = map(float, extent)
    if west > east:
        parts = [shapely.box(west, south, 180, north), shapely.box(-180, south, east, north)]
    else:
        parts = [shapely.box(west, south, east, north)]
    return gpd.GeoSeries(shapely.segmentize(np.array(parts), _STEP_DEGREES), crs=LONLAT)
