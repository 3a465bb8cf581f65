"""Kinds of analyses that plan and look back: coverage, siting, change, comparison."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Literal

from pydantic import Field, model_validator

from geocn.project.analysis import Analysis, Need, Positive

_DEMAND: tuple[Literal["layer", "places", "analysis"], ...] = ("layer", "places", "analysis")
_DEMAND_OR_RASTER: tuple[Literal["layer", "places", "analysis", "raster"], ...]
_DEMAND_OR_RASTER = (*_DEMAND, "raster")


class Coverage(Analysis):
    """How much of a demand the interventions reach, by whom, and the gaps.

    ``minutes`` over ``friction`` (a raster of minutes per metre) reaches as far as one can
    travel. ``demand`` may be a raster of amounts ``per`` cell or square kilometre. ``by_area``
    names places whose shares are told one by one, ``capacity`` asks what the sites can serve.
    ``separation_km`` flags civilian sites that stand nearer than that to enforcement.
    """

    kind: Literal["coverage"]
    demand: str
    weight: str | None = None
    year: int | None = None
    only_significant: bool = True
    distance_km: Positive | dict[str, Positive] | None = None
    minutes: Positive | dict[str, Positive] | None = None
    friction: str | None = None
    areas: Literal["presence", "reach"] = "presence"
    overlaps: Literal["once", "add"] = "once"
    per: Literal["cell", "km2"] = "cell"
    by_area: str | None = None
    periods: Literal["year", "quarter", "month"] | None = None
    capacity: Literal["most", "nearest", "proportional"] | None = None
    separation_km: Positive | None = None
    partners: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _minutes_need_ground(self) -> Coverage:
        if (self.minutes is None) != (self.friction is None):
            raise ValueError("`minutes` and `friction` go together: how long, and over what ground")
        return self

    def needs(self) -> Iterator[Need]:  # noqa: D102 - as in Analysis
        columns = tuple(name for name in (self.weight,) if name)
        yield Need("demand", self.demand, _DEMAND_OR_RASTER, ("geometry", *columns))
        yield Need("kind", "interventions", ("layer",), ("geometry",))
        if self.friction is not None:
            yield Need("friction", self.friction, ("raster",))
        if self.by_area is not None:
            yield Need("by_area", self.by_area, ("places",), ("geometry",))


class Siting(Analysis):
    """Where the next sites do most good, with a proof of how good.

    ``demand`` is a layer, places, or an analysis; ``of = "gaps"`` takes what a coverage leaves
    uncovered. Areas are spread over cells of ``cell_km``. ``threshold_km`` is how far a site
    serves.
    """

    kind: Literal["siting"]
    demand: str
    of: Literal["result", "gaps"] = "result"
    candidates: str
    objective: Literal[
        "maximal_covering", "set_covering", "backup_cover", "p_median", "p_center"
    ] = "maximal_covering"
    p: int | None = Field(None, ge=1)
    budget: Positive | None = None
    threshold_km: Positive | None = None
    weight: str | None = None
    site_cost: str | None = None
    cell_km: Positive | None = None
    gap: float = Field(1e-4, ge=0, lt=1)
    time_limit_s: Positive = 60

    def needs(self) -> Iterator[Need]:  # noqa: D102 - as in Analysis
        columns = tuple(name for name in (self.weight,) if name and self.of == "result")
        yield Need("demand", self.demand, _DEMAND, ("geometry", *columns))
        cost = tuple(name for name in (self.site_cost,) if name)
        yield Need("candidates", self.candidates, ("places", "layer"), ("geometry", *cost))


class CultivationChange(Analysis):
    """What was gained and lost by area between two survey years."""

    kind: Literal["cultivation_change"]
    before: int
    after: int
    crop: str | None = None

    @model_validator(mode="after")
    def _forwards(self) -> CultivationChange:
        if self.after <= self.before:
            raise ValueError("`after` must be a later year than `before`")
        return self

    def needs(self) -> Iterator[Need]:  # noqa: D102 - as in Analysis
        yield Need("kind", "cultivation", ("layer",), ("year", "area_ha", "admin_code"))


class ComparePeriods(Analysis):
    """What changed in a layer between two periods, area by area, with intervals."""

    kind: Literal["compare_periods"]
    layer: Literal["seizures", "routes", "interventions"] = "seizures"
    before: tuple[date, date]
    after: tuple[date, date]
    by_area: str
    value: str | None = None

    @model_validator(mode="after")
    def _in_order(self) -> ComparePeriods:
        if not self.before[0] <= self.before[1] < self.after[0] <= self.after[1]:
            raise ValueError(
                "`before` must end before `after` begins, and each begin before it ends"
            )
        return self

    def needs(self) -> Iterator[Need]:  # noqa: D102 - as in Analysis
        columns = tuple(name for name in (self.value,) if name)
        yield Need("layer", self.layer, ("layer",), ("geometry", *columns))
        yield Need("by_area", self.by_area, ("places",), ("geometry",))
