"""Rasters come back cell by cell, with their attributes, in the same bytes."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import rasterio
import rioxarray
import xarray as xr

from geocn.errors import CRSError, RasterError, WriteError
from geocn.publish import write_geotiff


def make(values: np.ndarray, *, crs: str | None = "EPSG:4326") -> xr.DataArray:
    height, width = values.shape[-2:]
    coords = {"y": 10 - 0.1 * np.arange(height), "x": -80 + 0.1 * np.arange(width)}
    dims = ("y", "x") if values.ndim == 2 else ("band", "y", "x")
    raster = xr.DataArray(values, dims=dims, coords=coords, name="accumulated")
    return raster.rio.write_crs(crs) if crs else raster


@pytest.mark.parametrize(
    "dtype", ["uint8", "int16", "int32", "int64", "float32", "float64", "bool", "float16"]
)
def test_values_grid_and_attrs_come_back(dtype: str, tmp_path: Path) -> None:
    values = (np.random.default_rng(0).random((300, 400)) * 100).astype(dtype)
    raster = make(values)
    raster.attrs["geocn"] = {"method": "corridors.cost_surface", "max_cost": np.inf}
    path = write_geotiff(raster, tmp_path / "x.tif")
    with rasterio.open(path, driver="GTiff") as back:
        np.testing.assert_array_equal(back.read(1), values)
        assert back.crs.to_epsg() == 4326
        assert back.bounds == pytest.approx((-80.05, 10.05 - 30, -80.05 + 40, 10.05))
        assert json.loads(back.tags()["GEOCN"])["geocn"] == {
            "max_cost": None,
            "method": "corridors.cost_surface",
        }
        assert back.descriptions == ("accumulated",)
        assert back.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
        assert back.overviews(1)
    opened = rioxarray.open_rasterio(path)
    np.testing.assert_allclose(opened.x, raster.x)
    np.testing.assert_allclose(opened.y, raster.y)


def test_nan_is_nodata_and_integers_keep_theirs(tmp_path: Path) -> None:
    values = np.array([[1.0, np.nan], [3.0, 4.0]])
    with rasterio.open(write_geotiff(make(values), tmp_path / "f.tif")) as back:
        assert np.isnan(back.nodata)
        np.testing.assert_array_equal(back.read(1), values)
    counts = make(np.array([[1, -1], [3, 4]], dtype="int32")).rio.write_nodata(-1)
    with rasterio.open(write_geotiff(counts, tmp_path / "i.tif")) as back:
        assert back.nodata == -1
        assert back.read(1, masked=True).mask.tolist() == [[False, True], [False, False]]


def test_rows_that_run_south_first_are_turned(tmp_path: Path) -> None:
    raster = make(np.arange(6.0).reshape(2, 3))
    upside = raster.isel(y=slice(None, None, -1), x=slice(None, None, -1))
    one = write_geotiff(raster, tmp_path / "1.tif").read_bytes()
    assert write_geotiff(upside, tmp_path / "2.tif").read_bytes() == one


def test_bands_keep_their_names(tmp_path: Path) -> None:
    raster = make(np.ones((2, 3, 4))).assign_coords(band=["coca", "poppy"])
    with rasterio.open(write_geotiff(raster, tmp_path / "x.tif")) as back:
        assert back.descriptions == ("coca", "poppy")


def test_one_cell_with_a_transform(tmp_path: Path) -> None:
    raster = make(np.ones((1, 1))).rio.write_transform(
        rasterio.transform.from_origin(-80.05, 10.05, 0.1, 0.1)
    )
    with rasterio.open(write_geotiff(raster, tmp_path / "x.tif")) as back:
        assert back.bounds == pytest.approx((-80.05, 9.95, -79.95, 10.05))


def test_the_same_bytes_twice_and_no_leftovers(tmp_path: Path) -> None:
    raster = make(np.random.default_rng(1).random((600, 600)))
    raster.attrs["b"], raster.attrs["a"] = 1, {2, 1}
    one = write_geotiff(raster, tmp_path / "1.tif").read_bytes()
    assert write_geotiff(raster, tmp_path / "2.tif").read_bytes() == one
    assert sorted(item.name for item in tmp_path.iterdir()) == ["1.tif", "2.tif"]


def test_what_cannot_be_a_raster_is_refused(tmp_path: Path) -> None:
    good = make(np.ones((3, 4)))
    path = tmp_path / "x.tif"
    with pytest.raises(CRSError, match="write_crs"):
        write_geotiff(make(np.ones((3, 4)), crs=None), path)
    with pytest.raises(RasterError, match="unequal size along x"):
        write_geotiff(good.assign_coords(x=[0.0, 1.0, 2.0, 4.0]), path)
    with pytest.raises(RasterError, match="no cells"):
        write_geotiff(good.isel(y=slice(0, 0)), path)
    with pytest.raises(RasterError, match="transpose"):
        write_geotiff(good.transpose("x", "y"), path)
    assert not list(tmp_path.iterdir())


def test_a_failed_write_leaves_the_previous_version_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "x.tif"
    path.write_bytes(b"previous")

    def broken(*_args: object, **_kwargs: object) -> None:
        raise rasterio.errors.RasterioIOError("No space left on device")

    monkeypatch.setattr(rasterio, "open", broken)
    with pytest.raises(WriteError, match="unchanged"):
        write_geotiff(make(np.ones((3, 4))), path)
    assert path.read_bytes() == b"previous"
