"""Geometries on their way into a layer: in degrees, two-dimensional, valid, of the right type."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyproj
import shapely

from geocn._typing import AnyArray, BoolArray, ObjectArray
from geocn.errors import CRSError
from geocn.layers.draft import Draft
from geocn.schema import layer_schema
from geocn.spatial.crs import LONLAT

_TYPE_IDS = {
    "Point": 0,
    "LineString": 1,
    "Polygon": 3,
    "MultiPoint": 4,
    "MultiLineString": 5,
    "MultiPolygon": 6,
}
_TYPE_NAMES = [
    "Point",
    "LineString",
    "LinearRing",
    "Polygon",
    "MultiPoint",
    "MultiLineString",
    "MultiPolygon",
    "GeometryCollection",
]
#: Degrees that a coordinate may lie beyond the area for which its CRS is made.
_AREA_MARGIN = 6.0


def take_geometry(draft: Draft) -> None:
    """Bring the geometries of a vector file into the draft, rejecting what cannot be used.

    Raises
    ------
    CRSError
        Where the file has no CRS and none was declared, or one in metres was declared
        for coordinates that are degrees.
    """
    geometry: ObjectArray = np.array(draft.raw.frame["geometry"], dtype=object)
    set_geometry(draft, geometry, draft.raw.crs)


def set_geometry(draft: Draft, geometry: ObjectArray, crs: Any) -> None:
    """Check geometries in ``crs`` and put them, in longitude and latitude, into the draft."""
    geometry = shapely.force_2d(geometry)
    present = ~(shapely.is_missing(geometry) | shapely.is_empty(geometry))
    geometry[~present] = None
    if crs is None and present.any():
        raise CRSError(
            f"{draft.layer} ({draft.raw.path.name})",
            found="geometries without a coordinate reference system",
            expected="a CRS in the file, or one declared",
            repair="Say which it is, such as crs='EPSG:4326'.",
        )
    bad = present & ~_all_finite(geometry)
    draft.reject(bad, "coordinates are not finite")
    geometry[bad] = None
    if crs is not None:
        geometry = _to_degrees(draft, geometry, pyproj.CRS.from_user_input(crs))
    geometry = _on_earth(draft, geometry)
    draft.geometry = right_type(draft, _made_valid(draft, geometry))


def _all_finite(geometry: AnyArray) -> BoolArray:
    xy, row = shapely.get_coordinates(geometry, return_index=True)
    finite = np.ones(len(geometry), dtype=bool)
    finite[row[~np.isfinite(xy).all(axis=1)]] = False
    return finite


def _to_degrees(draft: Draft, geometry: ObjectArray, crs: pyproj.CRS) -> ObjectArray:
    present = ~shapely.is_missing(geometry)
    if crs.equals(pyproj.CRS(LONLAT), ignore_axis_order=True) or not present.any():
        return geometry
    if crs.is_projected and _look_like_degrees(geometry):
        raise CRSError(
            f"{draft.layer} ({draft.raw.path.name})",
            found=f"coordinates that are degrees, though the CRS {crs.to_string()[:40]} is in "
            f"{crs.axis_info[0].unit_name}s",
            expected="coordinates in the units of the CRS",
            repair="Declare the CRS that the coordinates are in, such as crs='EPSG:4326'.",
        )
    transformer = pyproj.Transformer.from_crs(crs, LONLAT, always_xy=True)
    xy = shapely.get_coordinates(geometry)
    moved = np.column_stack(transformer.transform(xy[:, 0], xy[:, 1]))
    result = shapely.set_coordinates(geometry.copy(), np.where(np.isfinite(moved), moved, 999.0))
    outside = present & _outside_area(result, crs)
    draft.reject(outside, f"coordinates lie outside the area of {crs.to_string()[:40]}")
    result[outside] = None
    cleaned: ObjectArray = result
    return cleaned


def _look_like_degrees(geometry: AnyArray) -> bool:
    xy = np.abs(shapely.get_coordinates(geometry))
    return bool(len(xy)) and bool((xy <= (180, 90)).all())


def _outside_area(geometry: AnyArray, crs: pyproj.CRS) -> BoolArray:
    area = crs.area_of_use
    bounds = shapely.bounds(geometry)
    if area is None or area.west > area.east:
        return np.zeros(len(geometry), dtype=bool)
    with np.errstate(invalid="ignore"):
        beyond = (bounds[:, 0] < area.west - _AREA_MARGIN) | (
            bounds[:, 2] > area.east + _AREA_MARGIN
        )
        beyond |= (bounds[:, 1] < area.south - _AREA_MARGIN) | (
            bounds[:, 3] > area.north + _AREA_MARGIN
        )
    result: BoolArray = beyond
    return result


def _on_earth(draft: Draft, geometry: ObjectArray) -> ObjectArray:
    bounds = shapely.bounds(geometry)
    with np.errstate(invalid="ignore"):
        tall = (bounds[:, 1] < -90) | (bounds[:, 3] > 90)
        wide = (bounds[:, 0] < -180) | (bounds[:, 2] > 180)
        swapped = tall & (np.abs(bounds[:, [0, 2]]) <= 90).all(axis=1)
    draft.reject(swapped, "latitude beyond 90 degrees: the axes look swapped")
    draft.reject(tall & ~swapped, "latitude beyond 90 degrees")
    draft.reject(wide & ~tall, "longitude beyond 180 degrees")
    geometry[tall | wide] = None
    return geometry


def _made_valid(draft: Draft, geometry: ObjectArray) -> ObjectArray:
    broken = ~(shapely.is_missing(geometry) | shapely.is_valid(geometry))
    lines = np.isin(shapely.get_type_id(geometry), (1, 5))
    draft.reject(broken & lines, "line without length")
    geometry[broken & lines] = None
    broken &= ~lines
    if broken.any():
        mended = shapely.make_valid(geometry[broken])
        geometry[broken] = [_areas_only(shape) for shape in mended]
        draft.report["made_valid"] = int(broken.sum())
        draft.raw.notes.append(f"{int(broken.sum())} invalid geometries were made valid")
        emptied = broken & shapely.is_missing(geometry)
        draft.reject(emptied, "area without extent")
    return geometry


def _areas_only(shape: Any) -> Any:
    """Keep the areas of what make_valid leaves; a sliver that collapsed to a line goes."""
    if shape.geom_type in ("Polygon", "MultiPolygon"):
        return shape
    parts = [p for p in shapely.get_parts(shape) if shapely.get_dimensions(p) == 2]
    return shapely.union_all(parts) if parts else None


def right_type(draft: Draft, geometry: ObjectArray) -> ObjectArray:
    """Reject geometries of a type that the layer does not hold."""
    allowed = draft.geometry_types or layer_schema(draft.layer).geometry_types
    types = shapely.get_type_id(geometry)
    wrong = (types >= 0) & ~np.isin(types, [_TYPE_IDS[name] for name in allowed])
    for kind in np.unique(types[wrong]):
        reason = f"geometry is a {_TYPE_NAMES[kind]}, expected {' or '.join(allowed)}"
        draft.reject(wrong & (types == kind), reason)
    geometry[wrong] = None
    return geometry
