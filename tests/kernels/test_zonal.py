from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geocn._kernels.zonal import add_products, add_rows, row_prefix, sum_deviations

numbers = st.floats(-1e30, 1e30, allow_subnormal=False).map(lambda v: 0.0 if abs(v) < 1e-30 else v)


def box_edges(west, north, east, south):
    """The two edges of a box that are not level, as the kernel takes them."""
    return np.add([[west, north, west, south], [east, north, east, south]], [0.0, 1, 0, 1])


def sums_of(values, edges, zones, *, fields=4, n_zones=1, heights=(10**9,)):
    """Sum rows in strips of the given heights."""
    order = np.argsort(np.floor(edges[:, 1]), kind="stable")
    edges, zones = np.ascontiguousarray(edges[order]), np.asarray(zones)[order]
    active, state = np.zeros(len(zones), dtype=np.int64), np.zeros(2, dtype=np.int64)
    row, sums = np.zeros((values.shape[1] + 1, fields)), np.zeros((n_zones, fields))
    first, turn = 0, 0
    while first < len(values):
        height = heights[turn % len(heights)]
        part = np.ascontiguousarray(values[first : first + height])
        add_rows(part, first, edges, zones, active, state, row, sums)
        first, turn = first + height, turn + 1
    return sums


@given(st.lists(st.one_of(numbers, st.just(math.nan)), min_size=1, max_size=30))
def test_prefix_keeps_twice_the_digits(values):
    sums = np.zeros((len(values) + 1, 6))
    row_prefix(np.array(values), sums)
    exact = [Fraction(v) for v in values if not math.isnan(v)]
    for field, terms in ((0, exact), (4, [v * v for v in exact])):
        found = Fraction(sums[-1, field]) + Fraction(sums[-1, field + 1])
        size = sum(abs(t) for t in terms)
        assert abs(found - sum(terms)) <= size * Fraction(2) ** -95
    assert sums[-1, 2] == len(exact)
    assert sums[0].tolist() == [0] * 6


@given(st.lists(st.tuples(numbers, numbers), min_size=1, max_size=30))
def test_products_are_added_with_twice_the_digits(pairs):
    sums = np.zeros(2)
    for a, b in pairs:
        add_products(sums, a, np.array([b, 0.0]))
    exact = [Fraction(a) * Fraction(b) for a, b in pairs]
    found = Fraction(sums[0]) + Fraction(sums[1])
    assert abs(found - sum(exact)) <= sum(abs(e) for e in exact) * Fraction(2) ** -95


def test_a_box_of_cells_and_shares():
    values = np.arange(12.0).reshape(3, 4)
    sums = sums_of(values, box_edges(0.5, 0.25, 3.0, 3.0), [-1, 1])
    share = np.outer([0.75, 1, 1], [0.5, 1, 1, 0])
    assert sums[0, 0] + sums[0, 1] == pytest.approx((share * values).sum(), rel=1e-15)
    assert sums[0, 2] + sums[0, 3] == pytest.approx(share.sum(), rel=1e-15)


@pytest.mark.parametrize("heights", [(1,), (2, 3), (7,)])
def test_strips_of_any_height_give_the_same_bytes(heights):
    rng = np.random.default_rng(2)
    values = rng.normal(0, 1, (40, 30)) * 10.0 ** rng.integers(-8, 9, (40, 30))
    n = 60
    north, south = np.sort(rng.uniform(-3, 43, (2, n)), axis=0)
    edges = np.stack([rng.uniform(-5, 35, n), north + 1, rng.uniform(-5, 35, n), south + 1], axis=1)
    edges = edges[(north < 40) & (south > 0)]
    zones = rng.choice([-2, -1, 1, 2], len(edges))
    whole = sums_of(values, edges, zones, fields=6, n_zones=2)
    parts = sums_of(values, edges, zones, fields=6, n_zones=2, heights=heights)
    assert whole.tobytes() == parts.tobytes()


@pytest.mark.parametrize("mean", [0.0, 1e9])
def test_deviations_survive_a_large_mean(mean):
    values = mean + np.arange(12.0).reshape(3, 4) / 8
    sums = sums_of(values, box_edges(0.0, 0.0, 4.0, 3.0), [-1, 1], fields=6)
    spread = np.zeros((1, 2))
    sum_deviations(sums, spread)
    assert spread.sum() / 12 == pytest.approx(np.var(np.arange(12.0) / 8), rel=1e-13)
