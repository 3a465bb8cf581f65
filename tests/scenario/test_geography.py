"""The scenario's geography: real areas and figures, and friction that means something."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from pyproj import Geod

from geocn.scenario import load_admin, load_coca, load_towns
from geocn.scenario.geography import (
    REGION,
    build_grid,
    distance_km,
    friction_raster,
    load_area,
    smooth_field,
)

# UNODC/SIMCI, as published: hectares of coca in Colombia
PUBLISHED = {2002: 102071, 2010: 61812, 2012: 47788, 2020: 142784, 2022: 230028, 2023: 252572}


def test_divisions_are_valid_coded_once_and_named() -> None:
    admin = load_admin()
    assert admin["code"].is_unique
    assert admin["code"].str.isascii().all()
    assert admin.geometry.is_valid.all()
    assert admin["name"].notna().all()
    assert admin.crs == "EPSG:4326"
    assert (admin["iso_a3"] == "COL").sum() == 33


def test_what_is_loaded_can_be_changed_without_harm() -> None:
    load_admin()["name"] = "x"
    assert "Nariño" in set(load_admin()["name"])


@pytest.mark.parametrize("year", list(PUBLISHED))
def test_coca_adds_up_to_the_published_totals(year: int) -> None:
    coca = load_coca()
    total = coca.loc[coca["year"] == year, "area_ha"].sum()
    assert total == pytest.approx(PUBLISHED[year], rel=1e-4)


def test_coca_has_every_department_and_year_once_and_a_division() -> None:
    coca = load_coca()
    assert not coca.duplicated(["code", "year"]).any()
    assert len(coca) == 24 * 23
    names = load_admin().set_index("code")["name"]
    assert (names[coca["code"]].to_numpy() == coca["department"].to_numpy()).all()


def test_towns_lie_in_their_countries() -> None:
    towns, area = load_towns(), load_area().set_index("iso_a3").geometry
    points = shapely.points(towns[["longitude", "latitude"]].to_numpy())
    # positions are rounded to 0.01°, coasts to their map scale
    away = [area[iso].distance(point) for iso, point in zip(towns["iso_a3"], points, strict=True)]
    assert max(away) < 0.06


def test_friction_is_positive_finite_and_cheaper_at_sea() -> None:
    grid = build_grid(np.random.default_rng(0))
    assert np.isfinite(grid.friction).all()
    assert grid.friction.min() > 0
    assert np.unique(grid.friction[grid.sea]).tolist() == [0.5]
    assert grid.friction[~grid.sea & grid.roadless].mean() > grid.friction[~grid.sea].mean()
    raster = friction_raster(grid)
    assert raster.rio.crs.to_epsg() == 4326
    assert raster.rio.bounds() == pytest.approx(REGION)


def test_cells_know_their_country() -> None:
    grid = build_grid(np.random.default_rng(0))
    cell = grid.cell_of(np.array([-74.07, -85.0]), np.array([4.71, 5.0]))
    country = grid.country.ravel()[cell]
    assert grid.countries[country[0]] == "COL"
    assert country[1] == -1


@given(st.floats(-179, 179), st.floats(-89, 89), st.floats(-179, 179), st.floats(-89, 89))
def test_distance_is_near_the_geodesic(lon: float, lat: float, lon2: float, lat2: float) -> None:
    exact = Geod(ellps="WGS84").inv(lon, lat, lon2, lat2)[2] / 1000
    assert float(distance_km(lon, lat, lon2, lat2)) == pytest.approx(exact, rel=0.006, abs=0.01)


def test_smooth_noise_is_standard_and_smooth() -> None:
    field = smooth_field((80, 90), cells=4, rng=np.random.default_rng(3))
    assert field.mean() == pytest.approx(0, abs=1e-12)
    assert field.std() == pytest.approx(1)
    assert np.abs(np.diff(field, axis=0)).mean() < 0.3
