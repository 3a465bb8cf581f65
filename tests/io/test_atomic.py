"""A file is whole or is the previous version: kill -9, a size limit, a failing writer."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from geocn.errors import WriteError
from geocn.io.atomic import atomic_file, atomic_folder, safe_name, sha256_file, sweep_stale

WRITER = """
import sys
from pathlib import Path
from geocn.io.atomic import atomic_file, atomic_folder
kind, target = sys.argv[1], Path(sys.argv[2])
print("ready", flush=True)
for i in range(10**6):
    text = str(i % 10) * 200_000
    if kind == "file":
        with atomic_file(target) as path:
            path.write_text(text)
    else:
        with atomic_folder(target) as folder:
            for name in "abc":
                (folder / name).write_text(text)
"""


def left(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_writes_replaces_and_leaves_nothing_else(tmp_path: Path) -> None:
    target = tmp_path / "layer.gpkg"
    for text in ("one", "two"):
        with atomic_file(target) as path:
            path.write_text(text)
            path.with_name("layer.gpkg-journal").write_text("rest")
        assert target.read_text() == text
    assert left(tmp_path) == ["layer.gpkg"]


def test_a_failing_writer_keeps_the_previous_version(tmp_path: Path) -> None:
    target = tmp_path / "a.txt"
    target.write_text("old")

    def fail() -> None:
        with atomic_file(target) as path:
            path.write_text("half")
            raise KeyError("writer")

    with pytest.raises(KeyError):
        fail()
    with pytest.raises(WriteError, match="nothing was written"), atomic_file(target):
        pass
    assert target.read_text() == "old"
    assert left(tmp_path) == ["a.txt"]


def test_a_missing_or_read_only_folder_is_a_write_error(tmp_path: Path) -> None:
    with pytest.raises(WriteError), atomic_file(tmp_path / "no" / "a.txt"):
        pass
    target = tmp_path / "folder"
    target.mkdir()
    with pytest.raises(WriteError, match="untouched"), atomic_file(target) as path:
        path.write_text("a file cannot replace a folder")
    assert left(tmp_path) == ["folder"]


def test_a_folder_is_replaced_as_a_whole(tmp_path: Path) -> None:
    target = tmp_path / "run"
    for names in ({"a", "b"}, {"b", "c"}):
        with atomic_folder(target) as folder:
            for name in names:
                (folder / name).write_text(name)
        assert set(left(target)) == names
    assert left(tmp_path) == ["run"]


def test_a_folder_is_replaced_where_names_cannot_be_exchanged(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("geocn.io.atomic._exchange", lambda *_: False)
    test_a_folder_is_replaced_as_a_whole(tmp_path)


def test_a_swap_cut_in_two_is_undone_by_the_sweep(tmp_path: Path) -> None:
    stale = tmp_path / ".geocn-tmp-x"
    (stale / ".geocn-old-run").mkdir(parents=True)
    (stale / ".geocn-old-run" / "a").write_text("old")
    assert sweep_stale(tmp_path) == [stale]
    assert (tmp_path / "run" / "a").read_text() == "old"


def test_the_sweep_leaves_living_writers_alone(tmp_path: Path) -> None:
    with atomic_file(tmp_path / "a") as path:
        assert sweep_stale(tmp_path) == []
        path.write_text("x")
    assert left(tmp_path) == ["a"]


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_killed_at_any_moment_the_target_is_whole(kind: str, tmp_path: Path) -> None:
    target = tmp_path / "out"
    for delay in (0.005, 0.02, 0.05, 0.11):
        process = subprocess.Popen(
            [sys.executable, "-c", WRITER, kind, str(target)], stdout=subprocess.PIPE
        )
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(delay)
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
        sweep_stale(tmp_path)
        files = [target] if kind == "file" else sorted(target.glob("*"))
        if target.exists():
            texts = {path.read_text() for path in files}
            assert len(texts) == 1, "a mixture of two versions"
            assert {len(text) for text in texts} == {200_000}
            assert kind == "file" or len(files) == 3
        assert left(tmp_path) in ([], ["out"])


LIMITED = """
import resource, sys
from pathlib import Path
from geocn.errors import WriteError
from geocn.io.atomic import atomic_file
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), int(sys.argv[2])))
try:
    with atomic_file(sys.argv[1]) as path:
        path.write_bytes(b"n" * 100_000)
except WriteError:
    print("refused")
"""


@pytest.mark.parametrize("limit", [0, 1, 4096, 65_536, 99_999])
def test_at_a_size_limit_the_previous_version_stays(limit: int, tmp_path: Path) -> None:
    target = tmp_path / "out.bin"
    target.write_bytes(b"old")
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, str(target), str(limit)], capture_output=True, text=True
    )
    assert done.stdout.strip() == "refused", done.stderr
    assert target.read_bytes() == b"old"
    assert left(tmp_path) == ["out.bin"]


@pytest.mark.parametrize(
    "text",
    [
        *("../x", "/etc/passwd", "CON", "nul.txt", "x" * 300, "a\0b", "", ".", "..", ".hidden"),
        *("a/b", "a\\b", "<img onerror=1>", "\u202eevil", "ñ" * 100, "日本" * 60),
    ],
)
def test_names_from_data_are_safe(text: str, tmp_path: Path) -> None:
    name = safe_name(text)
    path = tmp_path / name
    path.write_text("x")
    assert path.resolve().parent == tmp_path.resolve()
    assert len(name.encode()) <= 180
    assert not name.startswith(".")


@given(st.text(), st.text())
def test_two_texts_never_share_a_name(one: str, other: str) -> None:
    import unicodedata

    same = unicodedata.normalize("NFC", one) == unicodedata.normalize("NFC", other)
    spaced = one.replace(" ", "_") == other.replace(" ", "_")
    if not same and not spaced:
        assert safe_name(one) != safe_name(other)


def test_sha256(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"abc")
    assert sha256_file(path).startswith("ba7816bf8f01cfea")
    assert os.fspath(path)
