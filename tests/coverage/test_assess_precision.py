"""What imprecise places leave open, against sampling every place they may be at."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from geocn.coverage import assess, reach
from geocn.errors import SchemaError
from tests.coverage.worlds import block, discs, frame, raster


def sunflower(n: int, radius: float) -> np.ndarray:
    """Places spread evenly over a disc, its rim among them."""
    i = np.arange(n)
    r, turn = radius * np.sqrt((i + 0.5) / n), i * np.pi * (3 - np.sqrt(5))
    rim = np.linspace(0, 2 * np.pi, 180, endpoint=False)
    inner = np.column_stack([r * np.cos(turn), r * np.sin(turn)])
    return np.vstack([inner, radius * np.column_stack([np.cos(rim), np.sin(rim)])])


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 6))
def test_points_agree_with_trying_every_place(seed: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    xy, radius = rng.uniform(-5000, 5000, (12, 2)), rng.choice([0.0, 300.0, 1500.0], 12)
    reaches = discs(rng, n)
    demand = frame(shapely.points(xy), w=rng.uniform(1, 9, 12), location_precision_m=radius)
    found = assess(demand, reaches, weight="w")
    region = shapely.union_all(reaches.geometry.to_numpy())
    for (x, y), r, (_, row) in zip(xy, radius, found.demand.iterrows(), strict=True):
        places = shapely.points(sunflower(2000, r) + np.array([x, y]))
        shapely.prepare(region)
        inside = shapely.intersects(region, places)
        share = inside[:2000].mean() if r else float(inside[0])
        assert row["share_covered"] == pytest.approx(share, abs=0.01)
        if r and abs(region.boundary.distance(shapely.Point(x, y)) - r) < 3:
            continue  # a rim of 180 sides cannot tell
        assert row["share_covered_low"] == float(inside.all())
        assert row["share_covered_high"] == float(inside.any())
    assert found.share_covered_low <= found.share_covered + 1e-12
    assert found.share_covered <= found.share_covered_high + 1e-12
    shares = found.demand[["share_covered_low", "share_covered", "share_covered_high"]].to_numpy()
    assert (np.diff(shares, axis=1) >= 0).all()
    assert found.by_partner["covered_weight"].max() <= found.covered + 1e-9


def test_half_of_a_circle_on_the_edge_of_a_reach() -> None:
    demand = frame([shapely.Point(0, 0)], w=[8.0], location_precision_m=[500.0])
    reaches = frame([block(0, -5000, 10_000, 10_000)], partner=["A"], kind=["patrol"])
    found = assess(demand, reaches, weight="w")
    assert found.share_covered == pytest.approx(0.5, rel=1e-6)
    assert (found.share_covered_low, found.share_covered_high) == (0, 1)
    assert found.by_partner["covered_weight"].tolist() == pytest.approx([4])
    assert found.total == 8
    # The gap is the place as given: where in its circle it lies is not known.
    assert found.gaps.geometry.iloc[0].distance(shapely.Point(0, 0)) < 1e-3
    assert found.gaps["gap_weight"].tolist() == pytest.approx([4])
    assert found.demand.geometry.iloc[0].equals(shapely.Point(0, 0))
    assert "surely covered are 0.0 %, possibly 100.0 %" in found.report()


def test_an_imprecise_site_moves_its_reach() -> None:
    site = shapely.Point(0, 0).buffer(3000, quad_segs=90)
    reaches = frame([site], partner=["A"], kind=["patrol"], location_precision_m=[1000.0])
    places = shapely.points([[1900, 0], [2500, 0], [3500, 0], [4100, 0]])
    found = assess(frame(places), reaches)
    assert found.demand["share_covered"].tolist() == [1, 1, 0, 0]
    assert found.demand["share_covered_low"].tolist() == [1, 0, 0, 0]
    assert found.demand["share_covered_high"].tolist() == [1, 1, 1, 0]
    assert (found.share_covered_low, found.share_covered_high) == (0.25, 0.75)
    own = assess(frame(places), reaches.assign(reach_basis="own area"))
    assert own.share_covered_low == own.share_covered_high == 0.5
    cells = assess(raster(np.ones((40, 40)), cell=250), reaches)
    for name, km in (("share_covered", 3), ("share_covered_low", 2), ("share_covered_high", 4)):
        assert getattr(cells, name) == pytest.approx(np.pi * km**2 / 100, rel=1e-3)
        assert float(cells.demand[name].mean()) == pytest.approx(getattr(cells, name), rel=1e-9)


@pytest.mark.parametrize("line", [True, False])
def test_lines_and_areas_stay_within_their_bounds_wherever_they_are_moved(line: bool) -> None:
    rng = np.random.default_rng(4)
    reaches = discs(rng, 5)
    region = shapely.union_all(reaches.geometry.to_numpy())
    shape = (
        shapely.LineString([(-3000, -2000), (3000, 2500)])
        if line
        else block(-2000, -1500, 4000, 3000)
    )
    found = assess(frame([shape], location_precision_m=[470.0]), reaches).demand.iloc[0]
    size = "length" if line else "area"
    for dx, dy in sunflower(200, 470.0):
        moved = shapely.affinity.translate(shape, dx, dy)
        share = getattr(moved.intersection(region), size) / getattr(shape, size)
        assert found["share_covered_low"] - 1e-4 <= share <= found["share_covered_high"] + 1e-4
    assert found["share_covered_low"] < found["share_covered"] < found["share_covered_high"]


@pytest.mark.parametrize("wrong", [-1.0, 6e6, np.inf, "near"])
def test_impossible_precision_is_refused(wrong: object) -> None:
    reaches = frame([block(0, 0)], partner=["A"], kind=["patrol"])
    demand = frame([shapely.Point(0, 0)], location_precision_m=[wrong])
    with pytest.raises(SchemaError, match="location_precision_m"):
        assess(demand, reaches)
    with pytest.raises(SchemaError, match="location_precision_m"):
        assess(frame([shapely.Point(0, 0)]), reaches.assign(location_precision_m=[wrong]))


def test_what_reach_knows_of_an_uncertain_site_is_used() -> None:
    site = frame(
        shapely.points([[0, 0]]), partner=["A"], kind=["patrol"], location_precision_m=[1000.0]
    )
    known = reach(site, distance_km=3, uncertain=True)
    values = raster(np.ones((40, 40)), cell=250)
    found = assess(values, known)
    assert found.share_covered_low == pytest.approx(
        known["certain_area_km2"].iloc[0] / 100, rel=1e-4
    )
    assert found.share_covered_high == pytest.approx(
        known["possible_area_km2"].iloc[0] / 100, rel=1e-4
    )
    drifted = assess(values, reach(site, distance_km=3))
    assert drifted.share_covered_low == pytest.approx(found.share_covered_low, rel=1e-3)
    # What it says goes before what drifting would give.
    half = known.assign(reach_certain=shapely.Point(-77, 1).buffer(0.001))
    assert assess(values, half).share_covered_low < 0.01
