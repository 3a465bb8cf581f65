"""Panels that cannot be believed, neighbours, and real municipalities."""

from __future__ import annotations

import warnings

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

import geocn
from geocn.errors import DateError, LayerError, ParameterError, SchemaError
from geocn.evaluation import DidOptions, difference_in_differences
from geocn.layers.places import PlaceIndex
from tests.evaluation.did_worlds import NEVER, numbered, panel

FEW = DidOptions(draws=99)


def one(frame: pd.DataFrame, **options: object):
    return difference_in_differences(
        frame, **({"outcome": "y", "treated_from": "begun", "options": FEW} | options)
    )


def with_value(name: str, row: int, value: object) -> pd.DataFrame:
    frame = numbered()
    column = frame[name].astype(object)
    column.iloc[row] = value
    return frame.assign(**{name: column.infer_objects()})


@pytest.mark.parametrize(
    "frame, options, error, told",
    [
        (numbered().drop(columns="y"), {}, SchemaError, "no column 'y'"),
        (numbered().assign(y="many"), {}, SchemaError, "column 'y'"),
        (with_value("y", 3, np.inf), {}, LayerError, "infinite y"),
        (with_value("y", 3, np.nan), {}, LayerError, "1 missing area-period"),
        (numbered().drop(index=[5, 70]), {}, LayerError, "2 missing area-periods"),
        (pd.concat([numbered(), numbered().iloc[:1]]), {}, LayerError, "several rows of one"),
        (with_value("admin_code", 3, None), {}, LayerError, "null admin_code"),
        (with_value("year", 3, 2.5), {}, DateError, "year that is no whole number"),
        (numbered().assign(year=pd.Timestamp("2020-01-01")), {}, DateError, "dates"),
        (with_value("begun", 3, 4.0), {}, LayerError, "begun that changes within an area"),
        (numbered().assign(begun=numbered()["begun"].fillna(0)), {}, LayerError, "no period"),
        (numbered().assign(begun=np.nan), {}, LayerError, "no area that began"),
        (numbered().assign(begun=1), {}, LayerError, "48|24 always treated"),
        (numbered().assign(begun=3), {}, LayerError, "never treated"),
        (numbered().assign(begun=3), {"controls": "not_yet"}, LayerError, "no untreated area"),
        (numbered().assign(y=0.0), {"options": DidOptions(transform="log")}, LayerError, "asinh"),
        (numbered().assign(people=-1), {"weights": "people"}, LayerError, "0 or negative"),
        (numbered(), {"spillover": "queen"}, ParameterError, "GeoDataFrame"),
        (numbered(), {"treated_from": None}, ParameterError, "who was treated"),
        (
            numbered(),
            {"controls": "some", "confidence": 95, "since": 2, "options": DidOptions(draws=1)},
            ParameterError,
            "since= goes with treated=; confidence.*; draws.*; controls 'some'",
        ),
    ],
)
def test_what_cannot_be_believed_is_refused(frame, options, error, told) -> None:
    with pytest.raises(error, match=told):
        one(frame, **options)


def test_incomplete_areas_are_left_out_when_asked_and_counted() -> None:
    found = one(numbered().drop(index=[5, 70]), options=DidOptions(draws=99, incomplete="drop"))
    assert found.left_out["incomplete"] == 2
    assert found.n_areas == 22
    assert "2 incomplete" in found.report()


def test_always_treated_leave_and_late_ones_are_controls() -> None:
    frame = numbered()
    first = frame["admin_code"].isin(["a000", "a001"])
    late = frame["admin_code"].isin(["a008"])
    frame["begun"] = frame["begun"].mask(first, 1).mask(late, 9)
    found = one(frame)
    assert found.left_out["always_treated"] == 2
    assert found.left_out["treated_after_the_end"] == 1
    assert found.n_treated == 13
    assert found.n_controls == 9
    expected = one(frame[~first].assign(begun=frame["begun"].mask(late, NEVER)))
    pd.testing.assert_frame_equal(found.att, expected.att)


def test_three_ways_to_say_who_was_treated() -> None:
    frame = numbered()
    frame = frame[frame["begun"] != 5].assign(chosen=frame["begun"].notna())
    frame["now"] = frame["year"] >= frame["begun"].fillna(99)
    first = one(frame).att
    other = one(frame, treated_from=None, treated="chosen", since=3).att
    third = one(frame, treated_from=None, treated="now").att
    pd.testing.assert_frame_equal(first, other)
    pd.testing.assert_frame_equal(first, third)
    frame.loc[frame["year"] == 6, "now"] = False
    with pytest.raises(LayerError, match="now that ends again"):
        one(frame, treated_from=None, treated="now")


def test_missing_years_take_the_last_period_before() -> None:
    frame = numbered()
    found = one(frame[frame["year"] != 4])
    cells = found.group_time.set_index(["group", "period"])
    assert cells.loc[(5, 5), "base_period"] == 3
    assert cells.loc[(5, 5), "event_time"] == 0
    assert "gaps" in found.report()
    assert np.isnan(found.breakdown)
    assert len(found.sensitivity) == 0


def test_logarithms_and_asinh() -> None:
    frame = numbered().assign(y=np.exp(numbered()["y"] / 10))
    logs = one(frame, options=DidOptions(draws=99, transform="log"))
    straight = one(numbered())
    np.testing.assert_allclose(logs.att["estimate"], straight.att["estimate"] / 10)
    told = one(frame, options=DidOptions(draws=99, transform="asinh")).report()
    assert "asinh of y" in told
    assert "depends on the outcome's unit" in told


def spilled(side: int = 6) -> gpd.GeoDataFrame:
    """A chequer of areas: treated lose 10, those beside them gain 4; no noise."""
    n = side * side
    start = np.full(n, NEVER)
    start[[0, 1, side]] = 4
    row, column = np.divmod(np.arange(n), side)
    beside = np.array([
        np.isnan(start[i]) and any(
            max(abs(row[i] - row[j]), abs(column[i] - column[j])) == 1
            for j in np.flatnonzero(~np.isnan(start))
        )
        for i in range(n)
    ])  # fmt: skip
    year = np.arange(1, 8)
    after = year >= 4
    effect = np.where(np.isnan(start), 4.0 * beside, -10.0)[:, None] * after
    frame = panel(np.arange(n)[:, None] % 5 + 2.0 * year + effect, start)
    shapes = [shapely.box(c * 9e3, r * 9e3, c * 9e3 + 9e3, r * 9e3 + 9e3)
              for r, c in zip(row, column, strict=True)]  # fmt: skip
    return gpd.GeoDataFrame(frame, geometry=np.repeat(shapes, len(year)), crs="EPSG:6933")


@pytest.mark.parametrize("spillover", ["queen", 13_000.0])
@pytest.mark.parametrize("controls", ["never", "not_yet"])
def test_neighbours_leave_the_controls_and_have_an_effect(spillover, controls) -> None:
    frame = spilled()
    found = one(frame, spillover=spillover, controls=controls)
    att = found.att[found.att["is_headline"]].set_index("exposure")["estimate"]
    assert att["treated"] == pytest.approx(-10, abs=1e-9)
    assert att["neighbour"] == pytest.approx(4, abs=1e-9)
    assert (found.n_treated, found.n_neighbours) == (3, 5)
    assert "5 neighbours of treated areas left the controls; 28 remain." in found.report()
    blind = one(frame, controls=controls).att["estimate"][0]
    assert blind == pytest.approx(-10 - 4 * 5 / 33, abs=1e-9)
    assert {"treated", "neighbour"} == set(found.event_study["exposure"])


def test_spillover_everywhere_leaves_nobody() -> None:
    with pytest.raises(LayerError, match="never treated nor next to a treated one"):
        one(spilled(), spillover=1e6)


def test_an_empty_panel_has_the_same_columns() -> None:
    full, none = one(numbered()), one(numbered().iloc[:0])
    for name in ("att", "event_study", "groups", "group_time", "sensitivity"):
        assert getattr(none, name).dtypes.equals(getattr(full, name).dtypes), name
        assert len(getattr(none, name)) == 0
    assert none.summary()["n_areas"] == 0
    assert "no rows" in none.report()


@pytest.mark.reference
def test_coca_in_real_municipalities(reference) -> None:
    """A made-up start in Tumaco and its neighbours of 2018: everything is reported."""
    places = gpd.read_file(reference / "colombia" / "municipalities.gpkg")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        coca = geocn.read_cultivation(
            reference / "colombia" / "coca_simci_2001_2023.csv",
            places=PlaceIndex.from_frame(places),
            crop="coca",
        )
    coca = coca[(coca["year"] >= 2012).to_numpy(dtype=bool)]
    table = coca.pivot_table(
        index="admin_code", columns="year", values="area_ha", aggfunc="sum", fill_value=0.0
    ).astype(float)
    long = table.reset_index().melt("admin_code", value_name="ha", var_name="year")
    chosen = table.index[table[2016] > 500]
    long["begun"] = np.where(long["admin_code"].isin(chosen), 2018.0, np.nan)
    found = difference_in_differences(long, outcome="ha", treated_from="begun", options=FEW)
    change = table.loc[:, 2018:].mean(axis=1) - table.loc[:, 2012:2017].mean(axis=1)
    mine = table.index.isin(chosen)
    assert found.att["estimate"][0] == pytest.approx(change[mine].mean() - change[~mine].mean())
    assert found.n_treated == mine.sum() > 20
    assert found.pretrend.method in ("F", "largest t")
    assert "In " in found.report()
