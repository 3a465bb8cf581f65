"""What is said of a siting that cannot be met, put to the test: does what it names work?"""

import re

import geopandas as gpd
import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from geocn.coverage import SitingRules, locate
from geocn.errors import InfeasibleError

SERVES_ALL = ("p_median", "p_center", "set_covering")


def world(seed=0, n=20, m=8):
    numbers = np.random.default_rng(seed)
    data = {
        "people": numbers.integers(1, 90, n) * 1.0,
        "district": np.where(np.arange(n) % 3, "north", "south"),
    }
    demand = gpd.GeoDataFrame(
        data,
        geometry=shapely.points(numbers.uniform(0, 1, (n, 2))),
        crs="EPSG:4326",
        index=[f"v{i}" for i in range(n)],
    )
    candidates = gpd.GeoDataFrame(
        {"usd": numbers.integers(1, 9, m) * 1000.0, "room": 100.0},
        geometry=shapely.points(numbers.uniform(0, 1, (m, 2))),
        crs="EPSG:4326",
        index=[f"s{i}" for i in range(m)],
    )
    return demand, candidates


def complaint(demand, candidates, **asked):
    with pytest.raises(InfeasibleError) as caught:
        locate(demand, candidates, weight="people", gap=0.0, **asked)
    return str(caught.value)


def works(demand, candidates, **asked):
    try:
        locate(demand, candidates, weight="people", gap=0.0, **asked)
    except InfeasibleError:
        return False
    return True


def number(pattern, message):
    found = re.search(pattern, message)
    return float(found.group(1)) if found else None


@pytest.mark.parametrize("objective", SERVES_ALL)
def test_who_nobody_reaches_and_the_threshold_that_reaches_them(objective):
    demand, candidates = world()
    asked = {"objective": objective, "p": 8}
    said = complaint(demand, candidates, threshold=8, **asked)
    assert re.search(r"No permitted candidate reaches 20 demand rows \(v0, v1, v2, …\)", said)
    least = number(r"from a threshold of ([\d.]+) km on", said)
    assert works(demand, candidates, threshold=least, **asked)
    assert not works(demand, candidates, threshold=least * (1 - 2e-5), **asked)


@pytest.mark.parametrize("objective", SERVES_ALL)
def test_one_row_far_from_everybody_is_named(objective):
    demand, candidates = world()
    demand.loc["v7", "geometry"] = shapely.Point(3, 3)
    said = complaint(demand, candidates, objective=objective, p=8, threshold=120)
    assert "reaches 1 demand row (v7) within 120 km" in said


@pytest.mark.parametrize("objective", SERVES_ALL)
@given(seed=st.integers(0, 2**32 - 1), p=st.integers(1, 3), km=st.sampled_from([30, 45, 60]))
@settings(max_examples=8)
def test_the_number_and_the_threshold_named_work_and_no_less_does(objective, seed, p, km):
    demand, candidates = world(seed)
    asked = {"objective": objective, "p": p, "threshold": km}
    if works(demand, candidates, **asked):
        return
    said = complaint(demand, candidates, **asked)
    wider = number(r"a threshold of ([\d.]+) km works", said)
    assert works(demand, candidates, **asked | {"threshold": wider})
    assert not works(demand, candidates, **asked | {"threshold": wider * (1 - 2e-5)})
    needed = number(r"(\d+) sites are needed", said)
    if needed is not None:
        assert works(demand, candidates, **asked | {"p": int(needed)})
        assert not works(demand, candidates, **asked | {"p": int(needed) - 1})


@pytest.mark.parametrize("objective", SERVES_ALL)
@pytest.mark.parametrize("p", [None, 5])
def test_the_budget_named_works_and_no_less_does(objective, p):
    demand, candidates = world()
    asked = {"objective": objective, "p": p, "threshold": 70, "site_cost": "usd"}
    said = complaint(demand, candidates, budget=1000, **asked)
    least = number(r"costs (\d+)\.", said)
    assert works(demand, candidates, budget=least, **asked)
    assert not works(demand, candidates, budget=least - 1, **asked)


def test_costs_without_a_place_and_rows_no_threshold_helps():
    demand, candidates = world(n=3, m=2)
    costs = np.array([[1.0, 5], [4, 9], [np.inf, np.inf]])
    plain = demand.drop(columns="geometry"), candidates.drop(columns="geometry")
    said = complaint(*plain, objective="p_median", p=1, costs=costs, threshold=4)
    assert "reaches 1 demand row (v2) within 4, and 1 of them not at any threshold" in said
    costs[2] = [7, 1]
    said = complaint(*plain, objective="p_median", p=1, costs=costs, threshold=4)
    assert "2 sites are needed within 4." in said
    assert "a threshold of 7 works" in said


def test_sites_that_are_forbidden_do_not_count():
    demand, candidates = world(n=2, m=2)
    costs = np.array([[1.0, 5], [1, 6]])
    plain = demand.drop(columns="geometry"), candidates.drop(columns="geometry")
    asked = {"objective": "p_center", "p": 1, "costs": costs, "forbidden": ["s0"]}
    assert "on. All else the same, a threshold of 6 works" in complaint(
        *plain, threshold=4, **asked
    )


@pytest.mark.parametrize("objective", ["p_median", "p_center"])
def test_capacities_that_fall_short(objective):
    demand, candidates = world()
    rules = SitingRules(capacity="room")
    people = demand["people"].sum()
    said = complaint(demand, candidates, objective=objective, p=8, rules=rules)
    assert f"The demand weighs {people:g}, all permitted candidates hold 800" in said
    demand["people"] /= 4
    said = complaint(demand, candidates, objective=objective, p=2, rules=rules)
    assert f"The demand weighs {people / 4:g}, 2 sites hold 200 at most" in said
    demand.loc["v3", "people"] = 101.0
    said = complaint(demand, candidates, objective=objective, p=8, rules=rules)
    assert "No candidate in reach holds 1 demand row (v3)" in said


def test_separation_that_leaves_too_few():
    demand, candidates = world(n=2, m=2)
    demand["geometry"] = candidates["geometry"].to_numpy()
    asked = {"objective": "p_median", "p": 2, "threshold": 0.001}
    assert works(demand, candidates, **asked)
    said = complaint(demand, candidates, rules=SitingRules(min_separation_km=500), **asked)
    assert "The minimum separation stands in the way" in said


def test_the_group_that_fails_its_floor_and_its_best_share():
    demand, candidates = world()
    asked = {"p": 1, "threshold": 65}
    said = complaint(demand, candidates, rules=SitingRules(equity=("district", 0.9)), **asked)
    for name, group in demand.groupby("district"):
        alone = locate(group, candidates, weight="people", gap=0.0, **asked)
        share = alone.objective / group["people"].sum()
        assert (f"At most {share:.1%} of district {name}" in said) == (share < 0.9)
    least = int(number(r"(\d+) sites are needed", said))
    rules = SitingRules(equity=("district", 0.9))
    assert works(demand, candidates, **asked | {"p": least}, rules=rules)
    assert not works(demand, candidates, **asked | {"p": least - 1}, rules=rules)


def test_a_budget_that_does_not_pay_for_what_exists():
    demand, candidates = world()
    asked = {"objective": "p_median", "site_cost": "usd", "existing": ["s0", "s1"], "budget": 1}
    assert works(demand, candidates, **asked)
    said = complaint(demand, candidates, rules=SitingRules(charge_existing=True), **asked)
    assert "The budget is 1; the cheapest choice costs" in said
