"""Rasters: friction, density, demand, as arrays that know where they lie."""

from __future__ import annotations

from typing import Any

import xarray as xr

from geocn import provenance
from geocn._typing import StrPath
from geocn.io.raster import read_raster as read_array


def read_raster(
    path: StrPath, *, crs: Any = None, band: int | None = None, nodata: float | None = None
) -> xr.DataArray:
    """Read a GeoTIFF or COG as a DataArray with CRS, NaN where there is no data.

    Parameters
    ----------
    path : path
        The file; only this file is opened.
    crs : CRS, optional
        Where the file does not state it.
    band : int, optional
        Band to read, from 1.
    nodata : float, optional
        Value that means "no data", where the file does not state it.

    Returns
    -------
    DataArray

    Raises
    ------
    RasterError
        Where the raster has no CRS or is rotated.
    ReadError
        Where the file is not what it claims to be.
    """
    raster = read_array(path, crs=crs, band=band, nodata=nodata)
    return provenance.attach(raster, "layers.read_raster", shape=list(raster.shape))
