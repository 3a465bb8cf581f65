"""Geometries on their way into a map: longitude and latitude, checked, packed as deltas."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from geocn._typing import AnyArray, BoolArray, FloatArray, IntArray
from geocn.errors import CoordinateError, CRSError, SchemaError
from geocn.io.packed import Pack
from geocn.io.packed_integers import bits_of
from geocn.maps.columns import Column, numbers

#: Steps a degree of the packed coordinates: about one metre.
STEPS = 100_000
_METRES_A_DEGREE = 111_320.0
_COARSER = (1_000, 10_000)
_STEPS_IN_PRECISION = 5.0
_FEW_ROWS = 2_000
_HUGE = 1e9
_LONLAT = "EPSG:4326"
_POINT, _LINE, _RING, _HOLE = 0, 1, 2, 3


def lonlat(frame: gpd.GeoDataFrame, layer: str) -> gpd.GeoDataFrame:
    """Return a copy in EPSG:4326 whose undrawable geometries are null.

    Raises
    ------
    SchemaError, CRSError, CoordinateError
        Where it is no GeoDataFrame, has no CRS, or holds impossible coordinates.
    """
    if not isinstance(frame, gpd.GeoDataFrame) or frame._geometry_column_name not in frame:  # noqa: SLF001
        raise SchemaError(
            layer,
            found=f"a {type(frame).__name__} without geometry",
            expected="a GeoDataFrame",
            repair="Read it with geocn.read_… or build geopandas.GeoDataFrame(..., crs=...).",
        )
    if frame.columns.has_duplicates:
        raise SchemaError(
            layer,
            found="two columns of one name",
            expected="one column a name",
            repair="Rename or drop one of each.",
        )
    if frame.crs is None:
        raise CRSError(
            layer,
            found="no coordinate reference system",
            expected="a known one",
            repair="Set it with frame.set_crs(...).",
        )
    result = frame.rename_geometry("geometry") if frame.geometry.name != "geometry" else frame
    result = result.copy()
    bounds = _bounds(result.geometry)
    huge = np.isfinite(bounds) & (np.abs(bounds) > _HUGE)
    _refuse(result, np.asarray(huge.any(axis=1)), layer)
    result["geometry"] = result.geometry.where(np.isfinite(bounds).all(axis=1), None)
    if result.crs != _LONLAT:
        result = result.to_crs(_LONLAT)
        bounds = _bounds(result.geometry)
        result["geometry"] = result.geometry.where(np.isfinite(bounds).all(axis=1), None)
    bounds[~np.isfinite(bounds).all(axis=1)] = np.nan
    limits = np.array([-360.0, -90.0, -90.0, 360.0])
    with np.errstate(invalid="ignore"):
        outside = (bounds[:, 0] < limits[0]) | (bounds[:, 2] > limits[3])
        outside |= (bounds[:, 1] < -90.0 - 1e-9) | (bounds[:, 3] > 90.0 + 1e-9)
    _refuse(result, outside, layer)
    return result


def _bounds(geometry: gpd.GeoSeries) -> FloatArray:
    """Return the bounds of each geometry; not finite where it cannot be drawn."""
    return np.array(shapely.bounds(np.asarray(geometry.values)), dtype=np.float64)


def _refuse(frame: gpd.GeoDataFrame, wrong: BoolArray, layer: str) -> None:
    if wrong.any():
        first = shapely.to_wkt(frame.geometry[wrong].iloc[0], rounding_precision=3)
        raise CoordinateError(
            layer,
            found=f"impossible coordinates such as {first[:80]}",
            expected="longitudes within ±180 and latitudes within ±90 degrees",
            repair="Check the CRS and whether the axes are swapped.",
            rows=list(frame.index[wrong]),
        )


def steps_a_degree(precision_m: pd.Series | None) -> int:
    """Return the resolution that the data deserve, in steps a degree.

    About a metre; coarser, by tens, where every place is known no better than five steps.
    """
    known = numbers(precision_m) if precision_m is not None else np.empty(0)
    if not len(known) or not (known > 0).all():
        return STEPS
    finest = float(known.min()) / _STEPS_IN_PRECISION
    return next((s for s in _COARSER if _METRES_A_DEGREE / s <= finest), STEPS)


def point_places(geometry: gpd.GeoSeries) -> FloatArray | None:
    """Return where each row lies, NaN for none; None where not all rows are single points.

    Reading the vertices of shapes in another order than they were made in costs ten times as
    much: whoever sorts the rows sorts these.
    """
    shapes = np.asarray(geometry.values)
    if (shapely.get_type_id(shapes) > 0).any():
        return None
    known = ~shapely.is_missing(shapes) & ~shapely.is_empty(shapes)
    places = np.full((len(shapes), 2), np.nan)
    places[known] = shapely.get_coordinates(shapes[known])
    return places


def encode_geometry(
    geometry: gpd.GeoSeries,
    pack: Pack,
    *,
    steps: int = STEPS,
    order: IntArray | None = None,
    places: FloatArray | None = None,
) -> dict[str, Any]:
    """Put geometries into ``pack``; the page rebuilds them row by row.

    Every geometry is taken apart into points, lines, rings and holes. ``f`` is the row of
    each part, ``k`` its kind, ``c`` its number of vertices; ``x`` and ``y`` are the vertices
    in ``s`` steps a degree. ``order`` puts the rows in another order; ``places`` are those of
    :func:`point_places`, where they are known.
    """
    if places is None:
        shapes = np.asarray(geometry.values)
        parts, row, kind = _parts(shapes if order is None else shapes[order])
        xy, part = shapely.get_coordinates(parts, return_index=True)
    else:
        sorted_places = places if order is None else places[order]
        row = np.flatnonzero(~np.isnan(sorted_places[:, 0]))
        xy, part, kind = sorted_places[row], np.arange(len(row)), np.full(len(row), _POINT)
    xy, part, row, kind = _split(xy, part, row, kind)
    counts = np.bincount(part, minlength=len(row)) if len(row) else np.empty(0, dtype=np.int64)
    vertices = np.round(xy * steps).astype(np.int64)
    return {
        "s": steps,
        "f": pack.array(row, "u4"),
        "k": pack.array(kind, "u1"),
        "c": pack.array(counts, "u4"),
        "x": pack.array(vertices[:, 0], "i4"),
        "y": pack.array(vertices[:, 1], "i4"),
    }


def order_of(
    places: FloatArray | None, columns: Iterable[Column], *, steps: int = STEPS
) -> IntArray | None:
    """Return the order of rows along a Hilbert curve where that makes the file smaller.

    Neighbours then follow each other and their places differ little; but a column that was
    in order (numbered rows, dates) is so no more. None where the rows are few, are no single
    points, or weigh less as they are.
    """
    if places is None or len(places) < _FEW_ROWS:
        return None
    steps_of = np.round(np.nan_to_num(places) * steps).astype(np.int64)
    points = gpd.GeoSeries(gpd.points_from_xy(*np.nan_to_num(places).T))
    order = np.argsort(points.hilbert_distance(level=16).to_numpy(), kind="stable")
    before = sum(bits_of(steps_of[:, k]) - bits_of(steps_of[order, k]) for k in (0, 1))
    before += sum(column.bits(None) - column.bits(order) for column in columns)
    return order if before > 0 else None


def _parts(shapes: AnyArray) -> tuple[AnyArray, IntArray, IntArray]:
    kinds = shapely.get_type_id(shapes)
    if (kinds <= 0).all():
        row = np.flatnonzero((kinds == 0) & ~shapely.is_empty(shapes))
        return shapes[row], row, np.full(len(row), _POINT)
    single, row = shapely.get_parts(shapes, return_index=True)
    nested = shapely.get_type_id(single) >= 4
    while nested.any():
        deeper, index = shapely.get_parts(single, return_index=True)
        single, row = deeper, row[index]
        nested = shapely.get_type_id(single) >= 4
    keep = ~shapely.is_empty(single)
    single, row = single[keep], row[keep]
    type_id = shapely.get_type_id(single)
    area = type_id == 3
    rings, owner = shapely.get_rings(single[area], return_index=True)
    first = np.ones(len(owner), dtype=bool)
    first[1:] = owner[1:] != owner[:-1]
    parts = np.concatenate([single[~area], rings])
    rows = np.concatenate([row[~area], row[area][owner]])
    kinds = np.concatenate(
        [np.where(type_id[~area] == 0, _POINT, _LINE), np.where(first, _RING, _HOLE)]
    )
    order = np.argsort(rows, kind="stable")
    return parts[order], rows[order].astype(np.int64), kinds[order].astype(np.int64)


def _split(
    xy: FloatArray, part: IntArray, row: IntArray, kind: IntArray
) -> tuple[FloatArray, IntArray, IntArray, IntArray]:
    """Bring 0–360 longitudes home and cut lines where they cross the antimeridian."""
    xy = xy.copy()
    over = np.abs(xy[:, 0]) > 180
    xy[over, 0] = (xy[over, 0] + 180) % 360 - 180
    same = part[1:] == part[:-1]
    jump = same & (np.abs(np.diff(xy[:, 0])) > 180)
    at = np.flatnonzero(jump & (kind[part[1:]] == _LINE)) + 1 if len(part) else np.empty(0, int)
    if not len(at):
        return xy, part, row, kind
    before, after = xy[at - 1], xy[at]
    side = np.where(before[:, 0] > 0, 180.0, -180.0)
    across = after[:, 0] + 2 * side
    share = (side - before[:, 0]) / np.where(across == before[:, 0], 1, across - before[:, 0])
    lat = before[:, 1] + share * (after[:, 1] - before[:, 1])
    ends, starts = np.c_[side, lat], np.c_[-side, lat]
    cut = np.zeros(len(xy), dtype=np.int64)
    cut[at] = 1
    piece = part + np.cumsum(cut)
    owner = np.zeros(int(piece[-1]) + 1, dtype=np.int64)
    owner[piece] = part
    places = np.repeat(at, 2)
    xy = np.insert(xy, places, np.stack([ends, starts], axis=1).reshape(-1, 2), axis=0)
    piece = np.insert(piece, places, np.stack([piece[at - 1], piece[at]], axis=1).ravel())
    return xy, piece, row[owner], kind[owner]


def bounds_of(geometries: list[gpd.GeoSeries]) -> tuple[float, float, float, float] | None:
    """Return west, south, east, north of everything drawn, or None where nothing is."""
    boxes = [g.total_bounds for g in geometries if len(g) and g.notna().any()]
    boxes = [box for box in boxes if np.isfinite(box).all()]
    if not boxes:
        return None
    stack = np.stack(boxes)
    west, south = stack[:, :2].min(axis=0)
    east, north = stack[:, 2:].max(axis=0)
    return float(west), float(south), float(east), float(north)
