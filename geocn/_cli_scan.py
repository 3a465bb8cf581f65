"""Behind ``geocn scan``: looking for withheld rows in a file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from geocn._cli_print import line, table
from geocn.errors import ReadError
from geocn.io.table import read_table
from geocn.sharing import scan, watch_list

CLEAN, LEAK, NOT_SCANNED = 0, 1, 2
_SHOWN = 50


def scan_and_print(
    file: Path, withheld: Sequence[Path], released: Sequence[Path], *, tolerance_m: float
) -> int:
    """Print where withheld values stand in a file, never the values; return the exit code."""
    watch = watch_list(
        _frames(withheld), released=list(_frames(released).values()), tolerance_m=tolerance_m
    )
    if not watch.n_values:
        raise ReadError(f"{withheld[0]}: holds nothing that can be looked for.")
    report = scan(file, watch)
    columns = ["file", "path", "kind", "layer", "column", "row", "count"]
    rows = report.to_frame().head(_SHOWN).itertuples(index=False, name=None)
    table("Withheld data found", columns, rows)
    table("Could not be scanned", ("part", "why"), report.not_scanned[:_SHOWN])
    line("files", report.n_files)
    line("parts decoded", report.n_decoded)
    line("withheld values looked for", report.n_values)
    line("too short to look for", report.n_too_short)
    line("hits", report.n_hits)
    line("clean" if report.clean else "not clean")
    if report.n_hits:
        return LEAK
    return NOT_SCANNED if report.not_scanned else CLEAN


def _frames(paths: Sequence[Path]) -> dict[str, pd.DataFrame]:
    """Return the rows of files, and of every file in folders, by name."""
    files = [
        one
        for path in paths
        for one in (sorted(path.iterdir()) if path.is_dir() else [path])
        if not one.is_dir()
    ]
    frames: dict[str, pd.DataFrame] = {}
    for one in files:
        for name in _layers(one):
            label = one.name if name is None else f"{one.name}: {name}"
            raw = read_table(one, layer=name)
            frames[label] = raw.frame
    return frames


def _layers(path: Path) -> list[str | None]:
    """Return the layers of a file that may have several, else None for its only one."""
    if path.suffix.casefold() != ".gpkg":
        return [None]
    import pyogrio

    return [str(name) for name, _ in pyogrio.list_layers(path)]
