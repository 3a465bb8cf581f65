"""Runs that are there already: found and told without geopandas, which takes a second to load."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import Any

from geocn._typing import StrPath
from geocn.project.paths import is_file
from geocn.project.record import Request, unchanged
from geocn.project.run_result import Frames, RunResult, notes_of_manifest


def request_of(
    project_file: StrPath, *, out: StrPath | None = None, as_of: Any = None, **what: Any
) -> Request:
    """Return what is asked of a project; a day that cannot be read stays as it is."""
    day = None if as_of is None else str(as_of).strip()
    if isinstance(as_of, date):
        day = date(as_of.year, as_of.month, as_of.day).isoformat()
    with suppress(ValueError, TypeError):
        day = date.fromisoformat(str(day)).isoformat()
    folder = None if out is None else Path(out)
    return Request(Path(project_file), folder, as_of=day, **what)


def ready(request: Request) -> list[RunResult] | None:
    """Return the runs of ``request`` if they are there, whole, and ``latest`` is their last."""
    target, found = request.target(), unchanged(request)
    if not target or not found or pointed(target / "latest") != found[-1].name:
        return None
    return known(request, found)


def known(request: Request, folders: Sequence[Path]) -> list[RunResult]:
    """Return runs that are there and whole; their frames are read when they are asked for."""
    found = []
    for folder in folders:
        manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
        load, notes = _loader(request, manifest), notes_of_manifest(manifest)
        found.append(RunResult(folder, manifest, load, status="unchanged", notes=notes))
    return found


def pointed(link: Path) -> str | None:
    """Return the name of the run that ``link`` points to, None where it points to none."""
    try:
        return link.readlink().as_posix()
    except OSError:
        text = link.with_suffix(".txt")
        return text.read_text("utf-8").strip() if is_file(text) else None


def _loader(request: Request, manifest: dict[str, Any]) -> Callable[[], Frames]:
    def load() -> Frames:
        from geocn.project.session import frames_again

        return frames_again(request, manifest["period"], date.fromisoformat(manifest["as_of"]))

    return load
