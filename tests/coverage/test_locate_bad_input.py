"""What locate refuses, and how it says so."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pytest
import shapely

from geocn.coverage import Scenarios, SitingRules, locate
from geocn.errors import (
    CoordinateError,
    CRSError,
    GeometryError,
    InfeasibleError,
    ParameterError,
    SchemaError,
)


@pytest.fixture
def villages():
    frame = {"people": [5.0, 3.0, 8.0], "place": ["a", "b", "b"]}
    return gpd.GeoDataFrame(frame, geometry=shapely.points([0.0, 0.1, 5.0], 0), crs=4326)


@pytest.fixture
def places():
    frame = {"price": [4.0, 6.0], "room": [9.0, 9.0], "open": [True, False]}
    return gpd.GeoDataFrame(
        frame, geometry=shapely.points([0.0, 0.1], 0), crs=4326, index=["A", "B"]
    )


ASKED = {"p": 1, "threshold": 50, "weight": "people"}


@pytest.mark.parametrize("value", [np.nan, -1.0, np.inf])
def test_a_weight_that_is_none_names_its_rows(villages, places, value):
    villages.loc[1, "people"] = value
    with pytest.raises(SchemaError, match=r"people") as caught:
        locate(villages, places, **ASKED)
    assert caught.value.rows == [1]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"weight": "souls"}, "no column 'souls'"),
        ({"site_cost": "gold"}, "no column 'gold'"),
        ({"existing": "shut"}, "no column 'shut'"),
        ({"rules": SitingRules(capacity="beds")}, "no column 'beds'"),
        ({"rules": SitingRules(equity=("tribe", 0.5))}, "no column 'tribe'"),
        ({"rules": SitingRules(scenarios=Scenarios(["flood"]))}, "no column 'flood'"),
        ({"existing": ["Z"]}, "no such rows"),
        ({"existing": "price"}, "values other than true and false"),
        ({"existing": ["A"], "forbidden": ["A"]}, "both exist and are forbidden"),
    ],
)
def test_columns_and_labels_must_exist(villages, places, options, message):
    with pytest.raises(SchemaError, match=message):
        locate(villages, places, **(ASKED | options))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"p": 3}, "p is 3, but there are 2 candidates"),
        ({"p": 0}, "p is 0; it is a whole number of sites, 1 or more"),
        ({"p": 1.5}, "p is 1.5"),
        ({"p": None}, "needs p or budget"),
        ({"threshold": None}, "needs threshold"),
        ({"threshold": -1}, "threshold is -1"),
        ({"threshold": np.nan}, "threshold is nan"),
        ({"budget": 5}, "budget needs site_cost"),
        ({"budget": -5, "site_cost": "price"}, "budget is -5"),
        ({"existing": ["A", "B"]}, "p is 1, but 2 sites exist"),
        ({"objective": "best"}, "objective is 'best'; choose one of maximal_covering"),
        ({"time_limit_s": 0}, "time_limit_s is 0"),
        ({"gap": -1}, "gap is -1"),
        ({"rules": SitingRules(second_cover=2)}, "second_cover is 2"),
        ({"rules": SitingRules(min_separation_km=-2)}, "min_separation_km is -2"),
        ({"rules": SitingRules(equity=("place", 1.5))}, "share of equity is 1.5"),
        ({"rules": SitingRules(scenarios=Scenarios([]))}, "scenarios need columns"),
        ({"rules": SitingRules(scenarios=Scenarios(["people"], [0.0]))}, "sum to 0"),
        ({"rules": SitingRules(scenarios=Scenarios(["people"], risk="none"))}, "risk is 'none'"),
        ({"rules": SitingRules(scenarios=Scenarios(["people"], level=1.0))}, "level is 1.0"),
        ({"costs": np.zeros((2, 2))}, r"costs is \(2, 2\); demand × candidates is \(3, 2\)"),
    ],
)
def test_options_out_of_range_are_refused(villages, places, options, message):
    with pytest.raises(ParameterError, match=message):
        locate(villages, places, **(ASKED | options))


def test_all_faults_are_told_at_once(villages, places):
    with pytest.raises(ParameterError, match=r"p is 9.*needs threshold"):
        locate(villages, places, p=9)


def test_negative_costs_name_their_rows(villages, places):
    with pytest.raises(SchemaError, match="negative costs") as caught:
        locate(villages, places, **ASKED, costs=np.array([[1, 2], [1, 2], [-1, 3]]))
    assert caught.value.rows == [2]


def test_candidates_without_a_place_are_named(villages, places):
    places.loc["B", "geometry"] = None
    with pytest.raises(GeometryError, match="without a place") as caught:
        locate(villages, places, **ASKED)
    assert caught.value.rows == ["B"]


def test_candidates_off_the_earth_are_named(villages, places):
    places.loc["B", "geometry"] = shapely.Point(0, 95)
    with pytest.raises(CoordinateError) as caught:
        locate(villages, places, **ASKED)
    assert caught.value.rows == ["B"]


def test_a_frame_without_crs_is_refused(villages, places):
    with pytest.raises(CRSError, match="candidates"):
        locate(villages, places.set_crs(None, allow_override=True), **ASKED)


def test_a_frame_without_geometry_needs_costs(villages, places):
    with pytest.raises(ParameterError, match="give costs"):
        locate(villages.drop(columns="geometry"), places, **ASKED)


def test_repeated_labels_are_named(villages, places):
    with pytest.raises(SchemaError, match="stand for several rows") as caught:
        locate(villages, places.set_axis(["A", "A"]), **ASKED)
    assert caught.value.rows == ["A", "A"]


def test_no_candidates_at_all(villages, places):
    with pytest.raises(SchemaError, match="candidates: found no rows"):
        locate(villages, places.iloc[:0], **ASKED)


def test_a_budget_below_the_cheapest_site(villages, places):
    with pytest.raises(InfeasibleError, match="cheapest site, 4"):
        locate(villages, places, threshold=50, budget=3, site_cost="price", weight="people")


def test_a_budget_that_does_not_pay_for_what_exists(villages, places):
    asked = {"threshold": 50, "budget": 3, "site_cost": "price", "existing": ["A"]}
    assert locate(villages, places, **asked).selected == ["A"]
    with pytest.raises(InfeasibleError, match="does not pay for what exists"):
        locate(villages, places, **asked, rules=SitingRules(charge_existing=True))


def test_what_nobody_can_reach_is_named(villages, places):
    with pytest.raises(InfeasibleError, match="1 demand row"):
        locate(villages, places, objective="set_covering", threshold=50)


def test_a_floor_that_cannot_be_met(villages, places):
    with pytest.raises(InfeasibleError):
        locate(villages, places, **ASKED, rules=SitingRules(equity=("place", 0.9)))


def test_sites_of_no_capacity_serve_nobody(villages, places):
    places["room"] = 0.0
    found = locate(villages, places, **ASKED, rules=SitingRules(capacity="room"))
    assert found.objective == 0
    assert found.selected == []
    assert found.uncovered == [0, 1, 2]


@pytest.mark.parametrize("objective", ["maximal_covering", "set_covering", "backup_cover"])
def test_no_demand_is_no_error(villages, places, objective):
    found = locate(villages.iloc[:0], places, **ASKED, objective=objective)
    assert (found.selected, found.objective, found.bound, found.status) == ([], 0, 0, "optimal")
    assert {"site", "covered", "n_sites"} <= set(found.demand.columns)


def test_a_threshold_that_nobody_is_within_leaves_all_uncovered(villages, places):
    far = places.set_geometry(shapely.points([100.0, 101.0], 0)).set_crs(4326)
    found = locate(villages, far, **ASKED)
    assert found.objective == 0
    assert found.unreachable == [0, 1, 2]


def test_an_empty_point_has_no_place(villages, places):
    villages.loc[0, "geometry"] = shapely.Point()
    found = locate(villages, places, **ASKED)
    assert found.unreachable == [0, 2]
    assert found.objective == 3


@pytest.mark.parametrize("objective", ["maximal_covering", "p_median", "weighted_p_center"])
def test_weights_beyond_what_a_solver_can_add_up_are_refused(villages, places, objective):
    villages.loc[1, "people"] = 1e308
    with pytest.raises(SchemaError, match=r"adds up to 1e\+308") as caught:
        locate(villages, places, objective=objective, **ASKED)
    assert caught.value.rows == [1]
