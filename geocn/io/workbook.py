"""Excel workbooks (XLSX): the header found below titles, typed cells kept typed."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from geocn.errors import ReadError, UnsafeFileError
from geocn.io.archive import Archive
from geocn.io.crs import parse_crs
from geocn.io.guard import FileFormat
from geocn.io.numbers import sniff_numbers
from geocn.io.records import check_columns, text_of, typed
from geocn.io.table import Options, RawTable

_MAX_CELLS = 50_000_000
_EXACT_FLOAT = 1 << 53
#: A number, with or without a unit behind it.
_LEADING = re.compile(r"\s*([+-]?\d(?:[\d.,'\s]*\d)?)\s*[^\d.,]*$")
_NO_RESULT = re.compile(rb"<f[^>]*?(?:/>|>[^<]*</f>)\s*(?:<v\s*/>|<v></v>|</c>)")
_ERROR_CELL = re.compile(rb"""<c\s[^>]*\bt=["']e["']""")
_Range = tuple[tuple[int, int], tuple[int, int]]


@dataclass(frozen=True, slots=True)
class _Sheet:
    name: str
    cells: list[list[Any]]
    merged: list[_Range]


def read_workbook(archive: Archive, options: Options) -> RawTable:
    """Read one sheet of a workbook.

    Titles above the header are skipped; a header of several rows with merged cells is read
    from its lowest filled cells. Whole numbers become Int64, fractions float64, dates
    datetime64. In a column that mixes text and numbers, numbers are written the way the text
    writes them.

    Raises
    ------
    ReadError
        Where the workbook is damaged or protected, or several sheets could be meant.
    UnsafeFileError
        Where a sheet spans more than 50 million cells.
    """
    _refuse_wide(archive)
    lost = _lost_cells(archive)
    sheet, notes = _sheet(archive, options.sheet)
    top, bottom = _header_rows(sheet, archive.path.name)
    names = _names(sheet, top, bottom)
    body = [(i, row) for i, row in enumerate(sheet.cells) if i > bottom and any(map(_full, row))]
    kept = [c for c, name in enumerate(names) if name or any(_full(row[c]) for _, row in body)]
    columns = [names[c] or f"column_{c + 1}" for c in kept]
    check_columns(columns, f"{archive.path.name}, sheet {sheet.name}")
    notes += [f"column {c + 1} has no name; called column_{c + 1}" for c in kept if not names[c]]
    notes += _remarks(sheet, top, bottom) + lost
    series = [_column([row[c] for _, row in body]) for c in kept]
    frame = pd.concat(series, axis=1) if series else pd.DataFrame(index=pd.RangeIndex(len(body)))
    frame.columns = pd.Index(columns)
    if _has_inexact(frame):
        notes.append("whole numbers beyond 2^53 are stored as rounded numbers in this workbook")
    lines = np.array([i + 1 for i, _ in body], dtype=np.int64)
    return RawTable(
        frame,
        FileFormat.XLSX,
        archive.path,
        crs=None if options.crs is None else parse_crs(options.crs),
        notes=notes,
        first_row=int(lines[0]) if len(lines) else bottom + 2,
        lines=lines,
    )


def _refuse_wide(archive: Archive) -> None:
    """Refuse a sheet whose far corner would make the reader lay out billions of empty cells."""
    for member in archive.ending(".xml"):
        if not member.casefold().startswith("xl/worksheets/"):
            continue
        content = archive.read(member)
        letters = set(re.findall(rb"""\sr=["']([A-Z]{1,3})""", content))
        rows = re.findall(rb"""\sr=["'][A-Z]{0,3}(\d{4,})["']""", content)
        width = max(map(_column_number, letters), default=1)
        height = max(map(int, rows), default=1000)
        if width * height > _MAX_CELLS:
            raise UnsafeFileError(
                f"{archive.path.name}: {member} spans {height} rows by {width} columns. Delete the "
                "stray cells at its far end and save it again."
            )


def _lost_cells(archive: Archive) -> list[str]:
    """Say how many cells of the workbook hold a formula's error, or no result at all."""
    unsaved = errors = 0
    for member in archive.ending(".xml"):
        if member.casefold().startswith("xl/worksheets/"):
            content = archive.read(member)
            unsaved += sum(1 for _ in _NO_RESULT.finditer(content))
            errors += sum(1 for _ in _ERROR_CELL.finditer(content))
    notes = []
    if unsaved:
        notes.append(
            f"{unsaved} cells hold formulas whose results are not stored; they count as empty: "
            "open the workbook in a spreadsheet and save it"
        )
    if errors:
        notes.append(f"{errors} cells hold errors such as #DIV/0!; they count as empty")
    return notes


def _column_number(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - ord("A") + 1
    return number


def _sheet(archive: Archive, wanted: str | int | None) -> tuple[_Sheet, list[str]]:
    import python_calamine as calamine

    name = archive.path.name
    try:
        book = calamine.CalamineWorkbook.from_filelike(archive.repacked())
        visible = [
            meta.name
            for meta in book.sheets_metadata
            if meta.visible == calamine.SheetVisibleEnum.Visible
            and meta.typ == calamine.SheetTypeEnum.WorkSheet
        ]
        chosen, notes = _choose(book, visible, wanted, name)
        sheet = book.get_sheet_by_name(chosen)
        cells = sheet.to_python(skip_empty_area=False)
        return _Sheet(chosen, cells, list(sheet.merged_cell_ranges or [])), notes
    except (calamine.CalamineError, OSError, ValueError, TypeError, OverflowError) as error:
        if isinstance(error, ReadError):
            raise
        raise ReadError(f"{name}: the workbook is damaged or protected ({error})") from error


def _choose(
    book: Any, visible: Sequence[str], wanted: str | int | None, name: str
) -> tuple[str, list[str]]:
    every = list(book.sheet_names)
    if isinstance(wanted, int) and 0 <= wanted < len(every):
        return every[wanted], []
    if wanted is not None:
        if wanted in every:
            return str(wanted), []
        raise ReadError(f"{name}: there is no sheet {wanted!r}; there are: {', '.join(every)}")
    filled = [sheet for sheet in visible if book.get_sheet_by_name(sheet).height > 0]
    if len(filled) != 1:
        listed = ", ".join(filled) or "none"
        raise ReadError(
            f"{name}: found {len(filled)} sheets with data: {listed}. Say which with sheet=."
        )
    others = [sheet for sheet in every if sheet != filled[0]]
    hidden = [sheet for sheet in others if sheet not in visible]
    notes = [f"sheet {filled[0]}"]
    return filled[0], notes + ([f"hidden sheets not read: {', '.join(hidden)}"] if hidden else [])


def _full(value: object) -> bool:
    return value is not None and value != ""


def _header_rows(sheet: _Sheet, name: str) -> tuple[int, int]:
    """Return the first and last row of the header: below titles, with what is merged into it."""
    width = max((len(row) for row in sheet.cells), default=0)
    least = 2 if width > 1 else 1
    for top, row in enumerate(sheet.cells):
        if sum(map(_full, row)) < least:
            continue
        starting = [(start, end) for start, end in sheet.merged if start[0] == top]
        bottom = max([end[0] for _, end in starting], default=top)
        if any(end[1] > start[1] for start, end in starting):
            bottom = max(bottom, top + 1)
        return top, min(bottom, len(sheet.cells) - 1)
    if any(_full(value) for row in sheet.cells for value in row):
        top = next(i for i, row in enumerate(sheet.cells) if any(map(_full, row)))
        return top, top
    raise ReadError(f"{name}: the sheet {sheet.name} is empty")


def _names(sheet: _Sheet, top: int, bottom: int) -> list[str]:
    """Return the name of each column: the lowest filled cell of the header's rows."""
    names = []
    for column in range(len(sheet.cells[top])):
        found = [row[column] for row in sheet.cells[top : bottom + 1] if _full(row[column])]
        names.append((text_of(found[-1]) or "").strip() if found else "")
    return names


def _remarks(sheet: _Sheet, top: int, bottom: int) -> list[str]:
    notes = []
    titles = [row for row in sheet.cells[:top] if any(map(_full, row))]
    if titles:
        notes.append(f"skipped {len(titles)} title rows above the header in row {top + 1}")
    if bottom > top:
        notes.append(f"the header spans rows {top + 1} to {bottom + 1} with merged cells")
    inside = sum(start[0] > bottom for start, _ in sheet.merged)
    if inside:
        notes.append(f"{inside} merged areas among the rows: only their first cell has a value")
    return notes


def _column(values: list[Any]) -> pd.Series:
    """Return one column of cells as a series of one type."""
    cells = [None if not _full(value) else value for value in values]
    cells = [_whole(value) for value in cells]
    kinds = {type(value) for value in cells if value is not None}
    if kinds <= {int, float} and float in kinds:
        cells = [None if value is None else float(value) for value in cells]
    elif str in kinds and kinds & {int, float}:
        cells = _as_written(cells)
    return typed(cells)


def _whole(value: Any) -> Any:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value


def _as_written(cells: list[Any]) -> list[Any]:
    """Write the typed numbers of a mixed column with the decimal sign of its text cells."""
    starts = [_LEADING.match(cell) for cell in cells if isinstance(cell, str)]
    texts = pd.Series([found[1] for found in starts if found], dtype="str")
    fmt = sniff_numbers(texts) if len(texts) else None
    if fmt is None or fmt.decimal == ".":
        return cells
    return [
        (text_of(cell) or "").replace(".", ",") if isinstance(cell, float) else cell
        for cell in cells
    ]


def _has_inexact(frame: pd.DataFrame) -> bool:
    numbers = frame.select_dtypes("number")
    return bool((numbers.abs() > _EXACT_FLOAT).any(axis=None))
