from __future__ import annotations

import geopandas as gpd
import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from geocn._kernels.route_density import add_segments
from geocn.corridors import route_density
from geocn.errors import CRSError, GeometryError, ParameterError, SchemaError
from geocn.spatial.geodesy import geodesic_length_km


def routes(*lines, crs="EPSG:4326", **columns):
    shapes = [shapely.LineString(line) if line else None for line in lines]
    return gpd.GeoDataFrame(columns, geometry=shapes, crs=crs)


def added(start, end, amount, shape):
    grid = np.zeros(shape)
    outside = add_segments(start, end, amount, np.arange(len(start)), grid)
    return grid, outside


def shapely_lengths(start, end, amount, shape):
    """Share of each segment in each cell, cut by GEOS."""
    grid = np.zeros(shape)
    for a, b, weight in zip(start, end, amount, strict=True):
        line = shapely.LineString([a, b])
        for r in range(shape[0]):
            for c in range(shape[1]):
                cell = shapely.box(c, r, c + 1, r + 1)
                grid[r, c] += weight * line.intersection(cell).length / line.length
    return grid


@pytest.mark.parametrize("seed", range(5))
def test_kernel_against_cuts_by_geos(seed):
    rng = np.random.default_rng(seed)
    start, end = rng.uniform(-2, 9, (2, 30, 2))
    amount = rng.uniform(0, 3, 30)
    grid, outside = added(start, end, amount, (5, 7))
    np.testing.assert_allclose(grid, shapely_lengths(start, end, amount, (5, 7)), atol=1e-9)
    assert grid.sum() + outside == pytest.approx(amount.sum(), rel=1e-12)


coordinates = st.one_of(
    st.integers(-2, 8).map(float), st.floats(-3, 9, allow_nan=False), st.sampled_from([0.5, 2.5])
)


@settings(max_examples=200)
@given(hnp.arrays(float, (4, 4), elements=coordinates))
def test_nothing_is_lost_along_edges_and_through_corners(ends):
    start, end = ends[:, :2].copy(), ends[:, 2:].copy()
    amount = np.array([1.0, 2.0, 4.0, 8.0])
    grid, outside = added(start, end, amount, (6, 6))
    assert grid.sum() + outside == pytest.approx(15, rel=1e-12)
    assert grid.min() >= 0
    assert outside > -1e-12


def test_edges_corners_and_no_length():
    def one(a, b):
        return added(np.array([a], float), np.array([b], float), np.ones(1), (3, 3))[0]

    assert one((0, 0), (3, 3)).diagonal().tolist() == pytest.approx([1 / 3] * 3)
    assert one((3, 3), (0, 0)).diagonal().tolist() == pytest.approx([1 / 3] * 3)
    assert one((1, 0), (1, 3))[:, 1].tolist() == pytest.approx([1 / 3] * 3)
    assert one((0.5, 1.5), (0.5, 1.5))[1, 0] == 1
    assert one((3, 3), (3, 3))[2, 2] == 1
    assert one((5, 5), (5, 5)).sum() == 0


vertices = st.tuples(st.floats(-80, -76), st.floats(-3, 3))
lines = st.lists(vertices, min_size=2, max_size=5).filter(lambda v: len(set(v)) > 1)
shapes = st.lists(lines, min_size=1, max_size=4)
precisions = st.sampled_from([None, 0.0, 3_000.0, 40_000.0, 90_000.0])


@settings(max_examples=30)
@given(shapes, st.data())
def test_mass_is_conserved_however_vague(shapes, data):
    precision = [data.draw(precisions) for _ in shapes]
    frame = routes(*shapes, location_precision_m=precision)
    found = route_density(frame, cell_m=20_000)
    total = geodesic_length_km(frame.geometry.segmentize(0.5).to_numpy()).sum()
    assert float(found.sum()) * 400 == pytest.approx(found.attrs["geocn"]["total"], rel=1e-9)
    # Stretches are straight in degrees, not geodesics.
    assert found.attrs["geocn"]["total"] == pytest.approx(total, rel=1e-4)
    assert float(found.min()) >= 0
    assert found.attrs["geocn"]["outside"] == 0


def test_lengths_are_geodesic():
    frame = routes([(-77, 60), (-76.99, 60.004)], [(10, 1), (10.3, 1.4)])
    found = route_density(frame.iloc[:1], cell_m=100)
    expected = geodesic_length_km(frame.geometry.to_numpy())
    assert float(found.sum()) * 0.01 == pytest.approx(expected[0], rel=1e-7)
    found = route_density(frame.iloc[1:], cell_m=100_000)
    assert float(found.sum()) * 1e4 == pytest.approx(expected[1], rel=1e-9)


def test_against_cuts_by_geos_in_the_plane():
    rng = np.random.default_rng(3)
    xy = np.cumsum(rng.normal(0, 0.02, (4, 20, 2)), axis=1) + np.array([-77, 1])
    frame = gpd.GeoDataFrame(geometry=shapely.linestrings(xy), crs=4326)
    found = route_density(frame, cell_m=5000)
    flat = frame.to_crs(found.rio.crs)
    km = found * 25
    for j in range(0, found.sizes["y"], 3):
        for i in range(found.sizes["x"]):
            x, y = float(found.x[i]), float(found.y[j])
            cell = shapely.box(x - 2500, y - 2500, x + 2500, y + 2500)
            expected = flat.intersection(cell).length.sum() / 1000
            # The plane keeps areas; lengths differ by its scale, near 1 at its centre.
            assert float(km[j, i]) == pytest.approx(expected, rel=1e-3, abs=1e-3)


def test_a_vague_route_is_spread_over_discs():
    frame = routes([(-77.0001, 1), (-76.9999, 1)], location_precision_m=[10_000.0])
    found = route_density(frame, cell_m=500)
    y, x = np.nonzero(found.to_numpy())
    far = np.hypot(found.x.to_numpy()[x], found.y.to_numpy()[y])
    assert 10_000 < far.max() < 11_000
    # Even over the disc: the variance along an axis is a quarter of the radius squared.
    share = (found / found.sum()).to_numpy()
    spread = (share * found.x.to_numpy() ** 2).sum() ** 0.5
    assert spread == pytest.approx(5000, rel=0.02)
    assert found.attrs["geocn"]["n_widened"] == 1
    sharp = route_density(frame, cell_m=500, widen=False)
    assert (sharp > 0).sum() <= 2


def test_weights_extent_and_what_is_left_out():
    frame = routes(
        [(-77, 1), (-76.9, 1)],
        [(-77, 1), (-76.9, 1)],
        None,
        [(-60, 1), (-59.9, 1)],
        weight_kg=[5.0, np.nan, 1.0, 1.0],
    )
    extent = gpd.GeoSeries([shapely.box(-77.5, 0.5, -76.5, 1.5)], crs=4326)
    found = route_density(frame, cell_m=5000, weight="weight_kg", extent=extent)
    record = found.attrs["geocn"]
    assert float(found.sum()) * 25 == pytest.approx(5 * 11.13, rel=1e-3)
    assert record["outside"] == pytest.approx(11.13, rel=1e-3)
    assert record["total"] == pytest.approx(6 * 11.13, rel=1e-3)
    assert (record["left_out"], record["n_without_weight"]) == ([2], 1)
    assert found.rio.crs is not None
    assert found.rio.resolution() == (5000, -5000)
    # A vague route beside the extent is spread into it.
    beside = routes([(-77.51, 0.9), (-77.51, 1.1)], location_precision_m=[20_000.0])
    inside = route_density(beside, cell_m=5000, extent=extent)
    assert 0 < inside.attrs["geocn"]["outside"] < inside.attrs["geocn"]["total"]


def test_across_the_antimeridian():
    found = route_density(routes([(179.5, 1), (-179.5, 1)]), cell_m=10_000)
    assert found.size < 50
    assert float(found.sum()) * 100 == pytest.approx(111.3, rel=1e-3)


def test_no_routes_give_no_cells():
    found = route_density(routes([(0, 0), (1, 1)]).iloc[:0], cell_m=1000)
    assert found.shape == (0, 0)
    assert found.dims == ("y", "x")


LINE = routes([(0, 0), (1, 1)])


@pytest.mark.parametrize(
    ("frame", "options", "error", "word"),
    [
        (LINE, {"cell_m": -1}, ParameterError, "cell_m"),
        (LINE, {"cell_m": 0.1}, ParameterError, "larger cells"),
        (LINE, {"cell_m": 1e4, "weight": "kg"}, SchemaError, "kg"),
        (LINE.assign(kg=-1), {"cell_m": 1e4, "weight": "kg"}, SchemaError, "negative"),
        (LINE.assign(location_precision_m=-1), {"cell_m": 1e4}, SchemaError, "precision"),
        (
            routes([(0, 0), (1, 1)]).set_geometry([shapely.Point(0, 0)], crs=4326),
            {"cell_m": 1e4},
            GeometryError,
            "lines",
        ),
        (LINE.set_crs(None, allow_override=True), {"cell_m": 1e4}, CRSError, "CRS"),
    ],
)
def test_refusals(frame, options, error, word):
    with pytest.raises(error, match=word):
        route_density(frame, **options)
