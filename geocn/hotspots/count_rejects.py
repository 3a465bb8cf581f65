"""Rows of a large table that cannot be used, read back and written with their reasons."""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeAlias

import numpy as np
import pyproj

from geocn._typing import StrPath
from geocn.io.atomic import atomic_file
from geocn.io.parts import Part, raw_records
from geocn.io.parts_points import RAGGED, REASONS, PointColumns
from geocn.layers.rejects import defuse

FindBad: TypeAlias = Callable[[Part], tuple[dict[int, str], int]]
_BEFORE = ("geocn_file", "geocn_row", "geocn_reason")


def write_rejects(target: StrPath, parts: Sequence[Part], find: FindBad) -> int:
    """Write all rows that cannot be used to a CSV; returns their number.

    The files are read once more, so that the rows need not be held in memory.

    Parameters
    ----------
    target : path
        The CSV, written whole or not at all: file, number of the row (from 0, over all
        files), reason, and the cells as they stand there.
    parts : sequence of Part
    find : callable
        Finds the reason of every row of a part that cannot be used, by its number, and the
        number of all rows.
    """
    before, n = 0, 0
    header = parts[0].columns if parts else ()
    with atomic_file(target) as path, path.open("w", encoding="utf-8", newline="") as stream:
        out = csv.writer(stream)
        out.writerow([*_BEFORE, *map(defuse, header)])
        for part in parts:
            found, n_records = find(part)
            for row, cells in raw_records(part, sorted(found)) if found else ():
                told = (Path(part.path).name, before + row, found[row])
                out.writerow([*map(defuse, told), *map(defuse, _ordered(part, cells, header))])
            before += n_records
            n += len(found)
    return n


def bad_points(part: Part, *, columns: PointColumns, crs: pyproj.CRS) -> tuple[dict[int, str], int]:
    """Find the points of a part that cannot be used; ``crs`` where they do not tell theirs."""
    found: dict[int, str] = {}
    n_records = 0
    for batch in columns.read(part, crs):
        n_records += batch.n_records
        at = np.flatnonzero(~batch.good)
        told = [REASONS[code] for code in batch.bad[at].tolist()]
        found |= dict(zip(batch.rows[at].tolist(), told, strict=True))
        found |= dict.fromkeys(batch.ragged.tolist(), REASONS[RAGGED])
    return found, n_records


def _ordered(part: Part, cells: list[str], header: Sequence[str]) -> list[str]:
    """Cells in the order of the first file; as they are where they are too many or too few."""
    if part.columns == tuple(header) or len(cells) != len(part.columns):
        return cells
    told = dict(zip(part.columns, cells, strict=True))
    return [told.get(name, "") for name in header]
