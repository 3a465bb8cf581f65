"""What a run gave."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

Frames = tuple[dict[str, Any], dict[str, Any]]


@dataclass(frozen=True)
class RunResult:
    """What a run gave.

    Attributes
    ----------
    folder : Path
        The run's own folder; ``latest`` beside it points to the last whole one.
    manifest : dict
        As in ``manifest.json``.
    load : callable
        Gives ``layers`` and ``results``; of an unchanged run they are only read when asked for.
    status : {"new", "unchanged", "partial"}
        ``unchanged`` where the folder was there and whole; ``partial`` where something failed
        (``keep_going``).
    cached : list of str
        Files and analyses that were taken from the cache.
    notes : list of str
        What the readers and releases warned of, a line each, with the file.
    """

    folder: Path
    manifest: dict[str, Any]
    load: Callable[[], Frames] = field(repr=False, compare=False)
    status: Literal["new", "unchanged", "partial"] = "new"
    cached: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @cached_property
    def _frames(self) -> Frames:
        return self.load()

    @property
    def layers(self) -> dict[str, Any]:
        """The joint layers (GeoDataFrames) by name, of the period where one was asked for."""
        return self._frames[0]

    @property
    def results(self) -> dict[str, Any]:
        """The main frame of each analysis, by name."""
        return self._frames[1]

    @property
    def skipped(self) -> dict[str, str]:
        """Why an analysis was not computed."""
        return dict(self.manifest["not_computed"])

    @property
    def failed(self) -> dict[str, str]:
        """Which analyses and releases failed, and why."""
        return dict(self.manifest["failed"])

    @property
    def maps(self) -> list[Path]:
        """The maps: the joint one first, then one a release."""
        return [
            self.folder / path for path in self.manifest["outputs"] if path.endswith("map.html")
        ]


def notes_of_manifest(manifest: Mapping[str, Any]) -> list[str]:
    """Return what readers and releases warned of, each line led by its file or release."""
    files = [f"{one['path']}: {note}" for one in manifest["files"] for note in one["warnings"]]
    releases = manifest["releases"].items()
    return [*files, *(f"release {name}: {note}" for name, one in releases for note in one["notes"])]
