"""One warm process and one tiny project for the tests of faults."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.runs import TABLES, Forker, forker, write_tiny


@pytest.fixture(scope="module")
def warm() -> Iterator[Forker]:
    with forker() as process:
        yield process


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    return write_tiny(tmp_path / "project")


@pytest.fixture
def tables(tmp_path: Path) -> Path:
    """The same project without maps and GeoPackages."""
    return write_tiny(tmp_path / "tables", formats=TABLES)
