"""Change between surveys: by hand, by a slow way for rasters, and where nothing can be said."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from geocn.cultivation._cells import areas_ha, cell_areas_ha, outline
from geocn.cultivation.change import change
from geocn.errors import CoordinateError, ParameterError, RasterError, SchemaError
from geocn.layers.rasters import label_cultivation
from geocn.spatial.crs import equal_area_crs
from geocn.spatial.geodesy import area_km2
from geocn.spatial.raster_grid import raster_grid
from tests.oracles_corridors import raster

LEGEND = {1: "forest", 3: "coca", 7: "pasture"}


def survey(**area_ha) -> pd.DataFrame:
    return pd.DataFrame({"admin_code": list(area_ha), "area_ha": list(area_ha.values())})


def test_every_status_by_hand() -> None:
    before = survey(a=10.0, b=10.0, c=0.0, d=5.0, e=0.0, f=4.0, g=7.0)
    after = survey(h=3.0, g=np.nan, f=4.0, e=0.0, d=0.0, c=2.0, b=4.0, a=15.0)
    found = change(before, after)
    assert found.index.tolist() == list("abcdefgh")
    expected = ["increase", "decrease", "new", "gone", "none", "stable", "before_only"]
    assert found["status"].tolist() == [*expected, "after_only"]
    assert found.loc["a", "before_ha":"change_percent"].tolist() == [10, 15, 10, 5, 0, 5, 50]
    assert found.loc["b", "before_ha":"change_percent"].tolist() == [10, 4, 4, 0, 6, -6, -60]
    assert np.isnan(found.loc["c", "change_percent"])
    record = found.attrs["geocn"]
    assert record["total"] == {
        "before_ha": 29.0,
        "after_ha": 25.0,
        "stable_ha": 18.0,
        "gained_ha": 7.0,
        "lost_ha": 11.0,
        "net_ha": -4.0,
        "change_percent": pytest.approx((25 / 29 - 1) * 100),
    }
    assert (record["before_only_ha"], record["after_only_ha"]) == (7.0, 3.0)
    assert (record["n_before_only"], record["n_after_only"], record["n_both"]) == (1, 1, 6)
    alone = found.loc[["g", "h"]]
    assert alone[["stable_ha", "gained_ha", "lost_ha", "net_ha"]].isna().all(axis=None)
    assert (alone["why"] == "surveyed in one only").all()


def test_a_changed_method_and_wide_intervals_make_a_change_uncertain() -> None:
    before = survey(a=10.0, b=10.0, c=10.0).assign(area_ci_ha=[1.0, 4, 0.1], how=["x", "x", "x"])
    after = survey(a=13.0, b=13.0, c=13.0).assign(area_ci_ha=[1.0, 4, 0.1], how=["x", "x", "y"])
    found = change(before, after, survey_method="how")
    assert found["uncertain"].tolist() == [False, True, True]
    assert found["why"].tolist() == ["", "within the intervals", "survey method differs"]
    assert found.loc["b", "net_ci_ha"] == pytest.approx(np.hypot(4, 4))
    unknown = change(before.assign(how=None), after, survey_method="how")
    assert unknown["uncertain"].all()
    assert not change(before.drop(columns="area_ci_ha"), after)["uncertain"].any()


def test_rows_without_a_code_are_counted() -> None:
    before = pd.concat([survey(a=1.0), pd.DataFrame({"admin_code": [None], "area_ha": [4.0]})])
    record = change(before, survey(a=1.0)).attrs["geocn"]
    assert record["without_code"]["before"] == {"rows": 1, "ha": 4.0}


def test_several_crops_or_years_do_not_add_up() -> None:
    two = survey(a=1.0, b=2.0).assign(crop=["coca", "cannabis"], year=2020)
    with pytest.raises(ParameterError, match="cannabis, coca; give crop"):
        change(two, two)
    assert change(two, two, crop="coca").index.tolist() == ["a"]
    with pytest.raises(ParameterError, match="2020, 2021; select one year"):
        change(survey(a=1.0, b=2.0).assign(year=[2020, 2021]), two, crop=None)


def test_bad_surveys() -> None:
    twice = pd.concat([survey(a=1.0), survey(a=2.0)])
    with pytest.raises(SchemaError, match="stand twice: a"):
        change(twice, survey(a=1.0))
    with pytest.raises(SchemaError, match="negative"):
        change(survey(a=-1.0), survey(a=1.0))
    with pytest.raises(SchemaError, match="admin_code"):
        change(survey(a=1.0).drop(columns="admin_code"), survey(a=1.0))
    with pytest.raises(ParameterError, match="two tables or two rasters"):
        change(survey(a=1.0), raster([[1.0]]))
    nowhere = gpd.GeoDataFrame(survey(a=1.0), geometry=[shapely.Point(999, 0)], crs=4326)
    with pytest.raises(CoordinateError):
        change(nowhere, survey(a=1.0))


def test_empty_surveys() -> None:
    full, none = change(survey(a=1.0), survey(a=1.0)), change(survey(), survey())
    assert dict(full.dtypes) == dict(none.dtypes)
    assert none.attrs["geocn"]["total"]["change_percent"] is None


# ---- rasters -------------------------------------------------------------------------


@settings(max_examples=20)
@given(seed=st.integers(0, 10_000))
def test_transitions_equal_a_count_of_cells(seed: int) -> None:
    rng = np.random.default_rng(seed)
    codes = np.array([1, 3, 7, np.nan])
    south = rng.uniform(-60, 60)
    one, other = rng.choice(codes, (2, 9, 11), p=[0.4, 0.3, 0.2, 0.1])
    place = {"cell": 0.01, "crs": "EPSG:4326", "west": -77.0, "south": south}
    if np.isnan(one).all() or np.isnan(other).all():
        return
    before, after = (label_cultivation(raster(v, **place), legend=LEGEND) for v in (one, other))
    found = change(before, after)
    edges = south + 0.01 * np.arange(9, -1, -1)
    expected = np.zeros((4, 4))
    for row in range(9):
        ha = area_km2([shapely.box(0, edges[row + 1], 0.01, edges[row])])[0] * 100
        for column in range(11):
            i, j = (
                3 if np.isnan(v) else [1, 3, 7].index(v)
                for v in (one[row, column], other[row, column])
            )
            expected[i, j] += 0 if i == j == 3 else ha
    matrix = found[["to_forest", "to_coca", "to_pasture"]].to_numpy()
    np.testing.assert_allclose(matrix, expected[:3, :3], rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(found["unknown_after_ha"], expected[:3, 3], rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(found["unknown_before_ha"], expected[3, :3], rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(found["before_ha"], matrix.sum(axis=1))
    np.testing.assert_allclose(found["after_ha"], matrix.sum(axis=0))
    np.testing.assert_allclose(found["gained_ha"] - found["lost_ha"], found["net_ha"], atol=1e-9)
    np.testing.assert_allclose(found["stable_ha"] + found["lost_ha"], found["before_ha"])


def test_a_projected_raster_has_the_hectares_of_the_ellipsoid() -> None:
    """UTM stretches areas by 0.08 % at its middle; the hectares do not."""
    codes = label_cultivation(raster(np.full((5, 5), 3.0), cell=1000, south=0), legend=LEGEND)
    found = change(codes, codes).loc["coca", "before_ha"]
    assert found == pytest.approx(2500 / 0.9996**2, rel=1e-5)


def test_rasters_that_cannot_be_compared() -> None:
    codes = label_cultivation(raster(np.full((3, 3), 3.0)), legend=LEGEND)
    other = label_cultivation(raster(np.full((3, 3), 3.0)), legend={3: "coca"})
    with pytest.raises(RasterError, match="one legend"):
        change(codes, other)
    with pytest.raises(RasterError, match="reproject_match"):
        change(codes, label_cultivation(raster(np.full((3, 4), 3.0)), legend=LEGEND))
    with pytest.raises(RasterError, match="one legend"):
        change(raster(np.ones((2, 2))), raster(np.ones((2, 2))))
    changed = codes.copy()
    changed[0, 0] = 255
    with pytest.raises(RasterError, match=r"255 \(1 cells\)"):
        change(codes, changed)
    with pytest.raises(ParameterError, match="tables"):
        change(codes, codes, crop="coca")


def test_sizes_between_measured_cells_are_those_of_measured_ones() -> None:
    grid = raster_grid(raster(np.zeros((700, 400)), cell=300, south=-1e5), "raster")
    cells = np.random.default_rng(0).integers(0, 280_000, 200)
    plane = equal_area_crs(outline(grid, np.ones(grid.shape, dtype=bool)))
    np.testing.assert_allclose(areas_ha(grid, cells), cell_areas_ha(grid, cells, plane), rtol=1e-8)
