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
from geocn.project.cache import Cache
from geocn.project.file import ProjectFile
from geocn.project.model import LayerFile
from geocn.project.paths import companions, is_pattern
from geocn.project.totals import held_against
from geocn.provenance import plain

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
class Reading:
    """What one file gave.

    Attributes
    ----------
    frame : GeoDataFrame
        Its rows, as a layer.
    account : dict
        Path, rows in, out and rejected by reason, what was assumed.
    rejects : str
        The CSV of its rejected rows; empty where there are none.
    """

    frame: gpd.GeoDataFrame
    account: dict[str, Any]
    rejects: str = ""


@dataclass
class Data:
    """Everything a run has read.

    Attributes
    ----------
    rasters, places : dict
        By name: rasters, and areas or gazetteers.
    readings : dict of str to list of Reading
        By layer, in the order of its files.
    files : list of dict
        One account a raster.
    cached : list of str
        Paths of files that were not read again.
    """

    rasters: dict[str, Any] = field(default_factory=dict)
    places: dict[str, gpd.GeoDataFrame] = field(default_factory=dict)
    readings: dict[str, list[Reading]] = field(default_factory=dict)
    files: list[dict[str, Any]] = field(default_factory=list)
    cached: list[str] = field(default_factory=list)


def read_all(
    source: ProjectFile,
    hashes: Mapping[str, str],
    *,
    as_of: date | None,
    rejects: Path | None,
    progress: Progress,
    cache: Cache | None = None,
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
        Folder for one CSV of rejected rows a file while they are read; None keeps none.
    progress : callable
        Told what is being read.
    cache : Cache, optional
        Files that were read before with the same options are taken from there.

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
        data.readings[layer] = []
        for number, file in enumerate(entries):
            progress(f"{layer}: {file.path}")
            reading, found = read_entry(
                source,
                layer,
                number,
                places=data.places.get(str(file.places)),
                hashes=hashes,
                as_of=as_of,
                rejects=rejects,
                cache=cache,
            )
            data.readings[layer].append(reading)
            if found:
                data.cached.append(reading.account["path"])
    _refuse_changes(source, hashes)
    return data


def read_entry(
    source: ProjectFile,
    layer: str,
    number: int,
    *,
    places: gpd.GeoDataFrame | None,
    hashes: Mapping[str, str],
    as_of: date | None,
    rejects: Path | None,
    cache: Cache | None = None,
) -> tuple[Reading, bool]:
    """Return what one file of a layer holds, and whether it stood in the cache.

    Parameters
    ----------
    source : ProjectFile
        The project.
    layer : str
        The layer.
    number : int
        Which of its files, from 0.
    places : GeoDataFrame, optional
        The places that its entry names.
    hashes : mapping of str to str
        SHA-256 of the inputs, as :func:`hash_inputs` gives them.
    as_of : date, optional
        Information cut-off.
    rejects : Path, optional
        Folder for its rejected rows while it is read. Without one nothing is kept.
    cache : Cache, optional
        Where what was read before stands. Another process may fill it by this function.

    Raises
    ------
    GeocnError
        As the reader of the layer does.
    """
    key = None
    if cache is not None:
        key = entry_key(
            source, layer, number, places=places, hashes=hashes, as_of=as_of, cache=cache
        )
        found = cache.get(key)
        if isinstance(found, Reading):
            return found, True
    file = source.project.layers[layer][number]
    target = None if rejects is None else rejects / rejects_name(source, layer, number)
    made = _read_file(source, layer, file, places, as_of=as_of, rejects=target)
    if cache is not None and key is not None and rejects is not None:
        cache.put(key, made)
    return made, False


def entry_key(
    source: ProjectFile,
    layer: str,
    number: int,
    *,
    places: gpd.GeoDataFrame | None,
    hashes: Mapping[str, str],
    as_of: date | None,
    cache: Cache,
) -> str:
    """Name what :func:`read_entry` gives after all that decides it."""
    file = source.project.layers[layer][number]
    parts = {
        "layer": layer,
        "file": file.model_dump(mode="json", by_alias=True),
        "marking": str(file.marking) if file.marking else None,
        "rejects": rejects_name(source, layer, number),
        "inputs": {name: hashes.get(name) for name in entry_inputs(source, layer, number)},
        "places": None if places is None else cache.digest(places),
        "as_of": as_of,
    }
    return cache.key("read", parts)


def entry_inputs(source: ProjectFile, layer: str, number: int) -> list[str]:
    """Return the files that decide what an entry of a layer gives, as the manifest names them.

    Its places are not among them.
    """
    file = source.project.layers[layer][number]
    beside = [*companions(source.resolve(file.path))]
    if file.control_totals is not None:
        beside.append(source.resolve(file.control_totals.path))
    aliases = _aliases(source) if layer == "interventions" else None
    beside += [] if aliases is None else [aliases]
    return [source.shown(path) for path in sorted(beside)]


def _aliases(source: ProjectFile) -> Path | None:
    given = source.project.organisations
    return None if given is None else source.resolve(given.aliases)


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


def rejects_name(source: ProjectFile, layer: str, number: int) -> str:
    """Name the CSV of rejected rows of a file after its entry in the project file and itself."""
    path = Path(source.project.layers[layer][number].path)
    entry = source.numbers[layer][number]
    several = is_pattern(source.written.layers[layer][entry - 1].path)
    # Two files that one pattern finds may differ in their ending only.
    told = path.name if several and path.suffix != ".csv" else path.stem
    return f"{layer}-{entry:02d}-{safe_name(told)}.csv"


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
    places: gpd.GeoDataFrame | None,
    *,
    as_of: date | None,
    rejects: Path | None,
) -> Reading:
    reader = getattr(readers, f"read_{layer}")
    given = {name: getattr(file, name) for name in _OPTIONS}
    options = {name: value for name, value in given.items() if value is not None}
    if file.marking is not None:
        options["marking"] = str(file.marking)
    if file.places is not None:
        options["places"] = places
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
    rejected = ""
    if rejects is not None and rejects.is_file():
        if account.get("rows_rejected"):
            rejected = rejects.read_bytes().decode("utf-8")
        rejects.unlink()
    return Reading(_with_recipients(frame, file), account, rejected)


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
    # The folder of a run may lie in that of the project: the longer name first.
    folders = ([rejects.parent.parent] if rejects else []) + [source.path.parent]
    for one in caught:
        if issubclass(one.category, GeocnWarning):
            text = str(one.message)
            for folder in folders:
                text = text.replace(f"{folder}{os.sep}", "")
            notes.append(text)
        else:
            warnings.warn_explicit(one.message, one.category, one.filename, one.lineno)
