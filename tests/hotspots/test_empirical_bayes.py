"""Shrunken rates against PySAL, the equations they solve, and what they promise."""

import warnings

import esda.smoothing
import libpysal
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from geocn.errors import ParameterError
from geocn.hotspots.empirical_bayes import shrunken_rates


def uneven(seed, n=36, spread=0.5):
    rng = np.random.default_rng(seed)
    exposed = rng.uniform(5, 80, n)
    truth = rng.gamma(1 / spread, 0.3 * spread, n)
    return rng.poisson(truth * exposed).astype(float), exposed, truth


@given(seed=st.integers(0, 5000))
def test_global_rates_equal_pysal(seed):
    y, e, _ = uneven(seed)
    theirs = esda.smoothing.Empirical_Bayes(y, e).r.ravel()
    ours = shrunken_rates(y, e)
    mean = y.sum() / e.sum()
    if (e * (y / e - mean) ** 2).sum() / e.sum() > mean / e.mean():
        assert np.allclose(ours, theirs, rtol=1e-12)
    else:  # PySAL lets the variance become negative here
        assert np.allclose(ours, mean)


@pytest.mark.parametrize("seed", range(5))
def test_local_rates_equal_pysal(seed):
    y, e, _ = uneven(seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        w = libpysal.weights.lat2W(6, 6, rook=False)
        w.id_order = list(range(36))
        theirs = esda.smoothing.Spatial_Empirical_Bayes(y, e, w).r.ravel()
    ours = shrunken_rates(y, e, weights=sparse.csr_matrix(w.sparse))
    assert np.allclose(ours, theirs, rtol=1e-10)


@pytest.mark.parametrize("seed", range(5))
def test_gamma_rates_solve_the_equations_of_clayton_and_kaldor(seed):
    y, e, _ = uneven(seed)
    rate = shrunken_rates(y, e, prior="gamma")
    m = rate.mean()
    # Two rows give the prior back, for (y + m alpha) = rate (e + alpha) in every row.
    i, j = np.argmax(rate), np.argmin(rate)
    alpha = (y[i] - rate[i] * e[i]) / (rate[i] - m)
    assert alpha == pytest.approx((y[j] - rate[j] * e[j]) / (rate[j] - m), rel=1e-6)
    spread = ((1 + alpha / e) * (rate - m) ** 2).sum() / (len(y) - 1)
    assert spread == pytest.approx(m / alpha, rel=1e-6)


@pytest.mark.parametrize("prior", ["marshall", "gamma"])
@pytest.mark.parametrize("near", [False, True])
def test_shrinking_brings_rates_nearer_to_the_truth(prior, near):
    weights = sparse.csr_matrix(libpysal.weights.lat2W(20, 20, rook=False).sparse)
    raw = shrunk = 0.0
    for seed in range(5):
        y, e, truth = uneven(seed, 400, spread=0.1)
        found = shrunken_rates(y, e, prior=prior, weights=weights if near else None)
        raw += np.mean((y / e - truth) ** 2)
        shrunk += np.mean((found - truth) ** 2)
    assert shrunk < 0.85 * raw


@pytest.mark.parametrize("prior", ["marshall", "gamma"])
def test_rates_that_differ_by_chance_alone_become_one(prior):
    e = np.array([10.0, 20, 40])
    assert np.allclose(shrunken_rates(0.5 * e, e, prior=prior), 0.5)
    assert np.allclose(shrunken_rates(0 * e, e, prior=prior), 0.0)
    assert shrunken_rates(np.array([3.0]), np.array([6.0]), prior=prior).tolist() == [0.5]


@pytest.mark.parametrize("prior", ["marshall", "gamma"])
@pytest.mark.parametrize("near", [False, True])
def test_rows_without_exposure_inform_no_one(prior, near):
    y, e, _ = uneven(1)
    weights = sparse.csr_matrix(libpysal.weights.lat2W(6, 6).sparse)
    gone = np.array([3, 20, 30])
    with_gaps, spent = y.copy(), e.copy()
    with_gaps[3], spent[20], spent[30] = np.nan, 0.0, np.nan
    keep = np.setdiff1d(np.arange(36), gone)
    found = shrunken_rates(with_gaps, spent, prior=prior, weights=weights if near else None)
    rest = weights[keep][:, keep] if near else None
    assert np.isnan(found[gone]).all()
    assert np.allclose(found[keep], shrunken_rates(y[keep], e[keep], prior=prior, weights=rest))
    assert np.isnan(shrunken_rates(y, 0 * e, prior=prior)).all()
    assert shrunken_rates(y[:0], e[:0], prior=prior).shape == (0,)


def test_faults_are_refused():
    with pytest.raises(ParameterError, match="prior"):
        shrunken_rates(np.ones(2), np.ones(2), prior="beta")
    with pytest.raises(ParameterError, match="length"):
        shrunken_rates(np.ones(2), np.ones(3))
    with pytest.raises(ParameterError, match="0 or more"):
        shrunken_rates(np.array([-1.0, 2]), np.ones(2))
