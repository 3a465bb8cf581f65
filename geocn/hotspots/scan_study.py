"""What is scanned, read from a frame: counts against a base, or dated cases."""

from __future__ import annotations

from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import pandas as pd

from geocn._typing import AnyArray, BoolArray, FloatArray, IntArray
from geocn.errors import DateError, LayerError, ParameterError, SchemaError
from geocn.hotspots.calendar import FREQUENCIES
from geocn.hotspots.imputation import imputed_columns
from geocn.hotspots.positions import positions_m
from geocn.hotspots.scan_shapes import CIRCLE, Shape
from geocn.hotspots.scan_windows import Study, Window
from geocn.spatial.crs import equal_area_crs

MODELS = ("poisson", "bernoulli", "space_time_permutation")
STEPS = {"day": "D", **FREQUENCIES}
# Steps that hold every day of a date known only to the month or year.
_COARSE = {"month": ("day", "week"), "year": ("day", "week", "month", "quarter")}
_MOST_STEPS = 2000
_ANALYSIS = "areas"


@dataclass(frozen=True)
class Extent:
    """How far windows may go.

    ``longest`` counts steps, None for half of them; windows of a prospective scan end with
    the last step.
    """

    max_share: float = 0.5
    longest: int | None = None
    prospective: bool = False
    shapes: tuple[Shape, ...] = (CIRCLE,)


@dataclass(frozen=True)
class Reading:
    """A study with what is needed to name its windows.

    Attributes
    ----------
    frame : GeoDataFrame
        The rows that take part.
    study : Study
    imputed : list of Study
        The same with the cases of each imputation.
    base : (n,) array
        Population, or cases and controls; NaN where the model has none.
    place, step : (rows,) arrays
        Where and in which step the row stands.
    periods : PeriodIndex, optional
        The steps.
    """

    frame: gpd.GeoDataFrame
    study: Study
    imputed: list[Study]
    base: FloatArray
    place: IntArray
    step: IntArray
    periods: pd.PeriodIndex | None = None

    def rows_of(self, window: Window) -> IntArray:
        """Rows inside a window, from near to far."""
        if self.periods is None:
            return window.members
        nearness = np.full(len(self.study.xy), -1, dtype=np.int64)
        nearness[window.members] = np.arange(len(window.members))
        inside = (self.step >= window.first) & (self.step <= window.last)
        rows = np.flatnonzero(inside & (nearness[self.place] >= 0))
        return rows[np.argsort(nearness[self.place[rows]], kind="stable")]


def read_counts(
    areas: gpd.GeoDataFrame, cases: str, base: str, *, model: str, extent: Extent
) -> Reading:
    """Read counts of areas and what they are measured against.

    Raises
    ------
    SchemaError, LayerError, ParameterError
        As :func:`geocn.hotspots.spatial_scan` says.
    """
    bernoulli = model == "bernoulli"
    imputed = imputed_columns(areas, cases)
    if imputed and bernoulli:
        raise ParameterError(
            f'{cases} holds means over imputations; model "bernoulli" needs whole cases'
        )
    names = [cases, *imputed, base]
    columns = {name: _column(areas, name) for name in names}
    _check_values(areas, columns, cases=cases, base=base, bernoulli=bernoulli)
    xy = _positions(areas, extent)
    other = columns.pop(base)

    def study(count: FloatArray) -> Study:
        if bernoulli:
            mass = count + other
        else:
            mass = other * (count.sum() / other.sum()) if other.sum() > 0 else other
        return Study(xy, count[:, None], mass, _limit(mass, extent), model, shapes=extent.shapes)

    main, *others = (study(count) for count in columns.values())
    rows = np.arange(len(areas))
    population = main.mass if bernoulli else other
    return Reading(areas, main, others, population, rows, np.zeros_like(rows))


def read_dated(
    areas: gpd.GeoDataFrame, cases: str, time: str, *, step: str, extent: Extent
) -> Reading:
    """Read dated cases: one row a place and a time, with its number of cases.

    Raises
    ------
    SchemaError, DateError, LayerError, ParameterError
        As :func:`geocn.hotspots.spatial_scan` says.
    """
    count = _column(areas, cases)
    _check_values(areas, {cases: count}, cases=cases, base=None, bernoulli=False)
    periods, at = _steps(areas, time, step)
    n_steps = len(periods)
    xy, place = np.zeros((0, 2)), np.zeros(0, dtype=np.int64)
    if len(areas):
        xy, place = np.unique(_positions(areas, extent), axis=0, return_inverse=True)
    table = np.zeros((len(xy), n_steps))
    np.add.at(table, (place, at), count)
    mass = table.sum(axis=1)
    share = _shares(table.sum(axis=0), extent)
    limit = _limit(mass, extent)
    study = Study(xy, table, mass, limit, "space_time_permutation", share, extent.shapes)
    return Reading(areas, study, [], np.full(len(xy), np.nan), place, at, periods)


def _positions(areas: gpd.GeoDataFrame, extent: Extent) -> FloatArray:
    """Positions; on a plane where windows have a direction."""
    if extent.shapes != (CIRCLE,) and not areas.crs.is_projected and len(areas):
        return positions_m(areas.to_crs(equal_area_crs(areas)), _ANALYSIS)
    return positions_m(areas, _ANALYSIS)


def _limit(mass: FloatArray, extent: Extent) -> float:
    # A share met exactly must not fail by rounding.
    return extent.max_share * float(mass.sum()) * (1 + 1e-12)


def _shares(cases_of_step: FloatArray, extent: Extent) -> FloatArray:
    """Part of the cases in each run of steps that a window may hold, else 0."""
    n, total = len(cases_of_step), cases_of_step.sum()
    longest = extent.longest if extent.longest is not None else max(1, n // 2)
    until = np.r_[0.0, np.cumsum(cases_of_step)]
    first, last = np.arange(n)[:, None], np.arange(n)[None, :]
    allowed = (first <= last) & (last - first < longest)
    if extent.prospective:
        allowed &= last == n - 1
    share: FloatArray = np.where(allowed, until[1:][None, :] - until[:-1][:, None], 0.0)
    return share / total if total > 0 else share


def _steps(areas: gpd.GeoDataFrame, time: str, step: str) -> tuple[pd.PeriodIndex, IntArray]:
    if time not in areas:
        raise SchemaError(_ANALYSIS, found=f"no column {time}", expected="a column of times")
    if pd.api.types.is_numeric_dtype(areas[time]) and len(areas):
        raise SchemaError(
            _ANALYSIS,
            found=f"numbers in {time}",
            expected="instants or ISO dates",
            repair="Convert them with pandas.to_datetime(), which needs to know their unit.",
        )
    read = pd.to_datetime(areas[time], utc=True, errors="coerce", format="ISO8601")
    if read.isna().any():
        raise DateError(
            _ANALYSIS,
            found=f"{time} that is null or cannot be read",
            expected="an instant or ISO date for every case",
            repair="Leave these rows out, or scan without time.",
            rows=list(areas.index[read.isna()]),
        )
    period = read.dt.tz_localize(None).dt.to_period(STEPS[step])
    if not len(period):
        return pd.PeriodIndex([], freq=STEPS[step]), np.zeros(0, dtype=np.int64)
    periods = pd.period_range(period.min(), period.max(), freq=STEPS[step])
    if len(periods) > _MOST_STEPS:
        raise ParameterError(
            f"{len(periods)} steps of a {step}; at most {_MOST_STEPS} are scanned: "
            "take a longer time_step"
        )
    at: IntArray = periods.get_indexer(pd.PeriodIndex(period)).astype(np.int64)
    return periods, at


def dated_finely(areas: gpd.GeoDataFrame, step: str) -> BoolArray:
    """Which rows have a date that is known at least to the step."""
    fine = np.ones(len(areas), dtype=bool)
    if "date_precision" in areas:
        coarse = [word for word, steps in _COARSE.items() if step in steps]
        fine &= ~areas["date_precision"].isin(coarse).to_numpy()
    return fine


def _column(areas: gpd.GeoDataFrame, name: str) -> FloatArray:
    if name not in areas:
        raise SchemaError(_ANALYSIS, found=f"no column {name}", expected="a column of numbers")
    if not pd.api.types.is_numeric_dtype(areas[name]):
        raise SchemaError(
            _ANALYSIS, found=f"{name} of type {areas[name].dtype}", expected="numbers"
        )
    values: FloatArray = areas[name].to_numpy(dtype=float, na_value=np.nan)
    return values


def _check_values(
    areas: gpd.GeoDataFrame,
    columns: dict[str, FloatArray],
    *,
    cases: str,
    base: str | None,
    bernoulli: bool,
) -> None:
    bad = np.zeros(len(areas), dtype=bool)
    faults = []

    def note(wrong: BoolArray, what: str) -> None:
        if wrong.any():
            bad[:] |= wrong
            faults.append(what)

    means = len(columns) > 2
    for name, values in columns.items():
        note(~np.isfinite(values), f"{name} that is null or infinite")
        note(values < 0, f"{name} below 0")
        # Means over imputations need not be whole, nor what cases are measured against.
        if (name != base and not (means and name == cases)) or bernoulli:
            note(_broken(values), f"{name} that is not a whole number")
    if base is not None and not bernoulli:
        some = np.any([values > 0 for name, values in columns.items() if name != base], axis=0)
        note(some & (columns[base] == 0), f"{cases} where {base} is 0")
    if faults:
        raise LayerError(
            _ANALYSIS,
            found=", ".join(faults),
            expected="whole counts from 0, and cases only where there is a population",
            repair="Correct these rows, or leave them out before scanning.",
            rows=list(areas.index[bad]),
        )


def _broken(values: AnyArray) -> BoolArray:
    finite = np.nan_to_num(values, posinf=0, neginf=0)
    broken: BoolArray = np.floor(finite) != finite
    return broken
