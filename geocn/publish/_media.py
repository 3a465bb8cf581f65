"""Media types of the files that geocn writes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

_TYPES: Mapping[str, str] = MappingProxyType(
    {
        ".parquet": "application/vnd.apache.parquet",
        ".gpkg": "application/geopackage+sqlite3",
        ".fgb": "application/vnd.flatgeobuf",
        ".pmtiles": "application/vnd.pmtiles",
        ".tif": "image/tiff; application=geotiff; profile=cloud-optimized",
        ".csv": "text/csv",
        ".html": "text/html",
        ".json": "application/json",
        ".md": "text/markdown",
        ".xml": "application/xml",
    }
)


def media_type(path: Path) -> str:
    """Return the media type of a file by its name."""
    return _TYPES.get(Path(path).suffix.lower(), "application/octet-stream")
