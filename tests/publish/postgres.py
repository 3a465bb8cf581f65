"""A real PostgreSQL with PostGIS in a temporary folder, run by an unprivileged account."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

# Rows before the first that fits decide: one role needs a password, all else is trusted.
_HBA = "local all guarded scram-sha-256\nlocal all all trust\n"


@dataclass
class Server:
    """A running server; ``dsn`` reaches its database ``geocn`` as its owner."""

    folder: Path
    binaries: Path
    account: str | None

    @property
    def dsn(self) -> str:
        return f"host={self.folder} dbname=geocn user=owner"

    def as_user(self, name: str, database: str = "geocn") -> str:
        return f"host={self.folder} dbname={database} user={name}"

    def run(self, *command: str) -> None:
        before = ["runuser", "-u", self.account, "--"] if self.account else []
        whole = [*before, str(self.binaries / command[0]), *command[1:]]
        done = subprocess.run(whole, cwd=self.folder, capture_output=True, text=True)
        assert done.returncode == 0, f"{command[0]}: {done.stdout[-800:]}{done.stderr[-800:]}"

    def start(self) -> None:
        log, data = str(self.folder / "log"), str(self.folder / "data")
        self.run("pg_ctl", "-D", data, "-l", log, "-w", "-t", "30", "start")

    def kill(self) -> None:
        """End the server as a power cut would; it recovers at its next start."""
        lines = (self.folder / "data" / "postmaster.pid").read_text().splitlines()
        os.kill(int(lines[0]), signal.SIGKILL)

    def stop(self) -> None:
        self.run("pg_ctl", "-D", str(self.folder / "data"), "-m", "immediate", "-w", "stop")


def _binaries() -> Path:
    found = []
    if shutil.which("pg_config"):
        said = subprocess.run(["pg_config", "--bindir"], capture_output=True, text=True)
        found.append(Path(said.stdout.strip()))
    found += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    for folder in found:
        if (folder / "initdb").exists() and (folder / "pg_ctl").exists():
            return folder
    pytest.skip("no PostgreSQL server here: see tools/need_postgis.sh")


def _account() -> str | None:
    if os.getuid() != 0:
        return None
    if shutil.which("runuser"):
        for name in ("postgres", "nobody"):
            try:
                pwd.getpwnam(name)
            except KeyError:
                continue
            return name
    pytest.skip("PostgreSQL does not run as root, and no unprivileged account was found")


@contextmanager
def running(*, fsync: bool = False) -> Iterator[Server]:
    """Yield a fresh server that listens on a socket alone; skip the test where none can run."""
    binaries, account = _binaries(), _account()
    import psycopg

    # Not in pytest's own folder, which no other account may enter; and a socket's path is short.
    folder = Path(tempfile.mkdtemp(prefix="geocn-pg-"))
    try:
        if account:
            shutil.chown(folder, account)
        server = Server(folder, binaries, account)
        data = folder / "data"
        server.run(
            "initdb", "-D", str(data), "-U", "owner", "-A", "trust", "-E", "UTF8",
            "--locale", "C", "--no-sync",
        )  # fmt: skip
        with (data / "postgresql.conf").open("a") as conf:
            conf.write(
                f"listen_addresses = ''\nunix_socket_directories = '{folder}'\n"
                f"fsync = {'on' if fsync else 'off'}\nshared_buffers = 32MB\n"
                "max_connections = 40\n"
            )
        (data / "pg_hba.conf").write_text(_HBA)
        server.start()
        try:
            with psycopg.connect(server.as_user("owner", "postgres"), autocommit=True) as link:
                link.execute("CREATE DATABASE geocn")
            with psycopg.connect(server.dsn, autocommit=True) as link:
                there = link.execute(
                    "SELECT 1 FROM pg_available_extensions WHERE name = 'postgis'"
                ).fetchone()
                if there is None:
                    pytest.skip("PostgreSQL has no PostGIS: see tools/need_postgis.sh")
                link.execute("CREATE EXTENSION postgis")
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
