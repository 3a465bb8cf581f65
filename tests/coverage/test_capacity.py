from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array
from scipy.sparse.csgraph import maximum_flow

from geocn.coverage import assess
from geocn.errors import ParameterError, SchemaError
from tests.coverage.worlds import block, discs, frame, raster

ALLOCATIONS = ("most", "nearest", "proportional")


def max_flow(weights, reach, capacity):
    """Whole units from a source over demand and sites to a sink."""
    n, m = reach.shape
    graph = np.zeros((n + m + 2, n + m + 2), dtype=np.int32)
    graph[0, 1 : n + 1] = weights
    graph[1 : n + 1, n + 1 : n + m + 1] = reach * int(weights.sum())
    graph[n + 1 : n + m + 1, -1] = capacity
    return maximum_flow(csr_array(graph), 0, n + m + 1).flow_value


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 7))
def test_the_most_is_the_maximum_flow_and_no_allocation_beats_it(seed: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    xy = rng.uniform(-5000, 5000, (30, 2))
    weights, capacity = rng.integers(0, 20, 30), rng.integers(0, 60, n)
    demand = frame(shapely.points(xy), w=weights)
    reaches = discs(rng, n, radius=(2000.0, 5000.0)).assign(capacity=capacity)
    within = shapely.intersects(demand.geometry.to_numpy()[:, None], reaches.geometry.to_numpy())
    best = max_flow(weights, within, capacity)
    for allocation in ALLOCATIONS:
        found = assess(demand, reaches, weight="w", capacity=allocation)
        service = found.service
        assert service.most == pytest.approx(best, abs=1e-6)
        assert service.served <= best + 1e-6
        assert service.share_served <= found.share_covered + 1e-9
        sites = service.sites
        assert (sites["served"] <= capacity + 1e-6).all()
        assert (sites["served"] <= sites["within_reach"] + 1e-6).all()
        np.testing.assert_allclose(sites["within_reach"], weights @ within)
        assert service.served == pytest.approx(sites["served"].sum())
        assert service.share_served_high == pytest.approx(service.share_served)


def test_nearest_first_and_in_proportion_by_hand() -> None:
    demand = frame(shapely.points([[0, 0], [1000, 0]]), w=[10.0, 10.0])
    reaches = frame(
        [block(-3000, -3000, 6000, 6000), block(500, -500)], partner=["A", "B"], kind=["k"] * 2
    )
    reaches["capacity"] = [12.0, 4.0]
    # The place at 0 is nearest to A, the one at 1 km to B, whose 4 are soon gone.
    nearest = assess(demand, reaches, weight="w", capacity="nearest").service
    assert nearest.sites["served"].tolist() == [12, 4]
    # Of the second place 7.5 ask A and 2.5 ask B; A is asked for 17.5 and has 12.
    even = assess(demand, reaches, weight="w", capacity="proportional").service
    assert even.sites["served"].tolist() == pytest.approx([12, 2.5])
    assert even.share_most == pytest.approx(0.8)


def test_areas_and_rasters_are_cut_where_reaches_overlap() -> None:
    values = np.full((4, 4), 10.0)
    array = raster(values, cell=1000)
    area = frame([block(-2000, -2000, 4000, 4000)], w=[160.0])
    reaches = frame(
        [block(-2000, -2000, 3000, 4000), block(-1000, -2000, 3000, 4000)],
        partner=["A", "B"],
        kind=["k"] * 2,
    )
    reaches["capacity"] = [30.0, 500.0]
    for demand, weight in ((array, None), (area, "w")):
        service = assess(demand, reaches, weight=weight, capacity="most").service
        assert service.sites["within_reach"].tolist() == pytest.approx([120, 120])
        # B alone can serve all it reaches; of what only A reaches 30 of 40 are served.
        assert service.most == pytest.approx(150)
        assert service.share_most == pytest.approx(150 / 160)


def test_unknown_and_zero_capacity() -> None:
    demand = frame(shapely.points([[0, 0], [9000, 0]]), w=[6.0, 4.0])
    reaches = frame(
        [block(-500, -500), block(8500, -500), None], partner=list("ABC"), kind=["k"] * 3
    )
    reaches["capacity"] = [np.nan, 0.0, 5.0]
    service = assess(demand, reaches, weight="w", capacity="nearest").service
    assert (service.served, service.share_served_high, service.n_unknown) == (0, 0.6, 1)
    assert service.sites["served"].isna().tolist() == [True, False, True]
    assert np.isnan(service.sites["share_used"].iloc[1])


@pytest.mark.parametrize(
    ("capacity", "option", "error", "word"),
    [
        ([-1.0], "most", SchemaError, "-1"),
        (["many"], "most", SchemaError, "many"),
        ([np.inf], "most", SchemaError, "inf"),
        (None, "most", SchemaError, "no column capacity"),
        ([1.0], "best", ParameterError, "best"),
    ],
)
def test_refusals(capacity, option, error, word) -> None:
    reaches = frame([block(0, 0)], partner=["A"], kind=["k"])
    if capacity is not None:
        reaches["capacity"] = capacity
    with pytest.raises(error, match=word):
        assess(frame([shapely.Point(0, 0)]), reaches, capacity=option)
