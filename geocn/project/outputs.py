"""Layers, results and maps as files in a folder."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from geocn import publish
from geocn.io.atomic import safe_name, sha256_file
from geocn.maps import PlanningMap
from geocn.project.results import Results

#: The name of a map that asks for a passphrase.
ENCRYPTED_MAP = "map.encrypted.html"
#: Files whose bytes may differ between runs of the same content: a GeoPackage has its own
#: clock, an encrypted map its random salt, and the sidecars state the sums of both.
UNSTABLE = (".gpkg", ENCRYPTED_MAP, "sidecar.json", "sidecar.xml")


def write_outputs(
    folder: Path,
    layers: Mapping[str, Any],
    results: Results,
    *,
    plan: PlanningMap | None,
    formats: Sequence[str],
    about: Mapping[str, Any],
    passphrase: str | None = None,
) -> None:
    """Write layers and results into ``folder`` in the formats asked for.

    ``layers.gpkg`` holds all frames; ``layers/`` and ``results/`` one GeoParquet or
    GeoTIFF each; ``map.html`` the map.

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
    formats : sequence of {"gpkg", "parquet", "geotiff", "html"}
    about : mapping
        Title, marking and cut-off date; written into the GeoPackage and each frame.
    passphrase : str, optional
        Write the map alone, encrypted, as ``map.encrypted.html``: every other format would
        be readable beside it.
    """
    if passphrase is not None:
        if plan is not None:
            plan.save(folder / ENCRYPTED_MAP, passphrase=passphrase)
        return
    frames = {name: frame for name, frame in layers.items() if isinstance(frame, pd.DataFrame)}
    derived = dict(frames_of(results))
    if "parquet" in formats:
        for part, members in (("layers", frames), ("results", derived)):
            for name, frame in members.items():
                target = _made(folder / part) / f"{safe_name(name)}.parquet"
                publish.write_geoparquet(_labelled(frame, about), target)
    if "gpkg" in formats and (frames or derived):
        named = {safe_name(name): _labelled(frame, about) for name, frame in frames.items()}
        named |= {f"result_{safe_name(n)}": _labelled(f, about) for n, f in derived.items()}
        publish.write_geopackage(named, folder / "layers.gpkg", metadata=about)
    if "geotiff" in formats:
        for name, raster in _rasters_of(results):
            target = _made(folder / "results") / f"{safe_name(name)}.tif"
            publish.write_geotiff(raster, target)
    if "html" in formats and plan is not None:
        plan.save(folder / "map.html")


def _made(folder: Path) -> Path:
    folder.mkdir(exist_ok=True)
    return folder


def frames_of(results: Results) -> Iterator[tuple[str, pd.DataFrame]]:
    """Yield every frame of the results by the name that its file bears."""
    for result in results.done.values():
        yield result.name, result.frame
        for suffix, frame in result.more.items():
            yield f"{result.name} {suffix}", frame


def _rasters_of(results: Results) -> Iterator[tuple[str, Any]]:
    for result in results.done.values():
        for suffix, raster in result.rasters.items():
            yield f"{result.name} {suffix}", raster


def _labelled(frame: pd.DataFrame, about: Mapping[str, Any]) -> pd.DataFrame:
    copy = frame.copy(deep=False)
    copy.attrs = {**frame.attrs, "about": dict(about)}
    return copy


def hashes_of(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of every file below ``folder`` by its path from there, sorted."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): sha256_file(path) for path in files}


def stable(hashes: Mapping[str, str]) -> dict[str, str | None]:
    """Return ``hashes`` with null for files whose bytes are not promised."""
    return {name: None if name.endswith(UNSTABLE) else digest for name, digest in hashes.items()}
