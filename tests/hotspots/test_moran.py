"""Local Moran against published numbers, esda, enumeration and its own promises."""

import os
import warnings
from itertools import combinations
from pathlib import Path

import esda
import geopandas as gpd
import libpysal
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from geocn.errors import LayerError, ParameterError, SchemaError
from geocn.hotspots.moran import local_moran
from geocn.spatial.neighbours import knn, neighbour_matrix
from tests.oracles_hotspots import binomial_two_sided, conditional_p_by_enumeration, lattice, pysal

REFERENCE = Path(os.environ.get("GEOCN_REFERENCE", Path(__file__).parents[3] / "shared/reference"))
COLUMNS = [
    "value",
    "n_neighbours",
    "local_i",
    "local_z",
    "p_value",
    "p_adjusted",
    "significant",
    "quadrant",
    "hotspot_class",
]


def random_case(seed, n, *, whole):
    rng = np.random.default_rng(seed)
    upper = np.triu(rng.random((n, n)) < 0.3, 1)
    dense = (upper | upper.T).astype(float)
    y = rng.integers(0, 6, n) + (0.0 if whole else rng.random(n))
    frame = gpd.GeoDataFrame({"y": y}, geometry=gpd.points_from_xy(y, y), crs=6933)
    return frame, y, dense


@pytest.mark.reference
@pytest.mark.parametrize(
    "column,expected",
    [
        ("Crm_prp", [0.015431978309803657, 0.3270633223656033, 0.021295296214118884]),
        ("Crm_prs", [0.516120231288079, 0.818275138495031, 0.794086559694542]),
    ],
)
def test_guerry_queen(column, expected):
    path = REFERENCE / "hotspots" / "guerry" / "Guerry.shp"
    if not path.exists():
        pytest.skip(f"no reference data at {REFERENCE}")
    result = local_moran(gpd.read_file(path), column, neighbours="queen")
    assert result["local_i"].head(3).tolist() == pytest.approx(expected, rel=1e-12)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    n=st.integers(5, 30),
    whole=st.booleans(),
    transform=st.sampled_from("BR"),
)
def test_statistics_and_quadrants_equal_esda(seed, n, whole, transform):
    frame, y, dense = random_case(seed, n, whole=whole)
    tested = dense.any(axis=1)
    if np.ptp(y) == 0 or not tested.any():
        return
    scale = 1 / np.maximum(dense.sum(axis=1, keepdims=True), 1) if transform == "R" else 1.0
    ours = local_moran(frame, "y", neighbours=dense * scale, inference="analytic")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = esda.Moran_Local(y, pysal(dense), transformation=transform, permutations=0)
    assert np.allclose(ours["local_i"][tested], theirs.Is[tested], rtol=1e-12, atol=1e-12)
    names = np.array(["", "high_high", "low_high", "low_low", "high_low"])
    clear = tested & (np.abs(theirs.Is) > 1e-9)
    assert (ours["quadrant"][clear] == names[theirs.q][clear]).all()


def test_named_neighbours_are_row_standardised_as_in_esda():
    frame = lattice(np.random.default_rng(1).random((7, 6)))
    theirs = esda.Moran_Local(
        frame["n"], libpysal.weights.lat2W(7, 6, rook=False), transformation="r", permutations=0
    )
    assert np.allclose(local_moran(frame, "n", neighbours="queen")["local_i"], theirs.Is)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000), n=st.integers(4, 11))
def test_exact_p_values_equal_enumeration(seed, n):
    frame, y, dense = random_case(seed, n, whole=True)
    result = local_moran(frame, "y", neighbours=dense, inference="exact", correction="none")
    oracle = conditional_p_by_enumeration(y, [np.flatnonzero(row) for row in dense])
    oracle[y == y.mean()] = 1.0  # the statistic is 0 whatever the neighbours
    tested = dense.any(axis=1)
    if np.ptp(y):
        assert np.allclose(result["p_value"][tested], oracle[tested], atol=1e-12)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10_000), n=st.integers(5, 9))
def test_standard_scores_equal_enumeration_for_any_weights(seed, n):
    frame, y, dense = random_case(seed, n, whole=False)
    dense = dense * np.random.default_rng(seed).uniform(0.2, 2, (n, n))
    result = local_moran(frame, "y", neighbours=dense, inference="analytic")
    d = y - y.mean()
    for i in np.flatnonzero(dense.any(axis=1)):
        weights, rest = dense[i][dense[i] > 0], np.delete(d, i)
        # Every ordered choice of neighbours: the mean and the variance come from pairs alone.
        mean = weights.sum() * rest.mean()
        pairs = np.mean([a * b for a, b in combinations(rest, 2)])
        second = (weights**2).sum() * np.mean(rest**2)
        second += (weights.sum() ** 2 - (weights**2).sum()) * pairs
        spread = np.sqrt(second - mean**2)
        if spread > 1e-6:
            score = np.sign(d[i]) * (dense[i] @ d - mean) / spread
            assert result["local_z"].iloc[i] == pytest.approx(score, abs=1e-6)


@pytest.mark.parametrize("whole", [True, False])
def test_permutation_p_values_meet_the_exact_law(whole):
    frame, y, dense = random_case(7, 10, whole=whole)
    oracle = conditional_p_by_enumeration(y, [np.flatnonzero(row) for row in dense])
    draws = 50_000
    result = local_moran(frame, "y", neighbours=dense, inference="permutation", permutations=draws)
    tested = dense.any(axis=1) & (y != y.mean())
    noise = 5 * 2 * np.sqrt(0.25 / draws)
    assert np.allclose(result["p_value"][tested], oracle[tested], atol=noise)


@settings(max_examples=3, deadline=None)
@given(seed=st.integers(0, 10_000))
@pytest.mark.slow
def test_permutation_p_values_are_twice_those_of_esda(seed):
    # Continuous values and many neighbours: esda breaks ties by rounding and has one tail.
    frame, y, dense = random_case(seed, 40, whole=False)
    draws = 1_999
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = esda.Moran_Local(y, pysal(dense), permutations=draws, seed=1).p_sim
    ours = local_moran(frame, "y", neighbours=dense, inference="permutation", permutations=draws)
    many = (dense.sum(axis=1) > 5) & (np.abs(y - y.mean()) > 1e-6)
    noise = 5.5 * np.sqrt(2) * 2 * np.sqrt(0.25 / draws)
    assert np.allclose(ours["p_value"][many], np.minimum(2 * theirs[many], 1), atol=noise)


def test_unequal_weights_are_permuted_one_by_one():
    frame, _, dense = random_case(5, 12, whole=False)
    nearly = dense * (1 + 1e-7 * np.arange(12))
    equal = local_moran(frame, "y", neighbours=dense, inference="permutation", permutations=40_000)
    unequal = local_moran(frame, "y", neighbours=nearly, permutations=40_000)
    assert np.allclose(equal["p_value"], unequal["p_value"], atol=0.03, equal_nan=True)


def test_clusters_and_outliers_are_told_apart():
    values = np.random.default_rng(3).poisson(1.0, (30, 30))
    values[10:14, 20:24] += 8
    values[20:25, 5:10] = 9
    values[22, 7] = 0
    result = local_moran(lattice(values), "n", neighbours="queen")
    found = result["hotspot_class"].to_numpy().reshape(30, 30)
    assert result.attrs["geocn"]["inference"] == "exact"
    assert found[11, 21] == "high_high"
    assert found[22, 7] == "low_high"
    assert (found == "high_high").sum() <= 45


@pytest.mark.parametrize("rate", [0.05, 0.5, 5.0, 50.0])
@pytest.mark.parametrize("exposed", [False, True])
def test_exact_p_values_are_calibrated_on_quiet_counts(rate, exposed):
    below = total = 0
    for seed in range(10):
        rng = np.random.default_rng(seed)
        hours = rng.uniform(0.2, 3, (20, 20)) if exposed else np.ones((20, 20))
        frame = lattice(rng.poisson(rate * hours)).assign(hours=hours.ravel())
        column = "hours" if exposed else None
        p = local_moran(frame, "n", neighbours="queen", exposure=column)["p_value"]
        below, total = below + (p <= 0.05).sum(), total + len(p)
    # Neighbouring tests overlap: some nine cells share each event.
    assert below / total <= 0.05 + 3 * np.sqrt(0.05 * 0.95 * 9 / total)


def test_missing_values_islands_and_null_geometry_are_told_apart():
    frame = lattice(np.random.default_rng(0).poisson(3, (5, 5)).astype(float))
    frame.loc[3, "n"] = np.nan
    frame.loc[24, "geometry"] = None
    frame.loc[0, "geometry"] = shapely.box(100, 100, 101, 101)
    result = local_moran(frame, "n", neighbours="rook")
    classes = result["hotspot_class"].iloc[[0, 3, 24]].tolist()
    assert classes == ["no_neighbours", "no_data", "no_neighbours"]
    unscored = ["local_i", "local_z", "p_value", "p_adjusted", "quadrant"]
    assert result.loc[[0, 3, 24], unscored].isna().all(axis=None)
    assert result.attrs["geocn"]["left_out"] == {"no_data": 1, "no_neighbours": 2}
    # The mean is over the neighbours that have a value: 3 has none.
    y = frame["n"].drop(3)
    d = y - y.mean()
    expected = (len(y) - 1) * d[2] * d[[1, 7]].mean() / (d**2).sum()
    assert result.loc[2, "local_i"] == pytest.approx(expected)


@pytest.mark.parametrize("values", [np.zeros((4, 4), int), np.full((4, 4), 7.1)])
@pytest.mark.parametrize("inference", ["auto", "permutation", "analytic"])
def test_constant_values_hold_no_cluster(values, inference):
    result = local_moran(lattice(values), "n", neighbours="queen", inference=inference)
    assert result[["local_i", "local_z", "quadrant"]].isna().all(axis=None)
    assert (result["p_value"] == 1).all()
    assert set(result["hotspot_class"]) == {"not_significant"}


@pytest.mark.parametrize("cells", [0, 1, 2])
def test_hardly_any_cells_give_the_same_columns(cells):
    frame = lattice([[1.0, 4.0]]).iloc[:cells]
    result = local_moran(frame, "n", neighbours="queen")
    assert list(result.columns) == ["n", "geometry", *COLUMNS]
    assert len(result) == cells
    assert result.crs == frame.crs
    assert (result.dtypes[["quadrant", "hotspot_class"]] == "str").all()


def test_exposure_gives_rates_as_in_esda_and_the_binomial_law():
    rng = np.random.default_rng(2)
    hours = rng.uniform(1, 9, (6, 6))
    frame = lattice(rng.poisson(2 * hours)).assign(hours=hours.ravel())
    result = local_moran(frame, "n", neighbours="rook", exposure="hours", correction="none")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = esda.Moran_Local_Rate(
            frame["n"].to_numpy(), hours.ravel(), libpysal.weights.lat2W(6, 6), permutations=0
        )
    assert np.allclose(result["local_i"], theirs.Is, rtol=1e-10)
    touch = neighbour_matrix(frame, "rook").toarray() > 0
    counts, spent = frame["n"].to_numpy(), hours.ravel()
    for i in range(36):
        share = spent[touch[i]].sum() / (spent.sum() - spent[i])
        p = binomial_two_sided(counts[touch[i]].sum(), counts.sum() - counts[i], share)
        assert result["p_value"].iloc[i] == pytest.approx(p, abs=1e-10)
    assert result["expected"].sum() == pytest.approx(counts.sum())


def test_exposure_that_explains_the_counts_leaves_no_cluster():
    hours = np.full((12, 12), 1.0)
    hours[4:7, 4:7] = 30
    frame = lattice(np.random.default_rng(1).poisson(hours)).assign(hours=hours.ravel())
    naive = local_moran(frame, "n", neighbours="queen")
    fair = local_moran(frame, "n", neighbours="queen", exposure="hours")
    assert (naive["hotspot_class"] == "high_high").any()
    assert not fair["significant"].any()


def test_faults_are_refused_with_their_names():
    frame = lattice([[1.5, 0, 2, 3]], index=list("abcd")).assign(hours=[0.0, 0, 1, 1])
    with pytest.raises(LayerError, match="not counts") as error:
        local_moran(frame, "n", neighbours="rook", inference="exact")
    assert error.value.rows == ["a"]
    with pytest.raises(LayerError, match="where hours is 0") as error:
        local_moran(frame, "n", neighbours="rook", exposure="hours")
    assert error.value.rows == ["a"]
    with pytest.raises(LayerError, match="infinite"):
        local_moran(frame.assign(n=[np.inf, 1, 2, 3]), "n", neighbours="rook")
    with pytest.raises(SchemaError, match=r"local_moran.*no column"):
        local_moran(frame, "m", neighbours="rook")
    with pytest.raises(SchemaError, match="numbers"):
        local_moran(frame.assign(n=list("wxyz")), "n", neighbours="rook")
    with pytest.raises(ParameterError, match=r"alpha.*correction"):
        local_moran(frame, "n", neighbours="rook", alpha=2, correction="fdr")


def test_the_input_is_left_alone_and_the_result_repeats():
    frame = lattice(np.random.default_rng(0).random((6, 6)), index=[f"c{i}" for i in range(36)])
    before = frame.copy()
    a = local_moran(frame, "n", neighbours=knn(4), seed=4)
    b = local_moran(frame, "n", neighbours=knn(4), seed=4)
    pd.testing.assert_frame_equal(frame, before)
    pd.testing.assert_frame_equal(a, b)
    assert list(a.index) == list(frame.index)
    assert (a["n_neighbours"] == 4).all()
    record = a.attrs["geocn"]
    assert record["method"] == "hotspots.local_moran"
    assert record["n_tests"] == 36
    assert record["permutations"] >= 36 / 0.05
