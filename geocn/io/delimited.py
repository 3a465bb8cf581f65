"""Delimited text (CSV, TSV) to a frame of text: every cell as it stands, no row lost or shifted.

pyarrow does the fast parsing, but forgives what must not be forgiven: an unclosed quotation
mark swallows rows without a word. So the grammar of the quotation marks and the number of
records are checked independently, and files that need it go through a strict slow parser.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from geocn._typing import BoolArray, IntArray
from geocn.errors import ParameterError, ReadError
from geocn.io.records import check_columns
from geocn.io.text import line_of
from geocn.io.titles import skip_titles

_CANDIDATES = (";", ",", "\t", "|")
_SNIFFED_LINES = 60
_SHOWN = 5
_BLOCK = 1 << 24
_QUOTE, _LF, _CR = 34, 10, 13


@dataclass(frozen=True, slots=True)
class Delimited:
    """A parsed table, the delimiter, the source line of each row, and what was noticed."""

    frame: pd.DataFrame
    delimiter: str
    lines: IntArray
    notes: tuple[str, ...]


def parse_delimited(data: bytes, *, name: str, delimiter: str | None = None) -> Delimited:
    """Parse UTF-8 delimited text with a header line.

    Parameters
    ----------
    data : bytes
        UTF-8 without a byte-order mark.
    name : str
        The file, for messages.
    delimiter : str, optional
        One character. Without it, the one of ``; , tab |`` that cuts the lines most evenly.

    Raises
    ------
    ReadError
        Where a row has more or fewer cells than the header, or a quotation mark is never
        closed; the lines are named.
    SchemaError
        Where two columns have one name.
    """
    if delimiter is not None and (len(delimiter.encode()) != 1 or delimiter in '"\r\n'):
        raise ParameterError(f"delimiter is {delimiter!r}; give one plain character, such as ';'")
    opening = open_table(data, name=name, delimiter=delimiter)
    columns, delimiter, notes = list(opening.columns), opening.delimiter, opening.notes
    body = memoryview(data)[opening.body_start :]
    first_line = line_of(data, opening.body_start)
    lines = record_lines(body, first_line, delimiter)
    frame = None if lines is None else _parse_fast(body, columns, delimiter)
    if frame is None or lines is None or len(frame) != len(lines):
        frame, lines, more = _parse_strict(bytes(body), columns, delimiter, first_line, name)
        notes += more
    frame, more = _drop_nameless(frame, opening.cells)
    if len(frame) > 1 and data[-1:] not in (b"\n", b"\r", b"\x1a"):
        more += ("the last line has no line break: the file may have been cut",)
    return Delimited(frame, delimiter, lines, (*notes, *more))


@dataclass(frozen=True, slots=True)
class Opening:
    """What stands above the records: columns, delimiter, and where the first record begins.

    ``cells`` are the names as the header has them, empty where there is none.
    """

    columns: tuple[str, ...]
    cells: tuple[str, ...]
    delimiter: str
    body_start: int
    notes: tuple[str, ...]


def open_table(data: bytes, *, name: str, delimiter: str | None = None) -> Opening:
    """Find the header of a table from its first bytes (UTF-8 without a byte-order mark).

    Raises
    ------
    ReadError, SchemaError
        As :func:`parse_delimited`, for the header.
    """
    start, told = _skip_preamble(data)
    start, n_titles, found = skip_titles(data, start, (delimiter or told,))
    delimiter = delimiter or told or found or sniff_delimiter(data[start : start + (1 << 18)])
    cells, body_start = _header(data, start, delimiter, name)
    columns, notes = _columns(cells, name)
    if n_titles:
        at = line_of(data, start)
        notes = (f"skipped {n_titles} title lines above the header in line {at}", *notes)
    return Opening(tuple(columns), tuple(cells), delimiter, body_start, notes)


def sniff_delimiter(data: bytes) -> str:
    r"""Return the delimiter that cuts the first lines into the same number of cells.

    Examples
    --------
    >>> sniff_delimiter(b"lat;lon\n4,5;-74,1\n")
    ';'
    """
    text = data.decode("utf-8", "ignore")
    scores: list[tuple[float, int, str]] = []
    for candidate in _CANDIDATES:
        widths = [len(row) for row in _rows(text, candidate)]
        if widths and widths[0] > 1:
            even = sum(width == widths[0] for width in widths) / len(widths)
            scores.append((round(even, 3), widths[0], candidate))
    return max(scores, key=lambda score: score[:2])[2] if scores else ","


def _rows(text: str, delimiter: str) -> Iterator[list[str]]:
    with long_fields():
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
        found = (row for row in reader if row)
        for _, row in zip(range(_SNIFFED_LINES), found, strict=False):
            yield row


class long_fields:  # noqa: N801 - a context manager that reads as a statement
    """Let the csv module read cells of any length for a while."""

    def __enter__(self) -> None:
        self._before = csv.field_size_limit(1 << 30)

    def __exit__(self, *_: object) -> None:
        csv.field_size_limit(self._before)


def _skip_preamble(data: bytes) -> tuple[int, str | None]:
    """Step over blank lines and Excel's ``sep=;`` line."""
    start = len(data) - len(data.lstrip(b"\r\n"))
    if data[start : start + 4].lower() == b"sep=" and data[start + 5 : start + 6] in b"\r\n":
        told = data[start + 4 : start + 5].decode()
        rest = data[start + 5 :]
        return len(data) - len(rest.lstrip(b"\r\n")), told
    return start, None


def _header(data: bytes, start: int, delimiter: str, name: str) -> tuple[list[str], int]:
    """Return the header's cells and where the line after it begins."""
    end, marks = start, 0
    while end < len(data):
        begin, end = end, _line_end(data, end)
        marks += data.count(b'"', begin, end)
        if marks % 2 == 0:
            break
    if marks % 2:
        raise ReadError(
            f"{name}, line {line_of(data, start)}: a quotation mark of the header is never closed"
        )
    record = data[start:end]
    text = record.decode("utf-8").rstrip("\r\n")
    with long_fields():
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))
    if not rows or not any(cell.strip() for cell in rows[0]):
        raise ReadError(f"{name}: found no header line")
    return [cell.strip() for cell in rows[0]], end


def _line_end(data: bytes, start: int) -> int:
    newline, carriage = data.find(b"\n", start), data.find(b"\r", start)
    ends = [position for position in (newline, carriage) if position >= 0]
    if not ends:
        return len(data)
    end = min(ends)
    return end + 2 if data[end : end + 2] == b"\r\n" else end + 1


def _columns(cells: Sequence[str], name: str) -> tuple[list[str], tuple[str, ...]]:
    columns = [cell or f"column_{i}" for i, cell in enumerate(cells, start=1)]
    check_columns(columns, name)
    nameless = [i for i, cell in enumerate(cells, start=1) if not cell]
    return columns, tuple(f"column {i} has no name; called column_{i}" for i in nameless)


def record_lines(body: memoryview, first_line: int, delimiter: str) -> IntArray | None:
    """Return the line each record begins on, or None where the quotation marks are irregular."""
    bytes_ = np.frombuffer(body, dtype=np.uint8)
    quotes = np.flatnonzero(bytes_ == _QUOTE)
    if not _regular(bytes_, quotes, ord(delimiter)):
        return None
    ends = bytes_ == _LF
    returns = bytes_ == _CR
    if returns.any():
        ends |= returns & ~np.append(bytes_[1:] == _LF, False)
    starts = np.concatenate(([0], np.flatnonzero(ends) + 1))
    starts = starts[starts < len(bytes_)]
    outside = np.searchsorted(quotes, starts) % 2 == 0
    at = bytes_[starts]
    full = outside & (at != _LF) & (at != _CR)
    return np.flatnonzero(full).astype(np.int64) + first_line


def _regular(bytes_: np.ndarray, quotes: IntArray, delimiter: int) -> bool:
    """Say whether every quotation mark opens, closes or doubles where the grammar allows it."""
    if not len(quotes):
        return True
    if len(quotes) % 2:
        return False
    opening, closing = quotes[0::2], quotes[1::2]
    doubled = np.zeros(len(opening), dtype=bool)
    doubled[1:] = opening[1:] == closing[:-1] + 1
    before = bytes_[np.maximum(opening - 1, 0)]
    after = bytes_[np.minimum(closing + 1, len(bytes_) - 1)]
    opens = doubled | (opening == 0) | _is_edge(before, delimiter)
    closes = (closing == len(bytes_) - 1) | _is_edge(after, delimiter)
    closes[:-1] |= doubled[1:]
    return bool(opens.all() and closes.all())


def _is_edge(bytes_: np.ndarray, delimiter: int) -> BoolArray:
    edge: BoolArray = (bytes_ == delimiter) | (bytes_ == _LF) | (bytes_ == _CR)
    return edge


def _parse_fast(body: memoryview, columns: list[str], delimiter: str) -> pd.DataFrame | None:
    """Parse with pyarrow; None where it meets a row it cannot cut."""
    import pyarrow as pa
    from pyarrow import csv as arrow_csv

    if not len(body):
        return pd.DataFrame({column: pd.Series([], dtype="str") for column in columns})
    try:
        table = arrow_csv.read_csv(
            pa.BufferReader(pa.py_buffer(body)),
            read_options=arrow_csv.ReadOptions(column_names=columns, block_size=_BLOCK),
            parse_options=arrow_csv.ParseOptions(delimiter=delimiter, newlines_in_values=True),
            convert_options=arrow_csv.ConvertOptions(
                column_types=dict.fromkeys(columns, pa.large_string()),
                null_values=[""],
                strings_can_be_null=True,
                quoted_strings_can_be_null=True,
            ),
        )
    except pa.ArrowInvalid:
        return None
    frame: pd.DataFrame = table.to_pandas()
    return frame


def _parse_strict(
    body: bytes, columns: list[str], delimiter: str, first_line: int, name: str
) -> tuple[pd.DataFrame, IntArray, tuple[str, ...]]:
    """Parse with the csv module, counting cells of every row; all faults are collected."""
    rows: list[list[str]] = []
    lines: list[int] = []
    ragged: list[tuple[int, int]] = []
    surplus = 0
    stream = io.StringIO(body.decode("utf-8"), newline="")
    reader = csv.reader(stream, delimiter=delimiter, strict=True)
    begins = first_line
    with long_fields():
        try:
            for row in reader:
                line, begins = begins, first_line + reader.line_num
                if not row:
                    continue
                if len(row) > len(columns) and not any(row[len(columns) :]):
                    surplus += 1
                    row = row[: len(columns)]  # noqa: PLW2901 - the rest is empty
                if len(row) != len(columns):
                    ragged.append((line, len(row)))
                rows.append(row)
                lines.append(line)
        except csv.Error as error:
            raise ReadError(_unclosed(name, begins, error)) from error
    if ragged:
        raise ReadError(_ragged(name, ragged, len(columns), delimiter))
    frame = pd.DataFrame(rows, columns=columns, dtype="str").replace("", None)
    notes = (f"{surplus} rows end in empty cells beyond the header",) if surplus else ()
    return frame.astype("str"), np.array(lines, dtype=np.int64), notes


def _unclosed(name: str, line: int, error: csv.Error) -> str:
    return (
        f"{name}, line {line}: a quotation mark that opens in the record beginning there is not "
        f"closed as it should be ({error}). Mend the line; a mark inside a cell is written twice."
    )


def _ragged(name: str, ragged: list[tuple[int, int]], expected: int, delimiter: str) -> str:
    shown = ", ".join(f"line {line} ({cells} cells)" for line, cells in ragged[:_SHOWN])
    more = ", …" if len(ragged) > _SHOWN else ""
    return (
        f"{name}: found {len(ragged)} rows that do not have the {expected} cells of the header: "
        f"{shown}{more}. The delimiter was read as {delimiter!r}. Mend the lines, or say "
        "delimiter=."
    )


def _drop_nameless(
    frame: pd.DataFrame, cells: Sequence[str]
) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Leave out columns that have neither a name nor a value, as a trailing delimiter makes."""
    nameless = [column for column, cell in zip(frame.columns, cells, strict=True) if not cell]
    empty = [column for column in nameless if frame[column].isna().all()]
    if not empty:
        return frame, ()
    return frame.drop(columns=empty), (f"left out {', '.join(empty)}: no name and no value",)
