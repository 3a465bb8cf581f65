"""The project file on disk: read, checked, and its paths resolved."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from geocn._typing import StrPath
from geocn.project.model import Fault, LayerFile, Project, faults_of
from geocn.project.paths import companions, is_folder, is_pattern, matches
from geocn.sharing.profile import ReleaseProfile
from geocn.sharing.toml_model import read_model

#: The list of sums in a release's folder: it stands for all the files there.
SUMS = "SHA256SUMS"
_ABSENT = "there is no file {!r} beside the project file"


@dataclass(frozen=True)
class ProjectFile:
    """A project and where it stands; every path in it is relative to its file.

    Attributes
    ----------
    path : Path
        The project file.
    project : Project
        What it says.
    profiles : dict of str to ReleaseProfile
        The profile of each release, by the name of the release.
    written : Project
        What the file says, before patterns of paths became one entry a file.
    numbers : dict of str to tuple of int
        For each layer: under which entry of ``written``, from 1, each of its files stands.
    """

    path: Path
    project: Project
    profiles: dict[str, ReleaseProfile]
    written: Project
    numbers: dict[str, tuple[int, ...]]

    @classmethod
    def read(cls, path: StrPath) -> ProjectFile:
        """Read and check a project file, its profiles and that its inputs are there.

        A folder is taken for the ``project.toml`` in it.

        Raises
        ------
        ProjectError
            With one line a fault: file, line, key and what is wrong.
        """
        file = Path(path)
        file = file / "project.toml" if is_folder(file) else file

        def check(project: Project) -> Iterator[Fault]:
            yield from faults_of(project)
            yield from _missing(file, project)

        written = read_model(file, Project, check=check)
        project, numbers = _with_every_file(file, written)
        known: dict[str, Collection[str]] = {
            "layers": project.layers,
            "rasters": project.rasters,
            "places": project.places,
            "analyses": [one.name for one in project.analyses],
        }
        profiles = {
            one.name: ReleaseProfile.read(_resolve(file, one.profile), known=known)
            for one in project.releases
        }
        return cls(file, project, profiles, written, numbers)

    def resolve(self, path: str) -> Path:
        """Return the path on disk of a path that the project file names."""
        return _resolve(self.path, path)

    def shown(self, path: StrPath) -> str:
        """Return ``path`` as the manifest writes it: from the project's folder, with ``/``."""
        return Path(os.path.relpath(path, self.path.parent)).as_posix()

    def inputs(self) -> list[Path]:
        """Return every file that the project reads, its own and companions too, sorted."""
        found = {self.path}
        for _, path in _named(self.project):
            found.update(companions(self.resolve(path)))
        for files in self.project.layers.values():
            for one in files:
                found.update(companions(self.resolve(one.path)))
        return sorted(found)


def _with_every_file(file: Path, project: Project) -> tuple[Project, dict[str, tuple[int, ...]]]:
    """Put one entry a file in place of each pattern, and say where each entry came from."""
    layers: dict[str, tuple[LayerFile, ...]] = {}
    numbers: dict[str, tuple[int, ...]] = {}
    for layer, entries in project.layers.items():
        listed = [
            (number, entry if path == entry.path else entry.model_copy(update={"path": path}))
            for number, entry in enumerate(entries, start=1)
            for path in _paths(file, entry)
        ]
        layers[layer] = tuple(entry for _, entry in listed)
        numbers[layer] = tuple(number for number, _ in listed)
    return project.model_copy(update={"layers": layers}), numbers


def _paths(file: Path, entry: LayerFile) -> list[str]:
    if "\0" in entry.path:
        return []
    if is_pattern(entry.path):
        beside = Path(entry.path).parent
        return [(beside / name).as_posix() for name in matches(_resolve(file, entry.path))]
    there = not entry.optional or _lack(file, entry.path) != _ABSENT.format(entry.path)
    return [entry.path] if there else []


def _resolve(file: Path, path: str) -> Path:
    return Path(os.path.normpath(file.parent / path))


def _named(project: Project) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Yield every path of a project with the place of its key."""
    for layer, files in project.layers.items():
        for number, file in enumerate(files):
            if "\0" in file.path or not (is_pattern(file.path) or file.optional):
                yield ("layers", layer, number, "path"), file.path
            if file.control_totals is not None:
                yield ("layers", layer, number, "control_totals"), file.control_totals.path
    for name, places in project.places.items():
        yield ("places", name, "path"), places.path
    for name, raster in project.rasters.items():
        yield ("rasters", name, "path"), raster.path
    if project.organisations is not None:
        yield ("organisations", "aliases"), project.organisations.aliases
    for number, release in enumerate(project.releases):
        yield ("releases", number, "profile"), release.profile
        for place, folder in enumerate(release.earlier):
            yield ("releases", number, "earlier", place), f"{folder}/{SUMS}"


def _lack(file: Path, path: str) -> str | None:
    """Say why a path is not that of a file, None where it is one."""
    try:
        there = "\0" not in path and _resolve(file, path).is_file()
    except OSError as error:
        return f"the file {path!r} cannot be looked at: {error.strerror or type(error).__name__}"
    return None if there else _ABSENT.format(path)


def _missing(file: Path, project: Project) -> Iterator[Fault]:
    for at, path in _named(project):
        lack = _lack(file, path)
        if lack is not None:
            yield at, lack
    for layer, files in project.layers.items():
        for number, one in enumerate(files):
            needed = is_pattern(one.path) and not one.optional and layer != "annotations"
            if needed and not _paths(file, one):
                said = (
                    f"no file is called as {one.path!r} says; set `optional` if none may be there"
                )
                yield ("layers", layer, number, "path"), said
