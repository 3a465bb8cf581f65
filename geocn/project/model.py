"""The project file: what it may say, and what fits together."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, field_validator, model_validator

from geocn.project.analyses import AnyAnalysis
from geocn.project.analysis import Name, Strict
from geocn.schema import LAYERS
from geocn.sharing.marking import Marking
from geocn.sharing.profile import MarkingField

Format = Literal["gpkg", "parquet", "flatgeobuf", "csv", "geotiff", "pmtiles", "html"]
#: Kinds of analyses whose cells or segments can be compared with those of a period before.
COMPARABLE = ("hotspots", "border_hotspots")
FORMATS: tuple[Format, ...] = ("gpkg", "parquet", "geotiff", "html")


def _as_list(value: Any) -> Any:
    return [part.strip() for part in value.split(";")] if isinstance(value, str) else value


Partners = Annotated[tuple[str, ...], BeforeValidator(_as_list)]


class Gap(Strict):
    """Days on which a source says that it did not report."""

    start: date = Field(alias="from")
    end: date = Field(alias="to")
    why: str = ""

    @model_validator(mode="after")
    def _forwards(self) -> Gap:
        if self.end < self.start:
            raise ValueError("a gap's `to` lies before its `from`")
        return self


class ControlTotals(Strict):
    """Published totals that a file's sums are held against: what is off is reported."""

    path: str = Field(min_length=1)
    published: str = Field(min_length=1)
    key: str = "year"
    value: str = "area_ha"
    tolerance: float = Field(0.001, ge=0, lt=1)


class LayerFile(Strict):
    """One partner's file of a layer, and how to read it.

    Every key but the first block is the option of the same name of ``geocn.read_…``. The
    ``path`` may be a pattern such as ``partners/seizures-*.csv``: every file that it finds is
    read, in the order of their names. That there is none is a fault unless ``optional`` is
    set; for annotations it never is, since no notes may have come back yet.
    """

    path: str = Field(min_length=1)
    optional: bool = False
    source: str | None = None
    marking: MarkingField | None = None
    reliability: Literal["A", "B", "C", "D", "E", "F"] | None = None
    releasable_to: Partners = ()
    declared_gaps: tuple[Gap, ...] = ()
    places: str | None = None
    control_totals: ControlTotals | None = None

    fields: dict[str, str] | None = None
    units: str | dict[str, str] | None = None
    crs: str | int | None = None
    date_order: Literal["dmy", "mdy", "ymd"] | None = None
    timezone: str | None = None
    encoding: str | None = None
    delimiter: str | None = None
    decimal: str | None = None
    thousands: str | None = None
    sheet: str | int | None = None
    layer: str | None = None
    member: str | None = None
    country: str | None = None
    min_score: float | None = Field(None, gt=0, le=100)
    crop: str | None = None
    maps: tuple[str, ...] | None = None
    on_invalid: Literal["warn", "raise"] = "warn"


class PlacesFile(Strict):
    """Areas or a gazetteer: the file, and which of its columns holds what.

    ``longitude`` and ``latitude`` name the columns of a plain table; a vector file brings
    its own geometry. ``columns`` are kept beside, for use as an exposure.
    """

    path: str = Field(min_length=1)
    code: str | None = None
    name: str = "name"
    parent: str | None = None
    country: str | None = None
    longitude: str = "longitude"
    latitude: str = "latitude"
    columns: tuple[str, ...] = ()
    layer: str | None = None
    crs: str | int | None = None


class RasterFile(Strict):
    """A raster that analyses use by name."""

    path: str = Field(min_length=1)
    source: str | None = None
    marking: MarkingField | None = None
    band: int | None = Field(None, ge=1)
    nodata: float | None = None
    crs: str | int | None = None


class Organisations(Strict):
    """What a person has confirmed about the names of partners: a table of aliases."""

    aliases: str = Field(min_length=1)


class Scan(Strict):
    """Whether a release is scanned for withheld data: always, but for a reason on record."""

    skip: str | None = Field(default=None, min_length=3)


class ReleaseEntry(Strict):
    """One partner's release: its name, its profile file, folders of its earlier releases.

    ``passphrase_env`` names the environment variable that holds the passphrase of an
    encrypted release; the passphrase itself never stands in a file. Such a release is its
    encrypted map alone: the other formats would be readable beside it. Every release is
    scanned for withheld data before the run appears; ``scan = { skip = "why" }`` leaves it
    out, and the manifest says so.
    """

    name: Name
    profile: str = Field(min_length=1)
    earlier: tuple[str, ...] = ()
    passphrase_env: str | None = Field(default=None, pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")
    scan: Scan = Scan()


class Outputs(Strict):
    """Where the results go, and in which formats.

    ``catalogue`` adds a STAC catalogue and a provenance record of the files.
    """

    folder: str = "out"
    formats: tuple[Format, ...] = FORMATS
    catalogue: bool = True
    language: Literal["en", "es", "fr", "pt", "ar"] = "en"


class ChangesEntry(Strict):
    """What a run tells of changes since the period before.

    ``every`` is the length of the periods of a run that is asked for none: the last whole
    one before the cut-off is compared with the one before it. ``analyses`` names hotspots
    and border hotspots; by default all of them.
    """

    every: Literal["month", "quarter", "year"] = "month"
    analyses: tuple[str, ...] | None = None
    skip: bool = False


class CacheLimits(Strict):
    """What is kept of earlier work: how long (in runs since its last use), and how much."""

    keep_runs: int = Field(default=100, ge=1)
    max_mb: float = Field(default=4000, gt=0, allow_inf_nan=False)


class Project(Strict):
    """A whole run: layers, places, rasters, analyses, releases and outputs.

    ``marking`` labels what the project itself writes (at least as high as the highest of
    the data); it never stands in for a missing label in a file. ``limits`` stand on the
    joint map and on that of every release whose profile has no ``limits`` of its own.
    """

    title: str = Field(min_length=1, max_length=200)
    as_of: date | None = None
    marking: MarkingField | None = None
    author: str | None = None
    limits: tuple[str, ...] = ()
    layers: dict[str, tuple[LayerFile, ...]] = Field(default_factory=dict)
    places: dict[str, PlacesFile] = Field(default_factory=dict)
    rasters: dict[str, RasterFile] = Field(default_factory=dict)
    organisations: Organisations | None = None
    analyses: tuple[AnyAnalysis, ...] = ()
    changes: ChangesEntry = ChangesEntry()
    releases: tuple[ReleaseEntry, ...] = ()
    outputs: Outputs = Outputs()
    cache: CacheLimits = CacheLimits()

    @field_validator("layers")
    @classmethod
    def _layers_exist(cls, value: dict[str, Any]) -> dict[str, Any]:
        unknown = sorted(set(value) - set(LAYERS))
        if unknown:
            raise ValueError(f"no such layer: {', '.join(unknown)}; choose of {', '.join(LAYERS)}")
        return value

    @property
    def label(self) -> Marking:
        """The least marking of what the project writes."""
        return self.marking or Marking.CLEAR


Fault = tuple[tuple[str | int, ...], str]


def faults_of(project: Project) -> Iterator[Fault]:
    """Yield what does not fit together, each with the place of its key in the file."""
    if not project.layers:
        yield (), "a project needs at least one [[layers.…]]"
    if project.organisations is not None and "interventions" not in project.layers:
        yield ("organisations",), "aliases are for the partners of interventions; there are none"
    yield from _unknown_places(project)
    yield from _unknown_references(project)
    for number, name in enumerate(project.changes.analyses or ()):
        known = [one.name for one in project.analyses if one.kind in COMPARABLE]
        if name not in known:
            yield ("changes", "analyses", number), _no_such(" or ".join(COMPARABLE), name, known)
    yield from _same_names(project, "analyses")
    yield from _same_names(project, "releases")
    for number, release in enumerate(project.releases):
        if release.passphrase_env and "html" not in project.outputs.formats:
            at = ("releases", number, "passphrase_env")
            yield at, "only a map can be encrypted: add html to formats of [outputs]"
    for name in sorted(set(project.rasters) & set(LAYERS)):
        yield ("rasters", name), "a raster cannot bear the name of a layer"


def _unknown_places(project: Project) -> Iterator[Fault]:
    for layer, files in project.layers.items():
        for number, file in enumerate(files):
            if file.crop is not None and layer != "cultivation":
                yield ("layers", layer, number, "crop"), "`crop` is a key of cultivation only"
            if file.maps is not None and layer != "annotations":
                yield ("layers", layer, number, "maps"), "`maps` is a key of annotations only"
            if file.places is not None and file.places not in project.places:
                at = ("layers", layer, number, "places")
                yield at, _no_such("places", file.places, project.places)


def _unknown_references(project: Project) -> Iterator[Fault]:
    known = {
        "layer": list(project.layers),
        "places": list(project.places),
        "raster": list(project.rasters),
        "analysis": list[str](),
    }
    for number, one in enumerate(project.analyses):
        exposure, areas = getattr(one, "exposure", None), getattr(one, "areas", None)
        if exposure and areas in project.places and exposure not in project.places[areas].columns:
            held = project.places[areas].columns
            yield ("analyses", number, "exposure"), _no_such(f"columns of {areas}", exposure, held)
        for need in one.needs():
            there = [name for kind in need.kinds for name in known[kind]]
            if need.name not in there:
                at = ("analyses", number, need.key)
                yield at, _no_such(" or ".join(need.kinds), need.name, there)
        known["analysis"].append(one.name)


def _no_such(what: str, name: str, known: Any) -> str:
    there_are = f"there are {', '.join(known)}" if known else "there are none"
    return f"no {what} is called {name!r}; {there_are}"


def _same_names(project: Project, key: str) -> Iterator[Fault]:
    seen: set[str] = set()
    for number, one in enumerate(getattr(project, key)):
        if one.name.casefold() in seen:
            yield (key, number, "name"), f"the name {one.name!r} stands twice"
        seen.add(one.name.casefold())
