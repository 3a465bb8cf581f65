"""GDAL's own programs open every file without an error or a warning, and see what is there."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import rasterio
import xarray as xr

from geocn.publish import (
    write_csv,
    write_flatgeobuf,
    write_geopackage,
    write_geotiff,
)
from tests.publish.tools import gdal_tool, output_of, system_python
from tests.zoo import points


def layer() -> gpd.GeoDataFrame:
    frame = points("point", "line", "polygon", "multipolygon").assign(
        at=np.datetime64("2024-02-03T04:05:06"), text="año"
    )
    frame["at"] = frame["at"].dt.tz_localize("UTC")
    frame.attrs = {"about": {"title": "T", "marking": "TLP:GREEN", "as_of": "2025-12-31"}}
    return frame


@pytest.fixture(scope="module")
def raster(tmp_path_factory: pytest.TempPathFactory) -> Path:
    values = np.arange(700 * 600, dtype="float32").reshape(700, 600)
    values[:50] = np.nan
    made = xr.DataArray(
        values,
        dims=("y", "x"),
        coords={"y": 7 - 0.01 * np.arange(700), "x": -75 + 0.01 * np.arange(600)},
        attrs={"about": {"title": "T", "marking": "TLP:GREEN", "as_of": "2025-12-31"}},
    ).rio.write_crs("EPSG:4326")
    return write_geotiff(made, tmp_path_factory.mktemp("cog") / "c.tif")


def test_ogrinfo_reads_vector_files(tmp_path: Path) -> None:
    tool = gdal_tool("ogrinfo")
    frame = layer()
    several = write_geopackage({"a": frame, "b": frame.iloc[:1]}, tmp_path / "a.gpkg")
    listed = output_of(tool, "-ro", "-so", "-al", several)
    assert "Layer name: a" in listed
    assert "Feature Count: 4" in listed
    assert "Geometry: Point" in listed  # of b, whose rows are all points
    assert "information cut-off 2025-12-31" in output_of(tool, "-ro", several, "a")
    web = write_flatgeobuf(frame, tmp_path / "a.fgb")
    told = output_of(tool, "-ro", "-al", "-spat", -74.2, 4.5, -74.05, 4.7, web)
    assert "Feature Count: 2" in told or told.count("OGRFeature") >= 1
    assert "año" in told
    table = write_csv(frame, tmp_path / "a.csv")
    assert "Feature Count: 4" in output_of(tool, "-ro", "-so", "-al", table)


def test_gdalinfo_reads_rasters(raster: Path) -> None:
    told = json.loads(output_of(gdal_tool("gdalinfo"), "-json", raster))
    assert told["size"] == [600, 700]
    assert told["metadata"]["IMAGE_STRUCTURE"]["LAYOUT"] == "COG"
    description = "T · TLP:GREEN · information cut-off 2025-12-31"
    assert told["metadata"][""]["TIFFTAG_IMAGEDESCRIPTION"] == description
    assert told["metadata"][""]["TIFFTAG_COPYRIGHT"] == "TLP:GREEN"


def test_gdals_own_validator_accepts_rasters(raster: Path) -> None:
    module = "osgeo_utils.samples.validate_cloud_optimized_geotiff"
    said = output_of(system_python(module), "-m", module, "--full-check=yes", raster)
    assert "is a valid cloud optimized GeoTIFF" in said


def test_a_raster_is_laid_out_for_the_cloud(raster: Path) -> None:
    """What the validator asks, from the bytes: header, order of directories, order of data."""
    data = raster.read_bytes()
    assert data[:4] == b"II*\0"
    assert data[8:43] == b"GDAL_STRUCTURAL_METADATA_SIZE=00014"[:35]
    assert b"LAYOUT=IFDS_BEFORE_DATA\nBLOCK_ORDER=ROW_MAJOR\n" in data[:300]
    at, directories, first_data = struct.unpack("<I", data[4:8])[0], [], []
    while at:
        directories.append(at)
        (count,) = struct.unpack("<H", data[at : at + 2])
        entries = {
            struct.unpack("<H", data[at + 2 + 12 * i : at + 4 + 12 * i])[0]: at + 2 + 12 * i
            for i in range(count)
        }
        assert 322 in entries, "not tiled"
        where = entries[324]
        n, value = struct.unpack("<II", data[where + 4 : where + 12])
        offsets = struct.unpack(f"<{n}I", data[value : value + 4 * n]) if n > 1 else (value,)
        first_data.append(min(offset for offset in offsets if offset))
        end = at + 2 + 12 * count
        (at,) = struct.unpack("<I", data[end : end + 4])
    assert directories == sorted(directories)
    assert max(directories) < min(first_data)
    # the data of the smallest overview come first
    assert first_data == sorted(first_data, reverse=True)
    with rasterio.open(raster) as opened:
        assert opened.overviews(1) == [2, 4]
        assert opened.block_shapes == [(256, 256)]
