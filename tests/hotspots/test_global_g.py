"""Global G against the published number, esda, and every way to deal values out."""

import warnings
from itertools import permutations

import esda
import geopandas as gpd
import libpysal
import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from geocn.errors import LayerError, ParameterError, SchemaError
from geocn.hotspots.global_g import global_g
from geocn.spatial.neighbours import neighbour_matrix


def points(y):
    return gpd.GeoDataFrame({"y": y}, geometry=gpd.points_from_xy(y, y), crs=6933)


def random_case(seed, n):
    rng = np.random.default_rng(seed)
    dense = np.triu(rng.random((n, n)) < 0.4, 1).astype(float)
    return rng.uniform(0.1, 9, n), dense + dense.T


def test_six_points():
    xy = [(10, 10), (20, 10), (40, 10), (15, 20), (30, 20), (30, 30)]
    frame = gpd.GeoDataFrame(
        {"y": [2, 3, 3.2, 5, 8, 7]}, geometry=[shapely.Point(p) for p in xy], crs=6933
    )
    assert global_g(frame, "y", neighbours=15)["g"].iloc[0] == pytest.approx(0.55709779, abs=1e-8)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 9999), n=st.integers(5, 25))
def test_statistic_and_moments_equal_esda(seed, n):
    y, dense = random_case(seed, n)
    if not dense.any(axis=1).all():
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        w = libpysal.weights.WSP(sparse.csr_matrix(dense)).to_W(silence_warnings=True)
        theirs = esda.G(y, w, permutations=0)
    ours = global_g(points(y), "y", neighbours=dense, inference="analytic").iloc[0]
    assert ours["g"] == pytest.approx(theirs.G, rel=1e-12)
    assert ours["expected_g"] == pytest.approx(theirs.EG, rel=1e-12)
    assert ours["variance_g"] == pytest.approx(theirs.VG, rel=1e-6)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("binary", [True, False])
def test_moments_and_p_values_equal_every_way_to_deal(seed, binary):
    y, dense = random_case(seed, 6)
    if not binary:
        dense = dense * np.random.default_rng(seed).uniform(0.2, 2, (6, 6))
    every = np.array([np.array(p) @ dense @ np.array(p) for p in permutations(y)])
    scale = y.sum() ** 2 - (y**2).sum()
    ours = global_g(points(y), "y", neighbours=dense, permutations=9_999).iloc[0]
    assert ours["expected_g"] == pytest.approx(every.mean() / scale)
    assert ours["variance_g"] == pytest.approx(every.var() / scale**2)
    observed = y @ dense @ y
    tails = np.mean(every >= observed - 1e-9), np.mean(every <= observed + 1e-9)
    assert ours["p_value"] == pytest.approx(min(1, 2 * min(tails)), abs=5 * 2 * 0.005)


def test_a_lattice_says_the_same_as_its_matrix():
    cells = [shapely.box(x, y, x + 1, y + 1) for y in range(9) for x in range(7)]
    y = np.random.default_rng(0).poisson(2, 63).astype(float)
    y[[3, 40]] = np.nan
    frame = gpd.GeoDataFrame({"y": y}, geometry=cells, crs=6933)
    for kind in ("queen", "rook", 2.5):
        one = global_g(frame, "y", neighbours=kind)
        other = global_g(frame, "y", neighbours=neighbour_matrix(frame, kind))
        assert np.allclose(one, other, rtol=1e-12)
    assert one["n_cells"].iloc[0] == 61


@pytest.mark.parametrize("y", [np.zeros(6), np.full(6, 3.1), [5.0], []])
def test_nothing_to_find_gives_no_p_value(y):
    y = np.asarray(y, dtype=float)
    found = global_g(points(y), "y", neighbours=np.ones((len(y), len(y))))
    assert found[["z", "p_value"]].isna().all(axis=None)
    assert found["n_cells"].iloc[0] == len(y)
    alone = global_g(points(np.arange(6.0)), "y", neighbours=np.zeros((6, 6)))
    assert np.isnan(alone["p_value"].iloc[0])


def test_faults_are_refused():
    frame = points(np.array([-1.0, 2, np.inf])).set_index(np.array(list("abc")))
    with pytest.raises(LayerError, match="negative or infinite") as error:
        global_g(frame, "y", neighbours=5)
    assert error.value.rows == ["a", "c"]
    with pytest.raises(SchemaError):
        global_g(frame, "n", neighbours=5)
    with pytest.raises(ParameterError):
        global_g(frame, "y", neighbours=5, inference="exact")
    with pytest.raises(ParameterError):
        global_g(frame, "y", neighbours=5, permutations=0)
