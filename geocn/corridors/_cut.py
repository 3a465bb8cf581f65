"""Lines cut into the pieces that lie in each cell, with geodesic lengths."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from pyproj import CRS, Transformer

from geocn._typing import FloatArray, IntArray, ObjectArray
from geocn.spatial.antimeridian import shortest_way
from geocn.spatial.crs import LONLAT, equal_area_crs
from geocn.spatial.densify import densify
from geocn.spatial.geodesy import distance_m, geodesic_length_km
from geocn.spatial.grids import make_grid

_DEGREE_M = 111_000.0
# A stretch in degrees gets a vertex at least this often, so that its pieces follow it
# in the equal-area system too.
_DENSE_CELLS = 10.0


def by_squares(
    lonlat: ObjectArray, cell_m: float, crs: CRS
) -> tuple[pd.DataFrame, gpd.GeoDataFrame]:
    """Cut lines by squares of an equal-area CRS; only crossed squares are built.

    Returns
    -------
    DataFrame, GeoDataFrame
        Pieces (route, cell, length_km, bearing) and cells (``cell_id``, geometry in ``crs``).
    """
    lonlat = shortest_way(lonlat)
    plane = equal_area_crs(gpd.GeoSeries(lonlat, crs=LONLAT))
    a, b, route = _segments(lonlat, _DENSE_CELLS * cell_m / _DEGREE_M)
    to_plane = Transformer.from_crs(LONLAT, plane, always_xy=True)
    start = np.column_stack(to_plane.transform(a[:, 0], a[:, 1])) / cell_m
    end = np.column_stack(to_plane.transform(b[:, 0], b[:, 1])) / cell_m
    segment, column, row, share = _pieces(start, end)
    km = distance_m(a[:, 0], a[:, 1], b[:, 0], b[:, 1]) / 1000
    key = np.column_stack([row, column])
    unique, cell = np.unique(key, axis=0, return_inverse=True)
    pieces = pd.DataFrame(
        {
            "route": route[segment],
            "cell": cell.ravel(),
            "length_km": km[segment] * share,
            "bearing": bearings(a, b)[segment],
        }
    )
    squares = shapely.box(
        unique[:, 1] * cell_m,
        unique[:, 0] * cell_m,
        (unique[:, 1] + 1) * cell_m,
        (unique[:, 0] + 1) * cell_m,
    )
    names = [f"{i}:{j}" for j, i in unique.tolist()]
    cells = gpd.GeoDataFrame(
        {"cell_id": pd.Series(names, dtype="str")}, geometry=_from_plane(squares, plane, crs)
    )
    return pieces, cells


def by_areas(
    lonlat: ObjectArray, grid: gpd.GeoDataFrame, *, longest: float = np.inf
) -> tuple[pd.DataFrame, gpd.GeoDataFrame]:
    """Cut lines by the areas of ``grid``; cells are its rows.

    Stretches longer than ``longest`` degrees get vertices on their way.
    """
    a, b, route = _segments(shortest_way(lonlat), longest)
    to_grid = Transformer.from_crs(LONLAT, grid.crs, always_xy=True)
    ends = [np.column_stack(to_grid.transform(*xy.T.copy())) for xy in (a, b)]
    lines = np.asarray(shapely.linestrings(np.stack(ends, axis=1)), dtype=object)
    areas = grid.geometry.to_numpy()
    segment, cell = shapely.STRtree(areas).query(lines, predicate="intersects")
    shapely.prepare(areas)
    whole = shapely.covers(areas[cell], lines[segment])
    km = np.zeros(len(segment))
    s = segment[whole]
    km[whole] = distance_m(*a[s].T, *b[s].T) / 1000
    inside = shapely.intersection(lines[segment[~whole]], areas[cell[~whole]])
    km[~whole] = geodesic_length_km(gpd.GeoSeries(inside, crs=grid.crs).to_crs(LONLAT).to_numpy())
    table = {"route": route[segment], "cell": cell, "length_km": km}
    pieces = pd.DataFrame(table | {"bearing": bearings(a, b)[segment]})
    return pieces[km > 0].reset_index(drop=True), grid


def by_hexagons(
    lonlat: ObjectArray, cell_m: float, crs: CRS
) -> tuple[pd.DataFrame, gpd.GeoDataFrame]:
    """Cut lines by hexagons, ``cell_m`` between their centres, of an equal-area CRS."""
    lonlat = shortest_way(lonlat)
    plane = equal_area_crs(gpd.GeoSeries(lonlat, crs=LONLAT))
    longest = cell_m / _DEGREE_M
    dense = gpd.GeoSeries(densify(lonlat, longest), crs=LONLAT)
    grid = make_grid(dense, cell_m=cell_m, kind="hex", crs=plane)
    touched = shapely.STRtree(grid.geometry.to_numpy()).query(
        dense.to_crs(plane).to_numpy(), predicate="intersects"
    )[1]
    grid = grid.iloc[np.unique(touched)].reset_index(drop=True)
    pieces, cells = by_areas(lonlat, grid, longest=longest)
    shapes = _from_plane(cells.geometry.to_numpy(), plane, crs)
    return pieces, gpd.GeoDataFrame({"cell_id": cells["cell_id"]}, geometry=shapes)


def bearings(a: FloatArray, b: FloatArray) -> FloatArray:
    """Radians clockwise from north, on the local scale of degrees."""
    east = (b[:, 0] - a[:, 0]) * np.cos(np.radians((a[:, 1] + b[:, 1]) / 2))
    bearing: FloatArray = np.arctan2(east, b[:, 1] - a[:, 1])
    return bearing


def _segments(lonlat: ObjectArray, longest: float) -> tuple[FloatArray, FloatArray, IntArray]:
    """Return starts and ends of the segments of lines, and the row of each."""
    parts, row = shapely.get_parts(lonlat, return_index=True)
    dense = densify(parts, longest) if np.isfinite(longest) else parts
    xy, part = shapely.get_coordinates(dense, return_index=True)
    same = part[1:] == part[:-1]
    return xy[:-1][same], xy[1:][same], row[part[1:][same]]


def _pieces(start: FloatArray, end: FloatArray) -> tuple[IntArray, IntArray, IntArray, FloatArray]:
    """Cut segments at whole numbers of x and y.

    Returns
    -------
    segment, column, row, share
        One entry a piece: where it lies and which share of its segment it is.
    """
    n = len(start)
    cuts = [np.zeros(n), np.ones(n)]
    owners = [np.arange(n), np.arange(n)]
    for axis in (0, 1):
        low = np.floor(np.minimum(start[:, axis], end[:, axis])).astype(np.int64)
        high = np.ceil(np.maximum(start[:, axis], end[:, axis])).astype(np.int64)
        count = np.maximum(high - low - 1, 0)
        owner = np.repeat(np.arange(n), count)
        nth = np.arange(len(owner)) - np.repeat(np.cumsum(count) - count, count)
        line = low[owner] + 1 + nth
        span = end[owner, axis] - start[owner, axis]
        cuts.append((line - start[owner, axis]) / span)
        owners.append(owner)
    cut, owner = np.concatenate(cuts), np.concatenate(owners)
    order = np.lexsort((cut, owner))
    cut, owner = np.clip(cut[order], 0, 1), owner[order]
    inner = owner[1:] == owner[:-1]
    share, segment = np.diff(cut)[inner], owner[1:][inner]
    middle = ((cut[1:] + cut[:-1]) / 2)[inner]
    at = start[segment] + middle[:, None] * (end[segment] - start[segment])
    keep = share > 0
    cell = np.floor(at[keep]).astype(np.int64)
    return segment[keep], cell[:, 0], cell[:, 1], share[keep]


def _from_plane(squares: ObjectArray, plane: CRS, crs: CRS) -> gpd.GeoSeries:
    if not crs.is_geographic:
        return gpd.GeoSeries(squares, crs=plane).to_crs(crs)
    degrees = gpd.GeoSeries(squares, crs=plane).to_crs(crs).to_numpy()
    degrees = shortest_way(degrees)
    return gpd.GeoSeries(degrees, crs=crs)
