"""Code on pages of the documentation runs, and finds what the page says it finds."""

from __future__ import annotations

import re
import warnings
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]


def run_page(page: str) -> dict:
    """Run all Python blocks of a page in one namespace."""
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    space: dict = {}
    for block in re.findall(r"```python\n(.*?)```", text, re.DOTALL):
        exec(compile(block, page, "exec"), space)
    return space


def test_vegetation_index_differencing_finds_the_fields() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        space = run_page("how-to/vegetation-index-differencing.md")
    fields, poppy, forest = (np.asarray(space[name]) for name in ("fields", "poppy", "forest"))
    assert (fields == 1)[poppy].mean() > 0.9
    assert (fields == 1)[~poppy].mean() < 0.002
    assert not (fields == 1)[forest].any()
    # Clouds are unknown, not free of poppy.
    assert np.isnan(fields[5:8, 50:]).all()
    assert abs(space["mapped_ha"] / ((fields == 1).sum() * 0.09) - 1) < 0.002
    assert 0 < space["half_width"] < space["area"]
