"""What a user may ask of a siting beyond its objective."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from geocn.coverage.locate_problem import Risk

Costs: TypeAlias = Any
Chosen: TypeAlias = str | Sequence[Any] | None


@dataclass(frozen=True)
class Scenarios:
    """Demand that could turn out in several ways.

    Parameters
    ----------
    columns : sequence of str
        Columns of the demand, each with its weights in one scenario; they take the place
        of ``weight``.
    probabilities : sequence of float, optional
        One a scenario, made to sum to 1. By default all are as likely.
    risk : {"expected", "minimax", "cvar"}
        Make the mean best, the worst scenario, or the mean of the worst ones (conditional
        value at risk, Rockafellar & Uryasev 2000, doi:10.21314/JOR.2000.038).
    level : float
        Of ``cvar``: the worst ``1 - level`` of the probability counts.
    """

    columns: Sequence[str]
    probabilities: Sequence[float] | None = None
    risk: Risk = "expected"
    level: float = 0.9


@dataclass(frozen=True)
class SitingRules:
    """What else an answer must keep to.

    Parameters
    ----------
    capacity : str, optional
        Column of the candidates with the weight that a site can serve; each demand row is
        then served by one site, whole.
    min_separation_km : float, optional
        Sites may not be nearer to one another, by geodesic distance; existing ones may.
    equity : tuple of str and float, optional
        Column of the demand with groups, and the share of each group's weight that must be
        covered, such as ``("district", 0.5)``.
    scenarios : Scenarios, optional
    second_cover : float
        Backup cover: share of the objective, 0 to 1, that the second cover counts.
    charge_existing : bool
        Whether existing sites are charged their ``site_cost``; else they are free.
    """

    capacity: str | None = None
    min_separation_km: float | None = None
    equity: tuple[str, float] | None = None
    scenarios: Scenarios | None = None
    second_cover: float = 0.5
    charge_existing: bool = False


@dataclass(frozen=True)
class Request:
    """What :func:`geocn.coverage.locate` was asked, apart from the frames."""

    objective: str
    p: int | None
    budget: float | None
    threshold: float | None
    costs: Costs
    weight: str | None
    site_cost: str | None
    existing: Chosen
    forbidden: Chosen
    rules: SitingRules = field(default_factory=SitingRules)
