"""Exact sums of a raster over zones: what cultivation and raster demand share."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import shapely

from geocn._kernels import zonal as kernel
from geocn._typing import FloatArray, IntArray, ObjectArray
from geocn.spatial.antimeridian import move_longitudes
from geocn.spatial.raster_grid import RasterGrid
from geocn.spatial.zonal_raster import RasterRows, rows_of_grid

# A zone that meets data on less than this part of it has none: round-off of its outline.
_NOTHING = 1e-12
# Up to here NumPy sorts rows by their digits, in time that grows with their number.
_RADIX = 2**16
_AREA = 3


@dataclass(frozen=True)
class ZonalSums:
    """Sums over zones, one entry a zone.

    ``total`` is the sum of value times covered share, ``count`` the covered cells that
    have data, ``n_cells`` the size of the whole zone in cells, in the raster or not.
    Where asked for: ``variance`` of the values by share, ``integral_ha`` the sum of value
    times covered area in hectares, and ``area_ha`` the covered area that has data.
    """

    total: FloatArray
    count: FloatArray
    n_cells: FloatArray
    variance: FloatArray | None = None
    integral_ha: FloatArray | None = None
    area_ha: FloatArray | None = None


def zonal_sums(
    raster: RasterGrid | RasterRows,
    zones: ObjectArray,
    *,
    squares: bool = False,
    areas: bool = False,
) -> ZonalSums:
    """Sum a raster over areas that are in its CRS.

    Parameters
    ----------
    raster : RasterGrid or RasterRows
        Read once from north to south, and only where zones are.
    zones : array of polygons
        Valid; they may overlap. Null and empty ones sum to 0.
    squares : bool
        Also give variances.
    areas : bool
        Also weigh by the areas of cells, ellipsoidal where the CRS is geographic.

    Raises
    ------
    RasterError
        Where a value that is read is infinite or beyond 1e140.
    """
    rows = rows_of_grid(raster, "raster") if isinstance(raster, RasterGrid) else raster
    outlines = Outlines.of(rows, zones)
    whole = slice(0, rows.shape[0])
    raw = band_sums(rows, outlines, whole, squares=squares, areas=areas)
    return finished_sums(raw, outlines.n_cells)


def band_sums(
    rows: RasterRows, outlines: Outlines, band: slice, *, squares: bool, areas: bool
) -> list[FloatArray]:
    """Sum some rows of a raster over zones; sums of several bands are added.

    Parameters
    ----------
    rows : RasterRows
    outlines : Outlines
        Of the zones, on this raster.
    band : slice
        Rows that count.
    squares, areas : bool
        As for :func:`zonal_sums`.

    Returns
    -------
    list of (n_zones, 4 or 6) arrays
        Sums as :func:`geocn._kernels.zonal.add_rows` leaves them; where areas are asked for,
        also those of values times hectares and of hectares.
    """
    edges, n = outlines.edges.within(band), len(outlines.n_cells)
    plain = _Sweep.over(edges, n, squares=squares)
    by_area = [_Sweep.over(edges, n) for _ in range(2 if areas else 0)]
    for first, values in _touched(rows, edges, plain):
        plain.add(first, values)
        if by_area:
            weights = rows.cell_areas_ha(slice(first, first + len(values)))[:, None]
            by_area[0].add(first, values * weights)
            by_area[1].add(first, np.where(np.isnan(values), np.nan, weights))
    return [sweep.sums for sweep in (plain, *by_area)]


def added_sums(bands: Sequence[FloatArray]) -> FloatArray:
    """Add sums of several bands in their order, with twice the digits of float64.

    The error of every addition is that of Knuth's exact sum.
    """
    total = bands[0].copy()
    for one in bands[1:]:
        high, low = total[:, 0::2], total[:, 1::2]
        more = one[:, 0::2]
        grown = high + more
        back = grown - high
        low += (high - (grown - back)) + (more - back) + one[:, 1::2]
        high[:] = grown
    return total


def finished_sums(raw: Sequence[FloatArray], n_cells: FloatArray) -> ZonalSums:
    """Round the sums of all bands; ``raw`` is that of :func:`band_sums`, added up."""
    plain, *by_area = (sums.copy() for sums in raw)
    empty = plain[:, 2] + plain[:, 3] <= _NOTHING * n_cells
    for sums in (plain, *by_area):
        sums[empty] = 0.0
    return ZonalSums(
        total=_total(plain, 0),
        count=_total(plain, 2),
        n_cells=n_cells,
        variance=_variance(plain) if plain.shape[1] > 4 else None,
        integral_ha=_total(by_area[0], 0) if by_area else None,
        area_ha=_total(by_area[1], 0) if by_area else None,
    )


def _total(sums: FloatArray, field: int) -> FloatArray:
    """Round sums to float64."""
    rounded: FloatArray = sums[:, field] + sums[:, field + 1]
    return rounded


def _variance(sums: FloatArray) -> FloatArray:
    """Mean squared deviation from the mean of each zone; NaN without data."""
    spread = np.zeros((len(sums), 2))
    kernel.sum_deviations(sums, spread)
    count = _total(sums, 2)
    with np.errstate(invalid="ignore"):
        mean: FloatArray = np.maximum(spread.sum(axis=1), 0.0) / np.where(count, count, np.nan)
    return mean


@dataclass(frozen=True)
class Outlines:
    """Outlines of zones on a raster, and the size of each zone in cells."""

    edges: _Edges
    n_cells: FloatArray

    @classmethod
    def of(cls, rows: RasterRows, zones: ObjectArray) -> Outlines:
        """Bring valid polygons in the CRS of the raster to units of cells."""
        return cls(*_edges(rows, zones))


@dataclass(frozen=True)
class _Edges:
    """Edges of all zones as the kernel takes them, and the columns they need."""

    ends: FloatArray
    zones: IntArray
    tops: IntArray
    columns: slice
    last_row: int

    def within(self, band: slice) -> _Edges:
        """Keep the edges that meet some rows; those that begin above are met at the first."""
        if band.start == 0 and band.stop >= self.last_row:
            return self
        meets = (self.ends[:, 3] > band.start + 1.0) & (self.tops < band.stop)
        return _Edges(
            self.ends[meets],
            self.zones[meets],
            np.maximum(self.tops[meets], band.start),
            self.columns,
            min(self.last_row, band.stop),
        )


@dataclass(frozen=True)
class _Sweep:
    """Sums of one raster over all zones, from north to south."""

    edges: _Edges
    active: IntArray
    state: IntArray
    row: FloatArray
    sums: FloatArray

    @classmethod
    def over(cls, edges: _Edges, n_zones: int, *, squares: bool = False) -> _Sweep:
        """Begin north of all zones."""
        n, width = len(edges.zones), edges.columns.stop - edges.columns.start
        fields = 6 if squares else 4
        return cls(
            edges,
            np.empty(n, dtype=np.int64),
            np.zeros(2, dtype=np.int64),
            np.zeros((width + 1, fields)),
            np.zeros((n_zones, fields)),
        )

    def add(self, first: int, values: FloatArray) -> None:
        """Add the rows from ``first`` on."""
        kernel.add_rows(
            values, first, self.edges.ends, self.edges.zones, self.active, self.state, self.row,
            self.sums,
        )  # fmt: skip

    def next_row(self, row: int) -> int:
        """Return the first row from ``row`` on that a zone meets, one past the last if none."""
        active, met = self.state
        if active:
            return row
        return int(self.edges.tops[met]) if met < len(self.edges.tops) else self.edges.last_row


def _touched(rows: RasterRows, edges: _Edges, sweep: _Sweep) -> Iterator[tuple[int, FloatArray]]:
    """Read the strips that zones meet, a few rows at a time."""
    row = sweep.next_row(0)
    while row < edges.last_row:
        # Strips begin where blocks of a file do.
        stop = min((row // rows.strip_rows + 1) * rows.strip_rows, edges.last_row)
        yield from rows.chunks(slice(row, stop), edges.columns)
        row = sweep.next_row(stop)


def _edges(rows: RasterRows, zones: ObjectArray) -> tuple[_Edges, FloatArray]:
    """Edges of all zones in units of cells, and the size of each zone in cells."""
    t, (height, width) = rows.transform, rows.shape
    parts, owner = shapely.get_parts(zones, return_index=True)
    parts = shapely.orient_polygons(parts)
    n_cells = np.bincount(owner, shapely.area(parts), len(zones)) / abs(t.a * t.e)
    parts, owner = parts_within(rows, parts, owner)
    rings, part = shapely.get_rings(parts, return_index=True)
    xy, ring = shapely.get_coordinates(rings, return_index=True)
    x, y = (xy[:, 0] - t.c) / t.a, (xy[:, 1] - t.f) / t.e + 1.0
    begin = np.flatnonzero(ring[1:] == ring[:-1])
    low, high = np.minimum(y[begin], y[begin + 1]), np.maximum(y[begin], y[begin + 1])
    begin = begin[(low < high) & (high > 1.0) & (low < height + 1.0)]
    # A shell runs north on its east side, a hole on its west side: the zone lies west.
    rises = y[begin + 1] < y[begin]
    upper, lower = np.where(rises, begin + 1, begin), np.where(rises, begin, begin + 1)
    tops = np.maximum(np.floor(y[upper]).astype(np.int64) - 1, 0)
    order = np.argsort(tops.astype(np.uint16) if height < _RADIX else tops, kind="stable")
    upper, lower = upper[order], lower[order]
    ends = np.stack([x[upper], y[upper], x[lower], y[lower]], axis=1)
    zone = owner[part[ring[begin[order]]]] + 1
    columns = _span(ends[:, 0::2], width)
    ends[:, 0::2] -= columns.start
    last = int(np.ceil(min(ends[:, 3].max(initial=1.0) - 1.0, height)))
    if columns.start == columns.stop:
        last = 0
    signed = np.where(rises[order], zone, -zone)
    return _Edges(ends, signed, tops[order], columns, last), n_cells


def _span(x: FloatArray, width: int) -> slice:
    """Columns between the first and the last edge."""
    first = np.clip(np.floor(x.min(initial=width)), 0, width)
    last = np.clip(np.ceil(x.max(initial=0.0)), first, width)
    return slice(int(first), int(last))


def parts_within(
    rows: RasterRows, parts: ObjectArray, owner: IntArray
) -> tuple[ObjectArray, IntArray]:
    """Keep the polygons that meet a raster, whole turns of the globe away as well.

    Parameters
    ----------
    rows : RasterRows
    parts : array of polygons
        In the CRS of the raster. One of longitudes from 179 to 181 lies on both its sides.
    owner : array of int
        The zone of each.
    """
    t, (height, width) = rows.transform, rows.shape
    west, south, east, north = shapely.bounds(parts).T
    level = (north > t.f + t.e * height) & (south < t.f) & (shapely.get_type_id(parts) == _AREA)
    moved, owners = [], []
    for turn in (0.0, 360.0, -360.0) if rows.is_geographic else (0.0,):
        meets = level & (west + turn < t.c + t.a * width) & (east + turn > t.c)
        moved.append(move_longitudes(parts[meets], turn) if turn else parts[meets])
        owners.append(owner[meets])
    return np.concatenate(moved), np.concatenate(owners)
