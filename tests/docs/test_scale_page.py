"""The page on large data: its code runs as it stands there."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

PAGE = Path(__file__).resolve().parents[2] / "docs/how-to/beyond-one-machine.md"


def test_the_code_for_one_machine_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    rows = (f"{x:.4f},{y:.4f},2024-0{m}-03\n" for x, y, m in zip(
        rng.uniform(-78, -77, 50), rng.uniform(0, 1, 50), rng.integers(1, 4, 50), strict=True
    ))  # fmt: skip
    Path("seizures.csv").write_text("lon,lat,seized_at\n" + "".join(rows))
    text = PAGE.read_text(encoding="utf-8")
    blocks = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    space: dict = {"__name__": "page"}
    for block in blocks:
        if "tcp://" in block:
            continue
        exec(compile(block, PAGE.name, "exec"), space)
        assert space["monthly"]["n_events"].sum() == 50
    assert len(blocks) == 5
    assert Path("rejected.csv").read_text().startswith("geocn_file,geocn_row,geocn_reason,lon")
    assert list(Path("kept").glob("*.ckpt"))
