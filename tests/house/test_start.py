"""Starting costs next to nothing, and what is promised by name is there."""

from __future__ import annotations

import resource
import subprocess
import sys
from pathlib import Path

import pytest

import geocn

BIN = Path(sys.executable).parent


def cpu_seconds(command: list[str]) -> float:
    """CPU seconds of one child, the best of five: a loaded machine only ever adds."""
    best = float("inf")
    for _ in range(5):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(command, check=True, capture_output=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        best = min(best, spent)
    return best


def loaded_by(code: str) -> set[str]:
    probe = f"import sys; {code}; print(' '.join(sys.modules))"
    return set(subprocess.check_output([sys.executable, "-c", probe], text=True).split())


def test_import_loads_nothing_heavy() -> None:
    heavy = {"numpy", "pandas", "geopandas", "shapely", "numba", "folium", "typer", "rich"}
    assert loaded_by("import geocn") & heavy == set()


def test_help_loads_nothing_heavy() -> None:
    heavy = {"numpy", "pandas", "geopandas", "shapely", "numba", "folium", "xarray"}
    assert loaded_by("import geocn.cli") & heavy == set()


def test_import_and_help_are_quick() -> None:
    empty = cpu_seconds([sys.executable, "-c", "pass"])
    # Twice the promise of 0.1 s and 0.3 s: this catches a heavy import, not a slow machine.
    assert cpu_seconds([sys.executable, "-c", "import geocn"]) - empty < 0.2
    assert cpu_seconds([str(BIN / "geocn"), "--help"]) < 0.6


@pytest.mark.parametrize("attribute", [n for n in geocn.__all__ if n != "__version__"])
def test_every_promised_name_is_there(attribute: str) -> None:
    assert getattr(geocn, attribute) is not None


def test_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        geocn.nothing
