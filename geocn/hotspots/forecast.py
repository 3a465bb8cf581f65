"""Forecasts of where events come next, never without the naive one beside them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

import geopandas as gpd
import numpy as np
import pandas as pd

from geocn._typing import FloatArray, IntArray
from geocn.hotspots.calendar import Instant
from geocn.hotspots.forecast_job import NAIVE, Job
from geocn.hotspots.forecast_models import METHODS, Ground, Method
from geocn.hotspots.forecast_scores import Scores
from geocn.hotspots.imputation import IMPUTATIONS
from geocn.provenance import attach
from geocn.spatial.crs import require_crs


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
    job = Job.of(
        grid,
        (method,),
        horizon_days=horizon_days,
        history_days=history_days,
        bandwidth_m=bandwidth_m,
        decay_days=decay_days,
        top_share=top_share,
        time=time,
        as_of=as_of,
        imputations=imputations,
        places=places,
        seed=seed,
    )
    until = job.end(events)
    known = job.known(events, until)
    expected, fitted = job.expect(method, known)
    naive, _ = job.expect(NAIVE, known)
    last = job.scores(events, (method, NAIVE), job.origins(1, until))
    result = grid.assign(
        expected_events=expected,
        rank=_rank(expected, job.ground),
        expected_naive=naive,
        rank_naive=_rank(naive, job.ground),
        imprecise_share=known.vague_share,
    )
    return attach(
        result,
        "hotspots.forecast",
        method_option=method,
        **job.options,
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
    job = Job.of(
        grid,
        methods,
        horizon_days=horizon_days,
        history_days=history_days,
        bandwidth_m=bandwidth_m,
        decay_days=decay_days,
        top_share=top_share,
        time=time,
        as_of=as_of,
        imputations=imputations,
        places=places,
        seed=seed,
    )
    until = job.end(events)
    starts = job.origins(origins, until)
    found = job.scores(events, tuple(dict.fromkeys([*methods, NAIVE])), starts)
    result = _beside_naive(found)
    return attach(
        result,
        "hotspots.evaluate_forecast",
        methods=list(methods),
        origins=[start.isoformat() for start in starts],
        **job.options,
        until=until,
        n_events_in=len(events),
        crs=require_crs(grid, "grid"),
    )


def _beside_naive(found: list[tuple[str, pd.Timestamp, Scores]]) -> pd.DataFrame:
    rows = [{"method": m, "origin": start} | asdict(scores) for m, start, scores in found]
    table = pd.DataFrame(rows).astype({"origin": "datetime64[us]"})
    naive = table[table["method"] == NAIVE].set_index("origin")
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
