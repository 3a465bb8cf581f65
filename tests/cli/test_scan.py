"""``geocn scan``: exit codes, and what it prints."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from geocn.cli import app

ROWS = "seizure_id,source,longitude,latitude\nSZ-00017,Operación Ñandú Azul,-76.612345,2.441234\n"


@pytest.fixture
def withheld(tmp_path: Path) -> Path:
    path = tmp_path / "withheld.csv"
    path.write_text(ROWS, "utf-8")
    return path


def scan(tmp_path: Path, withheld: Path, data: bytes, *options: str) -> tuple[int, str]:
    file = tmp_path / "note.bin"
    file.write_bytes(data)
    result = CliRunner().invoke(app, ["scan", str(file), "--withheld", str(withheld), *options])
    return result.exit_code, result.output


def test_clean_is_0(tmp_path, withheld) -> None:
    code, text = scan(tmp_path, withheld, b"nothing of that kind")
    assert (code, text.splitlines()[-1]) == (0, "clean")


def test_a_leak_is_1_and_the_value_is_not_printed(tmp_path, withheld) -> None:
    code, text = scan(tmp_path, withheld, b"see SZ&#45;00017 at -76.6123, 2.4412")
    assert code == 1
    assert "seizure_id" in text
    assert "00017" not in text
    assert "76.612" not in text


def test_what_cannot_be_read_is_2(tmp_path, withheld) -> None:
    code, text = scan(tmp_path, withheld, b"7z\xbc\xaf\x27\x1c" + bytes(50))
    assert code == 2
    assert "7-Zip" in text


def test_a_leak_goes_before_what_cannot_be_read(tmp_path, withheld) -> None:
    code, _ = scan(tmp_path, withheld, b"%PDF-1.4 /Encrypt 5 0 R SZ-00017")
    assert code == 1


def test_a_missing_file_is_2(tmp_path, withheld) -> None:
    result = CliRunner().invoke(app, ["scan", str(tmp_path / "none"), "--withheld", str(withheld)])
    assert result.exit_code == 2


def test_rows_that_hold_nothing_to_look_for_are_2(tmp_path, withheld) -> None:
    withheld.write_text("drug,n\ncocaine,1\n", "utf-8")
    code, text = scan(tmp_path, withheld, b"calm")
    assert code == 2
    assert "nothing that can be looked for" in text


def test_what_is_released_and_a_finer_tolerance_count(tmp_path, withheld) -> None:
    released = tmp_path / "released.csv"
    released.write_text("seizure_id\nSZ-00017\n", "utf-8")
    assert scan(tmp_path, withheld, b"SZ-00017", "--released", str(released))[0] == 0
    only_place = b"at -76.612400, 2.441200"  # 7 m away
    assert scan(tmp_path, withheld, only_place)[0] == 1
    assert scan(tmp_path, withheld, only_place, "--tolerance-m", "2")[0] == 0
