"""What is fuzzed: one target a reader, fed with bytes, judged by what every reader promises.

A target returns the words of its outcome (an error's type and where it was raised, or
"read"): a new outcome is a new behaviour, and its input is worth keeping in the corpus. It
raises, whatever the exception, where a promise is broken: an error that is not typed, rows
that do not add up (P3), a place or a number that cannot be (P6).
"""

from __future__ import annotations

import io
import tempfile
import traceback
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import xarray as xr

import geocn
from geocn._sample import sample_folder
from geocn.errors import GeocnError
from geocn.io.packed import decode_block, to_text
from geocn.io.raster import read_raster
from geocn.io.table import read_table
from geocn.layers import read_places
from geocn.project.file import ProjectFile
from geocn.provenance import KEY
from geocn.sharing import ReleaseProfile, scan
from geocn.sharing.toml_model import read_model
from tests.oracles_io import write_samples

#: The formats that ``write_samples`` writes, read by ``read_table`` but for the raster.
FORMATS = ("csv", "csv.zip", "xlsx", "geojson", "gpkg", "fgb", "parquet", "shp.zip", "kml")
FORMATS += ("kmz", "gpx", "tif")
# Seeds stay small: a mutation of a large file mostly hits rows that are all alike.
_LINES = 8


@dataclass(frozen=True)
class Target:
    """One reader: its name, how its file is called, what it does, and where it starts from.

    Parameters
    ----------
    name : str
    ending : str
        Of the file that the bytes are written to.
    read : callable
        Takes the path; returns what was read, or raises.
    seeds : callable
        Returns sound inputs.
    """

    name: str
    ending: str
    read: Callable[[Path], Any]
    seeds: Callable[[], list[bytes]]

    def outcome(self, data: bytes) -> str:
        """Read ``data`` as this target does and return the words of the outcome."""
        with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            path = Path(folder) / f"input.{self.ending}"
            path.write_bytes(data)
            try:
                found = self.read(path)
            except GeocnError as error:
                refused = error
            else:
                require_sound(found)
                return f"read: {_shape_of(found)}"
        assert str(refused).strip(), "an error without words"
        return f"{type(refused).__name__}: {_raised_at(refused)}"


def _raised_at(error: GeocnError) -> str:
    """Where our own code raised: the functions on the way, without lines, which edits move."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [f"{Path(f.filename).stem}.{f.name}" for f in frames if "/geocn/" in f.filename]
    return " > ".join(ours[-3:])


def _shape_of(found: Any) -> str:
    """In rough words what was read: whether rows, and for how many reasons some were rejected."""
    if isinstance(found, gpd.GeoDataFrame):
        reasons = found.attrs.get(KEY, {}).get("rejected", {})
        return f"{min(len(found), 2)} rows, rejected for {min(len(reasons), 3)} reasons"
    return type(found).__name__


def require_sound(found: Any) -> None:
    """Hold what was read to P3 and P6."""
    if isinstance(found, xr.DataArray):
        assert found.rio.crs is not None
        assert not np.isinf(found.to_numpy()).any() if found.dtype.kind == "f" else True
        return
    if not isinstance(found, gpd.GeoDataFrame):
        return
    report = found.attrs.get(KEY, {})
    if "rows_in" in report:
        assert report["rows_in"] == report["rows_out"] + report["rows_rejected"], report
        assert len(found) == report["rows_out"]
        _require_places(found)
    for name in ("weight_kg", "area_ha", "quantity", "reach_km", "cost"):
        if name in found and pd.api.types.is_numeric_dtype(found[name]):
            values = found[name].dropna().to_numpy(dtype=float)
            assert np.isfinite(values).all(), name
            assert (values >= 0).all(), name


def _require_places(frame: gpd.GeoDataFrame) -> None:
    held = frame.geometry.dropna()
    if held.empty:
        return
    assert frame.crs is not None
    bounds = held.to_crs("EPSG:4326").total_bounds if frame.crs.is_geographic else None
    if bounds is not None and not np.isnan(bounds).all():
        assert np.isfinite(bounds).all(), bounds
        assert bounds[1] >= -90, bounds
        assert bounds[3] <= 90, bounds


@cache
def _samples() -> dict[str, bytes]:
    with tempfile.TemporaryDirectory() as folder:
        return {kind: path.read_bytes() for kind, path in write_samples(Path(folder)).items()}


def _format(kind: str) -> Target:
    read: Callable[[Path], Any] = read_raster if kind == "tif" else read_table
    return Target(kind, kind, read, lambda: [_samples()[kind]])


def _partner(name: str, *, head: bool = True) -> Callable[[], list[bytes]]:
    def seeds() -> list[bytes]:
        data = (sample_folder() / "andes" / name).read_bytes()
        return [b"\n".join(data.split(b"\n")[:_LINES]) if head else data]

    return seeds


def _seizures(path: Path) -> Any:
    return geocn.read_seizures(
        path, as_of="2025-12-31", date_order="dmy", timezone="America/Bogota"
    )


_SEIZURES = (
    "id;fecha;lat;lon;droga;cantidad;unidad\n"
    "1;05/03/2024;4,5;-74,2;cocaína;1.234,5;kg\n"
    "2;06/03/2024 14:00;4.6;-74.1;marihuana;3;t\n"
    "3;2024-03-07;;-74;heroína;12;lb\n"
).encode()
_NOTES = (
    b'{"type":"FeatureCollection","map_id":"m","marking":"TLP:AMBER","features":[{"type":'
    b'"Feature","properties":{"note_id":"n1","text":"Bridge out","author":"A","marking":'
    b'"TLP:AMBER","map_id":"m","written_at":"2025-01-02T03:04:05Z"},"geometry":{"type":'
    b'"Point","coordinates":[-76.6,2.4]}}]}'
)
_PROJECT = (
    b'title = "T"\nas_of = 2025-12-31\nmarking = "TLP:AMBER"\n[[layers.seizures]]\n'
    b'path = "s.csv"\nsource = "P"\n[[analyses]]\nkind = "hotspots"\nname = "h"\n'
    b'layer = "seizures"\ngrid = { cell_km = 25, kind = "hex" }\n[outputs]\nformats = ["html"]\n'
)


def _packed(path: Path) -> Any:
    return decode_block(path.read_text("latin-1"))


def _scan(path: Path) -> Any:
    withheld = gpd.GeoDataFrame(
        {"seizure_id": ["SECRET-0042"], "place": ["Puerto Escondido del Norte"]},
        geometry=gpd.points_from_xy([-76.123456], [2.654321]),
        crs="EPSG:4326",
    )
    return scan(path, {"seizures": withheld})


@cache
def _cells() -> gpd.GeoDataFrame:
    return geocn.hotspots.make_grid((-80, -5, -70, 8), cell_size_km=200)


def _counts(path: Path) -> Any:
    """Count the points of a file by month, as of one larger than memory."""
    counted = geocn.hotspots.count_points(path, _cells(), by_period="month", on_invalid="warn")
    assert (counted["n_events"] >= 0).all()
    return counted


def _table() -> bytes:
    rows = [f"{-79 + k % 9},{-4 + k % 11},2024-0{k % 9 + 1}-11T10:00:00" for k in range(30)]
    return "\n".join(["lon,lat,seized_at", *rows, ""]).encode()


def _parquet() -> bytes:
    stream = io.BytesIO()
    pd.read_csv(io.BytesIO(_table()), parse_dates=["seized_at"]).to_parquet(stream)
    return stream.getvalue()


def _blocks() -> list[bytes]:
    header = b'{"h":{"x":1},"a":[]}'
    return [to_text(header).encode("ascii"), to_text(b"\x00" * 40).encode("ascii")]


_COCA = "simci_coca_departamentos.csv"
_BINARY = ("gpkg", "kmz", "parquet", "tif")
_OTHERS = (
    Target("seizures", "csv", _seizures, lambda: [_SEIZURES]),
    Target("routes", "geojson", geocn.read_routes, _partner("partners/youth_network.geojson")),
    Target(
        "cultivation",
        "csv",
        geocn.read_cultivation,
        _partner("partners/simci_coca_departamentos.csv"),
    ),
    Target(
        "interventions", "csv", geocn.read_interventions, _partner("partners/ong_proyectos.csv")
    ),
    Target("borders", "geojson", geocn.read_borders, lambda: [_samples()["geojson"]]),
    Target("annotations", "geojson", geocn.read_annotations, lambda: [_NOTES]),
    Target("places", "csv", read_places, _partner("places/towns.csv")),
    Target("project", "toml", ProjectFile.read, lambda: [_PROJECT]),
    Target(
        "profile",
        "toml",
        lambda path: read_model(path, ReleaseProfile),
        _partner("profiles/ngo.toml", head=False),
    ),
    Target("counts", "csv", _counts, lambda: [_table()]),
    Target("counts-parquet", "parquet", _counts, lambda: [_parquet()]),
    Target("packed", "txt", _packed, _blocks),
    Target("scan", "bin", _scan, lambda: [_samples()[k] for k in _BINARY]),
)
#: Every target by name.
TARGETS: dict[str, Target] = {t.name: t for t in (*map(_format, FORMATS), *_OTHERS)}
