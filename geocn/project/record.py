"""What the last run of a project was made from, so that the next one knows it at once.

Nothing heavy is imported here: that nothing changed must be said before geopandas loads.
"""

from __future__ import annotations

import glob
import hashlib
import json
import os
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from geocn.io.atomic import atomic_file, sha256_file
from geocn.project.code import code_version
from geocn.project.paths import CACHE, is_folder, matches

_FORMAT = 1
_SUMS = "SHA256SUMS"
# A file may change without a trace in its times while they are as coarse as 2 seconds (FAT).
_COARSEST_NS = 2_000_000_000
_SECRETS = ("GEOCN_RELEASE_SECRET", "GEOCN_RELEASE_SECRET_FILE")


@dataclass(frozen=True)
class Request:
    """One way to run a project: the file, where to, and what of it."""

    project: Path
    out: Path | None = None
    period: str | None = None
    as_of: str | None = None
    since: str | None = None
    every: str = "month"

    @property
    def file(self) -> Path:
        """The project file itself."""
        return self.project / "project.toml" if is_folder(self.project) else self.project

    @property
    def name(self) -> str:
        """A name for the record of this request."""
        told = [self.file.resolve(), self.period, self.as_of, self.since, self.every]
        return hashlib.sha256(json.dumps([str(one) for one in told]).encode()).hexdigest()[:32]

    def target(self) -> Path | None:
        """Return the folder of the runs, None where the project file does not say it."""
        if self.out is not None:
            return self.out
        try:
            told = tomllib.loads(self.file.read_text("utf-8")).get("outputs", {})
            return Path(os.path.normpath(self.file.parent / str(told.get("folder", "out"))))
        except (OSError, ValueError, AttributeError):
            return None


def unchanged(request: Request) -> list[Path] | None:
    """Return the folders of the last runs of ``request`` if a new one would give the same.

    None where an input, a parameter, a secret or the code is new, where a folder is not
    whole, or where there is no record.
    """
    target = request.target()
    if target is None:
        return None
    path = _path(target, request)
    try:
        since_ns = path.stat().st_mtime_ns
        record = json.loads(path.read_text("utf-8"))
        same = (
            record["format"] == _FORMAT
            and record["code"] == code_version()
            and all(matches(Path(one)) == names for one, names in record["patterns"])
            and all(_same_file(Path(name), one, since_ns) for name, one in record["inputs"].items())
            and record["secrets"] == _secrets(record["secrets"], request)
            and all(_same_folder(target / name, seen) for name, seen in record["folders"])
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None
    if not same:
        return None
    with suppress(OSError):
        os.utime(path)
    return [target / name for name, _ in record["folders"]]


def write_record(
    target: Path,
    request: Request,
    *,
    inputs: Mapping[Path, str],
    patterns: Iterable[Path],
    secrets: Iterable[str],
    folders: Sequence[Path],
) -> None:
    """Write down what ``folders`` were made from; where that fails, the next run is slower.

    Parameters
    ----------
    target : path
        Where the runs are.
    request : Request
        What was asked for.
    inputs : mapping of Path to str
        Every file that was read, and its SHA-256.
    patterns : iterable of path
        Patterns of files; another file that one of them finds is a change.
    secrets : iterable of str
        Names of environment variables that shape the outputs.
    folders : sequence of path
        The runs.
    """
    record = {
        "format": _FORMAT,
        "code": code_version(),
        "patterns": [[str(one.absolute()), matches(one)] for one in patterns],
        "inputs": {str(p.absolute()): [digest, *_seen(p)] for p, digest in inputs.items()},
        "secrets": _secrets(secrets, request),
        "folders": [[one.name, _listing(one)] for one in folders],
    }
    path = _path(target, request)
    with suppress(OSError):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with atomic_file(path) as draft:
            draft.write_text(json.dumps(record), encoding="utf-8")
            draft.chmod(0o600)


def is_whole(folder: Path) -> bool:
    """Say whether a run's folder is all there: every file as ``SHA256SUMS`` has it, no failure."""
    try:
        lines = (folder / _SUMS).read_text("utf-8").splitlines()
        sums = {line[66:]: line[:64] for line in lines}
        manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
        return (
            not manifest["failed"]
            and {"manifest.json", *manifest["outputs"]} <= set(sums)
            and all(sha256_file(folder / name) == digest for name, digest in sums.items())
        )
    except (OSError, ValueError, KeyError, TypeError):
        return False


def pattern_of(path: Path) -> Path:
    """Return the pattern that finds the companions of ``path``, or it alone."""
    stem = glob.escape(path.stem)
    name = f"{stem}.*" if path.suffix.casefold() == ".shp" else glob.escape(path.name)
    return path.with_name(name)


def _path(target: Path, request: Request) -> Path:
    return target / CACHE / "runs" / f"{request.name}.json"


def _seen(path: Path) -> list[int]:
    found = path.stat()
    return [found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino, found.st_dev]


def _same_file(path: Path, known: Sequence[Any], since_ns: int) -> bool:
    seen = _seen(path)
    untouched = max(seen[1], seen[2]) < since_ns - _COARSEST_NS
    if seen == list(known[1:]) and untouched:
        return True
    return bool(sha256_file(path) == known[0])


def _listing(folder: Path) -> dict[str, list[int]]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {one.relative_to(folder).as_posix(): _seen(one)[:2] for one in files}


def _same_folder(folder: Path, listing: Mapping[str, Sequence[int]]) -> bool:
    if all(_seen(folder / name)[:2] == list(known) for name, known in listing.items()):
        return True
    return is_whole(folder)


def _secrets(names: Iterable[str], request: Request) -> dict[str, str | None]:
    """Return a slow hash of each secret; the record is for its owner's eyes, like the runs."""
    found: dict[str, str | None] = {}
    for name in sorted({*names, *_SECRETS}):
        value = os.environ.get(name)
        if value and name.endswith("_FILE"):
            with suppress(OSError):
                value = Path(value).read_bytes().hex()
        salt = f"{request.name} {name}".encode()
        found[name] = value and hashlib.scrypt(value.encode(), salt=salt, n=1 << 14, r=8, p=1).hex()
    return found
