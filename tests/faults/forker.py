"""A warm process that forks one run after another, so that 200 runs need one import.

It reads one JSON object a line (see :class:`tests.faults.runs.Ask`), forks a child that runs
the project under the limits asked for, and answers with one line of JSON. A child that hangs
is killed and said to hang.
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

HANG_S = 120.0
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


def _forked(ask: dict[str, Any]) -> dict[str, Any]:
    reader, writer = os.pipe()
    began = time.monotonic()
    child = os.fork()
    if child == 0:
        os.close(reader)
        try:
            _run(ask, writer)
        finally:
            os._exit(0)
    os.close(writer)
    until = began + (ask["after_s"] if ask.get("signal") else HANG_S)
    sent, status = False, None
    while status is None:
        pid, code = os.waitpid(child, os.WNOHANG)
        if pid:
            status = code
        elif time.monotonic() >= until:
            os.kill(child, ask["signal"] if ask.get("signal") and not sent else signal.SIGKILL)
            sent, until = True, time.monotonic() + HANG_S
        else:
            time.sleep(0.002)
    said = os.read(reader, 5000)
    os.close(reader)
    told = json.loads(said) if said else {}
    ended = {"signal": os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0}
    return told | ended | {"seconds": time.monotonic() - began, "sent": sent}


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
