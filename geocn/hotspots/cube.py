"""Events by area and calendar period: the space-time cube."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import xarray as xr

from geocn._typing import AnyArray, BoolArray, FloatArray, StrPath
from geocn.errors import DateError, ParameterError, ReadError, SchemaError
from geocn.hotspots.calendar import (
    FREQUENCIES,
    Bins,
    Instant,
    Silence,
    Step,
    cut_off,
    instant,
    read_gaps,
    share_observed,
)
from geocn.hotspots.counts import count_events
from geocn.hotspots.imputation import IMPUTATIONS, imputed_columns
from geocn.hotspots.precision import Imprecise
from geocn.io.atomic import atomic_file
from geocn.provenance import KEY, attach

#: Steps that an event known only to its month or year can be placed in.
_PLACEABLE = {"month": ("month", "quarter", "year"), "year": ("year",)}


def space_time_cube(
    events: gpd.GeoDataFrame,
    areas: gpd.GeoDataFrame,
    *,
    step: Step = "month",
    time: str = "seized_at",
    weight: str | None = None,
    start: Instant | None = None,
    end: Instant | None = None,
    gaps: Sequence[Mapping[str, Any]] | None = None,
    as_of: Instant | None = None,
    imprecise: Imprecise = "spread",
    imputations: int = IMPUTATIONS,
    places: gpd.GeoDataFrame | None = None,
    seed: int = 0,
) -> xr.Dataset:
    """Count events by area and calendar period, silence kept apart from zero.

    Bins are whole calendar periods of UTC time, however long each of them is. A period in
    which nobody reported is not a period without events: declared gaps, and time after
    ``as_of``, are taken out of ``share_observed``.

    Parameters
    ----------
    events : GeoDataFrame
        Points; areas and lines count as imprecise points (see :func:`count_events`).
    areas : GeoDataFrame
        Polygons with an index of unique labels.
    step : {"week", "month", "quarter", "year"}
        Length of a bin. Weeks begin on Monday.
    time : str
        Column of instants; naive ones are UTC. Where the events have a column
        ``date_precision``, those known only to a month or year that is longer than the
        step are left out and counted, not put on its first day.
    weight : str, optional
        Numeric column to sum beside the count (null counts as 0).
    start, end : date, optional
        The first and last bin are those that contain them; by default those of the first
        event and of ``as_of``, or of the last event.
    gaps : sequence of mappings, optional
        Days on which nothing was reported, both included: ``{"from": ..., "to": ...}``,
        and ``"areas": [labels]`` where only some are silent. By default those declared when
        the events were read; ``()`` for none. Events inside a gap stay counted.
    as_of : date, optional
        The cut-off of information, a date without time included to its end. Later events
        are left out; a bin that it cuts is ``incomplete``.
    imprecise, imputations, places, seed
        As in :func:`count_events`.

    Returns
    -------
    xarray.Dataset
        Dimensions ``area`` (the labels) and ``time`` (first instant of the bin, UTC), with
        ``time_end`` (first instant after it). By area and time: ``n_events``,
        ``n_imprecise``, ``total_<weight>``, ``share_observed`` (0 to 1) and ``no_data``
        (nothing observed). By time: ``incomplete``. Where imprecise events were spread, the
        numbers are means, and ``n_events_imputed`` and ``total_<weight>_imputed`` hold those
        of each imputation along a first dimension ``imputation``.
        ``attrs["geocn"]["left_out"]`` counts the events in no bin, by reason.

    Raises
    ------
    SchemaError
        Where a column is missing, or labels of areas are not unique.
    DateError
        Where the column of times does not hold instants.
    ParameterError
        Where an option is out of range.
    CRSError
        Where a frame has no CRS.

    Examples
    --------
    >>> import geopandas as gpd, pandas as pd, shapely
    >>> when = pd.to_datetime(["2024-01-31", "2024-02-01", "2024-04-02"], utc=True)
    >>> events = gpd.GeoDataFrame(
    ...     {"seized_at": when}, geometry=[shapely.Point(0.5, 0.5)] * 3, crs=6933
    ... )
    >>> areas = gpd.GeoDataFrame(geometry=[shapely.box(0, 0, 1, 1)], crs=6933)
    >>> silent = [{"from": "2024-03-01", "to": "2024-03-31"}]
    >>> cube = space_time_cube(events, areas, gaps=silent, as_of="2024-04-15")
    >>> cube["n_events"].values.tolist(), cube["no_data"].values.tolist()
    ([[1, 1, 0, 1]], [[False, False, True, False]])
    >>> cube["incomplete"].values.tolist()
    [False, False, False, True]
    """
    _check(events, areas, step, time, weight)
    if gaps is None:
        gaps = events.attrs.get(KEY, {}).get("declared_gaps", ())
    silences, until = read_gaps(gaps), cut_off(as_of)
    _check_areas_of(silences, areas)
    timed = _dated(events, step, time, until, start=start, end=end)
    spread: dict[str, Any] = {
        "imprecise": imprecise,
        "imputations": imputations,
        "places": places,
        "seed": seed,
    }
    placed = _count(timed, areas, weight=weight, spread=spread)
    share = share_observed(timed.bins, silences, areas.index, until)
    cube = _dataset(timed.bins, placed.columns, share, areas.index, until)
    return attach(
        cube,
        "hotspots.space_time_cube",
        step=step,
        time=time,
        weight=weight,
        start=start,
        end=end,
        as_of=as_of,
        gaps=[dict(gap) for gap in gaps],
        crs=areas.crs,
        n_events_in=len(events),
        n_counted=_whole(cube["n_events"].sum()),
        n_in_gaps=_whole(cube["n_events"].where(cube["no_data"], 0).sum()),
        left_out=timed.left_out | placed.left_out,
        **(spread | {"places": None if places is None else f"{len(places)} areas"}),
    )


def _dataset(
    bins: Bins,
    columns: Mapping[str, AnyArray],
    share: FloatArray,
    areas: pd.Index,
    until: pd.Timestamp | None,
) -> xr.Dataset:
    """Lay columns out by area and time, with what was observed of each bin."""
    late = np.zeros(len(bins.periods), dtype=bool)
    if until is not None:
        late = bins.ends > np.datetime64(until, "us")
    cube = xr.Dataset(
        {
            name: (("imputation", "area", "time")[3 - data.ndim :], data)
            for name, data in columns.items()
        },
        coords={
            "area": ("area", _labels(areas)),
            "time": ("time", bins.starts),
            "time_end": ("time", bins.ends),
        },
    )
    cube["share_observed"] = (("area", "time"), share)
    cube["no_data"] = (("area", "time"), share == 0)
    cube["incomplete"] = ("time", late)
    return cube


def _whole(number: Any) -> int | float:
    """Say it as a whole number if it is one."""
    value = float(number)
    return int(value) if value == int(value) else value


def write_cube(cube: xr.Dataset, path: StrPath) -> Path:
    """Write a cube to a NetCDF file, whole or not at all, its metadata as JSON text.

    Parameters
    ----------
    cube : xarray.Dataset
        From :func:`space_time_cube`.
    path : path
        The file to write.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    WriteError
        Where it cannot be written; a previous version is still whole.

    Examples
    --------
    >>> import tempfile
    >>> cube = xr.Dataset({"n_events": (("area", "time"), [[1, 2]])})
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     read_cube(write_cube(cube, f"{folder}/cube.nc")).equals(cube)
    True
    """
    goal = Path(path)
    ready = cube.assign_attrs({KEY: json.dumps(cube.attrs.get(KEY, {}), sort_keys=True)})
    with atomic_file(goal) as draft:
        ready.to_netcdf(draft, engine="scipy")
    return goal


def read_cube(path: StrPath) -> xr.Dataset:
    """Read a cube that :func:`write_cube` wrote, metadata included.

    Raises
    ------
    ReadError
        Where the file is missing, cut, or no cube.
    """
    try:
        cube = xr.load_dataset(path, engine="scipy", decode_timedelta=False)
        record = json.loads(cube.attrs.get(KEY, "{}"))
    except (OSError, ValueError, TypeError, KeyError, IndexError) as error:
        raise ReadError(f"{path} cannot be read as a space-time cube: {error}") from error
    # NetCDF 3 narrows integers.
    for name, data in cube.variables.items():
        if data.dtype.kind == "i":
            cube[name] = data.astype(np.int64)
    return cube.assign_attrs({KEY: record})


@dataclass
class _Timed:
    """The events that have a bin, the bins, and why other events have none."""

    events: gpd.GeoDataFrame
    when: pd.Series
    bins: Bins
    step: Step
    left_out: dict[str, int]


@dataclass
class _Counted:
    columns: dict[str, AnyArray]
    left_out: dict[str, int]


def _check(
    events: gpd.GeoDataFrame, areas: gpd.GeoDataFrame, step: str, time: str, weight: str | None
) -> None:
    if step not in FREQUENCIES:
        raise ParameterError(f"step {step!r}; choose one of {', '.join(FREQUENCIES)}")
    missing = [name for name in (time, weight) if name is not None and name not in events]
    if missing:
        raise SchemaError(
            "events",
            found=f"no column {', '.join(missing)}",
            expected=f"one of {', '.join(map(str, events.columns))}",
        )
    twice = areas.index.duplicated()
    if twice.any() or areas.index.nlevels > 1:
        raise SchemaError(
            "areas",
            found="an index whose labels are not unique" if twice.any() else "a MultiIndex",
            expected="one label an area",
            repair="Use areas.reset_index(), or set_index() of a code.",
            rows=list(areas.index[twice]),
        )


def _check_areas_of(silences: Sequence[Silence], areas: gpd.GeoDataFrame) -> None:
    named = dict.fromkeys(label for silence in silences for label in silence.areas or ())
    unknown = [label for label in named if label not in areas.index]
    if unknown:
        raise ParameterError(f"gaps name areas that do not exist: {', '.join(map(str, unknown))}")


def _labels(index: pd.Index) -> AnyArray:
    """Labels as numbers or objects; a file keeps both."""
    labels = index.to_numpy()
    return labels if labels.dtype.kind in "iuf" else labels.astype(str).astype(object)


def _dated(
    events: gpd.GeoDataFrame,
    step: Step,
    time: str,
    until: pd.Timestamp | None,
    *,
    start: Instant | None,
    end: Instant | None,
) -> _Timed:
    """Give each event its bin; each that has none counts under its first reason."""
    try:
        when = pd.to_datetime(events[time], utc=True).dt.tz_localize(None)
    except (TypeError, ValueError) as error:
        raise DateError(
            "events", found=f"{time} that is no instant ({error})", expected="datetimes"
        ) from error
    kept = np.ones(len(events), dtype=bool)
    left_out: dict[str, int] = {}

    def leave_out(reason: str, rows: BoolArray) -> None:
        left_out[reason] = int((kept & rows).sum())
        kept[rows] = False

    leave_out("no_time", when.isna().to_numpy())
    if "date_precision" in events:
        coarse = [word for word, fits in _PLACEABLE.items() if step not in fits]
        leave_out("date_coarser_than_step", events["date_precision"].isin(coarse).to_numpy())
    if until is not None:
        leave_out("after_as_of", (when >= until).to_numpy())
    bins = _bins(when[kept], FREQUENCIES[step], until, start=start, end=end)
    if len(bins.periods):
        leave_out("before_start", (when < bins.starts[0]).to_numpy())
        leave_out("after_end", (when >= bins.ends[-1]).to_numpy())
    return _Timed(events[kept], when[kept], bins, step, left_out)


def _bins(
    when: pd.Series,
    freq: str,
    until: pd.Timestamp | None,
    *,
    start: Instant | None,
    end: Instant | None,
) -> Bins:
    first = when.min() if start is None else instant(start, "start")
    last = when.max() if until is None else until - pd.Timedelta(microseconds=1)
    if end is not None:
        last = instant(end, "end")
    if pd.isna(first) or pd.isna(last):
        return Bins(pd.PeriodIndex([], freq=freq))
    if last < first:
        raise ParameterError(
            f"the cube would end on {last.date()}, before its start {first.date()}"
        )
    return Bins(pd.period_range(first, last, freq=freq))


def _count(
    timed: _Timed,
    areas: gpd.GeoDataFrame,
    *,
    weight: str | None,
    spread: dict[str, Any],
) -> _Counted:
    used = [areas.geometry.name, *(["admin_code"] if "admin_code" in areas else [])]
    counted = count_events(
        timed.events.assign(_when=timed.when),
        areas[used],
        weight=weight,
        by_period=timed.step,
        time="_when",
        **spread,
    )
    shape = (len(areas), len(timed.bins.periods))
    found = len(counted) // max(len(areas), 1)
    first = 0
    if found:
        name = counted["period"].iloc[0].partition("/")[0]
        earliest = pd.PeriodIndex([name], freq=FREQUENCIES[timed.step])
        first = int(timed.bins.periods.get_indexer(earliest)[0])
    columns: dict[str, AnyArray] = {}

    def laid_out(column: str) -> AnyArray:
        data = counted[column].to_numpy()
        whole = np.zeros(shape, dtype=data.dtype)
        whole[:, first : first + found] = data.reshape(len(areas), found)
        return whole

    totals = [] if weight is None else [f"total_{weight}"]
    for name in ("n_events", "n_imprecise", *totals):
        columns[name] = laid_out(name)
        if each := imputed_columns(counted, name):
            columns[f"{name}_imputed"] = np.stack([laid_out(column) for column in each])
    record = counted.attrs[KEY]["left_out"]
    # Every event given here has a time.
    return _Counted(columns, {reason: n for reason, n in record.items() if reason != "no_time"})
