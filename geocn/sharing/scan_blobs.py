"""Texts and bytes that stand inside other texts and bytes: base64, hex, base85, strings."""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterator

import numpy as np

from geocn._typing import AnyArray

#: Runs this long are blocks of their own; shorter ones are decoded together.
BLOCK = 1_000
#: Letters from which on a run in bytes is taken for a text.
LONG = 24
_BASE64 = re.compile(r"(?:[A-Za-z0-9+/_-]{60,}\r?\n[ \t]*)+[A-Za-z0-9+/_-]*|[A-Za-z0-9+/_-]{12,}")
_HEX = re.compile(r"(?<![0-9a-fA-F])(?:[0-9a-fA-F]{2}){6,}(?![0-9a-fA-F])")
_URL_SAFE = str.maketrans("-_", "+/", " \t\r\n")
_B85 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%&()*+-;<=>?@^_`{|}~"
_A85 = "".join(chr(code) for code in range(33, 118))
_B85_RUN = re.compile("[" + re.escape(_B85) + "]{10,}")
_A85_RUN = re.compile("[!-u]{10,}")
_STRINGS = re.compile(
    rb"(?:[\x09\x0a\x0d\x20-\x7e]|[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}"
    rb"|[\xf0-\xf4][\x80-\xbf]{3}){4,}"
)
_LATIN = re.compile(rb"[A-Za-z\xc0-\xff][A-Za-z0-9\xc0-\xff '._-]{3,}")
_WIDE = {
    "utf-16-le": re.compile(rb"(?:[\x20-\xff][\x00-\x06\x20-\x22]){4,}"),
    "utf-16-be": re.compile(rb"(?:[\x00-\x06][\x20-\xff]){4,}"),
    "utf-32-le": re.compile(rb"(?:[\x20-\xff][\x00-\x06]\x00\x00){4,}"),
    "utf-32-be": re.compile(rb"(?:\x00\x00[\x00-\x06][\x20-\xff]){4,}"),
}
_POWERS = np.array([85**4, 85**3, 85**2, 85, 1], dtype=np.uint64)


def base64_runs(text: str) -> Iterator[tuple[int, int, str]]:
    """Yield start, end and letters of each stretch that may be base64, line breaks left out."""
    for match in _BASE64.finditer(text):
        yield match.start(), match.end(), match[0].translate(_URL_SAFE)


def from_base64(letters: str, skip: int = 0) -> bytes:
    """Decode base64 letters, the first ``skip`` left out; a last odd letter counts for nothing."""
    whole = letters[skip:]
    whole = whole[: len(whole) - (len(whole) % 4 == 1)]
    return binascii.a2b_base64(whole + "=" * (-len(whole) % 4))


def hex_runs(text: str) -> Iterator[bytes]:
    """Yield the bytes of each stretch that may be hexadecimal."""
    for match in _HEX.finditer(text):
        yield bytes.fromhex(match[0])


def base85_runs(text: str) -> Iterator[tuple[str, bytes]]:
    """Yield the bytes of stretches that may be base85 or Ascii85, long ones one by one."""
    for name, pattern, alphabet in (("base85", _B85_RUN, _B85), ("ascii85", _A85_RUN, _A85)):
        runs = pattern.findall(text)
        if name == "ascii85":
            runs = [run.removeprefix("<~").partition("~")[0] for run in runs]
        table = np.zeros(256, dtype=np.uint64)
        table[[ord(letter) for letter in alphabet]] = np.arange(85)
        short = [run for run in runs if len(run) < BLOCK]
        if short:
            padded = "".join(run + alphabet[84] * (-len(run) % 5) for run in short)
            yield name, _from_base85(padded, table)
        for run in runs:
            if len(run) >= BLOCK:
                padding = -len(run) % 5
                data = _from_base85(run + alphabet[84] * padding, table)
                yield name, data[: len(data) - padding]


def _from_base85(letters: str, table: AnyArray) -> bytes:
    digits = table[np.frombuffer(letters.encode("latin-1"), dtype=np.uint8)].reshape(-1, 5)
    return bytes((digits @ _POWERS).astype(">u4").tobytes())


def strings_in(data: bytes) -> Iterator[tuple[str, str, bool]]:
    """Yield the texts that stand in bytes: encoding, text, and whether it is long.

    Long runs are texts and worth decoding further; short ones are mostly chance.
    """
    plain = _STRINGS.findall(data)
    latin = [run for run in _LATIN.findall(data) if not run.isascii()]
    found = [("text", "utf-8", 1, plain), ("latin-1", "cp1252", 1, latin)]
    if b"\0" in data:
        found += [
            (name, name, int(name[4:6]) // 8, pattern.findall(data))
            for name, pattern in _WIDE.items()
        ]
    for name, encoding, width, runs in found:
        for long in (True, False):
            chosen = [run for run in runs if (len(run) >= LONG * width) == long]
            if chosen:
                text = "\n".encode(encoding).join(chosen).decode(encoding, "replace")
                yield name, text, long


def as_text(data: bytes) -> str | None:
    """Return bytes as text where they are one as a whole, None where they are not."""
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return data.decode(encoding, "replace")
    if b"\0" in data:
        return None
    sample = np.frombuffer(data, dtype=np.uint8)
    strange = int(((sample < 32) & ~np.isin(sample, (9, 10, 12, 13))).sum())
    if strange > 0.01 * len(data):
        return None
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        high = int((sample >= 128).sum())
        return data.decode("cp1252", "replace") if high < 0.3 * len(data) else None


_MARKS = (
    (b"\xef\xbb\xbf", "utf-8-sig"),
    (b"\xff\xfe\0\0", "utf-32"),
    (b"\0\0\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)


def looks_random(data: bytes) -> bool:
    """Say whether bytes have the entropy of something encrypted or packed."""
    if len(data) < 4_096:
        return False
    counts = np.bincount(np.frombuffer(data, dtype=np.uint8), minlength=256)
    share = counts[counts > 0] / len(data)
    return bool(-(share * np.log2(share)).sum() > 7.9)
