"""Rows of a large table that cannot be used, read back and written with their reasons."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyproj

from geocn._typing import StrPath
from geocn.io.atomic import atomic_file
from geocn.io.parts import Part, raw_records
from geocn.io.parts_points import RAGGED, REASONS, PointColumns
from geocn.layers.rejects import defuse

_BEFORE = ("geocn_file", "geocn_row", "geocn_reason")


def write_rejects(
    target: StrPath, parts: Sequence[Part], columns: PointColumns, crs: pyproj.CRS
) -> int:
    """Write all rows that cannot be used to a CSV; returns their number.

    The files are read once more, so that the rows need not be held in memory.

    Parameters
    ----------
    target : path
        The CSV, written whole or not at all: file, number of the row (from 0, over all
        files), reason, and the cells as they stand there.
    parts : sequence of Part
    columns : PointColumns
        What of the rows was wanted.
    crs : pyproj.CRS
        Of coordinates that do not tell theirs.
    """
    before, n = 0, 0
    header = parts[0].columns if parts else ()
    with atomic_file(target) as path, path.open("w", encoding="utf-8", newline="") as stream:
        out = csv.writer(stream)
        out.writerow([*_BEFORE, *map(defuse, header)])
        for part in parts:
            found, n_records = _bad(part, columns, crs)
            for row, cells in raw_records(part, sorted(found)) if found else ():
                told = (Path(part.path).name, before + row, REASONS[found[row]])
                out.writerow([*map(defuse, told), *map(defuse, _ordered(part, cells, header))])
            before += n_records
            n += len(found)
    return n


def _bad(part: Part, columns: PointColumns, crs: pyproj.CRS) -> tuple[dict[int, int], int]:
    """Reason of every row that cannot be used, by its number, and the number of all rows."""
    found: dict[int, int] = {}
    n_records = 0
    for batch in columns.read(part, crs):
        n_records += batch.n_records
        at = np.flatnonzero(~batch.good)
        found |= dict(zip(batch.rows[at].tolist(), batch.bad[at].tolist(), strict=True))
        found |= dict.fromkeys(batch.ragged.tolist(), RAGGED)
    return found, n_records


def _ordered(part: Part, cells: list[str], header: Sequence[str]) -> list[str]:
    """Cells in the order of the first file; as they are where they are too many or too few."""
    if part.columns == tuple(header) or len(cells) != len(part.columns):
        return cells
    told = dict(zip(part.columns, cells, strict=True))
    return [told.get(name, "") for name in header]
