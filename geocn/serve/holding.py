"""What a door may hand out: the files that a release lists of itself, and no others.

The list is made once, from the release's own ``release.json`` and ``SHA256SUMS``. A request is
looked up in it and never becomes a path, so what is not listed has no URL.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import quote

from geocn.errors import ParameterError, ReadError
from geocn.io.atomic import safe_name

SUMS, MANIFEST = "SHA256SUMS", "release.json"
#: What a release holds beside the outputs that its manifest lists.
_BESIDE = (MANIFEST, "sidecar.json", "sidecar.xml")
_JOINT = "joint"
_MOST_LIST_BYTES = 32 << 20
_CHUNK = 1 << 20
_HEAD = 4096
_FOLDER = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_NOFOLLOW", 0)
# Without O_NONBLOCK, opening a pipe put in a file's place would wait for ever.
_FILE = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)

#: What a change of a file's bytes always changes: device, inode, size, times of data and of state.
Identity = tuple[int, int, int, int, int]


class ChangedFileError(ReadError):
    """A file is no longer what the release lists."""


@dataclass(frozen=True)
class Entry:
    """One file of the list.

    Attributes
    ----------
    name : str
        Path within the release, with ``/``.
    size : int
        Bytes.
    sha256 : str
        In hexadecimal.
    has_policy : bool
        Whether it is a page that brings its own Content-Security-Policy.
    """

    name: str
    size: int
    sha256: str
    has_policy: bool = False


@dataclass
class Holding:
    """A release that was checked, file by file, against its own list.

    Attributes
    ----------
    folder : Path
        Of the release.
    about : dict
        The release's manifest: title, marking, partner, cut-off, period.
    entries : dict of str to Entry
        By the path of its URL, percent-encoded, such as ``/layers/seizures.parquet``.
    expires_on : date or None
        Last day on which it may be handed out.
    """

    folder: Path
    about: dict[str, Any]
    entries: dict[str, Entry]
    expires_on: date | None
    _seen: dict[str, Identity] = field(default_factory=dict, repr=False)
    _refused: dict[str, Identity] = field(default_factory=dict, repr=False)

    @classmethod
    def read(cls, run: Path, profile: str) -> Holding:
        """List and check the release ``profile`` of a run.

        Raises
        ------
        ParameterError
            Where the run has no such release.
        ReadError
            Where a list cannot be read, or a file is not what it says; all are named.
        """
        folder = run / "releases" / _release_name(run, profile)
        raw = _small(folder, SUMS)
        _check_outer(run, folder.name, raw)
        about = _manifest(_small(folder, MANIFEST))
        sums = {**_sums(raw), SUMS: hashlib.sha256(raw).hexdigest()}
        holding = cls(folder, about, {}, _expiry(about))
        faults = list(_faults(about, sums))
        for name in _names(about, sums):
            try:
                entry, identity = _checked(folder, name, sums[name])
            except OSError as error:
                faults.append(f"{name}: {error.strerror or error}")
                continue
            holding.entries["/" + quote(name)] = entry
            holding._seen[name] = identity
        if faults:
            listed = "".join(f"\n  - {fault}" for fault in faults)
            raise ReadError(
                f"{folder}: {len(faults)} files are not what the release lists, so it is not "
                f"served:{listed}\nRun the project again, or bring the release back whole."
            )
        return holding

    @contextmanager
    def opened(self, entry: Entry) -> Iterator[Opened]:
        """Open a listed file, sure that it is still the one that was checked.

        Raises
        ------
        ChangedFileError
            Where it was changed, moved away, or replaced by a link.
        """
        try:
            handle = open_below(self.folder, entry.name)
        except OSError as error:
            raise ChangedFileError(f"{entry.name} cannot be opened any more.") from error
        try:
            if identity_of(handle) != self._seen[entry.name]:
                self._check_again(entry, handle)
            yield Opened(handle, self._seen[entry.name], entry.name)
        finally:
            os.close(handle)

    def _check_again(self, entry: Entry, handle: int) -> None:
        """Accept another copy of the same bytes, as a restored backup is."""
        before = identity_of(handle)
        # A file is read to the end once for each change, however often it is asked for.
        known = self._refused.get(entry.name) == before
        if known or _digest(handle)[0] != entry.sha256 or identity_of(handle) != before:
            self._refused[entry.name] = before
            raise ChangedFileError(f"{entry.name} is no longer what the release lists.")
        self._seen[entry.name] = before


@dataclass(frozen=True)
class Opened:
    """An open file and what it was when it was checked."""

    handle: int
    identity: Identity
    name: str

    def read(self, start: int, length: int) -> bytes:
        """Read bytes, sure that the file was not written to until then.

        Raises
        ------
        ChangedFileError
            Where it was.
        """
        data = os.pread(self.handle, length, start)
        if len(data) != length or identity_of(self.handle) != self.identity:
            raise ChangedFileError(f"{self.name} was changed while it was read.")
        return data


def open_below(folder: Path, name: str) -> int:
    """Open the regular file ``name`` below ``folder``; no part of the way may be a link."""
    *parents, last = name.split("/")
    place = os.open(folder, _FOLDER)
    try:
        for part in parents:
            inner = os.open(part, _FOLDER, dir_fd=place)
            os.close(place)
            place = inner
        handle = os.open(last, _FILE, dir_fd=place)
    finally:
        os.close(place)
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise OSError(f"{name} is no regular file")
    return handle


def identity_of(handle: int) -> Identity:
    """Return what changes whenever the bytes of an open file do."""
    now = os.fstat(handle)
    return now.st_dev, now.st_ino, now.st_size, now.st_mtime_ns, now.st_ctime_ns


def refuse_joint(profile: str) -> None:
    """Refuse the one folder of a run that is nobody's release.

    Raises
    ------
    ParameterError
        Where ``profile`` names it.
    """
    if profile == _JOINT:
        raise ParameterError(
            "profile: the joint folder holds what partners gave each other under their own "
            "markings and is never served; name a release."
        )


def _release_name(run: Path, profile: str) -> str:
    """Return the folder of a release within ``releases``."""
    name = safe_name(profile)
    there = run / "releases"
    try:
        known = sorted(one.name for one in there.iterdir()) if there.is_dir() else []
    except OSError as error:
        raise ReadError(f"{there} cannot be listed: {error.strerror}.") from error
    if name not in known:
        listed = ", ".join(known) or "none"
        raise ParameterError(f"profile: the run has no release {profile!r}; it has: {listed}.")
    return name


def _small(folder: Path, name: str) -> bytes:
    try:
        handle = open_below(folder, name)
    except OSError as error:
        why = error.strerror or str(error)
        raise ReadError(f"{folder / name} cannot be read: {why}.") from error
    with os.fdopen(handle, "rb") as stream:
        data = stream.read(_MOST_LIST_BYTES + 1)
    if len(data) > _MOST_LIST_BYTES:
        raise ReadError(f"{folder / name} is too large to be a list of a release.")
    return data


def _check_outer(run: Path, name: str, raw: bytes) -> None:
    """Hold the list of a release against the list of the run that made it."""
    listed = _sums(_small(run, SUMS)).get(f"releases/{name}/{SUMS}")
    if listed != hashlib.sha256(raw).hexdigest():
        raise ReadError(
            f"{run / 'releases' / name / SUMS} is not the list that the run wrote, so the release "
            "is not served. Run the project again."
        )


def _manifest(raw: bytes) -> dict[str, Any]:
    try:
        about = json.loads(raw)
    except ValueError as error:
        raise ReadError(f"{MANIFEST} is no JSON: {error}.") from error
    if not isinstance(about, dict) or not isinstance(about.get("outputs"), dict):
        raise ReadError(f"{MANIFEST} does not list the outputs of a release.")
    return about


def _expiry(about: Mapping[str, Any]) -> date | None:
    told = about.get("expires_on")
    if told is None:
        return None
    try:
        return date.fromisoformat(told)
    except (TypeError, ValueError) as error:
        raise ReadError(f"{MANIFEST}: expires_on {told!r} is no date.") from error


def _sums(raw: bytes) -> dict[str, str]:
    """Read what ``sha256sum`` writes."""
    found = {}
    for number, line in enumerate(raw.decode("utf-8", "replace").splitlines(), 1):
        digest, _, name = line.partition("  ")
        if len(digest) != 64 or set(digest) - set("0123456789abcdef") or not _is_plain(name):
            raise ReadError(f"{SUMS}, line {number}: found {line[:100]!r}; expected sum and path.")
        found[name] = digest
    return found


def _is_plain(name: str) -> bool:
    parts = name.split("/")
    return name.isprintable() and "\\" not in name and not any(p in {"", ".", ".."} for p in parts)


def _names(about: Mapping[str, Any], sums: Mapping[str, str]) -> list[str]:
    return sorted({*about["outputs"], *_BESIDE, SUMS} & sums.keys())


def _faults(about: Mapping[str, Any], sums: Mapping[str, str]) -> Iterator[str]:
    for name, digest in about["outputs"].items():
        if name not in sums:
            yield f"{name}: stands in {MANIFEST} and not in {SUMS}"
        elif digest is not None and digest != sums[name]:
            yield f"{name}: {MANIFEST} and {SUMS} disagree"


def _checked(folder: Path, name: str, sha256: str) -> tuple[Entry, Identity]:
    handle = open_below(folder, name)
    try:
        identity = identity_of(handle)
        digest, head = _digest(handle)
        if digest != sha256 or identity_of(handle) != identity:
            raise OSError("its SHA-256 is another")
    finally:
        os.close(handle)
    has_policy = name.endswith(".html") and b'http-equiv="Content-Security-Policy"' in head
    return Entry(name, identity[2], digest, has_policy), identity


def _digest(handle: int) -> tuple[str, bytes]:
    """Return the SHA-256 of an open file and its first bytes."""
    total, start = hashlib.sha256(), 0
    while block := os.pread(handle, _CHUNK, start):
        total.update(block)
        start += len(block)
    return total.hexdigest(), os.pread(handle, _HEAD, 0)
