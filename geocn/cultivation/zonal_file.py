"""A GeoTIFF or COG that zonal statistics read strip by strip."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr
from affine import Affine
from pyproj import CRS

from geocn._typing import AnyArray, FloatArray, StrPath
from geocn.errors import CRSError, RasterError
from geocn.io.raster import damaged, open_geotiff, require_upright
from geocn.spatial.raster_grid import raster_grid
from geocn.spatial.zonal_raster import RasterRows, cleaner, strip_height

if TYPE_CHECKING:
    from rasterio.io import DatasetReader

# GDAL keeps few blocks: none is read twice.
_CACHE_MB = 64


@contextmanager
def opened_rows(path: StrPath, *, band: int | None, memory_mb: float) -> Iterator[RasterRows]:
    """Open one band of a file and nothing else; its rows can be read while it is open.

    Raises
    ------
    ReadError, UnsafeFileError
        Where the file is damaged, no TIFF, a disguise, or far larger than its bytes.
    RasterError
        Where it is rotated, not georeferenced, or several bands could be meant.
    CRSError
        Where it states no CRS.
    """
    import rasterio

    name = Path(path).name
    with open_geotiff(path, cache_mb=_CACHE_MB) as source:
        try:
            require_upright(source, name)
            _require_crs(source, name)
            yield _rows(source, name, _band(source, band, name), memory_mb)
        except rasterio.errors.RasterioError as error:
            raise damaged(name, error) from error


def _require_crs(source: DatasetReader, name: str) -> None:
    if source.crs is None:
        raise CRSError(
            name,
            found="no coordinate reference system",
            expected="one",
            repair='Read it with geocn.read_raster(path, crs="EPSG:…") and give the raster.',
        )


def _band(source: DatasetReader, band: int | None, name: str) -> int:
    chosen = 1 if band is None and source.count == 1 else band
    if chosen is None or not 1 <= chosen <= source.count:
        raise RasterError(
            name,
            found=f"{source.count} bands" + (f", not {band}" if band is not None else ""),
            expected="one band",
            repair="Say which with band=, counted from 1.",
        )
    if "complex" in source.dtypes[chosen - 1]:
        raise RasterError(name, found="complex numbers", expected="real numbers")
    return chosen


def _rows(source: DatasetReader, name: str, band: int, memory_mb: float) -> RasterRows:
    from rasterio.enums import MaskFlags
    from rasterio.windows import Window

    flags = set(source.mask_flag_enums[band - 1])
    masked = not flags & {MaskFlags.all_valid, MaskFlags.nodata}
    turned = source.transform.e > 0

    def read(rows: slice, columns: slice) -> AnyArray:
        first = source.height - rows.stop if turned else rows.start
        size = columns.stop - columns.start, rows.stop - rows.start
        raw = source.read(band, window=Window(columns.start, first, *size), masked=masked)
        values: AnyArray = raw.astype(np.float64).filled(np.nan) if masked else raw
        return values[::-1] if turned else values

    dtype = np.dtype(source.dtypes[band - 1])
    place, crs = _place(source, name)
    nodata = None if masked else source.nodatavals[band - 1]
    return RasterRows(
        (source.height, source.width),
        place,
        crs,
        read,
        cleaner(dtype, nodata, source.scales[band - 1], source.offsets[band - 1]),
        strip_height(
            source.width,
            8 if masked else dtype.itemsize,
            block=source.block_shapes[band - 1][0],
            memory_mb=memory_mb,
        ),
        name,
        in_memory=False,
    )


def _place(source: DatasetReader, name: str) -> tuple[Affine, CRS]:
    """Where the raster lies, checked as one in memory is."""
    turn, (height, width) = source.transform, source.shape
    top, step = (turn.f, turn.e) if turn.e < 0 else (turn.f + turn.e * height, -turn.e)
    whole = xr.DataArray(np.ones((2, 2)), dims=("y", "x")).rio.write_crs(source.crs.to_wkt())
    place = Affine(turn.a * width / 2, 0.0, turn.c, 0.0, step * height / 2, top)
    crs = raster_grid(whole.rio.write_transform(place), name).crs
    x, dx = _from_centres(turn.c, turn.a, width)
    y, dy = _from_centres(top, step, height)
    return Affine(dx, 0.0, x, 0.0, dy, y), crs


def _from_centres(start: float, step: float, n: int) -> tuple[float, float]:
    """Edge and size of cells as the centres give them, so that both ways have the same bits."""
    if n < 2:
        return start, step
    centres: FloatArray = start + step * (np.array([0, n - 1]) + 0.5)
    size = float(centres[1] - centres[0]) / (n - 1)
    return float(centres[0]) - size / 2, size
