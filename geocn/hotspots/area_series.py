"""Counts by area and calendar period, and what of them was reported on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
import xarray as xr

from geocn._typing import AnyArray, BoolArray, FloatArray, IntArray
from geocn.errors import DateError, ParameterError, SchemaError
from geocn.hotspots.calendar import (
    FREQUENCIES,
    Bins,
    Instant,
    cut_off,
    instant,
    read_gaps,
    share_observed,
)
from geocn.hotspots.imputation import imputed_columns, place_events, rows_by_code
from geocn.provenance import KEY
from geocn.spatial.binning import bin_points
from geocn.spatial.crs import equal_area_crs, has_geometry, require_crs

Period = Literal["day", "week", "month", "quarter", "year"]
PERIODS: dict[str, str] = {"day": "D"} | FREQUENCIES
#: Dates known only so well have no place in shorter periods.
_TOO_COARSE = {
    "day": ("month", "year"),
    "week": ("month", "year"),
    "month": ("year",),
    "quarter": ("year",),
    "year": (),
}


@dataclass(frozen=True, slots=True)
class Located:
    """The area of each event in each imputation, -1 where it lies in none, and its place."""

    xy: FloatArray
    area: IntArray
    is_imprecise: BoolArray
    no_place: BoolArray


@dataclass(frozen=True, slots=True)
class Series:
    """Counts of each imputation by area and period, and how they were observed.

    ``observed_days`` are the days of each bin that were reported on, ``whole`` tells the
    bins that no gap touches, ``complete`` the periods that ended before the cut-off.
    """

    counts: IntArray
    vague: FloatArray
    periods: pd.PeriodIndex
    observed_days: FloatArray
    whole: BoolArray
    complete: BoolArray
    left_out: dict[str, int]


def locate(
    events: gpd.GeoDataFrame,
    areas: gpd.GeoDataFrame,
    *,
    imputations: int,
    places: gpd.GeoDataFrame | None,
    seed: int,
) -> Located:
    """Find the area of each event; those known less exactly than an area in each imputation.

    An event whose ``admin_code`` is that of an area belongs to it however imprecise.
    """
    crs = require_crs(areas, "areas")
    metric = crs if crs.is_projected else equal_area_crs(areas)
    ground = areas if crs == metric else areas.to_crs(metric)
    size = shapely.area(ground.geometry.to_numpy())
    radius = float(np.sqrt(np.nanmedian(size) / np.pi)) if len(areas) else np.inf
    radius *= metric.axis_info[0].unit_conversion_factor
    put = place_events(
        events, crs=metric, finer_than_m=radius, imputations=imputations, seed=seed, places=places
    )
    by_code = rows_by_code(events, areas)
    vague = put.is_imprecise & (by_code < 0)
    first = np.where(by_code >= 0, by_code, bin_points(put.xy[0], ground))
    area = np.repeat(first[None], len(put.xy) if vague.any() else 1, axis=0)
    for number in range(1, len(area)):
        area[number, vague] = bin_points(put.xy[number][vague], ground)
    no_place = ~has_geometry(events) & np.isnan(put.xy[0]).any(axis=1) & (by_code < 0)
    return Located(put.xy[: len(area)], area, vague, no_place)


def read_times(events: gpd.GeoDataFrame, time: str, *, finest: str) -> tuple[pd.Series, BoolArray]:
    """Instants in UTC without zone, and which of them are known well enough.

    Raises
    ------
    SchemaError, DateError
        Where the column is missing, holds numbers, or cannot be read.
    """
    if time not in events:
        raise SchemaError(
            "events",
            found=f"no column {time}",
            expected=f"one of {', '.join(map(str, events.columns))}",
        )
    if pd.api.types.is_numeric_dtype(events[time]):
        raise SchemaError("events", found=f"numbers in {time}", expected="instants or ISO dates")
    try:
        when = pd.to_datetime(events[time], utc=True, format="ISO8601").dt.tz_localize(None)
    except (TypeError, ValueError) as error:
        raise DateError(
            "events", found=f"{time} that is no instant ({error})", expected="datetimes"
        ) from error
    known = when.notna().to_numpy()
    if "date_precision" in events:
        known = known & ~events["date_precision"].isin(_TOO_COARSE[finest]).to_numpy()
    return when, known


def from_events(
    events: gpd.GeoDataFrame,
    areas: gpd.GeoDataFrame,
    *,
    period: Period,
    time: str,
    start: Instant | None,
    as_of: Instant | None,
    gaps: Sequence[Mapping[str, Any]] | None,
    imputations: int,
    places: gpd.GeoDataFrame | None,
    seed: int,
) -> Series:
    """Count events; without ``as_of`` the period of the last event counts as unfinished."""
    if areas.index.has_duplicates:
        raise SchemaError(
            "areas",
            found="an index whose labels are not unique",
            expected="one label an area",
            repair="Use areas.reset_index(), or set_index() of a code.",
            rows=list(areas.index[areas.index.duplicated()]),
        )
    if gaps is None:
        gaps = events.attrs.get(KEY, {}).get("declared_gaps", ())
    silences, until = read_gaps(gaps), cut_off(as_of)
    unknown = {name for quiet in silences for name in quiet.areas or () if name not in areas.index}
    if unknown:
        raise ParameterError(f"gaps name areas that do not exist: {', '.join(map(str, unknown))}")
    when, known = read_times(events, time, finest=period)
    late = np.zeros(len(events), dtype=bool) if until is None else (when >= until).to_numpy()
    seen = known & ~late
    first = when[seen].min() if start is None else instant(start, "start")
    periods = _periods(first, when[seen].max(), until, PERIODS[period])
    bins = Bins(periods)
    located = locate(events, areas, imputations=imputations, places=places, seed=seed)
    number = np.full(len(events), -1, dtype=np.int64)
    if len(periods):
        number[seen] = periods.get_indexer(pd.PeriodIndex(when[seen].dt.to_period(PERIODS[period])))
    share = share_observed(bins, silences, areas.index, until)
    lengths = (bins.ends - bins.starts) / np.timedelta64(1, "D")
    complete = np.arange(len(periods)) < len(periods) - 1
    if until is not None:
        complete = bins.ends <= np.datetime64(until, "us")
    counts, vague = _tally(located, number, len(areas), len(periods))
    left_out = {
        "no_place": int(located.no_place.sum()),
        "no_exact_time": int((~located.no_place & ~known).sum()),
        "after_as_of": int((~located.no_place & known & late).sum()),
        "outside": int((~located.no_place & seen & (located.area < 0).all(axis=0)).sum()),
    }
    return Series(counts, vague, periods, share * lengths, share >= 1, complete, left_out)


def from_cube(cube: xr.Dataset, areas: gpd.GeoDataFrame) -> Series:
    """Take the counts of a space-time cube, whose areas must be these."""
    step = cube.attrs.get(KEY, {}).get("step")
    if step not in FREQUENCIES or "n_events" not in cube:
        raise SchemaError("cube", found="no n_events or step", expected="a space_time_cube")
    if [str(label) for label in cube["area"].to_numpy()] != [str(label) for label in areas.index]:
        raise SchemaError("cube", found="other areas", expected="those it was made with, in order")
    periods = pd.PeriodIndex(pd.DatetimeIndex(cube["time"].to_numpy()), freq=FREQUENCIES[step])
    names = imputed_columns(cube, "n_events") or ["n_events"]
    counts = np.stack([np.rint(cube[name].to_numpy()).astype(np.int64) for name in names])
    vague = cube["n_imprecise"].to_numpy() if "n_imprecise" in cube else np.zeros(counts.shape[1:])
    bins, share = Bins(periods), cube["share_observed"].to_numpy()
    lengths = (bins.ends - bins.starts) / np.timedelta64(1, "D")
    complete = ~cube["incomplete"].to_numpy()
    return Series(counts, vague.astype(float), periods, share * lengths, share >= 1, complete, {})


def _periods(
    first: pd.Timestamp, last: pd.Timestamp, until: pd.Timestamp | None, freq: str
) -> pd.PeriodIndex:
    if until is not None:
        last = until - pd.Timedelta(microseconds=1)
    if pd.isna(first) or pd.isna(last) or last < first:
        return pd.PeriodIndex([], freq=freq)
    return pd.period_range(first, last, freq=freq)


def _tally(
    located: Located, number: IntArray, n_areas: int, n_periods: int
) -> tuple[IntArray, FloatArray]:
    shape = (len(located.area), n_areas, n_periods)
    counts, vague = np.zeros(shape, dtype=np.int64), np.zeros(shape[1:])
    for i, area in enumerate(located.area):
        inside: AnyArray = (area >= 0) & (number >= 0)
        np.add.at(counts[i], (area[inside], number[inside]), 1)
        inside &= located.is_imprecise
        np.add.at(vague, (area[inside], number[inside]), 1 / len(counts))
    return counts, vague
