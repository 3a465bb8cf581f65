"""Counting events in areas, one area an event, nobody lost unreported."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from geocn._typing import BoolArray, FloatArray, IntArray
from geocn.errors import ParameterError, SchemaError
from geocn.hotspots.precision import (
    Imprecise,
    centres_and_precision,
    check_imprecise,
    scatter,
)
from geocn.provenance import attach
from geocn.spatial.crs import equal_area_crs, has_geometry, require_crs

Period = Literal["week", "month", "quarter", "year"]
_PERIODS = {"week": "W-SUN", "month": "M", "quarter": "Q", "year": "Y"}


@dataclass
class _Placed:
    """The area of every event, and why some have none."""

    area: IntArray
    imprecise: BoolArray
    left_out: dict[str, int] = field(default_factory=dict)


def count_events(
    events: gpd.GeoDataFrame,
    areas: gpd.GeoDataFrame,
    *,
    weight: str | None = None,
    by_period: Period | None = None,
    time: str = "seized_at",
    imprecise: Imprecise = "spread",
    seed: int = 0,
) -> gpd.GeoDataFrame:
    """Count events in each area of a grid or an administrative layer.

    An event on the edge of two areas counts once, in the first. An event whose
    ``location_precision_m`` exceeds the radius of a circle of the area's size is known less
    exactly than the area: stacked where its point happens to lie it would make a false
    hotspot. Such events are spread (each put at a uniform random place within its radius,
    by ``seed``) or left out, and counted either way. Events whose ``admin_code`` is that of
    an area (areas with a column ``admin_code``) belong to it however imprecise.

    Parameters
    ----------
    events : GeoDataFrame
        Points; areas and lines count as imprecise points. Null geometries are left out.
    areas : GeoDataFrame
        Polygons, such as from :func:`make_grid`.
    weight : str, optional
        Numeric column of the events to sum beside the count (null counts as 0).
    by_period : {"week", "month", "quarter", "year"}, optional
        One row an area and period of UTC calendar time (weeks end on Sunday), from the
        first to the last event, periods without events included.
    time : str
        Column of instants for ``by_period``; events without one are left out and counted.
    imprecise : {"spread", "leave_out"}
        What to do with events known less exactly than the areas.
    seed : int
        Seed of the spreading.

    Returns
    -------
    GeoDataFrame
        The areas with ``n_events`` and ``n_imprecise`` (those of them that were spread),
        ``total_<weight>`` and, by period, ``period`` (its name, such as "2024-03").
        ``attrs["geocn"]["left_out"]`` counts the events that stand in no area, by reason.

    Raises
    ------
    CRSError
        Where a frame has no CRS.
    SchemaError
        Where the column of weights or times is missing.
    ParameterError
        Where an option is unknown.

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
    _check_columns(events, weight, time if by_period else None)
    placed = _place(events, areas, imprecise=imprecise, seed=seed)
    kept = placed.area >= 0
    periods, number = None, np.zeros(len(events), dtype=np.int64)
    if by_period is not None:
        if by_period not in _PERIODS:
            raise ParameterError(f"by_period {by_period!r}; choose one of {', '.join(_PERIODS)}")
        periods, number = _periods(events[time], kept, _PERIODS[by_period])
        placed.left_out["no_time"] = int((kept & (number < 0)).sum())
        kept &= number >= 0
    n_periods = 1 if periods is None else len(periods)
    cell = placed.area[kept] * n_periods + number[kept]
    size = len(areas) * n_periods
    result = areas.iloc[np.repeat(np.arange(len(areas)), n_periods)].copy()
    if periods is not None:
        result["period"] = pd.Series(list(periods) * len(areas), index=result.index, dtype="str")
    result["n_events"] = np.bincount(cell, minlength=size).astype(np.int64)
    fuzzy = placed.area[kept & placed.imprecise] * n_periods + number[kept & placed.imprecise]
    result["n_imprecise"] = np.bincount(fuzzy, minlength=size).astype(np.int64)
    if weight is not None:
        amount = np.nan_to_num(events[weight].to_numpy(dtype=float, na_value=np.nan)[kept])
        # bincount of nothing gives integers whatever the weights.
        total = np.bincount(cell, weights=amount, minlength=size)
        result[f"total_{weight}"] = total.astype(float)
    return attach(
        result,
        "hotspots.count_events",
        n_events_in=len(events),
        n_counted=int(kept.sum()),
        left_out=placed.left_out,
        n_imprecise=int((kept & placed.imprecise).sum()),
        imprecise=imprecise,
        seed=seed,
        by_period=by_period,
        time=time,
        weight=weight,
        crs=areas.crs,
    )


def _check_columns(events: gpd.GeoDataFrame, weight: str | None, time: str | None) -> None:
    missing = [name for name in (weight, time) if name is not None and name not in events]
    if missing:
        raise SchemaError(
            "events",
            found=f"no column {', '.join(missing)}",
            expected=f"one of {', '.join(map(str, events.columns))}",
        )


def _periods(times: pd.Series, kept: BoolArray, freq: str) -> tuple[list[str], IntArray]:
    utc = pd.to_datetime(times, utc=True).dt.tz_localize(None)
    number = np.full(len(times), -1, dtype=np.int64)
    dated = kept & utc.notna().to_numpy()
    if not dated.any():
        return [], number
    period = utc[dated].dt.to_period(freq)
    every = pd.period_range(period.min(), period.max(), freq=freq)
    number[dated] = every.get_indexer(pd.PeriodIndex(period))
    return [str(p) for p in every], number


def _place(
    events: gpd.GeoDataFrame, areas: gpd.GeoDataFrame, *, imprecise: Imprecise, seed: int
) -> _Placed:
    crs = require_crs(areas, "areas")
    require_crs(events, "events")
    metric = crs if crs.is_projected else equal_area_crs(areas)
    present = has_geometry(events)
    placed = _Placed(np.full(len(events), -1, dtype=np.int64), np.zeros(len(events), bool))
    placed.left_out["no_geometry"] = int((~present).sum())
    by_code = _by_code(events, areas)
    placed.area[by_code >= 0] = by_code[by_code >= 0]
    placed.left_out["no_geometry"] -= int((~present & (by_code >= 0)).sum())
    rows = np.flatnonzero(present & (by_code < 0))
    xy, radius = centres_and_precision(events.iloc[rows].to_crs(metric))
    shapes = areas.geometry.to_crs(metric).to_numpy()
    area = _first_area(shapes, xy)
    vague = radius > _radius_of(shapes, area)
    if imprecise == "leave_out":
        area[vague] = -1
        placed.left_out["imprecise"] = int(vague.sum())
        placed.left_out["outside"] = int(((area < 0) & ~vague).sum())
    else:
        area[vague] = _first_area(shapes, scatter(xy[vague], radius[vague], seed=seed))
        placed.left_out["outside"] = int((area < 0).sum())
    placed.area[rows], placed.imprecise[rows] = area, vague
    return placed


def _by_code(events: gpd.GeoDataFrame, areas: gpd.GeoDataFrame) -> IntArray:
    none = np.full(len(events), -1, dtype=np.int64)
    if "admin_code" not in events or "admin_code" not in areas:
        return none
    codes = pd.Series(np.arange(len(areas)), index=areas["admin_code"].astype("str").to_numpy())
    codes = codes[codes.index.notna() & ~codes.index.duplicated()]
    known = events["admin_code"].notna()
    found = events["admin_code"].astype("str").map(codes).where(known)
    none[:] = found.fillna(-1).to_numpy(dtype=np.int64)
    return none


def _first_area(shapes: FloatArray, xy: FloatArray) -> IntArray:
    area = np.full(len(xy), len(shapes), dtype=np.int64)
    finite = np.isfinite(xy).all(axis=1)
    at = np.flatnonzero(finite)
    event, hit = shapely.STRtree(shapes).query(shapely.points(xy[finite]), predicate="intersects")
    np.minimum.at(area, at[event], hit)
    area[area == len(shapes)] = -1
    return area


def _radius_of(shapes: FloatArray, area: IntArray) -> FloatArray:
    """Radius of a circle as large as each event's area; outside all of them, of the median."""
    sizes = np.sqrt(shapely.area(shapes) / np.pi)
    sizes = np.append(sizes, np.nanmedian(sizes) if len(sizes) else np.inf)
    radius: FloatArray = sizes[area]
    return radius
