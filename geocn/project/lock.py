"""One run at a time in an output folder; a killed run leaves no stale lock."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from geocn.errors import LockedError, WriteError

try:
    import fcntl
except ImportError:  # Windows has no flock: the second run is not held off there
    fcntl = None  # type: ignore[assignment]

_NAME = ".geocn.lock"


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
        yield
    finally:
        os.close(handle)


def _flock(handle: int, folder: Path) -> None:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        message = f"{folder}: another run is writing there. Wait for it, or choose another --out."
        raise LockedError(message) from error
