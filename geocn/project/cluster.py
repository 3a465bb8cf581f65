"""A run on a cluster: workers fill the store, then the run goes on here and finds it full.

So the bytes of a run are those of a run without a cluster: what workers give has the same
keys, and whatever they do not give is read and computed here.
"""

from __future__ import annotations

import os
import platform
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from geocn import layers as readers
from geocn.errors import ClusterError, GeocnError, ParameterError, WriteError
from geocn.io.workers import Workers, workers_of
from geocn.project.analysis import Analysis
from geocn.project.cache import Cache
from geocn.project.cluster_tasks import AnalysisTask, FileTask, Probe, Task, refusals, work
from geocn.project.compute import analysis_key, missing
from geocn.project.paths import companions
from geocn.project.reading import entry_inputs, entry_key
from geocn.project.releasing import check_profiles, released_world
from geocn.project.results import Results, World
from geocn.project.uses import contents, uses

if TYPE_CHECKING:
    from geocn.project.job import Job
    from geocn.project.session import Session, Window

_PROBE = ".probe-"
_ADVICE = "What was read and computed is kept: run again, and it goes on from there."


def check_scheduler(scheduler: Any, *, cache: bool) -> None:
    """Refuse a cluster without the store that it fills.

    Raises
    ------
    ParameterError
        Where ``cache`` is False.
    """
    if scheduler is not None and not cache:
        raise ParameterError(
            "a scheduler needs the cache: workers hand over what they read and compute through "
            "it. Leave out --no-cache, or --scheduler."
        )


def fill_store(session: Session, windows: Sequence[Window], scheduler: Any) -> None:
    """Let workers read the files and compute the analyses that the store does not hold.

    Parameters
    ----------
    session : Session
        Opened.
    windows : sequence
        The runs to be made.
    scheduler : str or distributed.Client
        Address of a Dask scheduler, or a client of one.

    Raises
    ------
    ClusterError
        Where the scheduler is gone, workers die again and again, have other code, or do not
        see the store or the inputs.
    GeocnError
        As the run, where files cannot be joined.
    """
    cache = session.cache
    if cache is None or not cache.usable:
        told = "; ".join(cache.notes) if cache is not None else "no cache"
        raise ClusterError(f"workers hand over through the cache, which cannot be used: {told}")
    with (
        _probe(cache) as probe,
        workers_of(scheduler, advice=_ADVICE) as workers,
        _Filler(session, cache, workers, probe) as filler,
    ):
        filler.refuse_others()
        filler.files()
        filler.analyses(session.to_do(windows))


@contextmanager
def _probe(cache: Cache) -> Iterator[Probe]:
    folder = cache.folder.absolute()
    try:
        # The run holds the folder: what is there was left by one that was killed.
        for old in folder.glob(f"{_PROBE}*"):
            old.unlink(missing_ok=True)
        handle, name = tempfile.mkstemp(prefix=_PROBE, dir=folder)
        content = f"{Path(name).name} {platform.node()}"
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write(content)
    except OSError as error:
        raise WriteError(f"{folder} cannot be written to: {error.strerror}.") from error
    try:
        yield Probe(Path(name), content, cache.code)
    finally:
        Path(name).unlink(missing_ok=True)


@dataclass
class _Board:
    """The analyses of one world, and how far they are."""

    part: str
    world: World
    left: list[Analysis]
    results: Results = field(default_factory=Results)
    away: dict[str, str] = field(default_factory=dict)


class _Filler:
    """Gives tasks to workers, and takes note of what came of them."""

    def __init__(self, session: Session, cache: Cache, workers: Workers, probe: Probe) -> None:
        self.session, self.cache, self.workers, self.probe = session, cache, workers, probe
        self._given: set[str] = set()
        self._sent: set[str] = set()
        self._failed: dict[str, str] = {}

    def __enter__(self) -> _Filler:
        return self

    def __exit__(self, *_: object) -> None:
        # What analyses were given is of no use once they are done.
        for key in self._given:
            self.cache.path(key).unlink(missing_ok=True)

    def refuse_others(self) -> None:
        """Refuse workers that would compute otherwise, or could not hand over."""
        said = self.workers.ask(self.probe.refusal)
        why = {at: _words(told) for at, told in said.items() if told is not None}
        if why:
            raise ClusterError(refusals(why))

    def files(self) -> None:
        """Have the files read that the store does not hold."""
        source, places = self.session.source, dict[str, Any]()
        project = source.path.absolute()
        for layer, entries in source.project.layers.items():
            for number, file in enumerate(entries):
                names = [source.shown(source.path), *entry_inputs(source, layer, number)]
                if file.places is not None:
                    named = source.project.places[file.places]
                    path = source.resolve(named.path)
                    names += [source.shown(one) for one in sorted(companions(path))]
                    if file.places not in places:
                        options = named.model_dump(exclude={"path"})
                        places[file.places] = readers.read_places(path, **options)
                as_of, hashes = self.session.cutoff, self.session.hashes
                key = entry_key(
                    source,
                    layer,
                    number,
                    places=places.get(str(file.places)),
                    hashes=hashes,
                    as_of=as_of,
                    cache=self.cache,
                )
                inputs = {name: hashes[name] for name in names}
                self._send(FileTask(self.probe, key, project, layer, number, inputs, as_of))
        for task, failed in self.workers.done():
            file = source.project.layers[task.layer][task.number]
            self._take(task, failed, f"{task.layer}: {file.path}")

    def analyses(self, windows: Sequence[Window]) -> None:
        """Have the analyses computed that the store does not hold, as soon as they can be."""
        boards = [one for window in windows for one in self._boards(self.session.job(*window))]
        for board in boards:
            self._advance(board)
        for task, failed in self.workers.done():
            self._take(task, failed, task.spec.name)
            for board in boards:
                if task.key in board.away.values():
                    self._advance(board)

    def _boards(self, job: Job) -> list[_Board]:
        source, world = job.source, job.world()
        check_profiles(source, {**world.layers, **job.columns})
        specs = source.project.analyses
        found = [_Board("joint", world, list(specs))]
        for release in source.project.releases:
            try:
                seen = released_world(source, release.name, world)[1]
            except GeocnError:
                # The run meets it again, and says it or goes on without that release.
                continue
            found.append(_Board(f"release {release.name}", seen, list(specs)))
        return found

    def _advance(self, board: _Board) -> None:
        """Take what is done, and send what can be computed now."""
        for name, key in list(board.away.items()):
            if key in self._sent:
                continue
            del board.away[name]
            if key in self._failed:
                board.results.failed[name] = self._failed[key]
            else:
                self._settle(board, name, key)
        waiting: list[Analysis] = []
        for spec in board.left:
            names = {need.name for need in spec.needs()}
            if names & {*board.away, *(one.name for one in waiting)}:
                waiting.append(spec)
            elif not names & {*board.results.failed}:
                self._start(board, spec)
            else:
                board.results.failed[spec.name] = "what it uses is not there"
        board.left = waiting

    def _start(self, board: _Board, spec: Analysis) -> None:
        world, results = board.world, board.results
        if missing(spec, world, results):
            results.skipped[spec.name] = "not held here"
            return
        key = analysis_key(spec, world, results, self.cache)
        if key is None or key in self._failed:
            results.failed[spec.name] = "no entry in the store"
        elif self.cache.holds(key):
            self._settle(board, spec.name, key)
        elif key in self._sent or self._send(self._task(spec, key, world, results)):
            board.away[spec.name] = key
        else:
            results.failed[spec.name] = "its inputs could not be handed over"

    def _settle(self, board: _Board, name: str, key: str) -> None:
        """Take a result from the store where another analysis may use it."""
        if not any(need.name == name for spec in board.left for need in spec.needs()):
            return
        done = self.cache.get(key)
        if done is None:
            board.results.failed[name] = "not in the store"
        else:
            board.results.done[name] = done

    def _task(
        self, spec: Analysis, key: str, world: World, results: Results
    ) -> AnalysisTask | None:
        inputs = []
        for label, one in contents(spec, world, results):
            if label == "as_of":
                continue
            kind, _, name = label.partition(" ")
            given = self.cache.key("given", {"digest": self.cache.digest(one)})
            self._given.add(given)
            if not self.cache.holds(given):
                self.cache.put(given, one)
            if not self.cache.holds(given):
                return None
            inputs.append((kind, name, given))
        asks_day = any(kind == "as_of" for kind, _ in uses(spec, world, results))
        as_of = world.as_of if asks_day else None
        return AnalysisTask(self.probe, key, spec, tuple(inputs), as_of)

    def _send(self, task: Task | None) -> bool:
        if task is None:
            return False
        if not self.cache.holds(task.key) and task.key not in self._sent:
            self._sent.add(task.key)
            self.workers.submit(work, task)
        return True

    def _take(self, task: Task, failed: str | None, told: str) -> None:
        self._sent.discard(task.key)
        if failed is None:
            self.session.tell(f"{told} (by a worker)")
            return
        self._failed[task.key] = failed
        self.cache.notes.append(f"{told}: done here, a worker had {failed}")


def _words(told: object) -> str:
    if isinstance(told, str):
        return told
    return f"it cannot tell its code ({type(told).__name__})"
