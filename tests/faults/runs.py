"""Runs that are hurt on purpose, and what must hold of the folder they wrote to."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, TypedDict

from geocn.project.outputs import UNSTABLE

ROOT = Path(__file__).parents[2]


PROJECT = """\
title = "Tiny"
as_of = 2025-12-31
marking = "TLP:GREEN"

[[layers.seizures]]
path = "partners/police.csv"
source = "Police"
marking = "TLP:GREEN"

[[analyses]]
kind = "hotspots"
name = "cells"
grid = { kind = "square", cell_km = 40 }

[[releases]]
name = "ngo"
profile = "ngo.toml"

[outputs]
formats = {formats}
"""
#: Every file that takes long to write; tables alone take a third of the time.
ALL, TABLES = ("gpkg", "parquet", "html"), ("parquet",)
PROFILE = """\
partner = "ngo"
max_marking = "TLP:GREEN"
title = "For the aid network"

[layers]
seizures = ["seized_at", "drug", "weight_kg", "source", "geometry"]
"""


def write_tiny(folder: Path, *, formats: tuple[str, ...] = ALL) -> Path:
    """Write a project whose whole run takes about a second of CPU."""
    (folder / "partners").mkdir(parents=True)
    rows = [
        f"P{i},2025-0{i % 9 + 1}-{i % 28 + 1:02d},{-77.9 + i % 7 / 5:.2f},{0.2 + i % 5 / 4:.2f},"
        f"Cocaine,{i + 0.5},kg"
        for i in range(40)
    ]
    text = "\n".join(["id,date,longitude,latitude,drug,amount,unit", *rows, ""])
    (folder / "partners/police.csv").write_text(text, "utf-8")
    (folder / "ngo.toml").write_text(PROFILE, "utf-8")
    text = PROJECT.replace("{formats}", json.dumps(formats))
    (folder / "project.toml").write_text(text, "utf-8")
    return folder / "project.toml"


class Said(TypedDict, total=False):
    """What came of a run: a folder, or an error; the signal that ended it; how long it took."""

    folder: str
    folders: list[str]
    statuses: list[str]
    error: str
    typed: bool
    words: str
    signal: int
    seconds: float
    sent: bool


@dataclass(frozen=True)
class Ask:
    """One run: of what, where to, and what is taken from it.

    Parameters
    ----------
    project, out : str
    as_of : str, optional
    since : str, optional
        Run every month from this one.
    signal, after_s : int, float
        Sent so long after the start.
    file_size : int, optional
        No file may grow larger (bytes).
    more_memory_mb : float, optional
        Address space beyond what the process holds at its start.
    user : int, optional
        Become this user first.
    no_sockets : bool
        Refuse every socket.
    """

    project: str
    out: str
    as_of: str | None = None
    signal: int = 0
    after_s: float = 0.0
    file_size: int | None = None
    more_memory_mb: float | None = None
    user: int | None = None
    no_sockets: bool = False
    since: str | None = None


class Forker:
    """Speaks to the warm process."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        assert self._read()["ready"]

    def _read(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, "the forker ended"
        return json.loads(line)

    def run_together(self, *asks: Ask) -> list[Said]:
        """Start all at once, each in a process of its own, and wait for all."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps([asdict(ask) for ask in asks]) + "\n")
        self._process.stdin.flush()
        said: list[Said] = self._read()
        return said

    def run(self, ask: Ask) -> Said:
        """Run and wait."""
        return self.run_together(ask)[0]


@contextmanager
def forker(*options: str, **environment: str) -> Iterator[Forker]:
    """A warm process, ended afterwards; with ``--cold`` its children load all they need."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.faults.forker", *options],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, **environment},
    )
    try:
        yield Forker(process)
    finally:
        process.kill()
        process.wait()


def runs_in(out: Path) -> list[Path]:
    """The run folders that a user sees."""
    return sorted(
        p for p in out.iterdir() if p.is_dir() and not p.is_symlink() and p.name[0] != "."
    )


def digest(folder: Path) -> dict[str, str]:
    """The SHA-256 of each file below ``folder`` by its path."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {p.relative_to(folder).as_posix(): sha256(p.read_bytes()).hexdigest() for p in files}


def stable_bytes(folder: Path) -> dict[str, str]:
    """As :func:`digest`, without the files whose bytes are not promised."""
    # The sums of a folder hold those of its unstable files too.
    left_out = (*UNSTABLE, "SHA256SUMS")
    return {name: one for name, one in digest(folder).items() if not name.endswith(left_out)}


def assert_whole(folder: Path) -> None:
    """Every file that the run's own list names is there with its bytes, and no other."""
    lines = (folder / "SHA256SUMS").read_text("utf-8").splitlines()
    listed = {name: one for one, name in (line.split("  ", 1) for line in lines)}
    found = digest(folder)
    found.pop("SHA256SUMS")
    assert found == listed
