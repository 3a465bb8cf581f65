"""The reference says what the code does now."""

from __future__ import annotations

import importlib.util
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_layers_page_is_current() -> None:
    spec = importlib.util.spec_from_file_location("build", ROOT / "tools/build_reference.py")
    build = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(build)
    page = (ROOT / "docs/reference/layers.md").read_text(encoding="utf-8")
    assert page == build.page(), "run: python tools/build_reference.py"
