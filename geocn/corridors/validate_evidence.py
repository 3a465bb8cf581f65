"""Where observed routes and events may lie, as weighted places."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import geopandas as gpd
import numpy as np
import pyproj
import shapely

from geocn._typing import AnyArray, FloatArray, IntArray
from geocn.errors import SchemaError
from geocn.spatial.crs import has_geometry, to_lonlat
from geocn.spatial.densify import densify
from geocn.spatial.geodesy import distance_m

_METRES_A_DEGREE = 111_320.0
_PRECISION = "location_precision_m"
_GOLDEN = np.pi * (3 - np.sqrt(5))
_MOST_ON_DISC = {"point": 256, "line": 32}
_MOST_IN_AREA = 1024


@dataclass(frozen=True, slots=True)
class Evidence:
    """Places of ``n_items`` observations; the weights of each observation sum to 1.

    Attributes
    ----------
    item : (k,) int64
        Observation of each place, in their order.
    lon, lat, weight : (k,) float64
        Degrees, and the share of the observation.
    labels, left_out : list
        Index labels of the observations, and of rows without a geometry.
    is_route : bool
        Whether most of them are lines.
    n_imprecise : int
        Observations whose place is known no better than a cell.
    """

    item: IntArray
    lon: FloatArray
    lat: FloatArray
    weight: FloatArray
    labels: list[Any]
    left_out: list[Any]
    is_route: bool
    n_imprecise: int

    @property
    def n_items(self) -> int:
        """Number of observations."""
        return len(self.labels)

    def means(self, values: FloatArray) -> FloatArray:
        """Weighted mean of ``values`` (one a place) of each observation."""
        return np.bincount(self.item, self.weight * values, self.n_items).astype(np.float64)


def evidence(observed: gpd.GeoDataFrame, *, cell_m: float) -> Evidence:
    """Spread each observation evenly over where it may lie.

    A line counts by its length, an area by its area; a point or line known to within
    ``location_precision_m`` is spread over that disc. The places are a fixed lattice and no
    random draw: shares over them are expected shares.

    Parameters
    ----------
    observed : GeoDataFrame
        Points, lines or areas, in any CRS.
    cell_m : float
        Size of what they are compared with; places stand half of it apart, an eighth on lines.

    Raises
    ------
    SchemaError
        Where a precision is negative or infinite.
    CRSError, CoordinateError
        As :func:`geocn.spatial.crs.to_lonlat`.
    """
    there = has_geometry(observed)
    frame = to_lonlat(observed[there], "observed")
    shapes = np.asarray(frame.geometry.to_numpy(), dtype=object)
    precision = _precision(frame)
    dimension = shapely.get_dimensions(shapes)
    places: list[AnyArray] = [np.empty((0, 4))]
    for position, shape in enumerate(shapes):
        spread = precision[position]
        if dimension[position] == 2:
            found = _in_area(shape, cell_m)
        elif dimension[position] == 1:
            found = _on_disc(_on_line(shape, max(cell_m / 8, spread / 4)), spread, cell_m, "line")
        else:
            points = shapely.get_coordinates(shape)
            found = _on_disc(
                np.column_stack([points, np.ones(len(points))]), spread, cell_m, "point"
            )
        share = found[:, 2] / found[:, 2].sum()
        places.append(np.column_stack([np.full(len(found), position), found[:, :2], share]))
    table = np.concatenate(places)
    return Evidence(
        table[:, 0].astype(np.int64), (table[:, 1] + 180) % 360 - 180, table[:, 2], table[:, 3],
        list(frame.index), list(observed.index[~there]),
        bool(len(shapes)) and bool(np.mean(dimension == 1) > 0.5),
        int(((precision > cell_m) | (dimension == 2)).sum()),
    )  # fmt: skip


def route_ends(observed: gpd.GeoDataFrame) -> AnyArray:
    """First and last places of the lines: (n, 4) longitudes and latitudes."""
    frame = to_lonlat(observed[has_geometry(observed)], "observed")
    lines = frame.geometry.to_numpy()[shapely.get_dimensions(frame.geometry.to_numpy()) == 1]
    xy, owner = shapely.get_coordinates(lines, return_index=True)
    first = np.searchsorted(owner, np.arange(len(lines)))
    last = np.searchsorted(owner, np.arange(len(lines)), side="right") - 1
    return np.column_stack([xy[first], xy[last]]) if len(lines) else np.empty((0, 4))


def _precision(frame: gpd.GeoDataFrame) -> FloatArray:
    if _PRECISION not in frame:
        return np.zeros(len(frame))
    given = frame[_PRECISION].to_numpy(dtype=float, na_value=np.nan)
    bad = (given < 0) | np.isinf(given)
    if bad.any():
        raise SchemaError(
            "observed",
            found=f"{_PRECISION} that is negative or infinite",
            expected="metres of 0 or more, null where unknown",
            repair="Correct these rows.",
            rows=list(frame.index[bad]),
        )
    return np.asarray(np.nan_to_num(given))


def _on_line(shape: Any, step_m: float) -> FloatArray:
    """Middles of pieces of a line and their lengths in metres."""
    dense = densify(shapely.get_parts([shape]), step_m / _METRES_A_DEGREE)
    xy, owner = shapely.get_coordinates(dense, return_index=True)
    step = owner[1:] == owner[:-1]
    a, b = xy[:-1][step], xy[1:][step]
    length = distance_m(a[:, 0], a[:, 1], b[:, 0], b[:, 1])
    if not length.sum() > 0:
        return np.array([[*xy[0], 1.0]])
    return np.column_stack([(a + b) / 2, length])


def _in_area(shape: Any, cell_m: float) -> FloatArray:
    """Places evenly inside an area, weighed by what a degree of longitude is worth there."""
    west, south, east, north = shapely.bounds(shape)
    narrow = max(float(np.cos(np.radians((south + north) / 2))), 1e-6)
    size = max(shapely.area(shape), 0.0) * narrow
    step = max(cell_m / 2 / _METRES_A_DEGREE, np.sqrt(size / _MOST_IN_AREA))
    x = np.arange(west + step / narrow / 2, east, step / narrow)
    y = np.arange(south + step / 2, north, step)
    lon, lat = (axis.ravel() for axis in np.meshgrid(x, y))
    inside = shapely.contains_xy(shape, lon, lat)
    if not inside.any():
        middle = shapely.point_on_surface(shape)
        return np.array([[shapely.get_x(middle), shapely.get_y(middle), 1.0]])
    weight = np.cos(np.radians(lat[inside]))
    return np.column_stack([lon[inside], lat[inside], weight])


def _on_disc(places: FloatArray, radius_m: float, cell_m: float, kind: str) -> FloatArray:
    """Spread places evenly over discs (Vogel 1979, doi:10.1016/0025-5564(79)90080-4)."""
    wanted = np.pi * (radius_m / (cell_m / 2)) ** 2
    if wanted <= 1:
        return places
    n = int(np.clip(np.ceil(wanted), 8, _MOST_ON_DISC[kind]))
    k = np.arange(n)
    away, angle = radius_m * np.sqrt((k + 0.5) / n), np.degrees(k * _GOLDEN)
    lon, lat = np.repeat(places[:, 0], n), np.repeat(places[:, 1], n)
    lon, lat, _ = pyproj.Geod(ellps="WGS84").fwd(
        lon, lat, np.tile(angle, len(places)), np.tile(away, len(places))
    )
    return np.column_stack([lon, lat, np.repeat(places[:, 2] / n, n)])
