"""The headers that go with every answer, and those of a file by its kind."""

from __future__ import annotations

from pathlib import PurePosixPath

from geocn.serve.holding import Entry

_ALWAYS = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-embedder-policy": "require-corp",
    "permissions-policy": (
        "accelerometer=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), "
        "magnetometer=(), microphone=(), midi=(), payment=(), usb=(), clipboard-read=()"
    ),
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'; sandbox",
}
_OPEN = "TLP:CLEAR"
# A map says itself which scripts may run, by hash. A second policy in the header would have to
# allow the same again, since a browser applies both.
_OWN_POLICY = "frame-ancestors 'none'"
_TYPES = {
    ".csv": "text/csv; charset=utf-8",
    ".fgb": "application/vnd.flatgeobuf",
    ".geojson": "application/geo+json",
    ".gpkg": "application/geopackage+sqlite3",
    ".html": "text/html; charset=utf-8",
    ".json": "application/json",
    ".jsonld": "application/ld+json",
    ".md": "text/markdown; charset=utf-8",
    ".parquet": "application/vnd.apache.parquet",
    ".pdf": "application/pdf",
    ".pmtiles": "application/vnd.pmtiles",
    ".png": "image/png",
    ".qml": "application/xml",
    ".tif": "image/tiff; application=geotiff; profile=cloud-optimized",
    ".txt": "text/plain; charset=utf-8",
    ".xml": "application/xml",
}
_SHOWN = (".html", ".json", ".md", ".pdf", ".png", ".txt", ".xml")


def general(marking: str) -> dict[str, str]:
    """Return the headers of every answer of a release with this marking."""
    cache = "no-store" if marking == _OPEN else "private, no-store"
    return {**_ALWAYS, "cache-control": cache}


def media_type(name: str) -> str:
    """Return the media type of a file by the ending of its name.

    Examples
    --------
    >>> media_type("layers.gpkg"), media_type("SHA256SUMS")
    ('application/geopackage+sqlite3', 'text/plain; charset=utf-8')
    """
    path = PurePosixPath(name)
    if path.name == "SHA256SUMS":
        return "text/plain; charset=utf-8"
    return _TYPES.get(path.suffix, "application/octet-stream")


def etag(entry: Entry) -> str:
    """Return the strong validator of a file: its SHA-256."""
    return f'"{entry.sha256}"'


def of_file(entry: Entry) -> dict[str, str]:
    """Return the headers of a listed file, but for its length."""
    found = {
        "content-type": media_type(entry.name),
        "accept-ranges": "bytes",
        "etag": etag(entry),
    }
    if entry.has_policy:
        found["content-security-policy"] = _OWN_POLICY
    if not entry.name.endswith(_SHOWN):
        found["content-disposition"] = "attachment"
    return found
