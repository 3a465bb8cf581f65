from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import scipy.sparse
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from geocn.coverage import accessibility
from geocn.errors import CRSError, ParameterError, RejectedRowsWarning, SchemaError
from geocn.spatial.geodesy import distance_m

PLACES = pd.DataFrame({"people": [100.0, 300.0, 50.0]}, index=list("abc"))
CLINICS = pd.DataFrame({"capacity": [10.0, 6.0]}, index=["x", "y"])
MINUTES = np.array([[5.0, np.nan], [10.0, 20.0], [40.0, 25.0]])


def world(seed, n=12, m=5):
    rng = np.random.default_rng(seed)
    demand = gpd.GeoDataFrame(
        {"people": rng.integers(0, 500, n).astype(float)},
        geometry=gpd.points_from_xy(*rng.uniform(-0.3, 0.3, (2, n)), crs=4326),
    )
    supply = gpd.GeoDataFrame(
        {"capacity": rng.integers(0, 40, m).astype(float)},
        geometry=gpd.points_from_xy(*rng.uniform(-0.3, 0.3, (2, m)), crs=4326),
    )
    return demand, supply


def by_loops(cost, people, offered, weigh, threshold, balanced):
    """The formulas of the papers, pair by pair."""
    n, m = cost.shape
    w = [
        [weigh(cost[i, j]) if cost[i, j] <= threshold else 0.0 for j in range(m)] for i in range(n)
    ]
    access, ratio = [0.0] * n, [float("nan")] * m
    row = [sum(w[i]) for i in range(n)]
    column = [sum(w[i][j] for i in range(n)) for j in range(m)]
    for j in range(m):
        if not balanced:
            reached = sum(w[i][j] * people[i] for i in range(n))
        else:
            reached = sum(people[i] * w[i][j] / row[i] for i in range(n) if row[i] > 0)
        if reached > 0:
            ratio[j] = offered[j] / reached
    for i in range(n):
        for j in range(m):
            if ratio[j] == ratio[j] and w[i][j] > 0:
                share = 1 / column[j] if balanced else 1.0
                access[i] += ratio[j] * w[i][j] * share
    return access, ratio


DECAYS = {
    "binary": ({"decay": "binary"}, lambda d: 1.0),
    "gaussian": ({"decay": "gaussian", "bandwidth": 8.0}, lambda d: np.exp(-d * d / 128)),
    "power": ({"decay": "power", "power": 1.5, "nearest": 1.0}, lambda d: max(d, 1.0) ** -1.5),
    "steps": (
        {"decay": {10: 1.0, 20: 0.68, 30: 0.22}},
        lambda d: 1.0 if d <= 10 else 0.68 if d <= 20 else 0.22,
    ),
    "own": ({"decay": lambda d: 1 / (1 + d)}, lambda d: 1 / (1 + d)),
}


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from(sorted(DECAYS)), st.booleans())
def test_the_sums_of_the_papers(seed, name, balanced):
    demand, supply = world(seed)
    options, weigh = DECAYS[name]
    here, there = (shapely.get_coordinates(f.geometry) for f in (demand, supply))
    km = distance_m(here[:, :1], here[:, 1:], there[:, 0], there[:, 1]) / 1000
    found = accessibility(
        demand, supply, threshold=25, weight="people", balanced=balanced, **options
    )
    people, offered = demand["people"].to_numpy(), supply["capacity"].to_numpy()
    access, ratio = by_loops(km, people, offered, weigh, 25, balanced)
    np.testing.assert_allclose(found.demand["accessibility"], access, rtol=1e-12)
    np.testing.assert_allclose(found.sites["provider_to_demand"], ratio, rtol=1e-12)
    assert found.demand["n_sites"].tolist() == (km <= 25).sum(axis=1).tolist()
    np.testing.assert_allclose(found.demand["reachable_supply"], (km <= 25) @ offered)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from(sorted(DECAYS)))
def test_supply_and_demand_are_conserved(seed, name):
    demand, supply = world(seed)
    options, _ = DECAYS[name]
    found = accessibility(demand, supply, threshold=25, weight="people", **options)
    used = found.sites["provider_to_demand"].notna()
    shared = (demand["people"] * found.demand["accessibility"]).sum()
    assert shared == pytest.approx(supply["capacity"][used].sum(), rel=1e-12)
    even = accessibility(demand, supply, threshold=25, weight="people", balanced=True, **options)
    within = found.demand["n_sites"] > 0
    assert even.sites["demand_reached"].sum() == pytest.approx(demand["people"][within].sum())
    levels = even.sites["provider_to_demand"].sum()
    assert even.demand["accessibility"].sum() == pytest.approx(levels)


def test_by_hand():
    found = accessibility(PLACES, CLINICS, threshold=30, costs=MINUTES, weight="people")
    # x serves a and b: 10 / 400; y serves b and c: 6 / 350.
    assert found.sites["provider_to_demand"].tolist() == [10 / 400, 6 / 350]
    assert found.demand["accessibility"].tolist() == [10 / 400, 10 / 400 + 6 / 350, 6 / 350]
    assert found.demand["reachable_supply"].tolist() == [10, 16, 6]
    assert found.demand["n_sites"].tolist() == [1, 2, 1]
    assert found.sites["n_demand"].tolist() == [2, 2]
    # The tenth with least, 45 of 450 people, all live in c.
    assert found.worst_decile == pytest.approx(6 / 350)
    # Half of b goes to each: x has 100 + 150, y 150 + 50; each level is halved between two.
    even = accessibility(
        PLACES, CLINICS, threshold=30, costs=MINUTES, weight="people", balanced=True
    )
    assert even.sites["demand_reached"].tolist() == [250, 200]
    assert even.sites["provider_to_demand"].tolist() == [10 / 250, 6 / 200]
    assert even.demand["accessibility"].tolist() == [0.02, 0.035, 0.015]


def test_gini_by_all_pairs():
    found = accessibility(PLACES, CLINICS, threshold=30, costs=MINUTES, weight="people")
    a, p = found.demand["accessibility"].to_numpy(), PLACES["people"].to_numpy()
    apart = (np.abs(a[:, None] - a) * p[:, None] * p).sum()
    assert found.gini == pytest.approx(apart / (2 * p.sum() * (a * p).sum()))
    assert found.demand.attrs["geocn"]["gini"] == found.gini


def test_costs_of_every_kind_say_the_same():
    sparse = scipy.sparse.csr_array(np.nan_to_num(MINUTES))
    frame = pd.DataFrame(MINUTES, index=PLACES.index, columns=CLINICS.index)
    wanted = accessibility(PLACES, CLINICS, threshold=22, costs=MINUTES)
    for costs in (
        sparse,
        sparse.tocoo(),
        frame,
        frame.iloc[::-1],
        np.where(np.isnan(MINUTES), np.inf, MINUTES),
    ):
        found = accessibility(PLACES, CLINICS, threshold=22, costs=costs)
        pd.testing.assert_frame_equal(found.demand, wanted.demand)


def test_a_stored_zero_is_no_distance_and_an_absent_pair_no_way():
    costs = scipy.sparse.csr_array(([0.0, 3.0], [0, 1], [0, 1, 1, 2]), shape=(3, 2))
    for options, _ in DECAYS.values():
        found = accessibility(
            PLACES, CLINICS, threshold=5, costs=costs, **({**options, "decay": options["decay"]})
        )
        assert found.demand["n_sites"].tolist() == [1, 0, 1]
        assert found.demand["accessibility"].iloc[1] == 0


@pytest.mark.parametrize("decay", ["binary", "gaussian", "steps"])
def test_as_the_package_access(decay):
    access = pytest.importorskip("access", reason="the package access is not installed")
    rng = np.random.default_rng(3)
    n, m = 60, 15
    minutes = rng.uniform(0, 50, (n, m)).round(1)
    demand = pd.DataFrame({"people": rng.integers(1, 900, n)}, index=np.arange(n))
    supply = pd.DataFrame({"capacity": rng.integers(1, 90, m)}, index=np.arange(m))
    i, j = np.nonzero(minutes < 30)
    table = pd.DataFrame({"origin": i, "dest": j, "cost": minutes[i, j]})
    from access import weights as peer_weights

    peer = {
        "binary": None,
        "gaussian": peer_weights.gaussian(12.0),
        "steps": peer_weights.step_fn({10: 1, 20: 0.68, 30: 0.22}),
    }[decay]
    ours = {
        "binary": {},
        "gaussian": {"decay": "gaussian", "bandwidth": 12.0},
        "steps": {"decay": {10: 1, 20: 0.68, 30: 0.22}},
    }[decay]
    theirs = access.fca.two_stage_fca(
        demand_df=demand.reset_index(names="id"), supply_df=supply.reset_index(names="id"),
        cost_df=table, max_cost=30, demand_index="id", demand_name="people", supply_index="id",
        supply_name="capacity", cost_name="cost", weight_fn=peer,
    )  # fmt: skip
    # Theirs ends before the limit, ours with it.
    found = accessibility(demand, supply, threshold=29.95, costs=minutes, weight="people", **ours)
    np.testing.assert_allclose(
        found.demand["accessibility"], theirs.reindex(demand.index).fillna(0), rtol=1e-9
    )


def test_unknown_capacity_is_named_and_zero_capacity_offers_nothing():
    clinics = pd.DataFrame({"capacity": [10.0, None]}, index=["x", "y"])
    with pytest.warns(RejectedRowsWarning, match="1 rows: y"):
        found = accessibility(PLACES, clinics, threshold=30, costs=MINUTES)
    assert found.demand["n_sites"].tolist() == [1, 1, 0]
    assert found.demand.attrs["geocn"]["unknown_capacity"] == ["y"]
    zero = accessibility(PLACES, CLINICS.assign(capacity=[10.0, 0.0]), threshold=30, costs=MINUTES)
    assert zero.sites["provider_to_demand"].tolist() == [5.0, 0.0]
    assert zero.demand["accessibility"].tolist() == [5.0, 5.0, 0.0]


def test_a_site_that_nobody_needs_has_no_level():
    places = PLACES.assign(people=[0.0, 0.0, 50.0])
    found = accessibility(places, CLINICS, threshold=30, costs=MINUTES, weight="people")
    assert found.sites["provider_to_demand"].isna().tolist() == [True, False]
    assert found.demand["accessibility"].iloc[0] == 0
    assert found.demand.attrs["geocn"]["n_without_demand"] == 1


def test_nothing_within_reach_and_nothing_at_all():
    far = accessibility(PLACES, CLINICS, threshold=1, costs=MINUTES)
    assert far.demand["accessibility"].tolist() == [0, 0, 0]
    assert np.isnan(far.gini)
    assert far.demand.attrs["geocn"]["n_out_of_reach"] == 3
    demand, supply = world(1)
    for one, other in ((demand.iloc[:0], supply), (demand, supply.iloc[:0])):
        none = accessibility(one, other, threshold=9)
        assert none.demand["accessibility"].sum() == 0
        assert len(none.sites) == len(other)


def test_coincident_sites_share_and_places_without_geometry_are_null():
    demand = gpd.GeoDataFrame({"people": [10, 10]}, geometry=[shapely.Point(0, 0), None], crs=4326)
    supply = gpd.GeoDataFrame({"capacity": [1, 3]}, geometry=[shapely.Point(0, 0)] * 2, crs=4326)
    found = accessibility(demand, supply, threshold=1, weight="people")
    assert found.demand["accessibility"].iloc[0] == pytest.approx(0.4)
    assert found.demand.iloc[1][["accessibility", "n_sites"]].isna().all()
    assert found.demand.attrs["geocn"]["n_left_out"] == 1


@pytest.mark.parametrize(
    ("changed", "error", "word"),
    [
        ({"demand": PLACES.assign(people=[1, None, 1])}, SchemaError, "1 missing"),
        ({"demand": PLACES.assign(people=[1, -1, 1])}, SchemaError, "1 negative"),
        ({"supply": CLINICS.assign(capacity=[1, -1])}, SchemaError, "1 negative"),
        ({"supply": CLINICS.assign(capacity=[1, np.inf])}, SchemaError, "infinite"),
        ({"supply": CLINICS.drop(columns="capacity")}, SchemaError, "no column"),
        ({"demand": PLACES.assign(n_sites=1)}, SchemaError, "n_sites"),
        ({"costs": MINUTES.T}, ParameterError, "costs is"),
        ({"costs": -MINUTES}, SchemaError, "negative costs"),
        ({"costs": None}, ParameterError, "no geometry"),
        ({"threshold": 0}, ParameterError, "threshold"),
        ({"threshold": np.nan}, ParameterError, "threshold"),
        ({"decay": "cubic"}, ParameterError, "decay"),
        ({"decay": {10: 1.0}}, ParameterError, "last reach threshold 30"),
        ({"decay": "gaussian"}, ParameterError, "bandwidth"),
        ({"decay": "power"}, ParameterError, "nearest"),
        ({"decay": lambda d: -d}, ParameterError, "negative"),
        ({"decay": lambda d: d[:1]}, ParameterError, "one a pair"),
    ],
)
def test_refusals(changed, error, word):
    given_ = {"demand": PLACES, "supply": CLINICS, "threshold": 30, "costs": MINUTES,
              "weight": "people"} | changed  # fmt: skip
    with pytest.raises(error, match=word):
        accessibility(given_.pop("demand"), given_.pop("supply"), **given_)


def test_no_crs():
    demand, supply = world(0)
    with pytest.raises(CRSError):
        accessibility(demand.set_crs(None, allow_override=True), supply, threshold=5)
