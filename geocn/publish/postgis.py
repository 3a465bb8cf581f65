"""Layers and results in a PostGIS database: one transaction a run, the same run only once."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from geocn._optional import require
from geocn._typing import StrPath
from geocn.errors import LockedError, ParameterError, WriteError
from geocn.publish.postgis_columns import short_name
from geocn.publish.postgis_runs import (
    RUNS,
    earlier,
    label_all,
    make_runs,
    record,
    refuse_older,
    refuse_other_audience,
)
from geocn.publish.postgis_source import Publication, publication_of
from geocn.publish.postgis_tables import Change, Table, Writer, prepare
from geocn.schema import LAYERS

_CONNECT_S = 15
_OF_THE_SYSTEM = ("pg_", "information_schema")
_SECRETS = ("password", "sslpassword", "passfile", "sslkey", "oauth_client_secret")


@dataclass(frozen=True)
class PostgisReport:
    """What publishing did.

    Attributes
    ----------
    schema, run_id, period : str
        Where, which run, and the period whose rows it replaced.
    unchanged : bool
        The run stood there already; nothing was written.
    changes : dict of str to Change
        Rows inserted, updated and deleted by table.
    notes : list of str
        What had to be changed to fit a database: names cut, characters replaced.
    """

    schema: str
    run_id: str
    period: str
    unchanged: bool
    changes: dict[str, Change] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def write_postgis(
    source: StrPath | Mapping[str, pd.DataFrame],
    dsn: str,
    *,
    schema: str = "geocn",
    release: str | None = None,
    about: Mapping[str, Any] | None = None,
    keys: Mapping[str, str | Sequence[str]] | None = None,
    replace: bool = False,
    wait_s: float = 60.0,
) -> PostgisReport:
    """Publish a run, a release or frames into one schema of a PostGIS database.

    Every layer and result is a table with typed columns and indexed geometries; results
    bear the prefix ``result_``. All tables of a run change in one transaction: a reader sees
    the previous run whole or this one, and whatever fails leaves the previous one. Rows are
    loaded by ``COPY`` into a staging table and compared: equal rows are not written again,
    others inserted or updated (``ON CONFLICT``), rows that the run no longer holds removed.
    Runs of other periods stand beside it in the same tables.

    Parameters
    ----------
    source : path or mapping of str to DataFrame
        The folder of a run (or the folder of runs, of which ``latest`` is taken), the folder
        of one release, or frames by the name of their table.
    dsn : str
        What libpq takes: ``service=…``, ``host=… dbname=… user=…``, a ``postgresql://`` URI,
        or nothing, where ``PGSERVICE`` or ``PGHOST`` say it. Keep the password in
        ``~/.pgpass`` or the service file.
    schema : str
        One schema holds one audience, so that rights are granted by schema. It is made where
        it is absent; rights stay with the database's administrator.
    release : str, optional
        The release of a run to publish, in place of the joint layers.
    about : mapping, optional
        For frames: ``run_id`` (needed), ``marking`` (by default the highest of the rows),
        ``period``, ``as_of``, ``audience``, ``title``.
    keys : mapping of str to str or sequence of str, optional
        The columns that tell the rows of a table apart; by default the source and identifier
        of its layer. Where they are null or doubled, rows are told apart by all they hold.
    replace : bool
        Publish even an older run over a newer one, and compare a run that stands there
        already row by row, which repairs what was changed by hand.
    wait_s : float
        Seconds to wait for a lock that a reader or an administrator holds.

    Returns
    -------
    PostgisReport

    Raises
    ------
    MissingDependencyError
        Where psycopg is not installed.
    ParameterError
        Where a run is older than the one that stands there, or the schema holds another
        audience.
    LockedError
        Where another writer publishes into the schema.
    CRSError, CoordinateError, SchemaError
        Where a frame does not fit a table; nothing was written.
    ReadError
        Where the folder is not a whole run.
    WriteError
        Where the database cannot be reached or refuses; the previous run is whole.

    Notes
    -----
    NaN becomes null, infinities stay. Geometries whose reference system has no EPSG code are
    brought to longitude and latitude (EPSG:4326); a note says so. A cut-off decides which of
    two runs of a period is newer; of equal cut-offs, the one that was not published before.

    Examples
    --------
    >>> import os
    >>> if os.environ.get("GEOCN_POSTGIS"):
    ...     report = write_postgis("out/latest", os.environ["GEOCN_POSTGIS"])
    """
    psycopg = require("psycopg", extra="postgis")
    if not schema or short_name(schema) != schema or schema.startswith(_OF_THE_SYSTEM):
        raise ParameterError(
            f"schema {schema[:40]!r}: give a printable name of up to 63 bytes that is none of the "
            "database's own."
        )
    found = publication_of(source, release=release, about=about)
    tables = _tables(found, dict(keys or {}))
    digest = _digest(found, tables)
    notes = [note for table in tables for note in _notes(table)]
    with _transaction(psycopg, dsn, schema=schema, wait_s=wait_s) as cursor:
        writer = _opened(cursor, schema=schema, period=found.period)
        changes = _publish(writer, found, tables, digest, replace=replace)
    unchanged = changes is None
    return PostgisReport(schema, found.run_id, found.period, unchanged, changes or {}, notes)


def _tables(found: Publication, keys: dict[str, str | Sequence[str]]) -> list[Table]:
    unknown = sorted(set(keys) - set(found.frames))
    if unknown:
        raise ParameterError(f"keys: there is no table {', '.join(unknown)}.")
    taken = {RUNS}
    tables = []
    for layer in sorted(found.frames):
        name = short_name(layer, taken)
        taken.add(name)
        # An identifier is one within its source only.
        own = ("source", LAYERS[layer].id_column) if layer in LAYERS else ()
        key = keys.get(layer, own)
        columns = (key,) if isinstance(key, str) else tuple(key)
        tables.append(prepare(found.frames[layer], layer=layer, name=name, key=columns))
    return tables


def _digest(found: Publication, tables: list[Table]) -> str:
    """Return the hash of all that the tables and their labels will say."""
    told = [found.run_id, found.audience, found.period, str(found.marking), str(found.as_of)]
    digest = hashlib.sha256(json.dumps([*told, found.title]).encode())
    for table in tables:
        columns = [
            (one.name, one.kind, one.shape.modifier if one.shape else "") for one in table.columns
        ]
        digest.update(json.dumps([table.name, columns]).encode())
        for block in table.blocks():
            digest.update(block)
    return digest.hexdigest()


def _notes(table: Table) -> Iterator[str]:
    if table.name != table.layer:
        yield f"{table.layer[:80]}: its table is called {table.name}"
    for old, new in table.renamed.items():
        yield f"{table.name}: column {old[:80]!r} is called {new!r}"
    for column in table.columns:
        if column.moved:
            system = "a reference system without EPSG code"
            yield f"{table.name}: {column.name} came in {system}; brought to EPSG:4326"
    if table.n_cleaned:
        yield f"{table.name}: NUL or lone surrogates replaced in {table.n_cleaned} cells"


@contextmanager
def _transaction(psycopg: Any, dsn: str, *, schema: str, wait_s: float) -> Iterator[Any]:
    """Yield a cursor of one transaction, and turn what the database says into our errors."""
    connection = _connected(psycopg, dsn)
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute("SET LOCAL TimeZone = 'UTC'")
            cursor.execute("SET LOCAL DateStyle = 'ISO, YMD'")
            cursor.execute("SELECT set_config('lock_timeout', %s, true)", (f"{int(wait_s * 1e3)}",))
            yield cursor
    except psycopg.Error as error:
        # The detail of an error may quote rows; its first line says what is wrong.
        said = error.diag.message_primary or type(error).__name__
        raise WriteError(
            f"PostGIS schema {schema!r}: {said}. The previous run stands there whole; "
            "repair this and publish again."
        ) from None


def _connected(psycopg: Any, dsn: str) -> Any:
    conninfo = require("psycopg.conninfo", extra="postgis")
    try:
        parts = conninfo.conninfo_to_dict(dsn)
    except psycopg.Error:
        # libpq quotes the text that it cannot read, which may hold the password.
        raise ParameterError(
            "the connection text cannot be read; write host=… dbname=… user=…, service=…, or "
            "a postgresql:// URI (special characters percent-encoded)."
        ) from None
    if "@" in str(parts.get("host", "")):
        # The end of a password with a bare @ is taken for the host, and named when it is not found.
        raise ParameterError(
            "the host of the connection text holds an @: percent-encode special characters of the "
            "password in a postgresql:// URI (@ is %40), or keep it in ~/.pgpass."
        )
    parts.setdefault("connect_timeout", _CONNECT_S)
    try:
        return psycopg.connect(**parts, application_name="geocn publish")
    except psycopg.Error as error:
        line = " ".join(str(error).split()) or type(error).__name__
        for name in _SECRETS:
            if parts.get(name):
                line = line.replace(str(parts[name]), "…")
        raise WriteError(f"the database cannot be reached: {line}") from None


def _opened(cursor: Any, *, schema: str, period: str) -> Writer:
    """Hold the schema against other writers, and make it where it is absent."""
    cursor.execute(
        "SELECT pg_try_advisory_xact_lock(hashtextextended(%s, 0))", (f"geocn:{schema}",)
    )
    if not cursor.fetchone()[0]:
        raise LockedError(f"PostGIS schema {schema!r}: another writer publishes. Wait for it.")
    cursor.execute(
        "SELECT n.nspname FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace"
        " WHERE e.extname = 'postgis'"
    )
    home = cursor.fetchone()
    if home is None:
        raise WriteError(
            "the database has no PostGIS. Let its administrator run: CREATE EXTENSION postgis;"
        )
    writer = Writer(cursor, schema=schema, home=home[0], period=period)
    # Operators of geometry are found by this path, and nothing that another user put before.
    writer.run("SET LOCAL search_path = pg_catalog, {home}, pg_temp", home=home[0])
    cursor.execute("SELECT 1 FROM pg_namespace WHERE nspname = %s", (schema,))
    if cursor.fetchone() is None:
        writer.run("CREATE SCHEMA {schema}", schema=schema)
    cursor.execute(
        "SELECT 1 FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
        " WHERE n.nspname = %s AND c.relname = %s",
        (schema, RUNS),
    )
    if cursor.fetchone() is None:
        make_runs(writer)
    return writer


def _publish(
    writer: Writer, found: Publication, tables: list[Table], digest: str, *, replace: bool
) -> dict[str, Change] | None:
    """Bring all tables to the run; None where it stands there already."""
    runs = earlier(writer)
    refuse_other_audience(writer.schema, found, runs)
    same = [one for one in runs if one["period"] == found.period]
    current = next((one for one in same if one["is_current"]), None)
    known = current is not None and (current["run_id"], current["sha256"]) == (found.run_id, digest)
    if known and not replace:
        return None
    if not replace:
        refuse_older(found, digest, same)
    changes = {table.name: writer.publish(table) for table in tables}
    held = {name for one in same for name in one["tables"].values()}
    for name in sorted(held - set(changes)):
        changes[name] = writer.clear(name)
    if not known:
        record(writer, found, digest, {table.layer: table.name for table in tables})
    label_all(writer)
    return changes
