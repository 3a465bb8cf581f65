from __future__ import annotations

import numpy as np
import pytest
import rasterio
import rasterio.shutil
import rioxarray
import shapely

from geocn import read_raster
from geocn.cultivation import zonal_stats
from geocn.errors import CRSError, ParameterError, RasterError, ReadError, UnsafeFileError
from geocn.spatial.zonal_raster import RasterRows
from tests.cultivation.test_zonal_stats import zones

STATS = ("sum", "mean", "count", "variance", "share_valid", "max", "q90")


def write(path, values, **profile):
    """Write bands of a GeoTIFF with cells of 1 m, north up unless told otherwise."""
    values = np.atleast_3d(np.asarray(values).T).T
    count, height, width = values.shape
    place = rasterio.Affine(1, 0, 0, 0, -1, height)
    profile = {"crs": "EPSG:32618", "transform": place, "nodata": 0} | profile
    with rasterio.open(
        path, "w", driver="GTiff", width=width, height=height, count=count,
        dtype=values.dtype.name, **profile,
    ) as out:  # fmt: skip
        out.write(values)
    return path


def stars(seed=0, n=6):
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(n):
        angle = np.sort(rng.uniform(0, 2 * np.pi, 30))
        reach, at = rng.uniform(5, 60, 30), rng.uniform(-5, 105, 2)
        ring = shapely.Polygon(at + reach[:, None] * np.c_[np.cos(angle), np.sin(angle)])
        found.append(ring.buffer(0).difference(shapely.Point(at).buffer(8)))
    return zones(*found)


def field(kind="float32", shape=(90, 100)):
    values = np.random.default_rng(4).integers(0, 200, shape).astype(kind)
    values[20:30, 40:60] = 0
    return values


@pytest.mark.parametrize("kind", ["uint8", "float32", "float64"])
@pytest.mark.parametrize(
    "layout",
    [
        {"tiled": True, "blockxsize": 16, "blockysize": 16, "compress": "deflate"},
        {"blockysize": 1},
        {"blockysize": 90},
    ],
    ids=["tiles", "rows", "one block"],
)
def test_a_file_in_strips_equals_the_raster_in_memory(tmp_path, kind, layout):
    file = write(tmp_path / "r.tif", field(kind), **layout)
    expected = zonal_stats(stars(), read_raster(file), stats=STATS)
    for memory_mb in (512, 0.003, 0.0001):
        found = zonal_stats(stars(), file, stats=STATS, memory_mb=memory_mb)
        for name in STATS:
            np.testing.assert_allclose(found[name], expected[name], rtol=1e-12, err_msg=name)
        assert found.attrs["geocn"]["n_without_data"] == expected.attrs["geocn"]["n_without_data"]


def test_a_cog_and_a_lazy_array_equal_the_raster_in_memory(tmp_path):
    write(tmp_path / "r.tif", field(shape=(700, 600)))
    rasterio.shutil.copy(tmp_path / "r.tif", tmp_path / "cog.tif", driver="COG", blocksize=128)
    expected = zonal_stats(stars(), read_raster(tmp_path / "cog.tif"))
    lazy = rioxarray.open_rasterio(tmp_path / "cog.tif")
    for raster in (tmp_path / "cog.tif", str(tmp_path / "cog.tif"), lazy):
        found = zonal_stats(stars(), raster)
        np.testing.assert_allclose(found["sum"], expected["sum"], rtol=1e-12)
        np.testing.assert_allclose(found["count"], expected["count"], rtol=1e-12)


def test_only_strips_that_zones_meet_are_read(tmp_path, monkeypatch):
    file = write(tmp_path / "r.tif", field(), blockysize=10)
    asked = []
    chunks = RasterRows.chunks

    def spy(self, rows, columns):
        asked.append((rows.start, rows.stop, columns.start, columns.stop))
        return chunks(self, rows, columns)

    monkeypatch.setattr(RasterRows, "chunks", spy)
    pair = zones(shapely.box(3, 71, 12, 77.5), shapely.box(20, 5, 25, 15))
    zonal_stats(pair, file, memory_mb=0.004)
    assert asked == [(12, 20, 3, 25), (75, 80, 3, 25), (80, 85, 3, 25)]
    asked.clear()
    zonal_stats(zones(shapely.box(500, 0, 510, 90), shapely.box(-9, 0, -5, 9)), file)
    assert asked == []


def test_south_up_scale_offset_and_bands(tmp_path):
    values = field("int16")
    up = rasterio.Affine(1, 0, 0, 0, 1, 0)
    south = write(tmp_path / "south.tif", values[::-1], transform=up)
    north = write(tmp_path / "north.tif", values)
    np.testing.assert_allclose(
        zonal_stats(stars(), south, stats=STATS)[list(STATS)],
        zonal_stats(stars(), north, stats=STATS)[list(STATS)],
        rtol=1e-12,
    )
    plain = zonal_stats(stars(), north)
    with rasterio.open(north, "r+") as out:
        out.scales, out.offsets = (0.5,), (3.0,)
    found = zonal_stats(stars(), north)
    np.testing.assert_allclose(found["mean"], plain["mean"] * 0.5 + 3, rtol=1e-12)
    two = write(tmp_path / "two.tif", np.stack([values, values + 1]), nodata=None)
    first, second = (zonal_stats(stars(), two, band=b) for b in (1, 2))
    np.testing.assert_allclose(second["sum"], first["sum"] + first["count"], rtol=1e-12)
    array = rioxarray.open_rasterio(two)
    np.testing.assert_allclose(zonal_stats(stars(), array, band=2)["sum"], second["sum"])
    with pytest.raises(RasterError, match="band="):
        zonal_stats(stars(), two)
    with pytest.raises(RasterError, match="not 3"):
        zonal_stats(stars(), two, band=3)
    with pytest.raises(ParameterError, match="no such band"):
        zonal_stats(stars(), array, band=3)


def test_a_mask_within_the_file_is_kept(tmp_path):
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True):
        file = write(tmp_path / "m.tif", field() + 1, nodata=None)
        with rasterio.open(file, "r+") as out:
            out.write_mask(np.arange(9000).reshape(90, 100) % 7 > 0)
    expected = zonal_stats(stars(), read_raster(file), stats=STATS)
    found = zonal_stats(stars(), file, stats=STATS)
    np.testing.assert_allclose(found[list(STATS)], expected[list(STATS)], rtol=1e-12)
    assert (found["share_valid"].dropna() < 0.99).all()


def test_files_that_are_refused(tmp_path):
    frame = stars()
    with pytest.raises(ReadError):
        zonal_stats(frame, tmp_path / "missing.tif")
    (tmp_path / "vrt.tif").write_text("<VRTDataset rasterXSize='1' rasterYSize='1'/>")
    with pytest.raises((ReadError, UnsafeFileError)):
        zonal_stats(frame, tmp_path / "vrt.tif")
    with pytest.raises(CRSError, match="read_raster"):
        zonal_stats(frame, write(tmp_path / "nowhere.tif", field(), crs=None))
    turned = rasterio.Affine(1, 0.2, 0, 0.2, -1, 90)
    with pytest.raises(RasterError, match="rotated"):
        zonal_stats(frame, write(tmp_path / "turned.tif", field(), transform=turned))
    with pytest.raises(RasterError, match="complex"):
        zonal_stats(frame, write(tmp_path / "c.tif", field("complex64"), nodata=None))
    with pytest.raises(RasterError, match="infinite"):
        zonal_stats(frame, write(tmp_path / "inf.tif", np.full((90, 100), np.inf, "float32")))
    with pytest.raises(RasterError, match="latitudes"):
        zonal_stats(frame, write(tmp_path / "lat.tif", field(shape=(200, 9)), crs="EPSG:4326"))
    sparse = tmp_path / "sparse.tif"
    with rasterio.open(
        sparse, "w", driver="GTiff", width=30_000, height=30_000, count=1, dtype="uint8",
        crs="EPSG:32618", transform=rasterio.Affine(1, 0, 0, 0, -1, 9), sparse_ok=True, tiled=True,
    ):  # fmt: skip
        pass
    with pytest.raises(UnsafeFileError, match="30000"):
        zonal_stats(frame, sparse)


def test_a_file_that_was_cut_is_no_answer(tmp_path):
    file = write(tmp_path / "r.tif", field(), compress="deflate", blockysize=10)
    whole = file.read_bytes()
    expected = zonal_stats(stars(), file)["sum"]
    for part in range(1, 16):
        file.write_bytes(whole[: len(whole) * part // 16])
        try:
            found = zonal_stats(stars(), file)["sum"]
        except (ReadError, RasterError, CRSError):
            continue
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("memory_mb", [0, -1, float("nan")])
def test_memory_is_above_zero(tmp_path, memory_mb):
    with pytest.raises(ParameterError, match="memory_mb"):
        zonal_stats(stars(), write(tmp_path / "r.tif", field()), memory_mb=memory_mb)


def test_bands_of_rows_sum_to_the_whole_to_the_last_bit(tmp_path):
    """A file is summed in bands, an array at once; the file of this test has six bands."""
    rng = np.random.default_rng(5)
    values = rng.lognormal(0, 8, (2900, 30))
    values[:, 7] = 0
    path = write(tmp_path / "tall.tif", values)
    shapes = shapely.buffer(shapely.points(rng.uniform((0, 0), (30, 2900), (60, 2))), 300)
    shapes[3], shapes[4] = shapely.box(3, 800, 4, 2100), shapely.box(0, 1800, 30, 1801)
    stats = ("sum", "mean", "count", "stdev", "share_valid")
    tall = zones(*shapes)
    in_file = zonal_stats(tall, path, stats=stats)
    in_memory = zonal_stats(tall, read_raster(path), stats=stats)
    for name in stats:
        np.testing.assert_array_equal(in_file[name], in_memory[name])
    with pytest.raises(ParameterError, match="path of its file"):
        zonal_stats(tall, read_raster(path), checkpoints=tmp_path)
