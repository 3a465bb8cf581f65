"""Parts of a table too large for memory: small descriptions that whoever reads them reads alone.

A part is a range of bytes of a CSV that begins and ends between records, or row groups of a
Parquet file. It can be sent to another process, which reads it from the file itself.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import unquote

import pyarrow as pa

from geocn._typing import IntArray, StrPath
from geocn.errors import ParameterError, ReadError, SchemaError, UnsafeFileError
from geocn.io.guard import FileFormat, check_path, identify
from geocn.io.numbers import NumberFormat

#: A part is not larger than this, so that how a file is cut rarely depends on the memory.
PART_BYTES = 32 << 20
#: What reading a part takes, in times its size.
_ROOM = 8
_LEAST_BYTES = 1 << 16
_SHOWN = 3
# How Hive and what follows it write that a value is missing.
_NULL = "__HIVE_DEFAULT_PARTITION__"


@dataclass(frozen=True, slots=True)
class TextForm:
    """How a CSV is written: the same for all its parts."""

    delimiter: str
    encoding: str
    columns: tuple[str, ...]
    formats: tuple[tuple[str, NumberFormat], ...] = ()


@dataclass(frozen=True, slots=True)
class GeometryColumn:
    """Where and how a GeoParquet keeps its geometry.

    Attributes
    ----------
    name : str
    crs : str, optional
        PROJ JSON; empty where it is not told, None where it is unknown.
    encoding : str
        WKB, or the kind of GeoArrow: point, linestring, …
    """

    name: str
    crs: str | None
    encoding: str = "WKB"


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a table that can be read alone.

    Attributes
    ----------
    path : str
        The file, an absolute path.
    format : FileFormat
        CSV or Parquet.
    start, stop : int
        First byte and the one after the last of a CSV; first row group and the one after the
        last of a Parquet file.
    file_bytes : int
        Size of the file when it was cut.
    columns : tuple of str
        All columns of the file, those of its folders included.
    form : TextForm, optional
        How a CSV is written.
    geometry : GeometryColumn, optional
        Of a GeoParquet.
    constants : tuple of (str, str)
        What ``key=value`` folders above the file say; it goes before what the file says.
    identity : str
        SHA-256 of the content, where it was asked for.
    """

    path: str
    format: FileFormat
    start: int
    stop: int
    file_bytes: int
    columns: tuple[str, ...]
    form: TextForm | None = None
    geometry: GeometryColumn | None = None
    constants: tuple[tuple[str, str], ...] = ()
    identity: str = ""

    @property
    def name(self) -> str:
        """What messages call it."""
        what = "bytes" if self.format is FileFormat.CSV else "row groups"
        return f"{Path(self.path).name} ({what} {self.start} to {self.stop})"


@dataclass(frozen=True, slots=True)
class Records:
    """The records of a part.

    Attributes
    ----------
    batch : pyarrow.RecordBatch
        The columns that were asked for; those of numbers and times are such.
    rows : array of int
        Number of each record in its part, from 0.
    unreadable : dict of str to array of int
        By column, places in the batch whose value is no number or time; null in the batch.
    ragged : array of int
        Numbers of the records with too many or too few cells; they are not in the batch.
    n_records : int
        How many records the batch stands for, ragged ones included.
    """

    batch: pa.RecordBatch
    rows: IntArray
    n_records: int
    unreadable: dict[str, IntArray] = field(default_factory=dict)
    ragged: IntArray | None = None


def find_parts(
    path: StrPath,
    *,
    numbers: Sequence[str] = (),
    memory_mb: float = 512,
    identities: bool = False,
    part_bytes: int | None = None,
) -> list[Part]:
    r"""Cut a CSV, a Parquet file or a folder of them into parts, without reading their values.

    Parameters
    ----------
    path : path
        A CSV or Parquet file whatever its name, or a folder with files of one of these
        formats, also below ``key=value`` folders. Files and folders whose names begin with
        ``_`` or ``.`` are left out; links that lead out of their folder are refused.
    numbers : sequence of str
        Columns of a CSV that hold numbers: how they are written is found from its beginning.
    memory_mb : float
        Room for reading one part, about.
    identities : bool
        Read all bytes once more for the hash of every part.
    part_bytes : int, optional
        Size of a part of a CSV; by default 32 MB, less where the memory is small.

    Returns
    -------
    list of Part
        In the order of the records; files in the order of their paths.

    Raises
    ------
    ReadError, UnsafeFileError
        Where a file is missing, of another format, cut, or no text in an encoding whose
        bytes can be cut (UTF-16 cannot).
    SchemaError
        Where a header names a column twice.
    ParameterError
        Where the memory is not above zero.

    Examples
    --------
    >>> import tempfile; from pathlib import Path
    >>> file = Path(tempfile.mkdtemp()) / "seizures.csv"
    >>> _ = file.write_text("lon,lat\n-74.1,4.6\n-75.0,5.1\n-76.2,3.3\n")
    >>> [part.stop - part.start for part in find_parts(file, part_bytes=12)]
    [20, 10]
    """
    if not memory_mb > 0:
        raise ParameterError(f"memory_mb is {memory_mb!r}; expected a number above zero")
    room = part_bytes or int(min(PART_BYTES, max(memory_mb * 2**20 / _ROOM, _LEAST_BYTES)))
    given = Path(path)
    if not given.is_dir():
        return _file_parts(given, (), numbers=numbers, room=room, identities=identities)
    files = _files(given)
    parts: list[Part] = []
    for file, constants in files:
        parts += _file_parts(file, constants, numbers=numbers, room=room, identities=identities)
    found = {part.format for part in parts}
    if len(found) > 1:
        raise ReadError(f"{given}: found CSV and Parquet files; expected files of one format")
    return parts


def read_part(
    part: Part,
    *,
    numbers: Sequence[str] = (),
    times: Sequence[str] = (),
    raw: Sequence[str] = (),
    rows: int = 131_072,
) -> Iterator[Records]:
    """Read some columns of a part, a few hundred thousand records at a time.

    Parameters
    ----------
    part : Part
    numbers, times, raw : sequence of str
        Columns of numbers, of instants (ISO 8601; without a zone they are UTC), and of
        anything else. Numbers and times of a CSV come as float64 and as instants in
        microseconds; a Parquet file has types of its own.
    rows : int
        As many records of a Parquet file are read at once, at most.

    Raises
    ------
    ReadError
        Where the file has changed since it was cut into parts, or is damaged.
    SchemaError
        Where a column is missing.
    """
    wanted = [*numbers, *times, *raw]
    require_columns([part], wanted)
    if Path(part.path).stat().st_size != part.file_bytes:
        raise ReadError(f"{part.path}: the file changed while it was read; start again")
    inside = [name for name in wanted if name not in dict(part.constants)]
    if part.format is FileFormat.CSV:
        from geocn.io.parts_csv import read_csv_part

        pieces = read_csv_part(
            part,
            numbers=[name for name in numbers if name in inside],
            times=[name for name in times if name in inside],
            raw=[name for name in raw if name in inside],
        )
    else:
        from geocn.io.parts_parquet import read_parquet_part

        pieces = read_parquet_part(part, inside, rows=rows)
    for records in pieces:
        yield _with_constants(part, records, wanted, numbers)


def raw_records(part: Part, rows: Sequence[int]) -> Iterator[tuple[int, list[str]]]:
    """Read some records of a part as text, cell by cell.

    Parameters
    ----------
    part : Part
    rows : sequence of int
        Their numbers in the part, rising.

    Yields
    ------
    int, list of str
        Number and cells; what its folders say stands after them.
    """
    if part.format is FileFormat.CSV:
        from geocn.io.parts_csv import raw_csv_records as read
    else:
        from geocn.io.parts_parquet import raw_parquet_records as read
    for row, cells in read(part, rows):
        own = len(cells) if part.form is None else len(part.form.columns)
        yield row, [*cells, *(dict(part.constants)[name] for name in part.columns[own:])]


def require_columns(parts: Sequence[Part], names: Sequence[str], *, layer: str = "points") -> None:
    """Refuse parts of files that lack a column; all such files are named.

    Raises
    ------
    SchemaError
    """
    lacking = {
        part.path: missing
        for part in parts
        if (missing := [name for name in names if name not in part.columns])
    }
    if lacking:
        shown = "; ".join(
            f"{Path(path).name}: no column {', '.join(missing)}"
            for path, missing in list(lacking.items())[:_SHOWN]
        )
        more = f" and {len(lacking) - _SHOWN} more files" if len(lacking) > _SHOWN else ""
        first = next(part for part in parts if part.path in lacking)
        raise SchemaError(
            layer,
            found=shown + more,
            expected=f"one of {', '.join(first.columns)}",
            repair="Name the columns that hold them.",
        )


def _file_parts(
    file: Path,
    constants: tuple[tuple[str, str], ...],
    *,
    numbers: Sequence[str],
    room: int,
    identities: bool,
) -> list[Part]:
    found = identify(file)
    if found is FileFormat.CSV:
        from geocn.io.parts_csv import cut_csv

        parts = cut_csv(check_path(file), numbers=numbers, room=room, identities=identities)
    elif found is FileFormat.PARQUET:
        from geocn.io.parts_parquet import cut_parquet

        parts = cut_parquet(check_path(file), identities=identities)
    else:
        raise ReadError(f"{file}: found {found.value}; expected CSV or Parquet")
    if not constants:
        return parts
    return [
        replace(
            part,
            constants=constants,
            columns=(*part.columns, *(k for k, _ in constants if k not in part.columns)),
            identity=part.identity and f"{part.identity} {constants}",
        )
        for part in parts
    ]


def _files(folder: Path) -> list[tuple[Path, tuple[tuple[str, str], ...]]]:
    """Files below a folder by their paths, and what the folders between say."""
    found: list[tuple[Path, tuple[tuple[str, str], ...]]] = []
    for at, folders, names in os.walk(folder, followlinks=False):
        here = Path(at)
        links = [here / name for name in folders if (here / name).is_symlink()]
        if links:
            raise UnsafeFileError(f"{links[0]}: found a link to a folder; name the folder itself")
        folders[:] = sorted(name for name in folders if not name.startswith(("_", ".")))
        steps = [step.partition("=") for step in here.relative_to(folder).parts]
        constants = tuple((unquote(key), unquote(value)) for key, sign, value in steps if sign)
        found += [(here / name, constants) for name in names if not name.startswith(("_", "."))]
    if not found:
        raise ReadError(f"{folder}: the folder holds no files")
    return sorted(found, key=lambda one: one[0].relative_to(folder).parts)


def _with_constants(
    part: Part, records: Records, wanted: Sequence[str], numbers: Sequence[str]
) -> Records:
    said = {name: value for name, value in part.constants if name in wanted}
    if not said:
        return records
    arrays = [
        _constant(part, records.batch.num_rows, name, is_number=name in numbers)
        if name in said
        else records.batch[name]
        for name in wanted
    ]
    return replace(records, batch=pa.RecordBatch.from_arrays(arrays, names=list(wanted)))


def _constant(part: Part, n: int, name: str, *, is_number: bool) -> pa.Array:
    value = dict(part.constants)[name]
    told = pa.array([None if value in {_NULL, ""} else value] * n, pa.string())
    try:
        return told.cast(pa.float64()) if is_number else told
    except pa.ArrowInvalid as error:
        raise ReadError(
            f"{part.path}: its folder says {name}={value}; expected a number"
        ) from error
