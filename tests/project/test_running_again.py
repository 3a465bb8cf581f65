import json
import os
import shutil
from pathlib import Path

import pytest

from geocn import project as projects
from geocn.errors import ParameterError, ProjectError, SchemaError
from geocn.project import compute
from geocn.project.analyses import Hotspots
from geocn.project.cache import Cache
from geocn.project.file import ProjectFile
from geocn.project.outputs import UNSTABLE
from geocn.project.plan import plan_runs
from geocn.project.record import Request, is_whole, unchanged
from geocn.project.results import Results, World
from geocn.project.uses import narrowed, uses
from tests.project.test_running import files_of, hashes

YEAR = """\
title = "Months"
as_of = 2024-03-31

[[layers.seizures]]
path = "partners/seizures-*.csv"
source = "Police"
marking = "TLP:GREEN"

[[analyses]]
kind = "hotspots"
name = "cells"
grid = { kind = "square", cell_km = 50 }

[outputs]
folder = "out"
formats = ["parquet"]
"""
HEAD = "id,date,longitude,latitude,drug,quantity,unit\n"


def month(project: Path, number: int, *extra: str) -> None:
    rows = [
        f"M{number}-{n},2024-{number:02d}-{n + 1:02d},{-77 + n / 9:.3f},{1 + n % 4 / 9:.3f},"
        "Cocaine,2,kg\n"
        for n in range(12)
    ]
    file = project.parent / f"partners/seizures-2024-{number:02d}.csv"
    file.write_text(HEAD + "".join([*rows, *extra]), "utf-8")


@pytest.fixture
def year(tmp_path: Path) -> Path:
    """Three months, a file each; the third comes later."""
    file = tmp_path / "year/project.toml"
    (file.parent / "partners").mkdir(parents=True)
    file.write_text(YEAR, "utf-8")
    for number in (1, 2):
        month(file, number)
    return file


def same_bytes(one: Path, other: Path) -> set[str]:
    first, second = hashes(one), hashes(other)
    unlike = {name for name in {*first, *second} if first.get(name) != second.get(name)}
    return {name for name in unlike if not name.endswith((*UNSTABLE, "SHA256SUMS"))}


def test_only_the_periods_that_changed_are_run_again(year: Path, tmp_path: Path) -> None:
    def go() -> dict[str, projects.RunResult]:
        runs = projects.run_since(year, since="2024-01")
        return {str(one.manifest["period"]): one for one in runs}

    first = go()
    assert {one.status for one in first.values()} == {"new"}
    assert list(first) == ["2024-01", "2024-02", "2024-03"]
    assert first["2024-02"].manifest["as_of"] == "2024-02-29"
    assert (year.parent / "out/latest").resolve() == first["2024-03"].folder.resolve()

    month(year, 3)
    second = go()
    status = {name: one.status for name, one in second.items()}
    assert status == {"2024-01": "unchanged", "2024-02": "unchanged", "2024-03": "new"}
    previous = (year.parent / "out/previous").resolve()
    assert previous == first["2024-03"].folder.resolve()
    assert second["2024-03"].cached[:2] == [f"partners/seizures-2024-0{n}.csv" for n in (1, 2)]

    # A late row of February: March is compared with it, January does not know of it.
    month(year, 2, "LATE,2024-02-20,-76.5,1.1,Cocaine,9,kg\n")
    third = go()
    status = {name: one.status for name, one in third.items()}
    assert status == {"2024-01": "unchanged", "2024-02": "new", "2024-03": "new"}
    assert {one.status for one in go().values()} == {"unchanged"}
    assert len(third["2024-02"].layers["seizures"]) == 13

    clean = projects.run_since(year, since="2024-01", out=tmp_path / "clean")
    for run in clean:
        mine = third[run.manifest["period"]].folder
        assert mine.name == run.folder.name
        assert same_bytes(mine, run.folder) == set()


def test_since_is_checked(year: Path) -> None:
    with pytest.raises(ParameterError, match="since 2024-04 lies after the cut-off 2024-03-31"):
        projects.run_since(year, since="2024-04")
    with pytest.raises(ParameterError, match="every 'week'"):
        projects.run_since(year, since="2024-01", every="week")


def test_what_is_computed_again_is_what_its_inputs_touch(project: Path) -> None:
    first = projects.run(project)
    assert first.cached == []
    again = projects.run(project)
    assert (again.status, again.folder) == ("unchanged", first.folder)
    assert list(again.results) == ["cells"]
    assert len(again.layers["seizures"]) == 5

    sites = project.parent / "sites.csv"
    sites.write_text(sites.read_text("utf-8") + "S3,prevention,Club,ngo,active,-77.2,1.0,\n")
    moved = projects.run(project)
    assert moved.status == "new"
    assert {"cells", "partners/navy.csv", "partners/police.csv"} <= set(moved.cached)
    assert "sites.csv" not in moved.cached
    navy = project.parent / "partners/navy.csv"
    navy.write_text(navy.read_text("utf-8") + "N2,2025-05-15,-77.6,0.6,Cocaine,1,kg,Bay\n")
    assert "cells" not in projects.run(project).cached


def test_cold_and_warm_runs_write_the_same_bytes(project: Path, tmp_path: Path) -> None:
    cold = projects.run(project)
    before = shutil.copytree(cold.folder, tmp_path / "cold")
    shutil.rmtree(cold.folder)
    warm = projects.run(project)
    assert "cells" in warm.cached
    assert same_bytes(before, warm.folder) == set()
    plain = projects.run(project, cache=False)
    assert (plain.status, plain.cached) == ("new", [])
    assert same_bytes(before, plain.folder) == set()


@pytest.mark.parametrize("damage", ["cut", "gone", "sums"])
def test_a_damaged_run_is_made_afresh(project: Path, damage: str) -> None:
    first = projects.run(project)
    before = hashes(first.folder)
    file = first.folder / "joint/layers/seizures.parquet"
    if damage == "cut":
        file.write_bytes(file.read_bytes()[:-7])
    elif damage == "gone":
        file.unlink()
    else:
        (first.folder / "SHA256SUMS").write_text("", "utf-8")
    assert not is_whole(first.folder)
    again = projects.run(project)
    assert again.status == "new"
    assert hashes(again.folder) == before


def test_a_file_that_hides_its_change_is_seen(project: Path) -> None:
    projects.run(project)
    request = Request(project)
    assert unchanged(request) is not None
    navy = project.parent / "partners/navy.csv"
    seen = navy.stat()
    navy.write_text(navy.read_text("utf-8").replace("700.123", "700.124"), "utf-8")
    os.utime(navy, ns=(seen.st_atime_ns, seen.st_mtime_ns))
    assert unchanged(request) is None
    navy.write_text(navy.read_text("utf-8").replace("700.124", "700.123"), "utf-8")
    assert unchanged(request) is not None


def test_a_new_match_a_new_profile_and_new_code_are_changes(
    year: Path, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    projects.run(year)
    assert unchanged(Request(year)) is not None
    (year.parent / "partners/.seizures-hidden.csv").write_text("x")
    assert unchanged(Request(year)) is not None
    month(year, 3)
    assert unchanged(Request(year)) is None

    projects.run(project)
    monkeypatch.setenv("GEOCN_RELEASE_SECRET", "a secret of some length")
    assert unchanged(Request(project)) is None
    monkeypatch.delenv("GEOCN_RELEASE_SECRET")
    assert unchanged(Request(project)) is not None
    record = next((project.parent / "out/.geocn-cache/runs").iterdir())
    assert record.stat().st_mode & 0o777 == 0o600
    monkeypatch.setattr("geocn.project.record.code_version", lambda: "other")
    assert unchanged(Request(project)) is None
    monkeypatch.undo()
    profile = project.parent / "ngo.toml"
    profile.write_text(profile.read_text("utf-8").replace("For the", "To the"), "utf-8")
    assert unchanged(Request(project)) is None


def test_a_damaged_cache_costs_time_alone(project: Path) -> None:
    first = projects.run(project)
    before = hashes(first.folder)
    for entry in (project.parent / "out/.geocn-cache").glob("*/*.entry"):
        entry.write_bytes(entry.read_bytes()[:-20])
    shutil.rmtree(first.folder)
    again = projects.run(project)
    assert again.cached == []
    assert hashes(again.folder) == before
    assert any("computed afresh" in note for note in again.notes)


def _failing(*_: object) -> object:
    raise SchemaError("seizures", found="nothing that fits")


def test_what_fails_is_told_and_the_rest_is_published(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(compute._RUNNERS, Hotspots, _failing)
    with pytest.raises(SchemaError):
        projects.run(project)
    assert not (project.parent / "out/latest").exists()
    partial = projects.run(project, keep_going=True)
    assert partial.status == "partial"
    assert set(partial.failed) == {"analysis cells", "release ngo, analysis cells"}
    told = json.loads((partial.folder / "manifest.json").read_text("utf-8"))["failed"]
    assert "nothing that fits" in told["analysis cells"]
    assert (partial.folder / "joint/layers/seizures.parquet").is_file()
    monkeypatch.undo()
    whole = projects.run(project)
    assert (whole.status, whole.folder, whole.failed) == ("new", partial.folder, {})


def test_nothing_is_left_of_a_release_that_fails(project: Path) -> None:
    text = project.read_text("utf-8").replace('"Police"\nmarking = "TLP:GREEN"', '"Police"')
    project.write_text(text, "utf-8")
    partial = projects.run(project, keep_going=True)
    assert "found no marking" in partial.failed["release ngo"] or partial.failed["release ngo"]
    assert not (partial.folder / "releases/ngo").exists()
    assert partial.manifest["releases"] == {}


def test_a_plan_says_what_and_why_and_writes_nothing(project: Path, year: Path) -> None:
    first = plan_runs(project)[0]
    assert not (project.parent / "out").exists()
    assert (first.status, set(first.inputs.values())) == ("new", {"new"})
    assert {(one.part, one.way) for one in first.work} == {
        ("joint", "computed"),
        ("release ngo", "computed"),
    }
    made = projects.run(project)
    assert made.folder == first.folder
    before = files_of(project.parent)
    there = plan_runs(project)[0]
    assert (there.status, there.work) == ("unchanged", [])
    sites = project.parent / "sites.csv"
    sites.write_text(sites.read_text("utf-8") + "S3,prevention,Club,ngo,active,-77.2,1.0,\n")
    after = plan_runs(project)[0]
    assert after.inputs["sites.csv"] == "changed"
    assert {(one.name, one.way) for one in after.work} == {("cells", "taken from the cache")}
    navy = project.parent / "partners/navy.csv"
    navy.write_text(navy.read_text("utf-8") + "N2,2025-05-15,-77.6,0.6,Cocaine,1,kg,Bay\n")
    joint = next(one for one in plan_runs(project)[0].work if one.part == "joint")
    assert (joint.way, joint.why) == ("computed", "partners/navy.csv is changed")
    held = {name for name in files_of(project.parent) if name not in ("sites.csv",)}
    assert held == set(before) - {"sites.csv"}
    assert [one.folder.name[:7] for one in plan_runs(year, since="2024-01")] == [
        f"2024-0{n}" for n in (1, 2, 3)
    ]


def test_a_pattern_reads_every_file_in_order(year: Path) -> None:
    source = ProjectFile.read(year)
    listed = [one.path for one in source.project.layers["seizures"]]
    assert listed == [f"partners/seizures-2024-0{n}.csv" for n in (1, 2)]
    assert source.numbers == {"seizures": (1, 1)}
    for path in (year.parent / "partners").iterdir():
        path.unlink()
    with pytest.raises(ProjectError, match=r"line 5, key layers.seizures\[0\].path: no file is"):
        ProjectFile.read(year)
    year.write_text(YEAR.replace('source = "P', 'optional = true\nsource = "P'), "utf-8")
    assert projects.run(year).manifest["layers"]["seizures"]["rows"] == 0


def test_an_analysis_sees_only_what_its_key_names(whole: tuple[Path, projects.RunResult]) -> None:
    file, result = whole
    source = ProjectFile.read(file)
    world = World(result.layers, {"friction": 1}, {"areas": result.layers["routes"]})  # type: ignore[dict-item]
    used = {one.name: uses(one, world, Results()) for one in source.project.analyses}
    assert used["cells"] == [("layer", "seizures"), ("places", "areas")]
    assert used["borders"] == [("layer", "routes"), ("layer", "seizures"), ("places", "areas")]
    assert used["modelled"] == [("raster", "friction")]
    assert ("as_of", "None") in used["reach"]
    spec = source.project.analyses[0]
    seen, before = narrowed(spec, world, Results())
    assert (list(seen.layers), seen.rasters, list(seen.places)) == (["seizures"], {}, ["areas"])
    assert before.done == {}


def test_entries_outlive_nothing_that_shapes_them(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    key = cache.key("analysis", {"spec": {}})
    cache.code = "another version"
    assert cache.key("analysis", {"spec": {}}) != key
