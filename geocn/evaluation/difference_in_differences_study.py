"""One exposure of a panel (being treated, or lying beside it), estimated and put in tables."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal, TypeAlias

import numpy as np
import pandas as pd

from geocn._typing import BoolArray, FloatArray, IntArray
from geocn.errors import LayerError
from geocn.evaluation.difference_in_differences_checks import (
    overall,
    permutation_p,
    relative_magnitudes,
    two_way_only,
)
from geocn.evaluation.difference_in_differences_effects import (
    Effects,
    Setting,
    average,
    group_time,
    pool_of,
)
from geocn.evaluation.difference_in_differences_errors import (
    Pretrend,
    Spread,
    band,
    intervals,
    joint_test,
)
from geocn.evaluation.difference_in_differences_panel import Incomplete, Panel, Transform
from geocn.evaluation.difference_in_differences_twfe import WildBootstrap, two_way

Controls: TypeAlias = Literal["never", "not_yet"]
Estimator: TypeAlias = Literal["auto", "group_time", "twfe"]
Inference: TypeAlias = Literal["auto", "analytic", "wild", "permutation"]
Exposure: TypeAlias = Literal["treated", "neighbour"]

#: Below this number of clusters CR1 rejects too often (Cameron, Gelbach & Miller 2008) ...
FEW_CLUSTERS = 50
#: ... and so it does with few of them treated, or few untreated, however many there are.
FEW_ON_A_SIDE = 12


@dataclass(frozen=True, slots=True)
class DidOptions:
    """Rare options of :func:`~geocn.evaluation.difference_in_differences`.

    Parameters
    ----------
    estimator : {"auto", "group_time", "twfe"}
        "auto" adds two-way fixed effects as headline where all areas began at one time.
        "twfe" does so for staggered starts too, with a warning that it is biased there.
    inference : {"auto", "analytic", "wild", "permutation"}
        Of the headline. "auto": the wild cluster bootstrap for two-way fixed effects with
        fewer than 50 clusters, and permutation where one cluster alone was treated.
    draws : int
        Of bootstraps and permutations.
    transform : {"log", "asinh"}, optional
        Of the outcome. "log" refuses zeros; the effect of "asinh" depends on the unit.
    incomplete : {"raise", "drop"}
        What to do with areas that lack a period.

    Examples
    --------
    >>> DidOptions(draws=199).incomplete
    'raise'
    """

    estimator: Estimator = "auto"
    inference: Inference = "auto"
    draws: int = 999
    transform: Transform | None = None
    incomplete: Incomplete = "raise"


@dataclass(frozen=True, slots=True)
class Choices:
    """What was asked for, once checked."""

    options: DidOptions
    controls: Controls
    confidence: float
    seed: int


@dataclass
class Study:
    """Effects of one exposure, and the tables made of them."""

    panel: Panel
    exposure: Exposure
    choices: Choices
    notes: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Lay out who is compared with whom."""
        panel = self.panel
        start = panel.start
        if self.exposure == "neighbour":
            start = np.where(np.isinf(panel.start), panel.exposed, np.inf)
        if self.choices.controls == "never":
            clean = np.where(panel.is_control, np.inf, -np.inf)
        else:
            clean = np.minimum(panel.start, panel.exposed)
        self.setting = Setting(panel.outcome, panel.periods, start, clean, panel.weight)
        self.cells = group_time(self.setting)
        both = np.column_stack([panel.start, np.where(np.isinf(panel.start), panel.exposed, 0.0)])
        self.stratum = np.unique(both, axis=0, return_inverse=True)[1].reshape(-1)
        self.groups = self.cells.groups
        usable = self.cells.usable
        if len(self.groups) and not (usable & (self.cells.event_time >= 0)).any():
            raise LayerError(
                "panel",
                found="no untreated area in any period after the start",
                expected="areas to compare with",
                repair="Without them the programme and the years cannot be told apart.",
            )

    @property
    def n_controls(self) -> int:
        """Areas that some period after a start is compared with."""
        used = np.zeros(len(self.panel.start), dtype=bool)
        for g, base in zip(self.groups, self.cells.base, strict=True):
            used |= pool_of(self.setting, g, base)[:, self.panel.periods >= g].any(axis=1)
        return int(used.sum())

    def n_clusters(self, rows: BoolArray) -> int:
        """Clusters that the rows belong to."""
        return len(np.unique(self.panel.cluster[rows]))

    def spread(self, influence: FloatArray) -> Spread:
        """Contributions by cluster."""
        return Spread.of(influence, self.panel.cluster, self.stratum)

    def average(self, members: list[BoolArray] | FloatArray) -> Effects:
        """Average the cells that each of ``members`` marks."""
        shape = self.cells.att.shape
        return average(self.setting, self.cells, np.asarray(members, float).reshape(-1, *shape))

    def errors(self, effects: Effects) -> tuple[FloatArray, FloatArray]:
        """Return errors and degrees; NaN where a side of the comparison is a single cluster."""
        error, degrees = self.spread(effects.influence).errors()
        used = (effects.share != 0).any(axis=2)
        n = max(int(self.panel.cluster.max()) + 1, 1)
        mine = np.zeros((len(self.groups), n), dtype=bool)
        for i, g in enumerate(self.groups):
            mine[i, self.panel.cluster[self.setting.start == g]] = True
        alone = (used.astype(np.int64) @ mine > 0).sum(axis=1) < 2
        thin = ((effects.share != 0) & (self.cells.n_controls < 2)).any(axis=(1, 2))
        return np.where(alone | thin, np.nan, error), degrees

    def table(self, effects: Effects) -> pd.DataFrame:
        """Estimates with pointwise intervals."""
        error, degrees = self.errors(effects)
        return intervals(effects.estimate, error, degrees, self.choices.confidence)

    def counts(self, effects: Effects) -> IntArray:
        """Areas of the exposure that each effect is about."""
        used = (effects.share != 0).any(axis=2)
        return np.asarray(used.astype(np.int64) @ self.cells.n_members)

    # ---- tables ------------------------------------------------------------------

    def cell_table(self) -> pd.DataFrame:
        """One row a group and period."""
        group, column = np.nonzero(self.cells.usable)
        members = np.zeros((len(group), *self.cells.att.shape))
        members[np.arange(len(group)), group, column] = 1.0
        effects = self.average(members)
        place = pd.DataFrame({
            "exposure": pd.Series(self.exposure, index=range(len(group)), dtype="str"),
            "group": self.groups[group].astype(np.int64),
            "period": self.panel.periods[column],
            "event_time": self.cells.event_time[group, column].astype(np.int64),
            "base_period": self.panel.periods[self.cells.base[group]],
        })  # fmt: skip
        counts = {
            "n_treated": self.cells.n_members[group],
            "n_controls": self.cells.n_controls[group, column],
        }
        return pd.concat([place, self.table(effects)], axis=1).assign(**counts)

    def event_effects(self) -> tuple[IntArray, Effects]:
        """Effects by time since the start, the base periods aside."""
        usable = self.cells.usable
        times = np.unique(self.cells.event_time[usable]).astype(np.int64)
        return times, self.average(np.array([self.cells.event_time == e for e in times]))

    def event_table(self) -> pd.DataFrame:
        """One row a period before or since the start, the reference with 0."""
        times, effects = self.event_effects()
        error, degrees = self.errors(effects)
        choices = self.choices
        half = band(
            self.spread(effects.influence), error > 0, confidence=choices.confidence,
            draws=choices.options.draws, seed=choices.seed,
        )  # fmt: skip
        frame = intervals(effects.estimate, error, degrees, choices.confidence)
        frame["band_low"], frame["band_high"] = effects.estimate - half, effects.estimate + half
        frame["n_treated"] = self.counts(effects)
        frame["is_reference"] = False
        frame.insert(0, "event_time", times)
        base = self.panel.periods[self.cells.base] - self.groups
        reference = np.setdiff1d(base.astype(np.int64), times)
        zero = pd.DataFrame({
            "event_time": reference, "estimate": 0.0, "is_reference": True,
            "n_treated": [int(self.cells.n_members[base == e].sum()) for e in reference],
        })  # fmt: skip
        frame = pd.concat([frame, zero]) if len(zero) else frame
        frame.insert(0, "exposure", pd.Series(self.exposure, index=frame.index, dtype="str"))
        return frame.sort_values("event_time", ignore_index=True)

    def group_table(self) -> pd.DataFrame:
        """One row a group: its effect over all its periods."""
        after = self.cells.event_time >= 0
        members = np.eye(len(self.groups))[:, :, None] * after[None]
        frame = self.table(self.average(members))
        frame.insert(0, "group", self.groups.astype(np.int64))
        frame.insert(0, "exposure", pd.Series(self.exposure, index=frame.index, dtype="str"))
        frame["n_treated"] = self.cells.n_members
        return frame[frame["estimate"].notna()].reset_index(drop=True)

    def att_table(self) -> pd.DataFrame:
        """Overall effects: two-way fixed effects where they hold, and three averages."""
        after = self.cells.usable & (self.cells.event_time >= 0)
        with np.errstate(divide="ignore", invalid="ignore"):
            by_group = np.nan_to_num(after / after.sum(axis=1, keepdims=True))
        two = self.average(np.array([after.astype(float), by_group]))
        times, events = self.event_effects()
        lags = times >= 0
        by_time = events.combine((lags / lags.sum())[None])
        effects = Effects(
            np.append(two.estimate, by_time.estimate),
            np.column_stack([two.influence, by_time.influence]),
            np.concatenate([two.share, by_time.share]),
        )
        frame = self.table(effects)
        frame.insert(0, "aggregation", pd.Series(["simple", "group", "event_time"], dtype="str"))
        frame["inference"] = pd.Series("influence function", index=frame.index, dtype="str")
        if self.wants_two_way:
            frame = pd.concat([pd.DataFrame([self._two_way()]), frame], ignore_index=True)
        frame.insert(0, "exposure", pd.Series(self.exposure, index=frame.index, dtype="str"))
        frame.insert(2, "is_headline", frame.index == 0)
        frame["p_permutation"] = np.nan
        frame.loc[0, "p_permutation"] = self._permuted()
        frame.loc[frame["std_error"].isna(), "inference"] = "none"
        frame["n_treated"] = int(np.isfinite(self.setting.start).sum())
        frame["n_controls"] = self.n_controls
        return frame

    # ---- the headline ------------------------------------------------------------

    @property
    def wants_two_way(self) -> bool:
        """Whether two-way fixed effects are the headline."""
        asked = self.choices.options.estimator
        return asked == "twfe" or (asked == "auto" and len(self.groups) == 1)

    def _compared(self) -> tuple[BoolArray, BoolArray]:
        treated = np.isfinite(self.setting.start)
        return treated, treated | self.panel.is_control

    def _two_way(self) -> dict[str, object]:
        treated, rows = self._compared()
        panel, options = self.panel, self.choices.options
        on = (panel.periods >= self.setting.start[rows, None]).astype(float)
        cluster = pd.factorize(panel.cluster[rows])[0].astype(np.int64)
        fit = two_way(panel.outcome[rows], on, panel.weight[rows], cluster)
        sides = (self.n_clusters(treated), self.n_clusters(self.panel.is_control))
        if min(sides[0], len(fit.score) - 1) < 2:
            fit = replace(fit, std_error=float("nan"))
        low, high, p_value = fit.interval(self.choices.confidence)
        name = "CR1"
        few = len(fit.score) < FEW_CLUSTERS or min(sides) < FEW_ON_A_SIDE
        wanted = options.inference == "wild" or (options.inference == "auto" and few)
        if wanted and fit.std_error > 0:
            wild = WildBootstrap(fit, draws=options.draws, seed=self.choices.seed)
            (low, high), p_value = wild.interval(self.choices.confidence), wild.p_value()
            name = "wild cluster bootstrap"
        return {
            "aggregation": "two-way fixed effects", "estimate": fit.estimate,
            "std_error": fit.std_error, "degrees": fit.degrees, "low": low, "high": high,
            "p_value": p_value, "inference": name,
        }  # fmt: skip

    def _permuted(self) -> float:
        treated, rows = self._compared()
        options = self.choices.options
        alone = self.n_clusters(treated) < 2
        if options.inference != "permutation" and not (options.inference == "auto" and alone):
            return float("nan")
        if self.n_clusters(rows) < int(rows.sum()):
            self.notes.append("Areas share clusters, so that no permutation of areas is valid.")
            return float("nan")
        few = Setting(
            self.panel.outcome[rows], self.panel.periods, self.setting.start[rows],
            self.setting.clean_until[rows], self.panel.weight[rows],
        )  # fmt: skip
        p_value, ways = permutation_p(
            few, two_way_only if self.wants_two_way else overall,
            not_yet=self.choices.controls == "not_yet", draws=options.draws,
            seed=self.choices.seed,
        )  # fmt: skip
        self.notes.append(
            f"Permutation over which areas were treated ({self.exposure}): {ways} assignments, "
            f"so that no p-value below {1 / ways:.2g} is possible."
        )
        return p_value

    # ---- assumptions -------------------------------------------------------------

    def pretrend(self) -> Pretrend:
        """Joint test of the leads that have an error."""
        times, effects = self.event_effects()
        error, _ = self.errors(effects)
        leads = np.flatnonzero((times < 0) & (error > 0))
        chosen = effects.combine(np.eye(len(times))[leads])
        return joint_test(chosen.estimate, self.spread(chosen.influence))

    def sensitivity(self) -> tuple[pd.DataFrame, float]:
        """Bounds under violations relative to the leads; empty where periods are uneven."""
        times, effects = self.event_effects()
        error, _ = self.errors(effects)
        even = (np.diff(self.panel.periods) == 1).all()
        even &= bool(np.isin(self.groups, self.panel.periods).all())
        usable = (error > 0) | (times >= 0)
        at = np.append(times[usable], -1)
        order = np.argsort(at)
        matrix = np.vstack([np.eye(len(times))[usable], np.zeros(len(times))])[order]
        size = np.where(self.cells.usable, self.cells.size[:, None], 0.0)
        weight = np.array([size[self.cells.event_time == e].sum() for e in at[order]])
        weight = np.where(at[order] >= 0, weight, 0.0)
        if not even or np.isnan(error[times >= 0]).all() or (np.diff(at[order]) != 1).any():
            matrix, order = matrix[:0], order[:0]
            self.notes.append("No bound of violations: single cluster or uneven periods.")
        return relative_magnitudes(
            effects.combine(matrix), at[order], (weight / weight.sum())[: len(order)], self.spread,
            confidence=self.choices.confidence, draws=self.choices.options.draws,
            seed=self.choices.seed,
        )  # fmt: skip
