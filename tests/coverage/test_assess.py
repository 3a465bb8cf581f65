from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from geocn.coverage import assess
from geocn.errors import CRSError, GeometryError, ParameterError, SchemaError

PLANE = "EPSG:6933"  # boxes in metres, exact areas


small = st.integers(-2, 9)
squares = st.tuples(st.integers(0, 8), st.integers(0, 8), st.integers(1, 4))


def frame(shapes, crs=PLANE, **columns):
    return gpd.GeoDataFrame(columns, geometry=list(shapes), crs=crs)


def block(x, y, width=1000, height=1000):
    return shapely.box(x, y, x + width, y + height)


def partners(*shapes, names=None):
    names = names or list("ABCDEFG"[: len(shapes)])
    return frame(shapes, partner=names, kind=["treatment"] * len(shapes))


def test_points_with_overlapping_partners_and_presence():
    demand = frame(
        [*shapely.points([500, 1500, 2500, 9000], [500] * 4), None], people=[10, 20, 30, 40, 7]
    )
    reaches = partners(block(0, 0, 2000), block(1000, 0, 2000), None)
    found = assess(demand, reaches, weight="people")
    assert (found.total, found.covered, found.share_covered) == (100, 60, 0.6)
    table = found.by_partner.set_index("partner")
    assert table["covered_weight"].to_dict() == {"B": 50, "A": 30, "C": 0}
    assert table["exclusive_weight"].to_dict() == {"B": 30, "A": 10, "C": 0}
    assert table["n_presence_only"].to_dict() == {"B": 0, "A": 0, "C": 1}
    assert found.duplication.loc["A", "B"] == found.duplication.loc["B", "A"] == 20
    assert found.duplication.loc["A", "A"] == 30
    assert found.demand["n_partners"].tolist() == [1, 2, 1, 0, pd.NA]
    assert found.demand["covered"].tolist() == [True, True, True, False, pd.NA]
    assert found.gaps[["rank", "gap_weight"]].to_numpy().tolist() == [[1, 40]]
    assert found.gaps.index.tolist() == [3]
    assert (found.n_left_out, found.weight_left_out, found.n_presence_only) == (1, 7, 1)
    summary = found.summary()
    assert summary["share_covered_lowest"] == pytest.approx(60 / 107)
    assert found.by_kind["covered_weight"].tolist() == [60]


def test_areas_are_covered_by_share_and_gaps_keep_what_is_left():
    demand = frame([block(0, 0), block(5000, 0, 2000)], ha=[100.0, 400.0])
    reaches = partners(block(-500, 0), block(0, 0, 250))
    found = assess(demand, reaches, weight="ha")
    assert found.demand["share_covered"].tolist() == pytest.approx([0.5, 0.0], abs=1e-6)
    assert found.covered == pytest.approx(50, rel=1e-6)
    assert found.duplication.loc["A", "B"] == pytest.approx(25, rel=1e-6)
    assert found.gaps["gap_weight"].tolist() == pytest.approx([400, 50], rel=1e-6)
    assert found.gaps.geometry.iloc[1].area == pytest.approx(0.5e6, rel=1e-6)
    assert found.gaps.crs == demand.crs


def test_lines_are_covered_by_length():
    line = shapely.LineString([(-77, 0), (-75, 0)])
    demand = frame([line], crs="EPSG:4326")
    reaches = frame([shapely.box(-77, -1, -76.5, 1)], "EPSG:4326", partner=["A"], kind=["patrol"])
    found = assess(demand, reaches)
    assert found.unit == "km"
    assert found.total == pytest.approx(222.639, rel=1e-5)
    assert found.share_covered == pytest.approx(0.25, rel=1e-4)


def test_overlapping_demand_counts_once_for_the_denser_row():
    demand = frame([block(0, 0, 2000), block(1000, 0, 2000)], ha=[100.0, 300.0])
    nobody = partners(None)
    once = assess(demand, nobody, weight="ha")
    assert once.demand["demand_weight"].tolist() == pytest.approx([50, 300])
    assert once.overlap_weight == pytest.approx(50)
    assert assess(demand, nobody, weight="ha", overlaps="add").total == 400
    assert assess(demand, nobody).total == pytest.approx(3.0, rel=1e-3)


def test_the_same_area_twice_counts_once_and_neighbours_lose_nothing():
    demand = frame([block(0, 0), block(0, 0), block(1000, 0)], ha=[10.0, 10.0, 5.0])
    found = assess(demand, partners(block(0, 0, 2000)), weight="ha")
    assert found.demand["demand_weight"].tolist() == pytest.approx([10, 0, 5])
    assert found.total == pytest.approx(15)
    assert found.share_covered == pytest.approx(1)
    assert len(found.gaps) == 0
    assert found.demand["share_covered"].isna().tolist() == [False, True, False]


@settings(max_examples=20)
@given(
    st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9), st.integers(0, 50)), max_size=12),
    st.lists(st.tuples(small, small, st.integers(1, 6), st.sampled_from("ABC")), max_size=5),
)
def test_points_agree_with_counting_one_by_one(points, sites):
    demand = frame(
        [shapely.Point(100 * x + 50, 100 * y + 50) for x, y, _ in points],
        w=[float(w) for *_, w in points],
    )
    boxes = [block(100 * x, 100 * y, 100 * n, 100 * n) for x, y, n, _ in sites]
    reaches = partners(*boxes, names=[name for *_, name in sites])
    found = assess(demand, reaches, weight="w")
    whom = [
        {s[3] for s in sites if s[0] <= x < s[0] + s[2] and s[1] <= y < s[1] + s[2]}
        for x, y, _ in points
    ]
    weights = [w for *_, w in points]
    assert found.covered == sum(w for w, who in zip(weights, whom, strict=True) if who)
    assert found.demand["n_partners"].tolist() == [len(who) for who in whom]
    for a in found.duplication.index:
        alone = sum(w for w, who in zip(weights, whom, strict=True) if who == {a})
        row = found.by_partner.set_index("partner").loc[a]
        assert row["exclusive_weight"] == alone
        for b in found.duplication.columns:
            both = sum(w for w, who in zip(weights, whom, strict=True) if {a, b} <= who)
            assert found.duplication.loc[a, b] == both


@settings(max_examples=20)
@given(st.lists(squares, min_size=1, max_size=6), st.lists(squares, max_size=4))
def test_areas_agree_with_counting_squares(demands, sites):
    """Unit squares belong to the first row that holds them: without weights all are alike."""
    demand = frame([block(1000 * x, 1000 * y, 1000 * n, 1000 * n) for x, y, n in demands])
    reaches = partners(*[block(1000 * x, 1000 * y, 1000 * n, 1000 * n) for x, y, n in sites])
    cells = [{(i, j) for i in range(x, x + n) for j in range(y, y + n)} for x, y, n in demands]
    reached = set().union(
        *({(i, j) for i in range(x, x + n) for j in range(y, y + n)} for x, y, n in sites)
    )
    wanted = set().union(*cells)
    found = assess(demand, reaches)
    assert found.total == pytest.approx(len(wanted), rel=1e-4)
    assert found.covered == pytest.approx(len(wanted & reached), rel=1e-4, abs=1e-6)
    open_ = len(wanted - reached)
    assert found.gaps["gap_weight"].sum() == pytest.approx(open_, rel=1e-4, abs=1e-4)
    added = assess(demand, reaches, overlaps="add")
    assert added.total == pytest.approx(sum(map(len, cells)), rel=1e-4)


def test_groups_without_a_name_and_columns_that_are_not_there():
    reaches = frame([block(0, 0), block(0, 0)], partner=["A", None])
    found = assess(frame(shapely.points([[500, 500]])), reaches)
    assert found.by_partner["partner"].tolist() == ["(not stated)", "A"]
    assert found.by_kind["kind"].tolist() == ["(not stated)"]
    with pytest.raises(SchemaError, match="parnter"):
        assess(frame(shapely.points([[500, 500]])), reaches, by=("parnter",))


def test_empty_demand_and_no_reaches_give_the_same_columns():
    demand = frame(shapely.points([[500, 500]]), w=[2.0])
    full = assess(demand, partners(block(0, 0)), weight="w")
    empty = assess(demand.iloc[:0], partners(block(0, 0)), weight="w")
    nobody = assess(demand, partners(block(0, 0)).iloc[:0], weight="w")
    for found in (empty, nobody):
        assert list(found.demand.columns) == list(full.demand.columns)
        assert list(found.gaps.columns) == list(full.gaps.columns)
        assert list(found.by_partner.columns) == list(full.by_partner.columns)
    assert np.isnan(empty.share_covered)
    assert nobody.share_covered == 0


def test_demand_and_reaches_in_different_systems_across_the_antimeridian():
    demand = frame(shapely.points([179.99, -179.99], [0, 0]), crs="EPSG:4326")
    from geocn.coverage import reach

    site = frame([shapely.Point(180, 0)], "EPSG:4326", partner=["A"], kind=["patrol"])
    area = reach(site, distance_km=5)
    assert assess(demand, area).share_covered == 1
    assert assess(demand.to_crs(PLANE), area).share_covered == 1


def test_zero_length_lines_and_bow_ties_still_count():
    dot = shapely.LineString([(500, 500), (500, 500)])
    assert assess(frame([dot], w=[3.0]), partners(block(0, 0)), weight="w").covered == 3
    bow = shapely.Polygon([(0, 0), (1000, 1000), (1000, 0), (0, 1000)])
    assert assess(frame([bow], w=[4.0]), partners(bow), weight="w").share_covered == pytest.approx(
        1
    )


def test_odd_geometries_are_counted_whole():
    texts = [
        "POINT Z (-77 1 5)",
        "MULTIPOINT ((-77 1), (-76 1))",
        "POLYGON ((-77 1, -76 1, -77 1, -77 1))",
        "GEOMETRYCOLLECTION (POINT (-70 1), LINESTRING (-70 1, -69 1))",
        "POLYGON EMPTY",
        "GEOMETRYCOLLECTION (POLYGON EMPTY, POINT EMPTY)",
    ]
    demand = frame(shapely.from_wkt(texts), "EPSG:4326", w=[1.0] * 6)
    area = frame([shapely.box(-78, 0, -69.5, 2)], "EPSG:4326", partner=["A"], kind=["patrol"])
    found = assess(demand, area, weight="w")
    assert (found.total, found.n_left_out) == (4, 2)
    assert found.demand["share_covered"].tolist()[:4] == pytest.approx([1, 1, 1, 0.5], rel=1e-3)


def test_the_input_is_not_changed():
    demand = frame([block(0, 0), block(500, 0)], w=[1.0, 2.0])
    before = demand.copy()
    found = assess(demand, partners(block(0, 0)), weight="w")
    pd.testing.assert_frame_equal(pd.DataFrame(demand), pd.DataFrame(before))
    assert found.gaps.attrs["geocn"]["method"] == "coverage.assess"


POINT = frame(shapely.points([[500, 500]]), w=[2.0])


@pytest.mark.parametrize(
    ("demand", "reaches", "options", "error", "word"),
    [
        (POINT.assign(w=np.nan), partners(block(0, 0)), {"weight": "w"}, SchemaError, "1 missing"),
        (POINT.assign(w=-1.0), partners(block(0, 0)), {"weight": "w"}, SchemaError, "1 negative"),
        (POINT, partners(block(0, 0)), {"weight": "people"}, SchemaError, "people"),
        (POINT, partners(shapely.Point(0, 0)), {}, GeometryError, "reach"),
        (POINT.assign(covered=1), partners(block(0, 0)), {}, SchemaError, "covered"),
        (POINT, partners(block(0, 0)), {"by": ()}, ParameterError, "by"),
        (POINT, partners(block(0, 0)), {"overlaps": "twice"}, ParameterError, "twice"),
        (
            frame([block(0, 0), shapely.Point(0, 0)]),
            partners(block(0, 0)),
            {},
            ParameterError,
            "mix",
        ),
        (POINT.set_crs(None, allow_override=True), partners(block(0, 0)), {}, CRSError, "CRS"),
    ],
)
def test_refusals(demand, reaches, options, error, word):
    with pytest.raises(error, match=word):
        assess(demand, reaches, **options)
