"""What a door checks before it opens, and what it does when the disk changes afterwards."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from geocn.errors import ParameterError, ReadError
from geocn.serve import application
from tests.serve.conftest import FILES, knock, point, sums, write_run

MAKE = Callable[..., Path]


def test_a_run_an_out_folder_and_latest_are_the_same_door(fresh: MAKE) -> None:
    run = fresh()
    out = run.parent
    for path in (run, out, out / "latest", str(out)):
        assert knock(path).get("/map.html").content == FILES["map.html"]
    # Where links are refused, a run leaves a text file in place of the link.
    (out / "latest").unlink()
    (out / "latest.txt").write_text(f"{run.name}\n", "utf-8")
    assert knock(out).get("/map.html").status_code == 200
    assert knock(out / "latest").get("/map.html").status_code == 200


def test_the_joint_folder_is_never_served(fresh: MAKE) -> None:
    run = fresh()
    with pytest.raises(ParameterError, match=r"joint folder .* never served"):
        application(run, profile="joint")
    for name in ("../joint", "..", "", ".", "ngo/layers", "/", "ngo\0", "nobody"):
        with pytest.raises(ParameterError, match="it has: ngo"):
            application(run, profile=name)


@pytest.mark.parametrize("path", ["", "nowhere", "2025-aaaa/joint", "2025-aaaa/releases/ngo"])
def test_what_is_no_run(tmp_path: Path, path: str) -> None:
    write_run(tmp_path / "out")
    with pytest.raises(ParameterError, match="no run"):
        application(tmp_path / ("out/" + path if path else ""), profile="ngo")


@pytest.mark.parametrize("target", ["..", "../elsewhere", "/", "gone", "a/b"])
def test_latest_leads_nowhere_else(fresh: MAKE, target: str) -> None:
    out = fresh().parent
    write_run(out.parent / "elsewhere")
    (out / "latest").unlink()
    (out / "latest").symlink_to(target)
    with pytest.raises((ReadError, ParameterError)):
        application(out, profile="ngo")


def test_all_faults_are_named_before_anything_is_served(fresh: MAKE) -> None:
    run = fresh()
    folder = run / "releases/ngo"
    (folder / "map.html").write_bytes(b"other")
    (folder / "layers.gpkg").unlink()
    (folder / "brief.html").unlink()
    (folder / "brief.html").symlink_to(run / "joint/layers.gpkg")
    with pytest.raises(ReadError) as error:
        application(run, profile="ngo")
    told = str(error.value)
    assert "3 files" in told
    assert all(name in told for name in ("map.html", "layers.gpkg", "brief.html"))
    assert "Run the project again" in told


def test_a_folder_that_is_a_link_is_not_entered(fresh: MAKE) -> None:
    run = fresh()
    folder = run / "releases/ngo/layers"
    shutil.move(folder, run / "moved")
    folder.symlink_to(run / "moved")
    with pytest.raises(ReadError, match="layers/seizures"):
        application(run, profile="ngo")


def test_lists_that_disagree_or_were_made_by_someone_else(fresh: MAKE) -> None:
    run = fresh()
    folder = run / "releases/ngo"
    (folder / "map.html").write_bytes(b"other")
    sums(folder)
    with pytest.raises(ReadError, match="not the list that the run wrote"):
        application(run, profile="ngo")
    sums(run)
    with pytest.raises(ReadError, match=r"release\.json and SHA256SUMS disagree"):
        application(run, profile="ngo")


@pytest.mark.parametrize(
    "text",
    [b"", b"nonsense", b"\xff\xfe", b"0" * 64 + b"  ../../../etc/passwd\n",
     b"0" * 64 + b"  /etc/passwd\n", b"0" * 64 + b"  a\\b\n", b"0" * 64 + b"  a\0b\n"],
)  # fmt: skip
def test_lists_that_cannot_be_read(fresh: MAKE, text: bytes) -> None:
    run = fresh()
    (run / "releases/ngo/SHA256SUMS").write_bytes(text)
    sums(run)
    with pytest.raises(ReadError, match="SHA256SUMS"):
        application(run, profile="ngo")


@pytest.mark.parametrize(
    ("text", "why"),
    [("{", "no JSON"), ("[]", "outputs"), ('{"outputs": 1}', "outputs"), ("", "no JSON"),
     ('{"outputs": {}, "expires_on": "soon"}', "no date"),
     ('{"outputs": {"../joint/layers.gpkg": null}}', "not in SHA256SUMS")],
)  # fmt: skip
def test_manifests_that_cannot_be_read(fresh: MAKE, text: str, why: str) -> None:
    run = fresh()
    (run / "releases/ngo/release.json").write_text(text, "utf-8")
    sums(run / "releases/ngo")
    sums(run)
    with pytest.raises(ReadError, match=why):
        application(run, profile="ngo")


def test_only_what_both_lists_name_has_a_url(fresh: MAKE) -> None:
    run = fresh()
    folder = run / "releases/ngo"
    told = json.loads((folder / "release.json").read_text("utf-8"))
    del told["outputs"]["brief.html"]
    (folder / "release.json").write_text(json.dumps(told), "utf-8")
    sums(folder)
    sums(run)
    door = knock(run)
    assert door.get("/map.html").status_code == 200
    # They stand in SHA256SUMS, but the release does not say that they are its own.
    assert door.get("/brief.html").status_code == 404
    assert door.get("/unlisted.txt").status_code == 404


def _rewrite(path: Path) -> None:
    path.write_bytes(b"x" * path.stat().st_size)


def _keep_times(path: Path) -> None:
    before = path.stat()
    _rewrite(path)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def _link(path: Path) -> None:
    path.unlink()
    path.symlink_to(path.parents[2] / "joint/layers.gpkg")


def _pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def _folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize("change", [_rewrite, _keep_times, _link, _pipe, _folder, Path.unlink])
def test_a_file_changed_afterwards_is_refused(fresh: MAKE, change: Callable) -> None:
    run = fresh()
    door = knock(run)
    change(run / "releases/ngo/map.html")
    for part in ({}, {"range": "bytes=0-3"}):
        got = door.get("/map.html", part)
        assert got.status_code == 503
        assert "map.html" in got.text
        assert "not served" in got.text
    assert door.get("/brief.html").status_code == 200


def test_a_changed_file_is_read_once_a_change(fresh: MAKE, monkeypatch) -> None:
    from geocn.serve import holding

    run = fresh()
    door = knock(run)
    real, read = holding._digest, []
    monkeypatch.setattr(holding, "_digest", lambda handle: (read.append(handle), real(handle))[1])
    assert door.get("/map.html").status_code == 200
    assert read == []
    for _ in range(2):
        _rewrite(run / "releases/ngo/map.html")
        for _ in range(5):
            assert door.get("/map.html").status_code == 503
    assert len(read) == 2


def test_the_same_bytes_brought_back_are_served_again(fresh: MAKE) -> None:
    run = fresh()
    door = knock(run)
    file = run / "releases/ngo/map.html"
    file.unlink()
    assert door.get("/map.html").status_code == 503
    file.write_bytes(FILES["map.html"])
    assert door.get("/map.html").content == FILES["map.html"]


def test_a_file_written_to_while_it_is_sent_breaks_off(fresh: MAKE, monkeypatch) -> None:
    from geocn.serve import door as module
    from geocn.serve.holding import ChangedFileError, Opened

    run = fresh()
    client = knock(run)
    monkeypatch.setattr(module, "_CHUNK", 1000)
    real, parts = Opened.read, []

    def reading(self: Opened, start: int, length: int) -> bytes:
        if start == 3000:
            _rewrite(run / "releases/ngo/layers/seizures.parquet")
        parts.append(real(self, start, length))
        return parts[-1]

    monkeypatch.setattr(Opened, "read", reading)
    with pytest.raises(ChangedFileError):
        client.get("/layers/seizures.parquet")
    assert b"".join(parts) == FILES["layers/seizures.parquet"][:3000]


@pytest.mark.skipif(not Path("/dev/fd").is_dir(), reason="this system lists no open files")
def test_handles_are_closed(fresh: MAKE) -> None:
    client = knock(fresh())

    def n_open() -> int:
        return len(list(Path("/dev/fd").iterdir()))

    client.get("/map.html")
    before = n_open()
    for _ in range(5):
        client.get("/map.html")
        client.head("/layers.gpkg")
        client.get("/layers.gpkg", {"range": "bytes=1-2"})
        client.get("/nothing")
    assert n_open() == before


def test_without_follow_a_door_stays_with_its_run(fresh: MAKE) -> None:
    out = fresh().parent
    door = knock(out)
    write_run(out, "2026-bbbb", title="Newer")
    assert "Newer" not in door.get("/").text
    assert "Newer" in knock(out).get("/").text


def test_following_latest(fresh: MAKE) -> None:
    first = fresh()
    out, notes = first.parent, []
    door = knock(out, follow=True, log=lambda visit: notes.append(visit.note))
    assert "Newer" not in door.get("/").text
    second = write_run(out, "2026-bbbb", title="Newer")
    assert "Newer" in door.get("/").text
    assert any("2026-bbbb" in note for note in notes)
    # What was withdrawn from the newest run must not go on being served from the one before.
    (second / "releases/ngo").rename(second / "releases/withdrawn")
    third = write_run(out, "2027-cccc")
    shutil.rmtree(third / "releases/ngo")
    got = door.get("/map.html")
    assert (got.status_code, "newest run" in got.text) == (503, True)
    point(out, first.name)
    assert door.get("/map.html").status_code == 200
    (out / "latest").unlink()
    assert door.get("/map.html").status_code == 503
    point(out, first.name)
    assert door.get("/map.html").status_code == 200


def test_following_sees_a_run_that_was_written_again(fresh: MAKE) -> None:
    run = fresh()
    door = knock(run.parent, follow=True)
    shutil.move(run, run.with_name("old"))
    write_run(run.parent, run.name, title="Again")
    assert "Again" in door.get("/").text


def test_follow_needs_something_to_follow(fresh: MAKE) -> None:
    with pytest.raises(ParameterError, match="follow"):
        application(fresh(), profile="ngo", follow=True)
