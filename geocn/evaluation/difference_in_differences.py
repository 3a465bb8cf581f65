"""Effect of a programme on areas: change with it, less the change of areas without it."""

from __future__ import annotations

import warnings
from typing import get_args

import numpy as np
import pandas as pd

from geocn.errors import AssumptionWarning, LayerError, ParameterError
from geocn.evaluation.difference_in_differences_errors import Pretrend
from geocn.evaluation.difference_in_differences_panel import (
    Columns,
    Incomplete,
    Panel,
    Transform,
    read_panel,
)
from geocn.evaluation.difference_in_differences_result import DifferenceInDifferences
from geocn.evaluation.difference_in_differences_study import (
    Choices,
    Controls,
    DidOptions,
    Estimator,
    Inference,
    Study,
)
from geocn.provenance import attach
from geocn.spatial.neighbours import Neighbours, describe

#: Fewer bootstrap draws than this say little about a tail.
_LEAST_DRAWS = 99


def difference_in_differences(
    panel: pd.DataFrame,
    *,
    outcome: str,
    area: str = "admin_code",
    time: str = "year",
    treated_from: str | None = None,
    treated: str | None = None,
    since: int | None = None,
    weights: str | None = None,
    controls: Controls = "never",
    spillover: Neighbours | None = None,
    cluster: str | None = None,
    confidence: float = 0.95,
    seed: int = 0,
    options: DidOptions | None = None,
) -> DifferenceInDifferences:
    r"""Estimate what a programme changed in its areas (difference-in-differences).

    For areas that began in period g, and any period t,

    .. math:: ATT(g, t) = \overline{Y_t - Y_{b}}\big|_{g}
              - \overline{Y_t - Y_{b}}\big|_{\text{controls}},

    with b the last period before g (Callaway & Sant'Anna 2021). Averages of these by area
    and period ("simple"), by group and by time since the start answer for staggered starts,
    where one regression on area and period effects is biased: it takes areas long treated
    for controls. Where all began at once that regression is right, and the headline.

    Parameters
    ----------
    panel : DataFrame or GeoDataFrame
        One row an area and period; with geometry where ``spillover`` is asked for.
    outcome : str
        Column of numbers, such as hectares of coca.
    area, time : str
        Columns of the area's label and of the period: years, or periods numbered in order.
    treated_from : str, optional
        Column with the first treated period, null for never. Either this or ``treated``.
    treated : str, optional
        Column of true and false: with ``since``, the areas that began then; without, whether
        the area was treated in that period.
    since : int, optional
        First treated period, for ``treated``.
    weights : str, optional
        Column of positive weights, constant within an area, such as people or hectares.
    controls : {"never", "not_yet"}
        Compare with areas never treated, or also with those treated later.
    spillover : "queen", "rook", float, DistanceBand, KNearest, Graph or matrix, optional
        Who is next to whom, as in :func:`geocn.spatial.neighbours.neighbour_matrix` (a number
        is metres; rows of a matrix stand for areas in order of appearance). Neighbours of
        treated areas leave the controls and get an effect of their own, from the year in
        which the first of their neighbours began.
    cluster : str, optional
        Column of clusters, constant within an area. Default: each area is its own.
    confidence : float
        Level of the intervals.
    seed : int
        Of bootstraps and permutations.
    options : DidOptions, optional
        Estimator, kind of inference, draws, transform, incomplete areas.

    Returns
    -------
    DifferenceInDifferences
        ``att``, ``event_study``, ``groups``, ``group_time``, ``sensitivity``, ``pretrend``,
        counts, ``summary()``, ``report()`` and ``plot()``. ``att.attrs["geocn"]`` states
        options and what was left out.

    Raises
    ------
    SchemaError, DateError, LayerError
        Where columns, periods or starts are at fault; rows stand twice; periods are missing
        in some areas; nobody was treated, or nobody is left to compare with.
    ParameterError
        Naming every option that is out of range.

    Warns
    -----
    AssumptionWarning
        Where two-way fixed effects are asked for staggered starts.

    Notes
    -----
    Areas treated in the first period have no period before and are left out; those that
    begin after the last one count as never treated. Influence-function errors take squares
    of each group times m / (m - 1), and intervals Welch and Satterthwaite's t, so that the
    case of two groups and two periods is Welch's test. Violations are bounded as in
    Rambachan & Roth (2023) by relative magnitudes, with a wider, simpler interval.

    References
    ----------
    Callaway & Sant'Anna 2021, doi:10.1016/j.jeconom.2020.12.001; Goodman-Bacon 2021,
    doi:10.1016/j.jeconom.2021.03.014; Cameron, Gelbach & Miller 2008,
    doi:10.1162/rest.90.3.414; Krishnamoorthy & Yu 2004, doi:10.1016/j.spl.2003.10.012;
    Rambachan & Roth 2023, doi:10.1093/restud/rdad018; Chen & Roth 2024,
    doi:10.1093/qje/qjad054 (logarithms with zeros).

    Examples
    --------
    >>> import pandas as pd
    >>> panel = pd.DataFrame({
    ...     "admin_code": list("aabbccdd"), "year": [2019, 2020] * 4,
    ...     "coca_ha": [50, 40, 70, 56, 30, 33, 60, 64], "begun": [2020] * 4 + [None] * 4})
    >>> found = difference_in_differences(panel, outcome="coca_ha", treated_from="begun")
    >>> float(found.att["estimate"][0])
    -15.5
    """
    options = options or DidOptions()
    columns = Columns(outcome, area, time, treated_from, treated, since, weights, cluster)
    _check(columns, Choices(options, controls, confidence, seed))
    if len(panel):
        data = read_panel(
            panel, columns, spillover=spillover, transform=options.transform,
            incomplete=options.incomplete,
        )  # fmt: skip
        choices = Choices(options, controls, confidence, seed)
        result = _estimate(data, choices, outcome)
    else:
        result = _nothing(panel, columns, confidence, controls)
    for frame in (
        result.att, result.event_study, result.groups, result.group_time, result.sensitivity,
    ):  # fmt: skip
        attach(
            frame, "evaluation.difference_in_differences", outcome=outcome, area=area, time=time,
            treated_from=treated_from, treated=treated, since=since, weights=weights,
            controls=controls, spillover=None if spillover is None else describe(spillover),
            cluster=cluster, confidence=confidence, seed=seed,
            options={name: getattr(options, name) for name in DidOptions.__slots__},
            crs=getattr(panel, "crs", None), left_out=result.left_out, notes=result.notes,
        )  # fmt: skip
    return result


def _check(columns: Columns, choices: Choices) -> None:
    faults = []
    options, since = choices.options, columns.since
    if (columns.treated_from is None) == (columns.treated is None):
        faults.append("say who was treated by treated_from= or by treated=, one of them")
    if since is not None and columns.treated is None:
        faults.append("since= goes with treated=")
    if since is not None and int(since) != since:
        faults.append(f"since is {since!r}; give a whole number")
    if not 0 < choices.confidence < 1:
        faults.append(f"confidence is {choices.confidence!r}; give a share such as 0.95")
    if choices.seed < 0:
        faults.append(f"seed is {choices.seed!r}; give 0 or more")
    if options.draws < _LEAST_DRAWS:
        faults.append(f"draws is {options.draws!r}; give {_LEAST_DRAWS} or more")
    for name, value, known in (
        ("controls", choices.controls, get_args(Controls)),
        ("estimator", options.estimator, get_args(Estimator)),
        ("inference", options.inference, get_args(Inference)),
        ("transform", options.transform, (None, *get_args(Transform))),
        ("incomplete", options.incomplete, get_args(Incomplete)),
    ):
        if value not in known:
            faults.append(f"{name} {value!r} is unknown; choose one of {known}")
    if faults:
        raise ParameterError("; ".join(faults))


def _estimate(panel: Panel, choices: Choices, outcome: str) -> DifferenceInDifferences:
    treated = np.isfinite(panel.start)
    if not treated.any():
        raise LayerError(
            "panel",
            found="no area that began to be treated between the first and the last period",
            expected="at least one, with a period before",
            repair=_told(panel.left_out),
        )
    if choices.controls == "never" and not panel.is_control.any():
        raise LayerError(
            "panel",
            found="no area that was never treated"
            + (" nor next to a treated one" if np.isfinite(panel.exposed).any() else ""),
            expected="areas to compare with",
            repair="controls='not_yet' compares with areas that were treated later.",
        )
    study = Study(panel, "treated", choices)
    studies = [study]
    beside = ~treated & np.isfinite(panel.exposed)
    if beside.any():
        studies.append(Study(panel, "neighbour", choices))
    att = pd.concat([one.att_table() for one in studies], ignore_index=True)
    sensitivity, breakdown = study.sensitivity()
    transform = choices.options.transform
    _warn_of_two_way(study)
    return DifferenceInDifferences(
        att=att,
        event_study=pd.concat([one.event_table() for one in studies], ignore_index=True),
        groups=pd.concat([one.group_table() for one in studies], ignore_index=True),
        group_time=pd.concat([one.cell_table() for one in studies], ignore_index=True),
        sensitivity=sensitivity,
        breakdown=breakdown,
        pretrend=study.pretrend(),
        n_areas=len(panel.start),
        n_periods=len(panel.periods),
        n_treated=int(treated.sum()),
        n_controls=study.n_controls,
        n_neighbours=int(beside.sum()),
        n_clusters=len(np.unique(panel.cluster)),
        left_out=panel.left_out,
        notes=tuple(_notes(panel, studies, att)),
        outcome=f"{transform} of {outcome}" if transform else outcome,
        confidence=choices.confidence,
        controls=choices.controls,
    )  # fmt: skip


def _told(left_out: dict[str, int]) -> str:
    shown = [f"{n} {reason.replace('_', ' ')}" for reason, n in left_out.items() if n]
    return f"Areas left out: {', '.join(shown)}." if shown else ""


def _warn_of_two_way(study: Study) -> None:
    if study.choices.options.estimator == "twfe" and len(study.groups) > 1:
        warnings.warn(
            "two-way fixed effects take areas long treated for controls, which is biased where "
            "areas began at different times and effects change (Goodman-Bacon 2021); "
            "estimator='group_time' does not",
            AssumptionWarning,
            stacklevel=4,
        )


def _notes(panel: Panel, studies: list[Study], att: pd.DataFrame) -> list[str]:
    notes = [note for study in studies for note in study.notes]
    if left := _told(panel.left_out):
        notes.append(left)
    gaps = panel.periods[1:][np.diff(panel.periods) > np.diff(panel.periods).min(initial=1)]
    if len(gaps):
        notes.append(f"No period right before {', '.join(map(str, gaps))}: the panel has gaps.")
    if att["std_error"].isna().any():
        notes.append("A single treated or control cluster leaves no standard error.")
    elif any(one.n_clusters(np.isfinite(one.setting.start)) < 5 for one in studies):
        notes.append(
            "Fewer than 5 treated clusters: intervals are rough; "
            "DidOptions(inference='permutation') needs no large numbers."
        )
    if studies[0].choices.options.transform == "asinh":
        notes.append("The effect on asinh depends on the outcome's unit and is no percentage.")
    if len(studies) > 1:
        notes.append(
            f"{int(np.isfinite(studies[1].setting.start).sum())} neighbours of treated areas left "
            f"the controls; {studies[0].n_controls} remain."
        )
    return notes


def _nothing(
    panel: pd.DataFrame, columns: Columns, confidence: float, controls: str
) -> DifferenceInDifferences:
    """Return the columns of a result without rows, as a tiny panel gives them."""
    read_panel(panel, columns, spillover=None, transform=None, incomplete="raise")
    tiny = Panel(
        outcome=np.array([[0.0, 1, 2, 4], [1, 0, 3, 4], [0, 0, 1, 1], [0, 1, 0, 1]]),
        periods=np.arange(4),
        start=np.array([2.0, 2, np.inf, np.inf]),
        exposed=np.full(4, np.inf),
        weight=np.ones(4),
        cluster=np.arange(4),
        left_out=dict.fromkeys(
            ("incomplete", "always_treated", "always_beside_treated", "treated_after_the_end"), 0
        ),
    )
    nan = float("nan")
    full = _estimate(
        tiny, Choices(DidOptions(draws=_LEAST_DRAWS), "never", 0.95, 0), columns.outcome
    )
    return DifferenceInDifferences(
        att=full.att.iloc[:0], event_study=full.event_study.iloc[:0], groups=full.groups.iloc[:0],
        group_time=full.group_time.iloc[:0], sensitivity=full.sensitivity.iloc[:0],
        breakdown=nan, pretrend=Pretrend(nan, nan, nan, 0, "none", "no rows"), n_areas=0,
        n_periods=0, n_treated=0, n_controls=0, n_neighbours=0, n_clusters=0,
        left_out=full.left_out, notes=(), outcome=columns.outcome, confidence=confidence,
        controls=controls,
    )  # fmt: skip
