"""Near repeats: whether events that are close in space are close in time beyond chance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import geopandas as gpd
import numpy as np
import pandas as pd
from scipy.spatial import cKDTree

from geocn._kernels.knox import pairs_within, shuffled_columns
from geocn._typing import AnyArray, BoolArray, FloatArray, IntArray
from geocn.errors import DateError, ParameterError, SchemaError
from geocn.hotspots.positions import positions_m
from geocn.hotspots.precision import centres_and_precision
from geocn.provenance import attach
from geocn.spatial.crs import equal_area_crs, has_geometry, require_crs

Metric = Literal["euclidean", "manhattan"]
_METRICS = {"euclidean": 2, "manhattan": 1}
_DAY_US = 86_400_000_000
# Beyond this the close pairs alone fill a gigabyte.
_MOST_PAIRS = 100_000_000
# Shuffles counted in one pass over the pairs.
_TOGETHER = 128


def near_repeat(
    events: gpd.GeoDataFrame,
    *,
    time: str,
    distances: Sequence[float],
    times: Sequence[float],
    metric: Metric = "euclidean",
    permutations: int = 999,
    seed: int = 0,
) -> pd.DataFrame:
    r"""Count pairs of events by distance and by days apart, and test them (Knox).

    Intervals are half-open: ``distances=[0, 1, 101, 201, 301, inf]`` makes [0, 1), [1, 101)
    and so on, labelled "same", "1–100", "101–200", "201–300" and ">300". A pair is counted
    in one cell; pairs outside the outer edges are not counted. The p-value of a cell is
    :math:`(1 + \#\{n^{perm} \ge n\}) / (1 + P)` with the times shuffled among the events:
    one-sided, each cell for itself, not corrected for the number of cells.

    Parameters
    ----------
    events : GeoDataFrame
        Points. Left out, and counted in the result's metadata: events without a geometry
        or a time; areas, lines and points known less exactly (``location_precision_m``)
        than half the largest finite distance; dates known only to the month or year
        (``date_precision``). Put at one place or one day they would repeat by themselves.
    time : str
        Column of instants or ISO dates. Fractions of a day count.
    distances : sequence of float
        Edges in metres, increasing from 0 or more; the last may be infinite.
    times : sequence of float
        Edges in days (24 hours), likewise. For dates, [0, 8, 15, inf] makes "0–7", "8–14", ">14".
    metric : {"euclidean", "manhattan"}
        How to measure. Straight lines on the plane of a projected CRS; between longitudes
        and latitudes through the Earth, which is the geodesic to one part in 10^4 at 300 km.
    permutations : int
        Number of shuffles, at least 1.
    seed : int
        Seed of the shuffles.

    Returns
    -------
    DataFrame
        Indexed by ``distance_m`` and ``time_days`` (labels), with the edges ``from_m, to_m,
        from_days, to_days``, and ``observed``, ``expected`` (mean of the shuffles),
        ``knox_ratio`` (observed / expected) and ``p_value``.

    Raises
    ------
    CRSError
        Where the events have no CRS, or ``metric="manhattan"`` meets longitudes and latitudes.
    SchemaError, DateError
        Where the column of times is missing, numeric, or cannot be read.
    ParameterError
        Where edges or options are out of range, or more than 100 million pairs are closer
        than the largest finite distance.

    Notes
    -----
    Distances on a plane are as good as the projection: use a local one, not a world map.

    References
    ----------
    Knox & Bartlett 1964, doi:10.2307/2985220; Johnson et al. 2007,
    doi:10.1007/s10940-007-9025-3.

    Examples
    --------
    >>> import geopandas as gpd, numpy as np, pandas as pd, shapely
    >>> days = pd.to_datetime(["2024-01-01", "2024-01-03", "2024-03-01", "2024-03-02"])
    >>> spots = shapely.points([[0, 0], [0, 0], [5000, 0], [5050, 0]])
    >>> events = gpd.GeoDataFrame({"seized_at": days}, geometry=spots, crs=32618)
    >>> knox = near_repeat(events, time="seized_at", distances=[0, 1, 101], times=[0, 8, np.inf])
    >>> knox["observed"].unstack()["0–7"].to_dict()
    {'1–100': 1, 'same': 1}
    """
    space, days = _edges("distances", distances), _edges("times", times)
    if metric not in _METRICS:
        raise ParameterError(f"metric {metric!r}; choose one of {', '.join(_METRICS)}")
    if permutations < 1:
        raise ParameterError(f"permutations is {permutations}; at least 1 is needed")
    crs = require_crs(events, "events")
    if metric == "manhattan" and not crs.is_projected:
        raise ParameterError(
            'metric "manhattan" needs a projected CRS; bring the events to one with to_crs()'
        )
    instants = _instants(events, time)
    kept, left_out = _usable(events, instants, space)
    xy = positions_m(events[kept], "events")
    close = _close_pairs(xy, space, power=_METRICS[metric])
    clock = _clock(instants[kept].iloc[close.order], days)
    observed = _table(close, clock, clock.time[:, None])[:, :, 0]
    at_least, expected = _shuffle(close, clock, observed, permutations=permutations, seed=seed)
    result = _labelled(space, days)
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = np.where(expected > 0, observed / expected, np.nan)
    result["observed"], result["expected"] = observed.ravel(), expected.ravel()
    result["knox_ratio"] = ratio.ravel()
    result["p_value"] = (at_least / (permutations + 1)).ravel()
    return attach(
        result,
        "hotspots.near_repeat",
        time=time,
        distances=_plain(space),
        times=_plain(days),
        metric=metric,
        permutations=permutations,
        seed=seed,
        n_events=int(kept.sum()),
        n_tests=len(result),
        left_out=left_out,
        crs=crs,
    )


def _plain(edges: FloatArray) -> list[float | str]:
    """Edges as JSON holds them: it knows no infinity."""
    return [float(edge) if np.isfinite(edge) else "inf" for edge in edges]


def _shuffle(
    close: _Close, clock: _Clock, observed: IntArray, *, permutations: int, seed: int
) -> tuple[IntArray, FloatArray]:
    """Tables at least as large as the observed one (itself among them), and their mean."""
    at_least = np.ones(observed.shape, dtype=np.int64)
    total = np.zeros(observed.shape, dtype=np.int64)
    rng = np.random.default_rng(seed)
    for begin in range(0, permutations, _TOGETHER):
        shape = (min(_TOGETHER, permutations - begin), clock.time.size)
        draws = rng.integers(0, 2**32, shape, dtype=np.uint32)
        drawn = _table(close, clock, shuffled_columns(clock.time, draws))
        at_least += (drawn >= observed[:, :, None]).sum(axis=2)
        total += drawn.sum(axis=2)
    return at_least, total / permutations


@dataclass
class _Close:
    """Pairs nearer than the last finite edge, ordered by interval of distance.

    Events are renumbered by ``order``, so that near events stand near in memory.
    """

    first: AnyArray
    second: AnyArray
    start: IntArray
    order: IntArray
    from_zero: bool
    to_infinity: bool


@dataclass
class _Clock:
    """Times in the largest unit that holds them all exactly, edges, and pairs under each."""

    time: AnyArray
    edges: AnyArray
    span: int
    margin: IntArray


def _edges(name: str, values: Sequence[float]) -> FloatArray:
    edges = np.asarray(values, dtype=float)
    flat = edges.ndim == 1 and edges.size > 1 and bool(np.isfinite(edges[:-1]).all())
    if not flat or edges[0] < 0 or not (np.diff(edges) > 0).all():
        raise ParameterError(
            f"{name} {list(values)!r}; expected two or more increasing edges from 0 or more, "
            "of which only the last may be infinite, such as [0, 1, 101, inf]"
        )
    return edges


def _instants(events: gpd.GeoDataFrame, time: str) -> pd.Series:
    if time not in events:
        raise SchemaError("events", found=f"no column {time}", expected="a column of times")
    if pd.api.types.is_numeric_dtype(events[time]):
        raise SchemaError(
            "events",
            found=f"numbers in {time}",
            expected="instants or ISO dates",
            repair="Convert them with pandas.to_datetime(), which needs to know their unit.",
        )
    read = pd.to_datetime(events[time], utc=True, errors="coerce", format="ISO8601")
    wrong = read.isna() & events[time].notna()
    if wrong.any():
        raise DateError(
            "events",
            found=f"{time} such as {events[time][wrong].iloc[0]!r}",
            expected="instants or ISO dates",
            rows=list(events.index[wrong]),
        )
    instants: pd.Series = read.dt.as_unit("us")
    return instants


def _usable(
    events: gpd.GeoDataFrame, instants: pd.Series, space: FloatArray
) -> tuple[BoolArray, dict[str, int]]:
    placed = has_geometry(events)
    dated = instants.notna().to_numpy()
    if "date_precision" in events:
        dated = dated & ~events["date_precision"].isin(["month", "year"]).to_numpy()
    sharp = placed.copy()
    crs = require_crs(events, "events")
    metric = crs if crs.is_projected else equal_area_crs(events)
    _, radius = centres_and_precision(events[placed].to_crs(metric))
    finite = space[np.isfinite(space)].max()
    sharp[placed] = radius <= max(finite, space[0]) / 2 if finite > 0 else radius == 0
    kept = placed & dated & sharp
    left_out = {
        "no_geometry": int((~placed).sum()),
        "no_exact_time": int((placed & ~dated).sum()),
        "imprecise": int((placed & dated & ~sharp).sum()),
    }
    return kept, left_out


def _close_pairs(xy: FloatArray, space: FloatArray, *, power: int) -> _Close:
    finite = space[np.isfinite(space)]
    upper = finite[finite > 0]
    first = second = np.empty(0, dtype=np.int32)
    group, place = np.empty(0, dtype=np.int64), np.arange(len(xy))
    if len(xy) > 1 and upper.size:
        tree = cKDTree(xy)
        # A little wide, then cut with the same arithmetic as the intervals.
        radius = float(upper[-1]) * (1 + 1e-9)
        n_pairs = (int(tree.count_neighbors(tree, radius, p=power)) - len(xy)) // 2
        if n_pairs > _MOST_PAIRS:
            raise ParameterError(
                f"{n_pairs:,} pairs of events are closer than {upper[-1]:g} m, more than "
                f"{_MOST_PAIRS:,}; make the largest finite distance smaller, or analyse a "
                "shorter period or a smaller area"
            )
        pairs = tree.query_pairs(radius, p=power, output_type="ndarray")
        group = np.searchsorted(upper, _apart(xy, pairs, power), side="right")
        place = np.asarray(tree.indices, dtype=np.int64)
        pairs = np.argsort(place)[pairs[group < upper.size]]
        group = group[group < upper.size]
        order = np.lexsort((pairs[:, 1], pairs[:, 0], group))
        first, second = pairs[order].astype(np.int32).T.copy()
        group = group[order]
    start = np.searchsorted(group, np.arange(upper.size + 1)).astype(np.int64)
    outer = bool(space[0] == 0), bool(np.isinf(space[-1]))
    return _Close(first, second, start, place, *outer)


def _apart(xy: FloatArray, pairs: IntArray, power: int) -> FloatArray:
    total = np.zeros(len(pairs))
    for axis in xy.T:
        step = np.abs(axis[pairs[:, 0]] - axis[pairs[:, 1]])
        total += step if power == 1 else step * step
    return total if power == 1 else np.sqrt(total)


def _clock(instants: pd.Series, days: FloatArray) -> _Clock:
    """Keep times as whole numbers of their greatest common unit: exact, and narrow for dates."""
    stamp = instants.dt.tz_localize(None).to_numpy().astype("datetime64[us]").astype(np.int64)
    stamp -= stamp.min() if stamp.size else 0
    unit = max(1, int(np.gcd.reduce(stamp))) if stamp.size else 1
    # An edge of 0 counts none; the last edge, where infinite, counts every pair.
    span = int(stamp.max(initial=0)) // unit + 1
    limits = [span if np.isinf(d) else min(span, -(-round(d * _DAY_US) // unit)) for d in days]
    kind = np.int32 if span < 2**31 else np.int64
    ordered = np.sort(stamp // unit)
    under = [np.searchsorted(ordered, ordered + e, side="left") for e in limits]
    earlier = np.arange(ordered.size) + 1
    margin = np.array([np.maximum(u - earlier, 0).sum() for u in under], dtype=np.int64)
    return _Clock((stamp // unit).astype(kind), np.array(limits, dtype=kind), span, margin)


def _table(close: _Close, clock: _Clock, times: AnyArray) -> IntArray:
    """Pairs by interval of distance and of time; far pairs follow from the margin of time."""
    n_close = np.diff(close.start)
    under = np.zeros((n_close.size, clock.edges.size, times.shape[1]), dtype=np.int64)
    under[:, clock.edges >= clock.span] = n_close[:, None, None]
    cut = (clock.edges > 0) & (clock.edges < clock.span)
    under[:, cut] = pairs_within(times, close.first, close.second, close.start, clock.edges[cut])
    if close.to_infinity:
        far = clock.margin[:, None] - under.sum(axis=0)
        under = np.concatenate([under, far[None]])
    if not close.from_zero:
        under = under[1:]
    table: IntArray = np.diff(under, axis=1)
    return table


def _labelled(space: FloatArray, days: FloatArray) -> pd.DataFrame:
    rows = [(a, b, c, d) for a, b in pairwise(space) for c, d in pairwise(days)]
    frame = pd.DataFrame(rows, columns=["from_m", "to_m", "from_days", "to_days"], dtype=float)
    frame.index = pd.MultiIndex.from_arrays(
        [
            [_label(a, b, same=True) for a, b, _, _ in rows],
            [_label(c, d) for _, _, c, d in rows],
        ],
        names=["distance_m", "time_days"],
    )
    return frame


def _label(low: float, high: float, *, same: bool = False) -> str:
    """Whole edges read as in the Near Repeat Calculator: [1, 101) is "1–100"."""
    if same and low == 0 and high <= 1:
        return "same"
    if np.isinf(high):
        return f">{low - 1:.0f}" if low.is_integer() and low > 0 else f"≥{low:g}"
    if not (float(low).is_integer() and float(high).is_integer()):
        return f"{low:g} to <{high:g}"
    return f"{low:.0f}" if high - low == 1 else f"{low:.0f}–{high - 1:.0f}"
