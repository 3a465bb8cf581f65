"""Demand as a raster: weights of cells, exact sums over regions, gaps cell by cell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import geopandas as gpd
import numpy as np
import shapely
import xarray as xr
from pyproj import CRS

from geocn._kernels.cell_shares import cell_shares
from geocn._typing import FloatArray, IntArray, ObjectArray
from geocn.coverage._groups import Shares
from geocn.coverage._regions import Regions
from geocn.errors import RasterError
from geocn.spatial.antimeridian import move_longitudes
from geocn.spatial.cell_areas import cell_areas_km2
from geocn.spatial.raster_grid import RasterGrid, raster_grid
from geocn.spatial.zonal import zonal_sums

GAP_CELLS = 1000  # gaps are listed cell by cell, the heaviest first, up to so many
_SLIVER = 1e-9


@dataclass(frozen=True)
class RasterDemand:
    """Weights by cell (NaN where nothing is known) and their grid."""

    grid: RasterGrid
    unit: str

    #: Cells neither overlap nor lack a place.
    overlap_weight = 0.0
    weight_left_out = 0.0

    @property
    def n_left_out(self) -> int:
        """Cells without data."""
        return int(np.isnan(self.grid.values).sum())

    @property
    def plane(self) -> CRS:
        """The reference system that regions are brought to."""
        return self.grid.crs

    @property
    def total(self) -> float:
        """Weight of all cells."""
        return float(np.nansum(self.grid.values))

    @property
    def extent(self) -> Any:
        """The area of the raster."""
        t, (rows, columns) = self.grid.transform, self.grid.shape
        return shapely.box(t.c, t.f + rows * t.e, t.c + columns * t.a, t.f)

    def weigh(self, regions: Sequence[ObjectArray]) -> FloatArray:
        """Weight within each of several regions, each of disjoint polygons."""
        zones = np.empty(len(regions), dtype=object)
        for i, parts in enumerate(regions):
            zones[i] = shapely.MultiPolygon(list(parts))
        return zonal_sums(self.grid, zones).total

    def share(self, parts: ObjectArray) -> FloatArray:
        """Exact share of each cell within disjoint polygons."""
        t = self.grid.transform
        turns = (0.0, 360.0, -360.0) if self.grid.is_geographic else (0.0,)
        moved = [move_longitudes(parts, turn) if turn else parts for turn in turns]
        # North is up in the CRS and down in rows: shells turn about.
        rings = shapely.get_rings(shapely.orient_polygons(np.concatenate(moved)))
        xy, ring = shapely.get_coordinates(rings, return_index=True)
        cells = (xy - (t.c, t.f)) / (t.a, t.e)
        step = ring[1:] == ring[:-1]
        return cell_shares(cells[:-1][step], cells[1:][step], self.grid.shape)


def raster_demand(demand: xr.DataArray, per: str) -> RasterDemand:
    """Check a raster of demand; ``per`` says whether values are of a cell or of a km2.

    Raises
    ------
    RasterError, CRSError
        Where a value is negative or infinite, no cell has data, or there is no CRS.
    """
    grid = raster_grid(demand, "demand")
    with np.errstate(invalid="ignore"):
        negative, infinite = int((grid.values < 0).sum()), int(np.isinf(grid.values).sum())
    if negative or infinite:
        raise RasterError(
            "demand",
            found=f"{negative} negative and {infinite} infinite cells",
            expected="a weight of 0 or more in every cell, or nodata",
            repair="Declare nodata with raster.rio.write_nodata(…), or raster.where(raster >= 0).",
        )
    if np.isnan(grid.values).all():
        raise RasterError(
            "demand",
            found="no cell with data",
            expected="a raster with weights",
            repair="Look at its nodata value and its extent.",
        )
    unit = str(demand.attrs.get("units", demand.name or "weight"))
    if per == "km2":
        values = grid.values * cell_areas_km2(grid)
        grid = replace(grid, values=values)
    return RasterDemand(grid, unit)


def shares_of_raster_groups(ready: RasterDemand, regions: Regions) -> Shares:
    """Measure groups on a raster, all pairs by exact sums over their common area."""
    n = len(regions)
    n_groups = np.zeros(ready.grid.shape, dtype=np.int64)
    for i in range(n):
        n_groups += ready.share(regions.parts(i)) > _SLIVER
    first, second = np.tril_indices(n, -1)
    pairs = list(zip(first.tolist(), second.tolist(), strict=True))
    wanted = [regions.parts(i) for i in range(n)]
    wanted += [regions.shared(i) for i in range(n)]
    wanted += [regions.common(i, j) for i, j in pairs]
    weight = ready.weigh(wanted)
    overlap = np.zeros((n, n))
    overlap[np.arange(n), np.arange(n)] = weight[:n]
    overlap[first, second] = overlap[second, first] = weight[2 * n :]
    exclusive = np.maximum(weight[:n] - weight[n : 2 * n], 0.0)
    return Shares(overlap, exclusive, n_groups)


def raster_result(
    ready: RasterDemand, shares: tuple[FloatArray, FloatArray, FloatArray], n_partners: IntArray
) -> xr.Dataset:
    """Weight, share covered (and its least and most) and number of partners by cell."""
    grid, known = ready.grid, np.isfinite(ready.grid.values)
    names = ("share_covered", "share_covered_low", "share_covered_high")
    made: dict[int, FloatArray] = {}
    layers = {"demand_weight": grid.values}
    for name, share in zip(names, shares, strict=True):
        layers[name] = made.setdefault(id(share), np.where(known, share, np.nan))
    layers["n_partners"] = np.where(known, n_partners, np.nan)
    arrays = {name: grid.restore(v, name=name, attrs={}) for name, v in layers.items()}
    return xr.Dataset(arrays)


def raster_gaps(ready: RasterDemand, share: FloatArray, drawn: ObjectArray) -> gpd.GeoDataFrame:
    """List the heaviest cells with demand out of reach, less the part of each that is reached."""
    grid, t = ready.grid, ready.grid.transform
    weight = np.nan_to_num(grid.values * (1 - share))
    weight[share > 1 - _SLIVER] = 0.0
    flat = weight.ravel()
    n_open = int((flat > 0).sum())
    kept = min(n_open, GAP_CELLS)
    # The heaviest, the first of equals: the same cells on every machine.
    cut = np.partition(flat, -kept)[-kept] if kept else 0.0
    some = np.flatnonzero(flat >= cut) if kept else np.empty(0, dtype=np.int64)
    order = some[np.argsort(-flat[some], kind="stable")][:kept]
    row, column = np.divmod(order, grid.shape[1])
    west, north = t.c + column * t.a, t.f + row * t.e
    shapes = np.asarray(shapely.box(west, north + t.e, west + t.a, north), dtype=object)
    cut_cells = np.flatnonzero(share[row, column] > _SLIVER)
    if len(cut_cells):
        reached = shapely.union_all(drawn)
        shapely.prepare(reached)
        shapes[cut_cells] = shapely.difference(shapes[cut_cells], reached)
    return gpd.GeoDataFrame(
        {
            "rank": np.arange(1, kept + 1),
            "row": row,
            "column": column,
            "demand_weight": grid.values[row, column],
            "gap_weight": flat[order],
            "share_uncovered": 1 - share[row, column],
        },
        geometry=gpd.GeoSeries(shapes, crs=grid.crs),
        crs=grid.crs,
    )
