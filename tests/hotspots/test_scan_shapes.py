"""Scans with ellipses, and with cases that are means over imputations."""

import geopandas as gpd
import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from geocn.errors import LayerError, ParameterError
from geocn.hotspots import spatial_scan
from geocn.hotspots.scan_shapes import Ellipses


def frame(xy, crs=32618, **columns):
    return gpd.GeoDataFrame(columns, geometry=shapely.points(np.asarray(xy, float)), crs=crs)


def world(seed=0, n=120):
    rng = np.random.default_rng(seed)
    xy, people = rng.random((n, 2)) * 1e5, rng.integers(50, 500, n)
    return frame(xy, n=rng.multinomial(3 * n, people / people.sum()), people=people)


def test_ellipses_as_long_as_wide_are_circles():
    data = world()
    options = {"population": "people", "permutations": 99}
    circles = spatial_scan(data, "n", **options)
    round_ones = spatial_scan(data, "n", shape=Ellipses(axes=(1.0,), angles=(6,)), **options)
    shared = ["observed", "expected", "log_likelihood_ratio", "p_value", "members", "radius_m"]
    assert circles[shared].equals(round_ones[shared])
    short = spatial_scan(data, "n", shape=Ellipses((1.0, 1.0000001), (1, 3), 0), **options)
    assert short["log_likelihood_ratio"].iloc[0] == circles["log_likelihood_ratio"].iloc[0]


def ellipse_by_force(data, shapes):
    """Greatest penalised ratio, each ellipse told by the sum of distances to its foci."""
    xy, cases = data.get_coordinates().to_numpy(), data["n"].to_numpy(float)
    expected = data["people"].to_numpy() * cases.sum() / data["people"].sum()
    total, best = cases.sum(), 0.0
    for s, angle, factor in shapes:
        for centre in xy:
            along = (xy - centre) @ [np.cos(angle), np.sin(angle)]
            across = (xy - centre) @ [-np.sin(angle), np.cos(angle)]
            short = np.hypot(along / s, across)
            for b in short:
                reach = b * np.sqrt(s * s - 1)
                foci = np.hypot(along - reach, across) + np.hypot(along + reach, across)
                inside = foci <= 2 * s * b * (1 + 1e-9)
                c, e = cases[inside].sum(), expected[inside].sum()
                if c > e and e <= 0.5 * total:
                    rest = (total - c) * np.log((total - c) / (total - e)) if c < total else 0
                    best = max(best, factor * (c * np.log(c / e) + rest))
    return best


@given(seed=st.integers(0, 50), penalty=st.sampled_from([0.0, 0.5, 1.0]))
def test_the_best_ellipse_is_that_of_foci_and_strings(seed, penalty):
    data = world(seed, n=18)
    shape = Ellipses(axes=(1.0, 2.5), angles=(1, 3), penalty=penalty)
    found = spatial_scan(data, "n", population="people", shape=shape, permutations=5)
    factor = (4 * 2.5 / 3.5**2) ** penalty
    shapes = [(1.0, 0.0, 1.0), *[(2.5, np.pi * k / 3, factor) for k in range(3)]]
    best = ellipse_by_force(data, shapes)
    if len(found):
        first = found.loc[1]
        long = first["radius_long_m"] > first["radius_m"] * 1.1
        worth = first["log_likelihood_ratio"] * (factor if long else 1.0)
        assert worth == pytest.approx(best, rel=1e-9)


def valley():
    """A line of towns from south-west to north-east with twice the cases."""
    x, y = np.meshgrid(np.arange(20) * 1000.0, np.arange(20) * 1000.0)
    x, y = x.ravel(), y.ravel()
    along, across = (x + y) / np.sqrt(2), (y - x) / np.sqrt(2)
    inside = (np.abs(across) < 1500) & (np.abs(along - 13_000) < 7500)
    rng = np.random.default_rng(1)
    return frame(np.c_[x, y], n=rng.poisson(np.where(inside, 9, 3)), people=np.ones(400)), inside


def test_a_long_cluster_is_found_whole_by_an_ellipse():
    data, inside = valley()
    options = {"population": "people", "permutations": 49}
    first = spatial_scan(data, "n", shape="elliptic", **options).loc[1]
    circle = spatial_scan(data, "n", **options).loc[1]
    assert first["log_likelihood_ratio"] > circle["log_likelihood_ratio"]
    found = np.isin(np.arange(400), first["members"])
    assert (found & inside).sum() / (found | inside).sum() > 0.7
    assert first["radius_long_m"] >= 3 * first["radius_m"]
    assert first["bearing_deg"] == pytest.approx(45, abs=15)
    assert first["p_value"] == 0.02


def test_ellipses_in_degrees_lie_on_an_equal_area_plane():
    data, inside = valley()
    moved = data.to_crs(4326)
    first = spatial_scan(moved, "n", population="people", shape="elliptic", permutations=19).loc[1]
    assert first["bearing_deg"] == pytest.approx(45, abs=15)
    assert first["radius_long_m"] < 20_000
    found = np.isin(np.arange(400), first["members"])
    assert (found & inside).sum() / (found | inside).sum() > 0.7


def test_shapes_that_cannot_be_are_refused():
    data = world()
    with pytest.raises(ParameterError, match="shape 'square'"):
        spatial_scan(data, "n", population="people", shape="square")
    for options in (
        {"axes": (1.0, 0.5), "angles": (1, 2)},
        {"axes": (1.0,), "angles": (1, 2)},
        {"axes": (2.0,), "angles": (0,)},
        {"penalty": -1.0},
    ):
        with pytest.raises(ParameterError):
            Ellipses(**options)


def imputed(far, m=10):
    """Towns of which one holds 30 cases that may as well lie elsewhere."""
    rng = np.random.default_rng(7)
    xy = rng.random((100, 2)) * 1e5
    base = rng.poisson(3.0, 100)
    data = frame(xy, people=np.full(100, 50))
    parts = []
    for _ in range(m):
        count = base.copy()
        chosen = rng.integers(0, 100, 30) if far else np.repeat([0], 30)
        np.add.at(count, chosen, 1)
        parts.append(count)
    for number, count in enumerate(parts, 1):
        data[f"n_imputed_{number}"] = count
    data["n"] = np.mean(parts, axis=0)
    data["imprecise_share"] = np.where(data["n"] > 0, (data["n"] - base) / data["n"].clip(1), 0)
    return data


def test_imputations_that_agree_change_nothing_but_say_so():
    data = imputed(far=False)
    found = spatial_scan(data, "n", population="people", permutations=99)
    plain = spatial_scan(
        data[["n", "people", "geometry"]].astype({"n": int}),
        "n",
        population="people",
        permutations=99,
    )
    shared = ["observed", "expected", "log_likelihood_ratio", "members"]
    assert found[shared].astype({"observed": int}).equals(plain[shared])
    np.testing.assert_allclose(found["p_value"], np.minimum(plain["p_value"], 0.995), rtol=1e-9)
    assert found.loc[1, "support"] == 1.0
    assert (found["fraction_missing"] == 0).all()
    assert found.loc[1, "imprecise_share"] == pytest.approx(30 / found.loc[1, "observed"], rel=0.2)
    assert found.attrs["geocn"]["n_imputations"] == 10


def test_cases_that_may_lie_anywhere_make_no_cluster():
    found = spatial_scan(imputed(far=True), "n", population="people", permutations=99)
    assert (found["p_value"] > 0.05).all()
    assert (found["support"] < 0.6).all()
    assert (found["fraction_missing"] >= 0).all()


def test_a_cluster_of_some_imputations_has_their_share_for_support():
    data = imputed(far=False)
    for number in range(1, 5):
        data[f"n_imputed_{number}"] = imputed(far=True)[f"n_imputed_{number}"]
    data["n"] = data[[f"n_imputed_{k}" for k in range(1, 11)]].mean(axis=1)
    first = spatial_scan(data, "n", population="people", permutations=99).loc[1]
    assert 0 in first["members"]
    assert first["support"] == pytest.approx(0.6, abs=0.11)
    assert first["fraction_missing"] > 0.2
    assert first["p_value"] > 0.01


def test_imputations_do_not_fit_every_model_or_value():
    data = imputed(far=False)
    with pytest.raises(ParameterError, match="bernoulli"):
        spatial_scan(data, "n", controls="people", model="bernoulli")
    data["n_imputed_3"] = data["n_imputed_3"].astype(float)
    data.loc[4, "n_imputed_3"] = 0.5
    with pytest.raises(LayerError, match="n_imputed_3 that is not a whole number") as caught:
        spatial_scan(data, "n", population="people")
    assert caught.value.rows == [4]
