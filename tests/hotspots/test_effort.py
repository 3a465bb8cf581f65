"""Enforcement effort: days times strength, spread over the reach."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pytest
import shapely

from geocn import coverage
from geocn.errors import LayerError, ParameterError, SchemaError
from geocn.hotspots import border_segments, enforcement_effort
from tests.properties.cases.world import borders, grid


def _sites(**columns) -> gpd.GeoDataFrame:
    data = {
        "kind": ["patrol", "checkpoint", "treatment"],
        "starts_on": ["2024-01-01", None, "2024-01-01"],
        "ends_on": ["2024-01-10", None, "2024-12-31"],
        "capacity": [10.0, 4.0, 100.0],
        "reach_km": [15.0, 8.0, 20.0],
    } | columns
    points = [shapely.Point(-77.6, 0.4), shapely.Point(-77.3, 0.7), shapely.Point(-77.5, 0.5)]
    return coverage.reach(gpd.GeoDataFrame(data, geometry=points, crs="EPSG:4326"))


SPAN = {"since": "2024-01-06", "until": "2024-02-04"}


def test_all_effort_inside_the_study_area_is_shared_out() -> None:
    found = enforcement_effort(grid(), _sites(), background_share=0, **SPAN)
    # 5 days of 10 and 30 days of 4; treatment looks for nobody
    assert found["effort"].sum() == pytest.approx(5 * 10 + 30 * 4, rel=1e-3)
    assert found.attrs["geocn"]["left_out"] == {"other_kinds": 1, "no_reach": 0}


def test_background_is_a_share_of_the_whole() -> None:
    bare = enforcement_effort(grid(), _sites(), background_share=0, **SPAN)["effort"]
    found = enforcement_effort(grid(), _sites(), background_share=0.25, **SPAN)["effort"]
    assert found.sum() == pytest.approx(bare.sum() / 0.75)
    assert (found > 0).all()
    nobody = bare == 0
    assert found[nobody].std() / found[nobody].mean() < 0.01  # cells are nearly of one size


def test_on_a_border_effort_grows_with_the_length_in_reach() -> None:
    segments = border_segments(borders(), length_km=25)
    wide = _sites(reach_km=[60.0, 60.0, 60.0])
    found = enforcement_effort(segments, wide, background_share=0, **SPAN)
    density = 50 / wide["reach_area_km2"].iloc[0] + 120 / wide["reach_area_km2"].iloc[1]
    covered = shapely.covers(wide.geometry.iloc[:2].to_numpy()[:, None], segments.geometry)
    inside = covered.all(axis=0)
    assert inside.any()
    expected = density * segments["length_km"].to_numpy()[inside]
    np.testing.assert_allclose(found["effort"].to_numpy()[inside], expected, rtol=1e-3)
    assert (found["n_sites"].to_numpy()[inside] == 2).all()


def test_a_null_strength_is_the_median_and_counted() -> None:
    found = enforcement_effort(
        grid(), _sites(capacity=[10.0, None, 1.0]), background_share=0, **SPAN
    )
    assert found["effort"].sum() == pytest.approx(5 * 10 + 30 * 10, rel=1e-3)
    assert found.attrs["geocn"]["n_strengths_assumed"] == 1


def test_sites_outside_the_time_give_nothing() -> None:
    ended = _sites(ends_on=["2024-01-05", "2024-01-05", None])
    found = enforcement_effort(grid(), ended, background_share=0, **SPAN)
    assert (found["effort"] == 0).all()
    assert (found["n_sites"] == 0).all()


def test_a_site_without_reach_is_counted() -> None:
    found = enforcement_effort(grid(), _sites(reach_km=[15.0, None, 20.0]), **SPAN)
    assert found.attrs["geocn"]["left_out"]["no_reach"] == 1


def test_bad_input_is_refused() -> None:
    with pytest.raises(ParameterError, match="background_share"):
        enforcement_effort(grid(), _sites(), background_share=1, **SPAN)
    with pytest.raises(ParameterError, match="order"):
        enforcement_effort(grid(), _sites(), since="2024-02-01", until="2024-01-01")
    with pytest.raises(ParameterError, match="since"):
        enforcement_effort(grid(), _sites(), since="sometime", until="2024-01-01")
    with pytest.raises(SchemaError, match="starts_on"):
        enforcement_effort(grid(), _sites().drop(columns="starts_on"), **SPAN)
    with pytest.raises(LayerError, match="0 or more"):
        enforcement_effort(grid(), _sites(capacity=[-1.0, 4.0, 1.0]), **SPAN)


def test_an_edge_shared_with_the_reach_sees_no_effort() -> None:
    left, right = (shapely.box(x, 0, x + 1, 1) for x in (0, 1))
    areas = gpd.GeoDataFrame(geometry=[left, right], crs="EPSG:4326")
    dates = {"kind": ["patrol"], "starts_on": [None], "ends_on": [None], "capacity": [1]}
    sites = gpd.GeoDataFrame(dates, geometry=[left], crs="EPSG:4326")
    found = enforcement_effort(areas, sites, background_share=0, **SPAN)
    assert found["effort"].tolist() == pytest.approx([30, 0])
