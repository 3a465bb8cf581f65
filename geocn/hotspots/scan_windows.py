"""Circular windows around areas: the most unusual ones, and what chance would bring."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from geocn._kernels.scan import best_windows, raise_maxima
from geocn._typing import AnyArray, BoolArray, FloatArray, IntArray

_CENTRES_AT_ONCE = 256
_TOGETHER = 128
# Distances that differ by less than rounding does are ties.
_SAME = 1e-9


@dataclass
class Study:
    """What is scanned: positions, cases, and what cases are measured against.

    ``mass`` is the expected cases (Poisson) or cases and controls (Bernoulli); no window
    holds more of it than ``limit``.
    """

    xy: FloatArray
    cases: IntArray
    mass: FloatArray
    limit: float
    bernoulli: bool


@dataclass
class Window:
    """A cluster: its centre, its areas from near to far, its ratio and its radius."""

    centre: int
    members: IntArray
    ratio: float
    radius_m: float


def order_around(xy: FloatArray, centres: IntArray) -> tuple[AnyArray, BoolArray, FloatArray]:
    """Areas by distance from each centre, where a window may end, and the distances.

    Areas at the same distance enter a window together: it ends only before a step.
    """
    squared = np.zeros((len(centres), len(xy)))
    for axis in xy.T:
        squared += (axis[centres, None] - axis[None, :]) ** 2
    order = np.argsort(squared, axis=1, kind="stable").astype(np.int32)
    apart = np.sqrt(np.take_along_axis(squared, order, axis=1))
    ends = np.ones(apart.shape, dtype=bool)
    ends[:, :-1] = np.diff(apart, axis=1) > _SAME * apart[:, 1:]
    return order, ends, apart


def scan_all(
    study: Study, replicates: list[AnyArray]
) -> tuple[FloatArray, IntArray, list[FloatArray]]:
    """Scan the data and every replicate in one walk over the centres.

    Returns
    -------
    ratio, size : (n,) arrays
        The best window of each centre in the data.
    maxima : list of arrays
        The greatest ratio of every replicate, batch by batch.
    """
    n, total = len(study.xy), int(study.cases.sum())
    ratio, size = np.zeros(n), np.zeros(n, dtype=np.int64)
    maxima = [np.zeros(batch.shape[1]) for batch in replicates]
    levels = [np.full(1, -1.0) for _ in replicates]
    reaches = [np.empty(total + 1) for _ in replicates]
    free = np.zeros(n, dtype=bool)
    for begin in range(0, n, _CENTRES_AT_ONCE):
        centres = np.arange(begin, min(n, begin + _CENTRES_AT_ONCE))
        order, ends, _ = order_around(study.xy, centres)
        ratio[centres], size[centres] = best_windows(
            order, ends, study.cases, study.mass, free, study.limit, study.bernoulli
        )
        shared = (study.mass, study.limit, study.bernoulli)
        for cases, best, level, reach in zip(replicates, maxima, levels, reaches, strict=True):
            raise_maxima(order, ends, cases, *shared, best, level, reach)
    return ratio, size, maxima


def draw_cases(study: Study, *, permutations: int, seed: int) -> list[AnyArray]:
    """Draw cases under the null hypothesis given their total, in batches (areas, replicates).

    Poisson: multinomial with the expected shares. Bernoulli: which of the cases and
    controls are the cases, without replacement.
    """
    total, batches = int(study.cases.sum()), []
    for number, begin in enumerate(range(0, permutations, _TOGETHER)):
        rng = np.random.default_rng([seed, number])
        size = min(_TOGETHER, permutations - begin)
        if study.bernoulli:
            people = study.mass.astype(np.int64)
            drawn = rng.multivariate_hypergeometric(people, total, size, method="marginals")
        else:
            drawn = rng.multinomial(total, study.mass / study.mass.sum(), size)
        batches.append(np.ascontiguousarray(drawn.T.astype(np.int32)))
    return batches


def clusters(study: Study, ratio: FloatArray, size: IntArray) -> Iterator[Window]:
    """Yield windows by falling ratio, none sharing an area with one before.

    A centre's best window bounds what is left for it, so only a centre whose window met a
    cluster is looked at again. Of equal windows the first centre's comes first.
    """
    ratio, size = ratio.copy(), size.copy()
    taken = np.zeros(len(ratio), dtype=bool)
    while len(ratio):
        centre = int(np.argmax(ratio))
        if ratio[centre] <= 0:
            return
        at = np.array([centre])
        order, ends, apart = order_around(study.xy, at)
        members = order[0, : size[centre]].astype(np.int64)
        if taken[members].any():
            ratio[at], size[at] = best_windows(
                order, ends, study.cases, study.mass, taken, study.limit, study.bernoulli
            )
            continue
        taken[members] = True
        yield Window(centre, members, float(ratio[centre]), float(apart[0, size[centre] - 1]))
        ratio[centre] = 0.0
