"""P1 where disk, memory, rights or the network are missing: told in words, nothing half written."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.runs import (
    Ask,
    Forker,
    Said,
    assert_whole,
    forker,
    runs_in,
    stable_bytes,
    write_tiny,
)

NOBODY = 65534
SIZES = (0, 50, 500, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000, 200_000, 400_000, 800_000)
MEMORY_MB = (0, 10, 30, 60, 100, 150, 250, 400, 800)


@pytest.fixture
def before(warm: Forker, tiny: Path, tmp_path: Path) -> Said:
    """What a run gave before anything was scarce."""
    return warm.run(Ask(str(tiny), str(tmp_path / "out"), "2026-01-01"))


def assert_untouched(out: Path, before: Said) -> None:
    folder = Path(before["folder"])
    assert_whole(folder)
    assert (out / "latest").resolve() == folder
    assert runs_in(out) == [folder]


@pytest.mark.slow
def test_files_that_may_not_grow(warm: Forker, tiny: Path, tmp_path: Path, before: Said) -> None:
    out = tmp_path / "out"
    refused = 0
    for size in SIZES:
        said = warm.run(Ask(str(tiny), str(out), "2026-01-02", file_size=size))
        if "folder" in said:
            break
        assert said["error"] == "WriteError", said
        refused += 1
        assert_untouched(out, before)
    assert refused >= 8
    assert "folder" in warm.run(Ask(str(tiny), str(out), "2026-01-02"))
    for folder in runs_in(out):
        assert_whole(folder)


@pytest.mark.slow
def test_little_memory(warm: Forker, tiny: Path, tmp_path: Path, before: Said) -> None:
    out, failed = tmp_path / "out", 0
    right = warm.run(Ask(str(tiny), str(tmp_path / "right"), "2026-01-02"))
    with forker("--cold") as cold:
        for more in MEMORY_MB:
            said = cold.run(Ask(str(tiny), str(out), "2026-01-02", more_memory_mb=more))
            if "folder" in said:
                assert stable_bytes(Path(said["folder"])) == stable_bytes(Path(right["folder"]))
                break
            failed += 1
            assert_untouched(out, before)
    assert failed >= 2


def test_no_socket_is_opened(warm: Forker, tiny: Path, tmp_path: Path) -> None:
    said = warm.run(Ask(str(tiny), str(tmp_path / "out"), "2026-01-01", no_sockets=True))
    assert "folder" in said, said


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that other users may enter, unlike those of pytest."""
    folder = Path(tempfile.mkdtemp(prefix="geocn-test-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def _other_user() -> int | None:
    """To whom rights apply: root passes them by."""
    return NOBODY if os.name == "posix" and os.geteuid() == 0 else None


def test_a_folder_that_may_not_be_written_to(warm: Forker, open_folder: Path) -> None:
    project = write_tiny(open_folder / "project")
    out = open_folder / "out"
    first = warm.run(Ask(str(project), str(out), "2026-01-01"))
    out.chmod(0o555)
    said = warm.run(Ask(str(project), str(out), "2026-01-02", user=_other_user()))
    assert said.get("error") == "WriteError", said
    assert "cannot be written to" in said["words"]
    said = warm.run(Ask(str(project), str(out / "deeper"), "2026-01-02", user=_other_user()))
    assert said.get("error") == "WriteError", said
    out.chmod(0o755)
    assert_untouched(out, first)


@pytest.mark.parametrize("hidden", ["project.toml", "ngo.toml", "partners/police.csv"])
def test_a_file_that_may_not_be_read(warm: Forker, open_folder: Path, hidden: str) -> None:
    project = write_tiny(open_folder / "project")
    open_folder.chmod(0o777)
    (project.parent / hidden).chmod(0o000)
    out = str(open_folder / "out")
    said = warm.run(Ask(str(project), out, "2026-01-01", user=_other_user()))
    assert said["typed"], said
    assert Path(hidden).name in said["words"]


def test_an_output_that_is_a_file(warm: Forker, tiny: Path, tmp_path: Path) -> None:
    (tmp_path / "out").write_text("not a folder")
    said = warm.run(Ask(str(tiny), str(tmp_path / "out"), "2026-01-01"))
    assert said.get("error") == "WriteError", said
    assert (tmp_path / "out").read_text() == "not a folder"


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of two megabytes."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)]
    done = (
        subprocess.run(command, capture_output=True, text=True, check=False)
        if shutil.which("mount")
        else None
    )
    if done is None or done.returncode:
        why = "there is no mount" if done is None else done.stderr.strip()
        pytest.skip(f"a small file system cannot be mounted here: {why}")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=False)


@pytest.mark.slow
def test_a_disk_that_fills_up(warm: Forker, tiny: Path, small_disk: Path) -> None:
    out, whole, full = small_disk / "out", 0, 0
    for k in range(8):
        said = warm.run(Ask(str(tiny), str(out), f"2026-01-0{k + 1}"))
        if "folder" in said:
            whole += 1
            assert (out / "latest").resolve() == Path(said["folder"])
        else:
            full += 1
            assert said["error"] == "WriteError", said
        for folder in runs_in(out):
            assert_whole(folder)
        assert list(out.glob(".geocn-tmp-*")) == []
    assert full
    assert whole


@pytest.mark.slow
def test_the_same_bytes_under_other_conditions(
    warm: Forker, tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = stable_bytes(
        Path(warm.run(Ask(str(tiny), str(tmp_path / "right"), "2026-01-01"))["folder"])
    )
    others = {
        "elsewhere": {
            "TZ": "Asia/Kabul",
            "LC_ALL": "C",
            "LANG": "tr_TR.UTF-8",
            "HOME": "/nonexistent",
            "PYTHONHASHSEED": "11",
            "NUMBA_NUM_THREADS": "2",
            "OMP_NUM_THREADS": "2",
        },
        "plain Python": {"NUMBA_DISABLE_JIT": "1", "NUMBA_NUM_THREADS": "1"},
    }
    for name, environment in others.items():
        with forker("--cold", **environment) as other:
            said = other.run(Ask(str(tiny), str(tmp_path / name), "2026-01-01", no_sockets=True))
        assert "folder" in said, (name, said)
        assert stable_bytes(Path(said["folder"])) == right, name
