"""A disk that is full: an error, and the previous version still whole."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("resource", reason="file-size limits need a POSIX system")

SUFFIXES, LIMITS = ("gpkg", "parquet", "csv", "tif"), (0, 5_000, 60_000)

#: Each case is a fork of its own: a limit, once lowered, stays.
SCRIPT = """
import json, os, resource, signal, sys, traceback
from pathlib import Path
import geopandas, numpy, xarray, rioxarray
from geocn.errors import WriteError
from geocn import publish

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
rng = numpy.random.default_rng(0)
points = rng.uniform(0, 1, (4000, 2))
frame = geopandas.GeoDataFrame(
    {"n": rng.random(4000)}, geometry=geopandas.points_from_xy(*points.T), crs=4326
)
raster = xarray.DataArray(
    rng.random((200, 200)), dims=("y", "x"),
    coords={"y": numpy.arange(200.0), "x": numpy.arange(200.0)},
).rio.write_crs("EPSG:3857")
WRITE = {
    "gpkg": lambda target: publish.write_geopackage({"x": frame}, target),
    "parquet": lambda target: publish.write_geoparquet(frame, target),
    "csv": lambda target: publish.write_csv(frame, target),
    "tif": lambda target: publish.write_geotiff(raster, target),
}

def limited(suffix, target, limit):
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    try:
        WRITE[suffix](target)
    except WriteError:
        return 7
    except BaseException:
        traceback.print_exc()
        return 1
    return 0

codes = {}
for folder in sorted(Path(sys.argv[1]).iterdir()):
    suffix, limit = folder.name.split("-")
    child = os.fork()
    if child == 0:
        code = 1
        try:
            code = limited(suffix, folder / f"x.{suffix}", int(limit))
        finally:
            os._exit(code)
    codes[folder.name] = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
print(json.dumps(codes))
"""


@pytest.fixture(scope="module")
def limited(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, int], str]:
    """Every format over a previous file under every limit: where, the exit codes, what was said."""
    home = tmp_path_factory.mktemp("limited")
    for suffix in SUFFIXES:
        for limit in LIMITS:
            folder = home / f"{suffix}-{limit}"
            folder.mkdir()
            (folder / f"x.{suffix}").write_bytes(b"previous")
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(home)], capture_output=True, check=False, text=True
    )
    assert done.returncode == 0, done.stderr[-600:]
    return home, json.loads(done.stdout.splitlines()[-1]), done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("limit", LIMITS)
def test_a_file_size_limit_leaves_the_previous_version(
    suffix: str, limit: int, limited: tuple[Path, dict[str, int], str]
) -> None:
    home, codes, said = limited
    folder = home / f"{suffix}-{limit}"
    assert codes[folder.name] == 7, said[-600:]
    assert (folder / f"x.{suffix}").read_bytes() == b"previous"
    assert [path.name for path in folder.iterdir()] == [f"x.{suffix}"]
