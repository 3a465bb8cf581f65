"""Vertices added along edges, so that they keep their course in another CRS."""

from __future__ import annotations

from typing import Any

import numpy as np
import shapely

from geocn._typing import ObjectArray


def densify(geometry: Any, step: float) -> ObjectArray:
    """Give edges a vertex at least every ``step``, in the unit of the coordinates.

    Geometries with a line or ring that encloses nothing or has no length are left as they
    are: GEOS refuses or empties them, and they have no course to keep.

    Parameters
    ----------
    geometry : array of shapely geometries
    step : float
        Above zero.

    Examples
    --------
    >>> import shapely
    >>> [len(line.coords) for line in densify([shapely.LineString([(0, 0), (1, 0)])], 0.25)]
    [5]
    """
    shapes = np.atleast_1d(np.asarray(geometry, dtype=object))
    try:
        dense = np.asarray(shapely.segmentize(shapes, step), dtype=object)
    except shapely.errors.GEOSException:
        dense = np.array([_one(shape, step) for shape in shapes], dtype=object)
    return np.where(shapely.is_empty(dense), shapes, dense)


def _one(shape: Any, step: float) -> Any:
    try:
        return shapely.segmentize(shape, step)
    except shapely.errors.GEOSException:
        return shape
