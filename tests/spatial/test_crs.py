"""Reference systems: demanded, checked, chosen."""

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from geocn.errors import CoordinateError, CRSError, SchemaError
from geocn.spatial.crs import (
    GLOBAL_EQUAL_AREA,
    check_lonlat,
    equal_area_crs,
    require_crs,
    same_crs,
    to_lonlat,
)
from geocn.spatial.geodesy import distance_m, geodesic_length_km


def frame(*geometries, crs=4326, index=None):
    return gpd.GeoDataFrame(geometry=list(geometries), crs=crs, index=index)


def test_a_frame_without_crs_is_refused_with_the_repair():
    with pytest.raises(CRSError, match=r"set_crs") as error:
        require_crs(frame(shapely.Point(0, 0), crs=None), "seizures")
    assert error.value.layer == "seizures"


@pytest.mark.parametrize("x,y", [(4.6, -174.1), (200.0, 5), (np.nan, 1), (np.inf, 1), (1e300, 0)])
def test_impossible_degrees_are_refused_with_the_rows_named(x, y):
    data = frame(shapely.Point(1, 1), None, shapely.Point(x, y), index=["a", "b", "c"])
    with pytest.raises(CoordinateError) as error:
        check_lonlat(data, "seizures")
    assert error.value.rows == ["c"]


def test_metres_beyond_the_earth_are_refused_though_proj_accepts_them():
    with pytest.raises(CoordinateError):
        to_lonlat(frame(shapely.Point(1e300, 0), crs=3857))


def test_null_and_empty_geometries_pass():
    data = frame(None, shapely.Point(), shapely.LineString(), shapely.Point(180, -90))
    assert to_lonlat(data).geometry.isna().tolist() == [True, False, False, False]


def test_same_crs_brings_the_other_over():
    metres = frame(shapely.Point(0, 0), crs=3857)
    assert same_crs(frame(shapely.Point(0, 0)), metres, "b").crs == pyproj.CRS(4326)


def test_equal_area_across_180_is_centred_there():
    crs = equal_area_crs(frame(shapely.Point(179, -17)), frame(shapely.Point(-179, -15)))
    assert crs.srs.split()[1:3] == ["+lat_0=-16.0", "+lon_0=180.0"]


def test_equal_area_of_the_world_or_nothing_is_global():
    world = frame(*(shapely.Point(x, 0) for x in range(-170, 180, 10)))
    assert equal_area_crs(world) == pyproj.CRS(GLOBAL_EQUAL_AREA)
    assert equal_area_crs(frame()) == pyproj.CRS(GLOBAL_EQUAL_AREA)


@settings(max_examples=30, deadline=None)
@given(lon=st.floats(-179, 178), lat=st.floats(-80, 79))
def test_the_area_of_a_cell_is_kept(lon, lat):
    cell = frame(shapely.segmentize(shapely.box(lon, lat, lon + 1, lat + 1), 0.01))
    planar = cell.to_crs(equal_area_crs(cell)).area.iloc[0]
    geodesic = abs(pyproj.Geod(ellps="WGS84").geometry_area_perimeter(cell.geometry.iloc[0])[0])
    assert planar == pytest.approx(geodesic, rel=1e-4)


def test_lengths_on_the_ellipsoid():
    assert float(distance_m(0, 0, 0, 90)) == pytest.approx(10001965.729, abs=0.01)
    square = shapely.box(0, 0, 1, 1)
    lengths = geodesic_length_km([square, None, shapely.LineString(), shapely.Point(1, 1)])
    expected = pyproj.Geod(ellps="WGS84").geometry_area_perimeter(square)[1] / 1000
    assert lengths.tolist() == pytest.approx([expected, 0, 0, 0])


def test_a_column_that_stands_twice_is_refused():
    frame = gpd.GeoDataFrame({"a": [1]}, geometry=[shapely.Point(0, 0)], crs=4326)
    doubled = gpd.GeoDataFrame(pd.concat([frame[["a"]], frame], axis=1), geometry="geometry")
    with pytest.raises(SchemaError, match="stand twice: a"):
        require_crs(doubled.set_crs(4326), "demand")
