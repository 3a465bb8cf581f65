from __future__ import annotations

import geopandas as gpd
import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from geocn.errors import RasterError
from geocn.spatial.raster_grid import raster_grid
from geocn.spatial.zonal import zonal_sums
from geocn.spatial.zonal_raster import cleaner, rows_of_array, strip_height
from tests.oracles_corridors import cell_fractions, raster


def star(seed, cx, cy, radius, n, holes):
    """A polygon with a ragged outline and holes cut out of it."""
    rng = np.random.default_rng(seed)
    angle = np.sort(rng.uniform(0, 2 * np.pi, n))
    reach = radius * rng.uniform(0.2, 1, n)
    shape = shapely.Polygon(np.c_[cx + reach * np.cos(angle), cy + reach * np.sin(angle)])
    shape = shape.buffer(0)
    for _ in range(holes):
        x, y = rng.uniform(-radius, radius, 2) / 2
        shape = shape.difference(shapely.Point(cx + x, cy + y).buffer(radius / 6, quad_segs=2))
    return shape


stars = st.builds(
    star,
    st.integers(0, 10_000),
    st.floats(-2, 12),
    st.floats(-2, 10),
    st.floats(0.01, 8),
    st.integers(3, 40),
    st.integers(0, 3),
)


def grid_of(values):
    return raster_grid(raster(values, west=0, south=0), "raster")


@given(st.lists(stars, min_size=1, max_size=4))
def test_sums_equal_exactextract_and_the_oracle(shapes):
    from exactextract import exact_extract
    from exactextract.raster import NumPyRasterSource

    values = np.random.default_rng(3).normal(50, 20, (8, 10))
    values[2, 3:5] = np.nan
    zones = np.array([s for s in shapes if s.area > 1e-12], dtype=object)
    if not len(zones):
        return
    frame = gpd.GeoDataFrame(geometry=zones, crs="EPSG:32618")
    wkt = frame.crs.to_wkt()
    source = NumPyRasterSource(values, xmin=0, ymin=0, xmax=10, ymax=8, srs_wkt=wkt)
    peer = exact_extract(source, frame, ["sum", "count"], output="pandas")
    found = zonal_sums(grid_of(values), zones)
    # exactextract keeps the covered share of a cell in float32: 6e-8 for each cell on the
    # outline, of which there are at most 80. The oracle below is held to 1e-12.
    np.testing.assert_allclose(found.count, peer["count"].to_numpy(float), atol=5e-6)
    total = np.nan_to_num(peer["sum"].to_numpy(float))
    np.testing.assert_allclose(found.total, total, atol=5e-6 * 150)
    for i, zone in enumerate(zones):
        share = cell_fractions(zone, 8, 10)
        assert found.total[i] == pytest.approx(np.nansum(share * values), rel=1e-12, abs=1e-11)


@given(stars, st.floats(0.05, 0.95))
def test_parts_of_a_zone_add_up_to_it(shape, cut):
    values = np.random.default_rng(5).uniform(0, 9, (8, 10))
    west = shape.intersection(shapely.box(-99, -99, 10 * cut, 99))
    east = shape.intersection(shapely.box(10 * cut, -99, 99, 99))
    zones = np.array([shape, west, east], dtype=object)
    total = zonal_sums(grid_of(values), zones).total
    assert total[1] + total[2] == pytest.approx(total[0], rel=1e-12, abs=1e-11)


def test_an_edge_along_cell_edges_and_the_outer_frame():
    values = np.arange(1.0, 13).reshape(3, 4)
    zones = [shapely.box(0, 0, 4, 3), shapely.box(1, 1, 3, 2), shapely.box(-5, -5, 50, 50)]
    found = zonal_sums(grid_of(values), np.array(zones, dtype=object))
    assert found.total.tolist() == [78.0, 13.0, 78.0]
    assert found.count.tolist() == [12.0, 2.0, 12.0]


def test_nothing_is_summed_where_nothing_is():
    values = np.zeros((4, 6))
    values[:, 5] = 1e12
    zone = np.array([shapely.box(0.3, 0.3, 4.7, 3.7)], dtype=object)
    assert zonal_sums(grid_of(values), zone).total[0] == 0.0


def test_null_empty_and_outside_zones():
    zones = np.array([None, shapely.Polygon(), shapely.box(90, 90, 91, 91)], dtype=object)
    found = zonal_sums(grid_of(np.ones((3, 3))), zones)
    assert found.total.tolist() == found.count.tolist() == [0, 0, 0]
    assert len(zonal_sums(grid_of(np.ones((3, 3))), zones[:0]).total) == 0


def test_a_raster_from_0_to_360_meets_zones_from_minus_180():
    values = np.tile(np.arange(36.0), (3, 1))
    array = raster(values, 10, "EPSG:4326", west=0, south=-15)
    zone = np.array([shapely.box(-20, -5, -10, 5), shapely.box(-10, -5, 10, 5)], dtype=object)
    assert zonal_sums(raster_grid(array, "r"), zone).total.tolist() == [34.0, 35.0]


@settings(max_examples=30)
@given(stars, st.integers(0, 99))
def test_what_lies_outside_a_zone_leaves_no_trace_however_large(shape, seed):
    if shape.area < 1e-3:
        return
    rng = np.random.default_rng(seed)
    values = rng.normal(0, 1, (8, 10))
    share = cell_fractions(shape, 8, 10)
    small = (share * values).sum()
    values[share == 0] = rng.choice([-1e15, 1e15], (share == 0).sum())
    found = zonal_sums(grid_of(values), np.array([shape], dtype=object))
    assert found.total[0] == pytest.approx(small, rel=1e-11, abs=1e-11)


@settings(max_examples=30)
@given(stars)
def test_a_constant_raster_gives_the_area(shape):
    inside = shape.intersection(shapely.box(0, 0, 10, 8)).area
    found = zonal_sums(grid_of(np.full((8, 10), -7.0)), np.array([shape], dtype=object))
    assert found.total[0] == pytest.approx(-7 * inside, rel=1e-13, abs=1e-13)
    assert found.count[0] == pytest.approx(inside, rel=1e-13, abs=1e-14)


@settings(max_examples=30)
@given(st.lists(stars, min_size=1, max_size=3), st.floats(-1e6, 1e6))
def test_variances_are_those_of_the_shares(shapes, mean):
    values = mean + np.random.default_rng(3).normal(0, 1, (8, 10))
    values[2, 3:5] = np.nan
    found = zonal_sums(grid_of(values), np.array(shapes, dtype=object), squares=True)
    for i, shape in enumerate(shapes):
        share = np.where(np.isnan(values), 0, cell_fractions(shape, 8, 10))
        if share.sum() > 1e-6:
            centre = np.average(np.nan_to_num(values), weights=share)
            expected = np.average((np.nan_to_num(values) - centre) ** 2, weights=share)
            assert found.variance[i] == pytest.approx(expected, rel=1e-8, abs=1e-8)
        assert np.isnan(found.variance[i]) == (found.count[i] == 0)


def test_a_zone_beside_data_has_none():
    values = np.full((6, 9), np.nan)
    values[:, :3] = 1e9
    zone = shapely.Polygon([(3, 0), (9, 0.3), (8.7, 5.9), (3, 6)])
    found = zonal_sums(grid_of(values), np.array([zone], dtype=object), squares=True, areas=True)
    assert found.count[0] == found.total[0] == found.area_ha[0] == 0.0
    assert np.isnan(found.variance[0])


def test_a_flat_edge_and_a_sliver():
    values = np.arange(80.0).reshape(8, 10)
    flat = shapely.Polygon([(-50, 3), (50, 3 + 1e-13), (50, 3 - 1e-13)])
    thin = shapely.Polygon([(0.5, 0), (0.5 + 1e-9, 8), (0.5, 8)])
    found = zonal_sums(grid_of(values), np.array([flat, thin], dtype=object))
    assert found.total[0] == pytest.approx(0, abs=1e-9)
    # A part at height y weighs by its width there, that is by y.
    height = np.arange(8)[::-1] + 0.5
    assert found.total[1] == pytest.approx((values[:, 0] * height).sum() / 8 * 1e-9, rel=1e-6)


@pytest.mark.parametrize("turn_y", [False, True])
@pytest.mark.parametrize("turn_x", [False, True])
@pytest.mark.parametrize("kind", ["float32", "float64", "int16", "uint8", "bool"])
def test_an_array_is_read_as_it_is_stored(turn_x, turn_y, kind):
    values = np.random.default_rng(1).integers(0, 2 if kind == "bool" else 99, (8, 10))
    array = raster(values, west=0, south=0).astype(kind).rio.write_nodata(1)
    zones = np.array([shapely.box(0.5, 0.5, 9, 7.3), shapely.box(4, 2, 6.5, 3)], dtype=object)
    expected = zonal_sums(raster_grid(array, "r"), zones)
    turned = array[:: -1 if turn_y else 1, :: -1 if turn_x else 1]
    before = turned.to_numpy().tobytes()
    found = zonal_sums(rows_of_array(turned, "r"), zones)
    assert found.total.tolist() == pytest.approx(expected.total.tolist(), rel=1e-14)
    assert found.count.tolist() == pytest.approx(expected.count.tolist(), rel=1e-14)
    assert turned.to_numpy().tobytes() == before


def test_bands_and_small_rasters_are_taken_as_they_were():
    array = raster(np.arange(6.0).reshape(2, 3), west=0, south=0)
    zone = np.array([shapely.box(0, 0, 3, 2)], dtype=object)
    assert zonal_sums(rows_of_array(array.expand_dims("band"), "r"), zone).total[0] == 15
    large = raster(np.arange(12.0).reshape(4, 3), west=0, south=0)
    assert zonal_sums(rows_of_array(large.expand_dims("band"), "r"), zone).total[0] == 51
    with pytest.raises(RasterError, match="band"):
        rows_of_array(large.expand_dims(band=[1, 2]), "r")
    with pytest.raises(RasterError, match="dimensions"):
        rows_of_array(large.rename(x="left", y="right"), "r")
    with pytest.raises(RasterError, match="uneven"):
        rows_of_array(large.assign_coords(y=[9.0, 3, 2, 1]).drop_vars("spatial_ref")
                      .rio.write_crs(32618), "r")  # fmt: skip
    with pytest.raises(RasterError, match="DataArray"):
        rows_of_array(large.to_numpy(), "r")


def test_the_whole_earth_has_its_area():
    array = raster(np.ones((18, 36)), 10, "EPSG:4326", west=-180, south=-90)
    rows = rows_of_array(array, "r")
    found = zonal_sums(rows, np.array([shapely.box(-180, -90, 180, 90)], dtype=object), areas=True)
    # Area of the WGS 84 ellipsoid (NIMA TR8350.2): 510,065,621.724 km².
    assert found.area_ha[0] / 100 == pytest.approx(510_065_621.724, rel=1e-11)
    fine = raster(np.ones((5, 4)), 0.01, "EPSG:4326", west=-75, south=45)
    e2, a, f = 0.0066943799901413165, 6378137.0, np.sin(np.radians([45.01, 45.02]))

    def band(sine):  # Snyder 1987, eq. 3-12
        e = np.sqrt(e2)
        return sine / (1 - e2 * sine**2) + np.arctanh(e * sine) / e

    expected = a**2 * (1 - e2) / 2 * np.radians(0.01) * np.diff(band(f))[0] / 1e4
    areas = rows_of_array(fine, "r").cell_areas_ha(slice(3, 4))
    assert areas[0] == pytest.approx(expected, rel=1e-10)


def test_nodata_of_float32_is_told_as_gdal_does():
    stored = np.array([-3.4028235e38, -9999.1, 5, np.nan], dtype=np.float32)
    assert np.isnan(cleaner(stored.dtype, -3.40282306e38)(stored)).tolist() == [1, 0, 0, 1]
    assert np.isnan(cleaner(stored.dtype, -9999.1)(stored)).tolist() == [0, 1, 0, 1]
    assert cleaner(np.dtype("int16"), 5, 0.5, 1)(np.array([5, 6], "int16"))[1] == 4


def test_strips_are_whole_blocks_within_the_memory():
    assert strip_height(1000, 4, block=256) == 4096
    assert strip_height(30_000, 2, block=512) == 512
    assert strip_height(30_000, 2, block=512, memory_mb=6) == 104
    assert strip_height(10**9, 8, memory_mb=1) == 1


def test_values_that_cannot_be_squared_are_refused():
    values = np.ones((4, 4))
    values[1, 1] = -1.7e308
    zone = np.array([shapely.box(0, 0, 4, 4)], dtype=object)
    with pytest.raises(RasterError, match="beyond 1e"):
        zonal_sums(grid_of(values), zone)
