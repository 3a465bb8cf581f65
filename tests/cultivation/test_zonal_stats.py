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
