"""One call of ``run``: its inputs read once, its runs published one after the other."""

from __future__ import annotations

import json
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
from geocn.project.joining import Joiner, Joint, columns_of
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

    def _run(self, window: Period | None, as_of: date) -> RunResult:
        if window is None:
            content = recipe(self.source, self.hashes, as_of=as_of, period=None)
            folder = self.target / run_name(content)
            if self._is_there(folder):
                return known(self.request, [folder])[0]
        job = self.job(window, as_of)
        if window is not None:
            content = self.recipe_of(job)
            folder = self.target / run_name(content)
            if self._is_there(folder):
                return self._unchanged(folder, job)
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
        joint = self.joiner.of(window)
        pair = pair_of(self.source.project, window, as_of)
        before = joint if window is None or pair is None else self.joiner.of(pair[0])
        return Job(
            self.source,
            self.data,
            joint,
            before,
            columns_of(self.data),
            as_of,
            window,
            self.tell,
            self.cache,
            self.keep_going,
        )

    def recipe_of(self, job: Job) -> dict[str, Any]:
        """Return the recipe of a run of a period: what its files hold of it, and no more."""
        parts = [_parts(one) for one in (job.joint, job.before)]
        held: Any = self.cache.digest if self.cache is not None else digest
        try:
            told = [[[kind, held(one)] for kind, one in part] for part in parts]
        except UnstorableError:
            return recipe(self.source, self.hashes, as_of=job.as_of, period=job.period)
        aside = {self.source.shown(p) for p in {*job.joint.aside} & {*job.before.aside}}
        inputs = {name: one for name, one in self.hashes.items() if name not in aside}
        content = digest(told)
        return recipe(self.source, inputs, as_of=job.as_of, period=job.period, content=content)

    def _is_there(self, folder: Path) -> bool:
        # A passphrase may be another one than when the folder was made.
        secret = any(one.passphrase_env for one in self.source.project.releases)
        return self.cache is not None and not secret and is_whole(folder)

    def _unchanged(self, folder: Path, job: Job) -> RunResult:
        manifest = json.loads((folder / "manifest.json").read_text("utf-8"))

        def load() -> Frames:
            done = job.results().done
            return job.joint.layers, {name: one.frame for name, one in done.items()}

        notes = notes_of_manifest(manifest)
        return RunResult(folder, manifest, load, status="unchanged", notes=notes)

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


def _parts(joint: Joint) -> list[tuple[str, Any]]:
    """Return all that shapes the outputs of a run of these layers, but for what is in no file."""
    layers = [(f"layer {name}", one) for name, one in joint.layers.items()]
    return [*layers, ("files", joint.files), ("rejects", joint.rejects), ("out", joint.left_out)]


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
