"""The spatial scan against every window tried one by one, and against SaTScan's output."""

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from geocn.errors import CRSError, LayerError, ParameterError, SchemaError
from geocn.hotspots import spatial_scan
from geocn.hotspots.scan_windows import Study, draw_cases, scan_all

COLUMNS = ["observed", "exposure", "expected", "rate", "relative_risk"]
COLUMNS += [
    "log_likelihood_ratio",
    "p_value",
    "p_value_gumbel",
    "n_members",
    "members",
    "centre",
    "radius_m",
    "geometry",
]


def xlogy(a, b):
    return a * np.log(b) if a else 0.0


def ratio_by_formula(c, n, total, whole, model):
    if model == "poisson":
        e = n * total / whole
        if c <= e:
            return 0.0
        return xlogy(c, c / e) + xlogy(total - c, (total - c) / (total - e or 1))
    if c * whole <= n * total:
        return 0.0
    out, rest = total - c, whole - n
    inside = xlogy(c, c / n) + xlogy(n - c, (n - c) / n)
    outside = xlogy(out, out / rest) + xlogy(rest - out, (rest - out) / rest)
    free = xlogy(total, total / whole) + xlogy(whole - total, (whole - total) / whole)
    return inside + outside - free


def windows(xy, mass, max_share):
    """Every set of areas within a circle around an area, ties all or none."""
    found = set()
    for centre in xy:
        squared = ((xy - centre) ** 2).sum(axis=1)
        for reach in np.unique(squared):
            members = frozenset(np.flatnonzero(squared <= reach).tolist())
            if mass[list(members)].sum() <= max_share * mass.sum() + 1e-9:
                found.add(members)
    return found


def scan_by_force(xy, cases, mass, model, max_share):
    """Greatest ratio, then the greatest among windows that meet none before."""
    total, whole = cases.sum(), mass.sum()
    scored = [
        (ratio_by_formula(cases[list(w)].sum(), mass[list(w)].sum(), total, whole, model), w)
        for w in windows(xy, mass, max_share)
    ]
    ratios = []
    while scored:
        best = max(scored, key=lambda pair: pair[0])
        if best[0] <= 1e-12:
            break
        ratios.append(best[0])
        scored = [pair for pair in scored if not pair[1] & best[1]]
    return ratios


def frame(xy, crs=32618, **columns):
    return gpd.GeoDataFrame(columns, geometry=shapely.points(np.asarray(xy, float)), crs=crs)


@pytest.fixture
def new_york(reference):
    parts = {
        name: np.loadtxt(reference / "hotspots" / "ny_leukaemia" / f"satscan_ny_{name}.txt")
        for name in ("cases", "pop", "coords")
    }
    cases, people = np.floor(parts["cases"][:, 1]), parts["pop"][:, 2]
    assert (cases.sum(), people.sum(), len(cases)) == (552, 1_057_673, 281)
    return frame(parts["coords"][:, 1:], cases=cases, people=people)


@pytest.mark.reference
def test_new_york_leukaemia_is_as_satscan_has_it(new_york):
    found = spatial_scan(new_york, "cases", population="people")
    assert found["log_likelihood_ratio"].head(3).round(6).tolist() == [14.083511, 9.019716, 6.11414]
    assert found["observed"].head(3).tolist() == [100, 38, 64]
    assert found["expected"].head(3).round(2).tolist() == [58.28, 17.79, 40.85]
    assert round(found.loc[1, "relative_risk"], 2) == 1.87
    assert found.loc[1, "p_value"] == 0.001
    assert found.loc[1, "p_value_gumbel"] < 0.001
    assert abs(found.loc[2, "p_value"] - found.loc[2, "p_value_gumbel"]) < 0.01
    members = found["members"].explode()
    assert members.is_unique
    small = spatial_scan(new_york, "cases", population="people", max_share=0.1, permutations=99)
    assert round(small.loc[1, "log_likelihood_ratio"], 6) == 11.577255
    assert small.loc[1, "observed"] == 85
    assert round(small.loc[1, "expected"], 2) == 49.71


areas_of_any_kind = st.lists(
    st.tuples(st.integers(0, 4), st.integers(0, 4), st.integers(0, 9), st.integers(0, 30)),
    min_size=2,
    max_size=16,
)


@given(
    rows=areas_of_any_kind,
    model=st.sampled_from(["poisson", "bernoulli"]),
    share=st.sampled_from([0.5, 0.3]),
)
def test_clusters_are_those_of_every_window_tried(rows, model, share):
    x, y, cases, other = np.array(rows).T
    if model == "poisson":
        cases = np.where(other == 0, 0, cases)
        options, mass = {"population": "other"}, other
    else:
        options, mass = {"controls": "other"}, cases + other
    xy = np.c_[x, y] * 0.1  # ties that rounding makes unequal
    found = spatial_scan(
        frame(xy, cases=cases, other=other),
        "cases",
        model=model,
        max_share=share,
        permutations=9,
        **options,
    )
    ratios = scan_by_force(np.c_[x, y], cases, mass, model, share) if cases.sum() else []
    got = found["log_likelihood_ratio"].to_numpy()
    np.testing.assert_allclose(got[:1], ratios[: len(got[:1])], rtol=1e-9)
    assert found["members"].explode().is_unique
    assert (found["observed"] > found["expected"]).all()


@pytest.mark.parametrize("bernoulli", [False, True])
def test_replicates_have_the_maxima_of_scans_on_their_own(bernoulli):
    rng = np.random.default_rng(3)
    xy = rng.integers(0, 9, (60, 2)).astype(float)
    cases = rng.integers(0, 6, 60)
    mass = (cases + rng.integers(0, 20, 60)).astype(float)
    mass *= 1.0 if bernoulli else cases.sum() / mass.sum()
    model = "bernoulli" if bernoulli else "poisson"
    study = Study(xy, cases[:, None].astype(float), mass, 0.5 * mass.sum(), model)
    replicates = draw_cases(study, permutations=150, seed=2)
    _, maxima = scan_all(study, replicates)
    for batch, best in zip(replicates, maxima, strict=True):
        assert (batch.sum(axis=(0, 1)) == cases.sum()).all()
        for r in range(batch.shape[2]):
            alone = Study(xy, batch[:, :, r].astype(float), mass, study.limit, model)
            assert scan_all(alone, [])[0][0].ratio.max() == pytest.approx(best[r], rel=1e-9)


def test_the_null_is_seldom_called_a_cluster():
    rng = np.random.default_rng(8)
    xy, people = rng.random((40, 2)) * 1e4, rng.integers(1, 500, 40)
    hits = 0
    for number in range(150):
        # A seed each: with shared replicates all runs would share one cut, itself random.
        cases = rng.multinomial(60, people / people.sum())
        found = spatial_scan(
            frame(xy, cases=cases, people=people),
            "cases",
            population="people",
            permutations=59,
            seed=number,
        )
        hits += len(found) > 0 and found.loc[1, "p_value"] <= 0.05
    assert hits / 150 <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 150)


def test_the_null_of_a_bernoulli_scan_is_seldom_called_a_cluster():
    rng = np.random.default_rng(9)
    xy, people = rng.random((30, 2)) * 1e4, rng.integers(1, 12, 30)
    hits = 0
    for number in range(80):
        # 40 of all the people are cases, whoever they are.
        cases = rng.multivariate_hypergeometric(people, 40)
        found = spatial_scan(
            frame(xy, cases=cases, others=people - cases),
            "cases",
            controls="others",
            model="bernoulli",
            permutations=39,
            seed=number,
        )
        hits += len(found) > 0 and found.loc[1, "p_value"] <= 0.05
    # Ties only make it rarer; a test that never called anything would say nothing.
    assert 0 < hits / 80 <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 80)


def test_a_planted_bernoulli_cluster_is_recovered():
    rng = np.random.default_rng(5)
    xy, people = rng.random((60, 2)) * 1e4, rng.integers(40, 60, 60)
    middle = xy[np.argmin(((xy - 5e3) ** 2).sum(axis=1))]
    near = np.argsort(((xy - middle) ** 2).sum(axis=1))[:6]
    chance = np.full(60, 0.1)
    chance[near] = 0.5
    cases = rng.binomial(people, chance)
    found = spatial_scan(
        frame(xy, cases=cases, others=people - cases),
        "cases",
        controls="others",
        model="bernoulli",
        permutations=199,
    )
    first = found.loc[1]
    assert first["p_value"] == 1 / 200
    assert len(set(near.tolist()) & set(first["members"])) >= 5
    assert len(first["members"]) <= 8
    assert first["relative_risk"] > 3


def planted():
    x, y = np.meshgrid(np.arange(8) * 0.1, np.arange(8) * 0.1)
    cells = shapely.box(x - 0.05, y - 0.05, x + 0.05, y + 0.05).ravel()
    data = gpd.GeoDataFrame(
        {"cases": np.ones(64, int), "people": np.full(64, 100)}, geometry=cells, crs=4326
    )
    data.index = [f"area {i}" for i in range(64)]
    data.loc[["area 0", "area 1", "area 8"], "cases"] = 12
    return data


def test_polygons_in_degrees_keep_their_labels_and_join_their_geometry():
    data = planted()
    before = data.copy()
    found = spatial_scan(data, "cases", population="people")
    assert list(found.columns) == COLUMNS
    assert sorted(found.loc[1, "members"]) == ["area 0", "area 1", "area 8"]
    assert found.loc[1, "geometry"].equals(data.geometry.iloc[[0, 1, 8]].union_all())
    assert found.loc[1, "radius_m"] == pytest.approx(11_100, rel=0.01)
    assert found.crs == data.crs
    assert found.attrs["geocn"]["n_cases"] == 97
    pd.testing.assert_frame_equal(data, before)
    pd.testing.assert_frame_equal(found, spatial_scan(data, "cases", population="people"))


def test_areas_without_people_or_geometry_take_part_as_they_can():
    data = planted()
    data.loc["area 9", ["cases", "people"]] = 0
    data.loc["area 63", "geometry"] = None
    found = spatial_scan(data, "cases", population="people", permutations=99)
    assert found.loc[1, "observed"] == 36
    assert found.attrs["geocn"]["left_out"] == {"no_geometry": 1}


@pytest.mark.parametrize("cases", [[], [0, 0]])
def test_nothing_to_scan_gives_no_clusters_and_the_same_columns(cases):
    data = frame(np.zeros((len(cases), 2)), cases=np.array(cases, int), people=np.array(cases, int))
    for options in ({"population": "people"}, {"controls": "people", "model": "bernoulli"}):
        found = spatial_scan(data, "cases", permutations=9, **options)
        assert list(found.columns) == COLUMNS
        assert len(found) == 0


@pytest.mark.parametrize(
    ("value", "said"),
    [(np.nan, "null"), (np.inf, "infinite"), (-1, "below 0"), (1.5, "not a whole number")],
)
def test_cases_that_are_no_counts_are_refused_by_row(value, said):
    data = planted().astype({"cases": float})
    data.loc["area 5", "cases"] = value
    with pytest.raises(LayerError, match=said) as caught:
        spatial_scan(data, "cases", population="people")
    assert caught.value.rows == ["area 5"]
    with pytest.raises(LayerError, match=said):
        spatial_scan(
            data.rename(columns={"cases": "people", "people": "cases"}),
            "cases",
            controls="people",
            model="bernoulli",
        )


def test_cases_where_nobody_lives_are_refused():
    data = planted()
    data.loc["area 7", "people"] = 0
    with pytest.raises(LayerError, match="cases where people is 0") as caught:
        spatial_scan(data, "cases", population="people")
    assert caught.value.rows == ["area 7"]


def test_wrong_options_are_refused():
    data = planted()
    with pytest.raises(CRSError):
        spatial_scan(data.set_crs(None, allow_override=True), "cases", population="people")
    with pytest.raises(SchemaError, match="no column sick"):
        spatial_scan(data, "sick", population="people")
    with pytest.raises(SchemaError, match="numbers"):
        spatial_scan(data.assign(cases="1"), "cases", population="people")
    for options in (
        {},
        {"controls": "people"},
        {"population": "people", "model": "bernoulli"},
        {"population": "people", "model": "normal"},
        {"population": "people", "max_share": 0.6},
        {"population": "people", "max_share": 0},
        {"population": "people", "permutations": 0},
    ):
        with pytest.raises(ParameterError):
            spatial_scan(data, "cases", **options)


@pytest.mark.parametrize("n", [1, 6])
def test_one_place_can_hold_no_cluster(n):
    data = frame(np.zeros((n, 2)), cases=np.arange(n) + 1, people=np.ones(n))
    found = spatial_scan(data, "cases", population="people", permutations=9)
    assert list(found.columns) == COLUMNS
    assert len(found) == 0


def test_exposure_need_not_be_whole_and_gives_a_rate():
    data = planted()
    data["hours"] = data["people"] / 7
    found = spatial_scan(data, "cases", population="hours", permutations=99)
    assert found.loc[1, "exposure"] == pytest.approx(300 / 7)
    assert found.loc[1, "rate"] == pytest.approx(36 / (300 / 7))
    whole = spatial_scan(data, "cases", population="people", permutations=99)
    assert found["members"].equals(whole["members"])
