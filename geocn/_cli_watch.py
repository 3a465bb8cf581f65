"""Behind ``geocn run --watch``: run after run, until the process is told to end."""

from __future__ import annotations

import signal
import sys
import threading
from typing import Any

from geocn._cli_log import Log
from geocn._cli_print import clean, line
from geocn._cli_run import Asked, run_project
from geocn._optional import require
from geocn.errors import GeocnError
from geocn.project.record import Request
from geocn.project.watch import watch


def watch_and_run(asked: Asked, log: Log, *, rest_s: float) -> None:
    """Run now and after every change. What fails is told, and the watch goes on.

    SIGINT and SIGTERM end it: at once while it waits, and after what a run must undo while
    it runs; the previous run is whole either way.

    Raises
    ------
    MissingDependencyError
        Where ``watchfiles`` is not installed.
    """
    require("watchfiles", extra="watch")
    stop = threading.Event()
    running = threading.Event()
    before: dict[int, Any] = {}

    def end(number: int, frame: Any) -> None:
        stop.set()
        if running.is_set():
            raise KeyboardInterrupt

    def act() -> None:
        running.set()
        try:
            run_project(asked, log)
        except GeocnError as error:
            _tell(error, log)
        finally:
            running.clear()
        sys.stdout.flush()

    for number in (signal.SIGINT, signal.SIGTERM):
        before[number] = signal.signal(number, end)
    try:
        watch(Request(asked.project).file, act, stop=stop, rest_s=rest_s)
    except KeyboardInterrupt:
        if not stop.is_set():
            raise
    finally:
        for caught, handler in before.items():
            signal.signal(caught, handler)
    log.event("end", watching=False)
    line("stopped", asked.project)


def _tell(error: GeocnError, log: Log) -> None:
    log.event("error", kind=type(error).__name__, message=str(error))
    if not log.is_json:
        for text in str(error).splitlines():
            sys.stderr.write(f"geocn: {clean(text)}\n")
        sys.stderr.flush()
