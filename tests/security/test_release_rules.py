"""A release folder holds nothing of what the rules of its profile hide."""

import base64
import binascii
import contextlib
import json
import re
import zlib
from hashlib import sha256
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
import shapely

from geocn import project as projects
from geocn.errors import ProjectError, ReadError, ReleaseError
from tests.project.conftest import write_project

SECRET = "a planted secret, never to be seen"
PROFILE = """\
partner = "ngo"
max_marking = "TLP:GREEN"
title = "For the aid <b>network"
limits = ["Invented; open."]
min_count = 3
expires_on = 2026-06-30
derived = [{ analysis = "reported", approver = "Col. Planted", reason = "Agreed on 3 May" }]

[layers.seizures]
columns = ["seized_at", "drug", "weight_kg", "source", "geometry"]
grid_km = 20
time = "month"
round_to = { weight_kg = 1 }

[layers.interventions]
columns = ["kind", "partner", "partner_type", "reach_km", "geometry"]
donut_m = [500, 4000]
"""
PACKED = re.compile(rb"[A-Za-z0-9+/]{40,}={0,2}")
# Ids and texts that only withheld rows and columns hold.
PLANTED = (b"CANARY", b"700.123", b"NAVYCASE", b"ROUTE-", b"Watchers", SECRET.encode())


def light(folder: Path, profile: str = PROFILE) -> Path:
    """The small project with the quickest of its analyses."""
    file = write_project(folder)
    text = file.read_text("utf-8")
    blocks = text.split("[[analyses]]")
    kept = [one for one in blocks[1:-1] if 'name = "cells"' in one or 'name = "reported"' in one]
    tail = blocks[-1][blocks[-1].index("[[releases]]") :]
    body = "".join(f"[[analyses]]{one}" for one in kept)
    formats = '\n[outputs]\nfolder = "out"\nformats = ["parquet", "gpkg", "html"]\n'
    file.write_text(blocks[0] + body + tail + formats, "utf-8")
    (folder / "ngo.toml").write_text(profile, "utf-8")
    return file


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, projects.RunResult]:
    folder = tmp_path_factory.mktemp("rules")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GEOCN_RELEASE_SECRET", SECRET)
        result = projects.run(light(folder / "project"), out=folder / "out")
    return result.folder / "releases/ngo", result


def contents(folder: Path) -> dict[str, bytes]:
    """Every file, with what its blocks and columns hold beside its own bytes."""
    found = {}
    for path in sorted(one for one in folder.rglob("*") if one.is_file()):
        content = path.read_bytes()
        if path.suffix == ".parquet":
            table = pq.read_table(path)
            content += f"{table.to_pydict()} {table.schema.metadata}".encode()
        for block in PACKED.findall(content):
            with contextlib.suppress(zlib.error, binascii.Error):
                content += zlib.decompress(base64.b64decode(block), wbits=47)
        found[path.relative_to(folder).as_posix()] = content
    return found


def test_planted_ids_and_the_secret_are_absent(
    released: tuple[Path, projects.RunResult],
) -> None:
    folder, result = released
    held = contents(folder)
    assert {"map.html", "layers.gpkg", "sidecar.json", "sidecar.xml"} <= set(held)
    for name, content in held.items():
        for planted in PLANTED:
            assert planted not in content, (name, planted)
    # The secret is in no other file of the run either.
    for path in result.folder.rglob("*"):
        assert not path.is_file() or SECRET.encode() not in path.read_bytes()


def test_planted_coordinates_are_absent(released: tuple[Path, projects.RunResult]) -> None:
    folder, result = released
    exact = np.vstack(
        [shapely.get_coordinates(one.geometry.to_numpy()) for one in result.layers.values()]
    )
    for path in sorted(folder.glob("layers/*.parquet")):
        told = shapely.get_coordinates(gpd.read_parquet(path).geometry.to_numpy())
        apart = np.hypot(*(told[:, None] - exact[None]).transpose(2, 0, 1))
        assert apart.min() > 1e-4, path.name
    sites = gpd.read_parquet(folder / "layers/interventions.parquet")
    assert (sites["location_precision_m"] >= 4000).all()


def test_no_small_count_is_told(released: tuple[Path, projects.RunResult]) -> None:
    folder, result = released
    for path in sorted(folder.glob("results/*.parquet")):
        frame = gpd.read_parquet(path)
        for column in (one for one in frame if one in ("n_events", "n_routes")):
            told = frame[column].dropna().astype(float)
            assert not ((told > 0) & (told < 3)).any(), (path.name, column)
    seizures = gpd.read_parquet(folder / "layers/seizures.parquet")
    assert len(seizures) == 3
    rules = {one["rule"]: one for one in result.manifest["releases"]["ngo"]["rules"]}
    assert rules["donut_m"]["rows"] + rules["protected"]["rows"] == 2


def test_what_is_derived_says_so(released: tuple[Path, projects.RunResult]) -> None:
    folder, result = released
    frame = gpd.read_parquet(folder / "results/reported.parquet")
    assert set(frame["derived"]) == {"derived from withheld data; approved by Col. Planted"}
    page = (folder / "map.html").read_text("utf-8")
    assert "reported is derived from withheld data; approved by Col. Planted." in page
    assert "This release expires on 2026-06-30." in page
    sidecar = json.loads((folder / "sidecar.json").read_text("utf-8"))
    assert sidecar["derived"][0]["reason"] == "Agreed on 3 May"
    assert sidecar["label"] == {
        "marking": "TLP:GREEN",
        "classification": None,
        "releasable_to": ["ngo"],
    }
    assert result.manifest["releases"]["ngo"]["not_computed"] == {}


def test_the_sidecar_binds_every_file(released: tuple[Path, projects.RunResult]) -> None:
    folder, _ = released
    sidecar = json.loads((folder / "sidecar.json").read_text("utf-8"))
    there = {
        path.relative_to(folder).as_posix(): sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }
    unbound = {"SHA256SUMS", "sidecar.json", "sidecar.xml"}
    assert sidecar["files"] == {k: v for k, v in there.items() if k not in unbound}
    sums = (folder / "SHA256SUMS").read_text("utf-8").splitlines()
    assert {line.split("  ")[1] for line in sums} == set(there) - {"SHA256SUMS"}
    assert "&lt;b&gt;" in (folder / "sidecar.xml").read_text("utf-8")


def test_the_next_release_is_held_against_the_last(
    released: tuple[Path, projects.RunResult], tmp_path: Path
) -> None:
    folder, _ = released
    file = light(tmp_path / "project", PROFILE.replace("donut_m = [500, 4000]", "grid_km = 5"))
    police = file.parent / "partners/police.csv"
    text = police.read_text("utf-8") + "P9;01/03/2025;-77,50;0,50;Cocaína;1,0;kg\n"
    police.write_text(text, "utf-8")
    last = tmp_path / "project/handed_over"
    last.symlink_to(folder, target_is_directory=True)
    entry = 'profile = "ngo.toml"\n'
    project = file.read_text("utf-8").replace(entry, entry + 'earlier = ["handed_over"]\n')
    file.write_text(project.replace('"gpkg", "html"', '"parquet"'), "utf-8")
    result = projects.run(file, out=tmp_path / "out")
    account = result.manifest["releases"]["ngo"]
    rules = {(one["layer"], one["rule"]): one["rows"] for one in account["rules"]}
    assert rules["seizures", "differencing"] == 4
    assert any("nothing is left of seizures" in note for note in result.notes)
    assert "handed_over/SHA256SUMS" in result.manifest["inputs"]
    spoilt = tmp_path / "project/spoilt"
    (spoilt / "layers").mkdir(parents=True)
    pd.DataFrame({"a": [1]}).to_parquet(spoilt / "layers/seizures.parquet")
    (spoilt / "SHA256SUMS").write_text("", "utf-8")
    file.write_text(file.read_text("utf-8").replace("handed_over", "spoilt"), "utf-8")
    with pytest.raises(ReadError, match="not the file that SHA256SUMS"):
        projects.run(file, out=tmp_path / "out")


@pytest.mark.parametrize(
    ("change", "error", "said"),
    [
        (("", ""), ReleaseError, "GEOCN_RELEASE_SECRET_FILE"),
        (("2026-06-30", "2025-06-30"), ReleaseError, "expired on 2025-06-30"),
        (('"drug"', '"drog"'), ProjectError, r"ngo\.toml, line 10, key .*'drog'"),
        (('analysis = "reported"', 'analysis = "none"'), ProjectError, "no analyses called"),
    ],
)
def test_a_release_that_cannot_be_is_refused(
    change: tuple[str, str],
    error: type[Exception],
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("GEOCN_RELEASE_SECRET", raising=False)
    monkeypatch.delenv("GEOCN_RELEASE_SECRET_FILE", raising=False)
    file = light(tmp_path / "project", PROFILE.replace(*change))
    with pytest.raises(error, match=said):
        projects.run(file, out=tmp_path / "out")
    assert not (tmp_path / "out/latest").exists()
