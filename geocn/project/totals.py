"""Published totals that a project holds its partners' files against."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd

from geocn.errors import SchemaError
from geocn.io.numbers import parse_numbers
from geocn.io.table import read_table
from geocn.layers import compare_totals
from geocn.project.model import ControlTotals


def held_against(
    frame: gpd.GeoDataFrame, path: Path, control: ControlTotals
) -> tuple[list[dict[str, Any]], list[str]]:
    """Compare a layer with its published totals.

    Returns
    -------
    records : list of dict
        One a key, for the manifest.
    notes : list of str
        One line that names each total that does not agree; empty where all do.

    Raises
    ------
    SchemaError
        Where the file lacks a column, or the layer cannot be summed that way.
    """
    published = _published(path, control)
    table = compare_totals(
        frame, published, value=control.value, key=control.key, tolerance=control.tolerance
    )
    records = [
        {control.key: key, **{str(name): value for name, value in row.items()}}
        for key, row in table.to_dict("index").items()
    ]
    off = table[~table["agrees"]]
    if off.empty:
        return records, []
    told = "; ".join(
        f"{key}: {row.total:,.1f} against {row.published:,.1f} ({row.difference:+.2%})"
        for key, row in zip(off.index, off.itertuples(), strict=True)
    )
    note = (
        f"{len(off)} of {len(table)} totals of {control.value} by {control.key} do not agree with "
        f"{path.name}: {told}. They are kept as the file has them."
    )
    return records, [note]


def _published(path: Path, control: ControlTotals) -> pd.Series:
    raw = read_table(path)
    columns = {}
    for column in (control.key, control.published):
        if column not in raw.frame:
            raise SchemaError(
                path.name,
                found=f"columns {', '.join(map(str, raw.frame.columns))}",
                expected=column,
                repair="Name the columns under control_totals of the project file.",
            )
        values, bad = parse_numbers(raw.frame[column], raw.number_formats.get(column))
        if bad.any():
            raise SchemaError(
                path.name,
                rows=[f"row {raw.line_of(int(row))}" for row in bad.nonzero()[0]],
                found=f"a {column} that is no number",
                expected="numbers",
                repair="Correct these rows.",
            )
        columns[column] = values
    table = pd.DataFrame(columns).dropna()
    return table.set_index(table[control.key].astype("int64"))[control.published]
