"""A GeoTIFF or COG that zonal statistics read strip by strip."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr
from affine import Affine
from pyproj import CRS

from geocn._typing import AnyArray, FloatArray, StrPath
from geocn.errors import CRSError, RasterError, ReadError, UnsafeFileError
from geocn.io.guard import FileFormat, check_path, identify_content, open_regular
from geocn.spatial.raster_grid import raster_grid
from geocn.spatial.zonal_raster import RasterRows, cleaner, strip_height

if TYPE_CHECKING:
    from rasterio.io import DatasetReader

_HEAD = 4096
#: GDAL looks at nothing but the file, and keeps few of its blocks: none is read twice.
_ALONE = {
    "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR",
    "GDAL_PAM_ENABLED": "NO",
    "GDAL_GEOREF_SOURCES": "INTERNAL",
    "GDAL_CACHEMAX": 64,
}
_SPARSE_CELLS = 50_000_000
_MAX_CELLS_A_BYTE = 2000


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

    checked = check_path(path)
    with open_regular(checked) as stream:
        found = identify_content(stream.read(_HEAD), checked.name)
    if found is not FileFormat.GEOTIFF:
        raise ReadError(f"{checked.name}: found {found.value}; expected a GeoTIFF")
    try:
        with (
            rasterio.Env(**_ALONE),
            rasterio.open(checked, driver="GTiff", sharing=False) as source,
        ):
            _check(source, checked.name, checked.stat().st_size)
            yield _rows(source, checked.name, _band(source, band, checked.name), memory_mb)
    except rasterio.errors.RasterioError as error:
        raise ReadError(f"{checked.name}: the raster is damaged or was cut ({error})") from error


def _check(source: DatasetReader, name: str, size: int) -> None:
    cells = source.width * source.height
    if cells > _SPARSE_CELLS and cells > _MAX_CELLS_A_BYTE * size:
        raise UnsafeFileError(
            f"{name}: found {source.width} × {source.height} cells in {size} bytes. "
            "Cut out the area you need."
        )
    turn = source.transform
    if turn.b or turn.d or turn.a <= 0 or turn.e == 0:
        raise RasterError(
            name,
            found="a rotated, sheared or mirrored grid",
            expected="rows that run west to east",
            repair="Warp it first: gdalwarp in.tif out.tif",
        )
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
