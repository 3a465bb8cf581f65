"""No run appears that would hand a partner what its profile withholds."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from geocn import project as projects
from geocn._sample import sample_folder
from geocn.errors import LeakFoundError, ProjectError
from tests.project.conftest import NAVY, PROFILE, write_project

QUICK = '\n[outputs]\nfolder = "out"\nformats = ["parquet"]\n'
DERIVED = """
[[derived]]
analysis = "cells"
approver = "Chief"
reason = "agreed"
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """The small project with one analysis and no borders, so that a run is quick."""
    made = write_project(tmp_path / "project")
    text = made.read_text("utf-8")
    head, _, rest = text.partition('[[analyses]]\nkind = "border_hotspots"')
    made.write_text(head + rest[rest.index("[[releases]]") :] + QUICK, "utf-8")
    return made


def changed(path: Path, old: str, new: str) -> None:
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new), "utf-8")


def outputs(file: Path) -> list[str]:
    folder = file.parent / "out"
    return sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))


def refused(file: Path) -> str:
    with pytest.raises(LeakFoundError) as error:
        projects.run(file)
    assert not any(path.startswith("2") for path in outputs(file)), outputs(file)
    return str(error.value)


def test_tells_what_it_did_in_the_manifest_of_the_run_only(file) -> None:
    result = projects.run(file)
    account = result.manifest["releases"]["ngo"]["scan"]
    assert account["hits"] == 0
    assert account["files"] > 4
    assert account["values_watched"] > 5
    assert account["decoded_parts"] > 5
    released = (result.folder / "releases" / "ngo" / "release.json").read_text("utf-8")
    assert "scan" not in json.loads(released)
    assert "values_watched" not in released


def test_an_identifier_in_the_title_stops_the_run(file) -> None:
    changed(file.parent / "ngo.toml", "For the aid network", "About NAVYCASE, for the aid network")
    message = refused(file)
    assert "release 'ngo'" in message
    assert "release.json" in message
    assert "seizure_id NAVYCASE" in message


def test_an_identifier_in_an_attribute_stops_the_run(file) -> None:
    """A partner's note in a row that is released names a case that is not."""
    changed(file.parent / "sites.csv", "Salud", "Salud (see NAVYCASE)")
    message = refused(file)
    assert "layers/interventions.parquet › " in message
    assert "the id in seizure_id of seizures" in message


def test_a_withheld_place_in_a_released_row_stops_the_run(file) -> None:
    changed(file.parent / "sites.csv", "prevention,Escuela", "prevention,Post at 1.10004 -77.90002")
    message = refused(file)
    assert "the place in geometry of seizures" in message
    assert "77.9" not in message


def test_a_derived_result_that_names_a_row_stops_the_run(file, monkeypatch) -> None:
    from geocn.project import releasing

    original = releasing.add_derived

    def leaky(own, joint, profile):
        results, derived = original(own, joint, profile)
        for one in results.done.values():
            one.frame = one.frame.assign(nearest_case="NAVYCASE")
        return results, derived

    monkeypatch.setattr(releasing, "add_derived", leaky)
    (file.parent / "ngo.toml").write_text(PROFILE + DERIVED, "utf-8")
    assert "results/cells.parquet › " in refused(file)


def test_nothing_but_a_reason_leaves_the_scan_out(file) -> None:
    changed(file.parent / "ngo.toml", "For the aid network", "About NAVYCASE")
    changed(file, 'profile = "ngo.toml"', 'profile = "ngo.toml"\nscan = { skip = "" }')
    with pytest.raises(ProjectError, match="skip"):
        projects.run(file)
    changed(file, 'skip = ""', 'skip = "the case is in the news"')
    result = projects.run(file)
    account = result.manifest["releases"]["ngo"]["scan"]
    assert account == {"skipped": "the case is in the news"}


def test_an_encrypted_map_is_scanned_as_it_was_before(file, monkeypatch) -> None:
    monkeypatch.setenv("GEOCN_TEST_SECRET", "correct horse battery")
    changed(file, 'formats = ["parquet"]', 'formats = ["html"]')
    changed(
        file,
        'profile = "ngo.toml"',
        'profile = "ngo.toml"\npassphrase_env = "GEOCN_TEST_SECRET"',
    )
    changed(file.parent / "sites.csv", "Salud", "Salud (see NAVYCASE)")
    assert "map.encrypted.html › block geocn-data" in refused(file)
    changed(file.parent / "sites.csv", "Salud (see NAVYCASE)", "Salud")
    assert projects.run(file).manifest["releases"]["ngo"]["scan"]["hits"] == 0


def test_a_place_that_is_released_too_is_no_leak(file) -> None:
    """A site stands where a withheld seizure was made: the town is known to everyone."""
    assert NAVY.count("-77.9,1.1") == 1
    changed(file.parent / "sites.csv", "-77.5,0.5", "-77.9,1.1")
    assert projects.run(file).manifest["releases"]["ngo"]["scan"]["hits"] == 0


@pytest.mark.slow
def test_the_sample_releases_are_clean(tmp_path) -> None:
    result = projects.run(sample_folder() / "andes", out=tmp_path)
    accounts = {name: one["scan"] for name, one in result.manifest["releases"].items()}
    assert sorted(accounts) == ["military", "ngo", "public"]
    for account in accounts.values():
        assert account["hits"] == 0
        assert account["values_watched"] > 30
        assert account["files"] > 8


PUBLISHED = """
[outputs]
folder = "out"
formats = ["pmtiles", "flatgeobuf", "csv"]
catalogue = true
"""


def test_every_published_format_is_read(file) -> None:
    changed(file, QUICK, PUBLISHED)
    result = projects.run(file)
    assert result.manifest["releases"]["ngo"]["scan"]["hits"] == 0
    folder = result.folder / "releases" / "ngo"
    kinds = {path.suffix for path in folder.rglob("*") if path.is_file()}
    assert {".pmtiles", ".fgb", ".csv", ".json"} <= kinds
    sites = file.parent / "sites.csv"
    changed(sites, "Salud", "Salud (see NAVYCASE) at 1.10004 -77.90002")
    changed(file.parent / "ngo.toml", "For the aid network", "About NAVYCASE")
    with pytest.raises(LeakFoundError) as error:
        projects.run(file)
    report = error.value.report
    assert not report.not_scanned
    for ending in (".pmtiles", ".fgb", ".csv"):
        found = {hit.kind for hit in report.hits if hit.file.endswith(ending)}
        assert {"id", "place"} <= found, (ending, found)
    assert any(hit.file.startswith("stac/") and hit.kind == "id" for hit in report.hits)
