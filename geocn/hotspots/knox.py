"""Knox's table: pairs of events by distance and by time, its moments, and its shuffles."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from geocn._kernels.knox import close_pairs, pairs_within, shuffled_columns
from geocn._typing import AnyArray, FloatArray, IntArray
from geocn.errors import ParameterError

_DAY_US = 86_400_000_000
# Beyond this the close pairs alone fill a gigabyte.
_MOST_PAIRS = 100_000_000
# Shuffles counted in one pass over the pairs.
_TOGETHER = 128
# Three axes of so many cells number them within 64 bits.
_MOST_CELLS = 1_000_000


@dataclass(frozen=True, slots=True)
class Close:
    """Pairs nearer than the last finite edge, those of one interval of distance together.

    Events are renumbered by ``order``, so that near events stand near in memory.
    """

    first: AnyArray
    second: AnyArray
    start: IntArray
    order: IntArray
    from_zero: bool
    to_infinity: bool

    @property
    def degrees(self) -> IntArray:
        """(intervals, n) partners of each event; those beyond the edges by subtraction."""
        n = len(self.order)
        rows = [
            np.bincount(self.first[a:b], minlength=n) + np.bincount(self.second[a:b], minlength=n)
            for a, b in zip(self.start[:-1], self.start[1:], strict=True)
        ]
        near = np.array(rows, dtype=np.int64).reshape(len(rows), n)
        if self.to_infinity:
            near = np.concatenate([near, (n - 1 - near.sum(axis=0))[None]])
        return near if self.from_zero else near[1:]


@dataclass(frozen=True, slots=True)
class Clock:
    """Times in the largest unit that holds them all exactly, edges, and pairs under each."""

    time: AnyArray
    edges: AnyArray
    span: int
    margin: IntArray

    @property
    def degrees(self) -> IntArray:
        """(intervals, n) events in each interval of time from each event, itself left out."""
        order = np.argsort(self.time, kind="stable")
        at = self.time[order].astype(np.int64)
        limits = self.edges.astype(np.int64)
        within = np.zeros((limits.size, at.size), dtype=np.int64)
        for row, edge in enumerate(limits):
            if edge > 0:
                after = np.searchsorted(at, at + edge, side="left")
                before = np.searchsorted(at, at - edge, side="right")
                within[row, order] = after - before - 1
        return np.diff(within, axis=0)


def close(xy: FloatArray, space: FloatArray, *, straight: bool) -> Close:
    """Find the pairs nearer than the last finite edge, by interval.

    Raises
    ------
    ParameterError
        Where they are more than 100 million.
    """
    upper = space[np.isfinite(space) & (space > 0)]
    start = np.zeros(upper.size + 1, dtype=np.int64)
    order, pairs = np.arange(len(xy)), np.empty((2, 0), dtype=np.int32)
    if len(xy) > 1 and upper.size:
        number, rows = _cells(xy, float(upper[-1]))
        order = np.argsort(number, kind="stable")
        given = np.ascontiguousarray(xy[order]), number[order], rows, upper, straight
        counts, _ = close_pairs(*given, start, _MOST_PAIRS)
        if counts.sum() > _MOST_PAIRS:
            raise ParameterError(
                f"more than {_MOST_PAIRS:,} pairs of events are closer than {upper[-1]:g} m; "
                "make the largest finite distance smaller, or analyse a shorter period or a "
                "smaller area"
            )
        start[1:] = np.cumsum(counts)
        _, pairs = close_pairs(*given, start, _MOST_PAIRS)
    outer = bool(space[0] == 0), bool(np.isinf(space[-1]))
    return Close(pairs[0], pairs[1], start, order, *outer)


def _cells(xy: FloatArray, reach: float) -> tuple[IntArray, IntArray]:
    """Give each point its cell, at least as wide as ``reach``, and say where rows lie."""
    offset = xy - xy.min(axis=0)
    # A little wide: rounding must not part neighbours by two cells.
    side = max(reach * (1 + 1e-9), float(offset.max()) / _MOST_CELLS)
    place = (offset / side).astype(np.int64) + 1
    number, stride = place[:, 0], [1]
    for axis in range(1, xy.shape[1]):
        stride.append(stride[-1] * int(place[:, axis - 1].max() + 2))
        number = number + place[:, axis] * stride[axis]
    rows = [0, stride[1]]
    if len(stride) > 2:
        rows += [stride[2] + step * stride[1] for step in (-1, 0, 1)]
    return number, np.array(rows, dtype=np.int64)


def clock(stamp_us: IntArray, days: FloatArray) -> Clock:
    """Keep times as whole numbers of their greatest common unit: exact, and narrow for dates."""
    stamp = stamp_us - (stamp_us.min() if stamp_us.size else 0)
    unit = max(1, int(np.gcd.reduce(stamp))) if stamp.size else 1
    # An edge of 0 counts none; the last edge, where infinite, counts every pair.
    span = int(stamp.max(initial=0)) // unit + 1
    limits = [span if np.isinf(d) else min(span, -(-round(d * _DAY_US) // unit)) for d in days]
    kind = next(t for t in (np.int16, np.int32, np.int64) if span <= np.iinfo(t).max)
    ordered = np.sort(stamp // unit)
    under = [np.searchsorted(ordered, ordered + e, side="left") for e in limits]
    earlier = np.arange(ordered.size) + 1
    margin = np.array([np.maximum(u - earlier, 0).sum() for u in under], dtype=np.int64)
    return Clock((stamp // unit).astype(kind), np.array(limits, dtype=kind), span, margin)


def table(near: Close, when: Clock, times: AnyArray) -> IntArray:
    """Pairs by interval of distance and of time; far pairs follow from the margin of time."""
    n_close = np.diff(near.start)
    under = np.zeros((n_close.size, when.edges.size, times.shape[1]), dtype=np.int64)
    under[:, when.edges >= when.span] = n_close[:, None, None]
    cut = (when.edges > 0) & (when.edges < when.span)
    under[:, cut] = pairs_within(times, near.first, near.second, near.start, when.edges[cut])
    if near.to_infinity:
        far = when.margin[:, None] - under.sum(axis=0)
        under = np.concatenate([under, far[None]])
    if not near.from_zero:
        under = under[1:]
    counted: IntArray = np.diff(under, axis=1)
    return counted


def moments(near: Close, when: Clock) -> tuple[FloatArray, FloatArray]:
    r"""Mean and variance of each count over all shuffles of the times, exactly.

    With S and T pairs close in space and in time, and :math:`A = \sum s_i (s_i - 1)`,
    :math:`B = \sum t_i (t_i - 1)` for the partners s, t of each event (Barton & David 1966,
    The random intersection of two graphs):

    .. math:: E[N] = \frac{ST}{\binom n2}, \qquad
              E[N^2] = E[N] + \frac{AB}{n(n-1)(n-2)}
              + \frac{(S(S-1) - A)(T(T-1) - B)}{\binom n2 \binom{n-2}2}
    """
    space, time = near.degrees, when.degrees
    n = space.shape[1]
    mean, variance = np.zeros((len(space), len(time))), np.zeros((len(space), len(time)))
    for i, j in np.ndindex(mean.shape):
        mean[i, j], variance[i, j] = _moments(n, space[i], time[j])
    return mean, variance


def _moments(n: int, space: IntArray, time: IntArray) -> tuple[float, float]:
    if n < 2:
        return 0.0, 0.0
    # Whole numbers: the variance of a count of billions is a difference of huge squares.
    s, t = int(space.sum()) // 2, int(time.sum()) // 2
    a, b = int((space * (space - 1)).sum()), int((time * (time - 1)).sum())
    pairs = n * (n - 1) // 2
    mean = Fraction(s * t, pairs)
    square = mean + Fraction(a * b, max(n * (n - 1) * (n - 2), 1))
    square += Fraction(
        (s * (s - 1) - a) * (t * (t - 1) - b), max(pairs * (n - 2) * (n - 3) // 2, 1)
    )
    return float(mean), float(square - mean * mean)


def shuffle(
    near: Close, when: Clock, observed: IntArray, *, permutations: int, rng: np.random.Generator
) -> IntArray:
    """Count the tables at least as large as the observed one, itself among them."""
    at_least = np.ones(observed.shape, dtype=np.int64)
    for begin in range(0, permutations, _TOGETHER):
        shape = (min(_TOGETHER, permutations - begin), when.time.size)
        draws = rng.integers(0, 2**32, shape, dtype=np.uint32)
        drawn = table(near, when, shuffled_columns(when.time, draws))
        at_least += (drawn >= observed[:, :, None]).sum(axis=2)
    return at_least
