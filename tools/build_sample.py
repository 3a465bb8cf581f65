"""Build ``sample_data/andes`` from the seeded scenario: the same bytes every time.

Run: ``python tools/build_sample.py [--out FOLDER]``. What people wrote (``README.md``,
``project.toml``, ``profiles/``) is left as it is; everything else is written anew, and
``SHA256SUMS`` last, over all files of the folder.
"""

from __future__ import annotations

import argparse
import hashlib
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import sample_layers
import sample_seizures
import shapely

from geocn.publish import write_geotiff
from geocn.scenario import Scenario, load_admin, load_towns, simulate

TARGET = Path(__file__).parents[1] / "sample_data" / "andes"
SEED = 20240101
#: Divisions of these countries stand in the places file.
COUNTRIES = (
    "BLZ BRA COL CRI ECU GTM HND MEX NIC PAN PER SLV VEN".split()  # noqa: SIM905 - reads well
)
SUMS = "SHA256SUMS"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=TARGET)
    build(parser.parse_args().out)


def build(folder: Path) -> None:
    """Write every generated file of the sample below ``folder``."""
    world = simulate(seed=SEED)
    for name, content in contents(world).items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    (folder / "rasters").mkdir(exist_ok=True)
    # The versions of one machine would make the file differ on every other.
    world.friction.attrs["geocn"].pop("versions")
    write_geotiff(world.friction, folder / "rasters" / "friction.tif")
    (folder / SUMS).write_text(checksums(folder), encoding="utf-8", newline="\n")


def contents(world: Scenario) -> dict[str, bytes]:
    """Return the bytes of each text file and workbook by its name in the folder."""
    rng = np.random.default_rng(SEED)
    return {
        "partners/policia_incautaciones.csv": sample_seizures.police(world, rng),
        "partners/customs_interdictions.csv": sample_seizures.customs(world, rng),
        "partners/navy_interdictions.xlsx": sample_seizures.navy(world, rng),
        "partners/military_routes.geojson": sample_layers.military_routes(world),
        "partners/rutas_observadas.kml": sample_layers.observed_routes(world),
        "partners/military_operations.csv": sample_layers.military_operations(world),
        "partners/ong_proyectos.csv": sample_layers.aid_projects(world),
        "partners/youth_network.geojson": sample_layers.youth_network(world),
        "partners/simci_coca_departamentos.csv": sample_layers.coca_survey(),
        "places/admin1.geojson": admin_places(),
        "places/towns.csv": town_places(),
        **truth_files(world),
    }


def admin_places() -> bytes:
    """First-level divisions; Colombian ones by the code that the survey uses."""
    admin = load_admin()
    admin = admin[admin["iso_a3"].isin(COUNTRIES)]
    dane = sample_layers.load_coca().drop_duplicates("code").set_index("code")["dane"]
    rows = []
    for row in admin.itertuples():
        properties = {
            "code": row.code,
            "dane": dane.get(row.code),
            "name": row.name,
            "country": row.country,
            "iso_a3": row.iso_a3,
        }
        rows.append((properties, shapely.set_precision(row.geometry, 1e-3)))
    return sample_layers.feature_collection(rows)


def town_places() -> bytes:
    towns = load_towns()[["town", "country", "longitude", "latitude"]]
    return towns.rename(columns={"town": "name"}).to_csv(index=False, lineterminator="\n").encode()


def truth_files(world: Scenario) -> dict[str, bytes]:
    """What really happened, for recovery tests: never read by the project."""
    truth = world.truth
    seizures = pd.DataFrame(world.seizures.drop(columns="geometry"))[
        ["seizure_id", "route_id", "agency", "seized_at", "drug", "weight_kg", "mode", "admin_code"]
    ]
    seizures["longitude"], seizures["latitude"] = (
        world.seizures.geometry.x,
        world.seizures.geometry.y,
    )
    seizures["seized_at"] = seizures["seized_at"].dt.strftime("%Y-%m-%dT%H:%MZ")
    return {
        "truth/routes.geojson": _collection(truth.routes),
        "truth/corridors.geojson": _collection(truth.corridors),
        "truth/crossings.csv": _csv(truth.crossings),
        "truth/border_flows.csv": _csv(truth.border_flows),
        "truth/seizures.csv": _csv(seizures),
    }


def _collection(frame: gpd.GeoDataFrame) -> bytes:
    records = frame.drop(columns="geometry").to_dict("records")
    return sample_layers.feature_collection(list(zip(records, frame.geometry, strict=True)))


def _csv(frame: pd.DataFrame) -> bytes:
    return frame.to_csv(index=False, lineterminator="\n").encode()


def checksums(folder: Path) -> str:
    """Return ``sha256sum`` lines of every file below ``folder`` but the list itself."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != SUMS)
    return "".join(
        f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.relative_to(folder).as_posix()}\n"
        for path in files
    )


if __name__ == "__main__":
    main()
