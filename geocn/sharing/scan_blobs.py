"""Texts and bytes that stand inside other texts and bytes: base64, hex, base85, strings."""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterator, Sequence

import numpy as np

from geocn._typing import AnyArray

#: Runs this long are blocks of their own; shorter ones are decoded together.
BLOCK = 1_000
_BASE64 = re.compile(r"(?:[A-Za-z0-9+/_-]{60,}\r?\n[ \t]*)+[A-Za-z0-9+/_-]*|[A-Za-z0-9+/_-]{12,}")
_HEX = re.compile(r"(?<![0-9a-fA-F])(?:[0-9a-fA-F]{2}){6,}(?![0-9a-fA-F])")
_URL_SAFE = str.maketrans("-_", "+/", " \t\r\n")
_B85 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%&()*+-;<=>?@^_`{|}~"
_A85 = "".join(chr(code) for code in range(33, 118))
_B85_RUN = re.compile("[" + re.escape(_B85) + "]{10,}")
_A85_RUN = re.compile("[!-u]{10,}")
#: Letters that fill up a group, and those of three line breaks.
_PADDING = ("", "", "AA", "A")
_BREAKS = "CgoK"
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


def from_short_base64(runs: Sequence[str], skip: int = 0) -> bytes:
    """Decode many stretches at once, the first ``skip`` letters of each left out.

    Zeros and three line breaks stand between what they held.
    """
    kept = [run[skip : len(run) - ((len(run) - skip) % 4 == 1)] for run in runs]
    whole = [run + _PADDING[len(run) % 4] for run in kept]
    return binascii.a2b_base64(_BREAKS.join(whole))


def hex_runs(text: str) -> list[str]:
    """Return each stretch that may be hexadecimal."""
    found: list[str] = _HEX.findall(text)
    return found


def base85_runs(text: str) -> Iterator[tuple[str, list[str]]]:
    """Yield the stretches that may be base85, and those that may be Ascii85."""
    yield "base85", _B85_RUN.findall(text)
    runs = _A85_RUN.findall(text)
    yield "ascii85", [run.removeprefix("<~").partition("~")[0] for run in runs]


def from_base85(name: str, runs: Sequence[str]) -> Iterator[bytes]:
    """Yield the bytes of stretches of base85 or Ascii85: of short ones together, then others."""
    alphabet = _B85 if name == "base85" else _A85
    table = np.zeros(256, dtype=np.uint64)
    table[[ord(letter) for letter in alphabet]] = np.arange(85)
    short = [run for run in runs if len(run) < BLOCK]
    if short:
        padded = "".join(run + alphabet[84] * (-len(run) % 5) for run in short)
        yield _from_base85(padded, table)
    for run in runs:
        if len(run) >= BLOCK:
            padding = -len(run) % 5
            data = _from_base85(run + alphabet[84] * padding, table)
            yield data[: len(data) - padding]


def _from_base85(letters: str, table: AnyArray) -> bytes:
    digits = table[np.frombuffer(letters.encode("latin-1"), dtype=np.uint8)].reshape(-1, 5)
    return bytes((digits @ _POWERS).astype(">u4").tobytes())


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
