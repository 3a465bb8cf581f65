"""Layers, results and maps as files in a folder, with their catalogue and provenance."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd

from geocn import publish
from geocn.io.atomic import safe_name, sha256_file
from geocn.maps import PlanningMap
from geocn.project.looks import look_of
from geocn.project.model import Project
from geocn.project.results import Result, Results
from geocn.provenance import KEY
from geocn.publish import CatalogueEntry, Source, Step

#: The name of a map that asks for a passphrase.
ENCRYPTED_MAP = "map.encrypted.html"
#: The GeoPackage of all frames.
GEOPACKAGE = "layers.gpkg"
#: Files whose bytes may differ between runs of the same content: an encrypted map has its
#: random salt, and the sidecars state the sum of it.
UNSTABLE = (ENCRYPTED_MAP, "sidecar.json", "sidecar.xml")
_LAYERS, _RESULTS = "layers", "results"


@dataclass(frozen=True)
class Record:
    """What the catalogue and the provenance record tell beside the files themselves.

    Attributes
    ----------
    inputs : sequence of Source, optional
        Files that were read, with their hashes; by default the sources that the rows name,
        which is all that a release may tell.
    uses : mapping of str to sequence of str
        Names of layers that an analysis used, by its name.
    derived : sequence of mapping
        Analyses derived from withheld data: ``analysis``, ``approver`` and ``reason``.
    partner, approver : str, optional
        Of a release.
    language : str
        Of the legends of the GeoPackage.
    catalogue : bool
        Whether ``stac/`` and ``ro-crate-metadata.json`` are written.
    """

    inputs: Sequence[Source] | None = None
    uses: Mapping[str, Sequence[str]] = field(default_factory=dict)
    derived: Sequence[Mapping[str, Any]] = ()
    partner: str | None = None
    approver: str | None = None
    language: str = "en"
    catalogue: bool = True


def write_outputs(
    folder: Path,
    layers: Mapping[str, Any],
    results: Results,
    *,
    plan: PlanningMap | None,
    formats: Sequence[str],
    about: Mapping[str, Any],
    passphrase: str | None = None,
    record: Record | None = None,
) -> None:
    """Write layers and results into ``folder`` in the formats asked for.

    ``layers.gpkg`` holds all frames, styled for QGIS; ``layers.pmtiles`` the same as tiles of
    a web map; ``layers/`` and ``results/`` one file each a frame and format, and GeoTIFFs;
    ``map.html`` the map; ``stac/`` the catalogue and ``ro-crate-metadata.json`` the
    provenance of all of these.

    Parameters
    ----------
    folder : Path
        An existing folder.
    layers : mapping
        Layers by name.
    results : Results
        What the analyses gave.
    plan : PlanningMap or None
        The map.
    formats : sequence of {"gpkg", "parquet", "flatgeobuf", "csv", "geotiff", "pmtiles", "html"}
    about : mapping
        Title, marking and cut-off date; written into each file that can hold it.
    passphrase : str, optional
        Write the map alone, encrypted, as ``map.encrypted.html``: every other format would
        be readable beside it.
    record : Record, optional
        What else the catalogue and the provenance tell.
    """
    if passphrase is not None:
        if plan is not None:
            plan.save(folder / ENCRYPTED_MAP, passphrase=passphrase)
        return
    record = record or Record()
    parts = [*_parts_of_layers(layers, about), *_parts_of_results(results, about)]
    for part in parts:
        part.write(folder, formats)
    tables = [part for part in parts if isinstance(part.data, pd.DataFrame)]
    if "gpkg" in formats and tables:
        styles = {part.table: part.style(record.language) for part in tables}
        publish.write_geopackage(
            {part.table: part.data for part in tables},
            folder / GEOPACKAGE,
            metadata=about,
            styles={name: style for name, style in styles.items() if style is not None},
        )
        for part in tables:
            part.files["gpkg"] = folder / GEOPACKAGE
    if "pmtiles" in formats and tables:
        frames = {part.table: part.data for part in tables}
        publish.write_pmtiles(frames, folder / "layers.pmtiles", metadata=about)
    if "html" in formats and plan is not None:
        plan.save(folder / "map.html")
    if record.catalogue and about.get("as_of"):
        _catalogue(folder, parts, about, record)


def record_of(
    project: Project,
    *,
    files: Sequence[Mapping[str, Any]] = (),
    hashes: Mapping[str, str] | None = None,
    **release: Any,
) -> Record:
    """Return what a project tells of its outputs.

    Parameters
    ----------
    project : Project
        The project.
    files : sequence of mapping
        Accounts of the files that were read: path, source and marking.
    hashes : mapping of str to str, optional
        SHA-256 of every input by its path. Without it, as for a release, no input is named.
    **release
        ``partner``, ``approver`` and ``derived`` of a release.
    """
    known = {str(one.get("path")): one for one in files}
    inputs = None
    if hashes is not None:
        inputs = [
            Source(
                path,
                sha256=digest,
                marking=known.get(path, {}).get("marking"),
                partner=known.get(path, {}).get("source"),
            )
            for path, digest in sorted(hashes.items())
        ]
    uses = {one.name: [need.name for need in one.needs()] for one in project.analyses}
    return Record(
        inputs=inputs,
        uses=uses,
        language=project.outputs.language,
        catalogue=project.outputs.catalogue,
        **release,
    )


@dataclass
class _Part:
    """One frame or raster on its way into files."""

    name: str
    group: str
    data: Any
    kind: str | None
    suffix: str | None = None
    is_result: bool = True
    files: dict[str, Path] = field(default_factory=dict)

    @property
    def table(self) -> str:
        """Its name in the GeoPackage."""
        return f"result_{safe_name(self.name)}" if self.is_result else safe_name(self.name)

    def style(self, language: str) -> publish.LayerStyle | None:
        return look_of(self.data, kind=self.kind, part=self.suffix, language=language)

    def write(self, folder: Path, formats: Sequence[str]) -> None:
        stem = folder / (_RESULTS if self.is_result else _LAYERS) / safe_name(self.name)
        if not isinstance(self.data, pd.DataFrame):
            if "geotiff" in formats and self.is_result:
                target = _made(stem.with_name(f"{stem.name}.tif"))
                self.files["geotiff"] = publish.write_geotiff(self.data, target)
            return
        if "parquet" in formats:
            # The order of a layer's rows says nothing; that of a result may be its rank.
            order: Any = "kept" if self.is_result else "hilbert"
            target = _made(stem.with_name(f"{stem.name}.parquet"))
            self.files["parquet"] = publish.write_geoparquet(self.data, target, order=order)
        if "flatgeobuf" in formats and getattr(self.data, "active_geometry_name", None):
            target = _made(stem.with_name(f"{stem.name}.fgb"))
            self.files["flatgeobuf"] = publish.write_flatgeobuf(
                self.data, target, heights="all_or_none"
            )
        if "csv" in formats:
            target = _made(stem.with_name(f"{stem.name}.csv"))
            self.files["csv"] = publish.write_csv(self.data, target)


def _made(file: Path) -> Path:
    file.parent.mkdir(exist_ok=True)
    return file


def _parts_of_layers(layers: Mapping[str, Any], about: Mapping[str, Any]) -> Iterator[_Part]:
    for name, frame in layers.items():
        if isinstance(frame, pd.DataFrame):
            yield _Part(name, name, _labelled(frame, about), name, is_result=False)


def _parts_of_results(results: Results, about: Mapping[str, Any]) -> Iterator[_Part]:
    for result in results.done.values():
        for name, suffix, data in _named(result):
            yield _Part(name, result.name, _labelled(data, about), result.kind, suffix)


def _named(result: Result) -> Iterator[tuple[str, str | None, Any]]:
    yield result.name, None, result.frame
    for suffix, data in [*result.more.items(), *result.rasters.items()]:
        yield f"{result.name} {suffix}", suffix, data


def _labelled(data: Any, about: Mapping[str, Any]) -> Any:
    copy = data.copy(deep=False)
    copy.attrs = {**data.attrs, "about": dict(about)}
    return copy


def _catalogue(
    folder: Path, parts: Sequence[_Part], about: Mapping[str, Any], record: Record
) -> None:
    as_of, title = date.fromisoformat(str(about["as_of"])), str(about["title"])
    written = [part for part in parts if part.files]
    entries = [
        CatalogueEntry(
            part.name,
            f"{'result' if part.is_result else 'layer'} {part.group}",
            part.data,
            part.files,
            {"gpkg": f"table {part.table}"},
        )
        for part in written
    ]
    page = folder / "map.html"
    links = {"Map": page} if page.exists() else {}
    publish.write_stac(entries, folder / "stac", title=title, as_of=as_of, links=links)
    publish.write_provenance(
        folder,
        title=title,
        as_of=as_of,
        marking=str(about["marking"]),
        sources=_sources(written) if record.inputs is None else record.inputs,
        steps=list(_steps(written, record)),
        partner=record.partner,
        approver=record.approver,
    )


def _sources(parts: Sequence[_Part]) -> list[Source]:
    layers = [part.data for part in parts if not part.is_result and "source" in part.data]
    return [Source(name) for name in sorted({str(s) for f in layers for s in f["source"].dropna()})]


def _steps(parts: Sequence[_Part], record: Record) -> Iterator[Step]:
    layers = {part.name: tuple(part.files.values()) for part in parts if not part.is_result}
    approved = {str(one["analysis"]): one for one in record.derived}
    for name in dict.fromkeys(part.group for part in parts if part.is_result):
        members = [part for part in parts if part.is_result and part.group == name]
        made = dict(members[0].data.attrs.get(KEY, {}))
        made.pop("versions", None)
        used = [file for layer in record.uses.get(name, ()) for file in layers.get(layer, ())]
        yield Step(
            name,
            method=made.pop("method", None),
            parameters=made,
            uses=list(dict.fromkeys(used)),
            gives=list(dict.fromkeys(file for part in members for file in part.files.values())),
            approver=approved.get(name, {}).get("approver"),
            reason=approved.get(name, {}).get("reason"),
        )


def frames_of(results: Results) -> Iterator[tuple[str, pd.DataFrame]]:
    """Yield every frame of the results by the name that its file bears."""
    for result in results.done.values():
        for name, _, data in _named(result):
            if isinstance(data, pd.DataFrame):
                yield name, data


def hashes_of(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of every file below ``folder`` by its path from there, sorted."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): sha256_file(path) for path in files}


def stable(hashes: Mapping[str, str]) -> dict[str, str | None]:
    """Return ``hashes`` with null for files whose bytes are not promised."""
    return {name: None if name.endswith(UNSTABLE) else digest for name, digest in hashes.items()}
