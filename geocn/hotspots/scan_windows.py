"""Windows around areas: the most unusual ones, and what chance would bring."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from geocn._kernels.scan import best_windows, log_likelihood_ratio, raise_maxima
from geocn._typing import AnyArray, BoolArray, FloatArray, IntArray
from geocn.hotspots.scan_shapes import CIRCLE, Shape

_CENTRES_AT_ONCE = 256
_TOGETHER = 128
# Counts of a batch of replicates, in areas × steps × replicates.
_MOST_COUNTS = 64_000_000
# Distances that differ by less than rounding does are ties.
_SAME = 1e-9


def _one_step() -> FloatArray:
    return np.ones((1, 1))


@dataclass
class Study:
    """What is scanned: positions, cases, and what cases are measured against.

    Attributes
    ----------
    xy : (n, 2) or (n, 3) array
    cases : (n, t) array
        Cases of each area in each step of time; one step where there is no time.
    mass : (n,) array
        Expected cases (Poisson), cases and controls (Bernoulli), or cases over all steps
        (space-time permutation).
    limit : float
        The most mass in a window.
    model : str
    share : (t, t) array
        Part of all cases that the steps from one to another hold; 0 where no window may.
    shapes : tuple of Shape
        What windows are tried around each area.
    """

    xy: FloatArray
    cases: FloatArray
    mass: FloatArray
    limit: float
    model: str
    share: FloatArray = field(default_factory=_one_step)
    shapes: tuple[Shape, ...] = (CIRCLE,)

    @property
    def bernoulli(self) -> bool:
        """Whether cases are measured against controls."""
        return self.model == "bernoulli"


@dataclass
class Window:
    """A cluster: its centre and shape, its areas from near to far, its steps and ratio."""

    centre: int
    shape: Shape
    members: IntArray
    first: int
    last: int
    ratio: float
    radius_m: float


@dataclass
class Best:
    """The best window of each centre: ratio, shape, and (areas, first step, last step)."""

    ratio: FloatArray
    shape: IntArray
    window: IntArray

    @classmethod
    def none(cls, n: int) -> Best:
        """Nothing found yet around ``n`` centres."""
        return cls(np.zeros(n), np.zeros(n, dtype=np.int64), np.zeros((n, 3), dtype=np.int64))


def order_around(
    xy: FloatArray, centres: IntArray, shape: Shape = CIRCLE
) -> tuple[AnyArray, BoolArray, FloatArray]:
    """Areas by distance from each centre, where a window may end, and squared distances.

    Areas at the same distance enter a window together: it ends only before a step.
    """
    squared = np.zeros((len(centres), len(xy)))
    for axis in shape.stretched(xy).T:
        squared += (axis[centres, None] - axis[None, :]) ** 2
    order = np.argsort(squared, axis=1)
    squared = np.take_along_axis(squared, order, axis=1)
    ends = np.ones(squared.shape, dtype=bool)
    np.greater(np.diff(squared, axis=1), 2 * _SAME * squared[:, 1:], out=ends[:, :-1])
    return order.astype(np.int32), ends, squared


def scan_all(
    study: Study, replicates: list[AnyArray], others: Sequence[Study] = ()
) -> tuple[list[Best], list[FloatArray]]:
    """Scan the data and every replicate in one walk over shapes and centres.

    Parameters
    ----------
    study : Study
    replicates : list of (n, t, r) arrays
        From :func:`draw_cases`.
    others : sequence of Study
        Other cases at the same places with the same windows.

    Returns
    -------
    best : list of Best
        Of the study, and of each other.
    maxima : list of (r,) arrays
        The greatest ratio of every replicate, batch by batch.
    """
    n = len(study.xy)
    bests = [Best.none(n) for _ in (study, *others)]
    maxima = [np.zeros(batch.shape[2]) for batch in replicates]
    flat = [batch.reshape(n, -1) for batch in replicates]
    total = int(replicates[0][:, :, 0].sum()) if replicates else 0
    free = np.zeros(n, dtype=bool)
    reaches = [np.empty(total + 1) for _ in replicates]
    for number, shape in enumerate(study.shapes):
        levels = [np.full(1, -1.0) for _ in replicates]
        for begin in range(0, n, _CENTRES_AT_ONCE):
            centres = np.arange(begin, min(n, begin + _CENTRES_AT_ONCE))
            order, ends, _ = order_around(study.xy, centres, shape)
            for one, best in zip((study, *others), bests, strict=True):
                _improve(best, one, centres, number, order, ends, free)
            shared = (study.mass, study.share, study.limit, study.bernoulli, shape.factor)
            for cases, top, level, reach in zip(flat, maxima, levels, reaches, strict=True):
                raise_maxima(order, ends, cases, *shared, top, level, reach)
    return bests, maxima


def _improve(  # noqa: PLR0917 - one line a call
    best: Best,
    study: Study,
    centres: IntArray,
    number: int,
    order: AnyArray,
    ends: BoolArray,
    blocked: BoolArray,
) -> None:
    """Keep the better of what is known of these centres and the windows of one shape."""
    ratio, window = best_windows(
        order,
        ends,
        study.cases,
        study.mass,
        study.share,
        blocked,
        float(study.cases.sum()),
        study.limit,
        study.bernoulli,
    )
    ratio = ratio * study.shapes[number].factor
    better = ratio > best.ratio[centres]
    at = centres[better]
    best.ratio[at], best.window[at], best.shape[at] = ratio[better], window[better], number


def draw_cases(study: Study, *, permutations: int, seed: int) -> list[AnyArray]:
    """Draw cases under the null hypothesis, in batches (areas, steps, replicates).

    Poisson: multinomial with the expected shares, given the (rounded) total. Bernoulli:
    which of the cases and controls are the cases, without replacement. Space-time
    permutation: the steps of the cases shuffled among their places.
    """
    n, steps = study.cases.shape
    together = max(1, min(_TOGETHER, _MOST_COUNTS // max(1, n * steps)))
    batches = []
    for number, begin in enumerate(range(0, permutations, together)):
        rng = np.random.default_rng([seed, number])
        drawn = _draw(study, rng, min(together, permutations - begin))
        # Small counts take a quarter of the memory, and that is what the scan waits for.
        small = drawn.max(initial=0) <= np.iinfo(np.uint8).max
        batches.append(np.ascontiguousarray(drawn, dtype=np.uint8 if small else np.int32))
    return batches


def _draw(study: Study, rng: np.random.Generator, size: int) -> AnyArray:
    """Draw (areas, steps, size) counts."""
    n, steps = study.cases.shape
    total = round(float(study.cases.sum()))
    if study.model == "poisson":
        share = study.mass / study.mass.sum()
        if total >= n:
            return rng.multinomial(total, share, size).T[:, None, :]
        edges = np.cumsum(share)
        area = np.searchsorted(edges / edges[-1], rng.random((total, size)), side="right")
        return _tally(np.minimum(area, n - 1), n, size)[:, None, :]
    if study.bernoulli:
        people = study.mass.astype(np.int64)
        return rng.multivariate_hypergeometric(people, total, size, method="marginals").T[
            :, None, :
        ]
    counts = study.cases.astype(np.int64)
    place, step = np.divmod(np.repeat(np.arange(n * steps), counts.ravel()), steps)
    shuffled = rng.permuted(np.repeat(step[:, None], size, axis=1), axis=0)
    return _tally(place[:, None] * steps + shuffled, n * steps, size).reshape(n, steps, size)


def _tally(rows: IntArray, n: int, size: int) -> IntArray:
    """Count how often each of ``n`` rows stands in each of ``size`` columns."""
    flat = (rows * size + np.arange(size)).ravel()
    return np.bincount(flat, minlength=n * size).reshape(n, size)


def clusters(study: Study, best: Best) -> Iterator[Window]:
    """Yield windows by falling ratio, none sharing an area with one before.

    A centre's best window bounds what is left for it, so only a centre whose window met a
    cluster is looked at again. Of equal windows the first centre's comes first.
    """
    found = Best(best.ratio.copy(), best.shape.copy(), best.window.copy())
    taken = np.zeros(len(found.ratio), dtype=bool)
    while len(taken):
        centre = int(np.argmax(found.ratio))
        if found.ratio[centre] <= 0:
            return
        window = _window(study, found, centre)
        if not taken[window.members].any():
            taken[window.members] = True
            found.ratio[centre] = 0.0
            yield window
            continue
        at = np.array([centre])
        found.ratio[centre] = 0.0
        for number, shape in enumerate(study.shapes):
            order, ends, _ = order_around(study.xy, at, shape)
            _improve(found, study, at, number, order, ends, taken)


def _window(study: Study, best: Best, centre: int) -> Window:
    shape = study.shapes[best.shape[centre]]
    order, _, squared = order_around(study.xy, np.array([centre]), shape)
    size, first, last = (int(value) for value in best.window[centre])
    # Equally far areas stand in the order of their rows, however they were sorted.
    near = np.sqrt(squared[0, :size])
    tier = np.cumsum(np.diff(near, prepend=0.0) > _SAME * near)
    members = order[0, :size].astype(np.int64)
    members = members[np.lexsort((members, tier))]
    return Window(centre, shape, members, first, last, float(best.ratio[centre]), float(near[-1]))


def ratio_within(study: Study, window: Window) -> float:
    """Ratio of other cases in a window that was found with some."""
    inside = float(study.cases[window.members, window.first : window.last + 1].sum())
    mass = float(study.mass[window.members].sum() * study.share[window.first, window.last])
    total, whole = float(study.cases.sum()), float(study.mass.sum())
    ratio = log_likelihood_ratio(inside, mass, total, whole, study.bernoulli)
    return float(ratio) * window.shape.factor
