"""What a worker does for a run: read one file, or compute one analysis, into the shared store.

A task holds paths, hashes and parameters. Rows, results and the words of errors about them
stand in the store alone: nothing of them passes the scheduler.
"""

from __future__ import annotations

import os
import platform
import tempfile
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from geocn import layers as readers
from geocn.errors import ClusterError, ProjectError
from geocn.io.atomic import sha256_file
from geocn.project.analysis import Analysis
from geocn.project.cache import Cache
from geocn.project.code import code_version
from geocn.project.compute import analysis_entry
from geocn.project.file import ProjectFile
from geocn.project.reading import read_entry
from geocn.project.results import Result, Results, World

# Warnings are collected for a whole process, so that two files at once would mix theirs.
_ONE_AT_A_TIME = threading.Lock()


@dataclass(frozen=True)
class Probe:
    """How a worker finds out whether it may take part.

    Attributes
    ----------
    file : Path
        A file in the folder of the store.
    content : str
        What stands in it.
    code : str
        The version of the code of the run.
    """

    file: Path
    content: str
    code: str

    def refusal(self) -> str | None:
        """Say why this process may not work for the run, None where it may."""
        if code_version() != self.code:
            return "it has another code of geocn, Python or libraries than the run"
        folder = self.file.parent
        try:
            seen = self.file.read_text("utf-8")
        except OSError as error:
            return f"it does not see {folder} ({error.strerror or type(error).__name__})"
        if seen != self.content:
            return f"it sees another folder as {folder}"
        if not os.access(folder, os.W_OK):
            return f"it may not write into {folder}"
        notes = Cache(folder).notes
        return f"{folder}: {notes[0]}" if notes else None


@dataclass(frozen=True)
class FileTask:
    """One file of a layer to be read.

    Attributes
    ----------
    probe : Probe
        Where the store is.
    key : str
        Under which the store will hold what the file gives.
    project : Path
        The project file.
    layer, number : str, int
        The entry of the file, from 0.
    inputs : mapping of str to str
        SHA-256 of every file that decides what it gives, by the path from the project's folder.
    as_of : date, optional
        Information cut-off.
    """

    probe: Probe
    key: str
    project: Path
    layer: str
    number: int
    inputs: Mapping[str, str]
    as_of: date | None

    def fill(self, cache: Cache) -> None:
        """Read the file into the store.

        Raises
        ------
        ClusterError
            Where this machine sees other inputs than the run.
        """
        self._refuse_other_inputs()
        try:
            source = ProjectFile.read(self.project)
        except ProjectError as error:
            raise ClusterError(f"{_here()} sees another project at {self.project}") from error
        file = source.project.layers[self.layer][self.number]
        named = source.project.places.get(str(file.places))
        places = None
        if named is not None:
            path = source.resolve(named.path)
            places = readers.read_places(path, **named.model_dump(exclude={"path"}))
        with tempfile.TemporaryDirectory() as folder:
            # A reader says where its rejects are: as in a run, or the contents would differ.
            rejects = Path(folder) / "rejects"
            rejects.mkdir()
            read_entry(
                source,
                self.layer,
                self.number,
                places=places,
                hashes=self.inputs,
                as_of=self.as_of,
                rejects=rejects,
                cache=cache,
            )
        try:
            self._refuse_other_inputs()
        except ClusterError:
            cache.path(self.key).unlink(missing_ok=True)
            raise

    def _refuse_other_inputs(self) -> None:
        for name, digest in self.inputs.items():
            path = self.project.parent / name
            try:
                seen = sha256_file(path)
            except OSError as error:
                why = error.strerror or type(error).__name__
                raise ClusterError(
                    f"{_here()} cannot read {path} ({why}). Put the project and its inputs where "
                    "every worker sees them under the same path."
                ) from error
            if seen != digest:
                raise ClusterError(
                    f"{_here()} sees another content of {path}, or the file changed. Run again "
                    "when it is at rest."
                )


@dataclass(frozen=True)
class AnalysisTask:
    """One analysis to be computed.

    Attributes
    ----------
    probe : Probe
        Where the store is.
    key : str
        Under which the store will hold its result.
    spec : Analysis
        What is asked for.
    inputs : tuple of (str, str, str)
        All that it uses: its kind, its name, and the key under which the store holds it.
    as_of : date, optional
        Information cut-off.
    """

    probe: Probe
    key: str
    spec: Analysis
    inputs: tuple[tuple[str, str, str], ...]
    as_of: date | None

    def fill(self, cache: Cache) -> None:
        """Compute the analysis into the store."""
        shelves: dict[str, dict[str, Any]] = {"layer": {}, "raster": {}, "places": {}}
        results: dict[str, Result] = {}
        for kind, name, key in self.inputs:
            held = cache.get(key)
            if held is None:
                return
            (results if kind == "analysis" else shelves[kind])[name] = held
        world = World(shelves["layer"], shelves["raster"], shelves["places"], self.as_of)
        analysis_entry(self.spec, world, Results(results), cache=cache)


Task = FileTask | AnalysisTask


def work(task: Task) -> str | None:
    """Do a task; an entry of the store is what comes of it.

    Returns
    -------
    str or None
        None where the store holds the entry, else what kind of error kept it from that. The
        run meets the error again, with all that it tells, where it may be told.

    Raises
    ------
    ClusterError
        Where this process may not work for the run.
    """
    with _ONE_AT_A_TIME:
        # Workers may join after the others were asked.
        refusal = task.probe.refusal()
        if refusal is not None:
            raise ClusterError(refusals({_here(): refusal}))
        cache = Cache(task.probe.file.parent)
        try:
            if not cache.holds(task.key):
                task.fill(cache)
        except ClusterError:
            raise
        except Exception as error:
            # Its words may hold rows: they are not for the scheduler and the logs of workers.
            return type(error).__name__
        return None if cache.holds(task.key) else "no entry"


def refusals(why: Mapping[str, str]) -> str:
    """Say which workers may not take part, and what to do."""
    shown = "; ".join(f"{at}: {told}" for at, told in list(why.items())[:3])
    return (
        f"{len(why)} workers cannot take part in this run ({shown}). All of them need the same "
        "environment, and the folder of the results at the same path, writable by the same user."
    )


def _here() -> str:
    return f"the worker on {platform.node() or 'an unnamed machine'}"
