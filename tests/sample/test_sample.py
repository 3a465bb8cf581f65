"""The sample project: whole, small, reproducible, and as messy as its README says."""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
import sys
from pathlib import Path

import geopandas as gpd
import pandas as pd
import pytest

from geocn._sample import sample_folder
from geocn.errors import ReadError
from geocn.harmonise.coordinates import parse_coordinates
from geocn.harmonise.dates import parse_dates
from geocn.harmonise.headers import match_headers
from geocn.harmonise.places import match_places
from geocn.io.numbers import parse_numbers
from geocn.io.table import read_table
from geocn.project.file import ProjectFile

ROOT = Path(__file__).resolve().parents[2]
ANDES = ROOT / "sample_data" / "andes"
SUMS = "SHA256SUMS"


def files() -> dict[str, Path]:
    return {path.relative_to(ANDES).as_posix(): path for path in ANDES.rglob("*") if path.is_file()}


def test_every_file_has_its_checksum_and_no_other() -> None:
    lines = (ANDES / SUMS).read_text().splitlines()
    stated = dict(reversed(line.split("  ", 1)) for line in lines)
    there = {
        name: hashlib.sha256(path.read_bytes()).hexdigest()
        for name, path in files().items()
        if name != SUMS
    }
    assert stated == there


def test_the_sample_is_small_and_found() -> None:
    every = [path.stat().st_size for path in (ROOT / "sample_data").rglob("*") if path.is_file()]
    assert sum(every) <= 3_000_000
    assert (sample_folder() / "andes" / "project.toml").read_bytes() == (
        ANDES / "project.toml"
    ).read_bytes()


def test_a_missing_sample_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("geocn._sample._PACKAGE", tmp_path / "geocn")
    with pytest.raises(ReadError, match="Install geocn again"):
        sample_folder()


@pytest.mark.slow
def test_the_tool_writes_the_same_bytes_again(tmp_path: Path) -> None:
    copy = tmp_path / "andes"
    for name in ("README.md", "project.toml", "profiles", "coca_national_totals.csv"):
        source = ANDES / name
        copy.mkdir(exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, copy / name)
        else:
            shutil.copy(source, copy / name)
    tool = ROOT / "tools" / "build_sample.py"
    subprocess.run([sys.executable, str(tool), "--out", str(copy)], check=True, cwd=tmp_path)
    built = {p.relative_to(copy).as_posix(): p for p in copy.rglob("*") if p.is_file()}
    assert sorted(built) == sorted(files())
    different = [
        name for name, path in built.items() if path.read_bytes() != files()[name].read_bytes()
    ]
    assert different == []


def test_the_project_file_and_profiles_are_right() -> None:
    project = ProjectFile.read(ANDES / "project.toml")
    assert set(project.profiles) == {"military", "ngo", "public"}
    assert {"routes", "seizures", "cultivation", "interventions"} == set(project.project.layers)
    inputs = {path.relative_to(ANDES).as_posix() for path in project.inputs()}
    assert not any(name.startswith("truth/") for name in inputs)
    assert {name for name in files() if name.startswith("partners/")} <= inputs


def test_every_header_is_understood() -> None:
    project = ProjectFile.read(ANDES / "project.toml").project
    unused = {}
    for layer, entries in project.layers.items():
        for entry in entries:
            table = read_table(ANDES / entry.path, encoding=entry.encoding)
            columns = [name for name in table.frame.columns if name != "geometry"]
            match = match_headers(columns, layer, fields=entry.fields)
            unused[entry.path.split("/")[-1]] = [
                name for name in match.unused if not re.fullmatch(r"\d{4}", name)
            ]
    assert unused.pop("customs_interdictions.csv") == ["Remarks"]
    assert unused.pop("rutas_observadas.kml") == ["name"]
    assert set(map(tuple, unused.values())) == {()}


def test_police_names_are_matched_to_divisions() -> None:
    table = read_table(ANDES / "partners/policia_incautaciones.csv", encoding="cp1252").frame
    places = gpd.read_file(ANDES / "places/admin1.geojson")
    found = match_places(table, places, columns={"country": "País", "place": "Departamento"})
    assert found.match_rate > 0.95
    truth = pd.read_csv(ANDES / "truth/seizures.csv")
    true_code = truth.loc[truth["agency"] == "police", "admin_code"].to_numpy()
    code = found.code.to_numpy()[: len(true_code)]
    reached = found.how.isin(["name", "fuzzy"]).to_numpy()[: len(true_code)]
    assert (code[reached] == true_code[reached]).all()


def test_navy_positions_come_back_from_degrees_minutes_and_seconds() -> None:
    table = read_table(ANDES / "partners/navy_interdictions.xlsx")
    roles = {"latitude": "Position lat", "longitude": "Position lon"}
    found = parse_coordinates(table.frame, roles, number_formats=table.number_formats)
    truth = pd.read_csv(ANDES / "truth/seizures.csv")
    truth = truth[truth["agency"] == "navy"]
    n = len(truth)
    assert n >= 20
    assert abs(found.lon[:n] - truth["longitude"].to_numpy()).max() < 0.6 / 3600
    assert abs(found.lat[:n] - truth["latitude"].to_numpy()).max() < 0.6 / 3600


def test_dates_of_the_two_agencies_agree_on_the_order_each_writes() -> None:
    police = read_table(ANDES / "partners/policia_incautaciones.csv", encoding="cp1252").frame
    found = parse_dates(police["Fecha"], timezone="America/Bogota")
    assert (found.order, found.ambiguous) == ("dmy", False)
    assert found.precision.value_counts()["month"] > 5
    assert found.problem.notna().sum() == 1
    customs = read_table(ANDES / "partners/customs_interdictions.csv").frame
    assert parse_dates(customs["Date seized"]).order == "mdy"


def test_the_survey_adds_up_through_the_messy_file() -> None:
    table = read_table(ANDES / "partners/simci_coca_departamentos.csv", decimal=",", thousands=".")
    totals = pd.read_csv(ANDES / "coca_national_totals.csv").set_index("year")
    for year in range(2001, 2024):
        values, bad = parse_numbers(table.frame[str(year)], table.number_formats[str(year)])
        assert not bad.any()
        assert values.sum() == pytest.approx(totals["sum_of_departments_ha"][year], abs=0.06)
        if year not in (2001, 2009):  # the municipal figures themselves fall short
            assert values.sum() == pytest.approx(totals["published_national_ha"][year], rel=1e-4)


def test_what_both_agencies_report_is_twice_in_the_files() -> None:
    customs = read_table(ANDES / "partners/customs_interdictions.csv").frame
    truth = pd.read_csv(ANDES / "truth/seizures.csv")
    own = (truth["agency"] == "customs").sum()
    bad = customs["Case ID"].str.startswith("CB9").sum()
    assert len(customs) == own + bad + 25 + 8
