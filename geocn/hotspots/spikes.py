"""Spike alerts: areas whose last period holds more events than their past explains."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import geopandas as gpd
import numpy as np
import pandas as pd
import xarray as xr

from geocn._typing import AnyArray, BoolArray, FloatArray, IntArray
from geocn.errors import ParameterError
from geocn.hotspots.area_series import PERIODS, Period, Series, from_cube, from_events
from geocn.hotspots.baseline import attained, concentration, thresholds, upper
from geocn.hotspots.calendar import Instant, instant
from geocn.hotspots.correction import Correction, adjust, level_faults
from geocn.hotspots.imputation import IMPUTATIONS, check_imputations
from geocn.hotspots.one_sided import combine_upper
from geocn.provenance import attach

Rule = Literal["odmap", "poisson", "negative_binomial"]
_RULES = ("odmap", "poisson", "negative_binomial")
_LEAST_BASELINE = 2


def spike_alerts(
    events: gpd.GeoDataFrame | xr.Dataset,
    areas: gpd.GeoDataFrame,
    *,
    period: Period = "month",
    rule: Rule = "negative_binomial",
    baseline: int | Instant = 12,
    exposure: pd.DataFrame | None = None,
    false_alarm_rate: float = 0.01,
    correction: Correction = "bh",
    time: str = "seized_at",
    as_of: Instant | None = None,
    gaps: Sequence[Mapping[str, Any]] | None = None,
    imputations: int = IMPUTATIONS,
    places: gpd.GeoDataFrame | None = None,
    seed: int = 0,
) -> gpd.GeoDataFrame:
    r"""Alert where the last complete period of an area holds more events than it should.

    Given the total of an area's judged period y and baseline b, and exposures :math:`e_y, e_b`,
    the share of the judged period follows, with no rate left to estimate,

    .. math:: y \mid y + b \sim \mathrm{Binomial}\Bigl(y + b, \frac{e_y}{e_y + e_b}\Bigr)
              \quad\text{or}\quad
              \mathrm{BetaBinomial}(y + b,\ \kappa e_y,\ \kappa e_b)

    for Poisson counts, and for negative binomial ones whose size grows with exposure. The
    first is the predictive law of a Poisson count whose rate has the flat prior's gamma
    posterior. The concentration :math:`\kappa` is that of all areas together, by maximum
    likelihood given their baselines' totals.

    Parameters
    ----------
    events : GeoDataFrame or Dataset
        Points (areas and lines count as imprecise points); or counts, as a cube from
        :func:`space_time_cube` of the same areas, with its own periods, gaps and cut-off.
    areas : GeoDataFrame
        Polygons with an index of unique labels.
    period : {"day", "week", "month", "quarter", "year"}
        What is judged, in whole calendar periods of UTC; weeks begin on Monday.
    rule : {"odmap", "poisson", "negative_binomial"}
        ODMAP's: more than mean + 2 standard deviations of the baseline's totals, meant for
        ``period="day"``, and blind to its own rate of false alarms. Or a law of counts.
    baseline : int or date
        Number of periods before the judged one, from the first event on; or the first day
        of the baseline. Periods that a gap touches are left out: silence is not zero.
    exposure : DataFrame, optional
        What counts are in proportion to, such as patrol hours: a row an area (labels of
        ``areas``), a column a period ("2024-03"). Default: days reported on. Periods without
        exposure are left out.
    false_alarm_rate : float
        Chance of an alert in an area where nothing changed, before correction; with
        "bh", the share of false ones among the alerts. Not used by "odmap" to alert.
    correction : {"bh", "by", "bonferroni", "none"}
        Over the areas.
    time : str
        Column of instants.
    as_of : date, optional
        The cut-off of information, a date included to its end. The last period that ended
        by then is judged; what comes after is not looked at, so that a month half over is
        no drop. Without it, the period of the last event counts as unfinished.
    gaps : sequence of mappings, optional
        Days without reports, as in :func:`space_time_cube`.
    imputations, places, seed
        How often, and where, events known less exactly than an area are placed; counts are
        means over these and p-values combine by their normal scores.

    Returns
    -------
    GeoDataFrame
        The areas with ``period``, ``observed``, ``expected``, ``threshold`` (the least count
        that is an alert before correction; for "odmap" what must be exceeded), ``p_value``,
        ``p_adjusted``, ``is_alert``, ``false_alarm_rate`` (chance of reaching the threshold
        where nothing changed, given the baseline), ``baseline_periods`` and
        ``imprecise_share``. Areas with fewer than two baseline periods, or no report in
        the judged one, are not judged: NaN. ``attrs["geocn"]`` gives
        ``expected_false_alarms`` of the run (sum of the rates, before correction).

    Raises
    ------
    SchemaError, DateError
        Where a column is missing or wrong, or a cube is of other areas.
    ParameterError
        Where an option is out of range.
    CRSError
        Where a frame has no CRS.

    References
    ----------
    ODMAP, Spike alerts, https://odmap.org/Resources/SpikeAlerts; Przyborowski & Wilenski 1940,
    doi:10.1093/biomet/31.3-4.313; Benjamini & Hochberg 1995,
    doi:10.1111/j.2517-6161.1995.tb02031.x.

    Examples
    --------
    >>> import geopandas as gpd, pandas as pd, shapely
    >>> months = [1, 2, 3, 4, 5, 6] + [7] * 9
    >>> when = pd.to_datetime([f"2024-{m:02}-10" for m in months], utc=True)
    >>> events = gpd.GeoDataFrame(
    ...     {"seized_at": when}, geometry=[shapely.Point(0.5, 0.5)] * 15, crs=6933
    ... )
    >>> areas = gpd.GeoDataFrame(geometry=[shapely.box(0, 0, 1, 1)], crs=6933)
    >>> alerts = spike_alerts(
    ...     events, areas, rule="poisson", baseline="2024-01-01", as_of="2024-08-15"
    ... )
    >>> alerts[["period", "observed", "threshold", "is_alert"]].values.tolist()
    [['2024-07', 9, 6.0, True]]
    """
    _check(period, rule, baseline, false_alarm_rate, correction)
    check_imputations(imputations)
    if isinstance(events, xr.Dataset):
        series = from_cube(events, areas)
    else:
        series = from_events(
            events,
            areas,
            period=period,
            time=time,
            start=None if isinstance(baseline, int) else baseline,
            as_of=as_of,
            gaps=gaps,
            imputations=imputations,
            places=places,
            seed=seed,
        )
    judged = _judged(series, areas, baseline, exposure)
    columns = _odmap(judged) if rule == "odmap" else _law(judged, rule, false_alarm_rate)
    result = areas.assign(**_columns(judged, columns, rule, correction, false_alarm_rate))
    return attach(
        result,
        "hotspots.spike_alerts",
        period=period,
        rule=rule,
        baseline=baseline,
        exposure="days reported on" if exposure is None else "given",
        false_alarm_rate=false_alarm_rate,
        correction=correction,
        time=time,
        as_of=as_of,
        gaps=None if gaps is None else [dict(gap) for gap in gaps],
        imputations=imputations,
        places=places is not None,
        seed=seed,
        judged=judged.period,
        n_tests=int(np.isfinite(columns["p_value"]).sum()),
        expected_false_alarms=float(np.nansum(columns["false_alarm_rate"])),
        concentration=columns["concentration"],
        left_out=series.left_out,
        crs=areas.crs,
    )


def _check(period: str, rule: str, baseline: int | Instant, rate: float, correction: str) -> None:
    faults = []
    if period not in PERIODS:
        faults.append(f"period {period!r}; choose one of {', '.join(PERIODS)}")
    if rule not in _RULES:
        faults.append(f"rule {rule!r}; choose one of {', '.join(_RULES)}")
    if isinstance(baseline, int) and baseline < _LEAST_BASELINE:
        faults.append(f"baseline is {baseline}; at least {_LEAST_BASELINE} periods are needed")
    faults += level_faults(rate, correction, name="false_alarm_rate")
    if faults:
        raise ParameterError("; ".join(faults))


@dataclass(frozen=True, slots=True)
class _Judged:
    """The judged period of each area and its baseline, by imputation."""

    period: str
    counts: IntArray
    past: IntArray
    used: BoolArray
    exposed: FloatArray
    past_exposed: FloatArray
    tested: BoolArray
    vague: FloatArray

    @property
    def observed(self) -> AnyArray:
        """Count of each area; a mean only where places differ."""
        mean: AnyArray = self.counts[0] if len(self.counts) == 1 else self.counts.mean(axis=0)
        return mean

    @property
    def imprecise_share(self) -> FloatArray:
        """Share of the judged period's events that are vague."""
        with np.errstate(invalid="ignore", divide="ignore"):
            share: FloatArray = self.vague / self.counts.mean(axis=0)
        return share


def _judged(
    series: Series, areas: gpd.GeoDataFrame, baseline: int | Instant, exposure: pd.DataFrame | None
) -> _Judged:
    n = len(areas)
    exposed = series.observed_days if exposure is None else _exposure(series, areas, exposure)
    finished = np.flatnonzero(series.complete)
    if not len(finished):
        none = np.zeros((n, 0))
        counts = np.zeros((1, n), dtype=np.int64)
        past, used = np.zeros((1, n, 0), dtype=np.int64), np.zeros((n, 0), dtype=bool)
        no = np.zeros(n, dtype=bool)
        return _Judged("", counts, past, used, np.zeros(n), none, no, np.zeros(n))
    last = int(finished[-1])
    if isinstance(baseline, int):
        first = max(last - baseline, 0)
    else:
        begun = series.periods.start_time >= instant(baseline, "baseline")
        first = min(int((~begun).sum()), last)
    before = slice(first, last)
    used = series.whole[:, before] & (exposed[:, before] > 0)
    tested = (used.sum(axis=1) >= _LEAST_BASELINE) & (exposed[:, last] > 0)
    return _Judged(
        str(series.periods[last]),
        series.counts[:, :, last],
        np.where(used, series.counts[:, :, before], 0),
        used,
        exposed[:, last],
        np.where(used, exposed[:, before], 0.0),
        tested,
        series.vague[:, last],
    )


def _exposure(series: Series, areas: gpd.GeoDataFrame, exposure: pd.DataFrame) -> FloatArray:
    names = [str(period) for period in series.periods]
    given = exposure.reindex(index=areas.index, columns=names).to_numpy(dtype=float)
    if np.isinf(given).any() or (given < 0).any():
        raise ParameterError("exposure must be 0 or more, and finite")
    return np.nan_to_num(np.where(series.observed_days > 0, given, 0.0))


def _columns(
    judged: _Judged, columns: dict[str, Any], rule: str, correction: Correction, rate: float
) -> dict[str, Any]:
    """Columns of the result, in their order."""
    p_adjusted = adjust(columns["p_value"], correction=correction)
    n = len(p_adjusted)
    return {
        "period": pd.array([judged.period] * n, dtype="str"),
        "observed": judged.observed,
        "expected": columns["expected"],
        "threshold": columns["threshold"],
        "p_value": columns["p_value"],
        "p_adjusted": p_adjusted,
        "is_alert": columns["exceeds"] if rule == "odmap" else p_adjusted <= rate,
        "false_alarm_rate": columns["false_alarm_rate"],
        "baseline_periods": judged.used.sum(axis=1).astype(np.int64),
        "imprecise_share": judged.imprecise_share,
    }


def _law(judged: _Judged, rule: str, rate: float) -> dict[str, Any]:
    """Judge by a law of counts: what is expected, thresholds and tails."""
    past = judged.past.sum(axis=2)
    e_new, e_past = judged.exposed, judged.past_exposed.sum(axis=1)
    at = judged.tested
    kappa = np.full(len(past), np.inf)
    if rule == "negative_binomial":
        kappa = np.array([concentration(one[at], judged.past_exposed[at]) for one in judged.past])
    n = len(e_new)
    p, threshold, attain = (np.full((len(past), n), np.nan) for _ in range(3))
    for i, k in enumerate(kappa):
        law = past[i, at], e_new[at], e_past[at], float(k)
        p[i, at] = upper(judged.counts[i, at], *law)
        threshold[i, at] = thresholds(rate, *law)
        attain[i, at] = attained(threshold[i, at], *law)
    return {
        "expected": _expected(judged),
        "threshold": threshold.mean(axis=0),
        "p_value": combine_upper(p, most=0.999),
        "false_alarm_rate": attain.mean(axis=0),
        "concentration": float(np.mean(kappa)) if np.isfinite(kappa).all() else None,
    }


def _odmap(judged: _Judged) -> dict[str, Any]:
    """Mean and two standard deviations of the baseline's totals; tails as of Poisson counts."""
    law = _law(judged, "poisson", 0.5)
    used = judged.used
    n = used.sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        totals = judged.past.mean(axis=0)
        mean = totals.sum(axis=1) / n
        spread = np.where(used, (totals - mean[:, None]) ** 2, 0).sum(axis=1) / (n - 1)
    threshold = np.where(judged.tested, mean + 2 * np.sqrt(spread), np.nan)
    at = judged.tested
    past, e_past = judged.past.sum(axis=2), judged.past_exposed.sum(axis=1)
    attain = np.full((len(past), len(n)), np.nan)
    for i, one in enumerate(past):
        next_count = np.floor(threshold[at]) + 1
        attain[i, at] = attained(next_count, one[at], judged.exposed[at], e_past[at], np.inf)
    return law | {
        "threshold": threshold,
        "false_alarm_rate": attain.mean(axis=0),
        "exceeds": np.where(at, judged.observed, -1) > np.where(at, threshold, np.inf),
    }


def _expected(judged: _Judged) -> FloatArray:
    with np.errstate(invalid="ignore", divide="ignore"):
        rate = judged.past.mean(axis=0).sum(axis=1) / judged.past_exposed.sum(axis=1)
        return np.where(judged.tested, rate * judged.exposed, np.nan)
