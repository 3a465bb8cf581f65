"""The scan over intervals against every interval tried one by one."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geocn._kernels.interval_scan import interval_maxima
from geocn.errors import LayerError, ParameterError
from geocn.hotspots.gumbel import gumbel_p, rank_p
from geocn.hotspots.interval_scan import scan_intervals


def ratio_by_formula(c, e, total):
    if e <= 0 or e >= total:
        return 0.0
    inside = c * np.log(c / e) if c else 0.0
    out = total - c
    return inside + (out * np.log(out / (total - e)) if out > 1e-12 else 0.0)


def every_interval(cases, base, chain, share=0.5, longest=None, look_for="high"):
    """Ratio of every interval allowed, by dumb sums."""
    expected = base * cases.sum() / base.sum()
    total, found = cases.sum(), {}
    for start in range(len(cases)):
        for stop in range(start + 1, len(cases) + 1):
            part = slice(start, stop)
            if len(set(chain[part])) > 1 or (longest and stop - start > longest):
                continue
            c, e = cases[part].sum(), expected[part].sum()
            high = c > e * (1 + 1e-9)
            low = c < e * (1 - 1e-9)
            wanted = {"high": high, "low": low, "both": high or low}[look_for]
            if wanted and e <= share * total * (1 + 1e-9):
                found[start, stop] = ratio_by_formula(c, e, total)
    return found


segments = st.lists(
    st.tuples(st.integers(0, 6), st.integers(0, 5), st.integers(0, 2)), min_size=1, max_size=14
)


@given(
    rows=segments,
    look_for=st.sampled_from(["high", "low", "both"]),
    share=st.sampled_from([0.3, 0.5, 1.0]),
    longest=st.sampled_from([None, 1, 3]),
    part=st.sampled_from([1.0, 0.35]),
)
def test_clusters_are_those_of_every_interval_tried(rows, look_for, share, longest, part):
    cases, base, chain = np.array(sorted(rows, key=lambda row: row[2]), dtype=float).T
    cases = np.where(base == 0, 0, cases) * part
    found = scan_intervals(
        cases,
        base,
        chain.astype(int),
        max_share=share,
        max_segments=longest,
        look_for=look_for,
        permutations=9,
    )
    if cases.sum() == 0:
        assert len(found.clusters) == 0
        assert (found.p_value == 1).all()
        return
    scored = every_interval(cases, base, chain, share, longest, look_for)
    covering = np.zeros(len(cases))
    for (start, stop), ratio in scored.items():
        covering[start:stop] = np.maximum(covering[start:stop], ratio)
    np.testing.assert_allclose(found.log_likelihood_ratio, covering, rtol=1e-9, atol=1e-12)
    for row in found.clusters.itertuples():
        assert row.log_likelihood_ratio == pytest.approx(max(scored.values()), rel=1e-9)
        assert scored[row.start, row.stop] == pytest.approx(row.log_likelihood_ratio, rel=1e-9)
        assert row.observed == pytest.approx(cases[row.start : row.stop].sum())
        assert row.direction == ("high" if row.observed > row.expected else "low")
        scored = {
            key: value for key, value in scored.items() if key[1] <= row.start or key[0] >= row.stop
        }


@pytest.mark.parametrize("look_for", ["high", "low", "both"])
@pytest.mark.parametrize("total", [3, 40, 900])
def test_replicates_have_the_maxima_of_scans_on_their_own(look_for, total):
    rng = np.random.default_rng(5)
    base = rng.integers(0, 9, 120).astype(float)
    chain = np.repeat(np.arange(4), 30)
    replicates = rng.multinomial(total, base / base.sum(), 40).astype(np.int32)
    # one replicate that is far from chance, so that both paths of the kernel are taken
    replicates[0] = 0
    replicates[0, np.flatnonzero(base)[5]] = total
    expected = np.r_[0, np.cumsum(base * total / base.sum())]
    maxima = interval_maxima(
        replicates,
        expected,
        np.repeat([30, 60, 90, 120], 30),
        120,
        0.5 * total,
        look_for != "low",
        look_for != "high",
    )
    assert maxima.max() > 4 or look_for == "low"
    for cases, best in zip(replicates, maxima, strict=True):
        scored = every_interval(cases, base, chain, look_for=look_for)
        assert best == pytest.approx(max(scored.values(), default=0.0), rel=1e-9)


@pytest.mark.parametrize("look_for", ["high", "low", "both"])
def test_the_null_is_seldom_called_a_cluster(look_for):
    rng = np.random.default_rng(1)
    base, chain = rng.random(60), np.repeat(np.arange(3), 20)
    p = []
    for number in range(300):
        cases = rng.multinomial(50, base / base.sum())
        found = scan_intervals(cases, base, chain, permutations=59, seed=number, look_for=look_for)
        p.append(found.p_value.min())
    for alpha in (0.05, 0.2):
        at_most = alpha + 3 * np.sqrt(alpha * (1 - alpha) / len(p))
        assert np.mean(np.array(p) <= alpha) <= at_most
    assert np.mean(np.array(p) <= 0.5) > 0.4


def test_planted_runs_are_found_on_their_chains():
    rng = np.random.default_rng(2)
    base, chain = np.ones(300), np.repeat([7, 3], 150)
    cases = rng.poisson(2.0, 300)
    cases[140:150] += 6
    cases[220:224] += 8
    cases[60:90] = 0
    found = scan_intervals(cases, base, chain, look_for="both")
    first = found.clusters[found.clusters["p_value"] <= 0.01]
    assert first["direction"].tolist()[:3] == ["low", "high", "high"]
    assert first[["start", "stop"]].to_numpy().tolist()[:3] == [
        [60, 90],
        [140, 150],
        [220, 224],
    ]
    assert (found.p_value[140:150] == 0.001).all()
    assert found.clusters["p_value_gumbel"].iloc[0] < 1e-6
    again = scan_intervals(cases, base, chain, look_for="both")
    assert again.clusters.equals(found.clusters)
    assert not np.array_equal(
        scan_intervals(cases, base, chain, look_for="both", seed=1).maxima, found.maxima
    )


def test_segments_in_a_row_without_cases_or_any_rows_give_nothing():
    for n in (0, 1, 3):
        found = scan_intervals(np.zeros(n), np.ones(n), np.zeros(n, int), permutations=5)
        assert len(found.clusters) == 0
        assert found.clusters.dtypes["start"] == "int64"
    found = scan_intervals([4], [1.0], [0], permutations=5)
    assert found.p_value.tolist() == [1.0]


def test_wrong_input_is_refused_by_row():
    with pytest.raises(LayerError, match="null or infinite, numbers below 0") as caught:
        scan_intervals([1, np.nan, 2, -1], [1, 1, 1, 1], [0, 0, 0, 0])
    assert caught.value.rows == [1, 3]
    with pytest.raises(LayerError, match="none are expected") as caught:
        scan_intervals([1, 2, 3], [1, 0, 1], [0, 0, 0])
    assert caught.value.rows == [1]
    with pytest.raises(LayerError, match="two places") as caught:
        scan_intervals([1, 2, 3], [1, 1, 1], [0, 1, 0])
    assert caught.value.rows == [2]
    with pytest.raises(ParameterError, match="shapes"):
        scan_intervals([1, 2], [1, 1, 1], [0, 0, 0])
    with pytest.raises(ParameterError, match=r"max_share.*max_segments.*permutations.*look_for"):
        scan_intervals([1], [1], [0], max_share=0, max_segments=0, permutations=0, look_for="hot")


def test_ranks_count_ties_and_the_gumbel_tail_is_that_of_its_law():
    assert rank_p(2.0, np.array([1.0, 2.0, 2.0 - 1e-13, 3.0])).item() == pytest.approx(4 / 5)
    maxima = np.random.default_rng(0).gumbel(6, 1.3, 200_000)
    for x in (10.0, 14.0, 20.0):
        exact = -np.expm1(-np.exp(-(x - 6) / 1.3))
        assert gumbel_p(x, maxima).item() == pytest.approx(exact, rel=0.15)
    assert np.isnan(gumbel_p(1.0, np.ones(5)))
