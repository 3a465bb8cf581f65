"""Measure one piece of work as a process of its own: CPU seconds and peak memory."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

#: ``ru_maxrss`` is in kilobytes on Linux and in bytes on macOS.
RSS_UNIT = 1 if sys.platform == "darwin" else 1024


@dataclass(frozen=True)
class Measured:
    """What one run of a piece of work cost, the processes it started included."""

    cpu_s: float
    work_cpu_s: float
    peak_mb: float


def measure(code: str, *, repeats: int = 3) -> Measured:
    """Run ``code`` in fresh interpreters and return the cheapest of them.

    The first of the runs warms file and compilation caches; other work on the machine
    only ever adds, so that the least is the nearest to the truth.
    """
    return min((_once(code) for _ in range(repeats)), key=lambda m: m.work_cpu_s)


def measure_first(code: str) -> Measured:
    """Run ``code`` once with an empty compilation cache: what a user's first run costs."""
    with tempfile.TemporaryDirectory() as cache:
        return _once(code, NUMBA_CACHE_DIR=cache)


def _once(code: str, **environment: str) -> Measured:
    ready, work = code.split("#--\n", 1)
    program = f"""{ready}
import os as _os
_start = sum(_os.times()[:4])
{work}
print("work", sum(_os.times()[:4]) - _start)
"""
    with tempfile.TemporaryFile("w+") as out:
        process = subprocess.Popen(
            [sys.executable, "-c", program], stdout=out, env={**os.environ, **environment}
        )
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        said = out.read().split()
    if process.returncode:
        raise RuntimeError(f"ended with {process.returncode}: {program[:400]} …")
    cpu_s = used.ru_utime + used.ru_stime
    return Measured(cpu_s, float(said[-1]), used.ru_maxrss * RSS_UNIT / 1e6)


def reference() -> Path | None:
    """The folder of reference inputs, where there is one."""
    default = Path(__file__).resolve().parents[2] / "shared" / "reference"
    folder = Path(os.environ.get("GEOCN_REFERENCE", default))
    return folder if folder.is_dir() else None
