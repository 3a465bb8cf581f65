"""What a run would do, without doing it."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from geocn._typing import StrPath
from geocn.project.analysis import Analysis
from geocn.project.cache import Cache
from geocn.project.checking import cutoff_of, silent
from geocn.project.code import code_version
from geocn.project.compute import analysis_key, missing
from geocn.project.file import ProjectFile
from geocn.project.job import Job
from geocn.project.known import pointed, request_of
from geocn.project.manifest import run_name
from geocn.project.paths import CACHE
from geocn.project.period import Period
from geocn.project.reading import Progress
from geocn.project.record import is_whole
from geocn.project.releasing import released_world
from geocn.project.results import Results, World
from geocn.project.running import periods
from geocn.project.session import Session
from geocn.project.uses import uses


@dataclass(frozen=True)
class Work:
    """One analysis of the joint layers or of a release, and where its result would come from.

    ``way`` is "computed", "taken from the cache" or "not computed".
    """

    part: str
    name: str
    way: str
    why: str


@dataclass(frozen=True)
class RunPlan:
    """What one run would do.

    Attributes
    ----------
    folder : Path
        Where it would stand.
    status : {"new", "unchanged"}
        Whether it is there already.
    inputs : dict of str to str
        Each input: "new", "changed", "unchanged" or "gone" since the last run.
    work : list of Work
        Empty where the run is there.
    """

    folder: Path
    status: str
    inputs: dict[str, str]
    work: list[Work] = field(default_factory=list)


def plan_runs(
    project_file: StrPath,
    *,
    out: StrPath | None = None,
    period: str | None = None,
    since: str | None = None,
    every: str = "month",
    as_of: Any = None,
    progress: Progress | None = None,
) -> list[RunPlan]:
    """Say what :func:`geocn.project.run` or ``run_since`` would do; nothing is written.

    Inputs that are not in the cache are read, since what an analysis uses decides whether it
    is computed.

    Raises
    ------
    GeocnError
        As a run would, for the project file and the inputs.
    """
    request = request_of(project_file, out=out, as_of=as_of)
    source = ProjectFile.read(project_file)
    target = request.out or source.resolve(source.project.outputs.folder)
    window = Period.parse(period) if period else None
    cutoff = cutoff_of(source, as_of, window)
    windows: list[Any] = [(window, cutoff)]
    if since is not None:
        windows = list(periods(Period.around(Period.parse(since).start, every), cutoff, every))
    session = Session(source, request, target, cutoff, progress or silent)
    session.cache = Cache(target / CACHE, writes=False)
    last = _last_manifest(target)
    with tempfile.TemporaryDirectory() as staging:
        # A reader says where its rejects are: as in a run, or the contents would differ.
        session.staging = Path(staging) / "rejects"
        session.staging.mkdir()
        return [_plan(session, one, as_of_, last) for one, as_of_ in windows]


def _plan(session: Session, window: Period | None, as_of: Any, last: Mapping[str, Any]) -> RunPlan:
    content = session.recipe_of(window, as_of)
    folder = session.target / run_name(content)
    inputs = _compared(session.hashes, last.get("inputs", {}))
    if is_whole(folder):
        return RunPlan(folder, "unchanged", inputs)
    job = session.job(window, as_of)
    planner = _Planner(job, inputs, last)
    work = planner.of("joint", job.world())
    for release in session.source.project.releases:
        world = released_world(session.source, release.name, job.world())[1]
        work += planner.of(f"release {release.name}", world)
    return RunPlan(folder, "new", inputs, work)


class _Planner:
    def __init__(self, job: Job, inputs: Mapping[str, str], last: Mapping[str, Any]) -> None:
        self.job, self.inputs, self.last = job, inputs, last
        held = last.get("parameters", {}).get("analyses", ())
        self.specs = {one["name"]: one for one in held}

    def of(self, part: str, world: World) -> list[Work]:
        """Return what would be done with each analysis of a world."""
        found: list[Work] = []
        results = Results()
        to_do: set[str] = set()
        for spec in self.job.source.project.analyses:
            waits = [need.name for need in spec.needs() if need.name in to_do]
            reason = None if waits else missing(spec, world, results)
            if reason:
                found.append(Work(part, spec.name, "not computed", reason))
                continue
            done = None if waits else self._cached(spec, world, results)
            if done is not None:
                results.done[spec.name] = done
                found.append(
                    Work(part, spec.name, "taken from the cache", "nothing it uses is new")
                )
                continue
            to_do.add(spec.name)
            why = f"uses {', '.join(waits)}" if waits else self._why(spec, world, results)
            found.append(Work(part, spec.name, "computed", why))
        return found

    def _cached(self, spec: Analysis, world: World, results: Results) -> Any:
        cache = self.job.cache
        key = None if cache is None else analysis_key(spec, world, results, cache)
        return None if cache is None or key is None else cache.get(key)

    def _why(self, spec: Analysis, world: World, results: Results) -> str:
        if not self.last:
            return "there is no earlier run"
        if self.last.get("code") != code_version():
            return "the code or a library has another version"
        known = self.specs.get(spec.name)
        if known is None:
            return "it is new in the project file"
        if known != spec.model_dump(mode="json", by_alias=True):
            return "its options changed"
        used = [name for kind, name in uses(spec, world, results) if kind != "as_of"]
        files = [path for name in used for path in self._files(name)]
        told = [f"{path} is {self.inputs[path]}" for path in files if path in self.inputs]
        changed = [one for one in told if not one.endswith(" unchanged")]
        return ", ".join(changed[:3]) or f"{', '.join(used)}: not in the cache"

    def _files(self, name: str) -> list[str]:
        project, source = self.job.source.project, self.job.source
        paths = [one.path for one in project.layers.get(name, ())]
        paths += [shelf[name].path for shelf in (project.places, project.rasters) if name in shelf]
        return [source.shown(source.resolve(path)) for path in paths]


def _compared(now: Mapping[str, str], before: Mapping[str, Any]) -> dict[str, str]:
    found = {}
    for path, digest in now.items():
        known = before.get(path)
        found[path] = "new" if known is None else "unchanged" if known == digest else "changed"
    return found | {path: "gone" for path in before if path not in now}


def _last_manifest(target: Path) -> Mapping[str, Any]:
    name = pointed(target / "latest")
    try:
        text = (target / str(name) / "manifest.json").read_text("utf-8")
        found: dict[str, Any] = json.loads(text)
    except (OSError, ValueError):
        return {}
    return found
