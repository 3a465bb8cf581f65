"""Waiting for the files of a project to change, and to be at rest again."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

from geocn._optional import require
from geocn.project.paths import companions, is_pattern, matches

Snapshot = dict[str, tuple[int, int, int]]

# Keys of a project file that hold a path.
_KEYS = frozenset({"path", "profile", "aliases"})
_LOOK_AGAIN_MS = 5000


class Stop(Protocol):
    """A flag that other threads and signal handlers set, such as ``threading.Event``."""

    def is_set(self) -> bool:  # noqa: D102
        ...

    def wait(self, timeout: float | None = None) -> bool:  # noqa: D102
        ...


def snapshot(project_file: Path) -> Snapshot:
    """Return size, time and inode of every file that a project names and that is there.

    The file is only taken apart, not checked: a project that is wrong at the moment, or whose
    inputs are not there yet, is watched like any other.
    """
    found: Snapshot = {}
    for path in (project_file, *_files(project_file)):
        with suppress(OSError):
            seen = path.stat()
            found[str(path)] = (seen.st_size, seen.st_mtime_ns, seen.st_ino)
    return found


def watch(
    project_file: Path,
    act: Callable[[], None],
    *,
    stop: Stop,
    rest_s: float = 2.0,
) -> None:
    """Call ``act`` now, and again whenever a file of the project is new, changed or gone.

    Parameters
    ----------
    project_file : path
        The project file. What it names is watched, with its profiles and patterns of paths.
    act : callable
        What to do. A change while it works is seen afterwards.
    stop : Stop
        Ends the watch once it is set.
    rest_s : float
        Seconds without a change before ``act`` is called: a file that is still being written
        is waited for.

    Raises
    ------
    MissingDependencyError
        Where ``watchfiles`` is not installed.
    """
    watchfiles = require("watchfiles", extra="watch")
    seen: Snapshot | None = None
    while not stop.is_set():
        now = _at_rest(project_file, stop, rest_s if seen is not None else 0.0)
        if stop.is_set():
            return
        if now != seen:
            seen = now
            act()
        else:
            _sleep(watchfiles, project_file, seen, stop)


def _at_rest(project_file: Path, stop: Stop, rest_s: float) -> Snapshot:
    now = snapshot(project_file)
    while rest_s and not stop.wait(rest_s):
        later = snapshot(project_file)
        if later == now:
            break
        now = later
    return now


def _sleep(watchfiles: Any, project_file: Path, seen: Snapshot, stop: Stop) -> None:
    """Wait until the system tells of a change; look now and then, for folders it is blind to."""
    folders = {path.parent for path in (project_file, *_named(project_file))}
    there = sorted(str(folder) for folder in folders if folder.is_dir())
    changes = watchfiles.watch(
        *there,
        stop_event=stop,
        recursive=False,
        debounce=200,
        step=50,
        rust_timeout=_LOOK_AGAIN_MS,
        yield_on_timeout=True,
    )
    for _ in changes:
        if stop.is_set() or snapshot(project_file) != seen:
            return


def _files(project_file: Path) -> Iterator[Path]:
    for path in _named(project_file):
        if is_pattern(path.name):
            yield from (path.with_name(name) for name in matches(path))
        else:
            yield from companions(path)


def _named(project_file: Path) -> list[Path]:
    try:
        told = tomllib.loads(project_file.read_text("utf-8"))
    except (OSError, ValueError):
        return []
    home = project_file.parent
    return [Path(os.path.normpath(home / one)) for one in _walk(told) if "\0" not in one]


def _walk(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        for key, value in node.items():
            if key in _KEYS and isinstance(value, str):
                yield value
            else:
                yield from _walk(value)
    elif isinstance(node, list):
        for one in node:
            yield from _walk(one)
