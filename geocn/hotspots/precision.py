"""Events that are known less exactly than the cells they are counted in."""

from __future__ import annotations

from typing import Literal

import geopandas as gpd
import numpy as np
import shapely

from geocn._typing import FloatArray
from geocn.errors import ParameterError

Imprecise = Literal["spread", "leave_out"]
IMPRECISE = ("spread", "leave_out")
PRECISION = "location_precision_m"


def check_imprecise(imprecise: str) -> None:
    """Refuse an unknown way to treat imprecise events."""
    if imprecise not in IMPRECISE:
        raise ParameterError(f"imprecise {imprecise!r}; choose one of {', '.join(IMPRECISE)}")


def given_precision(events: gpd.GeoDataFrame) -> FloatArray:
    """``location_precision_m`` of each event, 0 where it is unknown or negative."""
    if PRECISION not in events:
        return np.zeros(len(events))
    given: FloatArray = events[PRECISION].to_numpy(dtype=float, na_value=np.nan)
    return np.maximum(np.nan_to_num(given), 0.0)


def centres_and_precision(events: gpd.GeoDataFrame) -> tuple[FloatArray, FloatArray]:
    """Coordinates of each event in its CRS, and the radius in metres within which it lies.

    ``events`` are in a projected CRS and have geometries. The radius is the larger of the
    column ``location_precision_m`` (0 where unknown) and half the width of an area or line.
    """
    geometry = events.geometry.to_numpy()
    points = shapely.get_type_id(geometry) == 0
    centre, radius = geometry, np.zeros(len(events))
    if not points.all():
        crs = events.crs
        centre = np.where(points, geometry, shapely.centroid(geometry))
        radius = np.where(points, 0.0, shapely.minimum_bounding_radius(geometry))
        radius *= crs.axis_info[0].unit_conversion_factor if crs else 1.0
    return shapely.get_coordinates(centre), np.maximum(radius, given_precision(events))
