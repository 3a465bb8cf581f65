"""What stands in vector tiles: PMTiles archives and the Mapbox tiles in them.

Protomaps, "PMTiles Version 3 Specification" (2022); Mapbox, "Vector Tile Specification",
version 2.1 (2016).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from geocn._typing import AnyArray, FloatArray, IntArray
from geocn.errors import NotScannedError
from geocn.sharing.scan_formats import inflated
from geocn.sharing.scan_parts import Part, TilePlaces
from geocn.sharing.scan_places import MERCATOR_M

_HEADER = 127
_NONE, _GZIP, _MVT = 1, 2, 1
_DEPTH = 4
_MOST_TILES = 1_000_000
_MOST_ZOOM = 30
_BEGIN, _ON, _CLOSE = 1, 2, 7
_VARINT, _EIGHT, _BYTES, _FOUR = 0, 1, 2, 5
#: Encoders cut a position down to whole units or round it: it lies from half a unit before to
#: one after, in each axis.
_MIDDLE, _REACH = 0.25, 0.75 * 2**0.5


def pmtiles_parts(data: bytes, limit: int) -> Iterator[Part]:
    """Yield the metadata of a PMTiles archive, what its tiles hold, and bytes between them."""
    numbers = struct.unpack_from("<11Q4B", data, 8)
    root, about, leaves, tiles = (numbers[at : at + 2] for at in (0, 2, 4, 6))
    inner, outer, kind = numbers[12:15]
    archive = _Archive(data, limit, used=[(0, _HEADER)])
    yield "header", data[8:_HEADER]
    yield "metadata", archive.cut(about[0], about[1], inner)
    found = list(archive.entries(root, leaves[0], inner, _DEPTH))
    places: dict[tuple[int, int], list[int]] = {}
    for number, run, offset, size in found:
        stood = places.setdefault((tiles[0] + offset, size), [])
        if run + sum(map(len, places.values())) > _MOST_TILES:
            raise NotScannedError(f"holds more than {_MOST_TILES:,} tiles")
        stood += range(number, number + run)
    for (start, size), stood in places.items():
        content = archive.cut(start, size, outer)
        name = "/".join(map(str, tile_of(stood[0])))
        if kind == _MVT:
            for label, part in _tile_parts(content, stood):
                yield f"tile {name} › {label}", part
        else:
            yield f"tile {name}", content
    yield from archive.unused()


@dataclass
class _Archive:
    """The bytes of an archive, and which of them were read."""

    data: bytes
    limit: int
    used: list[tuple[int, int]] = field(default_factory=list)
    spent: int = 0

    def cut(self, start: int, size: int, packing: int) -> bytes:
        """Return a stretch, unpacked."""
        if start + size > len(self.data):
            raise NotScannedError("is cut off")
        self.used.append((start, start + size))
        raw = self.data[start : start + size]
        if packing not in (_NONE, _GZIP):
            raise NotScannedError("is packed in a way that is not decoded")
        # A gzip header without flags holds no name or comment.
        if packing == _GZIP and size and raw[3:4] != b"\0":
            raise NotScannedError("has a gzip header of an unusual form")
        content = inflated(raw, self.limit, 31) if packing == _GZIP else raw
        self.spent += len(content)
        if self.spent > self.limit:
            raise NotScannedError(f"expands beyond {self.limit:,} bytes")
        return content

    def entries(
        self, place: tuple[int, ...], leaves: int, packing: int, depth: int
    ) -> Iterator[tuple[int, int, int, int]]:
        """Yield number, run, offset and size of the tiles of a directory and those below."""
        if not depth:
            raise NotScannedError("has directories more than four deep")
        values = varints(self.cut(place[0], place[1], packing))
        count = int(values[0]) if len(values) else 0
        if len(values) != 4 * count + 1:
            raise NotScannedError("has a damaged directory")
        steps, runs, sizes, offsets = values[1:].astype(np.int64).reshape(4, count)
        end = 0
        for number, run, size, told in zip(
            np.cumsum(steps).tolist(), runs.tolist(), sizes.tolist(), offsets.tolist(), strict=True
        ):
            start = told - 1 if told else end
            end = start + size
            if run:
                yield number, run, start, size
            else:
                yield from self.entries((leaves + start, size), leaves, packing, depth - 1)

    def unused(self) -> Iterator[Part]:
        """Yield the bytes that nothing points at."""
        end = 0
        for start, stop in [*sorted(self.used), (len(self.data), len(self.data))]:
            if start > end:
                yield f"bytes from {end}", self.data[end:start]
            end = max(end, stop)


def tile_of(number: int) -> tuple[int, int, int]:
    """Return zoom, column and row of the tile with a number, along a Hilbert curve a zoom.

    Example
    -------
    >>> [tile_of(number) for number in (0, 1, 2, 3, 4)]
    [(0, 0, 0), (1, 0, 0), (1, 0, 1), (1, 1, 1), (1, 1, 0)]
    """
    zoom, first = 0, 0
    while number >= first + (1 << 2 * zoom):
        first += 1 << 2 * zoom
        zoom += 1
        if zoom > _MOST_ZOOM:
            raise NotScannedError("has a tile beyond zoom 30")
    rest, x, y = number - first, 0, 0
    for level in range(zoom):
        side = 1 << level
        right = 1 & (rest >> 1)
        low = 1 & (rest ^ right)
        if not low:
            if right:
                x, y = side - 1 - x, side - 1 - y
            x, y = y, x
        x, y, rest = x + side * right, y + side * low, rest >> 2
    return zoom, x, y


def varints(data: bytes) -> AnyArray:
    """Return the unsigned whole numbers of a run of bytes, seven bits a byte, lowest first."""
    codes = np.frombuffer(data, dtype=np.uint8)
    ends = np.flatnonzero(codes < 0x80)
    starts = np.concatenate([[0], ends[:-1] + 1]) if len(ends) else ends
    if (len(codes) and (not len(ends) or ends[-1] != len(codes) - 1)) or (
        len(ends) and int((ends - starts).max()) > 9
    ):
        raise NotScannedError("holds a damaged number")
    values = np.zeros(len(ends), dtype=np.uint64)
    for step in range(int((ends - starts).max()) + 1 if len(ends) else 0):
        more = starts + step <= ends
        bits = (codes[starts[more] + step] & 0x7F).astype(np.uint64)
        values[more] |= bits << np.uint64(7 * step)
    return values


def _fields(data: bytes) -> Iterator[tuple[int, int, bytes | int]]:
    """Yield number, kind and value of the fields of a message."""
    at = 0
    while at < len(data):
        tag, at = _varint(data, at)
        kind = tag & 7
        if kind == _VARINT:
            number, at = _varint(data, at)
            yield tag >> 3, kind, number
            continue
        size = {_EIGHT: 8, _FOUR: 4}.get(kind)
        if kind == _BYTES:
            size, at = _varint(data, at)
        if size is None or at + size > len(data):
            raise NotScannedError("holds a damaged tile")
        yield tag >> 3, kind, data[at : at + size]
        at += size


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while at < len(data) and shift < 70:
        code = data[at]
        value |= (code & 0x7F) << shift
        at += 1
        if code < 0x80:
            return value, at
        shift += 7
    raise NotScannedError("holds a damaged tile")


@dataclass
class _Layer:
    """The fields of a layer of a tile."""

    names: list[str] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    values: list[str] = field(default_factory=list)
    tags: list[bytes] = field(default_factory=list)
    shapes: list[bytes] = field(default_factory=list)
    strange: list[bytes] = field(default_factory=list)
    extent: int = 4096


def _tile_parts(content: bytes, stood: list[int]) -> Iterator[Part]:
    strange = []
    for number, kind, body in _fields(content):
        if (number, kind) != (3, _BYTES) or not isinstance(body, bytes):
            strange.append(_told(body))
            continue
        layer = _layer(body)
        strange += layer.strange
        yield "names", "\n".join([*layer.names, *layer.keys])
        yield "values", "\n".join(layer.values)
        columns = _columns(layer)
        if len(columns) > 1:
            yield "columns", columns
        units = _vertices(layer.shapes)
        for tile in stood if len(units) else ():
            yield "vertices", _placed(units, layer.extent, tile_of(tile))
    if strange:
        yield "other fields", b"\n\n".join(strange)


def _told(value: bytes | int) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode()


def _layer(data: bytes) -> _Layer:
    layer = _Layer()
    for number, _, body in _fields(data):
        if isinstance(body, int):
            if number == 5:
                layer.extent = body
        elif number in (1, 3):
            (layer.names if number == 1 else layer.keys).append(body.decode("utf-8", "replace"))
        elif number == 4:
            layer.values.append("\n".join(_value(*one) for one in _fields(body)))
        elif number == 2:
            _feature(layer, body)
        else:
            layer.strange.append(body)
    if layer.extent < 1:
        raise NotScannedError("holds a tile without an extent")
    return layer


def _feature(layer: _Layer, data: bytes) -> None:
    tags = []
    for number, _, body in _fields(data):
        if isinstance(body, int):
            continue
        if number == 2:
            tags.append(body)
        elif number == 4:
            layer.shapes.append(body)
        else:
            layer.strange.append(body)
    layer.tags.append(b"".join(tags))


def _value(number: int, kind: int, body: bytes | int) -> str:
    """Return an attribute's value as text; numbers in full."""
    if isinstance(body, int):
        signed = body - (1 << 64) if number == 4 and body >> 63 else body
        return str((body >> 1) ^ -(body & 1) if number == 6 else signed)
    if kind == _BYTES:
        return body.decode("utf-8", "replace")
    return repr(float(np.frombuffer(body, "<f4" if kind == _FOUR else "<f8")[0]))


def _columns(layer: _Layer) -> list[AnyArray]:
    """Return the columns of numbers among the attributes of a layer's features."""
    pairs, owner = _stacked(layer.tags)
    if len(pairs) % 2 or not len(pairs):
        return []
    numbers = np.array([_number(one) for one in layer.values] or [np.nan])
    keys, which = pairs[::2].astype(np.int64), pairs[1::2].astype(np.int64)
    if (which >= len(numbers)).any() or (keys >= len(layer.keys)).any():
        raise NotScannedError("holds a damaged tile")
    table = np.full((len(layer.keys), len(layer.tags)), np.nan)
    table[keys, owner[::2]] = numbers[which]
    return [one for one in table if np.isfinite(one).any()]


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return np.nan


def _stacked(runs: list[bytes]) -> tuple[AnyArray, IntArray]:
    """Return the numbers of many runs, and the run of each."""
    values = varints(b"".join(runs))
    counts = [int((np.frombuffer(run, dtype=np.uint8) < 0x80).sum()) for run in runs]
    return values, np.repeat(np.arange(len(runs)), counts)


def _vertices(shapes: list[bytes]) -> FloatArray:
    """Return the vertices of a layer's drawing commands in units of the tile."""
    values, owner = _stacked(shapes)
    listed, moves, at = values.tolist(), np.ones(len(values), dtype=bool), 0
    while at < len(listed):
        moves[at] = False
        command, count = listed[at] & 7, listed[at] >> 3
        if command not in (_BEGIN, _ON, _CLOSE):
            raise NotScannedError("holds a damaged geometry")
        at += 1 + (0 if command == _CLOSE else 2 * count)
    # Each geometry begins with a command, and its steps come in pairs.
    first = np.ones(len(owner), dtype=bool)
    first[1:] = owner[1:] != owner[:-1]
    steps = values[moves]
    if at != len(listed) or (first & moves).any() or len(steps) % 2:
        raise NotScannedError("holds a damaged geometry")
    turned = (steps >> np.uint64(1)).astype(np.int64) ^ -(steps & np.uint64(1)).astype(np.int64)
    along = np.cumsum(turned.reshape(-1, 2), axis=0)
    mine = owner[moves][::2]
    begins = np.ones(len(mine), dtype=bool)
    begins[1:] = mine[1:] != mine[:-1]
    starts = np.flatnonzero(begins)
    before = np.zeros((len(starts), 2), dtype=np.int64)
    before[1:] = along[starts[1:] - 1]
    units: FloatArray = (along - before[np.cumsum(begins) - 1]).astype(np.float64)
    return units


def _placed(units: FloatArray, extent: int, tile: tuple[int, int, int]) -> TilePlaces:
    """Return vertices in degrees with the reach of a unit (EPSG:3857, y down)."""
    zoom, *corner = tile
    square = (np.array(corner) + (units + _MIDDLE) / extent) / (1 << zoom)
    lat = np.arctan(np.sinh(np.pi * (1 - 2 * square[:, 1])))
    unit_m = 2 * np.pi * MERCATOR_M / (1 << zoom) / extent
    return TilePlaces(square[:, 0] * 360 - 180, np.degrees(lat), unit_m * _REACH * np.cos(lat))
