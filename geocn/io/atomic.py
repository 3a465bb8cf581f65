"""Writing so that a file is whole or is the previous version, whatever happens.

Everything is written into a hidden temporary folder beside the target, flushed to disk and
moved over the target in one step. A process that is killed leaves at most such a temporary
folder, which :func:`sweep_stale` removes once nobody holds it any more.
"""

from __future__ import annotations

import ctypes
import errno
import hashlib
import os
import re
import shutil
import tempfile
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from geocn._typing import StrPath
from geocn.errors import WriteError

# Windows has no advisory locks of this kind: stale folders are left there for people to remove.
fcntl: Any = import_module("fcntl") if find_spec("fcntl") else None

#: How the names of temporary folders begin; :func:`sweep_stale` removes those nobody holds.
TEMPORARY = ".geocn-tmp-"
_OLD = ".geocn-old-"
_CHUNK = 1 << 20
_LONGEST_NAME = 80
_AT_FDCWD = -100
_RENAME_EXCHANGE = 2
_RESERVED = frozenset(
    {"con", "prn", "aux", "nul", *(f"{port}{i}" for port in ("com", "lpt") for i in range(10))}
)


@contextmanager
def atomic_file(target: StrPath) -> Iterator[Path]:
    """Give a temporary path to write to, and put it in the target's place at the end.

    Parameters
    ----------
    target : path
        The file to write. Its folder must exist.

    Yields
    ------
    Path
        A path that does not exist yet, with the target's own name (writers look at the
        ending), in a temporary folder beside it. Files that a writer leaves next to it,
        such as journals, are removed.

    Raises
    ------
    WriteError
        Where the file could not be written or was not written at all. The previous
        version, if any, is untouched.

    Examples
    --------
    >>> import tempfile; from pathlib import Path
    >>> target = Path(tempfile.mkdtemp()) / "note.txt"
    >>> with atomic_file(target) as path:
    ...     _ = path.write_text("whole")
    >>> target.read_text()
    'whole'
    """
    goal = Path(target)
    with _staging(goal) as folder:
        draft = folder / goal.name
        yield draft
        if not draft.is_file():
            raise WriteError(f"{goal}: nothing was written, so the previous version was kept.")
        _sync(draft)
        draft.replace(goal)
        _sync(goal.parent)


@contextmanager
def atomic_folder(target: StrPath) -> Iterator[Path]:
    """Give a temporary folder to fill, and put it in the target's place at the end.

    Parameters
    ----------
    target : path
        The folder to write. An existing one is replaced as a whole, never mixed with.

    Yields
    ------
    Path
        An existing, empty temporary folder beside the target.

    Raises
    ------
    WriteError
        Where it could not be written; the previous folder is untouched.

    Examples
    --------
    >>> import tempfile; from pathlib import Path
    >>> target = Path(tempfile.mkdtemp()) / "run"
    >>> with atomic_folder(target) as folder:
    ...     _ = (folder / "layer.csv").write_text("a")
    >>> [path.name for path in target.iterdir()]
    ['layer.csv']
    """
    goal = Path(target)
    with _staging(goal) as folder:
        draft = folder / goal.name
        draft.mkdir()
        yield draft
        _sync_tree(draft)
        _swap(draft, goal, folder)
        _sync(goal.parent)


def sweep_stale(folder: StrPath) -> list[Path]:
    """Remove what killed runs left in a folder, and bring back what they had moved aside.

    Temporary folders that a living process still holds are left alone.

    Returns
    -------
    list of Path
        What was removed or brought back, sorted.
    """
    done: list[Path] = []
    for stale in sorted(Path(folder).glob(f"{TEMPORARY}*")):
        handle = _lock(stale)
        if handle is None:
            continue
        try:
            _bring_back(stale)
            shutil.rmtree(stale, ignore_errors=True)
            done.append(stale)
        finally:
            os.close(handle)
    return done


def sha256_file(path: StrPath) -> str:
    """Return the SHA-256 of a file's bytes in hexadecimal.

    Examples
    --------
    >>> import tempfile; from pathlib import Path
    >>> file = Path(tempfile.mkdtemp()) / "abc.txt"
    >>> _ = file.write_bytes(b"abc")
    >>> sha256_file(file)[:16]
    'ba7816bf8f01cfea'
    """
    with Path(path).open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def safe_name(text: str) -> str:
    """Turn any text into a file name that is safe on every system.

    The name holds no separator, control character, leading dot or reserved device name, and
    has at most 80 characters. Where anything but spaces had to change, eight digits of the
    text's SHA-256 follow, so that two texts never share a name.

    Examples
    --------
    >>> safe_name("seizures 2024")
    'seizures_2024'
    >>> safe_name("../../etc/passwd")
    'etc_passwd-3754d6cb'
    """
    composed = unicodedata.normalize("NFC", text)
    kept = composed.replace(" ", "_")
    name = re.sub(r"[^\w.-]+", "_", kept).strip("._-")[:_LONGEST_NAME]
    reserved = name.partition(".")[0].casefold() in _RESERVED
    fits = len(name.encode()) <= 2 * _LONGEST_NAME
    if name == kept and name and not reserved and fits:
        return name
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    stem = name.encode()[: _LONGEST_NAME - 10].decode(errors="ignore")
    prefix = "file" if reserved or not stem else stem
    return f"{prefix}-{digest}"


@contextmanager
def _staging(goal: Path) -> Iterator[Path]:
    """Make and hold the temporary folder; turn the system's refusals into WriteError."""
    folder, handle = None, None
    try:
        folder = Path(tempfile.mkdtemp(prefix=TEMPORARY, dir=goal.parent))
        handle = _lock(folder)
        yield folder
    except WriteError:
        raise
    except OSError as error:
        if error.errno is None:
            raise
        why = error.strerror or type(error).__name__
        kept = "The previous version is untouched." if goal.exists() else "Nothing was left there."
        raise WriteError(f"{goal} could not be written: {why}. {kept}") from error
    finally:
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)
        if handle is not None:
            os.close(handle)


def _lock(folder: Path) -> int | None:
    """Hold a temporary folder for this process; None where another process holds it."""
    if fcntl is None:
        return None
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(handle)
        return None
    return handle


def _sync(path: Path) -> None:
    """Flush a file or folder to disk; folders cannot be flushed on every system."""
    flags = os.O_RDONLY if path.is_dir() or os.name != "nt" else os.O_RDWR
    try:
        handle = os.open(path, flags)
    except PermissionError:
        if path.is_dir():
            return
        raise
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(handle)


def _sync_tree(folder: Path) -> None:
    for path in sorted(folder.rglob("*"), reverse=True):
        if not path.is_symlink():
            _sync(path)
    _sync(folder)


def _swap(draft: Path, goal: Path, staging: Path) -> None:
    """Put ``draft`` where ``goal`` is. In one step where the system can exchange two names."""
    if not goal.exists():
        draft.rename(goal)
    elif not _exchange(draft, goal):
        aside = staging / f"{_OLD}{goal.name}"
        goal.rename(aside)
        try:
            draft.rename(goal)
        except OSError:
            aside.rename(goal)
            raise


def _exchange(one: Path, other: Path) -> bool:
    """Exchange two names atomically (Linux renameat2); False where that is not offered."""
    library = ctypes.CDLL(None, use_errno=True) if os.name == "posix" else None
    rename = getattr(library, "renameat2", None)
    if rename is None:
        return False
    names = (os.fsencode(one), os.fsencode(other))
    result: int = rename(_AT_FDCWD, names[0], _AT_FDCWD, names[1], _RENAME_EXCHANGE)
    return result == 0


def _bring_back(stale: Path) -> None:
    """Undo a swap that was cut between its two renames: the target is missing, the old waits."""
    for aside in stale.glob(f"{_OLD}*"):
        goal = stale.parent / aside.name.removeprefix(_OLD)
        if not goal.exists():
            with suppress(OSError):
                aside.rename(goal)
