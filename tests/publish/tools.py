"""GDAL's own tools and QGIS, where the machine has them; tests say why they are skipped."""

from __future__ import annotations

import shutil
import subprocess
from functools import lru_cache
from pathlib import Path

import pytest

#: Debian installs PyQGIS and osgeo for its own Python, not for ours.
_SYSTEM_PYTHON = "/usr/bin/python3"


def gdal_tool(name: str) -> str:
    """Return the path of a GDAL program, or skip the test."""
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed (Debian: apt install gdal-bin)")
    return found


@lru_cache(maxsize=4)
def _imports(module: str) -> bool:
    if not Path(_SYSTEM_PYTHON).exists():
        return False
    asked = subprocess.run([_SYSTEM_PYTHON, "-c", f"import {module}"], capture_output=True)
    return asked.returncode == 0


def system_python(module: str) -> str:
    """Return the system's Python where it has ``module``, or skip the test."""
    if not _imports(module):
        pytest.skip(f"the system's Python has no {module} (Debian: apt install python3-qgis)")
    return _SYSTEM_PYTHON


def output_of(*command: object) -> str:
    """Run a program and return what it says; an error or a warning of GDAL fails the test."""
    done = subprocess.run([str(one) for one in command], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    faults = [line for line in done.stderr.splitlines() if line.startswith(("ERROR", "Warning"))]
    assert not faults, faults
    return done.stdout
