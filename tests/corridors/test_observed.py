from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from geocn.corridors import aggregate_routes
from geocn.errors import CRSError, GeometryError, ParameterError, SchemaError
from geocn.spatial.geodesy import geodesic_length_km


def routes(*lines, crs="EPSG:4326", **columns):
    shapes = [shapely.LineString(line) if line else None for line in lines]
    return gpd.GeoDataFrame(columns, geometry=shapes, crs=crs)


def cells(*boxes, crs="EPSG:4326", **columns):
    return gpd.GeoDataFrame(columns, geometry=[shapely.box(*b) for b in boxes], crs=crs)


vertices = st.tuples(st.floats(-80, -70), st.floats(-5, 10))
lines = st.lists(vertices, min_size=2, max_size=5).filter(lambda v: len(set(v)) > 1)


@settings(max_examples=25)
@given(st.lists(lines, min_size=1, max_size=4), st.sampled_from([20_000.0, 150_000.0]))
def test_no_metre_is_lost_and_cells_lie_where_the_route_does(shapes, cell_m):
    frame = routes(*shapes)
    found = aggregate_routes(frame, cell_m=cell_m)
    expected = geodesic_length_km(frame.geometry.to_numpy()).sum()
    # Stretches are straight in degrees and geodesics between their vertices.
    assert found["length_km"].sum() == pytest.approx(expected, rel=1e-3)
    where = found.geometry.union_all().buffer(0.02)
    assert where.covers(frame.geometry.segmentize(0.05).union_all())
    assert found["cell_id"].is_unique


def test_a_route_counts_once_in_a_cell_however_often_it_passes():
    frame = routes([(0, 0.5), (2, 0.5), (0, 0.6)], weight_kg=[7.0])
    found = aggregate_routes(frame, grid=cells((0, 0, 1, 1), (1, 0, 2, 1), (5, 5, 6, 6)))
    assert found["n_routes"].tolist() == [1, 1]
    assert found["weight_kg"].tolist() == [7, 7]
    assert found["length_km"].iloc[0] == pytest.approx(222.6, rel=1e-3)


def test_sources_are_never_counted_twice():
    frame = routes(
        *[[(0, 0.5), (1, 0.5)]] * 4,
        source=["police", "police", "navy", None],
        n_sources=[1, 1, None, None],
    )
    one = cells((0, 0, 1, 1))
    assert aggregate_routes(frame, grid=one)["n_sources"].tolist() == [2]
    frame["n_sources"] = [1, 5, None, None]
    assert aggregate_routes(frame, grid=one)["n_sources"].tolist() == [5]
    frame["source"], frame["n_sources"] = None, None
    assert aggregate_routes(frame, grid=one)["n_sources"].tolist() == [1]


def test_cells_with_too_few_sources_are_withheld_and_counted():
    frame = routes([(0, 0.5), (2, 0.5)], [(1, 0.4), (2, 0.4)], source=["police", "navy"])
    grid = cells((0, 0, 1, 1), (1, 0, 2, 1), name=["west", "east"])
    found = aggregate_routes(frame, grid=grid, min_sources=2)
    assert found["name"].tolist() == ["east"]
    assert found.index.tolist() == [1]
    assert found.attrs["geocn"]["n_cells_withheld"] == 1


def test_modes_dates_and_weights():
    frame = routes(
        *[[(0, 0.5), (1, 0.5)]] * 3,
        mode=["river", "road", "river"],
        drug=[None] * 3,
        weight_kg=[2.0, None, 3.0],
        first_seen=["2024-03-01", None, "2023-01-05"],
        last_seen=["2024-04-01", "2025-01-01", None],
    )
    row = aggregate_routes(frame, grid=cells((0, 0, 1, 1))).iloc[0]
    assert (row["modes"], row["weight_kg"], row["n_routes_weighed"]) == ("river;road", 5, 2)
    assert pd.isna(row["drugs"])
    assert row["first_seen"] == pd.Timestamp("2023-01-05", tz="UTC")
    assert row["last_seen"] == pd.Timestamp("2025-01-01", tz="UTC")


def test_across_the_antimeridian_the_short_way():
    frame = routes([(179.5, 1), (-179.5, 1)])
    found = aggregate_routes(frame, cell_m=20_000)
    assert found["length_km"].sum() == pytest.approx(111.3, rel=1e-3)
    assert len(found) <= 7
    assert found.geometry.is_valid.all()
    halves = cells((179, 0, 180, 2), (-180, 0, -179, 2))
    assert aggregate_routes(frame, grid=halves)["n_routes"].tolist() == [1, 1]


def test_null_routes_are_left_out_and_named_and_empty_keeps_the_columns():
    frame = routes([(0, 0), (1, 1)], None, weight_kg=[1.0, 2.0])
    found = aggregate_routes(frame, cell_m=50_000)
    assert found.attrs["geocn"]["left_out"] == [1]
    assert found["weight_kg"].unique().tolist() == [1]
    for empty in (frame.iloc[:0], frame.iloc[1:]):
        none = aggregate_routes(empty, cell_m=50_000)
        assert len(none) == 0
        assert dict(none.dtypes) == dict(found.dtypes)
        assert none.crs == found.crs


def test_projected_routes_keep_their_crs_and_input():
    frame = routes([(4e5, 1e5), (6e5, 1e5)], crs="EPSG:32618", source=["a"])
    before = frame.copy()
    found = aggregate_routes(frame, cell_m=10_000)
    assert found.crs == frame.crs
    assert found["length_km"].sum() == pytest.approx(200, rel=1e-3)
    pd.testing.assert_frame_equal(pd.DataFrame(frame), pd.DataFrame(before))
    assert found.attrs["geocn"]["method"] == "corridors.aggregate_routes"


LINE = routes([(0, 0), (1, 1)])


@pytest.mark.parametrize(
    ("frame", "options", "error", "word"),
    [
        (LINE, {}, ParameterError, "either"),
        (LINE, {"cell_m": 1, "grid": cells((0, 0, 1, 1))}, ParameterError, "either"),
        (LINE, {"cell_m": 0}, ParameterError, "cell_m"),
        (LINE, {"cell_m": np.nan}, ParameterError, "cell_m"),
        (LINE, {"cell_m": 1e4, "min_sources": 0}, ParameterError, "min_sources"),
        (LINE.assign(weight_kg=-1.0), {"cell_m": 1e4}, SchemaError, "negative"),
        (LINE.assign(weight_kg="x"), {"cell_m": 1e4}, SchemaError, "weight_kg"),
        (LINE.assign(first_seen="soon"), {"cell_m": 1e4}, SchemaError, "first_seen"),
        (LINE.set_geometry(LINE.buffer(1)), {"cell_m": 1e4}, GeometryError, "lines"),
        (LINE.set_crs(None, allow_override=True), {"cell_m": 1e4}, CRSError, "CRS"),
        (LINE, {"grid": cells((0, 0, 1, 1), crs=None)}, CRSError, "grid"),
    ],
)
def test_refusals(frame, options, error, word):
    with pytest.raises(error, match=word):
        aggregate_routes(frame, **options)
