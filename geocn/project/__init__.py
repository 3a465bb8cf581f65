"""One file describes a whole run: partners' files in, layers, releases and maps out.

The names load when they are first touched: a project file can be checked without the
analyses and the map.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

_HOMES = {
    "CheckResult": "geocn.project.checking",
    "Project": "geocn.project.model",
    "ProjectFile": "geocn.project.file",
    "RunDiff": "geocn.project.diffing",
    "RunResult": "geocn.project.running",
    "check": "geocn.project.checking",
    "diff": "geocn.project.diffing",
    "run": "geocn.project.running",
    "run_since": "geocn.project.running",
    "write_alias_suggestions": "geocn.project.aliases",
}

__all__ = [
    "CheckResult",
    "Project",
    "ProjectFile",
    "RunDiff",
    "RunResult",
    "check",
    "diff",
    "run",
    "run_since",
    "write_alias_suggestions",
]

if TYPE_CHECKING:
    from geocn.project.aliases import write_alias_suggestions
    from geocn.project.checking import CheckResult, check
    from geocn.project.diffing import RunDiff, diff
    from geocn.project.file import ProjectFile
    from geocn.project.model import Project
    from geocn.project.running import RunResult, run, run_since


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'geocn.project' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
