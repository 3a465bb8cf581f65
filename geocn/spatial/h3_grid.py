"""Cells of the H3 system: which one a place lies in, their outlines, and covers of an extent."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import repeat

import geopandas as gpd
import h3
import numpy as np
import pyproj
import shapely

from geocn._typing import FloatArray, ObjectArray
from geocn.errors import ParameterError
from geocn.spatial.antimeridian import shortest_way
from geocn.spatial.crs import GLOBAL_EQUAL_AREA, LONLAT

_FINEST = 15
# Vertices are rounded so that two cells that share one have it to the last bit.
_DECIMALS = 10


def check_resolution(resolution: int | None) -> int:
    """Refuse a resolution that H3 does not have."""
    if resolution is None or int(resolution) != resolution or not 0 <= resolution <= _FINEST:
        raise ParameterError(f"resolution is {resolution}; H3 has 0 (coarse) to {_FINEST} (fine)")
    return int(resolution)


def cells_at(lon: FloatArray, lat: FloatArray, resolution: int) -> ObjectArray:
    """Find the cell of each place in degrees; None where it is not on Earth."""
    found = np.full(len(lon), None, dtype=object)
    good = np.isfinite(lon) & (np.abs(lat) <= 90)
    find = map(h3.latlng_to_cell, lat[good].tolist(), lon[good].tolist(), repeat(resolution))
    found[good] = list(find)
    return found


def shapes_of(ids: Iterable[str], crs: pyproj.CRS) -> ObjectArray:
    """Outlines of cells in a CRS, cut at 180 degrees where that is not on its map's rim."""
    rings = [np.array(h3.cell_to_boundary(cell)) for cell in ids]
    if not rings:
        return np.empty(0, dtype=object)
    lonlat = np.vstack(rings)[:, ::-1].round(_DECIMALS)
    owner = np.repeat(np.arange(len(rings)), [len(ring) for ring in rings])
    if crs.is_geographic or crs == pyproj.CRS(GLOBAL_EQUAL_AREA):
        flat = shapely.polygons(shapely.linearrings(lonlat, indices=owner))
        cut = gpd.GeoSeries(shortest_way(flat), crs=LONLAT)
        shapes: ObjectArray = cut.to_crs(crs).to_numpy()
        return shapes
    turn = pyproj.Transformer.from_crs(LONLAT, crs, always_xy=True)
    plane = np.column_stack(turn.transform(*lonlat.T))
    return np.asarray(shapely.polygons(shapely.linearrings(plane, indices=owner)))


def cover(bounds: Sequence[float], crs: pyproj.CRS, resolution: int, most: int) -> list[str]:
    """Cells that may touch a box of the plane, and some around it, in their order.

    The box is probed in steps shorter than the cells are wide.

    Raises
    ------
    ParameterError
        Where there would be more than ``most`` cells.
    """
    size = h3.average_hexagon_area(resolution, unit="m^2")
    west, south, east, north = bounds
    wanted = (east - west) * (north - south) / size
    if wanted > most or (
        crs == pyproj.CRS(GLOBAL_EQUAL_AREA) and h3.get_num_cells(resolution) > most
    ):
        raise ParameterError(
            f"a grid of about {wanted:,.0f} H3 cells exceeds {most:,}; choose a lower resolution"
        )
    if crs == pyproj.CRS(GLOBAL_EQUAL_AREA):
        # On the cylinder cells near the poles are too flat to be probed.
        return sorted(
            c for base in h3.get_res0_cells() for c in h3.cell_to_children(base, resolution)
        )
    edge = h3.average_hexagon_edge_length(resolution, unit="m")
    x = np.arange(west - 2 * edge, east + 2 * edge, 0.6 * edge)
    y = np.arange(south - 2 * edge, north + 2 * edge, 0.6 * edge)
    turn = pyproj.Transformer.from_crs(crs, LONLAT, always_xy=True)
    found: set[str] = set()
    for row in np.array_split(y, max(1, len(x) * len(y) // 1_000_000)):
        grid = np.meshgrid(x, row)
        lon, lat = turn.transform(grid[0].ravel(), grid[1].ravel())
        found.update(c for c in cells_at(lon, lat, resolution) if c is not None)
    return sorted(found)
