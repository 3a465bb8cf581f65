"""One run at a time in an output folder; a killed run leaves no stale lock.

The system's lock decides. Who holds it stands in the file, and since when is the file's own
time: both are only told.
"""

from __future__ import annotations

import getpass
import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from geocn.errors import LockedError, WriteError

try:
    import fcntl
except ImportError:  # Windows has no flock: the second run is not held off there
    fcntl = None  # type: ignore[assignment]

_NAME = ".geocn.lock"
_LONGEST = 1000


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Make ``folder`` where needed and hold it for this process.

    The lock is the system's, so that it ends with the process however that ends.

    Raises
    ------
    LockedError
        Where another run holds it.
    WriteError
        Where the folder cannot be made or written to.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(folder / _NAME, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        why = error.strerror or type(error).__name__
        raise WriteError(f"{folder} cannot be written to: {why}.") from error
    try:
        if fcntl is not None:
            _flock(handle, folder)
        _sign(handle)
        yield
    finally:
        os.close(handle)


def _flock(handle: int, folder: Path) -> None:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        raise LockedError(
            f"{folder}: another run is writing there{_owner(handle)}. Wait for it, or choose "
            "another --out."
        ) from error


def _sign(handle: int) -> None:
    """Write into the lock file who holds it."""
    owner = {"pid": os.getpid(), "host": socket.gethostname(), "user": _user()}
    with suppress(OSError):
        os.ftruncate(handle, 0)
        os.pwrite(handle, json.dumps(owner).encode(), 0)


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return "unknown"


def _owner(handle: int) -> str:
    """Say who holds the lock and since when, as far as its file tells."""
    try:
        owner = json.loads(os.pread(handle, _LONGEST, 0))
        since = datetime.fromtimestamp(int(os.fstat(handle).st_mtime), UTC)
        told = (f"{owner['user']} on {owner['host']}", f"process {int(owner['pid'])}")
    except (OSError, ValueError, KeyError, TypeError):
        return ""
    return f" ({told[0]}, {told[1]}, since {since.isoformat()})"
