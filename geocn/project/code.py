"""The version of the code that shapes results: its own source, and the libraries below it."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from geocn.provenance import versions

# Libraries that read, compute or write and are not named in the provenance of each result.
_BELOW = (
    "pyogrio", "rasterio", "rioxarray", "xarray", "pyarrow", "folium", "highspy", "exactextract",
    "rapidfuzz", "python-calamine", "mgrs", "h3", "defusedxml", "charset-normalizer", "pyamg",
    "cryptography", "pystac",
)  # fmt: skip
# Compiled files follow from the source; the sample data are an input like any other.
_NOT_CODE = ("__pycache__", "_sample_data")


@lru_cache(maxsize=1)
def code_version() -> str:
    """Return 16 digits that change with any file of the package and any library's version."""
    root = Path(__file__).parents[1]
    content = hashlib.sha256()
    for path in sorted(root.rglob("*")):
        parts = path.relative_to(root).parts
        if set(parts) & set(_NOT_CODE) or not path.is_file():
            continue
        content.update(f"{'/'.join(parts)}\0".encode())
        content.update(hashlib.sha256(path.read_bytes()).digest())
    for name, number in sorted({**versions(), **_below()}.items()):
        content.update(f"{name}={number}\0".encode())
    return content.hexdigest()[:16]


def _below() -> dict[str, str]:
    found = {}
    for name in _BELOW:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
