"""Results as files that every GIS reads, each written whole or not at all.

Every writer takes the data first, replaces the target in one step and returns its path. The
same input gives the same bytes.
"""

from __future__ import annotations

from geocn.publish._symbols import Look
from geocn.publish.flatgeobuf import write_flatgeobuf
from geocn.publish.postgis import write_postgis
from geocn.publish.provenance_record import Source, Step, write_provenance
from geocn.publish.raster import write_geotiff
from geocn.publish.stac import CatalogueEntry, write_stac
from geocn.publish.styles import LayerStyle, PointSizes, StyleEntry, to_qml
from geocn.publish.table import defuse, write_csv
from geocn.publish.tiles import write_pmtiles
from geocn.publish.vector import write_geopackage, write_geoparquet

__all__ = [
    "CatalogueEntry",
    "LayerStyle",
    "Look",
    "PointSizes",
    "Source",
    "Step",
    "StyleEntry",
    "defuse",
    "to_qml",
    "write_csv",
    "write_flatgeobuf",
    "write_geopackage",
    "write_geoparquet",
    "write_geotiff",
    "write_pmtiles",
    "write_postgis",
    "write_provenance",
    "write_stac",
]
