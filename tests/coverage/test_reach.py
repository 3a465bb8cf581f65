from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from geocn.coverage import reach
from geocn.errors import CRSError, DateError, GeometryError, ParameterError, SchemaError

GEOD = pyproj.Geod(ellps="WGS84")


def sites(*shapes, crs="EPSG:4326", **columns):
    return gpd.GeoDataFrame(columns, geometry=list(shapes), crs=crs)


@given(st.floats(-180, 180), st.floats(-89, 89), st.floats(0.1, 2000), st.floats(0, 360), st.data())
def test_a_point_is_inside_exactly_when_it_is_near_enough(lon, lat, km, azimuth, data):
    area = reach(sites(shapely.Point(lon, lat)), distance_km=km).geometry.iloc[0]
    assert area.is_valid
    assert area.bounds[0] >= -180
    assert area.bounds[2] <= 180
    for share, inside in ((data.draw(st.floats(0, 0.99)), True), (1.01, False)):
        x, y, _ = GEOD.fwd(lon, lat, azimuth, km * 1000 * share)
        # Around a pole degrees of longitude are short: the seam itself is on the boundary.
        assert area.buffer(1e-9).intersects(shapely.Point(x, y)) == inside


@settings(max_examples=30)
@given(st.floats(-180, 180), st.floats(-80, 80), st.floats(1, 200))
def test_the_area_is_that_of_the_circle(lon, lat, km):
    found = reach(sites(shapely.Point(lon, lat)), distance_km=km)["reach_area_km2"].iloc[0]
    radius = 6371.0
    assert found == pytest.approx(2 * np.pi * radius**2 * (1 - np.cos(km / radius)), rel=0.01)


def test_own_reach_before_the_assumed_one_and_none_is_presence_only():
    points = [shapely.Point(-77, i) for i in range(4)]
    frame = sites(*points, None, kind=list("abaab"), reach_km=[5, None, 0, None, 9])
    found = reach(frame, distance_km={"b": 2.0})
    assert found["reach_basis"].tolist() == ["reported", "assumed", "none", "none", "reported"]
    assert found["reach_km"].tolist()[:2] == [5, 2]
    assert found.geometry.isna().tolist() == [False, False, True, True, True]
    record = found.attrs["geocn"]
    assert (record["n_presence_only"], record["n_left_out"]) == (2, 1)
    assert "reach_basis" not in frame


def test_a_line_and_an_area_are_buffered_by_geodesic_distance():
    line = shapely.LineString([(-77, 60), (-60, 60)])
    block = shapely.box(-77, 0, -76, 1)
    found = reach(sites(line, block), distance_km=50)
    for geometry, shape in zip(found.geometry, (line, block), strict=True):
        assert geometry.is_valid
        on_it = shapely.get_coordinates(shapely.segmentize(shape, 0.5))
        rim = shapely.get_coordinates(geometry)[::20]
        dense = shapely.get_coordinates(shapely.segmentize(shape, 0.01))
        for x, y in rim:
            away = GEOD.inv(np.full(len(dense), x), np.full(len(dense), y), *dense.T)[2].min()
            assert away == pytest.approx(50_000, rel=2e-3)
        assert shapely.intersects_xy(geometry, on_it[:, 0], on_it[:, 1]).all()


def test_across_the_antimeridian_and_round_a_pole():
    found = reach(sites(shapely.Point(179.9, 10), shapely.Point(20, 89.9)), distance_km=100)
    assert found.geometry.iloc[0].geom_type == "MultiPolygon"
    assert found.geometry.iloc[1].bounds[::2] == (-180, 180)
    assert found.geometry.iloc[1].bounds[3] == 90
    line = shapely.MultiLineString([[(179, 0), (180, 0)], [(-180, 0), (-179, 0)]])
    wide = reach(sites(line), distance_km=20)
    assert wide.geometry.iloc[0].bounds[::2] == (-180, 180)
    assert wide["reach_area_km2"].iloc[0] == pytest.approx(222.6 * 40 + np.pi * 400, rel=5e-3)
    with pytest.raises(GeometryError, match="pole"):
        reach(sites(shapely.LineString([(0, 89.9), (1, 89.9)])), distance_km=100)


def test_only_what_was_active():
    frame = sites(
        *[shapely.Point(-77, 1)] * 9,
        starts_on=pd.to_datetime(
            ["2024-01-01", "2024-07-01", None, None, "2024-01-01", None, None, None, "2024-01-01"]
        ),
        ends_on=pd.to_datetime(
            [None, None, "2024-05-31", "2024-06-30", None, None, None, None, None]
        ),
        status=["active", None, None, None, "suspended", None, "planned", "ended", "ended"],
        reach_km=[1.0] * 9,
    )
    found = reach(frame, as_of="2024-06-30T12:00")
    assert found.index.tolist() == [0, 3, 5]
    assert found.attrs["geocn"]["n_not_active"] == 6
    assert found.attrs["geocn"]["n_undated"] == 1
    assert len(reach(frame)) == 9


def test_an_area_may_be_its_own_reach():
    district = shapely.box(-77, 0, -76, 1)
    frame = sites(district, reach_km=[None])
    assert reach(frame).geometry.isna().all()
    own = reach(frame, areas="reach")
    assert own["reach_basis"].tolist() == ["own area"]
    assert own.geometry.iloc[0].equals(district)


def test_index_columns_and_empty():
    frame = sites(shapely.Point(5e5, 1e5), crs="EPSG:32618", partner=["A"])
    frame.index = ["x"]
    found = reach(frame, distance_km=3)
    assert found.index.tolist() == ["x"]
    assert found.crs == "EPSG:4326"
    empty = reach(frame.iloc[:0], distance_km=3)
    assert list(empty.columns) == list(found.columns)
    assert empty.crs == found.crs


@pytest.mark.parametrize(
    ("frame", "options", "error", "word"),
    [
        (sites(shapely.Point(0, 0), reach_km=[-1.0]), {}, SchemaError, "reach_km"),
        (sites(shapely.Point(0, 0), reach_km=[np.inf]), {}, SchemaError, "reach_km"),
        (sites(shapely.Point(0, 0), reach_km=["far"]), {}, SchemaError, "far"),
        (sites(shapely.Point(0, 0)), {"distance_km": 0}, ParameterError, "distance_km"),
        (sites(shapely.Point(0, 0)), {"distance_km": np.nan}, ParameterError, "distance_km"),
        (sites(shapely.Point(0, 0)), {"distance_km": {"a": 1}}, ParameterError, "kind"),
        (sites(shapely.Point(0, 0)), {"as_of": "someday"}, ParameterError, "as_of"),
        (sites(shapely.Point(0, 0)), {"areas": "all"}, ParameterError, "areas"),
        (sites(shapely.Point(0, 0), starts_on=["x"]), {"as_of": "2024"}, DateError, "starts_on"),
        (sites(shapely.Point(0, 0), crs=None), {}, CRSError, "CRS"),
    ],
)
def test_refusals(frame, options, error, word):
    with pytest.raises(error, match=word):
        reach(frame, **options)
