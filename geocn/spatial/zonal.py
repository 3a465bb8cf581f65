"""Exact sums of a raster over zones: what cultivation and raster demand share."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely

from geocn._kernels import zonal as kernel
from geocn._typing import FloatArray, IntArray, ObjectArray
from geocn.spatial.antimeridian import move_longitudes
from geocn.spatial.raster_grid import RasterGrid


@dataclass(frozen=True)
class ZonalSums:
    """Sums over zones, one entry a zone.

    ``total`` is the sum of value times covered share, ``count`` the covered cells that
    have data, ``squares`` the sum of (value - ``shift``)² times share (where asked for),
    ``n_cells`` the size of the whole zone in cells, in the raster or not.
    """

    total: FloatArray
    count: FloatArray
    n_cells: FloatArray
    squares: FloatArray | None
    shift: float


def zonal_sums(grid: RasterGrid, zones: ObjectArray, *, squares: bool = False) -> ZonalSums:
    """Sum a raster over areas that are in its CRS.

    Parameters
    ----------
    grid : RasterGrid
        Finite values, or NaN where there is no data.
    zones : array of polygons
        Valid; they may overlap. Null and empty ones sum to 0.
    squares : bool
        Also sum squares about the mean of the raster.
    """
    x, y, rings, starts, n_cells = _outlines(grid, zones)
    known = (~np.isnan(grid.values)).astype(np.float64)

    def over(values: FloatArray) -> FloatArray:
        return np.asarray(
            kernel.zone_sums(x, y, rings, starts, values, kernel.row_prefix(values)),
            dtype=np.float64,
        )

    shift = float(np.nanmean(grid.values)) if squares and known.any() else 0.0
    return ZonalSums(
        total=over(grid.values),
        count=over(known),
        n_cells=n_cells,
        squares=over((grid.values - shift) ** 2) if squares else None,
        shift=shift,
    )


def _outlines(
    grid: RasterGrid, zones: ObjectArray
) -> tuple[FloatArray, FloatArray, IntArray, IntArray, FloatArray]:
    """Rings of all zones in units of cells, where each ring and zone starts, and areas."""
    t = grid.transform
    parts, owner = shapely.get_parts(zones, return_index=True)
    parts = shapely.orient_polygons(parts)
    n_cells = np.bincount(owner, shapely.area(parts), len(zones)) / abs(t.a * t.e)
    turns = _turns(grid)
    parts = np.concatenate([move_longitudes(parts, turn) for turn in turns])
    owner = np.tile(owner, len(turns))
    order = np.argsort(owner, kind="stable")
    rings, part = shapely.get_rings(parts[order], return_index=True)
    xy, ring = shapely.get_coordinates(rings, return_index=True)
    return (
        np.ascontiguousarray((xy[:, 0] - t.c) / t.a),
        np.ascontiguousarray((xy[:, 1] - t.f) / t.e),
        np.searchsorted(ring, np.arange(len(rings) + 1)).astype(np.int64),
        np.searchsorted(owner[order][part], np.arange(len(zones) + 1)).astype(np.int64),
        n_cells,
    )


def _turns(grid: RasterGrid) -> list[float]:
    """Degrees by which zones are moved: a raster may run from 0 to 360."""
    if not grid.is_geographic:
        return [0.0]
    west = grid.transform.c
    east = west + grid.transform.a * grid.shape[1]
    return [0.0, *([360.0] if east > 180 else []), *([-360.0] if west < -180 else [])]
