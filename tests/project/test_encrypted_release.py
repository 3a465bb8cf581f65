from __future__ import annotations

import json
from pathlib import Path

import pytest

from geocn.errors import ProjectError
from geocn.maps import open_encrypted
from geocn.project import run

SECRET = "four random words here"
SEIZURES = """date,drug,weight,lat,lon
2025-01-04,cocaine,12.5,2.4,-76.6
2025-02-11,cocaine,3,1.8,-78.7
"""
PROJECT = """title = "Small"
as_of = 2025-12-31
marking = "TLP:GREEN"

[[layers.seizures]]
path = "seizures.csv"
source = "Watchers"
marking = "TLP:GREEN"

[[releases]]
name = "partner"
profile = "partner.toml"
passphrase_env = "PARTNER_PASSPHRASE"

[outputs]
formats = {formats}
"""
PROFILE = """title = "For the partner"
partner = "Partner"
max_marking = "TLP:GREEN"

[layers]
seizures = ["drug", "weight_kg", "seized_at", "geometry"]
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "seizures.csv").write_text(SEIZURES)
    (tmp_path / "partner.toml").write_text(PROFILE)
    (tmp_path / "project.toml").write_text(PROJECT.replace("{formats}", '["gpkg", "html"]'))
    return tmp_path


def test_a_release_is_its_encrypted_map_alone(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PARTNER_PASSPHRASE", SECRET)
    result = run(project, out=project / "out")
    folder = result.folder / "releases/partner"
    names = {path.name for path in folder.iterdir()}
    labels = {"sidecar.json", "sidecar.xml"}
    assert names == {"map.encrypted.html", "release.json", "SHA256SUMS", *labels}
    assert "For the partner" in open_encrypted(folder / "map.encrypted.html", SECRET)
    assert (result.folder / "joint/map.html").is_file()
    outputs = json.loads((result.folder / "manifest.json").read_text())["outputs"]
    assert outputs["releases/partner/map.encrypted.html"] is None
    texts = [path.read_bytes() for path in result.folder.rglob("*") if path.is_file()]
    assert not any(SECRET.encode() in text for text in texts)


def test_without_the_variable_nothing_starts(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PARTNER_PASSPHRASE", raising=False)
    with pytest.raises(ProjectError, match="PARTNER_PASSPHRASE"):
        run(project, out=project / "out")
    monkeypatch.setenv("PARTNER_PASSPHRASE", "short")
    with pytest.raises(ProjectError, match="5 characters"):
        run(project, out=project / "out")
    assert not (project / "out").exists()


def test_only_a_map_can_be_encrypted(project: Path) -> None:
    (project / "project.toml").write_text(PROJECT.replace("{formats}", '["gpkg"]'))
    with pytest.raises(ProjectError, match="add html to formats"):
        run(project, out=project / "out")
