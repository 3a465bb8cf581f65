"""Siting through the front door: reference numbers, labels, geometry, clock and Ctrl-C."""

from __future__ import annotations

import os
import signal
import threading

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from scipy.sparse import csr_array

from geocn.coverage import Scenarios, SitingRules, locate
from geocn.coverage.locate_distance import all_distances_km, distances_km, within_km
from tests.properties.check import digest


@pytest.fixture
def san_francisco(reference):
    """205 tracts, 16 stores, network distances in metres (spopt's test set)."""
    folder = reference / "coverage" / "spopt"
    name = "SF_network_distance_candidateStore_16_censusTract_205_new.csv"
    table = pd.read_csv(folder / name)
    costs = table.pivot_table(values="distance", index="DestinationName", columns="name")
    tracts = table.drop_duplicates("DestinationName").set_index("DestinationName")
    return tracts.loc[costs.index, ["demand"]], pd.DataFrame(index=costs.columns), costs


@pytest.mark.reference
def test_san_francisco_set_covering(san_francisco):
    tracts, stores, costs = san_francisco
    found = locate(tracts, stores, objective="set_covering", threshold=5000, costs=costs)
    assert (found.objective, found.status, found.uncovered) == (8.0, "optimal", [])


@pytest.mark.reference
def test_san_francisco_maximal_covering(san_francisco):
    tracts, stores, costs = san_francisco
    found = locate(tracts, stores, p=4, threshold=5000, costs=costs, weight="demand", gap=0)
    assert found.objective == found.bound == 875247
    assert sorted(stores.index.get_indexer(found.selected)) == [1, 2, 5, 10]
    assert len(found.uncovered) == 21
    assert 100 * found.demand["covered"].mean() == pytest.approx(89.7561, abs=5e-5)
    assert found.marginal_gain["cumulative"].iloc[-1] == 875247
    assert found.sites["served_weight"].sum() == 875247


@pytest.mark.reference
@pytest.mark.parametrize("form", ["table", "array", "sparse", "shuffled"])
def test_costs_may_come_in_any_form(san_francisco, form):
    tracts, stores, costs = san_francisco
    given = {
        "table": costs,
        "array": costs.to_numpy(),
        "sparse": csr_array(costs.to_numpy()),
        "shuffled": costs.iloc[::-1, ::-1],
    }[form]
    found = locate(tracts, stores, p=4, threshold=5000, costs=given, weight="demand", gap=0)
    assert found.objective == 875247


def world(n, m, seed=0, side=1.0):
    """``n`` villages and ``m`` places at random in a square of ``side`` degrees."""
    rng = np.random.default_rng(seed)
    people = {"people": rng.integers(1, 1000, n).astype(float)}
    villages = gpd.GeoDataFrame(
        people, geometry=shapely.points(side * rng.random((n, 2))), crs=4326
    )
    places = gpd.GeoDataFrame(
        {"price": rng.integers(1, 9, m).astype(float)},
        geometry=shapely.points(side * rng.random((m, 2))),
        crs=4326,
        index=[f"site {k}" for k in range(m)],
    )
    return villages, places


@pytest.mark.parametrize("km", [0, 1, 50, 1000, 9000, 19900, 30000])
def test_who_is_within_a_distance_is_exact(km):
    rng = np.random.default_rng(1)
    here = rng.uniform([-180, -90], [180, 90], (150, 2))
    there = np.vstack([rng.uniform([-180, -90], [180, 90], (80, 2)), here[:5], [[np.nan, 0]]])
    exact = all_distances_km(here, there)
    assert (within_km(here, there, km).toarray() == (exact <= km)).all()
    sparse = distances_km(here, there, km).tocoo()
    assert sparse.nnz == (exact <= km).sum()
    assert np.allclose(sparse.data, exact[sparse.coords])


def test_everyone_is_served_by_the_nearest_open_site():
    villages, places = world(300, 40)
    found = locate(villages, places, p=6, threshold=20, weight="people")
    far = all_distances_km(
        shapely.get_coordinates(villages.geometry), shapely.get_coordinates(places.geometry)
    )
    open_ = places.index.get_indexer(found.selected)
    nearest = open_[far[:, open_].argmin(axis=1)]
    covered = far[:, open_].min(axis=1) <= 20
    assert (found.demand["covered"] == covered).all()
    assert (found.assignment[covered] == places.index[nearest[covered]]).all()
    assert found.assignment[~covered].isna().all()
    assert found.objective == villages["people"][covered].sum()
    assert (found.demand["n_sites"] == (far[:, open_] <= 20).sum(axis=1)).all()
    assert found.uncovered == list(villages.index[~covered])
    assert found.unreachable == list(villages.index[far.min(axis=1) > 20])


def test_gains_fall_and_existing_sites_come_first():
    villages, places = world(300, 40)
    found = locate(
        villages, places, p=6, threshold=12, weight="people", existing=["site 7", "site 3"]
    )
    assert set(found.selected[:2]) == {"site 7", "site 3"}
    assert found.sites["is_existing"].tolist() == [True, True, False, False, False, False]
    gains = found.marginal_gain["gain"]
    assert (gains.iloc[2:].diff().dropna() <= 0).all()
    assert gains.sum() == pytest.approx(found.objective)
    assert list(found.marginal_gain.index) == found.selected == list(found.sites.index)


def test_sites_keep_their_distance():
    villages, places = world(200, 60)
    rules = SitingRules(min_separation_km=30)
    free = locate(villages, places, p=5, threshold=15, weight="people", gap=0)
    found = locate(villages, places, p=5, threshold=15, weight="people", gap=0, rules=rules)
    xy = shapely.get_coordinates(places.loc[found.selected].geometry)
    far = all_distances_km(xy, xy)
    assert far[np.triu_indices(len(xy), 1)].min() >= 30
    assert found.objective < free.objective


def test_no_site_serves_more_than_it_can():
    villages, places = world(30, 8)
    places["room"] = [0.0, *[2500.0] * 7]
    found = locate(
        villages,
        places,
        p=3,
        threshold=60,
        weight="people",
        gap=0.02,
        rules=SitingRules(capacity="room"),
    )
    assert (found.sites["served_weight"] <= 2500).all()
    assert "site 0" not in found.selected
    assert found.bound >= found.objective > 0


def test_equity_brings_every_group_to_its_floor():
    villages, places = world(200, 40)
    villages["half"] = np.where(villages.geometry.x < 0.25, "west", "east")
    asked = {"p": 4, "threshold": 20, "weight": "people", "gap": 0.0}
    free = locate(villages, places, **asked)
    found = locate(villages, places, **asked, rules=SitingRules(equity=("half", 0.4)))
    rows = found.demand
    share = (
        rows[rows["covered"]].groupby("half")["people"].sum() / rows.groupby("half")["people"].sum()
    )
    assert (share >= 0.4).all()
    assert found.objective <= free.objective


def test_the_worst_scenario_is_better_when_it_is_what_counts():
    villages, places = world(120, 25)
    villages["dry"] = np.where(villages.geometry.x < 0.5, villages["people"], 1.0)
    villages["wet"] = np.where(villages.geometry.x < 0.5, 1.0, villages["people"])
    asked = {"p": 2, "threshold": 25, "gap": 0.0}
    results = {
        risk: locate(
            villages,
            places,
            **asked,
            rules=SitingRules(scenarios=Scenarios(["dry", "wet"], [0.9, 0.1], risk, 0.5)),
        )
        for risk in ("expected", "minimax", "cvar")
    }

    def worst(found):
        covered = found.demand[found.demand["covered"]]
        return min(covered["dry"].sum(), covered["wet"].sum())

    assert results["minimax"].objective == pytest.approx(worst(results["minimax"]))
    assert worst(results["minimax"]) > worst(results["expected"])
    assert results["minimax"].objective <= results["cvar"].objective
    assert results["cvar"].objective <= results["expected"].objective


def test_an_answer_cut_off_by_the_clock_is_bounded(capfd):
    villages, places = world(3000, 3000)
    found = locate(villages, places, p=30, threshold=11, weight="people", gap=0, time_limit_s=1.5)
    assert found.status == "time limit"
    assert found.bound > found.objective > 0.8 * found.bound
    assert found.objective == villages["people"][found.demand["covered"]].sum()
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    "wait_s", [1.0, 3.0, 6.0], ids=["in the search", "as HiGHS begins", "in HiGHS"]
)
def test_ctrl_c_gives_the_best_answer_so_far(wait_s):
    villages, places = world(3000, 3000)
    timer = threading.Timer(wait_s, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    found = locate(villages, places, p=30, threshold=11, weight="people", gap=0)
    timer.join()
    assert found.status == "interrupted"
    # Nothing that was not proven may be called so: the optimum lies above.
    assert found.bound > found.objective * 1.001
    assert found.objective == villages["people"][found.demand["covered"]].sum()


def test_the_same_bytes_twice():
    villages, places = world(400, 100)
    asked = {"p": 8, "threshold": 8.0, "weight": "people", "gap": 0.0}
    once, again = (locate(villages, places, **asked) for _ in range(2))
    assert once.status == "optimal"
    assert digest(once) == digest(again)


def test_of_coincident_sites_the_first_is_taken():
    villages, places = world(50, 5)
    twice = pd.concat([places, places.set_axis([f"twin {k}" for k in range(5)])])
    one, two = (
        locate(villages, sites, p=2, threshold=30, weight="people") for sites in (places, twice)
    )
    assert one.objective == two.objective
    assert all(label.startswith("site") for label in two.selected)


def test_a_site_that_adds_nothing_is_not_opened():
    villages, places = world(20, 6)
    found = locate(villages, places, p=6, threshold=300, weight="people")
    assert len(found.selected) == 1
    assert found.objective == villages["people"].sum()


def test_sites_in_the_sea_are_sites():
    villages, places = world(10, 3)
    afloat = gpd.GeoDataFrame(geometry=shapely.points([[-30.0, 0.0]]), crs=4326, index=["ship"])
    found = locate(villages, pd.concat([places, afloat]), p=1, threshold=5000, weight="people")
    assert found.objective == villages["people"].sum()


def test_demand_without_a_place_is_named():
    villages, places = world(20, 6)
    villages.loc[4, "geometry"] = None
    found = locate(villages, places, p=6, threshold=300, weight="people")
    assert found.unreachable == found.uncovered == [4]


def test_lines_and_areas_stand_at_a_point_on_them():
    villages, places = world(20, 6)
    areas = villages.set_geometry(shapely.buffer(villages.geometry.to_numpy(), 1e-4))
    one, two = (locate(d, places, p=2, threshold=20, weight="people") for d in (villages, areas))
    assert one.selected == two.selected
