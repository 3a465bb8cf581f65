from __future__ import annotations

import json

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from geocn.cultivation import zonal_stats
from geocn.errors import (
    CoordinateError,
    CRSError,
    GeometryError,
    ParameterError,
    RasterError,
    SchemaError,
)
from geocn.spatial.geodesy import area_km2
from tests.oracles_corridors import raster

UTM = "EPSG:32618"


def zones(*shapes, **columns):
    return gpd.GeoDataFrame(columns, geometry=list(shapes), crs=UTM)


def small():
    return raster(np.arange(1.0, 10).reshape(3, 3), west=0, south=0)


@pytest.mark.reference
def test_reference_case(reference):
    expected = json.loads((reference / "cultivation/zonal/expected.json").read_text())["basic"]
    names = ["count", "mean", "variance", "stdev"]
    found = zonal_stats(zones(shapely.box(0.5, 0.5, 2.5, 2.5)), small(), stats=names)
    for name in names:
        assert found[name].iloc[0] == pytest.approx(expected[name])


def test_zone_smaller_than_a_cell():
    found = zonal_stats(zones(shapely.box(0.25, 0.25, 0.75, 0.75)), small())
    assert found[["sum", "mean", "count"]].to_numpy().tolist() == [[7 * 0.25, 7.0, 0.25]]


def test_hole_multipolygon_and_overlap():
    ring = shapely.box(0, 0, 3, 3).difference(shapely.box(1, 1, 2, 2))
    pair = shapely.MultiPolygon([shapely.box(0, 0, 1, 1), shapely.box(2, 2, 3, 3)])
    found = zonal_stats(zones(ring, pair, shapely.box(0, 0, 3, 3)), small())
    assert found["sum"].tolist() == [40.0, 10.0, 45.0]
    assert found["count"].tolist() == [8.0, 2.0, 9.0]


def test_nothing_known_is_nan_and_counted_not_zero():
    array = small()
    array[0] = np.nan
    frame = zones(
        shapely.box(50, 50, 51, 51),
        shapely.box(0, 2, 3, 3),
        None,
        shapely.box(0, 1, 3, 3),
        shapely.Polygon(),
    )
    found = zonal_stats(frame, array, stats=("sum", "mean", "count", "share_valid"))
    assert found["count"].fillna(-1).tolist() == [0.0, 0.0, -1.0, 3.0, -1.0]
    assert found["sum"].notna().tolist() == [False, False, False, True, False]
    assert found["share_valid"].tolist()[3] == 0.5
    record = found.attrs["geocn"]
    assert (record["n_without_data"], record["n_partly_without_data"], record["n_left_out"]) == (
        2,
        1,
        2,
    )


def test_raster_without_any_data():
    array = small() * np.nan
    found = zonal_stats(zones(shapely.box(0, 0, 3, 3)), array, stats=("sum", "count", "variance"))
    assert found["count"].tolist() == [0.0]
    assert found[["sum", "variance"]].isna().all(axis=None)


def test_index_columns_order_and_input_are_kept():
    frame = zones(shapely.box(0, 0, 1, 1), shapely.box(1, 1, 2, 2), name=["a", "b"])
    frame.index = pd.Index(["x", "y"])
    before = frame.copy()
    found = zonal_stats(frame, small())
    assert list(found.index) == ["x", "y"]
    assert list(found.columns) == ["name", "geometry", "sum", "mean", "count"]
    pd.testing.assert_frame_equal(pd.DataFrame(frame), pd.DataFrame(before))
    assert found.attrs["geocn"]["method"] == "cultivation.zonal_stats"
    empty = zonal_stats(frame.iloc[:0], small())
    assert list(empty.columns) == list(found.columns)
    assert dict(empty.dtypes) == dict(found.dtypes)


def test_zones_in_another_crs_are_brought_to_the_raster():
    array = raster(np.arange(400.0).reshape(20, 20), 1000)
    frame = zones(shapely.box(502000, 4002000, 515500, 4013300))
    there = zonal_stats(frame, array)
    degrees = frame.segmentize(100).to_crs(4326)
    back = zonal_stats(gpd.GeoDataFrame(geometry=degrees), array)
    np.testing.assert_allclose(back["sum"], there["sum"], rtol=1e-6)


def test_a_bow_tie_is_made_valid():
    bow = shapely.Polygon([(0, 0), (2, 2), (2, 0), (0, 2)])
    assert zonal_stats(zones(bow), small())["count"].tolist() == [pytest.approx(2.0)]


def test_upside_down_and_integer_rasters_with_nodata():
    array = raster([[1, 2], [3, -9]], west=0, south=0).astype("int16").rio.write_nodata(-9)
    for turned in (array, array[::-1], array[:, ::-1]):
        found = zonal_stats(zones(shapely.box(0, 0, 2, 1)), turned)
        assert found[["sum", "count"]].to_numpy().tolist() == [[3.0, 1.0]]


def test_order_statistics_follow_the_cells_that_are_touched():
    array = small()
    array[2, 0] = np.nan  # value 7, in the south-west
    frame = zones(
        shapely.box(0, 0, 3, 3),
        shapely.box(0.25, 1.25, 0.75, 1.75),
        shapely.box(0, 0, 1, 1),
        shapely.box(90, 90, 91, 91),
        None,
    )
    names = ["min", "max", "median", "q50", "q0", "q100", "q2.5", "variety", "majority", "minority"]
    found = zonal_stats(frame, array, stats=names)
    values = np.array([1.0, 2, 3, 4, 5, 6, 8, 9])
    assert found.loc[0, ["min", "max", "variety"]].tolist() == [1, 9, 8]
    assert found.loc[0, ["q0", "q100"]].tolist() == [1, 9]
    assert found["median"][0] == found["q50"][0] == np.median(values)
    assert 1 < found["q2.5"][0] < 2
    assert found.loc[1, names].tolist() == [4, 4, 4, 4, 4, 4, 4, 1, 4, 4]
    assert found.loc[2:, names].isna().all(axis=None)
    assert list(found.columns[1:]) == names


def test_order_statistics_are_those_of_exactextract():
    from exactextract import exact_extract

    values = np.random.default_rng(4).integers(0, 9, (30, 40)).astype("float32")
    array = raster(values, west=0, south=0).astype("float32").rio.write_nodata(3)
    centres = np.random.default_rng(5).uniform(0, 30, (12, 2))
    frame = zones(*shapely.buffer(shapely.points(centres), 4.3))
    frame = frame.assign(geometry=frame.geometry.difference(shapely.box(9, 9, 12, 12)))
    operations = ["min", "max", "median", "quantile(q=0.9)", "majority", "variety"]
    peer = exact_extract(array, frame, operations, output="pandas")
    found = zonal_stats(frame, array, stats=["min", "max", "median", "q90", "majority", "variety"])
    np.testing.assert_allclose(found.iloc[:, 1:].to_numpy(float), peer.to_numpy(float), rtol=1e-6)


def test_order_statistics_where_the_raster_runs_from_0_to_360():
    values = np.tile(np.arange(36.0), (6, 1))
    array = raster(values, 10, "EPSG:4326", west=0, south=-30)
    frame = gpd.GeoDataFrame(
        geometry=[shapely.box(-20, -5, -10, 5), shapely.box(-10, -5, 10, 5)], crs="EPSG:4326"
    )
    found = zonal_stats(frame, array, stats=["min", "max", "sum"])
    assert found["min"].tolist() == [34, 0]
    assert found["max"].tolist() == [34, 35]


@pytest.mark.parametrize("west", [-180, 0])
def test_a_zone_across_the_antimeridian_meets_both_ends(west):
    values = np.tile(np.arange(36.0), (6, 1))
    array = raster(values, 10, "EPSG:4326", west=west, south=-30)
    past = gpd.GeoDataFrame(geometry=[shapely.box(175, -5, 190, 5)], crs="EPSG:4326")
    columns = [35, 0] if west == -180 else [17, 18]
    names = ["sum", "count", "min", "max"]
    expected = [columns[0] * 0.5 + columns[1], 1.5, min(columns), max(columns)]
    assert zonal_stats(past, array, stats=names)[names].to_numpy()[0].tolist() == expected
    # The same on the plane of a Mercator projection whose middle is the antimeridian.
    plane = gpd.GeoDataFrame(geometry=shapely.segmentize(past.geometry, 0.01), crs=4326)
    plane = plane.to_crs("+proj=merc +lon_0=180 +datum=WGS84 +type=crs")
    found = zonal_stats(plane, array, stats=names)[names].to_numpy()[0]
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_areas_of_a_collection_count_once():
    pair = shapely.MultiPolygon([shapely.box(0, 0, 1, 1), shapely.box(2, 2, 3, 3)])
    nested = shapely.GeometryCollection([pair, shapely.LineString([(0, 0), (3, 3)])])
    boxes = [shapely.box(0, 0, 1, 1), shapely.box(0.5, 0, 1.5, 1)]
    frame = zones(nested, shapely.GeometryCollection(boxes))
    assert zonal_stats(frame, small(), stats=["count"])["count"].tolist() == [2.0, 1.5]


def test_zones_that_the_crs_of_the_raster_cannot_hold_are_refused():
    frame = gpd.GeoDataFrame(
        geometry=[shapely.box(-75, 0, -74, 1), shapely.box(-180, -90, 180, 90)],
        index=["here", "everywhere"],
        crs="EPSG:4326",
    )
    half = small().rio.write_crs("+proj=ortho +lat_0=0 +lon_0=-75 +type=crs")
    with pytest.raises(CoordinateError, match="everywhere"):
        zonal_stats(frame, half)


def test_areas_in_degrees_are_those_of_the_ellipsoid():
    # A density of 2 per hectare, from the equator to 60 degrees north.
    array = raster(np.full((6, 4), 2.0), 10, "EPSG:4326", west=-80, south=0)
    array[0, 0] = np.nan
    frame = gpd.GeoDataFrame(
        geometry=[shapely.box(-80, 0, -40, 10), shapely.box(-80, 50, -40, 60), None],
        crs="EPSG:4326",
    )
    names = ["area_ha", "integral_ha", "integral_km2", "mean_by_area", "mean", "count"]
    found = zonal_stats(frame, array, stats=names)
    # A parallel is no geodesic: area_km2 needs many vertices along it.
    expected = area_km2(shapely.segmentize(frame.geometry.to_numpy()[:2], 0.01)) * 100
    assert found["area_ha"][0] == pytest.approx(expected[0], rel=1e-7)
    assert found["area_ha"][1] == pytest.approx(expected[1] * 3 / 4, rel=1e-7)
    np.testing.assert_allclose(found["integral_ha"], found["area_ha"] * 2, rtol=1e-14)
    np.testing.assert_allclose(found["integral_km2"], found["area_ha"] / 50, rtol=1e-14)
    assert found["mean_by_area"].tolist()[:2] == [pytest.approx(2), pytest.approx(2)]
    assert found.loc[2, names].isna().all()


def test_means_by_area_favour_the_equator():
    array = raster(np.arange(6.0)[:, None].repeat(4, axis=1), 10, "EPSG:4326", west=-80, south=0)
    frame = gpd.GeoDataFrame(geometry=[shapely.box(-80, 0, -40, 60)], crs="EPSG:4326")
    found = zonal_stats(frame, array, stats=["mean", "mean_by_area"])
    assert found["mean"][0] == pytest.approx(2.5)
    # On a sphere: each value by the difference of the sines of its latitudes.
    weights = np.diff(np.sin(np.radians(np.arange(0, 61, 10))))[::-1]
    assert found["mean_by_area"][0] == pytest.approx(
        np.average(range(6), weights=weights), rel=5e-3
    )


def test_areas_on_the_plane_are_in_hectares_or_refused():
    array = raster(np.full((4, 4), 3.0), 1000)
    frame = zones(shapely.box(5e5, 4e6, 502000, 4003000))
    found = zonal_stats(frame, array, stats=["area_ha", "integral_km2"])
    assert found["area_ha"][0] == pytest.approx(600)
    assert found["integral_km2"][0] == pytest.approx(18)
    mercator = raster(np.ones((4, 4)), 1000, "EPSG:3857", west=0, south=5e6)
    box = gpd.GeoDataFrame(geometry=[shapely.box(0, 5e6, 3e3, 5.003e6)], crs="EPSG:3857")
    assert zonal_stats(box, mercator)["count"][0] == pytest.approx(9)
    with pytest.raises(CRSError, match="equal-area"):
        zonal_stats(box, mercator, stats=["area_ha"])
    away = gpd.GeoDataFrame(geometry=[shapely.box(1e6, 5e6, 1.1e6, 5.1e6)], crs="EPSG:3857")
    assert zonal_stats(away, mercator, stats=["area_ha"])["area_ha"].tolist() == [0.0]


def test_a_statistic_asked_twice_is_one_column():
    found = zonal_stats(zones(shapely.box(0, 0, 3, 3)), small(), stats=["sum", "sum", "q90"])
    assert list(found.columns) == ["geometry", "sum", "q90"]
    assert found.attrs["geocn"]["stats"] == ["sum", "q90"]


def test_same_bytes_for_any_number_of_threads():
    import numba

    frame = zones(
        *shapely.buffer(shapely.points(np.random.default_rng(1).uniform(0, 3, (9, 2))), 1)
    )
    kept = numba.get_num_threads()
    try:
        found = []
        for threads in (1, min(2, numba.config.NUMBA_NUM_THREADS)):
            numba.set_num_threads(threads)
            found.append(zonal_stats(frame, small(), stats=["sum", "variance"])["sum"].to_numpy())
    finally:
        numba.set_num_threads(kept)
    assert found[0].tobytes() == found[1].tobytes()


@pytest.mark.parametrize("name", ["q101", "q-1", "q", "q5.", "mode", None, 3])
def test_unknown_statistics_are_named(name):
    with pytest.raises(ParameterError, match="unknown statistics"):
        zonal_stats(zones(shapely.box(0, 0, 1, 1)), small(), stats=["sum", name])


@pytest.mark.parametrize(
    ("frame", "array", "stats", "error", "word"),
    [
        (zones(shapely.Point(0, 0)), small(), ["sum"], GeometryError, "areas"),
        (
            zones(shapely.box(1e300, 0, 1.1e300, 1)),
            small().rio.write_crs("EPSG:3857"),
            ["sum"],
            CoordinateError,
            "1e",
        ),
        (zones(shapely.box(0, 0, 1, 1)), small(), ["mode"], ParameterError, "mode"),
        (zones(shapely.box(0, 0, 1, 1), sum=[1]), small(), ["sum"], SchemaError, "sum"),
        (gpd.GeoDataFrame(geometry=[shapely.box(0, 0, 1, 1)]), small(), ["sum"], CRSError, "CRS"),
        (
            zones(shapely.box(0, 0, 1, 1)),
            small().where(small() < 9, np.inf),
            ["sum"],
            RasterError,
            "infinite",
        ),
    ],
)
def test_refusals(frame, array, stats, error, word):
    with pytest.raises(error, match=word):
        zonal_stats(frame, array, stats=stats)
