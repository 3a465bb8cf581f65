"""The façade: one seed, one world, in canonical layers, with a truth that adds up."""

from __future__ import annotations

import time

import numpy as np
import pandas as pd
import pytest
from geopandas.testing import assert_geodataframe_equal
from pandas.testing import assert_frame_equal

from geocn import schema
from geocn.errors import ParameterError
from geocn.scenario import Scenario, simulate

SMALL = {"n_months": 4, "n_routes": 40, "n_seizures": 80}


@pytest.fixture(scope="module")
def world() -> Scenario:
    return simulate(seed=3, **SMALL)


def test_layers_are_canonical_and_carry_their_origin(world: Scenario) -> None:
    for name in ("routes", "seizures", "interventions", "cultivation"):
        layer = getattr(world, name)
        names = list(schema.layer_schema(name).names)
        assert list(layer.columns[: len(names)]) == names
        assert {k: str(v) for k, v in layer.dtypes[names].items()} == schema.layer_schema(
            name
        ).dtypes
        assert layer.crs == "EPSG:4326"
        assert layer.attrs["geocn"]["method"] == "scenario.simulate"
        assert layer.attrs["geocn"]["seed"] == 3
        assert layer[schema.layer_schema(name).id_column].is_unique
    assert world.friction.attrs["geocn"]["method"] == "scenario.simulate"


def test_the_same_seed_gives_the_same_world(world: Scenario) -> None:
    again = simulate(seed=3, **SMALL)
    for name in ("routes", "seizures", "interventions", "cultivation"):
        assert_geodataframe_equal(getattr(again, name), getattr(world, name))
    np.testing.assert_array_equal(again.friction, world.friction)
    assert_frame_equal(again.truth.border_flows, world.truth.border_flows)
    assert_frame_equal(again.truth.shipments, world.truth.shipments)


def test_another_seed_gives_another_world(world: Scenario) -> None:
    other = simulate(seed=4, **SMALL)
    assert not np.array_equal(other.friction, world.friction)
    assert other.routes.geometry.to_wkt().tolist() != world.routes.geometry.to_wkt().tolist()


def test_seizures_are_shipments_that_did_not_get_through(world: Scenario) -> None:
    seized = world.truth.shipments[world.truth.shipments["seized"]]
    assert sorted(world.seizures["weight_kg"]) == sorted(seized["weight_kg"])
    assert len(world.seizures) == pytest.approx(80, abs=5 * 80**0.5)
    at = world.seizures["seized_at"]
    assert at.between("2024-01-01", pd.Timestamp("2024-05-01", tz="UTC")).all()
    truth = world.truth.routes.set_index("route_id").geometry
    away = [
        truth[r].distance(p)
        for r, p in zip(world.seizures["route_id"], world.seizures.geometry, strict=True)
    ]
    assert max(away) < 0.12


def test_border_flows_are_no_more_than_what_moved(world: Scenario) -> None:
    truth = world.truth
    sent = truth.shipments.groupby("route_id")["weight_kg"].sum()
    for dyad, part in truth.crossings.groupby(["dyad", "from_country"]):
        times = part.groupby("route_id").size()
        most = (sent.reindex(times.index).fillna(0) * times).sum()
        row = truth.border_flows.set_index(["dyad", "from_country"])["weight_kg"].get(dyad, 0.0)
        assert 0 <= row <= most + 0.1


def test_enforcement_is_uneven(world: Scenario) -> None:
    chance = world.truth.shipments.groupby("route_id")["chance"].mean()
    assert chance.max() > 3 * chance.min()


def test_partners_are_of_both_kinds(world: Scenario) -> None:
    sites = world.interventions
    assert {"military", "ngo", "law_enforcement"} == set(sites["partner_type"])
    assert len(sites) == 62
    ngo = sites[sites["partner_type"] == "ngo"]
    assert ngo["reach_km"].isna().any()
    assert sites.loc[sites["partner_type"] == "military", "reach_km"].notna().all()
    both = sites.dropna(subset=["ends_on"])
    assert (both["ends_on"] > both["starts_on"]).all()


def test_reports_of_routes_differ_from_the_truth_but_not_much(world: Scenario) -> None:
    line, true = world.routes.geometry, world.truth.routes.geometry
    assert line.hausdorff_distance(true).max() < 0.05
    assert (world.routes["last_seen"] >= world.routes["first_seen"]).all()


def test_one_route_one_month() -> None:
    world = simulate(seed=1, n_months=1, n_routes=1, n_seizures=1)
    assert len(world.routes) == 1
    assert len(world.truth.border_flows.columns) == 6


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_months": 0}, "n_months=0"),
        ({"n_routes": -1}, "n_routes=-1"),
        ({"n_seizures": 0}, "n_seizures=0"),
        ({"growth": -1.0}, "growth"),
        ({"start": "soon"}, "no date"),
        ({"start": ""}, "no date"),
    ],
)
def test_impossible_options_are_refused(options: dict, message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        simulate(seed=1, **options)


@pytest.mark.slow
def test_a_full_world_costs_little() -> None:
    simulate(seed=1, n_months=1, n_routes=1, n_seizures=1)
    before = time.process_time()
    simulate(seed=1)
    assert time.process_time() - before < 5
