"""``geocn publish`` says plainly what is wrong, and never the password."""

import pytest
from typer.testing import CliRunner

from geocn.cli import app


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GEOCN_POSTGIS", "PGSERVICE", "PGHOST", "PGDATABASE"):
        monkeypatch.delenv(name, raising=False)


def test_without_a_database_it_says_how_to_name_one(tmp_path: object) -> None:
    done = CliRunner().invoke(app, ["publish", str(tmp_path)])
    assert done.exit_code == 2
    assert "--postgis DSN, or GEOCN_POSTGIS or PGSERVICE" in done.output


def test_a_folder_that_is_no_run_is_a_bad_input(tmp_path: object) -> None:
    secret = "postgresql://a:s3cret@/x"
    done = CliRunner().invoke(app, ["publish", str(tmp_path), "--postgis", secret])
    assert done.exit_code == 3
    assert "holds neither manifest.json nor release.json" in done.output
    assert "s3cret" not in done.output


def test_help_never_shows_the_database(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GEOCN_POSTGIS", "postgresql://a:s3cret@/x")
    assert "s3cret" not in CliRunner().invoke(app, ["publish", "--help"]).output
