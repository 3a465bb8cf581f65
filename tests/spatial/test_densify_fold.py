from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from geocn.spatial.antimeridian import fold_longitudes, shortest_way
from geocn.spatial.densify import densify


@given(st.floats(-600, 600), st.floats(0.5, 350), st.floats(-80, 70))
def test_folding_keeps_area_and_stays_within_180(west, width, south):
    box = shapely.box(west, south, west + width, south + 10)
    folded = fold_longitudes([box])[0]
    assert folded.area == pytest.approx(box.area, rel=1e-9)
    assert -180 <= folded.bounds[0] <= folded.bounds[2] <= 180
    assert folded.is_valid


def test_folding_keeps_null_and_what_needs_nothing():
    line = shapely.LineString([(0, 0), (10, 10)])
    assert fold_longitudes([line, None, shapely.Polygon()]).tolist() == [
        line,
        None,
        shapely.Polygon(),
    ]
    assert len(fold_longitudes(np.empty(0, dtype=object))) == 0


def test_the_short_way_for_lines_and_rings():
    line = shapely.LineString([(170, 0), (-170, 10), (170, 20)])
    ring = shapely.Polygon([(179, 0), (-179, 0), (-179, 1), (179, 1)])
    ways = shortest_way([line, ring, None, shapely.LineString([(0, 0), (90, 0)])])
    assert shapely.length(ways[0]) == pytest.approx(2 * np.hypot(20, 10))
    assert shapely.area(ways[1]) == pytest.approx(2)
    assert ways[2] is None
    assert ways[3].length == 90


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("turn", [1, -1])
@pytest.mark.parametrize("first", [-180, -150, 7])
def test_an_area_around_a_pole_reaches_to_it(sign, turn, first):
    lon = (first + turn * np.arange(0, 360, 40) + 180) % 360 - 180
    cap, wide = (np.column_stack([lon, np.full(9, sign * lat)]) for lat in (80.0, 70.0))
    whole, ring = shortest_way([shapely.Polygon(cap), shapely.Polygon(wide, [cap])])
    assert whole.is_valid
    assert shapely.area([whole, ring]) == pytest.approx([3600, 3600])
    for at in (-179.9, -120, 0, 60, 179.9):
        assert shapely.intersects_xy(whole, at, sign * 89.9)
        assert not shapely.intersects_xy(ring, at, sign * 89.9)
        assert shapely.intersects_xy(ring, at, sign * 75)
    assert shapely.bounds(whole)[[0, 2]].tolist() == [-180, 180]
    hole = [(170, sign * 83), (-170, sign * 83), (-170, sign * 85), (170, sign * 85)]
    holed = shortest_way([shapely.Polygon(cap, [hole])])[0]
    assert holed.area == pytest.approx(3600 - 40)
    assert not shapely.intersects_xy(holed, 179, sign * 84)


def test_densify_leaves_alone_what_has_no_course():
    dot = shapely.LineString([(1, 1), (1, 1)])
    spike = shapely.Polygon([(0, 0), (1, 0), (0, 0), (0, 0)])
    shapes = densify([dot, spike, None, shapely.LineString([(0, 0), (1, 0)])], 0.5)
    assert shapes[0].equals_exact(dot, 0)
    assert shapes[1].equals_exact(spike, 0)
    assert shapes[2] is None
    assert len(shapes[3].coords) == 3
