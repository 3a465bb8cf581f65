"""The how-tos of the map: the analyst's code runs, the planner's page tells every part."""

from __future__ import annotations

import re
import warnings
from pathlib import Path

import pytest

from geocn.maps import open_encrypted, page

HOW_TO = Path(__file__).resolve().parents[2] / "docs/how-to"


def test_the_code_of_the_notebook_page_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = (HOW_TO / "make-a-map-in-a-notebook.md").read_text(encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    space: dict = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for block in re.findall(r"```python\n(.*?)```", text, re.DOTALL):
            exec(compile(block, "make-a-map-in-a-notebook.md", "exec"), space)
    html = space["path"].read_text(encoding="utf-8")
    assert html.count("TLP:AMBER</b>") == 2
    assert 'lang="es"' in html
    assert html == open_encrypted(space["locked"], "six words that nobody would guess")
    assert "Meeting points" in space["sealed"].read_text(encoding="utf-8")
    kinds = [layer.kind for layer in space["plan"].layers]
    assert {"hotspots", "seizures", "interventions", "coverage", "annotations"} <= set(kinds)
    assert space["notes"]["text"].tolist() == ["Check this ford"]


def test_every_way_to_add_a_layer_is_named() -> None:
    from geocn.maps import PlanningMap

    text = (HOW_TO / "make-a-map-in-a-notebook.md").read_text(encoding="utf-8")
    missing = [name for name in dir(PlanningMap) if name.startswith("add_") and name not in text]
    assert missing == []


def test_every_part_of_the_page_is_told_to_planners() -> None:
    text = (HOW_TO / "read-a-planning-map.md").read_text(encoding="utf-8")
    words = page.catalogues()["en"]
    for key, value in words.items():
        if key.startswith("tab."):
            assert f"**{value}**" in text, key
    assert all(
        catalogue["language_name"].lower() in text.lower()
        for catalogue in page.catalogues().values()
    )
    for key in ("limits", "cutoff"):
        assert words[key].lower() in text.lower()
