"""The project's table of aliases: used for every file, hashed, and filled for a person."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

from geocn import project
from geocn.cli import app
from geocn.errors import LayerError, ProjectError, SchemaError
from geocn.harmonise.organisations import resolve_organisations
from geocn.project import ProjectFile, write_alias_suggestions

PROJECT = """\
title = "Names"
as_of = 2025-12-31
marking = "TLP:GREEN"

[[layers.interventions]]
path = "one.csv"
source = "A"
marking = "TLP:GREEN"

[[layers.interventions]]
path = "two.csv"
source = "B"
marking = "TLP:GREEN"

[outputs]
formats = ["gpkg"]

[organisations]
aliases = "aliases.csv"
"""
HEAD = "id,kind,organisation,lat,lon\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "one.csv").write_text(
        f"{HEAD}1,patrol,Fundación Luz,1,-77\n2,patrol,Luz del Sur,1,-77.5\n", encoding="utf-8"
    )
    (tmp_path / "two.csv").write_text(
        f"{HEAD}1,patrol,FUNDACION LUZ,1.5,-77\n2,patrol,La Luz,1.5,-77.5\n", encoding="utf-8"
    )
    (tmp_path / "aliases.csv").write_text(
        "alias,organisation\nLa Luz,Fundación Luz\n", encoding="utf-8"
    )
    (tmp_path / "project.toml").write_text(PROJECT, encoding="utf-8")
    return tmp_path


def test_a_run_uses_hashes_and_accounts_for_the_aliases(folder: Path) -> None:
    result = project.run(folder, out=folder / "out")
    layer = result.layers["interventions"]
    assert sorted(layer["partner"]) == ["Fundación Luz"] * 3 + ["Luz del Sur"]
    assert "aliases.csv" in result.manifest["inputs"]
    (account,) = [f for f in result.manifest["files"] if f["path"] == "aliases.csv"]
    assert account["organisations"]["unresolved"] == {"Luz del Sur": 1}
    assert account["organisations"]["n_organisations"] == 2
    written = json.loads((result.folder / "manifest.json").read_text("utf-8"))
    assert written["parameters"]["organisations"] == {"aliases": "aliases.csv"}


def test_without_a_table_files_still_agree_on_a_name(folder: Path) -> None:
    text = PROJECT.replace('[organisations]\naliases = "aliases.csv"\n', "")
    (folder / "project.toml").write_text(text, encoding="utf-8")
    found = project.check(folder)
    (account,) = [f for f in found.files if "rows_renamed_across_files" in f]
    assert account["rows_renamed_across_files"] == 1
    assert account["path"] == "project.toml"


def test_faults_of_the_table_stop_the_run(folder: Path) -> None:
    (folder / "aliases.csv").write_text("alias,organisation\nA,B\nB,A\n", encoding="utf-8")
    with pytest.raises(LayerError, match=r"aliases.csv \(2 rows: 2, 3\)"):
        project.check(folder)
    (folder / "aliases.csv").unlink()
    with pytest.raises(ProjectError, match=r"organisations.aliases"):
        ProjectFile.read(folder)
    (folder / "project.toml").write_text(
        PROJECT.replace("layers.interventions", "layers.seizures"), encoding="utf-8"
    )
    with pytest.raises(ProjectError, match="aliases are for the partners of interventions"):
        ProjectFile.read(folder)


def suggestions(*names: str) -> pd.DataFrame:
    return resolve_organisations(names).suggestions


def test_answers_stay_and_new_suggestions_come_behind(tmp_path: Path) -> None:
    path = tmp_path / "aliases.csv"
    write_alias_suggestions(suggestions("Fundación Semilas", "Fundación Semillas"), path)
    first = path.read_text("utf-8")
    assert first.splitlines()[1] == "Fundación Semilas,Fundación Semillas,,,97.0,near spelling"
    path.write_text(first.replace("Semillas,,,97", "Semillas,,yes,97"), encoding="utf-8")
    more = suggestions("Fundación Semilas", "Fundación Semillas", "PNP")
    write_alias_suggestions(more, path)
    write_alias_suggestions(more, path)
    lines = path.read_text("utf-8").splitlines()
    assert len(lines) == 4
    assert ",yes,97.0," in lines[1]
    match = resolve_organisations(["FUNDACIÓN SEMILAS", "PNP"], aliases=path)
    assert match.organisation.tolist() == ["Fundación Semillas", "PNP"]


def test_formulas_are_defused_and_come_back_whole(tmp_path: Path) -> None:
    path = tmp_path / "aliases.csv"
    names = ["=cmd|' /C calc'!A0 organisation", "=cmd|' /C calc'!A0 organisatoin"]
    found = suggestions(*names)
    assert len(found) == 1
    write_alias_suggestions(found, path)
    line = path.read_text("utf-8").splitlines()[1]
    assert line.startswith("'=cmd")
    path.write_text(path.read_text("utf-8").replace(",,9", ",yes,9"), encoding="utf-8")
    match = resolve_organisations(names, aliases=path)
    assert set(match.organisation) == {found["suggested"].iloc[0]}


def test_what_is_no_table_of_aliases_is_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    path.write_text("secret,notes\n1,2\n", encoding="utf-8")
    with pytest.raises(SchemaError, match="alias and organisation"):
        write_alias_suggestions(suggestions("PNP"), path)
    assert path.read_text("utf-8") == "secret,notes\n1,2\n"
    old = tmp_path / "old.csv"
    old.write_text("alias,organisation\nA,B\n", encoding="utf-8")
    write_alias_suggestions(suggestions(), old)
    assert old.read_text("utf-8").splitlines()[1] == "A,B,,yes,,"


def test_the_command_prints_and_writes_suggestions(folder: Path) -> None:
    (folder / "three.csv").write_text(
        f"{HEAD}1,patrol,Fundación Semilas,1,-77\n2,patrol,Fundación Semillas,1,-77.5\n", "utf-8"
    )
    target = folder / "to_confirm.csv"
    call = ["inspect", str(folder / "three.csv"), "--as", "interventions"]
    done = CliRunner().invoke(app, [*call, "--suggest-aliases", str(target)])
    assert done.exit_code == 0, done.stderr
    assert "Fundación Semilas\tFundación Semillas\t97.0\tnear spelling\t1" in done.stdout
    target.write_text(target.read_text("utf-8").replace(",,97", ",no,97"), encoding="utf-8")
    again = CliRunner().invoke(app, [*call, "--suggest-aliases", str(target)])
    assert "near spelling" not in again.stdout
    named = CliRunner().invoke(app, [*call, "--option", f"organisations={target}"])
    assert "near spelling" not in named.stdout
    wrong = CliRunner().invoke(
        app, ["inspect", str(folder / "three.csv"), "--as", "seizures", "--suggest-aliases", "x"]
    )
    assert wrong.exit_code == 2
