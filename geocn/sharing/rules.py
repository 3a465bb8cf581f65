"""The rules of a release profile: what is made coarser, moved, held back or protected."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

#: Kinds of interventions whose sites are never released exactly unless a profile says so:
#: who is seen there is put at risk.
PROTECTED_KINDS = ("treatment", "harm_reduction", "clinic", "school", "shelter")
#: Size in kilometres of the cells that stand for such a site.
PROTECTED_GRID_KM = 10.0
TIME_STEPS = ("month", "quarter", "year")

_FARTHEST_M = 1_000_000.0

Metres = Annotated[float, Field(gt=0, le=_FARTHEST_M, allow_inf_nan=False)]
Kilometres = Annotated[float, Field(gt=0, le=_FARTHEST_M / 1000, allow_inf_nan=False)]
Step = Annotated[float, Field(gt=0, allow_inf_nan=False)]
# Columns that say where a row lies in words, which a coarser geometry would not hide.
_SAYS_WHERE = ("place",)


class Rule(BaseModel):
    """A part of a profile: unknown keys are errors, values do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class LayerRule(Rule):
    """What of one layer may leave, and how coarse; ``geometry`` counts as a column.

    Parameters
    ----------
    columns : tuple of str
        The columns that may leave.
    grid_km : float, optional
        Places become the centre of their cell, of about this size in kilometres.
    grid_as : {"centre", "cell"}
        The centre of the cell as a point, or the cell as an area.
    admin : str, optional
        Name of a place layer: a place becomes the area in which it lies.
    admin_as : {"polygon", "code"}
        The area's shape, or only its ``admin_code``.
    simplify_m : float, optional
        Lines and areas lose detail below this many metres.
    donut_m : tuple of float, optional
        Points move by at least and at most so many metres, by a secret.
    round_to : dict of str to float
        Step to which the numbers of a column are rounded.
    min_age_days : int, optional
        Rows whose last date is not older than that at the cut-off are held back, and
        rows without a date.
    time : {"month", "quarter", "year"}, optional
        Dates become the first day of it.
    """

    columns: tuple[str, ...] = ()
    grid_km: Kilometres | None = None
    grid_as: Literal["centre", "cell"] = "centre"
    admin: str | None = None
    admin_as: Literal["polygon", "code"] = "polygon"
    simplify_m: Metres | None = None
    donut_m: tuple[Metres, Metres] | None = None
    round_to: dict[str, Step] = {}
    min_age_days: int | None = Field(None, ge=0, le=100_000)
    time: Literal["month", "quarter", "year"] | None = None

    @model_validator(mode="after")
    def _fits_together(self) -> LayerRule:
        given = self.geometry_rules()
        if len(given) > 1:
            raise ValueError(f"{' and '.join(given)}: one rule for the geometry, not several")
        if given and "geometry" not in self.columns:
            raise ValueError(f"{given[0]} is a rule for `geometry`, which `columns` does not name")
        if self.donut_m is not None and self.donut_m[0] >= self.donut_m[1]:
            low, high = self.donut_m
            raise ValueError(f"donut_m = [{low:g}, {high:g}]: the first must be the smaller")
        told = [name for name in _SAYS_WHERE if name in self.columns]
        if told and given and given != ["simplify_m"]:
            raise ValueError(f"`{told[0]}` says in words what {given[0]} hides; leave it out")
        stray = sorted(set(self.round_to) - set(self.columns))
        if stray:
            raise ValueError(f"round_to: {', '.join(stray)}: not among `columns`")
        return self

    def geometry_rules(self) -> list[str]:
        """Return the names of the rules that change the geometry."""
        names = ("grid_km", "admin", "simplify_m", "donut_m")
        return [name for name in names if getattr(self, name) is not None]


class Protected(Rule):
    """Places near which nothing is released exactly.

    Parameters
    ----------
    kinds : tuple of str
        Kinds of interventions that are such places, whoever runs them, withheld or not.
    places : str, optional
        Name of a place layer that holds such places.
    protect_m : float
        Distance in metres within which points are dropped or made coarser; 0 for the
        places themselves only.
    action : {"generalise", "drop"}
        What happens to them.
    grid_km : float
        Size of the cells where they are made coarser.
    """

    kinds: tuple[str, ...] = ()
    places: str | None = None
    protect_m: float = Field(0.0, ge=0, le=_FARTHEST_M, allow_inf_nan=False)
    action: Literal["generalise", "drop"] = "generalise"
    grid_km: Kilometres = PROTECTED_GRID_KM

    @model_validator(mode="after")
    def _names_something(self) -> Protected:
        if not self.kinds and self.places is None:
            raise ValueError("a protected place needs `kinds` or `places`")
        return self


class Dominance(Rule):
    """The (n, k) rule: held back where ``n`` contributors make up more than ``percent``."""

    n: int = Field(1, ge=1)
    percent: float = Field(gt=0, lt=100)


class Derived(Rule):
    """An analysis that is released although it was computed from withheld data."""

    analysis: str = Field(min_length=1)
    approver: str = Field(min_length=1)
    reason: str = Field(min_length=1)

    @model_validator(mode="after")
    def _says_something(self) -> Derived:
        if not self.approver.strip() or not self.reason.strip():
            raise ValueError("a derived analysis needs an approver and a reason")
        return self
