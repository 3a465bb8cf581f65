from __future__ import annotations

import itertools

import numpy as np
import pyproj
import pytest
import xarray as xr
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from skimage.graph import MCP_Geometric

from geocn._kernels import cost as kernel
from geocn.errors import AssumptionWarning, CRSError, RasterError
from geocn.spatial.cost import FrictionSurface, friction_surface
from geocn.spatial.raster_grid import raster_grid
from tests.oracles_corridors import dijkstra, raster

frictions = hnp.arrays(
    float,
    hnp.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=9),
    elements=st.one_of(st.floats(0.01, 100), st.just(np.inf), st.just(1.0)),
)


def halves(height, dx=1.0, dy=1.0):
    return kernel.halves(kernel.planar_lengths(height, dx, dy))


def surface(friction, neighbours, dx=1.0, dy=1.0, wrap=False):
    """The friction as it is, without a place on earth."""
    array = raster(np.ones(friction.shape))
    lengths = kernel.planar_lengths(friction.shape[0], dx, dy)
    return FrictionSurface(
        raster_grid(array, "friction"), friction, lengths, neighbours, wrap,
        None, np.ones(1),
    )  # fmt: skip


def run(friction, seeds, neighbours, dx=1.0, dy=1.0, wrap=False, max_cost=np.inf, owners=None):
    field = surface(friction, neighbours, dx, dy, wrap).accumulate(
        np.array([r * friction.shape[1] + c for r, c in seeds], dtype=np.int64),
        np.arange(len(seeds)) if owners is None else np.array(owners),
        max_cost=max_cost,
    )
    return field.cost, field.owner


@given(frictions, st.data())
def test_eight_neighbours_equal_scikit_image(friction, data):
    passable = np.argwhere(np.isfinite(friction))
    if not len(passable):
        return
    seed = tuple(data.draw(st.sampled_from(passable.tolist())))
    expected, _ = MCP_Geometric(np.where(np.isinf(friction), -1, friction)).find_costs([seed])
    found, _ = run(friction, [seed], 8)
    np.testing.assert_allclose(found, expected, rtol=1e-9)


@given(frictions, st.data(), st.sampled_from([8, 16]), st.sampled_from([(1.0, 1.0), (2.0, 0.7)]))
def test_kernel_equals_the_oracle(friction, data, neighbours, size):
    passable = np.argwhere(np.isfinite(friction)).tolist()
    if not passable:
        return
    seeds = [tuple(s) for s in data.draw(st.lists(st.sampled_from(passable), min_size=1))]
    dx, dy = size
    expected = dijkstra(
        friction, lambda _, r, c: np.hypot(r * dy, c * dx), seeds, neighbours=neighbours
    )
    found, owner = run(friction, seeds, neighbours, dx, dy)
    np.testing.assert_allclose(found, expected, rtol=1e-9)
    alone = np.array([run(friction, [s], neighbours, dx, dy)[0] for s in seeds])
    reached = np.isfinite(found)
    assert (owner[~reached] == -1).all()
    best = np.take_along_axis(alone, np.maximum(owner, 0)[None], 0)[0]
    np.testing.assert_allclose(best[reached], alone.min(axis=0)[reached], rtol=1e-9)


@given(frictions, st.data(), st.sampled_from([8, 16]))
def test_traced_path_costs_what_the_surface_says(friction, data, neighbours):
    passable = np.argwhere(np.isfinite(friction)).tolist()
    if not passable:
        return
    start, end = (tuple(data.draw(st.sampled_from(passable))) for _ in range(2))
    ground = surface(friction, neighbours)
    width = friction.shape[1]
    field = ground.accumulate(np.array([start[0] * width + start[1]]))
    path = field.path(end[0] * width + end[1])
    if np.isinf(field.cost[end]):
        assert len(path) == 0
        return
    assert path[0] == start[0] * width + start[1]
    total = 0.0
    for a, b in itertools.pairwise(path):
        (r, c), (r2, c2) = divmod(a, width), divmod(b, width)
        k = kernel.STEPS[:, :2].tolist().index([r2 - r, c2 - c])
        total = kernel.step_cost(friction, halves(len(friction)), total, r, c, k)
    assert total == field.cost[end]


def test_direction_error_on_even_ground_is_as_stated():
    friction = np.ones((201, 201))
    row, column = np.indices(friction.shape)
    distance = np.hypot(row - 100, column - 100)
    distance[100, 100] = 1
    for neighbours, worst in ((8, 0.0824), (16, 0.0275)):
        cost, _ = run(friction, [(100, 100)], neighbours)
        cost[100, 100] = 1
        assert (cost / distance).max() - 1 == pytest.approx(worst, abs=1e-4)


def test_knights_do_not_leap_over_a_wall():
    friction = np.ones((7, 7))
    friction[3] = np.inf
    cost, owner = run(friction, [(1, 3)], 16)
    assert np.isinf(cost[4:]).all()
    assert (owner[4:] == -1).all()


def test_a_dear_line_costs_a_knight_too():
    friction = np.ones((7, 7))
    friction[3] = 1000.0
    cost, _ = run(friction, [(2, 3)], 16)
    assert cost[4].min() > 500


def test_ties_go_to_the_first_source_whatever_the_order_of_seeds():
    friction = np.ones((1, 5))
    _, owner = run(friction, [(0, 4), (0, 0)], 8)
    assert owner[0].tolist() == [1, 1, 0, 0, 0]
    _, owner = run(friction, [(0, 4), (0, 0)], 8, owners=[1, 0])
    assert owner[0].tolist() == [0, 0, 0, 1, 1]


def test_max_cost_keeps_exactly_the_cells_within_it():
    friction = np.random.default_rng(0).uniform(1, 5, (30, 30))
    whole, _ = run(friction, [(3, 4)], 16)
    part, owner = run(friction, [(3, 4)], 16, max_cost=20.0)
    np.testing.assert_array_equal(part, np.where(whole <= 20, whole, np.inf))
    assert ((owner == -1) == (whole > 20)).all()


@given(frictions.filter(lambda f: f.shape[1] > 4), st.data())
def test_wrapped_columns_equal_the_oracle(friction, data):
    passable = np.argwhere(np.isfinite(friction)).tolist()
    if not passable:
        return
    seed = tuple(data.draw(st.sampled_from(passable)))
    expected = dijkstra(friction, lambda _, r, c: np.hypot(r, c), [seed], wrap=True)
    np.testing.assert_allclose(run(friction, [seed], 16, wrap=True)[0], expected, rtol=1e-9)


def test_geodesic_lengths_by_row():
    array = raster(np.ones((4, 4)), 0.5, "EPSG:4326", west=-78, south=58)
    lengths = raster_grid(array, "friction").step_lengths_m()
    geod = pyproj.Geod(ellps="WGS84")
    assert lengths[0, 0] == pytest.approx(geod.inv(0, 59.75, 0.5, 59.75)[2])
    assert lengths[3, 1] == pytest.approx(geod.inv(0, 59.25, 1.0, 58.75)[2])
    assert lengths[4, 0] == pytest.approx(geod.inv(0, 59.75, 0.5, 58.75)[2])


def test_feet_become_metres():
    array = raster(np.ones((4, 4)), 100.0, "EPSG:2263", west=9e5, south=1e5)
    assert raster_grid(array, "f").step_lengths_m()[0, 0] == pytest.approx(30.48, rel=1e-5)


def test_a_raster_upside_down_or_mirrored_comes_back_as_it_was():
    values = np.arange(12.0).reshape(3, 4) + 1
    north_up = raster(values)
    for turned in (north_up[::-1], north_up[:, ::-1], north_up[::-1, ::-1]):
        grid = raster_grid(turned, "friction")
        np.testing.assert_array_equal(grid.values, values)
        xr.testing.assert_allclose(grid.restore(grid.values, name="a", attrs={}), turned)
        row, column = grid.unflip(np.array([0]), np.array([0]))
        assert grid.values[row[0], column[0]] == turned.values[0, 0]


def test_declared_nodata_becomes_nan_and_the_input_is_not_changed():
    array = raster([[1, -9999], [2, 3]]).rio.write_nodata(-9999)
    before = array.copy(deep=True)
    values = raster_grid(array, "friction").values
    assert np.isnan(values[0, 1])
    xr.testing.assert_identical(array, before)


def bare(values, **coords):
    return xr.DataArray(np.asarray(values, dtype=float), coords, ("y", "x"))


@pytest.mark.parametrize(
    ("array", "error", "word"),
    [
        (bare([[1.0, 2]], y=[0.0], x=[0.0, 1]), CRSError, "write_crs"),
        (raster([[1.0, 2], [3, 4]]).assign_coords(x=[0.0, 5.0]).isel(x=[0]), None, ""),
        (raster(np.ones((2, 3))).assign_coords(x=[0.0, 1, 5]), RasterError, "unevenly"),
        (raster(np.ones((2, 3))).assign_coords(x=[0.0, 0, 0]), RasterError, "unevenly"),
        (raster(np.ones((2, 0))), RasterError, "rows and columns"),
        (raster(np.ones((2, 2))).expand_dims(band=2), RasterError, "isel"),
        (raster(np.ones((2, 2)), 60.0, "EPSG:4326", west=0, south=0), RasterError, "latitude"),
        (np.ones((2, 2)), RasterError, "ndarray"),
    ],
)
def test_odd_rasters(array, error, word):
    if error is None:
        assert raster_grid(array, "friction").shape == (2, 1)
        return
    with pytest.raises(error, match=word):
        raster_grid(array, "friction")


def test_rotated_rasters_are_refused():
    array = xr.DataArray(np.ones((3, 3)), dims=("y", "x")).rio.write_crs("EPSG:32618")
    array = array.rio.write_transform(Affine.rotation(30) @ Affine.scale(10))
    with pytest.raises(RasterError, match="rotated"):
        raster_grid(array, "friction")


def test_a_single_row_without_transform_is_taken_as_square_and_said():
    array = bare([[1.0, 2, 3]], y=[0.0], x=[0.0, 10, 20]).rio.write_crs("EPSG:32618")
    with pytest.warns(AssumptionWarning, match="square"):
        grid = raster_grid(array, "friction")
    assert (grid.transform.a, grid.transform.e) == (10, -10)


@pytest.mark.parametrize("value", [0.0, -1.0, -np.inf])
def test_friction_must_be_above_zero(value):
    with pytest.raises(RasterError, match="zero or negative"):
        friction_surface(raster([[1.0, value], [1, 1]]))
