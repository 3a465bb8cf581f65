"""A disk that is full: an error, and the previous version still whole."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("resource", reason="file-size limits need a POSIX system")

SCRIPT = """
import resource, signal, sys
from pathlib import Path
import geopandas, numpy, xarray, rioxarray
from geocn.errors import WriteError
from geocn import publish

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
target, limit = Path(sys.argv[1]), int(sys.argv[2])
rng = numpy.random.default_rng(0)
points = rng.uniform(0, 1, (4000, 2))
frame = geopandas.GeoDataFrame(
    {"n": rng.random(4000)}, geometry=geopandas.points_from_xy(*points.T), crs=4326
)
raster = xarray.DataArray(
    rng.random((200, 200)), dims=("y", "x"),
    coords={"y": numpy.arange(200.0), "x": numpy.arange(200.0)},
).rio.write_crs("EPSG:3857")
write = {
    ".gpkg": lambda: publish.write_geopackage({"x": frame}, target),
    ".parquet": lambda: publish.write_geoparquet(frame, target),
    ".csv": lambda: publish.write_csv(frame, target),
    ".tif": lambda: publish.write_geotiff(raster, target),
}[target.suffix]
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
try:
    write()
except WriteError:
    sys.exit(7)
"""


@pytest.mark.slow
@pytest.mark.parametrize("suffix", ["gpkg", "parquet", "csv", "tif"])
@pytest.mark.parametrize("limit", [0, 5_000, 60_000])
def test_a_file_size_limit_leaves_the_previous_version(
    suffix: str, limit: int, tmp_path: Path
) -> None:
    target = tmp_path / f"x.{suffix}"
    target.write_bytes(b"previous")
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(target), str(limit)], capture_output=True, check=False
    )
    assert done.returncode == 7, done.stderr.decode()[-600:]
    assert target.read_bytes() == b"previous"
    assert [path.name for path in tmp_path.iterdir()] == [target.name]
