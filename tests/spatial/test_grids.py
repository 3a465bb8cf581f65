"""Grids cover their extent once, with equal cells, the same ones each time."""

import geopandas as gpd
import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from geocn.errors import CRSError, ParameterError
from geocn.spatial.grids import make_grid

AREA = {"square": 1.0, "hex": np.sqrt(3) / 2}


@pytest.mark.parametrize("kind", ["square", "hex"])
@given(
    x=st.floats(-5e5, 5e5),
    y=st.floats(-5e5, 5e5),
    width=st.floats(1, 60_000),
    height=st.floats(1, 60_000),
)
def test_a_grid_covers_its_extent_once(kind, x, y, width, height):
    area = shapely.box(x, y, x + width, y + height)
    grid = make_grid(gpd.GeoSeries([area], crs=6933), cell_m=10_000, kind=kind, crs=6933)
    cells = grid.geometry.to_numpy()
    assert shapely.coverage_is_valid(cells)
    assert shapely.covers(shapely.buffer(shapely.union_all(cells), 1e-6), area)
    assert np.allclose(shapely.area(cells), 1e8 * AREA[kind])
    assert grid["cell_id"].is_unique
    assert shapely.intersects(cells, area).all()


@pytest.mark.parametrize("kind", ["square", "hex"])
def test_cells_do_not_depend_on_the_extent(kind):
    whole = make_grid(
        gpd.GeoSeries([shapely.box(0, 0, 9e4, 9e4)], crs=6933), cell_m=1e4, kind=kind, crs=6933
    ).set_index("cell_id")
    part = make_grid(
        gpd.GeoSeries([shapely.box(3e4, 3e4, 5e4, 6e4)], crs=6933), cell_m=1e4, kind=kind, crs=6933
    ).set_index("cell_id")
    assert part.geometry.geom_equals_exact(whole.loc[part.index].geometry, 1e-6).all()


def test_the_default_system_is_equal_area_and_works_across_180():
    grid = make_grid((179, -18, -179, -16), cell_size_km=50)
    assert "+lon_0=180.0" in grid.crs.srs
    assert 20 < len(grid) < 40
    assert np.allclose(grid.area, 2.5e9)


def test_points_are_covered_with_their_whole_bounding_box():
    points = gpd.GeoSeries([shapely.Point(0, 0), shapely.Point(30_000, 30_000)], crs=6933)
    grid = make_grid(points, cell_m=10_000, crs=6933)
    assert len(grid) == 9
    assert len(make_grid(points.iloc[:1], cell_m=10_000, kind="hex", crs=6933)) >= 1


def test_nothing_to_cover_gives_no_cells():
    for empty in (gpd.GeoSeries([], crs=4326), gpd.GeoSeries([None, shapely.Point()], crs=4326)):
        grid = make_grid(empty, cell_m=1000)
        assert list(grid.columns) == ["cell_id", "geometry"]
        assert len(grid) == 0


def test_faults_are_refused():
    extent = (-78, 0, -77, 1)
    for sizes in ({}, {"cell_m": 1, "cell_size_km": 1}, {"cell_m": -5}, {"cell_m": np.inf}):
        with pytest.raises(ParameterError, match="cell_m"):
            make_grid(extent, **sizes)
    with pytest.raises(ParameterError, match="hex"):
        make_grid(extent, cell_m=1000, kind="triangle")
    with pytest.raises(ParameterError, match="larger cells"):
        make_grid(extent, cell_m=1)
    with pytest.raises(CRSError):
        make_grid(extent, cell_m=1000, crs=4326)
    with pytest.raises(CRSError):
        make_grid(gpd.GeoSeries([shapely.Point(0, 0)]), cell_m=1000)
