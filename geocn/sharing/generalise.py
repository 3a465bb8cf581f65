"""Places made coarser: to cells of a fixed grid, to areas, to simpler lines."""

from __future__ import annotations

from typing import Any, Literal

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from geocn._typing import BoolArray, FloatArray, ObjectArray
from geocn.errors import SchemaError
from geocn.spatial.binning import bin_points
from geocn.spatial.crs import GLOBAL_EQUAL_AREA, LONLAT, has_geometry, to_lonlat
from geocn.spatial.geodesy import distance_m

PRECISION = "location_precision_m"
# One degree of a great circle on the sphere of the mean radius, 6371.0088 km.
_KM_A_DEGREE = 111.195
_CIRCLE = 64
# About a centimetre.
_DECIMALS = 7


def cell_bounds(lon: FloatArray, lat: FloatArray, *, grid_km: float) -> FloatArray:
    """Return west, south, east, north in degrees of the cell of each place, (n, 4).

    The grid covers the globe in bands of latitude of equal height, each cut into equal
    cells about as wide as high. It depends on ``grid_km`` alone, never on the data, so
    that the cells of two releases are the same.

    Example
    -------
    >>> cell_bounds(np.array([-77.1]), np.array([0.4]), grid_km=100).round(3).tolist()
    [[-77.4, 0.0, -76.5, 0.9]]
    """
    bands = max(1, round(180 * _KM_A_DEGREE / grid_km))
    height = 180 / bands
    band = np.clip(np.floor((np.asarray(lat) + 90) / height), 0, bands - 1)
    south = -90 + band * height
    around = 360 * _KM_A_DEGREE * np.cos(np.radians(south + height / 2))
    number = np.maximum(1, np.round(around / grid_km))
    width = 360 / number
    west = -180 + (np.floor((np.asarray(lon) + 180) / width) % number) * width
    bounds = np.column_stack([west, south, west + width, south + height])
    return np.asarray(np.round(bounds, _DECIMALS), dtype=np.float64)


def cell_centres(xy: FloatArray, *, grid_km: float) -> FloatArray:
    """Return the centre of the cell of each place, (n, 2) in degrees."""
    bounds = cell_bounds(xy[:, 0], xy[:, 1], grid_km=grid_km)
    centres: FloatArray = _centres(bounds)
    return centres


def to_grid(
    frame: gpd.GeoDataFrame, *, grid_km: float, shape: Literal["centre", "cell"] = "centre"
) -> gpd.GeoDataFrame:
    """Move every place to its cell of a grid that does not depend on the data.

    Points, and areas smaller than a cell, become the centre of their cell or the cell
    itself; several points become one each. The vertices of lines and of larger areas move
    to the centres of their cells; what collapses becomes a cell too, or null for a line.
    Done twice, it gives the same.

    Parameters
    ----------
    frame : GeoDataFrame
        In any CRS. Null and empty places stay.
    grid_km : float
        About the width and height of a cell in kilometres.
    shape : {"centre", "cell"}
        What a point becomes.

    Returns
    -------
    GeoDataFrame
        In longitude and latitude; ``location_precision_m`` is at least the distance from
        the centre to the farthest corner of the cell.

    Raises
    ------
    CRSError, CoordinateError
        Where the frame has no CRS, or a coordinate lies nowhere on Earth.

    Example
    -------
    >>> site = gpd.GeoDataFrame(geometry=[shapely.Point(-77.1, 0.4)], crs=4326)
    >>> coarse = to_grid(site, grid_km=100)
    >>> coarse.geometry.iloc[0].wkt, int(coarse["location_precision_m"].iloc[0])
    ('POINT (-76.95 0.45)', 70606)
    """
    result = to_lonlat(frame, "release").copy()
    geometry = np.array(result.geometry.to_numpy(), dtype=object)
    held = np.flatnonzero(has_geometry(result))
    within = shapely.centroid(geometry[held])
    bounds = cell_bounds(shapely.get_x(within), shapely.get_y(within), grid_km=grid_km)
    cells = np.asarray(shapely.box(*bounds.T), dtype=object).reshape(-1)
    for row, cell in zip(held.tolist(), cells, strict=True):
        geometry[row] = _gridded(geometry[row], cell, grid_km=grid_km, shape=shape)
    result = result.set_geometry(gpd.GeoSeries(geometry, index=result.index, crs=LONLAT))
    reach = np.full(len(result), np.nan)
    x, y = _centres(bounds).T
    south, north = (distance_m(x, y, bounds[:, 0], bounds[:, side]) for side in (1, 3))
    reach[held] = np.maximum(south, north)
    return with_precision(result, reach)


def _gridded(geometry: Any, cell: Any, *, grid_km: float, shape: str) -> Any:
    dimension = shapely.get_dimensions(geometry)
    if dimension == 0 and shapely.get_num_geometries(geometry) == 1:
        return cell if shape == "cell" else _middle(cell)
    if dimension == 0:
        centres = cell_centres(shapely.get_coordinates(geometry), grid_km=grid_km)
        return shapely.multipoints(np.unique(centres, axis=0))
    west, south, east, north = shapely.bounds(geometry)
    x0, y0, x1, y1 = shapely.bounds(cell)
    if dimension == 2 and east - west <= x1 - x0 and north - south <= y1 - y0:
        return cell
    snapped = shapely.transform(
        shapely.force_2d(geometry), lambda xy: cell_centres(xy, grid_km=grid_km)
    )
    return _mended_line(snapped) if dimension == 1 else _mended_area(snapped, cell)


def _middle(cell: Any) -> Any:
    return shapely.Point(_centres(np.array([shapely.bounds(cell)]))[0])


def _centres(bounds: FloatArray) -> FloatArray:
    centres: FloatArray = np.round((bounds[:, :2] + bounds[:, 2:]) / 2, _DECIMALS)
    return centres


def _mended_line(line: Any) -> Any:
    parts = shapely.remove_repeated_points(shapely.get_parts(line))
    long = parts[shapely.length(parts) > 0]
    if not len(long):
        return None
    return long[0] if len(long) == 1 else shapely.multilinestrings(long)


def _mended_area(area: Any, cell: Any) -> Any:
    parts = shapely.get_parts(shapely.make_valid(area, method="structure"))
    whole = parts[(shapely.get_dimensions(parts) == 2) & (shapely.area(parts) > 0)]
    if not len(whole):
        return cell
    return whole[0] if len(whole) == 1 else shapely.union_all(whole)


def to_admin(
    frame: gpd.GeoDataFrame,
    areas: gpd.GeoDataFrame,
    *,
    shape: Literal["polygon", "code"] = "polygon",
) -> gpd.GeoDataFrame:
    """Let every place be the area in which it lies; lines and areas go by a point inside.

    Parameters
    ----------
    frame : GeoDataFrame
        In any CRS.
    areas : GeoDataFrame
        Areas with a ``code``.
    shape : {"polygon", "code"}
        The shape of the area, or no shape and only ``admin_code``.

    Returns
    -------
    GeoDataFrame
        With ``admin_code`` and, as ``location_precision_m``, how far the area reaches
        from a point inside it. A place in no area becomes null.

    Raises
    ------
    SchemaError
        Where ``areas`` has no ``code``.

    Example
    -------
    >>> areas = gpd.GeoDataFrame({"code": ["07"]}, geometry=[shapely.box(-78, 0, -77, 1)], crs=4326)
    >>> sites = gpd.GeoDataFrame(geometry=[shapely.Point(-77.5, 0.2)], crs=4326)
    >>> to_admin(sites, areas, shape="code")[["admin_code", "geometry"]].values.tolist()
    [['07', None]]
    """
    if "code" not in areas:
        raise SchemaError(
            "admin",
            found=f"columns {', '.join(map(str, areas.columns))}",
            expected="areas with a `code`",
            repair="Name the column in [places.…]: code = …",
        )
    result = to_lonlat(frame, "release").copy()
    shapes = to_lonlat(areas, "admin").geometry
    held = has_geometry(result)
    inside = shapely.point_on_surface(np.asarray(result.geometry.to_numpy(), dtype=object)[held])
    at = np.full(len(result), -1)
    if held.any():
        xy = np.column_stack([shapely.get_x(inside), shapely.get_y(inside)])
        at[held] = bin_points(xy, gpd.GeoDataFrame(geometry=shapes.to_numpy(), crs=LONLAT))
    found = at >= 0
    codes = areas["code"].astype("str").to_numpy(dtype=object)
    former = result["admin_code"] if "admin_code" in result else pd.Series(None, result.index)
    code = former.astype("str").to_numpy(dtype=object).copy()
    code[found] = codes[at[found]]
    result["admin_code"] = pd.Series(code, index=result.index, dtype="str")
    geometry = np.full(len(result), None, dtype=object)
    if shape == "polygon":
        geometry[found] = shapes.to_numpy()[at[found]]
    result = result.set_geometry(gpd.GeoSeries(geometry, index=result.index, crs=LONLAT))
    reach = {one: _reach(shapes.iloc[one]) for one in np.unique(at[found])}
    return with_precision(result, np.array([reach.get(one, np.nan) for one in at], dtype=float))


def _reach(area: Any) -> float:
    """Farthest vertex from a point inside, in metres."""
    point = shapely.point_on_surface(area)
    xy = shapely.get_coordinates(shapely.convex_hull(area))
    return float(distance_m(point.x, point.y, *xy.T).max())


def simplify(frame: gpd.GeoDataFrame, *, tolerance_m: float) -> gpd.GeoDataFrame:
    """Take detail below ``tolerance_m`` metres off lines and areas; points stay.

    Vertices are dropped (Douglas and Peucker 1973) and those left are moved to a lattice of
    a tenth of the tolerance in EPSG:6933, so that none keeps its own coordinates.

    Parameters
    ----------
    frame : GeoDataFrame
        In any CRS.
    tolerance_m : float
        Metres.

    Returns
    -------
    GeoDataFrame
        In longitude and latitude; ``location_precision_m`` of what changed is at least
        ``tolerance_m``.

    References
    ----------
    Douglas and Peucker 1973, doi:10.3138/FM57-6770-U75U-7727.

    Example
    -------
    >>> line = shapely.LineString([(0, 0), (0.5, 0.001), (1, 0)])
    >>> route = gpd.GeoDataFrame(geometry=[line], crs=4326)
    >>> len(simplify(route, tolerance_m=1000).geometry.iloc[0].coords)
    2
    """
    result = to_lonlat(frame, "release").copy()
    shaped: BoolArray = has_geometry(result) & (
        shapely.get_dimensions(result.geometry.to_numpy()) > 0
    )
    flat = gpd.GeoSeries(result.geometry[shaped], crs=LONLAT).to_crs(GLOBAL_EQUAL_AREA)
    simple: ObjectArray = shapely.simplify(flat.to_numpy(), tolerance_m)
    snapped = shapely.set_precision(simple, tolerance_m / 10)
    # What is smaller than the lattice would vanish: a small circle says as much as it should.
    lost = shapely.is_empty(snapped) & (shapely.get_dimensions(simple) == 2)
    snapped[lost] = shapely.buffer(
        shapely.set_precision(shapely.centroid(simple[lost]), tolerance_m),
        tolerance_m,
        quad_segs=_CIRCLE // 4,
    )
    snapped[shapely.is_empty(snapped)] = None
    back = gpd.GeoSeries(snapped, index=flat.index, crs=GLOBAL_EQUAL_AREA).to_crs(LONLAT)
    geometry = np.array(result.geometry.to_numpy(), dtype=object)
    geometry[shaped] = back.to_numpy()
    result = result.set_geometry(gpd.GeoSeries(geometry, index=result.index, crs=LONLAT))
    return with_precision(result, np.where(shaped, tolerance_m, np.nan))


def with_precision(frame: gpd.GeoDataFrame, radius_m: FloatArray) -> gpd.GeoDataFrame:
    """Let ``location_precision_m`` be at least ``radius_m``; NaN leaves it as it is."""
    known = np.full(len(frame), np.nan)
    if PRECISION in frame:
        known = np.asarray(pd.to_numeric(frame[PRECISION]), dtype=float)
    frame[PRECISION] = np.fmax(known, radius_m)
    return frame
