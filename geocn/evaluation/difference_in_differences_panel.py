"""A panel of areas and periods, read once and refused where it cannot be believed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias

import geopandas as gpd
import numpy as np
import pandas as pd

from geocn._typing import AnyArray, BoolArray, FloatArray, IntArray
from geocn.errors import DateError, LayerError, ParameterError, SchemaError
from geocn.evaluation.columns import refuse, require_columns
from geocn.spatial.neighbours import Neighbours, neighbour_matrix

Transform: TypeAlias = Literal["log", "asinh"]
Incomplete: TypeAlias = Literal["raise", "drop"]
_LAYER = "panel"


@dataclass(frozen=True, slots=True)
class Columns:
    """Which column of the panel says what."""

    outcome: str
    area: str
    time: str
    treated_from: str | None
    treated: str | None
    since: int | None
    weights: str | None
    cluster: str | None

    def needed(self) -> list[str]:
        """Return every column that must be there."""
        optional = (self.treated_from, self.treated, self.weights, self.cluster)
        return [self.outcome, self.area, self.time, *(name for name in optional if name)]


@dataclass(frozen=True, slots=True)
class Panel:
    """Areas in rows and periods in columns, complete, in an order that no label decides."""

    outcome: FloatArray
    periods: IntArray
    start: FloatArray
    #: First period with a treated neighbour; infinite without one.
    exposed: FloatArray
    weight: FloatArray
    cluster: IntArray
    left_out: dict[str, int]

    @property
    def is_control(self) -> BoolArray:
        """Areas that were never treated nor next to a treated one."""
        clean: BoolArray = np.isinf(self.start) & np.isinf(self.exposed)
        return clean

    def keep(self, rows: BoolArray) -> Panel:
        """Return the panel of some of its areas."""
        return replace(
            self,
            outcome=self.outcome[rows],
            start=self.start[rows],
            exposed=self.exposed[rows],
            weight=self.weight[rows],
            cluster=self.cluster[rows],
        )


def read_panel(
    frame: pd.DataFrame,
    columns: Columns,
    *,
    spillover: Neighbours | None,
    transform: Transform | None,
    incomplete: Incomplete,
) -> Panel:
    """Read and check a panel with one row an area and period.

    Raises
    ------
    SchemaError, DateError, LayerError
        Where columns, periods, starts or values are at fault.
    ParameterError
        Where spillover is asked of a panel without geometry.
    """
    require_columns(frame, columns.needed(), _LAYER)
    refuse(
        frame, frame[columns.area].isna().to_numpy(), _LAYER,
        found=f"null {columns.area}", expected="a label of the area in every row",
    )  # fmt: skip
    period = whole(frame, columns.time)
    _refuse_twice(frame, columns)
    area, labels = pd.factorize(frame[columns.area])
    periods, when = np.unique(period, return_inverse=True)
    start = _starts(frame, columns, area, period, len(labels))
    weight = _weights(frame, columns, area, len(labels))
    cluster = _clusters(frame, columns, area, len(labels))
    exposed = _exposed(frame, area, labels, start, spillover)
    values = np.full((len(labels), len(periods)), np.nan)
    values[area, when] = _values(frame, columns.outcome, transform)
    whole_areas = _complete(values, labels, periods, incomplete)
    first, last = (periods[0], periods[-1]) if len(periods) else (0, 0)
    late = np.isfinite(start) & (start > last)
    always = start <= first
    always_near = np.isinf(start) & (exposed <= first)
    left_out = {
        "incomplete": int((~whole_areas).sum()),
        "always_treated": int((whole_areas & always).sum()),
        "always_beside_treated": int((whole_areas & always_near).sum()),
        "treated_after_the_end": int((whole_areas & late).sum()),
    }
    start = np.where(late, np.inf, start)
    exposed = np.where(exposed > last, np.inf, exposed)
    panel = Panel(values, periods, start, exposed, weight, cluster, left_out)
    return _sorted(panel.keep(whole_areas & ~always & ~always_near))


def whole(frame: pd.DataFrame, name: str) -> IntArray:
    """Return a column of whole numbers without nulls, such as years.

    Raises
    ------
    DateError
        Where it holds anything else.
    """
    values = _number(frame, name)
    bad = ~np.isfinite(values) | (values != np.round(values))
    if bad.any():
        raise DateError(
            _LAYER,
            found=f"{name} that is no whole number",
            expected="years, or periods numbered in order",
            rows=list(frame.index[bad]),
        )
    return values.astype(np.int64)


def _number(frame: pd.DataFrame, name: str) -> FloatArray:
    column = frame[name]
    if pd.api.types.is_datetime64_any_dtype(column):
        raise DateError(
            _LAYER,
            found=f"{name} of dates",
            expected="years, or periods numbered in order",
            repair=f"Give the year, such as panel[{name!r}].dt.year.",
        )
    try:
        return column.to_numpy(dtype=float, na_value=np.nan).copy()
    except (TypeError, ValueError) as error:
        raise SchemaError(
            _LAYER, found=f"column {name!r} of type {column.dtype}", expected="numbers"
        ) from error


def _refuse_twice(frame: pd.DataFrame, columns: Columns) -> None:
    twice = frame.duplicated([columns.area, columns.time], keep=False).to_numpy()
    if twice.any():
        raise LayerError(
            _LAYER,
            found=f"several rows of one {columns.area} and {columns.time}",
            expected="one row an area and period",
            repair="Add them up or choose one of them before.",
            rows=list(frame.index[twice]),
        )


def _values(frame: pd.DataFrame, name: str, transform: Transform | None) -> FloatArray:
    values = _number(frame, name)
    refuse(
        frame, np.isinf(values), _LAYER, found=f"infinite {name}", expected="numbers, or null"
    )  # fmt: skip
    if transform == "asinh":
        return np.arcsinh(values)
    if transform != "log":
        return values
    low = values <= 0
    if low.any():
        raise LayerError(
            _LAYER,
            found=f"{name} of 0 or less, which has no logarithm",
            expected="amounts above 0 for transform='log'",
            repair="Keep the amounts as they are; transform='asinh' takes zeros, but its "
            "effect depends on the unit.",
            rows=list(frame.index[low]),
        )
    return np.log(values)


def _constant(frame: pd.DataFrame, area: IntArray, name: str, n_areas: int) -> AnyArray:
    """First row of each area, once every row of the area says the same in ``name``."""
    first = np.full(n_areas, len(area), dtype=np.int64)
    np.minimum.at(first, area, np.arange(len(area)))
    codes = pd.factorize(frame[name])[0]
    changes = codes != codes[first[area]]
    if changes.any():
        raise LayerError(
            _LAYER,
            found=f"{name} that changes within an area",
            expected="one value an area, the same in every period",
            rows=list(frame.index[np.isin(area, area[changes])]),
        )
    return first


def _starts(
    frame: pd.DataFrame, columns: Columns, area: IntArray, period: IntArray, n_areas: int
) -> FloatArray:
    """First treated period of each area, infinite where there is none."""
    if columns.treated_from is not None:
        first = _constant(frame, area, columns.treated_from, n_areas)
        given = _number(frame, columns.treated_from)
        bad = ~np.isnan(given) & (
            (given != np.round(given))
            | np.isinf(given)
            | ((given == 0) & (period.min(initial=1) > 0))
        )
        refuse(
            frame, bad, _LAYER,
            found=f"{columns.treated_from} that is no period",
            expected="the first treated period as a whole number, null for never",
        )  # fmt: skip
        return np.where(np.isnan(given), np.inf, given)[first]
    name = str(columns.treated)
    on = _number(frame, name)
    refuse(
        frame, ~np.isin(on, (0.0, 1.0)), _LAYER, found=f"{name} that is neither true nor false",
        expected="true or false in every row",
    )  # fmt: skip
    if columns.since is not None:
        first = _constant(frame, area, name, n_areas)
        return np.where(on[first] == 1, float(columns.since), np.inf)
    start = np.full(n_areas, np.inf)
    np.minimum.at(start, area, np.where(on == 1, period, np.inf))
    ended = (on == 0) & (period > start[area])
    if ended.any():
        raise LayerError(
            _LAYER,
            found=f"{name} that ends again",
            expected="areas that stay treated once they are",
            repair="Leave out the periods after the end, or ask for the effect of having begun.",
            rows=list(frame.index[ended]),
        )
    return start


def _weights(frame: pd.DataFrame, columns: Columns, area: IntArray, n_areas: int) -> FloatArray:
    if columns.weights is None:
        return np.ones(n_areas)
    given = _number(frame, columns.weights)
    refuse(
        frame, ~(np.isfinite(given) & (given > 0)), _LAYER,
        found=f"{columns.weights} that is null, infinite, 0 or negative", expected="above 0",
    )  # fmt: skip
    weight = given[_constant(frame, area, columns.weights, n_areas)]
    return np.asarray(weight / weight.mean()) if n_areas else weight


def _clusters(frame: pd.DataFrame, columns: Columns, area: IntArray, n_areas: int) -> IntArray:
    if columns.cluster is None or columns.cluster == columns.area:
        return np.arange(n_areas)
    refuse(
        frame, frame[columns.cluster].isna().to_numpy(), _LAYER,
        found=f"null {columns.cluster}", expected="the cluster of every area",
    )  # fmt: skip
    first = _constant(frame, area, columns.cluster, n_areas)
    return np.asarray(pd.factorize(frame[columns.cluster])[0][first], dtype=np.int64)


def _exposed(
    frame: pd.DataFrame,
    area: IntArray,
    labels: Any,
    start: FloatArray,
    spillover: Neighbours | None,
) -> FloatArray:
    """First period in which a neighbour was treated, infinite where none ever was."""
    if spillover is None:
        return np.full(len(labels), np.inf)
    if not isinstance(frame, gpd.GeoDataFrame):
        raise ParameterError("spillover needs the areas' geometry: pass a GeoDataFrame as panel")
    shown = np.asarray(frame.geometry.notna() & ~frame.geometry.is_empty)
    first = np.full(len(labels), len(area), dtype=np.int64)
    np.minimum.at(first, area[shown], np.flatnonzero(shown))
    lost = first == len(area)
    if lost.any():
        raise LayerError(
            _LAYER,
            found="areas without geometry",
            expected="a geometry in at least one row of each area, to find its neighbours",
            rows=list(labels[lost]),
        )
    shapes = gpd.GeoDataFrame(geometry=frame.geometry.iloc[first].array, index=pd.Index(labels))
    near = neighbour_matrix(shapes, spillover).tocoo()
    row, column = near.row[near.row != near.col], near.col[near.row != near.col]
    exposed = np.full(len(labels), np.inf)
    np.minimum.at(exposed, row, start[column])
    return exposed


def _complete(
    values: FloatArray, labels: Any, periods: IntArray, incomplete: Incomplete
) -> BoolArray:
    missing = np.isnan(values)
    areas: BoolArray = np.asarray(missing.any(axis=1))
    if areas.any() and incomplete == "raise":
        n = int(missing.sum())
        years = ", ".join(map(str, periods[missing.any(axis=0)][:5]))
        raise LayerError(
            _LAYER,
            found=f"{n} missing area-period{'s' if n > 1 else ''} (periods {years})",
            expected=f"an outcome in all {len(periods)} periods",
            repair="options=DidOptions(incomplete='drop') leaves such areas out; where a "
            "missing row means none, fill it with 0 before.",
            rows=list(labels[areas]),
        )
    return np.logical_not(areas)


def _sorted(panel: Panel) -> Panel:
    """Order areas by what they are, so that neither rows nor names decide what is drawn."""
    keys = [*panel.outcome.T[::-1], panel.weight, panel.exposed, panel.start]
    order = np.lexsort(keys) if len(panel.start) else np.arange(0)
    cluster = pd.factorize(panel.cluster[order])[0]
    return replace(
        panel,
        outcome=panel.outcome[order],
        start=panel.start[order],
        exposed=panel.exposed[order],
        weight=panel.weight[order],
        cluster=np.asarray(cluster, dtype=np.int64),
    )
