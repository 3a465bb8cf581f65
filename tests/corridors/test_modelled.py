from __future__ import annotations

import geopandas as gpd
import numpy as np
import pyproj
import pytest
import shapely
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from geocn.corridors import cost_surface, least_cost_corridors, least_cost_paths
from geocn.errors import CoordinateError, CRSError, ParameterError, RasterError, SchemaError
from tests.oracles_corridors import raster

UTM = "EPSG:32618"


def points(*xy, crs=UTM, index=None):
    return gpd.GeoDataFrame(geometry=[shapely.Point(p) for p in xy], crs=crs, index=index)


def at(row, column, height, cell=1.0):
    return (5e5 + (column + 0.5) * cell, 4e6 + (height - row - 0.5) * cell)


def noise(height, width, seed=0):
    return np.random.default_rng(seed).uniform(1, 10, (height, width))


@pytest.fixture(scope="module")
def case(reference):
    data = np.load(reference / "corridors/costdistance/lcp60x80.npz")
    return data, raster(data["friction"])


@pytest.mark.reference
class TestReferenceCase:
    def test_surface(self, case):
        data, friction = case
        for row, column, name in ((5, 5, "cost_from_5_5"), (55, 75, "cost_from_55_75")):
            found = cost_surface(friction, [(row, column)], neighbours=8)["accumulated"]
            expected = np.where(np.isinf(data[name]), np.nan, data[name])
            np.testing.assert_allclose(found, expected, rtol=1e-12)

    def test_path(self, case):
        _, friction = case
        found = least_cost_paths(friction, [(5, 5)], [(55, 75)], neighbours=8)
        assert found["cost"].iloc[0] == pytest.approx(299.0470050011723, rel=1e-12)
        line = found.geometry.iloc[0]
        assert len(line.coords) == 83
        assert line.coords[0] == at(5, 5, 60)
        assert line.coords[-1] == at(55, 75, 60)
        assert found["length_m"].iloc[0] == pytest.approx(line.length)

    def test_corridors(self, case):
        _, friction = case
        found = least_cost_corridors(
            friction, [(5, 5)], [(55, 75)], neighbours=8, tolerances=(0.1, 0.01, 0.05)
        )
        assert found["tolerance"].tolist() == [0.01, 0.05, 0.1]
        assert found["n_cells"].tolist() == [239, 1716, 2758]
        record = found.attrs["geocn"]
        assert record["least_cost"][0]["least_cost"] == pytest.approx(299.0470050011723)
        assert record["score"] is None


def test_allocation_names_the_nearest_and_keeps_the_axes_of_the_raster():
    friction = raster(np.ones((3, 7)))[::-1]
    sources = points(at(1, 0, 3), at(1, 6, 3), index=["west", "east"])
    found = cost_surface(friction, sources)
    assert found["allocation"].values[1].tolist() == [0, 0, 0, 0, 1, 1, 1]
    assert found["allocation"].attrs["labels"] == ["west", "east"]
    np.testing.assert_array_equal(found["y"], friction["y"])
    assert found.rio.crs == friction.rio.crs
    assert found.attrs["geocn"]["method"] == "corridors.cost_surface"


def test_lines_and_areas_are_sources_too():
    friction = raster(np.ones((5, 9)))
    line = shapely.LineString([at(2, 0, 5), at(2, 8, 5)])
    block = shapely.box(*at(4, 0, 5), *at(3, 1, 5))
    for shape, at_zero in ((line, 9), (block, 4)):
        found = cost_surface(friction, gpd.GeoDataFrame(geometry=[shape], crs=UTM))
        assert int((found["accumulated"] == 0).sum()) == at_zero


def test_a_line_without_length_still_stands_on_a_cell():
    dot = shapely.LineString([at(2, 3, 5)] * 2)
    found = cost_surface(raster(np.ones((5, 9))), gpd.GeoDataFrame(geometry=[dot], crs=UTM))
    assert float(found["accumulated"][2, 3]) == 0


def test_islands_are_nan_and_counted():
    values = np.ones((5, 9))
    values[:, 4] = np.nan
    values[0, 7:] = np.nan
    found = cost_surface(raster(values), [(2, 0)])
    assert found["accumulated"].isnull().sum() == 25
    assert (found["allocation"] == -1).sum() == 25
    assert found.attrs["geocn"]["n_cells_unreached"] == 18
    assert found.attrs["geocn"]["n_islands_unreached"] == 1
    assert [island["n_cells"] for island in found.attrs["geocn"]["islands_unreached"]] == [18]


def test_sources_on_one_cell_are_named_and_the_first_is_nearest():
    found = cost_surface(raster(np.ones((5, 9))), [(2, 0), (2, 8), (2, 0)])
    assert found.attrs["geocn"]["duplicated_sources"] == [2]
    assert set(np.unique(found["allocation"])) == {0, 1}


def test_sources_in_another_crs_and_without_a_place():
    friction = raster(noise(20, 20), 1000)
    here = points(at(3, 4, 20, 1000), index=["a"])
    there = here.to_crs(4326)
    there.loc["b", "geometry"] = None
    found = cost_surface(friction, there)
    xr.testing.assert_allclose(
        found["accumulated"], cost_surface(friction, here)["accumulated"], rtol=1e-12
    )
    assert found.attrs["geocn"]["left_out"] == ["b"]


def test_no_sources_reach_nothing():
    found = cost_surface(raster(np.ones((3, 3))), points().iloc[:0])
    assert found["accumulated"].isnull().all()
    assert (found["allocation"] == -1).all()


def test_geodesic_costs_in_degrees_and_around_the_globe():
    friction = raster(np.ones((3, 72)), 5, "EPSG:4326", west=-180, south=-5)
    found = cost_surface(friction, points((177.5, 2.5), crs=4326), neighbours=8)
    metres = pyproj.Geod(ellps="WGS84").inv(177.5, 2.5, -177.5, 2.5)[2]
    assert float(found["accumulated"][1, 0]) == pytest.approx(metres)
    path = least_cost_paths(friction, [(1, 70)], [(1, 2)])
    assert path["length_m"].iloc[0] == pytest.approx(4 * metres)
    assert path.geometry.iloc[0].geom_type == "MultiLineString"
    assert path.geometry.iloc[0].length == pytest.approx(20)


def test_a_raster_from_0_to_360_gives_results_within_180():
    friction = raster(np.ones((4, 36)), 10, "EPSG:4326", west=0, south=-20)
    ends = points((170, 5), (-150, 5), crs=4326)
    path = least_cost_paths(friction, ends.iloc[:1], ends.iloc[1:])
    assert path.total_bounds[0] == -180
    assert path.total_bounds[2] == 180
    area = least_cost_corridors(friction, ends.iloc[:1], ends.iloc[1:], tolerances=[0])
    assert area.total_bounds.tolist()[::2] == [-180, 180]
    assert area["area_km2"].iloc[0] == pytest.approx(area["n_cells"].iloc[0] * 1.23e6, rel=0.02)


def test_pairs():
    friction = raster(np.ones((5, 20)))
    origins = points(at(0, 0, 5), at(4, 19, 5), index=["a", "b"])
    ends = points(at(2, 3, 5), at(2, 18, 5), index=["x", "y"])
    every = least_cost_paths(friction, origins, ends)
    assert every[["origin", "destination"]].to_numpy().tolist() == [
        ["a", "x"], ["a", "y"], ["b", "x"], ["b", "y"],
    ]  # fmt: skip
    near = least_cost_paths(friction, origins, ends, pairs="nearest")
    assert near["destination"].tolist() == ["x", "y"]
    listed = least_cost_paths(friction, origins, ends, pairs=[("b", "x")])
    assert listed["cost"].tolist() == [every["cost"].iloc[2]]
    with pytest.raises(ParameterError, match="not there"):
        least_cost_paths(friction, origins, ends, pairs=[("b", "z")])
    with pytest.raises(ParameterError, match="pairs"):
        least_cost_paths(friction, origins, ends, pairs="some")


def test_an_unreachable_pair_is_named_and_has_no_line():
    values = np.ones((5, 9))
    values[:, 4] = np.inf
    for found in (
        least_cost_paths(raster(values), [(2, 0)], [(2, 2), (2, 8)]),
        least_cost_corridors(raster(values), [(2, 0)], [(2, 2), (2, 8)], tolerances=[0.1]),
    ):
        assert found.geometry.isna().tolist() == [False, True]
        assert len(found.attrs["geocn"]["unreachable"]) == 1
        assert found.iloc[1][["origin", "destination"]].tolist() == [0, 1]


def test_origin_and_destination_in_one_cell():
    found = least_cost_paths(raster(np.ones((5, 9))), [(2, 3)], [(2, 3)])
    assert found[["cost", "length_m"]].to_numpy().tolist() == [[0, 0]]
    assert found.geometry.isna().all()
    assert found.attrs["geocn"]["same_cell"] == [[0, 0]]
    area = least_cost_corridors(raster(np.ones((5, 9))), [(2, 3)], [(2, 3)])
    assert area["n_cells"].tolist() == [1, 1, 1]


@settings(max_examples=15)
@given(st.integers(0, 1000), st.sampled_from([8, 16]), st.floats(0, 0.5))
def test_corridors_are_the_cells_within_tolerance_and_hold_the_path(seed, neighbours, tolerance):
    rng = np.random.default_rng(seed)
    values = np.where(rng.random((25, 30)) < 0.1, np.nan, rng.uniform(1, 10, (25, 30)))
    values[3, 4], values[20, 25] = 1, 1
    friction = raster(values, 500)
    a, b = ([(3, 4)], [(20, 25)])
    found = least_cost_corridors(friction, a, b, tolerances=[tolerance], neighbours=neighbours)
    sums = sum(cost_surface(friction, s, neighbours=neighbours)["accumulated"] for s in (a, b))
    least = float(sums.min())
    inside = sums <= least * (1 + tolerance) * (1 + 1e-12)
    assert found["n_cells"].iloc[0] == int(inside.sum())
    assert found["area_km2"].iloc[0] == pytest.approx(int(inside.sum()) * 0.25, rel=2e-3)
    native = found.to_crs(UTM).geometry.iloc[0].buffer(1)
    path = least_cost_paths(friction, a, b, neighbours=neighbours).geometry.iloc[0]
    xy = shapely.get_coordinates(path)
    assert shapely.intersects_xy(native, xy[:, 0], xy[:, 1]).all()
    assert found.geometry.is_valid.all()


def test_wider_tolerances_hold_the_narrower_and_are_in_degrees():
    found = least_cost_corridors(raster(noise(40, 40), 500), [(3, 3)], [(35, 36)])
    assert found.crs == "EPSG:4326"
    assert found["area_km2"].is_monotonic_increasing
    # A straight edge of 20 cells of 500 m sags by 2 m once it is projected.
    narrow, middle, wide = found.geometry
    assert wide.buffer(3e-5).covers(middle)
    assert middle.buffer(3e-5).covers(narrow)


def test_empty_sites_give_the_same_columns():
    friction, some, none = raster(np.ones((3, 3))), points(at(1, 1, 3)), points().iloc[:0]
    for analysis in (least_cost_paths, least_cost_corridors):
        full, empty = analysis(friction, some, some), analysis(friction, none, some)
        assert list(empty.columns) == list(full.columns)
        assert empty.crs == full.crs
        assert empty.dtypes.drop(["origin", "destination"]).equals(
            full.dtypes.drop(["origin", "destination"])
        )


@pytest.mark.parametrize("shape", [(1, 12), (12, 1)])
def test_a_single_row_or_column(shape):
    friction = raster(np.ones(shape), 100)
    end = (shape[0] - 1, shape[1] - 1)
    path = least_cost_paths(friction, [(0, 0)], [end])
    assert path["length_m"].tolist() == [1100]
    area = least_cost_corridors(friction, [(0, 0)], [end], tolerances=[0])
    assert area["area_km2"].iloc[0] == pytest.approx(0.12, rel=2e-3)


WALL = np.array([[1.0, np.nan, 1], [1, np.inf, 1]])


@pytest.mark.parametrize(
    ("friction", "sources", "options", "error", "word"),
    [
        (raster(WALL), [(0, 1)], {}, CoordinateError, "barrier or no data"),
        (raster(WALL), [(1, 1)], {}, CoordinateError, "barrier or no data"),
        (raster(WALL), [(9, 1)], {}, CoordinateError, "outside"),
        (raster(WALL), points((0, 0)), {}, CoordinateError, "outside"),
        (raster(WALL), points((0, 0), crs=None), {}, CRSError, "sources"),
        (raster(WALL), points((0, 0), (0, 0), index=[1, 1]), {}, SchemaError, "twice"),
        (raster(WALL), [(0.5, 1)], {}, SchemaError, "pairs"),
        (raster(WALL), [(0, 0)], {"neighbours": 4}, ParameterError, "neighbours"),
        (raster(WALL), [(0, 0)], {"max_cost": -1}, ParameterError, "max_cost"),
        (raster(WALL), [(0, 0)], {"max_cost": np.nan}, ParameterError, "max_cost"),
        (raster(-WALL), [(0, 0)], {}, RasterError, "negative"),
        (raster(WALL).drop_vars("spatial_ref"), [(0, 0)], {}, CRSError, "friction"),
    ],
)
def test_refusals(friction, sources, options, error, word):
    with pytest.raises(error, match=word):
        cost_surface(friction, sources, **options)


def test_all_faults_of_sites_are_named_at_once():
    sites = points(at(0, 0, 2), at(0, 1, 2), (0, 0), index=["fine", "wall", "away"])
    with pytest.raises(CoordinateError) as caught:
        cost_surface(raster(WALL), sites)
    assert set(caught.value.rows) == {"wall", "away"}
    assert "1 outside the raster and 1 on a barrier" in str(caught.value)


@pytest.mark.parametrize("tolerances", [(), (-0.1,), (np.nan,), (np.inf,)])
def test_tolerances_must_be_shares(tolerances):
    with pytest.raises(ParameterError, match="tolerances"):
        least_cost_corridors(raster(WALL), [(0, 0)], [(1, 0)], tolerances=tolerances)


def test_the_input_is_not_changed():
    friction, sites = raster(noise(9, 9)), points(at(1, 1, 9))
    before, sites_before = friction.copy(deep=True), sites.copy()
    least_cost_corridors(friction, sites, sites)
    xr.testing.assert_identical(friction, before)
    assert sites.equals(sites_before)
