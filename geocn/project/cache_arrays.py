"""Columns of frames as plain arrays and back: the same values, dtype and missing cells."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
import shapely

from geocn.errors import GeocnError

Node = dict[str, Any]
Put = Callable[[Any], Any]
Take = Callable[[Any], Any]

_NUMPY_KINDS = "biufcMmSU"
_LINEAR_RING = 2


class UnstorableError(GeocnError, TypeError):
    """A result holds something that the cache has no form for; it is computed each time."""


def array_node(values: Any, put: Put) -> Node:
    """Take an array of pandas, geopandas or numpy apart into nodes that ``put`` stores.

    Raises
    ------
    UnstorableError
        Where its kind has no form here.
    """
    dtype = values.dtype
    if isinstance(values, gpd.array.GeometryArray):
        return _geometries(values, put)
    if isinstance(dtype, np.dtype):
        if dtype.kind in _NUMPY_KINDS:
            return {"k": "numpy", "v": put(np.ascontiguousarray(values))}
        return {"k": "object", "v": [put(one) for one in np.asarray(values, dtype=object)]}
    if isinstance(dtype, pd.StringDtype):
        return _texts(values, put)
    if isinstance(dtype, pd.DatetimeTZDtype):
        return {"k": "tz", "dtype": str(dtype), "v": put(np.asarray(values.asi8))}
    if isinstance(dtype, pd.CategoricalDtype):
        codes = np.asarray(values.codes)
        return {"k": "category", "c": put(values.categories), "o": values.ordered, "v": put(codes)}
    if isinstance(dtype, pd.PeriodDtype):
        return {"k": "period", "dtype": str(dtype), "v": put(np.asarray(values.asi8))}
    if isinstance(dtype, pd.IntervalDtype):
        return {"k": "interval", "l": put(values.left), "r": put(values.right), "c": values.closed}
    return _masked(values, put)


def array_of(node: Node, take: Take) -> Any:
    """Put together what :func:`array_node` took apart."""
    return _BUILDERS[node["k"]](node, take)


def _masked(values: Any, put: Put) -> Node:
    inner = getattr(values.dtype, "numpy_dtype", None)
    if not isinstance(values, pd.api.extensions.ExtensionArray) or not isinstance(inner, np.dtype):
        raise UnstorableError(f"a column of {values.dtype}")
    mask = np.asarray(values.isna(), dtype=bool)
    # What stands under a missing cell is arbitrary, and must not tell two equal columns apart.
    filled = values.to_numpy(dtype=inner, na_value=inner.type(0))
    return {"k": "masked", "dtype": str(values.dtype), "v": put(filled), "m": put(mask)}


def _from_masked(node: Node, take: Take) -> Any:
    values, mask = take(node["v"]), take(node["m"])
    dtype: Any = node["dtype"]
    restored: Any = pd.array(values, dtype=dtype)
    restored[mask] = pd.NA
    return restored


def _texts(values: Any, put: Put) -> Node:
    mask = np.asarray(values.isna(), dtype=bool)
    column = pa.array(values, from_pandas=True).cast(pa.large_string())
    column = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    column = column.fill_null("")
    _, offsets, data = column.buffers()
    starts = np.frombuffer(offsets, np.int64)[column.offset : column.offset + len(column) + 1]
    starts = starts if len(starts) else np.zeros(1, np.int64)
    held = np.frombuffer(data or b"", np.uint8)[starts[0] : starts[-1]]
    return {
        "k": "text",
        "storage": values.dtype.storage,
        "nan": values.dtype.na_value is not pd.NA,
        "s": put(starts - starts[0]),
        "v": put(held),
        "m": put(mask),
    }


def _from_texts(node: Node, take: Take) -> Any:
    starts, held, mask = take(node["s"]), take(node["v"]), take(node["m"])
    valid = pa.py_buffer(np.packbits(~mask, bitorder="little").tobytes())
    buffers = [valid, pa.py_buffer(starts.tobytes()), pa.py_buffer(held.tobytes())]
    column = pa.Array.from_buffers(pa.large_string(), len(mask), buffers, int(mask.sum()))
    dtype: Any = pd.StringDtype(node["storage"], na_value=np.nan if node["nan"] else pd.NA)
    return dtype.__from_arrow__(column)


def _geometries(values: Any, put: Put) -> Node:
    shapes = np.asarray(values, dtype=object)
    if (shapely.get_type_id(shapes) == _LINEAR_RING).any():
        raise UnstorableError("a linear ring, which WKB has no form for")
    mask = shapely.is_missing(shapes)
    parts = [b"" if one is None else one for one in shapely.to_wkb(shapes)]
    starts = np.zeros(len(parts) + 1, np.int64)
    np.cumsum([len(one) for one in parts], out=starts[1:])
    held = np.frombuffer(b"".join(parts), np.uint8)
    crs = None if values.crs is None else values.crs.srs
    return {"k": "shape", "crs": crs, "s": put(starts), "v": put(held), "m": put(mask)}


def _from_geometries(node: Node, take: Take) -> Any:
    starts, held, mask = take(node["s"]), take(node["v"]).tobytes(), take(node["m"])
    parts = np.empty(len(mask), dtype=object)
    parts[:] = [
        None if gone else held[start:end]
        for gone, start, end in zip(mask, starts[:-1], starts[1:], strict=True)
    ]
    return gpd.array.GeometryArray(shapely.from_wkb(parts), crs=node["crs"])


def _from_tz(node: Node, take: Take) -> Any:
    dtype: Any = pd.api.types.pandas_dtype(node["dtype"])
    stamps = pd.DatetimeIndex(take(node["v"]).view(f"M8[{dtype.unit}]"))
    return stamps.tz_localize("UTC").tz_convert(dtype.tz).array


def _from_category(node: Node, take: Take) -> Any:
    dtype = pd.CategoricalDtype(take(node["c"]), ordered=node["o"])
    return pd.Categorical.from_codes(take(node["v"]), dtype=dtype)


def _from_period(node: Node, take: Take) -> Any:
    dtype: Any = pd.api.types.pandas_dtype(node["dtype"])
    return pd.arrays.PeriodArray(take(node["v"]), dtype=dtype)


def _from_objects(node: Node, take: Take) -> Any:
    values = np.empty(len(node["v"]), dtype=object)
    for place, one in enumerate(node["v"]):
        values[place] = take(one)
    return values


_BUILDERS: dict[str, Callable[[Node, Take], Any]] = {
    "numpy": lambda node, take: take(node["v"]),
    "object": _from_objects,
    "text": _from_texts,
    "tz": _from_tz,
    "category": _from_category,
    "period": _from_period,
    "interval": lambda node, take: pd.arrays.IntervalArray.from_arrays(
        take(node["l"]), take(node["r"]), closed=node["c"]
    ),
    "masked": _from_masked,
    "shape": _from_geometries,
}
