"""Title lines that reports put above the header of a delimited table."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

_CANDIDATES = (";", ",", "\t", "|")
_LINES = 40
_MOST_TITLES = 15
_NUMBER = re.compile(r"[-+]?[\d.,'\s]*\d[\d.,'\s]*%?")


@dataclass(frozen=True, slots=True)
class _Line:
    start: int
    cells: list[str]

    @property
    def n_filled(self) -> int:
        return sum(bool(cell.strip()) for cell in self.cells)


def skip_titles(
    data: bytes, start: int, given: Sequence[str | None] = (None,)
) -> tuple[int, int, str | None]:
    r"""Find where the header begins, below titles.

    A title line fills one cell of a table of three columns or more, or is cut into another
    number of cells and fills less than half of the table's. The header is the first line as
    wide as the table whose cells are mostly filled and mostly no numbers. Where the first
    line may be the header itself, nothing is skipped.

    Parameters
    ----------
    data : bytes
        UTF-8 text.
    start : int
        Where the first line that is not blank begins.
    given : sequence of str or None
        The delimiter, where it is known.

    Returns
    -------
    start : int
        Where the header begins.
    n_titles : int
        Number of lines skipped.
    delimiter : str or None
        The one by which titles were told from the table; None where nothing was skipped.

    Examples
    --------
    >>> skip_titles(b"Report 2024\nDate;Drug;kg\n3/1/24;coca;5\n", 0)
    (12, 1, ';')
    """
    best: tuple[float, int, int, int, str] | None = None
    widest_whole = 0
    for delimiter in [known for known in given if known] or _CANDIDATES:
        lines = _lines(data, start, delimiter)
        found = _header_line(lines)
        if found is None:
            continue
        width = len(lines[found].cells)
        if found == 0:
            widest_whole = max(widest_whole, width)
        rest = lines[found:]
        even = sum(len(line.cells) == width for line in rest) / len(rest)
        candidate = (even, width, lines[found].start, found, delimiter)
        if best is None or candidate[:2] > best[:2]:
            best = candidate
    # Where another delimiter cuts the first line as wide as its table, it is a header: decimal
    # commas must not turn the header of a table of semicolons into a title.
    if best is None or best[3] == 0 or widest_whole >= best[1]:
        return start, 0, None
    return best[2], best[3], best[4]


def _lines(data: bytes, start: int, delimiter: str) -> list[_Line]:
    """Cut the first lines; a line with an open quotation mark ends the look."""
    lines: list[_Line] = []
    at = start
    for raw in data[start : start + (1 << 16)].splitlines(keepends=True)[: _LINES + 1]:
        if raw.count(b'"') % 2:
            break
        text = raw.decode("utf-8", "ignore").rstrip("\r\n")
        if text:
            rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))
            lines.append(_Line(at, rows[0] if rows else []))
        at += len(raw)
    return lines


def _header_line(lines: list[_Line]) -> int | None:
    """Return which line is the header, or None where this cut makes no table."""
    widths = Counter(len(line.cells) for line in lines if line.n_filled > 1)
    if not widths:
        return None
    width = max(widths, key=lambda n: (widths[n], n))
    if width < 2 or widths[width] < 2:
        return None
    for position, line in enumerate(lines[:_MOST_TITLES]):
        if not _is_title(line, width):
            return position if position == 0 or _names(line, width) else None
    return None


def _is_title(line: _Line, width: int) -> bool:
    if len(line.cells) == width:
        return width >= 3 and line.n_filled <= 1
    return line.n_filled <= 1 or line.n_filled < width / 2


def _names(line: _Line, width: int) -> bool:
    """Say whether a line can be a header: full width, each cell its own name, few numbers."""
    filled = [cell.strip() for cell in line.cells if cell.strip()]
    numbers = sum(_NUMBER.fullmatch(cell) is not None for cell in filled)
    distinct = len({cell.casefold() for cell in filled}) == len(filled)
    return (
        len(line.cells) == width
        and len(filled) > width / 2
        and distinct
        and not _NUMBER.fullmatch(filled[0])
        and (numbers < len(filled) / 2 or width > 4)
    )
