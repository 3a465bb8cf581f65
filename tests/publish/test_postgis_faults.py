"""Whatever ends a publishing, readers see the run before it or the run itself, never a part."""

import multiprocessing
import random
import threading
import time
from collections.abc import Iterator
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import psycopg
import pytest

from geocn.errors import WriteError
from geocn.publish import write_postgis
from geocn.publish.postgis_tables import Table
from tests.publish.postgres import Server, running

_WHOLE = (
    "SELECT (SELECT min(run) || max(run) || count(*) FROM geocn.one),"
    " (SELECT min(run) || max(run) || count(*) FROM geocn.two),"
    " (SELECT string_agg(run_id, ',') FROM geocn.runs WHERE is_current)"
)


def layers(run: str, n: int = 400) -> dict[str, pd.DataFrame]:
    """Two tables whose every row says which run it belongs to; a third of the rows change key."""
    number = np.arange(n) + (ord(run[0]) % 3) * (n // 3)
    frame = gpd.GeoDataFrame(
        {"id": number.astype(str), "run": run},
        geometry=gpd.points_from_xy(number % 90, number % 45),
        crs="EPSG:4326",
    )
    return {"one": frame, "two": pd.DataFrame(frame.drop(columns="geometry"))}


def told(run: str) -> dict[str, str]:
    return {"run_id": run, "marking": "TLP:GREEN"}


def publish(server: Server, run: str, n: int = 400) -> None:
    keys = {"one": "id", "two": "id"}
    write_postgis(layers(run, n), server.dsn, about=told(run), keys=keys, replace=True)


def publish_on(server: Server, number: Any) -> None:
    """Publish one run after another, and say with ``number`` which, until killed."""
    while True:
        number.value += 1
        publish(server, str(number.value % 10), 3000)


def whole(link: psycopg.Connection, n: int = 400) -> str:
    """Return the run that a reader sees, after seeing that all of it is there."""
    one, two, run = link.execute(_WHOLE).fetchone()
    assert one == two == f"{run[-1]}{run[-1]}{n}"
    return run


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with running(fsync=True) as found:
        yield found


@pytest.fixture
def link(server: Server) -> Iterator[psycopg.Connection]:
    with psycopg.connect(server.dsn, autocommit=True) as connection:
        connection.execute("DROP SCHEMA IF EXISTS geocn CASCADE")
        publish(server, "A")
        yield connection


def test_readers_see_one_run_or_the_next_whole(server: Server, link: psycopg.Connection) -> None:
    stop = threading.Event()
    seen: list[set[str]] = [set() for _ in range(4)]
    faults: list[BaseException] = []

    def read(mine: set[str]) -> None:
        try:
            with psycopg.connect(server.dsn) as reader:
                reader.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
                while not stop.is_set():
                    # three statements of one transaction look at the same moment
                    run = whole(reader)
                    for name in ("one", "two"):
                        rows = reader.execute(f"SELECT count(*), min(run) FROM geocn.{name}")
                        assert rows.fetchone() == (400, run)
                    reader.rollback()
                    mine.add(run)
        except BaseException as error:
            faults.append(error)

    threads = [threading.Thread(target=read, args=(mine,)) for mine in seen]
    for thread in threads:
        thread.start()
    for number in range(12):
        publish(server, "BCA"[number % 3])
        time.sleep(0.02)
    stop.set()
    for thread in threads:
        thread.join()
    assert not faults
    assert set().union(*seen) == {"A", "B", "C"}


def test_a_statement_that_fails_in_the_last_table_leaves_the_run_before(
    server: Server, link: psycopg.Connection
) -> None:
    link.execute(
        "CREATE FUNCTION geocn.full() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        "RAISE EXCEPTION 'could not extend file: No space left on device' "
        "USING ERRCODE = '53100'; END $$"
    )
    link.execute(
        "CREATE TRIGGER full_disk BEFORE INSERT ON geocn.two EXECUTE FUNCTION geocn.full()"
    )
    with pytest.raises(WriteError, match="No space left on device"):
        publish(server, "B")
    assert whole(link) == "A"
    link.execute("DROP TRIGGER full_disk ON geocn.two")
    publish(server, "B")
    assert whole(link) == "B"


@pytest.mark.parametrize("moment", ["in the copy", "between tables"])
def test_a_lost_connection_leaves_the_run_before(
    server: Server, link: psycopg.Connection, moment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    blocks = Table.blocks
    calls = []

    def torn(table: Table) -> Iterator[bytes]:
        calls.append(table.name)
        # the first pass over each table is for its hash, before there is a connection
        if len(calls) == (4 if moment == "between tables" else 3):
            if moment == "in the copy":
                yield next(iter(blocks(table)))[:100]
            link.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE application_name = 'geocn publish'"
            )
        yield from blocks(table)

    monkeypatch.setattr(Table, "blocks", torn)
    with pytest.raises(WriteError, match="previous run stands"):
        publish(server, "B")
    monkeypatch.undo()
    assert whole(link) == "A"
    publish(server, "B")
    assert whole(link) == "B"


def test_a_writer_that_is_killed_leaves_a_run_whole(
    server: Server, link: psycopg.Connection
) -> None:
    rng = random.Random(0)
    publish(server, "0", 3000)
    # Forked from a process that has the imports behind it: what is killed is the publishing.
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    number = context.Value("i", 0)
    for _ in range(8):
        writer = context.Process(target=publish_on, args=(server, number), daemon=True)
        before = number.value
        writer.start()
        while number.value == before:
            assert writer.is_alive()
            time.sleep(0.005)
        time.sleep(rng.uniform(0.0, 0.5))
        writer.kill()
        writer.join()
        whole(link, 3000)
        # the lock goes with the connection, so that the next writer is not kept out
        deadline = time.monotonic() + 20
        while link.execute("SELECT FROM pg_locks WHERE locktype = 'advisory'").fetchall():
            assert time.monotonic() < deadline
            time.sleep(0.02)
    publish(server, "Z", 3000)
    assert whole(link, 3000) == "Z"


def test_a_server_that_loses_power_has_a_run_whole(server: Server) -> None:
    with psycopg.connect(server.dsn, autocommit=True) as link:
        link.execute("DROP SCHEMA IF EXISTS geocn CASCADE")
    publish(server, "A")
    failed = []

    def write() -> None:
        try:
            for _ in range(50):
                publish(server, "B")
                publish(server, "A")
        except WriteError as error:
            failed.append(error)

    thread = threading.Thread(target=write)
    thread.start()
    time.sleep(0.7)
    server.kill()
    thread.join()
    assert failed
    deadline = time.monotonic() + 30
    while True:  # orphaned back ends hold the shared memory for a moment
        try:
            server.start()
            break
        except AssertionError:
            assert time.monotonic() < deadline
            time.sleep(0.3)
    with psycopg.connect(server.dsn, autocommit=True) as link:
        assert whole(link) in "AB"
    publish(server, "C")
    with psycopg.connect(server.dsn, autocommit=True) as link:
        assert whole(link) == "C"
