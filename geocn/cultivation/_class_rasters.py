"""Rasters of classes and probabilities as the share of each cell that is a crop."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import xarray as xr

from geocn._typing import FloatArray
from geocn.errors import ParameterError, RasterError
from geocn.layers.rasters import check_codes
from geocn.spatial.raster_grid import RasterGrid, raster_grid


def classes_of(raster: xr.DataArray) -> dict[int, str]:
    """Name of each code of a raster of classes; empty where it has no legend."""
    named = raster.attrs.get("classes", {})
    return {int(code): str(name) for code, name in named.items()} if named else {}


def crops_of(raster: xr.DataArray) -> dict[int, str]:
    """Crop of each code that is one."""
    named = raster.attrs.get("crops", {})
    return {int(code): str(name) for code, name in named.items()}


def crop_share(
    raster: xr.DataArray, crop: str | None
) -> tuple[RasterGrid, FloatArray, Mapping[str, str]]:
    """Share of each cell under a crop (every crop where None), NaN without data.

    Raises
    ------
    RasterError
        Where the raster does not say what its values are, or they are not that.
    ParameterError
        Where it has no such crop.
    """
    grid = raster_grid(raster, "cultivation")
    crops = crops_of(raster)
    if crops:
        if crop is not None and crop not in crops.values():
            known = ", ".join(sorted(set(crops.values())))
            raise ParameterError(f"the raster has no {crop!r}; its crops are {known}")
        check_codes(grid.values, classes_of(raster))
        wanted = [code for code, name in crops.items() if crop in (None, name)]
        share = np.where(np.isnan(grid.values), np.nan, np.isin(grid.values, wanted))
        return grid, share.astype(np.float64), {str(c): crops[c] for c in wanted}
    if raster.attrs.get("probability") == "share":
        named = raster.attrs.get("crop")
        if crop is not None and named is not None and crop != named:
            raise ParameterError(f"the raster is of {named!r}, not of {crop!r}")
        outside = (grid.values < 0) | (grid.values > 1)
        if outside.any():
            raise RasterError(
                "cultivation",
                found=f"{int(outside.sum()):,} cells outside 0 to 1",
                expected="probabilities from 0 to 1",
                repair="Read it with geocn.read_cultivation(…, probability=…).",
            )
        return grid, grid.values, {}
    raise RasterError(
        "cultivation",
        found="values without a meaning",
        expected="a raster of classes with a legend, or of probabilities",
        repair='Read it with geocn.read_cultivation(…, legend={3: "coca"}) or probability="share".',
    )
