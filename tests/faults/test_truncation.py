"""Every sample cut at each sixteenth and with flipped bytes: a typed error or a right answer.

The cases run in a process of their own, so that a crash or a hang of a native library fails
the test instead of ending it.
"""

from __future__ import annotations

import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.oracles_io import write_samples

KINDS = ["csv", "csv.zip", "xlsx", "geojson", "gpkg", "fgb", "parquet", "shp.zip", "kml", "kmz"]
KINDS += ["gpx", "tif"]
CHECKSUMMED = ("csv.zip", "xlsx", "shp.zip", "kmz")
FLIPS = 80

RUNNER = """
import pickle, sys
from pathlib import Path
from geocn.errors import GeocnError
from geocn.io.raster import read_raster
from geocn.io.table import read_table

def read(path):
    if path.parent.name == "tif":
        return read_raster(path).values.tobytes(), []
    table = read_table(path)
    cells = table.frame.drop(columns="geometry", errors="ignore").astype("object")
    rows = [tuple(map(str, row)) for row in cells.to_numpy().tolist()]
    shapes = table.frame.geometry.to_wkb() if "geometry" in table.frame else [None] * len(rows)
    return list(zip(rows, shapes)), table.notes

results = {}
for path in sorted(Path(sys.argv[1]).glob("*/*")):
    print(path, file=sys.stderr, flush=True)
    try:
        results[path.parent.name, path.name] = ("read", *read(path))
    except GeocnError as error:
        results[path.parent.name, path.name] = ("refused", type(error).__name__, str(error))
sys.stdout.buffer.write(pickle.dumps(results))
"""

Outcomes = dict[tuple[str, str], tuple[Any, ...]]


def outcomes(folder: Path) -> Outcomes:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", RUNNER, str(folder)],
        capture_output=True,
        timeout=400,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()[-3000:]
    found: Outcomes = pickle.loads(done.stdout)
    return found


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("samples")
    return {kind: path.read_bytes() for kind, path in write_samples(folder).items()}


@pytest.fixture(scope="module")
def cut(samples: dict[str, bytes], tmp_path_factory: pytest.TempPathFactory) -> Outcomes:
    folder = tmp_path_factory.mktemp("cut")
    for kind in KINDS:
        whole = samples[kind]
        (folder / kind).mkdir()
        (folder / kind / "whole").write_bytes(whole)
        for at in {len(whole) * i // 16 for i in range(16)} | {len(whole) - 1, len(whole) - 3}:
            (folder / kind / f"{at:09d}").write_bytes(whole[:at])
    return outcomes(folder)


@pytest.fixture(scope="module")
def flipped(samples: dict[str, bytes], tmp_path_factory: pytest.TempPathFactory) -> Outcomes:
    folder = tmp_path_factory.mktemp("flipped")
    for kind in KINDS:
        whole = np.frombuffer(samples[kind], dtype=np.uint8)
        (folder / kind).mkdir()
        (folder / kind / "whole").write_bytes(samples[kind])
        rng = np.random.default_rng(len(kind))
        for case in range(FLIPS):
            hurt = whole.copy()
            reach = min(len(hurt), 400) if case % 2 else len(hurt)
            places = rng.integers(0, reach, 1 + case % 3)
            hurt[places] ^= rng.integers(1, 256, len(places)).astype(np.uint8)
            (folder / kind / f"{case:03d}").write_bytes(hurt.tobytes())
    return outcomes(folder)


def of(found: Outcomes, kind: str) -> tuple[tuple[Any, ...], list[tuple[Any, ...]]]:
    mine = {name: result for (k, name), result in found.items() if k == kind}
    right = mine.pop("whole")
    assert right[0] == "read", right
    return right, list(mine.values())


@pytest.mark.parametrize("kind", KINDS)
def test_cut_at_each_sixteenth(kind: str, cut: Outcomes) -> None:
    right, results = of(cut, kind)
    assert len(results) >= 16
    for result in results:
        if result[0] == "refused":
            continue
        if kind == "csv":
            assert_prefix_that_says_so(right[1], result[1], result[2])
        else:
            assert result[1] == right[1], "another answer from a cut file"


def assert_prefix_that_says_so(right: list[Any], got: list[Any], notes: list[str]) -> None:
    """Cut text cannot know what followed; whole rows stay right, and a cut last line is told."""
    assert got[:-1] == right[: max(len(got) - 1, 0)]
    if got and got[-1] != right[len(got) - 1]:
        assert any("line break" in note for note in notes)


@pytest.mark.parametrize("kind", KINDS)
def test_flipped_bytes(kind: str, flipped: Outcomes) -> None:
    right, results = of(flipped, kind)
    assert len(results) == FLIPS
    if kind in CHECKSUMMED:
        read = [result for result in results if result[0] == "read"]
        assert all(result[1] == right[1] for result in read), "a checksum was not looked at"
