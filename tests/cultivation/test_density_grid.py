"""Hectares by square kilometre: totals kept, cells equal to slow clipping, nothing lost."""

from __future__ import annotations

import warnings

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from geocn._kernels.cover import cover_cells
from geocn.cultivation.density_grid import density_grid
from geocn.errors import (
    CoordinateError,
    CRSError,
    GeometryError,
    LayerError,
    ParameterError,
    RasterError,
    SchemaError,
)
from geocn.hotspots import getis_ord, make_grid
from geocn.layers.rasters import label_cultivation
from geocn.spatial.geodesy import area_km2
from tests.oracles_corridors import raster

PLANE = "+proj=laea +lat_0=1 +lon_0=-77 +datum=WGS84 +units=m +type=crs"


def fields(*shapes, crs=PLANE, **columns):
    return gpd.GeoDataFrame(columns, geometry=list(shapes), crs=crs)


def total(grid: xr.DataArray) -> float:
    cell = abs(grid.rio.transform().a * grid.rio.transform().e) / 1e6
    return float(np.nansum(grid.to_numpy()) * cell)


def star(rng: np.random.Generator, x: float, y: float, radius: float) -> shapely.Polygon:
    """A polygon with corners at random distances, and sometimes a hole."""
    angle = np.sort(rng.uniform(0, 2 * np.pi, 9))
    reach = radius * rng.uniform(0.3, 1, 9)
    shape = shapely.Polygon(np.column_stack([x + reach * np.cos(angle), y + reach * np.sin(angle)]))
    shape = shapely.make_valid(shape)
    return shape.difference(shapely.Point(x, y).buffer(radius / 5)) if rng.random() < 0.5 else shape


# ---- the kernel --------------------------------------------------------------------


@settings(max_examples=40)
@given(seed=st.integers(0, 10_000), radius=st.sampled_from([1e-3, 0.3, 1.0, 4.0, 9.0]))
def test_shares_equal_clipping_by_geos(seed: int, radius: float) -> None:
    rng = np.random.default_rng(seed)
    x, y = rng.uniform(-3, 3, 2)
    shape = star(rng, x, y, radius)
    parts = [p for p in shapely.get_parts(shape) if p.geom_type == "Polygon"]
    for part in map(shapely.orient_polygons, parts):
        rings, index = shapely.get_coordinates(shapely.get_rings(part), return_index=True)
        starts = np.searchsorted(index, np.arange(index.max() + 2))
        _, row, column, share = cover_cells(
            rings[:, 0].copy(), rings[:, 1].copy(), starts, np.array([0, len(starts) - 1])
        )
        cells = shapely.box(column, row, column + 1, row + 1)
        np.testing.assert_allclose(
            share, shapely.area(shapely.intersection(cells, part)), atol=1e-12
        )
        assert share.sum() == pytest.approx(part.area, abs=1e-10)


def test_edges_on_cell_boundaries() -> None:
    square = np.array([[2.0, 1], [4, 1], [4, 3], [2, 3], [2, 1]])
    _, row, column, share = cover_cells(
        square[:, 0].copy(), square[:, 1].copy(), np.array([0, 5]), np.array([0, 1])
    )
    assert list(zip(row.tolist(), column.tolist(), strict=True)) == [(1, 2), (1, 3), (2, 2), (2, 3)]
    assert share.tolist() == [1.0] * 4


# ---- polygons ----------------------------------------------------------------------


@settings(max_examples=25)
@given(
    seed=st.integers(0, 10_000),
    n=st.integers(1, 12),
    cell_km=st.sampled_from([0.3, 1.0, 7.0]),
    place=st.sampled_from([(-77.0, 1.0), (65.0, 34.0), (179.99, -17.0), (20.0, 70.0)]),
    crs=st.sampled_from(["EPSG:4326", "EPSG:3857", "EPSG:6933"]),
)
def test_total_is_kept(seed: int, n: int, cell_km: float, place, crs: str) -> None:
    rng = np.random.default_rng(seed)
    shapes = [
        star(rng, *rng.normal(place, 0.02), rng.choice([1e-7, 0.002, 0.05])) for _ in range(n)
    ]
    # Beyond 180 degrees a field goes on in the west.
    west = shapely.box(-180, -90, 180, 90)
    shapes = [
        shapely.union_all(
            [s.intersection(west), shapely.transform(s, lambda c: c - [360, 0]).intersection(west)]
        )
        for s in shapes
    ]
    area = 10 ** rng.uniform(-3, 3, n)
    frame = fields(*shapes, crs=4326, area_ha=area).to_crs(crs)
    grid = density_grid(frame, cell_km=cell_km)
    assert total(grid) == pytest.approx(area.sum(), rel=1e-9)
    assert float(grid.min()) >= 0
    assert grid.attrs["geocn"]["placed_ha"] == pytest.approx(area.sum())
    assert grid.sizes["x"] < 1000


@pytest.mark.parametrize("cell_km", [0.5, 2.0])
def test_cells_equal_slow_clipping(cell_km: float) -> None:
    rng = np.random.default_rng(5)
    shapes = [star(rng, *rng.uniform(-9e3, 9e3, 2), r) for r in rng.uniform(50, 4e3, 30)]
    area = rng.uniform(0.1, 90, 30)
    grid = density_grid(fields(*shapes, area_ha=area), cell_km=cell_km, crs=PLANE)
    half = cell_km * 500
    for y in grid["y"].to_numpy():
        for x in grid["x"].to_numpy():
            cell = shapely.box(x - half, y - half, x + half, y + half)
            slow = sum(
                a * s.intersection(cell).area / s.area for s, a in zip(shapes, area, strict=True)
            )
            assert float(grid.sel(x=x, y=y)) == pytest.approx(slow / cell_km**2, abs=1e-9)


def test_a_field_smaller_than_a_cell_and_one_without_area() -> None:
    line = shapely.Polygon([(2100, 100), (2200, 100), (2300, 100), (2100, 100)])
    frame = fields(shapely.box(100, 100, 110, 110), line, area_ha=[0.01, 2.0])
    grid = density_grid(frame, crs=PLANE)
    assert grid.to_numpy().ravel().tolist() == pytest.approx([0.01, 0.0, 2.0])
    assert grid.attrs["geocn"]["n_smaller_than_a_cell"] == 2


def test_own_size_where_hectares_are_missing() -> None:
    shape = shapely.box(-77.02, 0.98, -76.98, 1.01)
    grid = density_grid(fields(shape, crs=4326))
    assert total(grid) == pytest.approx(float(area_km2([shape])[0]) * 100)
    assert grid.attrs["geocn"]["area_from"] == "geometry"


def test_years_and_crops_are_axes_and_a_missing_year_is_no_layer() -> None:
    frame = fields(
        *[shapely.box(0, 0, 900, 900)] * 4,
        area_ha=[1.0, 2, 4, 8],
        year=pd.array([2020, 2022, 2022, 2022], dtype="Int64"),
        crop=["coca", "coca", "cannabis", None],
    )
    grid = density_grid(frame, by=("year", "crop"), crs=PLANE)
    assert grid.dims == ("year", "crop", "y", "x")
    assert grid["year"].to_numpy().tolist() == [2020, 2022]
    assert grid.squeeze(("y", "x")).to_numpy().tolist() == [[0, 1], [4, 2]]
    assert grid.attrs["geocn"]["unplaced"] == {"no year or crop": {"rows": 1, "ha": 8.0}}
    assert total(density_grid(frame, year=2022)) == pytest.approx(14)
    assert total(density_grid(frame, year=2022, crop="coca")) == pytest.approx(2)
    with pytest.raises(ParameterError, match="2020, 2022"):
        density_grid(frame)
    with pytest.raises(ParameterError, match="no row has year 2021"):
        density_grid(frame, year=2021)


def test_overlapping_fields_are_reported_and_counted_once_only_if_asked() -> None:
    frame = fields(
        shapely.box(0, 0, 1000, 1000),
        shapely.box(500, 0, 1500, 1000),
        shapely.box(5000, 0, 6000, 1000),
        area_ha=[10.0, 20.0, 5.0],
    )
    added = density_grid(frame, crs=PLANE)
    record = added.attrs["geocn"]
    assert total(added) == pytest.approx(35)
    assert (record["n_overlapping_pairs"], record["overlap_ha"]) == (1, pytest.approx(5.0))
    once = density_grid(frame, overlaps="once", crs=PLANE)
    assert total(once) == pytest.approx(30)
    assert once.to_numpy()[0, :2].tolist() == pytest.approx([15.0, 10.0])
    back = density_grid(frame.iloc[::-1], overlaps="once", crs=PLANE)
    np.testing.assert_array_equal(back.to_numpy(), once.to_numpy())


def test_the_same_field_twice_counts_once_in_its_year_only() -> None:
    shape = shapely.box(0, 0, 900, 900)
    frame = fields(shape, shape, shape, area_ha=[3.0, 3.0, 3.0], year=[2020, 2020, 2021])
    once = density_grid(frame, by="year", overlaps="once", crs=PLANE)
    assert once.to_numpy().ravel().tolist() == pytest.approx([3.0, 3.0])
    assert once.attrs["geocn"]["n_overlapping_pairs"] == 1


def test_neighbours_that_share_an_edge_do_not_overlap() -> None:
    frame = fields(shapely.box(0, 0, 1, 1), shapely.box(1, 0, 2, 1), crs=4326, area_ha=[1.0, 1.0])
    assert density_grid(frame, cell_km=20).attrs["geocn"]["n_overlapping_pairs"] == 0


def test_rows_without_a_place_are_counted_with_their_hectares() -> None:
    frame = fields(shapely.box(0, 0, 900, 900), None, shapely.Polygon(), area_ha=[1.0, 2.5, 4.0])
    record = density_grid(frame).attrs["geocn"]
    assert record["unplaced"] == {"no geometry": {"rows": 2, "ha": 6.5}}
    assert (record["n_rows"], record["n_placed"], record["placed_ha"]) == (3, 1, 1.0)


def test_unknown_hectares_are_not_zero() -> None:
    frame = fields(
        shapely.box(0, 0, 900, 900), shapely.box(1100, 0, 1900, 900), area_ha=[0.0, np.nan]
    )
    grid = density_grid(frame, crs=PLANE)
    assert grid.to_numpy()[0, 0] == 0
    assert np.isnan(grid.to_numpy()[0, 1])
    assert grid.attrs["geocn"]["n_area_unknown"] == 1


# ---- tables by area ------------------------------------------------------------------


def places() -> gpd.GeoDataFrame:
    shapes = [shapely.box(0, 0, 4000, 2000), shapely.box(4000, 0, 8000, 2000)]
    return gpd.GeoDataFrame({"code": ["05001", "05002"]}, geometry=shapes, crs=PLANE)


def table(**columns) -> pd.DataFrame:
    return pd.DataFrame({"admin_code": ["05001", "05002", "99999"], "area_ha": [80.0, 8.0, 7.0]})


def test_a_table_is_spread_over_its_areas() -> None:
    grid = density_grid(table(), places=places(), crs=PLANE)
    np.testing.assert_allclose(grid.to_numpy(), np.repeat([[10.0, 1.0]], 4, axis=1).repeat(2, 0))
    unplaced = grid.attrs["geocn"]["unplaced"]
    assert unplaced == {"no place with this code": {"rows": 1, "ha": 7.0}}
    with pytest.raises(LayerError, match="places="):
        density_grid(table())
    with pytest.raises(SchemaError, match="twice"):
        density_grid(table(), places=pd.concat([places(), places()]))
    with pytest.raises(SchemaError, match="code"):
        density_grid(table(), places=places().drop(columns="code"))


def test_weights_decide_where_inside_an_area() -> None:
    weight = raster([[0, 1, 3, 0], [0, 0, 0, 0]], cell=1000, crs=PLANE, west=0, south=0)
    grid = density_grid(table(), places=places(), weight=weight, crs=PLANE)
    expected = np.zeros((2, 8))
    expected[0, 1:3] = 20, 60
    np.testing.assert_allclose(grid.to_numpy(), expected, atol=1e-9)
    unplaced = grid.attrs["geocn"]["unplaced"]
    assert unplaced["no weight in the area"] == {"rows": 1, "ha": 8.0}
    with pytest.raises(RasterError, match="negative"):
        density_grid(table(), places=places(), weight=weight - 1)


def test_weights_in_degrees_keep_the_total() -> None:
    rng = np.random.default_rng(2)
    weight = raster(rng.random((40, 90)), cell=0.001, crs="EPSG:4326", west=-77.01, south=0.99)
    grid = density_grid(table(), places=places(), weight=weight, cell_km=0.7)
    assert total(grid) == pytest.approx(88, rel=1e-9)


def test_an_even_weight_is_no_weight() -> None:
    weight = raster(np.full((30, 90), 0.3), cell=100, crs=PLANE, west=-500, south=-500)
    first = places().iloc[:1]
    even = density_grid(table(), places=first, weight=weight, crs=PLANE)
    np.testing.assert_allclose(
        even, density_grid(table(), places=first, crs=PLANE), rtol=1e-9, atol=1e-9
    )


# ---- rasters -------------------------------------------------------------------------


def test_a_raster_of_classes_gives_its_hectares() -> None:
    codes = raster(np.tile([[1, 3], [3, 3]], (10, 10)), cell=100, crs=PLANE, west=0, south=0)
    codes[0, 0] = np.nan
    coca = label_cultivation(codes, legend={1: "forest", 3: "coca"})
    grid = density_grid(coca, crs=PLANE)
    assert total(grid) == pytest.approx(300)
    inner = grid.sel(x=slice(0, 2000), y=slice(2000, 0))
    np.testing.assert_allclose(inner.to_numpy(), 75)
    assert np.isnan(grid.to_numpy()[0, 0])
    with pytest.raises(ParameterError, match="coca"):
        density_grid(coca, crop="cannabis")
    with pytest.raises(RasterError, match="without a meaning"):
        density_grid(codes)


@settings(max_examples=15)
@given(seed=st.integers(0, 1000), cell_km=st.sampled_from([0.4, 1.0, 3.0]))
def test_a_raster_of_probabilities_in_degrees_keeps_its_ellipsoidal_total(seed, cell_km) -> None:
    rng = np.random.default_rng(seed)
    west, south = rng.uniform(-178, 178), rng.uniform(-60, 60)
    values = rng.random((12, 15))
    values[rng.random((12, 15)) < 0.2] = np.nan
    share = raster(values, cell=0.005, crs="EPSG:4326", west=west, south=south)
    grid = density_grid(label_cultivation(share, probability="share"), cell_km=cell_km)
    t = share.rio.transform()
    expected = 0.0
    for row in range(12):
        edge = [t.f + t.e * row, t.f + t.e * (row + 1)]
        km2 = float(area_km2([shapely.box(0, min(edge), 0.005, max(edge))])[0])
        expected += np.nansum(values[row]) * km2 * 100
    assert total(grid) == pytest.approx(expected, rel=1e-6)
    assert total(grid) == pytest.approx(grid.attrs["geocn"]["placed_ha"], rel=1e-9)


# ---- frames, options, faults ----------------------------------------------------------


def test_cells_are_those_of_make_grid_and_ready_for_hotspots() -> None:
    rng = np.random.default_rng(1)
    shapes = [star(rng, *rng.uniform(-9e3, 9e3, 2), 400) for _ in range(40)]
    frame = fields(*shapes, area_ha=rng.uniform(1, 9, 40), year=2021)
    cells = density_grid(frame, by="year", cell_km=3, to="frame")
    assert list(cells.columns) == ["cell_id", "year", "ha_per_km2", "area_ha", "geometry"]
    assert cells["area_ha"].sum() == pytest.approx(frame["area_ha"].sum(), rel=1e-9)
    made = make_grid(frame, cell_m=3000, crs=cells.crs).set_index("cell_id")
    same = cells.set_index("cell_id").loc[made.index]
    assert shapely.equals(same.geometry.to_numpy(), made.geometry.to_numpy()).all()
    found = getis_ord(cells, "ha_per_km2", neighbours="queen", permutations=99)
    assert len(found) == len(cells)


def test_grids_of_one_crs_share_their_cells() -> None:
    one = density_grid(fields(shapely.box(0, 0, 900, 900), area_ha=[1.0]), crs="EPSG:6933")
    far = fields(shapely.box(40_500, 0, 41_000, 900), area_ha=[1.0])
    two = density_grid(far, crs="EPSG:6933")
    together = one + two  # aligned by their coordinates
    assert together.size == 0
    assert (float(two["x"][0]) - float(one["x"][0])) % 1000 == 0


def test_empty_survey() -> None:
    none = fields(crs=4326, area_ha=[], year=pd.array([], dtype="Int64"))
    grid = density_grid(none, by="year")
    assert grid.shape == (0, 0, 0)
    cells = density_grid(none, by="year", to="frame")
    assert list(cells.columns) == ["cell_id", "year", "ha_per_km2", "area_ha", "geometry"]
    nowhere = fields(None, crs=4326, area_ha=[4.0])
    assert density_grid(nowhere).attrs["geocn"]["unplaced"]["no geometry"]["ha"] == 4


@pytest.mark.parametrize("bad", [-1.0, np.inf])
def test_impossible_hectares_name_their_rows(bad: float) -> None:
    shapes = [shapely.box(0, 0, 9, 9)] * 2
    frame = fields(*shapes, area_ha=[1.0, bad]).set_axis(["fine", "odd"])
    with pytest.raises(SchemaError, match="odd"):
        density_grid(frame)


def test_faults() -> None:
    box = shapely.box(0, 0, 9, 9)
    with pytest.raises(CRSError):
        density_grid(fields(box, crs=None, area_ha=[1.0]))
    with pytest.raises(CRSError, match="equal-area"):
        density_grid(fields(box, area_ha=[1.0]), crs="EPSG:3857")
    with pytest.raises(CRSError, match="equal-area"):
        density_grid(fields(box, area_ha=[1.0]), crs="EPSG:4326")
    with pytest.raises(GeometryError, match="not areas"):
        density_grid(fields(shapely.Point(0, 0), area_ha=[1.0]))
    with pytest.raises(CoordinateError):
        density_grid(fields(shapely.box(500, 0, 501, 1), crs=4326, area_ha=[1.0]))
    with pytest.raises(ParameterError, match=r"cell_km.*overlaps.*to is"):
        density_grid(fields(box, area_ha=[1.0]), cell_km=0, overlaps="no", to="map")
    with pytest.raises(ParameterError, match="exceeds"):
        density_grid(
            fields(box, shapely.box(9e5, 9e5, 9.1e5, 9.1e5), area_ha=[1.0, 1]), cell_km=0.01
        )
    with pytest.raises(SchemaError, match="numbers"):
        density_grid(fields(box, area_ha=["many"]))
    with pytest.raises(SchemaError, match="found a list"):
        density_grid([1, 2])


def test_nothing_is_warned_of_with_a_bow_tie() -> None:
    tie = shapely.Polygon([(0, 0), (800, 800), (800, 0), (0, 800)])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        grid = density_grid(fields(tie, area_ha=[5.0]))
    assert total(grid) == pytest.approx(5, rel=1e-9)
