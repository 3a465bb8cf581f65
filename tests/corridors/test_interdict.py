"""Interdiction: the reference, search through all plans, and bad input."""

from __future__ import annotations

import itertools
import json

import geopandas as gpd
import networkx as nx
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import LineString as Line

from geocn.corridors import interdict, route_network
from geocn.errors import InfeasibleError, ParameterError, SchemaError
from tests.oracles_networks import arc_network, as_digraph, at_nodes


@pytest.mark.reference
def test_the_reference_is_reached_at_every_budget(reference):
    path = reference / "corridors" / "interdiction" / "expected.json"
    told = json.loads(path.read_text())
    arcs = pd.DataFrame(told["arcs_i_j_capacity_length"], columns=["u", "v", "room", "cost"])
    arcs = arcs.astype({"room": float, "cost": float})
    network = arc_network(arcs, 9)
    ends = at_nodes(network, [told["s"]]), at_nodes(network, [told["t"]])
    for budget, expected in told["by_budget"].items():
        flow = interdict(network, *ends, objective="max_flow", budget=int(budget), capacity="room")
        assert flow.value_after == expected["max_flow_after"]
        path = interdict(network, *ends, budget=int(budget), delay=told["delay"])
        assert path.value_after == expected["shortest_path_after"]
        for plan in (flow, path):
            assert plan.status == "optimal"
            assert plan.gap == 0
            assert plan.spent <= int(budget)


@st.composite
def worlds(draw):
    n = draw(st.integers(3, 6))
    every = [(a, b) for a in range(n) for b in range(a)]
    pairs = draw(st.lists(st.sampled_from(every), unique=True, min_size=3, max_size=9))
    turned = draw(st.lists(st.booleans(), min_size=len(pairs), max_size=len(pairs)))
    ends = np.array([(b, a) if t else (a, b) for (a, b), t in zip(pairs, turned, strict=True)])
    numbers = st.lists(st.integers(1, 5), min_size=len(pairs), max_size=len(pairs))
    one_way = draw(st.lists(st.booleans(), min_size=len(pairs), max_size=len(pairs)))
    data = {"u": ends[:, 0], "v": ends[:, 1], "is_one_way": one_way}
    data |= {name: np.array(draw(numbers), dtype=float) for name in ("cost", "room", "price")}
    data["wait"] = np.array(draw(numbers), dtype=float)
    return pd.DataFrame(data), n, draw(st.integers(0, 9))


def plans(arcs, budget):
    for size in range(len(arcs) + 1):
        for plan in itertools.combinations(range(len(arcs)), size):
            if arcs["price"].iloc[list(plan)].sum() <= budget:
                yield list(plan)


def shortest(arcs, n, start, end):
    try:
        return nx.shortest_path_length(as_digraph(arcs, n), start, end, "cost")
    except nx.NetworkXNoPath:
        return np.inf


def greatest(arcs, n, start, end):
    return nx.maximum_flow_value(as_digraph(arcs, n), start, end, "room")


@settings(deadline=None, max_examples=40)
@given(worlds())
def test_no_plan_is_better(world):
    arcs, n, budget = world
    network = arc_network(arcs, n)
    used = sorted(set(arcs["u"]) | set(arcs["v"]))
    start, end = used[0], used[-1]
    ends = at_nodes(network, [start]), at_nodes(network, [end])
    if not nx.has_path(as_digraph(arcs, n), start, end):
        with pytest.raises(InfeasibleError, match="nothing connects"):
            interdict(network, *ends, budget=1)
        return
    every = list(plans(arcs, budget))

    def slowed(plan):
        return arcs.assign(cost=arcs["cost"] + np.where(arcs.index.isin(plan), arcs["wait"], 0))

    options = {"budget": budget, "price": "price"}
    expected = {
        "gone": max(shortest(arcs.drop(index=plan), n, start, end) for plan in every),
        "delay": max(shortest(slowed(plan), n, start, end) for plan in every),
        "flow": min(greatest(arcs.drop(index=plan), n, start, end) for plan in every),
    }
    found = {
        "gone": interdict(network, *ends, **options),
        "delay": interdict(network, *ends, delay="wait", **options),
        "flow": interdict(network, *ends, objective="max_flow", capacity="room", **options),
    }
    for name, plan in found.items():
        assert plan.value_after == pytest.approx(expected[name]), name
        assert plan.bound == plan.value_after
        assert plan.status == "optimal"
        closed = plan.edges.loc[plan.edges["interdicted"], "edge"]
        assert arcs["price"].loc[closed].sum() == plan.spent <= budget
        again = {
            "gone": lambda c: shortest(arcs.drop(index=c), n, start, end),
            "delay": lambda c: shortest(slowed(c), n, start, end),
            "flow": lambda c: greatest(arcs.drop(index=c), n, start, end),
        }[name](list(closed))
        assert again == pytest.approx(plan.value_after), name
    flow = found["flow"]
    assert flow.value_before == pytest.approx(greatest(arcs, n, start, end))
    one = flow.edges.set_index("edge")
    assert (one["flow_after"][one["interdicted"]] == 0).all()
    assert (one["flow_before"] <= arcs["room"].loc[one.index] + 1e-9).all()


def grid(side=7):
    step = 0.01
    lines = [Line([(0, y * step), ((side - 1) * step, y * step)]) for y in range(side)]
    lines += [Line([(x * step, 0), (x * step, (side - 1) * step)]) for x in range(side)]
    rng = np.random.default_rng(1)
    network = route_network({"road": gpd.GeoDataFrame(geometry=lines, crs=4326)})
    network.edges["cost"] = rng.uniform(1, 3, len(network.edges))
    network.edges["room"] = rng.integers(1, 9, len(network.edges)).astype(float)
    return network


def points(*xy, **more):
    return gpd.GeoDataFrame(geometry=[shapely.Point(p) for p in xy], crs=4326, **more)


def test_before_and_after_are_told_edge_by_edge():
    network = grid()
    ends = points((0.01, 0.03)), points((0.05, 0.03))
    plan = interdict(network, *ends, budget=3)
    assert plan.routes["when"].tolist() == ["before", "after"]
    before, after = plan.routes["cost"]
    assert (before, after) == (plan.value_before, plan.value_after)
    assert after > before
    closed = plan.edges[plan.edges["interdicted"]]
    assert len(closed) == 3
    assert (closed["gain"] > 0).all()
    assert closed["flow_after"].eq(0).all()
    moved = plan.edges["flow_after"] > 0
    drawn = shapely.union_all(plan.edges.geometry[moved])
    assert drawn.length == pytest.approx(plan.routes.geometry.iloc[1].length)
    assert (plan.edges["change"] == plan.edges["flow_after"] - plan.edges["flow_before"]).all()
    assert plan.edges.crs == plan.routes.crs == network.crs


def test_what_time_allows_is_returned_with_its_bound():
    network = grid(9)
    ends = points((0, 0), (0, 0.04)), points((0.08, 0.08), (0.08, 0.02))
    for options in ({}, {"delay": 2.0}, {"objective": "max_flow", "capacity": "room"}):
        full = interdict(network, *ends, budget=3, **options)
        quick = interdict(network, *ends, budget=3, time_limit_s=1e-6, **options)
        assert full.status == "optimal"
        assert quick.spent <= 3
        flow = "objective" in options
        better, worse = (full, quick) if not flow else (quick, full)
        assert better.value_after >= worse.value_after
        assert quick.bound >= full.value_after or flow
        assert quick.bound <= full.value_after or not flow
        assert quick.status in {"time_limit", "optimal"}


def test_an_interrupt_keeps_the_best_answer(monkeypatch):
    from geocn.corridors import interdict_models

    network = grid(9)
    calls = []
    real = interdict_models._hit

    def stopped(*args):
        if len(calls) == 3:
            raise KeyboardInterrupt
        calls.append(1)
        return real(*args)

    monkeypatch.setattr(interdict_models, "_hit", stopped)
    plan = interdict(network, points((0, 0)), points((0.08, 0.08)), budget=3)
    assert plan.status == "interrupted"
    assert plan.bound >= plan.value_after >= plan.value_before


def test_parting_all_is_said_as_such():
    plan = interdict(grid(), points((0, 0)), points((0.06, 0.06)), budget=2)
    assert plan.value_after == np.inf
    assert plan.routes["cost"].isna().tolist() == [False, True]
    assert plan.routes.geometry.isna().tolist() == [False, True]
    assert plan.edges["flow_after"].eq(0).all()


def test_what_cannot_be_closed_stays_open():
    network = grid()
    network.edges["price"] = np.inf
    plan = interdict(network, points((0, 0)), points((0.06, 0.06)), budget=9, price="price")
    assert plan.value_after == plan.value_before
    assert plan.spent == 0
    assert not plan.edges["interdicted"].any()


def test_bad_input_is_refused():
    network = grid()
    ends = points((0, 0)), points((0.06, 0.06))
    for options in (
        {"budget": -1},
        {"budget": 1, "objective": "betweenness"},
        {"budget": 1, "objective": "max_flow", "delay": 3},
        {"budget": 1, "delay": -3},
        {"budget": 1, "time_limit_s": 0},
    ):
        with pytest.raises(ParameterError):
            interdict(network, *ends, **options)
    network.edges["cost_of_delay"] = np.inf
    with pytest.raises(InfeasibleError, match="stand at a target"):
        interdict(network, ends[0], ends[0], budget=1)
    with pytest.raises(SchemaError, match="no column"):
        interdict(network, *ends, budget=1, price="euros")
    with pytest.raises(ParameterError, match="infinite on some"):
        interdict(network, *ends, budget=1, delay="cost_of_delay")
    network.edges["euros"] = -1.0
    with pytest.raises(SchemaError, match="negative"):
        interdict(network, *ends, budget=1, price="euros")
