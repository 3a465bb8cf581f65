"""Fixtures that every room's tests share."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

# Two workers share the cores: BLAS threads of each would wait for those of the other.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
# A job in the background of a shell starts with Ctrl-C ignored, and so would what tests start.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile(
    "ci",
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    derandomize=True,
)
settings.load_profile("ci")

ROOT = Path(__file__).resolve().parents[1]
#: The files that take longest (CPU), longest first: begun last, one would keep a core idle.
LONGEST = (
    "faults/test_killed_runs.py",
    "properties/test_check_analysis.py",
    "faults/test_year.py",
    "cli/test_cli.py",
    "properties/test_calibration.py",
    "notebooks/test_notebooks.py",
    "faults/test_scarce.py",
    "browser/test_size_and_speed.py",
    "browser/test_export.py",
    "real/test_run.py",
    "corridors/test_current.py",
    "evaluation/test_displacement.py",
    "browser/test_what_if.py",
    "docs/test_examples.py",
    "corridors/test_calibrate.py",
    "project/test_running.py",
    "project/test_running_again.py",
    "project/test_changes.py",
    "evaluation/test_compare.py",
    "fuzz/test_fuzz.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the longest files first; ``--no-loadscope-reorder`` keeps that order for workers."""
    rank = {ROOT / "tests" / name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: rank.get(item.path, len(rank)))


@pytest.fixture(scope="session")
def reference() -> Path:
    """The folder of reference inputs; a test that asks for it is skipped where it is absent."""
    folder = Path(os.environ.get("GEOCN_REFERENCE", ROOT.parent / "shared" / "reference"))
    if not folder.is_dir():
        pytest.skip(f"no reference data at {folder}: set GEOCN_REFERENCE to its folder")
    return folder


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Headless Chromium; without one the tests are skipped, except where CI is set."""
    chromium = shutil.which("chromium")
    if chromium is None:
        reason = "no chromium on the path: install Debian's chromium to test the page"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    sync_api = pytest.importorskip("playwright.sync_api")
    root = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_api.sync_playwright() as playwright:
        started = playwright.chromium.launch(
            executable_path=chromium, args=[*root, "--disable-gpu", "--disable-dev-shm-usage"]
        )
        yield started
        started.close()
