"""Runs of consecutive segments with more cases, or fewer, than their exposure explains."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from geocn._kernels.interval_scan import best_intervals, interval_maxima
from geocn._typing import AnyArray, BoolArray, FloatArray, IntArray
from geocn.errors import LayerError, ParameterError
from geocn.hotspots.gumbel import gumbel_p, rank_p

LookFor = Literal["high", "low", "both"]
LOOK_FOR = ("high", "low", "both")
_TOGETHER = 128
_COLUMNS = {
    "start": "int64",
    "stop": "int64",
    "direction": "str",
    "observed": "float64",
    "expected": "float64",
    "relative_risk": "float64",
    "log_likelihood_ratio": "float64",
    "p_value": "float64",
    "p_value_gumbel": "float64",
    "rank": "int64",
}


@dataclass(frozen=True)
class Intervals:
    """What a scan over intervals found.

    Attributes
    ----------
    clusters : DataFrame
        One row an interval, by falling ratio: ``start, stop`` (rows ``start`` to
        ``stop - 1``), ``direction`` (high or low), ``observed, expected, relative_risk``
        (inside against outside), ``log_likelihood_ratio, p_value, p_value_gumbel, rank``.
    log_likelihood_ratio, p_value : (n,) arrays
        The greatest ratio of the intervals that hold a segment, and its p-value for the
        whole border; 0 and 1 where no interval that holds it deviates.
    maxima : (permutations,) array
        The greatest ratio of each replicate.
    """

    clusters: pd.DataFrame
    log_likelihood_ratio: FloatArray
    p_value: FloatArray
    maxima: FloatArray


@dataclass(frozen=True)
class _Border:
    """Running sums over the segments, where chains end, and how far an interval may go."""

    counts: FloatArray
    expected: FloatArray
    chain_end: IntArray
    longest: int
    limit: float
    high: bool
    low: bool

    @property
    def total(self) -> float:
        return float(self.counts[-1])


def scan_intervals(
    observed: AnyArray,
    expected: AnyArray,
    chain: AnyArray,
    *,
    max_share: float = 0.5,
    max_segments: int | None = None,
    permutations: int = 999,
    seed: int = 0,
    look_for: LookFor = "high",
) -> Intervals:
    r"""Scan every interval of consecutive segments within each chain.

    With c cases of C in an interval where E are expected, the ratio is that of the Poisson
    model of :func:`geocn.hotspots.spatial_scan`,

    .. math:: c \ln \frac{c}{E} + (C - c) \ln \frac{C - c}{C - E}.

    Under the null hypothesis the C cases fall on the segments of all chains in proportion
    to ``expected`` (multinomial). Every p-value compares with the greatest ratio over all
    intervals of all chains in each replicate, and so holds for all of them together. The
    first cluster has the greatest ratio, each next one the greatest among intervals that
    share no segment with those before.

    Parameters
    ----------
    observed : (n,) array
        Cases, 0 or more. Means over imputations need not be whole; replicates hold the
        rounded total.
    expected : (n,) array
        What cases should be proportional to; brought to the total of ``observed``.
    chain : (n,) integer array
        Chain of each segment: segments of a chain stand together and in order. An interval
        does not leave its chain.
    max_share : float
        The largest share of ``expected`` in an interval, to 1.
    max_segments : int, optional
        The most segments in an interval.
    permutations : int
        Number of replicates, at least 1.
    seed : int
        Seed of the replicates.
    look_for : {"high", "low", "both"}
        Excess, lack, or either.

    Returns
    -------
    Intervals
        Intervals less unusual than every replicate are not listed.

    Raises
    ------
    LayerError
        Where numbers are null, negative or infinite, cases stand where none are expected,
        or a chain stands in two places; the positions of the segments are named.
    ParameterError
        Where lengths differ or an option is out of range.

    References
    ----------
    Kulldorff 1997, doi:10.1080/03610929708831995; for intervals Nagarwalla 1996,
    doi:10.1002/(SICI)1097-0258(19960415)15:7/9<845::AID-SIM254>3.0.CO;2-X.

    Examples
    --------
    >>> found = scan_intervals([1, 1, 9, 8, 1, 1], [1] * 6, [0] * 6)
    >>> found.clusters[["start", "stop", "observed", "rank"]].iloc[0].tolist()
    [2.0, 4.0, 17.0, 1.0]
    """
    _check_options(max_share, max_segments, permutations, look_for)
    cases, base, chains = _columns(observed, expected, chain)
    border = _border(
        cases, base, chains, max_share=max_share, max_segments=max_segments, look_for=look_for
    )
    n = len(cases)
    if border.total == 0:
        none = pd.DataFrame([], columns=list(_COLUMNS)).astype(_COLUMNS)
        return Intervals(none, np.zeros(n), np.ones(n), np.zeros(permutations))
    maxima = _maxima(border, base, permutations=permutations, seed=seed)
    free = np.zeros(n, dtype=bool)
    ratio, stop, covering = _best(border, free)
    clusters = _table(border, _clusters(border, ratio, stop, least=maxima.min()), maxima)
    p = np.where(covering > 0, rank_p(covering, maxima), 1.0)
    return Intervals(clusters, covering, p, maxima)


def _check_options(
    max_share: float, max_segments: int | None, permutations: int, look_for: str
) -> None:
    faults = []
    if not 0 < max_share <= 1:
        faults.append(f"max_share is {max_share}; expected more than 0 and at most 1")
    if max_segments is not None and max_segments < 1:
        faults.append(f"max_segments is {max_segments}; at least 1 is needed")
    if permutations < 1:
        faults.append(f"permutations is {permutations}; at least 1 is needed")
    if look_for not in LOOK_FOR:
        faults.append(f"look_for {look_for!r}; choose one of {', '.join(LOOK_FOR)}")
    if faults:
        raise ParameterError("; ".join(faults))


def _columns(
    observed: AnyArray, expected: AnyArray, chain: AnyArray
) -> tuple[FloatArray, FloatArray, IntArray]:
    cases, base = np.asarray(observed, dtype=float), np.asarray(expected, dtype=float)
    _, chains = np.unique(np.asarray(chain), return_inverse=True)
    if not cases.shape == base.shape == chains.shape or cases.ndim != 1:
        raise ParameterError(
            f"observed, expected and chain have shapes {cases.shape}, {base.shape} and "
            f"{chains.shape}; one number a segment is expected"
        )
    first = np.r_[True, np.diff(chains) != 0] if len(chains) else np.zeros(0, dtype=bool)
    again = np.zeros(len(chains), dtype=bool)
    begins = np.flatnonzero(first)
    again[begins] = pd.Series(chains[begins]).duplicated().to_numpy()
    faults = {
        "numbers that are null or infinite": ~(np.isfinite(cases) & np.isfinite(base)),
        "numbers below 0": (cases < 0) | (base < 0),
        "cases where none are expected": (cases > 0) & (base == 0),
        "a chain that stands in two places": again,
    }
    bad: BoolArray = np.logical_or.reduce(list(faults.values()))
    if bad.any():
        raise LayerError(
            "segments",
            found=", ".join(what for what, where in faults.items() if where.any()),
            expected="counts and exposure from 0, chain after chain",
            rows=np.flatnonzero(bad).tolist(),
        )
    return cases, base, chains.astype(np.int64)


def _border(
    cases: FloatArray,
    base: FloatArray,
    chains: IntArray,
    *,
    max_share: float,
    max_segments: int | None,
    look_for: str,
) -> _Border:
    n, total, whole = len(cases), cases.sum(), base.sum()
    counts, expected = np.zeros(n + 1), np.zeros(n + 1)
    counts[1:] = np.cumsum(cases)
    expected[1:] = np.cumsum(base * (total / whole if whole > 0 else 0.0))
    last = np.flatnonzero(np.r_[np.diff(chains) != 0, True][:n]) + 1
    chain_end = np.repeat(last, np.diff(np.r_[0, last])).astype(np.int64)
    # A share met exactly must not fail by rounding.
    limit = max_share * float(counts[-1]) * (1 + 1e-9)
    longest = n if max_segments is None else min(max_segments, n)
    return _Border(
        counts, expected, chain_end, longest, limit, look_for != "low", look_for != "high"
    )


def _maxima(border: _Border, base: FloatArray, *, permutations: int, seed: int) -> FloatArray:
    """Greatest ratio of every replicate."""
    total = max(round(border.total), 1)
    scale = total / border.total
    share = base / base.sum()
    found = []
    for number, begin in enumerate(range(0, permutations, _TOGETHER)):
        rng = np.random.default_rng([seed, number])
        drawn = rng.multinomial(total, share, min(_TOGETHER, permutations - begin))
        found.append(
            interval_maxima(
                drawn.astype(np.int32),
                border.expected * scale,
                border.chain_end,
                border.longest,
                border.limit * scale,
                border.high,
                border.low,
            )
        )
    return np.concatenate(found)


def _best(border: _Border, blocked: BoolArray) -> tuple[FloatArray, IntArray, FloatArray]:
    ratio, stop, covering = best_intervals(
        border.counts,
        border.expected,
        border.chain_end,
        blocked,
        border.longest,
        border.limit,
        border.high,
        border.low,
    )
    return ratio, stop, covering


def _clusters(
    border: _Border, ratio: FloatArray, stop: IntArray, *, least: float
) -> Iterator[tuple[int, int, float]]:
    """Yield start, stop and ratio by falling ratio, none sharing a segment with one before.

    Of equal intervals the first start's comes first, and the shortest from there.
    """
    taken = np.zeros(len(ratio), dtype=bool)
    while True:
        start = int(np.argmax(ratio))
        if ratio[start] <= 0 or ratio[start] < least:
            return
        end = int(stop[start])
        if taken[start:end].any():
            # Only what starts in reach of a cluster changes; a new walk finds all of it.
            ratio, stop, _ = _best(border, taken)
            continue
        taken[start:end] = True
        yield start, end, float(ratio[start])
        ratio[start:end] = 0.0


def _table(
    border: _Border, found: Iterator[tuple[int, int, float]], maxima: FloatArray
) -> pd.DataFrame:
    rows = list(found)
    start = np.array([row[0] for row in rows], dtype=np.int64)
    stop = np.array([row[1] for row in rows], dtype=np.int64)
    ratio = np.array([row[2] for row in rows], dtype=float)
    observed = border.counts[stop] - border.counts[start]
    expected = border.expected[stop] - border.expected[start]
    outside = border.total - observed
    with np.errstate(divide="ignore", invalid="ignore"):
        risk = (observed / expected) / (outside / (border.total - expected))
    columns = {
        "start": start,
        "stop": stop,
        "direction": np.where(observed > expected, "high", "low"),
        "observed": observed,
        "expected": expected,
        "relative_risk": risk,
        "log_likelihood_ratio": ratio,
        "p_value": rank_p(ratio, maxima),
        "p_value_gumbel": gumbel_p(ratio, maxima),
        "rank": np.arange(1, len(rows) + 1),
    }
    return pd.DataFrame(columns).astype(_COLUMNS)
