"""The reference says what the code does now."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def test_layers_page_is_current() -> None:
    spec = importlib.util.spec_from_file_location("build", ROOT / "tools/build_reference.py")
    build = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(build)
    page = (ROOT / "docs/reference/layers.md").read_text(encoding="utf-8")
    assert page == build.page(), "run: python tools/build_reference.py"


def test_every_command_and_option_is_documented() -> None:
    import typer

    from geocn.cli import app

    page = (ROOT / "docs/reference/command.md").read_text(encoding="utf-8")
    group = typer.main.get_command(app)
    assert group.commands
    for name, command in group.commands.items():
        assert f"## `geocn {name}" in page, name
        for parameter in command.params:
            for option in parameter.opts:
                if option.startswith("--") and option != "--help":
                    assert option in page, f"geocn {name} {option}"


def test_links_between_pages_lead_somewhere() -> None:
    import re

    pages = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    dead = [
        f"{page.relative_to(ROOT)}: {link}"
        for page in pages
        for link in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8"))
        if not link.startswith("http") and not (page.parent / link).exists()
    ]
    assert dead == []


def test_the_readme_example_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import re
    import warnings

    text = (ROOT / "README.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    monkeypatch.chdir(tmp_path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        exec(compile(code, "README.md", "exec"), {})
    page = (tmp_path / "map.html").read_text(encoding="utf-8")
    assert "Content-Security-Policy" in page
    assert 'id="geocn-data"' in page
    # More than the page itself, less than the public demonstration promises.
    assert 250_000 < len(page.encode("utf-8")) < 3_000_000
    assert "negative amount" in (tmp_path / "rejected.csv").read_text(encoding="utf-8")
