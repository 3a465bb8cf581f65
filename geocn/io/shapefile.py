"""Shapefiles: the parts are checked, packed together in memory, and only then read."""

from __future__ import annotations

import io
import struct
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from geocn.errors import ReadError, UnsafeFileError
from geocn.io.archive import SHAPEFILE_PARTS, Archive
from geocn.io.guard import FileFormat, check_path, read_regular
from geocn.io.records import typed
from geocn.io.table import Options, RawTable
from geocn.io.text import guess_encoding

_HEADER = 100
_FIELD = 32
_MAX_INTEGER_WIDTH = 18
_FIELDS_END = 0x0D
_MAGIC = b"\x00\x00\x27\x0a"


def read_shapefile(path: Path, data: bytes | None, options: Options) -> RawTable:
    """Read a Shapefile from its ``.shp`` and the parts beside it (``.shx``, ``.dbf`` …).

    Raises
    ------
    ReadError
        Where a part is missing, cut, or does not fit the others.
    """
    if data is not None:
        raise ReadError(f"{path.name}: a .shp alone is no Shapefile; .shx and .dbf are missing")
    return _read(path, path.stem, _parts_beside(path), options)


def read_zipped_shapefile(archive: Archive, options: Options) -> RawTable:
    """Read a Shapefile from a zip archive."""
    stem, parts = archive.shapefile(options.member)
    table = _read(archive.path, stem, parts, options)
    table.notes.insert(0, f"Shapefile {stem} of the archive")
    return table


def _parts_beside(path: Path) -> dict[str, bytes]:
    """Read the parts that belong to one Shapefile; links are refused like any other."""
    parts: dict[str, bytes] = {}
    for suffix in SHAPEFILE_PARTS:
        for beside in (path.with_suffix(suffix), path.with_suffix(suffix.upper())):
            if beside.is_symlink() and not beside.resolve().is_relative_to(path.parent):
                raise UnsafeFileError(f"{beside.name}: found a link to a file outside its folder")
            if beside.exists() and suffix not in parts:
                parts[suffix] = read_regular(check_path(beside))
    return parts


def _read(path: Path, stem: str, parts: dict[str, bytes], options: Options) -> RawTable:
    import pyogrio

    from geocn.io.vector import DRIVER_FAULTS, table_of

    _check_parts(parts, stem)
    encoding, notes = _encoding(parts, options.encoding)
    deleted = _deleted(parts[".dbf"])
    dbf, long = _long_integers_as_text(parts[".dbf"])
    parts = {**parts, ".dbf": dbf, **_readable_crs(parts)}
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        try:
            meta, table = pyogrio.read_arrow(
                _packed(parts), encoding=encoding, datetime_as_string=True
            )
        except DRIVER_FAULTS as error:
            raise ReadError(f"{stem}: the Shapefile is damaged ({error})") from error
    notes += [str(warning.message) for warning in seen]
    expected = _dbf_shape(parts[".dbf"])[0] - deleted
    if table.num_rows != expected:
        raise ReadError(f"{stem}: found {table.num_rows} rows; the .dbf announces {expected}")
    if deleted:
        notes.append(f"{deleted} rows are marked as deleted and were left out")
    if ".prj" not in parts:
        notes.append("no .prj beside it, so no CRS is known")
    read = table_of(
        meta, table, path, options, found=FileFormat.SHAPEFILE, encoding=encoding, notes=notes
    )
    for position in long:
        name = read.frame.columns[position]
        read.frame[name] = _integers(read.frame[name])
    return read


def _check_parts(parts: Mapping[str, bytes], stem: str) -> None:
    missing = [suffix for suffix in (".shp", ".shx", ".dbf") if suffix not in parts]
    if missing:
        raise ReadError(
            f"{stem}: {', '.join(missing)} missing. A Shapefile is several files; "
            "keep them together."
        )
    for suffix in (".shp", ".shx"):
        content = parts[suffix]
        if content[:4] != _MAGIC or len(content) < _HEADER:
            raise ReadError(f"{stem}{suffix}: this is no part of a Shapefile")
        announced = 2 * struct.unpack(">i", content[24:28])[0]
        if announced != len(content):
            raise ReadError(
                f"{stem}{suffix}: found {len(content)} bytes; its header announces {announced}. "
                "It was cut or damaged; copy it again."
            )
    rows, header, width = _dbf_shape(parts[".dbf"])
    indexed = (len(parts[".shx"]) - _HEADER) // 8
    if width < 1 or header < _FIELD + 1 or len(parts[".dbf"]) < header + rows * width:
        raise ReadError(f"{stem}.dbf: cut or damaged; copy it again")
    if indexed != rows:
        raise ReadError(f"{stem}: the .shx lists {indexed} shapes, the .dbf {rows} rows")


def _dbf_shape(content: bytes) -> tuple[int, int, int]:
    """Return the number of records, the header's length and the record's length of a .dbf."""
    if len(content) < _FIELD:
        return 0, 0, 0
    rows, header, width = struct.unpack("<IHH", content[4:12])
    return rows, header, width


def _deleted(content: bytes) -> int:
    rows, header, width = _dbf_shape(content)
    return content[header : header + rows * width : width].count(b"*")


def _long_integers_as_text(content: bytes) -> tuple[bytes, list[int]]:
    """Declare integers of more than 18 digits as text, which drivers would round.

    Returns the changed table and the positions of those columns.
    """
    _, header, _ = _dbf_shape(content)
    changed, long = bytearray(content), []
    for position, start in enumerate(range(_FIELD, header - _FIELD, _FIELD)):
        if changed[start] == _FIELDS_END:
            break
        kind, width, decimals = changed[start + 11], changed[start + 16], changed[start + 17]
        if kind == ord("N") and decimals == 0 and width > _MAX_INTEGER_WIDTH:
            changed[start + 11] = ord("C")
            long.append(position)
    return bytes(changed), long


def _integers(texts: pd.Series) -> pd.Series:
    """Return integers from text; stars and blanks mean null in a .dbf."""
    found = [None if pd.isna(t) or not t.strip("* ") else t.strip() for t in texts]
    if not all(t is None or t.lstrip("+-").isdigit() for t in found):
        return texts
    return typed([None if t is None else int(t) for t in found])


def _readable_crs(parts: Mapping[str, bytes]) -> dict[str, bytes]:
    """Return the .prj in UTF-8: accents of another encoding in it end pyogrio 0.13."""
    content = parts.get(".prj", b"")
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        return {".prj": content.decode("cp1252", "replace").encode("utf-8")}
    return {}


def _encoding(parts: Mapping[str, bytes], given: str | None) -> tuple[str, list[str]]:
    """Return the encoding of the attributes: as given, as the .cpg says, or as the bytes look."""
    if given is not None:
        return given, []
    if ".cpg" in parts:
        stated = parts[".cpg"].decode("ascii", "ignore").strip()
        known = _codec(stated)
        if known:
            return known, []
        return "cp1252", [f"the .cpg says {stated!r}, which is unknown; read as cp1252"]
    _, header, _ = _dbf_shape(parts[".dbf"])
    found = guess_encoding(parts[".dbf"][header:])
    return found, [f"no .cpg beside it; attributes read as {found}"]


def _codec(stated: str) -> str | None:
    import codecs

    for name in (
        stated,
        f"cp{stated.removeprefix('ANSI ').strip()}",
        stated.replace("88591", "8859-"),
    ):
        try:
            return codecs.lookup(name).name
        except (LookupError, ValueError):
            continue
    return None


def _packed(parts: Mapping[str, bytes]) -> bytes:
    """Pack the parts into one archive in memory: the driver can see nothing else."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as out:
        for suffix in (".shp", ".shx", ".dbf", ".prj"):
            if suffix in parts:
                out.writestr(f"layer{suffix}", parts[suffix])
    return target.getvalue()
