"""One named zoo of inputs that real files bring, for every room's tests.

``GEOMETRIES`` holds each kind of geometry, odd ones included; ``TEXTS`` the texts that
break programs; ``seizure_rows`` and ``areas`` small clean frames to start from.
"""

from __future__ import annotations

import math
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

GEOMETRIES: dict[str, object] = {
    "point": shapely.Point(-74.1, 4.6),
    "point_z": shapely.Point(-74.1, 4.6, 2600.0),
    "multipoint": shapely.MultiPoint([(-74.1, 4.6), (-75.6, 6.2)]),
    "line": shapely.LineString([(-74.1, 4.6), (-75.6, 6.2)]),
    "line_without_length": shapely.LineString([(-74.1, 4.6), (-74.1, 4.6)]),
    "multiline": shapely.MultiLineString([[(-74, 4), (-75, 5)], [(-76, 6), (-77, 7)]]),
    "polygon": shapely.box(-75, 4, -74, 5),
    "polygon_with_hole": shapely.Polygon(
        [(-75, 4), (-74, 4), (-74, 5), (-75, 5)],
        [[(-74.6, 4.4), (-74.4, 4.4), (-74.4, 4.6), (-74.6, 4.6)]],
    ),
    "bow_tie": shapely.Polygon([(-75, 4), (-74, 5), (-74, 4), (-75, 5)]),
    "flat_polygon": shapely.Polygon([(-75, 4), (-74, 4), (-75, 4)]),
    "multipolygon": shapely.MultiPolygon(
        [shapely.box(-75, 4, -74, 5), shapely.box(-77, 1, -76, 2)]
    ),
    "collection": shapely.GeometryCollection([shapely.Point(0, 1), shapely.box(1, 1, 2, 2)]),
    "empty_point": shapely.Point(),
    "empty_polygon": shapely.Polygon(),
    "nested_empty": shapely.GeometryCollection([shapely.MultiPolygon()]),
    "null": None,
    "not_a_number": shapely.Point(math.nan, 4.6),
    "infinite": shapely.Point(math.inf, 4.6),
    "huge": shapely.Point(1e300, 4.6),
    "pole": shapely.Point(0, 90),
    "antimeridian": shapely.Point(180, -17),
    "longitude_0_360": shapely.Point(285.9, 4.6),
    "swapped": shapely.Point(4.6, -94.1),
}

TEXTS: dict[str, str] = {
    "formula": "=HYPERLINK('x')",
    "plus": "+cmd|' /C calc'!A0",
    "at": "@SUM(1)",
    "script": "</script><img src=x onerror=alert(1)>",
    "template": "${alert(1)} {{7*7}} `x`",
    "right_to_left": "\u202eaccra",
    "arabic": "بوغوتا",
    "decomposed": "Bogota\u0301",
    "nul": "a\x00b",
    "path": "../../etc/passwd",
    "device": "CON",
    "long": "x" * 100_000,
    "quote": 'He said "no"; then, left',
    "newline": "two\nlines",
}


def points(*names: str, crs: object = "EPSG:4326") -> gpd.GeoDataFrame:
    """A frame of the zoo's geometries by name."""
    shapes = np.array([GEOMETRIES[name] for name in names], dtype=object)
    return gpd.GeoDataFrame({"id": list(names)}, geometry=shapes, crs=crs)


def areas() -> gpd.GeoDataFrame:
    """Towns of two departments, with names as official lists write them."""
    towns = [
        ("CO05001", "Medellín", "Antioquia"),
        ("CO05042", "Santa Fe de Antioquia", "Antioquia"),
        ("CO05697", "El Santuario", "Antioquia"),
        ("CO05664", "San Pedro de los Milagros", "Antioquia"),
        ("CO05665", "San Pedro de Urabá", "Antioquia"),
        ("CO05059", "Armenia", "Antioquia"),
        ("CO63001", "Armenia", "Quindío"),
        ("CO63130", "Calarcá", "Quindío"),
        ("CO76111", "Guadalajara de Buga", "Valle del Cauca"),
        ("CO76001", "Cali", "Valle del Cauca"),
        ("CO11001", "Bogotá, D.C.", "Bogotá, D.C."),
        ("CO99773", "Santa Rosalía", "Vichada"),
    ]
    frame = pd.DataFrame(towns, columns=["code", "name", "parent"])
    squares = [shapely.box(-77 + i * 0.3, 3, -76.8 + i * 0.3, 3.2) for i in range(len(frame))]
    return gpd.GeoDataFrame(frame.assign(country="COL"), geometry=squares, crs="EPSG:4326")


SEIZURES_CSV = """\
Fecha;Departamento;Municipio;Droga;Cantidad;Unidad;Latitud;Longitud
2024-05-01;Antioquia;Medellín;Cocaína;1.234,5;kg;6,25;-75,56
15/05/2024;Quindío;Armenia;Heroína;250;g;;
"""


def write_seizures(path: Path, *, text: str = SEIZURES_CSV, encoding: str = "utf-8") -> Path:
    """Write a small Spanish CSV of seizures and return its path."""
    path.write_bytes(text.encode(encoding))
    return path
