"""A project checked: its file, and every input read, without writing anything."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from geocn._typing import StrPath
from geocn.errors import ProjectError
from geocn.project.file import ProjectFile
from geocn.project.joining import Joiner
from geocn.project.period import Period, parse_day
from geocn.project.reading import Progress, hash_inputs, read_all


@dataclass(frozen=True)
class CheckResult:
    """What a check found: one account a file, and what the readers warned of."""

    files: list[dict[str, Any]]
    notes: list[str]


def check(
    project_file: StrPath, *, as_of: Any = None, progress: Progress | None = None
) -> CheckResult:
    """Check a project file and read all its inputs, without writing anything.

    Raises
    ------
    ProjectError, LayerError, ReadError
        As :func:`run`.
    """
    source = ProjectFile.read(project_file)
    cutoff = cutoff_of(source, as_of, None)
    hashes = hash_inputs(source)
    data = read_all(source, hashes, as_of=cutoff, rejects=None, progress=progress or silent)
    files = Joiner(source, data).of(None).files
    notes = [f"{one['path']}: {note}" for one in files for note in one["warnings"]]
    return CheckResult(files, notes)


def cutoff_of(source: ProjectFile, as_of: Any, period: Period | None) -> date:
    """Return the information cut-off: asked for, the project's, or the end of the period.

    Raises
    ------
    ProjectError
        Where none of them says it: nothing here reads the clock.
    """
    asked = parse_day(as_of) or source.project.as_of or (period.end if period else None)
    if asked is None:
        message = "no information cut-off. Write `as_of = 2025-12-31` there, or give --as-of"
        raise ProjectError(f"{source.path}, key as_of: {message}.")
    return asked


def silent(_step: str) -> None:
    """Take a step of progress and say nothing."""
