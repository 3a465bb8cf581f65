"""Demand as a raster equals the same demand as polygons, to the last digits."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from geocn.coverage import assess, reach
from geocn.errors import CRSError, ParameterError, RasterError
from geocn.spatial.cell_areas import cell_areas_km2
from geocn.spatial.geodesy import area_km2
from geocn.spatial.raster_grid import raster_grid
from tests.coverage.worlds import PLANE, block, cells_of, discs, frame, raster


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 10_000), st.integers(0, 7))
def test_a_raster_equals_its_cells_as_polygons(seed: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    array = raster(rng.integers(0, 50, (12, 16)))
    reaches = discs(rng, n)
    areas = frame(
        [block(-4100, -3000, 4000, 6100), block(-100, -3000, 4200, 6100)], name=["w", "e"]
    )
    one = assess(array, reaches, areas=areas)
    two = assess(cells_of(array), reaches, weight="w", areas=areas)
    assert one.total == two.total
    for name in ("covered", "share_covered", "weight_outside_areas"):
        assert getattr(one, name) == pytest.approx(getattr(two, name), rel=1e-9, abs=1e-9)
    share = two.demand["share_covered"].to_numpy().reshape(12, 16)
    np.testing.assert_allclose(one.demand["share_covered"], share, atol=1e-9)
    partners = two.demand["n_partners"].to_numpy(dtype=float).reshape(12, 16)
    np.testing.assert_array_equal(one.demand["n_partners"], partners)
    for name in ("partner", "kind"):
        by = [found.by[name].set_index(name).sort_index() for found in (one, two)]
        numbers = ["n_interventions", "covered_weight", "exclusive_weight"]
        np.testing.assert_allclose(by[0][numbers], by[1][numbers], rtol=1e-9, atol=1e-7)
        matrix = [found.overlaps[name].sort_index().sort_index(axis=1) for found in (one, two)]
        np.testing.assert_allclose(*matrix, rtol=1e-9, atol=1e-7)
    np.testing.assert_allclose(
        one.complementarity["weight"], two.complementarity["weight"], rtol=1e-9, atol=1e-7
    )
    numbers = ["demand_weight", "covered_weight", "gap_weight"]
    np.testing.assert_allclose(one.by_area[numbers], two.by_area[numbers], rtol=1e-9, atol=1e-7)
    assert one.gaps["gap_weight"].sum() == pytest.approx(two.gaps["gap_weight"].sum())
    if n:
        assert one.gaps["nearest_site_km"].notna().all()


def test_gaps_are_the_heaviest_cells_less_what_is_reached():
    array = raster([[1.0, 8.0], [4.0, 0.0]], cell=1000)
    found = assess(array, frame([block(0, 500)], partner=["A"], kind=["patrol"]))
    # The reach covers the upper half of the cell with 8.
    assert found.gaps["gap_weight"].tolist() == pytest.approx([4, 4, 1])
    assert found.gaps[["row", "column"]].to_numpy().tolist() == [[0, 1], [1, 0], [0, 0]]
    assert found.gaps.geometry.area.tolist() == pytest.approx([0.5e6, 1e6, 1e6])
    assert found.gaps["share_uncovered"].tolist() == pytest.approx([0.5, 1, 1])


def test_density_is_multiplied_by_the_area_of_each_cell():
    density = raster(np.full((4, 5), 3.0), cell=2000)
    reaches = frame([block(-5000, -4000, 5000, 8000)], partner=["A"], kind=["patrol"])
    counts, found = assess(density, reaches), assess(density, reaches, per="km2")
    assert (counts.total, found.total) == (pytest.approx(60), pytest.approx(240))
    assert found.share_covered == pytest.approx(0.5, rel=1e-12)
    assert counts.share_covered == 0.5


@pytest.mark.parametrize("crs", ["EPSG:4326", "EPSG:32618", "EPSG:3857", "EPSG:6933", "EPSG:3031"])
def test_areas_of_cells_are_those_of_the_ellipsoid(crs: str) -> None:
    place = {
        "EPSG:4326": (-77, 1),
        "EPSG:32618": (3e5, 1e5),
        "EPSG:3857": (-8.6e6, 4e6),
        "EPSG:3031": (-2e5, -1e6),
    }
    x, y = place.get(crs, (-7.4e6, 2e5))
    step = 0.05 if crs == "EPSG:4326" else 5000.0
    array = xr.DataArray(
        np.ones((80, 70)),
        {"y": y - step * np.arange(80), "x": x + step * np.arange(70)},
        ("y", "x"),
    )
    areas = cell_areas_km2(raster_grid(array.rio.write_crs(crs), "demand"))
    cells = cells_of(array)
    cells = cells.set_crs(crs, allow_override=True)
    some = cells.iloc[[0, 69, 2834, 5530, 5599]].geometry
    dense = some.segmentize(step / 50).to_crs("EPSG:4326")
    found = np.broadcast_to(areas, (80, 70)).ravel()[some.index]
    np.testing.assert_allclose(found, area_km2(dense.to_numpy()), rtol=2e-6)


def test_nodata_and_reaches_beyond_the_raster():
    values = np.array([[1.0, -9.0], [2.0, 3.0]])
    array = raster(values, cell=1000).rio.write_nodata(-9.0)
    far = frame(
        [block(50_000, 0), block(-5000, -5000, 10_000, 10_000)], partner=["A", "B"], kind=["k"] * 2
    )
    found = assess(array, far)
    assert (found.total, found.covered, found.n_left_out) == (6, pytest.approx(6), 1)
    assert np.isnan(found.demand["share_covered"].to_numpy()[0, 1])
    assert found.by_partner.set_index("partner")["covered_weight"].to_dict() == {
        "A": 0,
        "B": pytest.approx(6),
    }
    assert len(found.gaps) == 0


def test_degrees_across_180_and_turned_axes():
    axis = 179.0 + 0.1 * np.arange(20)
    array = xr.DataArray(np.ones((5, 20)), {"y": 0.1 * np.arange(5), "x": axis}, ("y", "x"))
    array = array.rio.write_crs("EPSG:4326")
    sites = frame(shapely.points([[180, 0.2]]), "EPSG:4326", partner=["A"], kind=["patrol"])
    area = reach(sites, distance_km=10)
    found = assess(array, area)
    assert found.covered == pytest.approx(np.pi * 100 / 122.4, rel=0.02)
    share = found.demand["share_covered"]
    assert float(share.sum()) == pytest.approx(found.covered)
    assert float(share.sel(y=0.2, x=180, method="nearest")) > 0.4
    turned = assess(array[::-1], area)
    np.testing.assert_allclose(turned.demand["share_covered"].to_numpy()[::-1], share)


@pytest.mark.parametrize(
    ("array", "options", "error", "word"),
    [
        (raster([[1.0, -1.0]] * 2), {}, RasterError, "1 negative|2 negative"),
        (raster([[1.0, np.inf]] * 2), {}, RasterError, "infinite"),
        (raster([[np.nan] * 2] * 2), {}, RasterError, "no cell with data"),
        (raster([[1.0, 2.0]] * 2).drop_vars("spatial_ref"), {}, CRSError, "reference"),
        (raster([[1.0, 2.0]] * 2), {"weight": "w"}, ParameterError, "raster"),
        (raster([[1.0, 2.0]] * 2), {"per": "ha"}, ParameterError, "km2"),
    ],
)
def test_refusals(array, options, error, word) -> None:
    reaches = frame([block(0, 0)], partner=["A"], kind=["patrol"])
    with pytest.raises(error, match=word):
        assess(array, reaches, **options)


def test_no_reaches_and_null_ones():
    array = raster([[1.0, 2.0]] * 2)
    reaches = frame([None], PLANE, partner=["A"], kind=["patrol"])
    for none in (reaches, reaches.iloc[:0]):
        found = assess(array, none, capacity=None)
        assert (found.share_covered, found.covered, len(found.gaps)) == (0, 0, 4)
        assert found.complementarity["weight"].tolist() == [0, 0, 0, 6]
