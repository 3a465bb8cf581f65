"""Permanence against a way that tries every answer of the missing years."""

from __future__ import annotations

import itertools

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

from geocn.cultivation.density_grid import density_grid
from geocn.cultivation.permanence import CLASSES, permanence
from geocn.errors import ParameterError, RasterError, SchemaError


def name_of(present: tuple[bool, ...], recent: int) -> str:
    early, late = present[:-recent], present[-recent:]
    if all(present):
        return "permanent"
    if not any(present):
        return "never"
    if not any(early):
        return "new"
    return "abandoned" if not any(late) else "intermittent"


def slow(years: list[float], recent: int, above: float) -> set[str]:
    """Every class that some answer of the missing years leads to."""
    answers = [(False, True) if np.isnan(v) else (v > above,) for v in years]
    return {name_of(a, recent) for a in itertools.product(*answers)}


def survey(values: np.ndarray, first: int = 2014) -> pd.DataFrame:
    n_years, n_areas = values.shape
    return pd.DataFrame(
        {
            "admin_code": np.tile([f"a{i:02d}" for i in range(n_areas)], n_years),
            "year": pd.array(np.repeat(first + np.arange(n_years), n_areas), dtype="Int64"),
            "area_ha": values.ravel(),
        }
    )


@given(seed=st.integers(0, 10_000), n=st.integers(2, 6), above=st.sampled_from([0.0, 1.0]))
def test_a_gap_is_never_absence(seed: int, n: int, above: float) -> None:
    rng = np.random.default_rng(seed)
    recent = int(rng.integers(1, n))
    values = rng.choice([0.0, 0.5, 5.0, np.nan], (n, 8))
    frame = survey(values)
    # A missing row and a null are the same: the year was not surveyed.
    frame = frame[frame["area_ha"].notna() | (rng.random(len(frame)) < 0.5)]
    found = permanence(frame, window=(2014, 2013 + n), recent_years=recent, above=above)
    for code, row in found.iterrows():
        open_to = slow(values[:, int(code[1:])].tolist(), recent, above)
        assert set(row["possible"].split(";")) == open_to
        assert row["permanence"] == (open_to.pop() if len(open_to) == 1 else "uncertain")


def test_ignored_gaps_leave_the_year_out_of_the_window() -> None:
    nan = np.nan
    values = np.array([[5, 5, 0, nan], [nan, 5, 0, nan], [5, nan, 0, 3], [5, 5, nan, 4.0]])
    found = permanence(survey(values), window=(2014, 2017), recent_years=2, gaps="ignore")
    assert found["permanence"].tolist() == ["permanent", "permanent", "never", "uncertain"]
    strict = permanence(survey(values), window=(2014, 2017), recent_years=2)
    assert set(strict["permanence"]) == {"uncertain"}


def test_what_a_row_tells() -> None:
    values = np.array([[0, 2.0], [3, 4], [np.nan, 0], [5, 0], [7, 0]])
    frame = gpd.GeoDataFrame(
        survey(values), geometry=[shapely.box(i, 0, i + 1, 1) for i in range(2)] * 5, crs=4326
    )
    found = permanence(frame, window=(2014, 2018), recent_years=3)
    row = found.loc["a00"]
    assert (row["n_present"], row["n_surveyed"], row["n_missing"]) == (3, 4, 1)
    assert (row["first_year"], row["last_year"], row["last_ha"]) == (2015, 2018, 7.0)
    assert row["mean_ha"] == pytest.approx(15 / 4)
    assert found["permanence"].tolist() == ["intermittent", "abandoned"]
    assert isinstance(found, gpd.GeoDataFrame)
    assert found.geometry.iloc[1].equals(shapely.box(1, 0, 2, 1))
    by_class = found.attrs["geocn"]["by_class"]
    assert by_class["intermittent"] == {"areas": 1, "last_ha": 7.0}
    assert list(by_class) == list(CLASSES)


def test_years_outside_the_window_and_silent_years() -> None:
    values = np.array([[9.0], [0], [0], [1]])
    found = permanence(survey(values), window=(2015, 2018), recent_years=2)
    assert found["n_surveyed"].tolist() == [3]
    assert found.attrs["geocn"]["years_without_survey"] == [2018]
    assert found["possible"].tolist() == ["new"]


def test_bad_surveys_and_options() -> None:
    frame = survey(np.ones((3, 2)))
    with pytest.raises(SchemaError, match="twice in a year"):
        permanence(pd.concat([frame, frame.iloc[:1]]), window=(2014, 2016), recent_years=1)
    with pytest.raises(SchemaError, match="negative"):
        permanence(frame.assign(area_ha=-1.0), window=(2014, 2016), recent_years=1)
    with pytest.raises(SchemaError, match="year"):
        permanence(frame.drop(columns="year"), window=(2014, 2018))
    mixed = frame.assign(crop=["coca", "cannabis"] * 3)
    with pytest.raises(ParameterError, match="give crop"):
        permanence(mixed, window=(2014, 2016), recent_years=1)
    for option in ({"recent_years": 3}, {"recent_years": 0}, {"above": -1}, {"gaps": "zero"}):
        with pytest.raises(ParameterError):
            permanence(frame, window=(2014, 2016), **({"recent_years": 1} | option))
    empty = permanence(frame.iloc[:0], window=(2014, 2016), recent_years=1)
    full = permanence(frame, window=(2014, 2016), recent_years=1)
    assert dict(empty.dtypes) == dict(full.dtypes)


# ---- cells ---------------------------------------------------------------------------


def test_cells_of_a_density_grid() -> None:
    boxes = [shapely.box(1000 * i, 0, 1000 * i + 1000, 1000) for i in range(4)]
    rows = [(0, 2014, 5), (0, 2015, 5), (0, 2016, 5), (1, 2014, 3), (2, 2016, 2), (3, 2015, 0)]
    frame = gpd.GeoDataFrame(
        {"year": [r[1] for r in rows], "area_ha": [float(r[2]) for r in rows]},
        geometry=[boxes[r[0]] for r in rows],
        crs="EPSG:6933",
    )
    grid = density_grid(frame, by="year", crs="EPSG:6933")
    found = permanence(grid, window=(2014, 2016), recent_years=1)
    names = [found.attrs["classes"][str(int(v))] for v in found.to_numpy().ravel()]
    assert names == ["permanent", "abandoned", "new", "never"]
    by_class = found.attrs["geocn"]["by_class"]
    assert by_class["permanent"] == {"cells": 1, "cells_km2": pytest.approx(1), "last_ha": 5.0}
    assert by_class["new"]["last_ha"] == pytest.approx(2.0)
    # 2017 was not surveyed: what is gone by then nobody knows.
    longer = permanence(grid, window=(2014, 2017), recent_years=1)
    assert longer.attrs["geocn"]["years_without_survey"] == [2017]
    assert set(longer.to_numpy().ravel()) == {CLASSES.index("uncertain")}


def test_cells_agree_with_areas() -> None:
    rng = np.random.default_rng(3)
    values = rng.choice([0.0, 4.0, np.nan], (6, 30))
    axis = np.arange(6) * 1000.0
    cube = xr.DataArray(
        values.reshape(6, 5, 6),
        {"year": 2014 + np.arange(6), "y": axis[:5], "x": axis},
        ("year", "y", "x"),
    ).rio.write_crs("EPSG:6933")
    cells = permanence(cube, window=(2014, 2019), recent_years=2).to_numpy().ravel()
    areas = permanence(survey(values), window=(2014, 2019), recent_years=2)["permanence"]
    assert [CLASSES[int(c)] for c in cells] == areas.tolist()


def test_bad_stacks() -> None:
    cube = xr.DataArray(np.ones((2, 2)), dims=("y", "x"))
    with pytest.raises(RasterError, match="year, y and x"):
        permanence(cube, window=(2014, 2016), recent_years=1)
    years = {"year": [2014, 2014], "y": [1.0, 0], "x": [0.0, 1]}
    twice = xr.DataArray(np.ones((2, 2, 2)), years, ("year", "y", "x")).rio.write_crs(6933)
    with pytest.raises(RasterError, match="each year once"):
        permanence(twice, window=(2014, 2016), recent_years=1)
    minus = twice.assign_coords(year=[2014, 2015]) * -1
    with pytest.raises(RasterError, match="negative"):
        permanence(minus.rio.write_crs(6933), window=(2014, 2016), recent_years=1)
