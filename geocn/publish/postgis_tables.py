"""Tables of PostGIS: made to fit a frame, loaded by COPY, brought up to date in place."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import geopandas as gpd
import pandas as pd
import pyarrow as pa
from pyarrow import csv

from geocn._optional import require
from geocn.errors import CRSError, SchemaError
from geocn.publish._storable import clean_text
from geocn.publish.postgis_columns import Column, Shape, column_of, row_keys, short_name, wider

#: Columns that every table has besides the frame's own.
FID, PERIOD, KEY = "geocn_fid", "geocn_period", "geocn_key"
_OWN = frozenset({FID, PERIOD, KEY})
_RESERVED = _OWN | frozenset({"tableoid", "xmin", "cmin", "xmax", "cmax", "ctid"})
_STAGE = "geocn_stage"
_ROWS_A_BLOCK = 50_000
# Longer ones may not fit an index page, a third of which is the most an entry may fill.
_LONGEST_KEY_BYTES = 2_000


@dataclass(frozen=True)
class Table:
    """A frame made ready: its columns as text, and a key each row."""

    layer: str
    name: str
    columns: tuple[Column, ...]
    keys: tuple[str, ...]
    renamed: dict[str, str] = field(default_factory=dict)

    @property
    def n_cleaned(self) -> int:
        """Cells that held what a database cannot (NUL, lone surrogates)."""
        return sum(column.n_cleaned for column in self.columns)

    def blocks(self) -> Iterable[bytes]:
        """Yield the rows as CSV: null is nothing, an empty text stands in quotes."""
        arrays = [pa.array(self.keys, pa.string()), *(one.text for one in self.columns)]
        names = [str(number) for number in range(len(arrays))]
        options = csv.WriteOptions(include_header=False, quoting_style="all_valid")
        for batch in pa.table(arrays, names=names).to_batches(max_chunksize=_ROWS_A_BLOCK):
            sink = pa.BufferOutputStream()
            csv.write_csv(batch, sink, options)
            yield sink.getvalue().to_pybytes()


@dataclass(frozen=True)
class Change:
    """What publishing changed in one table."""

    inserted: int = 0
    updated: int = 0
    deleted: int = 0


def prepare(frame: pd.DataFrame, *, layer: str, name: str, key: Sequence[str]) -> Table:
    """Make a frame ready for its table.

    Parameters
    ----------
    frame : GeoDataFrame or DataFrame
    layer, name : str
        What the layer is called, and its table.
    key : sequence of str
        The columns that tell its rows apart; where they are absent, or somewhere null,
        doubled or too long for an index, a row's key is the hash of all it holds.

    Raises
    ------
    SchemaError
        Where a column name stands twice.
    CRSError, CoordinateError
        As :func:`~geocn.publish.postgis_columns.column_of`.
    """
    table = _with_index(frame)
    if table.columns.has_duplicates:
        doubled = sorted(set(table.columns[table.columns.duplicated()].astype(str)))
        raise SchemaError(
            layer,
            found=f"columns that stand twice: {', '.join(doubled)}",
            expected="one column a name",
            repair="Rename or drop one of each.",
        )
    columns: list[Column] = []
    renamed: dict[str, str] = {}
    for label in table.columns:
        taken = _RESERVED | {column.name for column in columns}
        named = short_name(str(label), taken)
        if named != str(label):
            renamed[str(label)] = named
        columns.append(column_of(table[label], name=named, layer=layer))
    keys = _keys(table, key) or row_keys(columns, len(table))
    return Table(layer, name, tuple(columns), tuple(keys), renamed)


def _with_index(frame: pd.DataFrame) -> pd.DataFrame:
    named = any(name is not None for name in frame.index.names)
    if named or frame.index.nlevels > 1 or not pd.api.types.is_integer_dtype(frame.index.dtype):
        frame = frame.reset_index()
    else:
        frame = frame.reset_index(drop=True)
    # An absent geometry column leaves a GeoDataFrame that refuses most of its own methods.
    bare = isinstance(frame, gpd.GeoDataFrame) and frame.active_geometry_name is None
    return pd.DataFrame(frame) if bare else frame


def _keys(table: pd.DataFrame, columns: Sequence[str]) -> list[str]:
    """Return a key each row from ``columns``; none where they cannot tell the rows apart."""
    if not columns or not set(columns) <= set(table.columns):
        return []
    values = table[list(columns)]
    if values.isna().any(axis=None):
        return []
    texts = [
        str(clean_text(row[0] if len(row) == 1 else json.dumps(row, ensure_ascii=False)))
        for row in values.astype(str).itertuples(index=False, name=None)
    ]
    too_long = any(len(text.encode()) > _LONGEST_KEY_BYTES for text in texts)
    return texts if len(set(texts)) == len(texts) and not too_long else []


class Writer:
    """Writes tables of one schema, over one open transaction."""

    def __init__(self, cursor: Any, *, schema: str, home: str, period: str) -> None:
        self.sql = require("psycopg.sql", extra="postgis")
        self.cursor, self.schema, self.home, self.period = cursor, schema, home, period

    def run(self, statement: str, **parts: Any) -> Any:
        """Run a statement whose parts are identifiers and literals, never text."""
        made = {
            name: part if isinstance(part, self.sql.Composable) else self.sql.Identifier(part)
            for name, part in parts.items()
        }
        return self.cursor.execute(self.sql.SQL(statement).format(**made))

    def place(self, name: str) -> Any:
        """Return a table of the schema as SQL."""
        return self.sql.Identifier(self.schema, name)

    def text(self, value: Any) -> Any:
        """Return a value as an SQL literal."""
        return self.sql.Literal(value)

    def publish(self, table: Table) -> Change:
        """Make the rows of the period in a table those of ``table``; equal rows stay untouched."""
        self._fit(table)
        # A column that this run lacks is null in its rows, not what an earlier run left there.
        columns = [name for name in self._kinds(table.name) if name not in _OWN]
        self._stage(table, columns)
        change = self._merge(table.name, columns)
        self.run("DROP TABLE pg_temp.{stage}", stage=_STAGE)
        return change

    def clear(self, name: str) -> Change:
        """Take the period's rows out of a table that the run no longer has."""
        known = self._kinds(name)
        if not known:
            return Change()
        self.run(
            "DELETE FROM {table} WHERE {period} = {value}",
            table=self.place(name),
            period=PERIOD,
            value=self.text(self.period),
        )
        return Change(deleted=self.cursor.rowcount)

    def _type(self, column: Column) -> Any:
        if column.shape is not None:
            bare = self.sql.Identifier(self.home, "geometry")
            return self.sql.SQL("{}{}").format(bare, self.sql.SQL(column.shape.modifier))
        return self.sql.SQL(column.kind or "text")

    def _kinds(self, name: str) -> dict[str, str]:
        """Return the columns of a table by name with their types; none where it is absent."""
        self.cursor.execute(
            "SELECT a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod)"
            " FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c ON c.oid = a.attrelid"
            " JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
            " WHERE n.nspname = %s AND c.relname = %s AND a.attnum > 0 AND NOT a.attisdropped"
            " ORDER BY a.attnum",
            (self.schema, name),
        )
        return dict(self.cursor.fetchall())

    def _fit(self, table: Table) -> None:
        """Make the table in the database, or widen it to hold what ``table`` brings."""
        there = self._kinds(table.name)
        if not there:
            self._create(table)
            return
        if not set(there) >= _OWN:
            raise SchemaError(
                f"{self.schema}.{table.name}",
                found="a table that geocn did not make",
                expected="no such table, or one that geocn made",
                repair="Rename it, or publish into another schema.",
            )
        for column in table.columns:
            if column.name in there:
                self._fit_column(table.name, column, there[column.name])
            else:
                self._add(table.name, column)

    def _create(self, table: Table) -> None:
        self.run(
            "CREATE TABLE {table} ({fid} bigint GENERATED ALWAYS AS IDENTITY UNIQUE, "
            "{period} text NOT NULL, {key} text NOT NULL, PRIMARY KEY ({period}, {key}))",
            table=self.place(table.name),
            fid=FID,
            period=PERIOD,
            key=KEY,
        )
        for column in table.columns:
            self._add(table.name, column)

    def _add(self, name: str, column: Column) -> None:
        parts = {"table": self.place(name), "column": column.name}
        self.run("ALTER TABLE {table} ADD COLUMN {column} {type}", type=self._type(column), **parts)
        if column.shape is not None:
            self._constrain(name, column)
            self.run("CREATE INDEX ON {table} USING gist ({column})", **parts)

    def _constrain(self, name: str, column: Column) -> None:
        """Hold the reference system of a geometry column that has no type modifier."""
        if column.shape is None or column.shape.dimensions is not None:
            return
        self.run(
            "ALTER TABLE {table} ADD CHECK ({srid}({column}) = {number})",
            table=self.place(name),
            column=column.name,
            srid=self.sql.Identifier(self.home, "st_srid"),
            number=self.text(column.shape.srid),
        )

    def _fit_column(self, name: str, column: Column, there: str) -> None:
        shape = Shape.parse(there.replace('"', ""), srid=self._srid(name, column.name))
        if column.shape is not None and shape is not None:
            self._same_system(name, column, shape)
            joined = shape.joined(column.shape)
            if joined != shape:
                self._retype(name, replace(column, shape=joined))
        elif column.kind in (None, there):
            return
        elif self._is_empty(name, column.name):
            # A type that was guessed from nulls gives way to the one that is known now.
            self.run(
                "ALTER TABLE {table} DROP COLUMN {column}",
                table=self.place(name),
                column=column.name,
            )
            self._add(name, column)
        elif column.shape is None and shape is None:
            kind = wider(there, str(column.kind))
            if kind != there:
                self._retype(name, replace(column, kind=kind))
        else:
            raise SchemaError(
                f"{self.schema}.{name}.{column.name}",
                found=f"{there} in the table, {column.kind} in the run",
                expected="a geometry in both or in none",
                repair="Drop the column in the database, or rename it in the run.",
            )

    def _retype(self, name: str, column: Column) -> None:
        self.run(
            "ALTER TABLE {table} ALTER COLUMN {column} TYPE {type} USING {column}::{type}",
            type=self._type(column),
            table=self.place(name),
            column=column.name,
        )
        self._constrain(name, column)

    def _same_system(self, name: str, column: Column, there: Shape) -> None:
        if column.shape is not None and there.srid != column.shape.srid:
            raise CRSError(
                f"{self.schema}.{name}.{column.name}",
                found=f"EPSG:{column.shape.srid} in the run, EPSG:{there.srid} in the table",
                expected="one reference system a column",
                repair=f"Bring the layer to EPSG:{there.srid}, or publish into another schema.",
            )

    def _srid(self, name: str, column: str) -> int:
        self.run(
            "SELECT srid FROM {view} WHERE f_table_schema = {schema} AND f_table_name = {name} "
            "AND f_geometry_column = {column}",
            view=self.sql.Identifier(self.home, "geometry_columns"),
            schema=self.text(self.schema),
            name=self.text(name),
            column=self.text(column),
        )
        row = self.cursor.fetchone()
        return row[0] if row else 0

    def _is_empty(self, name: str, column: str) -> bool:
        self.run(
            "SELECT NOT EXISTS (SELECT FROM {table} WHERE {column} IS NOT NULL)",
            table=self.place(name),
            column=column,
        )
        return bool(self.cursor.fetchone()[0])

    def _names(self, columns: Sequence[str], *, of: str | None = None) -> Any:
        prefix = (of,) if of else ()
        return self.sql.SQL(", ").join(self.sql.Identifier(*prefix, name) for name in columns)

    def _stage(self, table: Table, columns: Sequence[str]) -> None:
        names = [KEY, *(column.name for column in table.columns)]
        self.run(
            "CREATE TEMPORARY TABLE {stage} ON COMMIT DROP AS SELECT {names} FROM {table} "
            "WITH NO DATA",
            stage=_STAGE,
            names=self._names([KEY, *columns]),
            table=self.place(table.name),
        )
        statement = self.sql.SQL("COPY pg_temp.{} ({}) FROM STDIN (FORMAT csv, ENCODING 'UTF8')")
        with self.cursor.copy(
            statement.format(self.sql.Identifier(_STAGE), self._names(names))
        ) as copy:
            for block in table.blocks():
                copy.write(block)
        self.run("ANALYZE pg_temp.{stage}", stage=_STAGE)

    def _merge(self, name: str, columns: Sequence[str]) -> Change:
        parts = {
            "table": self.place(name),
            "stage": self.sql.Identifier("pg_temp", _STAGE),
            "period": self.sql.Identifier(PERIOD),
            "value": self.text(self.period),
            "key": self.sql.Identifier(KEY),
        }
        self.run(
            "DELETE FROM {table} t WHERE t.{period} = {value} "
            "AND NOT EXISTS (SELECT FROM {stage} s WHERE s.{key} = t.{key})",
            **parts,
        )
        deleted = self.cursor.rowcount
        # Rows that are equal are left out before the upsert: even a DO UPDATE that updates
        # nothing locks each row, which writes to every page.
        self.run(
            "WITH upsert AS (INSERT INTO {table} AS t ({period}, {key}{names}) "
            "SELECT {value}, s.{key}{staged} FROM {stage} s "
            "LEFT JOIN {table} old ON old.{period} = {value} AND old.{key} = s.{key} "
            "WHERE old.{key} IS NULL OR ({olds}) IS DISTINCT FROM ({news}) "
            "ON CONFLICT ({period}, {key}) DO UPDATE SET {sets} "
            "WHERE ({ours}) IS DISTINCT FROM ({theirs}) RETURNING t.xmax = 0 AS fresh) "
            "SELECT count(*) FILTER (WHERE fresh), count(*) FILTER (WHERE NOT fresh) FROM upsert",
            names=self._more(columns),
            staged=self._more(columns, of="s"),
            olds=self._row(columns, of="old"),
            news=self._row(columns, of="s"),
            ours=self._row(columns, of="t"),
            theirs=self._row(columns, of="excluded"),
            sets=self._sets(columns),
            **parts,
        )
        inserted, updated = self.cursor.fetchone()
        return Change(inserted, updated, deleted)

    def _more(self, columns: Sequence[str], *, of: str | None = None) -> Any:
        listed = self._names(columns, of=of)
        return self.sql.SQL(", {}").format(listed) if columns else self.sql.SQL("")

    def _row(self, columns: Sequence[str], *, of: str) -> Any:
        return self.sql.SQL("ROW({})").format(self._names([KEY, *columns], of=of))

    def _sets(self, columns: Sequence[str]) -> Any:
        pairs = [
            self.sql.SQL("{} = {}").format(
                self.sql.Identifier(name), self.sql.Identifier("excluded", name)
            )
            for name in [KEY, *columns]
        ]
        return self.sql.SQL(", ").join(pairs)
