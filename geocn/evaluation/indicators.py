"""A table of indicators by area and period, each with an interval and what it rests on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from scipy import stats

from geocn._typing import AnyArray, BoolArray, FloatArray
from geocn.errors import ParameterError
from geocn.evaluation.columns import amounts, check_level, require_columns
from geocn.evaluation.intervals import poisson_interval, proportion_interval
from geocn.evaluation.periods import Gap, Window, observed_days, read_gaps
from geocn.evaluation.seized import each_once, period_labels
from geocn.provenance import attach

#: Beyond this many values the mean is normal for all that a bootstrap could tell.
_MOST_RESAMPLED = 5_000
_FREQUENCY = {"year": "Y", "quarter": "Q", "month": "M"}
_TEXTS = ("area", "period", "indicator", "drug", "unit", "interval", "note")
_COLUMNS = (
    "area", "period", "indicator", "drug", "value", "low", "high", "unit", "n", "coverage",
    "interval", "note",
)  # fmt: skip


def indicators(
    seizures: pd.DataFrame,
    *,
    operations: pd.DataFrame | None = None,
    feedback: pd.DataFrame | None = None,
    period: Literal["year", "quarter", "month"] = "year",
    by: str | None = None,
    weight: str = "weight_kg",
    arrests: str = "arrests",
    score: str = "score",
    favourable: float | None = None,
    gaps: Sequence[Mapping[str, Any]] | None = None,
    confidence: float = 0.95,
    draws: int = 2_000,
    seed: int = 0,
) -> pd.DataFrame:
    """Tabulate what was seized, done and said, by area and period.

    Parameters
    ----------
    seizures : DataFrame
        The seizures layer. Rows of one ``operation_id`` (or else ``duplicate_group``) count
        once, the heaviest of them.
    operations : DataFrame, optional
        Interventions, best from :func:`joint_operations`: each ``operation_id`` counts once.
    feedback : DataFrame, optional
        Answers of communities: a date, and an ordinal score.
    period : {"year", "quarter", "month"}
        Calendar period; rows whose date is known less well are left out and counted.
    by : str, optional
        Column of areas (or partners, kinds …) that each layer has. Default: all in one.
    weight, arrests, score : str
        Columns. Arrests are taken from the operations, or else from the seizures.
    favourable : float, optional
        Least score that counts as favourable.
    gaps : sequence of mappings, optional
        Days without reports, for all layers; by default those each layer declared.
    confidence : float
        Level of the intervals.
    draws : int
        Bootstrap samples of a mean, 200 or more.
    seed : int
        Of those samples.

    Returns
    -------
    DataFrame
        A row an area, period, indicator (and drug): ``value``, ``low``, ``high``, ``unit``,
        ``n`` (rows it rests on), ``coverage`` (share of the period's days reported on),
        ``interval`` (how it was made) and ``note``. Indicators: ``seizures`` and
        ``operations`` (exact Poisson), ``seized_weight`` by drug, as weighed and not as pure
        drug, and ``arrests`` (compound Poisson), ``mean_seizure`` by drug (bootstrap),
        ``feedback_median`` (exact, from order statistics) and ``feedback_favourable`` (exact
        binomial). None is made up: what lacks its column is named, with the reason, in
        ``attrs["geocn"]["absent"]``.

    Raises
    ------
    SchemaError, LayerError, DateError
        Where ``by`` or a time is missing, or a number is negative.
    ParameterError
        Where an option is out of range.

    Notes
    -----
    Counts of enforcement measure enforcement: more operations and arrests are effort, not
    success. Answers are those of who was asked; their interval knows nothing of who was not.

    Examples
    --------
    >>> import pandas as pd
    >>> seizures = pd.DataFrame({"seized_at": ["2024-01-05", "2024-06-01"], "drug": "cocaine",
    ...     "weight_kg": [10.0, 30.0]})
    >>> table = indicators(seizures)
    >>> table[["indicator", "value"]].values.tolist()
    [['seizures', 2.0], ['seized_weight', 40.0], ['mean_seizure', 20.0]]
    >>> sorted(table.attrs["geocn"]["absent"])
    ['arrests', 'feedback_favourable', 'feedback_median', 'operations']
    """
    check_level(confidence)
    if period not in _FREQUENCY or draws < 200:
        raise ParameterError(
            f"period is {period!r} and draws {draws}; choose year, quarter or month, and 200 "
            "draws or more"
        )
    layers = {
        name: _Layer.read(frame, name, period=period, by=by, weight=weight, gaps=gaps)
        for name, frame in (
            ("seizures", seizures), ("operations", operations), ("feedback", feedback)
        )
        if frame is not None
    }  # fmt: skip
    makers, absent = _makers(layers, weight=weight, arrests=arrests, score=score,
                             favourable=favourable)  # fmt: skip
    tool = _Intervals(confidence, draws, seed)
    areas, periods = _frame_of(layers, period)
    rows = [
        {"area": area, "period": label} | row
        for area in areas
        for label in periods
        for maker in makers
        for row in maker.rows(area, label, tool)
    ]
    result = pd.DataFrame(rows, columns=list(_COLUMNS))
    kinds = dict.fromkeys(_COLUMNS, "float64") | dict.fromkeys(_TEXTS, "str") | {"n": "int64"}
    return attach(
        result.astype(kinds),
        "evaluation.indicators",
        operations=operations is not None,
        feedback=feedback is not None,
        period=period,
        by=by,
        weight=weight,
        arrests=arrests,
        score=score,
        favourable=favourable,
        gaps="declared" if gaps is None else "given",
        confidence=confidence,
        draws=draws,
        seed=seed,
        crs=getattr(seizures, "crs", None),
        absent=absent,
        left_out={name: layer.left_out for name, layer in layers.items()},
    )


@dataclass(frozen=True)
class _Layer:
    """One layer: area and period of each row that counts, and its gaps."""

    frame: pd.DataFrame
    area: AnyArray
    period: AnyArray
    counts: BoolArray
    gaps: list[Gap]
    frequency: str
    left_out: dict[str, int]

    @classmethod
    def read(
        cls,
        frame: pd.DataFrame,
        name: str,
        *,
        period: str,
        by: str | None,
        weight: str,
        gaps: Sequence[Mapping[str, Any]] | None,
    ) -> _Layer:
        time = next((c for c in ("asked_at", "answered_at", "date") if c in frame), None)
        labels, _ = period_labels(frame, time if name == "feedback" else None, period)
        area = np.full(len(frame), "all", dtype=object)
        if by is not None:
            require_columns(frame, [by], name)
            area = frame[by].to_numpy(dtype=object)
        known = ~pd.isna(labels) & ~pd.isna(area)
        size = np.zeros(len(frame))
        if weight in frame:
            size = np.nan_to_num(amounts(frame, weight, name))
        kept, _ = each_once(frame, size, known, "auto", ties=(labels, area))
        left_out = {
            "no_period": int(pd.isna(labels).sum()),
            "no_area": int((~pd.isna(labels) & pd.isna(area)).sum()),
            "counted_once": int((known & ~kept).sum()),
        }
        silent = read_gaps(frame, gaps)
        return cls(frame, area, labels, kept, silent, _FREQUENCY[period], left_out)

    def rows(self, area: object, period: str) -> BoolArray:
        """Rows of an area and period."""
        mine: BoolArray = self.counts & (self.area == area) & (self.period == period)
        return mine

    def coverage(self, area: object, period: str) -> float:
        """Share of the period's days that were reported on."""
        whole = pd.Period(period, freq=self.frequency)
        start, end = (p.start_time.to_datetime64().astype("M8[us]") for p in (whole, whole + 1))
        window = Window(start, end)
        return float(observed_days(window, self.gaps, [area])[0] / window.days)


def _frame_of(layers: Mapping[str, _Layer], period: str) -> tuple[list[Any], list[str]]:
    """All areas, and all periods from the first to the last that any layer has."""
    areas = {a for layer in layers.values() for a in layer.area[~pd.isna(layer.area)].tolist()}
    labels = {p for layer in layers.values() for p in layer.period[layer.counts].tolist()}
    if not labels:
        return [], []
    span = pd.period_range(min(labels), max(labels), freq=_FREQUENCY[period])
    return sorted(areas, key=str), [str(label) for label in span]


class _Intervals:
    """How each kind of value gets its interval."""

    def __init__(self, confidence: float, draws: int, seed: int) -> None:
        self.confidence, self.draws, self.seed = confidence, draws, seed

    def count(self, n: int) -> dict[str, Any]:
        low, high = poisson_interval(np.array([float(n)]), self.confidence)
        return _row(n, low[0], high[0], n, "exact Poisson")

    def total(self, x: FloatArray) -> dict[str, Any]:
        """Return the sum of marks of Poisson events, through the count they amount to."""
        value, squares = float(x.sum()), float((x * x).sum())
        if not squares:
            return _row(value, 0.0, np.nan, len(x), "", "none reported: no upper end known")
        size = squares / value
        low, high = poisson_interval(np.array([value / size]), self.confidence)
        return _row(value, low[0] * size, high[0] * size, len(x), "compound Poisson")

    def mean(self, x: FloatArray) -> dict[str, Any]:
        if len(x) < 2:
            value = float(x.mean()) if len(x) else np.nan
            return _row(value, np.nan, np.nan, len(x), "", "fewer than two values: no interval")
        tail = (1 - self.confidence) / 2
        if len(x) > _MOST_RESAMPLED:
            reach = stats.norm.ppf(1 - tail) * x.std(ddof=1) / np.sqrt(len(x))
            return _row(x.mean(), x.mean() - reach, x.mean() + reach, len(x), "normal")
        rng = np.random.default_rng(self.seed)
        ordered = np.sort(x)
        means = np.array(
            [ordered[rng.integers(0, len(x), len(x))].mean() for _ in range(self.draws)]
        )
        low, high = np.quantile(means, (tail, 1 - tail))
        return _row(x.mean(), low, high, len(x), "bootstrap")

    def median(self, x: FloatArray) -> dict[str, Any]:
        """Return the lower median and the order statistics that hold it."""
        n, ordered = len(x), np.sort(x)
        if not n:
            return _row(np.nan, np.nan, np.nan, 0, "", "no answers")
        value = ordered[(n - 1) // 2]
        k = int(stats.binom.ppf((1 - self.confidence) / 2, n, 0.5))
        if k < 1:
            return _row(value, np.nan, np.nan, n, "", "too few answers for an interval")
        return _row(value, ordered[k - 1], ordered[n - k], n, "exact, order statistics")

    def share(self, hits: int, n: int) -> dict[str, Any]:
        if not n:
            return _row(np.nan, np.nan, np.nan, 0, "", "no answers")
        low, high = proportion_interval(
            np.array([float(hits)]), np.array([float(n - hits)]), self.confidence
        )
        return _row(hits / n, low[0], high[0], n, "exact binomial")


def _row(  # noqa: PLR0917
    value: float, low: float, high: float, n: int, interval: str, note: str = ""
) -> dict[str, Any]:
    return {
        "value": float(value), "low": float(low), "high": float(high), "n": n,
        "interval": interval, "note": note,
    }  # fmt: skip


@dataclass(frozen=True)
class _Maker:
    """Makes the rows of one layer: what of it is there."""

    layer: _Layer
    values: dict[str, FloatArray]
    drug: AnyArray
    drugs: tuple[str, ...]
    favourable: float | None

    def rows(self, area: object, period: str, tool: _Intervals) -> list[dict[str, Any]]:
        mine = self.layer.rows(area, period)
        coverage = self.layer.coverage(area, period)
        made: list[dict[str, Any]] = []

        def add(name: str, unit: str, row: dict[str, Any], drug: str = "") -> None:
            note = row["note"] if coverage > 0 else "nothing was reported in the period"
            empty = {"value": np.nan, "low": np.nan, "high": np.nan} if not coverage else {}
            made.append(
                row | empty | {"indicator": name, "unit": unit, "drug": drug,
                               "coverage": coverage, "note": note}
            )  # fmt: skip

        for name in ("seizures", "operations"):
            if name in self.values:
                add(name, "events", tool.count(int(mine.sum())))
        for drug in self.drugs if "weight" in self.values else ():
            x = self.values["weight"][mine & (self.drug == drug)]
            x = x[~np.isnan(x)]
            add("seized_weight", "kg as weighed", tool.total(x), drug)
            add("mean_seizure", "kg as weighed", tool.mean(x), drug)
        if "arrests" in self.values:
            x = self.values["arrests"][mine]
            add("arrests", "people", tool.total(x[~np.isnan(x)]))
        if "score" in self.values:
            x = self.values["score"][mine]
            x = x[~np.isnan(x)]
            add("feedback_median", "score", tool.median(x))
            if self.favourable is not None:
                hits = int((x >= self.favourable).sum())
                add("feedback_favourable", "share of answers", tool.share(hits, len(x)))
        return made


def _makers(
    layers: Mapping[str, _Layer], *, weight: str, arrests: str, score: str,
    favourable: float | None,
) -> tuple[list[_Maker], dict[str, str]]:  # fmt: skip
    """Say what can be made of each layer, and what cannot and why."""
    absent: dict[str, str] = {}
    values: dict[str, dict[str, FloatArray]] = {name: {} for name in layers}
    for name in ("seizures", "operations"):
        if name in layers:
            values[name][name] = np.ones(len(layers[name].frame))
    if "operations" not in layers:
        absent["operations"] = "no operations were given"
    wanted = [("seized_weight", ["seizures"], weight, "weight"),
              ("arrests", ["operations", "seizures"], arrests, "arrests"),
              ("feedback_median", ["feedback"], score, "score")]  # fmt: skip
    for indicator, sources, column, key in wanted:
        source = next((s for s in sources if s in layers and column in layers[s].frame), None)
        if source is None:
            absent[indicator] = f"no column {column!r} in {' or '.join(sources)}"
            continue
        values[source][key] = amounts(layers[source].frame, column, source)
    if "seized_weight" in absent:
        absent["mean_seizure"] = absent["seized_weight"]
    if "feedback_median" in absent or favourable is None:
        absent["feedback_favourable"] = absent.get("feedback_median", "no favourable score given")
    makers = []
    for name, layer in layers.items():
        drug = np.full(len(layer.frame), "", dtype=object)
        if "drug" in layer.frame:
            drug = layer.frame["drug"].astype("str").fillna("unknown").to_numpy(dtype=object)
        makers.append(
            _Maker(layer, values[name], drug, tuple(sorted(set(drug.tolist()))), favourable)
        )
    return makers, absent
