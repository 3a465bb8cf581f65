"""The analyses that a project file can ask for: one model a kind, each with its own keys.

What a key means stands with the analysis itself; a default here is the default there.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from geocn.project.analyses_planning import (
    ComparePeriods,
    Coverage,
    CultivationChange,
    Siting,
)
from geocn.project.analysis import (
    Analysis,
    Correction,
    Need,
    Place,
    Positive,
    Share,
    Stat,
    Strict,
)


class Grid(Strict):
    """Cells to count in: ``{ kind = "hex", cell_km = 25 }``."""

    kind: Literal["square", "hex"] = "hex"
    cell_km: Positive


class Nearest(Strict):
    """The k nearest as neighbours: ``{ nearest = 6 }``."""

    nearest: int = Field(ge=1)


class Within(Strict):
    """All within a distance as neighbours: ``{ within_km = 50 }``."""

    within_km: Positive


Neighbours = Literal["queen", "rook"] | Nearest | Within


class Effort(Strict):
    """How hard somebody looked, as exposure: ``{ background_share = 0.5 }``.

    Strength-days of the interventions of these kinds over the area they reach; ``since`` and
    ``until`` are the span of the evidence where not given.
    """

    kinds: tuple[str, ...] = ("checkpoint", "patrol", "joint_operation")
    since: date | None = None
    until: date | None = None
    background_share: float = Field(0.1, ge=0, lt=1)
    distance_km: Positive | dict[str, Positive] | None = None


class Hotspots(Analysis):
    """Events counted in cells or areas, then Getis-Ord Gi*."""

    kind: Literal["hotspots"]
    layer: Literal["seizures", "routes", "interventions"] = "seizures"
    grid: Grid | None = None
    areas: str | None = None
    weight: str | None = None
    exposure: str | None = None
    effort: Effort | None = None
    neighbours: Neighbours = "queen"
    star: bool = True
    inference: Literal["auto", "exact", "permutation", "analytic"] = "auto"
    permutations: int | None = Field(None, ge=9)
    alpha: Share = 0.05
    correction: Correction = "bh"
    seed: int = Field(0, ge=0)
    by_period: Literal["year", "quarter", "month", "week"] | None = None
    duplicates: Literal["keep", "once"] = "keep"

    @model_validator(mode="after")
    def _one_support(self) -> Hotspots:
        if (self.grid is None) == (self.areas is None):
            raise ValueError("hotspots need either `grid` or `areas`, and not both")
        if self.exposure is not None and self.areas is None:
            raise ValueError("`exposure` is a column of `areas`, which are not given")
        if self.exposure is not None and self.effort is not None:
            raise ValueError("give `exposure` or `effort`, not both")
        return self

    def needs(self) -> Iterator[Need]:  # noqa: D102 - as in Analysis
        grouped = "duplicate_group" if self.duplicates == "once" else None
        columns = tuple(name for name in (self.weight, grouped) if name)
        yield Need("layer", self.layer, ("layer",), ("geometry", *columns))
        if self.areas is not None:
            yield Need("areas", self.areas, ("places",))
        if self.effort is not None:
            yield Need("effort", "interventions", ("layer",), ("geometry", "starts_on", "ends_on"))


class EvidenceWeights(Strict):
    """What a route and a seizure count: ``{ crossings = 1.0, seizures = 0.5 }``."""

    crossings: Positive = 1.0
    seizures: Positive = 1.0


class BorderHotspots(Analysis):
    """Routes crossing land borders, and seizures near them, in segments of equal length.

    ``countries`` bounds the study area: borders between two of them, or all borders of a
    single one. ``posts`` names places of official crossings, so that crossings farther than
    ``post_reach_km`` from any are told apart. ``max_segments`` and ``permutations`` are for
    ``method = "scan"``, ``bandwidth_km`` for "kernel", ``factor`` and ``neighbours_km`` for
    "empirical_bayes".
    """

    kind: Literal["border_hotspots"]
    countries: tuple[str, ...] = ()
    segment_km: Positive = 10
    min_excursion_m: float = Field(1000, ge=0, allow_inf_nan=False)
    evidence: Literal["crossings", "seizures", "both"] = "both"
    weights: EvidenceWeights = EvidenceWeights()
    reach_km: Positive = 10
    effort: Effort | None = None
    posts: str | None = None
    post_reach_km: Positive = 5
    method: Literal["scan", "kernel", "empirical_bayes", "poisson"] = "scan"
    max_segments: int = Field(20, ge=1)
    permutations: int = Field(999, ge=9)
    bandwidth_km: Positive = 25
    factor: float = Field(1.5, gt=1, allow_inf_nan=False)
    neighbours_km: Positive | None = None
    step: Literal["year", "quarter", "month", "week"] | None = "month"
    alpha: Share = 0.05
    correction: Correction = "bh"
    seed: int = Field(0, ge=0)

    @field_validator("countries")
    @classmethod
    def _codes(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        bad = [code for code in value if not (len(code) == 3 and code.isalpha())]
        if bad:
            raise ValueError(f"{', '.join(bad)}: countries are ISO 3166-1 alpha-3 codes (COL)")
        return tuple(code.upper() for code in value)

    def needs(self) -> Iterator[Need]:  # noqa: D102 - as in Analysis
        yield Need("kind", "routes", ("layer",), ("geometry",))
        if self.evidence != "crossings":
            yield Need("evidence", "seizures", ("layer",), ("geometry",))
        if self.effort is not None:
            yield Need("effort", "interventions", ("layer",), ("geometry", "starts_on", "ends_on"))
        if self.posts is not None:
            yield Need("posts", self.posts, ("places",))


class Corridors(Analysis):
    """Reported routes gathered into cells: mass, number of routes and sources."""

    kind: Literal["corridors"]
    cell_km: Positive = 10
    min_sources: int = Field(1, ge=1)

    def needs(self) -> Iterator[Need]:  # noqa: D102 - as in Analysis
        yield Need("kind", "routes", ("layer",), ("geometry",))


class LeastCostCorridors(Analysis):
    """Where moving from origins to destinations costs little more than the least."""

    kind: Literal["least_cost_corridors"]
    friction: str
    origins: tuple[Place, ...] = Field(min_length=1)
    destinations: tuple[Place, ...] = Field(min_length=1)
    tolerances: tuple[Positive, ...] = (0.01, 0.05, 0.10)
    neighbours: Literal[8, 16] = 16
    pairs: Literal["all", "nearest"] = "all"

    def needs(self) -> Iterator[Need]:  # noqa: D102 - as in Analysis
        yield Need("friction", self.friction, ("raster",))


class Zonal(Analysis):
    """Sums of a raster in areas."""

    kind: Literal["zonal"]
    zones: str
    raster: str
    stats: tuple[Stat, ...] = ("sum", "mean", "count")

    def needs(self) -> Iterator[Need]:  # noqa: D102 - as in Analysis
        yield Need("zones", self.zones, ("places", "layer"), ("geometry",))
        yield Need("raster", self.raster, ("raster",))


AnyAnalysis = Annotated[
    Hotspots
    | BorderHotspots
    | Corridors
    | LeastCostCorridors
    | Coverage
    | Siting
    | CultivationChange
    | ComparePeriods
    | Zonal,
    Field(discriminator="kind"),
]
