"""One call of ``run``: its inputs read once, its runs published one after the other."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any

from geocn.errors import WriteError
from geocn.io.atomic import TEMPORARY, atomic_file, atomic_folder, sweep_stale
from geocn.project.cache import Cache
from geocn.project.cache_arrays import UnstorableError
from geocn.project.cache_codec import digest
from geocn.project.changes import pair_of
from geocn.project.checking import silent
from geocn.project.file import ProjectFile
from geocn.project.job import Job
from geocn.project.joining import Joiner, columns_of
from geocn.project.known import known, pointed
from geocn.project.lock import held
from geocn.project.manifest import recipe, run_name
from geocn.project.paths import CACHE, is_pattern
from geocn.project.period import Period
from geocn.project.reading import Data, Progress, hash_inputs, read_all
from geocn.project.record import Request, is_whole, pattern_of, write_record
from geocn.project.run_result import Frames, RunResult, notes_of_manifest

Window = tuple[Period | None, date]


class Session:
    """Reads a project's inputs when they are needed, and makes its runs.

    Parameters
    ----------
    source : ProjectFile
        The project.
    request : Request
        What was asked for.
    target : path
        Folder of the runs.
    cutoff : date
        Information cut-off of what is read.
    tell : callable
        Told each step.
    keep_going : bool
        As :func:`geocn.project.run`.
    """

    def __init__(
        self,
        source: ProjectFile,
        request: Request,
        target: Path,
        cutoff: date,
        tell: Progress,
        *,
        keep_going: bool = False,
    ) -> None:
        self.source, self.request, self.target = source, request, target
        self.cutoff, self.tell, self.keep_going = cutoff, tell, keep_going
        self.cache: Cache | None = None
        self.staging: Path | None = None

    @contextmanager
    def opened(self, *, cache: bool) -> Iterator[None]:
        """Hold the folder of the runs, swept of what killed runs left there.

        Raises
        ------
        LockedError, WriteError
            Where another run holds it, or it cannot be written to.
        """
        with held(self.target):
            sweep_stale(self.target)
            self.cache = Cache(self.target / CACHE) if cache else None
            self.staging = _staging(self.target)
            try:
                yield
            finally:
                shutil.rmtree(self.staging.parent, ignore_errors=True)

    @cached_property
    def hashes(self) -> dict[str, str]:
        """The SHA-256 of every input."""
        return hash_inputs(self.source)

    @cached_property
    def data(self) -> Data:
        """Everything that the files hold."""
        return read_all(
            self.source,
            self.hashes,
            as_of=self.cutoff,
            rejects=self.staging,
            progress=self.tell,
            cache=self.cache,
        )

    @cached_property
    def joiner(self) -> Joiner:
        """What joins the files of each period."""
        return Joiner(self.source, self.data)

    def runs(self, windows: Sequence[Window]) -> list[RunResult]:
        """Make the runs that are not there yet, then let ``latest`` point to the last."""
        done = [self._run(window, as_of) for window, as_of in windows]
        folders = [one.folder for one in done]
        point(self.target, folders[-1].name)
        if self.cache is not None:
            if all(one.status != "partial" for one in done):
                self._record(folders)
            limits = self.source.project.cache
            self.cache.prune(keep_runs=limits.keep_runs, max_mb=limits.max_mb)
        return done

    def to_do(self, windows: Sequence[Window]) -> list[Window]:
        """Return the windows whose runs are not there yet."""
        names = {one: run_name(self.recipe_of(*one)) for one in windows}
        return [one for one in windows if not self._is_there(self.target / names[one])]

    def _run(self, window: Period | None, as_of: date) -> RunResult:
        content = self.recipe_of(window, as_of)
        folder = self.target / run_name(content)
        if self._is_there(folder):
            return known(self.request, [folder])[0]
        job = self.job(window, as_of)
        with atomic_folder(folder) as draft:
            results, manifest = job.write(draft, content)
        frames = {name: one.frame for name, one in results.done.items()}
        return RunResult(
            folder,
            manifest,
            lambda: (job.joint.layers, frames),
            status="partial" if manifest["failed"] else "new",
            cached=[*self.data.cached, *results.cached],
            notes=[*notes_of_manifest(manifest), *self._notes(job)],
        )

    def _notes(self, job: Job) -> list[str]:
        """Return what concerns this run but shapes nothing in its folder."""
        period = job.period.text if job.period else ""
        aside = [self.source.shown(path) for path in job.joint.aside]
        told = [f"{path}: no row lies in {period}; no part of this run" for path in aside]
        return [*told, *(self.cache.notes if self.cache else [])]

    def job(self, window: Period | None, as_of: date) -> Job:
        """Return the work of one run, its inputs read and joined."""
        return Job(
            self.source,
            self.data,
            self.joiner.of(window),
            self.joiner.of(self._before(window, as_of)),
            self.columns,
            as_of,
            window,
            self.tell,
            self.cache,
            self.keep_going,
        )

    @cached_property
    def columns(self) -> dict[str, Any]:
        """Every column that any file of a layer has."""
        return columns_of(self.data)

    def _before(self, window: Period | None, as_of: date) -> Period | None:
        """Return the period that a run of ``window`` is compared with, or what holds it."""
        pair = None if window is None else pair_of(self.source.project, window, as_of)
        return window if pair is None else pair[0]

    def recipe_of(self, window: Period | None, as_of: date) -> dict[str, Any]:
        """Return the recipe of a run; of a period, from the files that it touches alone.

        They count by what was read from them, so that a later cut-off of the reading, which
        changes nothing in them, makes no new run.
        """
        whole = recipe(self.source, self.hashes, as_of=as_of, period=window)
        if window is None:
            return whole
        held: Any = self.cache.digest if self.cache is not None else digest
        both = (window, self._before(window, as_of))
        try:
            told = [
                [layer, [held(self.data.readings[layer][number]) for number in kept]]
                for one in both
                for layer, kept in self.joiner.kept(one).items()
            ]
        except UnstorableError:
            return whole
        first, second = (set(self.joiner.aside(one)) for one in both)
        aside = {self.source.shown(path) for path in first & second}
        inputs = {name: one for name, one in self.hashes.items() if name not in aside}
        return recipe(self.source, inputs, as_of=as_of, period=window, content=digest(told))

    def _is_there(self, folder: Path) -> bool:
        # A passphrase may be another one than when the folder was made.
        secret = any(one.passphrase_env for one in self.source.project.releases)
        return self.cache is not None and not secret and is_whole(folder)

    def _record(self, folders: Sequence[Path]) -> None:
        project, written = self.source.project, self.source.written
        paths = {self.source.resolve(f.path) for files in written.layers.values() for f in files}
        patterns = {
            path if is_pattern(path.name) else pattern_of(path)
            for path in paths
            if is_pattern(path.name) or path.suffix.casefold() == ".shp" or not path.exists()
        }
        home = self.source.path.parent
        inputs = {home / name: digest for name, digest in self.hashes.items()}
        secrets = [one.passphrase_env for one in project.releases if one.passphrase_env]
        write_record(
            self.target,
            self.request,
            inputs=inputs,
            patterns=sorted(patterns),
            secrets=secrets,
            folders=folders,
        )


def frames_again(request: Request, period: str | None, as_of: date) -> Frames:
    """Return layers and results of a run that is there, from the cache as far as it goes."""
    source = ProjectFile.read(request.project)
    cutoff = date.fromisoformat(request.as_of) if request.as_of else source.project.as_of
    target = request.out or source.resolve(source.project.outputs.folder)
    session = Session(source, request, target, cutoff or as_of, silent)
    session.cache = Cache(target / CACHE, writes=False)
    job = session.job(Period.parse(period) if period else None, as_of)
    return job.joint.layers, {name: one.frame for name, one in job.results().done.items()}


def _staging(target: Path) -> Path:
    try:
        # Warnings name the rejects from the folder of the run, and so must this.
        folder = Path(tempfile.mkdtemp(prefix=TEMPORARY, dir=target)) / "rejects"
        folder.mkdir()
    except OSError as error:
        why = error.strerror or type(error).__name__
        raise WriteError(f"{target} cannot be written to: {why}.") from error
    return folder


def point(target: Path, name: str) -> None:
    """Let ``latest`` point to the run ``name``, and ``previous`` to what it pointed to before.

    Each moves in one step. ``previous`` moves first, so that at no moment the two miss the
    run that was the latest.
    """
    before = pointed(target / "latest")
    if before == name:
        return
    if before is not None:
        _link(target / "previous", before)
    _link(target / "latest", name)


def _link(link: Path, name: str) -> None:
    """Let ``link`` point to ``name`` in one step; a text file where links are refused."""
    draft = link.with_name(f".{link.name}.new")
    try:
        draft.unlink(missing_ok=True)
        draft.symlink_to(name, target_is_directory=True)
        draft.replace(link)
    except OSError:
        with atomic_file(link.with_suffix(".txt")) as text:
            text.write_text(f"{name}\n", encoding="utf-8")
