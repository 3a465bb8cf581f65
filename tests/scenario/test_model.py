"""Gravity, shipments and thinning: the parts of the model against what they promise."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from geocn.scenario.enforcement import Stations, stop_shipments
from geocn.scenario.flows import build_market, draw_routes, draw_shipments, pair_table
from geocn.scenario.geography import build_grid, load_coca


@pytest.fixture(scope="module")
def world() -> tuple:
    rng = np.random.default_rng(11)
    grid = build_grid(rng)
    return grid, build_market(grid, year=2023, rng=rng)


def test_every_source_sends_what_it_makes(world: tuple) -> None:
    market = world[1]
    np.testing.assert_allclose(
        market.flow_kg.sum(axis=1), market.origins["supply_kg"].to_numpy(float)
    )
    coca = load_coca()
    largest = coca[coca["year"] == 2023].nlargest(12, "area_ha")
    assert market.origins["name"].tolist() == largest["department"].tolist()


def test_flow_falls_with_cost_and_rises_with_demand(world: tuple) -> None:
    market = world[1]
    demand = market.destinations["demand"].to_numpy(float)
    share = market.flow_kg / market.flow_kg.sum(axis=1, keepdims=True)
    # the log of share per demand is a straight line in cost, of one slope, in every row
    slopes = [
        np.polyfit(cost, np.log(row / demand), 1)[0]
        for row, cost in zip(share, market.cost, strict=True)
    ]
    np.testing.assert_allclose(slopes, -1.2 / market.cost.mean())


def test_costs_are_least_costs(world: tuple) -> None:
    pairs = pair_table(world[1])
    # half of a kilometre is the cheapest there is (the sea)
    assert (pairs["cost"] >= 0.19 * (pairs["distance_km"] - 35)).all()
    assert len(pairs) == world[1].flow_kg.size


def test_routes_share_all_flow_and_join_their_ends(world: tuple) -> None:
    grid, market = world
    routes = draw_routes(grid, market, n_routes=60, rng=np.random.default_rng(2))
    assert routes["flow_kg"].sum() == pytest.approx(market.flow_kg.sum(), abs=5)
    assert routes.geometry.is_valid.all()
    ends = market.destinations.set_index("name")
    for row in routes.itertuples():
        assert row.geometry.coords[-1] == tuple(ends.loc[row.destination, ["lon", "lat"]])
    assert set(routes["mode"]) <= {"road", "sea", "river", "air"}
    assert len(set(routes["mode"])) >= 2


def test_shipments_carry_the_flow_and_grow(world: tuple) -> None:
    grid, market = world
    routes = draw_routes(grid, market, n_routes=60, rng=np.random.default_rng(2))
    shipments = draw_shipments(routes, n_months=24, growth=0.5, rng=np.random.default_rng(3))
    by_month = shipments.groupby("month")["weight_kg"].sum()
    trend = 1.5 ** (np.arange(24) / 12)
    assert by_month.sum() == pytest.approx(routes["flow_kg"].sum() * trend.sum(), rel=0.05)
    assert by_month.loc[20:].mean() > 1.4 * by_month.loc[:3].mean()


def make_stations(effort: list[list[float]], route: list[int]) -> Stations:
    n = len(route)
    at_km = np.arange(n, dtype=float)
    return Stations(np.array(route), np.zeros(n), np.zeros(n), at_km, np.array(effort))


def test_thinning_meets_its_expectation_and_follows_effort() -> None:
    stations = make_stations([[1.0], [3.0], [0.5]], [0, 0, 1])
    shipments = pd.DataFrame({"route": np.repeat([0, 1], 20_000), "month": 0, "weight_kg": 1.0})
    stopped = stop_shipments(stations, shipments, n_seizures=2000, rng=np.random.default_rng(4))
    assert stopped["chance"].sum() == pytest.approx(2000)
    taken = stopped[stopped["station"] >= 0]
    assert len(taken) == pytest.approx(2000, abs=5 * 2000**0.5)
    # along the first route, three in four are taken where effort is three times as high
    first = taken[taken["route"] == 0]["station"]
    assert (first == 1).mean() == pytest.approx(0.75, abs=0.05)
    # -log(1 - p) is proportional to effort: 4 to 0.5
    chance = stopped.groupby("route")["chance"].first()
    assert np.log1p(-chance[0]) / np.log1p(-chance[1]) == pytest.approx(8)
    assert np.isinf(stopped.loc[stopped["station"] < 0, "stopped_km"]).all()
    assert (taken["stopped_km"].to_numpy() == stations.at_km[taken["station"]]).all()


def test_no_effort_in_a_month_means_no_seizure() -> None:
    stations = make_stations([[1.0, 0.0]], [0])
    shipments = pd.DataFrame({"route": 0, "month": [0, 1] * 500, "weight_kg": 1.0})
    stopped = stop_shipments(stations, shipments, n_seizures=100, rng=np.random.default_rng(5))
    assert set(stopped.loc[stopped["station"] >= 0, "month"]) == {0}
