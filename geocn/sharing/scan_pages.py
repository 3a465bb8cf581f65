"""Pages of an SQLite file (GeoPackage) with the geometries taken out that are nothing else.

SQLite, "Database File Format", sections 1.5 to 2.1; OGC 12-128r18, "GeoPackage Encoding
Standard", clause 2.1.3.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence

import numpy as np
import shapely

from geocn._typing import AnyArray

_LEAF = 13
_LEAST_BLOB = 29
#: Degrees or metres.
_SMALLEST, _LARGEST = 1e-9, 4.1e7
_ENVELOPES = (0, 32, 48, 48, 64)

#: A geometry's well-known binary, and the stretches of the file that it stands in.
_Found = tuple[bytes, list[tuple[int, int]]]


def without_geometries(data: bytes) -> tuple[bytes, list[AnyArray]]:
    """Return the pages without plain geometries, and the coordinates of these.

    A geometry is plain where it is written again to the very same bytes: it then holds
    coordinates and nothing besides, wherever in the file it stands.
    """
    found = list(_geometries(data))
    raw = [wkb for wkb, _ in found]
    shapes = shapely.from_wkb(np.array(raw, dtype=object), on_invalid="ignore")
    again = shapely.to_wkb(shapes, flavor="iso", byte_order=1)
    plain = np.array([one == other for one, other in zip(raw, again, strict=True)], dtype=bool)
    shapes = shapes if raw else np.empty(0, dtype=object)
    z, m = bool(shapely.has_z(shapes).any()), bool(shapely.has_m(shapes).any())
    columns, owner = shapely.get_coordinates(shapes, include_z=z, include_m=m, return_index=True)
    size = np.abs(columns)
    # Letters read as numbers are hardly ever of the size of a coordinate.
    likely = (size <= _LARGEST) & ((size >= _SMALLEST) | (size == 0))
    plain[owner[~likely.all(axis=1)]] = False
    pages = bytearray(data)
    for number in np.flatnonzero(plain).tolist():
        for start, stop in found[number][1]:
            pages[start:stop] = bytes(stop - start)
    return bytes(pages), list(columns[plain[owner]].T.copy())


def _geometries(data: bytes) -> Iterator[_Found]:
    size = int.from_bytes(data[16:18], "big")
    size = 65_536 if size == 1 else size
    usable = size - data[20]
    if size < 512 or usable < 480:
        return
    for page in range(0, len(data) - size + 1, size):
        head = page + (0 if page else 100)
        if data[head] != _LEAF:
            continue
        (count,) = struct.unpack_from(">H", data, head + 3)
        room = (page + size - head - 8) // 2
        for place in struct.unpack_from(f">{min(count, room)}H", data, head + 8):
            try:
                yield from _in_cell(data, page + place, size, usable)
            except (IndexError, struct.error):
                # No cell begins here: the page is a part of something longer.
                continue


def _in_cell(data: bytes, at: int, size: int, usable: int) -> Iterator[_Found]:
    total, at = _varint(data, at)
    _, at = _varint(data, at)
    # The blob's own beginning stands in the page, not in those that it overflows to.
    here = data.find(b"GP\0", at, at + min(total, size))
    if here < 0 or not _LEAST_BLOB < total <= len(data):
        return
    stretches = _stretches(data, at, total, size, usable)
    payload = b"".join(data[start:stop] for start, stop in stretches)
    end, here = _varint(payload, 0)
    offset = end
    while here < end:
        kind, here = _varint(payload, here)
        length = (kind - 12) // 2 if kind >= 12 else (0, 1, 2, 3, 4, 6, 8, 8, 0, 0, 0, 0)[kind]
        if kind >= 12 and not kind % 2 and length >= _LEAST_BLOB:
            blob = payload[offset : offset + length]
            skip = _header(blob)
            if skip and len(blob) == length:
                inside = _mapped(stretches, offset + skip, offset + length)
                yield blob[skip:], inside
        offset += length


def _header(blob: bytes) -> int:
    """Return the size of a GeoPackage geometry's header, 0 where it has none that is plain."""
    envelope = blob[3] >> 1 & 7
    known = blob.startswith(b"GP\0") and envelope < len(_ENVELOPES) and not blob[3] & 0x20
    return 8 + _ENVELOPES[envelope] if known else 0


def _stretches(data: bytes, at: int, total: int, size: int, usable: int) -> list[tuple[int, int]]:
    """Return where the bytes of a record stand: in its page, and in those it overflows to."""
    most = usable - 35
    if total <= most:
        return [(at, at + total)]
    least = (usable - 12) * 32 // 255 - 23
    local = least + (total - least) % (usable - 4)
    local = local if local <= most else least
    found, rest = [(at, at + local)], total - local
    (following,) = struct.unpack_from(">I", data, at + local)
    while rest > 0 and following:
        start = (following - 1) * size
        (following,) = struct.unpack_from(">I", data, start)
        took = min(rest, usable - 4)
        found.append((start + 4, start + 4 + took))
        rest -= took
    return found


def _mapped(stretches: Sequence[tuple[int, int]], start: int, stop: int) -> list[tuple[int, int]]:
    """Return where bytes ``start`` to ``stop`` of a record stand in the file."""
    found, at = [], 0
    for first, last in stretches:
        a, b = max(start, at), min(stop, at + last - first)
        if a < b:
            found.append((first + a - at, first + b - at))
        at += last - first
    return found


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for step in range(8):
        code = data[at + step]
        value = value << 7 | code & 0x7F
        if code < 0x80:
            return value, at + step + 1
    return value << 8 | data[at + 8], at + 9
