"""Coverage by area and by period, gaps with their site, duplication, and the report."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from geocn.coverage import assess, reach
from geocn.errors import CRSError, GeometryError, ParameterError, SchemaError
from tests.coverage.worlds import block, discs, frame, raster


def demand_of(kind: str, rng: np.random.Generator, n: int = 25) -> gpd.GeoDataFrame:
    xy = rng.uniform(-5000, 5000, (n, 2))
    far = xy + rng.uniform(300, 3000, (n, 2))
    shapes = {
        "points": shapely.points(xy),
        "vague points": shapely.points(xy),
        "lines": shapely.linestrings(np.stack([xy, far], axis=1)),
        "areas": shapely.box(*xy.T, *far.T),
    }[kind]
    found = frame(shapes, w=rng.integers(1, 9, n).astype(float))
    return found.assign(location_precision_m=900.0) if kind == "vague points" else found


KINDS = st.sampled_from(["points", "vague points", "lines", "areas"])


@settings(max_examples=10, deadline=None)
@given(KINDS, st.integers(0, 10_000), st.integers(0, 6), st.integers(2, 12))
def test_areas_that_part_the_plane_add_up_to_the_whole(
    kind: str, seed: int, n: int, k: int
) -> None:
    rng = np.random.default_rng(seed)
    demand, reaches = demand_of(kind, rng), discs(rng, n)
    whole = block(-20_000, -20_000, 40_000, 40_000)
    seeds = shapely.MultiPoint(rng.uniform(-5000, 5000, (k, 2)))
    parts = shapely.intersection(
        shapely.get_parts(shapely.voronoi_polygons(seeds, extend_to=whole)), whole
    )
    found = assess(
        demand, reaches, weight="w", areas=frame(parts, name=[f"n{i}" for i in range(k)])
    )
    table = found.by_area
    assert table["demand_weight"].sum() == pytest.approx(found.total, rel=1e-6)
    assert table["covered_weight"].sum() == pytest.approx(found.covered, rel=1e-6, abs=1e-6)
    for name in ("share_covered_low", "share_covered_high"):
        weight = (table[name].fillna(0) * table["demand_weight"]).sum()
        assert weight == pytest.approx(getattr(found, name) * found.total, rel=1e-6, abs=1e-6)
    assert found.weight_outside_areas == pytest.approx(0, abs=1e-6 * found.total)
    shares = table[["share_covered_low", "share_covered", "share_covered_high"]].dropna().to_numpy()
    assert (np.diff(shares, axis=1) >= -1e-9).all()
    assert (table.sort_values("gap_rank")["gap_weight"].diff().dropna() <= 1e-9).all()


@settings(max_examples=10, deadline=None)
@given(KINDS, st.integers(0, 10_000), st.integers(1, 6))
def test_more_reach_never_covers_less_and_order_does_not_matter(
    kind: str, seed: int, n: int
) -> None:
    rng = np.random.default_rng(seed)
    demand, reaches = demand_of(kind, rng), discs(rng, n)
    full, less = (assess(demand, r, weight="w") for r in (reaches, reaches.iloc[1:]))
    for name in ("share_covered_low", "share_covered", "share_covered_high"):
        assert -1e-9 <= getattr(less, name) <= getattr(full, name) + 1e-9 <= 1 + 2e-9
        step = full.demand[name] - less.demand[name]
        assert step.dropna().min() >= -1e-9
    order = rng.permutation(n)
    other = assess(demand.iloc[::-1], reaches.iloc[order], weight="w")
    # Which of equal rows keeps an overlap depends on their order; the whole does not.
    if "points" in kind or kind == "lines":
        pd.testing.assert_series_equal(
            other.demand["share_covered"].iloc[::-1], full.demand["share_covered"], atol=1e-9
        )
        for name, table in full.by.items():
            pd.testing.assert_frame_equal(
                other.by[name].set_index(name).sort_index(), table.set_index(name).sort_index(),
                rtol=1e-9, atol=1e-9,
            )  # fmt: skip
    assert other.total == pytest.approx(full.total)


def test_a_point_on_a_common_edge_counts_once_and_overlapping_areas_each() -> None:
    areas = frame([block(-1000, 0), block(0, 0), block(-500, 0)], admin=["west", "east", "middle"])
    found = assess(
        frame(shapely.points([[0, 500], [5000, 0]])),
        discs(np.random.default_rng(0), 0),
        areas=areas,
    )
    assert found.by_area["demand_weight"].tolist() == [1, 0, 0]
    assert found.by_area["area_name"].tolist() == ["west", "east", "middle"]
    assert found.weight_outside_areas == 1
    square = assess(
        frame([block(-1000, 0, 2000)], w=[20.0]),
        discs(np.random.default_rng(0), 0),
        weight="w",
        areas=areas,
    )
    assert square.by_area["demand_weight"].tolist() == pytest.approx([10, 10, 10])
    assert square.weight_outside_areas == pytest.approx(0, abs=1e-9)


def dated(**columns) -> gpd.GeoDataFrame:
    shapes = [block(-500, -500), block(8500, -500), block(18_500, -500)]
    dates = {
        "starts_on": pd.to_datetime(["2024-01-01", "2024-02-15", None], utc=True),
        "ends_on": pd.to_datetime(["2024-03-10", None, None], utc=True),
    }
    return frame(shapes, partner=list("ABC"), kind=["patrol"] * 3, **(dates | columns))


PLACES = frame(shapely.points([[0, 0], [9000, 0], [19_000, 0]]), w=[1.0, 2.0, 4.0])


@pytest.mark.parametrize(
    "periods",
    ["M", ["2024-01", "2024-02", "2024-03"],
     [("2024-01-01", "2024-01-31"), ("2024-02-01", "2024-02-29"), ("2024-03-01", "2024-03-31")]],
)  # fmt: skip
def test_periods_count_whom_they_touch_and_who_is_there_throughout(periods) -> None:
    table = assess(PLACES, dated(), weight="w", periods=periods).by_period
    assert table["n_active"].tolist() == [2, 3, 3]
    assert table["n_active_throughout"].tolist() == [2, 2, 2]
    assert table["n_undated"].tolist() == [1, 1, 1]
    assert table["covered_weight"].tolist() == [5, 7, 7]
    assert table["covered_weight_throughout"].tolist() == [5, 5, 6]
    assert table["share_covered"].tolist() == pytest.approx([5 / 7, 1, 1])
    assert table["period_starts_on"].dt.strftime("%m-%d").tolist() == ["01-01", "02-01", "03-01"]


def test_periods_of_a_raster_and_of_suspended_sites() -> None:
    array = raster([[1.0, 2.0]] * 2, cell=1000)
    shapes = [block(-1000, -1000, 1000, 2000), block(0, -1000, 1000, 2000)]
    reaches = frame(
        shapes, partner=["A", "B"], kind=["k"] * 2, starts_on=["2023-05-01", "2024-05-01"]
    )
    table = assess(array, reaches, periods="Y").by_period
    assert table["covered_weight"].tolist() == pytest.approx([2, 6])
    assert table["covered_weight_throughout"].tolist() == pytest.approx([0, 2])
    paused = assess(array, reaches.assign(status=["active", "suspended"]), periods="Y").by_period
    assert paused["covered_weight"].tolist() == pytest.approx([2, 2])


@pytest.mark.parametrize(
    ("options", "error", "word"),
    [
        ({"periods": "fortnight"}, ParameterError, "fortnight"),
        ({"periods": ["soon"]}, ParameterError, "soon"),
        ({"periods": [("2024-02-01", "2024-01-01")]}, ParameterError, "before"),
        ({"areas": frame([shapely.Point(0, 0)])}, GeometryError, "areas"),
        ({"areas": frame([block(0, 0)], gap_rank=[1])}, SchemaError, "gap_rank"),
        ({"areas": frame([block(0, 0)], None)}, CRSError, "areas"),
        ({"overlaps": "twice", "per": "ha"}, ParameterError, "twice.*ha"),
    ],
)
def test_refusals(options, error, word) -> None:
    with pytest.raises(error, match=word):
        assess(PLACES, dated(), weight="w", **options)
    undated = dated().drop(columns=["starts_on", "ends_on"])
    with pytest.raises(ParameterError, match="list the periods"):
        assess(PLACES, undated, periods="M")


def test_gaps_name_the_nearest_site_and_their_area() -> None:
    sites = frame(shapely.points([[0, 0], [30_000, 0]]), partner=["A", "B"], kind=["patrol"] * 2)
    sites["intervention_id"] = ["post 1", None]
    demand = frame(shapely.points([[10_000, 0], [24_000, 0], [0, 1]]), w=[3.0, 5.0, 9.0])
    areas = frame([block(20_000, -5000, 9000, 9000)], name=["Tibú"])
    found = assess(demand, reach(sites, distance_km=2), weight="w", areas=areas)
    assert found.gaps["rank"].tolist() == [1, 2]
    assert found.gaps["nearest_site"].tolist() == ["1", "post 1"]
    assert found.gaps["nearest_site_km"].tolist() == pytest.approx([6, 10], rel=1e-3)
    assert found.gaps["area"].tolist()[0] == "Tibú"
    assert pd.isna(found.gaps["area"].tolist()[1])
    alone = assess(demand, reach(sites, distance_km=2).iloc[:0], weight="w")
    assert alone.gaps["nearest_site"].isna().all()


def test_duplication_as_weight_share_and_jaccard() -> None:
    demand = frame(shapely.points([[i * 1000, 0] for i in range(4)]), w=[1.0, 2.0, 4.0, 8.0])
    reaches = frame(
        [block(-500, -500, 3000), block(1500, -500, 3000), None, block(50_000, 0)],
        partner=list("ABCD"), kind=["patrol"] * 4,
    )  # fmt: skip
    found = assess(demand, reaches, weight="w")
    names = ["B", "A", "C", "D"]
    assert found.duplication.index.tolist() == names
    assert found.duplication.loc["A", "B"] == 4
    assert found.duplication_share.loc["A", "B"] == pytest.approx(4 / 7)
    assert found.duplication_share.loc["B", "A"] == pytest.approx(4 / 12)
    assert found.duplication_jaccard.loc["A", "B"] == pytest.approx(4 / 15)
    assert found.duplication_jaccard.loc["A", "A"] == 1
    assert found.duplication_share.loc["C"].isna().all()
    assert found.by_partner["n_presence_only"].tolist() == [0, 0, 1, 0]


def test_the_report_says_it_in_sentences() -> None:
    demand = frame(
        [*shapely.points([[i * 1000, 0] for i in range(4)]), None], w=[1.0, 2.0, 4.0, 8.0, 5.0]
    )
    reaches = frame(
        [block(-500, -500, 3000), block(500, -500), None], partner=list("ABC"),
        kind=["patrol", "treatment", "patrol"], capacity=[3.0, None, None],
    )  # fmt: skip
    areas = frame([block(-900, -900, 9000, 9000)], name=["Valley"])
    found = assess(
        demand, reaches, weight="w", areas=areas, periods=["2024-01", "2024-02"], capacity="most"
    )
    text = found.report()
    for sentence in (
        "Of 15 w of demand, 7 w lie within reach: 46.7 %.",
        "1 row of demand without a place (5 w): not in these shares.",
        "1 intervention without a reach: presence only.",
        "A covers 46.7 %, 5 w of it alone.",
        "Most is covered twice by A and B: 2 w.",
        "1 gap out of reach, the heaviest first: the first holds 8 w in Valley; ",
        "the nearest site is 0, 2 km away.",
        "Security alone covers 33.3 %, civilians alone 0.0 %, both 13.3 %, neither 53.3 %.",
        "Within their capacity sites serve 20.0 % (at best); the most they could is 20.0 %.",
        "1 site without a stated capacity",
        "Most is missing in Valley (8 w).",
        "From 2024-01-01 to 2024-02-29",
    ):
        assert sentence in text
    assert all(isinstance(value, (int, float, str)) for value in found.summary().values())
    assert found.equity_of_areas.n == 1
    nothing = assess(demand.iloc[:0], reaches, weight="w")
    assert "no share (there is no demand)" in nothing.report()
    assert nothing.equity_of_areas is None


@pytest.mark.parametrize("nothing", [None, shapely.Point(), shapely.Polygon()])
def test_a_reach_that_is_empty_is_presence_only(nothing: object) -> None:
    demand = frame([block(0, 0)], w=[5.0])
    reaches = frame([nothing, block(5000, 0)], partner=["A", "B"], kind=["patrol", "patrol"])
    found = assess(demand, reaches, weight="w")
    assert found.gaps["nearest_site"].tolist() == ["1"]
    assert found.covered == 0
