"""What Gi, Gi* and Local Moran share: lattices, bad input, imputations, peers."""

import warnings

import esda
import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from geocn.errors import LayerError, ParameterError
from geocn.hotspots import getis_ord, local_moran
from geocn.hotspots.combining import combine_scores
from geocn.hotspots.empirical_bayes import shrunken_rates
from geocn.spatial.lattice import find_lattice
from geocn.spatial.neighbours import neighbour_matrix
from tests.oracles_hotspots import conditional_p_by_enumeration, lattice, pysal

BOTH = pytest.mark.parametrize("analysis", [getis_ord, local_moran])


def assert_same(one, other):
    for name in one.columns.drop("geometry"):
        if pd.api.types.is_float_dtype(one[name]):
            assert np.allclose(one[name], other[name], rtol=1e-9, atol=1e-12, equal_nan=True), name
        else:
            assert (one[name].isna() == other[name].isna()).all(), name
            some = one[name].notna()
            assert (one[name][some] == other[name][some]).all(), name


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 9999),
    shape=st.tuples(st.integers(1, 7), st.integers(1, 7)),
    kind=st.sampled_from(["queen", "rook", 2.5]),
    analysis=st.sampled_from([getis_ord, local_moran]),
    exposed=st.booleans(),
    inference=st.sampled_from(["exact", "permutation", "analytic"]),
)
def test_a_lattice_gives_what_its_sparse_matrix_gives(
    seed, shape, kind, analysis, exposed, inference
):
    rng = np.random.default_rng(seed)
    hours = rng.uniform(1, 9, shape)
    frame = lattice(rng.poisson(2, shape).astype(float), hours=hours)
    frame.loc[rng.random(len(frame)) < 0.2, "n"] = np.nan
    frame = frame[rng.random(len(frame)) < 0.8].sample(frac=1, random_state=seed)
    options = {"exposure": "hours" if exposed else None, "inference": inference}
    if inference == "permutation":
        options["permutations"] = 99
    by_offset = analysis(frame, "n", neighbours=kind, **options)
    matrix = neighbour_matrix(frame, kind)
    if analysis is local_moran:
        total = np.asarray(matrix.sum(axis=1)).ravel()
        matrix = sparse.diags_array(1 / np.maximum(total, 1)) @ matrix
        if not total.any():
            return
    assert_same(by_offset, analysis(frame, "n", neighbours=matrix, **options))


@BOTH
def test_a_lattice_can_be_found_once_and_given(analysis):
    frame = lattice(np.random.default_rng(0).poisson(2, (9, 9)))
    around = find_lattice(frame).queen()
    assert_same(analysis(frame, "n", neighbours=around), analysis(frame, "n", neighbours="queen"))


# ---- bad input -------------------------------------------------------------------


@BOTH
@pytest.mark.parametrize("inference", ["auto", "exact", "permutation", "analytic"])
def test_no_neighbours_at_all(analysis, inference):
    frame = lattice(np.arange(9).reshape(3, 3))
    result = analysis(frame, "n", neighbours=np.zeros((9, 9)), inference=inference)
    assert set(result["hotspot_class"]) == {"no_neighbours"}
    assert result[["p_value", "p_adjusted"]].isna().all(axis=None)
    assert not result["significant"].any()
    assert result.attrs["geocn"]["n_tests"] == 0


@BOTH
@pytest.mark.parametrize("inference", ["auto", "exact", "permutation", "analytic"])
@pytest.mark.parametrize("neighbours", ["queen", 5.0])
def test_one_cell(analysis, inference, neighbours):
    result = analysis(lattice([[4]]), "n", neighbours=neighbours, inference=inference)
    assert result["hotspot_class"].tolist() == ["no_neighbours"]


@BOTH
@pytest.mark.parametrize("inference", ["auto", "exact", "permutation", "analytic"])
@pytest.mark.parametrize("level", [0, 3])
@pytest.mark.parametrize("exposed", [False, True])
def test_all_zero_or_constant(analysis, inference, level, exposed):
    frame = lattice(np.full((5, 5), level), hours=np.full(25, 2.0))
    options = {"exposure": "hours"} if exposed else {}
    result = analysis(frame, "n", neighbours="queen", inference=inference, **options)
    assert (result["p_value"] == 1).all()
    assert set(result["hotspot_class"]) == {"not_significant"}


@BOTH
def test_all_null(analysis):
    result = analysis(lattice(np.full((3, 3), np.nan)), "n", neighbours="rook")
    assert set(result["hotspot_class"]) == {"no_data"}


@BOTH
@pytest.mark.parametrize("bad", [-1.0, 2.5])
@pytest.mark.parametrize("exposure", [None, "hours"])
def test_what_is_no_count_is_refused_by_the_exact_law_with_its_rows(analysis, bad, exposure):
    frame = lattice([[1.0, bad, 3, np.nan, bad]], hours=np.ones(5))
    frame.index = list("abcde")
    with pytest.raises(LayerError) as error:
        analysis(frame, "n", neighbours="rook", inference="exact", exposure=exposure)
    assert error.value.rows == ["b", "e"]


@BOTH
def test_negative_values_can_be_permuted(analysis):
    frame = lattice(np.random.default_rng(0).normal(size=(6, 6)))
    result = analysis(frame, "n", neighbours="queen", permutations=999)
    assert result.attrs["geocn"]["inference"] == "permutation"
    assert result["p_value"].between(0, 1).all()


@BOTH
def test_faults_of_value_and_exposure_are_told_together(analysis):
    frame = lattice([[np.inf, 2, -3, 4, 5]], hours=[1.0, 0, 1, -1, np.inf])
    frame.index = list("abcde")
    with pytest.raises(LayerError, match="infinite n; negative or infinite hours") as error:
        analysis(frame, "n", neighbours="rook", exposure="hours")
    assert error.value.rows == list("abcde")


@BOTH
def test_unequal_weights_have_no_exact_law(analysis):
    weights = np.array([[0, 1.0, 2], [1, 0, 1], [2, 1, 0]])
    with pytest.raises(ParameterError, match="equal weights"):
        analysis(lattice([[1, 2, 3]]), "n", neighbours=weights, inference="exact")


@BOTH
def test_exposure_gives_shrunken_rates(analysis):
    rng = np.random.default_rng(0)
    hours = rng.uniform(1, 30, (5, 5))
    frame = lattice(rng.poisson(hours).astype(float), hours=hours)
    frame.loc[7, "n"] = np.nan
    result = analysis(frame, "n", neighbours="queen", exposure="hours")
    expected = shrunken_rates(frame["n"].to_numpy(), frame["hours"].to_numpy())
    assert np.allclose(result["rate_eb"], expected, equal_nan=True)
    assert np.isnan(result["rate_eb"].iloc[7])


def test_a_high_cell_among_low_ones_is_no_hot_spot():
    values = np.full((9, 9), 20) + np.random.default_rng(0).integers(0, 3, (9, 9))
    values[3:6, 3:6] = 0
    values[4, 4] = 2000
    result = getis_ord(lattice(values), "n", neighbours="queen", inference="exact")
    # The neighbours are unusually low, though the window's sum is high by the cell itself.
    assert result["gi_z"].iloc[40] > 0
    assert result["hotspot_class"].iloc[40] == "cold"


# ---- imputations -----------------------------------------------------------------


def imputed(m, seed=0):
    rng = np.random.default_rng(seed)
    values = rng.poisson(1.0, (12, 12))
    values[2:5, 2:5] += 5
    frame = lattice(values).assign(imprecise_share=0.3)
    names = [f"n_imputed_{i + 1}" for i in range(m)]
    for name in names:
        frame[name] = values.ravel() + rng.poisson(0.4, 144)
    return frame.assign(n=frame[names].mean(axis=1)), names


@BOTH
@pytest.mark.parametrize("exposure", [None, "hours"])
def test_imputations_are_tested_one_by_one_and_combined(analysis, exposure):
    frame, names = imputed(5)
    frame["hours"] = np.random.default_rng(1).uniform(1, 2, len(frame))
    options = {"neighbours": "queen", "exposure": exposure, "inference": "exact"}
    together = analysis(frame, "n", **options)
    alone = [analysis(frame.drop(columns=names), "n", **options | {"inference": "analytic"})]
    alone = [analysis(frame[["geometry", "hours", c]], c, **options) for c in names]
    score = "gi_z" if analysis is getis_ord else "local_z"
    mean = np.mean([a[score] for a in alone], axis=0)
    assert np.allclose(together[score], mean, equal_nan=True)
    assert together["fraction_missing"].between(0, 1).all()
    assert (together["imprecise_share"] == 0.3).all()
    least = np.min([a["p_value"] for a in alone], axis=0)
    assert (together["p_value"] >= least - 1e-12).all()
    assert together.attrs["geocn"]["imputations"] == 5
    assert together["significant"].any()


@BOTH
def test_imputations_that_agree_change_nothing(analysis):
    frame = lattice(np.random.default_rng(3).poisson(1, (8, 8)))
    same = frame.assign(n_imputed_1=frame["n"], n_imputed_2=frame["n"])
    one, other = (analysis(f, "n", neighbours="rook", inference="exact") for f in (frame, same))
    assert np.allclose(one["p_value"], other["p_value"])
    assert (other["fraction_missing"] == 0).all()
    assert "fraction_missing" not in one
    assert one.attrs["geocn"]["imputations"] is None


@BOTH
def test_imputations_without_a_number_are_refused(analysis):
    frame, _ = imputed(2)
    frame.loc[3, "n_imputed_2"] = np.nan
    with pytest.raises(LayerError, match="n_imputed_2") as error:
        analysis(frame, "n", neighbours="rook")
    assert error.value.rows == [3]


def test_scores_are_combined_as_licht_says():
    z, _p, missing = combine_scores(np.array([[2.0, 1.0], [3.0, 1.0], [4.0, 1.0]]))
    assert z[0] == pytest.approx(3 / np.sqrt(1 + (4 / 3) * 1))
    assert z[1] == pytest.approx(1)
    assert missing.tolist() == pytest.approx([(4 / 3) / (7 / 3), 0])


# ---- peers -----------------------------------------------------------------------


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 9999), n=st.integers(6, 12), whole=st.booleans())
def test_statistics_of_esda_to_1e_12_and_p_values_of_the_exact_law(seed, n, whole):
    rng = np.random.default_rng(seed)
    dense = np.triu(rng.random((n, n)) < 0.4, 1).astype(float)
    dense += dense.T
    y = rng.integers(0, 5, n).astype(float) if whole else rng.gamma(2, size=n)
    if not dense.any(axis=1).all() or dense.all(axis=1).any() or np.ptp(y) == 0:
        return
    frame = gpd.GeoDataFrame({"y": y}, geometry=gpd.points_from_xy(y, y), crs=6933)
    law = conditional_p_by_enumeration(y, [np.flatnonzero(row) for row in dense])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs_g = esda.G_Local(y, pysal(dense), transform="B", star=False, permutations=0).Zs
        theirs_i = esda.Moran_Local(y, pysal(dense), transformation="B", permutations=0).Is
    draws = 20_000
    options = {"neighbours": dense, "inference": "permutation", "permutations": draws}
    ours_g = getis_ord(frame, "y", star=False, **options)
    ours_i = local_moran(frame, "y", **options)
    k = dense.sum(axis=1)
    steady = np.isfinite(theirs_g) & (np.abs(theirs_g) < 1e3) & (k < n - 1)
    assert np.allclose(ours_g["gi_z"][steady], theirs_g[steady], rtol=1e-12, atol=1e-12)
    assert np.allclose(ours_i["local_i"], theirs_i, rtol=1e-12, atol=1e-12)
    noise = 5.5 * 2 * np.sqrt(0.25 / draws)
    assert np.allclose(ours_g["p_value"], law, atol=noise)
    off = np.abs(y - y.mean()) > 1e-9
    assert np.allclose(ours_i["p_value"][off], law[off], atol=noise)


def test_dispersion_tells_counts_of_one_rate_from_clustered_ones() -> None:
    rng = np.random.default_rng(4)
    frame = lattice(np.ones((30, 30)), hours=rng.uniform(1, 5, 900))
    mean = 2 * frame["hours"].to_numpy()
    for counts, low, high in (
        (rng.poisson(mean), 0.85, 1.15),
        (rng.poisson(mean * rng.gamma(0.5, 2.0, 900)), 4.0, 30.0),
    ):
        found = getis_ord(frame.assign(n=counts), "n", neighbours="queen", exposure="hours")
        assert low < found.attrs["geocn"]["dispersion"] < high
    assert (
        getis_ord(frame.assign(n=1), "n", neighbours="queen").attrs["geocn"]["dispersion"] is None
    )
