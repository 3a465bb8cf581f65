"""FlatGeobuf: the length of the file is checked against its own header before it is read.

A FlatGeobuf that was cut reads as fewer rows, or none, without any error; so the features are
counted by walking over their length prefixes first.
"""

from __future__ import annotations

import struct
from pathlib import Path

import pyarrow as pa

from geocn.errors import ReadError
from geocn.io.guard import FileFormat, read_regular
from geocn.io.table import Options, RawTable

_MAGIC_BYTES = 8
_NODE_BYTES = 40
_FEATURES_COUNT, _INDEX_NODE_SIZE = 8, 9
_DEFAULT_NODE_SIZE = 16


def read_flatgeobuf(path: Path, data: bytes | None, options: Options) -> RawTable:
    """Read a FlatGeobuf.

    Raises
    ------
    ReadError
        Where it was cut or damaged.
    """
    import pyogrio

    from geocn.io.vector import DRIVER_FAULTS, table_of

    content = read_regular(path) if data is None else data
    try:
        expected = count_features(content)
    except (struct.error, IndexError, ValueError) as error:
        raise ReadError(f"{path.name}: the FlatGeobuf is damaged or was cut ({error})") from error
    try:
        meta, table = pyogrio.read_arrow(content, datetime_as_string=True)
        table = _sound_geometry(content, table, meta.get("geometry_name") or "wkb_geometry")
    except DRIVER_FAULTS as error:
        raise ReadError(f"{path.name}: the FlatGeobuf is damaged ({error})") from error
    if table.num_rows != expected:
        raise ReadError(f"{path.name}: found {table.num_rows} features; expected {expected}")
    return table_of(meta, table, path, options, found=FileFormat.FGB, notes=[])


def _sound_geometry(content: bytes, table: pa.Table, name: str) -> pa.Table:
    """Return the table with a geometry column that is safe to read.

    The driver's Arrow batches carry broken offsets for features without a geometry in a
    file without an index; its older way of reading does not.
    """
    import pyogrio.raw

    if name not in table.column_names:
        return table
    try:
        table.column(name).validate(full=True)
    except pa.ArrowInvalid:
        wkb = pyogrio.raw.read(content, columns=[])[2]
        column = pa.array(list(wkb), type=pa.binary())
        return table.set_column(table.column_names.index(name), name, column)
    return table


def count_features(content: bytes) -> int:
    """Count the features of a FlatGeobuf by walking over their length prefixes.

    Raises
    ------
    ValueError
        Where the file does not end with a feature, or holds another number than announced.
    """
    header_bytes = struct.unpack_from("<I", content, _MAGIC_BYTES)[0]
    header = _MAGIC_BYTES + 4
    if header + header_bytes > len(content):
        raise ValueError("the header is cut")
    announced = _field(content, header, _FEATURES_COUNT, "<Q", 0)
    node_size = _field(content, header, _INDEX_NODE_SIZE, "<H", _DEFAULT_NODE_SIZE)
    position = header + header_bytes + _index_bytes(announced, node_size, len(content))
    counted = 0
    while position < len(content):
        position += 4 + struct.unpack_from("<I", content, position)[0]
        counted += 1
    if position != len(content) or (announced and counted != announced):
        raise ValueError(f"{counted} features of {announced} are there")
    return counted


def _field(content: bytes, table: int, slot: int, layout: str, default: int) -> int:
    """Read one scalar of a flatbuffer's root table."""
    root = table + struct.unpack_from("<I", content, table)[0]
    vtable = root - struct.unpack_from("<i", content, root)[0]
    if vtable < 0:
        raise ValueError("the header is damaged")
    entry = 4 + 2 * slot
    if entry >= struct.unpack_from("<H", content, vtable)[0]:
        return default
    offset = struct.unpack_from("<H", content, vtable + entry)[0]
    return int(struct.unpack_from(layout, content, root + offset)[0]) if offset else default


def _index_bytes(features: int, node_size: int, limit: int) -> int:
    """Return the size of the packed R-tree (none where no count or node size is stated)."""
    if not features or node_size < 2:
        return 0
    nodes = level = features
    while level > 1:
        level = -(-level // node_size)
        nodes += level
    if nodes * _NODE_BYTES > limit:
        raise ValueError("the index is cut")
    return nodes * _NODE_BYTES
