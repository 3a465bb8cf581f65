"""Whether areas on the plane of a raster are those on the ground."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import shapely

from geocn._typing import ObjectArray
from geocn.errors import CRSError
from geocn.spatial.geodesy import area_km2
from geocn.spatial.zonal_raster import RasterRows

#: How far from 1 the ratio of areas on the plane and on the ellipsoid may be.
TOLERANCE = 0.01
# The ratio is looked at on so many small squares a side, spread over the zones.
_SIDE = 5


def require_true_areas(rows: RasterRows, zones: ObjectArray) -> None:
    """Refuse a projected CRS whose areas are off by more than 1 % where the zones lie.

    Raises
    ------
    CRSError
        With the ratio that was found.
    """
    t, (height, width) = rows.transform, rows.shape
    frame = np.array([t.c, t.f + t.e * height, t.c + t.a * width, t.f])
    bounds = shapely.total_bounds(zones)
    if rows.is_geographic or not np.isfinite(bounds).all():
        return
    low, high = np.maximum(bounds[:2], frame[:2]), np.minimum(bounds[2:], frame[2:])
    if (low >= high).any():
        return
    size = (high - low) / 100
    x, y = (np.linspace(low[i], high[i] - size[i], _SIDE) for i in range(2))
    squares = [shapely.box(a, b, a + size[0], b + size[1]) for a in x for b in y]
    metres = float(rows.crs.axis_info[0].unit_conversion_factor)
    flat = size[0] * size[1] * metres**2 / 1e6
    ratio = flat / area_km2(gpd.GeoSeries(squares, crs=rows.crs).to_crs("EPSG:4326").to_numpy())
    if np.abs(ratio - 1).max() > TOLERANCE:
        raise CRSError(
            rows.layer,
            found=f"areas that are {ratio.min():.3g} to {ratio.max():.3g} times those on the "
            f"ground ({rows.crs.name})",
            expected=f"areas right to {TOLERANCE:.0%} for statistics by area",
            repair="Bring the raster to an equal-area CRS: raster.rio.reproject('EPSG:6933').",
        )
