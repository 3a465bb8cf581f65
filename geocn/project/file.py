"""The project file on disk: read, checked, and its paths resolved."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from geocn._typing import StrPath
from geocn.project.model import Fault, LayerFile, Project, faults_of
from geocn.sharing.profile import ReleaseProfile
from geocn.sharing.toml_model import read_model

#: The list of sums in a release's folder: it stands for all the files there.
SUMS = "SHA256SUMS"


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
    """

    path: Path
    project: Project
    profiles: dict[str, ReleaseProfile]

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
        file = file / "project.toml" if file.is_dir() else file

        def check(project: Project) -> Iterator[Fault]:
            yield from faults_of(project)
            yield from _missing(file, project)

        project = _with_every_file(file, read_model(file, Project, check=check))
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
        return cls(file, project, profiles)

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
            found.update(_with_companions(self.resolve(path)))
        return sorted(found)


def _is_pattern(layer: str, path: str) -> bool:
    return layer == "annotations" and "*" in Path(path).name


def _with_every_file(file: Path, project: Project) -> Project:
    """Put one entry a file in place of each pattern for notes."""
    entries = project.layers.get("annotations", ())
    listed: list[LayerFile] = []
    for entry in entries:
        if not _is_pattern("annotations", entry.path):
            listed.append(entry)
            continue
        folder = _resolve(file, entry.path).parent
        names = [one.name for one in folder.glob(Path(entry.path).name) if one.is_file()]
        beside = Path(entry.path).parent
        listed += [
            entry.model_copy(update={"path": (beside / name).as_posix()}) for name in sorted(names)
        ]
    if not entries:
        return project
    return project.model_copy(update={"layers": {**project.layers, "annotations": tuple(listed)}})


def _resolve(file: Path, path: str) -> Path:
    return Path(os.path.normpath(file.parent / path))


def _named(project: Project) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Yield every path of a project with the place of its key."""
    for layer, files in project.layers.items():
        for number, file in enumerate(files):
            if not _is_pattern(layer, file.path):
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


def _missing(file: Path, project: Project) -> Iterator[Fault]:
    for at, path in _named(project):
        if "\0" in path or not _resolve(file, path).is_file():
            yield at, f"there is no file {path!r} beside the project file"


def _with_companions(path: Path) -> set[Path]:
    """Return a file and, of a Shapefile, the files beside it that hold the rest of it."""
    if path.suffix.casefold() != ".shp":
        return {path}
    return {one for one in path.parent.glob(f"{path.stem}.*") if one.is_file()} | {path}
