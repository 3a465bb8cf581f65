from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from geocn.corridors import aggregate_routes
from geocn.errors import ParameterError
from geocn.spatial.geodesy import geodesic_length_km

KM = 1 / 111.32


def way(points, north=0.0, seed=None):
    line = shapely.segmentize(shapely.LineString(points), 0.02)
    xy = shapely.get_coordinates(line) + np.array([0.0, north])
    if seed is not None:
        xy = xy + np.random.default_rng(seed).normal(0, 0.2 * KM, xy.shape)
    return shapely.LineString(xy)


def routes(*lines, **columns):
    return gpd.GeoDataFrame(columns, geometry=list(lines), crs=4326)


def merged(frame, apart_m=8000, **options):
    return aggregate_routes(frame, method="centre_lines", apart_m=apart_m, **options)


def test_parallel_routes_become_one_line_in_their_middle():
    offsets = np.array([-3, -1, 1, 3]) * KM
    frame = routes(*[way([(0, 0), (1, 0)], north) for north in offsets], weight_kg=[1, 2, 3, 4])
    found = merged(frame)
    row = found.iloc[0]
    assert len(found) == 1
    assert (row["n_routes"], row["weight_kg"]) == (4, 10)
    assert np.abs(shapely.get_coordinates(row.geometry)[:, 1]).max() < 0.05 * KM
    # Four standard deviations of -3, -1, 1 and 3 km.
    assert row["width_m"] == pytest.approx(4 * 5**0.5 * 1000, rel=0.01)
    assert row["length_km"] == pytest.approx(4 * 111.32, rel=1e-2)
    assert row["bearing_deg"] == pytest.approx(90, abs=0.1)


def test_vague_routes_widen_the_corridor():
    line = way([(0, 0), (1, 0)])
    assert merged(routes(line))["width_m"].iloc[0] == pytest.approx(0, abs=1e-6)
    vague = routes(line, location_precision_m=[5000.0])
    assert merged(vague)["width_m"].iloc[0] == pytest.approx(10_000, rel=1e-6)


def test_a_fork_gives_a_stem_and_two_branches():
    north = [way([(0, 0), (1, 0), (2, 1)], seed=k) for k in range(6)]
    south = [way([(0, 0), (1, 0), (2, -1)], seed=10 + k) for k in range(3)]
    back = [way([(0.9, 0), (0.1, 0)], seed=20)]
    frame = routes(*north, *south, *back, mode=["road"] * 9 + ["river"])
    found = merged(frame)
    counts = found["n_routes"].to_numpy()
    assert counts.max() == 10
    assert sorted(counts)[:2] == [3, 6]
    stem = found[counts == 10].iloc[0]
    assert stem["mode_mix"] == "road 0.9;river 0.1"
    assert stem["share_forward"] == pytest.approx(0.9, abs=0.02)
    assert stem["bearing_deg"] == pytest.approx(90, abs=2)
    assert found["line_km"].max() > 140
    # Every route is counted with about its whole length.
    assert found["length_km"].sum() == pytest.approx(
        geodesic_length_km(frame.geometry.to_numpy()).sum(), rel=0.05
    )


def test_routes_that_only_cross_stay_apart():
    frame = routes(way([(0, 0), (1, 0)]), way([(0.5, -0.4), (0.5, 0.4)]))
    assert merged(frame)["n_routes"].tolist() == [1, 1]


def test_the_order_of_rows_does_not_matter_and_input_is_kept():
    lines = [way([(0, 0), (1, 0.3 * k), (2, 0)], seed=k) for k in range(4) for _ in (0, 1)]
    frame = routes(*lines, weight_kg=np.arange(8.0))
    one, other = merged(frame), merged(frame.iloc[::-1])
    pd.testing.assert_frame_equal(
        pd.DataFrame(one.drop(columns="geometry")), pd.DataFrame(other.drop(columns="geometry"))
    )
    far = one.geometry.to_crs(3857).hausdorff_distance(other.geometry.to_crs(3857))
    assert far.max() < 1e-3


def test_few_sources_are_withheld_null_routes_left_out_and_empty_keeps_columns():
    frame = routes(
        way([(0, 0), (1, 0)]),
        way([(0, 0.01), (1, 0.01)]),
        way([(5, 0), (6, 0)]),
        None,
        source=["a", "b", "a", "c"],
    )
    found = merged(frame, min_sources=2)
    assert found["n_sources"].tolist() == [2]
    assert found.attrs["geocn"]["n_cells_withheld"] == 1
    assert found.attrs["geocn"]["left_out"] == [3]
    none = merged(frame.iloc[:0])
    assert dict(none.dtypes) == dict(found.dtypes)


def test_across_the_antimeridian():
    found = merged(routes(shapely.LineString([(179.5, 1), (-179.5, 1)])))
    assert found["line_km"].iloc[0] == pytest.approx(111.3, rel=0.03)


def test_a_route_without_length_founds_nothing():
    assert len(merged(routes(shapely.LineString([(0, 0), (0, 0)])))) == 0


@pytest.mark.parametrize(
    "options",
    [{"method": "centre_lines"}, {"cell_m": 1, "apart_m": 1}, {"method": "cluster"},
     {"method": "centre_lines", "apart_m": -1},
     {"method": "centre_lines", "apart_m": 9, "cell_m": 9},
     {"cell_m": 1, "cell": "circle"}],
)  # fmt: skip
def test_refusals(options):
    with pytest.raises(ParameterError, match=r"apart_m|method|cell"):
        aggregate_routes(routes(way([(0, 0), (1, 0)])), **options)


# ---- directions and hexagons of cells ------------------------------------------------


def test_direction_of_cells():
    east, west = way([(0, 0.5), (1, 0.5)]), way([(1, 0.5), (0, 0.5)])
    cell = gpd.GeoDataFrame(geometry=[shapely.box(0, 0, 1, 1)], crs=4326)
    row = aggregate_routes(routes(west, west, west, east), grid=cell).iloc[0]
    assert row["bearing_deg"] == pytest.approx(270)
    assert row["share_forward"] == pytest.approx(0.75)
    even = aggregate_routes(routes(west, east), grid=cell).iloc[0]
    assert (even["bearing_deg"], even["share_forward"]) == (pytest.approx(90), pytest.approx(0.5))
    out = aggregate_routes(routes(way([(0.5, 0), (0.5, 1)])), grid=cell).iloc[0]
    assert out["bearing_deg"] % 360 == pytest.approx(0, abs=1e-6)


def test_hexagons_lose_no_metre_and_vague_routes_are_told():
    frame = routes(
        way([(0, 0), (1, 0.7)]), way([(0, 0), (1, 0.7)]), location_precision_m=[0.0, 30_000.0]
    )
    found = aggregate_routes(frame, cell_m=20_000, cell="hex")
    expected = geodesic_length_km(frame.geometry.to_numpy()).sum()
    assert found["length_km"].sum() == pytest.approx(expected, rel=1e-3)
    assert found["imprecise_share"].unique().tolist() == [0.5]
    assert shapely.get_num_coordinates(found.geometry.iloc[0]) == 7
