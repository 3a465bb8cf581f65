"""Rasters as cloud-optimised GeoTIFF."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import rasterio
import rioxarray  # noqa: F401 - gives DataArray its .rio accessor
import xarray as xr
from affine import Affine
from rasterio._err import CPLE_BaseError
from rasterio.errors import RasterioError

from geocn._typing import AnyArray, StrPath
from geocn.errors import CRSError, RasterError
from geocn.publish._about import facts_of, sentence
from geocn.publish._storable import metadata_text, replacing

_TAG = "GEOCN"
#: On a full disk rasterio lets GDAL's own errors through, and SystemError where GDAL gave none.
_DRIVER_ERRORS = (RasterioError, CPLE_BaseError, SystemError)
_BLOCK = 256
#: How far cell centres may lie from a regular grid, as a share of the cell.
_REGULAR = 1e-3


def write_geotiff(raster: xr.DataArray, path: StrPath) -> Path:
    """Write a raster as cloud-optimised GeoTIFF, replacing the file in one step.

    Tiled, compressed without loss, with overviews by nearest neighbour (an overview
    never invents a value). The same raster gives the same bytes. ``attrs`` go, as JSON,
    into the tag ``GEOCN``; what they tell of marking, cut-off and method stands in words in
    the image description.

    Parameters
    ----------
    raster : DataArray
        Dimensions ``(y, x)`` or ``(band, y, x)`` with a CRS (``raster.rio.crs``) on a
        regular grid; rows may run either way and are written north first.
    path : path-like
        The ``.tif`` file.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    CRSError
        Where the raster has no CRS.
    RasterError
        Where it is empty, has other dimensions, or does not lie on a regular grid.
    WriteError
        Where the file cannot be written; the previous version is still whole.

    Notes
    -----
    No-data is NaN for floating point, and ``raster.rio.nodata`` for integers. Booleans
    are written as 0 and 1.

    Examples
    --------
    >>> import numpy, tempfile, xarray, rioxarray
    >>> raster = xarray.DataArray(
    ...     numpy.ones((2, 3)), dims=("y", "x"), coords={"y": [4.5, 3.5], "x": [-73, -72, -71]}
    ... ).rio.write_crs("EPSG:4326")
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_geotiff(raster, folder + "/ones.tif").name
    'ones.tif'
    """
    name = Path(path).name
    _check(raster, name)
    data, transform = _north_up(raster, name)
    values = _values(data)
    profile = {
        "driver": "COG",
        "height": values.shape[-2],
        "width": values.shape[-1],
        "count": values.shape[0],
        "dtype": str(values.dtype),
        "crs": raster.rio.crs,
        "transform": transform,
        "nodata": _nodata(raster, values),
        "compress": "DEFLATE",
        "predictor": "YES",
        "blocksize": _BLOCK,
        "overview_resampling": "NEAREST",
        "num_threads": "1",
        "bigtiff": "IF_SAFER",
    }
    with (
        replacing(path, drivers=_DRIVER_ERRORS) as temporary,
        rasterio.open(temporary, "w", **profile) as target,
    ):
        target.write(values)
        target.update_tags(**_tags(raster))
        for number, label in enumerate(_band_names(raster, len(values)), start=1):
            target.set_band_description(number, label)
    return Path(path)


def _tags(raster: xr.DataArray) -> dict[str, str]:
    """Return ``attrs`` as JSON, and what they tell in words where any viewer shows it."""
    if not raster.attrs:
        return {}
    facts = facts_of(raster)
    tags = {_TAG: metadata_text(raster.attrs)}
    if facts:
        tags["TIFFTAG_IMAGEDESCRIPTION"] = sentence(facts)
    if "marking" in facts:
        tags["TIFFTAG_COPYRIGHT"] = facts["marking"]
    return tags


def _check(raster: xr.DataArray, name: str) -> None:
    spatial = tuple(raster.dims[-2:])
    if raster.ndim not in (2, 3) or spatial != (raster.rio.y_dim, raster.rio.x_dim):
        raise RasterError(
            name,
            found=f"dimensions {tuple(map(str, raster.dims))}",
            expected="(y, x) or (band, y, x)",
            repair="Choose one raster, and order it with raster.transpose(…).",
        )
    if raster.size == 0:
        raise RasterError(name, found=f"no cells (shape {raster.shape})", expected="at least one")
    if raster.rio.crs is None:
        raise CRSError(
            name,
            found="no coordinate reference system",
            expected="one, so that the file says where it lies",
            repair="Declare it with raster.rio.write_crs(…).",
        )


def _north_up(raster: xr.DataArray, name: str) -> tuple[xr.DataArray, Affine]:
    x_dim, y_dim = raster.rio.x_dim, raster.rio.y_dim
    has_axes = x_dim in raster.coords and y_dim in raster.coords
    if not has_axes:
        return raster, raster.rio.transform()
    for dim in (x_dim, y_dim):
        steps = np.diff(np.asarray(raster[dim], dtype=np.float64))
        irregular = steps.size and np.abs(steps - steps[0]).max() > _REGULAR * abs(steps[0])
        if irregular or (steps.size and steps[0] == 0):
            raise RasterError(
                name,
                found=f"cells of unequal size along {dim}",
                expected="a regular grid",
                repair="Resample it with raster.rio.reproject(…).",
            )
    data = raster
    if raster.sizes[y_dim] > 1 and float(raster[y_dim][1] - raster[y_dim][0]) > 0:
        data = data.isel({y_dim: slice(None, None, -1)})
    if raster.sizes[x_dim] > 1 and float(raster[x_dim][1] - raster[x_dim][0]) < 0:
        data = data.isel({x_dim: slice(None, None, -1)})
    return data, data.rio.transform(recalc=min(raster.sizes[x_dim], raster.sizes[y_dim]) > 1)


def _values(raster: xr.DataArray) -> AnyArray:
    values: AnyArray = np.asarray(raster)
    if values.dtype == np.bool_:
        values = values.astype(np.uint8)
    elif values.dtype == np.float16:
        values = values.astype(np.float32)
    return values if values.ndim == 3 else values[np.newaxis]


def _nodata(raster: xr.DataArray, values: AnyArray) -> float | int | None:
    if np.issubdtype(values.dtype, np.floating):
        return float("nan")
    stated: Any = raster.rio.nodata
    if stated is None or not np.isfinite(stated):
        return None
    return int(stated)


def _band_names(raster: xr.DataArray, count: int) -> list[str]:
    name = str(raster.name) if raster.name is not None else ""
    if raster.ndim == 3 and raster.dims[0] in raster.coords:
        return [str(label) for label in raster[raster.dims[0]].values]
    return [name] * count
