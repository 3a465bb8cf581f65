"""What every analysis of a project file is made of."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field

Name = Annotated[str, Field(pattern=r"^\w[\w .()-]{0,60}$")]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Share = Annotated[float, Field(gt=0, lt=1)]
Correction = Literal["bh", "by", "bonferroni", "none"]
Stat = Literal[
    "sum", "mean", "count", "variance", "stdev", "share_valid", "area_ha", "integral_ha",
    "integral_km2", "mean_by_area", "min", "max", "median", "majority", "minority", "variety",
]  # fmt: skip


class Strict(BaseModel):
    """A part of a project file: unknown keys are errors, values do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Place(Strict):
    """A named position in degrees: ``{ name = "Tumaco", longitude = -78.8, latitude = 1.8 }``."""

    name: str = Field(min_length=1)
    longitude: float = Field(ge=-180, le=180)
    latitude: float = Field(ge=-90, le=90)


class Need(NamedTuple):
    """A name that an analysis uses: the key it stands under, and what may bear it."""

    key: str
    name: str
    kinds: tuple[Literal["layer", "places", "raster", "analysis"], ...]
    columns: tuple[str, ...] = ()


class Analysis(Strict):
    """What every analysis has: a name, unique in the project."""

    name: Name
    description: str | None = None

    def needs(self) -> Iterator[Need]:
        """Yield what the analysis uses, so that what is missing is said before it runs."""
        yield from ()
