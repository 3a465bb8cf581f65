"""What was read and computed before, by the hash of all that went into it.

An entry is one file: a line that says what it is, its key, the SHA-256 of the rest, and the
rest (:mod:`geocn.project.cache_codec`; never a pickle). It appears in one step, so several
processes may fill one folder. An entry that is cut, changed or of another make is computed
afresh: the cache can make a run slower, never wrong.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

from geocn.errors import WriteError
from geocn.io.atomic import atomic_file, sweep_stale
from geocn.project.cache_arrays import UnstorableError
from geocn.project.cache_codec import EntryError, digest, from_bytes, to_bytes
from geocn.project.code import code_version

_MAGIC = b"geocn-cache 1\n"
_KEY_LENGTH = 64
_OTHERS_MAY_WRITE = 0o022

T = TypeVar("T")


class Cache:
    """A folder of entries; where it cannot be used, everything is computed.

    Parameters
    ----------
    folder : path
        Made where it is missing, readable by its owner only.
    writes : bool
        False only looks: nothing is made, stored or touched.

    Attributes
    ----------
    notes : list of str
        Which entries or folders could not be used, and why.
    """

    def __init__(self, folder: Path, *, writes: bool = True) -> None:
        self.folder, self.writes = folder, writes
        self.code = code_version()
        self.notes: list[str] = []
        self._known: dict[int, tuple[Any, str]] = {}
        self.usable = self._opened()

    def _opened(self) -> bool:
        try:
            if self.writes:
                self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                sweep_stale(self.folder)
            found = self.folder.stat()
        except OSError as error:
            if self.writes:
                self.notes.append(f"no cache: {error.strerror or type(error).__name__}")
            return False
        owner = getattr(os, "getuid", lambda: found.st_uid)()
        if found.st_uid != owner or found.st_mode & _OTHERS_MAY_WRITE:
            self.notes.append("no cache: others may write into its folder")
            return False
        return True

    def key(self, kind: str, parts: Mapping[str, Any]) -> str:
        """Name an entry after everything that decides what it holds, and the code version."""
        told = json.dumps({"kind": kind, "code": self.code, **parts}, sort_keys=True, default=str)
        return hashlib.sha256(told.encode()).hexdigest()

    def digest(self, value: Any) -> str:
        """Return the hash of a frame, raster or result; each object is hashed once.

        Raises
        ------
        UnstorableError
            Where it holds something that has no form in the cache.
        """
        held = self._known.get(id(value))
        if held is None:
            # The object is kept beside its hash: an id is only unique while it lives.
            held = self._known[id(value)] = (value, digest(value))
        return held[1]

    def path(self, key: str) -> Path:
        """Return where the entry of a key stands."""
        return self.folder / key[:2] / f"{key[2:]}.entry"

    def holds(self, key: str) -> bool:
        """Say whether there is an entry of this name, without reading it."""
        return self.usable and self.path(key).is_file()

    def get(self, key: str) -> Any:
        """Return what an entry holds, None where there is none that can be used."""
        if not self.usable:
            return None
        path = self.path(key)
        try:
            # Opening a pipe put in an entry's place would wait for ever.
            if not stat.S_ISREG(path.lstat().st_mode):
                raise EntryError("it is no file")
            value = from_bytes(_checked(path.read_bytes(), key))
        except FileNotFoundError:
            return None
        except (EntryError, UnstorableError, OSError) as error:
            self.notes.append(f"cache: entry {key[:8]} is computed afresh: {error}")
            return None
        if self.writes:
            with suppress(OSError):
                os.utime(path)
        return value

    def put(self, key: str, value: Any) -> None:
        """Keep ``value``; where that cannot be done, say so in the notes and go on."""
        if not (self.usable and self.writes):
            return
        try:
            payload = to_bytes(value)
            if to_bytes(from_bytes(payload)) != payload:
                raise EntryError("it would not come back the same")
            path = self.path(key)
            path.parent.mkdir(mode=0o700, exist_ok=True)
            head = f"{key}\n{hashlib.sha256(payload).hexdigest()}\n".encode()
            with atomic_file(path) as draft:
                draft.write_bytes(_MAGIC + head + payload)
        except (EntryError, UnstorableError, WriteError, OSError) as error:
            self.notes.append(f"cache: an entry is not kept: {error}")

    def remember(self, key: str, make: Callable[[], T]) -> tuple[T, bool]:
        """Return the entry of ``key``, or what ``make`` gives, kept for the next time.

        Returns
        -------
        value : object
        found : bool
            Whether it stood in the cache.
        """
        value = self.get(key)
        if value is not None:
            return value, True
        value = make()
        self.put(key, value)
        return value, False

    def prune(self, *, keep_runs: int, max_mb: float) -> int:
        """Remove entries unused in the last ``keep_runs`` runs, and the oldest beyond a size.

        Returns
        -------
        int
            How many were removed.
        """
        if not (self.usable and self.writes):
            return 0
        for part in self.folder.glob("??"):
            sweep_stale(part)
        records = sorted(_stamps(self.folder.glob("runs/*.json")), reverse=True)
        oldest = records[keep_runs - 1][0] if len(records) >= keep_runs else 0
        for stamp, _, path in records[keep_runs:]:
            if stamp < oldest:
                path.unlink(missing_ok=True)
        room, n_removed = max_mb * 1e6, 0
        for stamp, size, path in sorted(_stamps(self.folder.glob("??/*.entry")), reverse=True):
            room -= size
            if stamp < oldest or room < 0:
                with suppress(OSError):
                    path.unlink()
                    n_removed += 1
        return n_removed


def _checked(content: bytes, key: str) -> bytes:
    head = len(_MAGIC)
    told, _, rest = content[head:].partition(b"\n")
    sum_, payload = rest[:_KEY_LENGTH], rest[_KEY_LENGTH + 1 :]
    if content[:head] != _MAGIC or told != key.encode():
        raise EntryError("it is no entry of this name")
    if hashlib.sha256(payload).hexdigest().encode() != sum_:
        raise EntryError("it is cut or changed")
    return payload


def _stamps(paths: Any) -> list[tuple[int, int, Path]]:
    found = []
    for path in paths:
        with suppress(OSError):
            seen = path.stat()
            found.append((seen.st_mtime_ns, seen.st_size, path))
    return found
