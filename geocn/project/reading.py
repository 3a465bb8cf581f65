"""From the partners' files to one joint layer each, with an account of every file."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import geopandas as gpd

from geocn import layers as readers
from geocn.errors import GeocnWarning, RasterError, ReadError
from geocn.io.atomic import safe_name, sha256_file
from geocn.project.file import ProjectFile
from geocn.project.model import LayerFile
from geocn.project.totals import held_against
from geocn.provenance import KEY, plain
from geocn.schema import layer_schema

Progress = Callable[[str], None]

# Keys of a file's entry that are options of the readers, by the same name.
_OPTIONS = (
    "fields",
    "units",
    "crs",
    "date_order",
    "timezone",
    "encoding",
    "delimiter",
    "decimal",
    "thousands",
    "sheet",
    "layer",
    "member",
    "source",
    "reliability",
    "on_invalid",
    "country",
    "min_score",
    "crop",
    "maps",
)


@dataclass
class Data:
    """Everything a run has read.

    Attributes
    ----------
    layers, rasters, places : dict
        By name: joint layers, rasters, and areas or gazetteers.
    files : list of dict
        One account a file: path, rows in, out and rejected by reason, what was assumed.
    """

    layers: dict[str, gpd.GeoDataFrame] = field(default_factory=dict)
    rasters: dict[str, Any] = field(default_factory=dict)
    places: dict[str, gpd.GeoDataFrame] = field(default_factory=dict)
    files: list[dict[str, Any]] = field(default_factory=list)


def read_all(
    source: ProjectFile,
    hashes: Mapping[str, str],
    *,
    as_of: date | None,
    rejects: Path | None,
    progress: Progress,
) -> Data:
    """Read every input of a project.

    Parameters
    ----------
    source : ProjectFile
        The project.
    hashes : mapping of str to str
        What :func:`hash_inputs` gave before; an input that differs afterwards is refused.
    as_of : date, optional
        Information cut-off; events after it are in the future.
    rejects : Path, optional
        Folder that gets one CSV of rejected rows a file; None writes nothing.
    progress : callable
        Told what is being read.

    Raises
    ------
    GeocnError
        As the readers do; and ReadError where a file changed while it was read.
    """
    data = Data()
    for name, entry in source.project.places.items():
        progress(f"places {name}")
        data.places[name] = readers.read_places(
            source.resolve(entry.path), **entry.model_dump(exclude={"path"})
        )
    for name, raster in source.project.rasters.items():
        progress(f"raster {name}")
        data.rasters[name] = _read_raster(source, name, data)
        data.rasters[name].attrs["marking"] = str(raster.marking) if raster.marking else None
    for layer, entries in source.project.layers.items():
        frames = []
        for number, file in enumerate(entries, start=1):
            progress(f"{layer}: {file.path}")
            target = _rejects_file(rejects, layer, number, file.path)
            frames.append(_read_file(source, layer, file, data, as_of=as_of, rejects=target))
        kind = layer_schema(layer).name
        aliases = _aliases(source) if kind == "interventions" else None
        joint = readers.merge_layers(frames, layer=kind, organisations=aliases)
        # pandas copies attrs with every column it touches; the accounts are kept in data.files.
        joint.attrs.get(KEY, {}).pop("files", None)
        data.layers[layer] = joint
    if "annotations" in data.layers:
        _join_notes(source, data)
    if "interventions" in data.layers:
        _join_partners(source, data)
    _refuse_changes(source, hashes)
    return data


def _aliases(source: ProjectFile) -> Path | None:
    given = source.project.organisations
    return None if given is None else source.resolve(given.aliases)


def _join_partners(source: ProjectFile, data: Data) -> None:
    """Account for partners that several files spelled differently."""
    said = data.layers["interventions"].attrs.get(KEY, {})
    told, changed = said.pop("organisations", None), said.pop("rows_renamed_across_files", 0)
    aliases = _aliases(source)
    if told is None or (aliases is None and not changed):
        return
    account: dict[str, Any] = {"path": source.shown(aliases or source.path)}
    account |= {"organisations": told, "rows_renamed_across_files": changed, "warnings": []}
    if told["n_suggested"]:
        account["warnings"].append(
            f"{told['n_suggested']} names of partners may mean another organisation; "
            "geocn inspect FILE --as interventions --suggest-aliases CSV lists them to confirm"
        )
    data.files.append(account)


def _join_notes(source: ProjectFile, data: Data) -> None:
    """Count a note that several files hold once, in its latest wording, and account for it."""
    before = data.layers["annotations"]
    joint = readers.latest_notes(before)
    report = joint.attrs.get(KEY, {})
    # Earlier wordings stand in the account alone: attrs go into the files of the layer.
    earlier = report.pop("superseded_notes", [])
    repeated = report.pop("repeated_notes", 0)
    data.layers["annotations"] = joint
    if len(joint) < len(before):
        data.files.append(
            {
                "path": source.shown(source.path),
                "notes": len(joint),
                "repeated_notes": repeated,
                "superseded_notes": earlier,
                "warnings": [],
            }
        )


def hash_inputs(source: ProjectFile) -> dict[str, str]:
    """Return the SHA-256 of every input, by its path from the project's folder."""
    try:
        return {source.shown(path): sha256_file(path) for path in source.inputs()}
    except OSError as error:
        raise ReadError(f"{error.filename}: cannot be read: {error.strerror}.") from error


def _refuse_changes(source: ProjectFile, before: Mapping[str, str]) -> None:
    after = hash_inputs(source)
    changed = sorted(path for path in {*before, *after} if before.get(path) != after.get(path))
    if changed:
        names = ", ".join(changed[:3])
        raise ReadError(f"{names}: changed while being read. Run again when the file is at rest.")


def _rejects_file(folder: Path | None, layer: str, number: int, path: str) -> Path | None:
    if folder is None:
        return None
    return folder / f"{layer}-{number:02d}-{safe_name(Path(path).stem)}.csv"


def _read_raster(source: ProjectFile, name: str, data: Data) -> Any:
    entry = source.project.rasters[name]
    with _collected(source) as notes:
        raster = readers.read_raster(
            source.resolve(entry.path), crs=entry.crs, band=entry.band, nodata=entry.nodata
        )
    account: dict[str, Any] = {"raster": name, "path": source.shown(source.resolve(entry.path))}
    account |= {"source": entry.source, "cells": int(raster.size), "warnings": notes}
    data.files.append(account)
    return raster


def _read_file(
    source: ProjectFile,
    layer: str,
    file: LayerFile,
    data: Data,
    *,
    as_of: date | None,
    rejects: Path | None,
) -> gpd.GeoDataFrame:
    reader = getattr(readers, f"read_{layer}")
    given = {name: getattr(file, name) for name in _OPTIONS}
    options = {name: value for name, value in given.items() if value is not None}
    if file.marking is not None:
        options["marking"] = str(file.marking)
    if file.places is not None:
        options["places"] = data.places[file.places]
    if layer == "interventions":
        options["organisations"] = _aliases(source)
    path = source.resolve(file.path)
    with _collected(source, rejects) as notes:
        frame = reader(path, as_of=as_of, rejects=rejects, **options)
    if not isinstance(frame, gpd.GeoDataFrame):
        raise RasterError(
            f"{layer} ({path.name})",
            found="a raster",
            expected="a table or vector file",
            repair="List rasters under [rasters.…] of the project file.",
        )
    account = _account(source, layer, file, frame, notes)
    if file.control_totals is not None:
        totals = source.resolve(file.control_totals.path)
        account["control_totals"], told = held_against(frame, totals, file.control_totals)
        account["warnings"] += told
    data.files.append(account)
    if rejects is not None and not account.get("rows_rejected"):
        rejects.unlink(missing_ok=True)
    return _with_recipients(frame, file)


def _with_recipients(frame: gpd.GeoDataFrame, file: LayerFile) -> gpd.GeoDataFrame:
    """Give rows that name no recipient those of their file."""
    if not file.releasable_to:
        return frame
    named = frame["releasable_to"]
    said = named.where(named.notna() & (named.str.strip() != ""), ";".join(file.releasable_to))
    return frame.assign(releasable_to=said.astype("str"))


def _account(
    source: ProjectFile, layer: str, file: LayerFile, frame: gpd.GeoDataFrame, notes: list[str]
) -> dict[str, Any]:
    report = dict(frame.attrs.get("geocn", {}))
    report.pop("versions", None)
    report["path"] = source.shown(source.resolve(file.path))
    report |= {"layer": layer, "source": file.source, "warnings": notes}
    report["reliability"] = file.reliability
    report["marking"] = str(file.marking) if file.marking else None
    gaps = [gap.model_dump(mode="json", by_alias=True) for gap in file.declared_gaps]
    report["declared_gaps"] = gaps
    report["rows_without_geometry"] = int(frame.geometry.isna().sum())
    cleaned: dict[str, Any] = plain(report)
    return cleaned


@contextmanager
def _collected(source: ProjectFile, rejects: Path | None = None) -> Iterator[list[str]]:
    """Collect the warnings of geocn as text without this machine's folders; pass on others."""
    notes: list[str] = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield notes
    folders = [source.path.parent] + ([rejects.parent.parent] if rejects else [])
    for one in caught:
        if issubclass(one.category, GeocnWarning):
            text = str(one.message)
            for folder in folders:
                text = text.replace(f"{folder}{os.sep}", "")
            notes.append(text)
        else:
            warnings.warn_explicit(one.message, one.category, one.filename, one.lineno)
