"""A warm process that forks one run after another, so that 200 runs need one import.

It reads one JSON list a line (of :class:`tests.faults.runs.Ask`), forks for each a child that
runs the project under the limits asked for, and answers with one line of JSON. A child that
hangs is killed and said to hang.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import signal
import socket
import sys
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any

import geocn.project
from geocn.errors import GeocnError
from tests.faults.runs import write_tiny

HANG_S = 300.0
MB = 2**20


def _limit(ask: dict[str, Any]) -> None:
    """Take away from this process what the ask takes away."""
    if ask.get("user") is not None:
        os.setgroups([])
        os.setgid(ask["user"])
        os.setuid(ask["user"])
    if ask.get("file_size") is not None:
        # Without a handler the kernel ends the process at the limit; a full disk only says no.
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (ask["file_size"],) * 2)
    if ask.get("more_memory_mb") is not None:
        held = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (held + int(ask["more_memory_mb"] * MB),) * 2)
    if ask.get("no_sockets"):

        def refuse(*_: object, **__: object) -> None:
            raise AssertionError("a socket was opened")

        socket.socket = refuse  # type: ignore[assignment,misc]
        socket.getaddrinfo = refuse  # type: ignore[assignment]


def _run(ask: dict[str, Any], answer: int) -> None:
    """Run within the child and tell what came of it."""
    said: dict[str, Any]
    try:
        _limit(ask)
        warnings.simplefilter("ignore")
        where = {"out": ask["out"], "as_of": ask.get("as_of")}
        if ask.get("since"):
            done = geocn.project.run_since(ask["project"], since=ask["since"], **where)
        else:
            done = [geocn.project.run(ask["project"], **where)]
        said = {
            "folder": str(done[-1].folder),
            "folders": [str(one.folder) for one in done],
            "statuses": [one.status for one in done],
        }
    except BaseException as error:
        typed = isinstance(error, GeocnError)
        said = {"error": type(error).__name__, "typed": typed, "words": str(error)[:500]}
    with contextlib.suppress(OSError):
        os.write(answer, json.dumps(said).encode()[:4000])


class _Child:
    """One run in a process of its own, and when it is to be hurt."""

    def __init__(self, ask: dict[str, Any]) -> None:
        self._answer, writer = os.pipe()
        self._began = time.monotonic()
        self._pid = os.fork()
        if self._pid == 0:
            os.close(self._answer)
            try:
                _run(ask, writer)
            finally:
                os._exit(0)
        os.close(writer)
        self._signal = ask.get("signal") or 0
        self._until = self._began + (ask["after_s"] if self._signal else HANG_S)
        self._sent = False
        self.said: dict[str, Any] | None = None

    def look(self) -> None:
        """Take its end if it has ended, or send the signal that is due."""
        pid, status = os.waitpid(self._pid, os.WNOHANG)
        if pid:
            seconds = time.monotonic() - self._began
            said = os.read(self._answer, 5000)
            os.close(self._answer)
            self.said = json.loads(said) if said else {}
            self.said["signal"] = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
            self.said |= {"seconds": seconds, "sent": self._sent}
        elif time.monotonic() >= self._until:
            os.kill(self._pid, self._signal if self._signal and not self._sent else signal.SIGKILL)
            self._sent, self._until = True, time.monotonic() + HANG_S


def _forked(asks: list[dict[str, Any]]) -> list[dict[str, Any] | None]:
    children = [_Child(ask) for ask in asks]
    while waiting := [child for child in children if child.said is None]:
        for child in waiting:
            child.look()
        time.sleep(0.002)
    return [child.said for child in children]


def _warm_up() -> None:
    """Run once here, so that every child finds modules and kernels loaded."""
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        project = write_tiny(Path(folder) / "project")
        geocn.project.run(project, out=Path(folder) / "out")


def main() -> None:
    """Serve asks until the input ends."""
    if "--cold" not in sys.argv:
        _warm_up()
    print(json.dumps({"ready": True}), flush=True)
    for line in sys.stdin:
        print(json.dumps(_forked(json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
