"""The record follows RO-Crate 1.1 and names every file, source, step and approver."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from geocn.errors import ParameterError, WriteError
from geocn.publish import Source, Step, write_provenance
from geocn.publish.provenance_record import FILE_NAME
from tests.publish.crates import check_crate

WAY: dict[str, Any] = {"title": "Año", "as_of": date(2025, 12, 31), "marking": "TLP:GREEN"}


def outputs(folder: Path) -> tuple[Path, Path]:
    (folder / "layers").mkdir(parents=True)
    one, two = folder / "layers" / "año 1.parquet", folder / "map.html"
    one.write_bytes(b"1")
    two.write_bytes(b"22")
    return one, two


def test_a_full_record_is_valid(tmp_path: Path) -> None:
    layer, page = outputs(tmp_path)
    steps = [
        Step(
            "Hot spots",
            "hotspots.getis_ord",
            {"alpha": 0.05, "n": float("nan"), "long": "x" * 999},
            uses=[layer],
            gives=[page],
        ),
        Step("Derived", gives=[page], approver="Ana", reason="agreed"),
        Step("Derived too", approver="Ana", reason="agreed"),
    ]
    sources = [
        Source("partners/a.csv", "ab" * 32, "TLP:AMBER", "Police"),
        Source("partners/b.csv", "cd" * 32, None, "Police"),
        Source("Navy"),
    ]
    write_provenance(tmp_path, sources=sources, steps=steps, partner="ngo", approver="Ana", **WAY)
    found = check_crate(tmp_path)
    assert found["./"]["datePublished"] == "2025-12-31"
    assert {"layers/a%C3%B1o%201.parquet", "map.html"} <= set(found)
    assert found["#input-1"]["sha256"] == "ab" * 32
    assert found["#input-1"]["conditionsOfAccess"] == "TLP:AMBER"
    assert found["#source-3"]["name"] == "Navy"
    assert found["#step-1/alpha"]["value"] == "0.05"
    assert found["#step-1/n"]["value"] == "null"
    assert "#step-1/long" not in found
    assert found["#step-1"]["instrument"] == {"@id": "#software-geocn"}
    assert "agreed" in found["#step-2"]["disambiguatingDescription"]
    assert found["#release"]["agent"] == found["#step-2"]["agent"] == {"@id": "#person-Ana"}
    assert found["#software-geocn"]["softwareRequirements"]


def test_the_least_record_is_valid_and_stable(tmp_path: Path) -> None:
    outputs(tmp_path)
    first = write_provenance(tmp_path, **WAY).read_bytes()
    assert write_provenance(tmp_path, **WAY).read_bytes() == first
    found = check_crate(tmp_path)
    assert FILE_NAME not in {one["@id"] for one in found["./"]["hasPart"]}


@pytest.mark.parametrize("name", ["../../x", "<b>", "a\0b", "\ud800", "=1+1", "a#b?c", "بوغوتا"])
def test_any_name_is_data_only(name: str, tmp_path: Path) -> None:
    outputs(tmp_path)
    steps = [Step(name, parameters={name: name}, approver=name)]
    sources = [Source(name, partner=name)]
    write_provenance(tmp_path, sources=sources, steps=steps, partner=name, **WAY)
    check_crate(tmp_path)


def test_what_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match="no such folder"):
        write_provenance(tmp_path / "gone", **WAY)
    with pytest.raises(ParameterError, match="not in"):
        write_provenance(tmp_path, steps=[Step("a", gives=[tmp_path / "gone"])], **WAY)
    assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_written_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = write_provenance(tmp_path, **WAY).read_bytes()

    def fails(*args: Any, **kwargs: Any) -> None:
        raise OSError("no space")

    monkeypatch.setattr(Path, "write_text", fails)
    with pytest.raises(WriteError, match="no space"):
        write_provenance(tmp_path, **{**WAY, "title": "Other"})
    assert (tmp_path / FILE_NAME).read_bytes() == before
