"""Behind ``geocn demo``, ``run`` and ``check``: run, then say what came of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from geocn import project as projects
from geocn._cli_print import line, progress, table
from geocn._sample import sample_folder


def sample_project() -> Path:
    """Return the project file of the bundled sample data."""
    return sample_folder() / "andes" / "project.toml"


def run_project(project: Path, *, out: Path | None, period: str | None, as_of: str | None) -> None:
    """Run a project and print what was read, what was computed and where it is."""
    with progress() as tell:
        result = projects.run(project, out=out, period=period, as_of=as_of, progress=tell)
    _print_files(result.manifest["files"])
    done = result.manifest["analyses"]
    table("Analyses", ("name", "rows"), [(name, one["rows"]) for name, one in done.items()])
    _print_pairs("Not computed", ("name", "why"), result.skipped)
    for name, one in result.manifest["releases"].items():
        _print_pairs(f"Release {name}: not computed", ("name", "why"), one["not_computed"])
    _print_notes(result.notes)
    for name, one in result.manifest["releases"].items():
        line("release", name, _what_left(one))
    line("folder", result.folder)
    for path in result.maps:
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


def check_project(project: Path, *, as_of: str | None) -> None:
    """Check a project and print what its files hold."""
    with progress() as tell:
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
