"""What files can hold of a frame: plain columns, metadata as stable JSON, and a safe target."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import geopandas as gpd
import pandas as pd
from pandas.api import types

from geocn._typing import StrPath
from geocn.errors import CRSError, SchemaError, WriteError
from geocn.io.atomic import atomic_file
from geocn.provenance import plain

F = TypeVar("F", bound=pd.DataFrame)

#: Stands for characters that a file cannot hold (NUL, lone surrogates).
_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


@contextmanager
def replacing(path: StrPath, *, drivers: tuple[type[Exception], ...] = ()) -> Iterator[Path]:
    """Yield a temporary file that replaces ``path`` when the block ends well.

    Parameters
    ----------
    path : path-like
        The file to write; its folder must exist.
    drivers : tuple of exception types
        What the format's driver raises; they become :class:`~geocn.errors.WriteError`.

    Raises
    ------
    WriteError
        Where the folder is absent or the driver cannot write; the previous version of
        ``path`` is still whole.
    """
    target = Path(path)
    if not target.parent.is_dir():
        message = f"{target}: the folder {target.parent} does not exist. Make it first."
        raise WriteError(message)
    try:
        with atomic_file(target) as temporary:
            yield temporary
    except WriteError:
        raise
    except Exception as error:
        if not isinstance(error, (OSError, *drivers)):
            raise
        message = (
            f"{target}: cannot be written ({error}). What stood there before is unchanged; "
            "check free space and permissions, then write again."
        )
        raise WriteError(message) from error


def finite(value: Any) -> Any:
    """Reduce ``value`` to valid JSON: as :func:`geocn.provenance.plain`, NaN and infinity null."""
    reduced = plain(value)
    if isinstance(reduced, float) and not math.isfinite(reduced):
        return None
    if isinstance(reduced, dict):
        return {key: finite(item) for key, item in reduced.items()}
    if isinstance(reduced, list):
        return [finite(item) for item in reduced]
    return reduced


def metadata_text(attrs: Mapping[Any, Any]) -> str:
    """Return ``attrs`` as one line of JSON with sorted keys."""
    return json.dumps(finite(dict(attrs)), sort_keys=True, ensure_ascii=False, allow_nan=False)


def clean_text(value: Any) -> Any:
    """Return text without what files cut off at (NUL) or refuse (lone surrogates)."""
    if not isinstance(value, str):
        return value
    if "\0" in value:
        value = value.replace("\0", _REPLACEMENT)
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        value = "".join(_REPLACEMENT if "\ud800" <= c <= "\udfff" else c for c in value)
    return value


def storable(frame: F, *, layer: str) -> F:
    """Return ``frame`` with columns that every format holds, its index kept where it means much.

    Categories, periods, durations and mixed objects become text; lists and mappings
    become JSON. A named or textual index becomes the first column.

    Raises
    ------
    SchemaError
        Where a column name stands twice.
    CRSError
        Where a GeoDataFrame has no coordinate reference system.
    """
    spatial = isinstance(frame, gpd.GeoDataFrame) and frame.active_geometry_name is not None
    if spatial and frame.crs is None:
        raise CRSError(
            layer,
            found="no coordinate reference system",
            expected="one, so that the file says where it lies",
            repair="Declare it with frame.set_crs(…).",
        )
    result = _with_index(frame)
    if result.columns.has_duplicates:
        doubled = sorted(set(result.columns[result.columns.duplicated()].astype(str)))
        raise SchemaError(
            layer,
            found=f"columns that stand twice: {', '.join(doubled)}",
            expected="one column a name",
            repair="Rename or drop one of each.",
        )
    result.attrs = {}  # pandas would copy them with every column
    result = result.assign(**{name: _storable_column(result[name]) for name in result.columns})
    result.attrs = finite(dict(frame.attrs))
    return result


def renamed_columns(
    columns: Sequence[str], *, reserved: frozenset[str] = frozenset()
) -> dict[str, str]:
    """Return new names for columns that are reserved or differ from another by case only."""
    taken: set[str] = set(reserved)
    renamed: dict[str, str] = {}
    for column in columns:
        free = column
        while free.casefold() in taken:
            free += "_"
        taken.add(free.casefold())
        if free != column:
            renamed[column] = free
    return renamed


def _with_index(frame: F) -> F:
    index = frame.index
    named = any(name is not None for name in index.names)
    if named or index.nlevels > 1 or not types.is_integer_dtype(index.dtype):
        return frame.reset_index()
    return frame.reset_index(drop=True)


def _storable_column(column: pd.Series) -> pd.Series:
    if str(column.dtype) == "geometry":
        return column
    if isinstance(column.dtype, (pd.CategoricalDtype, pd.PeriodDtype)):
        return _as_text(column.astype(object))
    if types.is_timedelta64_dtype(column.dtype):
        return _as_text(column.map(lambda value: value.isoformat(), na_action="ignore"))
    if types.is_object_dtype(column.dtype) or types.is_string_dtype(column.dtype):
        return _as_text(column)
    if column.dtype in ("float16", "complex64", "complex128"):
        return column.astype("float32") if column.dtype == "float16" else _as_text(column)
    return column


def _as_text(column: pd.Series) -> pd.Series:
    if str(column.dtype) == "str" and column.array.dtype.storage == "pyarrow":
        # Arrow holds valid UTF-8 only, so that NUL is all there can be to replace.
        if not column.str.contains("\0", regex=False).any():
            return column
        return column.str.replace("\0", _REPLACEMENT, regex=False)
    text = [_cell_text(value) for value in column]
    return pd.Series(text, index=column.index, dtype="str", name=column.name)


def _cell_text(value: Any) -> str | None:
    if isinstance(value, str):
        return str(clean_text(value))
    if value is None or (types.is_scalar(value) and pd.isna(value)):
        return None
    if isinstance(value, (list, tuple, dict, set, frozenset)):
        reduced = finite(value)
        return json.dumps(reduced, sort_keys=True, ensure_ascii=False, allow_nan=False)
    return str(clean_text(str(value)))
