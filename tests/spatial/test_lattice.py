"""Neighbours by offset against neighbours by geometry, and sums against the sparse matrix."""

import geopandas as gpd
import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from geocn._kernels.lattice import neighbour_sums, runs
from geocn.errors import LayerError, ParameterError
from geocn.spatial import neighbours as by_geometry
from geocn.spatial.grids import make_grid
from geocn.spatial.lattice import Lattice, LatticeNeighbours, find_lattice
from geocn.spatial.neighbours import describe, find_neighbours, neighbour_matrix


def cells(rows, columns, *, width=1000.0, height=1000.0, crs=6933):
    boxes = [
        shapely.box(x * width, y * height, (x + 1) * width, (y + 1) * height)
        for y in range(rows)
        for x in range(columns)
    ]
    return gpd.GeoDataFrame(geometry=boxes, crs=crs)


def by_polygons(frame, kind):
    if isinstance(kind, str):
        return by_geometry._contiguity(frame, rook=kind == "rook")
    return by_geometry._within(frame, kind)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 9999),
    rows=st.integers(1, 7),
    columns=st.integers(1, 7),
    kept=st.floats(0.4, 1.0),
    kind=st.one_of(st.sampled_from(["queen", "rook"]), st.integers(1, 6).map(lambda k: 700.0 * k)),
    height=st.sampled_from([1000.0, 700.0]),
)
def test_offsets_equal_polygons_with_holes_and_null_geometry(
    seed, rows, columns, kept, kind, height
):
    rng = np.random.default_rng(seed)
    frame = cells(rows, columns, height=height)
    frame = frame[rng.random(len(frame)) < kept].sample(frac=1, random_state=seed)
    frame = frame.reset_index(drop=True)
    if len(frame) > 3:
        frame.loc[1, "geometry"] = None
        frame.loc[2, "geometry"] = shapely.Polygon()
    found = find_neighbours(frame, kind)
    expected = by_polygons(frame, kind)
    assert isinstance(found, LatticeNeighbours) == (find_lattice(frame) is not None)
    assert (neighbour_matrix(frame, kind) != expected).nnz == 0
    if isinstance(found, LatticeNeighbours):
        whole, real = rng.integers(0, 99, len(frame)), rng.normal(size=len(frame))
        assert (found.sums(whole) == expected @ whole).all()
        assert found.sums(whole).dtype == whole.dtype
        assert np.allclose(found.sums(real), expected @ real, rtol=1e-13, atol=1e-13)


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 9999),
    shape=st.tuples(st.integers(1, 8), st.integers(1, 8)),
    reach=st.integers(1, 9),
    whole=st.booleans(),
)
def test_sums_equal_the_plain_loop_for_any_offsets(seed, shape, reach, whole):
    rng = np.random.default_rng(seed)
    field = rng.integers(-50, 50, shape) if whole else rng.normal(size=shape)
    side = np.arange(-reach, reach + 1)
    every = np.array([(a, b) for a in side for b in side if (a, b) != (0, 0)])
    offsets = every[rng.random(len(every)) < 0.5]
    expected = np.zeros_like(field)
    for y in range(shape[0]):
        for x in range(shape[1]):
            for down, right in offsets:
                if 0 <= y + down < shape[0] and 0 <= x + right < shape[1]:
                    expected[y, x] += field[y + down, x + right]
    found = neighbour_sums(field, offsets)
    assert (found == expected).all() if whole else np.allclose(found, expected, atol=1e-12)


def test_offsets_join_into_runs():
    assert runs(np.array([[0, 1], [0, -1], [1, 0], [0, 2]])).tolist() == [
        [0, -1, -1],
        [0, 1, 2],
        [1, 0, 0],
    ]


def test_a_grid_is_a_lattice_whatever_its_origin():
    frame = make_grid((-78.31, 0.17, -77.2, 1.4), cell_m=7_777.7)
    found = find_lattice(frame)
    assert (found.place == np.arange(len(frame))).all()
    assert found.cell_m == pytest.approx((7777.7, 7777.7))
    for kind in ("queen", "rook", 20_000.0):
        assert (neighbour_matrix(frame, kind) != by_polygons(frame, kind)).nnz == 0


def moved(frame, row, dx):
    frame.loc[row, "geometry"] = shapely.affinity.translate(frame.geometry[row], dx, 0)
    return frame


@pytest.mark.parametrize(
    "frame",
    [
        gpd.GeoDataFrame(geometry=gpd.points_from_xy([0, 1], [0, 0]), crs=6933),
        make_grid((-78, 0, -77, 1), cell_size_km=30, kind="hex"),
        moved(cells(3, 3), 4, 1e-9),
        moved(cells(3, 3), 4, 1000.0),
        moved(cells(3, 3), 4, 500.0),
        moved(cells(3, 3), 4, 1e12),
        gpd.GeoDataFrame(geometry=[shapely.box(0, 0, 1, 1), shapely.box(1, 0, 3, 1)], crs=6933),
        gpd.GeoDataFrame(
            geometry=[shapely.box(0, 0, 1, 1), shapely.Polygon([(1, 0), (2, 0), (2, 1)])], crs=6933
        ),
        gpd.GeoDataFrame(
            geometry=[shapely.box(0, 0, 2, 2), shapely.Polygon([(2, 0), (4, 0), (4, 2), (3, 2)])],
            crs=6933,
        ),
        gpd.GeoDataFrame(geometry=[None, None], crs=6933),
        cells(2, 2).iloc[:0],
    ],
)
def test_what_is_no_lattice_is_not_taken_for_one(frame):
    assert find_lattice(frame) is None


def test_degrees_have_a_lattice_of_contiguity_but_not_of_distance():
    frame = cells(4, 4, width=0.1, height=0.1, crs=4326)
    assert isinstance(find_neighbours(frame, "queen"), LatticeNeighbours)
    assert not isinstance(find_neighbours(frame, 20_000.0), LatticeNeighbours)
    with pytest.raises(ParameterError, match="in metres"):
        find_lattice(frame).within(1000)


def test_feet_are_brought_to_metres():
    frame = cells(1, 4, width=1000.0, crs=2263)
    assert find_lattice(frame).cell_m[0] == pytest.approx(304.8, rel=1e-4)
    assert (neighbour_matrix(frame, 310.0) != by_polygons(frame, 310.0)).nnz == 0


def test_a_lattice_can_be_given_and_must_fit():
    around = Lattice(2, 3, np.array([0, 1, 2, 3, -1, 5]), (1000.0, 1000.0)).queen()
    frame = gpd.GeoDataFrame(geometry=gpd.points_from_xy(range(6), range(6)), crs=6933)
    assert neighbour_matrix(frame, around).sum(axis=1).ravel().tolist() == [[2, 4, 2, 2, 0, 2]]
    assert describe(around) == "LatticeNeighbours(8 offsets)"
    with pytest.raises(LayerError, match="a lattice of 6 rows"):
        neighbour_matrix(frame.iloc[:5], around)
    with pytest.raises(ParameterError):
        around.lattice.within(-1.0)
