"""What :func:`geocn.evaluation.difference_in_differences` found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from geocn._optional import require
from geocn._palette import CATEGORIES, QUIET_LINE
from geocn.errors import ParameterError
from geocn.evaluation.difference_in_differences_errors import Pretrend

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True)
class DifferenceInDifferences:
    """Effects of a programme on areas, with what they rest on.

    Every table has ``exposure``: ``treated``, or ``neighbour`` for areas beside treated ones.
    Estimates are in the unit of the outcome, as transformed.

    Parameters
    ----------
    att : DataFrame
        Overall effects on the treated, the headline first: ``aggregation``,
        ``is_headline``, ``estimate``, ``std_error``, ``degrees``, ``low``, ``high``,
        ``p_value``, ``inference``, ``p_permutation``, ``n_treated``, ``n_controls`` (areas).
    event_study : DataFrame
        A row a period before (negative) or since the start: ``event_time``, ``estimate``
        and its errors, ``band_low``, ``band_high`` (for all rows at once), ``n_treated``,
        ``is_reference``.
    groups : DataFrame
        A row a first period: the effect over all its periods.
    group_time : DataFrame
        A row a group and period: ATT(g, t) against ``base_period``.
    sensitivity : DataFrame
        A row a size of violation: ``relative_magnitude``, ``bound_low``, ``bound_high``
        (of the estimate alone), ``low``, ``high`` (with its error).
    breakdown : float
        Largest relative magnitude whose interval leaves 0 out; NaN where unknown.
    pretrend : Pretrend
        Joint test of the leads.
    n_areas, n_periods, n_treated, n_controls, n_neighbours, n_clusters : int
        What entered; controls are areas that some period after a start is
        compared with.
    left_out : dict
        Areas left out or read otherwise, by reason.
    notes : tuple of str
        What a reader must know of this panel.
    outcome : str
    confidence : float
    controls : str
    """

    att: pd.DataFrame
    event_study: pd.DataFrame
    groups: pd.DataFrame
    group_time: pd.DataFrame
    sensitivity: pd.DataFrame
    breakdown: float
    pretrend: Pretrend
    n_areas: int
    n_periods: int
    n_treated: int
    n_controls: int
    n_neighbours: int
    n_clusters: int
    left_out: dict[str, int]
    notes: tuple[str, ...]
    outcome: str
    confidence: float
    controls: str

    def summary(self) -> dict[str, Any]:
        """Return the headline and the counts as plain numbers."""
        found: dict[str, Any] = {}
        if len(self.att):
            row = self.att.iloc[0]
            found = {name: row[name] for name in ("aggregation", "inference")}
            numbers = ("estimate", "std_error", "low", "high", "p_value", "p_permutation")
            found |= {name: float(row[name]) for name in numbers}
        return {
            **found,
            "pretrend_p_value": self.pretrend.p_value,
            "breakdown": self.breakdown,
            "n_areas": self.n_areas,
            "n_periods": self.n_periods,
            "n_treated": self.n_treated,
            "n_controls": self.n_controls,
            "n_neighbours": self.n_neighbours,
            "n_clusters": self.n_clusters,
        }

    def report(self) -> str:
        """Say in plain sentences what was found, and what it assumes."""
        if not len(self.att):
            return "The panel has no rows, so nothing was estimated."
        sentences = [
            _sentence(row, self) for _, row in self.att[self.att["is_headline"]].iterrows()
        ]
        sentences.append(
            "This assumes that without the programme both would have changed alike, that nobody "
            "changed before it began, and that controls felt nothing of it."
        )
        test = self.pretrend
        if np.isnan(test.p_value):
            sentences.append(f"Trends before the start could not be tested: {test.note}.")
        else:
            verdict = "do not differ" if test.p_value >= 0.05 else "differ"
            sentences.append(
                f"Trends before the start {verdict} at 5 % (p = {test.p_value:.3g}, "
                f"{test.n_leads} leads); a test that finds nothing proves nothing."
            )
        if not np.isnan(self.breakdown):
            sentences.append(
                "The sign holds while trends part, a period, by no more than "
                f"{self.breakdown:.2g} times the largest step seen before the start."
            )
        return " ".join([*sentences, *self.notes])

    def plot(self, *, exposure: str = "treated", ax: Axes | None = None) -> Axes:
        """Draw the event study: effects by time since the start, with both intervals.

        Parameters
        ----------
        exposure : {"treated", "neighbour"}
            Whose effects.
        ax : matplotlib Axes, optional
            Where to draw; by default a new figure.

        Returns
        -------
        matplotlib Axes

        Raises
        ------
        MissingDependencyError
            Where matplotlib is not installed (``pip install 'geocn[plot]'``).
        ParameterError
            Where no effect was estimated for the exposure.
        """
        shown = self.event_study[self.event_study["exposure"] == exposure]
        if shown.empty:
            raise ParameterError(f"there is no event study of {exposure!r} areas to draw")
        pyplot = require("matplotlib.pyplot", extra="plot")
        axis = pyplot.subplots(figsize=(8, 5), layout="constrained")[1] if ax is None else ax
        time, colour = shown["event_time"], CATEGORIES[0]
        axis.axhline(0, color=QUIET_LINE, linewidth=0.8)
        axis.axvline(-0.5, color=QUIET_LINE, linewidth=0.8, linestyle="--")
        axis.vlines(time, shown["band_low"], shown["band_high"], color=colour, linewidth=1)
        axis.vlines(time, shown["low"], shown["high"], color=colour, linewidth=4, alpha=0.5)
        axis.plot(time, shown["estimate"], "o", color=colour)
        axis.set_xlabel("periods since the start")
        axis.set_ylabel(f"effect on {self.outcome}")
        whose = "treated areas" if exposure == "treated" else "neighbours of treated areas"
        axis.set_title(f"{whose}: thick {self.confidence:.0%} each, thin for all at once")
        return axis


def _sentence(row: pd.Series[Any], found: DifferenceInDifferences) -> str:
    who = "treated areas" if row["exposure"] == "treated" else "areas beside treated ones"
    kind = "never-treated" if found.controls == "never" else "not-yet-treated"
    told = (
        f"In {row['n_treated']} {who} {found.outcome} changed by {row['estimate']:.4g} more than "
        f"in {row['n_controls']} {kind} areas"
    )
    if np.isnan(row["std_error"]):
        told += "; no standard error can be had, because one side is a single cluster"
    else:
        told += (
            f" ({found.confidence:.0%} interval {row['low']:.4g} to {row['high']:.4g}, "
            f"p = {row['p_value']:.3g}; {row['aggregation']}, {row['inference']})"
        )
    if not np.isnan(row["p_permutation"]):
        told += f"; p = {row['p_permutation']:.3g} over which areas were treated"
    return told + "."
