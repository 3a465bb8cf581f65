"""One warm process and one tiny project for the tests of faults."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.runs import Forker, forker, write_tiny


@pytest.fixture(scope="module")
def warm() -> Iterator[Forker]:
    with forker() as process:
        yield process


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    return write_tiny(tmp_path / "project")
