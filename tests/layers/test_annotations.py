"""Notes that come back from planners: read, joined, each counted once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import geocn
from geocn.errors import CRSError, ReadError, RejectedRowsWarning
from geocn.layers import latest_notes, merge_layers
from tests.maps.hostile import HOSTILE


def feature(
    note: str | None = "a1",
    *,
    at: str | None = "2025-03-01T10:00:00Z",
    geometry: dict[str, Any] | None = None,
    **properties: Any,
) -> dict[str, Any]:
    told = {"note_id": note, "text": "Check this ford", "author": "Ministry", "said_at": at}
    told |= {"marking": "TLP:GREEN", "map_id": "0f", **properties}
    point = {"type": "Point", "coordinates": [-76.6, 2.4]}
    return {
        "type": "Feature",
        "properties": {key: value for key, value in told.items() if value is not None},
        "geometry": geometry or point,
    }


def write(folder: Path, *features: dict[str, Any], name: str = "notes.geojson") -> Path:
    path = folder / name
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    return path


def test_a_note_says_who_said_what_when_and_on_which_map(tmp_path: Path) -> None:
    notes = geocn.read_annotations(write(tmp_path, feature()))
    row = notes.iloc[0]
    assert row[["note_id", "kind", "text", "author", "map_id"]].tolist() == [
        "a1", "point", "Check this ford", "Ministry", "0f",
    ]  # fmt: skip
    assert row["said_at"] == pd.Timestamp("2025-03-01T10:00", tz="UTC")
    assert (row["marking"], row["source"]) == ("TLP:GREEN", "Ministry")
    assert row.geometry.coords[0] == (-76.6, 2.4)


def test_the_drawing_decides_the_kind_where_the_word_does_not_fit(tmp_path: Path) -> None:
    line = {"type": "LineString", "coordinates": [[-76, 2], [-75, 3]]}
    area = {"type": "Polygon", "coordinates": [[[-76, 2], [-75, 3], [-75, 2], [-76, 2]]]}
    path = write(
        tmp_path,
        feature("1", geometry=line, kind="proposed_site"),
        feature("2", geometry=area),
        feature("3", geometry=line, kind="measure"),
        feature("4", kind="proposed_site", reach_km=25, partner="Casa del Río"),
        feature("5", kind="<script>"),
    )
    notes = geocn.read_annotations(path)
    assert notes["kind"].tolist() == ["line", "area", "measure", "proposed_site", "point"]
    assert notes.loc[3, ["reach_km", "partner"]].tolist() == [25.0, "Casa del Río"]


def test_the_same_note_is_one_and_the_latest_wording_stands(tmp_path: Path) -> None:
    old = feature(text="Old", marking="TLP:AMBER")
    new = feature(text="New", at="2025-03-02T08:00:00Z")
    notes = geocn.read_annotations(write(tmp_path, new, old, old, feature("b2")))
    assert notes["text"].tolist() == ["New", "Check this ford"]
    assert notes["marking"].tolist() == ["TLP:AMBER", "TLP:GREEN"]
    report = notes.attrs["geocn"]
    assert report["repeated_notes"] == 1
    assert [one["text"] for one in report["superseded_notes"]] == ["Old"]
    assert report["rows_in"] == 4


def test_files_of_two_planners_share_a_note(tmp_path: Path) -> None:
    mine = geocn.read_annotations(write(tmp_path, feature(), feature("b2"), name="a.geojson"))
    edited = feature(text="Flooded", author="NGO", at="2025-04-01T00:00:00Z")
    theirs = geocn.read_annotations(write(tmp_path, edited, name="b.geojson"))
    for order in ((mine, theirs), (theirs, mine)):
        joint = latest_notes(merge_layers(order, layer="annotations"))
        assert sorted(joint["text"]) == ["Check this ford", "Flooded"]
        (earlier,) = joint.attrs["geocn"]["superseded_notes"]
        assert (earlier["author"], earlier["text"]) == ("Ministry", "Check this ford")


def test_notes_without_an_id_are_known_by_what_they_say(tmp_path: Path) -> None:
    path = write(tmp_path, feature(None), feature(None), feature(None, text="Other"))
    assert geocn.read_annotations(path)["text"].tolist() == ["Check this ford", "Other"]


def test_a_map_that_nobody_handed_out_is_flagged(tmp_path: Path) -> None:
    path = write(tmp_path, feature("1"), feature("2", map_id="9"), feature("3", map_id=None))
    notes = geocn.read_annotations(path, maps=["0f"])
    assert notes["flags"].fillna("").tolist() == ["", "unknown_map", "unknown_map"]
    assert geocn.read_annotations(path)["flags"].isna().all()


def test_a_note_without_a_marking_stays_unlabelled_unless_the_file_has_one(tmp_path: Path) -> None:
    path = write(tmp_path, feature(marking=None))
    assert geocn.read_annotations(path)["marking"].isna().all()
    assert geocn.read_annotations(path, marking="TLP:AMBER")["marking"].tolist() == ["TLP:AMBER"]


def test_hostile_text_is_kept_as_text(tmp_path: Path) -> None:
    told = {"text": HOSTILE, "author": HOSTILE, "map_id": HOSTILE, "partner": HOSTILE}
    notes = geocn.read_annotations(write(tmp_path, feature(HOSTILE, **told)))
    assert notes["text"].iloc[0] == HOSTILE.replace("\ud800", "?")
    assert len(geocn.read_annotations(write(tmp_path, feature(text="x" * 100_000)))) == 1


def test_what_cannot_be_used_is_rejected_with_its_reason(tmp_path: Path) -> None:
    far = {"type": "Point", "coordinates": [2.4, 176.6]}
    path = write(
        tmp_path, feature("1"), feature("2", geometry=far), feature("3", at="some day"),
        feature("4", reach_km=-1),
    )  # fmt: skip
    with pytest.warns(RejectedRowsWarning, match="3 of 4 rows"):
        notes = geocn.read_annotations(path, rejects=tmp_path / "rejects.csv")
    assert notes["note_id"].tolist() == ["1"]
    assert (tmp_path / "rejects.csv").read_text().count("\n") == 4


def test_no_notes_is_an_empty_layer(tmp_path: Path) -> None:
    notes = geocn.read_annotations(write(tmp_path))
    assert len(notes) == 0
    assert list(notes.columns)[:4] == ["note_id", "kind", "text", "author"]


@pytest.mark.parametrize("text", ["", "{", '{"type": "Fea', "[1]", '{"type": "FeatureCollection"}'])
def test_a_damaged_file_is_a_read_error(tmp_path: Path, text: str) -> None:
    path = tmp_path / "notes.geojson"
    path.write_text(text)
    with pytest.raises(ReadError):
        geocn.read_annotations(path)


def test_a_file_cut_at_any_place_gives_an_error_never_fewer_notes(tmp_path: Path) -> None:
    whole = write(tmp_path, feature("1"), feature("2"), feature("3")).read_bytes()
    path = tmp_path / "cut.geojson"
    for part in range(16):
        path.write_bytes(whole[: len(whole) * part // 16])
        with pytest.raises((ReadError, CRSError)):
            geocn.read_annotations(path)
