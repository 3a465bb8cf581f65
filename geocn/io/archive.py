"""Zip archives: members are checked before the first one is unpacked, and never touch the disk."""

from __future__ import annotations

import io
import re
import stat
import zipfile
import zlib
from pathlib import Path, PurePosixPath
from types import TracebackType

from geocn.errors import ReadError, UnsafeFileError
from geocn.io.guard import FileFormat, identify_content, open_regular

_MAX_MEMBER = 2 << 30
_MAX_TOTAL = 4 << 30
_MAX_RATIO = 200
_SMALL = 32 << 20
_MAX_MEMBERS = 20_000
_ENCRYPTED = 0x1
_HEAD = 4096
SHAPEFILE_PARTS = (".shp", ".shx", ".dbf", ".prj", ".cpg")


class Archive:
    """A checked zip archive, opened for reading.

    Parameters
    ----------
    path : Path
        A file that passed :func:`geocn.io.guard.check_path`.

    Raises
    ------
    UnsafeFileError
        Where a member's name leaves the archive's folder, a member is a link, or the members
        would grow beyond 2 GiB each, 4 GiB together, or 200 times their packed size (above
        32 MiB).
    ReadError
        Where the archive is cut, damaged or encrypted.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._stream = open_regular(path)
        try:
            self._zip = zipfile.ZipFile(self._stream)
            self.members = self._checked_members()
        except (zipfile.BadZipFile, RuntimeError, ValueError, EOFError, OSError) as error:
            self._stream.close()
            if isinstance(error, ReadError):
                raise
            raise ReadError(
                f"{path.name}: the zip archive is damaged or was cut ({error})"
            ) from error

    def __enter__(self) -> Archive:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._zip.close()
        self._stream.close()

    @property
    def format(self) -> FileFormat:
        """What the archive is: a workbook, a KMZ, a zipped Shapefile, or a plain ZIP."""
        names = {name.casefold() for name in self.members}
        if "[content_types].xml" in names and any(name.startswith("xl/") for name in names):
            return FileFormat.XLSX
        if {"mimetype", "content.xml"} <= names:
            raise ReadError(f"{self.path.name}: found an OpenDocument file; save it as .xlsx")
        if self.ending(".shp"):
            return FileFormat.SHAPEFILE
        if self._likely() and self._likely() == self.ending(".kml"):
            return FileFormat.KMZ
        return FileFormat.ZIP

    def ending(self, suffix: str) -> list[str]:
        """Return the names of the members with an ending, sorted, without hidden ones."""
        return sorted(name for name in self.members if name.casefold().endswith(suffix))

    def read(self, name: str) -> bytes:
        """Unpack one member into memory.

        Raises
        ------
        ReadError
            Where it is damaged (its checksum or length differ) or encrypted.
        """
        info = self.members[name]
        if info.flag_bits & _ENCRYPTED:
            raise ReadError(
                f"{self.path.name}: member {name} is encrypted. Unpack it yourself first."
            )
        try:
            with self._zip.open(info) as stream:
                data = stream.read(info.file_size + 1)
        except (
            zipfile.BadZipFile,
            zlib.error,
            EOFError,
            OSError,
            RuntimeError,
        ) as error:
            raise ReadError(f"{self.path.name}: member {name} is damaged ({error})") from error
        if len(data) != info.file_size:
            raise ReadError(f"{self.path.name}: member {name} is not as long as the archive says")
        return data

    def choose(self, member: str | None) -> str:
        """Return the one member that holds data, or the one asked for.

        Raises
        ------
        ReadError
            Where several could be meant (all are named), or none.
        """
        if member is not None:
            if member not in self.members:
                raise ReadError(
                    f"{self.path.name}: there is no member {member!r}; there are: {self._names()}"
                )
            return member
        if len(self.members) == 1:
            return next(iter(self.members))
        likely = self._likely()
        if len(likely) == 1:
            return likely[0]
        raise ReadError(
            f"{self.path.name}: found {len(self.members)} members: {self._names()}. Say which one "
            "with member=."
        )

    def identify(self, name: str) -> FileFormat:
        """Say what a member is from its content."""
        found = identify_content(self.read(name)[:_HEAD], f"{self.path.name}/{name}")
        if found is FileFormat.ZIP:
            raise UnsafeFileError(
                f"{self.path.name}: member {name} is an archive within an archive"
            )
        return found

    def shapefile(self, member: str | None = None) -> tuple[str, dict[str, bytes]]:
        """Return the stem and the parts of the one Shapefile, by lower-case ending."""
        found = self.ending(".shp")
        if member is not None:
            found = [name for name in found if name == member]
        if len(found) != 1:
            raise ReadError(
                f"{self.path.name}: found {len(found)} Shapefiles: {', '.join(found) or 'none'}. "
                "Say which one with member=."
            )
        stem = found[0][: -len(".shp")]
        by_name = {name.casefold(): name for name in self.members}
        parts = {
            suffix: self.read(by_name[(stem + suffix).casefold()])
            for suffix in SHAPEFILE_PARTS
            if (stem + suffix).casefold() in by_name
        }
        return PurePosixPath(stem).name, parts

    def repacked(self) -> io.BytesIO:
        """Return the archive again, holding just what was checked, unpacked."""
        target = io.BytesIO()
        with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as out:
            for name in self.members:
                out.writestr(name, self.read(name))
        target.seek(0)
        return target

    def _likely(self) -> list[str]:
        """Return the members whose ending is that of a data format."""
        return sorted(
            name for name in self.members if PurePosixPath(name).suffix.casefold() in _DATA_ENDINGS
        )

    def _names(self) -> str:
        names = sorted(self.members)
        return ", ".join(names[:8]) + (", …" if len(names) > 8 else "")

    def _checked_members(self) -> dict[str, zipfile.ZipInfo]:
        infos = self._zip.infolist()
        if len(infos) > _MAX_MEMBERS:
            raise UnsafeFileError(f"{self.path.name}: found {len(infos)} members in one archive")
        members: dict[str, zipfile.ZipInfo] = {}
        for info in infos:
            _refuse_member(info, self.path.name)
            if info.is_dir() or _is_hidden(info.filename):
                continue
            if info.filename in members:
                raise UnsafeFileError(
                    f"{self.path.name}: member {info.filename} stands there twice"
                )
            members[info.filename] = info
        if sum(info.file_size for info in infos) > _MAX_TOTAL:
            raise UnsafeFileError(f"{self.path.name}: the members would unpack to over 4 GiB")
        if not members:
            raise ReadError(f"{self.path.name}: the archive is empty")
        return members


_COMPANIONS = frozenset({".DS_Store", "Thumbs.db", "desktop.ini"})
_DATA_ENDINGS = frozenset(
    {".csv", ".tsv", ".txt", ".xlsx", ".geojson", ".json", ".gpkg", ".fgb", ".parquet"}
    | {".geoparquet", ".kml", ".gpx", ".tab"}
)


def _refuse_member(info: zipfile.ZipInfo, archive: str) -> None:
    name = info.orig_filename
    if not info.filename:
        raise UnsafeFileError(f"{archive}: a member has no name")
    if re.match(r"^(?:[/\\]|[A-Za-z]:)", name) or ".." in re.split(r"[/\\]", name) or "\0" in name:
        raise UnsafeFileError(f"{archive}: member {name!r} would leave the archive's folder")
    if stat.S_ISLNK(info.external_attr >> 16):
        raise UnsafeFileError(f"{archive}: member {name!r} is a link")
    grown = info.file_size / max(info.compress_size, 1)
    if info.file_size > _MAX_MEMBER or (info.file_size > _SMALL and grown > _MAX_RATIO):
        raise UnsafeFileError(
            f"{archive}: member {name!r} would grow from {info.compress_size} to {info.file_size} "
            "bytes. If it is what you expect, unpack it yourself and read the file."
        )


def _is_hidden(name: str) -> bool:
    """Say whether a member is one of the companions that macOS and Windows add."""
    parts = name.split("/")
    return "__MACOSX" in parts or parts[-1].startswith("._") or parts[-1] in _COMPANIONS
