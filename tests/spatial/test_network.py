"""Lines made a network: what is cut, what is mended, and where places lie on it."""

import geopandas as gpd
import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import LineString as Line
from shapely import Point

from geocn._kernels.network import every_place_on_line, nearest_on_line
from geocn.errors import CoordinateError, CRSError, GeometryError, ParameterError
from geocn.spatial.geodesy import geodesic_length_km
from geocn.spatial.network_build import build_network

PLANE = "+proj=laea +lat_0=1 +lon_0=-77 +datum=WGS84 +units=m +type=crs"


def plane(lines, **options):
    frame = gpd.GeoDataFrame(geometry=lines, crs=PLANE)
    return build_network(frame, metres="planar", **options)


def check_shape(network):
    """What every network promises."""
    n_edges = len(network.u)
    assert (network.u != network.v).all()
    assert (network.length_m > 0).all()
    assert len(network.first) == n_edges + 1
    assert (np.diff(network.first) >= 2).all()
    assert np.isfinite(network.node_xy).all()
    start, arc = network.arcs
    tail = np.column_stack([network.u, network.v]).ravel()
    assert sorted(arc.tolist()) == list(range(2 * n_edges))
    for node in range(len(network.node_xy)):
        assert (tail[arc[start[node] : start[node + 1]]] == node).all()
    assert (network.degree > 0).all()
    assert network.report.n_edges == n_edges
    assert network.report.n_dead_ends == (network.degree == 1).sum()
    assert np.allclose(network.vertex_m[network.first[1:] - 1], network.length_m)


def test_a_cross_is_cut_in_four():
    network = plane([Line([(0, -5), (0, 5)]), Line([(-5, 0), (5, 0)])])
    check_shape(network)
    assert network.length_m.tolist() == [5, 5, 5, 5]
    assert sorted(network.degree) == [1, 1, 1, 1, 4]
    assert network.report.n_crossings == 1
    assert network.row.tolist() == [0, 0, 1, 1]


def test_a_bridge_is_no_crossroads_where_only_vertices_count():
    bridge = [Line([(0, -5), (0, 5)]), Line([(-5, 0), (5, 0)])]
    assert len(plane(bridge, noding="vertices").u) == 2
    shared = [Line([(0, -5), (0, 0), (0, 5)]), Line([(-5, 0), (0, 0), (5, 0)])]
    assert len(plane(shared, noding="vertices").u) == 4


def test_what_is_broken_is_mended_and_counted():
    network = plane(
        [
            Line([(0, 0), (10, 0)]),
            Line([(5, 0.4), (5, 7)]),  # does not quite reach
            Line([(10, 0), (0, 0)]),  # drawn twice, the other way
            Line([(3, 0), (8, 0)]),  # a part drawn three times
            Line([(1, 1), (1, 1)]),  # no length
            Line([(20, 0), (25, 0), (25, 5), (20, 5), (20, 0)]),  # a ring
            Line([(30, 0), (40, 0), (35, 5), (35, -5)]),  # crosses itself
            None,
        ],
        snap_m=0.5,
    )
    check_shape(network)
    report = network.report
    assert (report.n_rows, report.n_without_geometry) == (8, 1)
    assert (report.n_snapped, report.n_zero_length) == (1, 1)
    assert report.n_self_loops == 2
    assert report.n_duplicates == 6
    assert report.n_components == 3
    assert network.length_m.sum() == pytest.approx(10 + 7 + 20 + 10 + 10 + np.hypot(5, 5))
    assert network.component[network.u].tolist() == network.component[network.v].tolist()


def test_loose_ends_stay_loose_without_a_tolerance():
    lines = [Line([(0, 0), (10, 0)]), Line([(5, 0.4), (5, 7)])]
    assert plane(lines).report.n_components == 2
    assert plane(lines, snap_m=0.3).report.n_components == 2
    joined = plane(lines, snap_m=0.5)
    assert (joined.report.n_components, joined.report.n_snapped) == (1, 1)


def test_180_degrees_is_one_place():
    lines = gpd.GeoDataFrame(
        geometry=[Line([(179, 0), (-179, 0)]), Line([(-179, 0), (-179, 2)])], crs=4326
    )
    network = build_network(lines)
    check_shape(network)
    assert network.report.n_components == 1
    expected = geodesic_length_km(lines.geometry).sum() * 1000
    assert network.length_m.sum() == pytest.approx(expected, rel=1e-12)
    points = gpd.GeoSeries([Point(-179.999, 0.001), Point(179.9999, 0.001)], crs=4326)
    placed = network.place(points, reach_m=1_000)
    assert network.xy_at(placed.edge, placed.offset_m)[:, 0].tolist() == pytest.approx(
        [-179.999, 179.9999]
    )
    assert placed.distance_m == pytest.approx([110.574, 110.574], abs=1e-2)
    across = network.place(gpd.GeoSeries([Point(180, 0.001)], crs=4326), reach_m=1_000)
    assert across.edge[0] >= 0


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 9999))
def test_random_lines_keep_their_length_and_meet_only_at_nodes(seed):
    rng = np.random.default_rng(seed)
    lines = [Line(rng.uniform(0, 1_000, (rng.integers(2, 5), 2))) for _ in range(8)]
    network = plane(lines)
    check_shape(network)
    union = shapely.union_all(lines)
    assert network.length_m.sum() == pytest.approx(union.length, rel=1e-6)
    edges = network.lines
    for i in range(len(edges)):
        for j in range(i):
            assert (
                not edges[i].crosses(edges[j])
                or edges[i].intersection(edges[j]).distance(shapely.MultiPoint(network.node_xy))
                < 1e-3
            )


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 9999))
def test_the_order_of_lines_changes_names_alone(seed):
    rng = np.random.default_rng(seed)
    lines = np.array([Line(rng.uniform(0, 1_000, (2, 2))) for _ in range(7)])
    one, other = plane(lines, snap_m=5), plane(lines[::-1], snap_m=5)
    assert np.allclose(sorted(one.length_m), sorted(other.length_m))
    assert sorted(one.degree) == sorted(other.degree)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 9999), degrees=st.booleans())
def test_places_are_on_the_nearest_edge(seed, degrees):
    rng = np.random.default_rng(seed)
    frame = gpd.GeoDataFrame(
        geometry=[Line(rng.uniform(0, 3_000, (3, 2))) for _ in range(9)], crs=PLANE
    )
    points = gpd.GeoSeries(gpd.points_from_xy(*rng.uniform(-300, 3_300, (40, 2)).T), crs=PLANE)
    network = build_network(frame) if degrees else build_network(frame, metres="planar")
    placed = network.place(points, reach_m=400)
    far = np.array([min(p.distance(line) for line in frame.geometry) for p in points])
    assert ((placed.edge >= 0) == (far <= 400)).all()
    assert np.isnan(placed.distance_m[far > 400]).all()
    found = placed.edge >= 0
    assert placed.distance_m[found] == pytest.approx(far[found], rel=1e-3, abs=1e-3)
    at = network.xy_at(placed.edge[found], placed.offset_m[found])
    foot = gpd.GeoSeries(shapely.points(at), crs=network.crs).to_crs(PLANE)
    away = shapely.distance(foot.to_numpy(), points[found].to_numpy())
    assert away == pytest.approx(far[found], rel=1e-3, abs=1e-3)


def test_pieces_cover_their_edge():
    network = plane([Line([(0, 0), (3, 0), (3, 4)]), Line([(9, 9), (10, 9)])])
    pieces = network.cut(np.array([0, 0, 1]), np.array([0.0, 2, 0.25]), np.array([2.0, 7, 0.5]))
    assert [line.wkt for line in pieces] == [
        "LINESTRING (0 0, 2 0)",
        "LINESTRING (2 0, 3 0, 3 4)",
        "LINESTRING (9.25 9, 9.5 9)",
    ]


def test_kernels_find_every_passage_of_a_line():
    xy = np.array([(0.0, 0), (10, 0), (5, 5), (5, -5)])
    first, line = np.array([0, 4]), np.zeros(1, dtype=np.int64)
    scale = np.ones((1, 2))
    for run in (every_place_on_line, every_place_on_line.py_func):
        _, vertex, part = run(np.array([[5.0, 0]]), scale, line, xy, first, 0.01)
        assert (vertex + part).tolist() == [0.5, 2.5]
    for run in (nearest_on_line, nearest_on_line.py_func):
        vertex, part, metres = run(np.array([[2.0, 1]]), scale, line, xy, first)
        assert (vertex[0], part[0], metres[0]) == (0, 0.2, 1)


def test_nothing_makes_a_network_of_nothing():
    network = plane([])
    assert (network.report.n_edges, network.report.n_nodes) == (0, 0)
    assert network.place(gpd.GeoSeries([Point(0, 0)], crs=PLANE), reach_m=9).edge.tolist() == [-1]
    assert list(network.to_frame()) == ["line", "u", "v", "length_m", "component", "geometry"]


def test_faults_are_refused_with_their_names():
    good = gpd.GeoDataFrame(geometry=[Line([(0, 0), (1, 1)])], crs=4326)
    with pytest.raises(CRSError, match="declared"):
        build_network(good.set_crs(None, allow_override=True))
    with pytest.raises(CRSError, match="planar"):
        build_network(good, metres="planar")
    with pytest.raises(ParameterError, match=r"snap_m.*noding.*metres"):
        build_network(good, snap_m=-1, noding="x", metres="x")
    with pytest.raises(GeometryError, match="Polygon") as error:
        build_network(gpd.GeoDataFrame(geometry=[Point(0, 0).buffer(1)], index=["a"], crs=4326))
    assert error.value.rows == ["a"]
    with pytest.raises(CoordinateError):
        build_network(gpd.GeoDataFrame(geometry=[Line([(0, 0), (1, 100)])], crs=4326))


def test_a_whole_number_of_metres_snaps_as_a_float_does():
    lines = [Line([(0, 0), (10, 0)]), Line([(5, 2.5), (5, 7)]), Line([(10, 0), (0, 0)])]
    for reach in (3, 3.0):
        report = plane(lines, snap_m=reach).report
        assert (report.n_snapped, report.n_duplicates, report.n_edges) == (1, 2, 3)


def test_labels_are_those_of_the_rows_with_lines():
    network = plane([None, Line([(0, 0), (1, 0)]), Line([(5, 0), (6, 0)])])
    assert network.to_frame()["line"].tolist() == [1, 2]
