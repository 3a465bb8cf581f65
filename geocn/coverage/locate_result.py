"""What :func:`geocn.coverage.locate` found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd

from geocn.coverage.locate_problem import Status, relative_gap


@dataclass(frozen=True)
class Siting:
    """Where to open sites, whom they serve, and how much better any other choice could be.

    Parameters
    ----------
    selected : list
        Labels of the sites that are open, in order of marginal gain; existing ones first.
    objective : float
        What the choice is worth, in the objective's unit.
    bound : float
        What the best possible choice could be worth at most (at least, where small is good).
    status : str
        ``optimal``; ``gap reached`` where the gap that was asked for is proven;
        ``time limit`` or ``interrupted`` where the search ended before.
    demand : DataFrame or GeoDataFrame
        The demand with ``site`` (label of the candidate that serves the row, missing where
        none does), ``covered`` and ``n_sites`` (open sites that could serve it).
    sites : DataFrame or GeoDataFrame
        The candidates that are open, in the order of ``selected``, with ``order``,
        ``served_weight`` and ``is_existing``.
    marginal_gain : DataFrame
        One row a site in order: ``gain`` over the sites before it, ``cumulative``, and
        ``share`` of the final value.
    uncovered : list
        Labels of the demand rows that nobody covers in this answer.
    unreachable : list
        Labels of the demand rows that no candidate could reach, forbidden ones left aside.
    """

    selected: list[Any]
    objective: float
    bound: float
    status: Status
    demand: pd.DataFrame
    sites: pd.DataFrame
    marginal_gain: pd.DataFrame
    uncovered: list[Any]
    unreachable: list[Any]

    @property
    def assignment(self) -> pd.Series[Any]:
        """Label of the candidate that serves each demand row, missing where none does."""
        site: pd.Series[Any] = self.demand["site"]
        return site

    @property
    def gap(self) -> float:
        """``|bound - objective| / max(|bound|, |objective|)``: no choice is better by more."""
        return relative_gap(self.objective, self.bound)

    def summary(self) -> dict[str, Any]:
        """Return the figures of the whole as plain numbers."""
        return {
            "status": self.status,
            "objective": self.objective,
            "bound": self.bound,
            "gap": self.gap,
            "n_sites": len(self.selected),
            "n_demand": len(self.demand),
            "n_uncovered": len(self.uncovered),
            "n_unreachable": len(self.unreachable),
        }
