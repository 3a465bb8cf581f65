"""Behind ``geocn demo``, ``run`` and ``check``: run, then say what came of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from geocn._cli_log import Log
from geocn._cli_print import line, table
from geocn._sample import sample_folder
from geocn.errors import ParameterError
from geocn.project.known import ready, request_of
from geocn.project.run_result import RunResult


@dataclass(frozen=True)
class Asked:
    """What the command line asks of a run."""

    project: Path
    out: Path | None = None
    period: str | None = None
    since: str | None = None
    every: str = "month"
    as_of: str | None = None
    cache: bool = True
    keep_going: bool = False
    scheduler: str | None = None


def sample_project() -> Path:
    """Return the project file of the bundled sample data."""
    return sample_folder() / "andes" / "project.toml"


def run_project(asked: Asked, log: Log) -> bool:
    """Run a project and print what was read, what was computed and where it is.

    Returns
    -------
    bool
        False where a run is partial.
    """
    if asked.period and asked.since:
        raise ParameterError("give --period or --since, not both")
    log.event("start", project=str(asked.project), period=asked.period, since=asked.since)
    runs = _runs(asked, log)
    for one in runs:
        log.event("run", **_counts(one))
        if one.status != "unchanged":
            _print_new(one)
        _print_where(one)
    log.event("end", runs=len(runs), new=sum(one.status != "unchanged" for one in runs))
    return all(one.status != "partial" for one in runs)


def _runs(asked: Asked, log: Log) -> list[RunResult]:
    what = {"since": asked.since, "every": asked.every} if asked.since else {"period": asked.period}
    request = request_of(asked.project, out=asked.out, as_of=asked.as_of, **what)
    found = ready(request) if asked.cache else None
    if found is not None:
        return found
    # Only now the libraries that take seconds to load.
    from geocn import project as projects

    how: dict[str, Any] = {
        "out": asked.out,
        "as_of": asked.as_of,
        "cache": asked.cache,
        "keep_going": asked.keep_going,
        "scheduler": asked.scheduler,
    }
    with log.progress() as tell:
        if asked.since:
            return projects.run_since(
                asked.project, since=asked.since, every=asked.every, progress=tell, **how
            )
        return [projects.run(asked.project, period=asked.period, progress=tell, **how)]


def _counts(one: RunResult) -> dict[str, Any]:
    manifest = one.manifest
    files = [told for told in manifest["files"] if "layer" in told]
    return {
        "run_id": one.folder.name,
        "status": one.status,
        "folder": str(one.folder),
        "period": manifest["period"],
        "as_of": manifest["as_of"],
        "marking": manifest["marking"],
        "files": len(files),
        "rows_in": sum(told.get("rows_in", 0) for told in files),
        "rows_rejected": sum(told.get("rows_rejected", 0) for told in files),
        "rows": {name: told["rows"] for name, told in manifest["layers"].items()},
        "analyses": len(manifest["analyses"]),
        "not_computed": len(manifest["not_computed"]),
        "releases": list(manifest["releases"]),
        "failed": manifest["failed"],
        "from_cache": len(one.cached),
        "notes": one.notes,
    }


def _print_new(one: RunResult) -> None:
    manifest = one.manifest
    _print_files(manifest["files"])
    done = manifest["analyses"]
    table("Analyses", ("name", "rows"), [(name, told["rows"]) for name, told in done.items()])
    _print_pairs("Not computed", ("name", "why"), one.skipped)
    for name, told in manifest["releases"].items():
        _print_pairs(f"Release {name}: not computed", ("name", "why"), told["not_computed"])
    _print_pairs("Failed", ("what", "why"), one.failed)
    _print_notes(one.notes)
    for name, told in manifest["releases"].items():
        line("release", name, _what_left(told))


def _print_where(one: RunResult) -> None:
    period = [one.manifest["period"]] if one.manifest["period"] else []
    if one.status != "new":
        line(one.status, *period)
    line("folder", one.folder)
    for path in one.maps:
        line("map", path)


def _what_left(release: Mapping[str, Any]) -> str:
    """Say in one line what a release holds and which rules touched it."""
    layers = release["layers"]
    left, there = (sum(one[key] for one in layers) for key in ("n_released", "n_in"))
    done, undone = len(release["analyses"]), len(release["not_computed"])
    touched = dict.fromkeys(one["rule"] for one in release["rules"] if one["rows"] or one["cells"])
    rules = ", ".join(touched) or "none"
    return (
        f"{release['marking']} to {release['partner']}: {left:,} of {there:,} rows, "
        f"{done} of {done + undone} analyses; rules that touched rows: {rules}"
    )


def show_plan(asked: Asked, log: Log) -> None:
    """Print what a run would do; nothing is written."""
    from geocn.project.plan import plan_runs

    with log.progress() as tell:
        found = plan_runs(
            asked.project,
            out=asked.out,
            period=asked.period,
            since=asked.since,
            every=asked.every,
            as_of=asked.as_of,
            progress=tell,
        )
    for one in found:
        log.event("plan", run_id=one.folder.name, status=one.status, inputs=one.inputs)
        inputs = sorted(one.inputs.items())
        table("Inputs", ("file", "since the last run"), inputs)
        rows = [(work.part, work.name, work.way, work.why) for work in one.work]
        table("Work", ("part", "analysis", "would be", "why"), rows)
        line(f"would be {one.status}", one.folder)


def watch_project(asked: Asked, log: Log, *, rest_s: float) -> None:
    """Run a project, and again whenever its files change, until the process is told to end."""
    from geocn._cli_watch import watch_and_run

    watch_and_run(asked, log, rest_s=rest_s)


def check_project(project: Path, *, as_of: str | None) -> None:
    """Check a project and print what its files hold."""
    from geocn import project as projects

    with Log().progress() as tell:
        found = projects.check(project, as_of=as_of, progress=tell)
    _print_files(found.files)
    _print_notes(found.notes)
    line("ok", project)


def _print_files(files: Sequence[Mapping[str, Any]]) -> None:
    vectors = [one for one in files if "layer" in one]
    keys = ("layer", "path", "rows_in", "rows_out", "rejected", "rows_without_geometry")
    names = ("layer", "file", "rows in", "rows out", "rejected", "no place")
    table("Files", names, [[_count(one.get(key)) for key in keys] for one in vectors])


def _count(value: Any) -> Any:
    return sum(value.values()) if isinstance(value, Mapping) else value


def _print_pairs(title: str, columns: Sequence[str], pairs: Mapping[str, str]) -> None:
    table(title, columns, list(pairs.items()))


def _print_notes(notes: Sequence[str]) -> None:
    table("Notes", ("note",), [(note,) for note in notes])
