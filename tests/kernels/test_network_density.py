"""Kernels on networks against sums over every path, written without thought for speed."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geocn._kernels.network_density import (
    CONTINUOUS,
    DISCONTINUOUS,
    GAUSSIAN,
    QUARTIC,
    half_mass,
    simple_mass,
    split_mass,
)

FINE = 200  # points a lixel at which the oracles take the kernel


class World:
    """A small random multigraph without loops, its lixels and a few events."""

    def __init__(self, seed, n_nodes=5, n_edges=7, tree=False):
        rng = np.random.default_rng(seed)
        u = np.array([rng.integers(0, i) for i in range(1, n_nodes)])
        v = np.arange(1, n_nodes)
        if not tree:
            more = rng.integers(0, n_nodes, (n_edges - n_nodes + 1, 2))
            more = more[more[:, 0] != more[:, 1]]
            u, v = np.append(u, more[:, 0]), np.append(v, more[:, 1])
        self.u, self.v = u.astype(np.int64), v.astype(np.int64)
        self.length = rng.uniform(0.5, 4, len(u))
        tail = np.column_stack([self.u, self.v]).ravel()
        self.head = np.column_stack([self.v, self.u]).ravel()
        self.leaving = np.argsort(tail, kind="stable")
        self.start = np.append(0, np.cumsum(np.bincount(tail, minlength=n_nodes)))
        self.lixel = np.append(0, np.cumsum(rng.integers(1, 5, len(u))))
        self.edge = rng.integers(0, len(u), 3)
        self.at = self.length[self.edge] * rng.random(3)
        self.weight = rng.uniform(0.5, 2, 3)

    def given(self, h, kernel):
        reach = h * (1 if kernel == QUARTIC else 5)
        return (
            self.edge, self.at, self.weight, self.start, self.leaving, self.head, self.length,
            self.lixel, h, reach, kernel,
        )  # fmt: skip

    def points(self, edge):
        """Places on an edge in the middle of small parts of its lixels, and their length."""
        n = (self.lixel[edge + 1] - self.lixel[edge]) * FINE
        step = self.length[edge] / n
        return (np.arange(n) + 0.5) * step, step

    def gathered(self, fine):
        """Sums over lixels of sums over small parts."""
        return np.concatenate([f.reshape(-1, FINE).sum(axis=1) for f in fine])


def kernel_1d(distance, h, kernel):
    u = distance / h
    if kernel == QUARTIC:
        return np.where(u < 1, 15 / 16 * (1 - u**2) ** 2, 0) / h
    return np.where(u < 5, np.exp(-(u**2) / 2) / np.sqrt(2 * np.pi), 0) / h


def simple_oracle(world, h, kernel):
    n = len(world.start) - 1
    d = np.full((n, n), np.inf)
    np.fill_diagonal(d, 0)
    for a, b, metres in zip(world.u, world.v, world.length, strict=True):
        d[a, b] = d[b, a] = min(d[a, b], metres)
    for k in range(n):
        d = np.minimum(d, d[:, [k]] + d[[k]])
    fine = [np.zeros(len(world.points(e)[0])) for e in range(len(world.u))]
    for edge, at, weight in zip(world.edge, world.at, world.weight, strict=True):
        from_u, from_v = d[world.u[edge]] + at, d[world.v[edge]] + world.length[edge] - at
        away = np.minimum(from_u, from_v)
        for e in range(len(world.u)):
            s, step = world.points(e)
            near = np.minimum(away[world.u[e]] + s, away[world.v[e]] + world.length[e] - s)
            if e == edge:
                near = np.minimum(near, np.abs(s - at))
            fine[e] += weight * kernel_1d(near, h, kernel) * step
    return world.gathered(fine)


def split_oracle(world, h, kernel, rule):
    fine = [np.zeros(len(world.points(e)[0])) for e in range(len(world.u))]
    reach = h * (1 if kernel == QUARTIC else 5)

    def follow(arc, begin, gone, part):
        e = arc // 2
        s, step = world.points(e)
        along = world.length[e] - s if arc % 2 else s
        ahead = along > begin
        away = gone + along - begin
        fine[e] += np.where(ahead, part * kernel_1d(away, h, kernel) * step, 0)
        gone += world.length[e] - begin
        if gone >= reach or abs(part) < 1e-7:
            return
        node = world.head[arc]
        out = world.leaving[world.start[node] : world.start[node + 1]]
        n = len(out)
        for onward in out:
            back = onward == arc ^ 1
            if rule == CONTINUOUS:
                share = 2 / n - 1 if back else 2 / n
            elif n == 1:
                share = 1.0
            else:
                share = 0.0 if back else 1 / (n - 1)
            if share:
                follow(onward, 0.0, gone, part * share)

    for edge, at, weight in zip(world.edge, world.at, world.weight, strict=True):
        follow(2 * edge, at, 0.0, weight)
        follow(2 * edge + 1, world.length[edge] - at, 0.0, weight)
    return world.gathered(fine)


@pytest.mark.parametrize("kernel", [QUARTIC, GAUSSIAN])
@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 9999), h=st.sampled_from([0.3, 2.0, 7.0]))
def test_simple_is_the_kernel_of_the_shortest_distance(kernel, seed, h):
    world = World(seed)
    mass = simple_mass(*world.given(h, kernel))
    # The oracle takes one point where an event or two ways meet inside a small part.
    assert np.allclose(mass, simple_oracle(world, h, kernel), atol=2e-3 / h)
    assert np.abs(mass - simple_oracle(world, h, kernel)).sum() < 4e-3 / min(h, 1)


@pytest.mark.parametrize("rule", [DISCONTINUOUS, CONTINUOUS])
@pytest.mark.parametrize(("kernel", "h"), [(QUARTIC, 0.7), (QUARTIC, 5.0), (GAUSSIAN, 0.8)])
@settings(max_examples=6, deadline=None)
@given(seed=st.integers(0, 9999))
def test_split_kernels_are_sums_over_every_path(rule, kernel, h, seed):
    world = World(seed)
    mass = split_mass(*world.given(h, kernel), rule)
    oracle = split_oracle(world, h, kernel, rule)
    assert np.allclose(mass, oracle, atol=5e-3 / h)
    assert np.abs(mass - oracle).sum() < 6e-3 / min(h, 1)


@pytest.mark.parametrize("rule", [DISCONTINUOUS, CONTINUOUS])
@pytest.mark.parametrize("kernel", [QUARTIC, GAUSSIAN])
@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 9999), tree=st.booleans(), h=st.sampled_from([0.5, 3.0]))
def test_split_kernels_keep_their_mass_on_trees_and_loops(rule, kernel, seed, tree, h):
    world = World(seed, n_nodes=8, n_edges=12, tree=tree)
    mass = split_mass(*world.given(h, kernel), rule)
    assert mass.sum() == pytest.approx(world.weight.sum(), rel=1e-6)
    if rule == DISCONTINUOUS:
        assert mass.min() >= 0


def cross():
    """Four arms of length 5; an event at 3 on the first."""
    world = World.__new__(World)
    world.u, world.v = np.zeros(4, dtype=np.int64), np.arange(1, 5)
    world.length = np.full(4, 5.0)
    world.head = np.column_stack([world.v, world.u]).ravel()
    tail = np.column_stack([world.u, world.v]).ravel()
    world.leaving = np.argsort(tail, kind="stable")
    world.start = np.append(0, np.cumsum(np.bincount(tail)))
    world.lixel = np.arange(5) * 5_000
    world.edge, world.at = np.zeros(1, dtype=np.int64), np.full(1, 3.0)
    world.weight = np.ones(1)
    return world


@pytest.mark.parametrize(
    ("part", "own"),
    [(None, 0.0), (DISCONTINUOUS, 0.0), (CONTINUOUS, -0.5)],
    ids=["simple", "discontinuous", "continuous"],
)
def test_closed_form_of_a_cross(part, own):
    """At 3 on another arm: K(0.6) / 10, times 1/3 or 2/4; the continuous one returns 2/4 - 1."""
    world = cross()
    given_ = world.given(10.0, QUARTIC)
    mass = simple_mass(*given_) if part is None else split_mass(*given_, part)
    k = 15 / 16 * (1 - 0.6**2) ** 2 / 10
    factor = {None: 1, DISCONTINUOUS: 1 / 3, CONTINUOUS: 1 / 2}[part]
    # Two lixels of a millimetre meet at 3; their mean is the value there.
    at = 5_000 + 3_000
    assert mass[at - 1 : at + 1].sum() / 0.002 == pytest.approx(k * factor, rel=1e-6)
    home = mass[2_999:3_001].sum() / 0.002
    end = 15 / 16 * (1 - 0.4**2) ** 2 / 10 * (0 if part is None else 1)
    # From the outer end, 2 away, the kernel turns round: 4 in all.
    assert home == pytest.approx(15 / 16 / 10 + own * k + end, rel=1e-4)


def test_two_ways_of_one_length_meet_on_a_ring():
    """On a ring whose length is twice the bandwidth the kernel just reaches around."""
    world = World.__new__(World)
    world.u, world.v = np.array([0, 1]), np.array([1, 0])
    world.length = np.array([3.0, 5.0])
    world.head = np.array([1, 0, 0, 1])
    world.leaving, world.start = np.array([0, 3, 1, 2]), np.array([0, 2, 4])
    world.lixel = np.array([0, 6, 16])
    world.edge, world.at, world.weight = np.array([0]), np.array([1.0]), np.ones(1)
    results = [
        simple_mass(*world.given(4.0, QUARTIC)),
        split_mass(*world.given(4.0, QUARTIC), DISCONTINUOUS),
        split_mass(*world.given(4.0, QUARTIC), CONTINUOUS),
    ]
    for mass in results:
        assert mass.sum() == pytest.approx(1, abs=1e-12)
        assert np.allclose(mass, results[0], atol=1e-12)


def test_paths_of_many_lengths_are_joined_with_little_loss():
    """A ladder with thousands of paths, against the same without joining any."""
    world = World(4, n_nodes=6, n_edges=11)
    mass = split_mass(*world.given(9.0, QUARTIC), CONTINUOUS)
    oracle = split_oracle(world, 9.0, QUARTIC, CONTINUOUS)
    assert np.abs(mass - oracle).max() < 2e-3


def test_half_mass_is_the_integral_of_the_kernel():
    x = (np.arange(100_000) + 0.5) / 100_000
    assert half_mass(0.3, QUARTIC) == pytest.approx(
        kernel_1d(0.3 * x, 1.0, QUARTIC).mean() * 0.3, rel=1e-9
    )
    assert half_mass(1.3, GAUSSIAN) == pytest.approx(
        kernel_1d(1.3 * x, 1.0, GAUSSIAN).mean() * 1.3, rel=1e-6
    )
    assert half_mass(9.0, QUARTIC) == half_mass(9.0, GAUSSIAN) == pytest.approx(0.5)
