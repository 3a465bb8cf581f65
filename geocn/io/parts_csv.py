"""A CSV cut between its records, each piece read alone.

A line break inside quotation marks does not end a record, and only the marks before it tell:
they are counted once from the beginning. The same pass settles the encoding.
"""

from __future__ import annotations

import codecs
import csv
import hashlib
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pandas as pd
import pyarrow as pa
from pyarrow import csv as arrow_csv

from geocn._typing import IntArray
from geocn.errors import ReadError
from geocn.io.delimited import Opening, long_fields, open_table, record_lines
from geocn.io.guard import FileFormat, open_regular
from geocn.io.numbers import NumberFormat, parse_numbers, settle_ambiguous, sniff_numbers
from geocn.io.parts import Part, Records, TextForm
from geocn.io.text import guess_encoding

_BLOCK = 4 << 20
_HEAD = 1 << 18
_SAMPLE_BYTES = 1 << 20
_WIDE = (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
# As many rows fit a processor's cache together with what is computed of them.
_ROWS = 131_072
_BEYOND = re.compile(rb"[\x80-\xff]")
_BEFORE = 200
_ZONED = re.compile(r"(?:[zZ]|[+-]\d\d:?\d\d)$")
_PLAIN = NumberFormat(".", "", "default")


def cut_csv(path: Path, *, numbers: Sequence[str], room: int, identities: bool) -> list[Part]:
    """Cut a CSV into parts of about ``room`` bytes.

    Raises
    ------
    ReadError
        Where it is no text whose bytes can be cut, or a quotation mark is never closed.
    SchemaError
        Where its header names a column twice.
    """
    size = path.stat().st_size
    with open_regular(path) as stream:
        survey = _survey(stream, path.name)
        stream.seek(survey.mark)
        head = stream.read(_HEAD)
        opening, body, sample = _opening(head, survey, path.name)
        formats = _formats(opening, sample, numbers)
        form = TextForm(opening.delimiter, survey.encoding, tuple(opening.columns), formats)
        ends = _ends(stream, survey, body, size, room=room)
        if ends and survey.n_marks(stream, body, size) % 2:
            raise ReadError(
                f"{path.name}: a quotation mark is never closed, at the latest one that opens "
                f"after byte {ends[-2] if len(ends) > 1 else body}. Mend the line."
            )
        parts = []
        for start, stop in zip([body, *ends[:-1]], ends, strict=True):
            identity = _identity(stream, start, stop, f"{form}") if identities else ""
            parts.append(
                Part(
                    str(path),
                    FileFormat.CSV,
                    start,
                    stop,
                    size,
                    opening.columns,
                    form,
                    identity=identity,
                )
            )
    return parts


def _identity(stream: BinaryIO, start: int, stop: int, form: str) -> str:
    hashed = hashlib.sha256(form.encode())
    stream.seek(start)
    for at in range(start, stop, _BLOCK):
        hashed.update(stream.read(min(_BLOCK, stop - at)))
    return hashed.hexdigest()


@dataclass(frozen=True, slots=True)
class _Survey:
    """What one look at all bytes tells; ``marks`` counts those before each block."""

    encoding: str
    mark: int
    marks: IntArray

    def n_marks(self, stream: BinaryIO, start: int, stop: int) -> int:
        """Quotation marks between two places."""
        return self._before(stream, stop) - self._before(stream, start)

    def _before(self, stream: BinaryIO, place: int) -> int:
        block = place // _BLOCK
        if not self.marks[-1]:
            return 0
        stream.seek(block * _BLOCK)
        return int(self.marks[block]) + stream.read(place - block * _BLOCK).count(b'"')


def _survey(stream: BinaryIO, name: str) -> _Survey:
    stream.seek(0)
    marks, odd, strict = [0], bytearray(), codecs.getincrementaldecoder("utf-8")()
    is_utf8, first = True, b""
    while block := stream.read(_BLOCK):
        if not first:
            first = block[:4]
            if first.startswith(_WIDE):
                raise ReadError(f"{name}: found UTF-16 or UTF-32; save it as UTF-8 first")
        if b"\0" in block:
            raise ReadError(
                f"{name}: found a NUL character, so the file is no text or is UTF-16. Save it as "
                "UTF-8."
            )
        marks.append(marks[-1] + block.count(b'"'))
        if block.isascii() and not strict.getstate()[0]:
            continue
        odd_at = _BEYOND.search(block)
        if odd_at and len(odd) < _SAMPLE_BYTES:
            odd += block[max(odd_at.start() - _BEFORE, 0) :][:_SAMPLE_BYTES]
        try:
            if is_utf8:
                strict.decode(block)
        except UnicodeDecodeError:
            is_utf8 = False
    is_utf8 = is_utf8 and not strict.getstate()[0]
    mark = len(codecs.BOM_UTF8) if first.startswith(codecs.BOM_UTF8) else 0
    encoding = "utf-8" if is_utf8 else guess_encoding(bytes(odd))
    if not is_utf8 and (encoding.startswith("utf") or mark):
        raise ReadError(f"{name}: found bytes that break its UTF-8. Export it again.")
    return _Survey(encoding, mark, np.array(marks, dtype=np.int64))


def _opening(head: bytes, survey: _Survey, name: str) -> tuple[Opening, int, bytes]:
    """Header, the byte where the first record begins, and the records of the head in UTF-8."""
    # The last character of the head may be cut.
    text = head.decode(survey.encoding, "ignore")
    data = text.encode()
    opening = open_table(data, name=name)
    above = data[: opening.body_start].decode().encode(survey.encoding)
    body = data[opening.body_start :]
    if len(head) == _HEAD:
        body = body[: body.rfind(b"\n") + 1]
    return opening, survey.mark + len(above), body


def _formats(
    opening: Opening, sample: bytes, numbers: Sequence[str]
) -> tuple[tuple[str, NumberFormat], ...]:
    """How columns write their numbers, as the first records show."""
    wanted = [name for name in dict.fromkeys(numbers) if name in opening.columns]
    if not wanted or not sample:
        return ()
    table = _parse(sample, opening.columns, opening.delimiter, dict.fromkeys(wanted, pa.string()))
    found = {
        name: fmt
        for name in wanted
        if (fmt := sniff_numbers(table.table[name].to_pandas())) is not None
    }
    return tuple(settle_ambiguous(found, delimiter=opening.delimiter).items())


def _ends(stream: BinaryIO, survey: _Survey, body: int, size: int, *, room: int) -> list[int]:
    """Find ends of records about ``room`` bytes apart; the last is that of the file."""
    ends: list[int] = []
    start = body
    newline = _newline(stream, body)
    while start < size:
        place = start + room
        ends.append(_record_end(stream, survey, body, place, newline) if place < size else size)
        start = ends[-1]
    # A header alone is one part without records.
    return ends or [size]


def _newline(stream: BinaryIO, body: int) -> bytes:
    """Return the byte that ends lines; old Macs wrote only a carriage return."""
    stream.seek(body)
    head = stream.read(_HEAD)
    return b"\n" if b"\n" in head or b"\r" not in head else b"\r"


def _record_end(stream: BinaryIO, survey: _Survey, body: int, place: int, newline: bytes) -> int:
    """Place after the first line break from ``place`` on that stands outside marks."""
    inside = survey.n_marks(stream, body, place) % 2
    stream.seek(place)
    while piece := stream.read(_HEAD):
        at = 0
        while True:
            stop = piece.find(newline, at)
            inside ^= piece.count(b'"', at, stop if stop >= 0 else len(piece)) % 2
            if stop < 0:
                break
            at = stop + 1
            if not inside:
                return place + at
        place += len(piece)
    return place


def read_csv_part(
    part: Part, *, numbers: Sequence[str], times: Sequence[str], raw: Sequence[str]
) -> Iterator[Records]:
    """Read some columns of a part of a CSV.

    Raises
    ------
    ReadError
        Where the bytes are not those that were cut, or quotation marks stand where the
        grammar does not allow them.
    """
    data = _bytes_of(part)
    found = _typed(data, part, numbers, times, raw)
    n = found.table.num_rows + len(found.ragged)
    if b'"' in data:
        lines = record_lines(memoryview(data), 0, _form(part).delimiter)
        if lines is None or len(lines) != n:
            raise ReadError(
                f"{part.name}: a quotation mark stands where none can. Write a mark inside a "
                "cell twice, within marks around the cell; or read the file whole."
            )
    rows = np.delete(np.arange(n), found.ragged)
    unreadable = {name: np.flatnonzero(bad) for name, bad in found.unreadable.items()}
    return _pieces(found.table, rows, unreadable, found.ragged)


def raw_csv_records(part: Part, rows: Sequence[int]) -> Iterator[tuple[int, list[str]]]:
    """Read some records as text; their numbers rise."""
    text = io.StringIO(_bytes_of(part).decode("utf-8", "replace"), newline="")
    wanted = set(rows)
    with long_fields():
        records = (cells for cells in csv.reader(text, delimiter=_form(part).delimiter) if cells)
        yield from ((row, cells) for row, cells in enumerate(records) if row in wanted)


def _form(part: Part) -> TextForm:
    if part.form is None:
        raise AssertionError("a part of a CSV without its form")
    return part.form


def _bytes_of(part: Part) -> bytes:
    """Bytes of a part in UTF-8."""
    with open_regular(Path(part.path)) as stream:
        stream.seek(part.start)
        data = stream.read(part.stop - part.start)
    if len(data) != part.stop - part.start:
        raise ReadError(f"{part.name}: the file changed while it was read; start again")
    encoding = _form(part).encoding
    return data if encoding == "utf-8" else data.decode(encoding).encode()


def _pieces(
    table: pa.Table, rows: IntArray, unreadable: dict[str, IntArray], ragged: IntArray
) -> Iterator[Records]:
    whole = table.combine_chunks().to_batches()
    if not whole:
        empty = pa.RecordBatch.from_pylist([], schema=table.schema)
        yield Records(empty, rows, len(ragged), {}, ragged)
        return
    for start in range(0, table.num_rows, _ROWS):
        stop = min(start + _ROWS, table.num_rows)
        here = {
            name: at[(at >= start) & (at < stop)] - start
            for name, at in unreadable.items()
            if len(at)
        }
        told = ragged if start == 0 else None
        n = stop - start + (len(ragged) if start == 0 else 0)
        yield Records(whole[0].slice(start, stop - start), rows[start:stop], n, here, told)


@dataclass(frozen=True, slots=True)
class _Parsed:
    table: pa.Table
    ragged: IntArray
    unreadable: dict[str, np.ndarray]


def _typed(
    data: bytes, part: Part, numbers: Sequence[str], times: Sequence[str], raw: Sequence[str]
) -> _Parsed:
    """Parse with pyarrow where it can read all values, else value by value."""
    form = _form(part)
    formats = {name: dict(form.formats).get(name, _PLAIN) for name in numbers}
    decimals = {fmt.decimal for fmt in formats.values()} or {"."}
    text = dict.fromkeys([*numbers, *times, *raw], pa.string())
    if len(decimals) == 1:
        kinds = text | dict.fromkeys(numbers, pa.float64())
        kinds |= dict.fromkeys(times, _instants(data, part, times))
        try:
            found = _parse(data, form.columns, form.delimiter, kinds, decimal=decimals.pop())
        except pa.ArrowInvalid:
            found = None
        if found is not None:
            return found
    parsed = _parse(data, form.columns, form.delimiter, text)
    table, unreadable = parsed.table, {}
    for name in (*numbers, *times):
        given = table[name].to_pandas()
        if name in formats:
            values, unreadable[name] = parse_numbers(given, formats[name])
            column = pa.array(values, pa.float64(), from_pandas=True)
        else:
            moments, unreadable[name] = read_times(given)
            column = pa.array(moments, pa.timestamp("us", "UTC"), from_pandas=True)
        table = table.set_column(table.column_names.index(name), name, column)
    return _Parsed(table, parsed.ragged, unreadable)


def read_times(values: pd.Series) -> tuple[np.ndarray, np.ndarray]:
    """Instants in UTC of ISO 8601 texts, and which values are none."""
    stamps = pd.to_datetime(values, utc=True, format="ISO8601", errors="coerce")
    bad = (stamps.isna() & values.notna()).to_numpy()
    moments: np.ndarray = stamps.dt.tz_localize(None).to_numpy().astype("datetime64[us]")
    return moments, bad


def _instants(data: bytes, part: Part, times: Sequence[str]) -> pa.DataType:
    """Kind of instant that the first record with a time shows: with a zone, or without."""
    form = _form(part)
    if times:
        head = data[: data.find(b"\n", 4096) + 1] or data
        try:
            shown = _parse(head, form.columns, form.delimiter, dict.fromkeys(times, pa.string()))
        except pa.ArrowInvalid:
            return pa.timestamp("us")
        first = next((v for v in shown.table[times[0]].to_pylist() if v), "")
        if _ZONED.search(first) and len(first) > len("2024-01-01"):
            return pa.timestamp("us", "UTC")
    return pa.timestamp("us")


def _parse(
    data: bytes,
    columns: Sequence[str],
    delimiter: str,
    kinds: dict[str, pa.DataType],
    *,
    decimal: str = ".",
) -> _Parsed:
    ragged: list[int] = []

    def skip(row: arrow_csv.InvalidRow) -> str:
        ragged.append(row.number - 1)
        return "skip"

    if not data or data.isspace():
        empty = {name: pa.array([], kind) for name, kind in kinds.items()}
        return _Parsed(pa.table(empty), np.zeros(0, dtype=np.int64), {})
    quoted = b'"' in data
    table = arrow_csv.read_csv(
        pa.BufferReader(data),
        # One block: records are numbered from its beginning.
        read_options=arrow_csv.ReadOptions(
            column_names=list(columns), use_threads=False, block_size=len(data) + 1
        ),
        parse_options=arrow_csv.ParseOptions(
            delimiter=delimiter,
            newlines_in_values=quoted,
            quote_char='"' if quoted else False,
            invalid_row_handler=skip,
        ),
        convert_options=arrow_csv.ConvertOptions(
            column_types=kinds,
            # None at all would be read as all; one tells how many records there are.
            include_columns=list(kinds) or list(columns[:1]),
            null_values=["", "NaN", "nan"],
            strings_can_be_null=True,
            decimal_point=decimal,
        ),
    )
    return _Parsed(table, np.array(ragged, dtype=np.int64), {})
