from __future__ import annotations

import geopandas as gpd
import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from geocn.spatial.raster_grid import raster_grid
from geocn.spatial.zonal import zonal_sums
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
    # outline, of which there are at most 80. The oracle below is held to 1e-9.
    np.testing.assert_allclose(found.count, peer["count"].to_numpy(float), atol=5e-6)
    total = np.nan_to_num(peer["sum"].to_numpy(float))
    np.testing.assert_allclose(found.total, total, atol=5e-6 * 150)
    for i, zone in enumerate(zones):
        share = cell_fractions(zone, 8, 10)
        assert found.total[i] == pytest.approx(np.nansum(share * values), rel=1e-9, abs=1e-10)


@given(stars, st.floats(0.05, 0.95))
def test_parts_of_a_zone_add_up_to_it(shape, cut):
    values = np.random.default_rng(5).uniform(0, 9, (8, 10))
    west = shape.intersection(shapely.box(-99, -99, 10 * cut, 99))
    east = shape.intersection(shapely.box(10 * cut, -99, 99, 99))
    zones = np.array([shape, west, east], dtype=object)
    total = zonal_sums(grid_of(values), zones).total
    assert total[1] + total[2] == pytest.approx(total[0], rel=1e-9, abs=1e-9)


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
