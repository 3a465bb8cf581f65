"""Every point in exactly one cell, whichever way the cells are searched."""

from __future__ import annotations

import geopandas as gpd
import h3
import numpy as np
import pandas as pd
import pyproj
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from geocn.spatial.binning import (
    H3Cells,
    Lattice,
    Outlines,
    Projection,
    bin_points,
    cells_of,
)
from geocn.spatial.crs import equal_area_crs
from geocn.spatial.grids import make_grid
from geocn.spatial.h3_grid import cells_at

PLANE = pyproj.CRS(6933)


def grid(kind: str = "square", cell: float = 1000.0, n: int = 7) -> gpd.GeoDataFrame:
    area = gpd.GeoSeries([shapely.box(-1, -1, n * 1000.0 - 1, n * 1000.0 - 1)], crs=PLANE)
    return make_grid(area, cell_m=cell, kind=kind, crs=PLANE)


def by_tree(xy: np.ndarray, areas: gpd.GeoDataFrame) -> list[set[int]]:
    """All cells that touch each point, by the tree alone."""
    touched: list[set[int]] = [set() for _ in xy]
    for point, cell in shapely.STRtree(areas.geometry.to_numpy()).query(shapely.points(xy)).T:
        if shapely.intersects(areas.geometry.iloc[cell], shapely.Point(xy[point])):
            touched[point].add(int(cell))
    return touched


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from(["square", "hex"]),
    st.sampled_from([1000.0, 333.3, 0.1 * 7001]),
    st.integers(0, 10_000),
)
def test_arithmetic_finds_what_the_tree_finds(kind: str, cell: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    cells = grid(kind, cell)
    cells = cells[rng.random(len(cells)) < 0.8]
    search = cells_of(cells)
    assert isinstance(search, Lattice)
    corners = shapely.get_coordinates(cells.geometry.to_numpy())
    chosen = corners[rng.integers(0, len(corners), 40)]
    edges = (chosen + corners[rng.integers(0, len(corners), 40)]) / 2
    xy = np.vstack([rng.uniform(-2000, 9000, (200, 2)), chosen, np.nextafter(chosen, -9e9), edges])
    found = search.find(xy)
    near = [by_tree(xy + shift, cells) for shift in (0.0, 1e-7, -1e-7)]
    for i, own in enumerate(found):
        if kind == "square":
            assert (own >= 0) == bool(near[0][i])
        if own >= 0:
            assert own in near[0][i] | near[1][i] | near[2][i] | _around(xy[i], cells)
        else:
            assert not near[0][i] or kind == "hex"


def _around(xy: np.ndarray, cells: gpd.GeoDataFrame) -> set[int]:
    """Cells within rounding of a point."""
    near = shapely.distance(cells.geometry.to_numpy(), shapely.Point(xy)) < 1e-7
    return set(np.flatnonzero(near).tolist())


def test_squares_are_half_open_and_the_rim_is_inside() -> None:
    cells = make_grid((0, 0, 1, 1), cell_m=20_000, crs=PLANE)
    row = {name: i for i, name in enumerate(cells["cell_id"])}
    xy = np.array([[20_000, 20_000], [20_000, 10_000], [10_000, 20_000], [0, 0]], dtype=float)
    assert bin_points(xy, cells).tolist() == [row[k] for k in ("1_1", "1_0", "0_1", "0_0")]
    two = cells[cells["cell_id"].isin(["0_0", "1_0"])].reset_index(drop=True)
    rim = np.array([[40_000, 5], [40_000, 20_000], [20_000, 20_000], [0, 20_000]], dtype=float)
    beyond = np.array([[40_000.01, 5], [np.nan, 1], [np.inf, 1], [1e300, -1e300]])
    assert bin_points(rim, two).tolist() == [1, 1, 1, 0]
    assert bin_points(beyond, two).tolist() == [-1] * 4


@pytest.mark.parametrize("kind", ["square", "hex"])
def test_cells_that_were_moved_or_clipped_are_not_trusted(kind: str) -> None:
    cells = grid(kind)
    assert isinstance(cells_of(cells), Lattice)
    assert isinstance(cells_of(cells.iloc[::-3]), Lattice)
    moved = cells.set_geometry(cells.geometry.translate(10))
    moved.attrs = cells.attrs
    clipped = gpd.clip(cells, shapely.box(0, 0, 3500, 3500))
    clipped.attrs = cells.attrs
    for changed in (moved, clipped, cells.to_crs(4326), cells.iloc[:0]):
        assert isinstance(cells_of(changed), Outlines)
    assert bin_points(np.array([[3600.0, 100.0]]), clipped).tolist() == [-1]


def test_reversed_cells_keep_their_own_numbers() -> None:
    cells, rng = grid("hex"), np.random.default_rng(0)
    xy = rng.uniform(0, 6000, (500, 2))
    back = cells.iloc[::-1]
    assert (bin_points(xy, back) == len(cells) - 1 - bin_points(xy, cells)).all()


# ---- H3 --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lon", "lat"), [(-77.5, 1.0), (179.99, -17.0), (-180.0, 0.0), (10.0, 89.7), (0.0, -90.0)]
)
def test_h3_cells_cover_an_extent_wherever_it_lies(lon: float, lat: float) -> None:
    rng = np.random.default_rng(1)
    crs = pyproj.CRS(f"+proj=laea +lat_0={lat} +lon_0={lon} +datum=WGS84 +units=m +type=crs")
    disc = gpd.GeoSeries([shapely.Point(0, 0).buffer(60_000)], crs=crs)
    cells = make_grid(disc, kind="h3", resolution=5, crs=crs)
    assert shapely.union_all(cells.geometry.to_numpy()).buffer(1).covers(disc.iloc[0])
    assert cells.geometry.is_valid.all()
    assert cells.geometry.intersects(disc.iloc[0]).all()
    assert isinstance(cells_of(cells), H3Cells)
    xy = rng.uniform(-40_000, 40_000, (3000, 2))
    turn = pyproj.Transformer.from_crs(crs, 4326, always_xy=True)
    ids = [h3.latlng_to_cell(y, x, 5) for x, y in zip(*turn.transform(*xy.T), strict=True)]
    found = bin_points(xy, cells)
    assert cells["cell_id"].iloc[found].tolist() == ids
    # Outlines on the plane have straight edges, those on the sphere are arcs.
    plain = Outlines(cells.geometry.to_numpy(), shapely.STRtree(cells.geometry.to_numpy()))
    assert (plain.find(xy) == found).mean() > 0.999
    part = cells.iloc[::2]
    assert set(bin_points(xy, part)) <= {-1, *range(len(part))}


def test_h3_cells_share_their_corners_and_survive_the_whole_globe() -> None:
    cells = make_grid((-79, -1, -76, 2), kind="h3", resolution=5)
    corners = pd.Series(map(tuple, shapely.get_coordinates(cells.geometry.to_numpy())[:, :2]))
    inner = corners.value_counts()
    assert (inner >= 3).mean() > 0.7
    globe = make_grid((-180, -90, 180, 90), kind="h3", resolution=1)
    assert len(globe) == h3.get_num_cells(1) == 842
    assert globe.geometry.is_valid.all()
    points = np.column_stack(
        pyproj.Transformer.from_crs(4326, globe.crs, always_xy=True).transform(
            [179.999, -179.999, 0], [10.0, 10.0, 89.9]
        )
    )
    assert (bin_points(points, globe) >= 0).all()
    assert (
        cells_at(np.array([0.0, np.nan, 0]), np.array([0.0, 0, 91]), 3).tolist()[1:] == [None] * 2
    )


# ---- the plane -------------------------------------------------------------------


@pytest.mark.parametrize(("lon", "lat"), [(-77.3, 1.2), (0.0, 0.0), (180.0, -17.5), (10.0, 80.0)])
def test_the_projection_is_that_of_proj(lon: float, lat: float) -> None:
    rng = np.random.default_rng(2)
    crs = pyproj.CRS(f"+proj=laea +lat_0={lat} +lon_0={lon} +datum=WGS84 +units=m +type=crs")
    project = Projection.to(crs)
    assert project.centre is not None
    x = (lon + rng.uniform(-80, 80, 2000) + 180) % 360 - 180
    y = np.clip(lat + rng.uniform(-60, 60, 2000), -90, 90)
    expected = np.column_stack(project.transformer.transform(x, y))
    np.testing.assert_allclose(project.forward(x, y), expected, atol=1e-6)
    assert np.isnan(project.forward(np.array([np.nan]), np.array([0.0]))).any()
    assert Projection.to(crs, crs).forward(x, y).tolist() == np.column_stack([x, y]).tolist()


@pytest.mark.parametrize(
    "crs",
    [
        6933,
        3857,
        "+proj=laea +lat_0=90 +lon_0=0 +datum=WGS84 +units=m",
        "+proj=laea +lat_0=5 +lon_0=0 +x_0=500000 +datum=WGS84 +units=m",
        "+proj=laea +lat_0=5 +lon_0=0 +R=6371000 +units=m",
        3035,
    ],
)
def test_other_systems_are_left_to_proj(crs: object) -> None:
    project = Projection.to(pyproj.CRS(crs))
    assert project.centre is None
    assert np.isfinite(project.forward(np.array([10.0]), np.array([50.0]))).all()


def test_the_default_system_has_the_kernel() -> None:
    points = gpd.GeoSeries(gpd.points_from_xy([-77, -70], [1, 5]), crs=4326)
    assert Projection.to(equal_area_crs(points)).centre is not None
