"""Every reader under random bytes, for a bounded number of inputs, and under its corpus.

``python -m tests.fuzz`` goes on for as long as one likes and saves what it finds.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from geocn.errors import ReadError
from tests.fuzz.__main__ import CORPUS, corpus_of, fuzz
from tests.fuzz.mutate import mutate
from tests.fuzz.targets import TARGETS, Target

EXAMPLES = int(os.environ.get("GEOCN_FUZZ_EXAMPLES", "60"))
#: However slow the machine: a target ends after this long.
SECONDS = 20


def test_every_reader_has_a_target_and_a_corpus() -> None:
    assert {p.name for p in CORPUS.iterdir()} == set(TARGETS)
    assert all(corpus_of(target) for target in TARGETS.values())


@pytest.fixture(scope="module")
def report() -> dict[str, str]:
    """Run all targets in a process of its own, which a crash or a hang would end."""
    command = [sys.executable, "-m", "tests.fuzz", "--examples", str(EXAMPLES)]
    done = subprocess.run(
        [*command, "--seconds", str(SECONDS)],
        capture_output=True,
        text=True,
        timeout=550,
        cwd=Path(__file__).parents[2],
        check=False,
    )
    said = {line.split(":")[0]: line for line in done.stdout.splitlines() if "inputs" in line}
    # The last lines name the target that crashed or hung, or hold what broke.
    return said | {"": f"exit {done.returncode}\n{done.stdout[-5000:]}\n{done.stderr[-3000:]}"}


@pytest.mark.slow
@pytest.mark.parametrize("name", TARGETS)
def test_no_input_breaks_a_promise(name: str, report: dict[str, str]) -> None:
    assert name in report, report[""]
    assert report[name].endswith(" 0 broken"), report[""]


def test_the_same_seed_tries_the_same_inputs() -> None:
    def tried() -> list[bytes]:
        rng = np.random.default_rng(3)
        return [mutate(b"id;lat\n1;2\n", b"other", rng) for _ in range(50)]

    assert tried() == tried()
    assert len(set(tried())) > 30


def test_what_breaks_a_promise_is_found_and_saved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read(path: Path) -> object:
        data = path.read_bytes()
        if data.count(b"\n") > 1:
            raise KeyError("a bug")
        if not data:
            raise ReadError("empty")
        return data

    monkeypatch.setattr("tests.fuzz.__main__.CORPUS", tmp_path)
    buggy = Target("buggy", "csv", read, lambda: [b"one\n"])
    broken = fuzz(buggy, examples=300, seconds=20, seed=0, keep=False)
    assert broken
    assert "KeyError" in broken[0]
    saved = list((tmp_path / "buggy").iterdir())
    assert saved
    assert all(path.read_bytes().count(b"\n") > 1 for path in saved)
