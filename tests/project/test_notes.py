"""Notes of planners in a project: read, joined, on the next map, released by profile only."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import geopandas as gpd
import pytest

import geocn
from geocn.errors import ProjectError

_PROJECT = """title = "Notes"
as_of = 2025-12-31
[[layers.annotations]]
path = "notes/*.geojson"
maps = ["0f"]
[[releases]]
name = "ngo"
profile = "ngo.toml"
"""
_NGO = """\
partner = "NGO"
max_marking = "TLP:GREEN"
[layers.annotations]
columns = ["text", "geometry"]
"""


def _note(note: str, text: str, **more: Any) -> dict[str, Any]:
    told = {"note_id": note, "text": text, "author": "Ministry", "map_id": "0f"}
    told |= {"said_at": "2025-03-01T10:00:00Z", "marking": "TLP:GREEN", **more}
    point = {"type": "Point", "coordinates": [-76.6, 2.4]}
    return {"type": "Feature", "properties": told, "geometry": point}


_SECRET = _note("2", "Secret ford", marking="TLP:AMBER")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "notes").mkdir()
    (tmp_path / "project.toml").write_text(_PROJECT)
    (tmp_path / "ngo.toml").write_text(_NGO)
    return tmp_path / "project.toml"


def _write(project: Path, name: str, *notes: dict[str, Any]) -> None:
    whole = {"type": "FeatureCollection", "features": notes}
    (project.parent / "notes" / name).write_text(json.dumps(whole))


def test_the_notes_of_two_planners_come_back_on_the_next_map(project: Path) -> None:
    _write(
        project, "a.geojson", _note("1", "Old words"), _note("2", "Secret ford", marking="AMBER")
    )
    _write(
        project, "b.geojson",
        _note("1", "New words", said_at="2025-04-01T00:00:00Z", author="NGO"),
        _note("3", "Elsewhere", map_id="9"),
    )  # fmt: skip
    result = geocn.run(project)
    notes = result.layers["annotations"]
    assert sorted(notes["text"]) == ["Elsewhere", "New words", "Secret ford"]
    assert notes.set_index("text")["flags"].fillna("").to_dict() == {
        "Secret ford": "", "New words": "", "Elsewhere": "unknown_map",
    }  # fmt: skip
    joined = result.manifest["files"][-1]
    assert (joined["notes"], joined["repeated_notes"]) == (3, 0)
    assert [one["text"] for one in joined["superseded_notes"]] == ["Old words"]
    assert result.manifest["marking"] == "TLP:AMBER"
    assert geocn.run(project).folder == result.folder


def test_a_release_holds_only_the_notes_that_its_profile_allows(project: Path) -> None:
    _write(
        project, "a.geojson", _note("1", "Old words"), _note("2", "Secret ford", marking="AMBER")
    )
    _write(project, "b.geojson", _note("1", "New words", said_at="2025-04-01T00:00:00Z"))
    result = geocn.run(project)
    released = result.folder / "releases"
    ngo = gpd.read_parquet(released / "ngo/layers/annotations.parquet")
    assert ngo["text"].tolist() == ["New words"]
    assert "author" not in ngo or ngo["author"].isna().all()
    for path in released.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert b"Secret ford" not in content
            assert b"Old words" not in content


def test_no_notes_yet_is_no_fault(project: Path) -> None:
    assert len(geocn.run(project).layers["annotations"]) == 0


def test_a_new_note_is_a_new_input(project: Path) -> None:
    before = geocn.run(project).folder
    _write(project, "a.geojson", _note("1", "Words"))
    assert geocn.run(project).folder != before


def test_a_pattern_that_finds_nothing_is_a_fault_of_other_layers(project: Path) -> None:
    project.write_text(_PROJECT.replace("layers.annotations", "layers.routes"))
    with pytest.raises(ProjectError, match=r"no file is called as 'notes/\*.geojson' says"):
        geocn.run(project)
