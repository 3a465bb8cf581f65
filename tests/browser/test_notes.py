"""Notes: drawn in Chromium, downloaded, read, shown on the next map; two planners join theirs."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import geocn
from geocn.errors import SchemaError
from geocn.maps import PlanningMap
from tests.browser.conftest import SETTLE, Opened, sees
from tests.maps import andes
from tests.maps.hostile import HOSTILE

pytestmark = pytest.mark.browser


def _map(title: str = "Review", marking: str = "TLP:AMBER") -> PlanningMap:
    return PlanningMap(title, marking=marking).add_routes(andes.routes())


def _plain(text: str) -> str:
    return text.replace("\u2068", "").replace("\u2069", "")


def _draw(page: Any, kind: str, *spots: tuple[int, int], text: str) -> None:
    page.click(f"[data-draw={kind}]")
    for x, y in spots:
        page.mouse.click(x, y)
    if kind != "point":
        page.click("#notes-done")
    page.locator("#notes-list textarea").last.fill(text)


def _saved(page: Any, target: Path) -> Path:
    with page.expect_download() as download:
        page.click("#notes-save")
    download.value.save_as(target)
    return target


def test_notes_go_round_from_one_map_to_the_next(
    show: Callable[..., Opened], tmp_path: Path
) -> None:
    opened = show(_map())
    page = opened.page
    page.click("#tab-notes")
    _draw(page, "point", (900, 500), text="A ford, passable since May")
    _draw(page, "line", (650, 300), (760, 330), (820, 420), text="Seen at night")
    _draw(page, "area", (700, 300), (800, 320), (760, 420), text="Two villages\nno clinic")
    page.fill("#notes-author", "Ministry of Health")
    path = _saved(page, tmp_path / "notes.geojson")
    opened.check()

    notes = geocn.read_annotations(path)
    assert notes["kind"].tolist() == ["point", "line", "area"]
    assert notes["text"].tolist()[2] == "Two villages\nno clinic"
    assert set(notes["author"]) == {"Ministry of Health"}
    assert set(notes["marking"]) == {"TLP:AMBER"}
    assert notes["map_id"].tolist() == [page.evaluate("geocn.config.map_id")] * 3
    assert notes["said_at"].notna().all()
    assert notes["note_id"].is_unique

    (tmp_path / "project.toml").write_text(
        'title = "Next"\nas_of = 2026-12-31\n[[layers.annotations]]\npath = "*.geojson"\n'
        '[outputs]\nformats = ["html"]\n'
    )
    result = geocn.run(tmp_path)
    (file,) = result.maps
    again = page.context.new_page()
    again.goto(file.as_uri())
    again.wait_for_selector("html[data-ready=true]", timeout=20_000)
    assert "Notes" in sees(again, "#tab-body")
    again.click("#tab-ranking")
    row = again.locator("#ranking tr.goes", has_text="A ford")
    row.click()
    again.wait_for_timeout(SETTLE)
    said = _plain(sees(again, ".leaflet-popup-content"))
    assert "“A ford, passable since May”" in said
    assert "Ministry of Health, " in said
    assert "20" in said


def test_two_planners_join_their_notes(show: Callable[..., Opened], tmp_path: Path) -> None:
    opened = show(_map())
    page = opened.page
    page.click("#tab-notes")
    page.fill("#notes-author", "Army")
    _draw(page, "point", (900, 500), text="Bridge out")
    mine = json.loads(_saved(page, tmp_path / "mine.geojson").read_text())
    (note,) = mine["features"]
    later = json.loads(json.dumps(note))
    later["properties"] |= {
        "text": "Bridge mended", "author": "NGO", "said_at": "2099-01-01T00:00:00.000Z"
    }  # fmt: skip
    new = json.loads(json.dumps(note))
    new["properties"] |= {"note_id": "n2", "text": HOSTILE, "author": HOSTILE, "map_id": "other"}
    red = json.loads(json.dumps(note))
    red["properties"] |= {"note_id": "n3", "text": "Too secret", "marking": "TLP:RED"}
    site = json.loads(json.dumps(note))
    site["properties"] |= {
        "note_id": "n4",
        "kind": "proposed_site",
        "reach_km": 50,
        "text": "Clinic",
    }
    bad = [{"type": "Feature", "properties": None, "geometry": None}, {"geometry": {"type": "X"}},
           {"geometry": {"type": "Point", "coordinates": ["a", None]}}, 7]  # fmt: skip
    theirs = {"type": "FeatureCollection", "features": [note, later, new, red, site, *bad]}
    (tmp_path / "theirs.geojson").write_text(json.dumps(theirs))
    page.set_input_files("#notes-file", tmp_path / "theirs.geojson")
    page.wait_for_selector("#notes-said:not(:empty)")
    said = _plain(sees(page, "#notes-said"))
    assert "2 new, 1 in a newer wording, 1 already here" in said
    assert "1 note is marked above this map" in said
    assert "1 note was drawn on another map" in said
    texts = page.eval_on_selector_all("#notes-list textarea", "all => all.map(t => t.value)")
    assert "Bridge mended" in texts
    assert "Bridge out" not in texts
    assert "Too secret" not in texts
    assert "NGO" in _plain(sees(page, "#notes-list"))
    joined = geocn.read_annotations(_saved(page, tmp_path / "joined.geojson"))
    told = joined.set_index("note_id")["author"].to_dict()
    assert told[note["properties"]["note_id"]] == "NGO"
    assert told["n2"].startswith("<img")
    assert joined.set_index("note_id").loc["n4", ["kind", "reach_km"]].tolist() == [
        "proposed_site", 50.0,
    ]  # fmt: skip
    for language in ("ar", "en"):
        page.select_option("#language", language)
    opened.check()


@pytest.mark.parametrize("text", ["", "{", "[]", '{"features": 3}', "<html>", "PK\x03\x04"])
def test_a_file_that_holds_no_notes_says_so(
    show: Callable[..., Opened], tmp_path: Path, text: str
) -> None:
    opened = show(PlanningMap("t"))
    path = tmp_path / "bad.geojson"
    path.write_text(text)
    opened.page.click("#tab-notes")
    opened.page.set_input_files("#notes-file", path)
    opened.page.wait_for_selector("#notes-said:not(:empty)")
    assert "holds no notes" in sees(opened.page, "#notes-said")
    opened.check()


def test_a_note_above_the_next_map_is_refused(tmp_path: Path) -> None:
    point = {"type": "Point", "coordinates": [-76.6, 2.4]}
    told = {"note_id": "1", "text": "x", "marking": "TLP:AMBER"}
    feature = {"type": "Feature", "properties": told, "geometry": point}
    path = tmp_path / "n.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}))
    notes = geocn.read_annotations(path)
    with pytest.raises(SchemaError, match="nothing above the map's marking TLP:GREEN"):
        _map(marking="TLP:GREEN").add_annotations(notes)
    assert _map().add_annotations(notes).layers[-1].kind == "annotations"


def test_drawing_gives_way_to_placing_a_site_and_back(show: Callable[..., Opened]) -> None:
    opened = show(andes.full_map())
    page = opened.page
    page.click("#tab-notes")
    page.click("[data-draw=line]")
    page.mouse.click(700, 300)
    page.click("#tab-whatif")
    page.click("#whatif-new")
    page.mouse.click(800, 400)
    assert page.locator("#whatif-sites [data-placed]").count() == 1
    page.click("#whatif-new")
    page.click("#tab-notes")
    assert page.locator("#notes-list li").count() == 0
    page.click("[data-draw=point]")
    page.mouse.click(800, 450)
    assert page.locator("#notes-list li").count() == 1
    page.click("#tab-whatif")
    assert page.locator("#whatif-sites [data-placed]").count() == 1
    opened.check()
