"""A whole small project on disk: two partners, one raster, every kind of analysis."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import rasterio
from rasterio.transform import from_origin

if TYPE_CHECKING:
    from geocn.project import RunResult

PROJECT = """\
title = "Small"
as_of = 2025-12-31
marking = "TLP:GREEN"
limits = ["Invented; joint only."]

[[layers.routes]]
path = "routes.geojson"
source = "Watchers"
marking = "TLP:AMBER"
releasable_to = ["military"]

[[layers.seizures]]
path = "partners/police.csv"
source = "Police"
marking = "TLP:GREEN"
reliability = "B"
declared_gaps = [{ from = 2025-03-01, to = 2025-03-31, why = "strike" }]

[[layers.seizures]]
path = "partners/navy.csv"
source = "Navy-CANARY"
marking = "TLP:AMBER"
releasable_to = ["military"]

[[layers.interventions]]
path = "sites.csv"
source = "NGO"
marking = "TLP:GREEN"

[places.areas]
path = "areas.geojson"
code = "code"

[rasters.friction]
path = "friction.tif"
marking = "TLP:CLEAR"

[[analyses]]
kind = "hotspots"
name = "cells"
grid = { kind = "square", cell_km = 40 }
by_period = "year"

[[analyses]]
kind = "border_hotspots"
name = "borders"
countries = ["COL", "ECU"]

[[analyses]]
kind = "corridors"
name = "reported"
cell_km = 20

[[analyses]]
kind = "least_cost_corridors"
name = "modelled"
friction = "friction"
origins = [{ name = "A", longitude = -77.8, latitude = 0.2 }]
destinations = [{ name = "B", longitude = -77.2, latitude = 1.6 }]

[[analyses]]
kind = "coverage"
name = "reach"
demand = "seizures"

[[analyses]]
kind = "zonal"
name = "cost"
zones = "areas"
raster = "friction"

[[releases]]
name = "ngo"
profile = "ngo.toml"
"""
PROFILE = """\
partner = "ngo"
max_marking = "TLP:GREEN"
title = "For the aid network"
limits = ["Invented; open."]

[layers]
seizures = ["seized_at", "drug", "weight_kg", "source", "geometry"]
interventions = ["kind", "partner", "partner_type", "reach_km", "geometry"]
"""
POLICE = """\
id;Fecha;Longitud;Latitud;Droga;Cantidad;Unidad
P1;25/01/2024;-77,50;0,50;Cocaína;12,5;kg
P2;26/02/2025;-77,51;0,51;Cocaína;3,0;kg
P3;27/02/2025;-77,52;0,52;Heroína;1,5;kg
P4;28/02/2025;-77,10;1,20;Cocaína;2,0;kg
P5;31/02/2025;-77,10;1,20;Cocaína;2,0;kg
"""
NAVY = """\
id,date,longitude,latitude,drug,amount,unit,place
NAVYCASE,2025-05-14,-77.9,1.1,Cocaine,700.123,kg,Bay CANARY
"""
SITES = """\
id,kind,partner,partner type,status,longitude,latitude,reach_km
S1,treatment,Salud,ngo,active,-77.5,0.5,15
S2,prevention,Escuela,ngo,active,-77.0,1.3,
"""


def _feature(geometry: dict[str, object], **properties: object) -> dict[str, object]:
    return {"type": "Feature", "properties": properties, "geometry": geometry}


def _geojson(path: Path, features: list[dict[str, object]]) -> None:
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}), "utf-8")


def _square(west: float, south: float, east: float, north: float) -> dict[str, object]:
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    return {"type": "Polygon", "coordinates": [ring]}


def write_project(folder: Path) -> Path:
    (folder / "partners").mkdir(parents=True)
    (folder / "project.toml").write_text(PROJECT, "utf-8")
    (folder / "ngo.toml").write_text(PROFILE, "utf-8")
    (folder / "partners/police.csv").write_text(POLICE, "utf-8")
    (folder / "partners/navy.csv").write_text(NAVY, "utf-8")
    (folder / "sites.csv").write_text(SITES, "utf-8")
    lines = [
        _feature(
            {"type": "LineString", "coordinates": [[-77.8 + i / 50, 0.0], [-77.2, 1.9]]},
            route_id=f"ROUTE-{i}",
            mode="road",
            weight_kg=10.0 * (i + 1),
        )
        for i in range(3)
    ]
    _geojson(folder / "routes.geojson", lines)
    areas = [
        _feature(_square(-78, 0, -77.4, 1), code="01", name="West"),
        _feature(_square(-77.4, 0, -77, 2), code="02", name="East"),
    ]
    _geojson(folder / "areas.geojson", areas)
    cost = np.linspace(1, 2, 40 * 24, dtype="float32").reshape(40, 24)
    profile = {"driver": "GTiff", "height": 40, "width": 24, "count": 1, "dtype": "float32"}
    profile |= {"crs": "EPSG:4326", "transform": from_origin(-78.2, 2, 0.05, 0.05)}
    with rasterio.open(folder / "friction.tif", "w", **profile) as raster:
        raster.write(cost, 1)
    return folder / "project.toml"


@pytest.fixture(scope="session")
def whole(tmp_path_factory: pytest.TempPathFactory) -> "tuple[Path, RunResult]":
    """The project file and what one run of it gave; not to be changed."""
    from geocn import project as projects

    file = write_project(tmp_path_factory.mktemp("whole") / "project")
    return file, projects.run(file, out=file.parent.parent / "out")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The same project with the quickest of its analyses, and without maps."""
    file = write_project(tmp_path / "project")
    head, _, rest = PROJECT.partition('[[analyses]]\nkind = "border_hotspots"')
    releases = rest[rest.index("[[releases]]") :]
    outputs = '\n[outputs]\nfolder = "out"\nformats = ["parquet"]\n'
    file.write_text(head + releases + outputs, "utf-8")
    return file
