"""What imprecise evidence, dates and crossing points do to hotspots along borders."""

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from geocn.errors import DateError, LayerError
from geocn.hotspots import BorderPoisson, border_hotspots, border_segments
from geocn.hotspots.border_chains import Chains
from geocn.hotspots.border_emerging import emerging_classes
from geocn.hotspots.border_evidence import first_of_route, locate_crossings


def two_borders():
    """A border of 220 km in two pieces with a gap, and another of 110 km."""
    lines = [
        shapely.LineString([(0, 0), (0, 1)]),
        shapely.LineString([(1, 1.5), (1, 2.5)]),
        shapely.LineString([(5, 0), (5, 1)]),
    ]
    columns = {"dyad": ["AAA-BBB", "AAA-BBB", "AAA-CCC"]}
    return gpd.GeoDataFrame(columns, geometry=lines, crs=4326)


def crossings(chainage_km, dyad="AAA-BBB", **columns):
    n = len(chainage_km)
    data = {
        "dyad": [dyad] * n,
        "chainage_km": np.asarray(chainage_km, dtype=float),
        "from_country": ["AAA"] * n,
        "route_row": np.arange(n),
        **columns,
    }
    return gpd.GeoDataFrame(data, geometry=[shapely.Point(0, 0)] * n, crs=4326)


@pytest.fixture
def segments():
    return border_segments(two_borders(), length_km=10)


def test_chains_end_where_the_border_does(segments):
    chains = Chains.of(segments.iloc[::-1])
    assert np.unique(chains.chain, return_counts=True)[1].tolist() == [11, 11, 11]
    back = segments.iloc[::-1].iloc[chains.order]
    assert back.index.tolist() == segments.index.tolist()
    one, other, apart = chains.pairs_within(25)
    assert (chains.chain[one] == chains.chain[other]).all()
    assert len(one) == 3 * (10 + 9)
    assert apart.max() < 25
    assert len(Chains.of(segments.iloc[:0]).order) == 0
    assert len(Chains.of(segments.iloc[:1]).order) == 1


def test_an_imprecise_route_may_cross_anywhere_near_on_its_chain(segments):
    found = crossings([5.0, 5.0, 60.0], location_precision_m=[30e3, 100.0, 1e6])
    chains = Chains.of(segments)
    located = locate_crossings(found, segments, chains, imputations=400, seed=1)
    assert located.imprecise.tolist() == [True, False, True]
    assert set(located.rows[:, 0]) == {0, 1, 2, 3}
    assert set(located.rows[:, 1]) == {0}
    # The gap is not passed, nor the end of the chain.
    assert set(located.rows[:, 2]) == set(range(11))
    shares = np.bincount(located.rows[:, 2], minlength=11) / 400
    assert np.allclose(shares, 1 / 11, atol=0.05)
    result = border_hotspots(found, segments, imputations=400, seed=1, method="poisson")
    assert result["n_crossings"].sum() == pytest.approx(3)
    assert result["observed"].sum() == pytest.approx(3)
    assert result["n_imprecise"].sum() == pytest.approx(2)
    share = result["imprecise_share"]
    assert share.iloc[0] == pytest.approx(1 - 1 / result["observed"].iloc[0])
    assert share.iloc[[5, 9]].tolist() == [1, 1]
    assert share.iloc[11:].isna().all()
    left = border_hotspots(found, segments, imputations=0)
    assert left["observed"].sum() == 1
    assert left.attrs["geocn"]["left_out"]["crossings_imprecise"] == 2


def test_the_crossings_of_one_route_move_alike(segments):
    found = crossings([52.0, 54.0, 52.0], location_precision_m=30e3)
    found["route_row"] = [7, 7, 8]
    located = locate_crossings(found, segments, Chains.of(segments), imputations=200, seed=0)
    together = np.abs(located.rows[:, 0] - located.rows[:, 1])
    assert together.max() <= 1
    assert np.abs(located.rows[:, 0] - located.rows[:, 2]).max() > 3
    shuffled = locate_crossings(
        found.iloc[[2, 1, 0]], segments, Chains.of(segments), imputations=200, seed=0
    )
    assert np.array_equal(shuffled.rows, located.rows[:, [2, 1, 0]])


@pytest.mark.parametrize("method", ["scan", "kernel", "empirical_bayes", "poisson"])
def test_a_pile_of_vague_routes_is_no_hotspot_but_a_sharp_one_is(segments, method):
    segments = segments.iloc[:22]
    calm = np.random.default_rng(0).uniform(111, 221, 40)
    pile = np.append(calm, np.full(40, 55.0))
    sharp = border_hotspots(crossings(pile), segments, method=method)
    assert sharp["hotspot_class"].iloc[5] == "hot"
    assert sharp["cluster_id"].iloc[5] == 1
    vague = crossings(pile, location_precision_m=np.append(np.full(40, 1.0), np.full(40, 60e3)))
    result = border_hotspots(vague, segments, method=method)
    assert not (result["hotspot_class"].iloc[:11] == "hot").any()
    if method in ("kernel", "poisson"):
        assert result["fraction_missing"].iloc[5] > 0.05
        assert (result["fraction_missing"].iloc[11:22] < 0.5).all()


def test_what_imprecision_puts_where_nobody_looked_is_dropped(segments):
    seen = segments.assign(hours=np.where(segments.index < 5, 1.0, 0.0))
    found = crossings([25.0] * 50, location_precision_m=50e3)
    result = border_hotspots(found, seen, exposure="hours")
    assert result["observed"].iloc[5:].sum() == 0
    dropped = result.attrs["geocn"]["left_out"]["imprecise_without_exposure"]
    assert result["observed"].sum() + dropped == pytest.approx(50)
    assert dropped > 10
    with pytest.raises(LayerError, match="hours"):
        border_hotspots(crossings([75.0]), seen, exposure="hours")
    # Evidence that does not count may lie anywhere.
    border_hotspots(
        crossings([25.0]),
        seen,
        exposure="hours",
        weights={"crossings": 1, "seizures": 0},
        seizures=gpd.GeoDataFrame(geometry=[shapely.Point(0, 0.9)], crs=4326),
    )


def test_weights_are_stated_and_nothing_is_lost(segments):
    caught = gpd.GeoDataFrame(geometry=[shapely.Point(0.01, y) for y in (0.2, 0.2, 0.7)], crs=4326)
    weights = {"crossings": 1.0, "seizures": 0.25}
    result = border_hotspots(crossings([5.0, 15.0]), segments, seizures=caught, weights=weights)
    assert result["observed"].sum() == 2.75
    assert result["expected"].sum() == pytest.approx(2.75)
    assert result["observed"].iloc[2] == 0.5
    record = result.attrs["geocn"]
    assert record["weights"] == weights
    assert record["judged"]["whole_weights"] == [4, 1]
    assert record["n_evidence"] == 2.75


def test_places_bound_where_a_coded_seizure_may_lie(segments):
    province = gpd.GeoDataFrame(
        {"admin_code": ["P1"]}, geometry=[shapely.box(-0.05, 0.3, 0.05, 0.6)], crs=4326
    )
    caught = gpd.GeoDataFrame(
        {"admin_code": ["P1"] * 30, "location_precision_m": 50e3},
        geometry=[shapely.Point(0, 0.45)] * 30,
        crs=4326,
    )
    result = border_hotspots(crossings([]), segments, seizures=caught, places=province)
    assert result["n_seizures"].sum() == pytest.approx(30)
    inside = result["n_seizures"].to_numpy() > 0
    assert np.flatnonzero(inside).tolist() == [3, 4, 5, 6]
    assert result["imprecise_share"][inside].tolist() == [1.0] * 4


def test_crossings_between_posts_are_told_apart(segments):
    said = pd.array([True, False, None], dtype="boolean")
    result = border_hotspots(crossings([5.0, 5.0, 5.0], between_posts=said), segments)
    assert result["n_between_posts"].iloc[0] == 1
    assert result["share_between_posts"].iloc[0] == 0.5
    assert result["share_between_posts"].iloc[1:].isna().all()
    silent = border_hotspots(crossings([5.0]), segments)
    assert silent["n_between_posts"].isna().all()
    assert silent["n_posts"].isna().all()
    posts = border_hotspots(crossings([5.0]), segments.assign(n_posts=2))
    assert (posts["n_posts"] == 2).all()


# ---- time --------------------------------------------------------------------------


def in_months(months, place_km):
    start = pd.Timestamp("2024-01-10", tz="UTC")
    when = [start + pd.DateOffset(months=int(m)) for m in months]
    return crossings(place_km, crossed_at=pd.DatetimeIndex(when))


def test_a_segment_that_heats_up_in_the_last_month_is_new(segments):
    months = np.append(np.repeat(np.arange(12), 5), np.full(20, 11))
    spread = np.random.default_rng(0).permutation(np.linspace(1, 219, 60))
    place = np.append(spread, np.full(20, 105.0))
    result = border_hotspots(in_months(months, place), segments)
    assert result["emerging_class"].iloc[10] == "new_hot"
    assert (result["emerging_class"].iloc[22:] == "none").all()
    record = result.attrs["geocn"]["emerging"]
    assert record["n_periods"] == 12
    assert record["n_dated"] == 80
    always = np.append(months[:60], np.repeat(np.arange(12), 8))
    place = np.append(place[:60], np.full(96, 105.0))
    lasting = border_hotspots(in_months(always, place), segments)
    assert lasting["emerging_class"].iloc[10] == "persistent_hot"


def test_without_dates_the_class_is_null_with_a_reason(segments):
    def reason(found, **options):
        result = border_hotspots(found, segments, **options)
        assert result["emerging_class"].isna().all()
        return result.attrs["geocn"]["emerging"]["reason"]

    assert reason(crossings([5.0])) == "no evidence has a date"
    assert reason(in_months([0, 0], [5.0, 6.0])) == "all evidence lies in one month"
    assert reason(in_months([0, 1], [5.0, 6.0]), step=None) == "not asked for"
    vague = in_months([0, 5], [5.0, 6.0]).assign(date_precision="year")
    assert reason(vague) == "no evidence has a date"
    assert border_hotspots(vague, segments, step="year").attrs["geocn"]["emerging"]["n_dated"] == 2
    with pytest.raises(DateError, match="crossed_at"):
        border_hotspots(crossings([5.0], crossed_at=["soon"]), segments)


def test_a_route_counts_when_it_first_came(segments):
    found = in_months([3, 1, 2], [5.0, 5.0, 15.0]).assign(route_row=[0, 0, 0])
    when = found["crossed_at"].dt.tz_localize(None)
    assert first_of_route(found, np.array([0, 0, 1]), when).tolist() == [False, True, True]
    assert first_of_route(found, np.array([-1, 0, -1]), when).tolist() == [False, True, False]
    undated = when.mask([False, True, False])
    assert first_of_route(found, np.array([0, 0, 1]), undated).tolist() == [True, False, True]


def test_months_keep_the_level_under_uneven_exposure():
    below = total = 0
    for seed in range(25):
        rng = np.random.default_rng(seed)
        exposed = rng.lognormal(0, 1, 30)
        place = rng.choice(30, 300, p=exposed / exposed.sum())
        when = pd.Series(
            np.datetime64("2024-01-01", "us") + rng.integers(0, 366, 300) * 86_400_000_000
        )
        found = emerging_classes(
            place, when, exposed, np.full(30, 30), step="month", alpha=0.05, correction="bonferroni"
        )
        below += bool((found.names != "none").any())
        total += 1
    assert below / total <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / total)


def test_the_settings_of_poisson_are_its_name(segments):
    found = crossings([5.0, 6.0, 100.0])
    named, made = (border_hotspots(found, segments, method=m) for m in ("poisson", BorderPoisson()))
    pd.testing.assert_frame_equal(named, made)
    assert named.attrs == made.attrs
