"""Chains are merged the same way from any order, and cut where they should be."""

from itertools import pairwise

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from geocn.spatial.geodesy import cumulative_km, geodesic_length_km
from geocn.spatial.topology import cut_line, equal_lengths, merge_chains, unwrap_lon

LINE = np.column_stack([np.linspace(-70, -60, 21), np.sin(np.linspace(0, 6, 21))])


@given(seed=st.integers(0, 1000))
def test_merging_does_not_depend_on_order_or_direction(seed):
    rng = np.random.default_rng(seed)
    arcs = [LINE[i : i + 5] for i in range(0, 20, 4)]
    ring = [np.array([[0.0, 0], [1, 0], [1, 1]]), np.array([[1.0, 1], [0, 1], [0, 0]])]
    mixed = [a[::-1] if rng.random() < 0.5 else a for a in arcs + ring]
    chains = merge_chains([mixed[i] for i in rng.permutation(len(mixed))])
    expected = merge_chains(arcs + ring)
    assert len(chains) == 2
    assert all(np.array_equal(a, b) for a, b in zip(chains, expected, strict=True))


def test_a_chain_starts_in_the_south_and_a_ring_runs_anticlockwise():
    (chain,) = merge_chains([np.array([[5.0, 5], [4, 1]])])
    assert chain[0].tolist() == [4, 1]
    (ring,) = merge_chains([np.array([[0.0, 1], [1, 2], [2, 1], [1, 0], [0, 1]])])
    assert ring.tolist() == [[1, 0], [2, 1], [1, 2], [0, 1], [1, 0]]
    assert merge_chains([]) == []


@given(cuts=st.lists(st.floats(1, 1000), min_size=1, max_size=6, unique=True).map(sorted))
def test_cutting_keeps_the_length(cuts):
    km = cumulative_km(LINE[:, 0], LINE[:, 1])
    pieces = cut_line(LINE, km, np.array(cuts))
    lengths = geodesic_length_km([shapely.LineString(p) for p in pieces])
    assert np.allclose(lengths, np.diff([0, *cuts, km[-1]]), atol=2e-3)
    assert all(np.array_equal(a[-1], b[0]) for a, b in pairwise(pieces))


def test_cutting_at_a_vertex_leaves_no_doubled_vertex():
    km = cumulative_km(LINE[:, 0], LINE[:, 1])
    first, second = cut_line(LINE, km, km[[4]])
    assert np.allclose(first, LINE[:5])
    assert np.allclose(second, LINE[4:])


@pytest.mark.parametrize("length,pieces", [(50, 2), (40, 3), (1000, 1)])
def test_a_short_remainder_joins_the_piece_before(length, pieces):
    line = np.array([[0.0, 0], [1, 0]])  # 111.3 km
    parts, bounds = equal_lengths(line, length)
    assert len(parts) == pieces
    assert bounds[-1] == pytest.approx(111.319, abs=1e-3)
    assert np.allclose(np.diff(bounds)[:-1], length)


def test_lines_across_180_are_cut_there_too():
    line = np.array([[179.0, 0], [-179, 0]])
    assert unwrap_lon(line[:, 0]).tolist() == [179, 181]
    first, second = cut_line(line, cumulative_km(line[:, 0], line[:, 1]), np.array([200.0]))
    assert first[-1, 0] == pytest.approx(-179.2034, abs=1e-3)
    assert second[0, 0] == first[-1, 0]
