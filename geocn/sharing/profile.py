"""What one partner may see: a release profile, written down in a TOML file."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator

from geocn._typing import StrPath
from geocn.errors import ParameterError
from geocn.schema import LAYERS
from geocn.sharing.marking import Marking
from geocn.sharing.toml_model import read_model


def _parse_marking(value: Any) -> Marking:
    if not isinstance(value, (str, Marking)):
        raise ValueError("a marking is text such as 'TLP:AMBER'")
    try:
        return Marking.parse(value)
    except ParameterError as error:
        raise ValueError(str(error)) from error


#: A TLP marking in a pydantic model, in any spelling.
MarkingField = Annotated[Marking, BeforeValidator(_parse_marking)]


class LayerRule(BaseModel):
    """The columns of one layer that may leave; ``geometry`` counts as a column."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    columns: tuple[str, ...] = ()


class ReleaseProfile(BaseModel):
    """The written rule of what one partner gets. What it does not name stays.

    Parameters
    ----------
    partner : str
        Name that a row's ``releasable_to`` must hold.
    max_marking : Marking
        Rows above it are withheld.
    layers : dict of str to LayerRule
        The layers and, of each, the columns that may leave. The marking of a row always
        travels with it, as does the precision of a place or a date that leaves;
        everything else, the geometry too, must be named.
    rasters : tuple of str
        Names of the rasters that may leave.
    title : str, optional
        Title of the release, for its map.
    approver : str, optional
        Who answers for the profile.
    limits : tuple of str, optional
        What the release's map says of its limits, in place of the project's own words.

    Example
    -------
    >>> profile = ReleaseProfile(
    ...     partner="ngo",
    ...     max_marking="TLP:GREEN",
    ...     layers={"seizures": {"columns": ["drug", "geometry"]}},
    ... )
    >>> profile.layers["seizures"].columns
    ('drug', 'geometry')
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    partner: str = Field(min_length=1)
    max_marking: MarkingField
    layers: dict[str, LayerRule] = {}
    rasters: tuple[str, ...] = ()
    title: str | None = None
    approver: str | None = None
    limits: tuple[str, ...] | None = None

    @field_validator("layers", mode="before")
    @classmethod
    def _plain_lists(cls, value: Any) -> Any:
        """Accept ``seizures = ["drug"]`` beside ``[layers.seizures]`` with ``columns``."""
        if not isinstance(value, dict):
            return value
        return {k: {"columns": v} if isinstance(v, (list, tuple)) else v for k, v in value.items()}

    @field_validator("layers")
    @classmethod
    def _known_layers(cls, value: dict[str, LayerRule]) -> dict[str, LayerRule]:
        unknown = sorted(set(value) - set(LAYERS))
        if unknown:
            names = ", ".join(LAYERS)
            raise ValueError(f"no such layer: {', '.join(unknown)}; there are {names}")
        return value

    @field_validator("partner")
    @classmethod
    def _one_partner(cls, value: str) -> str:
        if ";" in value or not value.strip():
            raise ValueError("a profile is for one partner; ';' separates partners in a row")
        return value.strip()

    @classmethod
    def read(cls, path: StrPath) -> ReleaseProfile:
        """Read a profile from a TOML file.

        Raises
        ------
        ProjectError
            Where the file cannot be read; the message names file, line and key.
        """
        return read_model(path, cls)
