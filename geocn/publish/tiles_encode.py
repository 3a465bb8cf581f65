"""Features of one tile as bytes: Mapbox Vector Tile, version 2.1.

Mapbox, "Vector Tile Specification", version 2.1 (2016).
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import shapely

#: Units along the side of a tile.
EXTENT = 4096
_MOVE, _LINE, _CLOSE = 1, 2, 7
_POINT, _LINESTRING, _POLYGON = 1, 2, 3


def varint(value: int) -> bytes:
    """Return an unsigned whole number in groups of seven bits, the lowest first.

    Example
    -------
    >>> varint(300).hex()
    'ac02'
    """
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


_SMALL = tuple(varint(value) for value in range(1 << 14))


def _packed(values: Iterable[int]) -> bytes:
    small = _SMALL
    return b"".join(small[v] if v < 16_384 else varint(v) for v in values)


def _field(number: int, data: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(data)) + data


def value_bytes(value: Any) -> bytes:
    """Return one attribute's value as the format's message: bool, whole number, number, text."""
    if isinstance(value, (bool, np.bool_)):
        return b"\x38\x01" if value else b"\x38\x00"
    if isinstance(value, (int, np.integer)):
        whole = int(value)
        if whole >= 0:
            return b"\x28" + varint(whole)
        return b"\x30" + varint(-2 * whole - 1)
    if isinstance(value, (float, np.floating)):
        return b"\x19" + struct.pack("<d", float(value))
    return _field(1, str(value).encode())


class Attributes:
    """The attributes of a layer: every distinct value encoded once.

    Parameters
    ----------
    columns : sequence of (str, sequence)
        Name and values by row; None and NaN are absent from the feature.
    """

    def __init__(self, columns: Sequence[tuple[str, Sequence[Any]]]) -> None:
        self.keys = [name for name, _ in columns]
        self.values: list[bytes] = []
        number: dict[bytes, int] = {}
        n_rows = len(columns[0][1]) if columns else 0
        self.tags: list[list[tuple[int, int]]] = [[] for _ in range(n_rows)]
        for key, (_, cells) in enumerate(columns):
            for row, cell in enumerate(cells):
                if cell is None or (isinstance(cell, float) and math.isnan(cell)):
                    continue
                data = value_bytes(cell)
                at = number.setdefault(data, len(number))
                if at == len(self.values):
                    self.values.append(data)
                self.tags[row].append((key, at))

    def of(self, row: int) -> list[tuple[int, int]]:
        """Return pairs of key and value of a row."""
        return self.tags[row] if self.tags else []


def layer_bytes(
    name: str, attributes: Attributes, rows: Sequence[int], shapes: Sequence[tuple[int, bytes]]
) -> bytes:
    """Return a layer of a tile.

    Parameters
    ----------
    name : str
    attributes : Attributes
    rows : sequence of int
        The row of each feature, which becomes its id.
    shapes : sequence of (int, bytes)
        As :func:`geometry_bytes` gives them.
    """
    keys: dict[int, int] = {}
    values: dict[int, int] = {}
    features = []
    for row, (kind, commands) in zip(rows, shapes, strict=True):
        tags: list[int] = []
        for key, value in attributes.of(row):
            tags.append(keys.setdefault(key, len(keys)))
            tags.append(values.setdefault(value, len(values)))
        body = b"\x08" + varint(row)
        if tags:
            body += _field(2, _packed(tags))
        features.append(_field(2, body + b"\x18" + varint(kind) + _field(4, commands)))
    parts = [b"\x78\x02", _field(1, name.encode()), *features]
    parts += [_field(3, attributes.keys[key].encode()) for key in keys]
    parts += [_field(4, attributes.values[value]) for value in values]
    return _field(3, b"".join([*parts, b"\x28" + varint(EXTENT)]))


def geometry_bytes(shape: Any) -> tuple[int, bytes] | None:
    """Return type and drawing commands of a geometry in tile units; None where nothing is left.

    Parameters
    ----------
    shape : Geometry
        Points, lines or valid areas of one dimension, x to the right and y down, in whole
        units.
    """
    parts = shapely.get_parts(shape)
    pen = [0, 0]
    out: list[int] = []
    dimension = shapely.get_dimensions(shape)
    if dimension == 0:
        xy = shapely.get_coordinates(parts).astype(int).tolist()
        out.append(len(xy) << 3 | _MOVE)
        _draw(xy, pen, out)
        return _POINT, _packed(out)
    for part in parts:
        if dimension == 1:
            _path(_distinct(part), pen, out)
            continue
        rings = [part.exterior, *part.interiors]
        for hole, ring in enumerate(rings):
            xy = _distinct(ring)[:-1]
            # with y down, outer rings run clockwise: their area by the surveyor's formula > 0
            if (_area(xy) > 0) == bool(hole):
                xy = xy[::-1]
            _path(xy, pen, out, closed=True)
    return (_LINESTRING if dimension == 1 else _POLYGON, _packed(out)) if out else None


def _distinct(line: Any) -> list[list[int]]:
    xy = np.rint(shapely.get_coordinates(line)).astype(int)
    keep = np.ones(len(xy), dtype=bool)
    keep[1:] = (xy[1:] != xy[:-1]).any(axis=1)
    kept: list[list[int]] = xy[keep].tolist()
    return kept


def _area(xy: list[list[int]]) -> int:
    return sum(a[0] * b[1] - b[0] * a[1] for a, b in zip(xy, [*xy[1:], xy[0]], strict=True))


def _path(xy: list[list[int]], pen: list[int], out: list[int], *, closed: bool = False) -> None:
    if len(xy) < (3 if closed else 2):
        return
    out.append(1 << 3 | _MOVE)
    _draw(xy[:1], pen, out)
    out.append((len(xy) - 1) << 3 | _LINE)
    _draw(xy[1:], pen, out)
    if closed:
        out.append(1 << 3 | _CLOSE)


def _draw(xy: list[list[int]], pen: list[int], out: list[int]) -> None:
    for x, y in xy:
        dx, dy = x - pen[0], y - pen[1]
        out.append(dx << 1 if dx >= 0 else (-dx << 1) - 1)
        out.append(dy << 1 if dy >= 0 else (-dy << 1) - 1)
        pen[0], pen[1] = x, y
