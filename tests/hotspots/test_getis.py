"""Getis-Ord against published numbers, esda, enumeration and its own promises."""

import os
import warnings
from pathlib import Path

import esda
import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from geocn.errors import LayerError, ParameterError, SchemaError
from geocn.hotspots import distance_band, getis_ord, knn
from geocn.spatial.neighbours import neighbour_matrix
from tests.oracles_hotspots import (
    binomial_two_sided,
    conditional_p_by_enumeration,
    gi_by_loops,
    lattice,
    pysal,
)

REFERENCE = Path(os.environ.get("GEOCN_REFERENCE", Path(__file__).parents[3] / "shared/reference"))
COLUMNS = [
    "value",
    "n_neighbours",
    "gi_z",
    "p_value",
    "p_adjusted",
    "significant",
    "hotspot_class",
]


@pytest.fixture
def six_points():
    xy = [(10, 10), (20, 10), (40, 10), (15, 20), (30, 20), (30, 30)]
    return gpd.GeoDataFrame(
        {"y": [2, 3, 3.2, 5, 8, 7]}, geometry=[shapely.Point(p) for p in xy], crs=6933
    )


def row_standardised(matrix):
    return sparse.csr_matrix(
        sparse.diags_array(1 / np.asarray(matrix.sum(axis=1)).ravel()) @ matrix
    )


@pytest.mark.parametrize("star,z", [(False, -1.0136729), (True, -1.39727626)])
@pytest.mark.parametrize("neighbours", [15, distance_band(15)])
def test_six_points_binary(six_points, star, z, neighbours):
    result = getis_ord(six_points, "y", neighbours=neighbours, star=star)
    assert result["gi_z"].iloc[0] == pytest.approx(z, abs=1e-7)


@pytest.mark.parametrize("star,z", [(False, -0.62074534), (True, -0.62488094)])
def test_six_points_row_standardised(six_points, star, z):
    weights = row_standardised(neighbour_matrix(six_points, 15))
    result = getis_ord(six_points, "y", neighbours=weights, star=star)
    assert result["gi_z"].iloc[0] == pytest.approx(z, abs=1e-7)


@pytest.mark.reference
def test_guerry_queen():
    path = REFERENCE / "hotspots" / "guerry" / "Guerry.shp"
    if not path.exists():
        pytest.skip(f"no reference data at {REFERENCE}")
    result = getis_ord(gpd.read_file(path), "Crm_prs", neighbours="queen", star=False)
    expected = [0.89913669, 2.44559803, 2.19765511, -1.58386904]
    assert result["gi_z"].head(4).tolist() == pytest.approx(expected, abs=1e-7)


def random_case(seed, n, *, binary=True):
    rng = np.random.default_rng(seed)
    upper = np.triu(rng.random((n, n)) < 0.3, 1)
    weights = (upper | upper.T).astype(float)
    if not binary:
        weights *= rng.uniform(0.1, 2, (n, n))
    y = rng.integers(0, 6, n).astype(float) + (rng.random(n) if seed % 2 else 0)
    frame = gpd.GeoDataFrame({"y": y}, geometry=gpd.points_from_xy(y, y), crs=6933)
    return frame, y, weights


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    n=st.integers(5, 30),
    star=st.booleans(),
    transform=st.sampled_from("BR"),
)
def test_scores_equal_esda(seed, n, star, transform):
    frame, y, dense = random_case(seed, n)
    if not dense.any(axis=1).all() or np.ptp(y) == 0:
        return
    given_weights = row_standardised(sparse.csr_matrix(dense)) if transform == "R" else dense
    ours = getis_ord(frame, "y", neighbours=sparse.csr_matrix(given_weights), star=star)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = esda.G_Local(y, pysal(dense), transform=transform, star=star, permutations=0).Zs
    finite = np.isfinite(theirs) & (np.abs(theirs) < 1e6)
    assert np.allclose(ours["gi_z"][finite], theirs[finite], rtol=1e-10, atol=1e-10)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), n=st.integers(4, 20), star=st.booleans())
def test_scores_equal_the_loops_for_any_weights(seed, n, star):
    frame, y, dense = random_case(seed, n, binary=False)
    if star:
        np.fill_diagonal(dense, 1.0)
    ours = getis_ord(
        frame, "y", neighbours=dense, star=star, inference="analytic", correction="none"
    )
    oracle = gi_by_loops(y, dense, star=star)
    known = np.isfinite(oracle) & (ours["n_neighbours"] > 0).to_numpy()
    assert np.allclose(ours["gi_z"][known], oracle[known], atol=1e-9)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000).map(lambda s: 2 * s), n=st.integers(4, 11))
def test_exact_p_values_equal_enumeration(seed, n):
    frame, y, dense = random_case(seed, n)
    result = getis_ord(frame, "y", neighbours=dense, inference="exact", correction="none")
    oracle = conditional_p_by_enumeration(y, [np.flatnonzero(row) for row in dense])
    tested = dense.any(axis=1)
    assert np.allclose(result["p_value"][tested], oracle[tested], atol=1e-12)


@pytest.mark.parametrize("counts", [True, False])
def test_permutation_p_values_meet_the_exact_law(counts):
    frame, y, dense = random_case(4 if counts else 5, 10)
    oracle = conditional_p_by_enumeration(y, [np.flatnonzero(row) for row in dense])
    draws = 100_000
    result = getis_ord(frame, "y", neighbours=dense, inference="permutation", permutations=draws)
    tested = dense.any(axis=1)
    noise = 5 * 2 * np.sqrt(0.25 / draws)
    assert np.allclose(result["p_value"][tested], oracle[tested], atol=noise)


def test_unequal_weights_meet_equal_ones_where_they_nearly_are():
    frame, _, dense = random_case(5, 12)
    nearly = dense * (1 + 1e-7 * np.arange(12))
    equal = getis_ord(frame, "y", neighbours=dense, inference="permutation", permutations=40_000)
    unequal = getis_ord(frame, "y", neighbours=nearly, permutations=40_000)
    assert unequal.attrs["geocn"]["inference"] == "permutation"
    assert np.allclose(equal["p_value"], unequal["p_value"], atol=0.03, equal_nan=True)


def test_a_planted_block_is_found_and_quiet_cells_are_not():
    values = np.random.default_rng(3).poisson(0.2, (40, 40))
    values[10:13, 20:23] += 4
    result = getis_ord(lattice(values), "n", neighbours="queen")
    hot = (result["hotspot_class"] == "hot").to_numpy().reshape(40, 40)
    assert result.attrs["geocn"]["inference"] == "exact"
    assert hot[11, 21]
    assert hot.sum() == hot[8:15, 18:25].sum()


@pytest.mark.parametrize("rate", [0.05, 0.5, 5.0])
def test_exact_p_values_are_calibrated_on_quiet_counts(rate):
    below = total = 0
    for seed in range(12):
        values = np.random.default_rng(seed).poisson(rate, (20, 20))
        p = getis_ord(lattice(values), "n", neighbours="queen")["p_value"]
        below, total = below + (p <= 0.05).sum(), total + len(p)
    # Neighbouring tests overlap: some nine cells share each event.
    assert below / total <= 0.05 + 3 * np.sqrt(0.05 * 0.95 * 9 / total)


def test_missing_values_islands_and_null_geometry_are_told_apart():
    frame = lattice(np.random.default_rng(0).poisson(3, (5, 5)).astype(float))
    frame.loc[3, "n"] = np.nan
    frame.loc[24, "geometry"] = None
    frame.loc[0, "geometry"] = shapely.box(100, 100, 101, 101)
    result = getis_ord(frame, "n", neighbours="rook")
    assert result["hotspot_class"].iloc[[0, 3, 24]].tolist() == [
        "no_neighbours",
        "no_data",
        "no_neighbours",
    ]
    assert result.loc[[0, 3, 24], ["gi_z", "p_value", "p_adjusted"]].isna().all(axis=None)
    assert result.attrs["geocn"]["left_out"] == {"no_data": 1, "no_neighbours": 2}
    assert result["n_neighbours"].iloc[2] == 2  # 3 has no value


@pytest.mark.parametrize("values", [np.zeros((4, 4), int), np.full((4, 4), 7.5)])
@pytest.mark.parametrize("inference", ["auto", "permutation", "analytic"])
def test_constant_values_hold_no_hotspot(values, inference):
    result = getis_ord(lattice(values), "n", neighbours="queen", inference=inference)
    assert result["gi_z"].isna().all()
    assert (result["p_value"] == 1).all()
    assert set(result["hotspot_class"]) == {"not_significant"}


@pytest.mark.parametrize("cells", [0, 1])
def test_no_or_one_cell_gives_the_same_columns(cells):
    frame = lattice(np.ones((1, 1))).iloc[:cells]
    result = getis_ord(frame, "n", neighbours="queen")
    full = getis_ord(lattice(np.eye(4)), "n", neighbours="queen")
    assert list(result.columns) == list(full.columns) == ["n", "geometry", *COLUMNS]
    assert len(result) == cells
    assert result.crs == frame.crs


def test_exposure_gives_the_binomial_law():
    counts, hours = np.array([[8, 1, 0, 2]]), [1.0, 2.0, 3.0, 4.0]
    frame = lattice(counts).assign(hours=hours)
    result = getis_ord(frame, "n", neighbours="rook", exposure="hours", correction="none")
    windows = [[0, 1], [0, 1, 2], [1, 2, 3], [2, 3]]
    for i, window in enumerate(windows):
        share = sum(hours[j] for j in window) / 10
        observed = counts[0, window].sum()
        assert result["p_value"].iloc[i] == pytest.approx(binomial_two_sided(observed, 11, share))
    assert result["expected"].sum() == pytest.approx(11)
    assert result["relative_risk"].iloc[0] == pytest.approx(8 / 1.1)


def test_exposure_that_explains_the_counts_leaves_no_hotspot():
    hours = np.full((12, 12), 1.0)
    hours[4:7, 4:7] = 30
    counts = np.random.default_rng(1).poisson(hours)
    frame = lattice(counts).assign(hours=hours.ravel())
    naive = getis_ord(frame, "n", neighbours="queen")
    fair = getis_ord(frame, "n", neighbours="queen", exposure="hours")
    assert (naive["hotspot_class"] == "hot").any()
    assert not fair["significant"].any()


def test_events_without_exposure_are_refused_with_the_rows_named():
    frame = lattice([[1, 0, 2, 3]], index=list("abcd")).assign(hours=[0.0, 0, 1, 1])
    with pytest.raises(LayerError) as error:
        getis_ord(frame, "n", neighbours="rook", exposure="hours")
    assert error.value.rows == ["a"]
    fixed = frame.assign(hours=[1.0, 0, 1, 1])
    result = getis_ord(fixed, "n", neighbours=2.5, exposure="hours")
    assert result["hotspot_class"].iloc[1] == "no_data"


def test_faults_are_refused_with_their_names():
    frame = lattice([[1.5, 0, 2, 3]], index=list("abcd"))
    with pytest.raises(LayerError, match="not counts") as error:
        getis_ord(frame, "n", neighbours="rook", inference="exact")
    assert error.value.rows == ["a"]
    with pytest.raises(LayerError, match="infinite"):
        getis_ord(frame.assign(n=[np.inf, 1, 2, 3]), "n", neighbours="rook")
    with pytest.raises(LayerError):
        getis_ord(frame.assign(n=[-1.0, 1, 2, 3]), "n", neighbours="rook", inference="exact")
    with pytest.raises(SchemaError, match="no column"):
        getis_ord(frame, "m", neighbours="rook")
    with pytest.raises(SchemaError, match="numbers"):
        getis_ord(frame.assign(n=list("wxyz")), "n", neighbours="rook")
    with pytest.raises(ParameterError, match=r"alpha.*correction"):
        getis_ord(frame, "n", neighbours="rook", alpha=2, correction="fdr")


def test_the_input_is_left_alone_and_the_result_repeats():
    values = np.random.default_rng(0).random((6, 6))
    frame = lattice(values, index=[f"c{i}" for i in range(36)])
    before = frame.copy()
    a = getis_ord(frame, "n", neighbours="queen", seed=4)
    b = getis_ord(frame, "n", neighbours="queen", seed=4)
    pd.testing.assert_frame_equal(frame, before)
    pd.testing.assert_frame_equal(a, b)
    assert list(a.index) == list(frame.index)
    record = a.attrs["geocn"]
    assert record["method"] == "hotspots.getis_ord"
    assert record["seed"] == 4
    assert record["n_tests"] == 36
    # The correction must have something to work with.
    assert record["permutations"] >= 36 / 0.05


def test_row_order_does_not_matter_for_exact_inference():
    frame = lattice(np.random.default_rng(2).poisson(1, (8, 8)))
    shuffled = frame.sample(frac=1, random_state=1)
    a = getis_ord(frame, "n", neighbours="queen")
    b = getis_ord(shuffled, "n", neighbours="queen").loc[frame.index]
    pd.testing.assert_series_equal(a["p_value"], b["p_value"], rtol=1e-12)


def test_knn_is_a_neighbourhood():
    frame = lattice(np.random.default_rng(2).poisson(1, (5, 5)))
    assert (getis_ord(frame, "n", neighbours=knn(4))["n_neighbours"] == 4).all()
