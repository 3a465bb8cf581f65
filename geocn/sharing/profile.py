"""What one partner may see: a release profile, written down in a TOML file."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from datetime import date
from typing import Annotated, Any

import pandas as pd
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator

from geocn._typing import StrPath
from geocn.errors import ParameterError
from geocn.schema import LAYERS
from geocn.sharing.label import classification_rank
from geocn.sharing.marking import Marking
from geocn.sharing.rules import Derived, Dominance, LayerRule, Protected
from geocn.sharing.toml_model import Location, read_model

__all__ = ["LayerRule", "MarkingField", "ReleaseProfile", "unknown_columns", "unknown_names"]

Fault = tuple[Location, str]


def _parse_marking(value: Any) -> Marking:
    if not isinstance(value, (str, Marking)):
        raise ValueError("a marking is text such as 'TLP:AMBER'")
    try:
        return Marking.parse(value)
    except ParameterError as error:
        raise ValueError(str(error)) from error


#: A TLP marking in a pydantic model, in any spelling.
MarkingField = Annotated[Marking, BeforeValidator(_parse_marking)]


class ReleaseProfile(BaseModel):
    """The written rule of what one partner gets. What it does not name stays.

    Parameters
    ----------
    partner : str
        Name that a row's ``releasable_to`` must hold.
    max_marking : Marking
        Rows above it are withheld.
    classification : str, optional
        Highest national classification of a row that may leave; by default rows with one
        above UNCLASSIFIED stay.
    layers : dict of str to LayerRule
        The layers and, of each, the columns that may leave and how coarse. The marking of
        a row always travels with it, as does the precision of a place or a date that
        leaves; everything else, the geometry too, must be named.
    rasters : tuple of str
        Names of the rasters that may leave.
    protected : tuple of Protected
        Places near which nothing is exact. Sites of care and schools are made coarser
        without being named here (:data:`geocn.sharing.rules.PROTECTED_KINDS`).
    exact_sites : tuple of str
        Kinds of protected interventions that may be exact all the same.
    min_count : int, optional
        Counts from 1 to below it are held back, in results and in coarsened layers.
    dominance : Dominance, optional
        Sums that few contributors make up are held back.
    derived : tuple of Derived
        Analyses that are released although withheld data went into them.
    expires_on : date, optional
        Last day of the profile.
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
    ...     layers={"seizures": {"columns": ["drug", "geometry"], "grid_km": 25}},
    ... )
    >>> profile.layers["seizures"].columns
    ('drug', 'geometry')
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    partner: str = Field(min_length=1)
    max_marking: MarkingField
    classification: str | None = None
    layers: dict[str, LayerRule] = {}
    rasters: tuple[str, ...] = ()
    protected: tuple[Protected, ...] = ()
    exact_sites: tuple[str, ...] = ()
    min_count: int | None = Field(None, ge=2, le=1_000_000)
    dominance: Dominance | None = None
    derived: tuple[Derived, ...] = ()
    expires_on: date | None = None
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

    @field_validator("classification")
    @classmethod
    def _known_classification(cls, value: str | None) -> str | None:
        if value is not None:
            try:
                classification_rank(value)
            except ParameterError as error:
                raise ValueError(str(error)) from error
        return value

    @classmethod
    def read(
        cls,
        path: StrPath,
        *,
        known: Mapping[str, Collection[str]] | None = None,
        layers: Mapping[str, pd.DataFrame] | None = None,
    ) -> ReleaseProfile:
        """Read a profile from a TOML file.

        Parameters
        ----------
        path : path
            The file.
        known : mapping, optional
            The names that there are, under ``layers``, ``rasters``, ``places`` and
            ``analyses``; a profile that names others is wrong.
        layers : mapping of str to DataFrame, optional
            The layers themselves; a profile that names columns they do not have is wrong.

        Raises
        ------
        ProjectError
            Where the file cannot be read, allows nothing, or names what is not there; the
            message names file, line and key.
        """

        def check(profile: ReleaseProfile) -> Iterator[Fault]:
            yield from _allows_nothing(profile)
            yield from unknown_names(profile, known or {})
            yield from unknown_columns(profile, layers or {})

        return read_model(path, cls, check=check)


def _allows_nothing(profile: ReleaseProfile) -> Iterator[Fault]:
    if not profile.layers and not profile.rasters:
        yield (), "the profile allows nothing: name a layer and its columns under [layers]"
    for name, rule in profile.layers.items():
        if not rule.columns:
            yield ("layers", name), f"allows no column of {name}; list them, or leave it out"


def unknown_names(profile: ReleaseProfile, known: Mapping[str, Collection[str]]) -> Iterator[Fault]:
    """Yield each name in ``profile`` that ``known`` lacks, with the place of its key."""
    named: list[tuple[Location, str, str]] = [
        *((("layers", name), "layers", name) for name in profile.layers),
        *((("rasters", i), "rasters", name) for i, name in enumerate(profile.rasters)),
        *((("derived", i, "analysis"), "analyses", d.analysis) for i, d in _numbered(profile)),
    ]
    for name, rule in profile.layers.items():
        if rule.admin is not None:
            named.append((("layers", name, "admin"), "places", rule.admin))
    for i, one in enumerate(profile.protected):
        if one.places is not None:
            named.append((("protected", i, "places"), "places", one.places))
    for at, what, name in named:
        if what in known and name not in known[what]:
            held = ", ".join(sorted(known[what])) or "none"
            yield at, f"the project has no {what} called {name!r}; there are: {held}"


def _numbered(profile: ReleaseProfile) -> Iterator[tuple[int, Derived]]:
    yield from enumerate(profile.derived)


def unknown_columns(profile: ReleaseProfile, layers: Mapping[str, pd.DataFrame]) -> Iterator[Fault]:
    """Yield each column in ``profile`` that neither schema nor layer has, with its key."""
    for name, rule in profile.layers.items():
        if name not in layers:
            continue
        there = {*layers[name].columns.astype(str), *LAYERS[name].names, "geometry"}
        for i, column in enumerate(rule.columns):
            if column not in there:
                yield ("layers", name, "columns", i), f"{name} has no column {column!r}"
        for column in rule.round_to:
            frame = layers[name]
            if column in frame and not _is_number(frame[column]):
                yield ("layers", name, "round_to", column), f"{column!r} holds no numbers"


def _is_number(values: pd.Series) -> bool:
    return pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values)
