import json
import shutil
from pathlib import Path

import geopandas as gpd
import pandas as pd
import pytest
import shapely
from typer.testing import CliRunner

import geocn
from geocn import cli
from geocn import project as projects
from geocn.errors import ParameterError, ReadError
from geocn.project.diff_rows import compare_rows
from tests.project.changing import write_moving


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Runs of two months, and the later one again with late, corrected and withdrawn rows."""
    home = tmp_path_factory.mktemp("diff")
    file = write_moving(home / "project", language="es")
    found = {"out": home / "out"}
    for period in ("2025-02", "2025-03"):
        found[period] = projects.run(file, out=home / "out", period=period).folder
    navy = file.parent / "navy.csv"
    lines = navy.read_text("utf-8").splitlines()
    march = [line for line in lines if "2025-03" in line]
    lines.remove(march[0])
    lines[lines.index(march[1])] = march[1].replace("kg", "g")
    lines.append("LATE,2025-03-09,-75.2,1.5,Cocaine,1,kg")
    navy.write_text("\n".join(lines), "utf-8")
    found["again"] = projects.run(file, out=home / "out", period="2025-03").folder
    return found


def test_rows_inputs_and_cells_of_a_run_made_again(runs: dict[str, Path]) -> None:
    found = geocn.diff(runs["2025-03"], runs["again"])
    assert found.inputs == {"added": [], "removed": [], "changed": ["navy.csv"]}
    assert found.parameters == []
    rows = found.rows.set_index("source")
    told = ["added", "late", "withdrawn", "corrected"]
    assert rows.loc["Navy *x*", told].tolist() == [1, 1, 1, 1]
    assert rows.loc["Police", told].tolist() == [0, 0, 0, 0]
    assert found.is_revision
    # One row came and one went in the same cell: no count differs.
    assert len(found.changes.frames["cells"]) == 0
    same = geocn.diff(runs["again"], runs["again"])
    assert same.rows[told].to_numpy().sum() == 0


def test_two_months_are_tested_as_a_run_tests_them(runs: dict[str, Path]) -> None:
    found = projects.diff(runs["2025-02"], runs["2025-03"])
    assert not found.is_revision
    assert found.rows.empty
    assert {one["key"] for one in found.parameters} == {"period"}
    frame = found.changes.frames["cells"]
    own = gpd.read_parquet(runs["2025-03"] / "joint/changes/cells.parquet")
    columns = ["cell_id", "n_before", "n_after", "p_value", "p_adjusted", "change_class"]
    pd.testing.assert_frame_equal(
        pd.DataFrame(frame[columns]), pd.DataFrame(own[columns]), check_dtype=False
    )
    assert frame["change_class"].isin(["more", "less"]).sum() == 2


def test_a_folder_of_runs_stands_for_its_last_two(runs: dict[str, Path]) -> None:
    found = projects.diff(runs["out"])
    assert (found.before.name, found.after.name) == (runs["2025-03"].name, runs["again"].name)


def test_releases_are_compared_by_what_they_tell(runs: dict[str, Path]) -> None:
    found = projects.diff(runs["2025-02"], runs["2025-03"], release="ngo")
    assert found.before.partner == "ngo"
    for name, frame in found.changes.frames.items():
        assert name == "cells"
        counts = frame[["n_before", "n_after"]]
        assert ((counts == 0) | (counts >= 4)).all(axis=None)
    assert found.changes.frames or "grid" in found.changes.skipped["cells"]


def test_what_cannot_be_compared_is_refused(runs: dict[str, Path], tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match="a release to ngo"):
        projects.diff(runs["2025-02"], runs["2025-03"] / "releases/ngo")
    with pytest.raises(ReadError, match="neither a run nor a release"):
        projects.diff(tmp_path, runs["2025-03"])
    with pytest.raises(ReadError, match="no 'previous'"):
        projects.diff(tmp_path)
    copy = shutil.copytree(runs["2025-02"], tmp_path / "copy")
    layer = copy / "joint/layers/seizures.parquet"
    layer.write_bytes(layer.read_bytes()[:-1] + b"x")
    with pytest.raises(ReadError, match="not the file that"):
        projects.diff(copy, runs["2025-03"])
    shutil.rmtree(copy / "joint/layers")
    with pytest.raises(ReadError, match="no layers as GeoParquet"):
        projects.diff(copy, runs["2025-03"])
    (copy / "manifest.json").write_text("{}", "utf-8")
    with pytest.raises(ReadError, match="not what a run wrote"):
        projects.diff(copy, runs["2025-03"])


def test_grids_of_two_sizes_are_not_matched(runs: dict[str, Path], tmp_path: Path) -> None:
    project = runs["out"].parent / "project"
    other = shutil.copytree(project, tmp_path / "project")
    text = (other / "project.toml").read_text("utf-8").replace("cell_km = 55", "cell_km = 60")
    (other / "project.toml").write_text(text, "utf-8")
    changed = projects.run(other, out=tmp_path / "out", period="2025-03").folder
    found = projects.diff(runs["again"], changed)
    assert "another grid" in found.changes.skipped["cells"]
    assert any(one["key"].endswith("cell_km") for one in found.parameters)


def test_what_it_writes(runs: dict[str, Path], tmp_path: Path) -> None:
    found = projects.diff(runs["2025-02"], runs["2025-03"])
    target = found.write(tmp_path / "d")
    names = sorted(path.relative_to(target).as_posix() for path in target.rglob("*.*"))
    assert names == [
        "changes/brief.html", "changes/brief.md", "changes/cells.parquet",
        "changes/changes.gpkg", "diff.json",
    ]  # fmt: skip
    told = json.loads((target / "diff.json").read_text("utf-8"))
    assert told["marking"] == "TLP:GREEN"
    assert told["analyses"]["cells"]["classes"]["more"] == 1
    text = (target / "changes/brief.md").read_text("utf-8")
    assert text.startswith("**TLP:GREEN**")
    assert "Qué cambió" not in text.splitlines()[0]
    assert "más registros" in text
    before = {path: path.read_bytes() for path in target.rglob("*.*")}
    found.write(target)
    assert before == {path: path.read_bytes() for path in target.rglob("*.*")}
    with pytest.raises(ParameterError, match="something else"):
        found.write(tmp_path)


def test_the_brief_tells_what_came_in_late(runs: dict[str, Path], tmp_path: Path) -> None:
    target = projects.diff(runs["2025-03"], runs["again"]).write(tmp_path / "d", language="en")
    text = (target / "changes/brief.md").read_text("utf-8")
    assert "seizures: added 1 (of these from before the earlier cut-off 1), withdrawn 1" in text
    assert "revisions of the reports" in text


def test_the_command(runs: dict[str, Path], tmp_path: Path) -> None:
    given = ["diff", str(runs["2025-02"]), str(runs["2025-03"])]
    said = CliRunner().invoke(cli.app, [*given, "--out", str(tmp_path / "d")])
    assert said.exit_code == 0, said.output
    assert "# cells: cells" in said.stdout
    assert "more\t1" in said.stdout
    as_json = CliRunner().invoke(cli.app, [*given, "--json"])
    assert json.loads(as_json.stdout)["analyses"]["cells"]["classes"]["less"] == 1
    refused = CliRunner().invoke(cli.app, ["diff", str(tmp_path)])
    assert refused.exit_code == 3
    assert "previous" in refused.stderr


def rows_of(**columns: object) -> gpd.GeoDataFrame:
    frame = pd.DataFrame(columns)
    return gpd.GeoDataFrame(frame, geometry=[shapely.Point(0, 0)] * len(frame), crs=4326)


def test_rows_without_ids_are_known_by_their_content() -> None:
    old = rows_of(source=["P", "P"], weight_kg=[1.0, 2.0])
    new = rows_of(source=["P", "P"], weight_kg=[2.0, 3.0])
    told = compare_rows("seizures", old, new, known_until="2025-01-01")
    assert told[["added", "withdrawn", "corrected"]].to_numpy().tolist() == [[1, 1, 0]]


def test_ids_belong_to_their_source_and_may_stand_twice() -> None:
    old = rows_of(source=["P", "Q", "P"], seizure_id=["1", "1", "1"], weight_kg=[1.0, 1.0, 2.0])
    moved = old.copy()
    moved.loc[1, "geometry"] = shapely.Point(1, 1)
    told = compare_rows("seizures", old, moved.iloc[:2], known_until="2025-01-01")
    told = told.set_index("source")
    assert told.loc["P", ["withdrawn", "corrected"]].tolist() == [1, 0]
    assert told.loc["Q", ["withdrawn", "corrected"]].tolist() == [0, 1]
    none = compare_rows("seizures", old.iloc[:0], old.iloc[:0], known_until="2025-01-01")
    assert none.empty
