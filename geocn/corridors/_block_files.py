"""Rasters larger than memory: opened alone, read by windows, written through a scratch file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
import rasterio.shutil
import rioxarray
import xarray as xr
from affine import Affine
from rasterio.enums import Resampling
from rasterio.io import DatasetReader, DatasetWriter
from rasterio.windows import Window

from geocn._typing import AnyArray, BoolArray, FloatArray, IntArray, StrPath
from geocn.errors import RasterError
from geocn.spatial.cost import Sites
from geocn.spatial.raster_grid import RasterGrid, raster_grid

#: Cells along the side of a tile of the file.
TILE = 512
#: Megabytes of blocks that GDAL may keep.
CACHE_MB = 64
_COG = {
    "driver": "COG", "COMPRESS": "DEFLATE", "LEVEL": 1, "PREDICTOR": "FLOATING_POINT",
    "BIGTIFF": "IF_SAFER",
}  # fmt: skip


def band_of(source: DatasetReader, window: Window) -> FloatArray:
    """Read a window; what has no data is infinite."""
    raw = source.read(1, window=window, masked=True)
    values: FloatArray = raw.data.astype(np.float64)
    if (source.scales[0], source.offsets[0]) != (1.0, 0.0):
        values = values * source.scales[0] + source.offsets[0]
    values[np.ma.getmaskarray(raw) | np.isnan(values)] = np.inf
    return values


def passable(sources: Sequence[DatasetReader], width: int, cells: IntArray) -> BoolArray:
    """Say which flat cells have a value in every one of some rasters."""
    rows, columns = np.divmod(cells, width)
    known: list[bool] = []
    for row, column in zip(rows.tolist(), columns.tolist(), strict=True):
        window = Window(column, row, 1, 1)
        known.append(all(np.isfinite(band_of(source, window)[0, 0]) for source in sources))
    return np.array(known, dtype=bool)


def grid_of(source: DatasetReader, name: str) -> RasterGrid:
    """Check the raster's place as one in memory is, without its values."""
    turn = source.transform
    if turn.b or turn.d or turn.a <= 0 or turn.e >= 0 or min(source.shape) < 2 or source.count > 1:
        raise RasterError(
            name,
            found=f"{source.count} bands of {source.shape}, or a rotated or mirrored grid",
            expected="one band, north up",
            repair="Warp it first: gdalwarp in.tif out.tif",
        )
    (height, width), coords, sizes, starts = source.shape, {}, [], []
    for name_, start, step, n in (("y", turn.f, turn.e, height), ("x", turn.c, turn.a, width)):
        # As raster_grid takes them from the centres, so that both ways give the same bits.
        first, last = start + step * 0.5, start + step * (n - 0.5)
        size = (last - first) / (n - 1)
        coords[name_] = np.array([first, first + size])
        sizes.append(size)
        starts.append(first - size / 2)
    corner = xr.DataArray(np.ones((2, 2)), coords, ("y", "x"))
    if source.crs is not None:
        corner = corner.rio.write_crs(source.crs)
    grid = raster_grid(corner, name)
    every: AnyArray = np.broadcast_to(np.float64(1), (height, width))
    place = Affine(sizes[1], 0.0, starts[1], 0.0, sizes[0], starts[0])
    return replace(grid, values=every, transform=place, _flips=(False, False))


def scratch_file(path: Path, grid: RasterGrid) -> DatasetWriter:
    """Open a file of two bands to work on."""
    height, width = grid.shape
    return rasterio.open(
        path, "w+", driver="GTiff", height=height, width=width, count=2, dtype="float64",
        nodata=np.nan, crs=grid.crs, transform=grid.transform, tiled=True, blockxsize=TILE,
        blockysize=TILE, interleave="band", sparse_ok=True, bigtiff="yes",
    )  # fmt: skip


def write_cog(scratch: Path, goal: Path) -> None:
    """Copy a finished scratch file into a COG."""
    # The COG driver would make its overviews from a compressed copy, over and over again.
    with rasterio.open(scratch, "r+") as store:
        halvings = max(int(np.ceil(np.log2(max(store.shape) / TILE))), 0)
        store.build_overviews([2**k for k in range(1, halvings + 1)], Resampling.nearest)
    rasterio.shutil.copy(scratch, goal, **_COG)


def lazily(path: StrPath, attrs: dict[str, Any], sites: Sites) -> xr.Dataset:
    """Open a finished result, to be read when asked."""
    bands: Any = rioxarray.open_rasterio(path)
    cost, owner = bands.isel(band=0, drop=True), bands.isel(band=1, drop=True)
    cost.attrs = {"long_name": "accumulated least cost", "units": "unit of friction x metre"}
    owner.attrs = {"long_name": "position of the nearest source", "labels": sites.labels}
    found = xr.Dataset({"accumulated": cost, "allocation": owner})
    found.attrs.update(attrs)
    return found
