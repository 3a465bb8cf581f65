"""Each way to judge border segments, against closed forms, slow oracles and simulated worlds."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, stats

from geocn._kernels.border_windows import MOST_INSIDE, scatter, sum_of_levels
from geocn.hotspots import border_windows as windows
from geocn.hotspots.border_bayes import by_bayes, expected_false, neighbour_pattern
from geocn.hotspots.border_chains import Chains
from geocn.hotspots.border_methods import (
    BorderBayes,
    BorderKernel,
    BorderPoisson,
    BorderScan,
    Study,
    by_windows,
)
from geocn.hotspots.border_scan import by_scan, maxima_of, whole_weights
from geocn.hotspots.empirical_bayes import shrunken_rates
from geocn.hotspots.interval_scan import scan_intervals

LEVELS = np.array([0.01, 0.05, 0.2])


def line(n, *, chains=1, km=10.0):
    """``n`` segments of one length, in so many chains."""
    start = np.arange(n) * km
    chain = np.sort(np.arange(n) % chains)
    return Chains(np.arange(n), chain, start, start + km)


def study(counts, exposed, weights=(1.0,), *, chains=1, alpha=0.05, seed=0, correction="bh"):
    """A study of counts by kind and segment, or by kind, imputation and segment."""
    counts = np.asarray(counts)
    counts = counts[:, None] if counts.ndim == 2 else counts
    exposed = np.asarray(exposed, dtype=float)
    options = {"alpha": alpha, "seed": seed, "correction": correction}
    return Study(line(len(exposed), chains=chains), counts, np.array(weights), exposed, **options)


def law_by_convolution(chance, pieces):
    law = np.ones(1)
    for _ in range(pieces):
        law = np.convolve(law, chance)
    return law


@given(
    st.lists(st.floats(0, 1), min_size=1, max_size=6),
    st.integers(0, 40),
    st.integers(-3, 300),
    st.floats(0.01, MOST_INSIDE),
)
@settings(max_examples=60, deadline=None)
def test_the_law_of_a_sum_is_that_of_convolution(parts, pieces, reach, inside):
    parts = np.array(parts) + 1e-3
    chance = np.append(1 - inside, inside * parts / parts.sum())
    law, expected = sum_of_levels(chance, pieces, reach), law_by_convolution(chance, pieces)
    assert len(law) <= len(expected)
    assert np.allclose(law, expected[: len(law)], rtol=1e-9, atol=1e-15)
    assert len(law) > min(reach, pieces * (len(chance) - 1))


def test_the_law_keeps_its_digits_far_out_in_the_tail():
    law = sum_of_levels(np.array([0.999, 0.001]), 20_000, 400)
    assert law[400:].sum() == pytest.approx(stats.binom.sf(399, 20_000, 0.001), rel=1e-8)
    assert law[400:].sum() < 1e-300


def tails_by_enumeration(level, share, counts, weights):
    """Every way in which the pieces of each kind may fall on the segments."""
    observed = sum(w * (level * c).sum() for w, c in zip(weights, counts, strict=True))
    which = [w for w, c in zip(weights, counts, strict=True) for _ in range(int(c.sum()))]
    up = down = 0.0
    for places in product(range(len(share)), repeat=len(which)):
        found = sum(w * level[p] for w, p in zip(which, places, strict=True))
        chance = np.prod(share[list(places)])
        up += chance * (found >= observed - 1e-9)
        down += chance * (found <= observed + 1e-9)
    return min(1.0, 2 * min(up, down))


@pytest.mark.parametrize("weights", [(1.0,), (1.0, 0.4), (0.3, 1.7)])
@pytest.mark.parametrize("bandwidth_km", [11.0, 25.0, 60.0])
def test_windows_match_every_way_the_evidence_may_fall(weights, bandwidth_km):
    rng = np.random.default_rng(4)
    share = rng.dirichlet(np.ones(5))
    counts = rng.multinomial(3, share, len(weights))
    around = windows.around(line(5), bandwidth_km)
    p = windows.window_p(around, counts[:, None], np.array(weights), share)[0]
    apart = np.abs(np.subtract.outer(np.arange(5), np.arange(5))) * 10 / bandwidth_km
    levels = np.rint(10 * np.maximum(1 - apart**2, 0) ** 2)
    for i in range(5):
        slow = tails_by_enumeration(levels[i], share, counts, weights)
        assert p[i] == pytest.approx(slow, rel=1e-9), i
    assert np.allclose(around.sum(share), levels @ share)


def test_a_window_of_one_segment_has_the_binomial_law():
    rng = np.random.default_rng(1)
    share = rng.dirichlet(np.full(40, 0.3))
    counts = rng.multinomial(500, share)
    p = windows.window_p(windows.single(40), counts[None, None], np.ones(1), share)[0]
    up, down = stats.binom.sf(counts - 1, 500, share), stats.binom.cdf(counts, 500, share)
    assert np.allclose(p, np.minimum(1, 2 * np.minimum(up, down)), rtol=1e-9)


def test_equal_weights_are_one_kind_and_do_not_matter():
    rng = np.random.default_rng(2)
    share = rng.dirichlet(np.ones(12))
    counts = rng.multinomial(60, share, 2)
    around = windows.around(line(12), 25.0)
    both = windows.window_p(around, counts[:, None], np.array([0.7, 0.7]), share)
    one = windows.window_p(around, counts.sum(axis=0)[None, None], np.ones(1), share)
    assert np.allclose(both, one, rtol=1e-9)


def test_imputations_share_laws_without_a_trace():
    rng = np.random.default_rng(3)
    share = rng.dirichlet(np.ones(30))
    counts = np.stack([rng.multinomial(n, share, 2) for n in (40, 44, 40, 44, 44)], axis=1)
    around, weights = windows.around(line(30), 25.0), np.array([1.0, 0.4])
    together = windows.window_p(around, counts, weights, share)
    alone = [windows.window_p(around, counts[:, [m]], weights, share)[0] for m in range(5)]
    assert np.allclose(together, alone, rtol=1e-9)


def test_scattering_is_a_search():
    rng = np.random.default_rng(6)
    share = rng.dirichlet(np.full(50, 0.2))
    share[[0, 7, 49]] = 0.0
    until = np.cumsum(share / share.sum())
    until[48:] = 1.0
    guide = np.searchsorted(until, np.arange(50) / 50, side="right")
    uniform, counts = rng.random(5000), np.zeros(50, dtype=np.int32)
    scatter(uniform, until, guide, 3, counts)
    slow = 3 * np.bincount(np.searchsorted(until, uniform, side="right"), minlength=50)
    assert np.array_equal(counts, slow)
    assert counts[[0, 7, 49]].sum() == 0


# ---- where nothing is there --------------------------------------------------------


METHODS = {
    "scan": (by_scan, BorderScan(permutations=99)),
    "kernel": (by_windows, BorderKernel(35)),
    "poisson": (by_windows, BorderPoisson()),
    "bayes": (by_bayes, BorderBayes()),
    "bayes local": (by_bayes, BorderBayes(neighbours_km=35)),
}


def holds(p_values):
    """P(p <= a) is at most a, up to what differs between worlds by chance."""
    below = np.array([[(p <= level).mean() for level in LEVELS] for p in p_values])
    error = below.std(axis=0, ddof=1) / np.sqrt(len(below))
    return (below.mean(axis=0) <= LEVELS + 3 * error + 1e-9).all(), below.mean(axis=0)


@pytest.mark.parametrize("weights", [(1.0,), (1.0, 0.25), (1.0, 10.0)])
@pytest.mark.parametrize("method", METHODS)
def test_p_values_hold_their_level_under_uneven_exposure(method, weights):
    judge, chosen = METHODS[method]
    found = []
    for seed in range(80):
        rng = np.random.default_rng(seed)
        exposed = rng.lognormal(0, 1, 40)
        share = exposed / exposed.sum()
        counts = np.stack([rng.multinomial(n, share) for n in (80, 25)[: len(weights)]])
        judged = judge(study(counts, exposed, weights, chains=3, seed=seed), chosen)
        # A scan's p-values hold for all segments together.
        p = judged.p_value
        found.append(p.min(keepdims=True) if method.startswith("scan") else p)
    held, share_below = holds(found)
    assert held, share_below


@pytest.mark.parametrize("method", METHODS)
def test_imprecise_evidence_keeps_the_level(method):
    judge, chosen = METHODS[method]
    found = []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        exposed = rng.lognormal(0, 0.5, 30)
        true = rng.choice(30, 90, p=exposed / exposed.sum())
        # A third is known to within five segments: somewhere there, as exposure goes.
        vague = np.arange(90) % 3 == 0
        counts = np.zeros((1, 10, 30), dtype=np.int64)
        for draw in range(10):
            at = true.copy()
            for piece in np.flatnonzero(vague):
                block = slice(5 * (true[piece] // 5), 5 * (true[piece] // 5) + 5)
                chance = exposed[block] / exposed[block].sum()
                at[piece] = block.start + rng.choice(5, p=chance)
            counts[0, draw] = np.bincount(at, minlength=30)
        p = judge(study(counts, exposed, seed=seed), chosen).p_value
        found.append(p.min(keepdims=True) if method.startswith("scan") else p)
    held, share_below = holds(found)
    assert held, share_below


def test_weights_ignored_would_cry_wolf():
    """The test of the test: heavy pieces counted as many light ones are not independent."""
    found = []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        exposed = np.ones(40)
        counts = np.stack([rng.multinomial(n, exposed / 40) for n in (80, 25)])
        naive = counts[0] + 10 * counts[1]
        found.append(by_windows(study(naive[None], exposed), BorderPoisson()).p_value)
    assert not holds(found)[0]


# ---- where something is ------------------------------------------------------------


def planted(seed, *, times=2.5, n=120, pieces=360, stretch=slice(50, 62)):
    rng = np.random.default_rng(seed)
    exposed = rng.uniform(0.5, 2, n)
    rate = exposed.copy()
    rate[stretch] *= times
    return study(rng.multinomial(pieces, rate / rate.sum())[None], exposed, seed=seed)


def test_a_scan_finds_a_planted_stretch_in_its_right_extent():
    overlap = []
    for seed in range(12):
        judged = by_scan(planted(seed, times=5), BorderScan(permutations=199))
        assert judged.cluster is not None
        found = np.flatnonzero((judged.cluster == 0) & (judged.sign > 0))
        overlap.append(len(set(found) & set(range(50, 62))) / len(set(found) | set(range(50, 62))))
        assert (np.diff(found) == 1).all()
        assert judged.columns["cluster_support"][found].tolist() == [1.0] * len(found)
    assert np.mean(overlap) > 0.8


@pytest.mark.parametrize("method", ["scan", "kernel"])
def test_a_diffuse_stretch_is_found_more_often_than_by_single_segments(method):
    judge, chosen = METHODS[method]
    power = {"alone": 0, "joint": 0}
    for seed in range(30):
        world = planted(seed)
        for name, judged in (
            ("alone", by_windows(world, BorderPoisson())),
            ("joint", judge(world, chosen)),
        ):
            hot = (judged.p_adjusted <= 0.05) & (judged.sign > 0)
            power[name] += bool(hot[50:62].any())
    assert power["joint"] >= power["alone"] + 8, power


def test_a_scan_of_plain_counts_is_that_of_all_intervals():
    world = planted(3)
    chosen = BorderScan(permutations=999, max_segments=15)
    judged = by_scan(world, chosen)
    counts = world.counts[0, 0]
    plain = scan_intervals(
        counts, world.exposed, np.zeros(120), max_segments=15, look_for="both", permutations=999
    )
    assert np.allclose(judged.columns["scan_llr"], plain.log_likelihood_ratio)
    own, theirs = np.sort(maxima_of(world, np.ones(1, int), chosen)), np.sort(plain.maxima)
    assert stats.ks_2samp(own, theirs).pvalue > 0.001


def test_whole_weights_keep_the_ratio():
    assert whole_weights(np.array([2.5])).tolist() == [1]
    assert whole_weights(np.array([0.5, 1.5])).tolist() == [1, 3]
    assert whole_weights(np.array([1.0, 0.001])).tolist() == [20, 1]


def test_a_cluster_that_imprecision_makes_is_poorly_supported():
    counts = np.ones((1, 4, 30), dtype=np.int64)
    # In one imputation of four the same thirty pieces lie together.
    counts[0, :3] += 1
    counts[0, 3, 10] += 30
    judged = by_scan(study(counts, np.ones(30), alpha=0.2), BorderScan(permutations=199))
    assert judged.cluster is not None
    held = judged.columns["cluster_support"][judged.cluster >= 0]
    assert len(held)
    assert np.allclose(held, 0.25)


# ---- shrunken rates ----------------------------------------------------------------


def test_posterior_chances_match_integration():
    y, e = np.array([9, 1, 0, 4, 2, 30, 1, 0]), np.array([2.0, 3, 1, 4, 2, 5, 1, 2])
    judged = by_bayes(study(y[None], e), BorderBayes(factor=1.5))
    mean = y.sum() / e.sum()
    between = (e * (y / e - mean) ** 2).sum() / e.sum() - mean / e.mean()
    assert between > 0
    prior = stats.gamma(mean**2 / between, scale=between / mean)
    for i in range(len(y)):

        def density(rate, i=i):
            return prior.pdf(rate) * stats.poisson.pmf(y[i], rate * e[i])

        above, below = (
            integrate.quad(density, *bounds)[0] for bounds in ((1.5 * mean, 60), (0, mean / 1.5))
        )
        whole = integrate.quad(density, 0, 60)[0]
        assert judged.columns["exceedance_probability"][i] == pytest.approx(above / whole, abs=1e-6)
        assert judged.p_value[i] == pytest.approx(1 - max(above, below) / whole, abs=1e-6)


def test_local_rates_are_those_of_the_one_helper():
    world = planted(1)
    near = neighbour_pattern(world, 35)
    assert near.shape == (120, 120)
    assert np.diff(near.indptr)[:5].tolist() == [3, 4, 5, 6, 6]
    y, e = world.effective[0], world.exposed
    local = shrunken_rates(y, e, weights=near)
    members = [*near[60].indices.tolist(), 60]
    mean = y[members].sum() / e[members].sum()
    assert min(mean, y[60] / e[60]) - 1e-9 <= local[60] <= max(mean, y[60] / e[60]) + 1e-9
    judged = by_bayes(planted(1, times=6), BorderBayes(neighbours_km=60))
    hot = judged.columns["exceedance_probability"] > 0.9
    assert hot[51:61].mean() > 0.7
    assert hot[:45].mean() < 0.1


def test_expected_false_discoveries_of_ties_and_nothing():
    p = np.array([0.2, 0.1, 0.2, np.nan, 0.6])
    assert np.allclose(expected_false(p), [0.5 / 3, 0.1, 0.5 / 3, np.nan, 1.1 / 4], equal_nan=True)
    assert expected_false(np.full(3, np.nan)).tolist() == pytest.approx([np.nan] * 3, nan_ok=True)
