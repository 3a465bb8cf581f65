"""A raster as zonal sums read it: by rows, in its own type, without a copy of the whole."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import xarray as xr
from affine import Affine
from pyproj import CRS, Geod

from geocn._typing import AnyArray, FloatArray
from geocn.errors import RasterError
from geocn.spatial.raster_grid import RasterGrid, raster_grid

#: The largest value that can be squared and summed with twice the digits.
LARGEST = 1e140
# Cells brought to float64 at once: 1 MB, which a processor keeps at hand.
_CHUNK_CELLS = 2**17
# Larger strips of a file gain nothing but memory.
_STRIP_BYTES = 2**24
# GDAL takes float32 values as nodata that lie this near to it, in units of its size.
_NEAR_FLOAT32 = 4 * float(np.finfo(np.float32).eps)


@dataclass(frozen=True)
class RasterRows:
    """Where a raster lies and how its rows are read, north and west first.

    Parameters
    ----------
    shape : (rows, columns)
    transform : Affine
        From (column, row) of a cell corner to x and y, north up.
    crs : pyproj.CRS
    read : callable
        Values of rows and columns, as they are stored.
    clean : callable
        Stored values to float64, NaN where there is no data.
    strip_rows : int
        How many rows are read at once.
    layer : str
        What errors call it.
    in_memory : bool
        Whether reading costs nothing.
    """

    shape: tuple[int, int]
    transform: Affine
    crs: CRS
    read: Callable[[slice, slice], AnyArray]
    clean: Callable[[AnyArray], FloatArray]
    strip_rows: int
    layer: str
    in_memory: bool

    @property
    def is_geographic(self) -> bool:
        """Whether x and y are degrees of longitude and latitude."""
        return bool(self.crs.is_geographic)

    def chunks(self, rows: slice, columns: slice) -> Iterator[tuple[int, FloatArray]]:
        """Read some rows; yields the first row and the float64 values of a few at a time.

        Raises
        ------
        RasterError
            Where values are infinite, or too large for their squares to be summed.
        """
        stored = self.read(rows, columns)
        step = max(_CHUNK_CELLS // max(stored.shape[1], 1), 1)
        for first in range(0, stored.shape[0], step):
            part = stored[first : first + step]
            if part.dtype.kind == "f":
                refuse_infinite(part, self.layer)
            yield rows.start + first, np.require(self.clean(part), np.float64, ["C", "W"])

    def refuse_infinite(self) -> None:
        """Look at all values where that costs no reading.

        Raises
        ------
        RasterError
            Where any is infinite, or too large for its square to be summed.
        """
        step = max(_CHUNK_CELLS // self.shape[1], 1)
        for first in range(0, self.shape[0] if self.in_memory else 0, step):
            part = self.read(slice(first, first + step), slice(0, self.shape[1]))
            if part.dtype.kind == "f":
                refuse_infinite(part, self.layer)

    def cell_areas_ha(self, rows: slice) -> FloatArray:
        """Area in hectares of a cell of each row.

        On the ellipsoid of the CRS where it is geographic, else on its plane.
        """
        t, n = self.transform, rows.stop - rows.start
        if not self.is_geographic:
            metres = float(self.crs.axis_info[0].unit_conversion_factor)
            return np.full(n, abs(t.a * t.e) * metres**2 / 1e4)
        geod = self.crs.get_geod() or Geod(ellps="WGS84")
        nodes, weights = np.polynomial.legendre.leggauss(8)
        south = t.f + t.e * (np.arange(rows.start, rows.stop) + 1.0)
        latitude = np.radians(south[:, None] - t.e * 0.5 * (nodes + 1))
        # Meridian radius times that of the parallel (Snyder 1987, eq. 4-18 to 4-21).
        density = np.cos(latitude) / (1 - geod.es * np.sin(latitude) ** 2) ** 2
        band = density @ weights * 0.5 * np.radians(-t.e)
        area: FloatArray = geod.a**2 * (1 - geod.es) * np.radians(t.a) * band / 1e4
        return area


def rows_of_grid(grid: RasterGrid, layer: str) -> RasterRows:
    """Read the rows of a raster that was checked already."""
    return RasterRows(
        grid.shape,
        grid.transform,
        grid.crs,
        lambda rows, columns: grid.values[rows, columns],
        lambda stored: stored,
        grid.shape[0],
        layer,
        in_memory=True,
    )


def rows_of_array(raster: xr.DataArray, layer: str) -> RasterRows:
    """Check a raster as :func:`~geocn.spatial.raster_grid.raster_grid` does, uncopied.

    One that was opened lazily is read strip by strip.

    Raises
    ------
    RasterError, CRSError
        As :func:`~geocn.spatial.raster_grid.raster_grid`.
    """
    if not isinstance(raster, xr.DataArray) or raster.ndim < 2 or min(raster.shape[-2:]) < 3:
        return rows_of_grid(raster_grid(raster, layer), layer)
    # The first two rows tell where all columns lie and what is wrong with the raster, and
    # the first two columns where all rows lie: the values themselves need no look.
    y, x = _dimensions(raster, layer)
    across = raster_grid(raster.isel({y: slice(0, 2)}), layer)
    down = raster_grid(raster.isel({x: slice(0, 2)}), layer)
    columns, rows = across.shape[1], down.shape[0]
    zero = np.zeros(1, dtype=np.int64)
    turn_x, turn_y = across.unflip(zero, zero)[1][0] > 0, down.unflip(zero, zero)[0][0] > 0
    flat = raster.isel({d: 0 for d in raster.dims if d not in (y, x)}).transpose(y, x)

    def read(wanted: slice, of: slice) -> AnyArray:
        part = flat.isel(
            {
                y: _turned(wanted, rows) if turn_y else wanted,
                x: _turned(of, columns) if turn_x else of,
            }
        )
        values: AnyArray = part.to_numpy()[:: -1 if turn_y else 1, :: -1 if turn_x else 1]
        return values

    nodata = raster.rio.nodata
    a, d = across.transform, down.transform
    return RasterRows(
        (rows, columns),
        Affine(a.a, 0.0, a.c, 0.0, d.e, d.f),
        across.crs,
        read,
        cleaner(raster.dtype, None if nodata is None else float(nodata)),
        strip_height(columns, raster.dtype.itemsize),
        layer,
        in_memory=bool(flat._in_memory),  # noqa: SLF001 - nothing public tells
    )


def strip_height(columns: int, itemsize: int, *, block: int = 1, memory_mb: float = 64) -> int:
    """Rows that are read at once: whole blocks where they fit into the memory allowed."""
    room = min(memory_mb * 2**20, max(_STRIP_BYTES, block * columns * itemsize))
    rows = max(int(room / (columns * itemsize)), 1)
    return rows // block * block or rows


def cleaner(
    dtype: np.dtype[np.generic],
    nodata: float | None,
    scale: float = 1.0,
    offset: float = 0.0,
) -> Callable[[AnyArray], FloatArray]:
    """Make what brings stored values to float64, with NaN for ``nodata``, scaled."""
    known = None if nodata is None or np.isnan(nodata) else nodata
    near = _NEAR_FLOAT32 * abs(known or 0.0) if dtype == np.float32 else 0.0

    def clean(stored: AnyArray) -> FloatArray:
        values = stored.astype(np.float64)
        if known is not None:
            gone = stored == known if near == 0 else np.abs(values - known) <= near
            values[gone] = np.nan
        if (scale, offset) != (1.0, 0.0):
            values *= scale
            values += offset
        return values

    return clean


def refuse_infinite(values: AnyArray, layer: str) -> None:
    """Refuse numbers that are infinite or too large to be summed.

    Raises
    ------
    RasterError
        Where there are any.
    """
    wrong = np.isinf(values) if values.itemsize < 8 else np.abs(values) > LARGEST
    if wrong.any():
        raise RasterError(
            layer,
            found=f"{int(wrong.sum())} cells that are infinite or beyond {LARGEST:g}",
            expected="finite values, or nodata",
            repair="Set them to NaN: raster.where(np.isfinite(raster)), or declare the nodata "
            "value.",
        )


def _dimensions(raster: xr.DataArray, layer: str) -> tuple[str, str]:
    import rioxarray

    try:
        return raster.rio.y_dim, raster.rio.x_dim
    except rioxarray.exceptions.MissingSpatialDimensionError:
        raster_grid(raster, layer)  # says so in our words
        raise


def _turned(wanted: slice, size: int) -> slice:
    return slice(size - wanted.stop, size - wanted.start)
