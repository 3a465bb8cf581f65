"""Points in chunks: taken from what is in memory, and what cannot be used of them."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from functools import partial
from os import PathLike
from typing import Any, TypeAlias

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
import pyproj

from geocn._typing import FloatArray, StrPath
from geocn.errors import AssumptionWarning, ParameterError, RejectedRowsWarning, SchemaError
from geocn.hotspots.count_rejects import bad_points, write_rejects
from geocn.hotspots.count_tally import rejection, rejection_error
from geocn.io.checkpoints import State
from geocn.io.parts import Part, Records
from geocn.io.parts_points import PointBatch, PointColumns, need_columns, shape_xy
from geocn.spatial.crs import require_crs

Chunk: TypeAlias = gpd.GeoDataFrame | pd.DataFrame | pa.Table | pa.RecordBatch | FloatArray
# As many rows fit a processor's cache together with what is computed of them.
_ROWS = 131_072


def check_source(
    points: Any, on_invalid: str, places: dict[str, Any], *, layer: str = "points"
) -> None:
    """Refuse options that need a file where a layer stands in memory.

    Raises
    ------
    ParameterError
    """
    if on_invalid not in ("warn", "raise"):
        raise ParameterError(f"on_invalid is {on_invalid!r}; choose 'warn' or 'raise'")
    needless = [name for name, value in places.items() if value is not None]
    if needless and not isinstance(points, (str, PathLike)):
        raise ParameterError(
            f"{', '.join(needless)} need {layer} by the path of a file or folder: workers read "
            "their parts themselves, and data is never sent to them"
        )


def point_batches(points: Any, columns: PointColumns, crs: pyproj.CRS) -> Iterator[PointBatch]:
    """Yield the points of chunks in memory, few at a time; ``crs`` is as of ``columns.read``."""
    whole = isinstance(points, (pd.DataFrame, pa.Table, pa.RecordBatch, np.ndarray))
    for chunk in [points] if whole else points:
        if isinstance(chunk, pa.Table):
            yield from (_of_arrow(batch, columns, crs) for batch in chunk.to_batches(_ROWS))
        elif isinstance(chunk, pa.RecordBatch):
            yield _of_arrow(chunk, columns, crs)
        else:
            for start in range(0, len(chunk), _ROWS):
                yield _of_memory(chunk[start : start + _ROWS], columns, crs)


def _of_arrow(batch: pa.RecordBatch, columns: PointColumns, crs: pyproj.CRS) -> PointBatch:
    names = batch.schema.names
    geometry = "geometry" if columns.lon not in names and "geometry" in names else None
    records = Records(batch, np.arange(batch.num_rows), batch.num_rows)
    return columns.batch(records, crs, geometry)


def _of_memory(chunk: Any, columns: PointColumns, given: pyproj.CRS) -> PointBatch:
    more = [name for name in (columns.weight, columns.time) if name]
    if isinstance(chunk, gpd.GeoDataFrame):
        x, y = shape_xy(chunk.geometry.to_numpy())
        crs = require_crs(chunk, "points")
    elif isinstance(chunk, pd.DataFrame):
        need_columns(list(chunk.columns), columns.lon, columns.lat)
        names = (columns.lon, columns.lat)
        x, y = (chunk[c].to_numpy(dtype=float, na_value=np.nan) for c in names)
        crs = given
    else:
        array = np.asarray(chunk, dtype=float)
        if array.ndim != 2 or array.shape[1] != 2 or more:
            raise SchemaError(
                "points",
                found=f"an array of shape {array.shape}" + (f", without {more}" if more else ""),
                expected="(n, 2) coordinates; a table for weights and times",
            )
        chunk, x, y, crs = pd.DataFrame(), array[:, 0], array[:, 1], given
    need_columns(list(chunk.columns), *more)
    numbers = [n for n in dict.fromkeys([columns.weight, *columns.also]) if n and n in chunk]
    values = {n: chunk[n].to_numpy(dtype=float, na_value=np.nan) for n in numbers}
    time = None
    if columns.time:
        utc = pd.to_datetime(chunk[columns.time], utc=True).dt.tz_localize(None)
        time = utc.to_numpy().astype("datetime64[us]")
    batch = PointBatch(x, y, crs, np.arange(len(x)), len(x), values, time)
    batch.check(columns.weight)
    return batch


def tell_assumptions(parts: list[Part], weight: str | None) -> None:
    """Warn where the weights of a CSV can be read two ways."""
    for part in {part.path: part for part in parts}.values():
        fmt = dict(part.form.formats).get(weight or "") if part.form else None
        if fmt is not None and (fmt.ambiguous or fmt.mixed):
            warnings.warn(
                f"{part.path}: {weight} was read with {fmt.decimal!r} as the decimal sign "
                f"({fmt.evidence})",
                AssumptionWarning,
                stacklevel=3,
            )


def report(
    state: State,
    parts: list[Part],
    columns: PointColumns,
    crs: pyproj.CRS,
    *,
    on_invalid: str,
    rejects: StrPath | None,
) -> None:
    """Write rejected rows, then raise or warn of them."""
    if rejects is not None:
        write_rejects(rejects, parts, partial(bad_points, columns=columns, crs=crs))
    if not state["rejected"].any():
        return
    if on_invalid == "raise":
        raise rejection_error(state)
    warnings.warn(f"points: {rejection(state)[0]}", RejectedRowsWarning, stacklevel=3)
