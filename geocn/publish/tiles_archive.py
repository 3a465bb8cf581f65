"""Tiles packed into one PMTiles archive, version 3.

The layout is that of Protomaps, "PMTiles Version 3 Specification" (2022): a header of 127
bytes, a root directory, metadata, leaf directories and the tiles, in the order of a Hilbert
curve a zoom level.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import struct
from collections.abc import Iterable, Mapping
from typing import Any

from geocn.publish.tiles_encode import varint

Tile = tuple[int, int, int]

#: Header and root directory stand in the first 16 KiB, so that one request has both.
_ROOT_BYTES = 16_384 - 127
_GZIP, _MVT = 2, 1
_LEVEL = 6


def packed(data: bytes) -> bytes:
    """Compress with gzip, without a time of writing."""
    return gzip.compress(data, _LEVEL, mtime=0)


def tile_number(zoom: int, x: int, y: int) -> int:
    """Return the number of a tile: those of lower zooms come first, then along a Hilbert curve.

    Example
    -------
    >>> [tile_number(0, 0, 0), tile_number(1, 0, 0), tile_number(1, 0, 1), tile_number(1, 1, 1)]
    [0, 1, 2, 3]
    """
    number = 0
    side = 1 << zoom
    step = side >> 1
    while step:
        right, low = int(bool(x & step)), int(bool(y & step))
        number += step * step * ((3 * right) ^ low)
        if not low:
            if right:
                x, y = side - 1 - x, side - 1 - y
            x, y = y, x
        step >>= 1
    return ((1 << (2 * zoom)) - 1) // 3 + number


def archive(
    tiles: Mapping[Tile, bytes],
    metadata: Mapping[str, Any],
    *,
    bounds: tuple[float, float, float, float],
    zooms: tuple[int, int],
) -> bytes:
    """Return the bytes of an archive.

    Parameters
    ----------
    tiles : mapping of (zoom, x, y) to bytes
        Compressed vector tiles; equal ones are kept once.
    metadata : mapping
        Written as JSON with sorted keys.
    bounds : tuple of float
        West, south, east, north in degrees.
    zooms : tuple of int
        The lowest and the highest zoom.
    """
    entries, data = _laid_out(tiles)
    root, leaves = _directories(entries)
    about = packed(json.dumps(metadata, sort_keys=True, ensure_ascii=False).encode())
    starts = [127]
    for block in (root, about, leaves):
        starts.append(starts[-1] + len(block))
    west, south, east, north = (round(value * 1e7) for value in bounds)
    header = b"PMTiles\x03" + struct.pack(
        "<11Q6B4iB2i",
        *(starts[0], len(root), starts[1], len(about), starts[2], len(leaves)),
        *(starts[3], len(data)),
        *(len(tiles), len(entries), len({entry[1] for entry in entries})),
        *(1, _GZIP, _GZIP, _MVT, *zooms),
        *(west, south, east, north),
        zooms[0],
        *((west + east) // 2, (south + north) // 2),
    )
    return header + root + about + leaves + data


def _laid_out(tiles: Mapping[Tile, bytes]) -> tuple[list[list[int]], bytes]:
    """Return entries ``[number, offset, length, run]`` and the tiles that they point to."""
    entries: list[list[int]] = []
    data = bytearray()
    placed: dict[bytes, int] = {}
    for number, tile in sorted((tile_number(*place), tile) for place, tile in tiles.items()):
        digest = hashlib.sha256(tile).digest()
        offset = placed.setdefault(digest, len(data))
        if offset == len(data):
            data += tile
        last = entries[-1] if entries else None
        if last and last[1] == offset and number == last[0] + last[3]:
            last[3] += 1
        else:
            entries.append([number, offset, len(tile), 1])
    return entries, bytes(data)


def _directories(entries: list[list[int]]) -> tuple[bytes, bytes]:
    root = _directory(entries)
    if len(root) <= _ROOT_BYTES:
        return root, b""
    size = 4096
    while True:
        leaves = bytearray()
        upper = []
        for start in range(0, len(entries), size):
            leaf = _directory(entries[start : start + size])
            # a run of 0 says that the entry points to a leaf, not to a tile
            upper.append([entries[start][0], len(leaves), len(leaf), 0])
            leaves += leaf
        root = _directory(upper)
        if len(root) <= _ROOT_BYTES:
            return root, bytes(leaves)
        size *= 2


def _directory(entries: list[list[int]]) -> bytes:
    numbers = [entry[0] for entry in entries]
    steps = [b - a for a, b in zip([0, *numbers], numbers, strict=False)]
    offsets: list[int] = []
    for before, entry in zip([None, *entries], entries, strict=False):
        follows = before is not None and entry[1] == before[1] + before[2]
        offsets.append(0 if follows else entry[1] + 1)
    columns: tuple[Iterable[int], ...] = (
        steps,
        [entry[3] for entry in entries],
        [entry[2] for entry in entries],
        offsets,
    )
    return packed(
        varint(len(entries)) + b"".join(varint(value) for column in columns for value in column)
    )
