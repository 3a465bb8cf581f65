import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from geocn.project.lock import held
from tests.cli.test_cli import POLICE, PROJECT, call

ROOT = Path(__file__).parents[2]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "police.csv").write_text(POLICE, "utf-8")
    text = PROJECT.replace('["parquet", "html"]', '["parquet"]')
    (folder / "project.toml").write_text(text.replace("police.csv", "pol*.csv"), "utf-8")
    return folder / "project.toml"


def events(text: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in text.splitlines()]


def test_what_is_there_is_said_and_nothing_heavy_loads(project: Path) -> None:
    first = call("run", project, "--log", "json")
    assert first.exit_code == 0, first.output
    told = events(first.stderr)
    assert [one["event"] for one in told if one["event"] != "step"] == ["start", "run", "end"]
    run = next(one for one in told if one["event"] == "run")
    assert (run["status"], run["rows_in"], run["rows_rejected"]) == ("new", 3, 1)
    assert run["run_id"] == (project.parent / "out/latest").readlink().as_posix()
    assert all(re.fullmatch(r"20\d\d-.*\+00:00", str(one["time"])) for one in told)

    code = (
        "import sys; sys.argv = ['geocn', 'run', sys.argv[1]]\n"
        "from geocn.cli import main\n"
        "try: main()\nexcept SystemExit as end: print('code', end.code)\n"
        "print(sorted({'pandas', 'geopandas', 'shapely', 'numba'} & set(sys.modules)))"
    )
    before_s = os.times().children_user
    done = subprocess.run(
        [sys.executable, "-c", code, str(project)], capture_output=True, text=True, check=True
    )
    lines = done.stdout.splitlines()
    assert lines[0] == "unchanged"
    assert lines[1].startswith("folder\t")
    assert lines[-2:] == ["code 0", "[]"]
    assert os.times().children_user - before_s < 2.0


def test_the_lock_a_plan_and_a_bad_mix_have_their_codes(project: Path) -> None:
    plan = call("run", project, "--dry-run")
    assert plan.exit_code == 0, plan.output
    assert "police.csv\tnew" in plan.stdout
    assert "would be new\t" in plan.stdout
    assert not (project.parent / "out").exists()
    with held(project.parent / "out"):
        locked = call("run", project)
    assert locked.exit_code == 4
    assert f"process {os.getpid()}" in locked.stderr
    mixed = call("run", project, "--period", "2025", "--since", "2025")
    assert mixed.exit_code == 2
    bad = call("run", project, "--as-of", "soon", "--log", "json")
    assert bad.exit_code == 2
    assert events(bad.stderr)[-1]["event"] == "error"
    assert events(bad.stderr)[-1]["code"] == 2


def test_since_prints_a_folder_a_period(project: Path) -> None:
    done = call("run", project, "--since", "2024-07", "--every", "quarter", "--as-of", "2025-03-31")
    assert done.exit_code == 0, done.output
    folders = [Path(one).name for one in re.findall(r"^folder\t(.*)$", done.stdout, re.MULTILINE)]
    assert [name[:7] for name in folders] == ["2024-Q3", "2024-Q4", "2025-Q1"]
    again = call(
        "run", project, "--since", "2024-07", "--every", "quarter", "--as-of", "2025-03-31"
    )
    assert again.stdout.count("unchanged") == 3


def test_a_partial_run_has_its_code(project: Path) -> None:
    text = project.read_text("utf-8").replace('marking = "TLP:GREEN"\n', "")
    release = '[[releases]]\nname = "ngo"\nprofile = "ngo.toml"\n'
    project.write_text(f"{text}\n{release}", "utf-8")
    profile = 'partner = "ngo"\nmax_marking = "TLP:GREEN"\n[layers]\nseizures = ["drug"]\n'
    (project.parent / "ngo.toml").write_text(profile, "utf-8")
    assert call("run", project).exit_code == 3
    partial = call("run", project, "--keep-going")
    assert partial.exit_code == 5, partial.output
    assert "release ngo\t" in partial.stdout
    assert "\npartial\n" in partial.stdout


def test_of_a_run_only_the_log_reads_the_clock() -> None:
    clock = re.compile(r"\btime_ns\(|\.utcnow\(|gmtime\(|localtime\(")
    package = ROOT / "geocn"
    found = {
        path.relative_to(package).as_posix()
        for path in package.rglob("*.py")
        if clock.search(path.read_text("utf-8"))
    }
    # A door that serves looks whether a release has expired.
    assert found <= {"_cli_log.py", "serve/app.py"}
    assert "_cli_log.py" in found


@pytest.fixture
def watching(project: Path) -> Iterator[subprocess.Popen[str]]:
    pytest.importorskip("watchfiles")
    command = [sys.executable, "-m", "geocn.cli", "run", str(project), "--watch", "--log", "json"]
    process = subprocess.Popen(
        [*command, "--rest", "0.4"], stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()


def _until(process: "subprocess.Popen[str]", *wanted: str) -> dict[str, object]:
    assert process.stderr is not None
    for line in process.stderr:
        told = json.loads(line)
        if told["event"] in wanted:
            return dict(told)
    raise AssertionError(f"no {wanted} before the end")


@pytest.mark.skipif(os.name == "nt", reason="signals")
@pytest.mark.timeout(240)
def test_a_watch_runs_again_when_a_file_is_dropped_and_goes_on_after_an_error(
    project: Path, watching: "subprocess.Popen[str]"
) -> None:
    assert _until(watching, "run")["status"] == "new"
    assert _until(watching, "end")["new"] == 1
    more = project.parent / "police-2.csv"
    with more.open("w", encoding="utf-8") as stream:
        for line in POLICE.replace("P1", "Q1").replace("P2", "Q2").splitlines(keepends=True):
            stream.write(line)
            stream.flush()
            time.sleep(0.1)
    second = _until(watching, "run", "error")
    assert (second["event"], second["files"], second["rows_in"]) == ("run", 2, 6)
    more.write_bytes(b"\x00\x01")
    assert _until(watching, "error")["kind"] in ("ReadError", "LayerError", "SchemaError")
    more.unlink()
    assert _until(watching, "run")["status"] == "unchanged"
    _until(watching, "end")
    watching.send_signal(signal.SIGTERM)
    out, _ = watching.communicate(timeout=60)
    assert watching.returncode == 0
    assert out.splitlines()[-1].startswith("stopped\t")


def test_memory_that_runs_out_is_a_line_and_a_code(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise MemoryError

    assert call("run", project).exit_code == 0
    before = (project.parent / "out/latest").readlink()
    monkeypatch.setattr("geocn.project.job.record_of", full)
    done = call("run", project, "--as-of", "2026-06-30")
    assert done.exit_code == 9
    assert done.stderr.splitlines() == ["geocn: out of memory; the previous run is whole"]
    assert (project.parent / "out/latest").readlink() == before
    assert not list((project.parent / "out").glob(".geocn-tmp-*"))
