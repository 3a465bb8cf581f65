"""Neighbour matrices against libpysal and plain distances."""

import geopandas as gpd
import libpysal
import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from geocn.errors import CRSError, LayerError, ParameterError
from geocn.spatial.geodesy import distance_m
from geocn.spatial.neighbours import describe, distance_band, knn, neighbour_matrix


def cells(n=4):
    boxes = [shapely.box(x, y, x + 1, y + 1) for y in range(n) for x in range(n)]
    return gpd.GeoDataFrame(geometry=boxes, crs=6933)


@pytest.mark.parametrize("kind", ["queen", "rook"])
def test_contiguity_equals_libpysal(kind):
    frame = cells()
    graph = libpysal.graph.Graph.build_contiguity(frame, rook=kind == "rook")
    ours = neighbour_matrix(frame, kind)
    assert (ours != sparse.csr_matrix(graph.sparse)).nnz == 0


@given(seed=st.integers(0, 999), reach=st.floats(1e4, 3e6))
def test_a_distance_in_degrees_is_geodesic_and_works_across_180(seed, reach):
    rng = np.random.default_rng(seed)
    lon, lat = rng.uniform(170, 190, 25), rng.uniform(-89, -60, 25)
    lon = (lon + 180) % 360 - 180
    frame = gpd.GeoDataFrame(geometry=gpd.points_from_xy(lon, lat), crs=4326)
    apart = distance_m(lon[:, None], lat[:, None], lon, lat)
    expected = (apart <= reach) & ~np.eye(25, dtype=bool)
    assert np.array_equal(neighbour_matrix(frame, reach).toarray().astype(bool), expected)


def test_knn_leaves_the_row_itself_out_even_where_rows_coincide():
    points = [shapely.Point(0, 0)] * 3 + [shapely.Point(5, 0), shapely.Point(9, 0)]
    frame = gpd.GeoDataFrame(geometry=points, crs=6933)
    matrix = neighbour_matrix(frame, knn(2))
    assert (matrix.sum(axis=1) == 2).all()
    assert matrix.diagonal().sum() == 0
    assert matrix.toarray()[4].tolist()[3] == 1


def test_null_geometries_have_no_neighbours():
    frame = cells(2)
    frame.loc[1, "geometry"] = None
    for neighbours in ("queen", "rook", 5.0, knn(2)):
        matrix = neighbour_matrix(frame, neighbours)
        assert matrix[[1]].nnz == matrix[:, [1]].nnz == 0
        assert matrix.shape == (4, 4)


def test_a_graph_is_brought_to_the_row_order_of_the_frame():
    frame = cells(3).set_index(np.array(list("ihgfedcba")))
    graph = libpysal.graph.Graph.build_contiguity(frame.sort_index(), rook=True)
    assert (neighbour_matrix(frame, graph) != neighbour_matrix(frame, "rook")).nnz == 0
    with pytest.raises(LayerError, match="same frame"):
        neighbour_matrix(frame.set_index(np.arange(9)), graph)


def test_given_weights_are_kept_and_checked():
    frame = cells(2)
    weights = np.array([[0, 2.0, 0, 0], [0.5, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 3]])
    assert np.array_equal(neighbour_matrix(frame, weights).toarray(), weights)
    assert np.array_equal(neighbour_matrix(frame, sparse.csc_array(weights)).toarray(), weights)
    for bad in (weights[:3, :3], -weights, weights * np.nan):
        with pytest.raises(LayerError):
            neighbour_matrix(frame, bad)


def test_faults_are_refused():
    points = gpd.GeoDataFrame(geometry=[shapely.Point(0, 0), shapely.Point(1, 1)], crs=6933)
    with pytest.raises(LayerError, match="distance") as error:
        neighbour_matrix(points, "queen")
    assert error.value.rows == [0, 1]
    with pytest.raises(ParameterError, match="queen"):
        neighbour_matrix(points, "bishop")
    with pytest.raises(ParameterError):
        neighbour_matrix(points, knn(2))
    with pytest.raises(CRSError):
        neighbour_matrix(points.set_crs(None, allow_override=True), 5)
    with pytest.raises(ParameterError):
        neighbour_matrix(points, object())
    for bad in (0, -1, np.nan, np.inf):
        with pytest.raises(ParameterError):
            distance_band(bad)
    with pytest.raises(ParameterError):
        knn(0)
    assert describe(5) == describe(distance_band(5))


def test_an_area_without_a_centre_is_named() -> None:
    bow_tie = shapely.Polygon([(0, 0), (1, 1), (1, 0), (0, 1)])
    boxes = [shapely.box(2, 0, 3, 1), bow_tie, shapely.box(4, 0, 5, 1)]
    frame = gpd.GeoDataFrame(geometry=boxes, index=list("abc"), crs="EPSG:4326")
    with pytest.raises(LayerError, match="centre") as error:
        neighbour_matrix(frame, distance_band(500_000))
    assert error.value.rows == ["b"]
