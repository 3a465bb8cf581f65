"""GeoTIFFs come back cell by cell; what has no place on a map is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine
from rasterio.transform import from_origin

from geocn.errors import CRSError, RasterError, ReadError
from geocn.io.raster import read_raster
from tests.oracles_io import write_tif


@pytest.mark.parametrize("dtype", ["uint8", "int16", "uint32", "float32", "float64"])
def test_values_coordinates_and_crs_come_back(dtype: str, tmp_path: Path) -> None:
    values = np.arange(12).reshape(3, 4).astype(dtype)
    raster = read_raster(write_tif(tmp_path / "a.tif", values, nodata=5))
    expected = values.astype(float)
    expected[1, 1] = np.nan
    np.testing.assert_array_equal(raster.values, expected)
    np.testing.assert_allclose(raster["x"], [-74.95, -74.85, -74.75, -74.65])
    np.testing.assert_allclose(raster["y"], [4.95, 4.85, 4.75])
    assert raster.dims == ("y", "x")
    assert raster.rio.crs.to_epsg() == 4326
    assert raster.dtype == ("float32" if dtype in ("uint8", "int16", "float32") else "float64")


def test_nodata_nan_internal_mask_and_a_value_the_user_names(tmp_path: Path) -> None:
    values = np.array([[1.0, np.nan], [-9999, 4]])
    path = write_tif(tmp_path / "a.tif", values, nodata=np.nan)
    assert np.isnan(read_raster(path).values).sum() == 1
    assert np.isnan(read_raster(path, nodata=-9999).values).sum() == 2
    plain = read_raster(write_tif(tmp_path / "b.tif", np.ones((2, 2))))
    assert any("nodata" in note for note in plain.attrs["geocn_notes"])


def test_scale_and_offset_are_applied(tmp_path: Path) -> None:
    path = write_tif(tmp_path / "a.tif", np.array([[10, 20]], dtype="int16"), nodata=20)
    with rasterio.open(path, "r+") as out:
        out.scales, out.offsets = (0.5,), (1,)
    np.testing.assert_array_equal(read_raster(path).values, [[6, np.nan]])


def test_rows_from_south_to_north_are_turned(tmp_path: Path) -> None:
    upward = Affine(0.1, 0, -75, 0, 0.1, 4)
    path = write_tif(tmp_path / "a.tif", np.array([[1.0], [2.0]]), transform=upward)
    raster = read_raster(path)
    assert raster["y"].values[0] > raster["y"].values[1]
    assert raster.values.tolist() == [[2.0], [1.0]]
    assert raster.rio.transform().e < 0


@pytest.mark.parametrize(
    "transform", [Affine.rotation(10), Affine(0.1, 0.05, 0, 0, -0.1, 0), Affine(-1, 0, 0, 0, -1, 0)]
)
def test_rotated_sheared_and_mirrored_grids_are_refused(transform: Affine, tmp_path: Path) -> None:
    path = write_tif(tmp_path / "a.tif", np.ones((2, 2)), transform=transform)
    with pytest.raises(RasterError, match="gdalwarp"):
        read_raster(path)


def test_crs_is_required_declared_or_contradicted(tmp_path: Path) -> None:
    path = write_tif(tmp_path / "a.tif", np.ones((2, 2)), crs=None)
    with pytest.raises(CRSError, match="Declare it"):
        read_raster(path)
    assert read_raster(path, crs="EPSG:3116").rio.crs.to_epsg() == 3116
    known = write_tif(tmp_path / "b.tif", np.ones((2, 2)))
    with pytest.raises(CRSError, match="declared"):
        read_raster(known, crs="EPSG:3116")


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_a_picture_is_refused(tmp_path: Path) -> None:
    path = write_tif(tmp_path / "a.tif", np.ones((2, 2)), crs=None, transform=None)
    with pytest.raises(RasterError, match="georeference"):
        read_raster(path, crs="EPSG:4326")


def test_one_of_several_bands(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        width=2,
        height=1,
        count=2,
        dtype="int16",
        crs=4326,
        transform=from_origin(0, 0, 1, 1),
    ) as out:
        out.write(np.array([[[1, 2]], [[3, 4]]], dtype="int16"))
        out.set_band_description(2, "poppy")
    with pytest.raises(RasterError, match="2 bands: 1, poppy"):
        read_raster(path)
    raster = read_raster(path, band=2)
    assert raster.values.tolist() == [[3, 4]]
    assert raster.attrs["long_name"] == "poppy"
    with pytest.raises(RasterError, match="not 3"):
        read_raster(path, band=3)


def test_what_is_no_tiff_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    path.write_text("a,b\n1,2\n")
    with pytest.raises(ReadError, match="found csv"):
        read_raster(path)


def test_a_cog_in_blocks(tmp_path: Path) -> None:
    values = np.random.default_rng(1).random((600, 700)).astype("float32")
    path = write_tif(
        tmp_path / "a.tif",
        values,
        driver="COG",
        compress="deflate",
        predictor="yes",
    )
    np.testing.assert_array_equal(read_raster(path).values, values)
