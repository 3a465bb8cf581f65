"""Arrow tables to frames without losing digits: nullable integers stay integers."""

from __future__ import annotations

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from geocn.io.records import check_columns, typed


def frame_of(table: pa.Table, name: str) -> tuple[pd.DataFrame, list[str]]:
    """Turn an Arrow table into a frame, with notes on columns that could not be kept.

    Integers become Int64 (unsigned 64-bit ones text where they do not fit), decimals text
    with all digits, nested values compact JSON, instants datetime64 in microseconds; binary
    columns are left out and named.

    Raises
    ------
    pyarrow.ArrowInvalid
        Where the data is damaged, such as text that is not UTF-8.
    SchemaError
        Where two columns have one name.
    """
    check_columns(table.column_names, name)
    table.validate(full=True)
    columns: dict[str, pd.Series] = {}
    notes: list[str] = []
    for label, column in zip(table.column_names, table.columns, strict=True):
        series = _series(column)
        if series is None:
            notes.append(f"column {label} holds bytes and was left out")
        else:
            columns[label] = series
    return pd.DataFrame(columns, index=pd.RangeIndex(table.num_rows)), notes


def _series(column: pa.ChunkedArray) -> pd.Series | None:
    if isinstance(column.type, pa.BaseExtensionType):
        column = pc.cast(column, column.type.storage_type)
    if pa.types.is_dictionary(column.type):
        column = pc.cast(column, column.type.value_type)
    kind = column.type
    if _is_bytes(kind):
        return None
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return pd.Series(column.cast(pa.large_string()).to_pandas(), dtype="str")
    if pa.types.is_integer(kind) and kind != pa.uint64():
        return (
            pd.Series(column.to_pandas(types_mapper={pa.int64(): pd.Int64Dtype()}.get))
            if (kind == pa.int64())
            else _series(column.cast(pa.int64()))
        )
    if pa.types.is_floating(kind):
        return pd.Series(column.cast(pa.float64()).to_pandas(), dtype="float64")
    if pa.types.is_boolean(kind):
        return pd.Series(column.to_pylist(), dtype="boolean")
    if pa.types.is_timestamp(kind):
        return _instants(column)
    if pa.types.is_date(kind):
        return pd.Series(column.cast(pa.timestamp("us")).to_pandas())
    return _other(column)


def _is_bytes(kind: pa.DataType) -> bool:
    return bool(
        pa.types.is_binary(kind)
        or pa.types.is_large_binary(kind)
        or pa.types.is_binary_view(kind)
        or pa.types.is_fixed_size_binary(kind)
    )


def _instants(column: pa.ChunkedArray) -> pd.Series:
    zone = "UTC" if column.type.tz else None
    return pd.Series(column.cast(pa.timestamp("us", tz=zone), safe=False).to_pandas())


def _other(column: pa.ChunkedArray) -> pd.Series:
    """Return decimals, unsigned 64-bit integers, times and nested values."""
    return typed([None if value is None else _plain(value) for value in column.to_pylist()])


def _plain(value: object) -> object:
    return value if isinstance(value, (int, float, str, bool, list, dict)) else str(value)
