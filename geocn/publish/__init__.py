"""Results as files: GeoPackage, GeoParquet, GeoTIFF and CSV, each written whole or not at all.

Every writer takes the data first, replaces the target in one step and returns its path.
GeoParquet, GeoTIFF and CSV give the same bytes for the same input; a GeoPackage gives
the same content.
"""

from __future__ import annotations

from geocn.publish.raster import write_geotiff
from geocn.publish.table import defuse, write_csv
from geocn.publish.vector import write_geopackage, write_geoparquet

__all__ = ["defuse", "write_csv", "write_geopackage", "write_geoparquet", "write_geotiff"]
