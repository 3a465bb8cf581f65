"""The door: a file is opened only once its content shows what it is.

Names and endings are not trusted. The first bytes decide the format, and what would make a
reader open another file, the network, or run code is refused before any reader sees it.
Formats are then read by a reader for that one format, never by whichever driver volunteers.
"""

from __future__ import annotations

import os
import re
import stat
from enum import StrEnum
from pathlib import Path
from typing import BinaryIO

from geocn._typing import StrPath
from geocn.errors import ReadError, UnsafeFileError

_HEAD = 4096


class FileFormat(StrEnum):
    """Formats that geocn reads. ``ZIP`` is an archive around one of the others."""

    CSV = "csv"
    XLSX = "xlsx"
    GEOJSON = "geojson"
    GPKG = "gpkg"
    SHAPEFILE = "shapefile"
    FGB = "fgb"
    PARQUET = "parquet"
    KML = "kml"
    KMZ = "kmz"
    GPX = "gpx"
    GEOTIFF = "geotiff"
    ZIP = "zip"


_MAGIC = (
    (b"SQLite format 3\0", FileFormat.GPKG),
    (b"fgb\x03fgb", FileFormat.FGB),
    (b"PAR1", FileFormat.PARQUET),
    (b"\x00\x00\x27\x0a", FileFormat.SHAPEFILE),
    (b"II*\0", FileFormat.GEOTIFF),
    (b"MM\0*", FileFormat.GEOTIFF),
    (b"II+\0", FileFormat.GEOTIFF),
    (b"MM\0+", FileFormat.GEOTIFF),
    (b"PK\x03\x04", FileFormat.ZIP),
    (b"PK\x05\x06", FileFormat.ZIP),
)
_FOREIGN = (
    (b"\xd0\xcf\x11\xe0", "an old or protected Office file; save it as .xlsx without a password"),
    (b"\x1f\x8b", "a gzip archive; unpack it"),
    (b"BZh", "a bzip2 archive; unpack it"),
    (b"7z\xbc\xaf", "a 7z archive; unpack it"),
    (b"Rar!", "a RAR archive; unpack it"),
    (b"\xfd7zXZ", "an xz archive; unpack it"),
    (b"%PDF", "a PDF; ask the partner for the table behind it"),
    (b"\x89HDF", "an HDF5 file; export the layer as GeoTIFF or GeoPackage"),
    (b"CDF", "a NetCDF file; export the layer as GeoTIFF"),
    (b"\x89PNG", "a picture, not data"),
    (b"\xff\xd8\xff", "a picture, not data"),
    (b"ARROW1", "an Arrow file; write it as Parquet"),
    (b"PARE", "an encrypted Parquet file; decrypt it first"),
)
_DISGUISES = (
    "vrtdataset",
    "ogrvrtdatasource",
    "ogrvrt",
    "gdal_wms",
    "gdal_wmts",
    "gdal_wcs",
    "gdal_tiled",
    "wcs_gdal",
    "wmt_ms_capabilities",
    "wms_capabilities",
    "wfs_capabilities",
    "ogrwfsdatasource",
    "ogrwfs3datasource",
    "ogrcswdatasource",
    "ogroapifdatasource",
    "ogcapi",
    "metatile",
    "tileset",
    "service",
    "networklink",
)
_STREAMED = frozenset({"gdal_streamed_alg", "gdalg", "stac", "catalog", "collection"})
_NEWEST_PICKLE = 5
_ROOT = re.compile(r"<(?:[\w.-]+:)?([A-Za-z_][\w.-]*)")
_SCHEME = re.compile(r"^(?:/vsi|[a-z][a-z0-9+.-]+://|[A-Z0-9_]{2,}:)", re.IGNORECASE)


def identify(path: StrPath) -> FileFormat:
    """Say what a file is from its content, and refuse what must not be opened.

    Parameters
    ----------
    path : path
        The file. Nothing but this file is looked at.

    Returns
    -------
    FileFormat

    Raises
    ------
    ReadError
        Where it is missing, empty, a Git LFS pointer, or of a format geocn does not read.
    UnsafeFileError
        Where it would open another file or the network (a VRT, WMS or GDALG description,
        whatever its name), is a pickle, a link out of its folder, or a harmful archive.

    Examples
    --------
    >>> import tempfile; from pathlib import Path
    >>> file = Path(tempfile.mkdtemp()) / "posts.csv"
    >>> _ = file.write_text('{"type": "Point", "coordinates": [-74.1, 4.6]}')
    >>> identify(file).value
    'geojson'
    """
    checked = check_path(path)
    with open_regular(checked) as stream:
        found = identify_content(stream.read(_HEAD), checked.name)
    if found is not FileFormat.ZIP:
        return found
    from geocn.io.archive import Archive

    with Archive(checked) as archive:
        return archive.format


def check_path(path: StrPath) -> Path:
    """Return the real path of an existing, regular, non-empty file inside its folder.

    Raises
    ------
    ReadError, UnsafeFileError
        As :func:`identify` does.
    """
    text = os.fsdecode(path)
    if "\0" in text:
        raise ReadError(f"{text!r}: a file name cannot hold a NUL character")
    given = Path(path)
    try:
        status = given.lstat()
        real = given.resolve(strict=True)
        folder = given.parent.resolve(strict=True)
    except (OSError, RuntimeError) as error:
        if _SCHEME.match(text):
            raise UnsafeFileError(
                f"{text}: found a network or driver address; expected a file. Download it first."
            ) from error
        raise ReadError(f"{text}: there is no such file, or it cannot be reached") from error
    if stat.S_ISLNK(status.st_mode) and not real.is_relative_to(folder):
        raise UnsafeFileError(
            f"{text}: found a link to a file outside its folder. Name the file itself ({real})."
        )
    status = real.stat()
    if not stat.S_ISREG(status.st_mode):
        what = "a folder" if stat.S_ISDIR(status.st_mode) else "a device or pipe"
        raise ReadError(f"{text}: found {what}; expected a file")
    if status.st_size == 0:
        raise ReadError(f"{text}: the file is empty")
    return real


def open_regular(path: Path) -> BinaryIO:
    """Open a checked file for reading bytes, refusing a link put in its place meanwhile."""
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
    try:
        return os.fdopen(os.open(path, flags), "rb")
    except OSError as error:
        raise ReadError(f"{path}: cannot be opened ({error.strerror})") from error


def read_regular(path: Path) -> bytes:
    """Return all bytes of a checked file."""
    with open_regular(path) as stream:
        return stream.read()


def identify_content(head: bytes, name: str) -> FileFormat:
    """Say what a file is from its first bytes (see :func:`identify`)."""
    for magic, found in _MAGIC:
        if head.startswith(magic):
            return found
    for magic, what in _FOREIGN:
        if head.startswith(magic):
            raise ReadError(f"{name}: found {what}")
    _refuse_pointer_or_pickle(head, name)
    text = _opening_text(head)
    if text.startswith("<"):
        return _identify_xml(text, name)
    if text.startswith(("{", "[")):
        return _identify_json(text, name)
    return FileFormat.CSV


def _refuse_pointer_or_pickle(head: bytes, name: str) -> None:
    if head.startswith(b"version https://git-lfs.github.com/spec/"):
        raise ReadError(
            f"{name}: found a Git LFS pointer, not the data. Fetch it with: git lfs pull"
        )
    if re.match(rb"(\.\./)*/?(\.git/)?annex/objects/", head):
        raise ReadError(f"{name}: found a git-annex pointer. Fetch the data with: git annex get")
    if len(head) > 1 and head[0] == 0x80 and head[1] <= _NEWEST_PICKLE:
        raise UnsafeFileError(
            f"{name}: found a Python pickle, which runs code when read. Ask for a GeoPackage."
        )


def _opening_text(head: bytes) -> str:
    """Return the first bytes as text, whatever their encoding, for looking at the start."""
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return head.decode("utf-16", "ignore").lstrip("\ufeff \t\r\n")
    squeezed = head.replace(b"\0", b"") if head[1:2] == b"\0" or head[:1] == b"\0" else head
    return squeezed.decode("utf-8", "ignore").lstrip("\ufeff \t\r\n")


def _identify_xml(text: str, name: str) -> FileFormat:
    root = _ROOT.search(re.sub(r"<!--.*?-->", "", text, flags=re.DOTALL))
    tag = root[1].casefold() if root else ""
    if tag == "kml":
        return FileFormat.KML
    if tag == "gpx":
        return FileFormat.GPX
    if tag == "html" or re.match(r"<!doctype html", text, re.IGNORECASE):
        raise ReadError(f"{name}: found a web page, perhaps a login form, instead of data")
    if tag in _DISGUISES or any(mark in text.casefold() for mark in _DISGUISES[:8]):
        raise UnsafeFileError(
            f"{name}: found <{root[1] if root else '?'}>, a description that opens other files or "
            "the network. Export the layer itself, for example as GeoPackage."
        )
    if not tag and re.search(r"<!(?:DOCTYPE|ENTITY)", text):
        raise UnsafeFileError(f"{name}: found XML that opens with a document type or entities")
    raise ReadError(
        f"{name}: found XML with the root <{tag or '?'}>; expected KML or GPX. Export it as "
        "GeoPackage or GeoJSON."
    )


def _identify_json(text: str, name: str) -> FileFormat:
    """Say what JSON is. Our own parser follows nothing; this is for a message that helps."""
    found = [kind.casefold() for kind in re.findall(r'"type"\s*:\s*"([^"\\]{1,40})"', text)]
    first = found[0] if found else ""
    if first in _STREAMED or "gdal_streamed_alg" in found or '"stac_version"' in text:
        raise UnsafeFileError(
            f"{name}: found JSON that describes other files ({first or 'STAC'}); expected GeoJSON. "
            "Export the layer itself."
        )
    if first == "topology":
        raise ReadError(f"{name}: found TopoJSON; expected GeoJSON. Convert it first.")
    return FileFormat.GEOJSON
