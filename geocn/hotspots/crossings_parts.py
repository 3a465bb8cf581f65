"""Crossings of routes in files larger than memory, a part at a time, here or on many machines."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from geocn._typing import AnyArray, StrPath
from geocn.errors import (
    CoordinateError,
    DateError,
    GeometryError,
    LayerError,
    ReadError,
    RejectedRowsError,
    RejectedRowsWarning,
    SchemaError,
)
from geocn.hotspots.count_rejects import write_rejects
from geocn.hotspots.count_tally import first_of_each, rejected_reasons, rejection
from geocn.hotspots.crossings_found import (
    CARRIED,
    TIMES,
    CrossingJob,
    Found,
    found_of,
    reversed_rows,
)
from geocn.hotspots.precision import PRECISION
from geocn.hotspots.route_lines import are_no_lines
from geocn.io.checkpoints import State, digest
from geocn.io.parts import Part
from geocn.io.parts_lines import (
    LineRecords,
    crs_of,
    find_line_parts,
    read_lines,
    room_bytes,
    schema_of,
)
from geocn.io.parts_points import instants
from geocn.io.tasks import reduce_parts
from geocn.spatial.crs import to_lonlat

REASONS = (
    "a geometry that cannot be read",
    "a geometry that is no line",
    "impossible coordinates",
    "a time that cannot be read",
    "last_seen before first_seen",
)
_UNREADABLE, _NO_LINE, _IMPOSSIBLE, _NO_TIME, _REVERSED = range(len(REASONS))
_KINDS: dict[int, type[LayerError]] = {
    _UNREADABLE: GeometryError,
    _NO_LINE: GeometryError,
    _IMPOSSIBLE: CoordinateError,
    _NO_TIME: DateError,
    _REVERSED: DateError,
}
_SUMMED = ("counts", "n_rows", "n_null", "rejected")
_ARROW_FAULTS = (pa.ArrowException, TypeError, ValueError, KeyError, AttributeError)


@dataclass(frozen=True)
class FileJob:
    """What every part of a file of routes needs.

    Attributes
    ----------
    crossings : CrossingJob
    schema : pyarrow.Schema
        ``route_id`` and what crossings inherit, as far as any file has it, with one type.
    room : int
        Bytes of lines that are worked on at once.
    """

    crossings: CrossingJob
    schema: pa.Schema
    room: int

    @classmethod
    def of(cls, parts: Sequence[Part], crossings: CrossingJob, room: int) -> FileJob:
        """Find one type for every column that crossings inherit.

        Raises
        ------
        SchemaError
            Where a column is of a type that it cannot have, or of two that do not fit.
        """
        found = [schema_of(part) for part in {part.path: part for part in parts}.values()]
        faults = [fault for schema in found for fault in _wrong_types(schema)]
        if faults:
            raise SchemaError(
                "routes",
                found="; ".join(dict.fromkeys(faults)),
                expected="instants or ISO dates, and numbers of metres",
            )
        names = ("route_id", *CARRIED)
        plain = [
            pa.schema([(n, _plain(s.field(n).type)) for n in names if n in s.names]) for s in found
        ]
        try:
            schema = pa.unify_schemas(plain, promote_options="permissive")
        except pa.ArrowException as error:
            raise SchemaError(
                "routes",
                found=f"files whose columns do not fit ({error})",
                expected="a column of one type in all files",
            ) from error
        return cls(crossings, schema.with_metadata(_pandas_metadata(found[0])), room)

    @property
    def key(self) -> str:
        """Hash of all that shapes the crossings of a part beside the part."""
        return digest(self.crossings.key, str(self.schema))

    def wanted(self, part: Part) -> list[str]:
        """Columns of a part beside its lines."""
        return [name for name in (*TIMES, *self.schema.names) if name in part.columns]


def of_file(
    path: StrPath,
    crossings: CrossingJob,
    *,
    memory_mb: float,
    on_invalid: str,
    rejects: StrPath | None,
    scheduler: Any,
    checkpoints: StrPath | None,
) -> Found:
    """Find the crossings of the routes in a file or folder."""
    kept = checkpoints is not None
    parts = find_line_parts(path, memory_mb=memory_mb, identities=kept)
    job = FileJob.of(parts, crossings, room_bytes(memory_mb))
    state = reduce_parts(
        parts,
        cross_part,
        merge,
        shared=job,
        key=job.key if kept else "",
        scheduler=scheduler,
        checkpoints=checkpoints,
    )
    if rejects is not None:
        write_rejects(rejects, parts, partial(_bad_routes, job=job))
    if state["rejected"].any():
        _tell(state, on_invalid)
    carried = _as_read(_unpacked(state["carried"]), state["n_null"])
    ids = carried["route_id"] if "route_id" in carried else pd.Series(state["route_row"])
    return found_of(
        state,
        ids.astype("str").to_numpy(),
        {name: carried[name].array for name in CARRIED if name in carried},
        rejected=rejected_reasons(state, REASONS),
    )


def cross_part(part: Part, job: FileJob) -> State:
    """Find the crossings of the routes of one part of a file."""
    pieces = read_lines(part, job.wanted(part), room=job.room)
    states = [_crossed(lines, part, job) for lines in pieces]
    return merge(states or [_crossed(_no_lines(job), part, job)])


def merge(states: Sequence[State]) -> State:
    """Put the crossings of neighbouring parts one after the other, their rows counted on."""
    n_rows = [int(state["n_rows"][0]) for state in states]
    before = np.cumsum([0, *n_rows[:-1]])
    moved = [
        {name: state[name] + n for name in ("route_row", "bad_rows")}
        for state, n in zip(states, before.tolist(), strict=True)
    ]
    bad = [one["bad_rows"] for one in moved], [state["bad_codes"] for state in states]
    bad_rows, bad_codes = first_of_each(*bad)
    bounds = np.array([state["bounds"] for state in states])
    tables = [_unpacked(state["carried"]) for state in states]
    special = {"route_row", "bad_rows", "bad_codes", "bounds", "carried", *_SUMMED}
    plain = [name for name in states[0] if name not in special]
    return {
        **{name: np.concatenate([state[name] for state in states]) for name in plain},
        **{name: np.sum([state[name] for state in states], axis=0) for name in _SUMMED},
        "route_row": np.concatenate([one["route_row"] for one in moved]),
        "bad_rows": bad_rows,
        "bad_codes": bad_codes,
        "bounds": np.append(
            np.fmin.reduce(bounds[:, :2], axis=0), np.fmax.reduce(bounds[:, 2:], axis=0)
        ),
        "carried": _packed(pa.concat_tables(tables)),
    }


def _crossed(lines: LineRecords, part: Part, job: FileJob) -> State:
    degrees, first, last, bad = _checked(lines, part, job)
    state = job.crossings.find(degrees, first, last)
    rows = np.flatnonzero(bad < 0)[state["route_row"]]
    records = _carried(lines.records, job.schema)
    wrong = np.flatnonzero(bad >= 0)
    bad_rows, bad_codes = first_of_each([wrong], [bad[wrong].astype(np.int64)])
    return {
        **state,
        "route_row": rows,
        "n_rows": np.array([len(bad)], dtype=np.int64),
        "n_null": np.array([column.null_count for column in records.columns], dtype=np.int64),
        "carried": _packed(records.take(pa.array(rows))),
        "rejected": np.bincount(bad[wrong], minlength=len(REASONS)),
        "bad_rows": bad_rows,
        "bad_codes": bad_codes,
    }


def _checked(
    lines: LineRecords, part: Part, job: FileJob
) -> tuple[gpd.GeoDataFrame, pd.Series, pd.Series, AnyArray]:
    """Routes that can be used, their times, and of every record -1 or why it cannot."""
    bad = np.where(lines.unreadable, _UNREADABLE, -1).astype(np.int8)
    frame = gpd.GeoDataFrame(geometry=gpd.GeoSeries(lines.shapes, crs=crs_of(part)))
    bad[are_no_lines(frame) & (bad < 0)] = _NO_LINE
    seen = []
    for name in TIMES:
        moments, wrong = _seen(lines.records, name)
        bad[wrong & (bad < 0)] = _NO_TIME
        seen.append(pd.Series(pd.DatetimeIndex(moments, tz="UTC")))
    if job.crossings.time_reversed == "refuse":
        bad[reversed_rows(*seen) & (bad < 0)] = _REVERSED
    degrees = _on_earth(frame, bad)
    first, last = (times[bad < 0].reset_index(drop=True) for times in seen)
    return degrees, first, last, bad


def _on_earth(frame: gpd.GeoDataFrame, bad: AnyArray) -> gpd.GeoDataFrame:
    """Bring the lines that can be used to degrees; marks those that lie nowhere on Earth."""
    while True:
        try:
            return to_lonlat(frame[bad < 0], "routes")
        except CoordinateError as error:
            bad[np.array(error.rows, dtype=np.int64)] = _IMPOSSIBLE


def _seen(records: pa.Table, name: str) -> tuple[AnyArray, AnyArray]:
    """Instants of a column, and where it holds none though it is not empty."""
    n = records.num_rows
    never = np.full(n, "NaT", dtype="datetime64[us]"), np.zeros(n, dtype=bool)
    if name not in records.column_names:
        return never
    column = records.column(name).combine_chunks()
    if _is_number(column.type):
        if pc.all(pc.is_null(column, nan_is_null=True), min_count=0).as_py():
            return never
        raise SchemaError("routes", found=f"numbers in {name}", expected="instants or ISO dates")
    moments, unread = instants(column)
    return moments, never[1] if unread is None else unread


def _no_lines(job: FileJob) -> LineRecords:
    none = np.empty(0, dtype=object)
    return LineRecords(none, np.zeros(0, dtype=bool), job.schema.empty_table(), 0)


def _bad_routes(part: Part, *, job: FileJob) -> tuple[dict[int, str], int]:
    """Reason of every route that cannot be used, by its number, and the number of all."""
    found: dict[int, str] = {}
    n = 0
    for lines in read_lines(part, job.wanted(part), room=job.room):
        *_, bad = _checked(lines, part, job)
        at = np.flatnonzero(bad >= 0)
        told = [REASONS[code] for code in bad[at].tolist()]
        found |= dict(zip((at + lines.first).tolist(), told, strict=True))
        n += len(bad)
    return found, n


def _tell(state: State, on_invalid: str) -> None:
    """Raise or warn of rows that cannot be used."""
    told, rows = rejection(state, REASONS)
    if on_invalid == "warn":
        warnings.warn(f"routes: {told}", RejectedRowsWarning, stacklevel=4)
        return
    kinds = {_KINDS[code] for code in np.flatnonzero(state["rejected"]).tolist()}
    kind = kinds.pop() if len(kinds) == 1 else RejectedRowsError
    error = kind(
        "routes",
        found=told,
        expected="lines on Earth, with instants in ISO 8601 in the order of travel",
        repair='Correct them; for times that run backward pass time_reversed="follow" or '
        '"as_drawn". To go on without these rows: on_invalid="warn", rejects="rejects.csv".',
    )
    error.rows = list(rows)
    raise error


def _wrong_types(schema: pa.Schema) -> Iterator[str]:
    for name in (*TIMES, PRECISION):
        if name not in schema.names:
            continue
        kind = _plain(schema.field(name).type)
        fits = _is_number(kind) or pa.types.is_null(kind)
        if name in TIMES:
            fits = fits or _is_text(kind) or pa.types.is_timestamp(kind) or pa.types.is_date(kind)
        if not fits:
            yield f"{name} of type {kind}"


def _is_number(kind: pa.DataType) -> bool:
    return bool(
        pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)
    )


def _is_text(kind: pa.DataType) -> bool:
    return bool(
        pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)
    )


def _plain(kind: pa.DataType) -> pa.DataType:
    """Type of values: of categories, and of what extensions store."""
    if isinstance(kind, pa.BaseExtensionType):
        kind = kind.storage_type
    return kind.value_type if pa.types.is_dictionary(kind) else kind


def _pandas_metadata(schema: pa.Schema) -> dict[bytes, bytes]:
    """Take what a file tells pandas of its columns, without its index and categories."""
    try:
        told = json.loads((schema.metadata or {}).get(b"pandas", b"{}"))
        columns = [one for one in told["columns"] if one["pandas_type"] != "categorical"]
    except _ARROW_FAULTS:
        return {}
    return {b"pandas": json.dumps(told | {"columns": columns, "index_columns": []}).encode()}


def _carried(records: pa.Table, schema: pa.Schema) -> pa.Table:
    columns = []
    for field in schema:
        if field.name not in records.column_names:
            columns.append(pa.nulls(records.num_rows, field.type))
            continue
        column = records.column(field.name)
        if isinstance(column.type, pa.BaseExtensionType):
            column = column.cast(column.type.storage_type)
        columns.append(column.cast(field.type))
    return pa.Table.from_arrays(columns, schema=schema)


def _packed(table: pa.Table) -> AnyArray:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table.combine_chunks())
    data: AnyArray = np.frombuffer(sink.getvalue(), dtype=np.uint8)
    return data


def _unpacked(data: AnyArray) -> pa.Table:
    return pa.ipc.open_stream(pa.py_buffer(data)).read_all()


def _as_read(table: pa.Table, n_null: AnyArray) -> pd.DataFrame:
    """Turn columns into those of pandas: with room for nulls where any route had one."""
    nothing = pa.Table.from_arrays(
        [pa.nulls(1, field.type) for field in table.schema], schema=table.schema
    )
    try:
        full, holed = table.to_pandas(), pa.concat_tables([table, nothing]).to_pandas()[:-1]
    except _ARROW_FAULTS as error:
        raise ReadError(f"routes: the columns cannot be read as told ({error})") from error
    names = zip(table.column_names, n_null.tolist(), strict=True)
    return pd.DataFrame({name: (holed if n else full)[name] for name, n in names})
