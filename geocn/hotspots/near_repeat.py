"""Near repeats: whether events that are close in space are close in time beyond chance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from scipy import stats

from geocn._typing import BoolArray, FloatArray, IntArray
from geocn.errors import DateError, ParameterError, SchemaError
from geocn.hotspots import knox
from geocn.hotspots.combining import combine_estimates
from geocn.hotspots.imputation import IMPUTATIONS, check_imputations, place_events
from geocn.hotspots.one_sided import combine_upper
from geocn.hotspots.positions import positions_m
from geocn.provenance import attach
from geocn.spatial.crs import equal_area_crs, has_geometry, require_crs

Metric = Literal["euclidean", "manhattan"]
_METRICS = ("euclidean", "manhattan")


def near_repeat(
    events: gpd.GeoDataFrame,
    *,
    time: str,
    distances: Sequence[float],
    times: Sequence[float],
    metric: Metric = "euclidean",
    permutations: int = 999,
    confidence: float = 0.95,
    imputations: int = IMPUTATIONS,
    places: gpd.GeoDataFrame | None = None,
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
        Points. Put at one place or one day, vague events would repeat by themselves: those
        known less exactly than half the largest finite distance (areas, lines,
        ``location_precision_m``) are put at random places they may lie in, and dates known
        only to the month or year (``date_precision``) are left out, as are events without
        a place or a time, and counted.
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
    confidence : float
        Confidence of the interval of the ratio, between 0 and 1.
    imputations : int
        How many times vague events are placed; everything is computed for each and combined.
    places : GeoDataFrame, optional
        Areas by ``admin_code``, in which events with that code and no better place lie.
    seed : int
        Seed of shuffles and placing.

    Returns
    -------
    DataFrame
        Indexed by ``distance_m`` and ``time_days`` (labels), with the edges ``from_m, to_m,
        from_days, to_days``, and ``observed`` (a mean over imputations where events are
        vague), ``expected`` and ``std`` (mean and standard deviation over all shuffles,
        exactly, and what places differ by), ``knox_ratio`` (observed / expected) with
        ``ratio_low`` and ``ratio_high``, and ``p_value``. ``attrs["geocn"]`` holds
        ``imprecise_share``, the share of events that were vague.

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
    The interval of the ratio is the exact one of a Poisson count (Garwood 1936), which a
    count of rare pairs nearly is; where shuffles vary more than a Poisson count, by a factor
    :math:`\phi = \mathrm{std}^2 / \mathrm{expected} > 1`, that of :math:`n / \phi`.

    References
    ----------
    Knox & Bartlett 1964, doi:10.2307/2985220; Johnson et al. 2007,
    doi:10.1007/s10940-007-9025-3; Garwood 1936, doi:10.1093/biomet/28.3-4.437.

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
    _check_options(metric, permutations, confidence, imputations)
    crs = require_crs(events, "events")
    if metric == "manhattan" and not crs.is_projected:
        raise ParameterError(
            'metric "manhattan" needs a projected CRS; bring the events to one with to_crs()'
        )
    instants = _instants(events, time)
    sure = _dated(events, instants)
    cast = _cast(events, sure, space, imputations=imputations, places=places, seed=seed)
    stamp = (
        instants[cast.kept]
        .dt.tz_localize(None)
        .to_numpy()
        .astype("datetime64[us]")
        .astype(np.int64)
    )
    passes = [
        _count(xy, stamp, space, days, metric=metric, permutations=permutations, seed=(seed, i))
        for i, xy in enumerate(cast.worlds)
    ]
    result = _pooled(_labelled(space, days), passes, permutations, confidence)
    return attach(
        result,
        "hotspots.near_repeat",
        time=time,
        distances=_plain(space),
        times=_plain(days),
        metric=metric,
        permutations=permutations,
        confidence=confidence,
        imputations=imputations,
        places=places is not None,
        seed=seed,
        n_events=int(cast.kept.sum()),
        n_tests=len(result),
        n_imprecise=cast.n_imprecise,
        imprecise_share=cast.n_imprecise / max(int(cast.kept.sum()), 1),
        left_out={
            "no_place": int((~cast.placed).sum()),
            "no_exact_time": int((cast.placed & ~sure).sum()),
        },
        crs=crs,
    )


@dataclass(frozen=True, slots=True)
class _Cast:
    """The events that take part, and where, in each of the worlds they may make."""

    kept: BoolArray
    placed: BoolArray
    worlds: list[FloatArray]
    n_imprecise: int


@dataclass(frozen=True, slots=True)
class _Pass:
    """Counts of one world, their moments under shuffling, and their p-values."""

    observed: IntArray
    expected: FloatArray
    variance: FloatArray
    p_value: FloatArray


def _check_options(metric: str, permutations: int, confidence: float, imputations: int) -> None:
    faults = []
    if metric not in _METRICS:
        faults.append(f"metric {metric!r}; choose one of {', '.join(_METRICS)}")
    if permutations < 1:
        faults.append(f"permutations is {permutations}; at least 1 is needed")
    if not 0 < confidence < 1:
        faults.append(f"confidence is {confidence}; give a number between 0 and 1")
    if faults:
        raise ParameterError("; ".join(faults))
    check_imputations(imputations)


def _plain(edges: FloatArray) -> list[float | str]:
    """Edges as JSON holds them: it knows no infinity."""
    return [float(edge) if np.isfinite(edge) else "inf" for edge in edges]


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


def _dated(events: gpd.GeoDataFrame, instants: pd.Series) -> BoolArray:
    dated: BoolArray = instants.notna().to_numpy()
    if "date_precision" in events:
        dated = dated & ~events["date_precision"].isin(["month", "year"]).to_numpy()
    return dated


def _cast(
    events: gpd.GeoDataFrame,
    sure: BoolArray,
    space: FloatArray,
    *,
    imputations: int,
    places: gpd.GeoDataFrame | None,
    seed: int,
) -> _Cast:
    crs = require_crs(events, "events")
    plane = crs if crs.is_projected else equal_area_crs(events)
    finite = space[np.isfinite(space)].max()
    put = place_events(
        events,
        crs=plane,
        finer_than_m=finite / 2,
        imputations=imputations,
        seed=seed,
        places=places,
    )
    placed = np.asarray(np.isfinite(put.xy).all(axis=(0, 2)))
    kept = placed & sure
    vague = put.is_imprecise & kept
    if not vague.any() and has_geometry(events)[kept].all():
        return _Cast(kept, placed, [positions_m(events[kept], "events")], 0)
    worlds = [
        positions_m(
            gpd.GeoDataFrame(geometry=shapely.points(xy[kept]), crs=plane),
            "events",
            on_earth=not crs.is_projected,
        )
        for xy in (put.xy if vague.any() else put.xy[:1])
    ]
    return _Cast(kept, placed, worlds, int(vague.sum()))


def _count(
    xy: FloatArray,
    stamp_us: IntArray,
    space: FloatArray,
    days: FloatArray,
    *,
    metric: str,
    permutations: int,
    seed: tuple[int, int],
) -> _Pass:
    near = knox.close(xy, space, straight=metric == "euclidean")
    when = knox.clock(stamp_us[near.order], days)
    observed = knox.table(near, when, when.time[:, None])[:, :, 0]
    expected, variance = knox.moments(near, when)
    at_least = knox.shuffle(
        near, when, observed, permutations=permutations, rng=np.random.default_rng(seed)
    )
    return _Pass(observed, expected, variance, at_least / (permutations + 1))


def _pooled(
    result: pd.DataFrame, passes: list[_Pass], permutations: int, confidence: float
) -> pd.DataFrame:
    """Means over the worlds, what they differ by, and the interval of the ratio."""
    expected = np.mean([one.expected for one in passes], axis=0).ravel()
    counts = combine_estimates(
        [one.observed.ravel() for one in passes], [one.variance.ravel() for one in passes]
    )
    observed = passes[0].observed.ravel() if len(passes) == 1 else counts.estimate
    # A count that every shuffle reaches has p = 1, which has no score.
    most = 1 - 0.5 / (permutations + 1)
    p_value = combine_upper(np.array([world.p_value.ravel() for world in passes]), most=most)
    result["observed"], result["expected"] = observed, expected
    result["std"] = np.sqrt(counts.variance)
    with np.errstate(invalid="ignore", divide="ignore"):
        phi = np.where(expected > 0, np.maximum(counts.variance / expected, 1.0), 1.0)
        scale = np.where(expected > 0, phi / expected, np.nan)
        tail, n = (1 - confidence) / 2, observed / phi
        result["knox_ratio"] = np.where(expected > 0, observed / expected, np.nan)
        result["ratio_low"] = np.where(n > 0, stats.gamma.ppf(tail, n), 0.0) * scale
        result["ratio_high"] = stats.gamma.isf(tail, n + 1) * scale
    result["p_value"] = p_value
    return result


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
