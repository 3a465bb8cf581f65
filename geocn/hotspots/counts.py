"""Counting events in areas, one area an event, nobody lost unreported."""

from __future__ import annotations

from dataclasses import dataclass
from os import PathLike
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from geocn._typing import FloatArray, IntArray, StrPath
from geocn.errors import ParameterError, SchemaError
from geocn.hotspots.count_periods import PERIODS, Period, check_period
from geocn.hotspots.imputation import (
    IMPUTATIONS,
    check_imputations,
    imputed_names,
    locate,
    rows_by_code,
)
from geocn.hotspots.point_counts import count_points
from geocn.hotspots.precision import Imprecise, check_imprecise
from geocn.hotspots.values import numeric_column, refuse_rows
from geocn.provenance import KEY, attach
from geocn.spatial.binning import cells_of
from geocn.spatial.crs import equal_area_crs, has_geometry, require_crs


def count_events(
    events: gpd.GeoDataFrame | StrPath,
    areas: gpd.GeoDataFrame,
    *,
    weight: str | None = None,
    by_period: Period | None = None,
    time: str = "seized_at",
    imprecise: Imprecise = "spread",
    imputations: int = IMPUTATIONS,
    places: gpd.GeoDataFrame | None = None,
    seed: int = 0,
) -> gpd.GeoDataFrame:
    """Count events in each area of a grid or an administrative layer.

    An event counts in one area only (edges: see :func:`geocn.spatial.binning.bin_points`).
    An event that may lie further from its centre than the radius of a circle of the area's
    size is known less exactly than the area: stacked on its centre it would make a false
    hotspot. Such events are put at ``imputations`` random places each, in their own outline,
    in that of their place or in the circle of ``location_precision_m``; counts are then
    means over the imputations, and those of each stand beside them. Or they are left out.
    Events whose ``admin_code`` is that of an area (areas with a column ``admin_code``)
    belong to it however imprecise.

    Parameters
    ----------
    events : GeoDataFrame or path
        Points; areas and lines count as imprecise points. Null geometries are left out.
        Or the path of a CSV or Parquet file or of a folder of such, larger than memory: it
        is counted by :func:`count_points`, for precise points only (columns ``lon`` and
        ``lat``, or a geometry).
    areas : GeoDataFrame
        Polygons, such as from :func:`make_grid`.
    weight : str, optional
        Numeric column of the events, not negative, to sum beside the count (null counts
        as 0; ``n_without_weight`` of the metadata says how many).
    by_period : {"week", "month", "quarter", "year"}, optional
        One row an area and period of UTC calendar time (weeks end on Sunday), from the
        first to the last event, periods without events included.
    time : str
        Column of instants for ``by_period``; events without one are left out and counted.
    imprecise : {"spread", "leave_out"}
        What to do with events known less exactly than the areas.
    imputations : int
        Number of places of each imprecise event.
    places : GeoDataFrame, optional
        Areas by ``admin_code`` in which imprecise events lie whose ``admin_code`` it is.
    seed : int
        Seed of the places.

    Returns
    -------
    GeoDataFrame
        The areas with ``n_events``, ``n_imprecise`` (those of them that were spread),
        ``imprecise_share`` (of the events; NaN where there are none), ``total_<weight>`` and,
        by period, ``period`` (its name, such as "2024-03"). Where events were spread, the
        numbers are means, and ``n_events_imputed_1``... (``total_<weight>_imputed_1``...)
        hold each imputation. ``attrs["geocn"]["left_out"]`` counts the events that stand in
        no area, by reason; ``spread_outside`` is the mean number of imprecise events that
        were put outside all areas.

    Raises
    ------
    CRSError
        Where a frame has no CRS.
    SchemaError
        Where the column of weights or times is missing.
    LayerError
        Where weights are negative or infinite.
    ParameterError
        Where an option is unknown, or places have no codes; where a file holds events known
        less exactly than the areas, or is to be counted with ``places``.

    References
    ----------
    Rubin 1987, Multiple imputation for nonresponse in surveys, doi:10.1002/9780470316696.

    Examples
    --------
    >>> import geopandas as gpd, shapely
    >>> events = gpd.GeoDataFrame(geometry=[shapely.Point(0.5, 0.5), None], crs=6933)
    >>> areas = gpd.GeoDataFrame(geometry=[shapely.box(0, 0, 1, 1)], crs=6933)
    >>> counted = count_events(events, areas)
    >>> counted["n_events"].tolist(), counted.attrs["geocn"]["left_out"]["no_geometry"]
    ([1], 1)
    """
    check_imprecise(imprecise)
    check_imputations(imputations)
    check_period(by_period)
    if isinstance(events, (str, PathLike)):
        return _count_file(
            events, areas, weight=weight, by_period=by_period, time=time, imprecise=imprecise,
            imputations=imputations, places=places, seed=seed,
        )  # fmt: skip
    amount = _weights(events, weight)
    times = _times(events, time if by_period else None)
    placed = _place(
        events, areas, imprecise=imprecise, imputations=imputations, places=places, seed=seed
    )
    periods, number = _periods(times, placed, PERIODS[by_period or "year"])
    if not by_period:
        periods, number = [""], np.zeros(len(events), dtype=np.int64)
    tally = _Tally(placed, number, len(areas), len(periods))
    result = areas.iloc[np.repeat(np.arange(len(areas)), len(periods))].copy()
    if by_period:
        result["period"] = pd.Series(periods * len(areas), index=result.index, dtype="str")
    result = result.assign(**tally.columns(weight, amount))
    counted, spread = float(result["n_events"].sum()), float(result["n_imprecise"].sum())
    return attach(
        result,
        "hotspots.count_events",
        n_events_in=len(events),
        n_counted=_whole(counted),
        left_out=placed.left_out | tally.left_out(by_period is not None),
        n_imprecise=_whole(spread),
        n_without_weight=int(np.isnan(amount).sum()),
        imprecise=imprecise,
        imputations=imputations,
        places=None if places is None else f"{len(places)} areas",
        seed=seed,
        by_period=by_period,
        time=time,
        weight=weight,
        crs=areas.crs,
    )


def _count_file(
    path: StrPath,
    areas: gpd.GeoDataFrame,
    *,
    weight: str | None,
    by_period: Period | None,
    time: str,
    imprecise: Imprecise,
    imputations: int,
    places: gpd.GeoDataFrame | None,
    seed: int,
) -> gpd.GeoDataFrame:
    """Hand a file over to :func:`count_points`, which spreads nothing."""
    if places is not None:
        raise ParameterError("places spread imprecise events, which a file cannot; read it first")
    result = count_points(path, areas, weight=weight, by_period=by_period, time=time)
    record = result.attrs[KEY]
    vague = record["left_out"]["imprecise"]
    if vague and imprecise == "spread":
        raise ParameterError(
            f"{vague} events are known less exactly than the areas, and a file is counted in "
            'parts, which cannot spread them: say imprecise="leave_out", or read it with '
            "geocn.read_seizures and give the events"
        )
    if not vague and imprecise == "spread":
        del record["left_out"]["imprecise"]
    totals = [] if weight is None else [result.pop(f"total_{weight}")]
    result["n_imprecise"] = np.zeros(len(result), dtype=np.int64)
    result["imprecise_share"] = np.where(result["n_events"] > 0, 0.0, np.nan)
    for total in totals:
        result[total.name] = total
    asked = {"imprecise": imprecise, "imputations": imputations, "places": None, "seed": seed}
    record |= {"method": "hotspots.count_events", "n_imprecise": 0, **asked}
    return result


def _weights(events: gpd.GeoDataFrame, weight: str | None) -> FloatArray:
    if weight is None:
        return np.zeros(0)
    amount = numeric_column(events, weight, analysis="events")
    with np.errstate(invalid="ignore"):
        bad = (amount < 0) | np.isinf(amount)
    refuse_rows(
        events,
        bad,
        analysis="events",
        found=f"negative or infinite {weight}",
        expected="amounts of 0 or more",
    )
    return amount


def _times(events: gpd.GeoDataFrame, time: str | None) -> pd.Series | None:
    if time is None:
        return None
    if time not in events:
        raise SchemaError(
            "events",
            found=f"no column {time}",
            expected=f"one of {', '.join(map(str, events.columns))}",
        )
    utc: pd.Series = pd.to_datetime(events[time], utc=True).dt.tz_localize(None)
    return utc


def _whole(number: float) -> int | float:
    return int(number) if number == int(number) else number


@dataclass
class _Placed:
    """The area of every event, and why some have none.

    ``area`` is that of the precise events; ``rows`` are the imprecise ones, whose areas in
    each imputation stand in ``spread``.
    """

    area: IntArray
    rows: IntArray
    spread: IntArray
    left_out: dict[str, int]


def _place(
    events: gpd.GeoDataFrame,
    areas: gpd.GeoDataFrame,
    *,
    imprecise: Imprecise,
    imputations: int,
    places: gpd.GeoDataFrame | None,
    seed: int,
) -> _Placed:
    crs = require_crs(areas, "areas")
    require_crs(events, "events")
    metric = crs if crs.is_projected else equal_area_crs(areas)
    ground = areas if crs == metric else areas.to_crs(metric)
    area = rows_by_code(events, areas)
    rows = np.flatnonzero(area < 0)
    known = locate(events.iloc[rows], crs=metric, places=places, layer="events")
    cells = cells_of(ground)
    at = cells.find(known.xy)
    vague = known.radius_m > _radius_of(ground.geometry.to_numpy(), at)
    absent = np.isnan(known.xy).any(axis=1) & ~has_geometry(events.iloc[rows])
    left_out = {"no_geometry": int(absent.sum())}
    spread: IntArray = np.zeros((0, 0), dtype=np.int64)
    if imprecise == "leave_out":
        left_out["imprecise"] = int(vague.sum())
    elif vague.any():
        xy = known.spread(vague, imputations=imputations, seed=seed)
        spread = np.reshape(cells.find(xy.reshape(-1, 2)), xy.shape[:2])
    left_out["outside"] = int(((at < 0) & ~vague & ~absent).sum())
    area[rows] = np.where(vague, -1, at)
    return _Placed(area, rows[vague][: spread.shape[1]], spread, left_out)


def _radius_of(shapes: Any, area: IntArray) -> FloatArray:
    """Radius of a circle as large as each event's area; outside all of them, of the median."""
    sizes = np.sqrt(shapely.area(shapes) / np.pi)
    sizes = np.append(sizes, np.nanmedian(sizes) if len(sizes) else np.inf)
    radius: FloatArray = sizes[area]
    return radius


def _periods(times: pd.Series | None, placed: _Placed, freq: str) -> tuple[list[str], IntArray]:
    """Names of the periods from the first to the last event in an area; each event's number."""
    number = np.full(len(placed.area), -1, dtype=np.int64)
    if times is None:
        return [], number
    inside = placed.area >= 0
    inside[placed.rows] = (placed.spread >= 0).any(axis=0)
    inside &= times.notna().to_numpy()
    if not inside.any():
        return [], number
    period = times[inside].dt.to_period(freq)
    every = pd.period_range(period.min(), period.max(), freq=freq)
    number[inside] = every.get_indexer(pd.PeriodIndex(period))
    return [str(p) for p in every], number


class _Tally:
    """Sums over the events of each area and period, and over those of each imputation."""

    def __init__(self, placed: _Placed, number: IntArray, n_areas: int, n_periods: int) -> None:
        self._size = n_areas * n_periods
        kept = (placed.area >= 0) & (number >= 0)
        self._timeless = int(((placed.area >= 0) & (number < 0)).sum())
        self._events = np.flatnonzero(kept)
        self._cell = placed.area[kept] * n_periods + number[kept]
        ever = (placed.spread >= 0).any(axis=0)
        timed = number[placed.rows] >= 0
        # An imprecise event without time that was never put inside lies outside.
        self._timeless += int((ever & ~timed).sum())
        self._rows = placed.rows[timed]
        area = placed.spread[:, timed]
        self._spread = np.where(area >= 0, area * n_periods + number[self._rows], -1)
        self._m = len(placed.spread) if len(placed.rows) else 0
        off = (self._spread < 0).sum() + self._m * int((~ever & ~timed).sum())
        self._outside = _whole(float(off / max(self._m, 1)))

    def left_out(self, by_period: bool) -> dict[str, Any]:
        """Events that stand nowhere for want of a time, or because they were put outside."""
        timeless = {"no_time": self._timeless} if by_period else {}
        return timeless | {"spread_outside": self._outside}

    def columns(self, weight: str | None, amount: FloatArray) -> dict[str, Any]:
        """Columns of counts and totals; integers where nothing was spread."""
        sure, imputed = self._sum(None)
        vague = imputed.mean(axis=0) if self._m else np.zeros(self._size, dtype=np.int64)
        events = sure + vague
        with np.errstate(invalid="ignore"):
            share = vague / events
        columns: dict[str, Any] = {
            "n_events": events,
            "n_imprecise": vague,
            "imprecise_share": share,
        }
        columns |= dict(zip(imputed_names("n_events", self._m), sure + imputed, strict=True))
        if weight is not None:
            total, each = self._sum(np.nan_to_num(amount))
            name = f"total_{weight}"
            columns[name] = total + each.mean(axis=0) if self._m else total
            columns |= dict(zip(imputed_names(name, self._m), total + each, strict=True))
        return columns

    def _sum(self, amount: FloatArray | None) -> tuple[Any, Any]:
        """Sum over the precise events, and over the imprecise ones of each imputation."""

        def add(cell: IntArray, rows: IntArray) -> Any:
            weights = None if amount is None else amount[rows]
            sums = np.bincount(cell, weights=weights, minlength=self._size)
            # bincount of nothing gives integers whatever the weights.
            return sums.astype(np.int64 if amount is None else float)

        each = np.zeros((self._m, self._size), dtype=np.int64 if amount is None else float)
        for i in range(self._m):
            inside = self._spread[i] >= 0
            each[i] = add(self._spread[i, inside], self._rows[inside])
        return add(self._cell, self._events), each
