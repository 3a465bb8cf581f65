import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from geocn import cli

POLICE = """\
id;Fecha;Longitud;Latitud;Droga;Cantidad;Unidad
P1;25/01/2024;-77,50;0,50;Cocaína;12,5;kg
P2;26/02/2025;-77,51;0,51;Cocaína;3,0;kg
P3;31/02/2025;-77,52;0,52;\x1b[31mred;1,5;kg
"""
PROJECT = """\
title = "Small"
as_of = 2025-12-31

[[layers.seizures]]
path = "police.csv"
source = "Police"
marking = "TLP:GREEN"

[outputs]
formats = ["parquet", "html"]
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "police.csv").write_text(POLICE, "utf-8")
    (folder / "project.toml").write_text(PROJECT, "utf-8")
    return folder / "project.toml"


def call(*arguments: object) -> Result:
    return CliRunner().invoke(cli.app, [str(one) for one in arguments])


def test_help_names_every_command() -> None:
    said = call("--help").stdout
    assert all(name in said for name in ("demo", "run", "check", "inspect"))


def test_run_says_where_the_map_is(project: Path, tmp_path: Path) -> None:
    done = call("run", project, "--out", tmp_path / "out")
    assert done.exit_code == 0, done.stderr
    maps = [line.split("\t")[1] for line in done.stdout.splitlines() if line.startswith("map\t")]
    assert [Path(path).name for path in maps] == ["map.html"]
    assert Path(maps[0]).is_file()
    assert "seizures\tpolice.csv\t3\t2\t1\t0" in done.stdout
    assert done.stderr == ""


def test_period_and_cut_off_reach_the_run(project: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = call("run", project, "--out", out, "--period", "2025", "--as-of", "2025-06-30")
    assert done.exit_code == 0, done.stderr
    manifest = json.loads((out / "latest/manifest.json").read_text("utf-8"))
    assert (manifest["period"], manifest["as_of"]) == ("2025", "2025-06-30")
    assert manifest["layers"]["seizures"] == {"rows": 1, "out_of_period": 1}


def test_check_is_quiet_about_a_good_project(project: Path) -> None:
    done = call("check", project)
    assert done.exit_code == 0, done.stderr
    assert done.stdout.splitlines()[-1].startswith("ok\t")
    assert sorted(p.name for p in project.parent.iterdir()) == ["police.csv", "project.toml"]


@pytest.mark.parametrize(
    ("old", "new", "code", "said"),
    [
        ("marking", "markings", 2, "project.toml, line 7, key layers.seizures[0].markings"),
        ("title =", "title ", 2, "line 1: this is not TOML"),
        ("police.csv", "none.csv", 2, "line 5, key layers.seizures[0].path"),
        ('source = "Police"', 'delimiter = "@"', 3, "police.csv"),
        ('source = "Police"', 'on_invalid = "raise"', 3, "1 row"),
    ],
)
@pytest.mark.parametrize("command", ["run", "check"])
def test_failures_are_lines_and_codes(
    project: Path, command: str, old: str, new: str, code: int, said: str
) -> None:
    project.write_text(PROJECT.replace(old, new), "utf-8")
    done = call(command, project)
    assert done.exit_code == code
    assert said in done.stderr
    assert all(line.startswith("geocn: ") for line in done.stderr.splitlines())
    assert "Traceback" not in done.stdout + done.stderr
    assert not (project.parent / "out/latest").exists()


def test_bad_values_on_the_command_line(project: Path, tmp_path: Path) -> None:
    for option, value in (("--period", "soon"), ("--as-of", "31/12/2025")):
        done = call("run", project, option, value)
        assert done.exit_code == 2
        assert value in done.stderr
    (tmp_path / "file").touch()
    done = call("run", project, "--out", tmp_path / "file")
    assert done.exit_code == 6
    assert "cannot be written" in done.stderr


def test_inspect_shows_how_a_file_is_understood(project: Path) -> None:
    done = call("inspect", project.parent / "police.csv", "--as", "seizures")
    assert done.exit_code == 0, done.stderr
    assert "Fecha" in done.stdout
    assert "seized_at" in done.stdout
    assert "would load" in done.stdout.splitlines()[-1]
    assert "rejected\t1\t33.33%" in done.stdout
    assert "\x1b" not in done.stdout


def test_inspect_takes_fields_and_options(project: Path) -> None:
    file = project.parent / "other.csv"
    file.write_text("tag,wann,x,y,what,much\nA,2025-02-01,-77,1,cocaine,3\n", "utf-8")
    done = call(
        *("inspect", file, "--as", "seizures", "--option", "units=kg"),
        *("--field", "seized_at=wann", "--field", "longitude=x", "--field", "latitude=y"),
        *("--field", "drug=what", "--field", "quantity=much"),
    )
    assert done.exit_code == 0, done.stderr
    assert "wann\tseized_at" in done.stdout


def test_inspect_fails_on_what_would_not_load(project: Path) -> None:
    file = project.parent / "broken.csv"
    file.write_text("a,b\n1,2\n", "utf-8")
    done = call("inspect", file, "--as", "seizures")
    assert done.exit_code == 3
    assert "would not load" in done.stdout
    assert call("inspect", project.parent / "none.csv", "--as", "seizures").exit_code == 3
    assert call("inspect", file, "--as", "ships").exit_code == 2
    for wrong in ("colour=red", "crs"):
        done = call("inspect", file, "--as", "seizures", "--option", wrong)
        assert done.exit_code == 2
        assert done.stderr.startswith("geocn: --option")


def test_inspect_joins_places(project: Path) -> None:
    towns = project.parent / "towns.csv"
    towns.write_text("name,longitude,latitude\nTumaco,-78.8,1.8\n", "utf-8")
    file = project.parent / "named.csv"
    file.write_text("date,country,place,drug,kg\n2025-01-02,Colombia,TUMACO,cocaine,1\n", "utf-8")
    done = call("inspect", file, "--as", "seizures", "--places", towns)
    assert done.exit_code == 0, done.stderr
    assert "places matched\t100.00%" in done.stdout


def test_an_interrupted_run_leaves_the_previous_whole(project: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert call("run", project, "--out", out).exit_code == 0
    before = {p: p.read_bytes() for p in out.rglob("*/*") if p.is_file()}
    # A pipe without a writer: the reader waits on it until it is interrupted.
    slow = PROJECT + '\n[[layers.seizures]]\npath = "more.csv"\nsource = "More"\n'
    rows = "".join(f"{n};25/01/2024;-77,5;0,5;Cocaína;12,5;kg\n" for n in range(400_000))
    (project.parent / "more.csv").write_text(POLICE + rows, "utf-8")
    project.write_text(slow, "utf-8")
    command = [sys.executable, "-m", "geocn.cli", "run", str(project), "--out", str(out)]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 60
    while not list(out.glob(".geocn-tmp-*")) and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert said.strip().splitlines()[-1] == "geocn: interrupted; the previous run is whole"
    # What was read before the end may be kept in the cache.
    assert {p: p.read_bytes() for p in before} == before
    assert list(out.glob(".geocn-tmp-*")) == []


def test_the_process_skips_drivers_that_reach_out() -> None:
    code = (
        "import sys; sys.argv = ['geocn', '--help']\n"
        "from geocn.cli import main\n"
        "try: main()\nexcept SystemExit: pass\n"
        "import pyogrio; print('VRT' in str(pyogrio.list_drivers()))"
    )
    environment = {k: v for k, v in os.environ.items() if k != "GDAL_SKIP"}
    said = subprocess.check_output([sys.executable, "-c", code], text=True, env=environment)
    assert said.splitlines()[-1] == "False"


@pytest.mark.slow
def test_the_demo_runs_without_a_word_on_stderr(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "geocn.cli", "demo", "--out", str(tmp_path / "demo")]
    environment = {k: v for k, v in os.environ.items() if k != "GDAL_SKIP"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=True)
    assert done.stderr == ""
    maps = [Path(line.split("\t")[1]) for line in done.stdout.splitlines() if line[:4] == "map\t"]
    assert [path.parent.name for path in maps] == ["joint", "military", "ngo", "public"]
    assert all(path.stat().st_size > 200_000 for path in maps)
