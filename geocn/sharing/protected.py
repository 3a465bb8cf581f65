"""Places of care and schools, and what stands near them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from geocn._typing import BoolArray, ObjectArray
from geocn.sharing.rules import Protected
from geocn.spatial.antimeridian import move_longitudes
from geocn.spatial.crs import has_geometry, to_lonlat
from geocn.spatial.geodesy import distance_m

# Shorter than a degree of latitude anywhere, so that the search by degrees misses nothing.
_M_A_DEGREE = 110_000.0
_NEAREST_POLE = 0.01


def protected_shapes(
    rule: Protected, layers: Mapping[str, Any], places: Mapping[str, gpd.GeoDataFrame]
) -> ObjectArray:
    """Return the shapes that ``rule`` protects, in degrees, of released and withheld rows."""
    found: list[ObjectArray] = []
    sites = layers.get("interventions")
    if rule.kinds and isinstance(sites, gpd.GeoDataFrame) and "kind" in sites:
        found.append(_shapes(sites[is_of_kind(sites, rule.kinds)]))
    if rule.places is not None and rule.places in places:
        found.append(_shapes(places[rule.places]))
    return np.concatenate([np.empty(0, dtype=object), *found])


def is_of_kind(frame: pd.DataFrame, kinds: tuple[str, ...]) -> BoolArray:
    """Say which rows are of one of ``kinds``, in any case and with spaces or underscores."""
    if "kind" not in frame:
        return np.zeros(len(frame), dtype=bool)
    wanted = {_plain(kind) for kind in kinds}
    return np.array([_plain(kind) in wanted for kind in frame["kind"]], dtype=bool)


def _plain(kind: Any) -> str:
    return "_".join(str(kind).casefold().replace("_", " ").split())


def _shapes(frame: gpd.GeoDataFrame) -> ObjectArray:
    degrees = to_lonlat(frame, "protected")
    shapes: ObjectArray = degrees.geometry.to_numpy()[has_geometry(degrees)]
    return shapes


def near(frame: gpd.GeoDataFrame, shapes: ObjectArray, *, within_m: float) -> BoolArray:
    """Say which points of ``frame`` lie within so many metres of a shape.

    Distances are geodesics on WGS 84 to the nearest place of the shape in degrees. Lines
    and areas are never near.

    Example
    -------
    >>> frame = gpd.GeoDataFrame(geometry=gpd.points_from_xy([0.0, 0.0], [0.0, 1.0]), crs=4326)
    >>> near(frame, np.array([shapely.Point(0, 0.004)]), within_m=500).tolist()
    [True, False]
    """
    hit = np.zeros(len(frame), dtype=bool)
    geometry = to_lonlat(frame, "release").geometry.to_numpy()
    rows = np.flatnonzero(has_geometry(frame) & (shapely.get_dimensions(geometry) == 0))
    if not len(rows) or not len(shapes):
        return hit
    parts, owner = shapely.get_parts(geometry[rows], return_index=True)
    # Copies to either side, so that the edge of the map is none.
    around = np.concatenate(
        [shapes, move_longitudes(shapes, 360.0), move_longitudes(shapes, -360.0)]
    )
    tree = shapely.STRtree(around)
    y = shapely.get_y(parts)
    reach = within_m / _M_A_DEGREE
    wide = reach / np.maximum(np.cos(np.radians(np.minimum(np.abs(y) + reach, 90))), _NEAREST_POLE)
    x = shapely.get_x(parts)
    boxes = shapely.box(x - wide, y - reach, x + wide, y + reach)
    point, shape = tree.query(boxes, predicate="intersects")
    link = shapely.get_coordinates(shapely.shortest_line(parts[point], around[shape]))
    metres = distance_m(link[::2, 0], link[::2, 1], link[1::2, 0], link[1::2, 1])
    hit[rows[owner[point[metres <= within_m]]]] = True
    return hit
