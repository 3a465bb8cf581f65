"""From a file to everything that can be read in it, however deep it is packed."""

from __future__ import annotations

import binascii
import hashlib
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from geocn._typing import AnyArray
from geocn.errors import NotScannedError
from geocn.sharing import scan_blobs as blobs
from geocn.sharing import scan_formats as formats
from geocn.sharing.scan_constants import without_constant_lines, without_constant_texts
from geocn.sharing.scan_packed import is_opaque, packed_block, packed_parts
from geocn.sharing.scan_parts import MapColumns, Part, Reader, TilePlaces
from geocn.sharing.scan_search import Search
from geocn.sharing.scan_strings import strings_in
from geocn.sharing.scan_text import unescaped
from geocn.sharing.scan_tiles import pmtiles_parts

_BLOCK = re.compile(r"<(script|style|template|svg)\b([^>]*)>(.*?)</\1\s*>", re.S | re.I)
_NAMED = re.compile(r"\bid\s*=\s*[\"']?([\w.:-]+)")
_MAGIC: tuple[tuple[bytes, Reader], ...] = (
    (b"\x1f\x8b\x08", formats.gzip_parts),
    (b"BZh", formats.bzip2_parts),
    (b"\xfd7zXZ\0", formats.xz_parts),
    (b"PK\x03\x04", formats.zip_parts),
    (b"PK\x05\x06", formats.zip_parts),
    (b"%PDF-", formats.pdf_parts),
    (b"\x89PNG\r\n\x1a\n", formats.png_parts),
    (b"\xff\xd8\xff", formats.jpeg_parts),
    (b"II*\0", formats.tiff_parts),
    (b"MM\0*", formats.tiff_parts),
    (b"II+\0", formats.tiff_parts),
    (b"MM\0+", formats.tiff_parts),
    (b"SQLite format 3\0", formats.sqlite_parts),
    (b"PAR1", formats.parquet_parts),
    (b"ARROW1", formats.arrow_parts),
    (b"PMTiles\x03", pmtiles_parts),
)
_ARROW_STREAM = b"\xff\xff\xff\xff"
_BEGINNINGS = frozenset(
    binascii.b2a_base64(magic)[:2].decode("ascii")
    for magic in (*(one for one, _ in _MAGIC), _ARROW_STREAM)
)
_SEALED = {
    b"7z\xbc\xaf\x27\x1c": "7-Zip",
    b"Rar!\x1a\x07": "RAR",
    b"\x28\xb5\x2f\xfd": "Zstandard",
    b"\x04\x22\x4d\x18": "LZ4",
    b"PARE": "encrypted Parquet",
    b"\xd0\xcf\x11\xe0": "OLE (old Office, or an encrypted workbook)",
}
#: Whose readers give all their bytes, unpacked or as they are.
_WHOLE = frozenset(
    {
        formats.gzip_parts,
        formats.bzip2_parts,
        formats.xz_parts,
        formats.sqlite_parts,
        formats.tiff_parts,
        formats.arrow_parts,
        pmtiles_parts,
    }
)
_DELIMITERS = ",;\t|"
_LONG_TEXT = 1 << 26
#: Stretches that are remembered.
_MOST_CLEAN = 1_000_000


@dataclass(frozen=True)
class ScanLimits:
    """How far a scan goes before it calls a file a bomb, which is not clean.

    Attributes
    ----------
    total_mb : int
        Decoded megabytes in all, 2**20 bytes each.
    part_mb : int
        Decoded megabytes of one part.
    depth : int
        Containers inside containers.
    """

    total_mb: int = 4_096
    part_mb: int = 1_024
    depth: int = 12


@dataclass
class Walker:
    """Decodes one file after the other and hands all to a :class:`Search`."""

    search: Search
    limits: ScanLimits
    not_scanned: list[tuple[str, str]] = field(default_factory=list)
    n_decoded: int = 0
    _spent: int = 0
    _seen: dict[bytes, tuple[str, int, int]] = field(default_factory=dict)
    _clean: dict[str, set[str]] = field(default_factory=dict)

    def data(self, path: str, data: bytes, depth: int = 0, *, certain: bool = True) -> None:
        """Look through bytes and whatever they hold.

        ``certain`` says that the bytes are really there, not a guess at an encoding: what
        of them cannot be decoded is then reported.
        """
        if not data or not self._fresh(path, data):
            return
        started = len(self.search.found)
        try:
            self._spend(len(data), depth)
            self._dispatch(path, data, depth, certain=certain)
        except Exception as error:
            # Any reader may stumble over a hostile file in a way of its own.
            if certain or len(data) >= blobs.BLOCK:
                self.not_scanned.append((path, _why(error)))
            if certain:
                self._strings(path, data, depth)
        self._seen[_digest(data)] = (path, started, len(self.search.found))

    def _dispatch(self, path: str, data: bytes, depth: int, *, certain: bool) -> None:
        sealed = next((name for magic, name in _SEALED.items() if data.startswith(magic)), None)
        if sealed is not None and certain:
            raise NotScannedError(f"is {sealed}, which is not decoded")
        reader = _reader(data)
        if reader is None:
            self._unknown(path, data, depth, certain=certain)
            return
        self.n_decoded += 1
        self._parts(path, reader(data, self.limits.part_mb << 20), depth, whole=data)
        if reader not in _WHOLE:
            self._strings(path, data, depth)

    def _parts(
        self, path: str, parts: Iterator[Part], depth: int, *, whole: bytes | None = None
    ) -> None:
        for label, part in parts:
            below = f"{path} › {label}" if label else path
            if isinstance(part, list):
                self.search.columns(below, part)
            elif isinstance(part, MapColumns):
                self.search.columns(below, part.columns, basemap_steps=part.steps)
            elif isinstance(part, TilePlaces):
                self.search.tiles(below, part)
            elif isinstance(part, str):
                self.text(below, part, depth + 1)
            elif isinstance(part, memoryview):
                self.search.raw(below, bytes(part))
            elif part is whole or not _reader(part):
                self._leaf(below, part, depth + 1)
            else:
                self.data(below, part, depth + 1)

    def _unknown(self, path: str, data: bytes, depth: int, *, certain: bool) -> None:
        """Look through bytes that no reader is known for: text, deflated, or anything."""
        text = blobs.as_text(data)
        if text is not None:
            self.text(path, text, depth)
        elif not self._deflated(path, data, depth):
            self._strings(path, data, depth)
            if certain and blobs.looks_random(data):
                raise NotScannedError("is encrypted, or packed in an unknown way")
            self.search.raw(path, data)

    def _leaf(self, path: str, data: bytes, depth: int) -> None:
        """Look through bytes that are no container of their own."""
        self._spend(len(data), depth)
        text = blobs.as_text(data)
        if text is not None:
            self.text(path, text, depth)
        else:
            self._strings(path, data, depth)
            self.search.raw(path, data)

    def _deflated(self, path: str, data: bytes, depth: int) -> bool:
        """Try bytes of no known kind as zlib or raw deflate."""
        for name, wbits in (("zlib", 15), ("deflate", -15)):
            if name == "deflate" and not blobs.looks_random(data):
                continue
            try:
                inner = formats.inflated(data, self.limits.part_mb << 20, wbits)
            except NotScannedError as error:
                if "expands" in str(error):
                    raise
                continue
            self.n_decoded += 1
            self.data(f"{path} › {name}", inner, depth + 1)
            return True
        return False

    def _strings(self, path: str, data: bytes, depth: int) -> None:
        for encoding, text, long in strings_in(data):
            below = path if encoding == "text" else f"{path} › {encoding}"
            if long:
                self.text(below, text, depth + 1)
            else:
                self.search.words(below, text)

    def text(self, path: str, text: str, depth: int = 0, *, escapes: int = 2) -> None:
        """Look through a text and whatever is encoded in it."""
        if not text or not self._fresh(path, text.encode("utf-8", "surrogatepass")):
            return
        started = len(self.search.found)
        self._spend(len(text), depth)
        block = packed_block(text)
        if block is not None:
            self.n_decoded += 1
            header = without_constant_texts(block[0])
            self._parts(f"{path} › packed", packed_parts(header, block[1]), depth)
            self._seen[_digest(text.encode())] = (path, started, len(self.search.found))
            return
        rest = _BLOCK.sub(lambda match: f" {match[2]} ", text) if "</" in text else text
        if rest is not text:
            for number, match in enumerate(_BLOCK.finditer(text)):
                named = _NAMED.search(match[2])
                label = f"block {named[1]}" if named else f"{match[1].lower()} {number}"
                self.text(f"{path} › {label}", without_constant_lines(match[3]), depth + 1)
        rest = self._blobs(path, rest, depth)
        if is_opaque(rest):
            self.not_scanned.append((path, "is encrypted, or packed in an unknown way"))
        self.search.text(path, rest)
        for columns in _columns(rest):
            self.search.columns(path, columns)
        if escapes:
            for name, plain in unescaped(rest):
                if plain != rest:
                    self.n_decoded += 1
                    self.text(f"{path} › {name}", plain, depth + 1, escapes=escapes - 1)
        key = _digest(text.encode("utf-8", "surrogatepass"))
        self._seen[key] = (path, started, len(self.search.found))

    def _blobs(self, path: str, text: str, depth: int) -> str:
        """Decode what is base64, hexadecimal or base85; return the text without big blocks."""
        kept, short, end = [], [], 0
        for start, stop, letters in blobs.base64_runs(text):
            if len(letters) < blobs.BLOCK:
                short.append(letters)
                continue
            block = blobs.from_base64(letters)
            if _reader(block) or blobs.looks_random(block):
                self.n_decoded += 1
                self.data(f"{path} › base64", block, depth + 1)
                kept.append(text[end:start])
                end = stop
            else:
                self.data(f"{path} › base64", block, depth + 1, certain=False)
        self._short(path, short, depth)
        rest = " ".join([*kept, text[end:]]) if end else text
        self._digits(path, rest, depth)
        return rest

    def _short(self, path: str, runs: list[str], depth: int) -> None:
        """Decode short stretches of base64 together, each at every alignment."""
        new = self._new("base64", runs)
        if not new:
            return
        before = self._state()
        first, *others = (blobs.from_short_base64(new, skip) for skip in range(4))
        self._guess(f"{path} › base64", b"\n\n".join([first, *others]), depth)
        self.search.raw(f"{path} › base64", first)
        for letters in new:
            # Two letters are a byte and a half: enough to leave nearly all aside.
            if letters[:2] in _BEGINNINGS and _reader(one := blobs.from_base64(letters)):
                self.data(f"{path} › base64", one, depth + 1, certain=False)
        self._settle("base64", new, before)

    def _digits(self, path: str, rest: str, depth: int) -> None:
        """Decode what is hexadecimal or base85."""
        runs = self._new("hex", blobs.hex_runs(rest))
        if runs:
            before = self._state()
            hexed = [bytes.fromhex(run) for run in runs]
            self._guess(f"{path} › hex", b"\n\n".join(hexed), depth)
            self.search.raw(f"{path} › hex", b"\n\n".join(hexed))
            for one in hexed:
                if _reader(one):
                    self.data(f"{path} › hex", one, depth + 1, certain=False)
            self._settle("hex", runs, before)
        for name, found in blobs.base85_runs(rest):
            runs, before = self._new(name, found), self._state()
            for block in blobs.from_base85(name, runs):
                if _reader(block):
                    self.data(f"{path} › {name}", block, depth + 1, certain=False)
                else:
                    self._guess(f"{path} › {name}", block, depth)
            self._settle(name, runs, before)

    def _new(self, name: str, runs: Iterable[str]) -> list[str]:
        """Return stretches but for those that held nothing when they were decoded before."""
        clean = self._clean.setdefault(name, set())
        return [run for run in dict.fromkeys(runs) if run not in clean]

    def _state(self) -> tuple[int, int]:
        return len(self.search.found), len(self.not_scanned)

    def _settle(self, name: str, runs: list[str], before: tuple[int, int]) -> None:
        """Remember stretches in which nothing was found."""
        if self._state() == before and len(self._clean[name]) < _MOST_CLEAN:
            self._clean[name].update(runs)

    def _guess(self, path: str, data: bytes, depth: int) -> None:
        """Look through bytes that may be nothing but chance: no further unpacking."""
        self._spend(0, depth)
        for encoding, text, long in strings_in(data):
            look = self.search.text if long else self.search.words
            look(path if encoding == "text" else f"{path} › {encoding}", text)

    def _fresh(self, path: str, data: bytes) -> bool:
        """Say whether this content is new; what was found in it before is noted again."""
        before = self._seen.get(_digest(data))
        if before is None:
            return True
        was, start, end = before
        for at, code, count in self.search.found[start:end]:
            self.search.found.append((path + at[len(was) :], code, count))
        return False

    def _spend(self, size: int, depth: int) -> None:
        self._spent += size
        if self._spent > self.limits.total_mb << 20:
            raise NotScannedError(f"expands beyond {self.limits.total_mb:,} MB in all")
        if depth > 2 * self.limits.depth:
            raise NotScannedError(f"is packed more than {self.limits.depth} times")


def _digest(data: bytes) -> bytes:
    return hashlib.blake2b(data, digest_size=16).digest()


def _reader(data: bytes) -> Reader | None:
    if data.startswith(_ARROW_STREAM) and data[8:12] == b"\x10\0\0\0":
        return formats.arrow_parts
    return next((reader for magic, reader in _MAGIC if data.startswith(magic)), None)


def _why(error: Exception) -> str:
    if isinstance(error, NotScannedError):
        return str(error)
    return f"could not be decoded ({type(error).__name__})"


def _columns(text: str) -> Iterator[list[AnyArray]]:
    """Yield columns of numbers that stand in a JSON document or a delimited table."""
    head = text.lstrip()[:1]
    if len(text) > _LONG_TEXT:
        return
    if head in ("{", "["):
        try:
            yield from _json_columns(json.loads(text))
        except (ValueError, RecursionError):
            return
    else:
        yield from _table_columns(text)


def _json_columns(node: Any) -> Iterator[list[AnyArray]]:
    if isinstance(node, dict):
        lists = [one for one in node.values() if isinstance(one, list) and len(one) > 1]
        arrays = [np.array(one, dtype=np.float64) for one in lists if _all_numbers(one)]
        if len(arrays) > 1:
            yield arrays
        for one in node.values():
            if isinstance(one, (dict, list)):
                yield from _json_columns(one)
    elif isinstance(node, list) and any(isinstance(one, (dict, list)) for one in node[:3]):
        for one in node:
            if isinstance(one, dict):
                yield from _json_columns(one)


def _all_numbers(values: list[Any]) -> bool:
    return all(isinstance(one, (int, float)) for one in values)


def _table_columns(text: str) -> Iterator[list[AnyArray]]:
    lines = text.split("\n")
    sample = [line for line in lines[1:6] if line]
    for delimiter in _DELIMITERS:
        widths = {line.count(delimiter) for line in sample}
        if len(widths) != 1 or not 2 <= (width := widths.pop()) <= 500:
            continue
        rows = [line.split(delimiter) for line in lines if line.count(delimiter) == width]
        if 2 * len(rows) < len(lines):
            continue
        decimal = "," if delimiter != "," else "."
        columns = [_parsed(one, decimal) for one in zip(*rows, strict=True)]
        yield [one for one in columns if 3 * np.isfinite(one).sum() >= len(one)]


def _parsed(cells: tuple[str, ...], decimal: str) -> AnyArray:
    values = np.full(len(cells), np.nan)
    for row, cell in enumerate(cells):
        try:
            values[row] = float(cell.strip(' "\r').replace(decimal, "."))
        except ValueError:
            continue
    return values
