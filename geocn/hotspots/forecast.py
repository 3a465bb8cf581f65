"""Forecasts of where events come next, never without the naive one beside them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd

from geocn._typing import FloatArray, IntArray
from geocn.errors import ParameterError
from geocn.hotspots.area_series import locate, read_times
from geocn.hotspots.calendar import Instant, cut_off, instant
from geocn.hotspots.forecast_models import METHODS, Ground, History, Method, expect, history
from geocn.hotspots.forecast_scores import Scores, score
from geocn.hotspots.imputation import IMPUTATIONS, check_imputations
from geocn.provenance import attach
from geocn.spatial.crs import require_crs

_NAIVE = "persistence"
_DAY = pd.Timedelta(days=1)


@dataclass(frozen=True, slots=True)
class _Job:
    """What a forecast needs beside events and origin."""

    grid: gpd.GeoDataFrame
    ground: Ground
    time: str
    horizon_days: float
    history_days: float
    bandwidth_m: float
    decay_days: float
    imputations: int
    places: gpd.GeoDataFrame | None
    seed: int

    def known(self, events: gpd.GeoDataFrame, until: pd.Timestamp) -> History:
        """Events before an origin."""
        return history(
            events,
            self.grid,
            self.ground,
            time=self.time,
            until=until,
            days=self.history_days,
            imputations=self.imputations,
            places=self.places,
            seed=self.seed,
        )

    def expect(self, method: str, known: History) -> tuple[FloatArray, dict[str, Any]]:
        """Events to expect within the horizon."""
        return expect(
            method,
            known,
            self.ground,
            horizon_days=self.horizon_days,
            bandwidth_m=self.bandwidth_m,
            decay_days=self.decay_days,
        )


def forecast(
    events: gpd.GeoDataFrame,
    grid: gpd.GeoDataFrame,
    *,
    method: Method = "prospective_kde",
    horizon_days: float = 30,
    history_days: float = 365,
    bandwidth_m: float | None = None,
    decay_days: float = 60,
    top_share: float = 0.05,
    time: str = "seized_at",
    as_of: Instant | None = None,
    imputations: int = IMPUTATIONS,
    places: gpd.GeoDataFrame | None = None,
    seed: int = 0,
) -> gpd.GeoDataFrame:
    r"""Events to expect in each area, beside what the naive forecast expects.

    ``"persistence"``, the naive one: as many as in as long a time before.
    ``"prospective_kde"``: past events spread in space and fading in time,
    :math:`\sum_i e^{-a_i / \tau} K_h(s - s_i) / \tau` with ages a (after Bowers et al. 2004).
    ``"self_exciting"``: a steady background and events that bring others near them soon
    after, fitted to the history (Mohler et al. 2011), with the offspring of events to come.
    Kernels are Gaussian and share each event among the cells of the grid, losing none.

    Parameters
    ----------
    events : GeoDataFrame
        Points; areas and lines count as imprecise points. Dates known only to the month or
        year (``date_precision``), and events outside the grid, are left out and counted.
    grid : GeoDataFrame
        Polygons, such as from :func:`make_grid`.
    method : {"prospective_kde", "self_exciting", "persistence"}
        What to forecast with.
    horizon_days : float
        Days from the cut-off to forecast.
    history_days : float
        Days before the cut-off to learn from.
    bandwidth_m : float, optional
        Standard deviation of the kernel (of the background); by default the diameter of a
        circle as large as the median cell.
    decay_days : float
        Mean age that "prospective_kde" looks back on.
    top_share : float
        Share of the area for the scores of the last horizon.
    time : str
        Column of instants.
    as_of : date, optional
        The cut-off, a date included to its end; later events are not looked at. By default
        the day of the last event.
    imputations, places, seed
        How often, and where, events known less exactly than a cell are placed; forecasts are
        means over these.

    Returns
    -------
    GeoDataFrame
        The grid with ``expected_events`` and ``rank`` (1 for the densest), the same of
        persistence as ``expected_naive`` and ``rank_naive``, and ``imprecise_share`` of the
        events in the cell. ``attrs["geocn"]`` holds the parameters ``fitted``, and
        ``last_horizon``: the scores this method and the naive one would have had over the
        last ``horizon_days`` before the cut-off, from what was known before them.

    Raises
    ------
    SchemaError, DateError
        Where the column of times is missing or wrong.
    ParameterError
        Where an option is out of range.
    CRSError
        Where a frame has no CRS.

    References
    ----------
    Bowers, Johnson & Pease 2004, doi:10.1093/bjc/azh036; Mohler et al. 2011,
    doi:10.1198/jasa.2011.ap09546.

    Examples
    --------
    >>> import geopandas as gpd, pandas as pd, shapely
    >>> when = pd.to_datetime(["2024-01-05", "2024-02-20", "2024-02-25"], utc=True)
    >>> spots = [shapely.Point(500, 500), shapely.Point(1500, 500), shapely.Point(1500, 500)]
    >>> events = gpd.GeoDataFrame({"seized_at": when}, geometry=spots, crs=6933)
    >>> boxes = [shapely.box(x, 0, x + 1000, 1000) for x in (0, 1000)]
    >>> grid = gpd.GeoDataFrame(geometry=boxes, crs=6933)
    >>> ahead = forecast(events, grid, as_of="2024-02-29", bandwidth_m=300)
    >>> ahead["rank"].tolist(), ahead["expected_naive"].tolist()
    ([2, 1], [0.0, 2.0])
    """
    _check(
        (method,),
        top_share,
        imputations,
        horizon_days=horizon_days,
        history_days=history_days,
        decay_days=decay_days,
        bandwidth_m=bandwidth_m,
    )
    ground = Ground.of(grid)
    width = 2 * ground.radius_m if bandwidth_m is None else bandwidth_m
    job = _Job(
        grid, ground, time, horizon_days, history_days, width, decay_days, imputations, places, seed
    )
    until = _end(events, time, as_of)
    known = job.known(events, until)
    expected, fitted = job.expect(method, known)
    naive, _ = job.expect(_NAIVE, known)
    last = _scores(events, job, (method, _NAIVE), [until - horizon_days * _DAY], top_share)
    result = grid.assign(
        expected_events=expected,
        rank=_rank(expected, ground),
        expected_naive=naive,
        rank_naive=_rank(naive, ground),
        imprecise_share=known.vague_share,
    )
    return attach(
        result,
        "hotspots.forecast",
        method_option=method,
        **_options(job, top_share, as_of, bandwidth_m),
        until=until,
        n_events=len(known.pasts[0].age),
        fitted=fitted,
        last_horizon={name: _json(found) for name, _, found in last},
        left_out=known.left_out,
        crs=grid.crs,
    )


def evaluate_forecast(
    events: gpd.GeoDataFrame,
    grid: gpd.GeoDataFrame,
    *,
    methods: Sequence[Method] = ("prospective_kde", "self_exciting"),
    origins: int | Sequence[Instant] = 6,
    horizon_days: float = 30,
    history_days: float = 365,
    bandwidth_m: float | None = None,
    decay_days: float = 60,
    top_share: float = 0.05,
    time: str = "seized_at",
    as_of: Instant | None = None,
    imputations: int = IMPUTATIONS,
    places: gpd.GeoDataFrame | None = None,
    seed: int = 0,
) -> pd.DataFrame:
    """Score forecasts from rolling origins against what then came, beside the naive one.

    At each origin a method learns from what was known before it, chooses the densest cells
    up to ``top_share`` of the area, and is scored by the events of the horizon after it.

    Parameters
    ----------
    events, grid, horizon_days, history_days, bandwidth_m, decay_days, time, as_of, imputations,\
 places, seed
        As in :func:`forecast`.
    methods : sequence of str
        Methods to score; "persistence" is scored with them in any case.
    origins : int or sequence of dates
        First days of the horizons; or how many of them, one after the other up to the cut-off.
    top_share : float
        Share of the area to choose, above 0 and at most 1.

    Returns
    -------
    DataFrame
        One row a method and origin: ``method``, ``origin``, ``n_events`` (N), ``n_hits`` (n),
        ``area_share`` (a/A), ``hit_rate`` n/N, ``pai`` (n/N)/(a/A), ``pei`` n/n* with n* the
        most that as much area could have held, ``rri`` (n/n0)/(N/N0) with n0, N0 of as long
        a time before, ``expected_total``, ``calibration`` (observed / expected),
        ``dispersion`` (mean of (observed - expected)^2 / expected over cells, 1 for a right
        Poisson forecast, infinite where an event came that was impossible), ``pit`` (place
        of the total in its Poisson law), and the naive forecast's ``hit_rate_naive``,
        ``pai_naive``, ``pei_naive`` beside. NaN where no event came: nothing to score.

    Raises
    ------
    SchemaError, DateError, ParameterError, CRSError
        As in :func:`forecast`.

    References
    ----------
    Chainey, Tompson & Uhlig 2008, doi:10.1057/palgrave.sj.8350066; Levine 2008,
    doi:10.1057/sj.2008.5.

    Examples
    --------
    >>> import geopandas as gpd, numpy as np, pandas as pd, shapely
    >>> when = pd.date_range("2024-01-01", periods=90, tz="UTC")
    >>> x = np.where(np.arange(90) % 3, 500, 1500)
    >>> spots = shapely.points(x, np.full(90, 500))
    >>> events = gpd.GeoDataFrame({"seized_at": when}, geometry=spots, crs=6933)
    >>> boxes = [shapely.box(x, 0, x + 1000, 1000) for x in (0, 1000)]
    >>> grid = gpd.GeoDataFrame(geometry=boxes, crs=6933)
    >>> scores = evaluate_forecast(
    ...     events, grid, methods=["prospective_kde"], origins=1, top_share=0.5, bandwidth_m=200
    ... )
    >>> scores[["method", "pai", "pai_naive", "pei"]].round(3).values.tolist()
    [['prospective_kde', 1.333, 1.333, 1.0], ['persistence', 1.333, 1.333, 1.0]]
    """
    _check(
        methods,
        top_share,
        imputations,
        horizon_days=horizon_days,
        history_days=history_days,
        decay_days=decay_days,
        bandwidth_m=bandwidth_m,
    )
    ground = Ground.of(grid)
    width = 2 * ground.radius_m if bandwidth_m is None else bandwidth_m
    job = _Job(
        grid, ground, time, horizon_days, history_days, width, decay_days, imputations, places, seed
    )
    until = _end(events, time, as_of)
    starts = _origins(origins, until, horizon_days)
    names = tuple(dict.fromkeys([*methods, _NAIVE]))
    found = _scores(events, job, names, starts, top_share)
    result = _beside_naive(found)
    return attach(
        result,
        "hotspots.evaluate_forecast",
        methods=list(methods),
        origins=[start.isoformat() for start in starts],
        **_options(job, top_share, as_of, bandwidth_m),
        until=until,
        n_events_in=len(events),
        crs=require_crs(grid, "grid"),
    )


def _check(
    methods: Sequence[str],
    top_share: float,
    imputations: int,
    **lengths: float | None,
) -> None:
    faults = [f"method {m!r}; choose of {', '.join(METHODS)}" for m in methods if m not in METHODS]
    faults += [
        f"{name} is {value}; give a positive number"
        for name, value in lengths.items()
        if value is not None and not (np.isfinite(value) and value > 0)
    ]
    if not 0 < top_share <= 1:
        faults.append(f"top_share is {top_share}; give a share above 0 and at most 1")
    if faults:
        raise ParameterError("; ".join(faults))
    check_imputations(imputations)


def _options(
    job: _Job, top_share: float, as_of: Instant | None, bandwidth_m: float | None
) -> dict[str, Any]:
    return {
        "horizon_days": job.horizon_days,
        "history_days": job.history_days,
        "bandwidth_m": job.bandwidth_m,
        "bandwidth": "by the cells" if bandwidth_m is None else "given",
        "decay_days": job.decay_days,
        "top_share": top_share,
        "time": job.time,
        "as_of": as_of,
        "imputations": job.imputations,
        "places": job.places is not None,
        "seed": job.seed,
    }


def _end(events: gpd.GeoDataFrame, time: str, as_of: Instant | None) -> pd.Timestamp:
    """First instant that is not known: after the cut-off, or the day of the last event."""
    until = cut_off(as_of)
    when, known = read_times(events, time, finest="day")
    if until is not None:
        return until
    last = when[known].max()
    return pd.Timestamp(0) if pd.isna(last) else last.normalize() + _DAY


def _origins(
    origins: int | Sequence[Instant], until: pd.Timestamp, horizon_days: float
) -> list[pd.Timestamp]:
    if isinstance(origins, int):
        if origins < 1:
            raise ParameterError(f"origins is {origins}; at least 1 is needed")
        return [until - back * horizon_days * _DAY for back in range(origins, 0, -1)]
    starts = [instant(origin, "origins") for origin in origins]
    late = [start for start in starts if start + horizon_days * _DAY > until]
    if late or not starts:
        raise ParameterError(
            f"origins must leave {horizon_days:g} days before {until.date()}; "
            f"found {', '.join(str(start.date()) for start in late) or 'none'}"
        )
    return starts


def _scores(
    events: gpd.GeoDataFrame,
    job: _Job,
    methods: Sequence[str],
    starts: Sequence[pd.Timestamp],
    top_share: float,
) -> list[tuple[str, pd.Timestamp, Scores]]:
    found = []
    when, known = read_times(events, job.time, finest="day")
    for start in starts:
        came = known & ((when >= start) & (when < start + job.horizon_days * _DAY)).to_numpy()
        where = locate(
            events[came], job.grid, imputations=job.imputations, places=job.places, seed=job.seed
        )
        observed = _per_cell(where.area, len(job.grid))
        past = job.known(events, start)
        before, _ = job.expect(_NAIVE, past)
        for method in methods:
            expected, _ = job.expect(method, past)
            scores = score(expected, observed, before, job.ground.size, top_share=top_share)
            found.append((method, start, scores))
    return found


def _per_cell(area: IntArray, n: int) -> FloatArray:
    """Mean count over imputations."""
    counts = [np.bincount(one[one >= 0], minlength=n) for one in area]
    mean: FloatArray = np.mean(counts, axis=0)
    return mean


def _beside_naive(found: list[tuple[str, pd.Timestamp, Scores]]) -> pd.DataFrame:
    rows = [{"method": m, "origin": start} | asdict(scores) for m, start, scores in found]
    table = pd.DataFrame(rows).astype({"origin": "datetime64[us]"})
    naive = table[table["method"] == _NAIVE].set_index("origin")
    for name in ("hit_rate", "pai", "pei"):
        table[f"{name}_naive"] = table["origin"].map(naive[name])
    order = [method for method in METHODS if method in set(table["method"])]
    rank = table["method"].map({method: place for place, method in enumerate(order)})
    return table.iloc[np.lexsort([table["origin"], rank])].reset_index(drop=True)


def _rank(expected: FloatArray, ground: Ground) -> IntArray:
    density = pd.Series(-expected / ground.size)
    return density.rank(method="min").to_numpy().astype(np.int64)


def _json(scores: Scores) -> dict[str, float | None]:
    """Scores as JSON holds them: it knows no NaN."""
    return {
        name: float(value) if np.isfinite(value) else None for name, value in asdict(scores).items()
    }
