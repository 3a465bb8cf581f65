"""Lines of GeoParquet files larger than memory: shapes and other columns, a few at a time."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pyproj
import shapely
from pyproj.exceptions import CRSError as ProjError
from shapely.errors import ShapelyError

from geocn._typing import AnyArray, BoolArray, IntArray, StrPath
from geocn.errors import CRSError, ParameterError, ReadError, SchemaError
from geocn.io.guard import FileFormat, identify
from geocn.io.parts import PART_BYTES, GeometryColumn, Part, find_parts, read_part
from geocn.io.parts_parquet import opened
from geocn.io.parts_points import points_xy

# Lines that stand in memory take, with all that is computed of them, so many times their bytes.
_ROOM = 16
# Of lines with a million vertices each, so few come at once.
_ROWS = 1024
_REPAIR = (
    "Convert it to GeoParquet, which can be read in parts: ogr2ogr -f Parquet routes.parquet FILE."
)


def find_line_parts(
    path: StrPath, *, memory_mb: float = 512, identities: bool = False
) -> list[Part]:
    """Cut a GeoParquet file or a folder of them between row groups, without reading lines.

    Parameters
    ----------
    path : path
        A file whatever its name, or a folder as of :func:`geocn.io.parts.find_parts`.
    memory_mb : float
        Room for reading one part, about; a row group larger than that is read in pieces.
    identities : bool
        Read all bytes once more for the hash of every part.

    Raises
    ------
    ReadError, UnsafeFileError
        Where a file is missing, damaged, or no Parquet: the readers of other formats hold a
        whole file in memory.
    SchemaError
        Where a file has no geometry.
    CRSError
        Where one has geometry of unknown CRS.
    ParameterError
        Where the memory is not above zero.
    """
    if not memory_mb > 0:
        raise ParameterError(f"memory_mb is {memory_mb!r}; expected a number above zero")
    if not Path(path).is_dir():
        _refuse_others(path, identify(Path(path)))
    parts = find_parts(path, memory_mb=memory_mb, identities=identities)
    for part in parts:
        _refuse_others(part.path, part.format)
    for part in {part.path: part for part in parts}.values():
        crs_of(part)
    room = room_bytes(memory_mb)
    return [piece for part in parts for piece in _smaller(part, room)]


def room_bytes(memory_mb: float) -> int:
    """Bytes of lines that may be worked on at once."""
    return int(min(PART_BYTES, memory_mb * 2**20 / _ROOM))


def _refuse_others(path: StrPath, found: FileFormat) -> None:
    if found is not FileFormat.PARQUET:
        raise ReadError(
            f"{path}: found {found.value}, which is read whole or not at all; expected "
            f"GeoParquet. {_REPAIR}"
        )


def geometry_of(part: Part) -> GeometryColumn:
    """Where a part keeps its lines.

    Raises
    ------
    SchemaError
    """
    if part.geometry is None:
        raise SchemaError(
            "routes",
            found=f"{Path(part.path).name} without a geometry column",
            expected="GeoParquet",
            repair="Write it with GeoDataFrame.to_parquet, or with ogr2ogr -f Parquet.",
        )
    return part.geometry


def crs_of(part: Part) -> pyproj.CRS:
    """Return the CRS of the lines of a part: where none is told, longitude and latitude.

    Raises
    ------
    CRSError
        Where it is unknown, or is none.
    """
    told = geometry_of(part).crs
    try:
        if told is not None:
            return pyproj.CRS.from_json(told) if told else pyproj.CRS("OGC:CRS84")
        why = "a geometry of unknown CRS"
    except (ProjError, ValueError, TypeError) as error:
        why = f"a CRS that is none ({error})"
    raise CRSError(
        "routes",
        found=f"{Path(part.path).name} with {why}",
        expected="a declared CRS",
        repair="Write the file again with its CRS: frame.set_crs(…).to_parquet(…).",
    )


def schema_of(part: Part) -> pa.Schema:
    """Columns of the file of a part and their types, those of its folders included."""
    with opened(Path(part.path)) as file:
        schema: pa.Schema = file.schema_arrow
    for name, _ in part.constants:
        at = schema.get_field_index(name)
        field = pa.field(name, pa.string())
        schema = schema.append(field) if at < 0 else schema.set(at, field)
    return schema


def _smaller(part: Part, room: int) -> Iterator[Part]:
    """Cut a part where its lines, unpacked, would be more than there is room for."""
    start, total = part.start, 0
    with opened(Path(part.path)) as file:
        for i in range(part.start, part.stop):
            size = _unpacked(file.metadata.row_group(i), geometry_of(part).name)
            if i > start and total + size > room:
                yield _between(part, start, i)
                start, total = i, 0
            total += size
    yield _between(part, start, part.stop)


def _unpacked(group: pq.RowGroupMetaData, name: str) -> int:
    columns = (group.column(i) for i in range(group.num_columns))
    return sum(
        column.total_uncompressed_size
        for column in columns
        if column.path_in_schema.split(".")[0] == name
    )


def _between(part: Part, start: int, stop: int) -> Part:
    if (start, stop) == (part.start, part.stop):
        return part
    told = f"{part.identity} {start} {stop}".encode()
    identity = hashlib.sha256(told).hexdigest() if part.identity else ""
    return replace(part, start=start, stop=stop, identity=identity)


@dataclass(frozen=True, slots=True)
class LineRecords:
    """Neighbouring records of a part.

    Attributes
    ----------
    shapes : array of shapely geometries
        None where there is none.
    unreadable : array of bool
        Where there is one that cannot be read.
    records : pyarrow.Table
        The other columns that were asked for.
    first : int
        Number of the first record in its part.
    """

    shapes: AnyArray
    unreadable: BoolArray
    records: pa.Table
    first: int


def read_lines(part: Part, columns: Sequence[str], *, room: int) -> Iterator[LineRecords]:
    """Read the lines of a part and some of its columns, about ``room`` bytes at a time.

    Raises
    ------
    ReadError
        Where the file has changed since it was cut into parts, or is damaged.
    SchemaError
        Where a column is missing, or the geometry is of a type that GeoParquet does not know.
    """
    shape = geometry_of(part)
    waiting: list[pa.RecordBatch] = []
    size, first, n = 0, 0, 0
    for records in read_part(part, raw=[shape.name, *columns], rows=_ROWS):
        waiting.append(records.batch)
        size += records.batch.nbytes
        n += records.batch.num_rows
        if size >= room:
            yield _records(waiting, shape, first)
            waiting, size, first = [], 0, n
    if waiting:
        yield _records(waiting, shape, first)


def _records(batches: list[pa.RecordBatch], shape: GeometryColumn, first: int) -> LineRecords:
    table = pa.Table.from_batches(batches).combine_chunks()
    column = table.column(shape.name).combine_chunks()
    shapes = shapes_of(column, shape.encoding)
    there = np.asarray(column.is_valid())
    unreadable: BoolArray = there & shapely.is_missing(shapes)
    return LineRecords(shapes, unreadable, table.drop_columns([shape.name]), first)


def shapes_of(column: pa.Array, encoding: str) -> AnyArray:
    """Geometries of a column of WKB or GeoArrow lines; None where there is none to be read.

    Raises
    ------
    SchemaError
        Where the type does not fit the encoding, or it is none of lines.
    """
    kind = column.type
    if isinstance(kind, pa.BaseExtensionType):
        column, kind = column.storage, kind.storage_type
    depth = {"linestring": 1, "multilinestring": 2}.get(encoding)
    if encoding == "WKB" and (pa.types.is_binary(kind) or pa.types.is_large_binary(kind)):
        wkb = column.to_numpy(zero_copy_only=False)
        shapes: AnyArray = np.asarray(shapely.from_wkb(wkb, on_invalid="ignore"), dtype=object)
        return shapes
    if depth is None or not _is_nested(kind, depth):
        raise SchemaError(
            "routes",
            found=f"geometry as {encoding} in a column of {kind}",
            expected="lines as WKB or GeoArrow",
            repair="Points are seizures or sites; build lines of them in the order of travel.",
        )
    try:
        return _of_geoarrow(column, depth)
    except (ShapelyError, ValueError):
        # GEOS refuses all lines where one has a single vertex: that one is looked for.
        if len(column) == 1:
            return np.array([None], dtype=object)
        half = len(column) // 2
        parts = [shapes_of(piece, encoding) for piece in (column[:half], column[half:])]
        return np.concatenate(parts)


def _of_geoarrow(column: pa.Array, depth: int) -> AnyArray:
    shapes = np.full(len(column), None, dtype=object)
    there = np.flatnonzero(np.asarray(column.is_valid()))
    inner = column.drop_null()
    edges: list[IntArray] = []
    for _ in range(depth):
        lengths = np.asarray(pc.list_value_length(inner), dtype=np.int64)
        edges.insert(0, np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64))
        inner = inner.flatten()
    kind = (shapely.GeometryType.LINESTRING, shapely.GeometryType.MULTILINESTRING)[depth - 1]
    shapes[there] = shapely.from_ragged_array(kind, np.column_stack(points_xy(inner)), tuple(edges))
    return shapes


def _is_nested(kind: pa.DataType, depth: int) -> bool:
    for _ in range(depth):
        if not (pa.types.is_list(kind) or pa.types.is_large_list(kind)):
            return False
        kind = kind.value_type
    return bool(pa.types.is_struct(kind) or pa.types.is_fixed_size_list(kind))
