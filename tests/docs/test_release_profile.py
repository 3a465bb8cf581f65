"""The how-to of release profiles: every profile on it is one, its Python runs."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from geocn.project.model import Project
from geocn.sharing import LayerRule, Protected, ReleaseProfile

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/how-to/write-a-release-profile.md").read_text(encoding="utf-8")
TOML = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)


@pytest.mark.parametrize("text", TOML, ids=[str(i) for i in range(len(TOML))])
def test_every_profile_is_one(text: str, tmp_path: Path) -> None:
    content = tomllib.loads(text)
    if "releases" in content:
        assert Project.model_validate({"title": "t", **content}).releases[0].earlier
        return
    file = tmp_path / "profile.toml"
    file.write_text(text, encoding="utf-8")
    assert ReleaseProfile.read(file).partner in ("ngo", "public")


def test_the_python_runs() -> None:
    space: dict = {}
    for block in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL):
        exec(compile(block, "write-a-release-profile.md", "exec"), space)
    assert len(space["released"].layers["seizures"]) == 1
    assert space["released"].lowered[0]["approver"] == "Desk officer"


@pytest.mark.parametrize("model", [ReleaseProfile, LayerRule, Protected])
def test_every_key_is_told(model: type) -> None:
    missing = [key for key in model.model_fields if key not in PAGE]
    # Limits and rasters are those of the project file, told there.
    assert set(missing) <= {"limits", "rasters"}
