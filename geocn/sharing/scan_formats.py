"""What stands inside files: one small reader a format, none of which trusts its input."""

from __future__ import annotations

import bz2
import io
import lzma
import re
import sqlite3
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.ipc
import pyarrow.parquet
import shapely

from geocn._typing import AnyArray
from geocn.errors import NotScannedError
from geocn.sharing.scan_pages import without_geometries
from geocn.sharing.scan_parts import Part

_TIFF_POSITION = re.compile(
    rb"\x25\x88[\x04\x0d\x10\x12]\0\x01\0\0\0(?:\0\0\0\0)?"
    rb"|\x88\x25\0[\x04\x0d\x10\x12]\0\0\0(?:\x01|\0\0\0\0\x01)"
)
_MOST_POSITIONS = 4
_PDF_STREAM = re.compile(rb"stream\r?\n")
_PDF_HEX = re.compile(rb"<([0-9A-Fa-f\s]{4,})>")
_PDF_TEXT = re.compile(rb"\(((?:\\.|[^\\()])*)\)")


def bounded(decompress: Callable[[bytes, int], bytes], data: bytes, limit: int) -> bytes:
    """Return what a decompressor gives, refusing more than ``limit`` bytes."""
    result = decompress(data, limit + 1)
    if len(result) > limit:
        raise NotScannedError(f"expands beyond {limit:,} bytes")
    return result


def inflated(data: bytes, limit: int, wbits: int) -> bytes:
    """Return all members of a gzip or zlib stream, or of a raw deflate one."""
    found: list[bytes] = []
    rest, total = data, 0
    while rest:
        stream = zlib.decompressobj(wbits)
        try:
            found.append(stream.decompress(rest, limit + 1 - total))
        except zlib.error as error:
            if found:
                break
            raise NotScannedError(f"is damaged ({error})") from error
        total += len(found[-1])
        if total > limit:
            raise NotScannedError(f"expands beyond {limit:,} bytes")
        if not stream.eof:
            raise NotScannedError("is cut off")
        rest = stream.unused_data.lstrip(b"\0")
    # What follows the last stream counts too.
    return b"".join(found) + rest


def gzip_parts(data: bytes, limit: int) -> Iterator[Part]:
    """Yield the content of a gzip file and its header."""
    # A name and a comment may stand in it.
    yield "gzip header", data[10:266]
    yield "gzip", inflated(data, limit, 31)


def zlib_parts(data: bytes, limit: int) -> Iterator[Part]:
    """Yield the content of a zlib stream."""
    yield "zlib", inflated(data, limit, 15)


def bzip2_parts(data: bytes, limit: int) -> Iterator[Part]:
    """Yield the content of a bzip2 file."""
    yield "bzip2", bounded(bz2.BZ2Decompressor().decompress, data, limit)


def xz_parts(data: bytes, limit: int) -> Iterator[Part]:
    """Yield the content of an xz file."""
    yield "xz", bounded(lzma.LZMADecompressor(memlimit=1 << 28).decompress, data, limit)


def zip_parts(data: bytes, limit: int) -> Iterator[Part]:
    """Yield names, comments and members of a zip, and the bytes between them."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        yield "zip comment", archive.comment
        for info in archive.infolist():
            yield "zip directory", f"{info.filename}\n{info.comment.decode('utf-8', 'replace')}"
            yield "zip extra field", info.extra
            if not info.is_dir():
                yield info.filename, _member(archive, info, limit)
    # Deleted members and what stands before the archive are in nobody's directory.
    for at in _local_headers(data):
        try:
            yield f"zip entry at {at}", _entry(data, at, limit)
        except (struct.error, zlib.error, NotScannedError):
            continue


def _member(archive: zipfile.ZipFile, info: zipfile.ZipInfo, limit: int) -> bytes:
    name = repr(info.filename[:60])
    if info.flag_bits & 1:
        raise NotScannedError(f"member {name} is encrypted")
    content = b""
    if info.file_size <= limit:
        with archive.open(info) as stream:
            content = stream.read(limit + 1)
    if max(info.file_size, len(content)) > limit:
        raise NotScannedError(f"member {name} expands beyond {limit:,} bytes")
    return content


def _local_headers(data: bytes) -> list[int]:
    return [match.start() for match in re.finditer(rb"PK\x03\x04", data)][:10_000]


def _entry(data: bytes, at: int, limit: int) -> bytes:
    method, name, extra = (
        *struct.unpack_from("<H", data, at + 8),
        *struct.unpack_from("<HH", data, at + 26),
    )
    start = at + 30 + name + extra
    if method != zipfile.ZIP_DEFLATED:
        return data[start : start + 4096] if method == zipfile.ZIP_STORED else b""
    return bounded(zlib.decompressobj(-15).decompress, data[start:], limit)


def pdf_parts(data: bytes, limit: int) -> Iterator[Part]:
    """Yield the streams of a PDF, and the texts that its content shows put together."""
    if re.search(rb"/Encrypt\s+\d+\s+\d+\s+R", data):
        raise NotScannedError("is an encrypted PDF")
    for number, match in enumerate(_PDF_STREAM.finditer(data)):
        end = data.find(b"endstream", match.end())
        head = data[max(0, match.start() - 600) : match.start()]
        head = head[head.rfind(b" obj") + 1 :]
        body = data[match.end() : end if end >= 0 else len(data)]
        content = _pdf_stream(body, head, limit)
        yield f"stream {number}", content
        yield f"stream {number} text", _pdf_text(content)
    yield "text", _pdf_text(data) if len(data) < 1 << 24 else ""


def _pdf_stream(body: bytes, head: bytes, limit: int) -> bytes:
    if b"ASCIIHexDecode" in head or b"/AHx" in head:
        digits = re.sub(rb"[^0-9A-Fa-f]", b"", body.partition(b">")[0])
        body = bytes.fromhex((digits + b"0" * (len(digits) % 2)).decode("ascii"))
    if b"ASCII85Decode" in head or b"/A85" in head:
        import base64

        body = base64.a85decode(body.strip().removeprefix(b"<~").partition(b"~>")[0])
    if b"FlateDecode" in head or b"/Fl" in head:
        return bounded(zlib.decompressobj().decompress, body, limit)
    return body


def _pdf_text(content: bytes) -> str:
    """Return the strings of a content stream: joined as words are set, and each on its own."""
    found = [re.sub(rb"\\([()\\])", rb"\1", one) for one in _PDF_TEXT.findall(content)]
    for digits in _PDF_HEX.findall(content):
        clean = re.sub(rb"\s", b"", digits)
        found.append(bytes.fromhex((clean + b"0" * (len(clean) % 2)).decode("ascii")))
    texts = [_pdf_string(one) for one in found]
    # Kerning cuts a word into pieces; joined without a space they read as printed.
    return "".join(texts) + "\n" + "\n".join(texts)


def _pdf_string(raw: bytes) -> str:
    raw = re.sub(rb"\\([0-7]{3})", lambda m: bytes([int(m[1], 8) & 255]), raw)
    if raw.startswith(b"\xfe\xff"):
        return raw[2:].decode("utf-16-be", "replace")
    if len(raw) > 1 and raw[::2].count(0) == (len(raw) + 1) // 2:
        return raw.decode("utf-16-be", "replace")
    return raw.decode("cp1252", "replace")


def png_parts(data: bytes, limit: int) -> Iterator[Part]:
    """Yield the texts and metadata of a PNG, and what follows its end; no pixels."""
    at = 8
    while at + 8 <= len(data):
        (size,) = struct.unpack_from(">I", data, at)
        name, body = data[at + 4 : at + 8], data[at + 8 : at + 8 + size]
        at += size + 12
        if name == b"zTXt":
            key, _, packed = body.partition(b"\0")
            yield "zTXt", key + b"\n" + inflated(packed[1:], limit, 15)
        elif name == b"iTXt":
            key, _, rest = body.partition(b"\0")
            text = rest[2:].split(b"\0", 2)[-1]
            packed = inflated(text, limit, 15) if rest[:1] == b"\1" else text
            yield "iTXt", key + b"\n" + rest[2:][: len(rest) - len(text) - 2] + b"\n" + packed
        elif name == b"iCCP":
            yield "iCCP", inflated(body.partition(b"\0")[2][1:], limit, 15)
        elif name != b"IDAT":
            yield name.decode("latin-1"), body
        if name == b"IEND":
            break
    yield "after the image", data[at:]


def jpeg_parts(data: bytes, limit: int) -> Iterator[Part]:
    """Yield the metadata segments of a JPEG (EXIF, XMP, comments), and what follows its end."""
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF and data[at + 1] != 0xDA:
        (size,) = struct.unpack_from(">H", data, at + 2)
        body = data[at + 4 : at + 2 + size]
        yield f"segment {data[at + 1]:02X}", body
        if body.startswith(b"Exif\0\0"):
            yield "EXIF", body[6:]
            yield from exif_places(body[6:])
        at += 2 + max(size, 2)
    end = data.rfind(b"\xff\xd9")
    yield "after the image", data[end + 2 :] if end >= 0 else b""


def exif_places(data: bytes) -> Iterator[Part]:
    """Yield the positions of an EXIF block: rationals of degrees, minutes and seconds."""
    order = ">" if data[:2] == b"MM" else "<"
    for offset in range(4):
        whole = np.frombuffer(data[offset : offset + (len(data) - offset) // 4 * 4], f"{order}u4")
        top, below = whole[:-1:1].astype(float), whole[1:].astype(float)
        with np.errstate(divide="ignore", invalid="ignore"):
            share = top / below
        if len(share) < 5:
            continue
        angle = share[:-4] + share[2:-2] / 60 + share[4:] / 3600
        fine = np.isfinite(angle) & (angle <= 180) & (share[2:-2] < 60) & (share[4:] < 60)
        near = angle[fine]
        for gap in (1, 2, 3, 4, 5, 6, 7, 8):
            if len(near) > gap:
                a, b = near[:-gap], near[gap:]
                for x, y in ((a, b), (-a, b), (a, -b), (-a, -b)):
                    yield "EXIF position", [x, y]
                    yield "EXIF position", [y, x]


def tiff_parts(data: bytes, limit: int) -> Iterator[Part]:
    """Yield the tags of a TIFF, without its pixels, and the texts among all its bytes."""
    # Without the tag that points at a position, its rationals are none.
    for match in list(_TIFF_POSITION.finditer(data))[:_MOST_POSITIONS]:
        little = data[:2] == b"II"
        at = int.from_bytes(data[match.end() : match.end() + 4], "little" if little else "big")
        yield from exif_places(data[:65_536])
        yield from exif_places(data[:4] + data[at : at + 4_096])
    yield "tags", data


def sqlite_parts(data: bytes, limit: int) -> Iterator[Part]:
    """Yield every table of an SQLite file (GeoPackage), and its pages as they are.

    The pages hold what was deleted too: the free list and unused space.
    """
    pages, coordinates = without_geometries(data)
    # Without the mark at the beginning they are no database of their own.
    yield "pages", pages[16:]
    yield "geometries", coordinates
    connection = sqlite3.connect(":memory:")
    try:
        connection.deserialize(data)
        connection.execute("PRAGMA trusted_schema=OFF")
        connection.text_factory = lambda raw: raw.decode("utf-8", "replace")
        for (table,) in connection.execute(
            "SELECT name FROM sqlite_master WHERE type='table' AND sql NOT LIKE '%VIRTUAL%'"
        ).fetchall():
            yield from _table_parts(connection, str(table))
    except sqlite3.Error as error:
        raise NotScannedError(f"is a damaged database ({error})") from error
    finally:
        connection.close()


def _table_parts(connection: sqlite3.Connection, table: str) -> Iterator[Part]:
    quoted = table.replace('"', '""')
    cursor = connection.execute(f'SELECT * FROM "{quoted}"')  # noqa: S608
    names = [column[0] for column in cursor.description]
    while rows := cursor.fetchmany(50_000):
        numbers = []
        for name, values in zip(names, zip(*rows, strict=True), strict=True):
            kinds = set(map(type, values))
            if str in kinds:
                texts = dict.fromkeys(one for one in values if isinstance(one, str))
                yield f"table {table} › column {name}", "\n".join(texts)
            for one in values if bytes in kinds else ():
                if isinstance(one, bytes) and one[:2] in (b"\x1f\x8b", b"PK", b"\x89P"):
                    yield f"table {table} › column {name}", one
            if float in kinds:
                numbers.append(_numeric(values))
        yield f"table {table}", numbers


def _numeric(values: tuple[Any, ...]) -> AnyArray:
    return np.array([one if isinstance(one, (int, float)) else np.nan for one in values], float)


def parquet_parts(data: bytes, limit: int) -> Iterator[Part]:
    """Yield the columns of a Parquet file with unused dictionary values, and its footer."""
    (size,) = struct.unpack_from("<I", data, len(data) - 8)
    yield "footer", data[-8 - size : -8]
    source = pa.BufferReader(data)
    opened = pyarrow.parquet.ParquetFile(source)
    meta = opened.metadata
    for key, value in (meta.metadata or {}).items():
        yield f"metadata {key.decode('utf-8', 'replace')[:40]}", value
    whole = sum(
        meta.row_group(group).column(column).total_uncompressed_size
        for group in range(meta.num_row_groups)
        for column in range(meta.num_columns)
    )
    if whole > limit:
        raise NotScannedError(f"expands beyond {limit:,} bytes")
    texts = [field.name for field in opened.schema_arrow if pa.types.is_string(field.type)]
    with_levels = pyarrow.parquet.ParquetFile(pa.BufferReader(data), read_dictionary=texts)
    for group in range(meta.num_row_groups):
        yield from _arrow_parts(with_levels.read_row_group(group), limit)


def arrow_parts(data: bytes, limit: int) -> Iterator[Part]:
    """Yield the columns of an Arrow file or stream, its metadata, and its bytes."""
    yield "bytes", data
    stream = not data.startswith(b"ARROW1")
    opened = pa.ipc.open_stream if stream else pa.ipc.open_file
    try:
        with opened(pa.BufferReader(data)) as reader:
            table = reader.read_all()
    except (pa.ArrowInvalid, OSError):
        if stream:
            return  # A schema without rows, as Parquet keeps it, ends where rows would begin.
        raise
    yield from _arrow_parts(table, limit)


def _arrow_parts(table: pa.Table, limit: int) -> Iterator[Part]:
    if table.get_total_buffer_size() > limit:
        raise NotScannedError(f"expands beyond {limit:,} bytes")
    for key, value in (table.schema.metadata or {}).items():
        yield f"metadata {key.decode('utf-8', 'replace')[:40]}", value
    numbers = []
    for field, column in zip(table.schema, table.columns, strict=True):
        for key, value in (field.metadata or {}).items():
            yield f"field {field.name} {key.decode('utf-8', 'replace')[:40]}", value
        yield "schema", field.name
        if pa.types.is_floating(field.type) or pa.types.is_integer(field.type):
            numbers.append(column.to_numpy())
            continue
        for chunk in column.chunks:
            yield from _chunk_parts(f"column {field.name}", chunk)
    yield "columns", numbers


def _vertices(chunk: pa.Array) -> list[AnyArray] | None:
    """Return the coordinates of geometries, None where the bytes hold anything else.

    Geometries that are written again to the very same bytes have nothing besides.
    """
    raw = chunk.to_numpy(zero_copy_only=False)
    try:
        shapes = shapely.from_wkb(raw)
        again = shapely.to_wkb(shapes, flavor="iso")
    except (shapely.errors.ShapelyError, TypeError, ValueError):
        return None
    if not all(one == other for one, other in zip(raw, again, strict=True)):
        return None
    z, m = bool(shapely.has_z(shapes).any()), bool(shapely.has_m(shapes).any())
    return list(shapely.get_coordinates(shapes, include_z=z, include_m=m).T.copy())


def _chunk_parts(path: str, chunk: pa.Array) -> Iterator[Part]:
    if pa.types.is_nested(chunk.type):
        for inner in chunk.flatten() if len(chunk) else ():
            yield from _chunk_parts(path, inner)
    elif pa.types.is_dictionary(chunk.type):
        yield from _chunk_parts(path, chunk.dictionary)
    elif pa.types.is_string(chunk.type) or pa.types.is_large_string(chunk.type):
        # Lines keep neighbours apart, which the buffer itself would not.
        yield path, "\n".join(filter(None, chunk.to_pylist()))
    else:
        binary = pa.types.is_binary(chunk.type) or pa.types.is_large_binary(chunk.type)
        vertices = _vertices(chunk) if binary else None
        if vertices is not None:
            yield f"{path} vertices", vertices
            return
        for buffer in chunk.buffers():
            if buffer is not None and buffer.size > 8:
                yield path, bytes(buffer) if binary else memoryview(buffer)
