"""Row groups of Parquet files, read a few at a time from one open file and nothing else."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from geocn.errors import ReadError, UnsafeFileError
from geocn.io.atomic import sha256_file
from geocn.io.guard import FileFormat
from geocn.io.parts import GeometryColumn, Part, Records

_ROWS = 131_072
# With all their columns, among them lines and areas of any size.
_WHOLE_ROWS = 4096
# Row groups are taken together up to so many rows.
_ROWS_A_PART = 1_000_000
_BUFFER = 1 << 20
_MAX_RATIO = 2000
_SMALL = 256 << 20
_FAULTS = (pa.ArrowException, OSError, ValueError, KeyError, AttributeError)


def cut_parquet(path: Path, *, identities: bool) -> list[Part]:
    """Cut a Parquet file between its row groups.

    Raises
    ------
    ReadError
        Where it was cut or damaged.
    UnsafeFileError
        Where a row group would expand beyond all measure.
    """
    with opened(path) as file:
        meta = file.metadata
        groups = [meta.row_group(i) for i in range(meta.num_row_groups)]
        for group in groups:
            packed = sum(group.column(i).total_compressed_size for i in range(group.num_columns))
            if group.total_byte_size > max(_SMALL, _MAX_RATIO * packed):
                raise UnsafeFileError(
                    f"{path.name}: {packed} bytes would unpack to {group.total_byte_size} bytes"
                )
        columns = tuple(file.schema_arrow.names)
        geometry = _geometry(file)
        rows = [group.num_rows for group in groups]
    hashed = sha256_file(path) if identities else ""
    size = path.stat().st_size
    parts = []
    for start, stop in _together(rows):
        identity = f"{hashed} {start} {stop}" if identities else ""
        parts.append(
            Part(
                str(path),
                FileFormat.PARQUET,
                start,
                stop,
                size,
                columns,
                geometry=geometry,
                identity=hashlib.sha256(identity.encode()).hexdigest() if identities else "",
            )
        )
    return parts


def _together(rows: Sequence[int]) -> Iterator[tuple[int, int]]:
    """First and last row group of each part: as many as stay below the limit, at least one."""
    start, total = 0, 0
    for i, n in enumerate(rows):
        if i > start and total + n > _ROWS_A_PART:
            yield start, i
            start, total = i, 0
        total += n
    yield start, len(rows)


def read_parquet_part(
    part: Part, columns: Sequence[str], *, rows: int = _ROWS
) -> Iterator[Records]:
    """Read some columns of a part, a bounded number of rows at a time.

    Raises
    ------
    ReadError
        Where the file was cut or damaged.
    """
    with opened(Path(part.path)) as file:
        first = 0
        groups = list(range(part.start, part.stop))
        for batch in file.iter_batches(
            rows, row_groups=groups, columns=list(columns), use_threads=False
        ):
            n = batch.num_rows
            yield Records(batch, np.arange(first, first + n), n)
            first += n


def raw_parquet_records(part: Part, rows: Sequence[int]) -> Iterator[tuple[int, list[str]]]:
    """Read some records as text; their numbers rise."""
    wanted = np.asarray(rows)
    with opened(Path(part.path)) as file:
        first = 0
        groups = list(range(part.start, part.stop))
        for batch in file.iter_batches(_WHOLE_ROWS, row_groups=groups, use_threads=False):
            here = wanted[(wanted >= first) & (wanted < first + batch.num_rows)]
            for row, told in zip(here, batch.take(pa.array(here - first)).to_pylist(), strict=True):
                yield int(row), [_text(value) for value in told.values()]
            first += batch.num_rows


def _text(value: Any) -> str:
    if value is None:
        return ""
    return value.hex() if isinstance(value, bytes) else str(value)


@contextmanager
def opened(path: Path) -> Iterator[pq.ParquetFile]:
    """Open a file as an open file, which is no address: nothing but it can be read."""
    try:
        with (
            pa.OSFile(str(path)) as source,
            pq.ParquetFile(
                source,
                buffer_size=_BUFFER,
                pre_buffer=False,
                page_checksum_verification=True,
            ) as file,
        ):
            yield file
    except ReadError:
        raise
    except _FAULTS as error:
        if type(error).__module__.startswith("geocn"):
            raise
        raise ReadError(f"{path.name}: the Parquet file is damaged or was cut ({error})") from error


def _geometry(file: pq.ParquetFile) -> GeometryColumn | None:
    names = file.schema_arrow.names
    told: Any = json.loads((file.schema_arrow.metadata or {}).get(b"geo", b"{}"))
    if not isinstance(told, dict) or not isinstance(told.get("columns", {}), dict):
        raise ReadError("the GeoParquet metadata is damaged")
    name = told.get("primary_column", "geometry" if "geometry" in names else None)
    if not isinstance(name, str) or name not in names:
        return None
    column = told.get("columns", {}).get(name, {"crs": None})
    if not isinstance(column, dict):
        raise ReadError("the GeoParquet metadata is damaged")
    # GeoParquet: a CRS that is not told is longitude and latitude; null is unknown.
    crs = column.get("crs", "")
    return GeometryColumn(name, json.dumps(crs) if crs else crs, str(column.get("encoding", "WKB")))
