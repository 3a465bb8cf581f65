"""The pages on encrypted and sealed maps: their code runs as it stands."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs.test_recipes import run_page


@pytest.mark.parametrize(
    ("page", "files"),
    [
        ("how-to/share-an-encrypted-map.md", {"review.html"}),
        ("how-to/seal-a-folium-map.md", {"sketch.html", "review.html"}),
    ],
)
def test_the_code_of_the_page_runs(
    page: str, files: set[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    space = run_page(page)
    assert {path.name for path in tmp_path.iterdir()} == files
    if "html" in space:
        assert "Joint review" in space["html"]
