"""A year of monthly runs with late and corrected rows and two crashes, against one clean run."""

from __future__ import annotations

import calendar
import json
import signal
from pathlib import Path

import pytest

from tests.faults.runs import (
    ALL,
    TABLES,
    Ask,
    Forker,
    Said,
    assert_whole,
    runs_in,
    stable_bytes,
    write_tiny,
)

HEADER = "id,date,longitude,latitude,drug,amount,unit"
ROWS_A_MONTH = 30
CRASHES = (4, 9)
AGAIN = 6


def row(month: int, number: int, *, corrected: bool) -> str:
    """A seizure as first reported, or as corrected later: another weight, another place."""
    lon, lat = -77.9 + (number * month) % 7 / 5, 0.2 + (number + month) % 5 / 4
    weight = number + month / 10 + (1000 if corrected else 0)
    shift = 0.01 if corrected else 0.0
    when = f"2024-{month:02d}-{number % 28 + 1:02d}"
    return f"P{month}-{number},{when},{lon + shift:.3f},{lat:.3f},Cocaine,{weight:.1f},kg"


def known_in(month: int, now: int) -> list[str]:
    """What is known of ``month`` in the month ``now``: some rows are late, some corrected."""
    late = {n for n in range(ROWS_A_MONTH) if n % 10 == 0} if now == month else set()
    wrong = {n for n in range(ROWS_A_MONTH) if n % 7 == 3}
    return [
        row(month, n, corrected=n in wrong and now >= month + 2)
        for n in range(ROWS_A_MONTH)
        if n not in late
    ]


def write_files(project: Path, now: int) -> None:
    for month in range(1, now + 1):
        text = "\n".join([HEADER, *known_in(month, now), ""])
        path = project.parent / f"partners/police-{month:02d}.csv"
        if not path.exists() or path.read_text("utf-8") != text:
            path.write_text(text, "utf-8")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Tables of every month; beside it ``maps.toml``, the same with every format."""
    project = write_tiny(tmp_path / "project", formats=TABLES)
    text = project.read_text("utf-8").replace("partners/police.csv", "partners/police-*.csv")
    project.write_text(text, "utf-8")
    with_maps = text.replace(json.dumps(TABLES), json.dumps(ALL))
    assert with_maps != text
    (project.parent / "maps.toml").write_text(with_maps, "utf-8")
    (project.parent / "partners/police.csv").unlink()
    return project


def assert_same(said: Said, clean: Said) -> None:
    """Every period of a history has the bytes of one clean run."""
    assert set(clean["statuses"]) == {"new"}
    names = [Path(folder).name for folder in said["folders"]]
    assert names == [Path(folder).name for folder in clean["folders"]]
    for one, other in zip(said["folders"], clean["folders"], strict=True):
        assert stable_bytes(Path(one)) == stable_bytes(Path(other))


@pytest.mark.slow
@pytest.mark.timeout(3000)
def test_a_year_ends_in_the_bytes_of_one_clean_run(
    warm: Forker, project: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    taken_over = 0
    for now in range(1, 13):
        write_files(project, now)
        end = f"2024-{now:02d}-{calendar.monthrange(2024, now)[1]}"
        ask = Ask(str(project), str(out), end, since="2024-01")
        if now in CRASHES:
            whole = {folder.name for folder in runs_in(out)}
            hurt = Ask(
                str(project), str(out), end, since="2024-01", signal=signal.SIGKILL, after_s=0.3
            )
            assert warm.run(hurt)["signal"] == signal.SIGKILL
            for folder in runs_in(out):
                assert_whole(folder)
            assert whole <= {folder.name for folder in runs_in(out)}
        said = warm.run(ask)
        assert len(said["folders"]) == now, said
        # The month before gained late rows, and that before it corrections; the month after
        # each is compared with it. All others stay.
        kept = said["statuses"].count("unchanged")
        assert kept >= now - 4, (now, said["statuses"])
        taken_over += kept
        if now == AGAIN:
            assert set(warm.run(ask)["statuses"]) == {"unchanged"}
    assert taken_over >= 30
    clean = warm.run(Ask(str(project), str(tmp_path / "clean"), "2024-12-31", since="2024-01"))
    assert_same(said, clean)
    assert (out / "latest").resolve() == Path(said["folder"])


@pytest.mark.slow
def test_maps_of_late_and_corrected_rows_are_those_of_one_clean_run(
    warm: Forker, project: Path, tmp_path: Path
) -> None:
    maps = str(project.parent / "maps.toml")
    for now in (11, 12):
        write_files(project, now)
        end = f"2024-{now}-{calendar.monthrange(2024, now)[1]}"
        said = warm.run(Ask(maps, str(tmp_path / "out"), end, since="2024-11"))
    assert [Path(folder, "joint/map.html").is_file() for folder in said["folders"]] == [True] * 2
    assert_same(said, warm.run(Ask(maps, str(tmp_path / "clean"), end, since="2024-11")))
