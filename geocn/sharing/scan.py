"""The leak scan: what was withheld must not stand in a file, however it is packed there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from geocn._typing import StrPath
from geocn.errors import LeakFoundError
from geocn.io.guard import read_regular
from geocn.sharing.scan_constants import without_constants
from geocn.sharing.scan_search import Search
from geocn.sharing.scan_walk import ScanLimits, Walker
from geocn.sharing.scan_watch import Origin, WatchList, watch_list

__all__ = ["Hit", "ScanLimits", "ScanReport", "refuse_leaks", "scan"]

_MOST_HITS = 10_000


@dataclass(frozen=True)
class Hit:
    """One withheld value at one place of a file; it never holds the value itself.

    Attributes
    ----------
    file : str
        The file, from the folder that was scanned.
    path : str
        Where in the file, from outside in: ``"block geocn-data › base64 › gzip › header"``.
    kind : {"id", "text", "number", "place", "canary"}
    layer, column : str
        Where the value was withheld from.
    label : Any
        Label of the withheld row.
    count : int
        How often it stands there.
    """

    file: str
    path: str
    kind: str
    layer: str
    column: str
    label: Any
    count: int


@dataclass(frozen=True)
class ScanReport:
    """What a leak scan found.

    Attributes
    ----------
    hits : tuple of Hit
        The first ten thousand, in the order of the files.
    not_scanned : tuple of (str, str)
        Part and reason of what could not be decoded, which is never clean.
    n_files, n_decoded, n_values : int
        Files; parts that were unpacked or decoded; withheld values that were looked for.
    n_too_short : int
        Withheld texts too short to be told from chance.
    n_hits : int
        All hits.
    """

    hits: tuple[Hit, ...]
    not_scanned: tuple[tuple[str, str], ...]
    n_files: int
    n_decoded: int
    n_values: int
    n_too_short: int
    n_hits: int

    @property
    def clean(self) -> bool:
        """Whether nothing was found and everything could be read."""
        return not self.n_hits and not self.not_scanned

    def to_frame(self) -> pd.DataFrame:
        """Return the hits as a table: ``file, path, kind, layer, column, label, count``."""
        return pd.DataFrame(self.hits, columns=list(Hit.__dataclass_fields__))

    def summary(self) -> str:
        """Say in a sentence what was found, without any withheld value."""
        said = []
        if self.n_hits:
            kinds = Counter(hit.kind for hit in self.hits)
            files = sorted({hit.file for hit in self.hits})
            counted = ", ".join(f"{number} × {kind}" for kind, number in sorted(kinds.items()))
            said.append(f"withheld data in {_named(files)}: {counted}; first {self.hits[0].path}")
        if self.not_scanned:
            part, why = self.not_scanned[0]
            more = f", and {len(self.not_scanned) - 1} more" if len(self.not_scanned) > 1 else ""
            said.append(f"could not be scanned: {part} {why}{more}")
        return "; ".join(said) or f"clean: {self.n_values} withheld values, {self.n_files} files"


def _named(files: Sequence[str]) -> str:
    return ", ".join(files[:3]) + (", …" if len(files) > 3 else "")


def scan(
    path: StrPath,
    withheld: Any,
    *,
    released: Any = None,
    allow: Iterable[str] = (),
    canaries: Any = None,
    tolerance_m: float = 10.0,
    limits: ScanLimits | None = None,
    plain: Mapping[str, bytes] | None = None,
) -> ScanReport:
    """Decode a file or a folder, and look for what was withheld from it.

    Texts in UTF-8, UTF-16, UTF-32 and Latin-1 are read as they are and through HTML
    entities, JSON and URL escapes, base64, base85 and hexadecimal; gzip, zlib, deflate,
    bzip2, xz and zip are unpacked, and so are the blocks of our maps, PDF, SQLite with its
    unused pages (GeoPackage), Parquet, Arrow, and the metadata of PNG, JPEG and TIFF. Bytes
    of any other kind are read as floats and integers at every offset.

    Parameters
    ----------
    path : path
        A file, or a folder with all below it.
    withheld : DataFrame, mapping of str to DataFrame, or WatchList
        The rows that must not stand there. A list from ``watch_list`` can be used for
        many files; the next four options then do not count.
    released, allow, canaries, tolerance_m
        As for ``watch_list``: what may stand there, what was planted, and the distance in
        metres up to which a place counts as a withheld one (default 10).
    limits : ScanLimits, optional
        What counts as a bomb.
    plain : mapping of str to bytes, optional
        What files that are encrypted held before, by their path from the folder; it is
        scanned in their place.

    Returns
    -------
    ScanReport

    Raises
    ------
    ReadError
        Where the path cannot be opened.
    ParameterError
        As for ``watch_list``.

    Example
    -------
    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp()) / "note.html"
    >>> _ = file.write_text("<p>see case SZ&#45;00017</p>")
    >>> found = scan(file, pd.DataFrame({"seizure_id": ["SZ-00017"]}))
    >>> found.clean, found.hits[0].kind, found.hits[0].path
    (False, 'id', 'entities')
    """
    watch = withheld
    if not isinstance(withheld, WatchList):
        watch = watch_list(
            withheld, released=released, allow=allow, canaries=canaries, tolerance_m=tolerance_m
        )
    root = Path(path)
    files = sorted(one for one in root.rglob("*") if not one.is_dir()) if root.is_dir() else [root]
    walker = Walker(Search(watch), limits or ScanLimits())
    for file in files:
        name = file.relative_to(root).as_posix() if root.is_dir() else file.name
        walker.text(f"{name} › name", name)
        if file.is_symlink() and root.is_dir():
            walker.not_scanned.append((name, "is a link to another file"))
        else:
            walker.data(name, (plain or {}).get(name) or read_regular(file))
    return _report(walker, watch, len(files))


def _report(walker: Walker, watch: WatchList, n_files: int) -> ScanReport:
    counts: Counter[tuple[str, Origin]] = Counter()
    for path, code, count in without_constants(walker.search.found, watch):
        counts[path, watch.origin(code)] += count
    hits = []
    for (path, origin), count in list(counts.items())[:_MOST_HITS]:
        file, _, inside = path.partition(" › ")
        hits.append(
            Hit(file, inside, origin.kind, origin.layer, origin.column, origin.label, count)
        )
    return ScanReport(
        tuple(hits),
        tuple(dict.fromkeys(walker.not_scanned)),
        n_files,
        walker.n_decoded,
        watch.n_values,
        watch.n_too_short,
        len(counts),
    )


def refuse_leaks(name: str, data: bytes, withheld: Any) -> ScanReport:
    """Scan what is about to be published as a file.

    Parameters
    ----------
    name : str
        What the message calls the file.
    data : bytes
        Its content.
    withheld : DataFrame, mapping of str to DataFrame, or WatchList

    Raises
    ------
    LeakFoundError
        Where it holds what was withheld, or cannot be scanned; ``report`` says where.
    """
    watch = withheld if isinstance(withheld, WatchList) else watch_list(withheld)
    walker = Walker(Search(watch), ScanLimits())
    walker.data(name, data)
    report = _report(walker, watch, 1)
    if not report.clean:
        raise LeakFoundError(f"{name} was not published: {report.summary()}.", report)
    return report
